//! Determinism, and worlds that outlive their process.

use super::*;

/// One piece of a story: what somebody does, and how long they then wait.
type Piece = (&'static str, &'static str, &'static str);

const STORY: [Piece; 15] = [
    ("patch-plan", "", "20s"),
    ("start", "shne-hr-05", "3m"),
    ("message", "hp-hr-we", "2m"),
    ("fault", "fault = \"lose-reply\"\nmethod = \"PATCH\"\ncount = 2", "1s"),
    ("drain", "hp-hr-we", "4m"),
    ("revoke", "dag1-we", "30s"),
    ("fault", "fault = \"allocation-failed\"\nregion = \"secondary\"\ncount = 1", "1s"),
    ("start", "shne-hr-06", "2m"),
    ("log-off", "hp-hr-we", "5m"),
    ("assign", "dag1-ne", "12m"),
    ("fault", "fault = \"dead\"\nregion = \"primary\"\nfor = \"30m\"", "10m"),
    ("start", "shne-hr-07", "20m"),
    ("fault", "fault = \"ghost\"\nregion = \"secondary\"\ncount = 2", "15m"),
    ("log-off", "hp-hr-ne", "20m"),
    ("drain", "hp-fin-ne", "1m"),
];

fn play(bench: &Bench, pieces: &[Piece]) {
    for (verb, object, wait) in pieces {
        match *verb {
            "patch-plan" => {
                let plan = format!(
                    "{SUB}/resourceGroups/rg-avd-we/{DV}/scalingPlans/sp-hr-we?api-version=2024-04-03"
                );
                bench.send("PATCH", &plan, r#"{"properties":{"hostPoolReferences":[]}}"#);
            }
            "start" => {
                bench.send("POST", &format!("{}/start?api-version=2024-03-01", vm_id(object)), "");
            }
            "message" => {
                for id in session_ids(bench, object) {
                    let body = r#"{"messageTitle":"t","messageBody":"b"}"#;
                    bench.send("POST", &format!("{id}/sendMessage?api-version=2024-04-03"), body);
                    bench.pass("150ms");
                }
            }
            "drain" => {
                for host in bench.hosts(object) {
                    let id = host["id"].as_str().expect("id");
                    let body = r#"{"properties":{"allowNewSession":false}}"#;
                    let _ = bench.try_send("PATCH", &format!("{id}?api-version=2024-04-03"), body);
                }
            }
            "revoke" => bench.revoke_all(object),
            "assign" => {
                bench.assign(object, NAME, GRP1);
            }
            "log-off" => {
                for id in session_ids(bench, object) {
                    bench.send("DELETE", &format!("{id}?api-version=2024-04-03"), "");
                    bench.pass("150ms");
                }
            }
            _ => bench.fault(object),
        }
        bench.pass(wait);
    }
}

fn session_ids(bench: &Bench, pool: &str) -> Vec<String> {
    bench.users(pool).iter().map(|s| s["id"].as_str().expect("id").to_owned()).collect()
}

/// Everything a caller can list, for comparing worlds to the last field.
fn picture(bench: &Bench) -> Vec<Value> {
    let pools = ["hp-hr-we", "hp-fin-we", "hp-hr-ne", "hp-fin-ne"];
    let mut all: Vec<Value> = pools.iter().flat_map(|pool| bench.hosts(pool)).collect();
    all.extend(pools.iter().flat_map(|pool| bench.users(pool)));
    all.extend(bench.all(&format!("{SUB}/{RA}?api-version=2022-04-01")));
    all.extend(bench.all(&format!(
        "{SUB}/providers/Microsoft.Compute/virtualMachines?statusOnly=true&api-version=2024-03-01"
    )));
    all
}

#[test]
fn the_same_seed_and_writes_give_the_same_world() {
    let told = |seed| {
        let bench = Bench::seeded("calm", seed);
        play(&bench, &STORY);
        (bench.sim.end_state(), picture(&bench), bench.sim.violations())
    };
    let first = told(7);
    assert_eq!(first, told(7));
    assert_ne!(first.1, told(8).1, "another seed, another world");
}

#[test]
fn reads_do_not_bend_the_world() {
    let quiet = Bench::open("calm");
    let watched = Bench::open("calm");
    for bench in [&quiet, &watched] {
        bench.fault("fault = \"dead\"\nregion = \"primary\"\nfor = \"1h\"");
    }
    for _ in 0..180 {
        quiet.pass("1m");
        watched.pass("1m");
        picture(&watched);
    }
    assert_eq!(picture(&quiet), picture(&watched));
}

#[test]
fn a_world_reopened_anywhere_goes_on_as_if_nothing_had_happened() {
    let scenario = Scenario::builtin("calm").expect("built in");
    let straight = Bench::open("calm");
    play(&straight, &STORY);
    for cut in 1..STORY.len() {
        let ledger = Arc::new(Memory::default());
        let before = Bench::with(scenario.clone(), 7, ledger.clone(), &[], SimOptions::default());
        play(&before, &STORY[..cut]);
        let past = ledger.0.lock().expect("uncontended").clone();
        let writes = before.sim.writes();
        let stands = before.clock.0.load(Ordering::SeqCst);
        drop(before);
        let after = Bench::with(scenario.clone(), 7, Arc::new(NoLedger), &past, SimOptions::default());
        after.clock.0.store(stands, Ordering::SeqCst);
        assert_eq!(after.sim.writes(), writes, "cut at {cut}");
        play(&after, &STORY[cut..]);
        assert_eq!(after.sim.writes(), straight.sim.writes(), "cut at {cut}");
        assert_eq!(after.sim.end_state(), straight.sim.end_state(), "cut at {cut}");
        assert_eq!(picture(&after), picture(&straight), "cut at {cut}");
    }
}

#[test]
fn the_entry_is_durable_before_the_answer_and_refusal_changes_nothing() {
    #[derive(Debug)]
    struct Full;
    impl Ledger for Full {
        fn append(&self, entry: &LedgerEntry) -> Result<(), String> {
            match entry {
                LedgerEntry::Opened { .. } => Ok(()),
                _ => Err("no space left".to_owned()),
            }
        }
    }
    let scenario = Scenario::builtin("tiny").expect("built in");
    let bench = Bench::with(scenario.clone(), 7, Arc::new(Full), &[], SimOptions::default());
    let got = bench.assign("dag1-ne", NAME, GRP1);
    assert_eq!(got.status, 500);
    assert!(got.body.to_string().contains("no space left"));
    assert_eq!(bench.get(&format!("{}?api-version=2022-04-01", assignment("dag1-ne", NAME))).status, 404);
    assert!(bench.sim.mark().is_err());

    let ledger = Arc::new(Memory::default());
    let bench = Bench::with(scenario, 7, ledger.clone(), &[], SimOptions::default());
    bench.assign("dag1-ne", NAME, GRP1);
    bench.get(&format!("{SUB}?api-version=2022-12-01"));
    bench.sim.mark().expect("kept");
    let kinds: Vec<String> = ledger
        .0
        .lock()
        .expect("uncontended")
        .iter()
        .map(|e| serde_json::to_value(e).expect("JSON")["kind"].as_str().expect("kind").to_owned())
        .collect();
    assert_eq!(kinds, ["opened", "write", "clock-mark"], "reads leave no entry");
}

#[test]
fn entries_read_back_from_json() {
    let ledger = Arc::new(Memory::default());
    let bench = Bench::with(
        Scenario::builtin("calm").expect("built in"),
        7,
        ledger.clone(),
        &[],
        SimOptions::default(),
    );
    play(&bench, &STORY[..6]);
    bench.sim.heal("lose-reply");
    for entry in ledger.0.lock().expect("uncontended").iter() {
        let line = serde_json::to_string(entry).expect("JSON");
        assert_eq!(&serde_json::from_str::<LedgerEntry>(&line).expect(&line), entry);
    }
}

#[test]
fn a_record_of_another_world_is_refused() {
    let ledger = Arc::new(Memory::default());
    let tiny = Scenario::builtin("tiny").expect("built in");
    drop(Bench::with(tiny.clone(), 7, ledger.clone(), &[], SimOptions::default()));
    let past = ledger.0.lock().expect("uncontended").clone();
    let calm = Scenario::builtin("calm").expect("built in");
    let clock = Arc::new(Hand(AtomicI64::new(0)));
    for (scenario, seed) in [(calm, 7), (tiny, 8)] {
        let opened =
            Sim::open(scenario, seed, clock.clone(), Arc::new(NoLedger), &past, SimOptions::default());
        assert!(matches!(opened, Err(super::super::SimError::Replay { .. })));
    }
}
