//! The way back of a run whose users hold neither side: what closes it, what must not, and what a person
//! may take upon himself.

use farshore::{
    domain::{
        Operation, Safe,
        time::{Timestamp, minutes, seconds},
    },
    engine::{
        Command, Engine, Refusal, RunEvent,
        event::{Acknowledgement, ConfirmedBy, HeldWhy, RunEnd},
        run::StepMark,
        view::{Choice, OfferView, StepView},
    },
    runbook::Mode,
    sim::Fault,
};

use super::{
    outage::{Cockpit, said, turn},
    rehearsal::{Rehearsal, Setting},
    seats::{DISTANT, arm, graceful, of, offered_by},
};

const BACK: &str = "a7-regrant";
const REVOKE: &str = "a7-revoke";
const GRANT: &str = "a11-grant";

/// A run in which the planned group holds the side that is left twice, so that two roles are revoked.
async fn held_twice(step: &str) -> Cockpit {
    const BY_CUSTOM_ROLE: &str = "fault = \"holder-added\"\nregion = \"primary\"\nservice = \"hr\"\nprincipal = \"4c4c4c4c-0000-4000-8000-00000000e001\"\nrole = \"custom\"";
    let rehearsal = Rehearsal::of(&DISTANT);
    rehearsal.sim.inject(Fault::from_toml(BY_CUSTOM_ROLE).unwrap());
    let mut cockpit = Cockpit::open(rehearsal, Mode::Graceful).await;
    cockpit.turn(step).await;
    cockpit
}

/// The undo step, where it is shown at all.
fn back(cockpit: &Cockpit) -> Option<StepView> {
    cockpit.engine.view(cockpit.clock.now()).steps.into_iter().find(|shown| shown.id == BACK)
}

async fn confirm(cockpit: &mut Cockpit, step: &str) -> OfferView {
    let offer = cockpit.offer(step).await;
    cockpit.tell(Command::Confirm(said(step, &offer))).unwrap();
    offer
}

/// The person opens the dialog and waits in front of it.
async fn looks_at(cockpit: &mut Cockpit, minutes_long: i64) -> StepView {
    cockpit.tell(Command::Offer { step: BACK.to_owned() }).unwrap();
    cockpit.pass(minutes(minutes_long)).await;
    back(cockpit).unwrap()
}

/// The undo ends well, and the run stands where it took back what it had done.
async fn gone_back(cockpit: &mut Cockpit) {
    let over = |engine: &Engine| {
        of(engine, BACK).mark == StepMark::Open
            && of(engine, REVOKE).items.is_empty()
            && turn(engine) == REVOKE
    };
    cockpit.until("back", false, |engine, _| over(engine)).await;
    assert_eq!(cockpit.rehearsal.sim.violations(), Vec::<String>::new(), "{}", cockpit.rehearsal.story());
}

fn failed(cockpit: &Cockpit, step: &str) -> Vec<String> {
    let items = cockpit.step(step).items.iter().filter(|item| item.mark.failed());
    items.map(|item| item.key.clone()).collect()
}

fn accept(cockpit: &mut Cockpit, step: &str) {
    let items = failed(cockpit, step);
    assert_eq!(items.len(), 1, "{items:?}");
    cockpit
        .tell(Command::AcceptStuck { step: step.to_owned(), items, by: ConfirmedBy::Person, latency_ms: 900 })
        .unwrap();
}

/// Name of the role assignment that a write of an offer is about.
fn assignment(offer: &OfferView, write: usize) -> String {
    let path = offer.writes[write].path.as_str().to_lowercase();
    let name = path.rsplit('/').next().unwrap();
    name.split('?').next().unwrap().to_owned()
}

fn forbid(cockpit: &Cockpit, method: &str, path: &str) {
    cockpit
        .inject(&format!("fault = \"forbidden\"\nname = \"no\"\nmethod = \"{method}\"\npath = \"{path}\""));
}

const SIGNED_IN: &str = "fault = \"session-appears\"\nregion = \"secondary\"\nservice = \"hr\"\ncount = 1";
const SIGNED_IN_WE: &str = "fault = \"session-appears\"\nregion = \"primary\"\nservice = \"hr\"\ncount = 1";
const HELPDESK: &str = "fault = \"holder-added\"\nregion = \"secondary\"\nservice = \"hr\"\nprincipal = \"4c4c4c4c-0000-4000-8000-00000000e0dd\"";
const OPENED: &str = "fault = \"reassigned\"\nregion = \"secondary\"\nservice = \"hr\"";
const SILENT: &str = "fault = \"silent\"\nregion = \"secondary\"";

/// A second group with a principal of its own.
const SECOND: &str = "disconnected = 1\n\n[[service.application_group]]\ncode = \"DAG2\"\ntype = \"RemoteApp\"\ngroup = \"GRP2\"\npeople = 1\nactive = 0\ndisconnected = 0";

/// A planned principal was let in on a group of the other side that is not planned for it.
#[tokio::test(start_paused = true)]
async fn any_group_of_the_other_side_counts() {
    let setting = Setting { world: &[("disconnected = 1", SECOND)], ..DISTANT };
    let mut cockpit = Cockpit::open(Rehearsal::of(&setting), Mode::Graceful).await;
    cockpit.turn("a8-log-off").await;
    cockpit.inject("fault = \"holder-added\"\nservice = \"hr\"\nprincipal = \"4c4c4c4c-0000-4000-8000-00000000e002\"\nregion = \"secondary\"");
    let shown = looks_at(&mut cockpit, 2).await;
    let offer = shown.offer.unwrap();
    assert!(!offer.green, "{offer:?}");
    assert!(shown.blocked_by.iter().any(|why| why.as_str().contains("1 planned holder of NE")));
    let refused = cockpit.tell(Command::Confirm(said(BACK, &offer)));
    assert!(matches!(refused, Err(Refusal::NotGreen { .. })), "{refused:?}");
    assert_eq!(cockpit.rehearsal.sim.violations(), Vec::<String>::new());
}

/// Whose session it is nobody can tell from a list: that a helpdesk holds the side too is no excuse.
#[tokio::test(start_paused = true)]
async fn another_holder_explains_no_session_that_began_since() {
    let mut cockpit = graceful("a8-log-off").await;
    cockpit.inject(HELPDESK);
    cockpit.inject(SIGNED_IN);
    let shown = looks_at(&mut cockpit, 3).await;
    assert!(shown.blocked_by.iter().any(|why| why.as_str().contains("1 session begun there")), "{shown:?}");
    let refused = cockpit.tell(Command::Confirm(said(BACK, &shown.offer.unwrap())));
    assert!(matches!(refused, Err(Refusal::NotGreen { .. })), "{refused:?}");
    cockpit.pass(minutes(15)).await;
    assert_eq!(cockpit.writes_of(BACK), [], "{}", cockpit.rehearsal.story());
}

/// One list is enough to say no: it is not asked of a person to go back over a holder that is seen.
#[tokio::test(start_paused = true)]
async fn what_one_list_shows_is_enough_to_say_no() {
    let mut cockpit = graceful("a8-log-off").await;
    cockpit.inject(OPENED);
    cockpit.inject("fault = \"forbidden\"\nregion = \"secondary\"\npath = \"usersessions\"");
    let shown = looks_at(&mut cockpit, 10).await;
    let offer = shown.offer.unwrap();
    assert_eq!((offer.green, offer.acknowledges), (false, None));
    assert!(shown.blocked_by.iter().any(|why| why.as_str().contains("1 planned holder of NE")));
}

/// Azure refuses the grant: nobody was let in, so the way back is open while it is tried and after it was
/// accepted.
#[tokio::test(start_paused = true)]
async fn a_grant_that_was_refused_reached_nobody() {
    for accepted in [false, true] {
        let mut cockpit = graceful(GRANT).await;
        cockpit.inject(
            "fault = \"forbidden\"\nregion = \"secondary\"\nmethod = \"PUT\"\npath = \"roleassignments\"",
        );
        confirm(&mut cockpit, GRANT).await;
        cockpit
            .until("refused", false, |engine, _| {
                of(engine, GRANT).items.iter().any(|item| item.mark.failed())
            })
            .await;
        assert!(cockpit.shown(GRANT).choices.contains(&Choice::Retry));
        assert!(cockpit.shown(REVOKE).choices.contains(&Choice::Undo), "{accepted}");
        if accepted {
            accept(&mut cockpit, GRANT);
            cockpit.until("gate 3", false, |engine, _| turn(engine) == "a12-first-user").await;
        }
        confirm(&mut cockpit, BACK).await;
        gone_back(&mut cockpit).await;
        cockpit.rehearsal.sim.heal("forbidden");
        assert_eq!(cockpit.end().await, RunEnd::Completed, "{accepted}\n{}", cockpit.rehearsal.story());
    }
}

/// A grant that Azure took has let people in, whatever is refused afterwards.
#[tokio::test(start_paused = true)]
async fn a_grant_that_azure_took_closes_the_way_back() {
    let setting = Setting { world: &[("disconnected = 1", SECOND)], ..DISTANT };
    let mut cockpit = Cockpit::open(Rehearsal::of(&setting), Mode::Graceful).await;
    cockpit.turn(GRANT).await;
    let offer = cockpit.offer(GRANT).await;
    assert_eq!(offer.writes.len(), 2);
    forbid(&cockpit, "PUT", &assignment(&offer, 1));
    cockpit.tell(Command::Confirm(said(GRANT, &offer))).unwrap();
    cockpit
        .until("refused", false, |engine, _| of(engine, GRANT).items.iter().any(|item| item.mark.failed()))
        .await;
    assert!(back(&cockpit).is_none());
    assert!(!cockpit.shown(REVOKE).choices.contains(&Choice::Undo));
}

/// The guard is shut and nothing was ever sent: what was confirmed is given up for the way back.
#[tokio::test(start_paused = true)]
async fn a_grant_that_never_left_is_given_up_for_the_way_back() {
    for resumed in [false, true] {
        let mut cockpit = graceful(GRANT).await;
        let offer = cockpit.offer(GRANT).await;
        cockpit.inject(SIGNED_IN_WE);
        forbid(&cockpit, "DELETE", "usersessions");
        cockpit.tell(Command::Confirm(said(GRANT, &offer))).unwrap();
        cockpit.pass(minutes(5)).await;
        if resumed {
            cockpit.tell(Command::Hold { why: HeldWhy::Person, note: Safe::new("a talk") }).unwrap();
            cockpit.tell(Command::Resume).unwrap();
            arm(&mut cockpit);
            cockpit.pass(minutes(2)).await;
            assert_eq!(turn(&cockpit.engine), "a8-log-off");
        }
        assert_eq!(
            (of(&cockpit.engine, GRANT).mark.clone(), cockpit.writes_of(GRANT)),
            (StepMark::Working, vec![])
        );
        confirm(&mut cockpit, BACK).await;
        assert_eq!(cockpit.step(GRANT).refused.as_ref().map(Safe::as_str), Some("given up for a7-regrant"));
        gone_back(&mut cockpit).await;
        cockpit.pass(minutes(10)).await;
        assert_eq!(cockpit.writes_of(GRANT), [], "{}", cockpit.rehearsal.story());
    }
}

/// One of two roles could not be revoked: what was revoked is granted again, and nothing else.
#[tokio::test(start_paused = true)]
async fn a_revoke_that_was_half_refused_can_be_taken_back() {
    let mut cockpit = held_twice(REVOKE).await;
    let offer = cockpit.offer(REVOKE).await;
    assert_eq!(offer.writes.len(), 2, "{offer:?}");
    forbid(&cockpit, "DELETE", &assignment(&offer, 1));
    cockpit.tell(Command::Confirm(said(REVOKE, &offer))).unwrap();
    let half = |engine: &Engine| {
        let items = &of(engine, REVOKE).items;
        items.iter().any(|item| item.mark.failed()) && items.iter().all(|item| !item.mark.in_flight())
    };
    cockpit.until("half", false, |engine, _| half(engine)).await;
    assert!(cockpit.shown(REVOKE).choices.contains(&Choice::Undo));
    assert_eq!(confirm(&mut cockpit, BACK).await.writes.len(), 1);
    gone_back(&mut cockpit).await;
    assert!(back(&cockpit).is_none(), "nothing is left to be taken back");
    cockpit.rehearsal.sim.heal("no");
    assert_eq!(cockpit.end().await, RunEnd::Completed, "{}", cockpit.rehearsal.story());
}

/// While a revoke is on its way nothing is taken back.
#[tokio::test(start_paused = true)]
async fn what_is_under_way_is_waited_for() {
    let mut cockpit = held_twice(REVOKE).await;
    confirm(&mut cockpit, REVOKE).await;
    let flies = |engine: &Engine| {
        let items = &of(engine, REVOKE).items;
        items.iter().any(|item| item.mark.over()) && items.iter().any(|item| item.mark.in_flight())
    };
    cockpit.until("the second", false, |engine, _| flies(engine)).await;
    assert!(back(&cockpit).is_none());
}

/// What was accepted as not granted again still stands revoked, and can be granted again later.
#[tokio::test(start_paused = true)]
async fn a_way_back_that_was_accepted_half_gone_can_be_gone_to_its_end() {
    let mut cockpit = held_twice("a8-log-off").await;
    let offer = cockpit.offer(BACK).await;
    assert_eq!(offer.writes.len(), 2);
    forbid(&cockpit, "PUT", &assignment(&offer, 0));
    cockpit.tell(Command::Confirm(said(BACK, &offer))).unwrap();
    let half = |engine: &Engine| {
        let items = &of(engine, BACK).items;
        items.iter().any(|item| item.mark.failed()) && items.iter().any(|item| item.mark.over())
    };
    cockpit.until("half", false, |engine, _| half(engine)).await;
    accept(&mut cockpit, BACK);
    gone_back(&mut cockpit).await;
    cockpit.rehearsal.sim.heal("no");
    let before = cockpit.writes_of(BACK).len();
    assert_eq!(confirm(&mut cockpit, BACK).await.writes.len(), 1, "only what is not granted yet");
    cockpit.until("all of it", false, |engine, _| of(engine, BACK).mark == StepMark::Open).await;
    assert_eq!(cockpit.writes_of(BACK).len(), before + 1, "{}", cockpit.rehearsal.story());
    assert!(back(&cockpit).is_none(), "nothing is left to be taken back");
    assert_eq!(cockpit.end().await, RunEnd::Completed, "{}", cockpit.rehearsal.story());
}

/// The other side falls silent before anybody was let in: a person may let people back, and takes upon
/// himself what nobody can know.
#[tokio::test(start_paused = true)]
async fn a_side_that_falls_silent_does_not_keep_people_out_of_both() {
    let mut cockpit = graceful("a8-log-off").await;
    cockpit.inject(SILENT);
    let early = looks_at(&mut cockpit, 3).await;
    assert!(early.offer.as_ref().is_some_and(|offer| !offer.green), "a hiccup is waited out");
    assert!(early.blocked_by.iter().any(|why| why.as_str().contains("less than 5 min")), "{early:?}");
    let offer = looks_at(&mut cockpit, 5).await.offer.unwrap();
    assert!(offer.green, "{:?}", back(&cockpit));
    assert_eq!((offer.level, offer.asked.as_deref()), (3, Some("WE")));
    assert_eq!(offer.acknowledges, Some(Acknowledgement::StandbyUnseen));
    let (known, risk) = (offer.before_after.0.as_str(), offer.effect.as_str());
    assert!(known.contains("NE does not answer") && known.contains("nobody holds it, 0 sessions"), "{known}");
    assert!(risk.contains("NOT known"), "{risk}");
    let mut blind = said(BACK, &offer);
    blind.acknowledges = None;
    assert!(matches!(cockpit.tell(Command::Confirm(blind)), Err(Refusal::OfferGone { .. })));
    let mut wrong = said(BACK, &offer);
    wrong.typed = Some(Safe::new("NE"));
    assert!(matches!(cockpit.tell(Command::Confirm(wrong)), Err(Refusal::WrongWord { .. })));
    cockpit.tell(Command::Confirm(said(BACK, &offer))).unwrap();
    gone_back(&mut cockpit).await;
    assert_eq!(cockpit.writes_of(BACK).len(), 1);
    let events = cockpit.rehearsal.journal.events();
    let taken = |event: &RunEvent| matches!(event, RunEvent::Confirmed(given) if given.acknowledges == Some(Acknowledgement::StandbyUnseen));
    assert!(events.iter().any(|stamped| taken(&stamped.event)), "the journal says who took it upon himself");
    let rests_on = |event: &RunEvent| matches!(event, RunEvent::Observed { step, value, .. } if step == BACK && value.as_str().ends_with(", acknowledged"));
    assert!(events.iter().any(|stamped| rests_on(&stamped.event)), "and on what it rested");
}

/// Whatever was seen there last, or may have been sent there, closes that way.
#[tokio::test(start_paused = true)]
async fn nobody_goes_back_unseen_over_anything_that_was_seen_or_sent() {
    const DROPPED: &str = "fault = \"drop-request\"\nname = \"drop\"\nmethod = \"PUT\"\nregion = \"secondary\"\npath = \"roleassignments\"";
    let helpdesk = (HELPDESK, "1 held it");
    let session = (SIGNED_IN, "1 sessions were there");
    for (fault, why) in [helpdesk, session, (DROPPED, "may have reached NE")] {
        let mut cockpit = graceful(GRANT).await;
        cockpit.inject(fault);
        if fault == DROPPED {
            confirm(&mut cockpit, GRANT).await;
            let given_up = |engine: &Engine| of(engine, GRANT).items.iter().any(|item| item.mark.failed());
            cockpit.until("not done", false, |engine, _| given_up(engine)).await;
        }
        // It is seen as it is, and then nothing is seen any more.
        looks_at(&mut cockpit, 1).await;
        cockpit.inject(SILENT);
        let shown = looks_at(&mut cockpit, 30).await;
        let offer = shown.offer.unwrap();
        assert_eq!((offer.green, offer.acknowledges), (false, None), "{fault}");
        assert!(shown.blocked_by.iter().any(|told| told.as_str().contains(why)), "{:?}", shown.blocked_by);
        let refused = cockpit.tell(Command::Confirm(said(BACK, &offer)));
        assert!(matches!(refused, Err(Refusal::NotGreen { .. })), "{fault}: {refused:?}");
        assert_eq!(cockpit.writes_of(BACK), [], "{fault}");
    }
}

/// Acknowledged, and the side that was silent answers: what it shows counts, and nothing else.
#[tokio::test(start_paused = true)]
async fn a_side_that_is_seen_again_is_believed_before_the_acknowledgement() {
    let mut cockpit = graceful("a8-log-off").await;
    cockpit.inject(SILENT);
    let offer = looks_at(&mut cockpit, 10).await.offer.unwrap();
    assert!(offer.green);
    cockpit.inject(OPENED);
    cockpit.rehearsal.sim.heal("silent");
    cockpit.tell(Command::Confirm(said(BACK, &offer))).unwrap();
    cockpit.until("refused", false, |engine, _| of(engine, BACK).mark == StepMark::Open).await;
    assert_eq!(cockpit.writes_of(BACK), [], "{}", cockpit.rehearsal.story());
    assert_eq!(turn(&cockpit.engine), "a8-log-off");
}

/// Confirmed while the other side was seen, and now it is silent: nothing leaves before a person has taken
/// that upon himself too.
#[tokio::test(start_paused = true)]
async fn a_side_that_falls_silent_after_the_confirmation_is_acknowledged_anew() {
    let mut cockpit = graceful("a8-log-off").await;
    let offer = cockpit.offer(BACK).await;
    assert_eq!((offer.level, offer.acknowledges), (2, None));
    cockpit.tell(Command::Confirm(said(BACK, &offer))).unwrap();
    cockpit.inject(SILENT);
    cockpit.pass(minutes(4)).await;
    assert_eq!(cockpit.writes_of(BACK), [], "{}", cockpit.rehearsal.story());
    let asked = |engine: &Engine, now: Timestamp| {
        offered_by(engine, BACK, now)
            .is_some_and(|offer| offer.green && offer.acknowledges == Some(Acknowledgement::StandbyUnseen))
    };
    cockpit.until("asked", false, asked).await;
    assert_eq!(cockpit.writes_of(BACK), []);
    let now = cockpit.clock.now();
    let offer = offered_by(&cockpit.engine, BACK, now).unwrap();
    cockpit.tell(Command::Confirm(said(BACK, &offer))).unwrap();
    gone_back(&mut cockpit).await;
    let granted = cockpit.writes_of(BACK);
    assert!(matches!(granted[..], [Operation::Grant { .. }]), "{granted:?}");
}

/// What a look after a resume showed undone is not told as the work of an undo.
#[tokio::test(start_paused = true)]
async fn the_report_says_what_opened_a_step_again() {
    let mut cockpit = graceful("a10-safe-to-open").await;
    cockpit.inject(SIGNED_IN_WE);
    cockpit.pass(seconds(30)).await;
    cockpit.tell(Command::Hold { why: HeldWhy::Person, note: Safe::new("a talk") }).unwrap();
    cockpit.tell(Command::Resume).unwrap();
    cockpit.until("a8 again", false, |engine, _| turn(engine) == "a8-log-off").await;
    let told = |cockpit: &Cockpit, step: &str| {
        let integrity = farshore::report::Integrity {
            head: String::new(),
            records: 0,
            verified: farshore::report::Verified::Intact,
            notes: vec![],
        };
        let events = cockpit.rehearsal.journal.events();
        let report = farshore::report::build("r", &events, integrity, cockpit.clock.now()).unwrap();
        let step = report.steps.into_iter().find(|told| told.id == step).unwrap();
        (step.state, step.reason.unwrap().to_string())
    };
    let (state, why) = told(&cockpit, "a8-log-off");
    assert_eq!(state, "pending");
    assert!(why.starts_with("looked at again"), "{why}");
    arm(&mut cockpit);
    confirm(&mut cockpit, BACK).await;
    gone_back(&mut cockpit).await;
    assert_eq!(told(&cockpit, "a8-log-off"), ("pending", "an undo opened it again".to_owned()));
}
