//! From a path to the handler that answers it.

use serde_json::json;

use super::{ask::Ask, envelope::Answer, throttle::Buckets, world::World};

impl World {
    /// Answers a request that passed every gate.
    pub(super) fn route(&mut self, ask: &Ask<'_>, buckets: &mut Buckets) -> Answer {
        let path = ask.path;
        let Some(at) = path.providers().filter(|at| path.len() > at + 2) else { return self.resources(ask) };
        match path.seg(at + 1) {
            "microsoft.desktopvirtualization" => self.desktop(ask, at),
            "microsoft.compute" => self.compute(ask, at),
            "microsoft.authorization" => self.authorization(ask, at),
            "microsoft.resourcegraph" => self.graph(ask, buckets),
            "microsoft.resourcehealth" => self.health(ask, at),
            "microsoft.storage" => self.storage(ask, at),
            "microsoft.insights" => self.insights(ask, at),
            _ => Answer::no_route(ask),
        }
    }
}

/// `/metadata/endpoints`: what a client of another cloud asks first (azure-avd.md §6.4).
pub(super) fn endpoints(base: &str, tenant: &str) -> Answer {
    Answer::json(&json!({
        "name": "farshore-sim",
        "portal": base,
        "authentication": {
            "loginEndpoint": base,
            "audiences": [base, "https://management.azure.com/"],
            "tenant": tenant,
            "identityProvider": "AAD",
        },
        "resourceManager": base,
        "microsoftGraphResourceId": base,
        "suffixes": {"storage": "core.windows.net"},
    }))
}
