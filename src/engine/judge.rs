//! Killer items: each a question over readings, answered green, red or unknown with its value.

use std::collections::BTreeSet;

use crate::{
    domain::{
        Answer, ArmId, Safe, Side, Source,
        access::LockLevel,
        compute::Power,
        estate::{Estate, Service},
        pool::{SessionHost, UserSession},
        standing::{self, HolderKind, Sign, death_rule, death_signs, holder_kind},
        time::{Timestamp, minute_text, seconds, span_text},
    },
    runbook::{
        Action, Killer, Mode,
        bind::need,
        seen::{Missing, Seen},
    },
};

use super::{
    event::{GateItem, GateVerdict},
    rights,
    run::{ItemMark, Run, StepMark},
    streak::Streaks,
};

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
}

/// The answer to one killer item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// Green, red or unknown.
    pub verdict: GateVerdict,
    /// The value in words.
    pub value: Safe,
    /// Start of the oldest look it rests on; `None`: it rests on none.
    pub oldest: Option<Timestamp>,
}

type Told = Result<(bool, String), Missing>;

/// Share of the baseline's users that must be back before the ramp is over, in percent.
const USERS_BACK_PERCENT: u32 = 50;

/// Two looks at an assignment that is gone must lie this far apart (design §11, grant guard).
pub const GONE_APART: jiff::SignedDuration = seconds(15);

/// Two looks at an empty side must lie this far apart (design §11, grant guard).
pub const EMPTY_APART: jiff::SignedDuration = seconds(60);

impl Evidence<'_> {
    fn service(&self) -> &Service {
        &self.estate.services[self.run.plan.service_index]
    }

    fn index(&self) -> usize {
        self.run.plan.service_index
    }

    fn from(&self) -> Side {
        self.run.plan.from
    }

    fn to(&self) -> Side {
        self.run.plan.to
    }

    fn graceful(&self) -> bool {
        self.run.plan.mode == Mode::Graceful
    }

    fn code(&self, side: Side) -> &str {
        &self.run.plan.codes[side]
    }

    /// Judges one item.
    pub fn judge(&self, killer: Killer) -> Judgement {
        let oldest = self
            .sources(killer)
            .iter()
            .filter_map(|source| self.seen.picture.last(source).map(|look| look.started))
            .min();
        let (verdict, value) = match self.told(killer) {
            Ok((true, value)) => (GateVerdict::Green, value),
            Ok((false, value)) => (GateVerdict::Red, value),
            Err(missing) => (GateVerdict::Unknown, format!("{}: {}", missing.source.word(), missing.why)),
        };
        Judgement { verdict, value: Safe::new(&value), oldest }
    }

    /// The item as the journal and the screen keep it.
    pub fn item(&self, killer: Killer) -> GateItem {
        let judgement = self.judge(killer);
        GateItem {
            id: killer.id(),
            verdict: judgement.verdict,
            value: judgement.value,
            age_s: judgement
                .oldest
                .map(|at| self.seen.now.duration_since(at).as_secs().max(0).unsigned_abs()),
        }
    }

    fn told(&self, killer: Killer) -> Told {
        match killer {
            Killer::ModeFits => self.mode_fits(),
            Killer::SnapshotTaken => self.snapshot_taken(),
            Killer::StandbyCapacity => self.standby_capacity(),
            Killer::StandbyAdmits => self.standby_admits(),
            Killer::DirectoryUp => self.directory_up(),
            Killer::StandbyShares => self.standby_shares(),
            Killer::StandbyPublished => self.standby_published(),
            Killer::StandbyPlanHeld => self.plan_held(self.to()),
            Killer::ActivePlanHeld if self.excused(Action::HoldActivePlan) => Ok((true, "owed".to_owned())),
            Killer::ActivePlanHeld => self.plan_held(self.from()),
            Killer::Rights => self.rights(),
            Killer::NoLocks => self.no_locks(),
            Killer::HoldersAccounted => self.holders_accounted(),
            Killer::NothingInherited => self.nothing_inherited(),
            Killer::ProfileSettings => Ok(self.profile_settings()),
            Killer::ActiveDrained if self.excused(Action::DrainActive) => Ok((true, "owed".to_owned())),
            Killer::ActiveDrained => self.active_drained(),
            Killer::NoticePassed => self.notice_passed(),
            Killer::NoHolderOnActive if self.excused(Action::RevokeActive) => Ok((true, "owed".to_owned())),
            Killer::NoHolderOnActive => self.no_holder_on_active(),
            Killer::ActiveEmpty => self.active_empty(),
            Killer::ActiveEmptyOrDead => self.active_empty_or_dead(),
            Killer::ProfilesFlushed => Ok(self.profiles_flushed()),
            Killer::HoldersOnStandby => self.holders_on_standby(),
            Killer::FirstUser => self.first_user(),
            Killer::NobodyInBoth => self.nobody_in_both(),
            Killer::UsersBack => self.users_back(),
            Killer::ActiveStopped => self.active_stopped(),
            Killer::PlansRestored => self.plans_restored(),
            Killer::Dependants => Ok(self.typed("nothing was said yet", |_| true)),
            Killer::DebtsPaid => {
                let debts = self.run.debts().len();
                Ok((debts == 0, format!("{debts} owed")))
            }
        }
    }

    /// Whether another step of the run with this action is owed or was skipped, so that its
    /// proof cannot be demanded of later steps.
    fn excused(&self, action: Action) -> bool {
        self.run.plan.steps[self.step].action != Some(action) && self.run.is_owed_or_skipped(action)
    }

    /// Signs that the side that is left is dead, a person's statement included.
    pub fn signs(&self) -> Vec<Sign> {
        let mut signs = death_signs(self.estate, self.seen.picture, self.index(), self.from(), self.seen.now);
        if let Some(statement) = &self.run.statement {
            signs.push(Sign { class: 5, what: statement.clone() });
        }
        signs
    }

    fn mode_fits(&self) -> Told {
        let signs = self.signs();
        let list: Vec<String> = signs.iter().map(|sign| sign.class.to_string()).collect();
        let said = if list.is_empty() {
            "no sign of death".to_owned()
        } else {
            format!("signs {}", list.join(", "))
        };
        if self.graceful() {
            self.seen.assignments(self.index(), self.from())?;
            return Ok((true, format!("graceful; {said}")));
        }
        let dead = death_rule(&signs);
        if !dead {
            // Until every source was looked at the rule is open, not broken.
            for source in self.sources(Killer::ModeFits) {
                let looked = self.seen.picture.reading(&source).is_some_and(|reading| {
                    reading.last.as_ref().is_some_and(|look| look.started >= self.seen.since)
                        || reading.silence.as_ref().is_some_and(|(at, _)| *at >= self.seen.since)
                });
                if !looked {
                    self.seen.look(&source)?;
                }
            }
        }
        Ok((dead, format!("ungraceful; {said}, two of different classes are needed")))
    }

    fn snapshot_taken(&self) -> Told {
        let sources = self.sources(Killer::SnapshotTaken);
        for source in &sources {
            if self.graceful() || source.side() != Some(self.from()) {
                self.seen.look(source)?;
                self.whole(source)?;
            }
        }
        Ok((true, format!("{} readings kept", sources.len())))
    }

    /// Refuses an answer whose list is not whole.
    fn whole(&self, source: &Source) -> Result<(), Missing> {
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

    /// Sessions the standby must hold: the most of what was taken down and what is there now.
    pub fn need(&self) -> Option<u32> {
        let now = self.seen.sessions(self.index(), self.from()).ok().map(|sessions| sessions.len() as u32);
        let most = now.into_iter().chain(self.run.baseline_sessions).max()?;
        Some(need(most, self.service().capacity_percent))
    }

    fn standby_capacity(&self) -> Told {
        let (index, to) = (self.index(), self.to());
        let hosts = self.seen.hosts(index, to)?;
        let limit = self.seen.pool(index, to)?.session_limit;
        let usable = hosts.iter().filter(|host| host.usable(self.seen.now)).count() as u32;
        let room = usable.saturating_mul(limit);
        let need = self.need().ok_or_else(|| Missing {
            source: Source::Sessions(index, self.from()),
            why: Safe::new("the number of sessions to carry is not known"),
        })?;
        Ok((
            room >= need && usable > 0,
            format!("{usable} of {} usable, room for {room}, needed {need}", hosts.len()),
        ))
    }

    fn standby_admits(&self) -> Told {
        let hosts = self.seen.hosts(self.index(), self.to())?;
        let refusing: Vec<&str> = hosts
            .iter()
            .filter(|host| {
                host.status.takes_users() && host.beats(self.seen.now) && host.accepts != Some(true)
            })
            .map(SessionHost::short_name)
            .collect();
        let usable = hosts.iter().filter(|host| host.usable(self.seen.now)).count();
        if refusing.is_empty() {
            return Ok((usable > 0, format!("{usable} accept new sessions")));
        }
        Ok((false, format!("{} refuse: {}", refusing.len(), refusing.join(", "))))
    }

    fn directory_up(&self) -> Told {
        if self.estate.directory[self.to()].is_empty() {
            return Ok((true, "not configured".to_owned()));
        }
        let source = Source::Directory(self.to());
        let Answer::Directory(servers) = &self.seen.look(&source)?.answer else {
            return Err(Missing { source, why: Safe::new("unexpected answer") });
        };
        let up = servers.seen().iter().filter(|server| server.up()).count();
        Ok((up > 0, format!("{up} of {} up", self.estate.directory[self.to()].len())))
    }

    fn standby_shares(&self) -> Told {
        let accounts = &self.service().sides[self.to()].accounts;
        if accounts.is_empty() {
            return Ok((true, "not configured".to_owned()));
        }
        let source = Source::Storage(self.index(), self.to());
        let Answer::Storage(listing) = &self.seen.look(&source)?.answer else {
            return Err(Missing { source, why: Safe::new("unexpected answer") });
        };
        let Some(seen) = listing.complete() else {
            return Err(Missing { source, why: Safe::new("not every account answered") });
        };
        let up = seen.iter().filter(|account| account.available()).count();
        Ok((up == accounts.len(), format!("{up} of {} available", accounts.len())))
    }

    fn standby_published(&self) -> Told {
        let source = Source::Groups(self.index(), self.to());
        let Answer::Groups(listing) = &self.seen.look(&source)?.answer else {
            return Err(Missing { source, why: Safe::new("unexpected answer") });
        };
        let Some(groups) = listing.complete() else {
            return Err(Missing { source, why: Safe::new("not every application group answered") });
        };
        let hidden: Vec<&str> = groups
            .iter()
            .filter(|group| !self.is_published(&group.id, group.workspace.as_ref()))
            .map(|group| group.id.name())
            .collect();
        if hidden.is_empty() {
            return Ok((true, format!("{} of {} in a workspace", groups.len(), groups.len())));
        }
        Ok((false, format!("in no workspace: {}", hidden.join(", "))))
    }

    /// Published by the group's own word and, where the workspace is configured and read, by
    /// the workspace's.
    fn is_published(&self, group: &ArmId, workspace: Option<&ArmId>) -> bool {
        let by_group = workspace.is_some();
        let source = Source::Workspace(self.index(), self.to());
        match self.seen.picture.last(&source).map(|look| &look.answer) {
            Some(Answer::Workspace(Some(workspace))) => {
                by_group && workspace.group_references.contains(group)
            }
            _ => by_group,
        }
    }

    fn plan_held(&self, side: Side) -> Told {
        let pool = &self.service().sides[side].pool;
        let plans = self.seen.plans(self.index(), side)?;
        let acting: Vec<&str> = plans
            .iter()
            .filter(|plan| plan.enabled_for(pool) == Some(true))
            .map(|plan| plan.id.name())
            .collect();
        if acting.is_empty() {
            return Ok((true, format!("{}: no plan acts", self.code(side))));
        }
        Ok((false, format!("{}: {} acts", self.code(side), acting.join(", "))))
    }

    fn rights(&self) -> Told {
        let mut lacking = Vec::new();
        let needed = rights::needed(self.estate, &self.run.plan);
        for (scope, action) in &needed {
            let source = Source::Permissions(scope.clone());
            let Answer::Permissions(permissions) = &self.seen.look(&source)?.answer else {
                return Err(Missing { source, why: Safe::new("unexpected answer") });
            };
            if !permissions.allow(action) {
                lacking.push(format!("{action} on {}", scope.name()));
            }
        }
        if lacking.is_empty() {
            return Ok((
                true,
                format!("{} rights on {} scopes", needed.len(), rights::scopes(&needed).len()),
            ));
        }
        Ok((false, format!("missing: {}", lacking.join(", "))))
    }

    fn no_locks(&self) -> Told {
        let needed = rights::needed(self.estate, &self.run.plan);
        let mut found = BTreeSet::new();
        for scope in rights::scopes(&needed) {
            let source = Source::Locks(scope.clone());
            let Answer::Locks(listing) = &self.seen.look(&source)?.answer else {
                return Err(Missing { source, why: Safe::new("unexpected answer") });
            };
            let Some(locks) = listing.complete() else {
                return Err(Missing { source, why: Safe::new("the list of locks is not whole") });
            };
            found.extend(locks.iter().map(|lock| {
                let level = match &lock.level {
                    LockLevel::CanNotDelete => "CanNotDelete",
                    LockLevel::ReadOnly => "ReadOnly",
                    LockLevel::Other(word) => word.as_str(),
                };
                format!("{level} {}", lock.id.name())
            }));
        }
        if found.is_empty() {
            return Ok((true, "no locks".to_owned()));
        }
        Ok((false, found.into_iter().collect::<Vec<_>>().join(", ")))
    }

    fn holders_accounted(&self) -> Told {
        let mut open = BTreeSet::new();
        let mut counted = 0;
        let moved: Vec<_> = self.run.plan.moved_too.iter().map(|moved| moved.principal.id.clone()).collect();
        for side in [self.from(), self.to()] {
            for held in self.seen.assignments(self.index(), side)? {
                let Some(kind) = holder_kind(self.service(), held, &moved) else { continue };
                counted += 1;
                let principal = &held.assignment.principal;
                if kind == HolderKind::Unaccounted && !self.run.left_holders.contains(principal) {
                    open.insert(format!("{} on {}", principal.as_str(), held.group.name()));
                }
            }
        }
        if open.is_empty() {
            return Ok((true, format!("{counted} holders, each planned, excepted or left")));
        }
        Ok((false, format!("not accounted for: {}", open.into_iter().collect::<Vec<_>>().join(", "))))
    }

    fn nothing_inherited(&self) -> Told {
        let mut found = BTreeSet::new();
        for side in [self.from(), self.to()] {
            for held in self.seen.assignments(self.index(), side)? {
                if holder_kind(self.service(), held, &[]) == Some(HolderKind::PlannedInherited) {
                    found.insert(format!(
                        "{} from {}",
                        held.assignment.principal.as_str(),
                        held.assignment.scope.name()
                    ));
                }
            }
        }
        if found.is_empty() {
            return Ok((true, "no planned principal inherits the role".to_owned()));
        }
        Ok((false, format!("cannot be revoked here: {}", found.into_iter().collect::<Vec<_>>().join(", "))))
    }

    /// The typed value of the judged step.
    fn typed(&self, without: &str, fits: impl Fn(&str) -> bool) -> (bool, String) {
        match &self.run.steps[self.step].value {
            Some(value) => (fits(value.as_str().trim()), format!("said: {value}")),
            None => (false, without.to_owned()),
        }
    }

    /// Field of the last probe output of the judged step.
    fn probed(&self) -> Option<serde_json::Value> {
        let output = self.run.steps[self.step].outputs.last()?;
        serde_json::from_str(output.as_str().trim()).ok()
    }

    fn profile_settings(&self) -> (bool, String) {
        if self.run.steps[self.step].value.is_some() {
            return self.typed("", |value| value == "0");
        }
        let Some(report) = self.probed() else {
            return (false, "not checked yet".to_owned());
        };
        let kind = report.get("profileType").and_then(serde_json::Value::as_i64);
        let locations = report.get("ccdLocations").and_then(serde_json::Value::as_str).unwrap_or_default();
        let kind_text = kind.map_or_else(|| "missing".to_owned(), |kind| kind.to_string());
        (
            kind == Some(0) && !locations.is_empty(),
            format!("ProfileType {kind_text}, {} of CCDLocations", count_of(locations)),
        )
    }

    fn profiles_flushed(&self) -> (bool, String) {
        if self.run.steps[self.step].value.is_some() {
            return self.typed("", |value| value.eq_ignore_ascii_case("valid"));
        }
        let Some(report) = self.probed() else {
            return (false, "not looked at yet".to_owned());
        };
        let states: Vec<&str> = report
            .get("providers")
            .and_then(serde_json::Value::as_array)
            .map(|providers| {
                providers
                    .iter()
                    .map(|one| one.get("state").and_then(serde_json::Value::as_str).unwrap_or("?"))
                    .collect()
            })
            .unwrap_or_default();
        let valid = states.iter().filter(|state| **state == "Valid").count();
        (valid > 0 && valid == states.len(), format!("{valid} of {} providers Valid", states.len()))
    }

    fn active_drained(&self) -> Told {
        let hosts = self.seen.hosts(self.index(), self.from())?;
        let open = hosts.iter().filter(|host| host.accepts != Some(false)).count();
        Ok((open == 0, format!("{} of {} refuse new sessions", hosts.len() - open, hosts.len())))
    }

    /// When the last user was told, in the judged step.
    pub fn told_last(&self) -> Option<Timestamp> {
        let items = self.run.steps[self.step].items.iter();
        items.filter(|item| matches!(item.mark, ItemMark::Done(_))).map(|item| item.at).max()
    }

    fn notice_passed(&self) -> Told {
        let step = &self.run.steps[self.step];
        let told = step.items.iter().filter(|item| matches!(item.mark, ItemMark::Done(_))).count();
        let last =
            step.items.iter().filter(|item| matches!(item.mark, ItemMark::Done(_))).map(|item| item.at).max();
        let Some(last) = last else {
            let sessions = self.seen.sessions(self.index(), self.from())?;
            return Ok((sessions.is_empty(), format!("{} sessions, nobody told", sessions.len())));
        };
        if let Some(cut) = self.run.notice_cut {
            return Ok((true, format!("{told} told, notice cut short at {}", minute_text(cut))));
        }
        let due = last + self.estate.policy.notice;
        let left = due.duration_since(self.seen.now);
        if left.is_positive() {
            return Ok((false, format!("{told} told, {} left", span_text(left))));
        }
        Ok((true, format!("{told} told, notice passed")))
    }

    fn no_holder_on_active(&self) -> Told {
        let held = self.seen.assignments(self.index(), self.from())?;
        let moved: Vec<_> = self.run.plan.moved_too.iter().map(|moved| moved.principal.id.clone()).collect();
        let holding = held
            .iter()
            .filter(|held| {
                matches!(
                    holder_kind(self.service(), held, &moved),
                    Some(HolderKind::Planned | HolderKind::PlannedInherited)
                )
            })
            .count();
        Ok((holding == 0, format!("{holding} planned principals hold {}", self.code(self.from()))))
    }

    /// Sessions of the side that is left that count: not those accepted by name.
    fn remaining(&self) -> Result<Vec<&UserSession>, Missing> {
        let accepted: BTreeSet<&str> = self
            .run
            .of_action(Action::LogOffActive)
            .map(|(_, step)| {
                step.items
                    .iter()
                    .filter(|item| item.mark == ItemMark::Done(super::event::DoneHow::Accepted))
                    .map(|item| item.key.as_str())
                    .collect()
            })
            .unwrap_or_default();
        let sessions = self.seen.sessions(self.index(), self.from())?;
        Ok(sessions
            .iter()
            .filter(|session| !accepted.contains(crate::runbook::targets::session_key(session).as_str()))
            .collect())
    }

    fn active_empty(&self) -> Told {
        let left = self.remaining()?.len();
        Ok((left == 0, format!("{left} sessions in {}", self.code(self.from()))))
    }

    fn active_empty_or_dead(&self) -> Told {
        if self.graceful() {
            let left = self.remaining()?.len();
            let twice =
                self.streaks.empty_twice(self.index(), self.from(), EMPTY_APART) || self.has_accepted();
            let seen = if twice { "twice, 60 s apart" } else { "once; a second look follows" };
            return Ok((
                left == 0 && twice,
                format!("{left} sessions in {}, seen {seen}", self.code(self.from())),
            ));
        }
        let (dead, value) = self.dead_now()?;
        Ok((dead, value))
    }

    fn has_accepted(&self) -> bool {
        self.run.of_action(Action::LogOffActive).is_some_and(|(_, step)| {
            step.items.iter().any(|item| item.mark == ItemMark::Done(super::event::DoneHow::Accepted))
        })
    }

    /// The death rule again, now, with no host that beats.
    pub fn dead_now(&self) -> Told {
        let hosts = self.seen.hosts(self.index(), self.from())?;
        let beating = hosts.iter().filter(|host| host.beats(self.seen.now)).count();
        let signs = self.signs();
        let classes: Vec<String> = signs.iter().map(|sign| sign.class.to_string()).collect();
        Ok((
            beating == 0 && death_rule(&signs),
            format!("{beating} of {} hosts with heartbeat, signs {}", hosts.len(), classes.join(", ")),
        ))
    }

    fn holders_on_standby(&self) -> Told {
        let held = self.seen.assignments(self.index(), self.to())?;
        let mut missing = Vec::new();
        let mut planned = 0;
        let moved = self.run.plan.moved_too.iter().map(|moved| (&moved.group, &moved.principal));
        let groups = self.service().groups.iter();
        for (code, principal) in
            groups.flat_map(|group| group.principals.iter().map(move |who| (&group.code, who))).chain(moved)
        {
            planned += 1;
            let scope = self
                .service()
                .groups
                .iter()
                .find(|group| group.code == *code)
                .map(|group| &group.ids[self.to()]);
            let holds = held.iter().any(|held| {
                Some(&held.group) == scope
                    && held.assignment.lets_use()
                    && held.assignment.principal == principal.id
            });
            if !holds {
                missing.push(format!("{}@{code}", principal.name));
            }
        }
        if missing.is_empty() {
            return Ok((true, format!("{planned} of {planned} hold {}", self.code(self.to()))));
        }
        Ok((false, format!("missing: {}", missing.join(", "))))
    }

    fn first_user(&self) -> Told {
        let (index, to) = (self.index(), self.to());
        let sessions = self.seen.sessions(index, to)?;
        let hosts = self.seen.hosts(index, to)?;
        let works = |session: &&UserSession| {
            session.state == crate::domain::pool::SessionState::Active
                && hosts
                    .iter()
                    .any(|host| Some(&host.id) == session.host().as_ref() && host.beats(self.seen.now))
        };
        Ok(match sessions.iter().find(works) {
            Some(session) => {
                let host = session.host().map(|host| host.name().to_owned()).unwrap_or_default();
                (true, format!("{} works on {host}", session.user))
            }
            None => (false, format!("{} sessions, none active on a host that answers", sessions.len())),
        })
    }

    /// Sessions the dead side still lists are not people; only hosts that beat count there.
    fn nobody_in_both(&self) -> Told {
        let index = self.index();
        let hosts = self.seen.hosts(index, self.from())?;
        let alive = |session: &&UserSession| {
            hosts.iter().any(|host| Some(&host.id) == session.host().as_ref() && host.beats(self.seen.now))
        };
        let name = |session: &UserSession| session.user.as_str().to_lowercase();
        let here: BTreeSet<String> =
            self.seen.sessions(index, self.from())?.iter().filter(alive).map(name).collect();
        let both =
            self.seen.sessions(index, self.to())?.iter().map(name).filter(|user| here.contains(user)).count();
        self.seen.assignments(index, self.from())?;
        self.seen.assignments(index, self.to())?;
        let principals = standing::in_both(self.estate, self.seen.picture, index)
            .map_or(0, |in_both| in_both.principals.len());
        let fenced = !self.graceful() && self.run.is_owed_or_skipped(Action::RevokeActive);
        let debt = if fenced && principals > 0 { " (debt)" } else { "" };
        Ok((
            both == 0 && (principals == 0 || fenced),
            format!("{both} users, {principals} principals{debt} in both"),
        ))
    }

    fn users_back(&self) -> Told {
        let sessions = self.seen.sessions(self.index(), self.to())?;
        let users: BTreeSet<String> =
            sessions.iter().map(|session| session.user.as_str().to_lowercase()).collect();
        let baseline = self.run.baseline_users.unwrap_or_default();
        let wanted = (baseline * USERS_BACK_PERCENT).div_ceil(100);
        Ok((
            users.len() as u32 >= wanted,
            format!("{} of {baseline} users back, {wanted} wanted", users.len()),
        ))
    }

    fn active_stopped(&self) -> Told {
        let hosts = self.seen.hosts(self.index(), self.from())?;
        let machines = self.seen.machines(self.from())?;
        let on = hosts
            .iter()
            .filter_map(|host| machines.iter().find(|machine| Some(&machine.id) == host.vm.as_ref()))
            .filter(|machine| machine.power != Some(Power::Deallocated))
            .count();
        Ok((on == 0, format!("{on} of {} still on", hosts.len())))
    }

    fn plans_restored(&self) -> Told {
        let pool = &self.service().sides[self.to()].pool;
        let before = self.run.plans_before.iter().find(|(known, _)| known == pool).is_some_and(|(_, on)| *on);
        let plans = self.seen.plans(self.index(), self.to())?;
        let acting = plans.iter().any(|plan| plan.enabled_for(pool) == Some(true));
        Ok((
            acting == before || plans.is_empty(),
            format!("{}: {}", self.code(self.to()), if acting { "acts" } else { "off" }),
        ))
    }

    /// What must be looked at for an item.
    pub fn sources(&self, killer: Killer) -> Vec<Source> {
        let (index, from, to) = (self.index(), self.from(), self.to());
        match killer {
            Killer::ModeFits if self.graceful() => vec![Source::Assignments(index, from)],
            Killer::ModeFits => self.death_sources(),
            Killer::SnapshotTaken => [from, to]
                .into_iter()
                .flat_map(|side| {
                    [
                        Source::Pool(index, side),
                        Source::Hosts(index, side),
                        Source::Sessions(index, side),
                        Source::Assignments(index, side),
                        Source::Groups(index, side),
                        Source::Plans(index, side),
                        Source::Machines(side),
                    ]
                })
                .collect(),
            Killer::StandbyCapacity => {
                let mut sources = vec![Source::Hosts(index, to), Source::Pool(index, to)];
                if self.run.baseline_sessions.is_none() {
                    sources.push(Source::Sessions(index, from));
                }
                sources
            }
            Killer::StandbyAdmits => vec![Source::Hosts(index, to)],
            Killer::DirectoryUp if self.estate.directory[to].is_empty() => vec![],
            Killer::DirectoryUp => vec![Source::Directory(to)],
            Killer::StandbyShares if self.service().sides[to].accounts.is_empty() => vec![],
            Killer::StandbyShares => vec![Source::Storage(index, to)],
            Killer::StandbyPublished => vec![Source::Groups(index, to), Source::Workspace(index, to)],
            Killer::StandbyPlanHeld | Killer::PlansRestored => vec![Source::Plans(index, to)],
            Killer::ActivePlanHeld => vec![Source::Plans(index, from)],
            Killer::Rights => {
                let needed = rights::needed(self.estate, &self.run.plan);
                rights::scopes(&needed).into_iter().map(Source::Permissions).collect()
            }
            Killer::NoLocks => {
                let needed = rights::needed(self.estate, &self.run.plan);
                rights::scopes(&needed).into_iter().map(Source::Locks).collect()
            }
            Killer::HoldersAccounted | Killer::NothingInherited => {
                vec![Source::Assignments(index, from), Source::Assignments(index, to)]
            }
            Killer::ActiveDrained => vec![Source::Hosts(index, from)],
            Killer::NoticePassed if self.told_last().is_some() => vec![],
            Killer::NoticePassed | Killer::ActiveEmpty => vec![Source::Sessions(index, from)],
            Killer::NoHolderOnActive => vec![Source::Assignments(index, from)],
            Killer::ActiveEmptyOrDead if self.graceful() => vec![Source::Sessions(index, from)],
            Killer::ActiveEmptyOrDead => self.death_sources(),
            Killer::HoldersOnStandby => vec![Source::Assignments(index, to)],
            Killer::FirstUser => vec![Source::Sessions(index, to), Source::Hosts(index, to)],
            Killer::NobodyInBoth => vec![
                Source::Hosts(index, from),
                Source::Sessions(index, from),
                Source::Sessions(index, to),
                Source::Assignments(index, from),
                Source::Assignments(index, to),
            ],
            Killer::UsersBack => vec![Source::Sessions(index, to)],
            Killer::ActiveStopped => vec![Source::Hosts(index, from), Source::Machines(from)],
            Killer::ProfileSettings | Killer::ProfilesFlushed | Killer::Dependants | Killer::DebtsPaid => {
                vec![]
            }
        }
    }

    /// Everything the death rule looks at, the other region for comparison included.
    pub fn death_sources(&self) -> Vec<Source> {
        let (index, from, to) = (self.index(), self.from(), self.to());
        vec![
            Source::Events,
            Source::Hosts(index, from),
            Source::Hosts(index, to),
            Source::Machines(from),
            Source::Machines(to),
            Source::Storage(index, from),
            Source::Storage(index, to),
        ]
    }

    /// Whether every item is green, and the start of the oldest look under them.
    pub fn all_green(&self, killers: &[Killer]) -> (GateVerdict, Option<Timestamp>) {
        let mut verdict = GateVerdict::Green;
        let mut oldest = None;
        for killer in killers {
            let judgement = self.judge(*killer);
            oldest = [oldest, judgement.oldest].into_iter().flatten().min();
            verdict = match (verdict, judgement.verdict) {
                (GateVerdict::Red, _) | (_, GateVerdict::Red) => GateVerdict::Red,
                (GateVerdict::Unknown, _) | (_, GateVerdict::Unknown) => GateVerdict::Unknown,
                _ => GateVerdict::Green,
            };
        }
        (verdict, oldest)
    }

    /// Whether the judged step is owed or skipped.
    pub fn is_deferred(&self) -> bool {
        matches!(self.run.steps[self.step].mark, StepMark::Deferred { .. })
    }
}

/// Entries of a CCDLocations value.
fn count_of(locations: &str) -> usize {
    locations.split(';').filter(|part| part.to_ascii_lowercase().contains("type=")).count()
}
