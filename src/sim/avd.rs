//! Microsoft.DesktopVirtualization: pools, application groups, workspaces, scaling plans.
//!
//! Every operation is synchronous (azure-avd.md §1.1); what it sets in motion is not.

use serde_json::{Value, json};

use super::{
    ask::{Ask, Verb},
    envelope::{Answer, paged},
    spec::{GroupKind, Region},
    topology::Node,
    world::{GroupReference, World},
};

impl World {
    /// Routes the provider; `at` is the index of `providers`.
    pub(super) fn desktop(&mut self, ask: &Ask<'_>, at: usize) -> Answer {
        let path = ask.path;
        let scope = if at == 0 { None } else { self.top.find(path.upto(at - 1)) };
        let Some(scope) = scope else { return super::resources::no_scope(ask) };
        if path.len() == at + 3 {
            return if ask.verb == Verb::Get {
                self.list_desktop(ask, at, scope)
            } else {
                Answer::no_method(ask)
            };
        }
        let Some(node) = self.top.find(path.upto(at + 3)) else { return Answer::no_resource(ask) };
        match (node, path.len() - at) {
            (Node::Pool(pool), 4) => self.pool(ask, pool),
            (Node::Pool(pool), _) => self.in_pool(ask, at, pool),
            (Node::AppGroup(group), 4) => self.group(ask, group),
            (Node::AppGroup(group), _) => self.in_group(ask, at, group),
            (Node::Workspace(workspace), 4) => self.workspace(ask, workspace),
            (Node::Plan(plan), 4) => match ask.verb {
                Verb::Get => Answer::json(&self.plan_json(plan)),
                Verb::Patch => self.patch_plan(ask, plan),
                _ => Answer::no_method(ask),
            },
            (Node::Plan(plan), _) if path.seg(at + 4) == "pooledschedules" && ask.verb == Verb::Get => {
                self.schedules(ask, plan, path.seg(at + 5))
            }
            (Node::Plan(_), 5) if path.seg(at + 4) == "personalschedules" => {
                paged(ask, std::iter::empty::<Value>())
            }
            _ => Answer::no_route(ask),
        }
    }

    fn list_desktop(&self, ask: &Ask<'_>, at: usize, scope: Node) -> Answer {
        let here = |region: Region, shelf: super::topology::Shelf| match scope {
            Node::Subscription => true,
            Node::ResourceGroup(group) => group == shelf.in_region(region),
            _ => false,
        };
        let avd = |region| here(region, super::topology::Shelf::Avd);
        let filter = ask.query("$filter").map(|f| f.to_ascii_lowercase()).unwrap_or_default();
        let top = &self.top;
        match ask.path.seg(at + 2) {
            "hostpools" => paged(
                ask,
                (0..top.pools.len()).filter(|i| avd(top.pools[*i].region)).map(|i| self.pool_json(i)),
            ),
            "applicationgroups" => {
                let fits = |kind: GroupKind| {
                    !filter.contains('\'') || filter.contains(&kind_word(kind).to_ascii_lowercase())
                };
                let hits =
                    (0..top.groups.len()).filter(|i| avd(top.groups[*i].region) && fits(top.groups[*i].kind));
                paged(ask, hits.map(|i| self.group_json(i)))
            }
            "workspaces" => paged(
                ask,
                (0..top.workspaces.len())
                    .filter(|i| avd(top.workspaces[*i].region))
                    .map(|i| self.workspace_json(i)),
            ),
            "scalingplans" => paged(
                ask,
                (0..top.plans.len()).filter(|i| avd(top.plans[*i].region)).map(|i| self.plan_json(i)),
            ),
            "appattachpackages" => paged(ask, std::iter::empty::<Value>()),
            _ => Answer::no_route(ask),
        }
    }

    fn in_pool(&mut self, ask: &Ask<'_>, at: usize, pool: usize) -> Answer {
        match (ask.path.seg(at + 4), ask.path.len() - at, ask.verb) {
            ("sessionhosts", 5, Verb::Get) => self.list_hosts(ask, pool),
            ("sessionhosts", 5, _) => Answer::no_method(ask),
            ("sessionhosts", _, _) => match self.top.find(ask.path.upto(at + 5)) {
                Some(Node::Host(host)) => self.in_host(ask, at, host),
                _ => Answer::error(404, "404", &activity(ask, "SessionHost does not exist")),
            },
            ("usersessions", 5, Verb::Get) => self.list_pool_sessions(ask, pool),
            ("scalingplans", 5, Verb::Get) => self.plans_of_pool(ask, pool),
            ("msixpackages", 5, Verb::Get) => paged(ask, std::iter::empty::<Value>()),
            _ => Answer::no_route(ask),
        }
    }

    fn pool(&mut self, ask: &Ask<'_>, pool: usize) -> Answer {
        const KEYS: [&str; 10] = [
            "friendlyName",
            "description",
            "customRdpProperty",
            "loadBalancerType",
            "maxSessionLimit",
            "startVMOnConnect",
            "validationEnvironment",
            "publicNetworkAccess",
            "preferredAppGroupType",
            "agentUpdate",
        ];
        match ask.verb {
            Verb::Get => Answer::json(&self.pool_json(pool)),
            Verb::Patch => {
                let Some(body) = ask.json() else { return Answer::bad_body("it is no JSON") };
                self.patch_texts(&self.top.pools[pool].id.clone(), &body["properties"], &KEYS);
                Answer::json(&self.pool_json(pool))
            }
            _ => Answer::no_method(ask),
        }
    }

    pub(super) fn pool_json(&self, pool: usize) -> Value {
        let info = &self.top.pools[pool];
        let references: Vec<&str> = info.groups.iter().map(|g| self.top.groups[*g].id.as_str()).collect();
        let desktop = info.groups.iter().any(|g| self.top.groups[*g].kind == GroupKind::Desktop);
        let or = |key, default: Value| match self.text_of(&info.id, key) {
            Value::Null => default,
            value => value,
        };
        json!({
            "id": info.id,
            "name": info.name,
            "type": "Microsoft.DesktopVirtualization/hostpools",
            "location": self.top.region(info.region).azure,
            "tags": {"service": self.top.services[info.service].name},
            "properties": {
                "objectId": format!("2a2a2a2a-0000-4000-8000-{:012x}", 0xa000 + pool),
                "friendlyName": or("friendlyName", Value::Null),
                "description": or("description", Value::Null),
                "hostPoolType": "Pooled",
                "loadBalancerType": or("loadBalancerType", json!(info.balancing)),
                "maxSessionLimit": or("maxSessionLimit", json!(info.max_sessions)),
                "personalDesktopAssignmentType": null,
                "preferredAppGroupType": or("preferredAppGroupType", json!(if desktop { "Desktop" } else { "RailApplications" })),
                "startVMOnConnect": or("startVMOnConnect", json!(false)),
                "validationEnvironment": or("validationEnvironment", json!(false)),
                "publicNetworkAccess": or("publicNetworkAccess", json!("Enabled")),
                "registrationInfo": null,
                "ring": null,
                "vmTemplate": null,
                "ssoadfsAuthority": null,
                "applicationGroupReferences": references,
                "appAttachPackageReferences": [],
                "cloudPcResource": false,
                "agentUpdate": or("agentUpdate", json!({"type": "Default"})),
                "customRdpProperty": or("customRdpProperty", json!("audiomode:i:0;redirectclipboard:i:1;")),
            }
        })
    }

    fn group(&mut self, ask: &Ask<'_>, group: usize) -> Answer {
        match ask.verb {
            Verb::Get => Answer::json(&self.group_json(group)),
            Verb::Patch => {
                let Some(body) = ask.json() else { return Answer::bad_body("it is no JSON") };
                let keys = ["friendlyName", "description", "showInFeed"];
                self.patch_texts(&self.top.groups[group].id.clone(), &body["properties"], &keys);
                Answer::json(&self.group_json(group))
            }
            _ => Answer::no_method(ask),
        }
    }

    pub(super) fn group_json(&self, group: usize) -> Value {
        let info = &self.top.groups[group];
        let shown = self.workspaces.iter().position(|refs| refs.iter().any(|r| r.group == Some(group)));
        let feed = self.text_of(&info.id, "showInFeed");
        json!({
            "id": info.id,
            "name": info.name,
            "type": "Microsoft.DesktopVirtualization/applicationgroups",
            "kind": kind_word(info.kind),
            "location": self.top.region(info.region).azure,
            "tags": {},
            "properties": {
                "objectId": format!("2a2a2a2a-0000-4000-8000-{:012x}", 0xb000 + group),
                "applicationGroupType": kind_word(info.kind),
                "hostPoolArmPath": self.top.pools[info.pool].id,
                "workspaceArmPath": shown.map(|at| self.top.workspaces[at].id.as_str()),
                "friendlyName": self.text_of(&info.id, "friendlyName"),
                "description": self.text_of(&info.id, "description"),
                "showInFeed": if feed.is_null() { json!(true) } else { feed },
                "cloudPcResource": false,
            }
        })
    }

    fn in_group(&self, ask: &Ask<'_>, at: usize, group: usize) -> Answer {
        let info = &self.top.groups[group];
        let (kind, name) = (ask.path.seg(at + 4), ask.path.seg(at + 5));
        if ask.verb != Verb::Get {
            return Answer::no_method(ask);
        }
        let items: Vec<Value> = match (kind, info.kind) {
            ("applications", GroupKind::RemoteApp) => {
                info.applications.iter().map(|app| application(info, app)).collect()
            }
            ("startmenuitems", GroupKind::RemoteApp) => {
                info.applications.iter().map(|app| menu_item(info, app)).collect()
            }
            ("desktops", GroupKind::Desktop) => vec![desktop(info)],
            ("applications" | "desktops" | "startmenuitems", _) => Vec::new(),
            _ => return Answer::no_route(ask),
        };
        if name.is_empty() {
            return paged(ask, items.into_iter());
        }
        let fits = |item: &Value| {
            let full = item["name"].as_str().unwrap_or_default();
            full.rsplit('/').next().is_some_and(|last| last.eq_ignore_ascii_case(name))
        };
        items.iter().find(|item| fits(item)).map_or_else(|| Answer::no_resource(ask), Answer::json)
    }

    fn workspace(&mut self, ask: &Ask<'_>, workspace: usize) -> Answer {
        match ask.verb {
            Verb::Get => Answer::json(&self.workspace_json(workspace)),
            Verb::Patch => self.patch_workspace(ask, workspace),
            _ => Answer::no_method(ask),
        }
    }

    /// The references are replaced as a whole (azure-avd.md §1.2).
    fn patch_workspace(&mut self, ask: &Ask<'_>, workspace: usize) -> Answer {
        let Some(body) = ask.json() else { return Answer::bad_body("it is no JSON") };
        let properties = &body["properties"];
        if let Some(list) = properties["applicationGroupReferences"].as_array() {
            let mut references = Vec::with_capacity(list.len());
            for item in list {
                let path = item.as_str().unwrap_or_default();
                match self.top.find(&path.to_ascii_lowercase()) {
                    Some(Node::AppGroup(group)) => {
                        references.push(GroupReference { path: path.to_owned(), group: Some(group) });
                    }
                    _ => {
                        return Answer::error(
                            400,
                            "400",
                            &format!("The application group '{path}' does not exist."),
                        );
                    }
                }
            }
            self.workspaces[workspace] = references;
        }
        let keys = ["friendlyName", "description", "publicNetworkAccess"];
        self.patch_texts(&self.top.workspaces[workspace].id.clone(), properties, &keys);
        Answer::json(&self.workspace_json(workspace))
    }

    pub(super) fn workspace_json(&self, workspace: usize) -> Value {
        let info = &self.top.workspaces[workspace];
        let references: Vec<&str> = self.workspaces[workspace].iter().map(|r| r.path.as_str()).collect();
        let access = self.text_of(&info.id, "publicNetworkAccess");
        json!({
            "id": info.id,
            "name": info.name,
            "type": "Microsoft.DesktopVirtualization/workspaces",
            "location": self.top.region(info.region).azure,
            "tags": {},
            "properties": {
                "objectId": format!("2a2a2a2a-0000-4000-8000-{:012x}", 0xd000 + workspace),
                "friendlyName": self.text_of(&info.id, "friendlyName"),
                "description": self.text_of(&info.id, "description"),
                "applicationGroupReferences": references,
                "cloudPcResource": false,
                "publicNetworkAccess": if access.is_null() { json!("Enabled") } else { access },
            }
        })
    }

    /// A text that was patched onto an object, or null.
    pub(super) fn text_of(&self, id: &str, key: &'static str) -> Value {
        if self.texts.is_empty() {
            return Value::Null;
        }
        self.texts.get(&(id.to_ascii_lowercase(), key)).cloned().unwrap_or_default()
    }

    /// Keeps those of `keys` that a patch carries.
    pub(super) fn patch_texts(&mut self, id: &str, properties: &Value, keys: &[&'static str]) {
        for key in keys {
            if let Some(value) = properties.get(*key) {
                self.texts.insert((id.to_ascii_lowercase(), *key), value.clone());
            }
        }
    }
}

/// The message of an AVD error: it carries the activity id a support case asks for.
pub(super) fn activity(ask: &Ask<'_>, what: &str) -> String {
    // The id only has to look like one; reads must not draw from the world's stream.
    let tail =
        ask.path.lower().bytes().fold(ask.now as u64, |h, b| h.wrapping_mul(31).wrapping_add(u64::from(b)));
    format!("ActivityId: 9b9b9b9b-0000-4000-8000-{:012x} Error: {what}", tail & 0xffff_ffff_ffff)
}

pub(super) fn kind_word(kind: GroupKind) -> &'static str {
    match kind {
        GroupKind::Desktop => "Desktop",
        GroupKind::RemoteApp => "RemoteApp",
    }
}

fn application(group: &super::topology::AppGroup, name: &str) -> Value {
    json!({
        "id": format!("{}/applications/{name}", group.id),
        "name": format!("{}/{name}", group.name),
        "type": "Microsoft.DesktopVirtualization/applicationgroups/applications",
        "properties": {
            "objectId": null,
            "description": null,
            "friendlyName": name,
            "filePath": format!("C:\\Program Files\\{name}\\{name}.exe"),
            "commandLineSetting": "DoNotAllow",
            "commandLineArguments": "",
            "showInPortal": true,
            "iconPath": format!("C:\\Program Files\\{name}\\{name}.exe"),
            "iconIndex": 0,
            "iconHash": format!("--icon-{}", name.len()),
            "iconContent": "",
            "applicationType": "InBuilt",
            "msixPackageFamilyName": null,
            "msixPackageApplicationId": null,
        }
    })
}

fn menu_item(group: &super::topology::AppGroup, name: &str) -> Value {
    json!({
        "id": format!("{}/startMenuItems/{name}", group.id),
        "name": format!("{}/{name}", group.name),
        "type": "Microsoft.DesktopVirtualization/applicationgroups/startmenuitems",
        "properties": {
            "appAlias": name.to_ascii_lowercase(),
            "filePath": format!("C:\\Program Files\\{name}\\{name}.exe"),
            "commandLineArguments": "",
            "iconPath": format!("C:\\Program Files\\{name}\\{name}.exe"),
            "iconIndex": 0,
        }
    })
}

fn desktop(group: &super::topology::AppGroup) -> Value {
    json!({
        "id": format!("{}/desktops/SessionDesktop", group.id),
        "name": format!("{}/SessionDesktop", group.name),
        "type": "Microsoft.DesktopVirtualization/applicationgroups/desktops",
        "properties": {
            "objectId": null,
            "description": null,
            "friendlyName": "SessionDesktop",
            "iconHash": null,
            "iconContent": "",
        }
    })
}
