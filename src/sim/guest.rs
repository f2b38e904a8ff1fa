//! What the two known probes print inside a machine (azure-avd.md §3, §4).

use serde_json::json;

use super::{
    hosts::Power,
    moment::{HOUR, Iso, MINUTE, Ms},
    spec::Region,
    topology::Account,
    world::World,
};

/// Run command keeps only the end of what a script prints (azure-avd.md §3).
const TAIL: usize = 4_096;
/// How often the directory replicates between the regions.
const REPLICATION: Ms = 15 * MINUTE;
/// RPC server unavailable, the status of a partner that is gone (azure-avd.md §4).
const RPC_UNAVAILABLE: u32 = 1_722;

impl World {
    /// Keeps the script of the operation that began last.
    pub(super) fn remember_script(&mut self, script: String) {
        if let Some(operation) = self.operations.last_mut() {
            operation.output = Some((script, String::new()));
        }
    }

    /// Runs the script of an operation: what it prints to standard output and standard error.
    pub(super) fn command_output(&self, at: usize) -> (String, String) {
        let operation = &self.operations[at];
        let script = operation.output.as_ref().map_or("", |(script, _)| script.as_str());
        let vm = operation.vm;
        if !self.agent_answers(vm) {
            return (String::new(), "the command timed out".to_owned());
        }
        let out = if script.contains("FSLogix\\Profiles") {
            self.profile_probe(vm)
        } else if script.contains("repadmin") {
            self.directory_probe(vm)
        } else {
            return (String::new(), "not simulated".to_owned());
        };
        (tail(&out), String::new())
    }

    /// The registry and Cloud Cache of a session host, its own region's store first.
    fn profile_probe(&self, vm: usize) -> String {
        let Some(host) = self.top.vms[vm].host else { return "{}".to_owned() };
        let pool = &self.top.pools[self.top.hosts[host].pool];
        let order = [pool.region, pool.region.other()];
        let store = |region: Region, office: bool| {
            self.top
                .accounts
                .iter()
                .find(|a| a.region == region && a.service == pool.service && a.office == office)
        };
        let locations = |office: bool, share: &str| {
            let parts: Vec<String> = order
                .into_iter()
                .filter_map(|region| store(region, office))
                .map(|account| {
                    format!("type=smb,connectionString=\\\\{}.file.core.windows.net\\{share}", account.name)
                })
                .collect();
            parts.join(";")
        };
        let providers: Vec<serde_json::Value> = order
            .into_iter()
            .filter_map(|region| store(region, false))
            .map(|account| {
                let connected = self.account_usable(account);
                json!({
                    "name": account.name,
                    "connected": connected,
                    "state": if connected { "Valid" } else { "Invalid" },
                })
            })
            .collect();
        json!({
            "profileType": 0,
            "ccdLocations": locations(false, "profiles"),
            "officeCcdLocations": locations(true, "office"),
            "register": 0,
            "unregister": 1,
            "providers": providers,
        })
        .to_string()
    }

    /// Whether the data of an account can be reached.
    pub(super) fn account_usable(&self, account: &Account) -> bool {
        let down = self.standing(super::fault::FaultKind::ShareDown).any(|s| {
            let service = self.top.service_named(s.fault.scope.service.as_deref());
            s.fault.scope.region == Some(account.region) && service.is_none_or(|at| at == account.service)
        });
        !down && !self.storage_gone(account.region)
    }

    /// `dcdiag` and `repadmin` of one domain controller, as one line.
    fn directory_probe(&self, vm: usize) -> String {
        let partners: Vec<usize> = Region::BOTH
            .into_iter()
            .flat_map(|region| self.controllers(region))
            .filter(|other| *other != vm)
            .collect();
        let works = |other: &&usize| self.vms[**other].power == Power::Running && !self.vms[**other].lost;
        let gone: Vec<usize> = partners.iter().filter(|other| !works(other)).copied().collect();
        let round = self.now - self.now.rem_euclid(REPLICATION);
        let oldest = gone.iter().map(|other| self.lost_since(*other)).min().unwrap_or(round);
        let failed: Vec<&str> = if gone.is_empty() { Vec::new() } else { vec!["Replications"] };
        json!({
            "dcdiag": {"passed": 20 - failed.len(), "failed": failed},
            "replication": {
                "partners": partners.len(),
                "failures": gone.len(),
                "worstStatus": if gone.is_empty() { 0 } else { RPC_UNAVAILABLE },
                "oldestSuccess": Iso(oldest),
            }
        })
        .to_string()
    }

    fn lost_since(&self, vm: usize) -> Ms {
        let region = self.top.vms[vm].region;
        let dead =
            self.standing(super::fault::FaultKind::Dead).find(|s| s.fault.scope.region == Some(region));
        let since = dead.map_or(self.vms[vm].since, |s| s.since);
        (since - since.rem_euclid(REPLICATION)).min(self.now).max(self.now - 24 * 400 * HOUR)
    }
}

/// The last bytes of a text, cut at a character.
fn tail(text: &str) -> String {
    let from = text.len().saturating_sub(TAIL);
    let from = (from..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    text[from..].to_owned()
}
