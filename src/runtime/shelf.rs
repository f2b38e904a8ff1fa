//! Lets tokens rest in the sealed cache, away from every path that must not wait for a disk.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

use crate::{
    azure::{
        Bearer, Endpoint,
        tokens::{Rest, Resting, Shelf, Start, Unfit},
    },
    domain::{
        Safe,
        estate::{Cloud, Estate},
        time::{Timestamp, second_text},
    },
    vault::{Contents, Entry, Held, Kept, Sealer, SignIn, Vault},
};

use super::passphrase;

/// Why nothing rests where nobody has signed in.
pub const NOT_SIGNED_IN: &str = "nobody has signed in with farshore login";

/// How long the end of a process waits for the disk.
const PATIENCE: Duration = Duration::from_secs(1);

/// The cache, for the tokens of one endpoint and tenant.
#[derive(Debug)]
pub struct Keeper {
    endpoint: Endpoint,
    cloud: Cloud,
    tenant: String,
    rest: Arc<Mutex<Rest>>,
    /// Takes what to put in the place of the token; `None`: there is no cache.
    writer: Option<Writer>,
}

/// What the thread is given.
#[derive(Debug)]
enum Job {
    /// Puts this in the place of the token.
    Put(Held),
    /// Leaves what is there, and this is why: the token in use is none to keep.
    Leave(Safe),
    /// Looks whether what was put is still there.
    Look,
}

/// A thread that does one after the other, until nobody can give it any more.
#[derive(Debug)]
struct Writer {
    jobs: Mutex<Option<Sender<Job>>>,
    ended: Mutex<Receiver<()>>,
}

/// Opens the cache below a state directory for an estate behind an endpoint: what goes on keeping tokens in
/// it, and what this process begins with. It may ask a person, and the system: call it before the screen.
pub fn open(vault: Vault, estate: &Estate, endpoint: &Endpoint, now: Timestamp) -> (Keeper, Start) {
    let label = Resting::label(endpoint, &estate.tenant);
    let memory = |why: Safe| Rest::Memory { why };
    let (sign_in, rest, start) = match vault.open(&passphrase::ask) {
        Contents::Nothing => (None, memory(NOT_SIGNED_IN.into()), Start::Fresh),
        Contents::Lost(loss) => {
            let why = Safe::new(&loss.to_string());
            (None, memory(Safe::new(&format!("sign in again: {loss}"))), Start::Lost(why))
        }
        Contents::Open { mut entries, sealer } => match entries.remove(&label) {
            None => {
                (None, memory("nobody has signed in with farshore login to this estate".into()), Start::Fresh)
            }
            Some(Entry { mark, held }) => {
                let start = begin(&held, estate, endpoint, now);
                (Some(SignIn { sealer: sealer.clone(), label, mark }), sealed(&sealer), start)
            }
        },
    };
    let rest = Arc::new(Mutex::new(rest));
    let writer = sign_in.map(|sign_in| Writer::over(vault, sign_in, rest.clone()));
    let (endpoint, tenant) = (endpoint.clone(), estate.tenant.clone());
    (Keeper { endpoint, cloud: estate.cloud, tenant, rest, writer }, start)
}

/// What a process begins with that finds this of its sign-in.
fn begin(held: &Held, estate: &Estate, endpoint: &Endpoint, now: Timestamp) -> Start {
    match held {
        Held::Gone(why) => Start::Lost(why.clone()),
        Held::Secret(note) => match Resting::read(note, endpoint, &estate.tenant, now) {
            Ok(Some(resting)) => Start::With(resting),
            Ok(None) => Start::Lost("the token of the last sign-in has ended".into()),
            Err(error) => Start::Lost(Safe::new(&error.to_string())),
        },
    }
}

fn sealed(sealer: &Sealer) -> Rest {
    Rest::Sealed { key_in: Safe::new(&sealer.rung().to_string()) }
}

impl Writer {
    fn over(vault: Vault, sign_in: SignIn, rest: Arc<Mutex<Rest>>) -> Self {
        let (jobs, queue) = channel();
        let (end, ended) = channel();
        thread::spawn(move || {
            let told = |kept: Result<Kept, Safe>| match kept {
                Ok(Kept::Done) => sealed(&sign_in.sealer),
                Ok(Kept::Gone) => {
                    Rest::Memory { why: "somebody logged out, or signed in anew, since".into() }
                }
                Err(why) => Rest::Memory { why },
            };
            let looked = |put: &Rest| match vault.look(&sign_in) {
                Ok(Kept::Done) => put.clone(),
                other => told(other.map_err(|loss| Safe::new(&loss.to_string()))),
            };
            let mut put = sealed(&sign_in.sealer);
            for job in queue {
                let now = match job {
                    Job::Put(held) => {
                        put = told(vault.put(&sign_in, held).map_err(|error| Safe::new(&error.to_string())));
                        looked(&put)
                    }
                    Job::Leave(why) => {
                        put = Rest::Memory { why };
                        put.clone()
                    }
                    // Where the last token could not be written, the one before it is what is there.
                    Job::Look => looked(&put),
                };
                *rest.lock().unwrap_or_else(PoisonError::into_inner) = now;
            }
            let _ = end.send(());
        });
        Self { jobs: Mutex::new(Some(jobs)), ended: Mutex::new(ended) }
    }

    fn give(&self, job: Job) {
        if let Some(jobs) = &*self.jobs.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = jobs.send(job);
        }
    }
}

/// What was given last is written before a process ends, unless the disk does not answer.
impl Drop for Writer {
    fn drop(&mut self) {
        *self.jobs.get_mut().unwrap_or_else(PoisonError::into_inner) = None;
        let _ = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner).recv_timeout(PATIENCE);
    }
}

impl Keeper {
    fn give(&self, job: Job) {
        if let Some(writer) = &self.writer {
            writer.give(job);
        }
    }
}

impl Shelf for Keeper {
    fn keep(&self, bearer: &Bearer, source: &'static str) {
        // What may not be written down, or is not worth it, is only used.
        let leave = |why: String| Job::Leave(Safe::new(&why));
        let job = match Unfit::of(bearer, self.cloud, Timestamp::now()) {
            Some(unfit) => leave(unfit.to_string()),
            None => match Resting::note(bearer, &self.endpoint, &self.tenant, source) {
                Ok(note) => Job::Put(Held::Secret(note)),
                Err(error) => leave(error.to_string()),
            },
        };
        self.give(job);
    }

    fn forget(&self) {
        let at = second_text(Timestamp::now());
        let why = format!("Azure refused the token of the last sign-in at {at}");
        self.give(Job::Put(Held::Gone(Safe::new(&why))));
    }

    fn look(&self) {
        self.give(Job::Look);
    }

    fn rest(&self) -> Rest {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use crate::{
        azure::{Issuer, Secret},
        domain::time::seconds,
        vault::{Begun, KeyStore, Ladder, Rung, StoreError},
    };

    const TENANT: &str = "11111111-1111-4111-8111-111111111111";

    /// A token of this machine that ends `left` seconds from now and is for this audience.
    fn bearer(audience: &str, left: i64) -> Bearer {
        let ends = Timestamp::now() + seconds(left);
        let mut bearer = Bearer::new(&Secret::new("CANARY"), Issuer::Loopback, Some(ends)).unwrap();
        bearer.audience = Some(audience.into());
        bearer
    }

    #[test]
    fn where_a_token_rests_is_told_of_the_one_in_use_and_as_it_is_now() {
        let state = tempfile::tempdir().unwrap();
        let vault = Vault::new(state.path(), Vec::new());
        let word = |_| Some(Secret::new("correct horse"));
        let label = "label".to_owned();
        let begun = vault.sign_in(&label, &Secret::new("note"), Ladder::Passphrase, &word).unwrap();
        let Begun::Kept { sign_in, .. } = begun else { panic!("{begun:?}") };
        let rest = Arc::new(Mutex::new(sealed(&sign_in.sealer)));
        let writer = Some(Writer::over(vault.clone(), sign_in, rest.clone()));
        let endpoint = Endpoint::parse("http://127.0.0.1:1").unwrap();
        let keeper = Keeper { endpoint, cloud: Cloud::Public, tenant: TENANT.to_owned(), rest, writer };
        let until = |expected: &str| {
            let began = std::time::Instant::now();
            while !format!("{:?}", keeper.rest()).contains(expected) {
                assert!(began.elapsed() < Duration::from_secs(20), "{expected}: {:?}", keeper.rest());
                thread::yield_now();
            }
        };
        let azure = "https://management.azure.com/";
        until("Sealed");
        keeper.keep(&bearer("https://graph.example", 3_600), "az login");
        until("the token is for https://graph.example");
        // What is there is there, and is not what is used.
        keeper.look();
        keeper.keep(&bearer(azure, -1), "az login");
        until("the token is over");
        keeper.keep(&bearer(azure, 3_600), "az login");
        until("Sealed");
        vault.wipe().unwrap();
        keeper.look();
        until("somebody logged out");
        keeper.keep(&bearer(azure, 3_600), "az login");
        keeper.look();
        drop(keeper);
        assert!(!vault.path().exists(), "it is not written again");
    }

    /// A store that forgets when it is told to.
    #[derive(Debug, Default)]
    struct Forgetful(Mutex<Option<Vec<u8>>>);

    impl KeyStore for Forgetful {
        fn rung(&self) -> Rung {
            Rung::Keyutils
        }

        fn keep(&self, _: &str, key: &[u8]) -> Result<(), StoreError> {
            *self.0.lock().unwrap() = Some(key.to_vec());
            Ok(())
        }

        fn fetch(&self, _: &str) -> Result<Zeroizing<Vec<u8>>, StoreError> {
            self.0.lock().unwrap().clone().map(Zeroizing::new).ok_or(StoreError::NoKey)
        }

        fn remove(&self, _: &str) -> Result<(), StoreError> {
            self.0.lock().unwrap().take().map(drop).ok_or(StoreError::NoKey)
        }
    }

    /// The file is there and this process can still read it; the next one cannot.
    #[test]
    fn a_file_whose_key_has_ended_is_not_called_sealed() {
        let state = tempfile::tempdir().unwrap();
        let store = Arc::new(Forgetful::default());
        let vault = Vault::new(state.path(), vec![store.clone()]);
        let label = "label".to_owned();
        let begun = vault.sign_in(&label, &Secret::new("note"), Ladder::Whole, &|_| None).unwrap();
        let Begun::Kept { sign_in, .. } = begun else { panic!("{begun:?}") };
        let rest = Arc::new(Mutex::new(sealed(&sign_in.sealer)));
        let writer = Writer::over(vault.clone(), sign_in, rest.clone());
        let told = |job: Job| {
            *rest.lock().unwrap() = Rest::Memory { why: "asked".into() };
            writer.give(job);
            let began = std::time::Instant::now();
            loop {
                let now = format!("{:?}", rest.lock().unwrap());
                if !now.contains("asked") {
                    return now;
                }
                assert!(began.elapsed() < Duration::from_secs(20), "{now}");
                thread::yield_now();
            }
        };
        assert!(told(Job::Look).contains("Sealed"));
        assert!(told(Job::Put(Held::Secret(Secret::new("note 2")))).contains("Sealed"));
        let key = store.0.lock().unwrap().take();
        assert!(told(Job::Look).contains("key expired"));
        assert!(told(Job::Put(Held::Secret(Secret::new("note 3")))).contains("key expired"));
        *store.0.lock().unwrap() = key;
        assert!(told(Job::Look).contains("Sealed"));
    }
}
