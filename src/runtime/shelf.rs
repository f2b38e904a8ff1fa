//! Lets tokens rest in the sealed cache, away from every path that must not wait for a disk.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Sender, channel},
    },
    thread,
};

use crate::{
    azure::{
        Bearer, Endpoint,
        tokens::{Rest, Resting, Shelf, Start},
    },
    domain::{Safe, Secret, estate::Estate, time::Timestamp},
    vault::{Contents, Kept, Sealer, Vault},
};

use super::passphrase;

/// Why nothing rests where nobody has signed in.
pub const NOT_SIGNED_IN: &str = "nobody has signed in with farshore login";

/// The cache, for the tokens of one endpoint and tenant.
#[derive(Debug)]
pub struct Keeper {
    endpoint: Endpoint,
    tenant: String,
    rest: Arc<Mutex<Rest>>,
    /// What to put in the place of the token; `None` within: nothing. `None`: there is no cache.
    jobs: Option<Mutex<Sender<Option<Secret>>>>,
}

/// Opens the cache below a state directory for an estate behind an endpoint: what goes on keeping tokens in
/// it, and what this process begins with. It may ask a person, and the system: call it before the screen.
pub fn open(vault: Vault, estate: &Estate, endpoint: &Endpoint, now: Timestamp) -> (Keeper, Start) {
    let label = Resting::label(endpoint, &estate.tenant);
    let memory = |why: Safe| Rest::Memory { why };
    let (sealer, rest, start) = match vault.open(&passphrase::ask) {
        Contents::Nothing => (None, memory(NOT_SIGNED_IN.into()), Start::Fresh),
        Contents::Lost(loss) => {
            let why = Safe::new(&loss.to_string());
            (None, memory(Safe::new(&format!("sign in again: {loss}"))), Start::Lost(why))
        }
        Contents::Open { entries, sealer } => match entries.get(&label) {
            None => {
                (None, memory("nobody has signed in with farshore login to this estate".into()), Start::Fresh)
            }
            Some(note) => {
                let start = match Resting::read(note, endpoint, &estate.tenant, now) {
                    Ok(Some(resting)) => Start::With(resting),
                    Ok(None) => Start::Lost("the token of the last sign-in has ended".into()),
                    Err(error) => Start::Lost(Safe::new(&error.to_string())),
                };
                (Some(sealer.clone()), sealed(&sealer), start)
            }
        },
    };
    let rest = Arc::new(Mutex::new(rest));
    let jobs = sealer.map(|sealer| Mutex::new(work(vault, sealer, label, rest.clone())));
    (Keeper { endpoint: endpoint.clone(), tenant: estate.tenant.clone(), rest, jobs }, start)
}

fn sealed(sealer: &Sealer) -> Rest {
    Rest::Sealed { key_in: Safe::new(&sealer.rung().to_string()) }
}

/// A thread that does one job after the other, until nobody can give it any more.
fn work(vault: Vault, sealer: Arc<Sealer>, label: String, rest: Arc<Mutex<Rest>>) -> Sender<Option<Secret>> {
    let (jobs, queue) = channel::<Option<Secret>>();
    thread::spawn(move || {
        for note in queue {
            let now = match vault.put(&sealer, &label, note.as_ref()) {
                Ok(Kept::Done) => sealed(&sealer),
                Ok(Kept::Gone) => {
                    Rest::Memory { why: "somebody logged out, or signed in anew, since".into() }
                }
                Err(error) => Rest::Memory { why: Safe::new(&error.to_string()) },
            };
            *rest.lock().unwrap_or_else(PoisonError::into_inner) = now;
        }
    });
    jobs
}

impl Keeper {
    fn give(&self, note: Option<Secret>) {
        if let Some(jobs) = &self.jobs {
            let _ = jobs.lock().unwrap_or_else(PoisonError::into_inner).send(note);
        }
    }
}

impl Shelf for Keeper {
    fn keep(&self, bearer: &Bearer, source: &'static str) {
        // What may not be written down is only used.
        if let Ok(note) = Resting::note(bearer, &self.endpoint, &self.tenant, source) {
            self.give(Some(note));
        }
    }

    fn forget(&self) {
        self.give(None);
    }

    fn rest(&self) -> Rest {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
