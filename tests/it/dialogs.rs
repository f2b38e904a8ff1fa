//! What is shown is what is confirmed, while people come and go.

use farshore::{
    domain::{
        Operation, Safe,
        time::{minutes, seconds},
    },
    engine::{
        Command, Confirm, Engine, Refusal, RunEvent,
        event::{Acknowledgement, Confirmed, DoneHow, RunEnd},
        run::{ItemMark, StepMark},
        view::{Drift, OfferView, StepState},
    },
    runbook::Mode,
};

use super::{
    killers::colleague,
    outage::{Cockpit, said, turn},
    rehearsal::{Rehearsal, Setting},
};

/// Twenty sessions on four hosts, twenty people at home, and nobody who comes or goes by themselves.
const BUSY: Setting<'static> = Setting {
    world: &[
        ("hosts = 2", "hosts = 4"),
        ("standby_running = 1", "standby_running = 4"),
        ("max_sessions = 2", "max_sessions = 10"),
        ("people = 3", "people = 40"),
        ("active = 2", "active = 20"),
        ("disconnected = 1", "disconnected = 0"),
        ("leave_percent = 50", "leave_percent = 0"),
    ],
    ..Setting::PLAIN
};

/// A cockpit in a person's hands at the turn of a step.
async fn at(setting: &Setting<'_>, mode: Mode, step: &str) -> Cockpit {
    let mut cockpit = Cockpit::open(Rehearsal::of(setting), mode).await;
    cockpit.turn(step).await;
    cockpit.tell(Command::Arm { on: true, how: Safe::new("typed") }).unwrap();
    cockpit
}

/// Lets polls come in.
async fn wait(cockpit: &mut Cockpit, secs: i64) {
    let until = cockpit.clock.now() + seconds(secs);
    cockpit.until("polls", false, |_, now| now >= until).await;
}

/// Something that happens while a dialog is open.
#[derive(Debug, Clone, Copy)]
enum Change {
    /// So many people sign in.
    In(usize),
    /// The sessions or objects at these places of the list go, or become as they shall be.
    Gone(&'static [usize]),
    /// Everyone goes, and so many others come.
    Others(usize),
    /// A host accepts sessions again.
    Admitted,
    /// The dialog closes and opens again, over a list of its own.
    Reopened,
    /// Time passes, in minutes.
    Minutes(i64),
}

const HOSTS: &str = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/rg-avd-we/providers/Microsoft.DesktopVirtualization/hostPools/hp-hr-we/sessionHosts";

async fn happen(cockpit: &mut Cockpit, offer: &OfferView, change: Change) {
    if let Change::Others(_) = change {
        (0..offer.writes.len()).for_each(|place| gone(cockpit, offer, place));
    }
    match change {
        Change::In(count) | Change::Others(count) => cockpit.inject(&format!(
            "fault = \"session-appears\"\nregion = \"primary\"\nservice = \"hr\"\ncount = {count}"
        )),
        Change::Gone(places) => {
            for place in places {
                gone(cockpit, offer, *place);
            }
        }
        Change::Admitted => {
            let path = format!("{HOSTS}/shwe-hr-01.contoso.example?api-version=2024-04-03");
            colleague(&cockpit.rehearsal.sim, "PATCH", &path, r#"{"properties":{"allowNewSession":true}}"#);
        }
        Change::Reopened => {}
        Change::Minutes(count) => wait(cockpit, count * 60).await,
    }
    wait(cockpit, 20).await;
}

/// Somebody else does what the write at this place of the list would, or ends the session it is for.
fn gone(cockpit: &Cockpit, offer: &OfferView, place: usize) {
    let write = &offer.writes[place];
    let path = write.path.as_str();
    let (method, path, body) = match write.verb {
        "message" => (
            "DELETE",
            format!("{}?api-version=2024-04-03", path.split("/sendMessage").next().unwrap()),
            String::new(),
        ),
        "grant" => {
            let group = &cockpit.rehearsal.estate.services[0].groups[place];
            let who = group.principals[0].id.as_str();
            let role =
                "/providers/Microsoft.Authorization/roleDefinitions/1d18fff3-a72a-46b5-b4a9-0b38a3cd7e63";
            let body = format!(
                r#"{{"properties":{{"roleDefinitionId":"{role}","principalId":"{who}","principalType":"Group"}}}}"#
            );
            ("PUT", path.to_owned(), body)
        }
        "drain" => ("PATCH", path.to_owned(), r#"{"properties":{"allowNewSession":false}}"#.to_owned()),
        _ => (write.method.as_str(), path.to_owned(), String::new()),
    };
    colleague(&cockpit.rehearsal.sim, method, &path, String::leak(body));
}

/// The last confirmation of a step, as the journal has it.
fn confirmed(cockpit: &Cockpit, step: &str) -> Confirmed {
    let events = cockpit.rehearsal.journal.events().into_iter().rev();
    let mut found = events.filter_map(|stamped| match stamped.event {
        RunEvent::Confirmed(confirmed) if confirmed.step == step => Some(*confirmed),
        _ => None,
    });
    found.next().unwrap_or_else(|| panic!("{step} was not confirmed"))
}

fn is_done(engine: &Engine, step: &str) -> bool {
    let run = engine.run();
    run.steps[run.plan.position(step).unwrap()].is_over()
}

/// Step, level, number of writes, what happens while it is shown, and what the dialog says then.
type Case = (&'static str, u8, usize, &'static [Change], Option<Drift>);

const fn drift(left: usize, shown: usize, new: usize) -> Drift {
    Drift { left, shown, new }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_changes_a_little_is_confirmed_as_it_was_shown() {
    use Change::{Gone, In, Minutes};
    let cases: [Case; 10] = [
        ("a8-log-off", 2, 20, &[], None),
        ("a8-log-off", 2, 20, &[Gone(&[3])], Some(drift(19, 20, 0))),
        ("a8-log-off", 2, 20, &[Gone(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9])], Some(drift(10, 20, 0))),
        ("a8-log-off", 2, 20, &[In(2)], Some(drift(20, 20, 2))),
        ("a8-log-off", 2, 20, &[Gone(&[19]), In(1), Minutes(25)], Some(drift(19, 20, 1))),
        ("a8-log-off", 2, 20, &[Minutes(120)], None),
        ("a6-tell-users", 2, 20, &[Gone(&[0, 7]), In(2)], Some(drift(18, 20, 2))),
        ("a5-drain", 1, 4, &[Gone(&[1])], Some(drift(3, 4, 0))),
        ("a14-stop-hosts", 1, 4, &[Gone(&[0, 3])], Some(drift(2, 4, 0))),
        ("a7-revoke", 2, 1, &[In(2)], None),
    ];
    for case in cases {
        let (step, level, count, changes, expected) = case;
        let mut cockpit = at(&BUSY, Mode::Graceful, step).await;
        let offer = cockpit.offer(step).await;
        assert_eq!((offer.level, offer.writes.len(), offer.drift), (level, count, None), "{case:?}");
        for change in changes {
            happen(&mut cockpit, &offer, *change).await;
            let shown = cockpit.shown(step).offer.unwrap();
            assert_eq!(
                (&shown.hash, &shown.asked, shown.green),
                (&offer.hash, &offer.asked, true),
                "{case:?}"
            );
            assert_eq!(shown.writes, offer.writes, "{case:?}");
        }
        assert_eq!(cockpit.shown(step).offer.unwrap().drift, expected, "{case:?}");
        cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
        as_it_was_shown(&mut cockpit, step, &offer, expected.unwrap_or_default()).await;
    }
}

/// List and hash are journaled as shown; what is gone is found gone, what is new is asked for.
async fn as_it_was_shown(cockpit: &mut Cockpit, step: &str, offer: &OfferView, drift: Drift) {
    let written = confirmed(cockpit, step);
    let keys: Vec<&str> =
        written.items.iter().filter(|item| item.operation.is_some()).map(|item| item.key.as_str()).collect();
    let shown: Vec<&str> = offer.writes.iter().map(|write| write.key.as_str()).collect();
    assert_eq!((&written.list_sha256, written.users, keys), (&offer.hash, offer.users, shown), "{step}");
    let settled = |engine: &Engine| {
        let run = engine.run();
        let items = &run.steps[run.plan.position(step).unwrap()].items;
        items.iter().all(|item| matches!(item.mark, ItemMark::Done(_)))
    };
    cockpit.until("the list done", false, |engine, _| settled(engine)).await;
    let seen =
        cockpit.step(step).items.iter().filter(|item| item.mark == ItemMark::Done(DoneHow::Observation));
    let untouched = drift.shown - drift.left;
    assert_eq!(
        seen.filter(|item| item.attempts == 0).count(),
        untouched + offer.already,
        "{step}\n{}",
        cockpit.rehearsal.story()
    );
    let targets: Vec<Operation> = written.items.iter().filter_map(|item| item.operation.clone()).collect();
    let sent = cockpit.writes_of(step);
    assert_eq!(sent.len(), offer.writes.len() - untouched, "{step}");
    assert!(sent.iter().all(|operation| targets.contains(operation)), "{step}: {sent:?}");
    if drift.new > 0 {
        assert_eq!(
            cockpit.step(step).mark,
            StepMark::Working,
            "{step}: it is not done while somebody is left"
        );
        let more = cockpit.offer(step).await;
        assert_eq!((more.writes.len(), more.drift), (drift.new, None), "{step}");
        assert_eq!(
            cockpit.writes_of(step).len(),
            sent.len(),
            "{step}: nobody new before they were confirmed"
        );
        cockpit.tell(Command::Confirm(said(step, &more))).unwrap();
    }
    cockpit.until("done", false, |engine, _| is_done(engine, step)).await;
    assert_eq!(cockpit.end().await, RunEnd::Completed, "{step}\n{}", cockpit.rehearsal.story());
}

/// Why a confirmation of what was shown at first is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum No {
    /// Another list is shown now.
    OfferGone,
    /// A precondition with this name is not green.
    NotGreen(&'static str),
    /// It came undone what that step had seen to: it comes first.
    OutOfTurn(&'static str),
}

#[tokio::test(start_paused = true)]
async fn a_list_that_changes_too_much_or_is_too_old_is_void() {
    use Change::{Admitted, Gone, In, Minutes, Others, Reopened};
    let half: &[usize] = &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
    let cases: [(&str, &[Change], No); 8] = [
        ("a8-log-off", &[In(3)], No::OfferGone),
        ("a8-log-off", &[In(2), In(1)], No::OfferGone),
        // Still fewer than the plan printed.
        ("a8-log-off", &[Gone(half), Reopened, In(2)], No::OfferGone),
        // Not one of them is left, as many others are there.
        ("a8-log-off", &[Others(15)], No::OfferGone),
        ("a8-log-off", &[Gone(&[4]), Minutes(31)], No::OfferGone),
        ("a7-revoke", &[Admitted], No::OutOfTurn("a5-drain")),
        ("a14-stop-hosts", &[In(1)], No::NotGreen("active-empty")),
        ("a6-tell-users", &[Others(20)], No::OfferGone),
    ];
    for case in cases {
        let (step, changes, no) = case;
        let mut cockpit = at(&BUSY, Mode::Graceful, step).await;
        let mut offer = cockpit.offer(step).await;
        for change in changes {
            happen(&mut cockpit, &offer, *change).await;
            if matches!(change, Reopened) {
                offer = cockpit.offer(step).await;
            }
        }
        if let No::OutOfTurn(first) = no {
            let refused = cockpit.tell(Command::Confirm(said(step, &offer)));
            let (step, first) = (step.to_owned(), first.to_owned());
            assert_eq!(refused, Err(Refusal::OutOfTurn { step, first }), "{case:?}");
            assert!(cockpit.shown(case.0).offer.is_none() && cockpit.writes_of(case.0).is_empty());
            continue;
        }
        let shown = cockpit.shown(step).offer.unwrap();
        assert_eq!(shown.drift, None, "{case:?}: what is shown is what is so");
        assert_eq!(shown.green, no == No::OfferGone, "{case:?}");
        let refused = cockpit.tell(Command::Confirm(said(step, &offer)));
        match no {
            No::OfferGone => {
                assert_ne!(shown.hash, offer.hash, "{case:?}");
                let Err(Refusal::OfferGone { what, .. }) = &refused else { panic!("{case:?}: {refused:?}") };
                let told = what == &shown.changed_since(&offer);
                assert!(told && what.len() < 400, "{case:?}: {what}");
                if matches!(changes, [In(2 | 3)]) {
                    assert!(what.contains(" more (") && what.contains(", now "), "{case:?}: {what}");
                }
            }
            No::NotGreen(item) => {
                let told = matches!(&refused, Err(Refusal::NotGreen { why, .. }) if why.starts_with(item));
                assert!(told, "{case:?}: {refused:?}");
            }
            No::OutOfTurn(_) => {}
        }
        assert_eq!(cockpit.writes_of(step), [], "{case:?}");
        // What is shown now can be confirmed where nothing stands against it.
        let now = cockpit.tell(Command::Confirm(said(step, &shown)));
        assert_eq!(now.is_ok(), no == No::OfferGone, "{case:?}: {now:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_what_the_engine_shows_of_this_step_can_be_confirmed() {
    let mut cockpit = at(&BUSY, Mode::Graceful, "a6-tell-users").await;
    let elsewhere = cockpit.offer("a6-tell-users").await;
    cockpit.tell(Command::Confirm(said("a6-tell-users", &elsewhere))).unwrap();
    cockpit.turn("a8-log-off").await;
    let first = cockpit.offer("a8-log-off").await;
    happen(&mut cockpit, &first, Change::Gone(&[5])).await;
    // The dialog closes and opens again: its list is read anew.
    cockpit.tell(Command::Withdraw { step: "a8-log-off".to_owned() }).unwrap();
    assert_ne!(cockpit.shown("a8-log-off").offer.unwrap().hash, first.hash);
    let second = cockpit.offer("a8-log-off").await;
    assert_eq!((second.writes.len(), second.drift), (19, None));
    happen(&mut cockpit, &second, Change::In(1)).await;
    assert_eq!(cockpit.shown("a8-log-off").offer.unwrap().drift, Some(drift(19, 19, 1)));
    let good = said("a8-log-off", &second);
    let forged: [(&str, Confirm); 5] = [
        ("the list before", said("a8-log-off", &first)),
        ("another step's", Confirm { offer: elsewhere.hash.clone(), ..good.clone() }),
        ("nobody's", Confirm { offer: "0".repeat(64), ..good.clone() }),
        ("none", Confirm { offer: String::new(), ..good.clone() }),
        (
            "another acknowledgement",
            Confirm { acknowledges: Some(Acknowledgement::GrownList), ..good.clone() },
        ),
    ];
    for (name, confirm) in forged {
        let refused = cockpit.tell(Command::Confirm(confirm));
        assert!(matches!(refused, Err(Refusal::OfferGone { .. })), "{name}: {refused:?}");
    }
    let wrong = Confirm { typed: Some(Safe::new("20")), ..good.clone() };
    assert!(matches!(cockpit.tell(Command::Confirm(wrong)), Err(Refusal::WrongWord { .. })));
    assert_eq!(cockpit.writes_of("a8-log-off"), []);
    cockpit.tell(Command::Confirm(good.clone())).unwrap();
    // It is good once.
    assert!(cockpit.tell(Command::Confirm(good)).is_err());
}

/// A list that cannot be read for a while is not another list.
#[tokio::test(start_paused = true)]
async fn a_look_that_fails_holds_the_confirmation_and_does_not_void_it() {
    let mut cockpit = at(&BUSY, Mode::Graceful, "a8-log-off").await;
    let offer = cockpit.offer("a8-log-off").await;
    cockpit.inject("fault = \"forbidden\"\nregion = \"primary\"\npath = \"usersessions\"\nmethod = \"GET\"\nfor = \"3m\"");
    wait(&mut cockpit, 60).await;
    let shown = cockpit.shown("a8-log-off");
    assert_eq!(shown.offer.as_ref().map(|shown| (&shown.hash, shown.green)), Some((&offer.hash, false)));
    let refused = cockpit.tell(Command::Confirm(said("a8-log-off", &offer)));
    assert!(matches!(refused, Err(Refusal::NotGreen { .. })), "{refused:?}");
    wait(&mut cockpit, 180).await;
    cockpit.tell(Command::Confirm(said("a8-log-off", &offer))).unwrap();
    assert_eq!(cockpit.end().await, RunEnd::Completed, "{}", cockpit.rehearsal.story());
}

/// Between the confirmation and the turn of an item somebody else ends what it is for.
#[tokio::test(start_paused = true)]
async fn what_is_gone_at_its_turn_is_not_written_to() {
    for step in ["a6-tell-users", "a8-log-off", "a5-drain"] {
        let mut cockpit = at(&BUSY, Mode::Graceful, step).await;
        let offer = cockpit.offer(step).await;
        cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
        let last = offer.writes.len() - 1;
        let begun = |engine: &Engine| {
            let run = engine.run();
            run.steps[run.plan.position(step).unwrap()].items[0].attempts > 0
        };
        cockpit.until("the first", false, |engine, _| begun(engine)).await;
        // A message may go to a session that was seen seconds ago, not to one that was gone by then.
        gone(&cockpit, &offer, last);
        let spare = if step == "a6-tell-users" { 6 } else { 0 };
        cockpit
            .tell(Command::Hold { why: farshore::engine::event::HeldWhy::Person, note: Safe::new("a pause") })
            .unwrap();
        cockpit.clock.sleep_until(cockpit.clock.now() + seconds(spare)).await;
        cockpit.tell(Command::Resume).unwrap();
        let key = offer.writes[last].key.clone();
        let over = |engine: &Engine| {
            let run = engine.run();
            run.steps[run.plan.position(step).unwrap()].items.iter().all(|item| item.mark.over())
        };
        cockpit.until("all items", false, |engine, _| over(engine)).await;
        let item = cockpit.step(step).items.iter().find(|item| item.key == key).unwrap();
        assert_eq!((&item.mark, item.attempts), (&ItemMark::Done(DoneHow::Observation), 0), "{step}");
        assert_eq!(cockpit.writes_of(step).len(), last, "{step}");
        assert_eq!(cockpit.end().await, RunEnd::Completed, "{step}\n{}", cockpit.rehearsal.story());
    }
}

/// Level 3: the acknowledgement of a dead side keeps its list as well.
#[tokio::test(start_paused = true)]
async fn the_fenced_grant_keeps_its_list() {
    let outage = Setting { scenario: "region-outage", ..Setting::PLAIN };
    let mut cockpit = at(&outage, Mode::Ungraceful, "a11-grant").await;
    let offer = cockpit.offer("a11-grant").await;
    assert_eq!((offer.level, offer.writes.len(), offer.asked.as_deref()), (3, 2, Some("NE")));
    happen(&mut cockpit, &offer, Change::Gone(&[1])).await;
    let shown = cockpit.shown("a11-grant").offer.unwrap();
    assert_eq!((&shown.hash, shown.drift), (&offer.hash, Some(drift(1, 2, 0))));
    cockpit.tell(Command::Confirm(said("a11-grant", &offer))).unwrap();
    cockpit.until("granted", false, |engine, _| is_done(engine, "a11-grant")).await;
    assert_eq!(cockpit.writes_of("a11-grant").len(), 1, "{}", cockpit.rehearsal.story());
    assert_eq!(confirmed(&cockpit, "a11-grant").items.len(), 2);
}

/// The dialog of a step whose turn it is not is kept fresh as well.
#[tokio::test(start_paused = true)]
async fn the_list_of_an_undo_is_kept_fresh_while_it_is_shown() {
    let mut cockpit = at(&BUSY, Mode::Graceful, "a6-tell-users").await;
    let offer = cockpit.offer("a5-admit").await;
    let late = cockpit.clock.now() + minutes(20);
    cockpit.until("twenty minutes", false, |_, now| now >= late).await;
    let shown = cockpit.shown("a5-admit").offer.unwrap();
    assert_eq!((&shown.hash, shown.green), (&offer.hash, true));
    cockpit.tell(Command::Confirm(said("a5-admit", &offer))).unwrap();
    cockpit.until("undone", false, |engine, _| turn(engine) == "a5-drain").await;
}

/// Nobody looks all the time at what an undo would touch: its dialog does, so that the undo can be had.
#[tokio::test(start_paused = true)]
async fn an_undo_whose_dialog_is_closed_is_not_blocked_by_the_age_of_its_list() {
    let mut cockpit = at(&BUSY, Mode::Graceful, "a6-tell-users").await;
    let late = cockpit.clock.now() + minutes(20);
    let mut aged = false;
    cockpit
        .until("twenty minutes", false, |engine, now| {
            let view = engine.view(now);
            for undo in view.steps.iter().filter(|step| step.is_undo) {
                assert_eq!((undo.state, &undo.blocked_by), (StepState::Ready, &Vec::new()), "{}", undo.id);
                aged |= undo.offer.as_ref().is_some_and(|offer| !offer.green);
            }
            now >= late
        })
        .await;
    assert!(aged, "no list was ever too old to be confirmed");
}

/// What an undo brings besides what it writes stands in its dialog: the drain that a scaling plan lifts, and
/// what is to be done once more.
#[tokio::test(start_paused = true)]
async fn an_undo_tells_what_else_comes_of_it() {
    const AGAIN: &str = "as before the run; a3-hold-standby-scaling to";
    let mut cockpit = at(&BUSY, Mode::Graceful, "a4-standby-can-take-users").await;
    let told = |offer: &OfferView| (offer.effect.to_string(), offer.before_after.1.to_string());
    let plain = ("the plans act again".to_owned(), format!("{AGAIN} a3-hold-active-scaling come again"));
    assert_eq!(told(&cockpit.offer("a3-release").await), plain);
    cockpit.turn("a6-tell-users").await;
    assert_eq!(
        told(&cockpit.offer("a3-release").await),
        (
            "the plans act again: that of WE lifts the drain of 4 hosts".to_owned(),
            format!("{AGAIN} a5-drain come again")
        )
    );
    let alone =
        ("new users may land in WE again".to_owned(), "as before the run; a5-drain comes again".to_owned());
    assert_eq!(told(&cockpit.offer("a5-admit").await), alone);
    // Once the drain is taken back no plan lifts it.
    let offer = cockpit.offer("a5-admit").await;
    cockpit.tell(Command::Confirm(said("a5-admit", &offer))).unwrap();
    cockpit.until("undone", false, |engine, _| turn(engine) == "a5-drain").await;
    assert_eq!(told(&cockpit.offer("a3-release").await).0, plain.0);
}
