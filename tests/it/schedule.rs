//! A schedule: all that goes wrong around one run, drawn from a seed, and the run through it.
//!
//! A schedule has faults of the simulator's closed list, kills at I/O points, clocks that disagree
//! between two processes, a machine that sleeps, and answers that lead elsewhere. The run goes
//! through the real client, engine, encoder and simulator in virtual time, `--auto` answers, and
//! the witness watches every request, record and change (see `invariants`).

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::AtomicUsize},
};

use farshore::{
    domain::time::{Span, minutes, seconds},
    engine::event::RunEnd,
    runbook::Mode,
    runtime::headless::Outcome,
    sim::{EndState, Fault, FaultKind, Region, SimOptions},
};
use fastrand::Rng;

use super::{
    invariants::Disturbance,
    stage::{End, Kill, Liar, Setting, Stage, in_virtual_time},
};

/// A run of `tiny` passes about so many I/O points.
const POINTS: usize = 420;
/// A graceful run of `tiny` takes about so long, the notice included.
const LENGTH_S: i64 = 2_000;
/// Writes of a whole run of `tiny`.
const WRITES: usize = 14;
/// Longest time a fault stands. Longer ones only stretch the schedule.
const STANDS_S: i64 = 400;
/// Processes a schedule may take after its kills, before it counts as one that does not end.
const LIVES: usize = 4;

/// When something strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// So long after the start.
    After(Span),
    /// So long after this many writes have arrived.
    Write(usize, Span),
}

/// One thing that goes wrong.
#[derive(Debug, Clone, PartialEq)]
pub enum Strike {
    /// The world, or the way to it, has a fault.
    Fault(When, Box<Fault>),
    /// The machine sleeps, and its clocks go on.
    Sleep(When, Span),
}

/// All that goes wrong around one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// What it was drawn from.
    pub seed: u64,
    pub mode: Mode,
    pub options: SimOptions,
    /// The side that is left is dead from the start.
    pub dead: bool,
    pub strikes: Vec<Strike>,
    pub kills: Vec<Kill>,
    pub clock_off: Vec<Span>,
    /// Answers lead there, this many times.
    pub lie: Option<(&'static str, usize)>,
}

/// Origins that begin like ours.
const ELSEWHERE: [&str; 3] =
    ["http://127.0.0.1:1@evil.example/", "http://127.0.0.1:11/", "http://evil.example/http://127.0.0.1:1/"];

impl Schedule {
    /// Draws the schedule of a seed.
    pub fn draw(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mode = if rng.u8(..4) == 0 { Mode::Ungraceful } else { Mode::Graceful };
        let options = SimOptions {
            latency_ms: [0, 0, 20, 300, 3_000][rng.usize(..5)],
            page_size: [100, 1, 2][rng.usize(..3)],
            empty_first_page: rng.bool(),
            speed: None,
        };
        let mut strikes: Vec<Strike> = (0..rng.usize(..5)).map(|_| strike(&mut rng)).collect();
        if rng.u8(..5) == 0 {
            strikes.extend(held_up(&mut rng));
        }
        let kills: Vec<Kill> = (0..[0, 0, 1, 1, 2, 3][rng.usize(..6)])
            .map(|_| Kill { point: rng.usize(..POINTS), keeps: rng.usize(..4) })
            .collect();
        let clock_off = if rng.u8(..4) == 0 {
            (0..=kills.len()).map(|_| seconds(rng.i64(-600..=600))).collect()
        } else {
            Vec::new()
        };
        let lie = (rng.u8(..5) == 0).then(|| (ELSEWHERE[rng.usize(..ELSEWHERE.len())], rng.usize(1..4)));
        Self { seed, mode, options, dead: mode == Mode::Ungraceful, strikes, kills, clock_off, lie }
    }

    /// What the schedule does on its own.
    fn disturbance(&self) -> Disturbance {
        let mut all = Disturbance { dead: self.dead, ..Disturbance::default() };
        for strike in &self.strikes {
            let Strike::Fault(_, fault) = strike else { continue };
            let ms = Span::from_millis(fault.scope.ms.unwrap_or_default());
            match fault.kind {
                FaultKind::StaleRead => all.stale = all.stale.max(ms),
                // A look is at most three tries.
                FaultKind::Slow => all.slow = all.slow.max(ms * 3),
                FaultKind::HolderAdded | FaultKind::Reassigned => all.holders = true,
                FaultKind::SessionAppears | FaultKind::Ghost => all.sessions = true,
                FaultKind::AutoscaleTick
                | FaultKind::PlanEnabled
                | FaultKind::HostDrained
                | FaultKind::AllocationFailed => all.machines = true,
                FaultKind::Dead | FaultKind::ReadonlyRg => all.dead = true,
                _ => {}
            }
        }
        all.slow += Span::from_millis(self.options.latency_ms as i64 * 3);
        all
    }

    /// Whether only the way to Azure suffers: then the world must end as if nothing had been.
    fn leaves_the_world_alone(&self) -> bool {
        self.strikes.iter().all(|strike| match strike {
            Strike::Sleep(..) => true,
            Strike::Fault(_, fault) => matches!(
                fault.kind,
                FaultKind::Silent
                    | FaultKind::Slow
                    | FaultKind::Throttle
                    | FaultKind::LoseReply
                    | FaultKind::DropRequest
                    | FaultKind::StaleRead
                    | FaultKind::CutPage
                    | FaultKind::ServerError
                    | FaultKind::TokenExpired
            ),
        })
    }

    fn setting(&self) -> Setting {
        Setting {
            seed: self.seed,
            mode: self.mode,
            options: self.options,
            disturbance: self.disturbance(),
            liar: self
                .lie
                .map(|(elsewhere, left)| Arc::new(Liar { elsewhere, left: AtomicUsize::new(left) })),
            clock_off: self.clock_off.clone(),
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {} {:?} {:?} dead {}", self.seed, self.mode, self.options, self.dead)?;
        for strike in &self.strikes {
            writeln!(f, "  {strike:?}")?;
        }
        writeln!(f, "  kills {:?} clocks {:?} lie {:?}", self.kills, self.clock_off, self.lie)
    }
}

fn when(rng: &mut Rng) -> When {
    if rng.bool() {
        When::After(seconds(rng.i64(0..LENGTH_S)))
    } else {
        When::Write(rng.usize(..WRITES), seconds([0, 0, 1, 20, 60][rng.usize(..5)]))
    }
}

/// A write is held up, and while it waits somebody takes back what it rests on.
fn held_up(rng: &mut Rng) -> [Strike; 2] {
    let write = rng.usize(1..WRITES);
    let wait = rng.u32(40..120);
    let mut throttle = Fault::new(FaultKind::Throttle).times(1);
    throttle.scope.method = Some("PUT".to_owned());
    throttle.scope.retry_after = Some(wait);
    throttle.lasts_ms = Some(STANDS_S * 1_000);
    let back = [FaultKind::Reassigned, FaultKind::PlanEnabled, FaultKind::HostDrained][rng.usize(..3)];
    let back = Fault { lasts_ms: Some(1_000), ..Fault::new(back).in_region(Region::Primary) };
    [
        Strike::Fault(When::Write(write - 1, Span::ZERO), Box::new(throttle)),
        Strike::Fault(When::Write(write, seconds(rng.i64(0..30))), Box::new(back)),
    ]
}

fn strike(rng: &mut Rng) -> Strike {
    if rng.u8(..20) == 0 {
        return Strike::Sleep(when(rng), seconds(rng.i64(5..480)));
    }
    Strike::Fault(when(rng), Box::new(fault(rng)))
}

/// Faults that write answers suffer from stand twice: they are what most can be got wrong with.
const KINDS: [FaultKind; 26] = [
    FaultKind::LoseReply,
    FaultKind::LoseReply,
    FaultKind::ServerError,
    FaultKind::ServerError,
    FaultKind::DropRequest,
    FaultKind::Throttle,
    FaultKind::Throttle,
    FaultKind::StaleRead,
    FaultKind::StaleRead,
    FaultKind::StaleRead,
    FaultKind::Slow,
    FaultKind::Silent,
    FaultKind::CutPage,
    FaultKind::Dead,
    FaultKind::ReadonlyRg,
    FaultKind::AllocationFailed,
    FaultKind::AutoscaleTick,
    FaultKind::Ghost,
    FaultKind::Propagation,
    FaultKind::PlanEnabled,
    FaultKind::HolderAdded,
    FaultKind::Reassigned,
    FaultKind::HostDrained,
    FaultKind::SessionAppears,
    FaultKind::TokenExpired,
    FaultKind::Forbidden,
];

fn fault(rng: &mut Rng) -> Fault {
    let mut fault = Fault::new(KINDS[rng.usize(..KINDS.len())]);
    let region = if rng.u8(..3) == 0 { Region::Secondary } else { Region::Primary };
    let methods = ["PUT", "DELETE", "POST", "PATCH", "GET"];
    let scope = &mut fault.scope;
    match fault.kind {
        FaultKind::LoseReply | FaultKind::DropRequest => {
            scope.method = (rng.u8(..4) > 0).then(|| methods[rng.usize(..5)].to_owned());
            scope.count = Some(rng.u32(1..4));
        }
        FaultKind::ServerError => {
            scope.method = (rng.u8(..4) > 0).then(|| methods[rng.usize(..5)].to_owned());
            (scope.count, scope.effect) = (Some(rng.u32(1..4)), rng.bool());
        }
        FaultKind::Throttle => {
            scope.method = rng.bool().then(|| methods[rng.usize(..5)].to_owned());
            (scope.count, scope.retry_after) = (Some(rng.u32(1..6)), Some(rng.u32(1..120)));
        }
        FaultKind::StaleRead => scope.ms = Some(rng.i64(1_000..=60_000)),
        FaultKind::Slow => {
            scope.ms = Some(rng.i64(100..15_000));
            scope.region = rng.bool().then_some(region);
        }
        FaultKind::Propagation => scope.ms = Some(rng.i64(1_000..600_000)),
        FaultKind::CutPage => scope.page = Some(rng.u32(1..4)),
        FaultKind::HolderAdded => {
            scope.region = Some(region);
            scope.principal = Some("4c4c4c4c-0000-4000-8000-00000000e0aa".to_owned());
        }
        FaultKind::TokenExpired => {}
        FaultKind::Dead => scope.region = Some(Region::Primary),
        FaultKind::AllocationFailed
        | FaultKind::Ghost
        | FaultKind::HostDrained
        | FaultKind::SessionAppears => {
            (scope.region, scope.count) = (Some(region), Some(rng.u32(1..3)));
        }
        _ => scope.region = Some(region),
    }
    fault.lasts_ms = Some(rng.i64(1..STANDS_S) * 1_000);
    fault
}

/// What became of a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    pub end: End,
    pub state: EndState,
    /// Rules that were broken.
    pub broken: Vec<String>,
    /// The journal's bytes: two trials of one schedule have the same.
    pub journal: Vec<u8>,
    /// Requests that reached the wire.
    pub requests: usize,
    pub story: String,
}

/// Takes the run through the schedule.
pub fn attempt(schedule: &Schedule) -> Trial {
    let told = catch_unwind(AssertUnwindSafe(|| in_virtual_time(through(schedule))));
    told.unwrap_or_else(|_| Trial {
        end: End::Unable("panicked".to_owned()),
        state: EndState::default(),
        broken: vec!["panicked".to_owned()],
        journal: Vec::new(),
        requests: 0,
        story: String::new(),
    })
}

async fn through(schedule: &Schedule) -> Trial {
    let stage = Stage::new(schedule.setting());
    if schedule.dead {
        stage.sim.inject(Fault::new(FaultKind::Dead).in_region(Region::Primary));
    }
    let end = tokio::select! {
        biased;
        never = strikes(&stage, schedule) => never,
        end = lives(&stage, schedule) => end,
    };
    // People who were on their way when it ended arrive.
    stage.clock.sleep_until(stage.clock.now() + minutes(10)).await;
    stage.witness.check_ledger();
    stage.witness.check_world();
    let state = stage.sim.end_state();
    if schedule.leaves_the_world_alone() && end == End::Outcome(Outcome::Ended(RunEnd::Completed)) {
        moved(&stage, &state);
    }
    Trial {
        end,
        state,
        broken: stage.witness.all_broken(),
        journal: stage.bytes(),
        requests: stage.witness.requests(),
        story: stage.story(),
    }
}

/// I5: a run that says it is completed has moved everybody, whatever happened on its way.
fn moved(stage: &Stage, state: &EndState) {
    let held = |side: &str| {
        state.holders.iter().filter(|(group, who)| group.ends_with(side) && !who.is_empty()).count()
    };
    if held("-we") > 0 || held("-ne") == 0 || state.sessions[0] > 0 {
        stage.witness.broken("I5", &format!("completed and not moved: {state:?}"));
    }
}

/// Lets everything strike in its time; never ends.
async fn strikes(stage: &Arc<Stage>, schedule: &Schedule) -> End {
    let began = stage.clock.now();
    let each = schedule.strikes.iter().map(|strike| async move {
        let (Strike::Fault(when, _) | Strike::Sleep(when, _)) = strike;
        match when {
            When::After(span) => stage.clock.sleep_until(began + *span).await,
            When::Write(number, later) => {
                let mut writes = stage.witness.writes();
                if writes.wait_for(|count| count >= number).await.is_err() {
                    return;
                }
                stage.clock.sleep_until(stage.clock.now() + *later).await;
            }
        }
        match strike {
            Strike::Fault(_, fault) => {
                stage.sim.inject((**fault).clone());
                stage.witness.note_holders();
                let lasts = Span::from_millis(fault.lasts_ms.unwrap_or_default());
                stage.witness.disturbed_until(stage.clock.now() + lasts);
            }
            Strike::Sleep(_, span) => {
                stage.witness.disturbed_until(stage.clock.now() + *span);
                tokio::time::advance(span.unsigned_abs()).await;
            }
        }
    });
    futures_util::future::join_all(each).await;
    std::future::pending().await
}

/// Processes, one after the other, until the run has ended or only a person can go on.
async fn lives(stage: &Arc<Stage>, schedule: &Schedule) -> End {
    let mut last = End::Killed;
    let kills = schedule.kills.iter().copied().map(Some);
    for (number, kill) in kills.chain([None; LIVES]).enumerate() {
        let (end, _) = stage.process(kill).await;
        stage.witness.check_chain(&stage.bytes());
        last = end;
        match &last {
            End::Killed => {}
            End::Stuck | End::Outcome(Outcome::Ended(_)) => return last,
            // Somebody comes back later, when what stood in the way may be over.
            End::Outcome(Outcome::NeedsPerson(_)) | End::Unable(_) => {
                if number >= schedule.kills.len() + LIVES - 1 {
                    break;
                }
                let over = stage.witness.quiet_from().max(stage.clock.now()) + minutes(2);
                stage.clock.sleep_until(over).await;
            }
        }
    }
    if let End::Unable(why) = &last {
        stage.witness.broken("I5", &format!("it could not be opened or resumed: {why}"));
    }
    last
}

/// The smallest part of a schedule that still breaks a rule.
pub fn shrink(schedule: &Schedule) -> Schedule {
    let mut least = schedule.clone();
    loop {
        let smaller = parts(&least).into_iter().find(|part| !attempt(part).broken.is_empty());
        match smaller {
            Some(part) => least = part,
            None => return least,
        }
    }
}

/// The schedule with one thing less.
fn parts(schedule: &Schedule) -> Vec<Schedule> {
    let mut parts = Vec::new();
    let mut part = |change: &dyn Fn(&mut Schedule)| {
        let mut less = schedule.clone();
        change(&mut less);
        if less != *schedule {
            parts.push(less);
        }
    };
    for at in 0..schedule.strikes.len() {
        part(&|less| drop(less.strikes.remove(at)));
    }
    for at in 0..schedule.kills.len() {
        part(&|less| {
            less.kills.remove(at);
        });
    }
    part(&|less| less.clock_off.clear());
    part(&|less| less.lie = None);
    part(&|less| less.options = SimOptions::default());
    parts
}
