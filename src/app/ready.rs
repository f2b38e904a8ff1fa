//! The checks of readiness as a pane: service by service, the worst first, with what to do.

use crate::{
    domain::{estate::Estate, text::counted, time::Timestamp},
    readiness::{State, Verdict},
    status::CellState,
};

use super::{
    query::{Fit, Query},
    table::{Column, Field, Kind, Row, Sort, column},
};

/// The columns of the pane.
pub const COLUMNS: &[Column] = &[
    column("check", "check", Kind::Word, 5, 0),
    column("state", "state", Kind::Word, 8, 1),
    // With its mark.
    column("age", "age", Kind::Age, 5, 3),
    column("title", "title", Kind::Word, 20, 2),
    column("seen", "seen", Kind::Word, 20, 4),
    column("service", "of", Kind::Word, 0, 5),
];

/// The checks of one service.
#[derive(Debug, Clone, PartialEq)]
pub struct Group<'a> {
    /// Its name, and how its checks came out.
    pub head: String,
    /// The checks that are shown, worst first.
    pub checks: Vec<(Row, &'a Verdict)>,
}

/// The checks, grouped by service in the order of the estate file.
pub fn groups<'a>(
    estate: &Estate,
    verdicts: &'a [Verdict],
    query: &Query,
    sort: Sort,
    now: Timestamp,
) -> Vec<Group<'a>> {
    let mut services: Vec<usize> = verdicts.iter().map(|verdict| verdict.service).collect();
    services.dedup();
    services
        .into_iter()
        .map(|index| {
            let name = estate.services.get(index).map_or("?", |service| service.name.as_str());
            let own: Vec<&Verdict> = verdicts.iter().filter(|verdict| verdict.service == index).collect();
            let mut checks: Vec<(Row, &Verdict)> = own
                .iter()
                .map(|verdict| (row(verdict, name, now), *verdict))
                .filter(|(row, _)| query.fits(row) == Fit::Yes)
                .collect();
            // Stable: among equals the order of the catalog stands.
            match sort.column {
                Some(_) => checks.sort_by(|one, two| sort.order(&one.0, &two.0)),
                None => checks.sort_by(|one, two| sort.turned(two.1.state.cmp(&one.1.state))),
            }
            Group { head: head(name, &own), checks }
        })
        .collect()
}

fn head(name: &str, own: &[&Verdict]) -> String {
    let count = |state: State| own.iter().filter(|verdict| verdict.state == state).count();
    format!(
        "{name}: {} blocking, {} not known, {}, {} ok",
        count(State::Crit),
        count(State::Unknown),
        counted(count(State::Warn), "warning"),
        count(State::Ok)
    )
}

fn row(verdict: &Verdict, service: &str, now: Timestamp) -> Row {
    let age = |at| {
        let mut field = Field::age(now.duration_since(at));
        if verdict.old {
            field.text.push('!');
        }
        field
    };
    let fields = vec![
        Field::word(verdict.id),
        Field::word(word(verdict.state)),
        verdict.from.map_or_else(Field::none, age),
        Field::word(verdict.title),
        Field::word(verdict.observed.as_str()),
        Field::word(service),
    ];
    Row::new(cell(verdict.state), fields)
}

/// The word of a state on this screen.
fn word(state: State) -> &'static str {
    match state {
        State::Ok => "ok",
        State::Warn => "warning",
        State::Crit => "blocking",
        State::Unknown => "unknown",
        State::NotConfigured => "not set",
        State::NotInThisVersion => "not here",
    }
}

fn cell(state: State) -> CellState {
    match state {
        State::Ok => CellState::Ok,
        State::Warn => CellState::Warn,
        State::Crit => CellState::Crit,
        State::Unknown => CellState::Unknown,
        State::NotConfigured | State::NotInThisVersion => CellState::NotChecked,
    }
}

/// What to do about a check, in words.
pub fn advice(verdict: &Verdict) -> &str {
    match (verdict.state, verdict.next) {
        (State::Ok, _) => "nothing to do",
        (State::NotInThisVersion, _) => "check it by hand: this version does not",
        (_, "") => "look at the sources: what cannot be seen is never called right",
        (_, next) => next,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::scene::{self, noon};

    fn verdict(service: usize, id: &'static str, state: State) -> Verdict {
        Verdict {
            service,
            id,
            title: "a check",
            state,
            observed: "seen".to_owned(),
            expected: "",
            at: Some(noon()),
            from: Some(noon()),
            old: false,
            source: String::new(),
            complete: true,
            next: "do something",
        }
    }

    #[test]
    fn the_worst_of_each_service_comes_first_and_says_what_to_do() {
        let all = [
            verdict(0, "A-p1", State::Ok),
            verdict(0, "G5b", State::NotInThisVersion),
            verdict(0, "A-p4", State::Crit),
            verdict(0, "A-p3", State::Warn),
            verdict(1, "A-p1", State::Unknown),
        ];
        let said = |filter: &str| -> Vec<String> {
            let query = Query::parse(filter, COLUMNS).unwrap();
            let groups = groups(&scene::estate(), &all, &query, Sort::default(), noon());
            let ids = |group: &Group<'_>| {
                group.checks.iter().map(|(row, _)| row.name()).collect::<Vec<_>>().join(" ")
            };
            groups.iter().map(|group| format!("{} | {}", group.head, ids(group))).collect()
        };
        assert_eq!(
            said(""),
            [
                "hr: 1 blocking, 0 not known, 1 warning, 1 ok | A-p4 A-p3 A-p1 G5b",
                "fin: 0 blocking, 1 not known, 0 warnings, 0 ok | A-p1",
            ]
        );
        assert!(said("state=blocking")[0].ends_with("| A-p4"));
        assert_eq!(advice(&all[0]), "nothing to do");
        assert_eq!(advice(&all[1]), "check it by hand: this version does not");
        assert_eq!(advice(&all[2]), "do something");
    }
}
