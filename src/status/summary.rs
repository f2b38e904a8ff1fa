//! The rows of the paired matrix and of `status`: one model, drawn by both.

use crate::{
    domain::{
        Pair, Safe, Side, Source,
        estate::Estate,
        picture::Picture,
        signs::RegionSigns,
        standing::ActiveSide,
        time::{Span, Timestamp},
    },
    engine::{RunView, event::StepId},
    runbook::Mode,
};

use super::{
    aged::Aged,
    components,
    problem::{Problem, worst_first},
    scene::{self, Scene},
};

/// Which services a summary is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// All of them.
    All,
    /// The one at this place in the estate file.
    Service(usize),
}

/// What a row is about (design §6), in the order of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Component {
    /// Whether the control plane answers for the region.
    ControlPlane,
    /// Host pools.
    Pools,
    /// Session hosts.
    Hosts,
    /// User sessions.
    Sessions,
    /// Role assignments of the planned principals.
    Assignments,
    /// Whether the profile and office shares answer.
    Profiles,
    /// Where the accounts behind them stand and how redundant they are.
    Storage,
    /// Directory servers.
    Directory,
    /// Room for the users of the active side.
    Capacity,
    /// What Azure says of the region.
    Health,
}

impl Component {
    /// All of them, in the order of the screen.
    pub const ALL: [Self; 10] = [
        Self::ControlPlane,
        Self::Pools,
        Self::Hosts,
        Self::Sessions,
        Self::Assignments,
        Self::Profiles,
        Self::Storage,
        Self::Directory,
        Self::Capacity,
        Self::Health,
    ];

    /// The key in JSON.
    pub fn key(self) -> &'static str {
        match self {
            Self::ControlPlane => "control-plane",
            Self::Pools => "pools",
            Self::Hosts => "hosts",
            Self::Sessions => "sessions",
            Self::Assignments => "assignments",
            Self::Profiles => "profiles",
            Self::Storage => "storage",
            Self::Directory => "directory",
            Self::Capacity => "capacity",
            Self::Health => "health",
        }
    }

    /// The word on screen, at most eleven columns.
    pub fn label(self) -> &'static str {
        match self {
            Self::ControlPlane => "control",
            other => other.key(),
        }
    }
}

/// How a cell stands. Later variants are worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CellState {
    /// The estate file names nothing for it.
    NotConfigured,
    /// As it should be.
    Ok,
    /// Works, but wants attention.
    Warn,
    /// Nobody looked, or may look.
    NotChecked,
    /// Not known: silent, stale or not whole.
    Unknown,
    /// Users cannot work, or would be hurt.
    Crit,
}

impl CellState {
    /// The mark on screen, at most two columns.
    pub fn mark(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "!",
            Self::Crit => "x",
            Self::Unknown => "?",
            Self::NotChecked => "-",
            Self::NotConfigured => "nc",
        }
    }

    /// The word in JSON: `ok|warn|crit|unknown|not-configured`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Crit => "crit",
            Self::Unknown | Self::NotChecked => "unknown",
            Self::NotConfigured => "not-configured",
        }
    }
}

/// A number behind a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figure {
    /// Service it belongs to; `None`: all services in scope together.
    pub service: Option<usize>,
    /// How many.
    pub count: u64,
    /// Of how many, where there is a whole.
    pub of: Option<u64>,
}

/// One component in one region.
#[expect(clippy::struct_excessive_bools, reason = "facts that hold beside each other")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// How it stands.
    pub state: CellState,
    /// Its value in words, for a wide cell: `6 of 20, 14 cold`.
    pub text: String,
    /// The same for a narrow cell: `6/20, 14 c`.
    pub short_text: String,
    /// When the oldest answer behind it was in; `None`: there is none.
    pub at: Option<Timestamp>,
    /// What its age counts from: that answer, or the first request that was never answered. `None`: none left.
    pub from: Option<Timestamp>,
    /// Whether that answer is too old to be trusted.
    pub stale: bool,
    /// Whether something behind it was asked anew since, and gave no answer.
    pub missed: bool,
    /// Whether something behind it never answered, for longer than an answer would be trusted.
    pub overdue: bool,
    /// Whether everything behind it was read to the end.
    pub complete: bool,
    /// Why it is not `ok`, in words.
    pub reason: Option<Safe>,
    /// Word of the source.
    pub source: &'static str,
    /// The sources that it rests on, each once.
    pub rests: Vec<Source>,
    /// Numbers behind it, for machines.
    pub figures: Vec<Figure>,
}

impl Cell {
    /// How far its age can be trusted. What never came has only its tries to tell of.
    pub fn aged(&self) -> Aged {
        Aged::of(self.stale || self.overdue, self.missed && self.at.is_some())
    }

    /// Age of its answer at `now`.
    pub fn age(&self, now: Timestamp) -> Option<Span> {
        Some(now.duration_since(self.at?))
    }
}

/// One component in both regions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What it is about.
    pub component: Component,
    /// Its cells.
    pub cells: Pair<Cell>,
}

impl Row {
    /// Whether the regions differ in a way that matters: one stands worse than the other, has nothing
    /// where the other has something, or keeps its profiles in another kind of storage. Who serves and
    /// who stands by is no difference; what nobody looked at cannot be compared.
    pub fn differs(&self) -> bool {
        let (one, two) = (&self.cells.primary, &self.cells.secondary);
        if one.state == CellState::NotChecked || two.state == CellState::NotChecked {
            return false;
        }
        let kinds = self.component == Component::Storage && one.short_text != two.short_text;
        one.state != two.state || kinds
    }
}

/// What a side is to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Users are sent there.
    Active,
    /// The other side serves.
    Standby,
    /// Nobody is sent anywhere.
    Closed,
    /// Not known, because the assignments are not known whole.
    Unknown,
}

impl Role {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Standby => "standby",
            Self::Closed => "closed",
            Self::Unknown => "role unknown",
        }
    }
}

/// Head of a region's column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegionHead {
    /// Short code.
    pub code: String,
    /// Name in full.
    pub display: String,
    /// What the region is to the services in scope: `active`, `standby`, or `hr active` where
    /// they differ; `last active` where nobody has seen it lately.
    pub role: String,
    /// Signs of its death for the services in scope.
    pub signs: RegionSigns,
}

/// A service in the head line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceLine {
    /// Place in the estate file.
    pub index: usize,
    /// Name.
    pub name: String,
    /// Its active side.
    pub active: ActiveSide,
    /// Where: `WE`, `split WE+NE`, `closed`, `?`.
    pub place: String,
    /// When the oldest answer behind it was in.
    pub at: Option<Timestamp>,
    /// Whether that is too long ago to say where users are sent now.
    pub stale: bool,
}

impl ServiceLine {
    /// `hr WE`, and `hr last WE` where nobody has seen it lately.
    pub fn text(&self) -> String {
        format!("{}{}", self.name, self.tail())
    }

    /// What follows the name.
    pub fn tail(&self) -> String {
        format!("{} {}", if self.stale { " last" } else { "" }, self.place)
    }
}

/// The row *in both*: nobody may be in both pools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invariant {
    /// `Ok`, `Crit`, `Unknown`, or `NotConfigured` where no service is active-passive.
    pub state: CellState,
    /// In words.
    pub text: String,
    /// Planned principals that hold both sides, where known.
    pub principals: Option<u32>,
    /// Users with sessions on both sides, where known.
    pub users: Option<u32>,
    /// Oldest answer behind it.
    pub at: Option<Timestamp>,
    /// What its age counts from, as of a cell.
    pub from: Option<Timestamp>,
    /// Whether it is too old.
    pub stale: bool,
    /// Whether something behind it was asked anew since, and gave no answer.
    pub missed: bool,
    /// Whether something behind it never answered, as of a cell.
    pub overdue: bool,
}

impl Invariant {
    /// How far its age can be trusted.
    pub fn aged(&self) -> Aged {
        Aged::of(self.stale || self.overdue, self.missed && self.at.is_some())
    }
}

/// Something owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Debt {
    /// Run.
    pub run: String,
    /// Service.
    pub service: String,
    /// Step.
    pub step: StepId,
    /// Whether it can be paid now.
    pub ready: bool,
    /// Whether it is settled by what is seen, without anybody.
    pub settles: bool,
    /// Mode of its run: what an ungraceful run owes is CRIT until it is paid.
    pub mode: Mode,
}

/// The whole in one word (design §7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Nothing wrong.
    Ok,
    /// Something wants attention.
    Warn,
    /// Users cannot work or would be hurt.
    Crit,
    /// It cannot be told.
    Unknown,
}

impl Verdict {
    /// Any crit, else anything that cannot be told, else warn.
    pub fn of(states: impl IntoIterator<Item = CellState>) -> Self {
        match states.into_iter().max() {
            Some(CellState::Crit) => Self::Crit,
            Some(CellState::Warn) => Self::Warn,
            Some(CellState::Ok) => Self::Ok,
            Some(CellState::Unknown | CellState::NotChecked | CellState::NotConfigured) | None => {
                Self::Unknown
            }
        }
    }

    /// The word, as monitoring systems spell it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warn => "WARN",
            Self::Crit => "CRIT",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// The exit code of `status` and `check`.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warn => 1,
            Self::Crit => 2,
            Self::Unknown => 3,
        }
    }
}

/// An estate at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Estate's name.
    pub estate: String,
    /// Which services.
    pub scope: Scope,
    /// The moment.
    pub at: Timestamp,
    /// Heads of the two columns.
    pub regions: Pair<RegionHead>,
    /// Services in scope.
    pub services: Vec<ServiceLine>,
    /// Rows, in the order of the screen; what the estate does not have takes none.
    pub rows: Vec<Row>,
    /// Nobody in both pools.
    pub invariant: Invariant,
    /// What is owed.
    pub debts: Vec<Debt>,
    /// What is wrong, worst first; remarks last.
    pub problems: Vec<Problem>,
    /// Parts of the estate file that this version does not look at.
    pub not_in_this_version: Vec<String>,
    /// The problem that names services this version cannot look at, where they are in scope.
    pub unseen: Option<String>,
    /// Runs that could not be read or belong to another text of the estate file, in words.
    pub unread: Vec<Safe>,
    /// The whole in one word.
    pub verdict: Verdict,
}

impl Summary {
    /// Takes in what could not be read of the estate's runs, each in words: what they owe is not known,
    /// so that nothing can be called right.
    pub fn unread(&mut self, runs: &[Safe]) {
        for text in runs {
            self.problems.push(Problem::said(CellState::Unknown, text.to_string()));
            self.unread.push(text.clone());
        }
        worst_first(&mut self.problems);
        if !runs.is_empty() && self.verdict != Verdict::Crit {
            self.verdict = Verdict::Unknown;
        }
    }

    /// The worst problem, or the first remark.
    pub fn worst(&self) -> Option<&Problem> {
        self.problems.first()
    }

    /// When the oldest was in of all that is said.
    pub fn oldest(&self) -> Option<Timestamp> {
        let cells = self.rows.iter().flat_map(|row| row.cells.iter());
        cells.filter_map(|(_, cell)| cell.from).chain(self.invariant.from).min()
    }

    /// The cell of a component in a region.
    pub fn cell(&self, component: Component, side: Side) -> Option<&Cell> {
        self.rows.iter().find(|row| row.component == component).map(|row| &row.cells[side])
    }
}

/// Sums up what the readings say of the services in scope. `runs` are the estate's open runs
/// and those that still watch debts.
pub fn summarize(
    estate: &Estate,
    picture: &Picture,
    runs: &[RunView],
    scope: Scope,
    now: Timestamp,
) -> Summary {
    let scene = Scene::new(estate, picture, runs, scope, now);
    let rows: Vec<Row> = Component::ALL
        .into_iter()
        .map(|component| Row {
            component,
            cells: Pair::build(|side| components::cell(&scene, component, side)),
        })
        .filter(|row| row.cells.iter().any(|(_, cell)| cell.state != CellState::NotConfigured))
        .collect();
    let invariant = scene.invariant();
    let debts = scene.debts();
    let mut problems = scene.problems(&rows, &invariant, &debts);
    let unseen = scene::unseen(estate, scope);
    problems.extend(unseen.clone().map(|text| Problem::said(CellState::Warn, text)));
    worst_first(&mut problems);
    let states = rows
        .iter()
        .flat_map(|row| [row.cells.primary.state, row.cells.secondary.state])
        .chain([invariant.state])
        .chain(problems.iter().map(|problem| problem.state));
    Summary {
        estate: estate.name.clone(),
        scope,
        at: now,
        regions: Pair::build(|side| scene.head(side)),
        services: scene.service_lines(),
        verdict: Verdict::of(states),
        rows,
        invariant,
        debts,
        problems,
        not_in_this_version: estate.not_in_this_version.clone(),
        unread: Vec::new(),
        unseen,
    }
}
