//! What the run in this window has done itself, in what is said of the estate.

use std::sync::Arc;

use crate::{
    domain::{estate::Estate, picture::Picture, time::Timestamp},
    engine::RunView,
    status::{Drained, Scope, Summary, summarize},
};

/// What is said of the services in scope, and the hosts that the run among `runs` drained.
pub(super) fn sum_up(
    estate: &Estate,
    picture: &Picture,
    runs: &[RunView],
    scope: Scope,
    now: Timestamp,
) -> (Summary, Option<Arc<Drained>>) {
    (summarize(estate, picture, runs, scope, now), runs.first().and_then(Drained::by).map(Arc::new))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::{
            App, Event, Intent, Motion, World,
            scene::{self, Weather, at, noon},
        },
        domain::{
            Answer, Listing, Observation, Safe, Side, Source,
            pool::{HostStatus, SessionHost},
            standing,
        },
        engine::{
            event::HeldWhy,
            view::{ItemPhase, RunState},
        },
        status::{CellState, Component, Verdict},
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
            undo.items.iter_mut().for_each(|item| item.key = item.key.replace("drain ", "admit "));
            view.steps[5].stands = 0;
            view.steps.push(undo);
            view
        };
        let held = || RunView { state: RunState::Held(HeldWhy::Person, Safe::new("lunch")), ..ours() };
        let cut_off = || RunView { interrupted: true, ..ours() };
        let cases: [Case; 8] = [
            ("held", held(), drained, ("x", "0 of 12, 12 drained by run", 12)),
            ("its process ended", cut_off(), drained, ("x", "0 of 12, 12 drained by run", 12)),
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
            // Of its room the same is said as of its hosts.
            let room = match words {
                "12 of 12 usable" => "room for 65 more",
                "0 of 12, 12 drained by run" => "none, drained by run",
                "0 of 12, 1 unhealthy, 11 drained by run" => "none",
                _ => "none, hosts drained",
            };
            assert_eq!(app.summary.cell(Component::Capacity, Side::Primary).unwrap().text, room, "{name}");
            let worst = app.summary.worst().map(|worst| (worst.state, worst.text.clone()));
            let fault = worst.as_ref().is_some_and(|(state, _)| *state == CellState::Crit);
            assert_eq!(fault, mark == "x", "{name}: {worst:?}");
            // The verdict, and with it `farshore status`, says no other thing than the matrix.
            assert_eq!(
                app.summary.verdict == Verdict::Crit,
                mark == "x",
                "{name}: {:?}",
                app.summary.verdict
            );
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
            let mut one = Drained::clone(&all);
            one.hosts.retain(|drained| drained == host);
            app.drained = Some(Arc::new(one));
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
