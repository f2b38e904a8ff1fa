//! The failover from the first confirmation to the end, in virtual time.

use farshore::{engine::event::RunEnd, runbook::Mode, runtime::headless::Outcome};

use super::rehearsal::Rehearsal;

#[tokio::test(start_paused = true)]
async fn tiny_graceful() {
    let rehearsal = Rehearsal::new("tiny", 1);
    let outcome = rehearsal.run(0, Mode::Graceful).await;
    assert_eq!(outcome, Outcome::Ended(RunEnd::Completed), "{}", rehearsal.story());
}

#[tokio::test(start_paused = true)]
async fn calm_graceful() {
    for service in [0, 1] {
        let rehearsal = Rehearsal::new("calm", 1);
        let outcome = rehearsal.run(service, Mode::Graceful).await;
        assert_eq!(outcome, Outcome::Ended(RunEnd::Completed), "{}", rehearsal.story());
    }
}

#[tokio::test(start_paused = true)]
async fn outage_ungraceful() {
    let rehearsal = Rehearsal::new("region-outage", 1);
    let outcome = rehearsal.run(0, Mode::Ungraceful).await;
    assert_eq!(outcome, Outcome::Ended(RunEnd::Monitoring), "{}", rehearsal.story());
}

#[tokio::test(start_paused = true)]
async fn inherited_is_refused_at_gate_1() {
    let rehearsal = Rehearsal::new("inherited-blocks", 1);
    let outcome = rehearsal.run(0, Mode::Graceful).await;
    assert_eq!(outcome, Outcome::Ended(RunEnd::AbortedAsIs), "{}", rehearsal.story());
    let granted =
        rehearsal.sim.writes().iter().any(|write| write.path.to_lowercase().contains("roleassignments"));
    assert!(!granted, "{}", rehearsal.story());
}
