//! Whether this machine and this identity can do their work: what `doctor` looks at, and what it says.

mod outside;
mod page;
mod reach;
mod rights;

use std::env;

use crate::{
    app::{RunSummary, run::drills},
    azure::{Bearer, Life, TokenError, TokenStatus, tokens::Rest},
    domain::{
        Safe, Side,
        advice::{self, Lack},
        health::same_region,
        picture::Picture,
        time::{Skew, Span, Timestamp, seconds, span_text},
    },
    engine::event::WorldKind,
    journal::{lock, runs},
    readiness::{self, State},
    vault,
};

use super::{
    facts, listing,
    session::{Place, Session},
    survey,
    verbs::identity,
};

pub use outside::no_authorities;
pub use page::{json, table};
pub use reach::Reached;
pub use rights::Capability;

/// A clock that is off by more than this makes ages wrong by as much.
const SKEW_WARN: Span = seconds(5);

/// Azure takes no token from a machine whose clock is off by more than this.
const SKEW_CRIT: Span = seconds(300);

/// What is done about what only Azure can tell.
const AGAIN: &str = "look again when Azure answers";

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What: the key in JSON, and the first column.
    pub key: &'static str,
    /// How it came out.
    pub state: State,
    /// What was found.
    pub told: Safe,
    /// What a person does about it; empty: nothing.
    pub next: &'static str,
}

impl Finding {
    fn new(key: &'static str, state: State, told: impl AsRef<str>, next: &'static str) -> Self {
        let next = if matches!(state, State::Ok | State::NotConfigured) { "" } else { next };
        Self { key, state, told: Safe::new(told.as_ref()), next }
    }
}

/// Everything that was found.
#[derive(Debug)]
pub struct Examined {
    /// Name of the estate.
    pub estate: String,
    /// Simulated or live.
    pub world: WorldKind,
    /// When.
    pub at: Timestamp,
    /// The findings, in the order of the page.
    pub findings: Vec<Finding>,
    /// What of each part of Azure answered.
    pub reached: Vec<Reached>,
    /// What may be done, for each thing that farshore does.
    pub capabilities: Vec<Capability>,
}

impl Examined {
    /// The worst of all findings.
    pub fn verdict(&self) -> State {
        self.findings.iter().map(|finding| finding.state).max().unwrap_or(State::Unknown).max(State::Ok)
    }

    /// 0: farshore can work here; 1: something stands in the way, or could not be told.
    pub fn exit_code(&self) -> u8 {
        u8::from(self.verdict() > State::Warn)
    }
}

/// Looks at everything. Nothing is changed, in Azure or here.
pub async fn examine(session: &Session) -> Examined {
    // Asked for before the reach is timed, and judged after it: only Azure tells what a token is worth.
    let bearer = session.tokens.bearer().await;
    let mut findings = Vec::new();
    findings.extend(secrets(session));
    findings.extend(memory(session.world(), vault::is_withheld()));
    findings.push(cache(&session.tokens.describe().rest, session.world()));
    let mut picture = Picture::default();
    let reached = reach::all(session, &mut picture).await;
    let now = Timestamp::now();
    findings.insert(0, who(session.world(), &bearer, &session.tokens.describe(), &reached, now));
    for service in 0..session.estate.services.len() {
        let sources = rights::sources(&session.estate, &picture, service);
        survey::quick_look(&mut picture, &session.azure, &session.clock, sources).await;
    }
    let capabilities = rights::judge(&session.estate, &picture);
    findings.extend(rights::findings(&capabilities));
    findings.extend(reach::findings(&session.estate, &reached));
    findings.push(clock(session.azure.skew()));
    findings.extend([outside::proxy(session), outside::authorities(session)]);
    let facts = facts::gather(session, None).await;
    findings.push(place(session, facts.own_region.as_ref()));
    findings.push(held(session));
    findings.push(drill(session));
    Examined {
        estate: session.estate.name.clone(),
        world: session.world(),
        at: session.clock.now(),
        findings,
        reached,
        capabilities,
    }
}

/// Who acts, by which source, until when, and whether Azure takes it.
fn who(
    world: WorldKind,
    bearer: &Result<Bearer, TokenError>,
    known: &TokenStatus,
    reached: &[Reached],
    now: Timestamp,
) -> Finding {
    const KEY: &str = "identity";
    if world == WorldKind::Sim {
        return Finding::new(KEY, State::NotConfigured, "simulated: no token is needed", "");
    }
    let Some(identity) = &known.identity else {
        let why = match (&known.trouble, bearer) {
            (Some(trouble), _) => trouble.to_string(),
            (None, Err(error)) => error.to_string(),
            (None, Ok(_)) => "nobody knows whom the token is for".to_owned(),
        };
        let next = advice::about(&why).unwrap_or_else(|| advice::of(known.source, Lack::Proof));
        return Finding::new(KEY, State::Crit, why, next);
    };
    // Who gave it is known here, whatever the reason names.
    let next = |why: &str| {
        let lack = if advice::about(why).is_some() { Lack::Token } else { Lack::Proof };
        advice::of(known.source, lack)
    };
    let by = format!("{identity} by {}", known.source);
    let lost = || known.trouble.as_ref().map_or_else(|| "Azure refused it".to_owned(), ToString::to_string);
    let ends = match known.life {
        Life::Until(ends) => Some(ends),
        Life::Unknown => None,
        Life::None => {
            let why = lost();
            return Finding::new(KEY, State::Crit, format!("no token: {why} ({by})"), next(&why));
        }
    };
    let told = format!("{by}, {}", identity::life(ends, now));
    if let Some(why) = reach::refusal(reached) {
        return Finding::new(
            KEY,
            State::Crit,
            format!("Azure refuses it: {why} ({told})"),
            next(why.as_str()),
        );
    }
    let is_over = ends.is_some_and(|ends| ends <= now);
    let (state, told) = match &known.trouble {
        Some(trouble) => (State::Warn, format!("{told}; not renewed: {trouble}")),
        None if is_over => return Finding::new(KEY, State::Crit, told, next("")),
        None => (State::Ok, told),
    };
    if let Some(why) = reach::nothing(reached) {
        let told = format!("not known, Azure answers nothing: {told}; {why}");
        return Finding::new(KEY, State::Unknown, told, AGAIN);
    }
    let why = known.trouble.as_ref().map(ToString::to_string).unwrap_or_default();
    Finding::new(KEY, state, told, next(&why))
}

/// A secret that every process of this user can read.
fn secrets(session: &Session) -> Option<Finding> {
    let stands = env::var_os("AZURE_CLIENT_SECRET").is_some_and(|secret| !secret.is_empty());
    (stands && session.world() == WorldKind::Live).then(|| {
        Finding::new(
            "environment",
            State::Warn,
            "AZURE_CLIENT_SECRET stands in the environment, for every process of this user to read",
            "use a managed identity or a federated token instead",
        )
    })
}

/// Tokens that a crash could leave behind.
fn memory(world: WorldKind, withheld: bool) -> Option<Finding> {
    (!withheld && world == WorldKind::Live).then(|| {
        Finding::new(
            "memory",
            State::Warn,
            "a core dump of farshore would carry tokens: this system does not let it refuse",
            "turn core dumps off for this user",
        )
    })
}

/// Which rung of the ladder holds, and why.
fn cache(rest: &Rest, world: WorldKind) -> Finding {
    match rest {
        _ if world == WorldKind::Sim => {
            Finding::new("token cache", State::NotConfigured, "simulated: nothing is kept", "")
        }
        Rest::Sealed { .. } => Finding::new("token cache", State::Ok, identity::rest(rest).as_str(), ""),
        Rest::Memory { .. } => Finding::new(
            "token cache",
            State::Warn,
            identity::rest(rest).as_str(),
            "farshore login keeps a token sealed for the processes to come",
        ),
    }
}

/// How far our clock is off Azure's.
fn clock(skew: Option<Skew>) -> Finding {
    const NEXT: &str = "set this machine's clock: ages are wrong by as much";
    let Some(skew) = skew else {
        return Finding::new("clock", State::Unknown, "no answer told the time", AGAIN);
    };
    let (off, state) = match skew.likely.abs() {
        off if off > SKEW_CRIT => (off, State::Crit),
        off if off > SKEW_WARN => (off, State::Warn),
        off => (off, State::Ok),
    };
    let way = if skew.likely.is_negative() { "behind" } else { "ahead of" };
    let told = match state {
        State::Ok => format!("within {} s of Azure's", SKEW_WARN.as_secs()),
        _ => format!("{} {way} Azure's", span_text(off)),
    };
    Finding::new("clock", state, told, NEXT)
}

/// Whether this machine would burn with a region.
fn place(session: &Session, own: Option<&Safe>) -> Finding {
    let asked = matches!(&session.place, Place::Live(endpoint) if !endpoint.is_loopback());
    let Some(own) = own else {
        let told = if asked { "not on an Azure machine, or it does not say where" } else { "not asked here" };
        return Finding::new("place", State::NotConfigured, told, "");
    };
    let burns =
        Side::BOTH.into_iter().find(|side| same_region(own.as_str(), &session.estate.regions[*side].azure));
    match burns {
        Some(side) => Finding::new(
            "place",
            State::Warn,
            format!(
                "this machine runs in {}, one of the two regions",
                session.estate.regions[side].display()
            ),
            "have a second machine outside both: this one goes down with its region",
        ),
        None => {
            Finding::new("place", State::Ok, format!("this machine runs in {own}, outside both regions"), "")
        }
    }
}

/// Whether somebody else works on the estate.
fn held(session: &Session) -> Finding {
    match lock::holder(&session.lock_keys(), &session.state) {
        Some(holder) => {
            Finding::new("lock", State::Warn, format!("held by {holder}"), "talk to the person who holds it")
        }
        None => Finding::new("lock", State::Ok, "free", ""),
    }
}

/// The rehearsal of this estate that came to its end last, by the age of its file.
pub(super) fn drill(session: &Session) -> Finding {
    const NEXT: &str = "rehearse: farshore --sim=region-outage";
    let runs = listing::of(session);
    // A rehearsal lives by a clock of its own: when it was is told by its file.
    let age = |run: &RunSummary| {
        let path = runs::find(&session.state, &run.run).ok();
        let written = path.and_then(|path| path.metadata().and_then(|found| found.modified()).ok())?;
        Span::try_from(written.elapsed().unwrap_or_default()).ok()
    };
    let dated = drills(runs.iter()).map(|(ended, run)| (age(run), ended, run));
    // What has no file to tell comes last.
    let youngest = dated.min_by_key(|(age, ..)| age.map_or((1, 0), |age| (0, age.as_secs())));
    let Some((age, ended, run)) = youngest else {
        return Finding::new("last drill", State::Warn, "no rehearsal has come to its end here", NEXT);
    };
    let ago = age.map(|age| format!(" {} ago", span_text(age))).unwrap_or_default();
    let told = format!("{}{ago}, of {}, {}", run.run, ended.strftime("%Y-%m-%d"), run.state);
    Finding::new("last drill", State::Ok, told, "")
}

/// The worst of what is told of several things; nothing is fine.
fn worst(states: impl Iterator<Item = readiness::State>) -> State {
    states.max().unwrap_or(State::Ok)
}

#[cfg(test)]
mod tests;
