//! Microsoft.Compute: virtual machines, their power, and quotas.

use std::collections::HashMap;

use futures_util::future::{join, join_all};
use serde::Deserialize;

use crate::domain::{
    ArmId, Listing, Safe, Side,
    compute::{Power, Usage, VirtualMachine},
    health::{names_region, same_region},
    reading::SilenceKind,
    source::DirectoryServer,
};

use super::{
    client::{Client, Visit},
    decode::{document, joined, short, together},
    failure::Failure,
    health,
    lenient::{Lax, List},
    version::Api,
};

#[derive(Deserialize)]
struct MachineItem {
    #[serde(default)]
    id: Lax<ArmId>,
    #[serde(default)]
    location: Lax<Safe>,
    #[serde(default)]
    zones: List<Lax<Safe>>,
    properties: MachineDto,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct MachineDto {
    hardware_profile: Option<HardwareDto>,
    storage_profile: Option<StorageDto>,
    instance_view: Option<ViewDto>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct HardwareDto {
    vm_size: Lax<Safe>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct StorageDto {
    image_reference: Option<ImageDto>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ImageDto {
    id: Lax<String>,
    shared_gallery_image_id: Lax<String>,
    community_gallery_image_id: Lax<String>,
    publisher: Lax<String>,
    offer: Lax<String>,
    sku: Lax<String>,
    version: Lax<String>,
    exact_version: Lax<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ViewDto {
    statuses: List<StatusDto>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct StatusDto {
    code: Lax<String>,
}

impl ViewDto {
    /// The power state, where one of the statuses is one.
    fn power(&self) -> Option<Power> {
        self.statuses.0.iter().find_map(|status| Power::parse(status.code.0.as_ref()?))
    }
}

impl ImageDto {
    /// The image with its exact version, as short as it stays telling.
    fn text(self) -> Option<Safe> {
        let exact = self.exact_version.0.or(self.version.0);
        let gallery = self.id.0.or(self.shared_gallery_image_id.0).or(self.community_gallery_image_id.0);
        if let Some(path) = gallery {
            let lower = path.to_ascii_lowercase();
            let name = lower.rfind("/images/").map_or(path.as_str(), |at| &path[at + "/images/".len()..]);
            let (name, own) = match name.split_once('/') {
                Some((name, rest)) => (name, rest.rsplit('/').next()),
                None => (name, None),
            };
            let version = own.or(exact.as_deref());
            return Some(Safe::new(&version.map_or(name.to_owned(), |version| format!("{name} {version}"))));
        }
        let parts = [self.publisher.0?, self.offer.0?, self.sku.0?].join(":");
        Some(Safe::new(&exact.map_or(parts.clone(), |version| format!("{parts} {version}"))))
    }
}

/// A machine, if its id is there.
fn machine(item: MachineItem, id: ArmId) -> VirtualMachine {
    let MachineDto { hardware_profile, storage_profile, instance_view } = item.properties;
    VirtualMachine {
        id,
        location: item.location.0.unwrap_or_default(),
        size: hardware_profile.and_then(|hardware| hardware.vm_size.0).unwrap_or_default(),
        zones: item.zones.0.into_iter().filter_map(|zone| zone.0).collect(),
        image: storage_profile.and_then(|storage| storage.image_reference).and_then(ImageDto::text),
        power: instance_view.and_then(|view| view.power()),
        on_since: None,
    }
}

const LIST: &str = "/providers/Microsoft.Compute/virtualMachines";

/// The machines of a region in the estate's subscriptions and in those its hosts are in: their
/// models joined with the power states, which only the list with `statusOnly` carries (azure-avd §3).
pub(super) async fn machines(
    client: &Client,
    visit: &Visit,
    side: Side,
) -> Result<Listing<VirtualMachine>, Failure> {
    let region = client.estate.regions[side].azure.as_str();
    let mut subscriptions = client.estate.subscriptions();
    for abroad in client.places.hosting() {
        if !subscriptions.contains(&abroad) {
            subscriptions.push(abroad);
        }
    }
    let lists = join_all(subscriptions.iter().map(|subscription| async move {
        let models = |item: MachineItem| {
            let id = item.id.0.clone().ok_or("a machine without a readable id")?;
            let Some(location) = item.location.0.as_ref().filter(|location| names_region(location.as_str()))
            else {
                return Err(Safe::new(&format!("machine {}: its region cannot be read", short(&id))));
            };
            Ok(same_region(location.as_str(), region).then(|| machine(item, id)))
        };
        // What has no status there is unknown, whatever the reason: no entry is no fault.
        let states = |item: MachineItem| {
            let view = item.properties.instance_view;
            Ok(item.id.0.zip(view.and_then(|view| view.power())))
        };
        let (models, states) = join(
            client.list(visit, Api::Compute, subscription, LIST, "", models),
            client.list(visit, Api::Compute, subscription, LIST, "statusOnly=true", states),
        )
        .await;
        let models = models?;
        let (states, cut) = match states {
            Ok(states) => {
                let cut = states.error().cloned();
                (states.into_seen(), cut)
            }
            Err(failure) => (Vec::new(), Some(failure.why)),
        };
        let cut = cut.map(|why| Safe::new(&format!("power states: {why}")));
        Ok(with_power(models, states.into_iter().collect(), cut))
    }))
    .await;
    joined("subscriptions", subscriptions.iter().zip(lists))
}

/// Joins models with power states.
fn with_power(
    models: Listing<VirtualMachine>,
    mut states: HashMap<ArmId, Power>,
    cut: Option<Safe>,
) -> Listing<VirtualMachine> {
    let (pages, cut) = (models.pages(), models.error().cloned().or(cut));
    let mut items = models.into_seen();
    for machine in &mut items {
        machine.power = states.remove(&machine.id).or(machine.power.take());
    }
    match cut {
        Some(why) => Listing::partial(items, pages, why),
        None => Listing::whole(items, pages),
    }
}

/// One machine with its own instance view; `None` once Azure itself says that it is not there.
pub(super) async fn power(
    client: &Client,
    visit: &Visit,
    id: &ArmId,
) -> Result<Option<VirtualMachine>, Failure> {
    match machine_by_id(client, visit, id).await {
        Err(failure) if failure.says_gone() => Ok(None),
        found => found.map(Some),
    }
}

async fn machine_by_id(client: &Client, visit: &Visit, id: &ArmId) -> Result<VirtualMachine, Failure> {
    let body = client.get(visit, Api::Compute, id, "", "$expand=instanceView").await?;
    Ok(machine(document(&body)?, id.clone()))
}

/// The directory servers of a region. Resource Health is an addition: where it has nothing to
/// say, or not to us, the machine's power stands alone; where it fails, the list is not whole.
pub(super) async fn directory(
    client: &Client,
    visit: &Visit,
    side: Side,
) -> Result<Listing<DirectoryServer>, Failure> {
    let servers = &client.estate.directory[side];
    let answers = join_all(
        servers.iter().map(|id| join(machine_by_id(client, visit, id), health::current(client, visit, id))),
    );
    let mut cut = None;
    let servers = servers.iter().zip(answers.await).map(|(id, (vm, health))| {
        if let Err(failure) = &health
            && !matches!(failure.kind, SilenceKind::Absent | SilenceKind::Denied)
        {
            cut.get_or_insert(Safe::new(&format!("resource health of {}: {}", short(id), failure.why)));
        }
        let health = health.ok();
        (id, vm.map(|vm| DirectoryServer { vm, health }))
    });
    let list = together("directory servers", servers.collect::<Vec<_>>())?;
    Ok(match cut {
        Some(why) => list.join(Listing::partial(Vec::new(), 0, why)),
        None => list,
    })
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct UsageItem {
    name: Option<NameDto>,
    current_value: Lax<u64>,
    limit: Lax<u64>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct NameDto {
    value: Lax<Safe>,
}

/// Compute quotas of a region, in every subscription of the estate.
pub(super) async fn usages(client: &Client, visit: &Visit, side: Side) -> Result<Listing<Usage>, Failure> {
    let region = &client.estate.regions[side].azure;
    let tail = &format!("/providers/Microsoft.Compute/locations/{region}/usages");
    let subscriptions = client.estate.subscriptions();
    let lists = join_all(subscriptions.iter().map(|subscription| {
        let keep = |item: UsageItem| {
            let name = item.name.and_then(|name| name.value.0).ok_or("a quota without a name")?;
            match (item.current_value.0, item.limit.0) {
                (Some(used), Some(limit)) => {
                    Ok(Some(Usage { subscription: subscription.clone(), name, used, limit }))
                }
                _ => Err(Safe::new(&format!("quota {name}: its figures cannot be read"))),
            }
        };
        client.list(visit, Api::Compute, subscription, tail, "", keep)
    }))
    .await;
    joined("subscriptions", subscriptions.iter().zip(lists))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        azure::scripted::{Script, azure, look, ok, status},
        domain::{Answer, Source},
    };

    const ABROAD: &str = "/subscriptions/7c7c7c7c-0000-4000-8000-000000000002/resourceGroups/rg-hosts/providers/Microsoft.Compute/virtualMachines/h1";

    #[tokio::test(start_paused = true)]
    async fn machines_are_listed_wherever_hosts_were_seen_to_have_them() {
        let pool = "/subscriptions/5b5b5b5b-0000-4000-8000-000000000001/resourceGroups/rg-we/providers/Microsoft.DesktopVirtualization/hostPools/hp-we";
        let hosts = format!(
            r#"{{"value":[{{"id":"{pool}/sessionHosts/h1","properties":{{"sessions":0,"resourceId":"{ABROAD}"}}}}]}}"#
        );
        let machines = format!(
            r#"{{"value":[{{"id":"{ABROAD}","location":"westeurope","properties":{{"instanceView":{{"statuses":[{{"code":"PowerState/running"}}]}}}}}}]}}"#
        );
        for (there, expected) in [(ok(&machines), (Some(1), 1)), (status(403, ""), (None, 0))] {
            let rules =
                [("sessionHosts", [ok(&hosts)]), ("7c7c7c7c", [there]), ("", [ok(r#"{"value":[]}"#)])];
            let rules: Vec<(&str, &[_])> =
                rules.iter().map(|(text, says)| (*text, says.as_slice())).collect();
            let azure = azure(&Script::new(&rules));
            for (source, counted) in [
                (Source::Machines(Side::Primary), (Some(0), 0)),
                (Source::Hosts(0, Side::Primary), (Some(1), 1)),
                (Source::Machines(Side::Primary), expected),
            ] {
                let seen = match look(&azure, source.clone()).await {
                    Ok(Answer::Hosts(hosts)) => (hosts.count(), hosts.seen().len()),
                    Ok(Answer::Machines(machines)) => (machines.count(), machines.seen().len()),
                    other => panic!("{other:?}"),
                };
                assert_eq!(seen, counted, "{source:?}");
            }
        }
    }
}
