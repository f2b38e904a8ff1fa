//! A step before its confirmation: its readings are kept fresh, a gate's verdict is written
//! down, and what is so already is found so.

use crate::{
    domain::{
        Answer, Listing, Safe, Source, standing,
        time::{Span, Timestamp},
    },
    runbook::{Action, Killer, StepKind, plan::PlannedStep},
};

use super::{
    baseline::Baseline,
    event::{Acknowledgement, DoneHow, GateItem, GateVerdict, NoteAbout, RunEvent},
    machine::Engine,
    steps::{PREVIEW_PACE, verdict_of},
};

impl Engine {
    /// What of a step's aim tells how things stand before it.
    fn told_before(&self, index: usize) -> impl Iterator<Item = Killer> {
        self.run.plan.steps[index].after.iter().take(2).copied()
    }

    pub(super) fn before_text(&self, index: usize, now: Timestamp) -> Safe {
        let evidence = self.evidence(index, Timestamp::MIN, now);
        let words: Vec<String> =
            self.told_before(index).map(|killer| evidence.judge(killer).value.to_string()).collect();
        match self.run.plan.steps[index].phase {
            // What an undo would take back is what the run has made so.
            None if words.is_empty() => Safe::new("as this run has set it"),
            _ => Safe::new(&words.join("; ")),
        }
    }

    /// Age of the oldest answer that this rests on, also where what is acknowledged is told instead.
    pub(super) fn before_seen(
        &self,
        index: usize,
        acknowledges: Option<Acknowledgement>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let evidence = self.evidence(index, Timestamp::MIN, now);
        if acknowledges == Some(Acknowledgement::StandbyUnseen) {
            return evidence.told_at(Killer::StandbyNotOpened);
        }
        self.told_before(index).filter_map(|killer| evidence.told_at(killer)).min()
    }

    /// Before the confirmation: keeps the readings under the offer fresh, and finds out
    /// whether everything is so already.
    pub(super) fn preview(&mut self, index: usize, now: Timestamp) -> bool {
        let planned = self.run.plan.steps[index].clone();
        let since = self.opened_at.get(&index).copied().unwrap_or(now);
        let killers = planned.before.iter().chain(&planned.after).chain(self.fence(&planned));
        let killers: Vec<Killer> = killers.copied().collect();
        self.want_killers(index, &killers, since, PREVIEW_PACE, now);
        self.want_list(&planned, since);
        let moved = match planned.kind {
            StepKind::Gate => self.judge_gate(index, &planned, since, now),
            StepKind::Manual => self.manual(index, &planned, now),
            StepKind::Observe => self.observe(index, &planned, since, now),
            StepKind::Automatic => self.by_observation(index, &planned, since, now),
        };
        moved || self.run_out(index, &planned, since, now)
    }

    /// Writes a gate's verdict down whenever it turns green or red.
    pub(super) fn judge_gate(
        &mut self,
        index: usize,
        planned: &PlannedStep,
        since: Timestamp,
        now: Timestamp,
    ) -> bool {
        let (verdict, items) = self.gate_items(index, planned, since, now);
        let known = self.run.steps[index].gate.as_ref().map(|(verdict, _)| *verdict);
        // A verdict is written down once every item has one, so that no half-read gate is.
        let open = |item: &GateItem| {
            item.verdict == GateVerdict::Unknown && !self.is_untold(index, planned, &item.id)
        };
        if items.iter().any(open) || known == Some(verdict) {
            return false;
        }
        self.emit(RunEvent::Gate { step: planned.id.clone(), verdict, items }, now);
        true
    }

    /// Writes down what a gate shows as its patience ends: one that could never be read whole has
    /// no other record, and the values of an earlier one have grown old.
    pub(super) fn record_gate(
        &mut self,
        index: usize,
        planned: &PlannedStep,
        since: Timestamp,
        now: Timestamp,
    ) {
        let (verdict, items) = self.gate_items(index, planned, since, now);
        self.emit(RunEvent::Gate { step: planned.id.clone(), verdict, items }, now);
    }

    /// A gate's killer items and the verdict over those that can be told before its probe ran.
    fn gate_items(
        &self,
        index: usize,
        planned: &PlannedStep,
        since: Timestamp,
        now: Timestamp,
    ) -> (GateVerdict, Vec<GateItem>) {
        let evidence = self.evidence(index, since, now);
        let items = planned.after.iter().map(|killer| self.with_untold(index, evidence.item(*killer)));
        let items: Vec<GateItem> = items.collect();
        let told = items.iter().filter(|item| !self.is_untold(index, planned, &item.id));
        (verdict_of(told.map(|item| item.verdict)), items)
    }

    /// The item, unknown while only the gate's own probe can tell it and has not run.
    pub(super) fn with_untold(&self, index: usize, mut item: GateItem) -> GateItem {
        if self.is_untold(index, &self.run.plan.steps[index], &item.id) {
            item.verdict = GateVerdict::Unknown;
            item.value = Safe::new("the probe runs when this gate is confirmed");
        }
        item
    }

    /// Whether only the gate's own probe can tell this item, and it has not run yet.
    fn is_untold(&self, index: usize, planned: &PlannedStep, item: &str) -> bool {
        let step = &self.run.steps[index];
        step.outputs.is_empty()
            && step.value.is_none()
            && planned.after.iter().any(|killer| self.told_by_probe(planned, *killer) && killer.id() == item)
    }

    fn manual(&mut self, index: usize, planned: &PlannedStep, now: Timestamp) -> bool {
        let Some(value) = self.run.steps[index].value.clone() else { return false };
        let (step, how) = (planned.id.clone(), DoneHow::Manual);
        self.emit(RunEvent::Done { step, item: None, how, evidence: value, given: None }, now);
        true
    }

    fn observe(&mut self, index: usize, planned: &PlannedStep, since: Timestamp, now: Timestamp) -> bool {
        if !self.proven(index, planned, since, now) {
            return false;
        }
        if planned.after.contains(&Killer::SnapshotTaken) {
            self.take_baseline(planned, now);
        }
        self.step_done(index, planned, DoneHow::Action, since, now);
        true
    }

    /// Users, sessions and plans as they were before anything was changed.
    fn take_baseline(&mut self, planned: &PlannedStep, now: Timestamp) {
        let (index, from, to) = (self.run.plan.service_index, self.run.plan.from, self.run.plan.to);
        // A list that is not whole says how many there were at least, which is no figure to go by.
        let sessions = standing::sessions(&self.picture, &Source::Sessions(index, from));
        let users = standing::users(&self.picture, index, from);
        let service = &self.context.estate.services[index];
        let plans = [from, to]
            .into_iter()
            .filter_map(|side| match &self.picture.last(&Source::Plans(index, side))?.answer {
                Answer::Plans(listing) => {
                    let pool = &service.sides[side].pool;
                    let on = listing.complete()?.iter().any(|plan| plan.enabled_for(pool) == Some(true));
                    Some((pool.clone(), on))
                }
                _ => None,
            })
            .collect();
        let sessions = sessions.and_then(Listing::count).map(|count| count as u32);
        let baseline = Baseline { sessions, users: users.map(|users| users.len() as u32), plans };
        let (step, about, text) = (Some(planned.id.clone()), NoteAbout::Baseline, baseline.text());
        self.emit(RunEvent::Note { step, about, text, given: None }, now);
        let value = Safe::new(&self.snapshot_text());
        let step = planned.id.clone();
        self.emit(RunEvent::Observed { step, item: None, what: Safe::new("snapshot"), value }, now);
    }

    fn snapshot_text(&self) -> String {
        let text = self.picture.iter().fold(String::new(), |text, (source, reading)| {
            format!("{text}{source:?} {:?}\n", reading.last.as_ref().map(|look| &look.answer))
        });
        format!("sha256 {}", crate::domain::text::sha256_hex(text.as_bytes()))
    }

    /// A step that has nothing to write and whose proof holds is done without a confirmation.
    pub(super) fn by_observation(
        &mut self,
        index: usize,
        planned: &PlannedStep,
        since: Timestamp,
        now: Timestamp,
    ) -> bool {
        let value = self.run.steps[index].value.is_some();
        let quiet = match self.found(index, since, now) {
            Some(Ok(found)) => found.is_quiet(),
            _ => false,
        };
        if !(quiet || value) || !self.proven(index, planned, since, now) {
            return false;
        }
        self.step_done(
            index,
            planned,
            if value { DoneHow::Manual } else { DoneHow::Observation },
            since,
            now,
        );
        true
    }
}

/// What an action means for people, and how things stand afterwards.
pub(super) fn effect(action: Option<Action>, from: &str, to: &str, notice: Span) -> (String, String) {
    let minutes = (notice.as_secs() + 59) / 60;
    let (effect, after) = match action {
        None => ("nothing is written".to_owned(), "the run goes on".to_owned()),
        Some(Action::StartStandby) => {
            (format!("hosts in {to} boot; nobody is moved"), format!("{to} has room"))
        }
        Some(Action::HoldStandbyPlan) => {
            (format!("hosts in {to} are neither stopped nor started by the plan"), "off".to_owned())
        }
        Some(Action::HoldActivePlan) => (format!("the plan lifts no drain in {from}"), "off".to_owned()),
        Some(Action::DrainActive) => {
            (format!("no host in {from} takes anyone new"), format!("{from} refuses new sessions"))
        }
        Some(Action::MessageActive) => {
            (format!("a message box; sign-out follows in {minutes} min"), "everyone is told".to_owned())
        }
        Some(Action::RevokeActive) => (
            format!("the desktops in {from} leave people's feeds within 10 min"),
            format!("nobody holds {from}"),
        ),
        Some(Action::LogOffActive) => ("unsaved work is lost".to_owned(), format!("{from} has no session")),
        Some(Action::ProbeStandby | Action::ProbeActive) => {
            ("a reading script runs as SYSTEM on one host".to_owned(), "the values are known".to_owned())
        }
        Some(Action::GrantStandby) => (
            format!("the desktops in {to} appear in people's feeds within 10 min"),
            format!("users open {to}"),
        ),
        Some(Action::StopActive) => {
            (format!("empty hosts in {from} give up their capacity"), "deallocated".to_owned())
        }
        Some(Action::RestorePlans) => {
            (format!("the plan starts and stops hosts in {to} again"), "as before the run".to_owned())
        }
        Some(Action::StopStarted) => {
            (format!("hosts started by this run stop in {to}"), "as before the run".to_owned())
        }
        Some(Action::ReleasePlans) => ("the plans act again".to_owned(), "as before the run".to_owned()),
        Some(Action::AdmitActive) => {
            (format!("new users may land in {from} again"), "as before the run".to_owned())
        }
        Some(Action::RegrantActive) => (
            format!("the desktops in {from} return to people's feeds within 10 min"),
            "as before the run".to_owned(),
        ),
    };
    (effect, after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runbook::{builtin, text::Step};

    /// What is said only where hosts answer and people work on them.
    const OF_THE_LIVING: [&str; 12] = [
        "keep working",
        "keeps working",
        "goes on working",
        "noticed anything",
        "notices",
        "loses a desktop",
        "lose their desktop",
        "lands in",
        "land in",
        "come back",
        "about to be emptied",
        "in anywhere",
    ];

    /// A plan has one text for a step, and a region that answered when it was frozen may be dead at its turn: what
    /// is said of a step holds over the dead as over the living, in either mode.
    #[test]
    fn no_step_speaks_of_the_living_in_a_region_that_may_be_dead() {
        let runbook = builtin("avd-pooled-failover").expect("it is built in");
        let steps = runbook.phases.iter().flat_map(|phase| &phase.steps).chain(&runbook.undo);
        let told = |step: &Step| {
            let (meant, after) = effect(step.action, "WE", "NE", Span::from_secs(900));
            [step.title.clone(), step.why.clone(), step.abort.clone(), meant, after]
        };
        let mut all = 0;
        for step in steps {
            for text in told(step).iter().chain(&step.ask) {
                // Leave to come in is no word of who comes.
                let text = text.to_lowercase().replace("may land", "");
                let claim = OF_THE_LIVING.iter().find(|claim| text.contains(**claim));
                assert_eq!(claim, None, "{}: {text}", step.id);
            }
            all += 1;
        }
        assert_eq!(all, 22);
    }
}
