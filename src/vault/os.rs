//! The credential stores of the systems, through the keyring project: they keep the data key, 32 bytes.

use std::{sync::Arc, thread};

use keyring_core::{CredentialStore, Error};
use zeroize::Zeroizing;

use super::{KeyStore, Rung, StoreError};

/// Under this name the system lists our keys.
const SERVICE: &str = "farshore";

/// The stores that this build knows, the first to be tried first.
pub fn stores() -> Vec<Arc<dyn KeyStore>> {
    STORES.iter().map(|(rung, open)| Arc::new(Os { rung: *rung, open: *open }) as Arc<dyn KeyStore>).collect()
}

/// What opens a store.
type Open = fn() -> keyring_core::Result<Arc<CredentialStore>>;

const STORES: &[(Rung, Open)] = &[
    #[cfg(target_os = "linux")]
    (Rung::Keyutils, || Ok(linux_keyutils_keyring_store::Store::new()?)),
    #[cfg(all(target_os = "linux", feature = "secret-service"))]
    (Rung::SecretService, || Ok(zbus_secret_service_keyring_store::Store::new()?)),
    #[cfg(target_os = "macos")]
    (Rung::Keychain, || Ok(apple_native_keyring_store::keychain::Store::new()?)),
    #[cfg(windows)]
    (Rung::CredentialManager, || Ok(windows_native_keyring_store::Store::new()?)),
];

/// A store of the system. Every call opens it anew, on a thread of its own: what a thread does to its
/// session keyring must reach neither the runtime's threads nor the processes that they start.
#[derive(Debug)]
struct Os {
    rung: Rung,
    open: Open,
}

impl Os {
    fn entry<T: Send>(
        &self,
        id: &str,
        work: impl Fn(&keyring_core::Entry) -> keyring_core::Result<T> + Sync,
    ) -> Result<T, StoreError> {
        let call =
            || (self.open)().and_then(|store| store.build(SERVICE, id, None)).and_then(|entry| work(&entry));
        let joined = thread::scope(|scope| scope.spawn(|| self.in_session(call)).join());
        joined.unwrap_or_else(|_| Err(StoreError::Failed("the credential store crashed".into())))
    }

    /// Runs `call` in a session keyring that works. Without one of its own a process has that of its user
    /// id, from which nothing can be read back; a new one reaches the user's persistent keyring.
    fn in_session<T>(&self, call: impl Fn() -> keyring_core::Result<T>) -> Result<T, StoreError> {
        let joins = self.rung == Rung::Keyutils;
        if joins && !session::is_usable() {
            session::join()?;
            return call().map_err(|error| told(&error));
        }
        match call() {
            Err(Error::NoStorageAccess(_)) if joins => {
                session::join()?;
                call().map_err(|error| told(&error))
            }
            other => other.map_err(|error| told(&error)),
        }
    }
}

impl KeyStore for Os {
    fn rung(&self) -> Rung {
        self.rung
    }

    fn keep(&self, id: &str, key: &[u8]) -> Result<(), StoreError> {
        self.entry(id, |entry| entry.set_secret(key))
    }

    fn fetch(&self, id: &str) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        self.entry(id, |entry| entry.get_secret().map(Zeroizing::new))
    }

    fn remove(&self, id: &str) -> Result<(), StoreError> {
        self.entry(id, keyring_core::Entry::delete_credential)
    }
}

/// What a store says, without the data that some of its errors carry.
fn told(error: &Error) -> StoreError {
    match error {
        Error::NoEntry => StoreError::NoKey,
        Error::NoStorageAccess(why) | Error::PlatformFailure(why) => {
            StoreError::Failed(crate::domain::Safe::new(&why.to_string()))
        }
        Error::BadEncoding(_) | Error::BadDataFormat(..) => {
            StoreError::Failed("the key there is damaged".into())
        }
        _ => StoreError::Failed("it does not take the key".into()),
    }
}

#[cfg(target_os = "linux")]
mod session {
    use linux_keyutils::{KeyRing, KeyRingIdentifier};

    use crate::vault::StoreError;

    /// The keyring of a user id, which stands in where nobody has opened a session.
    const STAND_IN: &str = "_uid_ses.";

    /// Whether this thread has a session keyring of its own.
    pub(super) fn is_usable() -> bool {
        let named =
            KeyRing::from_special_id(KeyRingIdentifier::Session, false).and_then(|ring| ring.metadata());
        named.is_ok_and(|named| !named.get_description().starts_with(STAND_IN))
    }

    /// Gives this thread a new session keyring.
    pub(super) fn join() -> Result<(), StoreError> {
        keyutils_raw::keyctl_join_session_keyring(None)
            .map(drop)
            .map_err(|error| StoreError::Failed(format!("no session keyring can be opened: {error}").into()))
    }
}

#[cfg(not(target_os = "linux"))]
mod session {
    pub(super) fn is_usable() -> bool {
        true
    }

    pub(super) fn join() -> Result<(), crate::vault::StoreError> {
        Ok(())
    }
}
