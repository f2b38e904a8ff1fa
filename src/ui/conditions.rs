//! The conditions that every screen is looked at in: nothing read yet, fresh, stale, silent, more of
//! everything than the window has rows, and with the worst names there are.

use crate::{
    app::{
        App, Event, Intent, World,
        feed::Origin,
        run::{RunOpen, RunPurpose, RunSummary},
        scene::{self, Weather, at},
        screen::Screen,
    },
    domain::{
        Answer, ArmId, Listing, Observation, Safe, Side, Source,
        compute::Power,
        estate::Estate,
        health::Availability,
        pool::HostStatus,
        time::{minutes, seconds},
    },
    engine::{RunEvent, RunView, Stamped, event::Actor, view::ItemPhase},
    status::Component,
};

use super::sizes;

/// Names as people, scripts and attackers make them. What could move a cursor is made visible where it
/// comes in.
pub(super) const HOSTILE: [&str; 6] = [
    "日本語のとても長いホスト名前あいうえお",
    "Zoe\u{308}\u{301} A\u{30a}ngstro\u{308}m",
    "\u{5e9}\u{5dc}\u{5d5}\u{5dd} \u{645}\u{631}\u{62d}\u{628}\u{627} \u{644}\u{627}",
    "a\u{1b}[2Jb\r\n\u{202e}tset\u{200b}",
    "\u{ff9f}\u{ff76}\u{ff9e} half width",
    "x",
];

pub(super) fn hostile(number: usize) -> String {
    match HOSTILE[number % HOSTILE.len()] {
        "x" => "x".repeat(200),
        name => name.to_owned(),
    }
}

/// The same for what is no person: a redaction tells them apart.
fn thing(number: usize) -> String {
    const THINGS: [&str; 6] = [
        "倉庫の状態がとても長い言葉ですね",
        "Stra\u{308}\u{301}nge sta\u{30a}te",
        "\u{5de}\u{5e6}\u{5d1} \u{62d}\u{627}\u{644}\u{629}",
        "s\u{9b}2Jt\u{7}\u{202d}tuo\u{feff}",
        "\u{ff7a}\u{ff6f}\u{ff9e} narrow",
        "y",
    ];
    match THINGS[number % THINGS.len()] {
        "y" => "y".repeat(200),
        name => name.to_owned(),
    }
}

/// Such a name as far as an id of Azure's can have it, made different by its number.
fn in_an_id(number: usize) -> String {
    let letters: String = thing(number).chars().filter(|c| c.is_alphanumeric()).collect();
    format!("{letters}{number}")
}

pub(super) fn see(app: &mut App, all: impl IntoIterator<Item = Observation>) {
    for observation in all {
        app.update(Event::Observed(observation), at(0));
    }
    app.settle();
}

/// Everything as it was read an hour ago.
fn an_hour_ago() -> Vec<Observation> {
    let ago = |seen: Observation| Observation {
        started: seen.started - minutes(60),
        ended: seen.ended - minutes(60),
        outcome: seen.outcome.map(earlier),
        ..seen
    };
    scene::readings(Weather::Calm).into_iter().map(ago).collect()
}

/// Everything was read an hour ago, and nothing since.
pub(super) fn stale() -> App {
    let mut app = scene::opened(World::Live);
    see(&mut app, an_hour_ago());
    app
}

/// The same an hour ago: what had just happened then.
fn earlier(answer: Answer) -> Answer {
    match answer {
        Answer::Hosts(all) => Answer::Hosts(each(&all, |_, host| {
            host.heartbeat = host.heartbeat.at().map(|at| at - minutes(60)).into();
        })),
        other => other,
    }
}

/// Everything was read once; since then West Europe answers nothing.
pub(super) fn silent() -> App {
    let mut app = scene::opened(World::Live);
    let (gone, here): (Vec<_>, Vec<_>) = scene::readings(Weather::Calm)
        .into_iter()
        .partition(|seen| seen.source.side() == Some(Side::Primary));
    let why = "no answer in 10 s (limit 10 s)";
    // In one go: the checks are made anew every few seconds only.
    let mut all = an_hour_ago();
    for ago in [45, 25, 5] {
        all.extend(gone.iter().map(|seen| scene::silent(seen.source.clone(), ago, why)));
    }
    all.extend(here);
    for seen in all {
        app.update(Event::Observed(seen), at(0));
    }
    for seen in gone {
        app.update(Event::LookAwaited { source: seen.source, at: scene::noon() + seconds(30) }, at(0));
    }
    app.settle();
    app
}

/// More of everything than any screen has rows.
fn many() -> App {
    let estate = scene::large();
    let mut all = scene::readings_of(&estate, Weather::Outage);
    for seen in &mut all {
        let Ok(answer) = &mut seen.outcome else { continue };
        match answer {
            Answer::Events(events) => {
                let one = events.seen()[0].clone();
                let all = (0..40).map(|number| {
                    let mut event = one.clone();
                    event.tracking = Safe::new(&format!("ABC{number}-XYZ"));
                    event
                });
                *answer = Answer::Events(Listing::whole(all.collect(), 1));
            }
            Answer::Hosts(hosts) => {
                *answer = Answer::Hosts(each(hosts, |_, host| {
                    let all = (0..40).map(|number| Safe::new(&format!("HealthCheck{number:02}Failed")));
                    host.failed_checks = all.collect();
                }));
            }
            // One call and one clock a region, and no more: as long as they come.
            Answer::Control { millis, skew } => (*millis, *skew) = (59_999, Some(-minutes(3_000))),
            _ => {}
        }
    }
    let mut app = scene::opened_of(estate, World::Live);
    see(&mut app, all);
    for number in 0..300 {
        let text = format!("{number} of 300: host pool, no answer in 10 s (limit 10 s), next try in 30 s");
        app.feed.push(scene::noon(), Origin::Region("WE".to_owned()), text);
    }
    app.runs = (0..60).map(run_of).collect();
    app
}

pub(super) fn run_of(number: usize) -> RunSummary {
    RunSummary {
        run: format!("r-20261120-10{number:02}-7k"),
        runbook: "avd-pooled-failover".to_owned(),
        service: "hr".to_owned(),
        mode: "ungraceful".to_owned(),
        state: ["completed-with-exceptions", "monitoring", "held"][number % 3].to_owned(),
        purpose: RunPurpose::Real,
        open: if number % 3 == 2 { RunOpen::Open } else { RunOpen::Closed },
        opened: scene::noon() - minutes(number as i64 * 60),
        took: Some(minutes(38)),
        debts: number % 3,
        trouble: (number % 7 == 3).then(|| Safe::new("line 41 does not fit the chain of hashes")),
    }
}

/// An estate whose objects have names that hurt, as far as the estate file and Azure allow them.
fn hostile_estate() -> Estate {
    let mut estate = scene::estate();
    let mut number = 0;
    let mut renamed = |id: &ArmId| {
        number += 1;
        scene::named(id, &in_an_id(number))
    };
    for service in &mut estate.services {
        service.name = format!("{}-a-service-with-a-name-of-forty-letter", service.name);
        service.name.truncate(40);
        for side in Side::BOTH {
            let own = &mut service.sides[side];
            own.pool = renamed(&own.pool);
            own.workspace = own.workspace.as_ref().map(&mut renamed);
            own.accounts = own.accounts.iter().map(&mut renamed).collect();
            for group in &mut service.groups {
                group.ids[side] = renamed(&group.ids[side]);
            }
        }
        for (place, group) in service.groups.iter_mut().enumerate() {
            group.code = format!("{}-WITH-16-LETTERS", group.code);
            group.code.truncate(16);
            for principal in &mut group.principals {
                principal.name = Safe::new(&hostile(place)).to_string();
            }
        }
    }
    for side in Side::BOTH {
        estate.directory[side] = estate.directory[side].iter().map(&mut renamed).collect();
    }
    estate
}

/// Whatever Azure tells has a name that hurts, and so has whoever is signed in.
pub(super) fn worst_names() -> App {
    let estate = hostile_estate();
    let all = scene::readings_of(&estate, Weather::Outage).into_iter().map(|mut seen| {
        seen.outcome = seen.outcome.map(hurting);
        seen
    });
    let mut all: Vec<Observation> = all.collect();
    // What is said of a failure comes from outside too.
    let why = Safe::new(&format!("{} {}", thing(3), thing(0)));
    all.push(scene::silent(Source::Control(Side::Primary), 1, why.as_str()));
    let mut app = scene::opened_of(estate, World::Live);
    app.identity.name = Safe::new(&format!("{}@{}", hostile(0), hostile(5)));
    see(&mut app, all);
    for number in 0..HOSTILE.len() {
        let text = Safe::new(&hostile(number)).to_string();
        app.feed.push(scene::noon(), Origin::Region("NE".to_owned()), text);
    }
    app.runs = (0..HOSTILE.len())
        .map(|number| RunSummary {
            service: Safe::new(&thing(number)).to_string(),
            trouble: number.is_multiple_of(2).then(|| Safe::new(&thing(number))),
            ..run_of(number)
        })
        .collect();
    app
}

/// The same answer with the worst names in it.
fn hurting(answer: Answer) -> Answer {
    let safe = |number: usize| Safe::new(&thing(number));
    match answer {
        Answer::Sessions(all) => Answer::Sessions(each(&all, |number, one| {
            one.user = Safe::new(&hostile(number));
        })),
        Answer::Hosts(all) => Answer::Hosts(each(&all, |number, one| {
            one.id = scene::named(&one.id, &in_an_id(number));
            one.agent = safe(number);
            one.failed_checks = vec![safe(number), safe(number + 1)];
            if number == 4 {
                one.status = HostStatus::Other(safe(number + 1));
            }
        })),
        Answer::Pool(mut pool) => {
            (pool.pool_type, pool.load_balancer) = (safe(0), safe(5));
            Answer::Pool(pool)
        }
        Answer::Groups(all) => Answer::Groups(each(&all, |number, one| one.kind = safe(number + 1))),
        Answer::Assignments(all) => Answer::Assignments(each(&all, |number, one| {
            one.assignment.principal_type = safe(number);
            one.assignment.created_by = safe(number + 1);
        })),
        Answer::Storage(all) => Answer::Storage(each(&all, |number, one| {
            (one.primary_status, one.sku) = (safe(number), safe(number + 1));
            one.primary_location = safe(number + 2);
        })),
        Answer::Directory(all) => Answer::Directory(each(&all, |number, one| {
            one.vm.power = Some(Power::Unknown(safe(number)));
            one.health = Some(Availability { resource: one.vm.id.clone(), state: safe(number + 1) });
        })),
        Answer::Events(all) => Answer::Events(each(&all, |number, one| {
            one.tracking = safe(number + 3);
            one.title = Safe::new(&format!("{} {}", thing(number), thing(number + 5)));
        })),
        other => other,
    }
}

pub(super) fn each<T: Clone>(all: &Listing<T>, mut change: impl FnMut(usize, &mut T)) -> Listing<T> {
    let mut items: Vec<T> = all.seen().to_vec();
    items.iter_mut().enumerate().for_each(|(number, one)| change(number, one));
    Listing::whole(items, 1)
}

/// The run view with objects and proofs of those names.
pub(super) fn worst_names_in_a_run() -> RunView {
    let mut view = sizes::failing();
    view.service = "a-service-with-a-name-of-forty-characters".to_owned();
    for (number, item) in view.steps[8].items.iter_mut().enumerate() {
        item.key = Safe::new(&hostile(number)).to_string();
        item.detail = Safe::new(&hostile(number + 1));
        if number % 9 == 0 {
            item.state = ItemPhase::Failed;
        }
    }
    view
}

/// A step with more items than any window has rows.
fn many_items() -> RunView {
    let mut view = scene::move_phase();
    let item = |number: usize| {
        let state = if number % 5 == 4 { ItemPhase::Failed } else { ItemPhase::Done };
        scene::item(&format!("GRP{number} @ APPG{number}"), state, "404 twice")
    };
    view.steps[7].items = (1..=60).map(item).collect();
    view.steps[7].done = 48;
    view
}

/// The run of a condition.
pub(super) fn view_of(condition: &str) -> RunView {
    match condition {
        "hostile" => worst_names_in_a_run(),
        "many" => many_items(),
        _ => scene::move_phase(),
    }
}

pub(super) type Condition = (&'static str, fn() -> App);

pub(super) const CONDITIONS: [Condition; 6] = [
    ("empty", || scene::opened(World::Live)),
    ("fresh", || scene::app(World::Live, Weather::Calm)),
    ("stale", stale),
    ("silent", silent),
    ("many", many),
    ("hostile", worst_names),
];

/// Opens a screen in a condition.
pub(super) type Opening = fn(&mut App, &str);

pub(super) const SCREENS: [(&str, Opening); 18] = [
    ("home", |app, _| app.screen = Screen::Home),
    ("control", |app, _| app.screen = Screen::Lists(Component::ControlPlane)),
    ("pools", |app, _| app.screen = Screen::Lists(Component::Pools)),
    ("hosts", |app, _| app.screen = Screen::Lists(Component::Hosts)),
    ("sessions", |app, _| app.screen = Screen::Lists(Component::Sessions)),
    ("assignments", |app, _| app.screen = Screen::Lists(Component::Assignments)),
    ("profiles", |app, _| app.screen = Screen::Lists(Component::Profiles)),
    ("storage", |app, _| app.screen = Screen::Lists(Component::Storage)),
    ("directory", |app, _| app.screen = Screen::Lists(Component::Directory)),
    ("capacity", |app, _| app.screen = Screen::Lists(Component::Capacity)),
    ("health", |app, _| app.screen = Screen::Lists(Component::Health)),
    ("detail", |app, _| {
        app.screen = Screen::Lists(Component::Hosts);
        app.update(Event::Intent(Intent::Enter), at(1_000));
    }),
    ("runs", runs_of),
    ("events", events_of),
    ("readiness", |app, _| app.screen = Screen::Readiness),
    ("vantage", |app, _| app.screen = Screen::Vantage),
    ("journal", journal_of),
    ("run", |app, condition| {
        let view = view_of(condition);
        *app = scene::running_over(std::mem::replace(app, scene::opened(World::Live)), view).0;
    }),
];

/// What was told: just now, or nothing newer than an hour ago.
fn events_of(app: &mut App, condition: &str) {
    app.screen = Screen::Events;
    let ago = match condition {
        "fresh" => 1,
        "stale" => 61,
        _ => return,
    };
    for number in 0..3 {
        let text = format!("quota of NE: {number} of 96 vCPU used");
        app.feed.push(scene::noon() - minutes(ago), Origin::Region("NE".to_owned()), text);
    }
}

/// Runs are journals on this machine: a stale one was left open two days ago, a silent one cannot be read.
fn runs_of(app: &mut App, condition: &str) {
    app.screen = Screen::Runs;
    match condition {
        "fresh" => app.runs = vec![run_of(0), run_of(1)],
        "stale" => app.runs = vec![RunSummary { opened: scene::noon() - minutes(2_880), ..run_of(2) }],
        "silent" => {
            let why = Safe::new("open /j/r-20261120-1001-7k.jsonl: permission denied");
            app.runs = vec![RunSummary { trouble: Some(why), ..run_of(1) }];
        }
        _ => {}
    }
}

/// The journal of a run, with as many records and such names as the condition has; of a stale one the last
/// record is an hour old, a silent one cannot be read.
fn journal_of(app: &mut App, condition: &str) {
    let run = "r-20261120-1003-7k".to_owned();
    app.runs.insert(0, RunSummary { run: run.clone(), ..run_of(0) });
    app.update(Event::Intent(Intent::Pane(3)), at(1_000));
    let count = match condition {
        "empty" => return,
        "many" => 300,
        "hostile" => 12,
        _ => 5,
    };
    let ago = if condition == "stale" { 4_000 } else { 400 };
    let records = (0..count).map(|number| {
        let text = if condition == "hostile" { hostile(number) } else { format!("404 twice, {number}") };
        let actor = Actor { upn: Safe::new("op.01@contoso.example"), ..Actor::default() };
        let event = RunEvent::Paid { step: "a7-revoke".to_owned(), evidence: Safe::new(&text) };
        Stamped { wall: scene::noon() - seconds(ago - number as i64), mono_ms: 1, actor, event }
    });
    let outcome = match condition {
        "silent" => Err(Safe::new("open /j/r-20261120-1003-7k.jsonl: permission denied")),
        _ => Ok(records.collect()),
    };
    app.update(Event::JournalRead { run, outcome }, at(1_000));
}

/// One screen in one condition.
pub(super) fn opened((_, make): Condition, condition: &str, open: Opening) -> App {
    let mut app = make();
    app.size = (80, 24);
    app.settle();
    open(&mut app, condition);
    app
}
