//! A process may end at any moment: at every I/O point the run is killed and resumed.
//!
//! I/O points are each append to the journal, before and after it is durable, and each call on
//! the wire, before it leaves and after the world has acted.

use std::{ops::Range, sync::mpsc, time::Duration};

use farshore::{
    domain::time::minutes,
    engine::event::RunEnd,
    runbook::Mode,
    runtime::headless::Outcome,
    sim::{EndState, Fault, FaultKind, Region},
};

use super::stage::{End, Kill, Setting, Stage, in_virtual_time};

/// How a run ended, and where it left the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    pub end: End,
    pub state: EndState,
}

/// A run through as many processes as there are kills, and one more.
#[derive(Debug)]
pub struct Passage {
    pub ended: Ended,
    /// I/O points that each process passed.
    pub points: Vec<usize>,
    pub broken: Vec<String>,
    pub story: String,
}

/// Runs `mode` in a calm world, or over a dead primary, and kills a process at each point.
pub fn pass(mode: Mode, kills: &[Kill]) -> Passage {
    in_virtual_time(async {
        let stage = Stage::new(Setting::calm(mode));
        if mode == Mode::Ungraceful {
            stage.sim.inject(Fault::new(FaultKind::Dead).in_region(Region::Primary));
        }
        let mut points = Vec::new();
        let mut last = End::Killed;
        for kill in kills.iter().copied().map(Some).chain([None]) {
            let (end, life) = stage.process(kill).await;
            points.push(life.points());
            stage.witness.check_chain(&stage.bytes());
            last = end;
            if last != End::Killed {
                break;
            }
        }
        // People who were on their way when it ended arrive.
        stage.clock.sleep_until(stage.clock.now() + minutes(10)).await;
        stage.witness.check_ledger();
        stage.witness.check_world();
        Passage {
            ended: Ended { end: last, state: stage.sim.end_state() },
            points,
            broken: stage.witness.all_broken(),
            story: stage.story(),
        }
    })
}

/// The run nobody disturbs, with its I/O points.
pub fn crash_free(mode: Mode) -> (Ended, usize) {
    let passage = pass(mode, &[]);
    let expected = match mode {
        Mode::Graceful => RunEnd::Completed,
        Mode::Ungraceful => RunEnd::Monitoring,
    };
    assert_eq!(passage.ended.end, End::Outcome(Outcome::Ended(expected)), "{}", passage.story);
    assert!(passage.broken.is_empty(), "{:#?}\n{}", passage.broken, passage.story);
    (passage.ended, passage.points[0])
}

/// Why a passage is not as good as the crash-free run.
pub fn fault(passage: &Passage, free: &Ended) -> Option<String> {
    if !passage.broken.is_empty() {
        return Some(format!("{:#?}", passage.broken));
    }
    (passage.ended != *free).then(|| format!("ended as {:#?}\nand not as {free:#?}", passage.ended))
}

/// Each eleventh point is tried in the ordinary test, so that it ends within seconds on a busy
/// machine; `FARSHORE_STRIDE=1` tries them all.
const STRIDE: usize = 11;

fn every_point(mode: Mode) {
    let (free, points) = crash_free(mode);
    let mut bad = Vec::new();
    let stride: usize =
        std::env::var("FARSHORE_STRIDE").map_or(STRIDE, |text| text.parse().expect("a number"));
    for point in (0..points).step_by(stride) {
        let kills = [Kill { point, keeps: 0 }];
        let passage = pass(mode, &kills);
        if let Some(why) = fault(&passage, &free) {
            eprintln!("{mode:?} {point}: {:?} {}", passage.ended.end, passage.broken.join(" "));
            bad.push((point, format!("{kills:?} {:?}: {why}\n{}", passage.points, passage.story)));
        }
    }
    let numbers: Vec<usize> = bad.iter().map(|(point, _)| *point).collect();
    assert!(bad.is_empty(), "{mode:?}: {} of {points}: {numbers:?}\n{}", bad.len(), bad[0].1);
}

#[test]
fn killed_at_every_point_of_a_graceful_run_it_ends_the_same() {
    every_point(Mode::Graceful);
}

#[test]
fn killed_at_every_point_of_an_ungraceful_run_it_ends_the_same() {
    every_point(Mode::Ungraceful);
}

/// A passage takes less than a second; one that is not over by then spins.
const LIMIT: Duration = Duration::from_secs(60);

/// The points of a run that lie `before` its end, each `stride`th of them.
fn points_near_the_end(mode: Mode, before: Range<usize>, stride: usize) {
    let (free, points) = crash_free(mode);
    for point in (points - before.end..points - before.start).step_by(stride) {
        let (sender, passed) = mpsc::channel();
        // On a thread of its own: what spins cannot be stopped, but it can be told.
        std::thread::spawn(move || drop(sender.send(pass(mode, &[Kill { point, keeps: 0 }]))));
        let passage = match passed.recv_timeout(LIMIT) {
            Ok(passage) => passage,
            Err(why) => panic!("killed at {point} of {points} it does not end: {why}"),
        };
        let why = fault(&passage, &free);
        assert!(why.is_none(), "{point} of {points}: {}\n{}", why.unwrap_or_default(), passage.story);
    }
}

/// Where there is nothing left to look at or to wait for.
#[test]
fn killed_at_every_point_near_the_end_of_a_graceful_run_it_ends_the_same() {
    points_near_the_end(Mode::Graceful, 0..40, 1);
}

/// From the revoke to the grant: what is tried once, and what rests on evidence that is gone with
/// a process. Something is open between two points at least, so that each second one finds it.
#[test]
fn killed_between_revoke_and_grant_of_an_ungraceful_run_it_ends_the_same() {
    points_near_the_end(Mode::Ungraceful, 75..190, 2);
}
