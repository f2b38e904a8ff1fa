//! Every member of every answer of every source, broken in every way, through the real client.
//!
//! The honest answers of a simulated world are kept once. Then each look is repeated over them
//! with one member of one answer broken: taken out, of another type, beyond every number,
//! unsafe to show, deeper than anybody writes. Nothing may panic, no request may leave for
//! another origin, nothing may be unsafe to show, and no list may be shorter and yet whole.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use farshore::{
    azure::{Azure, AzureOptions, Endpoint, tokens::Fixed},
    domain::{
        Answer, Operation, Side, Source,
        estate::Estate,
        operation::{FollowKind, FollowUrl, Probe, Progress},
    },
    sim::Fault,
    wire::{Guard, Reply, Request, Response, Wire},
};
use serde_json::{Value, json};

use super::azure::{World, count, sources};

/// What is put in the place of a member.
#[derive(Debug, Clone, Copy)]
enum Break {
    Out,
    Json(&'static str),
    /// As many lists, one in the other.
    Deep(usize),
    /// The key in capitals.
    Shouted,
}

use Break::{Deep, Json, Out, Shouted};

const BREAKS: &[Break] = &[
    Out,
    Json("null"),
    Json("true"),
    Json("7"),
    Json("-1"),
    Json("1.5e300"),
    Json("99999999999999999999"),
    Json("\"\""),
    Json("\"perhaps\""),
    Json("\"\\u001b]0;pwned\\u0007\\u202e\\u009b31m\\u0000\\r\\n/../..\""),
    Json("\"0001-01-01T00:00:00Z\""),
    Json("\"9999-12-31T23:59:59.9999999Z\""),
    Json("[]"),
    Json("{}"),
    Json("[null]"),
    Json("[7,[],{},\"x\"]"),
    Json("{\"value\":[{}]}"),
    Deep(100),
    Deep(5000),
    Shouted,
];

/// One place in a document.
type Place = Vec<Step>;

#[derive(Debug, Clone)]
enum Step {
    Key(String),
    Index(usize),
}

/// Further items of a list say nothing that two do not.
const ITEMS: usize = 2;

/// All places of a document, the outermost first.
fn places(value: &Value) -> Vec<Place> {
    let mut all = vec![];
    let mut below = |step: Step, value: &Value| {
        all.push(vec![step.clone()]);
        all.extend(places(value).into_iter().map(|rest| [vec![step.clone()], rest].concat()));
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| below(Step::Key(key.clone()), value)),
        Value::Array(list) => {
            list.iter().enumerate().take(ITEMS).for_each(|(i, value)| below(Step::Index(i), value));
        }
        _ => {}
    }
    all
}

/// The text of a document in which one place is broken.
fn broken(document: &Value, place: &[Step], how: Break) -> String {
    // A number that no type holds cannot stand in a `Value`: it is written over a mark.
    const MARK: &str = "\u{1}mark\u{1}";
    let (mut text, mut document) = (String::new(), document.clone());
    let (last, above) = place.split_last().expect("no place is empty");
    let parent = above.iter().fold(&mut document, |value, step| match step {
        Step::Key(key) => &mut value[key.as_str()],
        Step::Index(index) => &mut value[*index],
    });
    match (how, last) {
        (Out, Step::Key(key)) => drop(parent.as_object_mut().expect("an object").remove(key)),
        (Out, Step::Index(index)) => drop(parent.as_array_mut().expect("a list").remove(*index)),
        (Shouted, Step::Key(key)) => {
            let map = parent.as_object_mut().expect("an object");
            let value = map.remove(key).expect("its member");
            map.insert(key.to_uppercase(), value);
        }
        (Shouted, Step::Index(_)) => {}
        (Json(new), _) => new.clone_into(&mut text),
        (Deep(depth), _) => text = format!("{}{}", "[".repeat(depth), "]".repeat(depth)),
    }
    if !text.is_empty() {
        match last {
            Step::Key(key) => parent[key.as_str()] = json!(MARK),
            Step::Index(index) => parent[*index] = json!(MARK),
        }
    }
    document.to_string().replace(&json!(MARK).to_string(), &text)
}

/// Answers that were kept, one of them broken.
#[derive(Debug, Default)]
struct Kept {
    answers: Mutex<BTreeMap<String, Response>>,
    strangers: Mutex<Vec<String>>,
    live: Option<Arc<dyn Wire>>,
}

fn copy(answer: &Response) -> Response {
    let mut copy = Response::new(answer.body().clone());
    *copy.status_mut() = answer.status();
    *copy.headers_mut() = answer.headers().clone();
    copy
}

fn name(request: &Request) -> String {
    format!("{} {}", request.method(), request.uri())
}

impl Wire for Kept {
    fn call(&self, request: Request) -> Reply<'_> {
        let name = name(&request);
        if request.uri().authority().is_none_or(|authority| authority != "127.0.0.1") {
            self.strangers.lock().unwrap().push(name.clone());
        }
        Box::pin(async move {
            if let Some(live) = &self.live {
                let answer = live.call(request).await?;
                self.answers.lock().unwrap().insert(name, copy(&answer));
                return Ok(answer);
            }
            let kept = self.answers.lock().unwrap().get(&name).map(copy);
            Ok(kept.unwrap_or_else(|| {
                http::Response::builder().status(404).body(Bytes::from_static(b"{}")).unwrap()
            }))
        })
    }
}

fn client(wire: Arc<Kept>, estate: &Arc<Estate>) -> Azure {
    let options = AzureOptions::new(Endpoint::in_process(), estate.clone());
    Azure::new(Arc::new(Guard::new(wire)), Arc::new(Fixed::simulated()), options)
}

/// A world in which every list has something to say.
async fn world(dead: bool) -> World {
    let world = World::open("tiny", 100);
    let fault = |text: &str| world.sim.inject(Fault::from_toml(text).expect("a fault"));
    for region in ["primary", "secondary"] {
        fault(&format!("fault = \"lock\"\nname = \"{region}\"\nregion = \"{region}\"\nlevel = \"ReadOnly\""));
    }
    fault("fault = \"holder-added\"\nregion = \"primary\"\nservice = \"hr\"");
    fault("fault = \"holder-added\"\nregion = \"primary\"\nservice = \"hr\"\nrole = \"custom\"");
    if dead {
        fault("fault = \"dead\"\nregion = \"secondary\"");
    }
    tokio::time::advance(Duration::from_secs(if dead { 15 * 60 } else { 5 * 60 })).await;
    world
}

/// The honest answers to one look.
async fn honest(world: &World, source: &Source) -> (BTreeMap<String, Response>, Answer) {
    let wire = Arc::new(Kept { live: Some(world.sim.clone()), ..Kept::default() });
    let azure = client(wire.clone(), &world.estate);
    let answer = azure.look(source, &|| world.now()).await.outcome.expect("an honest answer");
    let answers = std::mem::take(&mut *wire.answers.lock().unwrap());
    (answers, answer)
}

/// What no text of an answer may hold, as `Debug` writes it. A backslash before it is one that stood
/// in the text.
fn unsafe_to_show(told: &str) -> bool {
    let bad = ["\\u{1b}", "\\u{7}", "\\u{202e}", "\\u{9b}", "\\0", "\\r", "\\n"];
    bad.iter().flat_map(|bad| told.match_indices(bad)).any(|(at, _)| !told[..at].ends_with('\\'))
}

fn spelled(place: &[Step]) -> String {
    place.iter().fold(String::new(), |told, step| match step {
        Step::Key(key) => format!("{told}/{key}"),
        Step::Index(index) => format!("{told}/{index}"),
    })
}

/// Breaks every member of every answer of one look; gives what was wrong and how often it looked.
async fn shaken(world: &World, source: &Source, wrong: &mut Vec<String>) -> usize {
    let (answers, honest) = honest(world, source).await;
    let mut looks = 0;
    for (name, answer) in &answers {
        let Ok(document) = serde_json::from_slice::<Value>(answer.body()) else { continue };
        for (place, how) in
            places(&document).iter().flat_map(|place| BREAKS.iter().map(move |how| (place, *how)))
        {
            let mut answers: BTreeMap<String, Response> =
                answers.iter().map(|(name, answer)| (name.clone(), copy(answer))).collect();
            *answers.get_mut(name).unwrap().body_mut() = Bytes::from(broken(&document, place, how));
            let wire = Arc::new(Kept { answers: Mutex::new(answers), ..Kept::default() });
            let outcome = client(wire.clone(), &world.estate).look(source, &|| world.now()).await.outcome;
            looks += 1;
            let told = format!("{source:?}\n  {name}\n  {} {how:?}\n  ", spelled(place));
            if let [stranger, ..] = wire.strangers.lock().unwrap().as_slice() {
                wrong.push(format!("{told}left for {stranger}"));
            }
            let seen = format!("{outcome:?}");
            if unsafe_to_show(&seen) {
                wrong.push(format!("{told}unsafe to show: {seen}"));
            }
            let Ok(answer) = outcome else { continue };
            let fewer = count(&answer) < count(&honest) || users(&answer) < users(&honest);
            if !says_so(&document, place, how) && fewer && count(&answer).is_some() {
                wrong.push(format!("{told}whole with {:?} of {:?}: {seen}", count(&answer), count(&honest)));
            }
        }
    }
    looks
}

/// How many of the holders in an answer may use what they hold.
fn users(answer: &Answer) -> usize {
    let Answer::Assignments(held) = answer else { return 0 };
    held.seen().iter().filter(|held| held.assignment.lets_use()).count()
}

/// Whether a list that is shorter after the change is so because the answer says so: an item less,
/// no further page, a machine of another region, another action that a role allows.
fn says_so(document: &Value, place: &[Step], how: Break) -> bool {
    let (path, whole_list) = (spelled(place), matches!(document_at(document, place), Some(Value::Array(_))));
    match how {
        Out => true,
        Json("[]") => whole_list,
        Json("null" | "\"\"") if path.ends_with("/nextLink") => true,
        Json("true" | "\"perhaps\"") if path.ends_with("/location") => true,
        Json(other) => path.contains("/dataActions/") && other.starts_with('"'),
        _ => false,
    }
}

fn document_at<'a>(document: &'a Value, place: &[Step]) -> Option<&'a Value> {
    place.iter().try_fold(document, |value, step| match step {
        Step::Key(key) => value.get(key),
        Step::Index(index) => value.get(index),
    })
}

#[tokio::test(start_paused = true)]
async fn no_broken_member_of_any_answer_does_harm() {
    let (mut wrong, mut looks) = (vec![], 0);
    for dead in [false, true] {
        let world = world(dead).await;
        let all = sources(&world.estate).into_iter().map(|(source, _)| source);
        // The two sides differ in nothing that is decoded.
        let all = all.filter(|source| source.side() != Some(Side::Secondary));
        for source in all.filter(|source| dead == matches!(source, Source::Events)) {
            looks += shaken(&world, &source, &mut wrong).await;
        }
    }
    println!("{looks} broken answers");
    assert!(looks > 1_000, "{looks}");
    assert!(wrong.is_empty(), "{}\n{} of {looks}", wrong.join("\n"), wrong.len());
}

/// A long operation that goes on does not end by a broken answer, and one that ended well is
/// never called failed.
#[tokio::test(start_paused = true)]
async fn no_broken_state_ends_an_operation() {
    let world = World::open("tiny", 100);
    let Ok(Answer::Hosts(hosts)) = world.look(Source::Hosts(0, Side::Primary)).await else { panic!() };
    let vm = hosts.seen()[0].vm.clone().expect("its machine");
    let started = world.write(&Operation::RunProbe { vm, probe: Probe::Fslogix }).await;
    let url = started.headers()["azure-asyncoperation"].to_str().expect("text").to_owned();
    let follow = FollowUrl { url, kind: FollowKind::AsyncOperation, pace: 10 };
    let (mut wrong, mut ends) = (vec![], 0);
    for _ in 0..10 {
        let live = Arc::new(Kept { live: Some(world.sim.clone()), ..Kept::default() });
        let honest = client(live.clone(), &world.estate).follow(&follow).await;
        let answers = std::mem::take(&mut *live.answers.lock().unwrap());
        let (name, answer) = answers.first_key_value().expect("one answer");
        let document: Value = serde_json::from_slice(answer.body()).expect("a document");
        for (place, how) in
            places(&document).iter().flat_map(|place| BREAKS.iter().map(move |how| (place, *how)))
        {
            let mut answer = copy(answer);
            *answer.body_mut() = Bytes::from(broken(&document, place, how));
            let kept = Kept { answers: Mutex::new([(name.clone(), answer)].into()), ..Kept::default() };
            let progress = client(Arc::new(kept), &world.estate).follow(&follow).await;
            let fits = matches!(
                (&honest, &progress),
                (_, Progress::Unreadable { .. } | Progress::Running { .. })
                    | (Progress::Succeeded { .. }, Progress::Succeeded { .. })
            );
            if !fits || unsafe_to_show(&format!("{progress:?}")) {
                wrong.push(format!("{} {how:?}: {honest:?} became {progress:?}", spelled(place)));
            }
        }
        ends += usize::from(matches!(honest, Progress::Succeeded { .. }));
        tokio::time::advance(Duration::from_secs(10)).await;
    }
    assert!((1..10).contains(&ends), "it was seen going on and ended: {ends}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
