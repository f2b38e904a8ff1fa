//! What a filter says: words that must stand in a row, and comparisons over its columns.

use std::{borrow::Cow, sync::Arc};

use crate::domain::{
    mask::Masks,
    time::{Span, Timestamp, parse_span},
};

use super::table::{Column, Kind, Row, Value, column};

/// What every list can be filtered by: its column of ages; where it has none, how long ago the answer was
/// in that a row is from.
const AGE: Column = column("age", "age", Kind::Age, 0, 0);

/// A filter, understood.
#[derive(Debug, Clone, Default)]
pub struct Query {
    clauses: Vec<Clause>,
    /// What is shown instead of names: what is typed may be a part of that.
    masks: Option<Arc<Masks>>,
    /// The moment that ages are told at.
    now: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq)]
enum Clause {
    /// The row has this text somewhere, lower case.
    Has(String),
    /// A column stands so to a value.
    Compares { what: What, how: How, against: Against },
}

/// What a comparison is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// A column, by its place.
    Column(usize),
    /// How old the answer is that a row is from.
    Answer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Is,
    IsNot,
    Above,
    AtLeast,
    Below,
    AtMost,
}

#[derive(Debug, Clone, PartialEq)]
enum Against {
    /// Lower case; `*` stands for anything.
    Word(String),
    Count(u64),
    Age(Span),
}

/// Whether a row fits a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// What is asked for is not known of it.
    Unknown,
}

/// The signs, longest first.
const SIGNS: [(&str, How); 6] = [
    ("!=", How::IsNot),
    (">=", How::AtLeast),
    ("<=", How::AtMost),
    ("=", How::Is),
    (">", How::Above),
    ("<", How::Below),
];

impl Query {
    /// Reads a filter over `columns`. An error is one line that names what would be right. What is
    /// still being typed (`status!`, `age>`) asks for nothing yet.
    pub fn parse(text: &str, columns: &[Column]) -> Result<Self, String> {
        let mut clauses = Vec::new();
        for word in words(text) {
            clauses.extend(clause(&word, columns)?);
        }
        Ok(Self { clauses, ..Self::default() })
    }

    /// The same over rows that are shown masked.
    #[must_use]
    pub fn through(self, masks: Option<Arc<Masks>>) -> Self {
        Self { masks, ..self }
    }

    /// The same at a moment: ages grow.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Self {
        Self { now: Some(now), ..self }
    }

    /// Whether it asks for nothing.
    pub fn is_empty(&self) -> bool {
        self.clauses.is_empty()
    }

    /// Whether what it lets through changes while time passes.
    pub fn ages(&self) -> bool {
        let is_age = |clause: &Clause| match clause {
            Clause::Has(_) => false,
            Clause::Compares { against, .. } => matches!(against, Against::Age(_)),
        };
        self.clauses.iter().any(is_age)
    }

    /// Whether `row` is shown.
    pub fn fits(&self, row: &Row) -> Fit {
        let mut fit = Fit::Yes;
        for clause in &self.clauses {
            match clause.fits(row, self) {
                Fit::No => return Fit::No,
                Fit::Unknown => fit = Fit::Unknown,
                Fit::Yes => {}
            }
        }
        fit
    }
}

/// A word, and whether it began with a quotation mark: then it is never a comparison.
struct Word {
    text: String,
    quoted: bool,
}

/// Splits at blanks; between quotation marks blanks stay.
fn words(text: &str) -> Vec<Word> {
    let mut all: Vec<Word> = Vec::new();
    let (mut inside, mut open) = (false, false);
    for c in text.chars() {
        match c {
            '"' => {
                if !open {
                    all.push(Word { text: String::new(), quoted: true });
                }
                (inside, open) = (!inside, true);
            }
            c if c.is_whitespace() && !inside => open = false,
            c => {
                if !open {
                    all.push(Word { text: String::new(), quoted: false });
                    open = true;
                }
                if let Some(word) = all.last_mut() {
                    word.text.push(c);
                }
            }
        }
    }
    all.retain(|word| !word.text.is_empty());
    all
}

fn clause(word: &Word, columns: &[Column]) -> Result<Option<Clause>, String> {
    let lower = word.text.to_lowercase();
    let sign = lower.find(['!', '=', '>', '<']).filter(|_| !word.quoted);
    let Some(at) = sign else { return Ok(Some(Clause::Has(lower))) };
    let (name, rest) = lower.split_at(at);
    let Some((sign, how)) = SIGNS.iter().find(|(sign, _)| rest.starts_with(sign)) else {
        // `status!` on its way to `status!=`; elsewhere an exclamation mark is text.
        let known = columns.iter().any(|column| column.key == name || column.head == name);
        return Ok((!known || rest != "!").then_some(Clause::Has(lower)));
    };
    if name.is_empty() {
        return Err(format!("a column must stand before {sign}: {}", names(columns)));
    }
    let what = find(name, columns)?;
    let value = &rest[sign.len()..];
    if value.is_empty() {
        return Ok(None);
    }
    let column = match what {
        What::Column(at) => &columns[at],
        What::Answer => &AGE,
    };
    let against = against(column, sign, *how, value)?;
    Ok(Some(Clause::Compares { what, how: *how, against }))
}

/// The column called `name`, or which one was meant.
fn find(name: &str, columns: &[Column]) -> Result<What, String> {
    let exact = |column: &Column| column.key == name || column.head == name;
    if let Some(at) = columns.iter().position(exact) {
        return Ok(What::Column(at));
    }
    if name == AGE.key {
        let aged = columns.iter().position(|column| column.kind == Kind::Age);
        return Ok(aged.map_or(What::Answer, What::Column));
    }
    let near = columns
        .iter()
        .chain([&AGE])
        .map(|column| {
            let far = strsim::damerau_levenshtein(name, column.key);
            (far.min(strsim::damerau_levenshtein(name, column.head)), column.key, column.head)
        })
        .min();
    match near {
        // Its head may be shorter: that is what stands on the screen.
        Some((far, key, head)) if far <= 3 => {
            let shown = if head == key { String::new() } else { format!(", on screen `{head}`") };
            Err(format!("no column `{name}`; nearest is `{key}`{shown}"))
        }
        _ => Err(format!("no column `{name}`; there are {}", names(columns))),
    }
}

fn names(columns: &[Column]) -> String {
    let own = columns.iter().map(|column| column.key);
    let age = Some(AGE.key).filter(|key| columns.iter().all(|column| column.key != *key));
    own.chain(age).collect::<Vec<_>>().join(", ")
}

fn against(column: &Column, sign: &str, how: How, value: &str) -> Result<Against, String> {
    let key = column.key;
    // `age=?` finds what is not known.
    if value == "?" && matches!(how, How::Is | How::IsNot) {
        return Ok(Against::Word(value.to_owned()));
    }
    match column.kind {
        Kind::Word if !matches!(how, How::Is | How::IsNot) => {
            Err(format!("{key} holds words: use = or !=, not {sign}"))
        }
        Kind::Word => Ok(Against::Word(value.to_owned())),
        Kind::Count => {
            value.parse().map(Against::Count).map_err(|_| format!("{key} is a number; `{value}` is none"))
        }
        Kind::Age => parse_span(value)
            .map(Against::Age)
            .ok_or_else(|| format!("{key} is a time such as 90s, 5m, 2h, 1d; `{value}` is none")),
    }
}

impl Clause {
    fn fits(&self, row: &Row, query: &Query) -> Fit {
        let (fields, masks) = (&row.fields, query.masks.as_deref());
        let shown = |own: &str| masks.map_or(Cow::Borrowed(own), |masks| masks.mask(own)).to_lowercase();
        let known = |fits: bool| if fits { Fit::Yes } else { Fit::No };
        match self {
            Self::Has(text) => known(fields.iter().any(|field| {
                let has = |own: &str| own.to_lowercase().contains(text) || shown(own).contains(text);
                has(&field.text) || [&field.full, &field.id].into_iter().flatten().any(|own| has(own))
            })),
            Self::Compares { what, how, against } => {
                let field = match what {
                    What::Column(at) => fields.get(*at),
                    What::Answer => None,
                };
                let (value, field) = match (what, field) {
                    (What::Answer, _) => {
                        let age = query.now.zip(row.seen).map(|(now, seen)| now.duration_since(seen));
                        (age.map_or(Value::Unknown, Value::Age), None)
                    }
                    (What::Column(_), Some(field)) => (field.value, Some(field)),
                    (What::Column(_), None) => return Fit::Unknown,
                };
                match (value, against) {
                    (own, Against::Word(value)) if value == "?" => {
                        known((own == Value::Unknown) == (*how == How::Is))
                    }
                    (Value::Count(own), Against::Count(value)) => known(how.holds(&own, value)),
                    (Value::Age(own), Against::Age(value)) => known(how.holds(&own, value)),
                    (Value::Word, Against::Word(value)) => {
                        let all = field.map(|field| [field.text.as_str(), field.long(), field.whole()]);
                        let is = all
                            .into_iter()
                            .flatten()
                            .any(|own| matches(&own.to_lowercase(), value) || matches(&shown(own), value));
                        known(is == (*how == How::Is))
                    }
                    _ => Fit::Unknown,
                }
            }
        }
    }
}

impl How {
    fn holds<T: PartialOrd>(self, own: &T, value: &T) -> bool {
        match self {
            Self::Is => own == value,
            Self::IsNot => own != value,
            Self::Above => own > value,
            Self::AtLeast => own >= value,
            Self::Below => own < value,
            Self::AtMost => own <= value,
        }
    }
}

/// Whether `own` is `pattern`, in which `*` stands for anything.
fn matches(own: &str, pattern: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return own == pattern };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(mut left) = own.strip_prefix(first).and_then(|left| left.strip_suffix(last)) else {
        return false;
    };
    middle.split('*').all(|part| match left.split_once(part) {
        Some((_, behind)) => {
            left = behind;
            true
        }
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::table::{Field, column},
        status::CellState,
    };

    const COLUMNS: [Column; 4] = [
        column("host", "host", Kind::Word, 10, 0),
        column("status", "status", Kind::Word, 9, 1),
        column("age", "hb", Kind::Age, 3, 2),
        column("sessions", "ses", Kind::Count, 3, 3),
    ];

    fn rows() -> Vec<Row> {
        let row = |name: &str, status: &str, age: Field, sessions: Field| {
            Row::new(CellState::Ok, vec![Field::word(name), Field::word(status), age, sessions])
        };
        let secs = |count| Field::age(Span::from_secs(count));
        vec![
            row("sh-01", "Available", secs(20), Field::count(12)),
            row("sh-02", "NoHeartbeat", secs(720), Field::count(3)),
            row("sh-03", "Available", Field::unknown(), Field::unknown()),
        ]
    }

    #[test]
    fn a_filter_compares_by_type() {
        let check = |text: &str, expected: &str| {
            let query = Query::parse(text, &COLUMNS).unwrap();
            let found: String = rows()
                .iter()
                .map(|row| match query.fits(row) {
                    Fit::Yes => 'y',
                    Fit::No => '.',
                    Fit::Unknown => '?',
                })
                .collect();
            assert_eq!(found, expected, "{text}");
        };
        check("", "yyy");
        check("status!=available", ".y.");
        check("STATUS=Available", "y.y");
        check("status=no*", ".y.");
        check("host=*-03", "..y");
        check("host=*h-0*", "yyy");
        check("host=s*-*2", ".y.");
        check("host=sh-*-*1", "...");
        check("host=sh-0**", "yyy");
        check("host=*", "yyy");
        check("status!=*a*", "...");
        check("status!=*v*", ".y.");
        check("sessions>10", "y.?");
        check("ses<=3", ".y?");
        check("age>5m", ".y?");
        check("hb<90s", "y.?");
        check("age=?", "..y");
        check("sessions!=?", "yy.");
        check("status=?", "...");
        check("heart", ".y.");
        check("avail sh-03", "..y");
        check("avail sessions>=12", "y.?");
        check("sessions!=3 status=available", "y.?");
        check("sh-02 sessions>10", "...");
        check("\"status=\"", "...");
        // Still being typed.
        check("status!", "yyy");
        check("age>", "yyy");
    }

    #[test]
    fn what_is_shown_masked_is_found_by_its_mask_whole_or_in_part() {
        let masks = Arc::new(Masks::default());
        let people = ["kim@contoso.example", "lee@contoso.example", "ann"];
        masks.know("ann");
        let row = |name: &&str| Row::new(CellState::Ok, vec![Field::word(*name)]);
        let rows: Vec<Row> = people.iter().map(row).collect();
        // The first is given its mask before the second: ann is known already.
        for name in people {
            assert_ne!(masks.mask(name), name);
        }
        let columns = [column("user", "user", Kind::Word, 10, 0)];
        for (text, expected) in [
            ("user=user-0*", "yyy"),
            ("user!=user-0*", "..."),
            ("user=user-02", "y.."),
            ("user=*-03", ".y."),
            ("user=*-0*", "yyy"),
            ("user-0", "yyy"),
            ("user=user-1*", "..."),
            ("user=kim*", "y.."),
        ] {
            let query = Query::parse(text, &columns).unwrap().through(Some(masks.clone()));
            let found: String =
                rows.iter().map(|row| if query.fits(row) == Fit::Yes { 'y' } else { '.' }).collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn a_mistake_is_said_with_what_would_be_right() {
        let check = |text: &str, expected: &str| {
            let said = Query::parse(text, &COLUMNS).unwrap_err();
            assert_eq!(said, expected, "{text}");
        };
        check("statsu=x", "no column `statsu`; nearest is `status`");
        check("zzzzzz=1", "no column `zzzzzz`; there are host, status, age, sessions");
        check("sessions>ten", "sessions is a number; `ten` is none");
        check("age>5", "age is a time such as 90s, 5m, 2h, 1d; `5` is none");
        check("status>available", "status holds words: use = or !=, not >");
        check(">5", "a column must stand before >: host, status, age, sessions");
        check("ok sesions<5", "no column `sesions`; nearest is `sessions`, on screen `ses`");
    }
}
