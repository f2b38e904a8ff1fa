//! What the compute provider says about the life of a machine.

use serde::Serialize;

use super::{
    fault::FaultKind,
    moment::{Iso, Ms},
    world::World,
};

/// The instance view of one machine.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InstanceView<'a> {
    computer_name: &'a str,
    os_name: &'static str,
    os_version: &'static str,
    hyper_v_generation: &'static str,
    vm_agent: GuestAgent,
    disks: [(); 0],
    statuses: Vec<ViewStatus>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GuestAgent {
    vm_agent_version: &'static str,
    statuses: [ViewStatus; 1],
}

/// One status of a view.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ViewStatus {
    code: &'static str,
    level: &'static str,
    display_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<Iso>,
}

/// A machine in the list that carries states only.
#[derive(Serialize)]
pub(super) struct StatusItem<'a> {
    name: &'a str,
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    location: &'a str,
    properties: StatusProperties<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusProperties<'a> {
    vm_id: &'a str,
    provisioning_state: &'static str,
    instance_view: Statuses,
}

#[derive(Serialize)]
struct Statuses {
    statuses: Vec<ViewStatus>,
}

impl World {
    /// A machine as `statusOnly=true` lists it. Where compute of a region is silent, the
    /// platform does not know the power state and omits it (azure-avd.md §3).
    pub(super) fn status_item(&self, vm: usize, at: Ms) -> StatusItem<'_> {
        let info = &self.top.vms[vm];
        let silent = self.standing(FaultKind::Silent).any(|s| {
            let scope = &s.fault.scope;
            let named = scope.providers.iter().any(|p| p.eq_ignore_ascii_case("microsoft.compute"));
            scope.region == Some(info.region) && (scope.providers.is_empty() || named)
        });
        let mut statuses = self.statuses(vm, at);
        if silent {
            statuses.pop();
        }
        StatusItem {
            name: &info.name,
            id: self.shouted_id(vm),
            kind: "Microsoft.Compute/virtualMachines",
            location: &self.top.region(info.region).azure,
            properties: StatusProperties {
                vm_id: &info.vm_id,
                provisioning_state: "Succeeded",
                instance_view: Statuses { statuses },
            },
        }
    }

    /// The whole instance view of a machine.
    pub(super) fn instance_view(&self, vm: usize, at: Ms) -> InstanceView<'_> {
        let info = &self.top.vms[vm];
        let ready = self.agent_answers(vm);
        let agent = ViewStatus {
            code: if ready { "ProvisioningState/succeeded" } else { "ProvisioningState/Unavailable" },
            level: if ready { "Info" } else { "Warning" },
            display_status: if ready { "Ready" } else { "Not Ready" },
            message: Some(if ready {
                "GuestAgent is running and processing the extensions."
            } else {
                "VM status blob is found but not yet populated."
            }),
            time: Some(Iso(at)),
        };
        InstanceView {
            computer_name: &info.name,
            os_name: match info.host {
                Some(_) => "Windows 11 Enterprise multi-session",
                None => "Windows Server 2025 Datacenter",
            },
            os_version: "10.0.26100",
            hyper_v_generation: "V2",
            vm_agent: GuestAgent {
                vm_agent_version: if ready { "2.7.41491.1171" } else { "Unknown" },
                statuses: [agent],
            },
            disks: [],
            statuses: self.statuses(vm, at),
        }
    }

    fn statuses(&self, vm: usize, at: Ms) -> Vec<ViewStatus> {
        let (code, text) = self.power_code(vm, at);
        let status = |code, display_status, time| ViewStatus {
            code,
            level: "Info",
            display_status,
            message: None,
            time,
        };
        let since = Some(Iso(self.vms[vm].since));
        vec![status("ProvisioningState/succeeded", "Provisioning succeeded", since), status(code, text, None)]
    }

    /// The id as lists of this provider spell it: the resource group in capitals.
    pub(super) fn shouted_id(&self, vm: usize) -> String {
        let info = &self.top.vms[vm];
        let group = self.top.resource_groups[info.group].name.as_str();
        info.id.replacen(group, &group.to_ascii_uppercase(), 1)
    }
}
