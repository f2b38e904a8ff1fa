//! Answers that are broken, odd or hostile, through the real client and engine.
//!
//! A wire between the client and the simulator rewrites the answers of one route from the
//! moment a gate's turn comes. The gate must not be passed on such a reading, nothing may
//! panic, no request may leave for another origin, and no control character may reach the
//! journal.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use farshore::{
    domain::time::{Timestamp, minutes, seconds},
    engine::{
        Engine,
        event::{GateVerdict, RunEnd},
    },
    runbook::Mode,
    wire::{Reply, Request, Response, Wire},
};
use serde_json::{Value, json};

use super::{
    outage::{Cockpit, turn},
    rehearsal::{Rehearsal, Setting},
};

/// What is done to an answer.
#[derive(Debug, Clone, Copy)]
enum Mutation {
    /// The body is this, with status 200.
    Body(&'static str),
    /// The first half of the body.
    Cut,
    /// A member is put over the one of the same name at the top, or added.
    Put(&'static str, &'static str),
    /// The text of a member is added at the end, so that it may stand there twice.
    Twice(&'static str),
    /// Every member of this name at any depth is taken out.
    Without(&'static str),
    /// Every member of this name at any depth reads otherwise.
    Reads(&'static str, &'static str),
    /// The next page is at this address.
    Next(&'static str),
    /// The next page is at our own origin and fails.
    NextFails,
    /// The first item of the list reads otherwise, or is added to an empty one.
    Item(&'static str),
    /// Every name of a member in capitals.
    Shouted,
    /// Members nobody knows, everywhere.
    Extra,
    /// Control and bidirectional characters and terminal sequences in texts people choose.
    Graffiti,
}

use Mutation::{Body, Cut, Extra, Graffiti, Item, Next, NextFails, Put, Reads, Shouted, Twice, Without};

const EVIL: &str = "\u{1b}]0;pwned\u{7}\u{1b}[2J\u{202e}\u{200f}\u{0}\u{9b}31m\r\n\u{2066}";

impl Mutation {
    fn apply(self, answer: Response, url: &str) -> Response {
        let (mut parts, body) = answer.into_parts();
        let text = String::from_utf8(body.to_vec()).unwrap();
        let json = || serde_json::from_str::<Value>(&text).unwrap_or(Value::Null);
        let over = |change: &dyn Fn(&mut Value)| {
            let mut value = json();
            change(&mut value);
            value.to_string()
        };
        let new = match self {
            Body(body) => {
                parts.status = http::StatusCode::OK;
                body.to_owned()
            }
            Cut => text.get(..text.len() / 2).unwrap_or_default().to_owned(),
            Put(key, to) => over(&|value| value[key] = serde_json::from_str(to).unwrap()),
            Twice(member) => format!("{},{member}}}", text.trim_end().trim_end_matches('}')),
            Without(key) => over(&|value| walk(value, &|map| drop(map.remove(key)))),
            Reads(key, to) => over(&|value| {
                walk(value, &|map| {
                    if let Some(known) = map.get_mut(key) {
                        // Numbers that no type of ours holds are written as they stand.
                        *known = serde_json::from_str(to).unwrap();
                    }
                });
            }),
            Next(next) => over(&|value| value["nextLink"] = json!(next)),
            NextFails => over(&|value| value["nextLink"] = json!(format!("{url}&$skipToken=fails"))),
            Item(item) => over(&|value| {
                let item = serde_json::from_str(item).unwrap();
                let list = value["value"].as_array_mut().unwrap();
                match list.first_mut() {
                    Some(first) => *first = item,
                    None => list.push(item),
                }
            }),
            Shouted => over(&|value| {
                walk(value, &|map| {
                    let old = std::mem::take(map);
                    map.extend(old.into_iter().map(|(key, value)| (key.to_uppercase(), value)));
                });
            }),
            Extra => over(&|value| {
                walk(value, &|map| {
                    map.insert("zzzUnknown".to_owned(), json!({ "deep": [null, 1e300, { "value": [] }] }));
                });
            }),
            Graffiti => over(&|value| {
                walk(value, &|map| {
                    for key in [
                        "userPrincipalName",
                        "activeDirectoryUserName",
                        "friendlyName",
                        "description",
                        "title",
                    ] {
                        if let Some(Value::String(text)) = map.get_mut(key) {
                            text.push_str(EVIL);
                        }
                    }
                });
            }),
        };
        parts.headers.remove("content-length");
        Response::from_parts(parts, Bytes::from(new))
    }
}

/// Every object of a document, the innermost first.
fn walk(value: &mut Value, change: &dyn Fn(&mut serde_json::Map<String, Value>)) {
    match value {
        Value::Object(map) => {
            map.values_mut().for_each(|value| walk(value, change));
            change(map);
        }
        Value::Array(list) => list.iter_mut().for_each(|value| walk(value, change)),
        _ => {}
    }
}

/// Rewrites the answers of one route, as long as it is told how.
#[derive(Debug)]
struct Rewriting {
    inner: Arc<dyn Wire>,
    /// End of the path, in lower case, and a piece of it; empty fits all.
    route: (&'static str, &'static str),
    mutation: Arc<Mutex<Option<Mutation>>>,
    strangers: Arc<Mutex<Vec<String>>>,
}

impl Wire for Rewriting {
    fn call(&self, request: Request) -> Reply<'_> {
        let uri = request.uri().clone();
        if uri.authority().is_none_or(|authority| authority != "127.0.0.1:1") {
            self.strangers.lock().unwrap().push(uri.to_string());
        }
        let path = uri.path().to_lowercase();
        let ours = path.ends_with(self.route.0) && path.contains(self.route.1);
        let mutation = *self.mutation.lock().unwrap();
        let mutation = mutation.filter(|_| ours && request.method() == http::Method::GET);
        Box::pin(async move {
            if uri.query().is_some_and(|query| query.contains("=fails")) {
                return Ok(http::Response::builder().status(500).body(Bytes::new()).unwrap());
            }
            let answer = self.inner.call(request).await?;
            Ok(match mutation {
                Some(mutation) => mutation.apply(answer, &uri.to_string()),
                None => answer,
            })
        })
    }
}

/// A route of which a gate needs the answer.
struct Route {
    /// End and piece of its path.
    path: (&'static str, &'static str),
    /// Gate, and the items of it that rest on the route.
    gate: &'static str,
    items: &'static [&'static str],
    list: bool,
    /// What is broken about this answer alone.
    own: &'static [Mutation],
}

const GATE_1: &str = "a4-standby-can-take-users";
const GATE_2: &str = "a10-safe-to-open";

/// Broken whatever the route.
const BROKEN: &[Mutation] = &[
    Body("<!doctype html><html><body>Sign in to the guest network</body></html>"),
    Body(""),
    Body(" "),
    Body("null"),
    Body("[]"),
    Body("7"),
    Body("{}"),
    Body("\u{feff}{"),
    Cut,
];

/// Broken lists.
const BROKEN_LIST: &[Mutation] = &[
    Put("value", "null"),
    Put("value", "7"),
    Put("value", "{}"),
    Put("nextLink", "7"),
    Put("nextLink", "[]"),
    Next("https://management.azure.com.evil.example/subscriptions?api-version=1"),
    Next("http://127.0.0.1:1@evil.example/x"),
    Next("http://127.0.0.2:1/x"),
    Next("//evil.example/x"),
    Next("file:///etc/passwd"),
    Next("https://127.0.0.1:1/x"),
    NextFails,
    Twice("\"value\":[]"),
    Item("null"),
    Item("7"),
    Item("[]"),
    Item("{}"),
    Item("{\"id\":7,\"properties\":[]}"),
];

/// Broken objects.
const BROKEN_OBJECT: &[Mutation] =
    &[Put("properties", "null"), Put("properties", "7"), Without("properties")];

fn routes() -> Vec<Route> {
    of_the_service().into_iter().chain(around_it()).collect()
}

/// The service's own objects.
fn of_the_service() -> Vec<Route> {
    vec![
        Route {
            path: ("/sessionhosts", "hp-hr-ne"),
            gate: GATE_1,
            items: &["standby-capacity", "standby-admits"],
            list: true,
            own: &[
                Without("allowNewSession"),
                Reads("allowNewSession", "\"perhaps\""),
                Without("lastHeartBeat"),
                Reads("lastHeartBeat", "\"yesterday\""),
                Reads("lastHeartBeat", "99999999999999999999"),
                Reads("lastHeartBeat", "\"0001-01-01T00:00:00Z\""),
                Without("status"),
                Reads("status", "\"\\u001b[31mAvailable\""),
            ],
        },
        Route {
            path: ("/hostpools/hp-hr-ne", ""),
            gate: GATE_1,
            items: &["standby-capacity"],
            list: false,
            own: &[
                Without("maxSessionLimit"),
                Reads("maxSessionLimit", "-1"),
                Reads("maxSessionLimit", "1.5e300"),
                Reads("maxSessionLimit", "\"many\""),
                Reads("maxSessionLimit", "null"),
                Reads("maxSessionLimit", "[16]"),
            ],
        },
        Route {
            path: ("/scalingplans", "hp-hr-we"),
            gate: GATE_1,
            items: &["active-plan-held"],
            list: true,
            own: &[
                Without("hostPoolReferences"),
                Reads("hostPoolReferences", "null"),
                Reads("hostPoolReferences", "{}"),
                Without("scalingPlanEnabled"),
                Reads("scalingPlanEnabled", "\"off\""),
                Reads("scalingPlanEnabled", "null"),
                Without("hostPoolArmPath"),
            ],
        },
        Route {
            path: ("/roleassignments", "dag1-we"),
            gate: GATE_1,
            items: &["holders-accounted", "nothing-inherited"],
            list: true,
            own: &[
                Without("principalId"),
                Reads("principalId", "null"),
                Reads("principalId", "\"nobody\""),
                Without("roleDefinitionId"),
                Reads("roleDefinitionId", "7"),
                Without("scope"),
                Reads("scope", "\"/\\u0000\""),
            ],
        },
    ]
}

/// What stands around it.
fn around_it() -> Vec<Route> {
    vec![
        Route {
            path: ("/permissions", "rg-avd-ne"),
            gate: GATE_1,
            items: &["rights"],
            list: true,
            own: &[Without("actions"), Reads("actions", "7"), Reads("actions", "[7]"), Without("notActions")],
        },
        Route { path: ("/locks", "rg-avd-ne"), gate: GATE_1, items: &["no-locks"], list: true, own: &[] },
        Route {
            path: ("/applicationgroups/dag1-ne", ""),
            gate: GATE_1,
            items: &["standby-published"],
            list: false,
            own: &[
                Without("workspaceArmPath"),
                Reads("workspaceArmPath", "null"),
                Reads("workspaceArmPath", "7"),
            ],
        },
        Route {
            path: ("", "/storageaccounts/stcontosohrprofne"),
            gate: GATE_1,
            items: &["standby-shares"],
            list: false,
            own: &[
                Without("statusOfPrimary"),
                Reads("statusOfPrimary", "7"),
                Reads("statusOfPrimary", "\"maybe\""),
            ],
        },
        Route {
            path: ("", "/virtualmachines/dc-ne-1"),
            gate: GATE_1,
            items: &["directory-up"],
            list: false,
            own: &[Without("instanceView"), Reads("statuses", "7"), Without("statuses"), Without("code")],
        },
        Route {
            path: ("/usersessions", "hp-hr-we"),
            gate: GATE_2,
            items: &["active-empty-or-dead"],
            list: true,
            own: &[],
        },
    ]
}

/// A run through a wire that rewrites one route.
struct Bench {
    cockpit: Cockpit,
    mutation: Arc<Mutex<Option<Mutation>>>,
    strangers: Arc<Mutex<Vec<String>>>,
}

impl Bench {
    /// From its beginning, every answer of the route as `mutation` makes it.
    async fn open(path: (&'static str, &'static str), mutation: Option<Mutation>) -> Self {
        let mutation = Arc::new(Mutex::new(mutation));
        let strangers = Arc::new(Mutex::default());
        let rehearsal = Rehearsal::through(&Setting::PLAIN, |inner| {
            let (mutation, strangers) = (mutation.clone(), Arc::clone(&strangers));
            Arc::new(Rewriting { inner, route: path, mutation, strangers })
        });
        Self { cockpit: Cockpit::open(rehearsal, Mode::Graceful).await, mutation, strangers }
    }

    /// In the turn of the route's gate: the answer as `mutation` makes it, for long enough that
    /// the gate has looked again.
    async fn answer(&mut self, route: &Route, mutation: Option<Mutation>) {
        *self.mutation.lock().unwrap() = mutation;
        let since = self.cockpit.clock.now();
        // A gate that waits looks every 15 s; a page that fails is tried again for some seconds.
        let until = since + if mutation.is_some() { seconds(35) } else { minutes(2) };
        let over = |engine: &Engine, now: Timestamp| now >= until || turn(engine) != route.gate;
        self.cockpit.until("another look", true, over).await;
    }

    /// What is wrong after a broken answer.
    fn check(&self, route: &Route) -> Result<(), String> {
        if turn(&self.cockpit.engine) != route.gate {
            return Err("the gate was passed".to_owned());
        }
        let shown = self.cockpit.shown(route.gate);
        let green = shown
            .proofs
            .iter()
            .find(|proof| route.items.contains(&proof.id.as_str()) && proof.verdict == GateVerdict::Green);
        match green {
            Some(green) => Err(format!("green: {green:?}")),
            None => clean(&self.cockpit, &self.strangers),
        }
    }
}

fn proofs(cockpit: &Cockpit, route: &Route) -> String {
    let run = cockpit.engine.run();
    format!("{:?}", run.steps[run.plan.position(route.gate).unwrap()].gate)
}

/// Nothing left for another origin, and the journal is safe to show.
fn clean(cockpit: &Cockpit, strangers: &Arc<Mutex<Vec<String>>>) -> Result<(), String> {
    if !strangers.lock().unwrap().is_empty() {
        return Err(format!("left for another origin: {strangers:?}"));
    }
    for line in cockpit.rehearsal.journal.0.lock().unwrap().lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        if let Some(text) = unsafe_text(&value) {
            return Err(format!("in the journal: {text:?}"));
        }
    }
    Ok(())
}

/// The first text that could move a cursor or turn a line round.
fn unsafe_text(value: &Value) -> Option<String> {
    let bad = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    match value {
        Value::String(text) => text.contains(bad).then(|| text.clone()),
        Value::Array(list) => list.iter().find_map(unsafe_text),
        Value::Object(map) => map
            .iter()
            .find_map(|(key, value)| key.contains(bad).then(|| key.clone()).or_else(|| unsafe_text(value))),
        _ => None,
    }
}

/// Every broken answer of a route after the other keeps its gate shut; the true one opens it.
#[tokio::test(start_paused = true)]
async fn no_gate_is_passed_on_a_broken_answer() {
    let mut failed = Vec::new();
    for route in routes() {
        let shape = if route.list { BROKEN_LIST } else { BROKEN_OBJECT };
        let mut bench = Bench::open(route.path, None).await;
        bench.cockpit.turn(route.gate).await;
        for mutation in BROKEN.iter().chain(shape).chain(route.own) {
            bench.answer(&route, Some(*mutation)).await;
            if let Err(why) = bench.check(&route) {
                failed.push(format!("{:?} {mutation:?}: {why}", route.path));
                break;
            }
        }
        bench.answer(&route, None).await;
        if turn(&bench.cockpit.engine) == route.gate {
            failed.push(format!(
                "{:?}: a true answer leaves it shut: {}",
                route.path,
                proofs(&bench.cockpit, &route)
            ));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

/// What is merely unusual is read as what it says.
#[tokio::test(start_paused = true)]
async fn an_odd_but_whole_answer_is_read() {
    for route in routes() {
        for mutation in [Shouted, Extra, Graffiti, Put("nextLink", "null"), Put("nextLink", "\"\"")] {
            let mut bench = Bench::open(route.path, Some(mutation)).await;
            bench.cockpit.turn(route.gate).await;
            bench.answer(&route, Some(mutation)).await;
            let told = format!("{:?} {mutation:?} {}", route.path, proofs(&bench.cockpit, &route));
            assert_ne!(turn(&bench.cockpit.engine), route.gate, "{told}");
            clean(&bench.cockpit, &bench.strangers).unwrap_or_else(|why| panic!("{told}: {why}"));
        }
    }
}

/// A whole run in which every answer carries graffiti: it is read, and made safe to show.
#[tokio::test(start_paused = true)]
async fn graffiti_is_made_safe() {
    let mut bench = Bench::open(("", ""), Some(Graffiti)).await;
    assert_eq!(bench.cockpit.end().await, RunEnd::Completed, "{}", bench.cockpit.rehearsal.story());
    clean(&bench.cockpit, &bench.strangers).unwrap();
    let lines = bench.cockpit.rehearsal.journal.0.lock().unwrap().lines().collect::<Vec<_>>().join("\n");
    assert!(lines.contains("<U+001B>[2J<U+202E>"), "it was read");
}
