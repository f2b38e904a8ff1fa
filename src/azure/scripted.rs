//! What the tests of this floor share: a small estate, and a wire that answers by script.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;

use crate::{
    domain::{
        Answer, ArmId, Observation, Pair, Source,
        access::PrincipalId,
        estate::{
            Cloud, Estate, GroupPair, Layout, Policy, Principal, Region, Service, ServiceKind, ServiceSide,
        },
        reading::Silence,
        time::{Timestamp, minutes},
    },
    wire::{Guard, Reply, Request, Response, Wire, WireError},
};

use super::{Azure, AzureOptions, Endpoint, tokens::Fixed};

pub(super) const SUBSCRIPTION: &str = "/subscriptions/5b5b5b5b-0000-4000-8000-000000000001";

pub(super) fn id(tail: &str) -> ArmId {
    ArmId::parse(&format!("{SUBSCRIPTION}{tail}")).expect("test ids are well formed")
}

pub(super) fn now() -> Timestamp {
    "2026-11-20T10:00:00Z".parse().expect("a moment")
}

/// One service, one application group, one directory server a side.
pub(super) fn estate() -> Estate {
    let avd = |code: &str, kind: &str, name: &str| {
        id(&format!(
            "/resourceGroups/rg-{code}/providers/Microsoft.DesktopVirtualization/{kind}/{name}-{code}"
        ))
    };
    let side = |code: &str| ServiceSide {
        pool: avd(code, "hostPools", "hp"),
        workspace: Some(avd(code, "workspaces", "ws")),
        scaling_plan: Some(avd(code, "scalingPlans", "sp")),
        accounts: ["p", "o"]
            .map(|name| {
                id(&format!(
                    "/resourceGroups/rg-{code}/providers/Microsoft.Storage/storageAccounts/{name}{code}"
                ))
            })
            .to_vec(),
    };
    let server = |code: &str| {
        vec![id(&format!("/resourceGroups/rg-{code}/providers/Microsoft.Compute/virtualMachines/dc-{code}"))]
    };
    Estate {
        name: "contoso-avd".into(),
        cloud: Cloud::Public,
        tenant: "11111111-1111-4111-8111-111111111111".into(),
        regions: Pair {
            primary: Region { azure: "westeurope".into(), code: "WE".into() },
            secondary: Region { azure: "northeurope".into(), code: "NE".into() },
        },
        services: vec![Service {
            name: "hr".into(),
            kind: ServiceKind::AvdPooled,
            layout: Layout::ActivePassive,
            class: "critical".into(),
            capacity_percent: 100,
            sides: Pair { primary: side("we"), secondary: side("ne") },
            groups: ["DAG1", "DAG2"]
                .map(|code| GroupPair {
                    code: code.into(),
                    ids: Pair {
                        primary: avd("we", "applicationGroups", &code.to_lowercase()),
                        secondary: avd("ne", "applicationGroups", &code.to_lowercase()),
                    },
                    principals: vec![Principal {
                        name: "GRP1".into(),
                        id: PrincipalId::parse("4c4c4c4c-0000-4000-8000-00000000e001").expect("a GUID"),
                        principal_type: "Group".into(),
                    }],
                })
                .to_vec(),
            exceptions: Vec::new(),
        }],
        directory: Pair { primary: server("we"), secondary: server("ne") },
        policy: Policy { rto: None, rpo: None, source: None, notice: minutes(15), allow_run_command: true },
        api_versions: BTreeMap::new(),
        simulated: None,
        not_in_this_version: Vec::new(),
        hash: "0".into(),
    }
}

/// What the script answers to one request.
#[derive(Debug, Clone)]
pub(super) enum Say {
    /// Status, headers, body.
    This(u16, Vec<(&'static str, String)>, String),
    /// A transport error.
    Break(WireError),
    /// Nothing, ever.
    Nothing,
    /// First the wait, then the rest.
    Late(Duration, Box<Say>),
}

pub(super) fn ok(body: &str) -> Say {
    Say::This(200, vec![], body.to_owned())
}

pub(super) fn status(status: u16, body: &str) -> Say {
    Say::This(status, vec![], body.to_owned())
}

impl Say {
    pub(super) fn with(self, name: &'static str, value: &str) -> Self {
        match self {
            Self::This(status, mut headers, body) => {
                headers.push((name, value.to_owned()));
                Self::This(status, headers, body)
            }
            other => other,
        }
    }
}

/// A wire that answers each request by the first rule whose text its `METHOD address` holds.
/// A rule's last answer repeats. What no rule fits fails the test.
#[derive(Debug, Default)]
pub(super) struct Script {
    rules: Mutex<Vec<(String, VecDeque<Say>)>>,
    sent: Mutex<Vec<Request>>,
}

impl Script {
    pub(super) fn new(rules: &[(&str, &[Say])]) -> Arc<Self> {
        let rules = rules.iter().map(|(text, says)| ((*text).to_owned(), says.iter().cloned().collect()));
        Arc::new(Self { rules: Mutex::new(rules.collect()), sent: Mutex::default() })
    }

    /// `METHOD address` of what was sent, in order.
    pub(super) fn sent(&self) -> Vec<String> {
        let sent = self.sent.lock().expect("uncontended");
        sent.iter().map(|request| format!("{} {}", request.method(), request.uri())).collect()
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.sent.lock().expect("uncontended").clone()
    }
}

impl Wire for Script {
    fn call(&self, request: Request) -> Reply<'_> {
        let told = format!("{} {}", request.method(), request.uri());
        self.sent.lock().expect("uncontended").push(request);
        let say = {
            let mut rules = self.rules.lock().expect("uncontended");
            let rule = rules.iter_mut().find(|(text, _)| told.contains(text.as_str()));
            let (_, says) = rule.unwrap_or_else(|| panic!("no rule for {told}"));
            if says.len() > 1 { says.pop_front() } else { says.front().cloned() }
        };
        Box::pin(speak(say.expect("a rule has an answer")))
    }
}

async fn speak(mut say: Say) -> Result<Response, WireError> {
    loop {
        match say {
            Say::This(status, headers, body) => {
                let mut builder = http::Response::builder().status(status);
                for (name, value) in headers {
                    builder = builder.header(name, value);
                }
                return Ok(builder.body(Bytes::from(body)).expect("well formed"));
            }
            Say::Break(error) => return Err(error),
            Say::Nothing => std::future::pending().await,
            Say::Late(wait, rest) => {
                tokio::time::sleep(wait).await;
                say = *rest;
            }
        }
    }
}

/// The adapter over a script, behind the guard, at the in-process origin.
pub(super) fn azure(script: &Arc<Script>) -> Azure {
    let wire = Arc::new(Guard::new(script.clone()));
    let options = AzureOptions::new(Endpoint::in_process(), Arc::new(estate()));
    Azure::new(wire, Arc::new(Fixed::simulated()), options)
}

/// Looks once.
pub(super) async fn look(azure: &Azure, source: Source) -> Result<Answer, Silence> {
    let Observation { outcome, .. } = azure.look(&source, &now).await;
    outcome
}
