//! Tests through the public wire: what a caller can see is all they may rely on.

mod access;
mod desktop;
mod faults;
mod machines;
mod serving;
mod survival;
mod watching;

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicI64, Ordering},
};

use bytes::Bytes;
use serde_json::Value;

use super::{Fault, Ledger, LedgerEntry, NoLedger, Scenario, Sim, SimOptions, TimeSource};
use crate::wire::{Request, Wire, WireError};

const SUB: &str = "/subscriptions/22222222-2222-4222-8222-222222222222";
const DV: &str = "providers/Microsoft.DesktopVirtualization";
const RA: &str = "providers/Microsoft.Authorization/roleAssignments";
const ROLE: &str = "/subscriptions/22222222-2222-4222-8222-222222222222/providers/Microsoft.Authorization/roleDefinitions/1d18fff3-a72a-46b5-b4a9-0b38a3cd7e63";
const GRP1: &str = "4c4c4c4c-0000-4000-8000-00000000e001";
const NAME: &str = "5e5e5e5e-0000-4000-8000-000000000001";

/// What the clock on the wall shows while an estate is rehearsed.
const WALL: &str = "2025-02-03T10:00:00Z";

/// A clock that a test turns.
#[derive(Debug)]
struct Hand(AtomicI64);

impl TimeSource for Hand {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0.load(Ordering::SeqCst))
            .expect("test times are near the epoch")
    }

    fn wall(&self) -> jiff::Timestamp {
        WALL.parse().expect("a moment")
    }
}

/// A ledger in memory.
#[derive(Debug, Default)]
struct Memory(Mutex<Vec<LedgerEntry>>);

impl Ledger for Memory {
    fn append(&self, entry: &LedgerEntry) -> Result<(), String> {
        self.0.lock().expect("uncontended").push(entry.clone());
        Ok(())
    }
}

/// A simulator on a bench: its clock, and short ways to ask it.
struct Bench {
    sim: Arc<Sim>,
    clock: Arc<Hand>,
}

/// An answer, taken apart.
#[derive(Debug)]
struct Got {
    status: u16,
    body: Value,
    headers: http::HeaderMap,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    fn list(&self) -> &[Value] {
        self.body["value"].as_array().map_or(&[], Vec::as_slice)
    }
}

impl Bench {
    fn open(scenario: &str) -> Self {
        Self::seeded(scenario, 7)
    }

    fn seeded(scenario: &str, seed: u64) -> Self {
        let scenario = Scenario::builtin(scenario).expect("built in");
        Self::with(scenario, seed, Arc::new(NoLedger), &[], SimOptions::default())
    }

    fn with(
        scenario: Scenario,
        seed: u64,
        ledger: Arc<dyn Ledger>,
        past: &[LedgerEntry],
        options: SimOptions,
    ) -> Self {
        let clock = Arc::new(Hand(AtomicI64::new(scenario.epoch().as_millisecond())));
        let sim = Sim::open(scenario, seed, clock.clone(), ledger, past, options).expect("opens");
        Self { sim, clock }
    }

    fn pass(&self, text: &str) {
        self.clock.0.fetch_add(super::moment::parse(text).expect(text), Ordering::SeqCst);
    }

    fn fault(&self, toml: &str) {
        self.sim.inject(Fault::from_toml(toml).expect(toml));
    }

    /// Sends a request and answers nothing when it stays pending.
    fn try_send(&self, method: &str, path: &str, body: &str) -> Option<Result<Got, WireError>> {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("https://management.azure.com{path}")
        };
        let request = Request::new(Bytes::copy_from_slice(body.as_bytes()));
        let (mut parts, body) = request.into_parts();
        parts.method = method.parse().expect(method);
        parts.uri = url.parse().expect(path);
        parts.headers.insert("authorization", http::HeaderValue::from_static("Bearer any"));
        parts.headers.insert("x-identity-header", http::HeaderValue::from_static("any"));
        self.poll(Request::from_parts(parts, body))
    }

    fn poll(&self, request: Request) -> Option<Result<Got, WireError>> {
        use std::task::{Context, Poll, Waker};
        let mut reply = self.sim.call(request);
        match reply.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => None,
            Poll::Ready(result) => Some(result.map(|response| {
                let (parts, body) = response.into_parts();
                let body =
                    if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).expect("JSON") };
                Got { status: parts.status.as_u16(), body, headers: parts.headers }
            })),
        }
    }

    fn send(&self, method: &str, path: &str, body: &str) -> Got {
        self.try_send(method, path, body).expect("answers at once").expect("the connection holds")
    }

    fn get(&self, path: &str) -> Got {
        self.send("GET", path, "")
    }

    /// Follows a list to its end.
    fn all(&self, path: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut next = path.to_owned();
        loop {
            let got = self.get(&next);
            assert_eq!(got.status, 200, "{next}: {got:?}");
            items.extend(got.list().iter().cloned());
            match got.body["nextLink"].as_str() {
                Some(link) => next = link.to_owned(),
                None => return items,
            }
        }
    }

    fn assign(&self, group: &str, name: &str, principal: &str) -> Got {
        let body = format!(
            r#"{{"properties":{{"roleDefinitionId":"{ROLE}","principalId":"{principal}","principalType":"Group"}}}}"#
        );
        self.send("PUT", &format!("{}?api-version=2022-04-01", assignment(group, name)), &body)
    }

    fn revoke_all(&self, group: &str) {
        let list = format!("{}/{RA}?api-version=2022-04-01", group_id(group));
        for item in self.all(&list) {
            let scope = item["properties"]["scope"].as_str().expect("scope").to_ascii_lowercase();
            if scope == group_id(group).to_ascii_lowercase() {
                let id = item["id"].as_str().expect("id");
                assert_eq!(self.send("DELETE", &format!("{id}?api-version=2022-04-01"), "").status, 200);
            }
        }
    }

    fn hosts(&self, pool: &str) -> Vec<Value> {
        self.all(&format!("{}/sessionHosts?api-version=2024-04-03", pool_id(pool)))
    }

    fn users(&self, pool: &str) -> Vec<Value> {
        self.all(&format!("{}/userSessions?api-version=2024-04-03", pool_id(pool)))
    }

    fn drain(&self, pool: &str) {
        for host in self.hosts(pool) {
            let id = host["id"].as_str().expect("id");
            let body = r#"{"properties":{"allowNewSession":false}}"#;
            assert_eq!(self.send("PATCH", &format!("{id}?api-version=2024-04-03"), body).status, 200);
        }
    }
}

fn side(name: &str) -> &str {
    name.rsplit('-').next().expect("names end with the region's code")
}

fn pool_id(pool: &str) -> String {
    format!("{SUB}/resourceGroups/rg-avd-{}/{DV}/hostPools/{pool}", side(pool))
}

fn group_id(group: &str) -> String {
    format!("{SUB}/resourceGroups/rg-avd-{}/{DV}/applicationGroups/{group}", side(group))
}

fn assignment(group: &str, name: &str) -> String {
    format!("{}/{RA}/{name}", group_id(group))
}

fn vm_id(vm: &str) -> String {
    let code = if vm.contains("we") { "we" } else { "ne" };
    let group = if vm.starts_with("dc-") { "identity" } else { "hosts" };
    format!("{SUB}/resourceGroups/rg-{group}-{code}/providers/Microsoft.Compute/virtualMachines/{vm}")
}
