//! Killer items about the side that is left.

use std::collections::{BTreeSet, HashSet};

use crate::{
    domain::{
        Answer, ArmId, Listing, Operation, Source,
        compute::Power,
        machines::Machines,
        pool::{SessionHost, UserSession},
        standing,
        text::counted,
        time::{Timestamp, minute_text, span_text},
    },
    runbook::{Action, seen::Missing, targets::session_key},
};

use super::{
    event::DoneHow,
    event::Ground,
    judge::{EMPTY_APART, Evidence, Said, Told},
    run::ItemMark,
    step_run::subject,
};

impl Evidence<'_> {
    /// The typed value of the judged step.
    pub(super) fn typed(&self, without: &str, fits: impl Fn(&str) -> bool) -> (bool, String) {
        match &self.run.steps[self.step].value {
            Some(value) => (fits(value.as_str().trim()), format!("said: {value}")),
            None => (false, without.to_owned()),
        }
    }

    /// Field of the last probe output of the judged step.
    pub(super) fn probed(&self) -> Option<serde_json::Value> {
        let output = self.run.steps[self.step].outputs.last()?;
        serde_json::from_str(output.as_str().trim()).ok()
    }

    /// Why there is no report of a probe: none has run, or what it printed makes no sense.
    fn unprobed(&self, without: &str) -> String {
        let printed = !self.run.steps[self.step].outputs.is_empty();
        if printed { "what the probe printed cannot be read".to_owned() } else { without.to_owned() }
    }

    pub(super) fn profile_settings(&self) -> (bool, String) {
        if self.run.steps[self.step].value.is_some() {
            return self.typed("", |value| value == "0");
        }
        let Some(report) = self.probed() else {
            return (false, self.unprobed("not checked yet"));
        };
        let kind = report.get("profileType").and_then(serde_json::Value::as_i64);
        let locations = report.get("ccdLocations").and_then(serde_json::Value::as_str).unwrap_or_default();
        let kind_text = kind.map_or_else(|| "missing".to_owned(), |kind| kind.to_string());
        // No reason to stop, and none to be silent: readiness warns of it as well.
        let providers = match report.get("register").and_then(serde_json::Value::as_i64) {
            Some(0) => ", sign-in without a profile allowed",
            Some(_) => "",
            None => ", providers required at sign-in not known",
        };
        (
            kind == Some(0) && !locations.is_empty(),
            format!("ProfileType {kind_text}, {} of CCDLocations{providers}", count_of(locations)),
        )
    }

    pub(super) fn profiles_flushed(&self) -> (bool, String) {
        if self.run.steps[self.step].value.is_some() {
            return self.typed("", |value| value.eq_ignore_ascii_case("valid"));
        }
        let Some(report) = self.probed() else {
            return (false, self.unprobed("not looked at yet"));
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

    pub(super) fn active_drained(&self) -> Told {
        let hosts = self.seen.hosts(self.index(), self.from())?;
        let open: Vec<_> = hosts.iter().filter(|host| host.accepts != Some(false)).collect();
        let spared = self.spared(Action::DrainActive);
        let spares = |host: &SessionHost| {
            let drains = |done: &&Operation| matches!(done, Operation::SetAdmission { host: known, .. } if *known == host.id);
            spared.iter().any(drains)
        };
        let accepted = open.iter().filter(|host| spares(host)).count();
        let refusing = format!("{} of {} refuse new sessions", hosts.len() - open.len(), hosts.len());
        Ok((open.len() == accepted, with_accepted(refusing, accepted)))
    }

    /// Changes of a step that a person accepted by name as not done.
    pub(super) fn spared(&self, action: Action) -> Vec<&Operation> {
        let step = self.run.of_action(action);
        let items = step.into_iter().flat_map(|(_, step)| &step.items);
        items.filter(|item| item.mark.accepted()).filter_map(|item| item.operation.as_ref()).collect()
    }

    /// How many were told; a message whose end was not seen is never sent twice, and may not have come.
    fn told_text(&self) -> String {
        let step = &self.run.steps[self.step];
        let perhaps = step.told().filter(|item| item.mark == ItemMark::Done(DoneHow::Adopted)).count();
        let surely = step.told().count() - perhaps;
        match perhaps {
            0 => format!("{surely} told"),
            _ => format!("{surely} told, {perhaps} perhaps"),
        }
    }

    /// When the last user was told, in the judged step.
    pub fn told_last(&self) -> Option<Timestamp> {
        self.run.steps[self.step].told().map(|item| item.at).max()
    }

    pub(super) fn notice_passed(&self) -> Told {
        let told = self.told_text();
        let Some(last) = self.told_last() else {
            let sessions = self.seen.sessions(self.index(), self.from())?;
            return Ok((sessions.is_empty(), format!("{}, nobody told", counted(sessions.len(), "session"))));
        };
        if let Some(cut) = self.run.notice_cut {
            return Ok((true, format!("{told}, notice cut short at {}", minute_text(cut))));
        }
        let due = last + self.estate.policy.notice;
        let left = due.duration_since(self.seen.now);
        if left.is_positive() {
            return Ok((false, format!("{told}, {} left", span_text(left))));
        }
        Ok((true, format!("{told}, notice passed")))
    }

    pub(super) fn no_holder_on_active(&self) -> Told {
        self.seen.assignments(self.index(), self.from())?;
        let moved = self.run.plan.moved_principals();
        // Any group of the side counts, as for the guard of the grant.
        let (index, picture) = (self.index(), self.seen.picture);
        let holding = standing::planned_holders(self.estate, picture, index, self.from(), &moved)
            .map_or(0, |holding| holding.len());
        Ok((holding == 0, format!("{holding} planned principals hold {}", self.code(self.from()))))
    }

    /// Sessions of the side that is left that count: not those accepted by name.
    pub(super) fn remaining(&self) -> Result<Vec<&UserSession>, Missing> {
        let accepted = self.accepted();
        let sessions = self.seen.sessions(self.index(), self.from())?;
        Ok(sessions.iter().filter(|session| !accepted.contains(session_key(session).as_str())).collect())
    }

    /// Keys of sessions that a person accepted by name.
    fn accepted(&self) -> BTreeSet<&str> {
        let step = self.run.of_action(Action::LogOffActive);
        let items = step.into_iter().flat_map(|(_, step)| &step.items);
        items.filter(|item| item.mark.accepted()).map(|item| subject(&item.key)).collect()
    }

    pub(super) fn active_empty(&self) -> Told {
        let left = self.remaining()?.len();
        Ok((left == 0, format!("{} in {}", counted(left, "session"), self.code(self.from()))))
    }

    /// Empty, or dead where the run counts the side as dead: by its mode, or since a person
    /// downgraded a step because that side refused it.
    pub(super) fn active_empty_or_dead(&self) -> Told {
        let twice = self.streaks.empty_twice(self.index(), self.from(), EMPTY_APART);
        if !self.graceful() {
            return self.dead_or_emptied(twice);
        }
        // Accepted is not gone: the guard of the grant counts every session, and so does this.
        let (listed, code) = (self.seen.sessions(self.index(), self.from())?, self.code(self.from()));
        if self.run.leaves_dead() && !(listed.is_empty() && twice) {
            return self.dead_now();
        }
        if listed.is_empty() {
            let seen = if twice { "twice, 60 s apart" } else { "once; a second look follows" };
            return Ok((twice, format!("0 sessions in {code}, seen {seen}")));
        }
        let accepted = self.accepted();
        let keys = listed.iter().map(session_key).filter(|key| accepted.contains(key.as_str()));
        let names = keys.collect::<Vec<_>>().join(", ");
        let count = listed.len();
        Ok((
            false,
            if names.is_empty() {
                format!("{} in {code}", counted(count, "session"))
            } else {
                format!(
                    "{} in {code}; accepted and still listed: {names}; restart the host",
                    counted(count, "session")
                )
            },
        ))
    }

    /// A side that was taken for dead and has come back can be left like any other, once nobody is there
    /// and what is owed there is paid: an empty side proves nothing while it lets people in.
    fn dead_or_emptied(&self, twice: bool) -> Told {
        let dead = self.dead_now();
        let Ok(sessions) = self.seen.sessions(self.index(), self.from()) else { return dead };
        let (count, code) = (sessions.len(), self.code(self.from()));
        let owes = |action| self.run.of_action(action).is_some_and(|(_, step)| step.owes());
        let owed = [Action::DrainActive, Action::RevokeActive, Action::LogOffActive].into_iter().any(owes);
        match dead {
            Ok((true, _)) | Err(_) => dead,
            _ if count == 0 && twice && !owed => {
                Ok((true, format!("0 sessions in {code}, seen twice, 60 s apart")))
            }
            Ok((false, value)) => {
                let owed = if owed { ", and it is owed what must be paid first" } else { "" };
                Ok((false, format!("{value}; {} in {code}{owed}", counted(count, "session"))))
            }
        }
    }

    /// Which list a side that counts as dead does not give, although it was asked for: what nobody can
    /// know there must not keep the other side waiting (procedures D2). Its return is watched.
    fn dead_and_silent(&self) -> Option<&'static str> {
        let (index, from) = (self.index(), self.from());
        let silent = |source: &Source| {
            self.tried_at(source).is_some_and(|at| at >= self.seen.since) && self.whole(source).is_err()
        };
        let lists =
            [Source::Hosts(index, from), Source::Sessions(index, from), Source::Assignments(index, from)];
        lists.iter().find(|source| self.run.leaves_dead() && silent(source)).map(Source::word)
    }

    /// Sessions the dead side still lists are not people; hosts that are known to be silent do not
    /// count there.
    pub(super) fn nobody_in_both(&self) -> Result<Said, Missing> {
        let index = self.index();
        let silent = self.dead_and_silent();
        let (hosts, sessions) = match silent {
            // What was seen there last can still tell of somebody, and never that there is nobody.
            Some(_) => (
                standing::hosts(self.seen.picture, &Source::Hosts(index, self.from()))
                    .map_or(&[][..], Listing::seen),
                standing::sessions(self.seen.picture, &Source::Sessions(index, self.from()))
                    .map_or(&[][..], Listing::seen),
            ),
            None => (self.seen.hosts(index, self.from())?, self.seen.sessions(index, self.from())?),
        };
        // As in `seats`: a host of which nobody knows anything counts as alive, and one that beat when it was
        // looked at does so until the next look: a list that does not come any more proves nobody gone.
        // By key in a set: an estate may list 100,000 sessions on 10,000 hosts.
        let looked = self.seen.picture.last(&Source::Hosts(index, self.from())).map(|look| look.at);
        let is_mute = |host: &&SessionHost| looked.is_some_and(|looked| host.is_silent(looked));
        let mute: HashSet<&str> = hosts.iter().filter(is_mute).map(|host| host.id.key()).collect();
        let alive = |session: &&UserSession| !session.id.parent_key().is_some_and(|host| mute.contains(host));
        let name = |session: &UserSession| session.user.as_str().to_lowercase();
        let here: BTreeSet<String> = sessions.iter().filter(alive).map(name).collect();
        let both =
            self.seen.sessions(index, self.to())?.iter().map(name).filter(|user| here.contains(user)).count();
        // What the broker still lists of silent hosts is counted as nobody, and proves nothing.
        let unproven = sessions.iter().filter(|session| !alive(session)).count();
        let not_proven = |value: String| {
            let (listed, code) = (counted(unproven, "session"), self.code(self.from()));
            let said = format!("{value}; {listed} on silent hosts in {code} not proven over");
            if unproven > 0 { said } else { value }
        };
        let beside = |ground| if unproven > 0 { Ground::Unproven } else { ground };
        // Assignments are not kept in the region: they are told where its hosts are silent.
        let told = [self.from(), self.to()].map(|side| self.seen.assignments(index, side).map(drop));
        let told: Result<Vec<()>, Missing> = told.into_iter().collect();
        if let (Some(silent), Err(_)) = (silent, &told) {
            // A list that is not whole can still tell of somebody.
            let principals = self.seen_in_both();
            let code = self.code(self.from());
            let who = match principals {
                0 => counted(both, "user"),
                _ => format!("{}, {}", counted(both, "user"), counted(principals, "principal")),
            };
            let value = format!("{who} seen in both; {code} does not tell its {silent}: owed");
            let so = both == 0 && (principals == 0 || self.is_fenced());
            return Ok(Said { so, value: not_proven(value), ground: beside(Ground::Owed) });
        }
        told?;
        let moved = self.run.plan.moved_principals();
        let principals = standing::in_both(self.estate, self.seen.picture, index, &moved)
            .map_or(0, |in_both| in_both.principals.len());
        let fenced = self.is_fenced();
        let debt = if fenced && principals > 0 { " (debt)" } else { "" };
        let (people, code) = (counted(both, "user"), self.code(self.from()));
        let mut value = format!("{people}, {}{debt} in both", counted(principals, "principal"));
        if let Some(silent) = silent {
            value = format!("{value}; {code} does not tell its {silent}: owed");
        }
        let ground = match silent {
            None if debt.is_empty() => Ground::Seen,
            _ => Ground::Owed,
        };
        let so = both == 0 && (principals == 0 || fenced);
        Ok(Said { so, value: not_proven(value), ground: beside(ground) })
    }

    /// Whether who holds the dead side stands as a debt.
    fn is_fenced(&self) -> bool {
        self.run.leaves_dead() && self.run.is_owed_or_skipped(Action::RevokeActive)
    }

    /// Planned principals that the newest lists show on both sides, whole or not.
    fn seen_in_both(&self) -> usize {
        let moved = self.run.plan.moved_principals();
        let holding = |side| {
            let look = self.seen.look(&Source::Assignments(self.index(), side)).ok();
            let held = match look.map(|look| &look.answer) {
                Some(Answer::Assignments(held)) => held.seen(),
                _ => &[],
            };
            standing::planned_among(self.service(), held, &moved)
        };
        holding(self.from()).intersection(&holding(self.to())).count()
    }

    pub(super) fn active_stopped(&self) -> Told {
        let hosts = self.seen.hosts(self.index(), self.from())?;
        let machines = Machines::among(self.seen.machines(self.from())?);
        let (mut on, mut unknown) = (Vec::new(), None);
        for host in hosts {
            match self.seen.machine_of(host, self.from(), &machines) {
                Ok(machine) => on.extend(machine.filter(|vm| vm.power != Some(Power::Deallocated))),
                Err(missing) => unknown = unknown.or(Some(missing)),
            }
        }
        let spared = self.spared(Action::StopActive);
        let spares =
            |id: &ArmId| spared.iter().any(|done| matches!(done, Operation::DeallocateVm { vm } if vm == id));
        let accepted = on.iter().filter(|machine| spares(&machine.id)).count();
        if let Some(missing) = unknown.filter(|_| on.len() == accepted) {
            return Err(missing);
        }
        let still = format!("{} of {} still on", on.len(), hosts.len());
        Ok((on.len() == accepted, with_accepted(still, accepted)))
    }
}

/// A value with how much of it a person accepted by name.
pub(super) fn with_accepted(value: String, accepted: usize) -> String {
    if accepted == 0 { value } else { format!("{value}, {accepted} accepted") }
}

/// Entries of a CCDLocations value.
fn count_of(locations: &str) -> usize {
    locations.split(';').filter(|part| part.to_ascii_lowercase().contains("type=")).count()
}
