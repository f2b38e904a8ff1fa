//! Long-running operations of the compute provider and the addresses they are followed at.

use http::HeaderName;
use serde::Serialize;

use super::{
    ask::Ask,
    envelope::Answer,
    fault::FaultKind,
    hosts::Power,
    moment::{Iso, Ms, SECOND},
    world::{Event, World},
};

/// How often a caller is asked to look (azure-avd.md §6.2: the contract's smallest value).
const RETRY_AFTER: &str = "10";

/// What an operation does to its machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    Start,
    Restart,
    PowerOff,
    Deallocate,
    RunCommand,
}

/// How it ends, once it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ending {
    Succeeded,
    Failed { code: &'static str, message: String },
}

/// One accepted operation.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) id: uuid::Uuid,
    pub(super) vm: usize,
    pub(super) task: Task,
    pub(super) started: Ms,
    /// When it ends; far in the future for one that hangs.
    pub(super) ends: Ms,
    pub(super) ending: Ending,
    /// What a run command printed: standard output, standard error.
    pub(super) output: Option<(String, String)>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    start_time: Iso,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<Iso>,
    status: &'static str,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failure<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    properties: Option<serde_json::Value>,
}

#[derive(Serialize)]
struct Failure<'a> {
    code: &'a str,
    message: &'a str,
}

impl World {
    /// Begins an operation on a machine and answers 202 with where to follow it.
    pub(super) fn begin(
        &mut self,
        ask: &Ask<'_>,
        vm: usize,
        task: Task,
        takes: Ms,
        ending: Ending,
    ) -> Answer {
        let id = uuid::Builder::from_random_bytes(self.rng.u128(..).to_be_bytes()).into_uuid();
        let at = self.operations.len();
        let ends = self.now + takes;
        self.operations.push(Operation { id, vm, task, started: self.now, ends, ending, output: None });
        self.vms[vm].busy = Some(at);
        self.push(ends, Event::OperationEnds(at));
        self.accepted(ask, at)
    }

    fn accepted(&self, ask: &Ask<'_>, at: usize) -> Answer {
        let operation = &self.operations[at];
        let region = self.top.region(self.top.vms[operation.vm].region);
        let version = ask.query("api-version").unwrap_or_default();
        let address = format!(
            "{}/subscriptions/{}/providers/Microsoft.Compute/locations/{}/operations/{}?",
            ask.base, self.top.subscription, region.azure, operation.id
        );
        Answer::empty(202)
            .header(
                HeaderName::from_static("azure-asyncoperation"),
                format!("{address}p={at}&api-version={version}"),
            )
            .header(http::header::LOCATION, format!("{address}p={at}&monitor=true&api-version={version}"))
            .header(http::header::RETRY_AFTER, RETRY_AFTER.to_owned())
    }

    pub(super) fn operation_ends(&mut self, at: usize) {
        let operation = &self.operations[at];
        if operation.ends > self.now || self.vms[operation.vm].busy != Some(at) {
            return;
        }
        let (vm, task) = (operation.vm, operation.task);
        let worked = operation.ending == Ending::Succeeded;
        self.vms[vm].busy = None;
        match task {
            Task::Start | Task::Restart if worked => self.machine_runs(vm),
            Task::Start | Task::Restart | Task::Deallocate => self.machine_rests(vm, Power::Deallocated),
            Task::PowerOff => self.machine_rests(vm, Power::Stopped),
            Task::RunCommand => {
                let text = self.command_output(at);
                self.operations[at].output = Some(text);
            }
        }
    }

    /// The region went away under an operation.
    pub(super) fn operation_breaks(&mut self, at: usize) {
        let now = self.now;
        let operation = &mut self.operations[at];
        operation.ends = now;
        operation.ending = Ending::Failed {
            code: "InternalExecutionError",
            message: "An internal execution error occurred. Please retry later.".to_owned(),
        };
    }

    /// Answers for `{subscription}/providers/Microsoft.Compute/locations/{region}/operations/{id}`.
    pub(super) fn operation_status(&self, ask: &Ask<'_>, id: &str) -> Answer {
        let named = ask.query("p").and_then(|p| p.parse::<usize>().ok());
        let text = |o: &Operation| o.id.hyphenated().to_string() == id;
        let found = match named {
            Some(at) => self.operations.get(at).filter(|o| text(o)),
            None => self.operations.iter().find(|o| text(o)),
        };
        let Some(operation) = found else {
            return Answer::error(404, "NotFound", &format!("The operation '{id}' was not found."));
        };
        let over = operation.ends <= self.now;
        if ask.query("monitor").is_some() {
            return operation_result(ask, operation, over);
        }
        let (status, error) = match (&operation.ending, over) {
            (_, false) => ("InProgress", None),
            (Ending::Succeeded, true) => ("Succeeded", None),
            (Ending::Failed { code, message }, true) => ("Failed", Some(Failure { code, message })),
        };
        let answer = Answer::json(&Report {
            start_time: Iso(operation.started),
            end_time: over.then_some(Iso(operation.ends)),
            status,
            name: operation.id.hyphenated().to_string(),
            error,
            properties: result_json(operation, over).map(|output| serde_json::json!({"output": output})),
        });
        if over { answer } else { answer.header(http::header::RETRY_AFTER, RETRY_AFTER.to_owned()) }
    }

    /// How a start would end: faults of allocation and quota decide.
    pub(super) fn start_ending(&mut self, vm: usize) -> Result<Ending, Answer> {
        let region = self.top.vms[vm].region;
        if self.suffers(FaultKind::Quota, region) {
            return Err(Answer::error(
                409,
                "OperationNotAllowed",
                "Operation could not be completed as it results in exceeding approved Total Regional Cores quota (QuotaExceeded).",
            ));
        }
        let refused = self.strike(FaultKind::AllocationFailed, region);
        if !refused {
            return Ok(Ending::Succeeded);
        }
        Ok(Ending::Failed {
            code: "AllocationFailed",
            message: format!(
                "Allocation failed. We do not have sufficient capacity for the requested VM size in this region ({}).",
                self.top.region(region).azure
            ),
        })
    }

    /// Uses up one stroke of a counted fault of this kind in a region.
    pub(super) fn strike(&mut self, kind: FaultKind, region: super::Region) -> bool {
        let hit = self.faults.iter_mut().find(|s| {
            s.active
                && s.fault.kind == kind
                && s.fault.scope.region.is_none_or(|r| r == region)
                && s.left != Some(0)
        });
        if let Some(standing) = hit {
            standing.left = standing.left.map(|left| left - 1);
            return true;
        }
        false
    }
}

fn operation_result(ask: &Ask<'_>, operation: &Operation, over: bool) -> Answer {
    if !over {
        let address = format!("{}{}?{}", ask.base, ask.path.raw(), ask.query);
        return Answer::empty(202)
            .header(http::header::LOCATION, address)
            .header(http::header::RETRY_AFTER, RETRY_AFTER.to_owned());
    }
    match (&operation.ending, result_json(operation, over)) {
        (Ending::Failed { code, message }, _) => Answer::error(409, code, message),
        (Ending::Succeeded, Some(output)) => Answer::json(&output),
        (Ending::Succeeded, None) => Answer::empty(200),
    }
}

fn result_json(operation: &Operation, over: bool) -> Option<serde_json::Value> {
    let (out, err) = operation.output.as_ref().filter(|_| over)?;
    let row = |code: &str, message: &str| {
        serde_json::json!({
            "code": format!("ComponentStatus/{code}/succeeded"),
            "level": "Info",
            "displayStatus": "Provisioning succeeded",
            "message": message,
        })
    };
    Some(serde_json::json!({"value": [row("StdOut", out), row("StdErr", err)]}))
}

/// How long a command hangs when nothing on the machine can run it (azure-avd.md §3: 90 minutes).
pub(super) const HANG: Ms = 90 * 60 * SECOND;
