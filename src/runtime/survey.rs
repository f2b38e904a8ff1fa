//! Looks at many sources at once and puts the answers into one picture.

use std::{collections::BTreeSet, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};

use crate::{
    azure::Azure,
    domain::{
        Observation, Safe, Side, Source,
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

/// A monitoring system asks no longer than ten seconds, start and token included: a source that has not
/// answered by then is reported as silent.
const QUICK: Duration = Duration::from_secs(7);
/// For so long what had answered is looked at once more: it must not have grown old while a silent region
/// was waited for.
const AGAIN: Duration = Duration::from_secs(2);

/// A quick look at every source, bounded in real time by `QUICK` and `AGAIN`.
pub async fn quick_look(
    picture: &mut Picture,
    azure: &Azure,
    clock: &Clock,
    sources: impl IntoIterator<Item = Source>,
) {
    let started = clock.now();
    let all: BTreeSet<Source> = sources.into_iter().collect();
    for source in within(QUICK, picture, azure, clock, all.clone()).await {
        let why = Safe::new(&format!("no answer in {} s", QUICK.as_secs()));
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
    within(AGAIN, picture, azure, clock, aged).await;
}

/// Looks at each source for `limit` in real time; those that have not answered come back.
async fn within(
    limit: Duration,
    picture: &mut Picture,
    azure: &Azure,
    clock: &Clock,
    mut open: BTreeSet<Source>,
) -> BTreeSet<Source> {
    let now = || clock.now();
    let mut looks: FuturesUnordered<_> =
        open.iter().cloned().map(|source| async move { azure.look(&source, &now).await }).collect();
    let _ = tokio::time::timeout(limit, async {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        readiness::fixture::World,
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
}
