//! Each killer item of the gates, and each precondition, stops a run alone.
//!
//! A case flips one thing when the turn of a step has come. Under `--auto` the run must stop at
//! the gate; the gate's last record shows that item and no other as not green; and nothing is
//! written any more, the gate's own probe excepted, which only reads.

use std::sync::Arc;

use bytes::Bytes;
use farshore::{
    domain::{Operation, operation::Probe, time::Timestamp},
    engine::{
        Engine, RunEvent,
        event::{GateItem, GateVerdict, RunEnd},
        run::StepMark,
    },
    runbook::Mode,
    runtime::headless::Outcome,
    sim::{Fault, Sim},
    wire::{Reply, Request, Wire},
};
use futures_util::FutureExt;

use super::rehearsal::{Rehearsal, Setting};

/// How something comes to stand in the way.
#[derive(Clone, Copy)]
enum How {
    /// A fault of the simulator's closed list, in TOML.
    Fault(&'static str),
    /// Somebody else's write: method, address, body.
    Colleague(&'static str, &'static str, &'static str),
    /// It was so from the beginning.
    Already,
    /// What the probe prints reads otherwise.
    Probe(&'static str, &'static str),
}

use How::{Already, Colleague, Fault as Struck, Probe as Prints};

/// The service's own groups: the scope of an inheritance and the name of an assignment.
const INHERIT: &str = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-avd-we/providers/Microsoft.Authorization/roleAssignments/0e0e0e0e-0000-4000-8000-000000000001?api-version=2022-04-01";
const INHERITED: &str = r#"{"properties":{"roleDefinitionId":"/subscriptions/22222222-2222-4222-8222-222222222222/providers/Microsoft.Authorization/roleDefinitions/1d18fff3-a72a-46b5-b4a9-0b38a3cd7e63","principalId":"4c4c4c4c-0000-4000-8000-00000000e001","principalType":"Group"}}"#;
/// The same through a custom role that lets use.
const INHERITED_BY_CUSTOM: &str = r#"{"properties":{"roleDefinitionId":"/subscriptions/22222222-2222-4222-8222-222222222222/providers/Microsoft.Authorization/roleDefinitions/c5c5c5c5-0000-4000-8000-000000000001","principalId":"4c4c4c4c-0000-4000-8000-00000000e001","principalType":"Group"}}"#;

/// Pieces of a text and what stands there instead.
type Edits = &'static [(&'static str, &'static str)];

/// Room to spare and both standby hosts on, so that one drained host takes no needed room:
/// the scenario and the estate file.
const SPARE: (Edits, Edits) = (
    &[("standby_running = 1", "standby_running = 2")],
    &[("capacity_percent = 100", "capacity_percent = 50")],
);

/// One row of the table.
struct Case {
    scenario: &'static str,
    edits: (Edits, Edits),
    gate: &'static str,
    /// Items that are not green, and no others.
    items: &'static [&'static str],
    verdict: GateVerdict,
    /// Step in whose turn it strikes.
    when: &'static str,
    how: How,
}

/// Not the turn of a step, but the first session on the side that was opened.
const SOMEBODY_BACK: &str = "somebody is back";

const GATE_1: &str = "a4-standby-can-take-users";
const GATE_2: &str = "a10-safe-to-open";
const GATE_3: &str = "a12-first-user";

fn red(gate: &'static str, items: &'static [&'static str], how: How) -> Case {
    Case { scenario: "tiny", edits: (&[], &[]), gate, items, verdict: GateVerdict::Red, when: gate, how }
}

fn unknown(gate: &'static str, items: &'static [&'static str], how: How) -> Case {
    Case { verdict: GateVerdict::Unknown, ..red(gate, items, how) }
}

fn cases() -> Vec<Case> {
    [both(GATE_1), both(GATE_2), gate_1(), holders(GATE_1), holders(GATE_2), gate_2(), gate_3()]
        .into_iter()
        .flatten()
        .collect()
}

/// What gates 1 and 2 both ask, since it may change in between.
fn both(gate: &'static str) -> Vec<Case> {
    vec![
        red(
            gate,
            &["standby-capacity"],
            Struck(
                "fault = \"hosts-unhealthy\"\nregion = \"secondary\"\nservice = \"hr\"\ncount = 1\nstatus = \"FSLogixNotHealthy\"",
            ),
        ),
        Case {
            edits: SPARE,
            ..red(
                gate,
                &["standby-admits"],
                Struck("fault = \"host-drained\"\nregion = \"secondary\"\nservice = \"hr\"\ncount = 1"),
            )
        },
        red(gate, &["directory-up"], Struck("fault = \"dc-down\"\nregion = \"secondary\"")),
        red(gate, &["standby-shares"], Struck("fault = \"share-down\"\nregion = \"secondary\"")),
        red(gate, &["standby-published"], Struck("fault = \"unpublished\"\nregion = \"secondary\"")),
        red(gate, &["standby-plan-held"], Struck("fault = \"plan-enabled\"\nregion = \"secondary\"")),
        red(gate, &["active-plan-held"], Struck("fault = \"plan-enabled\"\nregion = \"primary\"")),
        red(gate, &["nothing-inherited"], Colleague("PUT", INHERIT, INHERITED)),
        red(gate, &["nothing-inherited"], Colleague("PUT", INHERIT, INHERITED_BY_CUSTOM)),
        unknown(
            gate,
            &["directory-up"],
            Struck("fault = \"forbidden\"\npath = \"/virtualmachines/dc-ne-1\""),
        ),
        // Its machine runs, but not all that is asked of it is known.
        unknown(
            gate,
            &["directory-up"],
            Struck("fault = \"silent\"\nregion = \"secondary\"\nproviders = [\"Microsoft.ResourceHealth\"]"),
        ),
        unknown(gate, &["standby-published"], Struck("fault = \"forbidden\"\npath = \"/workspaces/ws-ne\"")),
        unknown(
            gate,
            &["standby-shares"],
            Struck("fault = \"forbidden\"\nregion = \"secondary\"\nproviders = [\"Microsoft.Storage\"]"),
        ),
        unknown(
            gate,
            &["standby-plan-held"],
            Struck("fault = \"forbidden\"\npath = \"/hostpools/hp-hr-ne/scalingplans\""),
        ),
        unknown(
            gate,
            &["active-plan-held"],
            Struck("fault = \"forbidden\"\npath = \"/hostpools/hp-hr-we/scalingplans\""),
        ),
        unknown(
            gate,
            &["standby-capacity", "standby-admits"],
            Struck("fault = \"forbidden\"\npath = \"/hostpools/hp-hr-ne/sessionhosts\""),
        ),
    ]
}

/// Gate 1 alone: the last point at which nobody has noticed anything.
fn gate_1() -> Vec<Case> {
    vec![
        red(
            GATE_1,
            &["rights"],
            Struck(
                "fault = \"rights-missing\"\nregion = \"secondary\"\naction = \"Microsoft.Authorization/roleAssignments/write\"",
            ),
        ),
        // Machines need not lie where their pool does.
        red(
            GATE_1,
            &["rights"],
            Struck(
                "fault = \"rights-missing\"\nregion = \"secondary\"\npath = \"/resourcegroups/rg-hosts-ne\"\naction = \"Microsoft.Compute/virtualMachines/start/action\"",
            ),
        ),
        red(
            GATE_1,
            &["rights"],
            Struck(
                "fault = \"rights-missing\"\nregion = \"primary\"\npath = \"/resourcegroups/rg-hosts-we\"\naction = \"Microsoft.Compute/virtualMachines/deallocate/action\"",
            ),
        ),
        red(
            GATE_1,
            &["no-locks"],
            Struck(
                "fault = \"lock\"\nregion = \"secondary\"\npath = \"/resourcegroups/rg-hosts-ne\"\nlevel = \"ReadOnly\"",
            ),
        ),
        red(GATE_1, &["no-locks"], Struck("fault = \"lock\"\nregion = \"secondary\"\nlevel = \"ReadOnly\"")),
        red(
            GATE_1,
            &["no-locks"],
            Struck("fault = \"lock\"\nregion = \"primary\"\nlevel = \"CanNotDelete\""),
        ),
        red(GATE_1, &["profile-settings"], Prints(r#"\"profileType\":0"#, r#"\"profileType\":3"#)),
        red(GATE_1, &["profile-settings"], Prints(r#"\"ccdLocations\""#, r#"\"ccdOther\""#)),
        Case {
            scenario: "inherited-blocks",
            ..red(GATE_1, &["holders-accounted", "nothing-inherited"], Already)
        },
        unknown(
            GATE_1,
            &["rights"],
            Struck("fault = \"forbidden\"\npath = \"/providers/microsoft.authorization/permissions\""),
        ),
        unknown(
            GATE_1,
            &["no-locks"],
            Struck("fault = \"forbidden\"\npath = \"/providers/microsoft.authorization/locks\""),
        ),
    ]
}

/// Holders that nobody planned, on either side; whatever role lets use counts, not only the built-in one.
fn holders(gate: &'static str) -> Vec<Case> {
    let holder = |toml| red(gate, &["holders-accounted"], Struck(toml));
    vec![
        holder("fault = \"holder-added\"\nregion = \"primary\"\nservice = \"hr\""),
        holder("fault = \"holder-added\"\nregion = \"secondary\"\nservice = \"hr\""),
        holder("fault = \"holder-added\"\nregion = \"primary\"\nservice = \"hr\"\nrole = \"custom\""),
        holder("fault = \"holder-added\"\nregion = \"secondary\"\nservice = \"hr\"\nrole = \"custom\""),
    ]
}

/// Gate 2 alone.
fn gate_2() -> Vec<Case> {
    vec![
        red(
            GATE_2,
            &["active-empty-or-dead"],
            Struck("fault = \"session-appears\"\nregion = \"primary\"\nservice = \"hr\"\ncount = 1"),
        ),
        unknown(
            GATE_2,
            &["active-empty-or-dead"],
            Struck("fault = \"forbidden\"\npath = \"/hostpools/hp-hr-we/usersessions\""),
        ),
    ]
}

/// Gate 3: granted is not yet working.
fn gate_3() -> Vec<Case> {
    vec![
        Case {
            when: "a11-grant",
            ..red(GATE_3, &["first-user"], Struck("fault = \"propagation\"\nms = \"3h\""))
        },
        red(
            GATE_3,
            &["nobody-in-both"],
            Struck("fault = \"reassigned\"\nregion = \"primary\"\nservice = \"hr\""),
        ),
        Case {
            when: SOMEBODY_BACK,
            ..red(
                GATE_3,
                &["nobody-in-both"],
                Struck("fault = \"session-appears\"\nregion = \"primary\"\nservice = \"hr\"\ncount = 3"),
            )
        },
        Case {
            edits: SPARE,
            ..red(
                GATE_3,
                &["standby-admits"],
                Struck("fault = \"host-drained\"\nregion = \"secondary\"\nservice = \"hr\"\ncount = 1"),
            )
        },
        unknown(
            GATE_3,
            &["nobody-in-both"],
            Struck("fault = \"forbidden\"\npath = \"/hostpools/hp-hr-we/usersessions\""),
        ),
    ]
}

/// What a case does to the world, once.
struct Strike<'a> {
    when: &'a str,
    how: How,
    sim: Arc<Sim>,
    done: bool,
}

impl Strike<'_> {
    fn watch(&mut self, engine: &Engine) {
        if self.done || !self.is_due(engine) {
            return;
        }
        self.done = true;
        match self.how {
            How::Fault(toml) => self.sim.inject(Fault::from_toml(toml).unwrap()),
            How::Colleague(method, path, body) => colleague(&self.sim, method, path, body),
            How::Already | How::Probe(..) => {}
        }
    }

    fn is_due(&self, engine: &Engine) -> bool {
        if self.when == SOMEBODY_BACK {
            return turn(engine) == Some(GATE_3) && self.sim.end_state().sessions[1] > 0;
        }
        turn(engine) == Some(self.when)
    }
}

fn turn(engine: &Engine) -> Option<&str> {
    let run = engine.run();
    run.current().map(|index| run.plan.steps[index].id.as_str())
}

/// Somebody else writes straight to Azure.
pub fn colleague(sim: &Arc<Sim>, method: &str, path: &str, body: &'static str) {
    let request = http::Request::builder()
        .method(method)
        .uri(format!("http://127.0.0.1:1{path}"))
        .header("authorization", "Bearer somebody-else")
        .body(Bytes::from_static(body.as_bytes()))
        .unwrap();
    // The world changes with the first poll; what is left is network time.
    let _ = sim.call(request).now_or_never();
    let write = sim.writes().pop().unwrap();
    assert!(write.took_effect, "{write:?}");
}

/// Rewrites what a probe prints.
#[derive(Debug)]
struct Printing {
    inner: Arc<dyn Wire>,
    old: &'static str,
    new: &'static str,
}

impl Wire for Printing {
    fn call(&self, request: Request) -> Reply<'_> {
        Box::pin(async move {
            let probing = request.uri().path().contains("/operations/");
            let mut answer = self.inner.call(request).await?;
            if probing {
                let text = String::from_utf8(answer.body().to_vec()).unwrap().replace(self.old, self.new);
                *answer.body_mut() = Bytes::from(text);
            }
            Ok(answer)
        })
    }
}

/// What did not go as it must.
async fn check(case: &Case) -> Result<(), String> {
    let Case { scenario, edits, gate, items, verdict, when, how } = *case;
    let setting = Setting { scenario, world: edits.0, estate: edits.1, latency_ms: 20, ..Setting::default() };
    let rehearsal = Rehearsal::through(&setting, |inner| match how {
        How::Probe(old, new) => Arc::new(Printing { inner, old, new }),
        _ => inner,
    });
    let mut strike = Strike { when, how, sim: rehearsal.sim.clone(), done: false };
    let mut headless = rehearsal.open(0, Mode::Graceful).await;
    let outcome = headless.run(|engine, _: Timestamp| strike.watch(engine)).await;
    let run = headless.engine.run();
    let at = run.plan.position(gate).unwrap();
    let (seen, shown) = run.steps[at].gate.clone().ok_or("the gate left no record")?;
    // What only the gate's own probe can tell is unknown as long as the others keep it from running.
    let untold = |item: &GateItem| item.value.as_str().starts_with("the probe runs when");
    let off: Vec<&GateItem> =
        shown.iter().filter(|item| item.verdict != GateVerdict::Green && !untold(item)).collect();
    let ids: Vec<&str> = off.iter().map(|item| item.id.as_str()).collect();
    let story = if std::env::var_os("STORY").is_some() { rehearsal.story() } else { String::new() };
    let fail = |why: &str| Err(format!("{why}: {seen:?} {off:?}\n{story}"));
    if !strike.done {
        return fail("it never struck");
    }
    if outcome != Outcome::Ended(RunEnd::AbortedAsIs) {
        return fail(&format!("{outcome:?}"));
    }
    if run.steps[at].is_over() {
        return fail("the gate was passed");
    }
    if seen != verdict
        || ids != items
        || off.iter().any(|item| item.verdict != verdict || item.value.as_str().is_empty())
    {
        return fail("other items");
    }
    nothing_after(&rehearsal, at)
}

/// Every write has its intent, and no intent belongs to a step after `last`; at `last` itself
/// only its probe, which reads.
fn nothing_after(rehearsal: &Rehearsal, last: usize) -> Result<(), String> {
    let events = rehearsal.journal.events();
    let RunEvent::Opened(opened) = &events[0].event else { return Err("no first record".to_owned()) };
    let mut ids = Vec::new();
    for stamped in &events {
        let RunEvent::Intent { step, operation, request, .. } = &stamped.event else { continue };
        let at = opened.plan.position(step).unwrap();
        let reads = matches!(operation, Operation::RunProbe { probe: Probe::Fslogix, .. });
        if at > last || (at == last && !reads) {
            return Err(format!("{step} {operation:?}\n{}", rehearsal.story()));
        }
        ids.push(request.client_request_id.clone());
    }
    let ours = rehearsal.sim.writes().into_iter().filter_map(|write| write.client_request_id);
    match ours.into_iter().find(|id| !ids.contains(id)) {
        Some(id) => Err(format!("the write {id} has no intent")),
        None => Ok(()),
    }
}

/// Runs the rows of one gate and tells every one that fails at once.
async fn gate(gate: &str) {
    let mut failed = Vec::new();
    for case in cases().iter().filter(|case| case.gate == gate) {
        if let Err(why) = check(case).await {
            failed.push(format!("{gate} {:?} {:?} {}: {why}", case.items, case.verdict, case.scenario));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

#[tokio::test(start_paused = true)]
async fn every_killer_item_of_gate_1_stops_the_run_alone() {
    gate(GATE_1).await;
}

#[tokio::test(start_paused = true)]
async fn every_killer_item_of_gate_2_stops_the_run_alone() {
    gate(GATE_2).await;
}

#[tokio::test(start_paused = true)]
async fn every_killer_item_of_gate_3_stops_the_run_alone() {
    gate(GATE_3).await;
}

/// The table names every killer item of every gate of the built-in runbook.
#[test]
fn the_table_is_whole() {
    let runbook = farshore::runbook::builtin("avd-pooled-failover").unwrap();
    let mut wanted: Vec<(String, String)> = runbook
        .phases
        .iter()
        .flat_map(|phase| &phase.steps)
        .filter(|step| [GATE_1, GATE_2, GATE_3].contains(&step.id.as_str()))
        .flat_map(|step| step.after.iter().map(|killer| (step.id.clone(), killer.id())))
        .collect();
    for case in cases() {
        if let [item] = case.items {
            wanted.retain(|(gate, id)| (gate.as_str(), id.as_str()) != (case.gate, *item));
        }
    }
    assert!(wanted.is_empty(), "not in the table: {wanted:?}");
}

/// A precondition that is flipped after the confirmation and before the first write.
struct Late {
    step: &'static str,
    item: &'static str,
    how: How,
    /// Whether what stood in the way is set right by the step that saw to it before.
    mended: bool,
}

#[tokio::test(start_paused = true)]
async fn a_precondition_that_changes_after_the_confirmation_refuses_the_step() {
    let admit = (
        "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-avd-we/providers/Microsoft.DesktopVirtualization/hostPools/hp-hr-we/sessionHosts/shwe-hr-01.contoso.example?api-version=2024-04-03",
        r#"{"properties":{"allowNewSession":true}}"#,
    );
    let cases = [
        Late {
            step: "a7-revoke",
            item: "active-drained",
            how: Colleague("PATCH", admit.0, admit.1),
            mended: true,
        },
        Late {
            step: "a14-stop-hosts",
            item: "active-empty",
            how: Struck("fault = \"session-appears\"\nregion = \"primary\"\nservice = \"hr\"\ncount = 1"),
            mended: false,
        },
    ];
    for Late { step, item, how, mended } in cases {
        let setting = Setting { latency_ms: 20, ..Setting::default() };
        let rehearsal = Rehearsal::of(&setting);
        let mut strike = Strike { when: step, how, sim: rehearsal.sim.clone(), done: false };
        let mut headless = rehearsal.open(0, Mode::Graceful).await;
        let outcome = headless
            .run(|engine, _: Timestamp| {
                let run = engine.run();
                let working =
                    run.plan.position(step).is_some_and(|at| run.steps[at].mark == StepMark::Working);
                if working {
                    strike.watch(engine);
                }
            })
            .await;
        assert!(strike.done, "{step}: it never struck\n{}", rehearsal.story());
        let end = if mended { RunEnd::Completed } else { RunEnd::AbortedAsIs };
        assert_eq!(outcome, Outcome::Ended(end), "{step}\n{}", rehearsal.story());
        let refused = rehearsal.journal.events().into_iter().find_map(|stamped| match stamped.event {
            RunEvent::Refused { step: refused, item: None, why, .. } if refused == step => Some(why),
            _ => None,
        });
        let why = refused.unwrap_or_else(|| panic!("{step}: not refused\n{}", rehearsal.story()));
        assert!(why.as_str().starts_with(item), "{step}: {why}");
        if mended {
            let events = rehearsal.journal.events();
            let place = |fits: &dyn Fn(&RunEvent) -> bool| events.iter().position(|one| fits(&one.event));
            let refused = place(
                &|event| matches!(event, RunEvent::Refused { step: refused, item: None, .. } if refused == step),
            );
            let sent = place(&|event| matches!(event, RunEvent::Intent { step: sent, .. } if sent == step));
            assert!(refused < sent, "{step}: something was sent before\n{}", rehearsal.story());
            continue;
        }
        let at = headless.engine.run().plan.position(step).unwrap();
        assert_eq!(headless.engine.run().steps[at].mark, StepMark::Open, "{step}");
        let sent = rehearsal
            .journal
            .events()
            .into_iter()
            .any(|stamped| matches!(&stamped.event, RunEvent::Intent { step: sent, .. } if sent == step));
        assert!(!sent, "{step}: something was sent\n{}", rehearsal.story());
        nothing_after(&rehearsal, at).unwrap();
    }
}
