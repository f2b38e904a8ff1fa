//! The estate file that fits a simulated world (design.md §5).

use std::fmt::Write as _;

use super::{
    scenario::{Scenario, Simulated},
    spec::Region,
    topology::Topology,
};

/// Writes the estate file of a scenario.
pub(super) fn write(scenario: &Scenario, simulated: Option<Simulated>) -> String {
    let (spec, top) = (&scenario.spec, &scenario.top);
    let mut text =
        String::from("# Written by `farshore sim estate`: fits the simulated Azure only.\nformat = 1\n");
    let _ = writeln!(
        text,
        "name = \"{}\"\ncloud = \"public\"\ntenant = \"{}\"\n\n[regions]",
        spec.estate, spec.tenant
    );
    for region in Region::BOTH {
        let info = top.region(region);
        let _ = writeln!(
            text,
            "{:<9} = {{ azure = \"{}\", code = \"{}\" }}",
            region.word(),
            info.azure,
            info.code
        );
    }
    for at in 0..top.services.len() {
        service(&mut text, scenario, at);
    }
    text.push_str("\n[directory]\n");
    for region in Region::BOTH {
        let ids: Vec<String> = top
            .vms
            .iter()
            .filter(|vm| vm.host.is_none() && vm.region == region)
            .map(|vm| format!("\"{}\"", vm.id))
            .collect();
        let _ = writeln!(text, "{:<9} = [{}]", region.word(), ids.join(", "));
    }
    text.push_str(
        "\n[policy]\nrto = \"2h\"\nrpo = \"15m\"\nsource = \"BIA 2026-03\"\nnotice = \"15m\"\nallow_run_command = true\n",
    );
    if let Some(simulated) = simulated {
        let _ = writeln!(text, "\n[simulated]\nepoch = \"{}\"\nspeed = {}", simulated.epoch, simulated.speed);
        if let Some(anchor) = simulated.anchor {
            let _ = writeln!(text, "anchor = \"{anchor}\"");
        }
    }
    text
}

fn service(text: &mut String, scenario: &Scenario, at: usize) {
    let top = &scenario.top;
    let service = &top.services[at];
    let class = if at == 0 { "critical" } else { "important" };
    let _ = writeln!(
        text,
        "\n[[service]]\nname = \"{}\"\nkind = \"avd-pooled\"\nlayout = \"active-passive\"\nclass = \"{class}\"\ncapacity_percent = 100",
        service.name
    );
    for region in Region::BOTH {
        let pool = &top.pools[service.pools[region.index()]];
        let _ = writeln!(
            text,
            "{:<9} = {{ pool = \"{}\", workspace = \"{}\", scaling_plan = \"{}\" }}",
            region.word(),
            pool.id,
            top.workspaces[pool.workspace].id,
            top.plans[pool.plan].id
        );
    }
    let stores: Vec<String> = Region::BOTH
        .into_iter()
        .map(|region| format!("{} = {}", region.word(), stores(top, at, region)))
        .collect();
    let _ = writeln!(text, "profiles  = {{ {} }}", stores.join(", "));
    for group in top.groups_in(Region::Primary, Some(at)) {
        let info = &top.groups[group];
        let principal = &top.principals[info.principal];
        let _ = writeln!(
            text,
            "\n[[service.application_group]]\ncode = \"{}\"\nprimary = \"{}\"\nsecondary = \"{}\"\nprincipals = [ {{ name = \"{}\", id = \"{}\", type = \"Group\" }} ]",
            info.code, info.id, top.groups[info.twin].id, principal.name, principal.id
        );
    }
    for holder in &scenario.spec.holder {
        let principal = top.principals.iter().find(|p| p.name == holder.group);
        if let (Some(reason), Some(principal)) = (&holder.reason, principal) {
            let _ = writeln!(
                text,
                "\n[[service.exception]]\nprincipal = \"{}\"\nreason = \"{reason}\"",
                principal.id
            );
        }
    }
}

fn stores(top: &Topology, service: usize, region: Region) -> String {
    let id = |office: bool| {
        let found =
            top.accounts.iter().find(|a| a.service == service && a.region == region && a.office == office);
        found.map_or("", |account| account.id.as_str())
    };
    format!("{{ profile = \"{}\", office = \"{}\" }}", id(false), id(true))
}
