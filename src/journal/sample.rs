//! Events for the journal's tests.

use proptest::prelude::*;

use crate::{
    domain::{
        ArmId, Operation, Safe,
        operation::{FollowKind, FollowUrl},
        time::Timestamp,
    },
    engine::{
        Actor, RunEvent, Stamped,
        event::{
            Confirmed, ConfirmedBy, ConfirmedItem, DoneHow, FailedHow, GateItem, GateVerdict, Given, Ground,
            HeldWhy, NoteAbout, RequestRecord, RunEnd,
        },
    },
};

/// A moment of the sample run.
const WALL: &str = "2026-11-20T10:03:07.120Z";

fn wall() -> Timestamp {
    WALL.parse().unwrap()
}

pub(super) fn stamped(event: RunEvent) -> Stamped {
    let actor = Actor { upn: "op@contoso.example".into(), oid: Safe::default(), os: "op".into() };
    Stamped { wall: wall(), mono_ms: 761_204, actor, event }
}

pub(super) fn armed() -> Stamped {
    stamped(RunEvent::Armed { on: true, how: "typed".into() })
}

/// The first record of a run. Made from JSON, because the plan in it belongs to another floor.
pub(super) fn opened(previous: Option<&str>) -> Stamped {
    let plan = serde_json::json!({
        "runbook": "avd-pooled-failover", "runbook_hash": "00", "local": false,
        "title": "Fail over a pooled service", "service": "hr", "service_index": 0,
        "mode": "graceful", "from": "primary", "to": "secondary",
        "codes": { "primary": "WE", "secondary": "NE" },
        "bound_at": WALL, "users": 67, "phases": [], "steps": [], "moved_too": [],
    });
    let opened = serde_json::json!({
        "estate": "contoso-avd", "estate_hash": "aa",
        "tenant": "11111111-1111-4111-8111-111111111111",
        "endpoint": "https://management.azure.com", "world": "SIM",
        "scenario": "calm, seed 7", "tool": "0.1.0", "plan": plan, "plan_hash": "bb",
        "previous": previous, "impact": null, "reason": "drill",
    });
    stamped(RunEvent::Opened(Box::new(serde_json::from_value(opened).unwrap())))
}

fn id() -> ArmId {
    ArmId::parse("/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/vm-1")
        .unwrap()
}

/// One event of every kind, in the order of the enum.
pub(super) fn every_kind() -> Vec<RunEvent> {
    let (step, item) = (|| "a7-revoke".to_owned(), || "GRP1@DAG1".to_owned());
    let operation = Operation::StartVm { vm: id() };
    let mut events = vec![
        opened(None).event,
        armed().event,
        RunEvent::Confirmed(Box::new(Confirmed {
            step: step(),
            by: ConfirmedBy::Person,
            level: 2,
            typed: Some("67".into()),
            items: vec![ConfirmedItem {
                key: item(),
                operation: Some(operation.clone()),
                before: "deallocated".into(),
            }],
            list_sha256: "5f".to_owned(),
            users: 67,
            latency_ms: 4_200,
            seen: "67 sessions".into(),
            acknowledges: None,
        })),
        RunEvent::Intent {
            step: step(),
            item: item(),
            attempt: 1,
            operation,
            request: RequestRecord {
                method: "POST".to_owned(),
                url: format!("https://management.azure.com{}/start?api-version=2024-03-01", id()),
                body_sha256: "e3".to_owned(),
                client_request_id: "c-1".to_owned(),
                correlation_id: "c-0".to_owned(),
            },
            before: "deallocated".into(),
        },
        RunEvent::Accepted {
            step: step(),
            item: item(),
            attempt: 1,
            status: 202,
            request_id: "q".into(),
            follow: Some(FollowUrl { url: "https://x".to_owned(), kind: FollowKind::Location, pace: 15 }),
        },
        RunEvent::Observed {
            step: step(),
            item: Some(item()),
            what: "power".into(),
            value: "running".into(),
        },
        RunEvent::Done {
            step: step(),
            item: Some(item()),
            how: DoneHow::Action,
            evidence: "running".into(),
            given: None,
        },
        RunEvent::Refused {
            step: step(),
            item: None,
            attempt: None,
            status: Some(403),
            why: "no right".into(),
        },
    ];
    events.extend(later_kinds());
    events
}

fn later_kinds() -> Vec<RunEvent> {
    let step = || "a7-revoke".to_owned();
    vec![
        RunEvent::Failed {
            step: step(),
            item: None,
            attempt: Some(1),
            how: FailedHow::Ambiguous,
            why: "reset".into(),
        },
        RunEvent::Skipped { step: step(), reason: "not here".into() },
        RunEvent::Deferred { step: step(), reason: "dead".into(), downgraded: true },
        RunEvent::Paid { step: step(), evidence: "gone".into() },
        RunEvent::Held { why: HeldWhy::HangUp, note: "ssh".into(), in_flight: vec!["a/b".to_owned()] },
        RunEvent::Resumed { observed: "as it was".into() },
        RunEvent::Note {
            step: None,
            about: NoteAbout::Remark,
            text: "hello \u{202e} \u{1b}[2J Zoë".into(),
            given: Some(Given { by: ConfirmedBy::Person, latency_ms: 900 }),
        },
        RunEvent::Gate {
            step: step(),
            verdict: GateVerdict::Red,
            items: vec![GateItem {
                id: "rights".to_owned(),
                verdict: GateVerdict::Unknown,
                value: "?".into(),
                ground: Ground::Seen,
                age_s: Some(3),
            }],
        },
        RunEvent::Recovered { bytes: 17, sha256: "ab".to_owned(), kept: "r-1.torn-1".to_owned() },
        RunEvent::Closed { end: RunEnd::Completed, debts: vec![step()], note: "well".into() },
    ]
}

/// A run with one event of every kind.
pub(super) fn run() -> Vec<Stamped> {
    every_kind().into_iter().map(stamped).collect()
}

/// Any event at any time by anybody.
pub(super) fn any() -> impl Strategy<Value = Stamped> {
    let wall = (0..4_000_000_000_000_i64).prop_map(|millis| Timestamp::from_millisecond(millis).unwrap());
    let texts = (".*", ".*", ".*");
    let kinds = every_kind();
    (wall, any_number(), texts, 0..kinds.len() + 2).prop_map(
        move |(wall, mono_ms, (one, two, three), kind)| {
            let event = kinds.get(kind).cloned().unwrap_or_else(|| RunEvent::Observed {
                step: one.clone(),
                item: Some(two.clone()).filter(|item| !item.is_empty()),
                what: Safe::new(&three),
                value: Safe::new(&one),
            });
            let actor = Actor { upn: Safe::new(&one), oid: Safe::new(&two), os: Safe::new(&three) };
            Stamped { wall, mono_ms, actor, event }
        },
    )
}

fn any_number() -> impl Strategy<Value = u64> {
    prop_oneof![0..10_u64, 0..u64::MAX]
}
