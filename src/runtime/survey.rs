//! Looks at many sources at once and puts the answers into one picture.

use futures_util::{StreamExt, stream::FuturesUnordered};

use crate::{
    azure::Azure,
    domain::{Side, Source, picture::Picture},
};

use super::clock::Clock;

/// Looks at every source once, all at the same time; the client's own limits set the pace.
pub async fn survey(azure: &Azure, clock: &Clock, sources: impl IntoIterator<Item = Source>) -> Picture {
    let mut picture = Picture::default();
    let now = || clock.now();
    let mut looks: FuturesUnordered<_> =
        sources.into_iter().map(|source| async move { azure.look(&source, &now).await }).collect();
    while let Some(observation) = looks.next().await {
        picture.take(observation);
    }
    picture
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
