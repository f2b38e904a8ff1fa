//! Signing in: a secret goes into the cache beside those that rest there already.

use std::sync::Arc;

use crate::domain::Secret;

use super::{
    Ask, Asked, Loss, Passed, Rung, Vault, VaultError,
    entry::{Entries, Entry, Held, SignIn},
    proven,
    seal::{self, Sealer},
};

/// How often a sign-in begins anew because another process changed the cache meanwhile.
const TURNS: u32 = 3;

/// How far down the ladder a key is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ladder {
    /// The stores of the system, best first, then a passphrase.
    Whole,
    /// A passphrase, and no store.
    Passphrase,
}

/// What became of a sign-in.
#[derive(Debug)]
pub enum Begun {
    /// It is sealed on disk.
    Kept {
        /// What renews it.
        sign_in: SignIn,
        /// Rungs that could not be used.
        passed: Vec<Passed>,
        /// Why what rested there before could not be opened, and is gone.
        lost: Option<Loss>,
    },
    /// No rung works: nothing was written.
    Nowhere {
        /// All of them.
        passed: Vec<Passed>,
    },
}

/// What was there before, and what opens it.
struct Before {
    seen: Result<Option<Vec<u8>>, Loss>,
    opened: Result<Option<Arc<Sealer>>, Loss>,
}

impl Vault {
    /// Keeps a secret under a label, in the place of what lies there, and leaves all other labels as they
    /// are. Where no key can be kept or nothing can be written, no key is left behind either.
    pub fn sign_in(
        &self,
        label: &str,
        secret: &Secret,
        ladder: Ladder,
        ask: Ask<'_>,
    ) -> Result<Begun, VaultError> {
        // Where nothing can be written no key is made, and nobody is asked for a passphrase.
        drop(self.place.turn()?);
        for _ in 0..TURNS {
            let before = self.before(ask);
            let known = match &before.opened {
                Ok(Some(sealer)) if ladder == Ladder::Whole || sealer.rung() == Rung::Passphrase => {
                    Some(sealer.clone())
                }
                _ => None,
            };
            let fresh = known.is_none();
            let (sealer, passed) = match known {
                Some(sealer) => (Some(sealer), Vec::new()),
                None => self.make(ladder, ask)?,
            };
            let Some(sealer) = sealer else {
                self.place.tidy();
                return Ok(Begun::Nowhere { passed });
            };
            let settled = self.settle(&before, &sealer, label, secret);
            if fresh && !matches!(settled, Ok(Some(_))) {
                self.drop_key(&sealer);
            }
            if let Some(sign_in) = settled? {
                return Ok(Begun::Kept { sign_in, passed, lost: before.opened.err() });
            }
        }
        Err(VaultError::Busy { path: self.path() })
    }

    fn before(&self, ask: Ask<'_>) -> Before {
        let seen = self.place.read();
        let opened = match &seen {
            Ok(None) => Ok(None),
            Ok(Some(bytes)) => self.unsealed(bytes, ask).map(|(_, sealer)| Some(Arc::new(sealer))),
            Err(loss) => Err(loss.clone()),
        };
        Before { seen, opened }
    }

    /// Writes the sign-in and what rested there before; `None`: another process changed it meanwhile.
    fn settle(
        &self,
        before: &Before,
        sealer: &Arc<Sealer>,
        label: &str,
        secret: &Secret,
    ) -> Result<Option<SignIn>, VaultError> {
        let turn = self.place.turn()?;
        let now = self.place.read();
        let mut entries = match (&before.opened, &now) {
            (Ok(Some(old)), Ok(Some(bytes))) => match old.open(bytes) {
                Ok(entries) => entries,
                Err(_) => return Ok(None),
            },
            (Ok(None), Ok(None)) => Entries::new(),
            (Err(_), _) if now == before.seen => Entries::new(),
            _ => return Ok(None),
        };
        let mark = seal::mark()?;
        let entry = Entry { mark: mark.clone(), held: Held::Secret(secret.clone()) };
        entries.insert(label.to_owned(), entry);
        self.place.write(&turn, &sealer.seal(&entries)?)?;
        // The key of the file before opens nothing any more.
        if let Ok(Some(bytes)) = now
            && let Ok(head) = seal::head(&bytes)
            && head.id() != sealer.head().id()
            && let Some(store) = self.store(head.rung())
        {
            let _ = store.remove(head.id());
        }
        Ok(Some(SignIn { sealer: sealer.clone(), label: label.to_owned(), mark }))
    }

    /// Goes down the ladder for a new cache: the first store that keeps a key and brings it back, else a
    /// passphrase. `None`: neither, and nothing may be written. Nothing is on disk yet.
    fn make(&self, ladder: Ladder, ask: Ask<'_>) -> Result<(Option<Arc<Sealer>>, Vec<Passed>), VaultError> {
        let mut passed = Vec::new();
        let stores = if ladder == Ladder::Whole { &self.stores[..] } else { &[] };
        for store in stores {
            let sealer = Sealer::random(store.rung())?;
            match proven(&**store, &sealer) {
                Ok(()) => return Ok((Some(Arc::new(sealer)), passed)),
                Err(why) => {
                    let _ = store.remove(sealer.head().id());
                    passed.push(Passed { rung: store.rung(), why });
                }
            }
        }
        let Some(given) = ask(Asked::ToMake) else {
            passed.push(Passed { rung: Rung::Passphrase, why: "none was given".into() });
            return Ok((None, passed));
        };
        let sealer = Sealer::of_passphrase(&given)?;
        if sealer.is_none() {
            passed.push(Passed {
                rung: Rung::Passphrase,
                why: "there is no memory to make a key of it".into(),
            });
        }
        Ok((sealer.map(Arc::new), passed))
    }

    /// Takes back the key of a file that was never written.
    fn drop_key(&self, sealer: &Sealer) {
        if let Some(store) = self.store(sealer.rung()) {
            let _ = store.remove(sealer.head().id());
        }
    }
}
