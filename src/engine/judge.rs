//! Killer items: each a question over readings, answered green, red or unknown with its value.

use crate::{
    domain::{
        Answer, Safe, Side, Source,
        death::{self, Sign},
        estate::{Estate, Service},
        pool::Pulse,
        reading::Footing,
        time::{Timestamp, seconds},
    },
    runbook::{
        Action, Killer, Mode,
        bind::need,
        seen::{Missing, Seen},
    },
};

use super::{
    event::{GateItem, GateVerdict, Ground},
    run::Run,
    streak::Streaks,
};

/// The value of what is owed: nobody looks at it.
const OWED: &str = "owed";

/// Everything a judgement looks at.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// The estate.
    pub estate: &'a Estate,
    /// The run.
    pub run: &'a Run,
    /// The step that is judged: it is never excused by its own deferral.
    pub step: usize,
    /// The readings, with the demand on their age.
    pub seen: Seen<'a>,
    /// Conditions that were seen more than once.
    pub streaks: &'a Streaks,
    /// Another process opened the run, perhaps by another clock.
    pub handed_over: bool,
}

/// The answer to one killer item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// Green, red or unknown.
    pub verdict: GateVerdict,
    /// The value in words.
    pub value: Safe,
    /// What the verdict rests on.
    pub ground: Ground,
    /// Start of the oldest try under it, answered or not: for how long it was looked at, not how old
    /// what it tells is; `None`: it rests on none.
    pub tried: Option<Timestamp>,
}

/// Whether something was seen to be so, in words; or what must be looked at to tell.
pub(super) type Told = Result<(bool, String), Missing>;

/// The same of what may also be so for being owed, or for nobody having looked.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) so: bool,
    pub(super) value: String,
    pub(super) ground: Ground,
}

/// Two looks at an assignment that is gone must lie this far apart (design §11, grant guard).
pub const GONE_APART: jiff::SignedDuration = seconds(15);

/// Two looks at an empty side must lie this far apart (design §11, grant guard).
pub const EMPTY_APART: jiff::SignedDuration = seconds(60);

impl Evidence<'_> {
    pub(super) fn service(&self) -> &Service {
        &self.estate.services[self.run.plan.service_index]
    }

    pub(super) fn index(&self) -> usize {
        self.run.plan.service_index
    }

    pub(super) fn from(&self) -> Side {
        self.run.plan.from
    }

    pub(super) fn to(&self) -> Side {
        self.run.plan.to
    }

    pub(super) fn graceful(&self) -> bool {
        self.run.plan.mode == Mode::Graceful
    }

    pub(super) fn code(&self, side: Side) -> &str {
        &self.run.plan.codes[side]
    }

    /// Judges one item.
    pub fn judge(&self, killer: Killer) -> Judgement {
        let (verdict, value, ground) = match self.told(killer) {
            Ok(Said { so: true, value, ground }) => (GateVerdict::Green, value, ground),
            Ok(Said { so: false, value, ground }) => (GateVerdict::Red, value, ground),
            Err(missing) => {
                let why = format!("{}: {}", missing.source.word(), missing.why);
                (GateVerdict::Unknown, why, Ground::Seen)
            }
        };
        Judgement { verdict, value: Safe::new(&value), ground, tried: self.oldest_try(killer, verdict) }
    }

    /// What made an item green began at or after `since`: of the many sources of the death rule
    /// those that were not tried since then had no part in it.
    fn oldest_try(&self, killer: Killer, verdict: GateVerdict) -> Option<Timestamp> {
        let sources = self.sources(killer);
        let tried = sources.iter().filter_map(|source| self.tried_at(source));
        tried.filter(|at| verdict != GateVerdict::Green || *at >= self.seen.since).min()
    }

    /// Whether a look that it rests on is older than its source's answers are trusted.
    pub fn is_old(&self, killer: Killer) -> bool {
        let (since, now) = (self.seen.since, self.seen.now);
        // Of the many calls under the death rule the old ones count only where the verdict rests on them.
        let by_death =
            killer == Killer::ModeFits || (killer == Killer::ActiveEmptyOrDead && self.run.leaves_dead());
        if by_death && death::rule(&self.signs()) {
            return self.is_dated(killer);
        }
        self.sources(killer).iter().any(|source| {
            let Some(reading) = self.seen.picture.reading(source) else { return false };
            // An age counts from the answer, as everywhere: a look that took long is not old for that.
            let answered = reading.last.as_ref().map(|look| (look.started, Footing::of(source, look.at)));
            let told = |at| reading.silence.as_ref().map_or(at, |(told, _)| *told);
            let failed = reading.failed.map(|at| (at, Footing::failed(source, told(at))));
            let tried = answered.into_iter().chain(failed).max_by_key(|(started, _)| *started);
            tried.is_some_and(|(started, tried)| started >= since && tried.is_old(now))
        })
    }

    /// Whether an answer under its value is older than its source's answers are trusted, however the
    /// item stands: what is not dead may rest on what a silent side told last.
    pub fn is_dated(&self, killer: Killer) -> bool {
        let footings = self.footings(killer, self.judge(killer).verdict);
        footings.iter().any(|footing| footing.is_old(self.seen.now))
    }

    /// Age of the oldest answer or failure under an item's value.
    pub fn told_at(&self, killer: Killer) -> Option<Timestamp> {
        death::oldest(&self.footings(killer, self.judge(killer).verdict))
    }

    /// The item as the journal and the screen keep it.
    pub fn item(&self, killer: Killer) -> GateItem {
        let judgement = self.judge(killer);
        let told = death::oldest(&self.footings(killer, judgement.verdict));
        GateItem {
            id: killer.id(),
            verdict: judgement.verdict,
            value: judgement.value,
            ground: judgement.ground,
            age_s: told.map(|at| self.seen.now.duration_since(at).as_secs().max(0).unsigned_abs()),
        }
    }

    fn told(&self, killer: Killer) -> Result<Said, Missing> {
        let told = match killer {
            Killer::NobodyInBoth => return self.nobody_in_both(),
            _ if self.is_excused(killer) => {
                return Ok(Said { so: true, value: OWED.to_owned(), ground: Ground::Owed });
            }
            Killer::ModeFits => self.mode_fits(),
            Killer::SnapshotTaken => self.snapshot_taken(),
            Killer::StandbyCapacity => self.standby_capacity(),
            Killer::StandbyAdmits => self.standby_admits(),
            Killer::DirectoryUp => self.directory_up(),
            Killer::StandbyShares => self.standby_shares(),
            Killer::StandbyPublished => self.standby_published(),
            Killer::StandbyPlanHeld => self.plan_held(self.to()),
            Killer::ActivePlanHeld => self.plan_held(self.from()),
            Killer::Rights => self.rights(),
            Killer::NoLocks => self.no_locks(),
            Killer::HoldersAccounted => self.holders_accounted(),
            Killer::NothingInherited => self.nothing_inherited(),
            Killer::ProfileSettings => Ok(self.profile_settings()),
            Killer::ActiveDrained => self.active_drained(),
            Killer::NoticePassed => self.notice_passed(),
            Killer::NoHolderOnActive => self.no_holder_on_active(),
            Killer::ActiveEmpty => self.active_empty(),
            Killer::ActiveEmptyOrDead => self.active_empty_or_dead(),
            Killer::ProfilesFlushed => Ok(self.profiles_flushed()),
            Killer::HoldersOnStandby => self.holders_on_standby(),
            Killer::FirstUser => self.first_user(),
            Killer::StandbyNotOpened => self.standby_not_opened(),
            Killer::UsersBack => self.users_back(),
            Killer::ActiveStopped => self.active_stopped(),
            Killer::PlansRestored => self.plans_restored(),
            Killer::Dependants => Ok(self.typed("nothing was said yet", |_| true)),
            Killer::DebtsPaid => {
                let debts = self.run.debts().len();
                Ok((debts == 0, format!("{debts} owed")))
            }
        };
        told.map(|(so, value)| Said { so, value, ground: Ground::Seen })
    }

    /// Whether another step of the run which would have made an item so is owed or was skipped: its
    /// proof cannot be demanded of later steps. That is known from the run alone, and nothing is looked
    /// at for it.
    pub(super) fn is_excused(&self, killer: Killer) -> bool {
        let action = match killer {
            Killer::ActivePlanHeld => Action::HoldActivePlan,
            Killer::ActiveDrained => Action::DrainActive,
            Killer::NoHolderOnActive => Action::RevokeActive,
            _ => return false,
        };
        self.run.plan.steps[self.step].action != Some(action) && self.run.is_owed_or_skipped(action)
    }

    /// Signs that the side that is left is dead now, a person's statement included.
    pub fn signs(&self) -> Vec<Sign> {
        let mut signs = self.all_signs();
        signs.retain(|sign| !sign.is_old(self.seen.now));
        signs
    }

    /// The same with those that tell of some minutes ago: a screen names them, no run goes on by them.
    pub(super) fn all_signs(&self) -> Vec<Sign> {
        let Seen { picture, since, now } = self.seen;
        let mut signs = death::signs(self.estate, picture, self.index(), self.from(), since, now);
        if let Some((_, statement)) = &self.run.statement {
            signs.push(Sign::stated(statement));
        }
        signs
    }

    fn mode_fits(&self) -> Told {
        let signs = self.signs();
        let list: Vec<String> = signs.iter().map(|sign| sign.class.to_string()).collect();
        let said = if list.is_empty() {
            "no sign of death".to_owned()
        } else {
            format!("{} {}", if list.len() == 1 { "sign" } else { "signs" }, list.join(", "))
        };
        let dead = death::rule(&signs);
        // Nobody says "no sign of death" who has not looked for one.
        if !dead {
            self.is_not_dead()?;
        }
        if self.graceful() {
            self.seen.assignments(self.index(), self.from())?;
            // What a dead side refuses can be treated as dead step by step: graceful stays possible.
            let fits = if dead { "; ungraceful fits better: it counts as dead" } else { "" };
            return Ok((true, format!("graceful{fits}; {said}")));
        }
        let rule = if dead { "which make it dead" } else { "two of different classes are needed" };
        Ok((dead, format!("ungraceful; {said}, {rule}")))
    }

    /// Until every source of the death rule was looked at the rule is open, not broken.
    pub(super) fn all_looked_at(&self) -> Result<(), Missing> {
        for source in self.death_sources() {
            if self.tried_at(&source).is_none_or(|at| at < self.seen.since) {
                self.seen.look(&source)?;
            }
        }
        Ok(())
    }

    /// When the last look at a source began, whether it was answered or not: silence is evidence too.
    pub(super) fn tried_at(&self, source: &Source) -> Option<Timestamp> {
        let reading = self.seen.picture.reading(source)?;
        reading.last.as_ref().map(|look| look.started).max(reading.failed)
    }

    fn snapshot_taken(&self) -> Told {
        let sources = self.sources(Killer::SnapshotTaken);
        for source in &sources {
            if self.graceful() || source.side() != Some(self.from()) {
                self.seen.look(source)?;
                self.whole(source)?;
            }
        }
        let kept = sources.iter().filter(|source| self.seen.picture.last(source).is_some()).count();
        let never = match sources.len() - kept {
            0 => String::new(),
            never => format!(", {never} of {} never had", self.code(self.from())),
        };
        Ok((true, format!("{kept} readings kept{never}")))
    }

    /// Refuses an answer whose list is not whole.
    pub(super) fn whole(&self, source: &Source) -> Result<(), Missing> {
        let (index, look) = (self.index(), self.seen.look(source)?);
        let side = source.side().unwrap_or(self.to());
        match &look.answer {
            Answer::Hosts(_) => self.seen.hosts(index, side).map(drop),
            Answer::Sessions(_) => self.seen.sessions(index, side).map(drop),
            Answer::Assignments(_) => self.seen.assignments(index, side).map(drop),
            Answer::Plans(_) => self.seen.plans(index, side).map(drop),
            Answer::Machines(_) => self.seen.machines(side).map(drop),
            _ => Ok(()),
        }
    }

    /// Sessions the standby must hold: the most of what was taken down and what is there now; where
    /// neither could be read whole, one for each user there was when the plan was made.
    pub fn need(&self) -> Option<u32> {
        let now = self.seen.sessions(self.index(), self.from()).ok().map(|sessions| sessions.len() as u32);
        let most = now.into_iter().chain(self.run.baseline_sessions).max().or(self.run.plan.users)?;
        Some(need(most, self.service().capacity_percent))
    }

    /// Whether a side that counts as dead was asked for its sessions, does not tell them, and nobody took
    /// them down before.
    pub(super) fn need_unknowable(&self) -> bool {
        let source = Source::Sessions(self.index(), self.from());
        self.run.leaves_dead()
            && self.need().is_none()
            && self.tried_at(&source).is_some_and(|at| at >= self.seen.since)
    }

    /// The death rule again, now, with no host that beats.
    pub fn dead_now(&self) -> Told {
        let hosts = self.seen.hosts(self.index(), self.from())?;
        let beating = hosts.iter().filter(|host| host.beats(self.seen.now)).count();
        let undated = hosts.iter().filter(|host| host.pulse(self.seen.now) == Pulse::Unknown).count();
        if beating == 0 && undated > 0 {
            let why = format!("nobody knows when {undated} of {} hosts beat last", hosts.len());
            let source = Source::Hosts(self.index(), self.from());
            return Err(Missing { source, why: Safe::new(&why) });
        }
        let signs = self.signs();
        let dead = beating == 0 && death::rule(&signs);
        if beating == 0 && !dead {
            self.is_not_dead()?;
        }
        let classes: Vec<String> = signs.iter().map(|sign| sign.class.to_string()).collect();
        let signs_said = match classes.len() {
            0 => "no sign of death".to_owned(),
            1 => format!("sign {}", classes[0]),
            _ => format!("signs {}", classes.join(", ")),
        };
        let beats = if beating == 0 && !classes.iter().any(|class| class == "2") {
            format!("; sign 2: {}", self.sign_of_beats())
        } else {
            String::new()
        };
        Ok((dead, format!("{beating} of {} hosts with heartbeat, {signs_said}{beats}", hosts.len())))
    }

    /// Why no heartbeat is no sign by itself: only Compute tells of which hosts one is due.
    fn sign_of_beats(&self) -> String {
        let (index, from, Seen { picture, since, now }) = (self.index(), self.from(), self.seen);
        match self.seen.machines(from) {
            Err(missing) => format!("not known, {}: {}", missing.source.word(), missing.why),
            Ok(_) => {
                death::heartbeats(picture, index, from, since, now).unwrap_or_else(|| "not known".to_owned())
            }
        }
    }

    /// Whether every item is green, and the start of the oldest try under them.
    pub fn all_green(&self, killers: &[Killer]) -> (GateVerdict, Option<Timestamp>) {
        let mut verdict = GateVerdict::Green;
        let mut oldest = None;
        for killer in killers {
            let judgement = self.judge(*killer);
            oldest = [oldest, judgement.tried].into_iter().flatten().min();
            verdict = match (verdict, judgement.verdict) {
                (GateVerdict::Red, _) | (_, GateVerdict::Red) => GateVerdict::Red,
                (GateVerdict::Unknown, _) | (_, GateVerdict::Unknown) => GateVerdict::Unknown,
                _ => GateVerdict::Green,
            };
        }
        (verdict, oldest)
    }
}
