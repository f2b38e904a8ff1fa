//! A network that brings nothing: one region cannot make the other's values older, and no length of
//! silence ends the cockpit. Half an hour each, in virtual time.

use farshore::{
    domain::{
        Side, Source,
        time::{Span, Timestamp, age_text, minutes, seconds},
    },
    sim::Fault,
    status::{CellState, Component},
};

use super::guide::Night;

/// How much older than its interval a value may get (terminal-ux §4, line 5).
const GRACE: Span = seconds(1);

fn inject(night: &Night, fault: &str) {
    night.rehearsal.sim.inject(Fault::from_toml(fault).unwrap());
}

/// Values of a region that are older at `now` than they may be.
fn too_old(night: &Night, side: Side, now: Timestamp) -> Vec<String> {
    let of_side = night.app.picture.iter().filter(|(source, _)| source.side() == Some(side));
    let old = of_side.filter_map(|(source, reading)| {
        let age = reading.age(now)?;
        (age > source.interval() + GRACE).then(|| format!("{source:?}: {}", age_text(age)))
    });
    old.collect()
}

#[tokio::test(start_paused = true)]
async fn a_silent_region_makes_nothing_of_the_other_older() {
    let mut night = Night::begin("calm", &[]);
    night.pass(seconds(90)).await;
    inject(&night, "fault = \"silent\"\nregion = \"primary\"");
    let (mut worst, mut looks) = (Span::ZERO, 0);
    for second in 0..30 * 60 {
        night.pass(seconds(1)).await;
        let now = night.app.now();
        let old = too_old(&night, Side::Secondary, now);
        assert!(old.is_empty(), "{second} s into the silence: {old:#?}");
        looks += 1;
        night.app.settle();
        for row in &night.app.summary.rows {
            let cell = &row.cells[Side::Secondary];
            let age = now.duration_since(cell.from.unwrap());
            assert!(age <= interval(row.component) + seconds(1), "{second} s: {cell:?}");
            assert!(!cell.stale && !cell.overdue, "{second} s: {cell:?}");
        }
        let hosts = Source::Hosts(0, Side::Secondary);
        worst = worst.max(night.app.picture.reading(&hosts).and_then(|hosts| hosts.age(now)).unwrap());
    }
    assert_eq!(looks, 1_800);
    assert!(worst > seconds(10), "the other region was looked at as often as it should be: {worst}");
    let hosts = Source::Hosts(0, Side::Primary);
    let silence = night.app.picture.reading(&hosts).unwrap();
    assert!(silence.misses > 5 && silence.age(night.app.now()).unwrap() > minutes(29), "{silence:?}");
}

/// How often what a row is made of is looked at (the longest of its sources).
fn interval(component: Component) -> Span {
    match component {
        Component::ControlPlane | Component::Hosts | Component::Sessions => seconds(15),
        Component::Assignments | Component::Health => seconds(30),
        _ => seconds(60),
    }
}

/// What each row says of both regions.
fn states(night: &Night) -> Vec<(&'static str, [CellState; 2])> {
    let rows = night.app.summary.rows.iter();
    rows.map(|row| (row.component.key(), Side::BOTH.map(|side| row.cells[side].state))).collect()
}

#[tokio::test(start_paused = true)]
async fn half_an_hour_without_any_answer_ends_nothing_and_is_told_in_words() {
    let mut night = Night::begin("calm", &[]);
    night.pass(seconds(90)).await;
    night.app.settle();
    let before = states(&night);
    // Not even the lists that belong to neither region come.
    inject(&night, "fault = \"lose-reply\"");
    for minute in 1..=30 {
        night.pass(minutes(1)).await;
        let screen = night.screen();
        // Line 1 stands, the clock goes on, and nothing that was seen is passed off as what is.
        assert!(screen.starts_with(" SIM RO"), "{screen}");
        assert!(screen.contains(&format!(":{:02}:", (minute + 1) % 60)), "{minute} min\n{screen}");
        if minute > 3 {
            let fine: Vec<_> =
                states(&night).into_iter().filter(|(_, sides)| sides.contains(&CellState::Ok)).collect();
            assert!(fine.is_empty(), "after {minute} min these are called ok: {fine:?}\n{screen}");
            assert!(screen.contains("last ") && screen.contains("m! "), "{screen}");
        }
    }
    night.rehearsal.sim.heal("lose-reply");
    night.pass(minutes(3)).await;
    night.app.settle();
    assert_eq!(states(&night), before, "once it answers all is as before\n{}", night.screen());
}

/// A machine that sees nothing any more must not go on saying that the other region is dead.
#[tokio::test(start_paused = true)]
async fn signs_of_death_grow_old_with_what_they_rest_on() {
    let mut night = Night::begin("region-outage", &[]);
    night.pass(minutes(1)).await;
    let screen = night.screen();
    assert!(screen.contains("x    WE looks dead") && screen.contains("ready ungraceful"), "{screen}");
    inject(&night, "fault = \"lose-reply\"");
    let mut told = 0;
    for minute in 0..6 {
        night.pass(minutes(1)).await;
        let screen = night.screen();
        if minute < 3 {
            continue;
        }
        let dead = screen.lines().filter(|line| line.contains("WE looks dead") || line.contains("seen dead"));
        for line in dead {
            told += 1;
            assert!(line.contains("last seen dead") && line.ends_with('!'), "{line}\n{screen}");
        }
        assert!(!screen.contains("   ready"), "{screen}");
        assert!(screen.contains("this machine may be cut off"), "{screen}");
        assert!(!screen.contains("NE does not answer"), "{screen}");
    }
    assert!(told > 0, "it is told as what was");
}
