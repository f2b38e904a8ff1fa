//! The pictures of GUIDE.md, taken anew: a dead region is walked through by keys, in virtual time.
//!
//! `FARSHORE_PICTURES=write cargo test guide` puts them into the file; otherwise they are compared.

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
    night.key(Key::Char('r')).await;
    night.focus("reason").await;
    night.write("West Europe is lost").await;
    pictures.insert("start", night.screen());
    night.focus("Start").await;
    night.key(Key::Enter).await;
}

/// Confirms whatever is ready, until the run is closed.
async fn the_run(night: &mut Night, pictures: &mut Pictures) {
    loop {
        let end = night.rehearsal.clock.now() + PATIENCE;
        assert!(night.wait(end, Some(is_due)).await, "nothing is due\n{}", night.screen());
        let screen = night.screen();
        if is_closed(&screen) {
            pictures.insert("closed", screen);
            return;
        }
        if screen.starts_with(" SIM RO") {
            pictures.insert("returned", screen);
            night.arm().await;
            continue;
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
        if row.is_empty() {
            night.give("none").await;
        } else {
            night.confirm().await;
        }
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

/// Where a picture stands in the guide: its name, and the text between the fences.
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

#[tokio::test(start_paused = true)]
async fn the_pictures_of_the_guide_are_those_of_the_cockpit() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("GUIDE.md");
    let guide = fs::read_to_string(&path).unwrap();
    let mut pictures = walk().await;
    let mut fresh = guide.clone();
    for (name, place) in places(&guide).into_iter().rev() {
        let picture = pictures.remove(name).unwrap_or_else(|| panic!("nobody took {name}"));
        fresh.replace_range(place, &format!("{picture}\n"));
    }
    assert!(pictures.is_empty(), "not shown: {:?}", pictures.keys());
    if env::var("FARSHORE_PICTURES").is_ok_and(|word| word == "write") {
        fs::write(&path, fresh).unwrap();
    } else {
        assert_eq!(guide, fresh, "if this is as it should be: FARSHORE_PICTURES=write");
    }
}
