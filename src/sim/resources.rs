//! Subscriptions, resource groups and what lies in them.

use serde_json::{Value, json};

use super::{
    ask::{Ask, Verb},
    envelope::{Answer, paged},
    topology::Node,
    world::World,
};

/// 404 for a subscription or resource group that is not there.
pub(super) fn no_scope(ask: &Ask<'_>) -> Answer {
    let path = ask.path;
    if path.seg(2) == "resourcegroups" && path.len() > 3 {
        let group = path.raw_seg(3);
        return Answer::error(
            404,
            "ResourceGroupNotFound",
            &format!("Resource group '{group}' could not be found."),
        );
    }
    Answer::error(
        404,
        "SubscriptionNotFound",
        &format!("The subscription '{}' could not be found.", path.raw_seg(1)),
    )
}

impl World {
    /// Routes paths without a provider.
    pub(super) fn resources(&self, ask: &Ask<'_>) -> Answer {
        let path = ask.path;
        if ask.verb != Verb::Get {
            return Answer::no_method(ask);
        }
        let top = &self.top;
        match (path.seg(0), path.len(), path.seg(2)) {
            ("subscriptions", 1, _) => paged(ask, std::iter::once(self.subscription_json())),
            ("tenants", 1, _) => paged(
                ask,
                std::iter::once(json!({"id": format!("/tenants/{}", top.tenant), "tenantId": top.tenant})),
            ),
            ("subscriptions", _, _) if top.find(path.upto(1)).is_none() => no_scope(ask),
            ("subscriptions", 2, _) => Answer::json(&self.subscription_json()),
            ("subscriptions", 3, "resourcegroups") => {
                paged(ask, (0..top.resource_groups.len()).map(|at| self.resource_group_json(at)))
            }
            ("subscriptions", 3, "resources") => paged(ask, self.generic(None)),
            ("subscriptions", 3, "locations") => paged(ask, self.locations()),
            ("subscriptions", 3, "providers") => paged(ask, PROVIDERS.into_iter().map(provider_json)),
            ("subscriptions", 4, "providers") => provider(ask, path.seg(3)),
            ("subscriptions", 4 | 5, "resourcegroups") => match top.find(path.upto(3)) {
                Some(Node::ResourceGroup(at)) if path.len() == 4 => {
                    Answer::json(&self.resource_group_json(at))
                }
                Some(Node::ResourceGroup(at)) if path.seg(4) == "resources" => {
                    paged(ask, self.generic(Some(at)))
                }
                Some(_) => Answer::no_route(ask),
                None => no_scope(ask),
            },
            _ => Answer::no_route(ask),
        }
    }

    fn subscription_json(&self) -> Value {
        json!({
            "id": format!("/subscriptions/{}", self.top.subscription),
            "subscriptionId": self.top.subscription,
            "tenantId": self.top.tenant,
            "displayName": "contoso production",
            "state": "Enabled",
            "authorizationSource": "RoleBased",
            "managedByTenants": [],
            "subscriptionPolicies": {"locationPlacementId": "Public_2014-09-01", "quotaId": "EnterpriseAgreement_2014-09-01", "spendingLimit": "Off"},
        })
    }

    pub(super) fn resource_group_json(&self, at: usize) -> Value {
        let group = &self.top.resource_groups[at];
        json!({
            "id": group.id,
            "name": group.name,
            "type": "Microsoft.Resources/resourceGroups",
            "location": self.top.region(group.region).azure,
            "tags": {},
            "properties": {"provisioningState": "Succeeded"},
        })
    }

    fn locations(&self) -> impl Iterator<Item = Value> + '_ {
        self.top.regions.iter().enumerate().map(|(at, region)| {
            let pair = &self.top.regions[1 - at].azure;
            json!({
                "id": format!("/subscriptions/{}/locations/{}", self.top.subscription, region.azure),
                "name": region.azure,
                "displayName": region.name,
                "regionalDisplayName": format!("(Europe) {}", region.name),
                "type": "Region",
                "metadata": {
                    "regionType": "Physical", "regionCategory": "Recommended", "geographyGroup": "Europe",
                    "pairedRegion": [{"name": pair, "id": format!("/subscriptions/{}/locations/{pair}", self.top.subscription)}],
                },
            })
        })
    }

    /// Everything, or everything of one resource group, as the generic list shows it.
    fn generic(&self, group: Option<usize>) -> impl Iterator<Item = Value> + '_ {
        let top = &self.top;
        let prefix = group.map(|at| format!("{}/", top.resource_groups[at].id));
        let rows = (top.pools.iter().map(|p| (&p.id, &p.name, p.region)))
            .chain(top.groups.iter().map(|g| (&g.id, &g.name, g.region)))
            .chain(top.workspaces.iter().map(|w| (&w.id, &w.name, w.region)))
            .chain(top.plans.iter().map(|p| (&p.id, &p.name, p.region)))
            .chain(top.vms.iter().map(|v| (&v.id, &v.name, v.region)))
            .chain(top.accounts.iter().map(|a| (&a.id, &a.name, a.region)));
        rows.filter(move |(id, ..)| prefix.as_ref().is_none_or(|p| id.starts_with(p.as_str()))).map(|(id, name, region)| {
            let kind = id.rsplit_once("/providers/").map_or("", |(_, rest)| rest);
            let kind = kind.rsplit_once('/').map_or(kind, |(kind, _)| kind);
            json!({"id": id, "name": name, "type": kind, "location": top.region(region).azure, "tags": {}})
        })
    }
}

/// The namespaces we answer for, with their oldest stable api-version.
///
/// Sources: the folders under `stable/` in azure-rest-api-specs, as far as azure-avd.md §0 pins them.
pub(super) const PROVIDERS: [(&str, &str); 9] = [
    ("Microsoft.DesktopVirtualization", "2021-07-12"),
    ("Microsoft.Compute", "2015-06-15"),
    ("Microsoft.Authorization", "2015-07-01"),
    ("Microsoft.Resources", "2015-11-01"),
    ("Microsoft.ResourceGraph", "2019-04-01"),
    ("Microsoft.ResourceHealth", "2015-01-01"),
    ("Microsoft.Storage", "2015-06-15"),
    ("Microsoft.Insights", "2014-04-01"),
    ("Microsoft.ManagedIdentity", "2018-11-30"),
];

fn provider_json((namespace, oldest): (&str, &str)) -> Value {
    json!({
        "id": format!("/providers/{namespace}"),
        "namespace": namespace,
        "registrationState": "Registered",
        "registrationPolicy": "RegistrationRequired",
        "resourceTypes": [{"resourceType": "operations", "locations": [], "apiVersions": [oldest]}],
    })
}

fn provider(ask: &Ask<'_>, name: &str) -> Answer {
    match PROVIDERS.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        Some(known) => Answer::json(&provider_json(known)),
        None => Answer::error(
            404,
            "InvalidResourceNamespace",
            &format!("The resource namespace '{}' is invalid.", ask.path.raw_seg(3)),
        ),
    }
}
