//! Scaling plans: what an evaluation does to the hosts of a pool (azure-avd.md §9.4, §10.1).

use serde_json::{Value, json};

use super::{
    ask::Ask,
    envelope::{Answer, paged},
    hosts::Power,
    moment::{DAY, HOUR, Ms},
    operations::{Ending, Operation, Task},
    world::{Event, PoolReference, World},
};

/// Hosts with a tag of this name are left alone by the simulated plans.
pub(super) const EXCLUSION_TAG: &str = "avd-autoscale-exclude";
/// Share of a pool that stays on outside working hours, in percent.
const MINIMUM_PERCENT: usize = 25;
/// Used share of the running capacity above which another host is started, in percent.
const CAPACITY_PERCENT: u64 = 80;
/// Hours of the day at which ramp-up, peak, ramp-down and off-peak begin, in UTC.
const PHASES: [i64; 4] = [5, 7, 18, 20];

impl World {
    /// Every enabled plan looks at its pools.
    pub(super) fn autoscale(&mut self) {
        let enabled: Vec<usize> =
            self.plans.iter().flatten().filter(|r| r.enabled).filter_map(|r| r.pool).collect();
        for pool in enabled {
            if !self.is_dead(self.top.pools[pool].region) {
                self.evaluate(pool);
            }
        }
    }

    fn evaluate(&mut self, pool: usize) {
        let now = self.now;
        let hosts = self.top.pools[pool].hosts.clone();
        let managed: Vec<usize> = hosts.filter(|h| !self.vms[*h].tags.contains_key(EXCLUSION_TAG)).collect();
        let running: Vec<usize> =
            managed.iter().copied().filter(|h| self.vms[*h].power == Power::Running).collect();
        // A plan takes running hosts back into service: it does not know why they were drained.
        for host in &running {
            self.hosts[*host].accept(true, now);
        }
        let used: u64 = running.iter().map(|h| u64::from(self.hosts[*h].load)).sum();
        let capacity = running.len() as u64 * u64::from(self.session_limit(pool));
        if used * 100 > capacity * CAPACITY_PERCENT {
            let cold = managed.iter().copied().find(|h| {
                matches!(self.vms[*h].power, Power::Deallocated | Power::Stopped)
                    && self.vms[*h].busy.is_none()
            });
            if let Some(host) = cold {
                self.scale(host, Task::Start);
            }
        } else if !working_hours(now) {
            let keep = (managed.len() * MINIMUM_PERCENT).div_ceil(100);
            let idle = running
                .iter()
                .rev()
                .copied()
                .find(|h| self.hosts[*h].load == 0 && self.vms[*h].busy.is_none());
            if let Some(host) = idle.filter(|_| running.len() > keep) {
                self.scale(host, Task::Deallocate);
            }
        }
    }

    /// Starts or stops a host as the plan's own identity would.
    fn scale(&mut self, vm: usize, task: Task) {
        let (span, turn) = match task {
            Task::Start => (self.spec.timing.vm_start, Power::Starting),
            _ => (self.spec.timing.vm_stop, Power::Deallocating),
        };
        let id = uuid::Builder::from_random_bytes(self.rng.u128(..).to_be_bytes()).into_uuid();
        let ends = self.now + span.draw(&mut self.rng);
        let at = self.operations.len();
        let ending = Ending::Succeeded;
        self.operations.push(Operation { id, vm, task, started: self.now, ends, ending, output: None });
        self.vms[vm].busy = Some(at);
        self.machine_turns(vm, turn);
        self.push(ends, Event::OperationEnds(at));
    }

    pub(super) fn plan_json(&self, plan: usize) -> Value {
        let info = &self.top.plans[plan];
        let references: Vec<Value> = self.plans[plan]
            .iter()
            .map(|r| json!({"hostPoolArmPath": r.path, "scalingPlanEnabled": r.enabled}))
            .collect();
        json!({
            "id": info.id,
            "name": info.name,
            "type": "Microsoft.DesktopVirtualization/scalingplans",
            "location": self.top.region(info.region).azure,
            "tags": {},
            "properties": {
                "objectId": format!("2a2a2a2a-0000-4000-8000-{:012x}", 0xc000 + plan),
                "friendlyName": self.text_of(&info.id, "friendlyName"),
                "description": self.text_of(&info.id, "description"),
                "timeZone": "UTC",
                "hostPoolType": "Pooled",
                "exclusionTag": EXCLUSION_TAG,
                "hostPoolReferences": references,
                "schedules": [schedule()],
            }
        })
    }

    /// PATCH of a plan; the references are replaced as a whole (azure-avd.md §1.2).
    pub(super) fn patch_plan(&mut self, ask: &Ask<'_>, plan: usize) -> Answer {
        let Some(body) = ask.json() else { return Answer::bad_body("it is no JSON") };
        if let Some(list) = body["properties"]["hostPoolReferences"].as_array() {
            let mut references = Vec::with_capacity(list.len());
            for item in list {
                let (Some(path), Some(enabled)) =
                    (item["hostPoolArmPath"].as_str(), item["scalingPlanEnabled"].as_bool())
                else {
                    return Answer::bad_body("each reference needs hostPoolArmPath and scalingPlanEnabled");
                };
                let pool = match self.top.find(&path.to_ascii_lowercase()) {
                    Some(super::topology::Node::Pool(at)) => Some(at),
                    _ => {
                        return Answer::error(400, "400", &format!("The host pool '{path}' does not exist."));
                    }
                };
                references.push(PoolReference { path: path.to_owned(), pool, enabled });
            }
            self.plans[plan] = references;
        }
        self.patch_texts(
            &self.top.plans[plan].id.clone(),
            &body["properties"],
            &["friendlyName", "description"],
        );
        Answer::json(&self.plan_json(plan))
    }

    /// Plans that reference a pool.
    pub(super) fn plans_of_pool(&self, ask: &Ask<'_>, pool: usize) -> Answer {
        let hits = (0..self.plans.len()).filter(|p| self.plans[*p].iter().any(|r| r.pool == Some(pool)));
        paged(ask, hits.map(|p| self.plan_json(p)))
    }

    /// `…/scalingPlans/{plan}/pooledSchedules[/{name}]`.
    pub(super) fn schedules(&self, ask: &Ask<'_>, plan: usize, name: &str) -> Answer {
        let info = &self.top.plans[plan];
        let mut properties = schedule();
        if let Some(map) = properties.as_object_mut() {
            map.remove("name");
        }
        let item = json!({
            "id": format!("{}/pooledSchedules/weekdays", info.id),
            "name": "weekdays",
            "type": "Microsoft.DesktopVirtualization/scalingplans/pooledschedules",
            "properties": properties,
        });
        match name {
            "" => paged(ask, std::iter::once(item)),
            "weekdays" => Answer::json(&item),
            _ => Answer::no_resource(ask),
        }
    }
}

/// Whether a plan is between ramp-up and ramp-down; it stops hosts only outside.
fn working_hours(at: Ms) -> bool {
    let hour = at.rem_euclid(DAY) / HOUR;
    (PHASES[0]..PHASES[2]).contains(&hour)
}

fn schedule() -> Value {
    let time = |hour: i64| json!({"hour": hour, "minute": 0});
    let [ramp_up, peak, ramp_down, off_peak] = PHASES;
    json!({
        "name": "weekdays",
        "daysOfWeek": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
        "rampUpStartTime": time(ramp_up),
        "rampUpLoadBalancingAlgorithm": "BreadthFirst",
        "rampUpMinimumHostsPct": MINIMUM_PERCENT,
        "rampUpCapacityThresholdPct": CAPACITY_PERCENT,
        "peakStartTime": time(peak),
        "peakLoadBalancingAlgorithm": "BreadthFirst",
        "rampDownStartTime": time(ramp_down),
        "rampDownLoadBalancingAlgorithm": "DepthFirst",
        "rampDownMinimumHostsPct": MINIMUM_PERCENT,
        "rampDownCapacityThresholdPct": CAPACITY_PERCENT,
        "rampDownForceLogoffUsers": false,
        "rampDownStopHostsWhen": "ZeroSessions",
        "rampDownWaitTimeMinutes": 30,
        "rampDownNotificationMessage": "You will be signed out soon.",
        "offPeakStartTime": time(off_peak),
        "offPeakLoadBalancingAlgorithm": "DepthFirst",
    })
}
