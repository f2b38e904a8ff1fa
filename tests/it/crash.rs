//! A process may end at any moment: the run is killed at an I/O point and resumed.
//!
//! I/O points are each append to the journal, before and after it is durable, and each call on
//! the wire, before it leaves and after the world has acted. Some of them are tried here, all of
//! them by `.ci/search --points`.

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
    /// Those of them at which something lasting changed.
    pub lasting: Vec<Vec<usize>>,
    /// Points before an append of the first process, with the number of its records.
    pub appends: Vec<(usize, usize)>,
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
        let (mut points, mut lasting, mut appends) = (Vec::new(), Vec::new(), None);
        let mut last = End::Killed;
        for kill in kills.iter().copied().map(Some).chain([None]) {
            let (end, life) = stage.process(kill).await;
            points.push(life.points());
            lasting.push(life.lasting());
            appends.get_or_insert(life.appends());
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
            lasting,
            appends: appends.unwrap_or_default(),
            broken: stage.witness.all_broken(),
            story: stage.story(),
        }
    })
}

/// The run nobody disturbs, with its I/O points.
pub fn crash_free(mode: Mode) -> Passage {
    let passage = pass(mode, &[]);
    let expected = match mode {
        Mode::Graceful => RunEnd::Completed,
        Mode::Ungraceful => RunEnd::Monitoring,
    };
    assert_eq!(passage.ended.end, End::Outcome(Outcome::Ended(expected)), "{}", passage.story);
    assert!(passage.broken.is_empty(), "{:#?}\n{}", passage.broken, passage.story);
    passage
}

/// Why a passage is not as good as the crash-free run.
pub fn fault(passage: &Passage, free: &Ended) -> Option<String> {
    if !passage.broken.is_empty() {
        return Some(format!("{:#?}", passage.broken));
    }
    (passage.ended != *free).then(|| format!("ended as {:#?}\nand not as {free:#?}", passage.ended))
}

/// A kill at every point; before an append one for each beginning of it that the disk may keep, so
/// that every prefix of the journal is left behind once.
pub fn kills(free: &Passage) -> Vec<Kill> {
    let records =
        |point| free.appends.iter().find(|(before, _)| *before == point).map_or(1, |(_, records)| *records);
    let each = |point| (0..records(point)).map(move |keeps| Kill { point, keeps });
    (0..free.points[0]).flat_map(each).collect()
}

/// Of the points at which something lasting changes, each third is tried here with one beginning kept
/// of a batch that is cut. `.ci/search --points` tries every point with every beginning of a batch,
/// which is every prefix of the journal; `--pairs` every pair of lasting points.
const STRIDE: usize = 3;

fn lasting_points(mode: Mode) {
    let free = crash_free(mode);
    let lasting = |kill: &Kill| free.lasting[0].contains(&kill.point);
    for kill in kills(&free).into_iter().filter(lasting).step_by(STRIDE) {
        let kills = [kill];
        let passage = pass(mode, &kills);
        if let Some(why) = fault(&passage, &free.ended) {
            panic!("{mode:?} {kills:?} {:?}: {why}\n{}", passage.points, passage.story);
        }
    }
}

#[test]
fn killed_where_something_lasting_changes_a_graceful_run_ends_the_same() {
    lasting_points(Mode::Graceful);
}

#[test]
fn killed_where_something_lasting_changes_an_ungraceful_run_ends_the_same() {
    lasting_points(Mode::Ungraceful);
}

/// The end of a run, where there is nothing left to look at or to wait for: every point is tried.
const TAIL: usize = 40;

#[test]
fn killed_at_every_point_near_the_end_of_a_run_it_ends_the_same() {
    let free = crash_free(Mode::Graceful);
    let points = free.points[0];
    for point in points - TAIL..points {
        let passage = pass(Mode::Graceful, &[Kill { point, keeps: 0 }]);
        let why = fault(&passage, &free.ended);
        assert!(why.is_none(), "{point} of {points}: {}\n{}", why.unwrap_or_default(), passage.story);
    }
}
