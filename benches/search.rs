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
//! | `--share N` | of the points at which nothing lasting changes each Nth, from place `--from` on |
//! | `--pairs` | and kills it, and the process after it, at every point where something lasting changes |
//! | `--point N` | one kill, with its story; `--ungraceful` over a dead primary |
//!
//! It ends with 1 when a rule was broken or a planted mistake was not found; never for being slow.

#[path = "../tests/it/crash.rs"]
#[expect(dead_code, reason = "the tests of the same file are not run here")]
mod crash;
#[path = "../tests/it/invariants.rs"]
#[expect(clippy::struct_excessive_bools, reason = "a disturbance reads best as a list of what it does")]
mod invariants;
#[path = "../tests/it/schedule.rs"]
mod schedule;
#[path = "../tests/it/stage.rs"]
mod stage;

use std::{
    process::ExitCode,
    sync::atomic::{AtomicUsize, Ordering},
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
        let share = number("--share").unwrap_or(1).max(1) as usize;
        let from = number("--from").unwrap_or_default() as usize % share;
        let walk = |mode| points(mode, (share, from), has("--pairs"));
        [Mode::Graceful, Mode::Ungraceful].map(walk) == [true, true]
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
        let word = mistake.word();
        if let Some((seed, rule)) = found {
            println!("planted `{word}`: found by seed {seed}, {} schedules: {rule}", seed + 1);
        } else {
            println!("planted `{word}`: NOT found in {FOUND_WITHIN} schedules");
            all = false;
        }
    }
    all
}

#[cfg(not(feature = "seeded-bugs"))]
fn mistakes() -> bool {
    println!(
        "no mistakes planted, which could be found in {FOUND_WITHIN}: built without the feature seeded-bugs"
    );
    true
}

/// Threads that go through crash points: what the machine has.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Kills the run at every I/O point, or at a share of those at which nothing lasting changes, and with
/// `pairs` at every lasting point and the next process at every lasting point of its own.
fn points(mode: Mode, (share, from): (usize, usize), pairs: bool) -> bool {
    let began = Instant::now();
    let free = crash::crash_free(mode);
    let bad = AtomicUsize::new(0);
    let lasting = |kill: &Kill| free.lasting[0].contains(&kill.point);
    let all = crash::kills(&free).into_iter();
    let every: Vec<Kill> = all.filter(|kill| kill.point % share == from || lasting(kill)).collect();
    let firsts = spread(&every, |kill| {
        let passage = crash::pass(mode, &[kill]);
        told(&passage, &free.ended, &[kill], &bad);
        passage.lasting.get(1).map_or(0, Vec::len)
    });
    let (points, took) = (free.points[0], began.elapsed().as_secs_f64());
    let thinned =
        if share > 1 { format!(", each {share}th where nothing lasting changes") } else { String::new() };
    let kills = every.len();
    println!(
        "{mode:?}: {points} points, {kills} kills with every prefix of a batch{thinned}, in {took:.1} s"
    );
    let (began, lasting) = (Instant::now(), if pairs { &free.lasting[0][..] } else { &[] });
    let doubles: usize = spread(lasting, |point| {
        let first = Kill { point, keeps: point };
        let seconds = crash::pass(mode, &[first]).lasting.get(1).cloned().unwrap_or_default();
        for point in &seconds {
            let both = [first, Kill { point: *point, keeps: *point }];
            told(&crash::pass(mode, &both), &free.ended, &both, &bad);
        }
        seconds.len()
    });
    let bad = bad.load(Ordering::Relaxed);
    if pairs {
        let took = began.elapsed().as_secs_f64();
        println!("{mode:?}: {doubles} pairs of {} lasting points in {took:.1} s", lasting.len());
    }
    println!("{mode:?}: {bad} ended otherwise ({firsts} lasting points after a first kill)");
    bad == 0
}

/// Does `work` for each point on all cores; the sum of what it tells.
fn spread<T: Copy + Sync>(points: &[T], work: impl Fn(T) -> usize + Sync) -> usize {
    let next = AtomicUsize::new(0);
    let share = || {
        let taken = std::iter::from_fn(|| points.get(next.fetch_add(1, Ordering::Relaxed)));
        taken.map(|point| work(*point)).sum::<usize>()
    };
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads()).map(|_| scope.spawn(share)).collect();
        all.into_iter().map(|one| one.join().unwrap_or_default()).sum()
    })
}

fn told(passage: &crash::Passage, free: &crash::Ended, kills: &[Kill], bad: &AtomicUsize) {
    if let Some(why) = crash::fault(passage, free) {
        bad.fetch_add(1, Ordering::Relaxed);
        println!("{kills:?}: {why}\n{}", passage.story);
    }
}
