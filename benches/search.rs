//! Searches random schedules for one that breaks a rule, and proves on planted mistakes that the
//! search bites.
//!
//!     cargo bench --bench search --features seeded-bugs -- --seconds 60
//!
//! | argument | what it does |
//! |---|---|
//! | `--seconds N` | looks at new schedules for so long; 10 unless told |
//! | `--from SEED` | begins there; 0 unless told |
//! | `--only SEED` | one schedule, with its story |
//! | `--points` | kills the tiny run at every I/O point |
//! | `--pairs` | and the process after it at every point of its own |
//!
//! It ends with 1 when a rule was broken or a planted mistake was not found; never for being slow.

#[path = "../tests/it/crash.rs"]
mod crash;
#[path = "../tests/it/invariants.rs"]
#[expect(clippy::struct_excessive_bools, reason = "a disturbance reads best as a list of what it does")]
mod invariants;
#[path = "../tests/it/schedule.rs"]
mod schedule;
#[path = "../tests/it/stage.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod stage;

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use farshore::runbook::Mode;
use schedule::{Schedule, attempt, shrink};
use stage::Kill;

/// A planted mistake has to be found within so many schedules.
const FOUND_WITHIN: u64 = 1_000;
/// Schedules that are gone through twice, to see that a seed tells everything.
const TWICE: u64 = 50;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str| {
        let at = words.iter().position(|word| word == name)?;
        words.get(at + 1)?.parse::<u64>().ok()
    };
    let has = |name: &str| words.iter().any(|word| word == name);
    // A rule that a panic broke is told with its seed; the rest would drown it.
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("{panic}\n{}", std::backtrace::Backtrace::capture());
    }));
    if let Some(point) = number("--point") {
        let kill = Kill { point: point as usize, keeps: point as usize };
        let mode = if has("--ungraceful") { Mode::Ungraceful } else { Mode::Graceful };
        let passage = crash::pass(mode, &[kill]);
        println!("{}\n{:?} {:?} {:?}", passage.story, passage.ended, passage.points, passage.broken);
        return ExitCode::SUCCESS;
    }
    if let Some(seed) = number("--only") {
        return only(seed);
    }
    let good = if has("--points") || has("--pairs") {
        [Mode::Graceful, Mode::Ungraceful].map(|mode| points(mode, has("--pairs"))) == [true, true]
    } else {
        let began = number("--from").unwrap_or_default();
        let clean = search(began, Duration::from_secs(number("--seconds").unwrap_or(10)));
        mistakes() && clean
    };
    ExitCode::from(u8::from(!good))
}

fn only(seed: u64) -> ExitCode {
    let schedule = Schedule::draw(seed);
    let trial = attempt(&schedule);
    println!("{schedule}{}\n{:?}\n{:#?}", trial.story, trial.end, trial.broken);
    ExitCode::from(u8::from(!trial.broken.is_empty()))
}

/// Looks at schedules until the time is up or one breaks a rule.
fn search(from: u64, limit: Duration) -> bool {
    for seed in from..from + TWICE {
        let schedule = Schedule::draw(seed);
        if attempt(&schedule) != attempt(&schedule) {
            println!("seed {seed} does not go the same way twice");
            return false;
        }
    }
    let began = Instant::now();
    let (mut seed, mut requests) = (from, 0);
    let mut ends = std::collections::BTreeMap::<String, u64>::new();
    while began.elapsed() < limit {
        let schedule = Schedule::draw(seed);
        let trial = attempt(&schedule);
        if !trial.broken.is_empty() {
            println!("seed {seed} breaks a rule:\n{schedule}{:#?}", trial.broken);
            let least = shrink(&schedule);
            let trial = attempt(&least);
            println!("the least of it:\n{least}{:#?}\n{}", trial.broken, trial.story);
            return false;
        }
        let end: String = format!("{:?}", trial.end).chars().take(48).collect();
        *ends.entry(end).or_default() += 1;
        requests += trial.requests;
        seed += 1;
    }
    let (count, took) = (seed - from, began.elapsed().as_secs_f64());
    println!(
        "{count} schedules (seeds {from} to {}) in {took:.1} s on one core: {:.0}/s, {requests} requests, no rule broken",
        seed - 1,
        count as f64 / took
    );
    for (end, count) in ends {
        println!("  {count:>7} {end}");
    }
    true
}

/// Each planted mistake, and the schedule that found it.
#[cfg(feature = "seeded-bugs")]
fn mistakes() -> bool {
    use farshore::domain::seeded::{Mistake, plant};
    let mut all = true;
    for mistake in Mistake::ALL {
        let found = (0..FOUND_WITHIN).find_map(|seed| {
            plant(Some(mistake));
            let broken = attempt(&Schedule::draw(seed)).broken;
            plant(None);
            // It must be the mistake that broke the rule.
            let rule = broken.into_iter().next()?;
            attempt(&Schedule::draw(seed)).broken.is_empty().then_some((seed, rule))
        });
        match found {
            Some((seed, rule)) => {
                println!("planted `{}`: found by seed {seed}, {} schedules: {rule}", mistake.word(), seed + 1);
            }
            None => {
                println!("planted `{}`: NOT found in {FOUND_WITHIN} schedules", mistake.word());
                all = false;
            }
        }
    }
    all
}

#[cfg(not(feature = "seeded-bugs"))]
fn mistakes() -> bool {
    println!("no mistakes planted, which could be found in {FOUND_WITHIN}: built without the feature seeded-bugs");
    true
}

/// Kills the run at every I/O point, and with `pairs` the next process at every point of its own.
fn points(mode: Mode, pairs: bool) -> bool {
    let began = Instant::now();
    let (free, count) = crash::crash_free(mode);
    let (mut singles, mut doubles, mut bad) = (0_u64, 0_u64, 0_u64);
    for point in 0..count {
        let first = Kill { point, keeps: point };
        if std::env::var_os("FARSHORE_TELL").is_some() {
            eprintln!("{first:?}");
        }
        let passage = crash::pass(mode, &[first]);
        singles += 1;
        bad += told(&passage, &free, &[first]);
        let second = if pairs { passage.points.get(1).copied().unwrap_or_default() } else { 0 };
        for point in 0..second {
            let both = [first, Kill { point, keeps: point }];
            doubles += 1;
            bad += told(&crash::pass(mode, &both), &free, &both);
        }
    }
    println!(
        "{mode:?}: {singles} points, {doubles} pairs in {:.1} s: {bad} ended otherwise",
        began.elapsed().as_secs_f64()
    );
    bad == 0
}

fn told(passage: &crash::Passage, free: &crash::Ended, kills: &[Kill]) -> u64 {
    match crash::fault(passage, free) {
        None => 0,
        Some(why) => {
            println!("{kills:?}: {why}");
            1
        }
    }
}
