//! With the masks on, no screen shows a person, an address or an id, or a part of one, whatever is cut or
//! broken into lines.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    app::{
        App, Effect, Event, Intent, Motion, World,
        scene::{self, Weather, at},
    },
    domain::{Answer, mask::Masks},
};

use super::{
    Glyphs,
    panes::scenes,
    shots::{confirming, shot},
    sizes,
};

/// Characters in a row that give somebody away.
const PART: usize = 8;

/// Everybody and every id that the scene knows of.
fn secrets(app: &App) -> BTreeSet<String> {
    let mut all: BTreeSet<String> = BTreeSet::new();
    let looks = app.picture.iter().filter_map(|(_, reading)| reading.last.as_ref());
    for look in looks {
        if let Answer::Sessions(sessions) = &look.answer {
            all.extend(sessions.seen().iter().map(|one| one.user.as_str().to_owned()));
        }
    }
    all.insert(app.identity.name.as_str().to_owned());
    let told = format!("{:?} {:?} {:?} {:?}", app.picture, app.estate, app.run_view(), app.identity);
    let words = told.split(|c: char| !(c.is_ascii_hexdigit() || c == '-'));
    all.extend(words.filter(|word| word.len() == 36 && word.matches('-').count() == 4).map(str::to_owned));
    let people: BTreeSet<String> =
        all.iter().filter_map(|name| Some(name.split_once('@')?.0.to_owned())).collect();
    all.extend(people);
    // Two words of ours stand where no name is known, and one is too short to be told from others.
    all.retain(|name| name.chars().count() > 2 && !name.starts_with("sim operator"));
    all
}

/// All parts of a name or an id that must not be seen.
fn parts(secret: &str) -> Vec<String> {
    let all: Vec<char> = secret.chars().collect();
    if all.len() <= PART {
        return vec![secret.to_owned()];
    }
    // A domain is no secret: hosts have one too.
    let last = all.iter().position(|c| *c == '@').unwrap_or(all.len());
    all.windows(PART).take(last + 1).map(|part| part.iter().collect()).collect()
}

/// The parts that a text shows. Each window of the text is looked up: there are thousands of parts.
fn shown<'t>(text: &'t str, parts: &BTreeSet<String>) -> Option<&'t str> {
    let lengths: BTreeSet<usize> = parts.iter().map(|part| part.chars().count()).collect();
    let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let windows = lengths.into_iter().flat_map(|length| {
        let ends = starts.iter().skip(length);
        starts.iter().zip(ends).map(|(from, to)| &text[*from..*to])
    });
    windows.into_iter().find(|window| parts.contains(*window))
}

#[track_caller]
fn assert_masked(app: &mut App, parts: &BTreeSet<String>, size: (u16, u16)) {
    let text = shot(app, size, Glyphs::Box);
    if let Some(part) = shown(&text, parts) {
        panic!("`{part}` of {:?} at {size:?}:\n{text}", app.screen);
    }
    let first = text.lines().next().unwrap_or_default();
    assert!(first.contains(" REDACT") || first.len() < 60, "{first}");
}

fn press(app: &mut App, intents: &[Intent]) {
    for (count, intent) in intents.iter().enumerate() {
        app.update(Event::Intent(*intent), at(1_000 * (count as u64 + 1)));
    }
}

/// Ways through the panes: where names and ids stand.
fn ways() -> Vec<Vec<Intent>> {
    let row = |down: usize| {
        let mut way = vec![Intent::Move(Motion::Down); down];
        way.push(Intent::Enter);
        way
    };
    let mut all: Vec<Vec<Intent>> = (0..9).map(row).collect();
    for down in 0..9 {
        let below = |more: &[Intent]| [row(down), more.to_vec()].concat();
        all.push(below(&[Intent::Enter]));
        all.push(below(&[Intent::Enter, Intent::Move(Motion::Last)]));
        all.push(below(&[Intent::CopyField]));
        all.push(below(&[Intent::Zoom, Intent::Sort, Intent::Copy]));
    }
    all.extend((1..=7).map(|pane| vec![Intent::Pane(pane), Intent::Move(Motion::Last)]));
    all
}

#[test]
fn no_screen_shows_anybody_at_any_size() {
    let mut all = scenes();
    for way in ways() {
        let mut app = scene::app(World::Live, Weather::Outage);
        app.update(Event::Observed(scene::stranger_on_standby(&scene::helpdesk())), at(0));
        app.update(
            Event::Observed(scene::changes_by(&[(
                "ada@contoso.example",
                "4c4c4c4c-0000-4000-8000-0000000ada00",
            )])),
            at(0),
        );
        press(&mut app, &way);
        all.push(app);
    }
    for way in [&[][..], &[Intent::Hold], &[Intent::Interrupt]] {
        let mut app = scene::running(super::sizes::held()).0;
        press(&mut app, way);
        all.push(app);
    }
    let mut masked = 0;
    for app in &mut all {
        app.settle();
        let parts: BTreeSet<String> = secrets(app).iter().flat_map(|secret| parts(secret)).collect();
        let bare = shot(app, (160, 50), Glyphs::Box);
        masked += usize::from(shown(&bare, &parts).is_some());
        app.redact(Arc::new(Masks::default()));
        for size in sizes::SIZES.into_iter().chain([(61, 21), (50, 10)]) {
            assert_masked(app, &parts, size);
        }
    }
    assert!(masked > 30, "only {masked} scenes have anything to mask");
}

#[test]
fn a_person_has_one_mask_wherever_they_stand_and_also_in_what_is_copied() {
    let mut app = scene::app(World::Live, Weather::Calm);
    app.redact(Arc::new(Masks::default()));
    let sessions = [vec![Intent::Move(Motion::Down); 3], vec![Intent::Enter]].concat();
    press(&mut app, &sessions);
    let list = shot(&mut app, (80, 24), Glyphs::Box);
    let row = list.lines().find(|line| line.contains(">ok")).unwrap_or_else(|| panic!("{list}"));
    let mask = row.split_whitespace().find(|word| word.starts_with("user-")).unwrap().to_owned();
    let copied = app.update(Event::Intent(Intent::Copy), at(20_000));
    assert!(
        matches!(&copied[..], [Effect::CopyText(text)] if text.contains(&mask) && !text.contains('@')),
        "{copied:?}"
    );
    press(&mut app, &[Intent::Enter]);
    let detail = shot(&mut app, (80, 24), Glyphs::Box);
    assert!(detail.contains(&mask), "{mask}: {detail}");
    // What is read can be typed.
    press(&mut app, &[Intent::Back, Intent::Filter]);
    let typed: Vec<Intent> = format!("user={mask}").chars().map(Intent::Type).collect();
    press(&mut app, &typed);
    press(&mut app, &[Intent::Enter]);
    let found = shot(&mut app, (80, 24), Glyphs::Box);
    assert!(found.contains("WE 1 of ") && found.contains(&format!("filter: user={mask}")), "{found}");
}

/// A principal that no list has room for is masked before it is cut.
#[test]
fn a_principal_has_one_mask_on_every_screen() {
    let stranger = scene::helpdesk();
    let open = |more: &[Intent]| {
        let mut app = scene::app(World::Live, Weather::Calm);
        app.update(Event::Observed(scene::stranger_on_standby(&stranger)), at(0));
        let masks = Arc::new(Masks::default());
        let mask = masks.mask(stranger.id.as_str()).into_owned();
        app.redact(masks);
        press(&mut app, more);
        app.settle();
        (app, mask)
    };
    let assignments = [vec![Intent::Move(Motion::Down); 4], vec![Intent::Enter]].concat();
    let detail = [assignments.clone(), vec![Intent::Enter]].concat();
    let copy = [assignments.clone(), vec![Intent::CopyField]].concat();
    for (name, way) in
        [("list", assignments.clone()), ("detail", detail), ("copy", copy), ("start", vec![Intent::Start])]
    {
        let (mut app, mask) = open(&way);
        let shot = shot(&mut app, (80, 50), Glyphs::Box);
        assert!(shot.contains(&mask), "{name}: no {mask}: {shot}");
        let head = shot.lines().nth(1).unwrap_or_default();
        assert!(name != "detail" || head.contains(&mask), "{head}");
        let own = |word: &str| word.starts_with("id-") && word != mask;
        let mut words = shot.lines().filter(|line| line.contains("DAG1")).flat_map(str::split_whitespace);
        let other = words.find(|word| own(word.trim_matches(['│', '"', ','])));
        assert!(name == "detail" || other.is_none(), "{name}: {other:?} for one principal {mask}: {shot}");
    }
    // What is read can be typed.
    let (mut app, mask) = open(&[assignments, vec![Intent::Filter]].concat());
    press(&mut app, &format!("holder={mask}").chars().map(Intent::Type).collect::<Vec<_>>());
    let found = shot(&mut app, (80, 24), Glyphs::Box);
    assert!(found.contains(" 1 of "), "{found}");
}

#[test]
fn masks_go_on_and_off_by_the_command_line_and_confirmations_work_with_them() {
    let mut app = confirming(scene::log_off(scene::offer(2, Some("67"))), "6");
    app.redact(Arc::new(Masks::default()));
    let dialog = shot(&mut app, (80, 24), Glyphs::Box);
    assert!(dialog.contains("type the number of users") && dialog.contains(" 67 "), "{dialog}");
    app.update(Event::Intent(Intent::Type('7')), at(30_000));
    assert!(shot(&mut app, (80, 24), Glyphs::Box).contains("  67  "));
    let mut app = scene::app(World::Live, Weather::Calm);
    let command = |app: &mut App, line: &str| {
        let typed = line.chars().map(Intent::Type);
        let all: Vec<Intent> = [Intent::Palette].into_iter().chain(typed).chain([Intent::Enter]).collect();
        press(app, &all);
        shot(app, (80, 24), Glyphs::Box)
    };
    assert!(command(&mut app, "redact").contains(" REDACT"));
    // Twice is no way to show everybody by accident.
    assert!(command(&mut app, "redact").contains(" REDACT"));
    let off = command(&mut app, "redact off");
    assert!(!off.lines().next().unwrap().contains("REDACT") && off.contains("op.01"), "{off}");
    assert!(command(&mut app, "redact of").contains("redact takes nothing, or off"));
}
