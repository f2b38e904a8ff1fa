//! What the probes that run inside machines report.

use serde::Deserialize;

use super::{
    Safe,
    time::{Span, Timestamp, minutes},
};

/// A profile store of Cloud Cache as its host sees it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CacheProvider {
    /// Name from the connection string.
    pub name: Safe,
    /// Whether the host reaches it.
    pub connected: bool,
    /// State word, such as `Valid`.
    pub state: Safe,
}

/// FSLogix settings of one session host, read from its registry.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FslogixReport {
    /// `ProfileType`; 0 is a normal profile, used by one host at a time. `None`: not set.
    pub profile_type: Option<u32>,
    /// Connection string of the profile container.
    #[serde(default)]
    pub ccd_locations: Option<Safe>,
    /// Connection string of the office container.
    #[serde(default)]
    pub office_ccd_locations: Option<Safe>,
    /// `HealthyProvidersRequiredForRegister`: stores that must be healthy for a sign-in to go on.
    #[serde(default)]
    pub register: Option<u32>,
    /// `HealthyProvidersRequiredForUnregister`: stores that must be flushed to before a sign-out ends.
    #[serde(default)]
    pub unregister: Option<u32>,
    /// Providers, where the agent can list them.
    #[serde(default)]
    pub providers: Vec<CacheProvider>,
}

/// Why the output of a probe is no report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// There is no line that holds a JSON object; run command keeps only the last 4096 bytes.
    #[error("the probe printed no report, or its beginning was cut off")]
    NoReport,
    /// The line is not the report of this probe.
    #[error("the probe's report cannot be read")]
    Unreadable,
}

impl FslogixReport {
    /// Reads the probe's output.
    pub fn parse(output: &str) -> Result<Self, ProbeError> {
        report(output)
    }

    /// Whether every profile store is connected and valid; `None`: the host lists none.
    pub fn stores_healthy(&self) -> Option<bool> {
        let healthy =
            |store: &CacheProvider| store.connected && store.state.as_str().eq_ignore_ascii_case("Valid");
        (!self.providers.is_empty()).then(|| self.providers.iter().all(healthy))
    }
}

/// Health and replication of one domain controller.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DirectoryReport {
    /// What `dcdiag` says.
    pub dcdiag: Diagnosis,
    /// What `repadmin` says.
    pub replication: Replication,
}

/// Tests of `dcdiag`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Diagnosis {
    /// Tests passed.
    pub passed: u32,
    /// Names of the tests that failed.
    pub failed: Vec<Safe>,
}

/// Inbound replication of one domain controller.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Replication {
    /// Links to other domain controllers, one per naming context.
    pub partners: u32,
    /// Links that failed at their last attempt.
    pub failures: u32,
    /// Worst Win32 status among them; 0 is fine, 1722 is "RPC server unavailable".
    pub worst_status: u32,
    /// Oldest last success among the links; `None`: one has never succeeded, or there is none.
    pub oldest_success: Option<Timestamp>,
}

/// Replication between sites runs every 180 min by default; older than this is late (azure-avd §4).
pub const REPLICATION_LIMIT: Span = minutes(195);

impl DirectoryReport {
    /// Reads the probe's output.
    pub fn parse(output: &str) -> Result<Self, ProbeError> {
        report(output)
    }

    /// Whether all tests passed and replication is neither failing nor late at `now`.
    pub fn healthy(&self, now: Timestamp) -> bool {
        let recent = |at: Timestamp| now.duration_since(at) <= REPLICATION_LIMIT;
        self.dcdiag.passed > 0
            && self.dcdiag.failed.is_empty()
            && self.replication.failures == 0
            && self.replication.worst_status == 0
            && self.replication.oldest_success.is_some_and(recent)
    }
}

/// The last line that holds a JSON object. What was escaped on the way to us no longer parses.
fn report<'a, T: Deserialize<'a>>(output: &'a str) -> Result<T, ProbeError> {
    let lines =
        output.split("<U+000A>").flat_map(str::lines).map(|line| line.trim_end_matches("<U+000D>").trim());
    let line = lines.filter(|line| line.starts_with('{')).last().ok_or(ProbeError::NoReport)?;
    serde_json::from_str(line).map_err(|_| ProbeError::Unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fslogix_reports_are_read_from_the_last_line() {
        let json = r#"{"profileType":0,"ccdLocations":"type=smb,name=WE,connectionString=\\\\stwe\\p","officeCcdLocations":null,"register":0,"unregister":1,"providers":[{"name":"WE","connected":true,"state":"Valid"}]}"#;
        let report = FslogixReport::parse(&format!("WARNING: old module\r\n{json}\r\n")).unwrap();
        assert_eq!((report.profile_type, report.unregister), (Some(0), Some(1)));
        assert_eq!(report.stores_healthy(), Some(true));
        let lost = FslogixReport::parse(&json.replace("true", "false")).unwrap();
        assert_eq!(lost.stores_healthy(), Some(false));
        assert_eq!(FslogixReport::parse(r#"{"profileType":null}"#).unwrap().stores_healthy(), None);
        for (output, expected) in [
            ("", ProbeError::NoReport),
            ("…ue,\"state\":\"Valid\"}]}", ProbeError::NoReport),
            ("{\"profileType\":0", ProbeError::Unreadable),
            ("{\"profileType\":\"x\"}", ProbeError::Unreadable),
        ] {
            assert_eq!(FslogixReport::parse(output), Err(expected), "{output}");
        }
    }

    #[test]
    fn a_domain_controller_is_healthy_only_when_all_of_it_is() {
        let now: Timestamp = "2026-11-20T10:00:00Z".parse().unwrap();
        let check = |dcdiag: &str, replication: &str, healthy: bool| {
            let output = format!(r#"{{"dcdiag":{dcdiag},"replication":{replication}}}"#);
            let report = DirectoryReport::parse(&output).unwrap();
            assert_eq!(report.healthy(now), healthy, "{output}");
        };
        let (good, fine) = (
            r#"{"passed":22,"failed":[]}"#,
            r#"{"partners":10,"failures":0,"worstStatus":0,"oldestSuccess":"2026-11-20T09:31:07Z"}"#,
        );
        check(good, fine, true);
        check(r#"{"passed":21,"failed":["DFSREvent"]}"#, fine, false);
        check(r#"{"passed":0,"failed":[]}"#, fine, false);
        check(good, &fine.replace("\"failures\":0", "\"failures\":1"), false);
        check(good, &fine.replace("\"worstStatus\":0", "\"worstStatus\":1722"), false);
        check(good, &fine.replace("T09:31", "T06:31"), false);
        check(good, &fine.replace("\"2026-11-20T09:31:07Z\"", "null"), false);
        assert_eq!(
            DirectoryReport::parse(r#"{"dcdiag":{"passed":1,"failed":[]}}"#),
            Err(ProbeError::Unreadable)
        );
    }
}
