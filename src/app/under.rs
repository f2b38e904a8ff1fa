//! The cursor stays with what it is on, whatever comes, goes or is sorted anew around it; and no key that was
//! meant for one thing does anything to its neighbour.

use crate::domain::Pair;

use super::{
    event::Intent,
    screen::{Cursor, Screen},
    state::App,
    table::Row,
};

/// What the cursor is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Under {
    screen: Screen,
    key: String,
    /// What it is called.
    name: String,
}

/// What the cursor holds on to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Hold {
    /// The top of the list, where nobody has moved it yet.
    #[default]
    Top,
    /// What it is on.
    Object,
}

/// When it is looked whether the cursor is still on the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// Before the screen is drawn.
    Drawing,
    /// Before a key is obeyed: whoever pressed it has seen the screen as it was drawn last.
    Key,
}

impl Under {
    fn of(screen: Screen, row: &Row) -> Self {
        let name = row.name().to_owned();
        let key = match (&row.object, &row.link) {
            (Some(object), _) => format!("{:?} {}", object.source, object.key),
            (None, Some(link)) => link.clone(),
            (None, None) => name.clone(),
        };
        Self { screen, key, name }
    }

    fn is_on(&self, line: &Pair<Option<Row>>) -> bool {
        line.iter().any(|(_, row)| row.as_ref().is_some_and(|row| Self::of(self.screen, row) == *self))
    }
}

impl App {
    /// What the cursor is on, on screens whose lines move.
    fn under_cursor(&self) -> Option<Under> {
        match self.screen {
            Screen::Lists(_) => {
                let lists = self.lists()?;
                let line = lists.lines.get(self.list.place(lists.lines.len()))?;
                line[self.side]
                    .as_ref()
                    .or(line[self.side.other()].as_ref())
                    .map(|row| Under::of(self.screen, row))
            }
            Screen::Runs => self.runs.get(self.list.place(self.runs.len())).map(|run| Under {
                screen: self.screen,
                key: run.run.clone(),
                name: run.run.clone(),
            }),
            Screen::Readiness => {
                let groups = self.checks();
                let mut all = groups.iter().flat_map(|group| &group.checks);
                let (_, verdict) = all.nth(self.list.place(self.list_count()))?;
                Some(Under {
                    screen: self.screen,
                    key: format!("{} {}", verdict.service, verdict.id),
                    name: verdict.id.to_owned(),
                })
            }
            _ => None,
        }
    }

    /// Where it is now.
    fn place_of(&self, under: &Under) -> Option<usize> {
        match self.screen {
            Screen::Lists(_) => {
                let lists = self.lists()?;
                let here = self.list.place(lists.lines.len());
                if lists.lines.get(here).is_some_and(|line| under.is_on(line)) {
                    return Some(here);
                }
                lists.lines.iter().position(|line| under.is_on(line))
            }
            Screen::Runs => self.runs.iter().position(|run| run.run == under.key),
            Screen::Readiness => {
                let groups = self.checks();
                let mut all = groups.iter().flat_map(|group| &group.checks);
                all.position(|(_, verdict)| format!("{} {}", verdict.service, verdict.id) == under.key)
            }
            _ => None,
        }
    }

    /// Puts the cursor where the thing it was on has gone. Where that is gone altogether, it is said, and the
    /// next key that would do something does not. A cursor that nobody has moved stays at the top.
    pub(super) fn follow_under(&mut self, when: When) {
        let under = self.under.take().filter(|under| under.screen == self.screen);
        let Some(under) = under else {
            self.under = self.under_cursor();
            return;
        };
        if self.hold == Hold::Top {
            self.under = self.under_cursor();
            if when == When::Key && self.under.as_ref() != Some(&under) {
                self.slid = Some(under.name);
            }
            return;
        }
        if let Some(place) = self.place_of(&under) {
            self.list.put(place);
            self.under = Some(under);
        } else {
            self.say(format!("{} is gone from this list", under.name));
            self.slid = Some(under.name);
            self.under = self.under_cursor();
        }
    }

    /// After a key: the cursor keeps what it was on, where the key only sorted or filtered, and is on
    /// something else where it moved.
    pub(super) fn note_under(&mut self, intent: Intent) {
        self.keep_lists();
        if matches!(intent, Intent::Move(_)) {
            self.slid = None;
            self.hold = Hold::Object;
        } else if self.hold == Hold::Object
            && let Some(under) = self.under.as_ref().filter(|under| under.screen == self.screen)
            && let Some(place) = self.place_of(under)
        {
            self.list.put(place);
        }
        self.under = self.under_cursor();
    }

    /// Whether this key was meant for something that has just gone. It is said once.
    pub(super) fn meant_another(&mut self, intent: Intent) -> bool {
        if !matches!(intent, Intent::Enter | Intent::Copy | Intent::CopyField) {
            return false;
        }
        let Some(gone) = self.slid.take() else { return false };
        self.say(match self.under_cursor() {
            Some(under) => {
                format!("{gone} is not under the cursor any more; press it again for {}", under.name)
            }
            None => format!("{gone} is gone, and nothing is left here"),
        });
        true
    }

    /// The list's cursor at its top, on nothing yet.
    pub(super) fn rewind(&mut self) {
        self.list = Cursor::default();
        self.under = None;
        self.slid = None;
        self.hold = Hold::Top;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::{
            Effect, Event, Motion, World,
            run::{RunOpen, RunPurpose, RunSummary},
            scene::{self, Weather, at},
        },
        domain::{
            Answer, Listing, Observation, Safe, Side, Source,
            pool::HostStatus,
            time::{Dated, Skew, minutes},
        },
    };

    /// A cockpit on the list of hosts, its cursor some lines below the top.
    fn hosts(down: usize) -> App {
        let mut app = scene::app(World::Live, Weather::Calm);
        let keys = [vec![Intent::Move(Motion::Down); 2], vec![Intent::Enter]].concat();
        press(&mut app, &keys);
        press(&mut app, &vec![Intent::Move(Motion::Down); down]);
        app.settle();
        app
    }

    fn press(app: &mut App, intents: &[Intent]) -> Vec<Effect> {
        let next = app.moment.terminal + 1_000;
        let effects =
            |(count, intent): (usize, &Intent)| app.update(Event::Intent(*intent), at(next + count as u64));
        intents.iter().enumerate().flat_map(effects).collect()
    }

    fn name(app: &App) -> String {
        app.under_cursor().map(|under| under.name).unwrap_or_default()
    }

    /// The hosts of a side change.
    fn change(
        app: &mut App,
        change: impl Fn(Vec<crate::domain::pool::SessionHost>) -> Vec<crate::domain::pool::SessionHost>,
    ) {
        for index in 0..2 {
            let source = Source::Hosts(index, Side::Primary);
            let Some(Answer::Hosts(all)) = app.picture.last(&source).map(|look| look.answer.clone()) else {
                panic!()
            };
            let listing = Listing::whole(change(all.into_seen()), 1);
            let (started, ended) = (scene::noon(), scene::noon());
            app.update(
                Event::Observed(Observation { source, started, ended, outcome: Ok(Answer::Hosts(listing)) }),
                at(app.moment.terminal),
            );
        }
    }

    fn fails(host: &str, app: &mut App) {
        change(app, |mut all| {
            for one in all.iter_mut().filter(|one| one.short_name() == host) {
                one.status = HostStatus::Unavailable;
            }
            all
        });
    }

    #[test]
    fn the_cursor_stays_with_its_host_when_the_list_is_sorted_anew() {
        let mut app = hosts(3);
        let (mine, place) = (name(&app), app.list.place(99));
        // What is worse comes first: everything above moves down.
        fails("shwe-hr-12", &mut app);
        app.settle();
        assert_eq!(name(&app), mine);
        assert_eq!(app.list.place(99), place + 1);
        assert!(app.notice.is_none());
        // A person sorts, turns round and filters: the same.
        for keys in [
            vec![Intent::Sort],
            vec![Intent::Reverse],
            vec![Intent::Sort],
            vec![Intent::Filter, Intent::Type('s'), Intent::Type('h'), Intent::Enter],
            vec![Intent::Escape],
        ] {
            press(&mut app, &keys);
            app.settle();
            assert_eq!(name(&app), mine, "{keys:?}");
        }
        // There and back again, while the list moves.
        press(&mut app, &[Intent::Enter]);
        fails("shwe-hr-11", &mut app);
        press(&mut app, &[Intent::Back]);
        assert_eq!(name(&app), mine);
        press(&mut app, &[Intent::Move(Motion::Down)]);
        assert_ne!(name(&app), mine);
    }

    #[test]
    fn no_key_acts_on_what_slid_under_the_cursor() {
        for (key, acts) in [(Intent::Enter, "detail"), (Intent::Copy, "copy"), (Intent::CopyField, "pick")] {
            let mut app = hosts(3);
            let mine = name(&app);
            change(&mut app, |all| all.into_iter().filter(|one| one.short_name() != mine).collect());
            // In the same moment, before anything was drawn.
            let did = press(&mut app, &[key]);
            let said = app.notice.clone().unwrap().text;
            assert_eq!(
                said,
                format!("{mine} is not under the cursor any more; press it again for {}", name(&app)),
                "{acts}"
            );
            assert!(
                did.is_empty() && app.modals.is_empty() && matches!(app.screen, Screen::Lists(_)),
                "{acts}"
            );
            assert_ne!(name(&app), mine);
            let did = press(&mut app, &[key]);
            let acted = !did.is_empty() || !app.modals.is_empty() || matches!(app.screen, Screen::Detail(_));
            assert!(acted, "{acts}");
        }
        // At the top, where nobody has moved it: another one came in front.
        let mut app = hosts(0);
        let mine = name(&app);
        fails("shwe-hr-12", &mut app);
        assert!(press(&mut app, &[Intent::Copy]).is_empty());
        assert!(app.notice.clone().unwrap().text.starts_with(&mine), "{:?}", app.notice);
        assert_eq!(press(&mut app, &[Intent::Copy]).len(), 1);
        assert_eq!((name(&app).as_str(), app.list.place(99)), ("shwe-hr-12", 0));
        // Drawn first: it is said, and still holds back the first key, unless the person moved.
        let mut app = hosts(3);
        let mine = name(&app);
        change(&mut app, |all| all.into_iter().filter(|one| one.short_name() != mine).collect());
        app.settle();
        assert_eq!(app.notice.clone().unwrap().text, format!("{mine} is gone from this list"));
        press(&mut app, &[Intent::Move(Motion::Down), Intent::Enter]);
        assert!(matches!(app.screen, Screen::Detail(_)));
    }

    #[test]
    fn a_run_stays_under_the_cursor_when_another_one_is_listed() {
        let run = |id: &str| RunSummary {
            run: id.to_owned(),
            runbook: "avd-pooled-failover".to_owned(),
            service: "hr".to_owned(),
            mode: "graceful".to_owned(),
            state: "held".to_owned(),
            purpose: RunPurpose::Real,
            open: RunOpen::Open,
            opened: scene::noon() - minutes(1),
            took: None,
            debts: 0,
            trouble: None::<Safe>,
        };
        let mut app = scene::app(World::Live, Weather::Calm);
        app.update(Event::RunsListed(vec![run("r-2"), run("r-1")]), at(0));
        press(&mut app, &[Intent::Runs, Intent::Move(Motion::Down)]);
        app.update(Event::RunsListed(vec![run("r-3"), run("r-2"), run("r-1")]), at(0));
        let did = press(&mut app, &[Intent::Enter]);
        assert!(matches!(&did[..], [Effect::ResumeRun(id)] if id == "r-1"), "{did:?}");
        app.update(Event::RunsListed(vec![run("r-3"), run("r-2")]), at(0));
        assert!(press(&mut app, &[Intent::Enter]).is_empty());
    }

    #[test]
    fn sessions_are_listed_anew_only_when_something_changed() {
        let mut app = scene::app(World::Live, Weather::Calm);
        let source = Source::Sessions(0, Side::Primary);
        let Some(Answer::Sessions(all)) = app.picture.last(&source).map(|look| look.answer.clone()) else {
            panic!()
        };
        let skew = Skew { least: minutes(0), likely: minutes(0), most: minutes(0) };
        let born = Dated::by_azure(scene::noon() - minutes(9)).on_clock(Some(skew));
        let all = all.each(|session| session.created = Some(born));
        let (started, ended) = (scene::noon(), scene::noon());
        let outcome = Ok(Answer::Sessions(all));
        app.update(Event::Observed(Observation { source, started, ended, outcome }), at(0));
        press(&mut app, &[vec![Intent::Move(Motion::Down); 3], vec![Intent::Enter]].concat());
        app.settle();
        let lines = |app: &App| std::sync::Arc::as_ptr(&app.lists().unwrap().lines);
        let before = lines(&app);
        let tick = |app: &mut App, seconds: u64| {
            app.update(Event::Tick, at(60_000 + seconds * 1_000));
            app.settle();
        };
        tick(&mut app, 1);
        let first = lines(&app);
        tick(&mut app, 2);
        assert_eq!(lines(&app), first, "a second is no reason");
        press(&mut app, &[Intent::Move(Motion::Down), Intent::Next, Intent::Zoom]);
        app.settle();
        assert_eq!(lines(&app), first, "nor is a key that only moves");
        press(&mut app, &[Intent::Sort]);
        app.settle();
        assert_ne!(lines(&app), before);
        // Ages are what they are all the same.
        let age = |app: &App| {
            let lists = app.lists().unwrap();
            let row = lists.lines.iter().find_map(|line| line[Side::Primary].clone()).unwrap();
            row.at(app.now()).fields[3].text.clone()
        };
        let (then, revision) = (age(&app), app.picture.revision());
        let moment = crate::app::Moment { now: scene::noon() + minutes(600), terminal: 900_000 };
        app.update(Event::Tick, moment);
        app.settle();
        assert_ne!(age(&app), then);
        assert_eq!(app.picture.revision(), revision);
        // Hours later nothing of it is fresh, and rows say so.
        assert!(app.lists().unwrap().sides[Side::Primary].stale);
        press(&mut app, &[Intent::Filter]);
        press(&mut app, &"age>5m".chars().map(Intent::Type).collect::<Vec<_>>());
        app.settle();
        let first = lines(&app);
        app.update(Event::Tick, crate::app::Moment { now: scene::noon() + minutes(601), terminal: 960_000 });
        app.settle();
        assert_ne!(lines(&app), first, "what the filter lets through is older now");
    }
}
