//! Role assignments: who may use what, when users feel it, and the permissions of the caller.

use serde::Serialize;

use super::{
    ask::{Ask, Verb},
    envelope::{Answer, paged_by},
    fault::FaultKind,
    moment::{Iso, MINUTE, Ms},
    rights::{CUSTOM_USER, allows_use, known_role},
    spec::Region,
    topology::{DESKTOP_USER, Node, Shelf},
    world::{Event, World},
};

/// The identity the simulated tenant sees behind every bearer token.
pub const CALLER: &str = "6e6e6e6e-0000-4000-8000-000000000001";
/// Somebody else in the tenant, for faults in which a colleague acts.
const COLLEAGUE: &str = "6e6e6e6e-0000-4000-8000-000000000002";
/// Ended assignments are kept this long past their effect, for stale reads.
const REMEMBER: Ms = 2 * MINUTE;
/// So many assignments are swept together.
const SWEEP: usize = 64;

/// One role assignment, standing or ended.
#[derive(Debug)]
pub(super) struct Assignment {
    id: u32,
    name: String,
    scope: String,
    scope_lower: String,
    node: Node,
    role: String,
    principal: String,
    principal_type: String,
    description: Option<String>,
    condition: Option<String>,
    by: &'static str,
    created: Ms,
    ended: Option<Ms>,
    effective: Ms,
    effective_until: Option<Ms>,
}

impl Assignment {
    fn listed_at(&self, at: Ms) -> bool {
        self.created <= at && self.ended.is_none_or(|ended| ended > at)
    }

    fn effective_at(&self, at: Ms) -> bool {
        self.effective <= at && self.effective_until.is_none_or(|until| until > at)
    }

    fn allows_use(&self) -> bool {
        allows_use(&self.role)
    }
}

#[derive(Serialize)]
struct Item<'a> {
    id: String,
    name: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    properties: Properties<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Properties<'a> {
    scope: &'a str,
    role_definition_id: String,
    principal_id: &'a str,
    principal_type: &'a str,
    condition: Option<&'a str>,
    condition_version: Option<&'static str>,
    description: Option<&'a str>,
    created_on: Iso,
    updated_on: Iso,
    created_by: &'static str,
    updated_by: &'static str,
    delegated_managed_identity_resource_id: Option<&'static str>,
}

/// What a PUT asks for.
struct Wanted {
    role: String,
    principal: String,
    principal_type: Option<String>,
    description: Option<String>,
    condition: Option<String>,
}

impl Wanted {
    fn read(ask: &Ask<'_>, name: &str) -> Result<Self, Answer> {
        let body = ask.json().ok_or_else(|| Answer::bad_body("it is no JSON"))?;
        let properties = &body["properties"];
        let text = |key: &str| properties[key].as_str().map(str::to_owned);
        let role = text("roleDefinitionId").and_then(|id| id.rsplit('/').next().map(str::to_ascii_lowercase));
        let (Some(role), Some(principal)) = (role, text("principalId")) else {
            return Err(Answer::bad_body(
                "properties.roleDefinitionId and properties.principalId are required",
            ));
        };
        if uuid::Uuid::try_parse(name).is_err() {
            let why = format!("The role assignment ID '{name}' is not valid. It must be a GUID.");
            return Err(Answer::error(400, "InvalidRoleAssignmentId", &why));
        }
        if !known_role(&role) {
            let why = format!("The specified role definition with ID '{role}' does not exist.");
            return Err(Answer::error(404, "RoleDefinitionDoesNotExist", &why));
        }
        Ok(Self {
            role,
            principal: principal.to_ascii_lowercase(),
            principal_type: text("principalType"),
            description: text("description"),
            condition: text("condition"),
        })
    }
}

impl World {
    /// Routes `{scope}/providers/Microsoft.Authorization/…`; `at` is the index of `providers`.
    pub(super) fn authorization(&mut self, ask: &Ask<'_>, at: usize) -> Answer {
        let path = ask.path;
        let node = if at == 0 { None } else { self.top.find(path.upto(at - 1)) };
        match (path.seg(at + 2), path.len() - at) {
            ("roledefinitions", 3) => self.list_roles(ask),
            ("roledefinitions", 4) => self.get_role(ask, path.seg(at + 3)),
            (_, _) if node.is_none() => Answer::no_resource(ask),
            ("roleassignments", 3) if ask.verb == Verb::Get => self.list_assignments(ask, path.upto(at - 1)),
            ("roleassignments", 4) => match (ask.verb, node) {
                (Verb::Get, _) => self.get_assignment(ask, path.upto(at - 1), path.seg(at + 3)),
                (Verb::Put, Some(node)) => self.put_assignment(ask, at, node),
                (Verb::Delete, _) => self.delete_assignment(path.upto(at - 1), path.seg(at + 3)),
                _ => Answer::no_method(ask),
            },
            ("permissions", 3) if ask.verb == Verb::Get => self.list_permissions(node, path.upto(at - 1)),
            ("locks", 3) if ask.verb == Verb::Get => self.list_locks(ask, path.upto(at - 1)),
            _ => Answer::no_route(ask),
        }
    }

    fn item<'a>(&self, a: &'a Assignment) -> Item<'a> {
        Item {
            id: format!("{}/providers/Microsoft.Authorization/roleAssignments/{}", a.scope, a.name),
            name: &a.name,
            kind: "Microsoft.Authorization/roleAssignments",
            properties: Properties {
                scope: &a.scope,
                role_definition_id: self.role_id(&a.role),
                principal_id: &a.principal,
                principal_type: &a.principal_type,
                condition: a.condition.as_deref(),
                condition_version: a.condition.as_ref().map(|_| "2.0"),
                description: a.description.as_deref(),
                created_on: Iso(a.created),
                updated_on: Iso(a.created),
                created_by: a.by,
                updated_by: a.by,
                delegated_managed_identity_resource_id: None,
            },
        }
    }

    pub(super) fn role_id(&self, role: &str) -> String {
        format!(
            "/subscriptions/{}/providers/Microsoft.Authorization/roleDefinitions/{role}",
            self.top.subscription
        )
    }

    fn list_assignments(&self, ask: &Ask<'_>, scope: &str) -> Answer {
        let filter = ask.query("$filter").map(|f| f.to_ascii_lowercase()).unwrap_or_default();
        let principal =
            quoted(&filter).filter(|_| filter.contains("principalid") || filter.contains("assignedto"));
        let at_scope = filter.contains("atscope()");
        if !filter.is_empty() && !at_scope && principal.is_none() {
            return Answer::error(
                400,
                "UnsupportedQuery",
                "The filter is not supported. Use atScope(), principalId eq or assignedTo().",
            );
        }
        let hits = self.assignments.iter().filter(|a| {
            a.listed_at(ask.view)
                && (within(scope, &a.scope_lower) || (!at_scope && within(&a.scope_lower, scope)))
                && principal.is_none_or(|p| a.principal == p)
        });
        paged_by(ask, hits, |a| self.item(a))
    }

    fn find_assignment(&self, scope: &str, name: &str, at: Ms) -> Option<&Assignment> {
        self.assignments.iter().find(|a| a.name == name && a.scope_lower == scope && a.listed_at(at))
    }

    fn get_assignment(&self, ask: &Ask<'_>, scope: &str, name: &str) -> Answer {
        match self.find_assignment(scope, name, ask.view) {
            Some(found) => Answer::json(&self.item(found)),
            None => Answer::error(
                404,
                "RoleAssignmentNotFound",
                &format!("The role assignment '{name}' is not found."),
            ),
        }
    }

    fn put_assignment(&mut self, ask: &Ask<'_>, at: usize, node: Node) -> Answer {
        let (scope, name) = (ask.path.upto(at - 1), ask.path.seg(at + 3));
        let wanted = match Wanted::read(ask, name) {
            Ok(wanted) => wanted,
            Err(answer) => return answer,
        };
        let same = |a: &Assignment| {
            a.scope_lower == scope && a.role == wanted.role && a.principal == wanted.principal
        };
        let standing = |a: &&Assignment| a.ended.is_none();
        if let Some(found) = self.assignments.iter().filter(standing).find(|a| a.name == name) {
            return if same(found) {
                Answer::json(&self.item(found))
            } else {
                Answer::error(
                    400,
                    "RoleAssignmentUpdateNotPermitted",
                    "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
                )
            };
        }
        if self.assignments.iter().filter(standing).any(same) {
            return Answer::error(409, "RoleAssignmentExists", "The role assignment already exists.");
        }
        let known = self.top.principal_with(&wanted.principal).is_some();
        let Some(principal_type) =
            wanted.principal_type.clone().or_else(|| known.then(|| "Group".to_owned()))
        else {
            return Answer::error(
                400,
                "PrincipalNotFound",
                &format!(
                    "Principal {} does not exist in the directory {}.",
                    wanted.principal, self.top.tenant
                ),
            );
        };
        let scope = ask.path.raw_upto(at - 1).to_owned();
        self.assign(Assignment {
            id: 0,
            name: name.to_owned(),
            scope_lower: scope.to_ascii_lowercase(),
            scope,
            node,
            role: wanted.role,
            principal: wanted.principal,
            principal_type,
            description: wanted.description,
            condition: wanted.condition,
            by: CALLER,
            created: self.now,
            ended: None,
            effective: 0,
            effective_until: None,
        });
        let created = self.assignments.last().expect("it was pushed just now");
        Answer::with(201, &self.item(created))
    }

    fn delete_assignment(&mut self, scope: &str, name: &str) -> Answer {
        let found = self
            .assignments
            .iter()
            .position(|a| a.name == name && a.scope_lower == scope && a.ended.is_none());
        let Some(at) = found else { return Answer::empty(204) };
        let now = self.now;
        let until = now + self.propagation();
        let assignment = &mut self.assignments[at];
        assignment.ended = Some(now);
        assignment.effective_until = Some(until);
        let answer = Answer::json(&self.item(&self.assignments[at]));
        self.forget_old();
        answer
    }

    fn forget_old(&mut self) {
        if self.assignments.len() > SWEEP {
            let before = self.now - REMEMBER;
            self.assignments.retain(|a| a.effective_until.is_none_or(|until| until > before));
        }
    }

    /// How long the next change takes to reach users.
    fn propagation(&mut self) -> Ms {
        let slow = self.standing(FaultKind::Propagation).filter_map(|s| s.fault.scope.ms).max();
        match slow {
            Some(ms) => ms,
            None => self.spec.timing.propagation.draw(&mut self.rng),
        }
    }

    fn assign(&mut self, mut assignment: Assignment) {
        let delay = self.propagation();
        assignment.id = self.next_assignment;
        assignment.effective = self.now + delay;
        self.next_assignment += 1;
        self.push(assignment.effective, Event::Effective { assignment: assignment.id });
        let principal = assignment.principal.clone();
        self.assignments.push(assignment);
        self.watch(&principal);
    }

    /// An assignment somebody made outside this story, in force since `created`.
    pub(super) fn assign_quietly(&mut self, node: Node, principal: usize, created: Ms) {
        let id = self.top.principals[principal].id.clone();
        let assignment = self.foreign(node, &id, created);
        self.assignments.push(Assignment { effective: created, id: self.next_assignment, ..assignment });
        self.next_assignment += 1;
    }

    /// A colleague assigns a principal now; users feel it later.
    pub(super) fn assign_by_colleague(&mut self, node: Node, principal: &str, custom: bool) {
        let role = if custom { CUSTOM_USER } else { DESKTOP_USER };
        let stands = |a: &Assignment| {
            a.node == node && a.principal == principal && a.role == role && a.ended.is_none()
        };
        if !self.assignments.iter().any(stands) {
            let assignment = self.foreign(node, principal, self.now);
            self.assign(Assignment { role: role.to_owned(), ..assignment });
        }
    }

    fn foreign(&self, node: Node, principal: &str, created: Ms) -> Assignment {
        let scope = match node {
            Node::AppGroup(at) => self.top.groups[at].id.clone(),
            Node::ResourceGroup(at) => self.top.resource_groups[at].id.clone(),
            _ => format!("/subscriptions/{}", self.top.subscription),
        };
        Assignment {
            id: 0,
            name: format!("5d5d5d5d-0000-4000-8000-{:012x}", 0xf000 + self.next_assignment),
            scope_lower: scope.to_ascii_lowercase(),
            scope,
            node,
            role: DESKTOP_USER.to_owned(),
            principal: principal.to_ascii_lowercase(),
            principal_type: "Group".to_owned(),
            description: None,
            condition: None,
            by: COLLEAGUE,
            created,
            ended: None,
            effective: created,
            effective_until: None,
        }
    }

    pub(super) fn assignment_effective(&mut self, id: u32) {
        let Some(found) = self.assignments.iter().find(|a| a.id == id && a.ended.is_none()) else { return };
        let principal = found.principal.clone();
        self.watch(&principal);
        if let Some(at) = self.top.principal_with(&principal) {
            self.stir(at);
        }
    }

    /// Whether an assignment at `node` reaches an application group.
    fn reaches(&self, node: Node, group: usize) -> bool {
        match node {
            Node::AppGroup(at) => at == group,
            Node::ResourceGroup(at) => at == Shelf::Avd.in_region(self.top.groups[group].region),
            Node::Subscription => true,
            _ => false,
        }
    }

    /// Whether users of a principal may use an application group at `at`.
    pub(super) fn entitled(&self, principal: usize, group: usize, at: Ms) -> bool {
        let id = &self.top.principals[principal].id;
        self.assignments.iter().any(|a| {
            a.allows_use() && &a.principal == id && a.effective_at(at) && self.reaches(a.node, group)
        })
    }

    /// Records a principal that stands on both living sides of a service.
    ///
    /// An assignment that was revoked but is still felt does not count: that is the
    /// propagation window, which nobody can shorten.
    pub(super) fn watch(&mut self, principal: &str) {
        if Region::BOTH.into_iter().any(|region| self.is_dead(region)) {
            return;
        }
        let top = self.top.clone();
        for (at, service) in top.services.iter().enumerate() {
            let holds = |region| {
                top.groups_in(region, Some(at)).any(|group| {
                    self.assignments.iter().any(|a| {
                        a.allows_use()
                            && a.ended.is_none()
                            && a.principal == principal
                            && self.reaches(a.node, group)
                    })
                })
            };
            if Region::BOTH.into_iter().all(holds) {
                let text = format!("{principal} is assigned in both regions of {}", service.name);
                if !self.violations.iter().any(|v| v.ends_with(&text)) {
                    self.violations.push(format!("{}: {text}", Iso(self.now)));
                }
            }
        }
    }

    /// Watches everybody, after a region came back.
    pub(super) fn watch_all(&mut self) {
        let mut principals: Vec<String> =
            self.assignments.iter().filter(|a| a.ended.is_none()).map(|a| a.principal.clone()).collect();
        principals.sort_unstable();
        principals.dedup();
        for principal in principals {
            self.watch(&principal);
        }
    }

    /// Principals that stand directly on an application group.
    pub(super) fn holders(&self, group: usize) -> impl Iterator<Item = &str> {
        self.assignments
            .iter()
            .filter(move |a| a.node == Node::AppGroup(group) && a.ended.is_none() && a.allows_use())
            .map(|a| a.principal.as_str())
    }
}

/// Whether `path` is `scope` or below it; both in lower case.
pub(super) fn within(path: &str, scope: &str) -> bool {
    path.strip_prefix(scope).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The first text between single quotes.
pub(super) fn quoted(filter: &str) -> Option<&str> {
    filter.split('\'').nth(1)
}
