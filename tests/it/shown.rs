//! What a confirmation shows, over every step of the built-in runbook and in the words of the engine.

use std::collections::BTreeMap;

use farshore::{
    app::dialog::Modal,
    domain::{Safe, time::clock_text},
    engine::{
        Command, Confirm, Refusal,
        event::ConfirmedBy,
        view::{OfferView, StepView},
    },
    ui::keymap::Key,
};

use super::{
    night::{Night, PATIENCE},
    outage::said,
    seats::{arm, dead},
    terminal::ready,
};

/// Windows that a dialog is drawn in: one where all has room, the usual one, the smallest.
const WINDOWS: [(u16, u16); 3] = [(160, 50), (80, 24), (60, 20)];
/// Columns of a dialog where the window has them.
const DIALOG: usize = 72;

/// The lines of the dialog, without its frame.
fn inner(screen: &str, width: u16) -> Vec<String> {
    let wide = DIALOG.min(usize::from(width) - 2);
    let from = (usize::from(width) - wide) / 2;
    let line = |line: &str| -> Option<String> {
        let cells: Vec<char> = line.chars().collect();
        let framed = cells.get(from) == Some(&'│') && cells.get(from + wide - 1) == Some(&'│');
        framed.then(|| cells[from + 1..from + wide - 1].iter().collect())
    };
    screen.lines().filter_map(line).collect()
}

/// Names with what stands beside them, the lines of one joined.
fn pairs(lines: &[String]) -> BTreeMap<String, String> {
    let mut pairs: BTreeMap<String, String> = BTreeMap::new();
    let mut name = String::new();
    for line in lines {
        let cells: Vec<char> = line.chars().collect();
        let (left, right): (String, String) = (cells[..10].iter().collect(), cells[10..].iter().collect());
        if !left.starts_with(' ') || left.starts_with("  ") && !left.trim().is_empty() {
            continue;
        }
        if !left.trim().is_empty() {
            left.trim().clone_into(&mut name);
        }
        if !left.trim().contains(' ') {
            pairs.entry(name.clone()).or_default().push_str(&right);
        }
    }
    pairs
}

fn squeezed(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// What, where, how many, before and after, the way back, the usual time, the calls with the first of them.
fn owed(step: &StepView, offer: &OfferView) -> Vec<(&'static str, String)> {
    let (before, after) = &offer.before_after;
    assert!(!before.as_str().is_empty() && !after.as_str().is_empty(), "{}: {offer:?}", step.id);
    let calls = match offer.writes.first() {
        None => "nothing is written".to_owned(),
        Some(write) => format!("{} x {}", offer.writes.len(), write.method),
    };
    let mut all = vec![
        ("what", offer.what.to_string()),
        ("effect", offer.effect.to_string()),
        ("before", before.to_string()),
        ("after", after.to_string()),
        ("undo", step.undo.clone().unwrap_or_else(|| "none".to_owned())),
        ("usual", clock_text(step.usual)),
        ("calls", calls),
    ];
    if offer.level == 2 && offer.users > 0 {
        all.push(("what", format!("{} users", offer.users)));
    }
    all
}

/// Everything is there, or it says that it is cut.
fn holds(step: &StepView, offer: &OfferView, screen: &str, width: u16) {
    let lines = inner(screen, width);
    let shown = pairs(&lines);
    let cut = lines.iter().any(|line| line.contains("a taller window shows all"));
    assert!(!cut || width < 160, "{}\n{screen}", step.id);
    for (name, words) in owed(step, offer) {
        let told = shown.get(name).map(|told| squeezed(told)).unwrap_or_default();
        let whole = told.contains(&squeezed(&words));
        assert!(whole || cut, "{}: `{name}` lacks `{words}`: {told}\n{screen}", step.id);
    }
    if let Some(write) = offer.writes.first() {
        // Of an address the end is shown: which object it is.
        let path = squeezed(write.path.as_str().split('?').next().unwrap());
        let first = |from: usize| {
            format!("first{}{}{}", write.method, if from > 0 { "~" } else { "" }, &path[from..])
        };
        let told = shown.get("calls").map(|told| squeezed(told)).unwrap_or_default();
        let some = (0..path.len() - 24).any(|from| told.contains(&first(from)));
        assert!(some || cut, "{}: no first call: {told}\n{screen}", step.id);
    }
}

/// Goes through the whole run of a scenario; every dialog that is confirmed, by its step.
async fn walk(scenario: &str, mode: &str) -> BTreeMap<String, OfferView> {
    let mut night = Night::begin(scenario, &[]);
    let mut all = BTreeMap::new();
    night.pass(farshore::domain::time::seconds(75)).await;
    night.arm().await;
    night.key(Key::Char('r')).await;
    night.focus("mode").await;
    assert!(night.screen().contains(&format!("> mode        {mode}")), "{}", night.screen());
    night.focus("reason").await;
    night.write("drill").await;
    night.focus("Start").await;
    night.key(Key::Enter).await;
    let over = |screen: &str| screen.contains(" completed ") || screen.contains(" monitoring ");
    let due: fn(&str) -> bool = |screen| {
        let over = screen.contains(" completed ") || screen.contains(" monitoring ");
        over || ready(screen).is_some() || screen.contains("awaiting-person") || screen.starts_with(" SIM RO")
    };
    loop {
        let end = night.rehearsal.clock.now() + PATIENCE;
        assert!(night.wait(end, Some(due)).await, "nothing is due\n{}", night.screen());
        let screen = night.screen();
        if over(&screen) {
            return all;
        }
        if screen.starts_with(" SIM RO") {
            night.arm().await;
            continue;
        }
        night.key(Key::Enter).await;
        let reads = |night: &Night| matches!(night.app.modals.last(), Some(Modal::Confirm(dialog)) if dialog.offer.is_none());
        while reads(&night) {
            night.pass(farshore::domain::time::seconds(1)).await;
        }
        let asked = match night.app.modals.last() {
            Some(Modal::Confirm(dialog)) => dialog.offer.clone().map(|offer| (dialog.step.clone(), offer)),
            _ => None,
        };
        if let Some((id, offer)) = asked {
            let view = night.app.run_view().unwrap();
            let step = view.steps.iter().find(|step| step.id == id).unwrap().clone();
            for (width, height) in WINDOWS {
                let screen = night.screen_at(width, height);
                holds(&step, &offer, &screen, width);
            }
            all.insert(id, offer);
        }
        match night.app.modals.last() {
            Some(Modal::Confirm(_)) => night.confirm().await,
            Some(_) => night.give("none").await,
            None => night.pass(farshore::domain::time::minutes(1)).await,
        }
    }
}

/// Every step that is confirmed, in a calm move and in one out of a dead region.
#[tokio::test(start_paused = true)]
async fn every_dialog_of_the_runbook_says_all_that_is_owed_and_cuts_nothing_in_silence() {
    let calm = walk("calm", "graceful").await;
    let steps: Vec<&str> = calm.keys().map(String::as_str).collect();
    assert_eq!(steps.len(), 15, "{steps:?}");
    for (step, count) in [("a2-prewarm", 8), ("a14-stop-hosts", 12)] {
        let offer = &calm[step];
        assert_eq!(offer.writes.len(), count, "{step}");
        assert!(offer.what.as_str().contains(&format!("{count} ")), "{step}: {}", offer.what);
    }
    let outage = walk("region-outage", "ungraceful").await;
    assert!(outage.contains_key("a11-grant"), "{:?}", outage.keys());
}

/// The code to be typed is that of the estate file, whatever is called how in Azure.
#[tokio::test(start_paused = true)]
async fn the_code_that_is_typed_comes_from_the_estate_file_alone() {
    let step = "a11-grant";
    let estate: &[(&str, &str)] = &[
        ("code = \"WE\"", "code = \"AMS\""),
        ("code = \"NE\"", "code = \"DUB\""),
        // Names of other things try to be the code.
        ("name = \"GRP1\"", "name = \"NE\""),
        ("code = \"DAG1\"", "code = \"northeurope\""),
    ];
    let mut cockpit = dead(estate, &[], step).await;
    arm(&mut cockpit);
    let offer = cockpit.offer(step).await;
    assert_eq!((offer.level, offer.asked.as_deref()), (3, Some("DUB")));
    assert!(offer.writes[0].key.contains("NE@northeurope"), "{:?}", offer.writes);
    for typed in ["NE", "northeurope", "North Europe", "dub", "AMS", "hp-hr-ne", ""] {
        let typed = Some(Safe::new(typed));
        let wrong = Confirm { typed, by: ConfirmedBy::Person, ..said(step, &offer) };
        let refused = cockpit.tell(Command::Confirm(wrong));
        let asked = "DUB".to_owned();
        assert_eq!(refused, Err(Refusal::WrongWord { step: step.to_owned(), asked }));
    }
    cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
}
