//! Resource Health and Service Health (azure-avd.md §7.2).

use serde_json::{Value, json};

use super::{
    ask::{Ask, Verb},
    envelope::{Answer, paged},
    fault::FaultKind,
    hosts::Power,
    moment::{DAY, Iso, MINUTE, Ms},
    outage::Notice,
    spec::Region,
    topology::Node,
    world::World,
};

/// How often the platform reports a machine's health.
const REPORTS_EVERY: Ms = MINUTE;
/// A silent machine is reported unavailable after so long.
const NOTICED_AFTER: Ms = 3 * MINUTE;

impl World {
    /// Routes the provider; `at` is the index of `providers`.
    pub(super) fn health(&self, ask: &Ask<'_>, at: usize) -> Answer {
        let path = ask.path;
        let scope = if at == 0 { None } else { self.top.find(path.upto(at - 1)) };
        let Some(scope) = scope else { return Answer::no_resource(ask) };
        let seen = self.health_view(ask.view);
        let (kind, len) = (path.seg(at + 2), path.len() - at);
        if ask.verb != Verb::Get {
            return Answer::no_method(ask);
        }
        match (kind, len, scope) {
            ("availabilitystatuses", 4, Node::Vm(vm)) if path.seg(at + 3) == "current" => {
                Answer::json(&self.availability(vm, seen))
            }
            ("availabilitystatuses", 3, Node::Vm(vm)) => {
                paged(ask, std::iter::once(self.availability(vm, seen)))
            }
            ("availabilitystatuses", 3, Node::Subscription | Node::ResourceGroup(_)) => {
                let hits = (0..self.vms.len()).filter(|vm| match scope {
                    Node::ResourceGroup(group) => self.top.vms[*vm].group == group,
                    _ => true,
                });
                paged(ask, hits.map(|vm| self.availability(vm, seen)))
            }
            ("events", 3, _) => self.list_events(ask, seen, self.top.region_of(scope)),
            ("events", 4 | 5, Node::Subscription) => self.one_event(ask, at, seen),
            ("availabilitystatuses", 4, _) => Answer::no_resource(ask),
            _ => Answer::no_route(ask),
        }
    }

    /// What the health services know: the present, or the beginning of a `stale-health`.
    fn health_view(&self, now: Ms) -> Ms {
        self.standing(FaultKind::StaleHealth).map(|s| s.since).min().unwrap_or(now).min(now)
    }

    fn availability(&self, vm: usize, seen: Ms) -> Value {
        let info = &self.top.vms[vm];
        let state = &self.vms[vm];
        let dead = self.standing(FaultKind::Dead).find(|s| s.fault.scope.region == Some(info.region));
        let lost_since =
            dead.filter(|_| state.lost).map(|s| s.since + NOTICED_AFTER).filter(|at| *at <= seen);
        let reported = seen - seen.rem_euclid(REPORTS_EVERY);
        let (word, reason, occurred, summary) = match (lost_since, state.power_at(seen)) {
            (Some(since), _) => {
                ("Unavailable", "Unplanned", since, "The platform cannot reach this virtual machine.")
            }
            (None, Power::Running | Power::Starting) => (
                "Available",
                "",
                state.since,
                "There aren't any known Azure platform problems affecting this virtual machine.",
            ),
            (None, _) => (
                "Unavailable",
                "Customer Initiated",
                state.since,
                "This virtual machine is stopped as requested by an authorized user or process.",
            ),
        };
        json!({
            "id": format!("{}/providers/Microsoft.ResourceHealth/availabilityStatuses/current", info.id),
            "name": "current",
            "type": "Microsoft.ResourceHealth/AvailabilityStatuses",
            "location": self.top.region(info.region).azure,
            "properties": {
                "availabilityState": word,
                "title": word,
                "summary": summary,
                "reasonType": reason,
                "context": if lost_since.is_some() { "Platform" } else { "Not Applicable" },
                "category": if lost_since.is_some() { "Unplanned" } else { "Not Applicable" },
                "occuredTime": Iso(occurred),
                "reasonChronicity": "Persistent",
                "reportedTime": Iso(reported),
                "recommendedActions": [],
                "serviceImpactingEvents": [],
            }
        })
    }

    /// Events of the subscription, or those that touch the region of one resource.
    fn list_events(&self, ask: &Ask<'_>, seen: Ms, region: Option<Region>) -> Answer {
        let filter = ask.query("$filter").map(|f| f.to_ascii_lowercase()).unwrap_or_default();
        let start = ask.query("querystarttime").and_then(|t| t.parse::<jiff::Timestamp>().ok());
        let from = start.map_or(seen - 90 * DAY, jiff::Timestamp::as_millisecond);
        let wants = |status: &str| {
            !filter.contains("status") || filter.contains(&format!("'{}'", status.to_ascii_lowercase()))
        };
        let kind = !filter.contains("eventtype") || filter.contains("serviceissue");
        let hits = self.notices.iter().enumerate().filter(|(_, n)| {
            kind && region.is_none_or(|r| r == n.region)
                && n.posted_at <= seen
                && n.posted_at >= from
                && wants(status_of(n, seen))
        });
        paged(ask, hits.map(|(at, n)| self.event_json(at, n, seen)))
    }

    fn one_event(&self, ask: &Ask<'_>, at: usize, seen: Ms) -> Answer {
        let name = ask.path.seg(at + 3);
        let found = self
            .notices
            .iter()
            .enumerate()
            .find(|(i, n)| n.posted_at <= seen && tracking(*i).eq_ignore_ascii_case(name));
        let Some((index, notice)) = found else { return Answer::no_resource(ask) };
        match (ask.path.seg(at + 4), ask.path.len() - at) {
            (_, 4) => Answer::json(&self.event_json(index, notice, seen)),
            ("impactedresources", 5) => {
                let hits = self.top.vms.iter().filter(|vm| vm.region == notice.region);
                paged(
                    ask,
                    hits.map(|vm| {
                        json!({
                            "id": format!(
                                "/subscriptions/{}/providers/Microsoft.ResourceHealth/events/{}/impactedResources/{}",
                                self.top.subscription, tracking(index), vm.vm_id
                            ),
                            "name": vm.vm_id,
                            "type": "Microsoft.ResourceHealth/events/impactedResources",
                            "properties": {
                                "targetResourceType": "Microsoft.Compute/virtualMachines",
                                "targetResourceId": vm.id,
                                "targetRegion": self.top.region(vm.region).azure,
                                "info": [],
                            }
                        })
                    }),
                )
            }
            _ => Answer::no_route(ask),
        }
    }

    fn event_json(&self, at: usize, notice: &Notice, seen: Ms) -> Value {
        let region = &self.top.region(notice.region).name;
        let status = status_of(notice, seen);
        let (updated, phase, text) = phase_of(notice, seen);
        let services: &[&str] = match notice.cause {
            FaultKind::Grey => &["Storage"],
            _ => &["Virtual Machines", "Storage"],
        };
        let impact: Vec<Value> = services
            .iter()
            .enumerate()
            .map(|(number, service)| {
                json!({
                    "impactedService": service,
                    "impactedServiceGuid": format!("8a8a8a8a-0000-4000-8000-{:012x}", 3 + number),
                    "impactedRegions": [{
                        "impactedRegion": region,
                        "status": status,
                        "impactedSubscriptions": [self.top.subscription],
                        "impactedTenants": [],
                        "lastUpdateTime": Iso(updated),
                        "updates": [{"summary": text, "updateDateTime": Iso(updated)}],
                    }],
                })
            })
            .collect();
        json!({
            "id": format!("/subscriptions/{}/providers/Microsoft.ResourceHealth/events/{}", self.top.subscription, tracking(at)),
            "name": tracking(at),
            "type": "/providers/Microsoft.ResourceHealth/events",
            "properties": {
                "eventType": "ServiceIssue",
                "eventSource": "ServiceHealth",
                "status": status,
                "title": format!("{} - {region} - {phase}", services[0]),
                "summary": text,
                "header": "Your service might have been impacted by an Azure service issue",
                "level": "Critical",
                "eventLevel": "Error",
                "externalIncidentId": tracking(at),
                "isHIR": false,
                "priority": 2,
                "impactStartTime": Iso(notice.began),
                "impactMitigationTime": notice.resolved_at.filter(|t| *t <= seen).map(Iso),
                "lastUpdateTime": Iso(updated),
                "hirStage": null,
                "impact": impact,
            }
        })
    }
}

fn tracking(at: usize) -> String {
    format!("FSHR-{:03}", at + 1)
}

fn status_of(notice: &Notice, seen: Ms) -> &'static str {
    if notice.resolved_at.is_some_and(|at| at <= seen) { "Resolved" } else { "Active" }
}

/// Titles and updates evolve: investigating, then mitigating, then resolved.
fn phase_of(notice: &Notice, seen: Ms) -> (Ms, &'static str, &'static str) {
    const MITIGATING_AFTER: Ms = 30 * MINUTE;
    if let Some(at) = notice.resolved_at.filter(|at| *at <= seen) {
        return (at, "resolved", "The issue has been mitigated.");
    }
    let next = notice.posted_at + MITIGATING_AFTER;
    if next <= seen {
        let rounds = (seen - notice.posted_at).div_euclid(MITIGATING_AFTER);
        let at = notice.posted_at + rounds * MITIGATING_AFTER;
        return (at, "mitigating", "We have identified the cause and are applying mitigation.");
    }
    (
        notice.posted_at,
        "investigating",
        "We are investigating an issue that affects resources in this region.",
    )
}
