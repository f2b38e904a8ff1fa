//! The three ways `status` prints a summary. Names and keys are a contract (design §7).

use std::{collections::BTreeMap, fmt::Write};

use serde::Serialize;

use crate::{
    domain::{
        Side,
        estate::Estate,
        standing::ActiveSide,
        text::{self, fit, padded},
        time::{Timestamp, age_text, wall_text},
    },
    engine::{RunView, event::WorldKind, view::RunState},
};

use super::{
    aged::Aged,
    problem::Problem,
    summary::{Cell, CellState, Component, Scope, ServiceLine, Summary},
};

/// Version of the JSON keys.
const SCHEMA_VERSION: u32 = 1;

/// Width of the table.
const COLUMNS: usize = 80;

/// Columns of a row's name.
const LABEL: usize = 12;

/// Columns of a cell's text; with mark, age and gaps two cells and the name fill 79.
const TEXT: usize = 22;
/// Columns of an age: `9h59!`.
const AGE: usize = 5;

/// The table: verdict and worst problem first, then one row a component.
pub fn table(summary: &Summary, runs: &[RunView], world: WorldKind) -> String {
    let mut out = String::new();
    let worst = summary.worst().map_or_else(|| "nothing wrong".to_owned(), Problem::words);
    let head = format!("{}{} {}: {worst}", sim(world), summary.verdict.word(), summary.estate);
    wrapped(&mut out, &head, "  ");
    out.push('\n');
    let heads = [Side::Primary, Side::Secondary].map(|side| {
        let head = &summary.regions[side];
        format!("{} {}, {}", head.code, head.display, head.role)
    });
    line(&mut out, &format!("{:LABEL$}{}  {}", "", padded(&heads[0], 32), fit(&heads[1], 33)));
    for row in &summary.rows {
        let cells = [&row.cells.primary, &row.cells.secondary].map(|cell| cell_text(cell, summary.at));
        line(&mut out, &format!("{:LABEL$}{}  {}", row.component.label(), cells[0], cells[1]));
    }
    let invariant = &summary.invariant;
    let age = age_of(invariant.from, invariant.aged(), summary.at);
    let text = padded(&format!("{:5}{}", invariant.state.mark(), invariant.text), COLUMNS - LABEL - 7);
    line(&mut out, &format!("{:LABEL$}{text} {age:>5}", "in both"));
    let services: Vec<String> = summary.services.iter().map(ServiceLine::text).collect();
    wrapped(&mut out, &format!("{:LABEL$}{}", "services", services.join(" · ")), &" ".repeat(LABEL));
    for problem in &summary.problems {
        let mark = if problem.state == CellState::Ok { "-" } else { problem.state.mark() };
        let age = age_of(problem.at, problem.aged(), summary.at);
        let text = format!("{:LABEL$}{mark:3}{}", "problem", problem.words());
        for (place, part) in text::broken(&text, COLUMNS - AGE - 2, &" ".repeat(LABEL + 3)).iter().enumerate()
        {
            let age = if place == 0 { age.as_str() } else { "" };
            line(&mut out, &format!("{} {age:>5}", padded(part, COLUMNS - AGE - 2)));
        }
    }
    for debt in &summary.debts {
        let ready = match (debt.ready, debt.settles) {
            (true, _) => "ready to be paid",
            (false, true) => "settles by itself",
            (false, false) => "not ready",
        };
        line(
            &mut out,
            &format!("{:LABEL$}{} {} of run {}, {ready}", "debt", debt.service, debt.step, debt.run),
        );
    }
    if !summary.not_in_this_version.is_empty() {
        let text =
            format!("{:LABEL$}not in this version: {}", "also", summary.not_in_this_version.join(", "));
        wrapped(&mut out, &text, &" ".repeat(LABEL));
    }
    for run in runs {
        let step = run.current.and_then(|at| run.steps.get(at)).map_or("", |step| step.id.as_str());
        let text = format!("{} {} {} {} {step}", run.run, run.runbook, run.service, run_state(&run.state));
        line(&mut out, &format!("{:LABEL$}{}", "run", text.trim_end()));
    }
    out
}

/// One line for a monitoring system, with figures.
pub fn nagios(summary: &Summary, world: WorldKind) -> String {
    let worst = summary.worst().map_or_else(|| "nothing wrong".to_owned(), Problem::words);
    // One line tells the worst only; a run or service that nobody can read must not hide behind it.
    let unread = summary.unread.iter().map(crate::domain::Safe::as_str);
    let hidden = unread.chain(summary.unseen.as_deref()).filter(|text| *text != worst);
    let worst = std::iter::once(worst.as_str()).chain(hidden).collect::<Vec<_>>().join("; ");
    // A bar would begin the figures, a line break would end the answer.
    let text = worst.replace('|', "/").replace(['\n', '\r'], " ");
    let mut out = format!("{}FARSHORE {} {}: {text} |", sim(world), summary.verdict.word(), summary.estate);
    for row in &summary.rows {
        for (side, cell) in row.cells.iter().filter(|(_, cell)| known(cell)) {
            for figure in &cell.figures {
                let mut label = format!("{}_{}", row.component.key(), side.key());
                if let Some(place) = figure.service {
                    let service = summary.services.iter().find(|service| service.index == place);
                    let _ = write!(label, "_{}", service.map_or("", |service| service.name.as_str()));
                }
                let label: String =
                    label.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
                let unit = if row.component == Component::ControlPlane { "ms" } else { "" };
                let of = figure.of.map_or(String::new(), |of| format!(";{of}"));
                let _ = write!(out, " {label}={}{unit};;;0{of}", figure.count);
            }
        }
    }
    let debts = summary.debts.len();
    let _ = write!(out, " debts={debts};;;0");
    out.push('\n');
    out
}

/// The object, written for people as well.
pub fn json(estate: &Estate, summary: &Summary, runs: &[RunView], world: WorldKind) -> String {
    let mut text = serde_json::to_string_pretty(&Object::of(estate, summary, runs, world))
        .expect("strings, numbers and maps with string keys always serialize");
    text.push('\n');
    text
}

/// The object on one line, for `--watch`.
pub fn json_line(estate: &Estate, summary: &Summary, runs: &[RunView], world: WorldKind) -> String {
    let mut text = serde_json::to_string(&Object::of(estate, summary, runs, world))
        .expect("strings, numbers and maps with string keys always serialize");
    text.push('\n');
    text
}

/// `mode` comes first, so that simulated output shows what it is at once.
#[derive(Serialize)]
struct Object<'a> {
    mode: WorldKind,
    schema_version: u32,
    estate: &'a str,
    at: String,
    scope: Option<&'a str>,
    verdict: String,
    exit_code: u8,
    worst: Option<ProblemObject<'a>>,
    invariant: InvariantObject<'a>,
    debts: Vec<DebtObject<'a>>,
    runs: Vec<RunObject<'a>>,
    services: Vec<ServiceObject<'a>>,
    regions: BTreeMap<&'static str, BTreeMap<&'static str, CellObject<'a>>>,
    problems: Vec<ProblemObject<'a>>,
    not_in_this_version: &'a [String],
}

#[derive(Serialize)]
struct ProblemObject<'a> {
    state: &'static str,
    text: &'a str,
    component: Option<&'static str>,
    side: Option<&'static str>,
    at: Option<String>,
    age_s: Option<i64>,
    stale: bool,
}

#[derive(Serialize)]
struct InvariantObject<'a> {
    state: &'static str,
    value: &'a str,
    principals: Option<u32>,
    users: Option<u32>,
    at: Option<String>,
    age_s: Option<i64>,
    stale: bool,
    missed: bool,
}

#[derive(Serialize)]
struct DebtObject<'a> {
    run: &'a str,
    service: &'a str,
    step: &'a str,
    ready: bool,
    settles: bool,
}

#[derive(Serialize)]
struct RunObject<'a> {
    run: &'a str,
    runbook: &'a str,
    service: &'a str,
    mode: &'static str,
    from: &'a str,
    to: &'a str,
    state: &'static str,
    step: Option<&'a str>,
    opened: String,
    debts: usize,
}

#[derive(Serialize)]
struct ServiceObject<'a> {
    name: &'a str,
    active_side: &'static str,
    active_region: Option<&'a str>,
    at: Option<String>,
    age_s: Option<i64>,
    stale: bool,
    reason: Option<&'a str>,
    class: &'a str,
    kind: crate::domain::estate::ServiceKind,
    layout: crate::domain::estate::Layout,
}

#[derive(Serialize)]
struct CellObject<'a> {
    value: Option<&'a str>,
    state: &'static str,
    at: Option<String>,
    age_s: Option<i64>,
    source: &'a str,
    complete: bool,
    stale: bool,
    missed: bool,
    reason: Option<&'a str>,
    figures: Vec<FigureObject<'a>>,
}

#[derive(Serialize)]
struct FigureObject<'a> {
    service: Option<&'a str>,
    count: u64,
    of: Option<u64>,
}

impl<'a> Object<'a> {
    fn of(estate: &'a Estate, summary: &'a Summary, runs: &'a [RunView], world: WorldKind) -> Self {
        let invariant = &summary.invariant;
        Self {
            mode: world,
            schema_version: SCHEMA_VERSION,
            estate: &summary.estate,
            at: wall_text(summary.at),
            scope: match summary.scope {
                Scope::All => None,
                Scope::Service(place) => estate.services.get(place).map(|service| service.name.as_str()),
            },
            verdict: summary.verdict.word().to_lowercase(),
            exit_code: summary.verdict.exit_code(),
            worst: summary.worst().map(|worst| problem(worst, summary.at)),
            invariant: InvariantObject {
                state: invariant.state.key(),
                value: &invariant.text,
                principals: invariant.principals,
                users: invariant.users,
                at: invariant.at.map(wall_text),
                age_s: age_s(invariant.at, summary.at),
                stale: invariant.stale,
                missed: invariant.missed,
            },
            debts: summary
                .debts
                .iter()
                .map(|debt| DebtObject {
                    run: &debt.run,
                    service: &debt.service,
                    step: &debt.step,
                    ready: debt.ready,
                    settles: debt.settles,
                })
                .collect(),
            runs: runs.iter().map(run_object).collect(),
            services: services(estate, summary),
            regions: Side::BOTH
                .into_iter()
                .map(|side| (side.key(), components(estate, summary, side)))
                .collect(),
            problems: summary.problems.iter().map(|one| problem(one, summary.at)).collect(),
            not_in_this_version: &summary.not_in_this_version,
        }
    }
}

fn problem(problem: &Problem, now: Timestamp) -> ProblemObject<'_> {
    ProblemObject {
        state: problem.state.key(),
        text: &problem.text,
        component: problem.component.map(Component::key),
        side: problem.side.map(Side::key),
        at: problem.at.map(wall_text),
        age_s: age_s(problem.at, now),
        stale: problem.stale,
    }
}

fn run_object(run: &RunView) -> RunObject<'_> {
    RunObject {
        run: &run.run,
        runbook: &run.runbook,
        service: &run.service,
        mode: run.mode.word(),
        from: &run.codes[run.from],
        to: &run.codes[run.to],
        state: run_state(&run.state),
        step: run.current.and_then(|at| run.steps.get(at)).map(|step| step.id.as_str()),
        opened: wall_text(run.opened),
        debts: run.debts.len(),
    }
}

fn services<'a>(estate: &'a Estate, summary: &'a Summary) -> Vec<ServiceObject<'a>> {
    let in_file = |place: usize| estate.services.get(place);
    summary
        .services
        .iter()
        .filter_map(|line| {
            let service = in_file(line.index)?;
            Some(ServiceObject {
                name: &line.name,
                active_side: match &line.active {
                    ActiveSide::One(side) => side.key(),
                    ActiveSide::Closed => "closed",
                    ActiveSide::Split => "split",
                    ActiveSide::BothByDesign => "both-by-design",
                    ActiveSide::Unknown(_) => "unknown",
                },
                active_region: line.active.side().map(|side| estate.regions[side].code.as_str()),
                at: line.at.map(wall_text),
                age_s: age_s(line.at, summary.at),
                stale: line.stale,
                reason: match &line.active {
                    ActiveSide::Unknown(why) => Some(why.as_str()),
                    _ => None,
                },
                class: &service.class,
                kind: service.kind,
                layout: service.layout,
            })
        })
        .collect()
}

/// All components of a side; those that take no row are listed as not configured.
fn components<'a>(
    estate: &'a Estate,
    summary: &'a Summary,
    side: Side,
) -> BTreeMap<&'static str, CellObject<'a>> {
    let name = |place: usize| estate.services.get(place).map(|service| service.name.as_str());
    Component::ALL
        .into_iter()
        .map(|component| {
            let object = match summary.cell(component, side) {
                Some(cell) => CellObject {
                    value: (cell.state != CellState::NotConfigured).then_some(cell.text.as_str()),
                    state: cell.state.key(),
                    at: cell.at.map(wall_text),
                    age_s: age_s(cell.at, summary.at),
                    source: cell.source,
                    complete: cell.complete && (cell.at.is_some() || cell.state != CellState::Unknown),
                    stale: cell.stale,
                    missed: cell.missed,
                    reason: cell.reason.as_ref().map(crate::domain::Safe::as_str),
                    figures: cell
                        .figures
                        .iter()
                        .map(|figure| FigureObject {
                            service: figure.service.and_then(name),
                            count: figure.count,
                            of: figure.of,
                        })
                        .collect(),
                },
                None => CellObject {
                    value: None,
                    state: CellState::NotConfigured.key(),
                    at: None,
                    age_s: None,
                    source: "estate file",
                    complete: true,
                    stale: false,
                    missed: false,
                    reason: None,
                    figures: Vec::new(),
                },
            };
            (component.key(), object)
        })
        .collect()
}

fn run_state(state: &RunState) -> &'static str {
    use crate::engine::event::RunEnd;
    match state {
        RunState::Running => "running",
        RunState::AwaitingPerson => "awaiting-person",
        RunState::Held(..) => "held",
        RunState::Aborting(_) => "aborting",
        RunState::Closed(RunEnd::Completed) => "completed",
        RunState::Closed(RunEnd::CompletedWithExceptions) => "completed-with-exceptions",
        RunState::Closed(RunEnd::Monitoring) => "monitoring",
        RunState::Closed(RunEnd::AbortedAsIs) => "aborted-as-is",
        RunState::Closed(RunEnd::AbortedRolledBack) => "aborted-rolled-back",
    }
}

fn sim(world: WorldKind) -> &'static str {
    match world {
        WorldKind::Sim => "SIM ",
        WorldKind::Live => "",
    }
}

/// Whether the figures of a cell may be passed on.
fn known(cell: &Cell) -> bool {
    !matches!(cell.state, CellState::Unknown | CellState::NotChecked | CellState::NotConfigured)
}

fn age_s(at: Option<Timestamp>, now: Timestamp) -> Option<i64> {
    at.map(|at| now.duration_since(at).as_secs().max(0))
}

fn age_of(at: Option<Timestamp>, aged: impl Into<Aged>, now: Timestamp) -> String {
    let mark = aged.into().mark();
    at.map_or(String::new(), |at| format!("{}{mark}", age_text(now.duration_since(at))))
}

fn cell_text(cell: &Cell, now: Timestamp) -> String {
    let text = if text::columns(&cell.text) > TEXT { &cell.short_text } else { &cell.text };
    let age = age_of(cell.from, cell.aged(), now);
    format!("{:4} {} {age:>AGE$}", cell.state.mark(), padded(text, TEXT))
}

fn line(out: &mut String, text: &str) {
    out.push_str(&fit(text.trim_end(), COLUMNS));
    out.push('\n');
}

/// Breaks a text between words; later lines begin with `indent`.
fn wrapped(out: &mut String, text: &str, indent: &str) {
    for part in text::broken(text, COLUMNS, indent) {
        line(out, &part);
    }
}
