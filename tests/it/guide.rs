//! The pictures of GUIDE.md and README.md, taken anew: a dead region and a rehearsal are walked through by
//! keys, in virtual time.
//!
//! `FARSHORE_PICTURES=write cargo test guide` puts them into the files; otherwise they are compared.

use std::{collections::BTreeMap, env, fs, ops::Range, path::Path};

use farshore::{domain::time::seconds, ui::keymap::Key};

pub use super::night::{Night, setup};
use super::{
    night::{PATIENCE, is_closed, is_due},
    terminal::ready,
};

/// Name and screen, in the order of the walk.
type Pictures = BTreeMap<&'static str, String>;

async fn before_the_run(night: &mut Night, pictures: &mut Pictures) {
    night.pass(seconds(75)).await;
    pictures.insert("home", night.screen());
    night.key(Key::Char('7')).await;
    pictures.insert("vantage", night.screen());
    night.key(Key::Char('q')).await;
    pictures.insert("arm", night.arm().await);
    night.ask_for_run("West Europe is lost").await;
    pictures.insert("start", night.screen());
    night.begin_run().await;
}

/// What is due of a run: the screen, once it is armed.
async fn due(night: &mut Night, pictures: &mut Pictures) -> String {
    loop {
        let end = night.rehearsal.clock.now() + PATIENCE;
        assert!(night.wait(end, Some(is_due)).await, "nothing is due\n{}", night.screen());
        let screen = night.screen();
        if is_closed(&screen) || !screen.starts_with(" SIM RO") {
            return screen;
        }
        pictures.insert("returned", screen);
        night.arm().await;
    }
}

/// Answers the dialog of the step that is due, or says the value it asks for.
async fn answer(night: &mut Night, row: &str) {
    if row.is_empty() {
        night.give("none").await;
    } else {
        night.confirm().await;
    }
}

/// Confirms whatever is ready, until the run is closed.
async fn the_run(night: &mut Night, pictures: &mut Pictures) {
    loop {
        let screen = due(night, pictures).await;
        if is_closed(&screen) {
            pictures.insert("closed", screen);
            return;
        }
        let row = ready(&screen).unwrap_or_default();
        night.key(Key::Enter).await;
        let dialog = night.screen();
        for (title, run, asked) in WORTH {
            if row.contains(title) {
                run.map(|name| pictures.insert(name, screen.clone()));
                asked.map(|name| pictures.insert(name, dialog.clone()));
            }
        }
        answer(night, &row).await;
    }
}

/// Steps by their titles, with the names of the pictures of their run view and of their dialog.
const WORTH: [(&str, Option<&'static str>, Option<&'static str>); 5] = [
    ("start hosts in NE", Some("step"), Some("dialog")),
    ("gate 1: NE can take users", Some("gate"), None),
    ("revoke WE", None, Some("revoke")),
    ("grant NE", None, Some("grant")),
    ("gate 3: first user proven", Some("first-user"), None),
];

async fn walk() -> Pictures {
    // The region of the pictures returns sooner than that of the scenario: nobody reads six hours.
    let mut night = Night::begin("region-outage", &[("until = \"6h\"", "until = \"40m\"")]);
    let mut pictures = Pictures::new();
    before_the_run(&mut night, &mut pictures).await;
    the_run(&mut night, &mut pictures).await;
    assert!(night.unheard.is_empty(), "{:?}", night.unheard);
    pictures
}

/// A rehearsal on a calm estate, up to the middle of the step that logs users off.
async fn rehearse() -> Pictures {
    let mut night = Night::begin("calm", &[]);
    let mut pictures = Pictures::new();
    night.pass(seconds(4)).await;
    pictures.insert("calm", night.screen());
    night.arm().await;
    night.ask_for_run("drill").await;
    night.begin_run().await;
    loop {
        let screen = due(&mut night, &mut Pictures::new()).await;
        assert!(!is_closed(&screen), "{screen}");
        let row = ready(&screen).unwrap_or_default();
        night.key(Key::Enter).await;
        answer(&mut night, &row).await;
        if row.contains("log off everyone in WE") {
            night.pass(seconds(8)).await;
            pictures.insert("middle", night.screen());
            return pictures;
        }
    }
}

/// Where a picture stands in a page: its name, and the text between the fences.
fn places(guide: &str) -> Vec<(&str, Range<usize>)> {
    const MARK: &str = "<!-- picture: ";
    const OPEN: &str = " -->\n```text\n";
    let place = |(at, _): (usize, &str)| {
        let rest = &guide[at + MARK.len()..];
        let (name, _) = rest.split_once(OPEN).expect("a fenced block after the mark");
        let begin = at + MARK.len() + name.len() + OPEN.len();
        let end = begin + guide[begin..].find("```").expect("the end of the block");
        (name, begin..end)
    };
    guide.match_indices(MARK).map(place).collect()
}

/// Puts pictures where a page has a place for them, or says that it shows others.
fn hang(page: &str, mut pictures: Pictures) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let old = fs::read_to_string(&path).unwrap();
    let mut fresh = old.clone();
    for (name, place) in places(&old).into_iter().rev() {
        let picture = pictures.remove(name).unwrap_or_else(|| panic!("nobody took {name}"));
        fresh.replace_range(place, &format!("{picture}\n"));
    }
    assert!(pictures.is_empty(), "not shown: {:?}", pictures.keys());
    if env::var("FARSHORE_PICTURES").is_ok_and(|word| word == "write") {
        fs::write(&path, fresh).unwrap();
    } else {
        assert_eq!(old, fresh, "if this is as it should be: FARSHORE_PICTURES=write");
    }
}

#[tokio::test(start_paused = true)]
async fn the_pictures_of_the_guide_are_those_of_the_cockpit() {
    hang("GUIDE.md", walk().await);
}

#[tokio::test(start_paused = true)]
async fn the_pictures_of_the_readme_are_those_of_the_cockpit() {
    hang("README.md", rehearse().await);
}
