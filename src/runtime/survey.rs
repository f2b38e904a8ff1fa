//! Looks at many sources at once and puts the answers into one picture.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesUnordered};

use crate::{
    azure::Azure,
    domain::{
        Observation, Safe, Side, Source, death,
        estate::Estate,
        picture::Picture,
        reading::{Silence, SilenceKind},
    },
};

use super::clock::Clock;

/// Looks at every source once, all at the same time; the client's own limits set the pace.
pub async fn survey(azure: &Azure, clock: &Clock, sources: impl IntoIterator<Item = Source>) -> Picture {
    let mut picture = Picture::default();
    survey_into(&mut picture, azure, clock, sources).await;
    picture
}

/// The same, into a picture that already holds something.
pub async fn survey_into(
    picture: &mut Picture,
    azure: &Azure,
    clock: &Clock,
    sources: impl IntoIterator<Item = Source>,
) {
    let now = || clock.now();
    let mut looks: FuturesUnordered<_> =
        sources.into_iter().map(|source| async move { azure.look(&source, &now).await }).collect();
    while let Some(observation) = looks.next().await {
        picture.take(observation);
    }
}

/// How long one look is waited for. A monitoring system asks no longer than ten seconds, start and token
/// included: a source that has not answered by then is reported as silent. What had answered is looked at
/// once more for as long, as it may answer as slowly as before; at the speed of a real estate nothing
/// grows old enough for that while a first look is waited for, so that it takes no second time there.
const PATIENCE: Duration = Duration::from_secs(7);

/// A quick look at every source, each waited for as long as `PATIENCE` in real time.
pub async fn quick_look(
    picture: &mut Picture,
    azure: &Azure,
    clock: &Clock,
    sources: impl IntoIterator<Item = Source>,
) {
    let started = clock.now();
    let all: BTreeSet<Source> = sources.into_iter().collect();
    for source in within(picture, azure, clock, all.clone()).await {
        let why = Safe::new(&format!("no answer in {} s", PATIENCE.as_secs()));
        let outcome = Err(Silence { kind: SilenceKind::Unreachable, why });
        picture.take(Observation { source, started, ended: clock.now(), outcome });
    }
    look_again(picture, azure, clock, all).await;
}

/// Looks once more at those `sources` whose answers have grown old while others were waited for. One that
/// does not answer in time keeps what it has, with its age.
pub async fn look_again(
    picture: &mut Picture,
    azure: &Azure,
    clock: &Clock,
    sources: impl IntoIterator<Item = Source>,
) {
    let now = clock.now();
    let aged = |source: &Source| {
        let reading = picture.reading(source).filter(|reading| reading.silence.is_none());
        let look = reading.and_then(|reading| reading.last.as_ref());
        // Well before it is stale, which is at twice the interval.
        look.is_some_and(|look| now.duration_since(look.at) * 2 > source.interval())
    };
    let aged: BTreeSet<Source> = sources.into_iter().filter(aged).collect();
    within(picture, azure, clock, aged).await;
}

/// Looks at each source for `PATIENCE` in real time; those that have not answered come back.
async fn within(
    picture: &mut Picture,
    azure: &Azure,
    clock: &Clock,
    mut open: BTreeSet<Source>,
) -> BTreeSet<Source> {
    let now = || clock.now();
    let mut looks: FuturesUnordered<_> =
        open.iter().cloned().map(|source| async move { azure.look(&source, &now).await }).collect();
    let _ = tokio::time::timeout(PATIENCE, async {
        while let Some(observation) = looks.next().await {
            open.remove(&observation.source);
            picture.take(observation);
        }
    })
    .await;
    drop(looks);
    open
}

/// What `status` says something about: each of these stands behind a cell that its silence spoils.
pub fn status_sources(estate: &Estate) -> Vec<Source> {
    let mut sources = vec![Source::Events];
    for side in Side::BOTH {
        sources.extend([Source::Control(side), Source::Machines(side)]);
        if !estate.directory[side].is_empty() {
            sources.push(Source::Directory(side));
        }
        for service in 0..estate.services.len() {
            sources.extend([
                Source::Pool(service, side),
                Source::Hosts(service, side),
                Source::Sessions(service, side),
                Source::Assignments(service, side),
            ]);
            if !estate.services[service].sides[side].accounts.is_empty() {
                sources.push(Source::Storage(service, side));
            }
        }
    }
    sources
}

/// What the cockpit watches from its start: the rows of the home screen, and besides what only the lists
/// behind them show, each with its own trouble.
pub fn watch_sources(estate: &Estate) -> Vec<Source> {
    let mut sources = status_sources(estate);
    for side in Side::BOTH {
        sources.push(Source::Availability(side));
        for service in 0..estate.services.len() {
            sources.extend([Source::Groups(service, side), Source::Plans(service, side)]);
        }
    }
    sources
}

/// What must be known of a service to bind a plan to it.
pub fn planning_sources(service: usize) -> Vec<Source> {
    Side::BOTH
        .into_iter()
        .flat_map(|side| {
            [
                Source::Pool(service, side),
                Source::Hosts(service, side),
                Source::Sessions(service, side),
                Source::Assignments(service, side),
                Source::Plans(service, side),
                Source::Machines(side),
            ]
        })
        .collect()
}

/// The calls which would tell of the death of `side` if they went on failing, each with its twin: a
/// failure counts only beside an answer of the same minute. One of each provider, that which failed most
/// often: of one that is left alone for a while little is asked, and all that is must count for one call.
pub fn silent_on(picture: &Picture, service: usize, side: Side) -> BTreeSet<Source> {
    let misses = |source: &Source| {
        let reading = picture.reading(source)?;
        let (_, silence) = reading.silence.as_ref()?;
        let fails = matches!(silence.kind, SilenceKind::Unreachable | SilenceKind::NotAsked);
        fails.then_some(reading.misses)
    };
    let mut most: BTreeMap<&str, (u32, [Source; 2])> = BTreeMap::new();
    for (here, there) in death::calls(service, side).into_iter().zip(death::calls(service, side.other())) {
        let Some(misses) = misses(&here) else { continue };
        let known = most.get(death::provider(&here));
        if known.is_none_or(|(most, _)| misses > *most) {
            most.insert(death::provider(&here), (misses, [here, there]));
        }
    }
    let open = most.into_values().filter(|(misses, _)| *misses < death::FAILED_CALLS);
    open.flat_map(|(_, pair)| pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli,
        domain::picture::STALE_INTERVALS,
        readiness::fixture::World,
        runtime::session::Session,
        status::{Scope, Verdict, summarize},
    };

    #[test]
    fn status_calls_nothing_right_that_it_looked_at_in_vain() {
        let calm = World::calm();
        let verdict =
            |world: &World| summarize(&world.estate, &world.picture, &[], Scope::All, world.now).verdict;
        assert_eq!(verdict(&calm), Verdict::Ok);
        for source in status_sources(&calm.estate) {
            for kind in [SilenceKind::Denied, SilenceKind::Unreachable, SilenceKind::Throttled] {
                let mut world = World::calm();
                world.never(&source, kind);
                // On the primary every host beats: nothing rests on which machines are off.
                let unused = source == Source::Machines(Side::Primary);
                let expected = if unused { Verdict::Ok } else { Verdict::Unknown };
                assert_eq!(verdict(&world), expected, "{source:?} {kind:?}");
            }
        }
    }

    /// A simulated outage whose clock runs ten times as fast as what is waited for.
    fn outage(state: &std::path::Path, more: &str) -> Session {
        let plain = include_str!("../sim/scenarios/region-outage.toml");
        let scenario = state.join("scenario.toml");
        std::fs::write(&scenario, format!("{plain}{more}")).unwrap();
        let sim = format!("--sim={}", scenario.display());
        let words = ["farshore", &sim, "--speed", "10", "--state-dir", state.to_str().unwrap()];
        Session::open(&cli::parse(words.map(std::ffi::OsString::from)).unwrap().global, None).unwrap()
    }

    /// All that was looked at in the region that answers, with its age.
    fn ages(session: &Session, picture: &Picture) -> Vec<(Source, i64)> {
        let here = |source: &Source| source.side() == Some(Side::Secondary);
        let all = status_sources(&session.estate).into_iter().filter(here);
        let now = session.clock.now();
        all.map(|source| {
            let reading = picture.reading(&source).unwrap();
            assert_eq!(reading.silence, None, "{source:?}");
            (source.clone(), now.duration_since(reading.last.as_ref().unwrap().at).as_secs())
        })
        .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn what_grew_old_while_a_silent_region_was_waited_for_is_looked_at_again_however_slow_it_is() {
        for slow in [0, 2] {
            let state = tempfile::tempdir().unwrap();
            let providers = r#"["Microsoft.DesktopVirtualization"]"#;
            let fault = format!(
                "\n[[at]]\nt = \"-12m\"\nfault = \"slow\"\nregion = \"secondary\"\n\
                 providers = {providers}\nms = \"{slow}s\"\n"
            );
            let session = outage(state.path(), if slow > 0 { &fault } else { "" });
            let (began, mut picture) = (session.clock.now(), Picture::default());
            let sources = status_sources(&session.estate);
            quick_look(&mut picture, &session.azure, &session.clock, sources).await;
            let waited = session.clock.now().duration_since(began).as_secs();
            assert!(waited >= 10 * PATIENCE.as_secs() as i64, "{slow}: {waited}");
            for (source, age) in ages(&session, &picture) {
                let old = age > source.interval().as_secs() * i64::from(STALE_INTERVALS);
                assert!(!old, "{slow}: {source:?} is {age} s old");
            }
            let now = session.clock.now();
            let summary = summarize(&session.estate, &picture, &[], Scope::All, now);
            for row in &summary.rows {
                assert!(!row.cells[Side::Secondary].stale, "{slow}: {row:?}");
            }
        }
    }

    #[test]
    fn a_first_look_that_is_waited_for_to_the_end_needs_no_second_one_at_the_speed_of_a_real_estate() {
        let calm = World::calm();
        let shortest = status_sources(&calm.estate).iter().map(Source::interval).min().unwrap();
        assert!(PATIENCE.as_secs() as i64 * 2 < shortest.as_secs(), "{shortest}");
    }
}
