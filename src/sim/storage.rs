//! Microsoft.Storage: the accounts behind the profile shares.

use serde_json::{Value, json};

use super::{
    ask::{Ask, Verb},
    envelope::{Answer, paged},
    topology::Node,
    world::World,
};

impl World {
    /// Routes the provider; `at` is the index of `providers`.
    pub(super) fn storage(&self, ask: &Ask<'_>, at: usize) -> Answer {
        let path = ask.path;
        let scope = if at == 0 { None } else { self.top.find(path.upto(at - 1)) };
        let Some(scope) = scope else { return super::resources::no_scope(ask) };
        if ask.verb != Verb::Get {
            return Answer::no_method(ask);
        }
        match (path.seg(at + 2), path.len() - at) {
            ("storageaccounts", 3) => {
                let hits = (0..self.top.accounts.len()).filter(|i| match scope {
                    Node::ResourceGroup(group) => {
                        let home = super::topology::Shelf::Profiles.in_region(self.top.accounts[*i].region);
                        home == group
                    }
                    _ => true,
                });
                paged(ask, hits.map(|i| self.account_json(i)))
            }
            ("storageaccounts", 4) => match self.top.find(path.upto(at + 3)) {
                Some(Node::Account(account)) => Answer::json(&self.account_json(account)),
                _ => Answer::no_resource(ask),
            },
            _ => Answer::no_route(ask),
        }
    }

    pub(super) fn account_json(&self, at: usize) -> Value {
        let account = &self.top.accounts[at];
        let region = self.top.region(account.region);
        let status = if self.account_usable(account) { "available" } else { "unavailable" };
        json!({
            "id": account.id,
            "name": account.name,
            "type": "Microsoft.Storage/storageAccounts",
            "kind": "FileStorage",
            "location": region.azure,
            "sku": {"name": "Premium_ZRS", "tier": "Premium"},
            "tags": {"content": if account.office { "office" } else { "profile" }},
            "properties": {
                "provisioningState": "Succeeded",
                "primaryLocation": region.azure,
                "statusOfPrimary": status,
                "creationTime": "2026-03-01T08:00:00Z",
                "accessTier": "Hot",
                "allowBlobPublicAccess": false,
                "minimumTlsVersion": "TLS1_2",
                "supportsHttpsTrafficOnly": true,
                "publicNetworkAccess": "Disabled",
                "primaryEndpoints": {"file": format!("https://{}.file.core.windows.net/", account.name)},
                "networkAcls": {"bypass": "AzureServices", "defaultAction": "Deny", "ipRules": [], "virtualNetworkRules": []},
                "encryption": {
                    "keySource": "Microsoft.Storage",
                    "services": {"file": {"keyType": "Account", "enabled": true}, "blob": {"keyType": "Account", "enabled": true}},
                },
            }
        })
    }
}
