//! The after-action report, from a journal. Works on an open run and says so.

mod build;
mod left;
mod markdown;
mod model;
mod timeline;
mod turns;

#[cfg(test)]
mod tests;

pub use build::build;
pub use markdown::to_markdown;
pub use model::{
    Confirmation, DebtRecord, Deviation, DeviationKind, Figures, Gate, Integrity, Item, Mark, Person,
    Refusal, Report, Request, Rpo, State, Step, UsersOf, Verified,
};

/// The report as JSON; keys are a contract. `mode` comes first, so that a simulated run shows
/// what it is at once.
pub fn to_json(report: &Report) -> String {
    let mut text =
        serde_json::to_string_pretty(report).expect("strings, numbers and lists of them always serialize");
    text.push('\n');
    text
}
