//! Rows and columns of a list, before anybody draws them.

use std::{borrow::Cow, cmp::Ordering};

use unicode_width::UnicodeWidthStr;

use crate::{
    domain::{
        Source,
        time::{Span, Timestamp, age_text},
    },
    status::CellState,
};

/// A column of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name in a filter.
    pub key: &'static str,
    /// Its head on screen, and a second name in a filter.
    pub head: &'static str,
    /// What it can be compared with.
    pub kind: Kind,
    /// Columns of the screen it takes at least.
    pub width: u16,
    /// Which goes first where there is no room: the highest number.
    pub rank: u8,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Words.
    Word,
    /// A number.
    Count,
    /// A span of time.
    Age,
}

/// Makes a column.
pub const fn column(key: &'static str, head: &'static str, kind: Kind, width: u16, rank: u8) -> Column {
    Column { key, head, kind, width, rank }
}

/// What stands in one column of one row.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// As short as it can be said.
    pub text: String,
    /// In full, where that is longer.
    pub full: Option<String>,
    /// The id that it is the beginning of: masked, filtered and copied is the whole of it.
    pub id: Option<String>,
    /// What it is compared by.
    pub value: Value,
    /// Since when, where it is an age that grows.
    pub since: Option<Timestamp>,
}

/// What a field is compared by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// By its words.
    Word,
    /// By a number.
    Count(u64),
    /// By a span.
    Age(Span),
    /// Nobody knows it.
    Unknown,
}

impl Field {
    /// Words.
    pub fn word(text: impl Into<String>) -> Self {
        Self { text: text.into(), full: None, id: None, since: None, value: Value::Word }
    }

    /// Words with a short form.
    pub fn short(text: impl Into<String>, full: impl Into<String>) -> Self {
        Self { text: text.into(), full: Some(full.into()), id: None, since: None, value: Value::Word }
    }

    /// An id, of which a list has room for the beginning.
    pub fn id(id: &str) -> Self {
        Self { id: Some(id.to_owned()), ..Self::word(id.get(..8).unwrap_or(id)) }
    }

    /// A number.
    pub fn count(count: u64) -> Self {
        Self { text: count.to_string(), full: None, id: None, since: None, value: Value::Count(count) }
    }

    /// A span of time.
    pub fn age(span: Span) -> Self {
        Self { text: age_text(span), full: None, id: None, since: None, value: Value::Age(span) }
    }

    /// The span since `at`, as it is at `now`; [`Row::at`] tells it anew.
    pub fn since(at: Timestamp, now: Timestamp) -> Self {
        Self { since: Some(at), ..Self::age(now.duration_since(at)) }
    }

    /// Something nobody knows.
    pub fn unknown() -> Self {
        Self { text: "?".to_owned(), full: None, id: None, since: None, value: Value::Unknown }
    }

    /// Something there is none of: neither known nor missing.
    pub fn none() -> Self {
        Self { text: "-".to_owned(), full: None, id: None, since: None, value: Value::Unknown }
    }

    /// In full.
    pub fn long(&self) -> &str {
        self.full.as_deref().unwrap_or(&self.text)
    }

    /// Everything that it stands for.
    pub fn whole(&self) -> &str {
        self.id.as_deref().unwrap_or_else(|| self.long())
    }

    fn order(&self, other: &Self) -> Ordering {
        match (self.value, other.value) {
            (Value::Count(one), Value::Count(two)) => one.cmp(&two),
            (Value::Age(one), Value::Age(two)) => one.cmp(&two),
            (Value::Word, Value::Word) => self.whole().cmp(other.whole()),
            // What is not known stands last, whichever way the list runs.
            (one, two) => (one == Value::Unknown).cmp(&(two == Value::Unknown)),
        }
    }
}

/// What a row is about: where it was read, and its key there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Where it was read.
    pub source: Source,
    /// Its id there, lower case.
    pub key: String,
}

/// One object of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// How it stands.
    pub state: CellState,
    /// One field a column.
    pub fields: Vec<Field>,
    /// What it is about; `None`: nothing that can be opened.
    pub object: Option<Object>,
    /// What it shares with its twin on the other side.
    pub link: Option<String>,
    /// When the answer was in that tells of it, where no column has an age of its own.
    pub seen: Option<Timestamp>,
}

impl Row {
    /// A row about nothing that can be opened.
    pub fn new(state: CellState, fields: Vec<Field>) -> Self {
        Self { state, fields, object: None, link: None, seen: None }
    }

    /// The same with its ages as they are at `now`: rows are kept while time passes.
    pub fn at(&self, now: Timestamp) -> Cow<'_, Self> {
        if self.fields.iter().all(|field| field.since.is_none()) {
            return Cow::Borrowed(self);
        }
        let mut row = self.clone();
        for field in &mut row.fields {
            if let Some(at) = field.since {
                *field = Field::since(at, now);
            }
        }
        Cow::Owned(row)
    }

    /// Its name: the first field, of an id the whole.
    pub fn name(&self) -> &str {
        self.fields.first().map_or("", |field| field.id.as_deref().unwrap_or(&field.text))
    }

    /// The whole row in words.
    pub fn words(&self) -> String {
        let fields: Vec<&str> =
            self.fields.iter().map(Field::whole).filter(|text| !text.is_empty()).collect();
        fields.join(" ")
    }
}

/// Longest field that asks for room: a list is no page.
const LONGEST: usize = 200;

/// Columns of the screen that the longest field of each of `count` columns takes.
pub fn longest<'r>(count: usize, rows: impl Iterator<Item = &'r Row>) -> Vec<u16> {
    let mut longest = vec![0_u16; count];
    for row in rows {
        for (longest, field) in longest.iter_mut().zip(&row.fields) {
            *longest = (*longest).max(field.long().width().min(LONGEST) as u16);
        }
    }
    longest
}

/// In which order a list stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sort {
    /// By which column; `None`: the list's own order.
    pub column: Option<usize>,
    /// Which way.
    pub way: Way,
}

/// Which way a list runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Way {
    /// As it is.
    #[default]
    Forth,
    /// The other way round.
    Back,
}

impl Sort {
    /// By the next column, after the last by none.
    pub fn next(&mut self, columns: &[Column]) {
        let next = self.column.map_or(0, |at| at + 1);
        *self = Self { column: (next < columns.len()).then_some(next), way: Way::Forth };
    }

    /// The other way round.
    pub fn reverse(&mut self) {
        self.way = match self.way {
            Way::Forth => Way::Back,
            Way::Back => Way::Forth,
        };
    }

    /// How two rows stand to each other; the list's own order is worst first, then by name.
    pub fn order(self, one: &Row, two: &Row) -> Ordering {
        let own = || two.state.cmp(&one.state).then_with(|| one.name().cmp(two.name()));
        let Some((first, second)) =
            self.column.and_then(|at| Some((one.fields.get(at)?, two.fields.get(at)?)))
        else {
            return self.turned(own());
        };
        let known = |field: &Field| field.value != Value::Unknown;
        let order = first.order(second);
        let order = if known(first) && known(second) { self.turned(order) } else { order };
        order.then_with(own)
    }

    /// An order run this list's way.
    pub fn turned(self, order: Ordering) -> Ordering {
        if self.way == Way::Back { order.reverse() } else { order }
    }

    /// In words; empty where the list stands in its own order.
    pub fn words(self, columns: &[Column]) -> String {
        let back = if self.way == Way::Back { ", reversed" } else { "" };
        match self.column.and_then(|at| columns.get(at)) {
            Some(column) => format!("by {}{back}", column.key),
            None if self.way == Way::Back => "reversed".to_owned(),
            None => String::new(),
        }
    }
}

/// A name is shown in full up to this width before a column of lower rank is shown at all.
const NAME: u16 = 12;

/// How wide each column is drawn in `room`; 0: not at all. The last rank goes first; what is left
/// over widens the columns from the left, each up to its longest text.
pub fn widths(columns: &[Column], longest: &[u16], room: u16) -> Vec<u16> {
    let mut widths: Vec<u16> = columns.iter().map(|column| column.width).collect();
    if let (Some(first), Some(wants)) = (widths.first_mut(), longest.first()) {
        *first = (*wants).min(NAME).max(*first);
    }
    let taken = |widths: &[u16]| -> u16 {
        let shown = widths.iter().filter(|width| **width > 0);
        shown.map(|width| width + 1).sum::<u16>().saturating_sub(1)
    };
    while taken(&widths) > room {
        let shown = (1..columns.len()).filter(|at| widths[*at] > 0);
        if let Some(at) = shown.max_by_key(|at| columns[*at].rank) {
            widths[at] = 0;
        } else {
            widths.iter_mut().take(1).for_each(|first| *first = room);
            break;
        }
    }
    for at in 0..widths.len() {
        if widths[at] > 0 {
            let spare = room.saturating_sub(taken(&widths));
            let wants = longest.get(at).copied().unwrap_or(0).saturating_sub(widths[at]);
            widths[at] += wants.min(spare);
        }
    }
    widths
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::{ready, rows},
        status::Component,
    };

    const COLUMNS: [Column; 3] = [
        column("host", "host", Kind::Word, 10, 0),
        column("beat", "hb", Kind::Age, 3, 1),
        column("sessions", "ses", Kind::Count, 3, 2),
    ];

    fn row(state: CellState, name: &str, beat: Option<i64>, sessions: u64) -> Row {
        let beat = beat.map_or_else(Field::unknown, |secs| Field::age(Span::from_secs(secs)));
        Row::new(state, vec![Field::word(name), beat, Field::count(sessions)])
    }

    #[test]
    fn columns_go_by_rank_and_widen_from_the_left() {
        let check = |room: u16, longest: &[u16], expected: &[u16]| {
            assert_eq!(widths(&COLUMNS, longest, room), expected, "{room}");
        };
        check(18, &[10, 3, 3], &[10, 3, 3]);
        check(17, &[10, 3, 3], &[10, 3, 0]);
        check(12, &[10, 3, 3], &[10, 0, 0]);
        check(7, &[10, 3, 3], &[7, 0, 0]);
        check(0, &[10, 3, 3], &[0, 0, 0]);
        check(40, &[14, 3, 5], &[14, 3, 5]);
        check(20, &[14, 3, 5], &[12, 3, 3]);
        check(19, &[14, 3, 5], &[14, 3, 0]);
    }

    /// Rows stand while their ages grow, to four columns (`1h40`).
    #[test]
    fn an_age_is_never_cut_in_any_list_at_any_width() {
        let ages =
            [0, 119, 5_999, 6_000, 35_999, 172_799, 172_800, 86_400 * 999].map(Span::from_secs).map(age_text);
        let lists = Component::ALL.map(rows::columns).into_iter().chain([ready::COLUMNS]);
        for columns in lists {
            for (room, longest) in (0..120).flat_map(|room| [0, 2, 3, 5].map(|longest| (room, longest))) {
                let widths = widths(columns, &vec![longest; columns.len()], room);
                let drawn =
                    columns.iter().zip(&widths).filter(|(one, width)| one.kind == Kind::Age && **width > 0);
                for (column, width) in drawn {
                    let width = usize::from(*width);
                    assert!(
                        ages.iter().all(|age| age.width() <= width),
                        "{} {room} {longest}: {width}",
                        column.key
                    );
                }
            }
        }
    }

    #[test]
    fn what_is_not_known_stands_last_whichever_way_the_list_runs() {
        let rows = [
            row(CellState::Ok, "a", Some(20), 9),
            row(CellState::Crit, "b", None, 10),
            row(CellState::Warn, "c", Some(700), 0),
        ];
        let check = |column: Option<usize>, way: Way, expected: &str| {
            let mut rows = rows.to_vec();
            rows.sort_by(|one, two| Sort { column, way }.order(one, two));
            let names: String = rows.iter().map(Row::name).collect();
            assert_eq!(names, expected, "{column:?} {way:?}");
        };
        check(None, Way::Forth, "bca");
        check(None, Way::Back, "acb");
        check(Some(0), Way::Back, "cba");
        check(Some(1), Way::Forth, "acb");
        check(Some(1), Way::Back, "cab");
        check(Some(2), Way::Forth, "cab");
    }

    #[test]
    fn the_sort_key_goes_through_the_columns_and_back() {
        let mut sort = Sort::default();
        let mut said = Vec::new();
        for _ in 0..4 {
            sort.next(&COLUMNS);
            said.push(sort.words(&COLUMNS));
        }
        assert_eq!(said, ["by host", "by beat", "by sessions", ""]);
        sort.reverse();
        assert_eq!(sort.words(&COLUMNS), "reversed");
    }
}
