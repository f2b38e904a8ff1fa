//! Who may be granted on the side that is opened, and on what evidence.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use farshore::{
    domain::{Operation, access::PrincipalId, estate::Principal, time::minutes},
    engine::{Engine, event::RunEnd},
    runbook::{Mode, plan::MovedToo},
    wire::{Reply, Request, Wire},
};

use super::{
    outage::{Cockpit, turn},
    rehearsal::{Rehearsal, Setting},
};

/// Somebody the estate file does not plan.
const OUTSIDER: &str = "4c4c4c4c-0000-4000-8000-00000000f00d";

fn moved() -> Vec<MovedToo> {
    let principal = Principal {
        name: "4c4c4c4c".to_owned(),
        id: PrincipalId::parse(OUTSIDER).unwrap(),
        principal_type: "Group".to_owned(),
    };
    vec![MovedToo { group: "DAG1".to_owned(), principal }]
}

fn hold(rehearsal: &Rehearsal) {
    let fault = format!(
        "fault = \"holder-added\"\nregion = \"primary\"\nservice = \"hr\"\nprincipal = \"{OUTSIDER}\""
    );
    rehearsal.sim.inject(farshore::sim::Fault::from_toml(&fault).unwrap());
}

/// Whether an operation grants the outsider.
fn for_outsider(operation: &Operation) -> bool {
    matches!(operation, Operation::Grant { principal, .. } if principal.as_str().eq_ignore_ascii_case(OUTSIDER))
}

/// Answers a look at the outsider's own assignment as it was before it was revoked, while told so;
/// lists tell the truth.
#[derive(Debug)]
struct Standing {
    inner: Arc<dyn Wire>,
    stands: Arc<AtomicBool>,
    /// Path and body of the assignment, as it was seen last.
    seen: Mutex<Option<(String, Bytes)>>,
}

impl Wire for Standing {
    fn call(&self, request: Request) -> Reply<'_> {
        Box::pin(async move {
            let path = request.uri().path().to_ascii_lowercase();
            let single = request.method() == http::Method::GET && !path.ends_with("/roleassignments");
            let known = self.seen.lock().unwrap().clone().filter(|(known, _)| single && *known == path);
            if let Some((_, body)) = known.filter(|_| self.stands.load(Ordering::Relaxed)) {
                return Ok(http::Response::builder()
                    .header("content-type", "application/json")
                    .body(body)
                    .unwrap());
            }
            let answer = self.inner.call(request).await?;
            let held = String::from_utf8_lossy(answer.body()).contains(OUTSIDER);
            if single && held && path.contains("/roleassignments/") {
                *self.seen.lock().unwrap() = Some((path, answer.body().clone()));
            }
            Ok(answer)
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_is_moved_too_is_guarded_like_a_planned_one() {
    let stands = Arc::new(AtomicBool::new(false));
    let rehearsal = Rehearsal::through(&Setting::PLAIN, |inner| {
        Arc::new(Standing { inner, stands: stands.clone(), seen: Mutex::default() })
    });
    hold(&rehearsal);
    let mut cockpit = Cockpit::open_moving(rehearsal, Mode::Graceful, moved()).await;
    cockpit.turn("a11-grant").await;
    assert_eq!(cockpit.writes_of("a7-revoke").len(), 2, "{}", cockpit.rehearsal.story());
    stands.store(true, Ordering::Relaxed);
    let now = cockpit.clock.now();
    cockpit.until("ten minutes", true, |_, later| later > now + minutes(10)).await;
    assert_eq!(turn(&cockpit.engine), "a11-grant");
    let granted = cockpit.writes_of("a11-grant");
    assert!(!granted.iter().any(for_outsider), "{granted:?}\n{}", cockpit.rehearsal.story());
    assert_eq!(granted.len(), 1, "the planned one does not wait for it");
    stands.store(false, Ordering::Relaxed);
    assert_eq!(cockpit.end().await, RunEnd::Completed, "{}", cockpit.rehearsal.story());
    assert!(cockpit.writes_of("a11-grant").iter().any(for_outsider));
    let held = cockpit.rehearsal.sim.end_state().holders;
    let holds = |group: &str| held[group].iter().any(|who| who.eq_ignore_ascii_case(OUTSIDER));
    assert_eq!((holds("dag1-we"), holds("dag1-ne")), (false, true), "{held:?}");
}

#[tokio::test(start_paused = true)]
async fn who_is_moved_too_and_comes_back_to_the_side_that_is_left_is_in_both_pools() {
    let rehearsal = Rehearsal::of(&Setting::PLAIN);
    hold(&rehearsal);
    let mut cockpit = Cockpit::open_moving(rehearsal, Mode::Graceful, moved()).await;
    cockpit.turn("a12-first-user").await;
    hold(&cockpit.rehearsal);
    let told = |engine: &Engine| {
        let run = engine.run();
        let gate = &run.steps[run.plan.position("a12-first-user").unwrap()].gate;
        gate.iter()
            .flat_map(|(_, items)| items)
            .any(|item| item.value.as_str().contains("1 principals in both"))
    };
    cockpit.until("told", false, |engine, _| told(engine)).await;
}
