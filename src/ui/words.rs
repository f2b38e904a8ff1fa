//! What is said shorter on the screens, and what it stands for: the help explains it below the keys.

/// The words, as they stand on the screens.
pub(super) const WORDS: [(&str, &str); 45] = [
    ("ok ! x", "as it should be; wants attention; users cannot work"),
    ("?", "not known, or nobody has looked"),
    ("-", "nothing there to judge: off, skipped, or none"),
    ("nc", "not configured: the estate file names none"),
    ("4s 12m!", "age of what was seen; with ! too old to be trusted"),
    ("20s?", "age of the last answer: the look after it brought none"),
    ("last", "what was last seen, too long ago to be called what is"),
    ("3/20", "3 of 20"),
    ("sil", "silent: hosts that are on, without heartbeat for 5 min"),
    ("boot", "hosts on their way up: no heartbeat is due yet"),
    ("c", "cold: hosts whose machine is off"),
    ("bad", "hosts that report and fail a health check"),
    ("dr", "drained: hosts that take no new sessions"),
    ("ours", "drained by the run that is shown"),
    ("hb", "heartbeat of a host; in a list how long ago it was"),
    ("180+19", "sessions in use and disconnected"),
    ("48+254?", "sessions, and sessions on silent hosts: nobody can prove them"),
    ("disc", "disconnected sessions"),
    ("44%, 147%", "users there is room for: now, and with all hosts started"),
    ("DCs", "directory servers"),
    ("svc", "Azure services that an event names"),
    ("ZRS GZRS", "Azure's words for how an account is copied"),
    ("(global)", "told by an endpoint that answers for no one region"),
    ("(metadata)", "told by the service's own store, which a dead region keeps"),
    ("silent 3x", "3 requests in a row were not answered"),
    ("signs 1, 2", "signs of death by their numbers: the vantage lists them"),
    ("T+ RTO", "time since the impact; time left to be back"),
    ("tok", "minutes left of the token"),
    ("u", "before a step of a run: it takes another one back, or is being undone"),
    ("12 stand", "of a step whose turn comes again: what it did stands, by an earlier turn"),
    ("Avail", "Azure's Available, of a host"),
    ("Unavail", "Azure's Unavailable, of a host"),
    ("NoBeat", "Azure's NoHeartbeat: the host does not report"),
    ("Shut", "Azure's Shutdown, of a host"),
    ("Assist", "Azure's NeedsAssistance, of a host"),
    ("Discon", "Azure's Disconnected, of a session; Discon? when it was last told"),
    ("up stp", "power of a machine: starting; stopped, and still paid for"),
    ("y n", "yes, no"),
    ("in", "whether a host takes new sessions"),
    ("ses", "sessions on a host"),
    ("pow on off", "power of its machine"),
    ("of", "the service it belongs to"),
    ("open", "how long a session has been open"),
    ("since", "how long ago Azure posted an event"),
    ("ms", "milliseconds until the answer"),
];

/// Those that a filter finds: by the word itself, or by a part of what it stands for.
pub(super) fn found(sought: &str) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    let sought = sought.to_lowercase();
    WORDS.iter().filter(move |(word, text)| {
        let own = word.to_lowercase().split(' ').any(|part| part == sought);
        sought.is_empty() || (sought.len() > 1 && (own || text.contains(&sought)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::{
            App, Event, Intent, Motion, World, rows,
            scene::{self, Weather, at},
            screen::Screen,
        },
        domain::{Answer, Side, compute::Power, pool::HostStatus},
        status::Component,
        ui::{Glyphs, ages::CONDITIONS, conditions::each, shots::shot},
    };

    /// Other words, not shorter ones.
    const WHOLE: [&str; 10] =
        ["none", "not", "yet", "silent", "counted", "whole", "down", "last", "free", "event"];

    fn is_explained(word: &str) -> bool {
        WORDS.iter().any(|(known, _)| known.split([' ', ',']).any(|part| part == word))
    }

    /// Two states are never told by one mark, and each mark is explained.
    #[test]
    fn every_state_has_a_mark_of_its_own() {
        use crate::status::CellState::{Crit, NotChecked, NotConfigured, Ok, Unknown, Warn};
        let marks = [NotConfigured, Ok, Warn, NotChecked, Unknown, Crit].map(crate::status::CellState::mark);
        let each: std::collections::BTreeSet<&str> = marks.into();
        assert_eq!(each.len(), marks.len(), "{marks:?}");
        assert!(marks.iter().all(|mark| is_explained(mark) && mark.len() <= 2), "{marks:?}");
    }

    fn letters(text: &str) -> Vec<&str> {
        text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).collect()
    }

    /// Hosts in every status, machines in every state of power, sessions in both states.
    fn statuses() -> App {
        let mut app = scene::app(World::Live, Weather::Calm);
        let all = [
            HostStatus::Available,
            HostStatus::NeedsAssistance,
            HostStatus::Shutdown,
            HostStatus::Unavailable,
            HostStatus::NoHeartbeat,
        ];
        let powers =
            [Power::Starting, Power::Running, Power::Stopped, Power::Deallocating, Power::Deallocated];
        for mut seen in scene::readings(Weather::Calm) {
            match seen.outcome.as_mut() {
                Ok(Answer::Hosts(hosts)) => {
                    *hosts = each(hosts, |number, host| {
                        host.status = all[number % all.len()].clone();
                        host.accepts = Some(number % 2 == 0);
                    });
                }
                Ok(Answer::Machines(machines)) => {
                    *machines =
                        each(machines, |number, one| one.power = Some(powers[number % powers.len()].clone()));
                }
                _ => continue,
            }
            app.update(Event::Observed(seen), at(0));
        }
        app.settle();
        app
    }

    /// What a narrow cell says otherwise than the wide one, and what a head says otherwise than the filter.
    #[test]
    fn whatever_is_said_shorter_is_explained() {
        let (mut seen, mut bare) = (0, Vec::new());
        for (name, make) in CONDITIONS {
            let app = make();
            for cell in app.summary.rows.iter().flat_map(|row| Side::BOTH.map(|side| &row.cells[side])) {
                let long = letters(&cell.text);
                for word in letters(&cell.short_text).into_iter().filter(|word| !long.contains(word)) {
                    seen += 1;
                    if !is_explained(word) && !WHOLE.contains(&word) {
                        bare.push(format!("{name}: `{word}` of `{}`", cell.text));
                    }
                }
            }
        }
        for (name, mut app) in
            CONDITIONS.iter().map(|(name, make)| (*name, make())).chain([("words", statuses())])
        {
            for component in Component::ALL {
                app.screen = Screen::Lists(component);
                let lists = app.lists().unwrap();
                let rows = lists.lines.iter().flat_map(|line| [&line.primary, &line.secondary]).flatten();
                for field in rows.flat_map(|row| &row.fields) {
                    let long = letters(field.long());
                    for word in letters(&field.text).into_iter().filter(|word| !long.contains(word)) {
                        seen += 1;
                        if !is_explained(word) && !WHOLE.contains(&word) {
                            bare.push(format!("{name}: `{word}` of `{}`", field.long()));
                        }
                    }
                }
            }
        }
        bare.sort();
        bare.dedup();
        for column in Component::ALL.iter().flat_map(|component| rows::columns(*component)) {
            let short = column.head != column.key;
            assert!(!short || is_explained(column.head), "{}: {}", column.key, column.head);
            seen += usize::from(short);
        }
        assert!(bare.is_empty(), "{bare:#?}");
        assert!(seen > 10, "{seen}");
    }

    #[test]
    fn the_help_explains_them_below_the_keys_and_says_how_to_page() {
        for size in [(60, 20), (80, 24)] {
            let mut app = (CONDITIONS[1].1)();
            app.update(Event::Intent(Intent::Help), at(1_000));
            let first = shot(&mut app, size, Glyphs::Box);
            assert!(first.contains("pgdn: more"), "{first}");
            let mut all = first;
            for page in 0..12 {
                app.update(Event::Intent(Intent::Move(Motion::PageDown)), at(2_000 + page));
                all.push_str(&shot(&mut app, size, Glyphs::Box));
            }
            for (word, text) in WORDS {
                let begin: String = text.chars().take(30).collect();
                assert!(all.contains(&format!("{word:<11}{begin}")), "{size:?} {word}: {all}");
            }
        }
    }
}
