//! What of Azure answers, by region and provider.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::{
    domain::{Safe, Side, Source, estate::Estate, picture::Picture, reading::SilenceKind},
    readiness::State,
    runtime::session::Session,
};

use super::{Finding, worst};

/// A part of Azure that has not answered by then is not reachable: somebody waits for the page.
const LIMIT: Duration = Duration::from_secs(10);

/// One part of Azure that was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// The region whose objects were asked for; `None`: those of no region.
    pub side: Option<Side>,
    /// The provider, in a word.
    pub provider: &'static str,
    /// How it came out.
    pub state: State,
    /// Milliseconds until the answer was whole; `None`: there was none.
    pub millis: Option<u64>,
    /// Why there was none; empty: there was one.
    pub why: Safe,
    /// What kind of silence it was.
    pub kind: Option<SilenceKind>,
}

/// What is asked of each provider.
fn asked(estate: &Estate) -> Vec<(Option<Side>, &'static str, Source)> {
    let mut all = Vec::new();
    for side in Side::BOTH {
        if let Some(service) = estate.services.first() {
            all.push((Some(side), "desktops", Source::Pool(0, side)));
            all.push((Some(side), "access", Source::Assignments(0, side)));
            if !service.sides[side].accounts.is_empty() {
                all.push((Some(side), "storage", Source::Storage(0, side)));
            }
        }
        all.push((Some(side), "machines", Source::Machines(side)));
        all.push((Some(side), "health", Source::Availability(side)));
    }
    all.push((None, "graph", Source::Inventory));
    all.push((None, "events", Source::Events));
    all.push((None, "activity", Source::AccessChanges));
    all
}

/// Asks them all at once.
pub(super) async fn all(session: &Session, picture: &mut Picture) -> Vec<Reached> {
    let now = || session.clock.now();
    let looks = asked(&session.estate).into_iter().map(|(side, provider, source)| async move {
        let began = Instant::now();
        let look = tokio::time::timeout(LIMIT, session.azure.look(&source, &now)).await;
        (side, provider, began.elapsed(), look.ok())
    });
    let mut reached = Vec::new();
    for (side, provider, took, look) in join_all(looks).await {
        let millis = u64::try_from(took.as_millis()).ok();
        reached.push(match look {
            None => {
                let why = Safe::new(&format!("no answer in {} s", LIMIT.as_secs()));
                let kind = Some(SilenceKind::Unreachable);
                Reached { side, provider, state: State::Crit, millis: None, why, kind }
            }
            Some(observation) => {
                let one = match &observation.outcome {
                    Ok(_) => {
                        let why = Safe::default();
                        Reached { side, provider, state: State::Ok, millis, why, kind: None }
                    }
                    Err(silence) => {
                        let state = match silence.kind {
                            SilenceKind::Unreachable | SilenceKind::Denied => State::Crit,
                            SilenceKind::NotChecked => State::NotConfigured,
                            _ => State::Unknown,
                        };
                        let (why, kind) = (silence.why.clone(), Some(silence.kind));
                        Reached { side, provider, state, millis: None, why, kind }
                    }
                };
                picture.take(observation);
                one
            }
        });
    }
    reached
}

/// Why Azure takes the token of nobody: it asks for another one, or answers nothing and refuses.
pub(super) fn refusal(reached: &[Reached]) -> Option<&Safe> {
    let first = |kind| reached.iter().find(|one| one.kind == Some(kind)).map(|one| &one.why);
    let nothing = reached.iter().all(|one| one.millis.is_none());
    first(SilenceKind::NoToken).or_else(|| first(SilenceKind::Denied).filter(|_| nothing))
}

/// Why nothing at all was answered, by most of them; `None`: something was.
pub(super) fn nothing(reached: &[Reached]) -> Option<String> {
    if reached.iter().any(|one| one.millis.is_some()) {
        return None;
    }
    let all: Vec<&Reached> = reached.iter().collect();
    Some(silent(&all).into_iter().next().unwrap_or_else(|| "nothing was asked".to_owned()))
}

/// What a page says of a silence: how long it took stands in the JSON, and why there is no token above.
fn cause(one: &Reached) -> &str {
    let why = one.why.as_str();
    match one.kind {
        Some(SilenceKind::NoToken) => "no token that Azure takes",
        _ => match why.rsplit_once(", after ") {
            Some((before, after)) if after.contains("(limit") => before,
            _ => why,
        },
    }
}

/// Who is silent, by cause, the commonest first.
fn silent(here: &[&Reached]) -> Vec<String> {
    let mut causes: Vec<(&str, Vec<&str>)> = Vec::new();
    for one in here.iter().filter(|one| one.millis.is_none()) {
        let why = cause(one);
        // Before some stands what was asked for: the cause is what they have in common.
        let same = |known: &str| known.ends_with(why) || why.ends_with(known);
        match causes.iter_mut().find(|(known, _)| same(known)) {
            Some((known, names)) => {
                names.push(one.provider);
                *known = if why.len() < known.len() { why } else { known };
            }
            None => causes.push((why, vec![one.provider])),
        }
    }
    causes.sort_by_key(|(_, names)| std::cmp::Reverse(names.len()));
    let names = |names: Vec<&str>| match names.len() {
        all if all == here.len() && all > 1 => format!("all {all}"),
        _ => names.join(", "),
    };
    causes.into_iter().map(|(why, who)| format!("{}: {why}", names(who))).collect()
}

/// One finding a region, and one for what belongs to none.
pub(super) fn findings(estate: &Estate, reached: &[Reached]) -> Vec<Finding> {
    [(Some(Side::Primary), "reach primary"), (Some(Side::Secondary), "reach secondary"), (None, "reach wide")]
        .into_iter()
        .map(|(side, key)| {
            let here: Vec<&Reached> = reached.iter().filter(|one| one.side == side).collect();
            let told_of = |one: &&Reached| Some(format!("{} {} ms", one.provider, one.millis?));
            let fine: Vec<String> = here.iter().filter_map(told_of).collect();
            let mut told = silent(&here);
            told.extend((!fine.is_empty()).then(|| fine.join(", ")));
            let lead = side.map_or_else(String::new, |side| format!("{}: ", estate.regions[side].display()));
            let state = worst(here.iter().map(|one| one.state));
            let next = "the vantage view tells whether it is dead or only not seen from here";
            Finding::new(key, state, format!("{lead}{}", told.join("; ")), next)
        })
        .collect()
}
