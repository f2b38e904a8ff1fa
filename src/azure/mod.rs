//! The adapter: domain words in, Azure Resource Manager out.
//!
//! Everything that leaves goes through [`Wire`] and through one function, `Client::call`.
//! Reads are bounded, limited, and tried again; a write is sent once and never again from
//! here. What comes back is decoded leniently and judged strictly: whatever cannot be read
//! makes an answer incomplete, never better than it is.

mod account;
mod activity;
mod avd;
mod breaker;
mod client;
mod compute;
mod dates;
mod decode;
mod definitions;
mod failure;
mod follow;
mod graph;
mod health;
#[cfg(test)]
mod hostile;
mod lane;
mod lenient;
mod limits;
mod look;
mod origin;
mod page;
mod place;
mod probe;
mod retry;
mod roles;
#[cfg(test)]
mod scripted;
mod storage;
pub mod tokens;
mod version;
mod write;

pub use limits::Limits;
pub use origin::{Endpoint, EndpointError, Loopback};
pub use place::own_region;
pub use tokens::{Bearer, Identity, Issuer, Life, Secret, TokenError, TokenSource, TokenStatus};
pub use write::{InTime, WriteIds};

use std::{fmt, sync::Arc};

use crate::{
    domain::{
        ArmId, Observation, Safe, Source,
        estate::Estate,
        operation::{Encode, FollowUrl, Progress, Sent, WriteImage},
        reading::Silence,
        time::{Skew, Timestamp},
    },
    wire::{Permit, Wire},
};

use self::{client::Client, lane::Lane, origin::Origin, write::Encoder};

/// What an [`Azure`] is made for.
#[derive(Debug, Clone)]
pub struct AzureOptions {
    /// The Resource Manager to talk to.
    pub endpoint: Endpoint,
    /// The estate: its objects, regions and api-versions.
    pub estate: Arc<Estate>,
    /// How much to ask.
    pub limits: Limits,
    /// Seed of request ids and of the jitter of waits.
    pub seed: u64,
}

impl AzureOptions {
    /// Options with the designed limits.
    pub fn new(endpoint: Endpoint, estate: Arc<Estate>) -> Self {
        Self { endpoint, estate, limits: Limits::default(), seed: 0 }
    }
}

/// Azure, as the rest of the cockpit sees it. Cheap to clone.
#[derive(Clone)]
pub struct Azure(Arc<Client>);

impl fmt::Debug for Azure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Azure").field(&self.0.origin.as_str()).finish()
    }
}

impl Azure {
    /// An adapter over `wire`. The outermost wire should be the guard.
    pub fn new(wire: Arc<dyn Wire>, tokens: Arc<dyn TokenSource>, options: AzureOptions) -> Self {
        let AzureOptions { endpoint, estate, limits, seed } = options;
        Self(Arc::new(Client::new(wire, tokens, Origin::new(&endpoint), estate, limits, seed)))
    }

    /// Counts limits and waits in the time of an estate whose clock runs `speed` times as fast as
    /// ours. Azure's own runs at 1, which is where a client starts.
    pub fn set_pace(&self, speed: f64) {
        self.0.set_pace(speed);
    }

    /// One look at a source, within 20 s. Reads only; each request is tried at most three times.
    /// `clock` tells the estate's time, for the stamps of the look; what Azure dates is put on it.
    pub async fn look(&self, source: &Source, clock: &(dyn Fn() -> Timestamp + Sync)) -> Observation {
        let started = clock();
        let visit = self.0.visit(look::lane(&self.0, source));
        let outcome = look::look(&self.0, &visit, source, started).await;
        let ended = clock();
        let skew = visit.dates.skew(started, ended);
        self.0.note_skew(skew);
        let outcome = outcome.map(|answer| dates::on_our_clock(answer, skew));
        let outcome = outcome.map_err(|failure| failure.silence(""));
        Observation { source: source.clone(), started, ended, outcome }
    }

    /// The tenant that a subscription belongs to, by a read of it.
    pub async fn tenant_of(&self, subscription: &ArmId) -> Result<Safe, Silence> {
        let visit = self.0.visit(Lane::Wide);
        account::tenant_of(&self.0, &visit, subscription).await.map_err(|failure| failure.silence(""))
    }

    /// How far our clock is off Azure's, by the last look whose answers told.
    pub fn skew(&self) -> Option<Skew> {
        self.0.skew()
    }

    /// What turns operations into requests for this origin.
    pub fn encoder(&self) -> Arc<dyn Encode> {
        Arc::new(Encoder { origin: Arc::from(self.0.origin.as_str()), versions: self.0.versions.clone() })
    }

    /// Sends one permitted write exactly once, and never again whatever becomes of it. `in_time` is asked
    /// last, when nothing is left to be waited for but the connection.
    pub async fn send(
        &self,
        image: &WriteImage,
        permit: Permit,
        ids: &WriteIds,
        in_time: InTime<'_>,
    ) -> Sent {
        write::send(&self.0, image, permit, ids, in_time).await
    }

    /// One look at a long operation. Its address is checked against our origin every time,
    /// wherever it was kept.
    pub async fn follow(&self, follow: &FollowUrl) -> Progress {
        follow::follow(&self.0, &self.0.visit(Lane::Wide), follow).await
    }
}
