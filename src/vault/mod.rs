//! The token cache: one sealed file, whose key rests with the system or in a person's memory.
//!
//! Nothing is ever written in the open. What cannot be read any more is no error: it costs a new sign-in,
//! and the reason is told. Calls block, and some ask the system's services: never call them where keys are
//! waited for.

mod entry;
mod file;
mod memory;
mod os;
mod seal;
mod sign_in;

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::domain::{Safe, Secret};

use file::{Link, Place};
use seal::Head;

pub use entry::{Entries, Entry, Held, Mark, SignIn};
pub use memory::{is_withheld, withhold};
pub use os::stores;
pub use seal::{NoRandom, Sealer};
pub use sign_in::{Begun, Ladder};

/// How often a passphrase is asked for before the cache counts as locked.
const ATTEMPTS: u32 = 3;

/// Where the key of the cache rests: the rungs of the ladder, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rung {
    /// The kernel's keyring of the user (Linux).
    Keyutils,
    /// The Secret Service of a desktop (Linux).
    SecretService,
    /// The Keychain (macOS).
    Keychain,
    /// The Credential Manager (Windows).
    CredentialManager,
    /// Nowhere: a passphrase makes it.
    Passphrase,
}

impl Rung {
    /// The key in JSON.
    pub fn key(self) -> &'static str {
        match self {
            Self::Keyutils => "keyutils",
            Self::SecretService => "secret-service",
            Self::Keychain => "keychain",
            Self::CredentialManager => "credential-manager",
            Self::Passphrase => "passphrase",
        }
    }

    /// Whether it forgets a key by itself while whoever uses that is still there.
    fn forgets(self) -> bool {
        self == Self::Keyutils
    }

    /// How long it keeps a key.
    pub fn lasts(self) -> &'static str {
        match self {
            Self::Keyutils => "until the machine restarts, or three days unused",
            Self::SecretService | Self::Keychain | Self::CredentialManager => "until logout",
            Self::Passphrase => "asked for by every process",
        }
    }
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keyutils => "the kernel keyring",
            Self::SecretService => "the Secret Service",
            Self::Keychain => "the Keychain",
            Self::CredentialManager => "the Credential Manager",
            Self::Passphrase => "a passphrase",
        })
    }
}

/// A credential store of the system, as far as we need one: it keeps a few bytes under a name.
pub trait KeyStore: fmt::Debug + Send + Sync {
    /// Which rung it is.
    fn rung(&self) -> Rung;

    /// Keeps `key` under `id`.
    fn keep(&self, id: &str, key: &[u8]) -> Result<(), StoreError>;

    /// Brings it back.
    fn fetch(&self, id: &str) -> Result<Zeroizing<Vec<u8>>, StoreError>;

    /// Forgets it.
    fn remove(&self, id: &str) -> Result<(), StoreError>;
}

/// What a store of the system answers where it does not do what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It has no such key: it expired, or was never there.
    #[error("it has no such key")]
    NoKey,
    /// It cannot be used here.
    #[error("{0}")]
    Failed(Safe),
}

/// Why a cache that is there cannot be used: whoever wants a token has to sign in again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Loss {
    /// The system has forgotten the key.
    #[error("key expired")]
    KeyExpired,
    /// The key is not that of the file, or the file was changed.
    #[error("the token cache was sealed with another key")]
    ForeignKey,
    /// The file is none of ours, or is cut.
    #[error("the token cache is damaged")]
    Damaged,
    /// It belongs to somebody else.
    #[error("the token cache belongs to another user (uid {uid})")]
    Owner {
        /// To whom.
        uid: u32,
    },
    /// A link stands in its place.
    #[error("a symbolic link stands in the place of the token cache")]
    Symlink,
    /// Others may read or replace it.
    #[error("the token cache was open to others (mode {mode:o})")]
    Open {
        /// Its permission bits.
        mode: u32,
    },
    /// It cannot be read.
    #[error("the token cache cannot be read: {why}")]
    Unread {
        /// Why not.
        why: Safe,
    },
    /// Its key rests where this machine, or this build, cannot reach.
    #[error("its key rests in {rung}, which does not answer here: {why}")]
    Unreachable {
        /// Where.
        rung: Rung,
        /// Why not.
        why: Safe,
    },
    /// Nobody gave the passphrase.
    #[error("the token cache is locked and nobody gave its passphrase")]
    Locked,
    /// The passphrase was not right.
    #[error("the passphrase does not open the token cache")]
    Passphrase,
}

/// Why the cache could not be written or removed.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The file, or its directory, could not be changed.
    #[error("could not {doing} {path}: {source}")]
    Access {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Others could get at it.
    #[error("{path} is not used: {loss}")]
    Refused {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong with it.
        loss: Loss,
    },
    /// It was removed and is still there.
    #[error("{path} is still there after it was removed")]
    Stays {
        /// The file.
        path: PathBuf,
    },
    /// Other processes changed it again and again.
    #[error("{path} is being changed by other processes; try again")]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// No random numbers.
    #[error(transparent)]
    Random(#[from] NoRandom),
}

/// What a person, or what stands in for one, is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// The passphrase of a cache that is there.
    ToOpen {
        /// Whether the one before was wrong.
        again: bool,
    },
    /// A new one, for a cache that is made now.
    ToMake,
}

/// Asks for a passphrase; `None`: there is nobody to ask, or they gave none.
pub type Ask<'a> = &'a dyn Fn(Asked) -> Option<Secret>;

/// What is in the cache.
#[derive(Debug)]
pub enum Contents {
    /// There is no cache: nobody has signed in with it.
    Nothing,
    /// Its secrets, and what seals it again.
    Open {
        /// What rests under each label.
        entries: Entries,
        /// Seals the file that they came from.
        sealer: Arc<Sealer>,
    },
    /// It is there and of no use.
    Lost(Loss),
}

/// What became of a secret that was to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is on disk.
    Done,
    /// The cache it belongs to is gone: somebody has logged out, or signed in anew.
    Gone,
}

/// A rung that could not be used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// Which.
    pub rung: Rung,
    /// Why not.
    pub why: Safe,
}

/// What is left of the cache after it was wiped.
#[derive(Debug)]
pub struct Wiped {
    /// What became of the file.
    pub file: FileEnd,
    /// What became of its key.
    pub key: KeyEnd,
}

/// What became of the file of a cache that was wiped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileEnd {
    /// There was none.
    None,
    /// It was looked for and is gone.
    Gone,
    /// Only a link was removed.
    Link {
        /// The cache that it led to, which stays; `None`: it led to none.
        to: Option<PathBuf>,
    },
}

/// What became of the key of a cache that was wiped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyEnd {
    /// There was none outside a person's memory.
    None,
    /// It was looked for and is gone.
    Gone(Rung),
    /// It may still be there: where its file is gone, it opens nothing.
    Unsure(Safe),
}

impl Sealer {
    /// Where its key rests.
    pub fn rung(&self) -> Rung {
        self.head().rung()
    }
}

/// The token cache below one state directory.
#[derive(Debug, Clone)]
pub struct Vault {
    place: Place,
    stores: Vec<Arc<dyn KeyStore>>,
}

impl Vault {
    /// The cache below `state`, with the stores that may keep its key, best first.
    pub fn new(state: &Path, stores: Vec<Arc<dyn KeyStore>>) -> Self {
        Self { place: Place::below(state), stores }
    }

    /// The path of the file.
    pub fn path(&self) -> PathBuf {
        self.place.file()
    }

    /// Where the key of the file rests, as far as the file says; `None`: no file, or none of ours.
    pub fn rung(&self) -> Option<Rung> {
        let bytes = self.place.read().ok()??;
        seal::head(&bytes).ok().map(|head| head.rung())
    }

    /// Opens the cache. A passphrase is asked for only where one is needed.
    pub fn open(&self, ask: Ask<'_>) -> Contents {
        let bytes = match self.place.read() {
            Ok(None) => return Contents::Nothing,
            Ok(Some(bytes)) => bytes,
            Err(loss) => return Contents::Lost(loss),
        };
        match self.unsealed(&bytes, ask) {
            Ok((entries, sealer)) => Contents::Open { entries, sealer: Arc::new(sealer) },
            Err(loss) => Contents::Lost(loss),
        }
    }

    fn unsealed(&self, bytes: &[u8], ask: Ask<'_>) -> Result<(Entries, Sealer), Loss> {
        let head = seal::head(bytes)?;
        if head.rung() == Rung::Passphrase {
            for attempt in 0..ATTEMPTS {
                let given = ask(Asked::ToOpen { again: attempt > 0 }).ok_or(Loss::Locked)?;
                let sealer = Sealer::unlock(head.clone(), &given)?;
                match sealer.open(bytes) {
                    Ok(entries) => return Ok((entries, sealer)),
                    Err(Loss::ForeignKey) => {}
                    Err(other) => return Err(other),
                }
            }
            return Err(Loss::Passphrase);
        }
        let key = self.key(&head)?;
        let sealer = Sealer::of_key(head, &key)?;
        Ok((sealer.open(bytes)?, sealer))
    }

    /// Puts what is there of a sign-in now in the place of what was. A cache that somebody has wiped or made
    /// anew stays as it is, and so does a later sign-in under the same label.
    pub fn put(&self, sign_in: &SignIn, held: Held) -> Result<Kept, VaultError> {
        let turn = self.place.turn()?;
        let Ok(Some(bytes)) = self.place.read() else { return Ok(Kept::Gone) };
        let Ok(mut entries) = sign_in.sealer.open(&bytes) else { return Ok(Kept::Gone) };
        match entries.get_mut(&sign_in.label) {
            Some(entry) if entry.mark == sign_in.mark => entry.held = held,
            _ => return Ok(Kept::Gone),
        }
        self.place.write(&turn, &sign_in.sealer.seal(&entries)?)?;
        Ok(Kept::Done)
    }

    /// Whether what a sign-in left is still there for the next process to be opened, its key included where
    /// that ends by itself; else why not. It only reads, and asks no person.
    pub fn look(&self, sign_in: &SignIn) -> Result<Kept, Loss> {
        let Some(bytes) = self.place.read()? else { return Ok(Kept::Gone) };
        let entries = sign_in.sealer.open(&bytes)?;
        if entries.get(&sign_in.label).is_none_or(|entry| entry.mark != sign_in.mark) {
            return Ok(Kept::Gone);
        }
        if sign_in.sealer.rung().forgets() && *self.key(sign_in.sealer.head())? != sign_in.sealer.key() {
            return Err(Loss::ForeignKey);
        }
        Ok(Kept::Done)
    }

    /// The key of a file, from where it rests.
    fn key(&self, head: &Head) -> Result<Zeroizing<Vec<u8>>, Loss> {
        let rung = head.rung();
        let unreachable = |why| Loss::Unreachable { rung, why };
        let store = self.store(rung).ok_or_else(|| unreachable("this build does not know it".into()))?;
        store.fetch(head.id()).map_err(|error| match error {
            StoreError::NoKey => Loss::KeyExpired,
            StoreError::Failed(why) => unreachable(why),
        })
    }

    /// Removes file and key, and looks whether they are gone. Where a link stands, only the link is removed,
    /// and the key of what it leads to.
    pub fn wipe(&self) -> Result<Wiped, VaultError> {
        let link = self.place.link();
        let bytes = match &link {
            None => self.place.read(),
            Some(Link { to: Some(path) }) => Place::read_at(path),
            Some(Link { to: None }) => Ok(None),
        };
        let head = bytes.ok().flatten().and_then(|bytes| seal::head(&bytes).ok());
        let removed = self.place.remove()?;
        let file = match link {
            Some(Link { to }) => FileEnd::Link { to },
            None if removed => FileEnd::Gone,
            None => FileEnd::None,
        };
        let key = match head {
            _ if matches!(file, FileEnd::None | FileEnd::Link { to: None }) => KeyEnd::None,
            None => KeyEnd::Unsure("the file did not say where its key rests".into()),
            Some(head) if head.rung() == Rung::Passphrase => match file {
                FileEnd::Link { .. } => KeyEnd::Unsure("a passphrase makes it".into()),
                _ => KeyEnd::None,
            },
            Some(head) => self.forgotten(head.rung(), head.id()),
        };
        Ok(Wiped { file, key })
    }

    fn forgotten(&self, rung: Rung, id: &str) -> KeyEnd {
        let unsure = |why: &dyn fmt::Display| KeyEnd::Unsure(Safe::new(&format!("{rung}: {why}")));
        let Some(store) = self.store(rung) else { return unsure(&"this build does not know it") };
        match store.remove(id) {
            Ok(()) | Err(StoreError::NoKey) => {}
            Err(error) => return unsure(&error),
        }
        match store.fetch(id) {
            Err(StoreError::NoKey) => KeyEnd::Gone(rung),
            Err(error) => unsure(&error),
            Ok(_) => unsure(&"it still gives the key"),
        }
    }

    fn store(&self, rung: Rung) -> Option<&dyn KeyStore> {
        self.stores.iter().find(|store| store.rung() == rung).map(|store| &**store)
    }
}

/// Whether a store keeps this key so that it can be had back: some take one and never show it again.
fn proven(store: &dyn KeyStore, sealer: &Sealer) -> Result<(), Safe> {
    let id = sealer.head().id();
    let back = store.keep(id, sealer.key()).and_then(|()| store.fetch(id));
    match back {
        Ok(back) if back.as_slice() == sealer.key() => Ok(()),
        Ok(_) => Err("it gives another key back".into()),
        Err(error) => Err(Safe::new(&error.to_string())),
    }
}

#[cfg(test)]
mod tests;
