//! Where a person was, kept from one start to the next. It holds nothing that decides: no arming, no dialog,
//! no word of one that was typed.

use serde::{Deserialize, Serialize};

use crate::{
    domain::Side,
    status::{Component, Scope},
};

use super::{
    event::Intent,
    gesture::Field,
    query::Query,
    screen::{Filter, Screen},
    state::App,
    table::Way,
};

/// Where a person was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bearings {
    /// The pane, by its word; a list by its component's.
    pub pane: String,
    /// The service in scope; `None`: all.
    pub service: Option<String>,
    /// Whether the second region's pane had the focus.
    pub second: bool,
    /// The filter in force; empty: none.
    pub filter: String,
    /// The column that the list is sorted by.
    pub sort: Option<String>,
    /// Whether the list runs backwards.
    pub reversed: bool,
    /// The run that was open.
    pub run: Option<String>,
    /// The theme that was asked for in the cockpit; `None`: none was.
    #[serde(default)]
    pub theme: Option<String>,
}

const PANES: [(&str, Screen); 7] = [
    ("home", Screen::Home),
    ("run", Screen::Run),
    ("journal", Screen::Journal),
    ("runs", Screen::Runs),
    ("events", Screen::Events),
    ("readiness", Screen::Readiness),
    ("vantage", Screen::Vantage),
];

impl App {
    /// Where the person is.
    pub fn bearings(&self) -> Bearings {
        let pane = match self.screen {
            Screen::Lists(component) | Screen::Detail(component) => component.key(),
            other => PANES.iter().find(|(_, screen)| *screen == other).map_or("home", |(word, _)| word),
        };
        let list = matches!(self.screen, Screen::Lists(_) | Screen::Events | Screen::Readiness);
        let filter = match &self.filter {
            // A mask stands for somebody else in the next process.
            Filter::On(field) if list && self.redaction.meant(field.trimmed()) == field.trimmed() => {
                field.trimmed().to_owned()
            }
            _ => String::new(),
        };
        let sort = self.sort.column.and_then(|at| self.columns()?.get(at)).filter(|_| list);
        Bearings {
            pane: pane.to_owned(),
            service: match self.scope {
                Scope::All => None,
                Scope::Service(index) => self.estate.services.get(index).map(|service| service.name.clone()),
            },
            second: self.side == Side::Secondary,
            filter,
            sort: sort.map(|column| column.key.to_owned()),
            reversed: list && self.sort.way == Way::Back,
            run: self.run.as_ref().filter(|run| !run.is_closed()).map(|run| run.view.run.clone()),
            theme: self.theme.clone(),
        }
    }

    /// Goes where the person was, as far as that is still there. A run is not gone on with: that is asked for.
    pub fn restore(&mut self, bearings: &Bearings) {
        let known =
            self.estate.services.iter().position(|service| Some(&service.name) == bearings.service.as_ref());
        self.rescope(known.map_or(Scope::All, Scope::Service));
        let component = Component::ALL.into_iter().find(|component| component.key() == bearings.pane);
        let pane = PANES.iter().find(|(word, _)| *word == bearings.pane).map(|(_, screen)| *screen);
        match (component, pane) {
            (Some(component), _) => self.descend(Screen::Lists(component)),
            // Neither has anything to show before a run is open here.
            (None, Some(Screen::Run | Screen::Journal)) => self.show(Screen::Runs),
            (None, Some(screen)) => self.show(screen),
            (None, None) => {}
        }
        self.side = if bearings.second { Side::Secondary } else { Side::Primary };
        if let Some(columns) = self.columns() {
            self.sort.column =
                bearings.sort.as_ref().and_then(|key| columns.iter().position(|column| column.key == *key));
            self.sort.way = if bearings.reversed { Way::Back } else { Way::Forth };
            if !bearings.filter.is_empty() && Query::parse(&bearings.filter, columns).is_ok() {
                let mut field = Field::default();
                bearings.filter.chars().for_each(|c| field.push(c));
                self.filter = Filter::On(field);
            }
        }
        let waits = bearings.run.as_ref().filter(|run| self.waiting_runs().any(|known| known.run == **run));
        match waits {
            Some(run) if self.screen == Screen::Runs => {
                self.stand_on_waiting(Some(run));
                let enter = self.key(Intent::Enter);
                self.say(format!("{run} was open here: {enter} goes on with it"));
            }
            Some(run) => {
                let (runs, enter) = (self.key(Intent::Runs), self.key(Intent::Enter));
                self.say(format!("{run} was open here: {runs} lists it, {enter} there goes on with it"));
            }
            None if self.screen != Screen::Home => {
                self.say(format!("this is where you left it; {} is home", self.key(Intent::Pane(1))));
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{
        Event, Intent, World,
        scene::{self, Weather, at},
    };

    fn press(app: &mut App, intents: &[Intent]) {
        let next = app.moment.terminal + 1_000;
        for (count, intent) in intents.iter().enumerate() {
            app.update(Event::Intent(*intent), at(next + 400 * count as u64));
        }
    }

    fn typed(text: &str) -> Vec<Intent> {
        text.chars().map(Intent::Type).collect()
    }

    #[test]
    fn a_person_comes_back_to_where_they_were() {
        let down = |count: usize| vec![Intent::Move(crate::app::Motion::Down); count];
        let filter = |text: &str| [vec![Intent::Filter], typed(text), vec![Intent::Enter]].concat();
        let ways: [(&str, Vec<Intent>); 8] = [
            ("home", vec![]),
            ("hosts", [down(2), vec![Intent::Enter, Intent::Next]].concat()),
            (
                "hosts",
                [
                    down(2),
                    vec![Intent::Enter],
                    filter("status!=available"),
                    vec![Intent::Sort, Intent::Reverse],
                ]
                .concat(),
            ),
            ("sessions", [down(3), vec![Intent::Enter, Intent::Enter]].concat()),
            ("events", [vec![Intent::Events], filter("WE")].concat()),
            ("readiness", vec![Intent::Pane(6), Intent::Sort]),
            ("vantage", vec![Intent::ScopeNext, Intent::Pane(7)]),
            ("runs", vec![Intent::Runs]),
        ];
        for (pane, way) in ways {
            let mut app = scene::app(World::Live, Weather::Calm);
            press(&mut app, &way);
            let bearings = app.bearings();
            assert_eq!(bearings.pane, pane);
            let text = serde_json::to_string(&bearings).unwrap();
            let mut next = scene::opened(World::Live);
            next.restore(&serde_json::from_str(&text).unwrap());
            assert_eq!(next.bearings(), bearings);
            assert_eq!(next.notice.is_some(), pane != "home");
            press(&mut next, &[Intent::Pane(1)]);
            assert_eq!(next.screen, Screen::Home);
        }
    }

    /// A run that was open when the process was killed is where the cursor stands, and its key is said.
    #[test]
    fn the_cursor_stands_on_the_run_that_was_open() {
        use crate::app::run::{RunOpen, RunPurpose, RunSummary};
        let run = |number: usize, open: RunOpen| RunSummary {
            run: format!("r-{number}"),
            runbook: "avd-pooled-failover".to_owned(),
            service: "hr".to_owned(),
            mode: "ungraceful".to_owned(),
            state: "held".to_owned(),
            purpose: RunPurpose::Real,
            open,
            opened: scene::noon(),
            took: None,
            debts: 0,
            trouble: None,
        };
        for (pane, ways) in
            [("run", vec![]), ("runs", vec![]), ("journal", vec![]), ("home", vec![Intent::Runs])]
        {
            let mut app = scene::opened(World::Live);
            app.runs = vec![
                run(4, RunOpen::Closed),
                run(3, RunOpen::Open),
                run(2, RunOpen::Open),
                run(1, RunOpen::Closed),
            ];
            let bearings = Bearings { pane: pane.to_owned(), run: Some("r-2".to_owned()), ..app.bearings() };
            app.restore(&bearings);
            let notice = app.notice.as_ref().map(|notice| notice.text.clone()).unwrap();
            let (enter, runs) = (app.key(Intent::Enter), app.key(Intent::Runs));
            let said = match pane {
                "home" => format!("r-2 was open here: {runs} lists it, {enter} there goes on with it"),
                _ => format!("r-2 was open here: {enter} goes on with it"),
            };
            assert_eq!(notice, said);
            app.settle();
            press(&mut app, &ways);
            app.settle();
            // The one that was open here; from elsewhere the newest that waits.
            let place = if pane == "home" { 1 } else { 2 };
            assert_eq!((app.screen, app.list.place(4)), (Screen::Runs, place), "{pane}");
        }
    }

    #[test]
    fn nothing_that_decides_is_kept() {
        let (mut app, _, _) = scene::running(scene::move_phase());
        press(&mut app, &[Intent::Arm]);
        press(&mut app, &typed("contoso-avd"));
        press(&mut app, &[Intent::Next, Intent::Enter]);
        assert!(app.arming.is_armed());
        press(&mut app, &[Intent::Note]);
        press(&mut app, &typed("a word nobody else reads"));
        let bearings = app.bearings();
        let text = serde_json::to_string(&bearings).unwrap();
        assert!(!text.contains("word") && !text.to_lowercase().contains("arm"), "{text}");
        assert!(bearings.run.is_some());
        let mut next = scene::app(World::Live, Weather::Calm);
        next.restore(&bearings);
        assert!(!next.arming.is_armed() && next.modals.is_empty() && next.run.is_none());
        // Somebody else's file goes nowhere either.
        let odd = Bearings {
            theme: None,
            pane: "rm -rf".to_owned(),
            service: Some("nobody".to_owned()),
            second: true,
            filter: "statsu=x".to_owned(),
            sort: Some("nothing".to_owned()),
            reversed: true,
            run: Some("r-0".to_owned()),
        };
        let mut next = scene::app(World::Live, Weather::Calm);
        next.restore(&odd);
        assert_eq!((next.screen, next.scope), (Screen::Home, Scope::All));
        let mut next = scene::app(World::Live, Weather::Calm);
        next.restore(&Bearings { pane: "hosts".to_owned(), ..odd });
        assert_eq!((next.filter, next.sort.column), (Filter::Off, None));
    }
}
