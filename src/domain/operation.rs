//! The closed list of everything we are able to change. What is not here cannot be done.

use serde::{Deserialize, Serialize};

use super::{ArmId, access::PrincipalId, pool::PlanReference};

/// What a role assignment gives: all that making it again needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gives {
    /// GUID of the role definition, lower case.
    pub role: String,
    /// To whom.
    pub principal: PrincipalId,
    /// `Group`, `User`, … as Azure spells it.
    pub principal_type: String,
}

/// One change. Each names its target exactly; nothing is resolved after it was confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "op")]
pub enum Operation {
    /// Start a virtual machine.
    StartVm {
        /// The virtual machine.
        vm: ArmId,
    },
    /// Deallocate a virtual machine.
    DeallocateVm {
        /// The virtual machine.
        vm: ArmId,
    },
    /// Restart a virtual machine: the cure for a session that will not end.
    RestartVm {
        /// The virtual machine.
        vm: ArmId,
    },
    /// Let a session host accept new sessions, or not.
    SetAdmission {
        /// The session host.
        host: ArmId,
        /// Whether it accepts.
        accepts: bool,
    },
    /// Replace the pool references of a scaling plan. Azure replaces the whole array, so the
    /// operation carries every reference.
    SetPlanReferences {
        /// The scaling plan.
        plan: ArmId,
        /// The pool this is about.
        pool: ArmId,
        /// All references as they shall be.
        references: Vec<PlanReference>,
    },
    /// Send a message to a user session.
    SendMessage {
        /// The session.
        session: ArmId,
        /// Title of the message box.
        title: String,
        /// Text.
        body: String,
    },
    /// Log a user session off.
    LogOff {
        /// The session.
        session: ArmId,
    },
    /// Take a role assignment away.
    Revoke {
        /// The role assignment.
        assignment: ArmId,
        /// What it gives, for the way back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gives: Option<Gives>,
    },
    /// Make a role assignment.
    Grant {
        /// The role assignment, named by us (a GUID derived from scope, principal and role).
        assignment: ArmId,
        /// The application group.
        scope: ArmId,
        /// GUID of the role.
        role: String,
        /// Who.
        principal: PrincipalId,
        /// `Group` or `User`.
        principal_type: String,
    },
    /// Run a read-only probe inside a virtual machine. It runs as SYSTEM, so it is a change.
    RunProbe {
        /// The virtual machine.
        vm: ArmId,
        /// Which probe.
        probe: Probe,
    },
}

/// The scripts we may run inside a machine. The text of each is ours and fixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Probe {
    /// FSLogix registry values and Cloud Cache providers of a session host.
    Fslogix,
    /// Replication and health tests of a domain controller.
    DomainController,
}

impl Operation {
    /// The object that changes.
    pub fn target(&self) -> &ArmId {
        match self {
            Self::StartVm { vm }
            | Self::DeallocateVm { vm }
            | Self::RestartVm { vm }
            | Self::RunProbe { vm, .. } => vm,
            Self::SetAdmission { host, .. } => host,
            Self::SetPlanReferences { plan, .. } => plan,
            Self::SendMessage { session, .. } | Self::LogOff { session } => session,
            Self::Revoke { assignment, .. } | Self::Grant { assignment, .. } => assignment,
        }
    }

    /// Whether Azure promises that sending it twice does what sending it once does
    /// (PUT and DELETE by name, and PATCH of a value; never POST).
    pub fn repeatable(&self) -> bool {
        matches!(
            self,
            Self::SetAdmission { .. }
                | Self::SetPlanReferences { .. }
                | Self::LogOff { .. }
                | Self::Revoke { .. }
                | Self::Grant { .. }
        )
    }

    /// What this and whatever takes it back are both about: to be looked up, before
    /// [`Self::undoes`] is asked.
    pub fn subject(&self) -> &str {
        match self {
            // A grant has another name than what was revoked.
            Self::Grant { principal, .. } | Self::Revoke { gives: Some(Gives { principal, .. }), .. } => {
                principal.as_str()
            }
            other => other.target().key(),
        }
    }

    /// Whether this takes back what `done` did.
    pub fn undoes(&self, done: &Self) -> bool {
        match (self, done) {
            (Self::Grant { scope, role, principal, .. }, Self::Revoke { assignment, gives: Some(gives) }) => {
                scope.covers(assignment) && gives.role == *role && gives.principal == *principal
            }
            (Self::SetAdmission { host, accepts }, Self::SetAdmission { host: same, accepts: was }) => {
                host == same && accepts != was
            }
            (
                Self::SetPlanReferences { plan, pool, .. },
                Self::SetPlanReferences { plan: same, pool: own, .. },
            ) => plan == same && pool == own,
            (Self::DeallocateVm { vm }, Self::StartVm { vm: same }) => vm == same,
            _ => false,
        }
    }

    /// The verb for plan and screen.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::StartVm { .. } => "start",
            Self::DeallocateVm { .. } => "deallocate",
            Self::RestartVm { .. } => "restart",
            Self::SetAdmission { accepts: false, .. } => "drain",
            Self::SetAdmission { accepts: true, .. } => "admit",
            Self::SetPlanReferences { pool, references, .. } => {
                let acts = references.iter().any(|reference| reference.pool == *pool && reference.enabled);
                if acts { "enable scaling plan" } else { "disable scaling plan" }
            }
            Self::SendMessage { .. } => "message",
            Self::LogOff { .. } => "log off",
            Self::Revoke { .. } => "revoke",
            Self::Grant { .. } => "grant",
            Self::RunProbe { .. } => "run probe",
        }
    }
}

/// What is done by a verb, and to what.
fn deed_of(verb: &str) -> (&str, &'static str) {
    match verb {
        "start" | "deallocate" | "restart" | "drain" | "admit" => (verb, "host"),
        "message" | "log off" => (verb, "session"),
        "revoke" | "grant" => (verb, "assignment"),
        "disable scaling plan" => ("disable", "scaling plan"),
        "enable scaling plan" => ("enable", "scaling plan"),
        "run probe" => ("run", "probe"),
        _ => (verb, "object"),
    }
}

/// Verbs with the object of each and how often they stand there, in their order.
fn counted<'v>(verbs: impl IntoIterator<Item = &'v str>) -> Vec<(&'v str, &'static str, usize)> {
    let mut all: Vec<(&str, &str, usize)> = Vec::new();
    for (verb, object) in verbs.into_iter().map(deed_of) {
        match all.iter_mut().find(|(known, of, _)| (*known, *of) == (verb, object)) {
            Some((.., count)) => *count += 1,
            None => all.push((verb, object, 1)),
        }
    }
    all
}

fn plural(object: &str, count: usize) -> String {
    if count == 1 { object.to_owned() } else { format!("{object}s") }
}

/// Operations by their verbs as one asks for them: `start 8 and admit 2 hosts`, `disable 1 scaling plan`.
pub fn imperative<'v>(verbs: impl IntoIterator<Item = &'v str>) -> String {
    let all = counted(verbs);
    let words = all.iter().enumerate().map(|(at, (verb, object, count))| {
        // What comes next may name the object of both.
        let named = all.get(at + 1).is_none_or(|(_, next, _)| next != object);
        let object = if named { format!(" {}", plural(object, *count)) } else { String::new() };
        format!("{verb} {count}{object}")
    });
    words.collect::<Vec<_>>().join(" and ")
}

/// The same as a list of what there is to do: `8 hosts to start, 2 to admit`.
pub fn to_do<'v>(verbs: impl IntoIterator<Item = &'v str>) -> String {
    let all = counted(verbs);
    let words = all.iter().enumerate().map(|(at, (verb, object, count))| {
        let known = at > 0 && all.get(at - 1).is_some_and(|(_, before, _)| before == object);
        let object = if known { String::new() } else { format!(" {}", plural(object, *count)) };
        format!("{count}{object} to {verb}")
    });
    words.collect::<Vec<_>>().join(", ")
}

/// A write as it will stand on the wire: what the intent records and the permit fits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteImage {
    /// HTTP method.
    pub method: String,
    /// Absolute URL.
    pub url: String,
    /// Body, empty where there is none.
    pub body: String,
}

/// Turns operations into requests. Pure; the Azure floor implements it.
pub trait Encode: std::fmt::Debug + Send + Sync {
    /// The request that performs `operation`.
    fn encode(&self, operation: &Operation) -> WriteImage;
}

/// How the sending of one write ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// Azure took it; `follow` is the URL of a long operation, `retry_after` its pace in seconds.
    Accepted {
        /// HTTP status.
        status: u16,
        /// Azure's request id.
        request_id: super::Safe,
        /// The operation to follow, if it goes on.
        follow: Option<FollowUrl>,
    },
    /// Azure said no (4xx other than 408 and 429): nothing was done.
    Refused {
        /// HTTP status.
        status: u16,
        /// Error code.
        code: super::Safe,
        /// Error message.
        message: super::Safe,
    },
    /// Surely not sent, or refused by throttling: it may be sent later.
    NotSent {
        /// Why.
        why: super::Safe,
        /// Wait at least this long, in seconds (1..=600).
        retry_after: Option<u32>,
    },
    /// It may or may not have been done: only looking can tell.
    Ambiguous {
        /// Why.
        why: super::Safe,
    },
}

/// Where a long operation is followed. Re-checked against the origin before every use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowUrl {
    /// Absolute URL.
    pub url: String,
    /// What kind of URL it is.
    pub kind: FollowKind,
    /// Seconds to wait before the next look (clamped to 1..=600).
    pub pace: u32,
}

/// The two ways ARM lets an operation be followed (azure-avd §6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FollowKind {
    /// `Azure-AsyncOperation`: the state stands in the body.
    AsyncOperation,
    /// `Location`: 202 while it runs.
    Location,
}

/// What one look at a long operation brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// It goes on; look again after this many seconds.
    Running {
        /// Seconds until the next look.
        pace: u32,
    },
    /// It ended well; `output` carries a run command's text.
    Succeeded {
        /// Output, where the operation has one.
        output: Option<super::Safe>,
    },
    /// It failed or was cancelled.
    Failed {
        /// Error code.
        code: super::Safe,
        /// Error message.
        message: super::Safe,
    },
    /// The state could not be read; the operation itself may be fine.
    Unreadable {
        /// Why.
        why: super::Safe,
        /// The URL is gone for good: observe the object instead.
        gone: bool,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_asked_for_in_a_sentence() {
        let id =
            || ArmId::parse("/subscriptions/11111111-0000-4000-8000-000000000001/resourceGroups/a").unwrap();
        let principal = || PrincipalId::parse("4c4c4c4c-0000-4000-8000-00000000e001").unwrap();
        let plan = |enabled| Operation::SetPlanReferences {
            plan: id(),
            pool: id(),
            references: vec![PlanReference { pool: id(), enabled }],
        };
        let (role, principal_type) = (String::new(), "Group".to_owned());
        for (operation, asked, listed) in [
            (Operation::StartVm { vm: id() }, "start 1 host", "1 host to start"),
            (Operation::DeallocateVm { vm: id() }, "deallocate 1 host", "1 host to deallocate"),
            (Operation::RestartVm { vm: id() }, "restart 1 host", "1 host to restart"),
            (Operation::SetAdmission { host: id(), accepts: false }, "drain 1 host", "1 host to drain"),
            (Operation::SetAdmission { host: id(), accepts: true }, "admit 1 host", "1 host to admit"),
            (plan(false), "disable 1 scaling plan", "1 scaling plan to disable"),
            (plan(true), "enable 1 scaling plan", "1 scaling plan to enable"),
            (
                Operation::SendMessage { session: id(), title: String::new(), body: String::new() },
                "message 1 session",
                "1 session to message",
            ),
            (Operation::LogOff { session: id() }, "log off 1 session", "1 session to log off"),
            (
                Operation::Revoke { assignment: id(), gives: None },
                "revoke 1 assignment",
                "1 assignment to revoke",
            ),
            (
                Operation::Grant {
                    assignment: id(),
                    scope: id(),
                    role,
                    principal: principal(),
                    principal_type,
                },
                "grant 1 assignment",
                "1 assignment to grant",
            ),
            (Operation::RunProbe { vm: id(), probe: Probe::Fslogix }, "run 1 probe", "1 probe to run"),
        ] {
            assert_eq!(imperative([operation.verb()]), asked);
            assert_eq!(to_do([operation.verb()]), listed);
        }
        let both = ["start", "start", "admit", "start"];
        assert_eq!(imperative(both), "start 3 and admit 1 host");
        assert_eq!(to_do(both), "3 hosts to start, 1 to admit");
        assert_eq!(imperative(["log off", "log off", "start"]), "log off 2 sessions and start 1 host");
    }

    #[test]
    fn what_takes_a_change_back_is_about_the_same_object() {
        let id = |name: &str| ArmId::parse(&format!("/subscriptions/s/resourceGroups/{name}")).unwrap();
        let principal =
            |last: u8| PrincipalId::parse(&format!("4c4c4c4c-0000-4000-8000-00000000000{last}")).unwrap();
        let gives = |last: u8| Gives {
            role: "r".to_owned(),
            principal: principal(last),
            principal_type: "Group".to_owned(),
        };
        let grant = |scope: &str| Operation::Grant {
            assignment: id(scope).child("assignments/new"),
            scope: id(scope),
            role: "r".to_owned(),
            principal: principal(1),
            principal_type: "Group".to_owned(),
        };
        let revoke = |scope: &str, who: u8| Operation::Revoke {
            assignment: id(scope).child("assignments/old"),
            gives: Some(gives(who)),
        };
        let admit = |name: &str, accepts| Operation::SetAdmission { host: id(name), accepts };
        let plan = |name: &str| Operation::SetPlanReferences {
            plan: id(name),
            pool: id("pool"),
            references: Vec::new(),
        };
        let (start, stop) = (
            |name: &str| Operation::StartVm { vm: id(name) },
            |name: &str| Operation::DeallocateVm { vm: id(name) },
        );
        for (undo, done, undoes) in [
            (grant("a"), revoke("a", 1), true),
            (grant("a"), revoke("a", 2), false),
            (grant("a"), revoke("b", 1), false),
            (admit("a", true), admit("a", false), true),
            (admit("a", true), admit("a", true), false),
            (admit("a", true), admit("b", false), false),
            (plan("a"), plan("a"), true),
            (plan("a"), plan("b"), false),
            (stop("a"), start("a"), true),
            (stop("a"), start("b"), false),
            (start("a"), stop("a"), false),
        ] {
            assert_eq!(undo.undoes(&done), undoes, "{undo:?} {done:?}");
            assert!(!undoes || undo.subject() == done.subject(), "{undo:?} {done:?}");
        }
    }
}
