//! Api-versions: one row per resource type, replaceable by the estate file.

use crate::domain::estate::Estate;

use super::lane::Provider;

/// A row of the table: what is asked for decides the version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Api {
    /// Host pools, hosts, sessions, application groups, workspaces, scaling plans.
    Avd,
    /// Role assignments and permissions.
    Roles,
    /// Management locks.
    Locks,
    /// Virtual machines, usages and their operations.
    Compute,
    /// Storage accounts.
    Storage,
    /// Resource groups.
    Groups,
    /// Resource Graph.
    Graph,
    /// Resource Health and Service Health.
    Health,
    /// Activity log.
    Activity,
    /// Subscriptions.
    Subscriptions,
}

/// Key in the estate file, our version, and the provider whose limits apply (design §9).
const TABLE: [(Api, &str, &str, Provider); 10] = [
    (Api::Avd, "Microsoft.DesktopVirtualization", "2024-04-03", Provider::Avd),
    (Api::Roles, "Microsoft.Authorization", "2022-04-01", Provider::Authorization),
    (Api::Locks, "Microsoft.Authorization/locks", "2020-05-01", Provider::Authorization),
    (Api::Compute, "Microsoft.Compute", "2024-03-01", Provider::Compute),
    (Api::Storage, "Microsoft.Storage", "2023-05-01", Provider::Storage),
    (Api::Groups, "Microsoft.Resources", "2024-03-01", Provider::Resources),
    (Api::Graph, "Microsoft.ResourceGraph", "2022-10-01", Provider::Graph),
    (Api::Health, "Microsoft.ResourceHealth", "2024-02-01", Provider::Health),
    (Api::Activity, "Microsoft.Insights", "2015-04-01", Provider::Activity),
    (Api::Subscriptions, "Microsoft.Resources/subscriptions", "2022-12-01", Provider::Resources),
];

impl Api {
    /// The provider whose limits apply.
    pub(super) fn provider(self) -> Provider {
        TABLE[self as usize].3
    }
}

/// The versions in force.
#[derive(Debug, Clone)]
pub(super) struct Versions([String; TABLE.len()]);

impl Versions {
    /// Ours, with what the estate file replaces. `Microsoft.Authorization` there means role
    /// assignments and permissions; locks have versions of their own and their own key.
    pub(super) fn new(estate: &Estate) -> Self {
        Self(TABLE.map(|(_, key, ours, _)| {
            let theirs = estate.api_versions.iter().find(|(name, _)| name.eq_ignore_ascii_case(key));
            theirs.map_or(ours, |(_, version)| version.as_str()).to_owned()
        }))
    }

    /// The version for `api`.
    pub(super) fn of(&self, api: Api) -> &str {
        &self.0[api as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{azure::scripted::estate, domain::estate::API_VERSION_KEYS};

    #[test]
    fn every_row_is_found_and_can_be_replaced() {
        for (place, (api, key, ..)) in TABLE.iter().enumerate() {
            assert_eq!(*api as usize, place, "{api:?}");
            assert_eq!(API_VERSION_KEYS[place], *key, "the estate file knows the same keys");
        }
        let mut estate = estate();
        assert_eq!(Versions::new(&estate).of(Api::Compute), "2024-03-01");
        estate.api_versions.insert("microsoft.compute".into(), "2024-07-01".into());
        estate.api_versions.insert("Microsoft.Authorization".into(), "2099-01-01".into());
        let versions = Versions::new(&estate);
        for (api, expected) in [
            (Api::Compute, "2024-07-01"),
            (Api::Roles, "2099-01-01"),
            (Api::Locks, "2020-05-01"),
            (Api::Avd, "2024-04-03"),
        ] {
            assert_eq!(versions.of(api), expected, "{api:?}");
        }
    }
}
