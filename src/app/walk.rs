//! Where the person goes: from screen to screen, up and down in a list, and back.

use std::sync::Arc;

use crate::{
    domain::{Side, Source},
    status::{Component, Scope},
};

use super::{
    detail::{Detail, Subject, detail},
    dialog::Modal,
    event::{Effect, Intent, Motion},
    feed::FeedLine,
    gesture::Field,
    journal::{Follow, Pane},
    lists::{self, Lists, Made, View},
    query::{Fit, Query},
    ready,
    run::RunOpen,
    screen::{Cursor, DIGITS, Filter, Screen, StepCursor, Visit, Zoom},
    state::{App, Settled},
    table::{Column, Row, Sort, Way},
    under::Hold,
};

impl App {
    /// Shows a screen from its top. The way back from it leads home.
    pub(super) fn show(&mut self, screen: Screen) {
        self.trail.clear();
        self.arrive(screen);
    }

    /// Shows what lies below this screen. The way back leads to where the person is now.
    pub(super) fn descend(&mut self, screen: Screen) {
        self.trail.push(Visit {
            screen: self.screen,
            list: self.list,
            under: self.under.take(),
            hold: self.hold,
            filter: std::mem::take(&mut self.filter),
            sort: self.sort,
            zoom: self.zoom,
        });
        self.arrive(screen);
    }

    fn arrive(&mut self, screen: Screen) {
        self.screen = screen;
        self.rewind();
        self.filter = Filter::Off;
        self.sort = Sort::default();
        self.zoom = Zoom::Off;
        self.follow = Follow::Following;
        if screen == Screen::Runs {
            self.stand_on_waiting(None);
        }
        if screen == Screen::Run {
            self.step = StepCursor::Following;
        }
        self.stand_beside_run();
    }

    /// Beside a run stand the signs of its own service, whatever was looked at elsewhere: those of another would
    /// pass for its own.
    fn stand_beside_run(&mut self) {
        let Some(view) = self.run_view().filter(|_| self.screen == Screen::Run) else { return };
        let own = Scope::Service(view.service_index);
        if self.scope != own {
            self.scope = own;
            self.rescoped();
        }
    }

    /// Puts the cursor on a run that can be gone on with: on that one, or else on the newest. Where one is
    /// open here, or none is left, it stays at the top.
    pub(super) fn stand_on_waiting(&mut self, wanted: Option<&str>) {
        let mut waiting = self.waiting_runs();
        let one = match wanted {
            Some(wanted) => waiting.find(|run| run.run == wanted),
            None if self.run.is_some() => None,
            None => waiting.next(),
        };
        let place = one.and_then(|one| self.runs.iter().position(|run| run.run == one.run));
        drop(waiting);
        if let Some(place) = place {
            self.list.put(place);
            self.hold = Hold::Object;
        }
    }

    pub(super) fn go_back(&mut self, intent: Intent) {
        match (&self.filter, intent, self.screen, self.step) {
            (Filter::On(_), Intent::Escape, ..) => self.filter = Filter::Off,
            (_, Intent::Escape, Screen::Run, StepCursor::At(_)) => self.step = StepCursor::Following,
            (_, Intent::Escape, Screen::Run, StepCursor::Following) => {}
            (_, Intent::Escape, ..) if self.zoom == Zoom::On => self.zoom = Zoom::Off,
            _ => match self.trail.pop() {
                Some(visit) => {
                    self.screen = visit.screen;
                    self.list = visit.list;
                    self.under = visit.under;
                    self.hold = visit.hold;
                    self.slid = None;
                    self.filter = visit.filter;
                    self.sort = visit.sort;
                    self.zoom = visit.zoom;
                    self.stand_beside_run();
                }
                None => self.show(Screen::Home),
            },
        }
    }

    pub(super) fn rescope(&mut self, scope: Scope) {
        self.scope = scope;
        self.rescoped();
        self.rewind();
    }

    fn rescoped(&mut self) {
        self.rescope_frozen();
        self.checked = None;
        self.settled = Settled::No;
    }

    /// The columns of the screen's list, where it is one that can be filtered.
    pub fn columns(&self) -> Option<&'static [Column]> {
        match self.screen {
            Screen::Lists(component) => Some(lists::columns(component)),
            Screen::Events => Some(FeedLine::COLUMNS),
            Screen::Journal => Some(Pane::COLUMNS),
            Screen::Readiness => Some(ready::COLUMNS),
            _ => None,
        }
    }

    /// The filter in force, or why what is typed is none.
    pub fn query(&self) -> Result<Query, String> {
        let query = Query::parse(&self.redaction.meant(self.filter.text()), self.columns().unwrap_or(&[]))?;
        Ok(query.through(self.masks()).at(self.shown_at()))
    }

    /// A component's lists as this screen shows them. A filter that cannot be read hides nothing.
    pub fn lists(&self) -> Option<Arc<Lists>> {
        let made = self.made()?;
        match &self.listed {
            Some((known, lists)) if *known == made => Some(lists.clone()),
            _ => Some(self.listed_anew(&made)),
        }
    }

    /// Keeps the lists of this screen as long as what they are made from is the same: a hundred thousand
    /// sessions cannot be listed anew for every key, every frame or every second.
    pub(super) fn keep_lists(&mut self) {
        let second = self.shown_at().as_second();
        match (self.made(), &self.listed) {
            (None, _) => self.listed = None,
            (Some(made), Some((known, lists))) if *known == made => {
                if self.listed_at != second {
                    let mut later = lists::later(lists, made.component, &self.view());
                    lists::as_old_as_home(&mut later, made.component, &self.summary);
                    self.listed = Some((made, Arc::new(later)));
                }
            }
            (Some(made), _) => {
                let lists = self.listed_anew(&made);
                self.listed = Some((made, lists));
            }
        }
        self.listed_at = second;
    }

    /// Why what the row of home under the cursor shows may be what was: its looks that failed, the worst first.
    pub fn failing(&self) -> Vec<String> {
        let row = self.summary.rows.get(self.home.place(self.summary.rows.len()));
        row.map_or_else(Vec::new, |row| lists::failing(row, &self.view()))
    }

    /// What the lists of this screen are made from.
    fn made(&self) -> Option<Made> {
        let Screen::Lists(component) = self.screen else { return None };
        // A session stands as it stands; what a host is worth depends on how old its heartbeat is.
        let moves = component != Component::Sessions || self.query().is_ok_and(|query| query.ages());
        Some(Made {
            component,
            scope: self.scope,
            filter: self.filter.text().to_owned(),
            masked: self.masks().is_some(),
            sort: self.sort,
            revision: self.picture.revision(),
            second: moves.then(|| self.shown_at().as_second()),
            drained: self.drained.clone(),
            holds: lists::trusted(component, &self.view()),
        })
    }

    fn listed_anew(&self, made: &Made) -> Arc<Lists> {
        let query = self.query().unwrap_or_default();
        let mut lists = lists::lists(made.component, &self.view(), &query, made.sort);
        lists::as_old_as_home(&mut lists, made.component, &self.summary);
        Arc::new(lists)
    }

    /// What lists are made from.
    fn view(&self) -> View<'_> {
        View {
            estate: &self.estate,
            picture: &self.picture,
            scope: self.scope,
            drained: self.drained.as_deref(),
            now: self.shown_at(),
        }
    }

    /// Everything known of the object under the focus of the detail view, with the side it lies on.
    pub fn detail(&self) -> Option<(Side, Detail)> {
        let subject = self.subject.as_ref()?;
        let side = if subject.objects[self.side].is_some() { self.side } else { self.side.other() };
        Some((side, detail(&self.view(), subject, side)?))
    }

    /// The events that the filter admits, newest first unless sorted.
    pub fn events(&self) -> Vec<Row> {
        let (query, now) = (self.query().unwrap_or_default(), self.shown_at());
        let rows = self.feed.newest().skip(self.behind()).map(|line| line.row(now));
        let mut rows: Vec<Row> = rows.filter(|row| query.fits(row) == Fit::Yes).collect();
        if self.sort.column.is_some() {
            rows.sort_by(|one, two| self.sort.order(one, two));
        } else if self.sort.way == Way::Back {
            rows.reverse();
        }
        rows
    }

    /// Rows of the screen's list.
    pub fn list_count(&self) -> usize {
        match self.screen {
            Screen::Home => self.summary.rows.len(),
            Screen::Run => self.run_view().map_or(0, |view| view.steps.len()),
            Screen::Lists(_) => self.lists().map_or(0, |lists| lists.lines.len()),
            Screen::Detail(_) => self.detail().map_or(0, |(_, detail)| detail.facts().count()),
            Screen::Runs => self.runs.len(),
            Screen::Events => self.events().len(),
            Screen::Journal => self.records().len(),
            Screen::Readiness => self.checks().iter().map(|group| group.checks.len()).sum(),
            Screen::Vantage => self.vantage().lines().count(),
        }
    }

    pub(super) fn go(&mut self, motion: Motion) {
        let count = self.list_count();
        match self.screen {
            Screen::Home => self.home.go(motion, count),
            Screen::Run => {
                let mut cursor = Cursor::default();
                cursor.put(self.step_place().unwrap_or_default());
                cursor.go(motion, count);
                self.step = StepCursor::At(cursor);
            }
            Screen::Journal => self.go_through_journal(motion, count),
            _ => self.list.go(motion, count),
        }
    }

    pub(super) fn enter(&mut self) {
        match self.screen {
            Screen::Home => {
                let place = self.home.place(self.summary.rows.len());
                if let Some(row) = self.summary.rows.get(place) {
                    self.descend(Screen::Lists(row.component));
                }
            }
            Screen::Run => self.act_on_step(),
            Screen::Lists(component) => self.open_detail(component),
            Screen::Runs => self.open_listed_run(),
            Screen::Detail(_) => {
                let (copy, back) = (self.key(Intent::CopyField), self.key(Intent::Back));
                self.say(format!("this is all that is known; {copy} copies the field, {back} goes back"));
            }
            Screen::Events | Screen::Journal | Screen::Readiness | Screen::Vantage => {
                let back = self.key(Intent::Back);
                self.say(format!("all of it stands below the list; y copies it, {back} goes back"));
            }
        }
    }

    /// Opens what stands on the line under the cursor.
    fn open_detail(&mut self, component: crate::status::Component) {
        let lists = self.lists();
        let line = lists.as_ref().and_then(|lists| lists.lines.get(self.list.place(lists.lines.len())));
        let Some(line) = line else { return self.say("nothing to open here") };
        let subject = Subject {
            objects: line.clone().map(|row| row.and_then(|row| row.object)),
            names: line.clone().map(|row| row.map_or(String::new(), |row| row.name().to_owned())),
        };
        match (subject.objects[self.side].is_some(), subject.objects[self.side.other()].is_some()) {
            (true, _) => {}
            (false, true) => self.side = self.side.other(),
            (false, false) => return self.say("Azure lists no such object: there is nothing to open"),
        }
        let side = self.side;
        self.subject = Some(subject);
        self.descend(Screen::Detail(component));
        self.side = side;
    }

    /// Chooses among the lists; a digit opens one at once.
    pub(super) fn intend_lists(&mut self, intent: Intent, at: u64) {
        let Some(Modal::Lists(place)) = self.modals.last_mut() else { return };
        let chosen = match intent {
            Intent::Move(motion) => {
                let mut cursor = Cursor::default();
                cursor.put(*place);
                cursor.go(motion, self.summary.rows.len());
                *place = cursor.place(self.summary.rows.len());
                None
            }
            Intent::Enter => Some(*place),
            Intent::Type(c) => DIGITS.iter().position(|digit| *digit == c),
            _ => None,
        };
        let chosen = chosen.and_then(|place| Some((place, self.summary.rows.get(place)?.component)));
        if let Some((place, component)) = chosen {
            self.close_modal(at);
            self.home.put(place);
            self.show(Screen::Lists(component));
        }
    }

    fn open_listed_run(&mut self) {
        match self.runs.get(self.list.place(self.runs.len())) {
            Some(run) if self.run_view().is_some_and(|open| open.run == run.run) => self.show(Screen::Run),
            Some(run) if run.open == RunOpen::Open => {
                let id = run.run.clone();
                self.resume(id);
            }
            Some(run) => {
                let id = run.run.clone();
                self.say(format!("{id} is over; :report {id} writes its report"));
            }
            None => self.say(format!("no runs yet; {} starts one", self.key(Intent::Start))),
        }
    }

    /// Moves the focus between the two regions.
    pub(super) fn focus(&mut self, intent: Intent) {
        let to = match intent {
            Intent::Left => Side::Primary,
            Intent::Right => Side::Secondary,
            _ => self.side.other(),
        };
        match (self.screen, &self.subject) {
            (Screen::Lists(_), _) => self.side = to,
            (Screen::Detail(_), Some(subject)) if subject.objects[to].is_some() => {
                self.side = to;
                self.list = Cursor::default();
            }
            (Screen::Detail(_), _) => {
                let code = self.estate.regions[to].code.clone();
                self.say(format!("{code} has nothing on this line"));
            }
            _ => {}
        }
    }

    pub(super) fn open_filter(&mut self) {
        match self.columns() {
            Some(_) => {
                let typed = self.filter.text().chars().fold(Field::default(), |mut field, c| {
                    field.push(c);
                    field
                });
                self.filter = Filter::Typing(typed);
            }
            // Home's rows are sums: what they are the sums of can be filtered.
            None if self.screen == Screen::Home => {
                self.enter();
                if self.columns().is_some() {
                    self.open_filter();
                }
            }
            None => self.say("there is no filter here"),
        }
    }

    /// Puts the typed filter in force; one that cannot be read stays where it can be mended.
    pub(super) fn take_filter(&mut self) {
        if let Err(why) = self.query() {
            return self.say(why);
        }
        if let Filter::Typing(field) = &mut self.filter {
            let field = std::mem::take(field);
            self.filter = if field.trimmed().is_empty() { Filter::Off } else { Filter::On(field) };
        }
    }

    pub(super) fn sort(&mut self, intent: Intent) {
        let Some(columns) = self.columns() else { return self.say("there is nothing to sort here") };
        match intent {
            Intent::Reverse => self.sort.reverse(),
            _ => self.sort.next(columns),
        }
        let words = self.sort.words(columns);
        self.say(if words.is_empty() { "in its own order".to_owned() } else { format!("sorted {words}") });
    }

    /// The pane under focus takes the window, or gives it back.
    pub(super) fn zoom(&mut self) {
        match (self.screen, self.zoom) {
            (_, Zoom::On) => self.zoom = Zoom::Off,
            (Screen::Lists(_), Zoom::Off) => self.zoom = Zoom::On,
            (Screen::Home | Screen::Run, Zoom::Off) => {
                let (events, journal) = (self.key(Intent::Pane(4)), self.key(Intent::Pane(3)));
                self.say(format!(
                    "only a list takes the window; {events} opens the events, {journal} the journal"
                ));
            }
            _ => self.say("this fills the window already"),
        }
    }

    pub(super) fn refresh(&mut self) {
        let sources: Vec<Source> = match self.screen {
            Screen::Lists(component) => Side::BOTH
                .into_iter()
                .flat_map(|side| lists::sources(component, self.scope, &self.estate, side))
                .collect(),
            _ => self.picture.iter().map(|(source, _)| source.clone()).collect(),
        };
        self.say(format!("looking again at {} sources", sources.len()));
        for source in sources {
            self.want(Effect::Poll(source));
        }
    }
}
