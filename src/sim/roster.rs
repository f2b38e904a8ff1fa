//! Session hosts and user sessions over HTTP.

use serde::Serialize;

use super::{
    ask::{Ask, Verb},
    avd::activity,
    envelope::{Answer, paged_by},
    hosts::Agent,
    moment::{Iso, Ms},
    sessions::{Session, SessionState},
    spec::GroupKind,
    world::World,
};

const AGENT_VERSION: &str = "1.0.9742.2500";
const STACK_VERSION: &str = "rdp-sxs250313100";
const OS_VERSION: &str = "10.0.26100.2033";

#[derive(Serialize)]
struct HostItem<'a> {
    id: &'a str,
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    properties: HostProperties<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HostProperties<'a> {
    object_id: String,
    last_heart_beat: Iso,
    sessions: u32,
    agent_version: &'static str,
    allow_new_session: bool,
    virtual_machine_id: &'a str,
    resource_id: &'a str,
    assigned_user: Option<&'a str>,
    friendly_name: serde_json::Value,
    status: &'static str,
    status_timestamp: Iso,
    os_version: &'static str,
    #[serde(rename = "sxSStackVersion")]
    stack_version: &'static str,
    update_state: &'static str,
    last_update_time: Iso,
    update_error_message: Option<&'static str>,
    session_host_health_check_results: Vec<Check>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Check {
    health_check_name: &'static str,
    health_check_result: &'static str,
    additional_failure_details: Details,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    message: &'static str,
    error_code: i32,
    last_health_check_date_time: Iso,
}

#[derive(Serialize)]
struct SessionItem<'a> {
    id: String,
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    properties: SessionProperties<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionProperties<'a> {
    object_id: String,
    user_principal_name: &'a str,
    application_type: &'static str,
    session_state: &'static str,
    active_directory_user_name: &'a str,
    create_time: Iso,
}

impl World {
    pub(super) fn list_hosts(&self, ask: &Ask<'_>, pool: usize) -> Answer {
        let hosts = self.top.pools[pool].hosts.clone();
        let counts = self.listed_counts(&hosts, ask.view);
        let first = hosts.start;
        paged_by(ask, hosts, |host| self.host_item(host, counts[host - first], ask.view))
    }

    /// One host as JSON, for Resource Graph.
    pub(super) fn host_json(&self, host: usize, at: Ms) -> serde_json::Value {
        let listed = self.listed_on(host, at) as u32;
        serde_json::to_value(self.host_item(host, listed, at)).unwrap_or_default()
    }

    fn host_item(&self, host: usize, listed: u32, at: Ms) -> HostItem<'_> {
        let info = &self.top.hosts[host];
        let state = &self.hosts[host];
        let vm = &self.top.vms[host];
        let (status, since) = self.status(host, at);
        let seen = self.heartbeat(host, at);
        HostItem {
            id: &info.id,
            name: format!("{}/{}", self.top.pools[info.pool].name, info.fqdn),
            kind: "Microsoft.DesktopVirtualization/hostpools/sessionhosts",
            properties: HostProperties {
                object_id: format!("2a2a2a2a-0000-4000-8000-{:012x}", 0xe_0000 + host),
                last_heart_beat: Iso(seen),
                sessions: listed,
                agent_version: AGENT_VERSION,
                allow_new_session: state.accepts_at(at),
                virtual_machine_id: &vm.vm_id,
                resource_id: &vm.id,
                assigned_user: state.assigned_user.as_deref(),
                friendly_name: self.text_of(&info.id, "friendlyName"),
                status,
                status_timestamp: Iso(since),
                os_version: OS_VERSION,
                stack_version: STACK_VERSION,
                update_state: "Succeeded",
                last_update_time: Iso(self.spec.epoch.as_millisecond() - 2 * super::moment::DAY),
                update_error_message: None,
                session_host_health_check_results: self.checks(host, seen, self.hosts[host].agent_at(at)),
            },
        }
    }

    fn checks(&self, host: usize, seen: Ms, agent: Agent) -> Vec<Check> {
        let region = self.top.host_region(host);
        let off = matches!(agent, Agent::Off { clean: true, .. });
        let up = matches!(agent, Agent::Up { .. });
        let calm = self.faults.is_empty();
        let check = |name, failed: bool, code, good, bad| Check {
            health_check_name: name,
            health_check_result: if off {
                "SessionHostShutdown"
            } else if failed {
                "HealthCheckFailed"
            } else {
                "HealthCheckSucceeded"
            },
            additional_failure_details: Details {
                message: if failed { bad } else { good },
                error_code: if failed { code } else { 0 },
                last_health_check_date_time: Iso(seen),
            },
        };
        let no_trust = !calm && up && self.no_directory();
        let no_store = !calm && up && self.suffers(super::fault::FaultKind::Grey, region);
        vec![
            check("DomainJoinedCheck", false, 0, "joined", ""),
            check("DomainTrustCheck", no_trust, 1355, "trusted", "no logon server reachable"),
            check("FSLogixHealthCheck", no_store, 53, "ready", "the network path was not found"),
            check("SxSStackListenerCheck", false, 0, "listening", ""),
            check("UrlsAccessibleCheck", false, 0, "reachable", ""),
            check("DomainReachable", no_trust, 1355, "reachable", "no domain controller answers"),
        ]
    }

    /// `…/sessionHosts/{host}[/userSessions[/{id}[/{action}]]]`; `at` is the index of `providers`.
    pub(super) fn in_host(&mut self, ask: &Ask<'_>, at: usize, host: usize) -> Answer {
        let path = ask.path;
        match (path.len() - at, path.seg(at + 6), ask.verb) {
            (6, _, Verb::Get) => {
                Answer::json(&self.host_item(host, self.listed_on(host, ask.view) as u32, ask.view))
            }
            (6, _, Verb::Patch) => self.patch_host(ask, host),
            (6, _, Verb::Delete) => Answer::error(
                400,
                "400",
                &activity(
                    ask,
                    "SessionHost has a registered agent; remove the virtual machine from the pool first",
                ),
            ),
            (7, "usersessions", Verb::Get) => {
                let hits = self.sessions.iter().filter(|s| s.host == host && s.listed_at(ask.view));
                paged_by(ask, hits, |s| self.session_item(s, ask.view))
            }
            (8 | 9, "usersessions", _) => self.one_session(ask, at, host),
            (6 | 7, ..) => Answer::no_method(ask),
            _ => Answer::no_route(ask),
        }
    }

    /// Draining keeps sessions; only new ones go elsewhere (azure-avd.md §9.4).
    fn patch_host(&mut self, ask: &Ask<'_>, host: usize) -> Answer {
        let Some(body) = ask.json() else { return Answer::bad_body("it is no JSON") };
        let properties = &body["properties"];
        if let Some(value) = properties.get("allowNewSession") {
            let Some(accepts) = value.as_bool() else {
                return Answer::bad_body("allowNewSession must be true or false");
            };
            let now = self.now;
            self.hosts[host].accept(accepts, now);
        }
        if let Some(user) = properties.get("assignedUser").and_then(|u| u.as_str()) {
            self.hosts[host].assigned_user = (!user.is_empty()).then(|| user.to_owned());
        }
        self.patch_texts(&self.top.hosts[host].id.clone(), properties, &["friendlyName"]);
        Answer::json(&self.host_item(host, self.listed_on(host, ask.view) as u32, self.now))
    }

    pub(super) fn list_pool_sessions(&self, ask: &Ask<'_>, pool: usize) -> Answer {
        let hosts = self.top.pools[pool].hosts.clone();
        let filter = ask.query("$filter").map(|f| f.to_ascii_lowercase()).unwrap_or_default();
        let value = filter.split('\'').nth(1);
        let fits = |s: &Session| match value {
            Some(v) if filter.starts_with("userprincipalname") => {
                self.top.people[s.person].upn.eq_ignore_ascii_case(v)
            }
            Some(v) if filter.starts_with("sessionstate") => {
                s.state_at(ask.view).word().eq_ignore_ascii_case(v)
            }
            _ => true,
        };
        let hits =
            self.sessions.iter().filter(|s| hosts.contains(&s.host) && s.listed_at(ask.view) && fits(s));
        paged_by(ask, hits, |s| self.session_item(s, ask.view))
    }

    fn session_item(&self, session: &Session, at: Ms) -> SessionItem<'_> {
        let host = &self.top.hosts[session.host];
        let person = &self.top.people[session.person];
        SessionItem {
            id: format!("{}/userSessions/{}", host.id, session.number),
            name: format!("{}/{}/{}", self.top.pools[host.pool].name, host.fqdn, session.number),
            kind: "Microsoft.DesktopVirtualization/hostpools/sessionhosts/usersessions",
            properties: SessionProperties {
                object_id: format!("2a2a2a2a-0000-4000-8000-{:012x}", 0xf_0000 + session.id),
                user_principal_name: &person.upn,
                application_type: match self.top.groups[session.group].kind {
                    GroupKind::Desktop => "Desktop",
                    GroupKind::RemoteApp => "RemoteApp",
                },
                session_state: session.state_at(at).word(),
                active_directory_user_name: &person.sam,
                create_time: Iso(session.created),
            },
        }
    }

    fn one_session(&mut self, ask: &Ask<'_>, at: usize, host: usize) -> Answer {
        let path = ask.path;
        let number: Option<u32> = path.seg(at + 7).parse().ok();
        let shown = if ask.verb == Verb::Get { ask.view } else { self.now };
        let listed = number.and_then(|number| self.numbered_session(host, number, shown));
        let Some(session) = listed else {
            return if ask.verb == Verb::Delete && number.is_some() && path.len() == at + 8 {
                Answer::empty(204)
            } else {
                not_found(ask)
            };
        };
        let (id, person) = (session.id, session.person);
        let there = self.reachable(id);
        match (ask.verb, path.len() - at, path.seg(at + 8)) {
            (Verb::Get, 8, _) => Answer::json(&self.session_item(session, ask.view)),
            // A session that only the list knows cannot be ended (azure-avd.md §9.6).
            (Verb::Delete, 8, _) | (Verb::Post, 9, "sendmessage" | "disconnect") if !there => not_found(ask),
            (Verb::Delete, 8, _) => {
                self.log_off(id, person);
                Answer::empty(200)
            }
            (Verb::Post, 9, "sendmessage") => self.message(ask, id, person),
            (Verb::Post, 9, "disconnect") => {
                self.set_session_state(id, SessionState::Disconnected);
                let after = self.spec.people.reconnect;
                self.intend(person, super::people::Act::SignIn, after);
                Answer::empty(200)
            }
            (_, 8 | 9, _) => Answer::no_method(ask),
            _ => Answer::no_route(ask),
        }
    }

    /// Ends a session from outside. Who was away notices when they come back.
    fn log_off(&mut self, id: u32, person: usize) {
        let away = self.session(id).is_some_and(|s| s.state_at(self.now) == SessionState::Disconnected);
        self.end_session(id);
        if !away || self.spec.people.pause.max == 0 {
            self.cut_off(person);
        }
    }

    fn message(&mut self, ask: &Ask<'_>, id: u32, person: usize) -> Answer {
        let Some(body) = ask.json() else { return Answer::bad_body("it is no JSON") };
        if !(body["messageTitle"].is_string() && body["messageBody"].is_string()) {
            return Answer::bad_body("messageTitle and messageBody are required");
        }
        // Nobody sits in front of a disconnected session.
        if self.session(id).is_some_and(|s| s.state_at(self.now) == SessionState::Active) {
            self.told(person);
        }
        Answer::empty(200)
    }
}

fn not_found(ask: &Ask<'_>) -> Answer {
    Answer::error(404, "404", &activity(ask, "User session ID not found"))
}
