//! What must hold at every moment of a run, watched from outside the product: on the wire, in
//! the journal, and in the simulator's own books.
//!
//! | rule | says |
//! |---|---|
//! | I1 | no POST twice for one step item; a repeatable write again only after its dwell |
//! | I2 | no write without its durable intent, letter by letter |
//! | I3 | no grant while the principal or a session is still on the side that is left |
//! | I4 | the journal's chain holds, re-computed here from its bytes |
//! | I5 | every crash can be resumed |
//! | I6 | what the journal calls done is so in the simulator, or was within its staleness |
//! | I7 | no request to another origin |
//! | I8 | no write while the run is not armed, other than items confirmed in this process |
//! | I11 | a gate passes on green items no older than 30 s; what a dead side told before may be older, if it was asked again within that time |
//! | I12 | after a 429 nothing of that kind before its Retry-After |
//! | I13 | when faults stop, the run ends or asks within the step's patience and 15 min |

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use farshore::{
    domain::{
        Operation, Side,
        estate::Estate,
        time::{Span, Timestamp, minutes, seconds},
    },
    engine::{
        Engine, Stamped,
        event::{Acknowledgement, DoneHow, GateItem, GateVerdict, Ground, RunEvent},
    },
    runtime::clock::Clock,
    sim::{EndState, Sim},
    wire::{Request, Response, WireError, body_sha256},
};
use tokio::time::Instant;

/// The only place requests may go to.
pub const AUTHORITY: &str = "127.0.0.1:1";

/// Oldest look a gate may pass on (reliability-security §3).
const GATE_FRESH_S: u64 = 30;

/// Oldest sign of death a gate may rest on: twice the pause of a silent source (design §9).
const SIGN_FRESH_S: u64 = 120;

/// The lists of a pool as an item names them, and how their address ends.
const ASKED: [(&str, &str); 2] = [("hosts", "/sessionhosts"), ("sessions", "/usersessions")];

/// Any of them, and the pool itself.
const POOL: &str = "pool";

/// Beyond the patience of its step a run may be quiet for this long once faults have stopped.
const QUIET: Span = minutes(15);

/// Looks of the grant guard are at most a pace and a look old when the write leaves.
const GUARD_AGE: Span = seconds(20);

/// POSTs that read.
const READING: [&str; 1] = ["/providers/microsoft.resourcegraph/resources"];

/// An item of a step.
type Item = (String, String);

/// What a schedule does on its own, so that a rule is not held against the product for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Disturbance {
    /// Reads may be this old.
    pub stale: Span,
    /// Answers may take this much longer, all attempts of a look together.
    pub slow: Span,
    /// Somebody else creates assignments.
    pub holders: bool,
    /// Somebody signs in without an assignment, or ghosts appear.
    pub sessions: bool,
    /// Somebody or something else turns machines, plans or drain flags.
    pub machines: bool,
    /// The side that is left dies for a while or for good.
    pub dead: bool,
    /// The clock jumps.
    pub clock: bool,
}

impl Disturbance {
    /// How far back what is read may lie behind what is so.
    fn behind(&self) -> Span {
        self.stale + self.slow + GUARD_AGE
    }
}

/// A write that reached the wire.
#[derive(Debug, Clone)]
struct Left {
    at: Timestamp,
    attempt: u32,
    /// Whether the caller was told that nothing was done.
    refused: bool,
}

/// An intent that is durable.
#[derive(Debug, Clone)]
struct Intent {
    item: Item,
    attempt: u32,
    method: String,
    url: String,
    body_sha256: String,
    operation: Operation,
}

/// Names a write between its arrival and its answer.
#[derive(Debug, Clone)]
pub struct Arrival(Option<(Item, usize)>);

#[derive(Debug, Default)]
struct Book {
    broken: Vec<String>,
    intents: HashMap<String, Intent>,
    left: HashMap<Item, Vec<Left>>,
    operations: HashMap<Item, Operation>,
    dwell: HashMap<String, Span>,
    armed: bool,
    held: bool,
    confirmed: BTreeSet<String>,
    fenced: bool,
    /// Who holds what, whenever that was looked at, oldest first.
    holders: Vec<(Timestamp, BTreeMap<String, BTreeSet<String>>)>,
    last_event: Option<Timestamp>,
    quiet_from: Option<Timestamp>,
    patience: Span,
    requests: usize,
    /// When the pool of the side that is left was last asked for anything, and for each of its lists.
    asked: BTreeMap<&'static str, Timestamp>,
}

/// Watches one run through all its processes.
#[derive(Debug)]
pub struct Witness {
    sim: Arc<Sim>,
    clock: Arc<Clock>,
    disturbance: Disturbance,
    /// Names of the application groups a side has, lower case.
    groups: [Vec<String>; 2],
    /// Path of the pool that is left, lower case.
    pool: String,
    /// Ids of the principals that are to be moved, lower case.
    planned: BTreeSet<String>,
    book: Mutex<Book>,
    writes: tokio::sync::watch::Sender<usize>,
}

impl Witness {
    pub fn new(sim: Arc<Sim>, clock: Arc<Clock>, estate: &Estate, disturbance: Disturbance) -> Arc<Self> {
        let names = |side| estate.services[0].group_ids(side).map(|id| id.name().to_lowercase()).collect();
        let groups = estate.services[0].groups.iter();
        let planned = groups.flat_map(|group| &group.principals).map(|who| who.id.as_str().to_lowercase());
        let witness = Self {
            planned: planned.collect(),
            groups: [names(Side::Primary), names(Side::Secondary)],
            pool: estate.services[0].sides[Side::Primary].pool.as_str().to_lowercase(),
            book: Mutex::default(),
            writes: tokio::sync::watch::Sender::new(0),
            sim,
            clock,
            disturbance,
        };
        witness.note_holders();
        Arc::new(witness)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down that a rule was broken.
    pub fn broken(&self, rule: &str, what: &str) {
        let text = format!("{rule} at {}: {what}", self.clock.now());
        self.book().broken.push(text);
    }

    /// Everything that was broken so far.
    pub fn all_broken(&self) -> Vec<String> {
        self.book().broken.clone()
    }

    /// Requests that reached the wire.
    pub fn requests(&self) -> usize {
        self.book().requests
    }

    /// Counts writes, for faults that strike near one.
    pub fn writes(&self) -> tokio::sync::watch::Receiver<usize> {
        self.writes.subscribe()
    }

    /// A new process knows only what the journal says.
    pub fn new_process(&self) {
        let mut book = self.book();
        book.armed = false;
        book.confirmed.clear();
    }

    /// Something goes wrong until then.
    pub fn disturbed_until(&self, at: Timestamp) {
        let mut book = self.book();
        book.quiet_from = book.quiet_from.max(Some(at));
    }

    /// When everything that went wrong so far is over.
    pub fn quiet_from(&self) -> Timestamp {
        self.book().quiet_from.unwrap_or(Timestamp::MIN)
    }

    /// Takes down who holds what; called around everything that can change it.
    pub fn note_holders(&self) {
        let (now, end) = (self.clock.now(), self.sim.end_state());
        let lower = |set: &BTreeSet<String>| set.iter().map(|one| one.to_lowercase()).collect();
        let holders = end.holders.iter().map(|(group, who)| (group.to_lowercase(), lower(who))).collect();
        self.book().holders.push((now, holders));
    }

    /// A request reaches the wire: I1, I2, I7, I8, I12.
    pub fn arrives(&self, request: &Request, shut: &Shut) -> Arrival {
        self.book().requests += 1;
        let authority = request.uri().authority().map_or("", http::uri::Authority::as_str);
        if authority != AUTHORITY {
            self.broken("I7", &format!("a request to {}", request.uri()));
        }
        let write = is_write(request);
        if let Some(until) = shut.until(request.uri().path(), write)
            && Instant::now() < until
        {
            let left = until - Instant::now();
            self.broken("I12", &format!("{} {} {left:?} too early", request.method(), request.uri().path()));
        }
        if !write {
            if request.uri().path().to_lowercase().starts_with(&format!("{}/", self.pool)) {
                let path = request.uri().path().to_lowercase();
                let list = ASKED.into_iter().find(|(_, tail)| path.ends_with(tail));
                let words = [Some(POOL), list.map(|(word, _)| word)];
                let now = self.clock.now();
                self.book().asked.extend(words.into_iter().flatten().map(|word| (word, now)));
            }
            return Arrival(None);
        }
        let arrival = self.write_arrives(request);
        self.writes.send_modify(|count| *count += 1);
        arrival
    }

    fn write_arrives(&self, request: &Request) -> Arrival {
        let id = request.headers().get("x-ms-client-request-id").and_then(|id| id.to_str().ok());
        let Some(intent) = id.and_then(|id| self.book().intents.get(id).cloned()) else {
            self.broken("I2", &format!("{} {} has no durable intent", request.method(), request.uri()));
            return Arrival(None);
        };
        let (step, key) = &intent.item;
        let same = request.method().as_str() == intent.method
            && request.uri().to_string() == intent.url
            && hex(&body_sha256(request.body())) == intent.body_sha256;
        if !same {
            self.broken("I2", &format!("{step}/{key} is not what its intent says"));
        }
        let may = {
            let book = self.book();
            book.armed || book.confirmed.contains(step)
        };
        if !may {
            self.broken("I8", &format!("{step}/{key} left while nothing was armed"));
        }
        self.once(request.method() == http::Method::POST, &intent);
        if matches!(intent.operation, Operation::Grant { .. }) {
            self.grant_arrives(&intent);
        }
        let left = Left { at: self.clock.now(), attempt: intent.attempt, refused: false };
        let mut book = self.book();
        let all = book.left.entry(intent.item.clone()).or_default();
        all.push(left);
        let place = all.len() - 1;
        Arrival(Some((intent.item, place)))
    }

    /// I1: what may have arrived before does not go again, or not yet.
    fn once(&self, post: bool, intent: &Intent) {
        let (step, key) = &intent.item;
        let (now, book) = (self.clock.now(), self.book());
        let dwell = book.dwell.get(step).copied().unwrap_or_default();
        let before = book.left.get(&intent.item).cloned().unwrap_or_default();
        drop(book);
        for left in before.iter().filter(|left| !left.refused) {
            let since = now.duration_since(left.at);
            if post {
                self.broken("I1", &format!("POST of {step}/{key} again, {} s later", since.as_secs()));
            } else if since < dwell && !self.disturbance.clock {
                let attempt = intent.attempt;
                let said = format!("{step}/{key} attempt {attempt} after {} s", since.as_secs());
                self.broken("I1", &format!("{said}, its dwell is {} s", dwell.as_secs()));
            }
            if left.attempt == intent.attempt {
                self.broken("I1", &format!("{step}/{key}: attempt {} left twice", left.attempt));
            }
        }
    }

    /// I3: who is granted on one side is on the other no more, as far as could be known.
    fn grant_arrives(&self, intent: &Intent) {
        let Operation::Grant { scope, principal, .. } = &intent.operation else { return };
        let book = self.book();
        let standby = self.groups[1].contains(&scope.name().to_lowercase());
        if book.fenced || !standby {
            return;
        }
        let now = self.clock.now();
        let behind = now.checked_sub(self.disturbance.behind()).unwrap_or(Timestamp::MIN);
        let who = principal.as_str().to_lowercase();
        let holds = |holders: &BTreeMap<String, BTreeSet<String>>| {
            self.groups[0].iter().any(|group| holders.get(group).is_some_and(|set| set.contains(&who)))
        };
        let at_bound = book.holders.iter().rev().find(|(at, _)| *at <= behind);
        let since = book.holders.iter().filter(|(at, _)| *at > behind);
        let always = at_bound.into_iter().chain(since).all(|(_, holders)| holds(holders));
        drop(book);
        if always && !self.disturbance.clock {
            self.broken("I3", &format!("{who} is granted {} and still holds the other side", scope.name()));
        }
        let quiet = !self.disturbance.sessions && !self.disturbance.holders && !self.disturbance.dead;
        let sessions = self.sim.end_state().sessions[0];
        if quiet && sessions > 0 {
            self.broken(
                "I3",
                &format!("{} is granted with {sessions} sessions on the other side", scope.name()),
            );
        }
    }

    /// The world has acted on a request; the answer is still on its way.
    pub fn acted(&self, request: &http::Uri, arrival: &Arrival) {
        if arrival.0.is_some() && request.path().to_ascii_lowercase().contains("/roleassignments/") {
            self.note_holders();
        }
    }

    /// The answer reaches the caller.
    pub fn answered(&self, arrival: &Arrival, answer: &Result<Response, WireError>) {
        let status = answer.as_ref().map_or(0, |response| response.status().as_u16());
        if status == 0 || status == 429 || status >= 500 {
            self.disturbed_until(self.clock.now());
        }
        let Some((item, place)) = &arrival.0 else { return };
        let refused = (400..500).contains(&status) && status != 408;
        if let Some(left) = self.book().left.get_mut(item).and_then(|all| all.get_mut(*place)) {
            left.refused = refused;
        }
    }

    /// Events have become durable: I6, I11.
    pub fn durable(&self, events: &[Stamped]) {
        for stamped in events {
            self.book().last_event = Some(self.clock.now());
            match &stamped.event {
                RunEvent::Opened(opened) => {
                    let dwell = opened.plan.steps.iter().map(|step| (step.id.clone(), step.dwell));
                    self.book().dwell = dwell.collect();
                }
                RunEvent::Armed { on, .. } => self.book().armed = *on,
                RunEvent::Held { .. } => self.book().held = true,
                RunEvent::Resumed { .. } => self.book().held = false,
                RunEvent::Confirmed(confirmed) => {
                    let mut book = self.book();
                    book.confirmed.insert(confirmed.step.clone());
                    book.fenced |= confirmed.acknowledges == Some(Acknowledgement::FencedByEvidence);
                    for item in &confirmed.items {
                        let key = (confirmed.step.clone(), item.key.clone());
                        book.operations.extend(item.operation.clone().map(|operation| (key, operation)));
                    }
                }
                RunEvent::Intent { .. } => self.intended(&stamped.event),
                RunEvent::Done { step, item: Some(item), how, .. } => self.done(step, item, *how),
                RunEvent::Gate { step, verdict: GateVerdict::Passed, items } => {
                    for item in items {
                        if item.verdict != GateVerdict::Green || !self.is_fresh(item) {
                            self.broken("I11", &format!("{step} passed on {item:?}"));
                        }
                    }
                }
                _ => {}
            }
        }
    }

    /// I11: whether a green item may pass. Its age is that of the oldest answer under it; where that is
    /// what a dead side told before it fell silent, the side must have been asked again.
    fn is_fresh(&self, item: &GateItem) -> bool {
        let age = item.age_s.unwrap_or_default();
        if self.disturbance.clock || age <= GATE_FRESH_S {
            return true;
        }
        let may = match item.id.as_str() {
            "mode-fits" => age <= SIGN_FRESH_S,
            "active-empty-or-dead" => item.value.as_str().contains("sign") && age <= SIGN_FRESH_S,
            "nobody-in-both" => item.ground == Ground::Owed,
            _ => false,
        };
        // The list that it says is not told is the one that must have been asked for.
        let untold = ASKED.into_iter().find(|(word, _)| item.value.as_str().contains(&format!("its {word}")));
        let asked = untold.map_or(POOL, |(word, _)| word);
        let asked = self
            .book()
            .asked
            .get(asked)
            .copied()
            .map(|at| self.clock.now().duration_since(at).as_secs().unsigned_abs());
        may && self.disturbance.dead && asked.is_some_and(|ago| ago <= GATE_FRESH_S)
    }

    fn intended(&self, event: &RunEvent) {
        let RunEvent::Intent { step, item, attempt, operation, request, .. } = event else { return };
        if self.book().held {
            self.broken("I8", &format!("{step}/{item} starts although the run is held"));
        }
        let item = (step.clone(), item.clone());
        let intent = Intent {
            item: item.clone(),
            attempt: *attempt,
            method: request.method.clone(),
            url: request.url.clone(),
            body_sha256: request.body_sha256.clone(),
            operation: operation.clone(),
        };
        let mut book = self.book();
        book.operations.insert(item, operation.clone());
        if book.intents.insert(request.client_request_id.clone(), intent).is_some() {
            drop(book);
            self.broken("I2", &format!("{step}: two intents share {}", request.client_request_id));
        }
    }

    /// I6: done is so.
    fn done(&self, step: &str, item: &str, how: DoneHow) {
        if matches!(how, DoneHow::Manual | DoneHow::Accepted) {
            return;
        }
        let Some(operation) = self.book().operations.get(&(step.to_owned(), item.to_owned())).cloned() else {
            return;
        };
        if !self.was_so(&operation, &self.sim.end_state()) {
            self.broken("I6", &format!("{step}/{item} is called done ({how:?}) and is not so"));
        }
    }

    fn was_so(&self, operation: &Operation, end: &EndState) -> bool {
        let others = self.disturbance.machines || self.disturbance.dead;
        let power = |name: &str, word: &str| {
            end.power.iter().any(|(vm, code)| vm.eq_ignore_ascii_case(name) && code.ends_with(word))
        };
        match operation {
            Operation::StartVm { vm } => others || power(vm.name(), "running"),
            Operation::DeallocateVm { vm } => others || power(vm.name(), "deallocated"),
            Operation::SetAdmission { host, accepts } => {
                let told = end.accepts.iter().find(|(name, _)| name.eq_ignore_ascii_case(host.name()));
                others || told.is_some_and(|(_, now)| now == accepts)
            }
            Operation::SetPlanReferences { plan, pool, references } => {
                let key = format!("{}/{}", plan.name(), pool.name());
                let wanted = references.iter().find(|one| one.pool == *pool).map(|one| one.enabled);
                let told = end.plans.iter().find(|(name, _)| name.eq_ignore_ascii_case(&key));
                others || told.map(|(_, on)| *on) == wanted
            }
            Operation::Revoke { assignment, .. } => {
                self.was_held(assignment.as_str(), false) || self.replaced(assignment.as_str())
            }
            Operation::Grant { scope, .. } => self.was_held(&format!("{}/", scope.as_str()), true),
            Operation::LogOff { .. }
            | Operation::RestartVm { .. }
            | Operation::SendMessage { .. }
            | Operation::RunProbe { .. } => true,
        }
    }

    /// Whether the assignment itself was deleted: a colleague's new one is another assignment.
    fn replaced(&self, path: &str) -> bool {
        let writes = self.sim.writes();
        let last = writes.iter().rev().find(|write| write.path.eq_ignore_ascii_case(path));
        self.disturbance.holders && last.is_some_and(|write| write.method == "DELETE" && write.took_effect)
    }

    /// Whether the planned group held, or did not hold, the application group named in `path`
    /// at some moment that a reader could still have seen.
    fn was_held(&self, path: &str, wanted: bool) -> bool {
        let path = path.to_lowercase();
        let behind = self.clock.now().checked_sub(self.disturbance.behind()).unwrap_or(Timestamp::MIN);
        let book = self.book();
        let known = self.groups.iter().flatten();
        let Some(group) = known.into_iter().find(|name| path.contains(&format!("/{name}/"))) else {
            return true;
        };
        let held = |holders: &BTreeMap<String, BTreeSet<String>>| {
            holders.get(group).is_some_and(|set| !set.is_disjoint(&self.planned)) == wanted
        };
        let at_bound = book.holders.iter().rev().find(|(at, _)| *at <= behind);
        let mut since = book.holders.iter().filter(|(at, _)| *at > behind);
        self.disturbance.clock
            || at_bound.is_some_and(|(_, now)| held(now))
            || since.any(|(_, now)| held(now))
    }

    /// The engine after an input.
    pub fn sees(&self, engine: &Engine) {
        let run = engine.run();
        if let Some(index) = run.current() {
            self.book().patience = run.plan.steps[index].patience;
        }
    }

    /// Waits until the run has been quiet for too long: I13.
    pub async fn stuck(&self) {
        loop {
            let (limit, patience) = {
                let book = self.book();
                let last = book.last_event.max(book.quiet_from).unwrap_or_else(|| self.clock.now());
                (last + book.patience + QUIET, book.patience)
            };
            if self.clock.now() >= limit {
                self.broken("I13", &format!("quiet beyond a patience of {} s", patience.as_secs()));
                return;
            }
            self.clock.sleep_until(limit).await;
        }
    }

    /// What the simulator itself saw that must never be.
    pub fn check_world(&self) {
        for seen in self.sim.violations() {
            let excused = self.disturbance.holders || self.disturbance.sessions || self.book().fenced;
            if !excused {
                self.broken("simulator", &seen);
            }
        }
    }

    /// Every write the simulator knows of has a durable intent.
    pub fn check_ledger(&self) {
        let ids: BTreeSet<String> = self.book().intents.keys().cloned().collect();
        for write in self.sim.writes() {
            if write.client_request_id.as_ref().is_none_or(|id| !ids.contains(id)) {
                self.broken("I2", &format!("{} {} is in no journal", write.method, write.path));
            }
        }
    }

    /// I4: the chain as the journal's documentation describes it, computed anew.
    pub fn check_chain(&self, bytes: &[u8]) {
        if let Err(why) = chain(bytes) {
            self.broken("I4", &why);
        }
    }
}

/// What Azure has forbidden one process for a while.
#[derive(Debug, Default)]
pub struct Shut(Mutex<HashMap<(String, bool), Instant>>);

impl Shut {
    fn key(path: &str, write: bool) -> (String, bool) {
        let mut words = path.trim_start_matches('/').split('/');
        let named = words.next().is_some_and(|word| word.eq_ignore_ascii_case("subscriptions"));
        let subscription = words.next().filter(|_| named).unwrap_or_default();
        (subscription.to_owned(), write)
    }

    fn until(&self, path: &str, write: bool) -> Option<Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&Self::key(path, write)).copied()
    }

    /// Notes a 429 that reached the caller.
    pub fn answered(&self, path: &str, write: bool, answer: &Result<Response, WireError>) {
        let Ok(response) = answer else { return };
        let told = response.headers().get(http::header::RETRY_AFTER).and_then(|text| text.to_str().ok());
        let Some(wait) = told.and_then(|text| text.parse::<u64>().ok()) else { return };
        if response.status().as_u16() == 429 {
            let until = Instant::now() + std::time::Duration::from_secs(wait.clamp(1, 600));
            let mut shut = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let known = shut.entry(Self::key(path, write)).or_insert(until);
            *known = (*known).max(until);
        }
    }
}

/// Whether a request changes something.
pub fn is_write(request: &http::Request<Bytes>) -> bool {
    let path = request.uri().path().to_ascii_lowercase();
    match request.method().as_str() {
        "GET" | "HEAD" => false,
        "POST" => !READING.iter().any(|end| path.ends_with(end)),
        _ => true,
    }
}

/// Re-computes a journal's chain from the text of its documentation.
fn chain(bytes: &[u8]) -> Result<(), String> {
    let mut prev: Option<String> = None;
    for (number, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let at = |what: &str| format!("line {}: {what}", number + 1);
        if line.len() < 76 || !line.ends_with(b"\"}\n") {
            return Err(at("is not whole"));
        }
        let mut body = line[..line.len() - 76].to_vec();
        body.push(b'}');
        let record: serde_json::Value =
            serde_json::from_slice(&body).map_err(|error| at(&error.to_string()))?;
        let named = record["prev"].as_str().unwrap_or_default().to_owned();
        if prev.as_ref().is_some_and(|prev| *prev != named) {
            return Err(at("does not follow the line before"));
        }
        let mut hashed = named.into_bytes();
        hashed.extend_from_slice(&body);
        let hash = hex(&body_sha256(&hashed));
        if line[line.len() - 67..line.len() - 3] != *hash.as_bytes() {
            return Err(at("its hash is not over the hash before and itself"));
        }
        prev = Some(hash);
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
