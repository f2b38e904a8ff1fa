//! The failover from the first key to the report, in virtual time.

use farshore::{engine::event::RunEnd, runbook::Mode, runtime::headless::Outcome};

use super::rehearsal::Rehearsal;

#[tokio::test(start_paused = true)]
async fn tiny_graceful() {
    let rehearsal = Rehearsal::new("tiny", 1);
    let mut run = rehearsal.open(0, Mode::Graceful).await;
    let mut n = 0;
    let outcome = run
        .run(|engine, now| {
            n += 1;
            if n % 20 == 0 || n > 46 && n < 200 {
                let view = engine.view(now);
                let current = view.current.map(|i| &view.steps[i]);
                eprintln!(
                    "{n} {now} {:?} {:?} {:?}",
                    view.state,
                    current.map(|s| (&s.id, s.state)),
                    current.map(|s| &s.blocked_by)
                );
            }
            if n > 3000 {
                let v = engine.view(now);
                eprintln!("{:#?}", v.steps[v.current.unwrap()].items);
                panic!("spin");
            }
        })
        .await;
    for stamped in rehearsal.journal.0.lock().unwrap().iter() {
        let mut json = serde_json::to_string(&stamped.event).unwrap();
        json.truncate(260);
        println!("{} {}", stamped.wall, json);
    }
    println!("{:#?}", rehearsal.sim.end_state());
    assert_eq!(outcome, Outcome::Ended(RunEnd::Completed));
}
