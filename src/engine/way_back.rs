//! The way back: whether what was revoked may be granted again, and on whose word.

use crate::{
    domain::{
        Answer, Listing, Safe, Source,
        pool::UserSession,
        reading::{Look, SilenceKind},
        source::Held,
        standing::{self, HolderKind, holder_kind, planned_among},
        text::counted,
        time::{Span, Timestamp, minute_text, minutes},
    },
    runbook::{Action, Killer},
};

use super::{
    event::{Acknowledgement, GateItem, GateVerdict, Ground, RunEvent},
    judge::{Evidence, Told},
    machine::Engine,
    reach::{NOBODY, Reach, STANDBY_SEEN},
    run::{ItemMark, StepMark},
};

/// So long a side must have been silent before a person may go back without seeing it: a hiccup is
/// waited out.
const SILENT_FOR: Span = minutes(5);

/// The clocks of two machines that go on with one run differ by no more: what trusts a domain at all keeps
/// to this (Kerberos).
const CLOCKS_APART: Span = minutes(5);

/// Whether what was revoked on the side that is left may be granted again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum WayBack {
    /// Looks show that nobody was let in on the other side.
    Open(Safe),
    /// The other side does not answer. All that was ever known of it shows nobody; a person may take what
    /// is not known upon himself.
    Unseen(Safe),
    /// It is not known.
    Unknown(Safe),
    /// Somebody was let in there.
    Shut(Safe),
}

impl Evidence<'_> {
    /// Nobody planned holds any group of the side that is to be opened, and nobody was let in there since
    /// the run began, whoever holds it besides: whose session it is cannot be told from a list. A session
    /// of before was there all along. What one list shows is enough to say no.
    pub(super) fn standby_not_opened(&self) -> Told {
        let (index, to) = (self.index(), self.to());
        let moved = self.run.plan.moved_principals();
        let planned =
            self.seen.assignments(index, to).map(|held| planned_among(self.service(), held, &moved).len());
        let sessions = self.seen.sessions(index, to);
        let opened = self.run.opened_at;
        let before =
            if self.handed_over { opened.checked_sub(CLOCKS_APART).unwrap_or(opened) } else { opened };
        let since = |told: Option<bool>| {
            let began = move |one: &&UserSession| {
                let began =
                    one.began_since(opened).filter(|began| *began || one.began_since(before) == Some(false));
                began == told
            };
            sessions.as_ref().map(|sessions| sessions.iter().filter(began).count()).map_err(Clone::clone)
        };
        let (begun, undated) = (since(Some(true)), since(None).unwrap_or_default());
        let code = self.code(to);
        match (planned, begun) {
            // By our clock nobody can tell whether they were let in before.
            (Ok(0), Ok(0)) if undated > 0 => Err(self.undated(undated)),
            (Ok(planned), Ok(begun)) => Ok((
                planned == 0 && begun == 0,
                format!(
                    "{} of {code}, {} begun there",
                    counted(planned, "planned holder"),
                    counted(begun, "session")
                ),
            )),
            (Ok(planned), Err(_)) if planned > 0 => {
                Ok((false, format!("{} of {code}", counted(planned, "planned holder"))))
            }
            (Err(_), Ok(begun)) if begun > 0 => {
                Ok((false, format!("{} begun in {code}", counted(begun, "session"))))
            }
            (Err(missing), _) | (_, Err(missing)) => Err(missing),
        }
    }

    /// How the way back stands.
    pub(super) fn way_back(&self) -> WayBack {
        let judged = self.judge(Killer::StandbyNotOpened);
        match judged.verdict {
            GateVerdict::Green | GateVerdict::Passed => WayBack::Open(judged.value),
            GateVerdict::Red => WayBack::Shut(judged.value),
            GateVerdict::Unknown => match self.unseen() {
                Ok(told) => WayBack::Unseen(Safe::new(&told)),
                Err(why) => WayBack::Unknown(Safe::new(&format!("{}; {why}", judged.value))),
            },
        }
    }

    /// What is known of a side that does not answer, where all of it shows nobody; else why that is no
    /// ground to go back.
    fn unseen(&self) -> Result<String, String> {
        let (index, to) = (self.index(), self.to());
        let code = self.code(to);
        if self.run.reach() != Reach::Nobody {
            return Err(format!("a grant may have reached {code}"));
        }
        let mut silent = None;
        for source in self.sources(Killer::StandbyNotOpened) {
            if self.seen.look(&source).is_err() {
                silent = Some(self.silent(&source)?);
            }
        }
        let Some(silent) = silent else { return Err(format!("{code} answers, but not whole")) };
        let (list, people) = (Source::Assignments(index, to), Source::Sessions(index, to));
        if let Some(Somebody { holders, sessions }) = self.who_is_there() {
            return Err(format!(
                "when {code} was seen last, {holders} held it and {sessions} sessions were there"
            ));
        }
        let looks = [list, people].map(|source| self.seen.picture.last(&source));
        let cut = |look: &&Look| match &look.answer {
            Answer::Assignments(held) => held.complete().is_none(),
            Answer::Sessions(sessions) => sessions.complete().is_none(),
            _ => true,
        };
        if looks.iter().flatten().any(cut) {
            return Err(format!("{code} was not seen whole before"));
        }
        let at = match (looks, &self.run.standby_seen) {
            ([Some(held), Some(sessions)], _) => minute_text(held.at.min(sessions.at)),
            // This process has never seen it; the one before wrote down what it saw.
            (_, Some(seen)) if seen.nobody() => format!("{} by the process before", minute_text(seen.at)),
            (_, Some(seen)) => return Err(format!("when {code} was seen last: {}", seen.value)),
            (_, None) => return Err(format!("{code} was not seen whole before")),
        };
        Ok(format!("{code} does not answer ({silent}); seen last at {at}: {NOBODY}"))
    }

    /// Who holds the side that is to be opened, or is on it, by all that was seen of it last, whole or not;
    /// `None`: nobody.
    fn who_is_there(&self) -> Option<Somebody> {
        let (index, to, picture) = (self.index(), self.to(), self.seen.picture);
        let held =
            standing::assignments(picture, &Source::Assignments(index, to)).map_or(&[][..], Listing::seen);
        let sessions =
            standing::sessions(picture, &Source::Sessions(index, to)).map_or(0, |all| all.seen().len());
        let moved = self.run.plan.moved_principals();
        let stranger = |held: &&Held| {
            holder_kind(self.service(), held, &moved) == Some(HolderKind::Unaccounted)
                && !self.run.left_holders.contains(&held.assignment.principal)
        };
        let planned = planned_among(self.service(), held, &moved).len();
        let holders = planned.max(held.iter().filter(stranger).count());
        (holders > 0 || sessions > 0).then_some(Somebody { holders, sessions })
    }

    /// How the side that is to be opened is seen now; `None`: not whole, and nobody is seen.
    fn sighting(&self) -> Option<String> {
        let (index, to) = (self.index(), self.to());
        if let Some(Somebody { holders, sessions }) = self.who_is_there() {
            return Some(format!("{holders} hold it, {sessions} sessions"));
        }
        let whole = self.seen.assignments(index, to).is_ok() && self.seen.sessions(index, to).is_ok();
        whole.then(|| NOBODY.to_owned())
    }

    /// Why a source is silent, where it has been for long, and was asked again since the looks that count.
    fn silent(&self, source: &Source) -> Result<String, String> {
        let word = source.word();
        let known = self.run.standby_seen.is_some();
        let reading = self.seen.picture.reading(source).filter(|reading| known || reading.last.is_some());
        let Some(reading) = reading else { return Err(format!("{word}: never seen")) };
        let asked = reading.failed.is_some_and(|at| at >= self.seen.since);
        let Some((_, silence)) = reading.silence.as_ref().filter(|_| asked) else {
            return Err(format!("{word}: being read"));
        };
        let silent = matches!(silence.kind, SilenceKind::Unreachable | SilenceKind::NotAsked);
        let Some(since) = reading.silent_since.filter(|_| silent) else {
            return Err(format!("{word}: it answers, and does not tell"));
        };
        if self.seen.now.duration_since(since) < SILENT_FOR {
            return Err(format!("{word}: silent for less than {} min", SILENT_FOR.as_secs() / 60));
        }
        Ok(format!("{word}: {}", silence.why))
    }
}

/// How many hold a side and are on it, where anybody is.
struct Somebody {
    holders: usize,
    sessions: usize,
}

impl Engine {
    /// Writes down whether anybody holds the side that is to be opened, or is on it, whenever that changes:
    /// a process that goes on with the run may not see it at all.
    pub(super) fn write_down_standby(&mut self, now: Timestamp) -> bool {
        let plan = &self.run.plan;
        let snapshot = plan.steps.iter().position(|step| step.after.contains(&Killer::SnapshotTaken));
        let Some(index) = snapshot.filter(|&index| self.run.steps[index].is_over()) else { return false };
        if self.run.closed.is_some() || self.run.reach() != Reach::Nobody {
            return false;
        }
        let Some(value) = self.evidence(index, Timestamp::MIN, now).sighting() else { return false };
        if self.run.standby_seen.as_ref().is_some_and(|seen| seen.nobody() == (value == NOBODY)) {
            return false;
        }
        let (step, what) = (plan.steps[index].id.clone(), Safe::new(STANDBY_SEEN));
        self.emit(RunEvent::Observed { step, item: None, what, value: Safe::new(&value) }, now);
        true
    }

    /// Whether the step can only go with the acknowledgement of a side that is not seen.
    pub(super) fn goes_unseen(&self, index: usize, now: Timestamp) -> bool {
        self.run.plan.steps[index].action == Some(Action::RegrantActive)
            && matches!(self.evidence(index, Timestamp::MIN, now).way_back(), WayBack::Unseen(_))
    }

    /// Whether a person took upon himself that the other side is not seen.
    pub(super) fn took_unseen(&self, index: usize) -> bool {
        let confirmed = self.run.steps[index].confirmed.as_ref();
        confirmed.is_some_and(|(_, given)| given.acknowledges == Some(Acknowledgement::StandbyUnseen))
    }

    /// Whether a way back was confirmed while the other side was seen, and it is no longer: that has to
    /// be acknowledged before anything more can leave.
    pub(super) fn lacks_unseen(&self, index: usize, now: Timestamp) -> bool {
        let step = &self.run.steps[index];
        step.mark == StepMark::Working
            && step.items.iter().any(|item| item.mark == ItemMark::Pending)
            && !step.items.iter().any(|item| item.mark.in_flight())
            && !self.took_unseen(index)
            && self.goes_unseen(index, now)
    }

    /// A precondition of a confirmed step: what its confirmation took upon itself stands in the way no
    /// more.
    pub(super) fn precondition(
        &self,
        index: usize,
        killer: Killer,
        since: Timestamp,
        now: Timestamp,
    ) -> GateItem {
        let evidence = self.evidence(index, since, now);
        let item = evidence.item(killer);
        if killer != Killer::StandbyNotOpened || !self.took_unseen(index) {
            return item;
        }
        match evidence.way_back() {
            WayBack::Unseen(value) => {
                GateItem { verdict: GateVerdict::Green, value, ground: Ground::Unproven, ..item }
            }
            _ => item,
        }
    }

    /// What a person acknowledges who goes back while the other side is not seen: what is known of it,
    /// and what is not.
    pub(super) fn over_an_unseen_side(&self, index: usize, effect: &str, now: Timestamp) -> (Safe, Safe) {
        let code = &self.run.plan.codes[self.run.plan.to];
        let before = match self.evidence(index, Timestamp::MIN, now).way_back() {
            WayBack::Unseen(value)
            | WayBack::Open(value)
            | WayBack::Unknown(value)
            | WayBack::Shut(value) => value,
        };
        let risk = format!(
            "{effect}; NOT known: who was let in on {code} since then. Whoever was is in both pools, unseen"
        );
        (before, Safe::new(&risk))
    }

    /// Short code of the side that a hard confirmation lets people in on.
    pub(super) fn side_let_in(&self, acknowledges: Option<Acknowledgement>) -> String {
        let back = acknowledges == Some(Acknowledgement::StandbyUnseen);
        let side = if back { self.run.plan.from } else { self.run.plan.to };
        self.run.plan.codes[side].clone()
    }
}
