//! How long one append takes: one record written and fsynced (design: p99 under 5 ms).
//!
//! Five rounds of appends to journals of their own below `target`, which has to lie on the kind of
//! disk that is asked about. Prints and decides nothing.

use std::{error::Error, fs, hint::black_box, path::Path, time::Instant};

use farshore::{
    engine::{Actor, RunEvent, Stamped, event::NoteAbout},
    journal::{FileJournal, Journal},
};

/// As many as five rounds; the design asks for the median and the worst of five.
const ROUNDS: usize = 5;

/// Appends a round: enough for a p99 that is more than the worst value.
const APPENDS: usize = 1_000;

/// Characters of a record's text, so that the line is as long as that of an intent.
const TEXT: usize = 500;

fn main() -> Result<(), Box<dyn Error>> {
    let state = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("journal-{}", std::process::id()));
    fs::create_dir_all(&state)?;
    let measured = rounds(&state);
    fs::remove_dir_all(&state)?;
    let mut worst_99 = 0.0_f64;
    let mut all_99 = Vec::new();
    for (round, mut times) in measured?.into_iter().enumerate() {
        times.sort_by(f64::total_cmp);
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
        let (median, p99, worst) = (at(0.5), at(0.99), at(1.0));
        println!(
            "round {}: {APPENDS} appends, median {median:.3} ms, p99 {p99:.3} ms, worst {worst:.3} ms",
            round + 1
        );
        worst_99 = worst_99.max(p99);
        all_99.push(p99);
    }
    all_99.sort_by(f64::total_cmp);
    println!(
        "journal append (goal p99 < 5 ms): median p99 {:.3} ms, worst p99 {worst_99:.3} ms of {ROUNDS}",
        all_99[ROUNDS / 2]
    );
    Ok(())
}

fn rounds(state: &Path) -> Result<Vec<Vec<f64>>, Box<dyn Error>> {
    let note = Stamped {
        wall: "2026-11-20T08:00:00Z".parse()?,
        mono_ms: 0,
        actor: Actor::default(),
        event: RunEvent::Note {
            step: None,
            about: NoteAbout::Remark,
            text: "x".repeat(TEXT).as_str().into(),
            given: None,
        },
    };
    (0..ROUNDS)
        .map(|round| {
            let run = format!("r-20261120-0800-{round:02}");
            let mut journal = FileJournal::create(state, "bench", &run)?;
            let mut times = Vec::with_capacity(APPENDS);
            for _ in 0..APPENDS {
                let begin = Instant::now();
                black_box(journal.append(std::slice::from_ref(&note))?);
                times.push(begin.elapsed().as_secs_f64() * 1_000.0);
            }
            Ok(times)
        })
        .collect()
}
