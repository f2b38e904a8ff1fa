//! Random schedules: a few of them in every test run. The bench of the same name looks through
//! many thousands.

use super::schedule::{Schedule, attempt, shrink};

/// Schedules of an ordinary test run.
const FEW: u64 = 40;

#[track_caller]
fn holds(seed: u64) {
    let schedule = Schedule::draw(seed);
    let trial = attempt(&schedule);
    if trial.broken.is_empty() {
        return;
    }
    let least = shrink(&schedule);
    let trial = attempt(&least);
    panic!("{least}\n{:#?}\n{}", trial.broken, trial.story);
}

#[test]
fn no_schedule_breaks_a_rule() {
    (0..FEW).for_each(holds);
}

/// Schedules that once broke a rule: 421 passed a gate on looks of 80 s ago while its probe ran slowly;
/// in 889 and 3502 the clock of a second process went ahead, and a dwell seemed over that was not.
const ONCE_BROKEN: [u64; 3] = [421, 889, 3502];

#[test]
fn no_schedule_that_once_broke_a_rule_breaks_one_again() {
    ONCE_BROKEN.into_iter().for_each(holds);
}

#[test]
fn a_schedule_goes_the_same_way_twice() {
    for seed in 0..8 {
        let schedule = Schedule::draw(seed);
        let (one, two) = (attempt(&schedule), attempt(&schedule));
        assert!(one == two, "seed {seed}:\n{}\n\n{}", one.story, two.story);
    }
}
