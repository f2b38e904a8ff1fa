//! The way back: whether what was revoked may be granted again, and on whose word.

use crate::{
    domain::{
        Listing, Safe, Source,
        pool::UserSession,
        reading::SilenceKind,
        standing::{self, HolderKind, holder_kind, planned_among},
        time::{Span, Timestamp, minute_text, minutes},
    },
    runbook::{Action, Killer},
};

use super::{
    event::{Acknowledgement, GateItem, GateVerdict},
    judge::{Evidence, Told},
    machine::Engine,
    reach::Reach,
    run::{ItemMark, StepMark},
};

/// So long a side must have been silent before a person may go back without seeing it: a hiccup is
/// waited out.
const SILENT_FOR: Span = minutes(5);

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
        let since = |told: Option<bool>| {
            let began = move |one: &&UserSession| one.began_since(self.run.opened_at) == told;
            sessions.as_ref().map(|sessions| sessions.iter().filter(began).count()).map_err(Clone::clone)
        };
        let (begun, undated) = (since(Some(true)), since(None).unwrap_or_default());
        let code = self.code(to);
        match (planned, begun) {
            // By our clock nobody can tell whether they were let in before.
            (Ok(0), Ok(0)) if undated > 0 => Err(self.undated(undated)),
            (Ok(planned), Ok(begun)) => Ok((
                planned == 0 && begun == 0,
                format!("{planned} planned principals hold {code}, {begun} sessions begun there"),
            )),
            (Ok(planned), Err(_)) if planned > 0 => {
                Ok((false, format!("{planned} planned principals hold {code}")))
            }
            (Err(_), Ok(begun)) if begun > 0 => Ok((false, format!("{begun} sessions begun in {code}"))),
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
        let picture = self.seen.picture;
        let (list, people) = (Source::Assignments(index, to), Source::Sessions(index, to));
        let held = standing::assignments(picture, &list).and_then(Listing::complete);
        let sessions = standing::sessions(picture, &people).and_then(Listing::complete);
        let (Some(held), Some(sessions)) = (held, sessions) else {
            return Err(format!("{code} was not seen whole before"));
        };
        let moved = self.run.plan.moved_principals();
        let stranger = |held: &&crate::domain::source::Held| {
            holder_kind(self.service(), held, &moved) == Some(HolderKind::Unaccounted)
                && !self.run.left_holders.contains(&held.assignment.principal)
        };
        let planned = planned_among(self.service(), held, &moved).len();
        let holders = planned.max(held.iter().filter(stranger).count());
        if holders > 0 || !sessions.is_empty() {
            let sessions = sessions.len();
            return Err(format!(
                "when {code} was seen last, {holders} held it and {sessions} sessions were there"
            ));
        }
        let looks = [list, people].into_iter().filter_map(|source| picture.last(&source));
        let at = looks.map(|look| look.at).min().map_or_else(String::new, minute_text);
        Ok(format!("{code} does not answer ({silent}); seen last at {at}: nobody holds it, 0 sessions"))
    }

    /// Why a source is silent, where it has been for long, and was asked again since the looks that count.
    fn silent(&self, source: &Source) -> Result<String, String> {
        let word = source.word();
        let reading = self.seen.picture.reading(source).filter(|reading| reading.last.is_some());
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

impl Engine {
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
            WayBack::Unseen(value) => GateItem { verdict: GateVerdict::Green, value, ..item },
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
