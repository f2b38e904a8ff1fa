//! What the run in this window has done itself: a host that it drained was not drained by somebody else, and
//! is not broken.

use std::collections::BTreeSet;

use crate::{
    domain::{
        Safe, Side, Source, estate::Estate, machines::Machines, picture::Picture, pool::SessionHost,
        standing, time::Timestamp,
    },
    engine::{
        RunView,
        view::{ItemPhase, ItemView, RunState, StepView},
    },
    status::{CellState, Component, Problem, Scope, Summary, summarize},
};

use super::screen::services;

/// What an item of the run is called that drains a host, and one that takes that back.
const DRAIN: &str = "drain ";
const ADMIT: &str = "admit ";
/// Why such a host takes no new users.
const WHY: &str = "this run drained them";

/// The hosts that the run in this window drained and has not admitted again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drained {
    service: usize,
    side: Side,
    /// Short names.
    hosts: BTreeSet<String>,
    /// Whether the run goes on: after its end, and while it rests, nobody means them to stand like that.
    goes_on: bool,
}

/// What is said of the services in scope, with what of it is the doing of the run among `runs`.
pub(super) fn sum_up(
    estate: &Estate,
    picture: &Picture,
    runs: &[RunView],
    scope: Scope,
    now: Timestamp,
) -> (Summary, Option<Drained>) {
    let mut summary = summarize(estate, picture, runs, scope, now);
    let drained = runs.first().and_then(Drained::by);
    if let Some(own) = drained.as_ref().filter(|own| services(scope, estate).any(|(at, _)| at == own.service))
    {
        let others = services(scope, estate).map(|(at, _)| at).filter(|at| *at != own.service);
        own.tell(&mut summary, picture, others, now);
    }
    (summary, drained)
}

impl Drained {
    /// Those of this run; `None`: it drained none.
    pub fn by(run: &RunView) -> Option<Self> {
        // What was so already was somebody else's doing: nothing was sent for it.
        let sent = |item: &&ItemView| {
            let open = matches!(item.state, ItemPhase::Pending | ItemPhase::Checking | ItemPhase::Failed);
            item.attempts > 0 && !open
        };
        let named = |step: &StepView, deed: &str| -> BTreeSet<String> {
            let names = step.items.iter().filter(sent).filter_map(|item| item.key.strip_prefix(deed));
            names.map(str::to_owned).collect()
        };
        let (undone, done): (Vec<&StepView>, Vec<&StepView>) =
            run.steps.iter().partition(|step| step.is_undo);
        let admitted: BTreeSet<String> = undone.iter().flat_map(|step| named(step, ADMIT)).collect();
        let drains = |step: &&StepView| {
            let own = named(step, DRAIN);
            // Drained again after it was taken back, all of it stands.
            let all_stand = step.stands >= own.len();
            own.into_iter().filter(|name| all_stand || !admitted.contains(name)).collect::<Vec<_>>()
        };
        let hosts: BTreeSet<String> = done.iter().flat_map(drains).collect();
        let goes_on = matches!(run.state, RunState::Running | RunState::AwaitingPerson) && !run.interrupted;
        (!hosts.is_empty()).then_some(Self { service: run.service_index, side: run.from, hosts, goes_on })
    }

    /// Whether this host of a service's side takes no new sessions because the run drained it.
    pub fn holds(&self, service: usize, side: Side, host: &SessionHost) -> bool {
        (service, side) == (self.service, self.side)
            && host.accepts == Some(false)
            && self.hosts.contains(host.short_name())
    }

    /// Says in the matrix and among the problems whose doing it is; where nothing else is wrong it is meant, and
    /// no fault.
    fn tell(
        &self,
        summary: &mut Summary,
        picture: &Picture,
        others: impl Iterator<Item = usize>,
        now: Timestamp,
    ) {
        let Some((own, drained, meant)) = self.count_in(picture, now) else { return };
        // The cell is about all of them: one without a host for its users is a fault of its own.
        let serves = |service| {
            let all = standing::hosts(picture, &Source::Hosts(service, self.side));
            all.is_some_and(|all| all.seen().iter().any(|host| host.usable(now)))
        };
        let meant = meant && self.goes_on && { others }.all(serves);
        let side = self.side;
        let row = summary.rows.iter_mut().find(|row| row.component == Component::Hosts);
        let Some(cell) = row.map(|row| &mut row.cells[side]) else { return };
        let (long, brief) = (format!("{drained} drained"), format!("{drained} dr"));
        // A number that only ends like ours counts others too.
        let counted = cell.text.split([',', '·']).any(|part| part.trim() == long);
        if own == 0 || !counted || !matches!(cell.state, CellState::Warn | CellState::Crit) {
            return;
        }
        let (whose, ours) = match own {
            _ if own == drained => (format!("{long} by run"), format!("{drained} ours")),
            own => (format!("{long}, {own} by run"), format!("{brief}, {own} ours")),
        };
        let was = cell.text.clone();
        cell.text = cell.text.replacen(&long, &whose, 1);
        cell.short_text = cell.short_text.replacen(&brief, &ours, 1);
        if cell.state == CellState::Crit && meant {
            cell.state = CellState::Warn;
            cell.reason = Some(Safe::new(WHY));
        }
        let (text, state, why) = (cell.text.clone(), cell.state, cell.reason.clone());
        let is_of_it = |one: &Problem| {
            one.component == Some(Component::Hosts) && one.side == Some(side) && one.text.contains(&was)
        };
        let Some(at) = summary.problems.iter().position(is_of_it) else { return };
        let mut problem = summary.problems.remove(at);
        let before = problem.text.split(&was).next().unwrap_or_default().to_owned();
        let why = why.map(|why| format!(", {why}")).unwrap_or_default();
        (problem.text, problem.state) = (format!("{before}{text}{why}"), state);
        let place = summary.problems.iter().position(|other| other.state < state);
        summary.problems.insert(place.unwrap_or(summary.problems.len()), problem);
    }

    /// Hosts of that service's side that the run drained, that are drained in all, and whether nothing but the
    /// drain keeps hosts from taking users; `None`: the list is not whole.
    fn count_in(&self, picture: &Picture, now: Timestamp) -> Option<(usize, usize, bool)> {
        let hosts = standing::hosts(picture, &Source::Hosts(self.service, self.side))?.complete()?;
        let machines = Machines::of(picture, self.side);
        let (mut own, mut drained, mut meant) = (0, 0, true);
        for host in hosts.iter().filter(|host| !host.usable(now)) {
            if host.status.takes_users() && host.beats(now) {
                drained += 1;
                own += usize::from(self.holds(self.service, self.side, host));
            } else {
                meant &= machines.is_off(host);
            }
        }
        Some((own, drained, meant && own == drained))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::{
            App, Event, Intent, Motion, World,
            scene::{self, Weather, at, noon},
        },
        domain::{Answer, Listing, Observation, pool::HostStatus},
    };

    /// The first service's active side after `spoil` of its hosts, seen in the run view's app.
    fn seen(view: RunView, spoil: impl Fn(usize, &mut SessionHost)) -> App {
        let mut app = scene::running_over(scene::app(World::Live, Weather::Calm), view).0;
        let source = Source::Hosts(0, Side::Primary);
        let mut hosts = standing::hosts(&app.picture, &source).unwrap().seen().to_vec();
        hosts.iter_mut().enumerate().for_each(|(at, host)| spoil(at, host));
        let outcome = Ok(Answer::Hosts(Listing::whole(hosts, 1)));
        app.update(Event::Observed(Observation { source, started: noon(), ended: noon(), outcome }), at(1));
        app.update(Event::Intent(Intent::Pane(1)), at(2));
        app.settle();
        app
    }

    fn drained(_: usize, host: &mut SessionHost) {
        host.accepts = Some(false);
    }

    /// What it is, the run, what became of the hosts; and the mark, the words in the matrix, how many rows of the
    /// list call the drain ours, and whether the worst problem is a fault.
    type Case = (&'static str, RunView, fn(usize, &mut SessionHost), (&'static str, &'static str, usize));

    #[test]
    fn our_own_drain_is_told_apart_from_anothers_and_from_a_fault() {
        let ours = scene::move_phase;
        let already = || {
            let mut view = ours();
            for item in &mut view.steps[5].items {
                (item.state, item.attempts) = (ItemPhase::DoneByObservation, 0);
            }
            view
        };
        let half = || {
            let mut view = ours();
            view.steps[5].items.truncate(7);
            view
        };
        let back = || {
            let mut view = ours();
            let mut undo = view.steps[5].clone();
            undo.is_undo = true;
            undo.items.iter_mut().for_each(|item| item.key = item.key.replace(DRAIN, ADMIT));
            view.steps[5].stands = 0;
            view.steps.push(undo);
            view
        };
        let cases: [Case; 6] = [
            ("ours", ours(), drained, ("!", "0 of 12, 12 drained by run", 12)),
            ("so already", already(), drained, ("x", "0 of 12, 12 drained", 0)),
            ("partly ours", half(), drained, ("x", "0 of 12, 12 drained, 7 by run", 7)),
            ("taken back, drained by another", back(), drained, ("x", "0 of 12, 12 drained", 0)),
            ("not seen yet", ours(), |_, _| {}, ("ok", "12 of 12 usable", 0)),
            (
                "one is broken",
                ours(),
                |at, host| match at {
                    0 => host.status = HostStatus::Unavailable,
                    _ => host.accepts = Some(false),
                },
                ("x", "0 of 12, 1 unhealthy, 11 drained by run", 11),
            ),
        ];
        for (name, view, spoil, (mark, words, rows)) in cases {
            let mut app = seen(view, spoil);
            let cell = app.summary.cell(Component::Hosts, Side::Primary).unwrap();
            assert_eq!((cell.state.mark(), cell.text.as_str()), (mark, words), "{name}");
            let worst = app.summary.worst().map(|worst| (worst.state, worst.text.clone()));
            let fault = worst.as_ref().is_some_and(|(state, _)| *state == CellState::Crit);
            assert_eq!(fault, mark == "x", "{name}: {worst:?}");
            app.update(Event::Intent(Intent::Move(Motion::First)), at(3));
            app.screen = crate::app::screen::Screen::Lists(Component::Hosts);
            app.settle();
            let lists = app.lists().unwrap();
            let told = lists.lines.iter().filter_map(|line| line.primary.as_ref());
            let told = told.filter(|row| row.fields[2].whole() == "no, drained by this run").count();
            assert_eq!(told, rows, "{name}");
        }
    }

    /// Another set of the same size is another list.
    #[test]
    fn a_list_tells_of_the_hosts_that_were_drained_and_not_of_as_many() {
        let mut app = seen(scene::move_phase(), drained);
        app.screen = crate::app::screen::Screen::Lists(Component::Hosts);
        let all = app.drained.clone().unwrap();
        for host in &all.hosts {
            app.drained = Some(Drained { hosts: BTreeSet::from([host.clone()]), ..all.clone() });
            app.keep_lists();
            let lists = app.lists().unwrap();
            let rows = lists.lines.iter().filter_map(|line| line.primary.as_ref());
            let told: Vec<&str> = rows
                .filter(|row| row.fields[2].whole() == "no, drained by this run")
                .map(|row| row.fields[0].whole())
                .collect();
            assert_eq!(told, [host.as_str()]);
        }
    }
}
