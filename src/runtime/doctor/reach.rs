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
                Reached { side, provider, state: State::Crit, millis: None, why }
            }
            Some(observation) => {
                let one = match &observation.outcome {
                    Ok(_) => Reached { side, provider, state: State::Ok, millis, why: Safe::default() },
                    Err(silence) => {
                        let state = match silence.kind {
                            SilenceKind::Unreachable | SilenceKind::Denied => State::Crit,
                            SilenceKind::NotChecked => State::NotConfigured,
                            _ => State::Unknown,
                        };
                        // Why there is no token stands above, once.
                        let unasked = silence.kind == SilenceKind::NoToken;
                        let why = if unasked { "not asked: no token".into() } else { silence.why.clone() };
                        Reached { side, provider, state, millis: None, why }
                    }
                };
                picture.take(observation);
                one
            }
        });
    }
    reached
}

/// One finding a region, and one for what belongs to none.
pub(super) fn findings(estate: &Estate, reached: &[Reached]) -> Vec<Finding> {
    [(Some(Side::Primary), "reach primary"), (Some(Side::Secondary), "reach secondary"), (None, "reach wide")]
        .into_iter()
        .map(|(side, key)| {
            let here: Vec<&Reached> = reached.iter().filter(|one| one.side == side).collect();
            let answered = |one: &&&Reached| one.millis.is_some();
            let fine: Vec<String> = here
                .iter()
                .filter(answered)
                .map(|one| format!("{} {} ms", one.provider, one.millis.unwrap_or_default()))
                .collect();
            let mut told = Vec::new();
            // What all of them say is said once.
            let silent: Vec<&&Reached> = here.iter().filter(|one| one.millis.is_none()).collect();
            let same = silent.len() > 1 && silent.iter().all(|one| one.why == silent[0].why);
            if same {
                let names: Vec<&str> = silent.iter().map(|one| one.provider).collect();
                told.push(format!("{}: {}", names.join(", "), silent[0].why));
            } else {
                told.extend(silent.iter().map(|one| format!("{}: {}", one.provider, one.why)));
            }
            told.extend((!fine.is_empty()).then(|| fine.join(", ")));
            let lead = side.map_or_else(String::new, |side| format!("{}: ", estate.regions[side].display()));
            let state = worst(here.iter().map(|one| one.state));
            let next = "the vantage view tells whether it is dead or only not seen from here";
            Finding::new(key, state, format!("{lead}{}", told.join("; ")), next)
        })
        .collect()
}
