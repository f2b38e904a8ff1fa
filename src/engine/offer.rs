//! What a confirmation would do, pinned by the hash of its list.

use serde::Serialize;

use crate::{
    domain::{
        Operation, Safe, Source, operation,
        reading::Footing,
        standing,
        text::counted,
        time::{Span, Timestamp, seconds},
    },
    runbook::{Action, Killer, StepKind, plan::PlannedStep, targets},
};

use super::{
    command::{Confirm, Refusal},
    event::{Acknowledgement, Confirmed, ConfirmedBy, ConfirmedItem, GateVerdict, RunEvent, StepId},
    machine::Engine,
    pin::Shown,
    preview::effect,
    run::{ItemMark, StepMark},
    steps::grown,
    view::{Drift, OfferView, WriteLine},
    way_back::WayBack,
};

/// Readings under an offer may be this old when it is confirmed (reliability-security §3).
const OFFER_FRESH: Span = seconds(30);

/// What a confirmation would do.
#[derive(Debug, Clone)]
pub(super) struct Offer {
    pub(super) items: Vec<ConfirmedItem>,
    pub(super) users: u32,
    pub(super) level: u8,
    pub(super) asked: Option<String>,
    pub(super) acknowledges: Option<Acknowledgement>,
    pub(super) hash: String,
    /// Why it may not be confirmed, apart from the age of its list.
    pub(super) blocked: Vec<Safe>,
    /// That its list is too old to be confirmed. Its dialog reads it again.
    pub(super) aged: Option<Safe>,
    /// A precondition is red: the world is not the one that was judged.
    pub(super) red: bool,
    /// Whether the list could be read at all.
    pub(super) listed: bool,
    /// When the oldest look under the list ended.
    pub(super) oldest: Option<Timestamp>,
    /// When the oldest look under the list began.
    pub(super) begun: Option<Timestamp>,
}

impl Offer {
    /// Items that would be written.
    pub(super) fn writes(&self) -> usize {
        self.items.iter().filter(|item| item.operation.is_some()).count()
    }

    /// All that stands between it and a confirmation; empty: it may be confirmed.
    pub(super) fn obstacles(&self) -> impl Iterator<Item = &Safe> {
        self.blocked.iter().chain(&self.aged)
    }
}

#[derive(Serialize)]
struct Hashed<'a> {
    step: &'a str,
    users: u32,
    items: &'a [ConfirmedItem],
    acknowledges: Option<Acknowledgement>,
}

impl Engine {
    /// The offer of a step as the readings show it now; `None`: nothing can be confirmed. What a
    /// person is shown is [`Self::shown`].
    pub(super) fn offer(&self, index: usize, now: Timestamp) -> Option<Offer> {
        let planned = &self.run.plan.steps[index];
        if matches!(planned.kind, StepKind::Manual | StepKind::Observe) || !self.may_offer(index, now) {
            return None;
        }
        let mut blocked = self.blocked_by_state(index, now);
        let found = self.found(index, Timestamp::MIN, now);
        let listed = !matches!(found, Some(Err(_)));
        let (items, users, (oldest, begun)) = match found {
            Some(Err(missing)) => {
                blocked.push(Safe::new(&format!("{}: {}", missing.source.word(), missing.why)));
                (Vec::new(), 0, (None, None))
            }
            Some(Ok(found)) => {
                let items = self.fresh_items(index, found.items);
                (items, found.users, self.oldest_source(planned))
            }
            None => (Vec::new(), 0, (None, None)),
        };
        let writes = items.iter().filter(|item| item.operation.is_some()).count();
        let working = self.run.steps[index].mark == StepMark::Working;
        if working && planned.action.is_some() && writes == 0 {
            return None;
        }
        let (red, killers) = self.blocked_by_killers(index, planned, now);
        blocked.extend(killers);
        let aged = Self::aged(oldest, now);
        // An undo that finds everything taken back already only opens what it belongs to again.
        if planned.kind == StepKind::Automatic && planned.phase.is_some() && writes == 0 && listed {
            blocked.push(Safe::new("there is nothing to write now: it is done as soon as a look says so"));
        }
        let acknowledges = self.acknowledgement(index, planned, writes, now);
        let level = if acknowledges.is_some_and(Acknowledgement::opens_a_way) { 3 } else { planned.confirm };
        let asked = match level {
            2 if users > 0 => Some(users.to_string()),
            2 => Some(writes.to_string()),
            3 => Some(self.side_let_in(acknowledges)),
            _ => None,
        };
        let hashed = Hashed { step: &planned.id, users, items: &items, acknowledges };
        let json = serde_json::to_vec(&hashed).unwrap_or_default();
        let hash = crate::domain::text::sha256_hex(&json);
        Some(Offer {
            items,
            users,
            level,
            asked,
            acknowledges,
            hash,
            blocked,
            aged,
            red,
            listed,
            oldest,
            begun,
        })
    }

    /// Items without those that are over and stay so, or at work already.
    fn fresh_items(&self, index: usize, found: Vec<targets::Target>) -> Vec<ConfirmedItem> {
        let step = &self.run.steps[index];
        let settled = self.settled(index);
        let fresh = |target: &targets::Target| {
            let Some(item) = step.items.iter().find(|item| item.key == target.key) else { return true };
            let repeatable = target.operation.as_ref().is_some_and(Operation::repeatable);
            match &item.mark {
                ItemMark::Pending => true,
                mark if mark.failed() => item.operation.as_ref().is_some_and(Operation::repeatable),
                ItemMark::Done(_) => {
                    let sendable = repeatable || (target.operation.is_some() && item.attempts == 0);
                    sendable && item.may_be_undone(settled)
                }
                _ => false,
            }
        };
        found
            .into_iter()
            .filter(fresh)
            .map(|target| ConfirmedItem {
                key: target.key,
                operation: target.operation,
                before: target.before,
            })
            .collect()
    }

    /// What had ended by then is not merely missing from a list that lags: the looks under it began
    /// a whole dwell later, on the clock of this process: the one before may have had another.
    pub(super) fn settled(&self, index: usize) -> Timestamp {
        let planned = &self.run.plan.steps[index];
        let (_, begun) = self.oldest_source(planned);
        let settled = begun.and_then(|begun| begun.checked_sub(planned.dwell).ok());
        settled.filter(|at| self.went_on.is_none_or(|went_on| *at >= went_on)).unwrap_or(Timestamp::MIN)
    }

    /// A phase step in its turn, a step at work that needs more, an undo step whose step was
    /// done, or a debt.
    pub(super) fn may_offer(&self, index: usize, now: Timestamp) -> bool {
        if self.run.is_over() || self.awaiting_resume {
            return false;
        }
        let current = self.run.current();
        let planned = &self.run.plan.steps[index];
        match &self.run.steps[index].mark {
            StepMark::Deferred { .. } => self.run.debts().contains(&index),
            StepMark::Working => self.needs_more(index, now),
            StepMark::Open if planned.phase.is_none() => self.may_undo(index),
            StepMark::Open => current == Some(index) && self.run.closed.is_none(),
            _ => false,
        }
    }

    /// Whether a step at work has sent everything and its proof is red all the same: another
    /// host to start, another look with the probe. A proof that is merely not in yet is none.
    fn needs_more(&self, index: usize, now: Timestamp) -> bool {
        let (planned, step) = (&self.run.plan.steps[index], &self.run.steps[index]);
        if self.lacks_fence(index, now) || self.lacks_unseen(index, now) {
            return true;
        }
        if step.items.iter().any(|item| item.mark == ItemMark::Pending || item.mark.in_flight()) {
            return false;
        }
        let last = step.items.iter().map(|item| item.at).max().unwrap_or(Timestamp::MIN);
        let evidence = self.evidence(index, last, now);
        let probing = matches!(planned.action, Some(Action::ProbeStandby | Action::ProbeActive));
        planned
            .after
            .iter()
            .filter(|killer| !probing || matches!(killer, Killer::ProfileSettings | Killer::ProfilesFlushed))
            .any(|killer| evidence.judge(*killer).verdict == GateVerdict::Red)
    }

    fn blocked_by_state(&self, index: usize, now: Timestamp) -> Vec<Safe> {
        let mut blocked = Vec::new();
        if let Some((step, _)) = self.recheck {
            blocked.push(Safe::new(&format!("{} is being looked at again", self.run.plan.steps[step].id)));
        }
        if let Some(first) = self.run.waits_for(index).filter(|_| self.run.steps[index].owes()) {
            let first = &self.run.plan.steps[first].id;
            blocked.push(Safe::new(&format!("{first} is owed and comes first")));
        }
        let owed = matches!(self.run.steps[index].mark, StepMark::Deferred { .. });
        if owed && !self.goes_at_any_time(index) && !self.is_back(now) {
            let code = &self.run.plan.codes[self.run.plan.from];
            blocked.push(Safe::new(&format!("{code} does not answer yet")));
        }
        blocked
    }

    /// Gates need every killer item green; other steps no precondition that is not green. Says
    /// whether one is red, and what is not green.
    fn blocked_by_killers(&self, index: usize, planned: &PlannedStep, now: Timestamp) -> (bool, Vec<Safe>) {
        let gate = planned.kind == StepKind::Gate;
        let since = self.opened_at.get(&index).copied().unwrap_or(Timestamp::MIN);
        let evidence = self.evidence(index, if gate { since } else { Timestamp::MIN }, now);
        let killers = if gate { &planned.after } else { &planned.before };
        let mut red = false;
        let mut blocked = Vec::new();
        for killer in killers {
            let judgement = evidence.judge(*killer);
            if judgement.verdict == GateVerdict::Green || (gate && self.told_by_probe(planned, *killer)) {
                continue;
            }
            red |= judgement.verdict == GateVerdict::Red;
            let value = match killer {
                Killer::StandbyNotOpened => match evidence.way_back() {
                    // The acknowledgement that is asked for says what a person takes upon himself.
                    WayBack::Unseen(_) => continue,
                    WayBack::Open(value) | WayBack::Unknown(value) | WayBack::Shut(value) => value,
                },
                _ => judgement.value,
            };
            blocked.push(Safe::new(&format!("{}: {value}", killer.id())));
        }
        (red, blocked)
    }

    /// A gate's item that its own probe answers cannot be green before the probe has run.
    pub(super) fn told_by_probe(&self, planned: &PlannedStep, killer: Killer) -> bool {
        planned.action == Some(Action::ProbeStandby)
            && killer == Killer::ProfileSettings
            && self.context.estate.policy.allow_run_command
    }

    fn aged(oldest: Option<Timestamp>, now: Timestamp) -> Option<Safe> {
        let age = now.duration_since(oldest?);
        (age > OFFER_FRESH)
            .then(|| Safe::new(&format!("the list is {} s old and is being read again", age.as_secs())))
    }

    /// When the oldest look under a list ended, and when it began.
    fn oldest_source(&self, planned: &PlannedStep) -> (Option<Timestamp>, Option<Timestamp>) {
        let sources = planned.action.map(|action| targets::sources(action, &self.run.plan));
        let looks = || sources.iter().flatten().map(|source| self.picture.last(source));
        let oldest = looks().map(|look| Some(look?.at)).min().flatten();
        (oldest, looks().map(|look| Some(look?.started)).min().flatten())
    }

    fn acknowledgement(
        &self,
        index: usize,
        planned: &PlannedStep,
        writes: usize,
        now: Timestamp,
    ) -> Option<Acknowledgement> {
        if self.goes_unseen(index, now) {
            return Some(Acknowledgement::StandbyUnseen);
        }
        if planned.action == Some(Action::GrantStandby) && self.needs_fence(now) {
            return Some(Acknowledgement::FencedByEvidence);
        }
        grown(planned, writes).then_some(Acknowledgement::GrownList)
    }

    /// Takes a confirmation, or says why not.
    pub(super) fn confirm(&mut self, confirm: Confirm, now: Timestamp) -> Result<(), Refusal> {
        let index = self.step_index(&confirm.step)?;
        let step = confirm.step.clone();
        if !self.run.armed {
            return Err(Refusal::NotArmed(step));
        }
        if self.run.held.is_some() {
            return Err(Refusal::Held);
        }
        let Some(live) = self.offer(index, now) else {
            let first =
                self.run.current().map_or_else(String::new, |index| self.run.plan.steps[index].id.clone());
            return Err(Refusal::OutOfTurn { step, first });
        };
        let Some(Shown { offer, drift }) = self.shown(index, live, now) else {
            return Err(Refusal::NotGreen { step, why: "its list is being read again".to_owned() });
        };
        if let Some(why) = offer.obstacles().next() {
            return Err(Refusal::NotGreen { step, why: why.to_string() });
        }
        if offer.hash != confirm.offer || offer.acknowledges != confirm.acknowledges {
            return Err(Refusal::OfferGone { step, what: self.gone(index, &confirm.offer, &offer) });
        }
        if confirm.by == ConfirmedBy::Auto && offer.acknowledges.is_some_and(Acknowledgement::needs_person) {
            return Err(Refusal::NotGreen {
                step,
                why: "only a person can take that upon himself".to_owned(),
            });
        }
        if let Some(asked) = &offer.asked
            && confirm.typed.as_ref().map(Safe::as_str) != Some(asked.as_str())
        {
            return Err(Refusal::WrongWord { step, asked: asked.clone() });
        }
        self.begin_anew(index, offer.items.iter().map(|item| item.key.clone()));
        if self.run.plan.steps[index].phase.is_none() {
            self.give_up_for(index, now);
        }
        let seen = self.seen_text(index, drift, now);
        let confirmed = Confirmed {
            step,
            by: confirm.by,
            level: offer.level,
            typed: confirm.typed,
            items: offer.items,
            list_sha256: offer.hash,
            users: offer.users,
            latency_ms: confirm.latency_ms,
            seen,
            acknowledges: offer.acknowledges,
        };
        self.emit(RunEvent::Confirmed(Box::new(confirmed)), now);
        Ok(())
    }

    fn seen_text(&self, index: usize, drift: Option<Drift>, now: Timestamp) -> Safe {
        let planned = &self.run.plan.steps[index];
        let evidence = self.evidence(index, Timestamp::MIN, now);
        let killers = if planned.kind == StepKind::Gate { &planned.after } else { &planned.before };
        let words: Vec<String> = killers
            .iter()
            .map(|killer| format!("{}: {}", killer.id(), evidence.judge(*killer).value))
            .chain(drift.map(|drift| format!("of the list: {drift}")))
            .collect();
        Safe::new(&words.join("; "))
    }

    /// Place of a step, or the refusal that names it.
    pub(super) fn step_index(&self, step: &StepId) -> Result<usize, Refusal> {
        self.run.plan.position(step).ok_or_else(|| Refusal::NoSuchStep(step.clone()))
    }

    /// The offer as a dialog shows it.
    pub(super) fn offer_view(&self, index: usize, now: Timestamp) -> Option<OfferView> {
        self.view_of(index, self.offer(index, now)?, now)
    }

    /// The same where what would be offered now is known already.
    pub(super) fn view_of(&self, index: usize, live: Offer, now: Timestamp) -> Option<OfferView> {
        let Shown { offer, drift } = self.shown(index, live, now)?;
        let planned = &self.run.plan.steps[index];
        let writes: Vec<WriteLine> = offer.items.iter().filter_map(|item| self.write_line(item)).collect();
        let already = offer.items.len() - writes.len();
        let code = |side| self.run.plan.codes[side].clone();
        let (from, to) = (code(self.run.plan.from), code(self.run.plan.to));
        let users_at_start = planned.action.is_some_and(Action::touches_all);
        let to_do = operation::to_do(writes.iter().map(|write| write.verb));
        let what = match (writes.len(), offer.users) {
            (0, _) => planned.title.clone(),
            (_, 0) => to_do,
            (_, users) if users_at_start => format!("{to_do}, {} at the start", counted(users, "user")),
            (_, users) => format!("{to_do}, {}", counted(users, "user")),
        };
        let (effect, after) = effect(planned.action, &from, &to, self.context.estate.policy.notice);
        let (effect, after) = self.comes_of_undoing(index, &offer.items, effect, after);
        let before_at = match offer.acknowledges {
            Some(Acknowledgement::FencedByEvidence) => {
                self.evidence(index, Timestamp::MIN, now).told_at(Killer::ActiveEmptyOrDead)
            }
            acknowledges => self.before_seen(index, acknowledges, now),
        };
        let (before, effect) = match offer.acknowledges {
            Some(Acknowledgement::FencedByEvidence) => self.over_a_dead_side(index, &effect, now),
            Some(Acknowledgement::StandbyUnseen) => self.over_an_unseen_side(index, &effect, now),
            _ => (self.before_text(index, now), Safe::new(&(effect + &self.who_is_back(index, now)))),
        };
        let green = offer.obstacles().next().is_none();
        Some(OfferView {
            hash: offer.hash,
            level: offer.level,
            asked: offer.asked,
            acknowledges: offer.acknowledges,
            what: Safe::new(&what),
            writes,
            already,
            drift,
            users: offer.users,
            users_at_start,
            effect,
            before_after: (before, Safe::new(&after)),
            before_at,
            read_at: offer.oldest,
            green,
        })
    }

    /// Who a step hits that shuts people out of a side which was left as dead and answers again: how many there
    /// were at the start tells nothing of them.
    fn who_is_back(&self, index: usize, now: Timestamp) -> String {
        let plan = &self.run.plan;
        let shuts = matches!(plan.steps[index].action, Some(Action::DrainActive | Action::RevokeActive));
        if !shuts || !self.run.leaves_dead() || !self.is_back(now) {
            return String::new();
        }
        let source = Source::Sessions(plan.service_index, plan.from);
        let heard = self.picture.reading(&source).filter(|reading| reading.silence.is_none());
        let of_now = heard.and_then(|reading| reading.last.as_ref());
        let of_now = of_now.filter(|look| !Footing::of(&source, look.at).is_old(now));
        let listed =
            of_now.and_then(|_| standing::session_counts(&self.picture, plan.service_index, plan.from));
        let unproven = standing::unproven_sessions(&self.picture, plan.service_index, plan.from);
        let there = match (listed, unproven) {
            (None, _) => "an unknown number of sessions".to_owned(),
            (Some((active, other)), Some(0)) => counted((active + other) as usize, "session"),
            (Some((active, other)), unproven) => {
                let all = active + other;
                format!(
                    "{}, {} of them not proven",
                    counted(all as usize, "session"),
                    unproven.unwrap_or(all)
                )
            }
        };
        format!("; {} answers again, {there} there now", plan.codes[plan.from])
    }

    /// What a person acknowledges who opens one side while the other is only thought to be dead: the
    /// evidence as it stands, and what is not proven.
    fn over_a_dead_side(&self, index: usize, effect: &str, now: Timestamp) -> (Safe, Safe) {
        let (plan, evidence) = (&self.run.plan, self.evidence(index, Timestamp::MIN, now));
        let code = &plan.codes[plan.from];
        let before = match evidence.dead_now() {
            Ok((true, value)) => format!("{code} dead: {value}"),
            Ok((false, value)) => format!("{code} NOT dead now: {value}"),
            Err(missing) => format!("{}: {}", missing.source.word(), missing.why),
        };
        let unproven = standing::unproven_sessions(&self.picture, plan.service_index, plan.from);
        let unproven = unproven
            .map_or_else(|| "an unknown number of sessions".to_owned(), |count| counted(count, "session"));
        let owed = counted(self.run.debts().len(), "debt");
        let risk = format!("{effect}; {unproven} in {code} not proven over, {owed}, CRIT until paid");
        (Safe::new(&before), Safe::new(&risk))
    }

    pub(super) fn write_line(&self, item: &ConfirmedItem) -> Option<WriteLine> {
        let operation = item.operation.as_ref()?;
        let image = self.context.encode.encode(operation);
        let path =
            image.url.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| rest[at..].to_owned()));
        Some(WriteLine {
            key: item.key.clone(),
            verb: operation.verb(),
            method: image.method,
            path: Safe::new(path.as_deref().unwrap_or(&image.url)),
        })
    }

    /// Sources a dialog must read again when it opens.
    pub(super) fn offer_sources(&self, index: usize, now: Timestamp) -> Vec<Source> {
        let planned = &self.run.plan.steps[index];
        let evidence = self.evidence(index, now, now);
        let mut sources: Vec<Source> = planned
            .before
            .iter()
            .chain(&planned.after)
            .chain(self.fence(planned))
            .flat_map(|killer| evidence.sources(*killer))
            .collect();
        sources.extend(
            planned.action.map(|action| targets::sources(action, &self.run.plan)).unwrap_or_default(),
        );
        sources
    }
}
