//! Microsoft.Compute: machines, their power, operations, usages.

use serde_json::{Value, json};

use super::{
    ask::{Ask, Verb},
    envelope::{Answer, paged, paged_by},
    fault::FaultKind,
    hosts::{Agent, Power},
    moment::Ms,
    operations::{Ending, HANG, Task},
    spec::Region,
    topology::{Node, Shelf, VM_CORES, VM_SIZE},
    world::World,
};

/// Image version of every simulated host.
const IMAGE_VERSION: &str = "2026.11.12";
/// The one an `image-differs` host runs.
const OTHER_IMAGE_VERSION: &str = "2026.10.08";
/// Cores of headroom above what the pools of a region need.
const SPARE_CORES: usize = 40;
/// The quota family of that size.
const FAMILY: &str = "standardDSv5Family";

impl World {
    /// Routes the provider; `at` is the index of `providers`.
    pub(super) fn compute(&mut self, ask: &Ask<'_>, at: usize) -> Answer {
        let path = ask.path;
        let scope = if at == 0 { None } else { self.top.find(path.upto(at - 1)) };
        let Some(scope) = scope else { return super::resources::no_scope(ask) };
        match (path.seg(at + 2), path.len() - at) {
            ("virtualmachines", 3) if ask.verb == Verb::Get => self.list_vms(ask, scope, None),
            ("virtualmachines", 4 | 5) => match self.top.find(path.upto(at + 3)) {
                Some(Node::Vm(vm)) => self.machine(ask, at, vm),
                _ => Answer::no_resource(ask),
            },
            ("locations", 5 | 6) if ask.verb == Verb::Get => self.in_location(ask, at),
            ("capacityreservationgroups", 3) if ask.verb == Verb::Get => {
                paged(ask, std::iter::empty::<Value>())
            }
            ("skus", 3) if ask.verb == Verb::Get => self.list_skus(ask),
            ("virtualmachines" | "capacityreservationgroups" | "skus", 3) => Answer::no_method(ask),
            _ => Answer::no_route(ask),
        }
    }

    fn in_location(&mut self, ask: &Ask<'_>, at: usize) -> Answer {
        let path = ask.path;
        let Some(region) = self.top.region_named(path.seg(at + 3)) else {
            return Answer::error(
                400,
                "NoRegisteredProviderFound",
                &format!("No registered resource provider found for location '{}'.", path.raw_seg(at + 3)),
            );
        };
        match (path.seg(at + 4), path.len() - at) {
            ("virtualmachines", 5) => self.list_vms(ask, Node::Subscription, Some(region)),
            ("usages", 5) => self.list_usages(ask, region),
            ("operations", 6) => self.operation_status(ask, path.seg(at + 5)),
            _ => Answer::no_route(ask),
        }
    }

    fn list_vms(&self, ask: &Ask<'_>, scope: Node, region: Option<Region>) -> Answer {
        let status_only = ask.query("statusonly").is_some_and(|v| v.eq_ignore_ascii_case("true"));
        let hits = (0..self.vms.len()).filter(|vm| {
            let info = &self.top.vms[*vm];
            region.is_none_or(|r| info.region == r)
                && match scope {
                    Node::ResourceGroup(group) => info.group == group,
                    _ => true,
                }
        });
        // Only the subscription's list knows the parameter.
        if status_only && scope == Node::Subscription && region.is_none() {
            return paged_by(ask, hits, |vm| self.status_item(vm, ask.view));
        }
        // Lists of this provider spell resource groups in capitals.
        paged_by(ask, hits, |vm| self.vm_json(vm, true))
    }

    fn machine(&mut self, ask: &Ask<'_>, at: usize, vm: usize) -> Answer {
        let path = ask.path;
        match (ask.verb, path.len() - at, path.seg(at + 4)) {
            (Verb::Get, 4, _) => {
                let mut item = self.vm_json(vm, false);
                if ask.expands("instanceview") {
                    item["properties"]["instanceView"] = json!(self.instance_view(vm, ask.view));
                }
                Answer::json(&item)
            }
            (Verb::Get, 5, "instanceview") => Answer::json(&self.instance_view(vm, ask.view)),
            (Verb::Patch, 4, _) => self.patch_tags(ask, vm),
            (Verb::Post, 5, "start") => self.power(ask, vm, Task::Start),
            (Verb::Post, 5, "restart") => self.power(ask, vm, Task::Restart),
            (Verb::Post, 5, "poweroff") => self.power(ask, vm, Task::PowerOff),
            (Verb::Post, 5, "deallocate") => self.power(ask, vm, Task::Deallocate),
            (Verb::Post, 5, "runcommand") => self.run_command(ask, vm),
            (_, 5, "start" | "restart" | "poweroff" | "deallocate" | "runcommand") | (_, 4, _) => {
                Answer::no_method(ask)
            }
            _ => Answer::no_route(ask),
        }
    }

    fn patch_tags(&mut self, ask: &Ask<'_>, vm: usize) -> Answer {
        let Some(body) = ask.json() else { return Answer::bad_body("it is no JSON") };
        if let Some(tags) = body["tags"].as_object() {
            self.vms[vm].tags.clone_from(tags);
        }
        Answer::json(&self.vm_json(vm, false))
    }

    fn power(&mut self, ask: &Ask<'_>, vm: usize, task: Task) -> Answer {
        if let Some(refused) = self.cannot_act(vm) {
            return refused;
        }
        let (span, turning) = match task {
            Task::Start => (self.spec.timing.vm_start, Power::Starting),
            Task::Restart => (self.spec.timing.vm_start, Power::Running),
            Task::PowerOff => (self.spec.timing.vm_stop, Power::Stopping),
            _ => (self.spec.timing.vm_stop, Power::Deallocating),
        };
        let already = matches!(
            (task, self.vms[vm].power),
            (Task::Start, Power::Running)
                | (Task::PowerOff, Power::Stopped | Power::Deallocated)
                | (Task::Deallocate, Power::Deallocated)
        );
        if already {
            return Answer::empty(200);
        }
        if task == Task::Restart && self.vms[vm].power != Power::Running {
            return Answer::error(
                409,
                "OperationNotAllowed",
                "The VM cannot be restarted because it is not running.",
            );
        }
        let ending = if task == Task::Start {
            match self.start_ending(vm) {
                Ok(ending) => ending,
                Err(refused) => return refused,
            }
        } else {
            Ending::Succeeded
        };
        let takes = span.draw(&mut self.rng);
        if task == Task::Restart {
            self.machine_rests(vm, Power::Running);
        } else {
            self.machine_turns(vm, turning);
        }
        self.begin(ask, vm, task, takes, ending)
    }

    /// Why no operation can begin on a machine: its region is gone, or another one runs.
    pub(super) fn cannot_act(&self, vm: usize) -> Option<Answer> {
        if self.vms[vm].lost {
            return Some(Answer::error(
                503,
                "ServiceUnavailable",
                "The compute service of the region is temporarily unable to process the request.",
            ));
        }
        self.vms[vm].busy.map(|_| {
            Answer::error(
                409,
                "Conflict",
                &format!(
                    "Another operation is in progress on virtual machine '{}'. Please try again later.",
                    self.top.vms[vm].name
                ),
            )
        })
    }

    fn run_command(&mut self, ask: &Ask<'_>, vm: usize) -> Answer {
        let Some(body) = ask.json() else { return Answer::bad_body("it is no JSON") };
        if body["commandId"].as_str() != Some("RunPowerShellScript") {
            return Answer::error(404, "NotFound", "The entity was not found in this Azure location.");
        }
        if self.vms[vm].busy.is_some() && !self.vms[vm].lost {
            return Answer::error(
                409,
                "Conflict",
                "Run command extension execution is in progress. Please wait for completion before invoking a run command.",
            );
        }
        if self.vms[vm].power != Power::Running {
            return Answer::error(409, "OperationNotAllowed", "Run command requires the VM to be running.");
        }
        let script: Vec<&str> = body["script"]
            .as_array()
            .map(|lines| lines.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let script = script.join("\n");
        let takes =
            if self.agent_answers(vm) { self.spec.timing.run_command.draw(&mut self.rng) } else { HANG };
        let answer = self.begin(ask, vm, Task::RunCommand, takes, Ending::Succeeded);
        self.remember_script(script);
        answer
    }

    /// Whether something on the machine can carry a command out.
    pub(super) fn agent_answers(&self, vm: usize) -> bool {
        let up = self.top.vms[vm].host.is_none_or(|host| matches!(self.hosts[host].agent, Agent::Up { .. }));
        up && self.vms[vm].power == Power::Running && !self.vms[vm].lost
    }

    /// The model of a machine as the provider answers it.
    pub(super) fn vm_json(&self, vm: usize, shout_group: bool) -> Value {
        let (info, state) = (&self.top.vms[vm], &self.vms[vm]);
        let group = &self.top.resource_groups[info.group].name;
        let id = if shout_group { self.shouted_id(vm) } else { info.id.clone() };
        let image = if info.host.is_some() {
            json!({
                "id": format!(
                    "/subscriptions/{}/resourceGroups/rg-images/providers/Microsoft.Compute/galleries/gal_contoso/images/avd-multi",
                    self.top.subscription
                ),
                "exactVersion": self.image_version(vm),
            })
        } else {
            json!({
                "publisher": "MicrosoftWindowsServer", "offer": "WindowsServer", "sku": "2025-datacenter-g2",
                "version": "latest", "exactVersion": "26100.6905.251009",
            })
        };
        json!({
            "name": info.name,
            "id": id,
            "type": "Microsoft.Compute/virtualMachines",
            "location": self.top.region(info.region).azure,
            "tags": state.tags,
            "zones": [info.zone.to_string()],
            "properties": {
                "vmId": info.vm_id,
                "provisioningState": "Succeeded",
                "hardwareProfile": {"vmSize": VM_SIZE},
                "storageProfile": {
                    "imageReference": image,
                    "osDisk": {
                        "osType": "Windows", "name": format!("{}_os", info.name), "createOption": "FromImage",
                        "caching": "ReadWrite", "managedDisk": {"storageAccountType": "Premium_LRS"}, "diskSizeGB": 128,
                    },
                    "dataDisks": [],
                },
                "osProfile": {"computerName": info.name, "adminUsername": "avdadmin", "secrets": []},
                "networkProfile": {"networkInterfaces": [{"id": format!(
                    "/subscriptions/{}/resourceGroups/{group}/providers/Microsoft.Network/networkInterfaces/{}-nic",
                    self.top.subscription, info.name
                )}]},
                "timeCreated": "2026-03-02T09:00:00Z",
            }
        })
    }

    fn image_version(&self, vm: usize) -> &'static str {
        let Some(host) = self.top.vms[vm].host else { return IMAGE_VERSION };
        let pool = &self.top.pools[self.top.hosts[host].pool];
        let differs = self.standing(FaultKind::ImageDiffers).any(|s| {
            let service = self.top.service_named(s.fault.scope.service.as_deref());
            s.fault.scope.region.is_none_or(|r| r == pool.region)
                && service.is_none_or(|at| at == pool.service)
        });
        if differs { OTHER_IMAGE_VERSION } else { IMAGE_VERSION }
    }

    /// The power state as the platform tells it; a lost machine's is not known.
    pub(super) fn power_code(&self, vm: usize, at: Ms) -> (&'static str, &'static str) {
        if self.vms[vm].lost {
            ("PowerState/unknown", "VM state unknown")
        } else {
            self.vms[vm].power_at(at).code()
        }
    }

    fn list_usages(&self, ask: &Ask<'_>, region: Region) -> Answer {
        let here = |vm: &usize| self.top.vms[*vm].region == region;
        let all = (0..self.vms.len()).filter(here).count();
        let used =
            (0..self.vms.len()).filter(here).filter(|vm| self.vms[*vm].power != Power::Deallocated).count();
        let cores = VM_CORES as usize;
        let limit =
            if self.suffers(FaultKind::Quota, region) { used * cores } else { all * cores + SPARE_CORES };
        let row = |value: &str, text: &str, current: usize, limit: usize| json!({"unit": "Count", "currentValue": current, "limit": limit, "name": {"value": value, "localizedValue": text}});
        let rows = [
            row("cores", "Total Regional vCPUs", used * cores, limit),
            row("virtualMachines", "Virtual Machines", all, 25_000),
            row(FAMILY, "Standard DSv5 Family vCPUs", used * cores, limit),
        ];
        paged(ask, rows.into_iter())
    }

    fn list_skus(&self, ask: &Ask<'_>) -> Answer {
        let rows = Region::BOTH.into_iter().map(|region| {
            let azure = &self.top.region(region).azure;
            json!({
                "resourceType": "virtualMachines", "name": VM_SIZE, "tier": "Standard", "size": "D4s_v5", "family": FAMILY,
                "locations": [azure],
                "locationInfo": [{"location": azure, "zones": ["1", "2", "3"], "zoneDetails": []}],
                "capabilities": [{"name": "vCPUs", "value": VM_CORES.to_string()}, {"name": "MemoryGB", "value": "16"}],
                "restrictions": [],
            })
        });
        paged(ask, rows)
    }

    /// Machines of a region's directory.
    pub(super) fn controllers(&self, region: Region) -> impl Iterator<Item = usize> + '_ {
        let group = Shelf::Identity.in_region(region);
        (0..self.top.vms.len()).filter(move |vm| self.top.vms[*vm].group == group)
    }
}
