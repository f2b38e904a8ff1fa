//! Runbook text to [`Runbook`]: unknown keys and words are errors with their place.

use serde::Deserialize;

use crate::domain::{
    text::sha256_hex,
    time::{Span, parse_span, seconds},
};

use super::vocabulary::{Action, Killer, Mode, OnAmbiguous, StepKind, Ungraceful};

/// A runbook as written: order, prose and the closed vocabulary, not yet bound to an estate.
#[derive(Debug, Clone, PartialEq)]
pub struct Runbook {
    /// Id.
    pub id: String,
    /// Title.
    pub title: String,
    /// Phases in order.
    pub phases: Vec<Phase>,
    /// Undo steps.
    pub undo: Vec<Step>,
    /// SHA-256 over the text.
    pub hash: String,
    /// Whether it is a team's own.
    pub local: bool,
}

impl Runbook {
    /// Usual duration in a mode: what does not apply or is put off takes none of it.
    pub fn usual(&self, mode: Mode) -> Span {
        let skipped = |step: &&Step| {
            mode == Mode::Ungraceful && matches!(step.ungraceful, Ungraceful::Skip | Ungraceful::Defer)
        };
        let steps = self.phases.iter().flat_map(|phase| &phase.steps);
        steps.filter(|step| !skipped(step)).fold(Span::ZERO, |sum, step| sum + step.usual())
    }
}

/// A phase with its steps.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// Id.
    pub id: String,
    /// The gate's step.
    #[serde(default)]
    pub gate: Option<String>,
    /// Whether the free exit ends after it.
    #[serde(default)]
    pub free_exit_ends: bool,
    /// Steps.
    #[serde(rename = "step")]
    pub steps: Vec<Step>,
}

/// A step as written.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Id, stable across versions.
    pub id: String,
    /// Title; `{from}` and `{to}` stand for the regions' codes.
    pub title: String,
    /// Kind.
    pub kind: StepKind,
    /// Why it is done.
    pub why: String,
    /// What aborting here leaves behind.
    pub abort: String,
    /// What it changes.
    #[serde(default, rename = "do")]
    pub action: Option<Action>,
    /// Long operations followed side by side.
    #[serde(default = "one")]
    pub width: u32,
    /// Share of items that must be done.
    #[serde(default = "all")]
    done_at: String,
    /// Preconditions.
    #[serde(default)]
    pub before: Vec<Killer>,
    /// Proofs or killer items.
    #[serde(default)]
    pub after: Vec<Killer>,
    #[serde(default)]
    dwell: Option<String>,
    #[serde(default)]
    steady: Option<String>,
    patience: String,
    usual: String,
    /// What to do after an unseen end; required.
    pub on_ambiguous: OnAmbiguous,
    /// Level of the confirmation.
    #[serde(default)]
    pub confirm: u8,
    /// Undo step.
    #[serde(default)]
    pub undo: Option<String>,
    /// What becomes of it in ungraceful mode.
    #[serde(default = "same")]
    pub ungraceful: Ungraceful,
    /// Question for the person.
    #[serde(default)]
    pub ask: Option<String>,
}

fn one() -> u32 {
    1
}

fn all() -> String {
    "100%".to_owned()
}

fn same() -> Ungraceful {
    Ungraceful::Same
}

impl Step {
    /// Percent of items that must be done.
    pub fn done_at(&self) -> u8 {
        self.done_at.trim_end_matches('%').parse().unwrap_or(100)
    }

    /// Settling time after an unseen end.
    pub fn dwell(&self) -> Span {
        span(self.dwell.as_deref()).unwrap_or(seconds(60))
    }

    /// How long the proof must stay true.
    pub fn steady(&self) -> Span {
        span(self.steady.as_deref()).unwrap_or(seconds(0))
    }

    /// After this it is timed-out.
    pub fn patience(&self) -> Span {
        span(Some(&self.patience)).unwrap_or(seconds(600))
    }

    /// Usual duration.
    pub fn usual(&self) -> Span {
        span(Some(&self.usual)).unwrap_or(seconds(60))
    }
}

fn span(text: Option<&str>) -> Option<Span> {
    text.and_then(parse_span)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: u32,
    id: String,
    title: String,
    #[expect(dead_code, reason = "checked by binding: only active-passive services exist in this format")]
    needs: Needs,
    #[serde(default)]
    undo_steps: Vec<String>,
    #[serde(rename = "phase")]
    phases: Vec<Phase>,
    #[serde(default)]
    undo: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Needs {
    ActivePassive,
}

/// Why a text is not a runbook.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunbookError {
    /// The TOML does not parse, or holds an unknown key or word; the message carries the place.
    #[error("{0}")]
    Text(String),
    /// It parses but contradicts itself: every fault.
    #[error("{}", .0.join("\n"))]
    Faults(Vec<String>),
}

/// The format we read.
const FORMAT: u32 = 1;

/// Most steps of one phase (procedures §2: five to nine items between pauses).
pub const STEPS_PER_PHASE: usize = 9;

/// Reads a runbook.
pub fn parse(text: &str, local: bool) -> Result<Runbook, RunbookError> {
    let document: Document = toml::from_str(text).map_err(|error| RunbookError::Text(error.to_string()))?;
    let faults = faults(&document);
    if !faults.is_empty() {
        return Err(RunbookError::Faults(faults));
    }
    Ok(Runbook {
        id: document.id,
        title: document.title,
        phases: document.phases,
        undo: document.undo,
        hash: sha256_hex(text.as_bytes()),
        local,
    })
}

fn faults(document: &Document) -> Vec<String> {
    let mut faults = Vec::new();
    if document.format != FORMAT {
        faults.push(format!("format {} is not known; this version reads {FORMAT}", document.format));
    }
    let steps: Vec<&Step> =
        document.phases.iter().flat_map(|phase| &phase.steps).chain(&document.undo).collect();
    let known = |id: &String| steps.iter().any(|step| step.id == *id);
    for (index, step) in steps.iter().enumerate() {
        if steps[..index].iter().any(|other| other.id == step.id) {
            faults.push(format!("step {} stands twice", step.id));
        }
        faults.extend(step_faults(step));
        if let Some(undo) = step.undo.as_ref().filter(|undo| !known(undo)) {
            faults.push(format!("step {}: undo names {undo}, which is no step", step.id));
        }
    }
    for phase in &document.phases {
        if phase.steps.len() > STEPS_PER_PHASE {
            faults.push(format!(
                "phase {} has {} steps; at most {STEPS_PER_PHASE}",
                phase.id,
                phase.steps.len()
            ));
        }
        if let Some(gate) =
            phase.gate.as_ref().filter(|gate| !phase.steps.iter().any(|step| step.id == **gate))
        {
            faults.push(format!("phase {}: its gate {gate} is none of its steps", phase.id));
        }
    }
    for id in document.undo_steps.iter().filter(|id| !document.undo.iter().any(|step| step.id == **id)) {
        faults.push(format!("undo_steps names {id}, which is no undo step"));
    }
    faults
}

fn step_faults(step: &Step) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |text: &str| faults.push(format!("step {}: {text}", step.id));
    if step.on_ambiguous == OnAmbiguous::Reissue && !step.action.is_none_or(Action::repeatable) {
        fault("on_ambiguous = reissue is for PUT, PATCH and DELETE by name only");
    }
    for (name, text) in [
        ("dwell", step.dwell.as_deref()),
        ("steady", step.steady.as_deref()),
        ("patience", Some(step.patience.as_str())),
        ("usual", Some(step.usual.as_str())),
    ] {
        if text.is_some_and(|text| parse_span(text).is_none()) {
            fault(&format!("{name} is no span; write 90s, 5m, 2h or 1d"));
        }
    }
    let percent = step.done_at.strip_suffix('%').and_then(|number| number.parse::<u8>().ok());
    if percent.is_none_or(|percent| percent > 100) {
        fault("done_at is no share; write 100%");
    }
    if step.confirm > 3 {
        fault("confirm is a level from 0 to 3");
    }
    if step.action.is_some() && step.confirm == 0 {
        fault("a step that writes needs a confirmation");
    }
    if step.kind == StepKind::Manual && step.ask.is_none() {
        fault("a manual step needs its question in ask");
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runbook::builtin;

    #[test]
    fn the_built_in_runbook_reads() {
        let runbook = builtin("avd-pooled-failover").expect("it is built in");
        assert_eq!(runbook.phases.iter().map(|phase| phase.steps.len()).sum::<usize>(), 18);
        assert_eq!(runbook.phases.iter().filter(|phase| phase.free_exit_ends).count(), 1);
    }

    #[test]
    fn mistakes_are_named() {
        let text = include_str!("builtin/avd-pooled-failover.toml");
        let cases = [
            (text.replace("do = \"revoke-active\"", "do = \"delete-everything\""), "unknown variant"),
            (text.replacen("patience =", "patiense =", 1), "unknown field"),
            (text.replacen("on_ambiguous = \"ask\"\n", "", 1), "missing field `on_ambiguous`"),
            (text.replacen("usual = \"2m\"", "usual = \"soon\"", 1), "usual is no span"),
            (text.replacen("gate = \"a10", "gate = \"b10", 1), "is none of its steps"),
            (text.replace("format = 1", "format = 2"), "format 2 is not known"),
            (text.replacen("do = \"start-standby\"\nwidth = 12\ndone_at = \"0%\"\nafter = [\"standby-capacity\"]\ndwell = \"120s\"\npatience = \"20m\"\nusual = \"5m\"\non_ambiguous = \"ask\"", "do = \"start-standby\"\npatience = \"20m\"\nusual = \"5m\"\non_ambiguous = \"reissue\"", 1), "reissue is for PUT"),
        ];
        for (text, expected) in cases {
            let error = parse(&text, false).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
