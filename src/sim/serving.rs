//! The simulator as a whole: it opens worlds, answers requests, and keeps the record.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use serde_json::json;

use super::{
    EndState, Fault, Ledger, LedgerEntry, Scenario, SimError, TimeSource, WriteRecord,
    ask::{Ask, Path, Verb},
    envelope::{Answer, Stamps},
    gate::{self, Aim, Fate},
    ledger::FORMAT,
    moment::{Ms, SECOND, http_date, stamp},
    record::{Caller, entry_of, fits, record_of},
    router,
    throttle::{Buckets, Kind},
    token,
    world::World,
};
use crate::wire::{Reply, Request, Response, Wire, WireError};

/// Separates the stream of request ids from the stream of the world.
const REQUEST_STREAM: u64 = 0x9e37_79b9_7f4a_7c15;
/// Items on a page unless told otherwise. Azure's own caps are undocumented; 200 to 300 were
/// seen (azure-avd.md §1.1), a smaller one makes every client prove that it follows links.
const PAGE_SIZE: usize = 100;

/// How a simulator serves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SimOptions {
    /// Network time added to every answer, in milliseconds.
    pub latency_ms: u64,
    /// Largest number of items on a page of a list.
    pub page_size: usize,
    /// Start every list with a legal empty page that carries a nextLink (azure-avd.md §1.1).
    pub empty_first_page: bool,
    /// Estate seconds per real second, told at `/farshore/world`; the simulator itself only reads its clock.
    pub speed: Option<f64>,
}

impl Default for SimOptions {
    fn default() -> Self {
        Self { latency_ms: 0, page_size: PAGE_SIZE, empty_first_page: false, speed: None }
    }
}

/// A simulated Azure. It is a [`Wire`]; clones of its `Arc` share one world.
pub struct Sim {
    scenario: Scenario,
    time: Arc<dyn TimeSource>,
    ledger: Arc<dyn Ledger>,
    options: SimOptions,
    state: Mutex<State>,
}

struct State {
    world: World,
    buckets: Buckets,
    /// Request ids and nonces; never touches the world.
    ids: fastrand::Rng,
    /// The second last served in, and how it reads in routing ids and in dates.
    served: (i64, String, String),
}

/// What becomes of one exchange.
enum Outcome {
    Answered(Response, i64),
    Broken,
    Never,
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim").field("scenario", &self.scenario.name()).finish_non_exhaustive()
    }
}

impl Sim {
    /// Opens a world at its epoch, or rebuilds it from the entries of its ledger.
    ///
    /// With an empty `past` the ledger gets its first entry here. With one, the world is
    /// built from scenario and seed and every entry is applied at its own time; then the
    /// clock goes on from wherever `time` stands. Errors leave nothing behind.
    pub fn open(
        scenario: Scenario,
        seed: u64,
        time: Arc<dyn TimeSource>,
        ledger: Arc<dyn Ledger>,
        past: &[LedgerEntry],
        options: SimOptions,
    ) -> Result<Arc<Self>, SimError> {
        if let Some(first) = past.first() {
            fits(first, &scenario, seed)?;
        } else {
            let opened = LedgerEntry::Opened {
                format: FORMAT,
                scenario_name: scenario.name().to_owned(),
                scenario_toml: scenario.source().to_owned(),
                seed,
                epoch: scenario.epoch(),
            };
            ledger.append(&opened).map_err(|why| SimError::Ledger { why })?;
        }
        let mut world = World::build(&scenario, seed);
        let epoch = scenario.epoch().as_millisecond();
        world.advance(epoch);
        let state = State {
            world,
            buckets: Buckets::new(1, epoch),
            ids: fastrand::Rng::with_seed(seed ^ REQUEST_STREAM),
            served: (i64::MIN, String::new(), String::new()),
        };
        let sim = Self { scenario, time, ledger, options, state: Mutex::new(state) };
        for entry in past {
            sim.replay(entry);
        }
        Ok(Arc::new(sim))
    }

    /// Every write that reached the simulator, in order, whatever became of it.
    pub fn writes(&self) -> Vec<WriteRecord> {
        self.state().world.writes.clone()
    }

    /// Where the world stands now.
    pub fn end_state(&self) -> EndState {
        let mut state = self.state();
        self.catch_up(&mut state);
        state.world.end_state()
    }

    /// Adds a fault now. Where the ledger refuses the entry, nothing changes.
    pub fn inject(&self, fault: Fault) {
        let mut state = self.state();
        let now = self.catch_up(&mut state);
        if self.ledger.append(&LedgerEntry::Injected { at: stamp(now), fault: fault.clone() }).is_ok() {
            state.world.plan_fault(fault, now);
            state.world.advance(now);
        }
    }

    /// Ends every standing fault of this name now.
    pub fn heal(&self, fault_name: &str) {
        let mut state = self.state();
        let now = self.catch_up(&mut state);
        let entry = LedgerEntry::Healed { at: stamp(now), name: fault_name.to_owned() };
        if self.ledger.append(&entry).is_ok() {
            state.world.heal(fault_name);
        }
    }

    /// What the world saw that must never happen: a principal assigned on both living sides
    /// of a service, a user with sessions in both regions. In the order it was seen.
    pub fn violations(&self) -> Vec<String> {
        let mut state = self.state();
        self.catch_up(&mut state);
        state.world.violations.clone()
    }

    /// When the world changes next by itself, for clocks that jump.
    pub fn due(&self) -> Option<Timestamp> {
        self.state().world.next_due().map(stamp)
    }

    /// Writes down where the clock stands, so that a reopened world does not go back behind it.
    pub fn mark(&self) -> Result<(), String> {
        let mut state = self.state();
        let now = self.catch_up(&mut state);
        self.ledger.append(&LedgerEntry::ClockMark { at: stamp(now) })
    }

    /// The scenario it was opened with.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn catch_up(&self, state: &mut State) -> Ms {
        state.world.advance(self.time.now().as_millisecond());
        state.world.now
    }

    fn replay(&self, entry: &LedgerEntry) {
        let mut state = self.state();
        state.world.advance(entry.at().as_millisecond());
        match entry {
            LedgerEntry::Opened { .. } | LedgerEntry::ClockMark { .. } => {}
            LedgerEntry::Injected { at, fault } => {
                state.world.plan_fault(fault.clone(), at.as_millisecond());
                state.world.advance(at.as_millisecond());
            }
            LedgerEntry::Healed { name, .. } => state.world.heal(name),
            LedgerEntry::Spent { index, .. } => state.world.spend(*index),
            LedgerEntry::Write { .. } => self.replay_write(&mut state, entry),
        }
    }

    fn replay_write(&self, state: &mut State, entry: &LedgerEntry) {
        let LedgerEntry::Write { method, path_and_query, body, turned_away, answered, .. } = entry else {
            return;
        };
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let method = http::Method::from_bytes(method.as_bytes()).ok();
        let (Some(path), Some(verb)) = (Path::split(path), method.as_ref().and_then(Verb::of)) else {
            return;
        };
        let Some(mut record) = record_of(entry, path.raw()) else { return };
        if let Some(status) = turned_away {
            record.status = Some(*status);
        } else {
            let ask = self.ask(&path, verb, query, body.as_bytes(), "", state.world.now);
            let answer = state.world.route(&ask, &mut state.buckets);
            record.took_effect = answer.status < 400;
            record.status = answered.map_or(Some(answer.status), |masked| (masked > 0).then_some(masked));
        }
        state.world.writes.push(record);
    }

    fn ask<'a>(
        &self,
        path: &'a Path,
        verb: Verb,
        query: &'a str,
        body: &'a [u8],
        base: &'a str,
        now: Ms,
    ) -> Ask<'a> {
        Ask {
            verb,
            path,
            query,
            body,
            base,
            now,
            view: now,
            page_size: self.options.page_size,
            empty_first_page: self.options.empty_first_page,
        }
    }

    /// One exchange, without network time.
    fn exchange(&self, request: &Request) -> Outcome {
        let uri = request.uri();
        let query = uri.query().unwrap_or("");
        let base = base_of(request);
        let caller = Caller::of(request.headers());
        let mut guard = self.state();
        let state = &mut *guard;
        let now = self.catch_up(state);
        let Some(path) = Path::split(uri.path()) else {
            let answer = Answer::error(414, "InvalidRequestUri", "The request URI is too long.");
            return state.finish(answer, &caller, None, 0);
        };
        if let Some(answer) = self.open_doors(state, request, &path, query, &base) {
            return state.finish(answer, &caller, None, 0);
        }
        let Some(verb) = Verb::of(request.method()) else {
            let answer = Answer::error(405, "HttpMethodNotAllowed", "The HTTP method is not supported.");
            return state.finish(answer, &caller, None, 0);
        };
        if !caller.authorized {
            return state.finish(gate::unauthenticated(), &caller, None, 0);
        }
        let mut ask = self.ask(&path, verb, query, request.body(), &base, now);
        ask.view = state.world.view(verb);
        let aim = state.world.aim(verb, &path);
        let delay = if state.world.faults.is_empty() { 0 } else { state.world.slowness(&ask, aim) };
        self.carry(state, &ask, aim, &caller, delay)
    }

    /// Decides the fate of a request, writes down what must survive, and answers.
    fn carry(&self, state: &mut State, ask: &Ask<'_>, aim: Aim, caller: &Caller<'_>, delay: i64) -> Outcome {
        let mut remaining = None;
        let verdict = match state.admit(ask) {
            Err(answer) => Fate::Turned(answer).into(),
            Ok(left) => {
                remaining = left;
                match gate::check_version(ask) {
                    Some(answer) => Fate::Turned(answer).into(),
                    None => state.world.fate(ask, aim),
                }
            }
        };
        if let Some(index) = verdict.spent {
            if let Err(why) = self.ledger.append(&LedgerEntry::Spent { at: stamp(ask.now), index }) {
                return state.finish(unrecorded(&why), caller, None, delay);
            }
            state.world.spend(index);
        }
        let (turned, masked) = match &verdict.fate {
            Fate::Lost => return Outcome::Broken,
            Fate::Silent => return Outcome::Never,
            Fate::Turned(answer) => (Some(answer.status), None),
            Fate::Handled => (None, None),
            Fate::Masked(answer) => (None, Some(answer.as_ref().map_or(0, |a| a.status))),
        };
        let mut record = None;
        if aim.write {
            let entry = entry_of(ask, caller, turned, masked);
            if let Err(why) = self.ledger.append(&entry) {
                return state.finish(unrecorded(&why), caller, None, delay);
            }
            record = record_of(&entry, ask.path.raw());
        }
        let (answer, told) = match verdict.fate {
            Fate::Turned(answer) => (None, Some(answer)),
            Fate::Masked(instead) => (Some(state.world.route(ask, &mut state.buckets)), instead),
            Fate::Handled | Fate::Lost | Fate::Silent => {
                (Some(state.world.route(ask, &mut state.buckets)), None)
            }
        };
        if let Some(mut record) = record {
            record.took_effect = answer.as_ref().is_some_and(|a| a.status < 400);
            let own = answer.as_ref().map(|a| a.status).filter(|_| masked.is_none());
            record.status = told.as_ref().map(|a| a.status).or(own);
            state.world.writes.push(record);
        }
        match (told, answer, masked) {
            (Some(told), ..) => state.finish(told, caller, remaining, delay),
            (None, _, Some(_)) | (None, None, _) => Outcome::Broken,
            (None, Some(answer), None) => state.finish(answer, caller, remaining, delay),
        }
    }

    /// Paths that ask for no bearer token.
    fn open_doors(
        &self,
        state: &mut State,
        request: &Request,
        path: &Path,
        query: &str,
        base: &str,
    ) -> Option<Answer> {
        match (path.seg(0), path.seg(1), path.len()) {
            ("msi", "token", 2) => {
                let nonce = state.ids.u128(..);
                Some(token::answer(request.headers(), query, self.scenario.tenant(), self.time.wall(), nonce))
            }
            ("metadata", "endpoints", 2) => Some(router::endpoints(base, self.scenario.tenant())),
            ("farshore", "world", 2) => Some(Answer::json(&json!({
                "scenario": self.scenario.name(),
                "source": self.scenario.source(),
                "subscriptions": self.scenario.subscriptions(),
                "tenant": self.scenario.tenant(),
                "epoch": self.scenario.epoch().to_string(),
                "now": stamp(state.world.now).to_string(),
                "speed": self.options.speed,
            }))),
            _ => None,
        }
    }
}

impl State {
    /// Draws on the rate limits; Resource Graph has its own, counted by its handler.
    fn admit(&mut self, ask: &Ask<'_>) -> Result<Option<(&'static str, u32)>, Answer> {
        if ask.path.namespace() == "microsoft.resourcegraph" {
            return Ok(None);
        }
        let kind = Kind::of(ask.verb);
        let subscription = (ask.path.seg(0) == "subscriptions" && ask.path.len() > 1).then_some(0);
        match self.buckets.take(subscription, kind, ask.now) {
            Ok(left) => Ok(Some((kind.header(), left))),
            Err(after) => Err(gate::throttled(&self.world.top.subscription, kind.word(), after)),
        }
    }

    fn finish(
        &mut self,
        answer: Answer,
        caller: &Caller<'_>,
        remaining: Option<(&'static str, u32)>,
        delay: i64,
    ) -> Outcome {
        let request_id = uuid::Builder::from_random_bytes(self.ids.u128(..).to_be_bytes()).into_uuid();
        let second = self.world.now.div_euclid(SECOND);
        if self.served.0 != second {
            let region = if self.world.is_dead(super::Region::Primary) {
                super::Region::Secondary
            } else {
                super::Region::Primary
            };
            let name = self.world.top.region(region).azure.to_ascii_uppercase();
            let routed = format!("{name}:{}", stamp(self.world.now).strftime("%Y%m%dT%H%M%SZ"));
            self.served = (second, routed, http_date(self.world.now));
        }
        let stamps = Stamps {
            request_id,
            correlation: caller.correlation,
            client_request_id: caller.client_request_id.filter(|_| caller.echo),
            served_by: self.served.1.clone(),
            date: self.served.2.clone(),
            remaining,
        };
        Outcome::Answered(answer.finish(&stamps), delay)
    }
}

/// Scheme and authority the caller used, for every absolute URL we emit.
fn base_of(request: &Request) -> String {
    let uri = request.uri();
    let host = || request.headers().get(http::header::HOST).and_then(|v| v.to_str().ok());
    let authority =
        uri.authority().map(http::uri::Authority::as_str).or_else(host).unwrap_or("management.azure.com");
    let scheme = uri.scheme_str().unwrap_or("http");
    let mut base = String::with_capacity(scheme.len() + 3 + authority.len());
    base.push_str(scheme);
    base.push_str("://");
    base.push_str(authority);
    base
}

fn unrecorded(why: &str) -> Answer {
    Answer::error(
        500,
        "InternalServerError",
        &format!("The simulator could not write its ledger ({why}); nothing was changed."),
    )
}

impl Wire for Sim {
    fn call(&self, request: Request) -> Reply<'_> {
        Box::pin(async move {
            let outcome = self.exchange(&request);
            let (result, delay) = match outcome {
                Outcome::Never => return std::future::pending().await,
                Outcome::Broken => {
                    let why = "connection reset by the far end".to_owned();
                    (Err(WireError::Interrupted { why }), 0)
                }
                Outcome::Answered(response, delay) => (Ok(response), delay),
            };
            let wait = self.options.latency_ms + u64::try_from(delay).unwrap_or(0);
            if wait > 0 {
                tokio::time::sleep(Duration::from_millis(wait)).await;
            }
            result
        })
    }
}
