//! What all rows share: roles, signs of death, and the lines below the matrix.

use std::fmt::Write;

use crate::{
    domain::{
        Pair, Safe, Side, Source, advice,
        estate::{Estate, Layout, Service},
        picture::Picture,
        reading::SilenceKind,
        seats,
        signs::{RegionSigns, Stated},
        standing::{self, ActiveSide},
        text::counted,
        time::{Timestamp, age_text},
    },
    engine::{RunView, view::RunState},
    runbook::Mode,
};

use super::{
    components,
    ours::Drained,
    problem::{self, Problem},
    sight::{Sight, Trust},
    summary::{Cell, CellState, Component, Debt, Invariant, RegionHead, Role, Row, Scope, ServiceLine},
};

/// Everything a summary looks at, with what is derived once.
pub(super) struct Scene<'a> {
    pub(super) estate: &'a Estate,
    pub(super) picture: &'a Picture,
    pub(super) runs: &'a [RunView],
    pub(super) now: Timestamp,
    /// Places of the services in scope.
    pub(super) services: Vec<usize>,
    actives: Vec<ActiveSide>,
    /// Hosts that an open run drained.
    pub(super) drained: Vec<Drained>,
    signs: Pair<RegionSigns>,
    /// The same service by service, where a region looks dead for one of them at least.
    own_signs: Pair<Vec<(usize, RegionSigns)>>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(
        estate: &'a Estate,
        picture: &'a Picture,
        runs: &'a [RunView],
        scope: Scope,
        now: Timestamp,
    ) -> Self {
        let services: Vec<usize> = match scope {
            Scope::All => (0..estate.services.len()).collect(),
            Scope::Service(index) => {
                Some(index).filter(|at| *at < estate.services.len()).into_iter().collect()
            }
        };
        let actives = services.iter().map(|&at| standing::active_side(estate, picture, at)).collect();
        let stated: Vec<Stated> = runs.iter().filter_map(RunView::stated).collect();
        let signs = Pair::build(|side| RegionSigns::seen(estate, picture, &services, side, &stated, now));
        let own_signs = Pair::build(|side| {
            let own = |&at: &usize| (at, RegionSigns::seen(estate, picture, &[at], side, &stated, now));
            services.iter().filter(|_| signs[side].dead()).map(own).collect()
        });
        let drained = runs.iter().filter_map(Drained::by).collect();
        Self { estate, picture, runs, now, services, actives, drained, signs, own_signs }
    }

    pub(super) fn service(&self, index: usize) -> &'a Service {
        &self.estate.services[index]
    }

    /// The active side of a service in scope.
    pub(super) fn active(&self, service: usize) -> &ActiveSide {
        let place = self.services.iter().position(|known| *known == service).unwrap_or_default();
        &self.actives[place]
    }

    /// What `side` is to `service`.
    pub(super) fn role(&self, service: usize, side: Side) -> Role {
        match self.active(service) {
            ActiveSide::One(active) if *active == side => Role::Active,
            ActiveSide::One(_) => Role::Standby,
            ActiveSide::Closed => Role::Closed,
            ActiveSide::Split | ActiveSide::BothByDesign => Role::Active,
            ActiveSide::Unknown(_) => Role::Unknown,
        }
    }

    /// The role all services in scope share on `side`.
    pub(super) fn common_role(&self, side: Side) -> Option<Role> {
        let mut roles = self.services.iter().map(|&service| self.role(service, side));
        let first = roles.next()?;
        roles.all(|role| role == first).then_some(first)
    }

    /// Whether the death rule holds for `side`.
    pub(super) fn dead(&self, side: Side) -> bool {
        self.signs[side].dead()
    }

    /// The signs by which `side` is dead for a service; `None`: they do not suffice for that one.
    pub(super) fn dead_for(&self, service: usize, side: Side) -> Option<&RegionSigns> {
        let own = self.own_signs[side].iter().find(|(at, _)| *at == service);
        own.map(|(_, signs)| signs).filter(|signs| signs.dead())
    }

    /// Whether `side` is dead for a service by signs of now: what was seen there last goes then, and only then, for
    /// what there will be.
    pub(super) fn is_dead_now(&self, service: usize, side: Side) -> bool {
        self.dead_for(service, side).is_some_and(|signs| !signs.stale)
    }

    /// Whether a run of this service has not ended.
    pub(super) fn has_open_run(&self, service: usize) -> bool {
        self.runs.iter().any(|run| run.service_index == service && !matches!(run.state, RunState::Closed(_)))
    }

    pub(super) fn code(&self, side: Side) -> &str {
        &self.estate.regions[side].code
    }

    pub(super) fn head(&self, side: Side) -> RegionHead {
        let role = match self.common_role(side) {
            Some(role) => role.word().to_owned(),
            None => self.active_names(side),
        };
        let region = &self.estate.regions[side];
        let told = self.services.iter().any(|&service| self.role(service, side) != Role::Unknown);
        let past = told && self.services.iter().any(|&service| self.held(service).is_past());
        RegionHead {
            code: region.code.clone(),
            display: region.display().to_owned(),
            role: format!("{}{role}", if past { "last " } else { "" }),
            signs: self.signs[side].clone(),
        }
    }

    /// How the assignments that tell the active side of a service were seen.
    fn held(&self, service: usize) -> Sight {
        let of = |side| Sight::of(self.picture, &Source::Assignments(service, side), self.now);
        of(Side::Primary).join(of(Side::Secondary))
    }

    /// Names of the services that are active on a side where roles differ.
    fn active_names(&self, side: Side) -> String {
        let names: Vec<&str> = self
            .services
            .iter()
            .filter(|&&service| self.role(service, side) == Role::Active)
            .map(|&service| self.service(service).name.as_str())
            .collect();
        if names.is_empty() { "mixed".to_owned() } else { format!("{} active", names.join(", ")) }
    }

    pub(super) fn service_lines(&self) -> Vec<ServiceLine> {
        self.services
            .iter()
            .map(|&index| {
                let name = self.service(index).name.clone();
                let active = self.active(index).clone();
                let (primary, secondary) = (self.code(Side::Primary), self.code(Side::Secondary));
                let place = match &active {
                    ActiveSide::One(side) => self.code(*side).to_owned(),
                    ActiveSide::Closed => "closed".to_owned(),
                    ActiveSide::Split => format!("split {primary}+{secondary}"),
                    ActiveSide::BothByDesign => format!("{primary}+{secondary}"),
                    ActiveSide::Unknown(_) => "?".to_owned(),
                };
                let held = self.held(index);
                let stale = held.is_past() && !matches!(active, ActiveSide::Unknown(_));
                ServiceLine { index, name, active, place, at: held.at, stale }
            })
            .collect()
    }

    pub(super) fn debts(&self) -> Vec<Debt> {
        let in_scope = self.runs.iter().filter(|run| self.services.contains(&run.service_index));
        in_scope
            .flat_map(|run| {
                run.debts.iter().map(|step| Debt {
                    run: run.run.clone(),
                    service: run.service.clone(),
                    step: step.clone(),
                    ready: run.debts_ready.contains(step),
                    settles: run.debt_settles.as_ref() == Some(step),
                    mode: run.mode,
                })
            })
            .collect()
    }

    /// Who is in both pools, over all active-passive services in scope.
    pub(super) fn invariant(&self) -> Invariant {
        let paired: Vec<usize> = self
            .services
            .iter()
            .copied()
            .filter(|&service| self.service(service).layout == Layout::ActivePassive)
            .collect();
        let mut state = CellState::NotConfigured;
        let blank = Invariant {
            state,
            text: String::new(),
            principals: None,
            users: None,
            at: None,
            from: None,
            stale: false,
            missed: false,
            overdue: false,
        };
        if paired.is_empty() {
            return Invariant { text: "both regions serve by design".to_owned(), ..blank };
        }
        let sight = |make: fn(usize, Side) -> Source| {
            paired
                .iter()
                .flat_map(|&service| Side::BOTH.map(|side| make(service, side)))
                .map(|source| Sight::of(self.picture, &source, self.now))
                .reduce(Sight::join)
        };
        let (Some(held), Some(seated)) = (sight(Source::Assignments), sight(Source::Sessions)) else {
            return blank;
        };
        let principals = self.principals_in_both(&paired);
        let seats = self.users_in_both(&paired);
        let (users, unproven) = (seats.map(|(both, of, _)| (both, of)), seats.map_or(0, |(.., more)| more));
        let found = |count: Option<(u32, u32)>| count.is_some_and(|(both, _)| both > 0);
        // Where nobody is seen in both, what is owed is told by itself: it puts nobody there.
        let owed = paired.iter().any(|&service| {
            self.owes_ungraceful(service)
                && self.principals_in_both(&[service]).is_none_or(|(both, _)| both > 0)
        });
        state = if found(principals) || found(users) || owed {
            CellState::Crit
        } else if held.trust != Trust::Good || seated.trust != Trust::Good || unproven > 0 {
            CellState::Unknown
        } else {
            CellState::Ok
        };
        let both = held.clone().join(seated.clone());
        Invariant {
            state,
            text: self.invariant_text(principals, (users, unproven), owed, &both),
            principals: principals.map(|(both, _)| both),
            users: users.map(|(both, _)| both).filter(|both| *both > 0 || unproven == 0),
            at: both.at,
            from: both.from,
            stale: both.old,
            missed: both.missed,
            overdue: both.overdue,
        }
    }

    /// Whether an ungraceful run of the service owes something.
    fn owes_ungraceful(&self, service: usize) -> bool {
        let name = &self.service(service).name;
        self.debts().iter().any(|debt| debt.mode == Mode::Ungraceful && debt.service == *name)
    }

    fn invariant_text(
        &self,
        principals: Option<(u32, u32)>,
        (users, unproven): (Option<(u32, u32)>, u32),
        owed: bool,
        sight: &Sight,
    ) -> String {
        if owed {
            let count =
                principals.map_or_else(|| "unknown number of".to_owned(), |(both, _)| both.to_string());
            let mut dead = String::new();
            for (side, [seen, _]) in
                Side::BOTH.into_iter().filter_map(|side| Some((side, self.signs[side].dead_words()?)))
            {
                let _ = write!(dead, " · {} {seen}", side.key());
            }
            let seated = match users {
                Some((both, _)) if both > 0 => format!(", {}", counted(both as usize, "user")),
                _ => String::new(),
            };
            return format!("{count} principals{seated} in both{dead} · debt");
        }
        let count = |pair: Option<(u32, u32)>, word: &str| {
            pair.map_or_else(|| format!("{word} not known"), |(both, of)| format!("{both} of {of} {word}"))
        };
        let (groups, people) = (count(principals, "groups"), count(users, "users"));
        let mut text = match (principals, users) {
            (Some(_), Some(_)) => format!("{groups}, {people} hold both regions"),
            (Some(_), None) => format!("{groups} hold both regions, {people}"),
            (None, Some(_)) => format!("{people} hold both regions, {groups}"),
            (None, None) => "not known who holds both regions".to_owned(),
        };
        if unproven > 0 {
            // What is not known comes first: the line is cut at 80 columns. They are users of whom one region
            // lists sessions on silent hosts only; those of one region alone are counted by its row.
            let may = counted(unproven as usize, "user");
            text = format!("{may} may hold both; {}", text.replace("hold both regions", "do"));
        }
        if sight.trust != Trust::Good
            && let Some(reason) = &sight.reason
        {
            let _ = write!(text, " ({reason})");
        }
        text
    }

    /// Planned principals in both, and of how many.
    fn principals_in_both(&self, services: &[usize]) -> Option<(u32, u32)> {
        let mut sum = (0, 0);
        for &service in services {
            let held = |side| standing::planned_holders(self.estate, self.picture, service, side, &[]);
            let both = held(Side::Primary)?.intersection(&held(Side::Secondary)?).count();
            sum = (sum.0 + both as u32, sum.1 + self.service(service).principals().len() as u32);
        }
        Some(sum)
    }

    /// Users with sessions on both sides of one service, of how many, and how many more of whom nobody knows
    /// whether all their sessions live.
    fn users_in_both(&self, services: &[usize]) -> Option<(u32, u32, u32)> {
        let mut sum = (0, 0, 0);
        for &service in services {
            let seats = seats::seats(self.picture, service)?;
            let (both, unproven) = (seats.both.len() as u32, seats.unproven.len() as u32);
            sum = (sum.0 + both, sum.1 + seats.of as u32, sum.2 + unproven);
        }
        Some(sum)
    }

    /// Everything wrong, worst first. Within one state: what threatens profiles, then what is
    /// dead, then the rows in the screen's order.
    pub(super) fn problems(&self, rows: &[Row], invariant: &Invariant, debts: &[Debt]) -> Vec<Problem> {
        let mut problems = Vec::new();
        let unsigned = self.no_token();
        problems.extend(unsigned.map(|why| {
            let next = advice::about(why.as_str()).map(|next| format!("; {next}")).unwrap_or_default();
            Problem::said(CellState::Unknown, format!("not signed in: {why}{next}"))
        }));
        let in_scope = |run: &&RunView| self.services.contains(&run.service_index);
        for run in self.runs.iter().filter(in_scope) {
            if run.primary_is_back {
                // Its hosts are what is looked at to tell.
                let row = rows.iter().find(|row| row.component == Component::Hosts);
                let seen = row.map(|row| &row.cells[run.from]);
                let stale = seen.is_some_and(|cell| cell.stale);
                let back = if stale { "PRIMARY WAS BACK when last seen" } else { "PRIMARY IS BACK" };
                let shut = match self.active(run.service_index) {
                    ActiveSide::Closed => " · nobody can sign in",
                    _ => "",
                };
                let text = format!("{back} · {}{shut}", counted(run.debts.len(), "debt"));
                problems.push(Problem {
                    side: Some(run.from),
                    at: seen.and_then(|cell| cell.from),
                    stale,
                    overdue: seen.is_some_and(|cell| cell.overdue),
                    ..Problem::said(CellState::Crit, text)
                });
            }
        }
        if unsigned.is_none() {
            let codes = Pair::build(|side| self.code(side));
            problems.extend(problem::silent(self.picture, codes, &self.signs, self.now));
        }
        if !matches!(invariant.state, CellState::Ok | CellState::NotConfigured) {
            let Invariant { state, ref text, from: at, stale, overdue, .. } = *invariant;
            let said = Problem::said(state, format!("in both: {text}"));
            problems.push(Problem { at, stale, overdue, ..said });
        }
        problems.extend(self.services.iter().filter_map(|&service| self.shut(service)));
        problems.extend(Side::BOTH.into_iter().filter_map(|side| self.death(side)));
        let modes = [Mode::Ungraceful, Mode::Graceful];
        problems.extend(self.runs.iter().filter(in_scope).filter_map(problem::late));
        problems.extend(modes.into_iter().filter_map(|mode| self.owed(rows, debts, mode)));
        let cells =
            rows.iter().flat_map(|row| row.cells.iter().map(move |(side, cell)| (row.component, side, cell)));
        // Said once: it is the same for every cell.
        let said = |cell: &Cell| {
            let reason = cell.reason.as_ref().map_or("", Safe::as_str);
            unsigned.is_some_and(|why| reason.contains(why.as_str()))
        };
        let cells = cells.filter(|(_, _, cell)| !said(cell));
        problems.extend(cells.filter_map(|(component, side, cell)| self.complaint(component, side, cell)));
        problems.extend(components::remarks(self));
        problems
    }

    /// A service that lets nobody in anywhere: meant for a while in a graceful run, and what weighs most
    /// meanwhile.
    fn shut(&self, service: usize) -> Option<Problem> {
        if *self.active(service) != ActiveSide::Closed {
            return None;
        }
        let runs = || self.runs.iter().filter(|run| run.service_index == service);
        let meant = self.has_open_run(service) && runs().all(|run| run.mode == Mode::Graceful);
        let held = Side::BOTH.map(|side| self.picture.last(&Source::Assignments(service, side)));
        let state = if meant { CellState::Warn } else { CellState::Crit };
        let text = format!("{}: nobody can sign in, neither side is held", self.service(service).name);
        let at = held.into_iter().flatten().map(|look| look.at).min();
        Some(Problem { at, stale: self.held(service).is_past(), ..Problem::said(state, text) })
    }

    /// Why there is no token, where that is why a source is silent.
    fn no_token(&self) -> Option<&Safe> {
        let silences = self.picture.iter().filter_map(|(_, reading)| reading.silence.as_ref());
        silences.map(|(_, silence)| silence).find(|one| one.kind == SilenceKind::NoToken).map(|one| &one.why)
    }

    fn death(&self, side: Side) -> Option<Problem> {
        if !self.dead(side) {
            return None;
        }
        // In short words: the line is cut at 80 columns, and the rows say the rest.
        let word = |class| match class {
            1 => "event posted",
            2 => "hosts silent",
            3 => "calls fail only there",
            4 => "shares down",
            _ => "stated by a person",
        };
        let signs = &self.signs[side];
        let words: Vec<&str> = signs.classes().into_iter().map(word).collect();
        let state = if self.signs[side].serves { CellState::Crit } else { CellState::Warn };
        let [seen, silent] = signs.dead_words().filter(|_| signs.stale).unwrap_or(["looks dead", ""]);
        let text = format!("{} {seen}{silent}: {}", self.code(side), words.join(", "));
        let (at, stale) = (signs.at, signs.stale);
        Some(Problem { side: Some(side), at, stale, ..Problem::said(state, text) })
    }

    /// What runs of a mode owe. A region that was left as it was can harm people as soon as it is back.
    fn owed(&self, rows: &[Row], debts: &[Debt], mode: Mode) -> Option<Problem> {
        let all: Vec<&Debt> = debts.iter().filter(|debt| debt.mode == mode).collect();
        let first = all.first()?;
        let service = if all.iter().all(|debt| debt.service == first.service) {
            format!("{}: ", first.service)
        } else {
            String::new()
        };
        // Whether it can be paid is told by the hosts of the side that was left.
        let left = self.runs.iter().filter(|run| all.iter().any(|debt| debt.run == run.run));
        let row = rows.iter().find(|row| row.component == Component::Hosts);
        let seen: Vec<&Cell> = left.filter_map(|run| Some(&row?.cells[run.from])).collect();
        let stale = seen.iter().any(|cell| cell.stale);
        let settles = all.iter().any(|debt| debt.settles);
        let ready = match all.iter().filter(|debt| debt.ready).count() {
            0 if settles => "the first settles by itself".to_owned(),
            0 if stale => "none could be paid when last seen".to_owned(),
            0 => "none can be paid yet".to_owned(),
            ready if stale => format!("{ready} could be paid when last seen"),
            ready => format!("{ready} can be paid now"),
        };
        let (state, one) = match mode {
            Mode::Ungraceful => (CellState::Crit, "an ungraceful run"),
            Mode::Graceful => (CellState::Warn, "a graceful run"),
        };
        let several = all.iter().any(|debt| debt.run != first.run);
        let whose = if several { format!("{} runs", mode.word()) } else { one.to_owned() };
        let text = format!("{service}{} of {whose}, {ready}", counted(all.len(), "debt"));
        let at = seen.iter().filter_map(|cell| cell.from).min();
        let overdue = seen.iter().any(|cell| cell.overdue);
        Some(Problem { at, stale, overdue, ..Problem::said(state, text) })
    }

    fn complaint(&self, component: Component, side: Side, cell: &Cell) -> Option<Problem> {
        if matches!(cell.state, CellState::Ok | CellState::NotConfigured) {
            return None;
        }
        let mut text = format!("{} {}: {}", self.code(side), component.label(), cell.text);
        if let Some(reason) = cell.reason.as_ref().filter(|reason| !cell.text.contains(reason.as_str())) {
            let _ = write!(text, ", {reason}");
        }
        if cell.stale
            && let Some(age) = cell.age(self.now)
        {
            let _ = write!(text, ", last answer {} ago", age_text(age));
        }
        Some(Problem {
            state: cell.state,
            text,
            component: Some(component),
            side: Some(side),
            at: cell.from,
            stale: cell.stale,
            overdue: cell.overdue,
        })
    }
}

/// Names the services of the estate that this version cannot look at: nobody knows that they are right.
pub(super) fn unseen(estate: &Estate, scope: Scope) -> Option<String> {
    let skipped = estate.not_in_this_version.iter().map(String::as_str);
    let names: Vec<&str> = skipped.filter(|part| part.starts_with("service ")).collect();
    let told = scope == Scope::All && !names.is_empty();
    told.then(|| format!("not looked at in this version: {}", names.join(", ")))
}
