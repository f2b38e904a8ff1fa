//! The seal of the token cache: ChaCha20-Poly1305 under a key that is not in the file.

use std::{collections::BTreeMap, fmt};

use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, MAX_TAG_LEN, NONCE_LEN, Nonce, UnboundKey},
    rand::{SecureRandom, SystemRandom},
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::domain::{Safe, Secret, text::hex};

use super::{
    Loss, Rung,
    entry::{Entries, Entry, Held, Mark},
};

/// The form of the file that this version writes and reads.
const FORMAT: u32 = 1;

/// Length of a data key, in bytes.
pub(super) const KEY: usize = 32;

/// Length of the file's id and of a passphrase's salt, in bytes: none is ever drawn twice.
const RANDOM: usize = 16;

/// What making a key of a passphrase costs, by the second recommendation of RFC 9106 with one lane: an
/// attacker pays 64 MiB and three passes for each guess, a person waits for less than a second.
const COST: Cost = Cost { memory_kib: 64 * 1024, passes: 3 };

/// Costs that a file may ask of us: one that somebody wrote must not take the machine down.
const DEAREST: Cost = Cost { memory_kib: 256 * 1024, passes: 16 };

/// What making a key of a passphrase costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cost {
    memory_kib: u32,
    passes: u32,
}

/// What stands in the open at the head of the file. The seal covers it as well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    format: u32,
    id: String,
    key_in: Rung,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    passphrase: Option<Kdf>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kdf {
    salt: String,
    cost: Cost,
}

/// The file: its head, and the sealed rest in hexadecimal digits.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    head: Head,
    nonce: String,
    tokens: String,
}

/// An entry, as it is sealed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<T> {
    mark: T,
    held: Told<T>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Told<T> {
    Secret(T),
    Gone(T),
}

/// There is no randomness to be had from this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this machine gives no random numbers")]
pub struct NoRandom;

/// A key with the head of the file that it seals.
pub struct Sealer {
    head: Head,
    key: Zeroizing<[u8; KEY]>,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("head", &self.head).finish_non_exhaustive()
    }
}

impl Head {
    /// The id of the file, by which the system keeps its key.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Where the key rests.
    pub(super) fn rung(&self) -> Rung {
        self.key_in
    }

    fn drawn(key_in: Rung, passphrase: Option<Kdf>) -> Result<Self, NoRandom> {
        Ok(Self { format: FORMAT, id: hex(&drawn::<RANDOM>()?), key_in, passphrase })
    }

    fn is_sound(&self) -> bool {
        let id = self.id.len() == 2 * RANDOM && self.id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let by_passphrase = self.key_in == Rung::Passphrase;
        let cheap = self
            .passphrase
            .as_ref()
            .is_none_or(|kdf| kdf.cost.memory_kib <= DEAREST.memory_kib && kdf.cost.passes <= DEAREST.passes);
        self.format == FORMAT && id && by_passphrase == self.passphrase.is_some() && cheap
    }
}

impl Sealer {
    /// A new file under a random key, which has to be kept on `rung` before anything is sealed.
    pub(super) fn random(rung: Rung) -> Result<Self, NoRandom> {
        Ok(Self { head: Head::drawn(rung, None)?, key: Zeroizing::new(drawn()?) })
    }

    /// A new file under a key made of a passphrase; `None`: the machine has no memory for that.
    pub(super) fn of_passphrase(passphrase: &Secret) -> Result<Option<Self>, NoRandom> {
        let kdf = Kdf { salt: hex(&drawn::<RANDOM>()?), cost: COST };
        let Some(key) = derived(passphrase, &kdf) else { return Ok(None) };
        Ok(Some(Self { head: Head::drawn(Rung::Passphrase, Some(kdf))?, key }))
    }

    /// The sealer of a file that is there, with the key that the system kept.
    pub(super) fn of_key(head: Head, key: &[u8]) -> Result<Self, Loss> {
        let key = key.try_into().map_err(|_| Loss::ForeignKey)?;
        Ok(Self { head, key: Zeroizing::new(key) })
    }

    /// The sealer of a file that is there, with its passphrase.
    pub(super) fn unlock(head: Head, passphrase: &Secret) -> Result<Self, Loss> {
        let kdf = head.passphrase.as_ref().ok_or(Loss::Damaged)?;
        let key = derived(passphrase, kdf).ok_or(Loss::Damaged)?;
        Ok(Self { head, key })
    }

    /// The head of its file.
    pub(super) fn head(&self) -> &Head {
        &self.head
    }

    /// The key, for whoever keeps it.
    pub(super) fn key(&self) -> &[u8; KEY] {
        &self.key
    }

    /// The bytes of the file with these entries, under a nonce of their own.
    pub(super) fn seal(&self, entries: &Entries) -> Result<Vec<u8>, NoRandom> {
        let open: BTreeMap<&str, Line<&str>> =
            entries.iter().map(|(label, entry)| (label.as_str(), line(entry))).collect();
        let mut text = Zeroizing::new(serde_json::to_vec(&open).map_err(|_| NoRandom)?);
        // The tag grows into room that is there, so that no copy of the text is left behind.
        let length = text.len();
        let mut room = Zeroizing::new(Vec::with_capacity(length + MAX_TAG_LEN));
        room.append(&mut text);
        let nonce = drawn::<NONCE_LEN>()?;
        self.cipher()?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), self.covered(), &mut *room)
            .map_err(|_| NoRandom)?;
        let sealed = Sealed { head: self.head.clone(), nonce: hex(&nonce), tokens: hex(&room) };
        serde_json::to_vec(&sealed).map_err(|_| NoRandom)
    }

    /// Opens what [`Sealer::seal`] made.
    pub(super) fn open(&self, bytes: &[u8]) -> Result<Entries, Loss> {
        let file: Sealed = serde_json::from_slice(bytes).map_err(|_| Loss::Damaged)?;
        let nonce = unhex(&file.nonce).and_then(|nonce| <[u8; NONCE_LEN]>::try_from(nonce.as_slice()).ok());
        let nonce = nonce.ok_or(Loss::Damaged)?;
        let mut text = Zeroizing::new(unhex(&file.tokens).ok_or(Loss::Damaged)?);
        if file.head != self.head {
            return Err(Loss::ForeignKey);
        }
        let nonce = Nonce::assume_unique_for_key(nonce);
        let open = self.cipher().map_err(|_| Loss::ForeignKey)?;
        let open = open.open_in_place(nonce, self.covered(), &mut text).map_err(|_| Loss::ForeignKey)?;
        let lines: BTreeMap<String, Line<String>> =
            serde_json::from_slice(open).map_err(|_| Loss::Damaged)?;
        Ok(lines.into_iter().map(|(label, line)| (label, entry(line))).collect())
    }

    fn cipher(&self) -> Result<LessSafeKey, NoRandom> {
        Ok(LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, &*self.key).map_err(|_| NoRandom)?))
    }

    /// What the seal covers besides the entries: nobody can swap the head of one file for another's.
    fn covered(&self) -> Aad<Vec<u8>> {
        Aad::from(serde_json::to_vec(&self.head).unwrap_or_default())
    }
}

fn line(entry: &Entry) -> Line<&str> {
    let held = match &entry.held {
        Held::Secret(secret) => Told::Secret(secret.expose()),
        Held::Gone(why) => Told::Gone(why.as_str()),
    };
    Line { mark: &entry.mark.0, held }
}

fn entry(line: Line<String>) -> Entry {
    let held = match line.held {
        Told::Secret(secret) => Held::Secret(Secret::new(secret)),
        Told::Gone(why) => Held::Gone(Safe::new(&why)),
    };
    Entry { mark: Mark(line.mark), held }
}

/// A new sign-in.
pub(super) fn mark() -> Result<Mark, NoRandom> {
    Ok(Mark(hex(&drawn::<RANDOM>()?)))
}

/// The head of a file, or that it is none of ours.
pub(super) fn head(bytes: &[u8]) -> Result<Head, Loss> {
    let file: Sealed = serde_json::from_slice(bytes).map_err(|_| Loss::Damaged)?;
    if file.head.is_sound() { Ok(file.head) } else { Err(Loss::Damaged) }
}

fn drawn<const LENGTH: usize>() -> Result<[u8; LENGTH], NoRandom> {
    let mut bytes = [0; LENGTH];
    SystemRandom::new().fill(&mut bytes).map_err(|_| NoRandom)?;
    Ok(bytes)
}

fn derived(passphrase: &Secret, kdf: &Kdf) -> Option<Zeroizing<[u8; KEY]>> {
    let Cost { memory_kib, passes } = kdf.cost;
    let parameters = argon2::Params::new(memory_kib, passes, 1, Some(KEY)).ok()?;
    let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, parameters);
    let mut key = Zeroizing::new([0; KEY]);
    argon2.hash_password_into(passphrase.expose().as_bytes(), &unhex(&kdf.salt)?, &mut *key).ok()?;
    Some(key)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Entries {
        let secret = Entry { mark: mark().unwrap(), held: Held::Secret(Secret::new("CANARY-1")) };
        let gone = Entry { mark: mark().unwrap(), held: Held::Gone("refused".into()) };
        [("https://management.azure.com t".to_owned(), secret), ("other".to_owned(), gone)].into()
    }

    #[test]
    fn what_is_sealed_opens_with_its_own_key_only_and_shows_nothing() {
        let one = Sealer::random(Rung::Keyutils).unwrap();
        let entries = entries();
        let bytes = one.seal(&entries).unwrap();
        assert_eq!(one.open(&bytes).as_ref(), Ok(&entries));
        assert_ne!(one.seal(&entries).unwrap(), bytes, "a nonce of its own each time");
        let text = String::from_utf8(bytes.clone()).unwrap();
        for hidden in ["CANARY", "management", &hex(b"CANARY"), &hex(one.key())] {
            assert!(!text.contains(hidden), "{text}");
        }
        assert!(!format!("{one:?}").contains(&hex(one.key())));
        let same_head = Sealer { head: one.head.clone(), key: Zeroizing::new([7; KEY]) };
        assert_eq!(same_head.open(&bytes), Err(Loss::ForeignKey));
        assert_eq!(Sealer::random(Rung::Keyutils).unwrap().open(&bytes), Err(Loss::ForeignKey));
        assert_eq!(Sealer::of_key(one.head.clone(), &[1; 31]).err(), Some(Loss::ForeignKey));
    }

    #[test]
    fn no_damaged_byte_is_taken_and_none_panics() {
        let sealer = Sealer::random(Rung::Keyutils).unwrap();
        let bytes = sealer.seal(&entries()).unwrap();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            let opened = head(&damaged).and_then(|_| sealer.open(&damaged));
            // Other digits for the same bytes do not exist: only the case of a digit may differ.
            assert!(opened.is_err(), "byte {at} of {}", String::from_utf8_lossy(&damaged));
            assert!(head(&bytes[..at]).is_err(), "cut at {at}");
        }
        for text in ["", "{}", "null", "[]", "\u{0}", "{\"head\":1}"] {
            assert_eq!(head(text.as_bytes()), Err(Loss::Damaged), "{text}");
        }
    }

    #[test]
    fn a_passphrase_makes_the_key_and_a_file_cannot_ask_for_everything() {
        let word = Secret::new("correct horse");
        let sealer = Sealer::of_passphrase(&word).unwrap().expect("64 MiB");
        let entries = entries();
        let bytes = sealer.seal(&entries).unwrap();
        let known = head(&bytes).unwrap();
        assert_eq!(Sealer::unlock(known.clone(), &word).unwrap().open(&bytes), Ok(entries));
        let wrong = Sealer::unlock(known, &Secret::new("battery staple")).unwrap();
        assert_eq!(wrong.open(&bytes), Err(Loss::ForeignKey));
        let dear = String::from_utf8(bytes).unwrap().replace("65536", "4194304");
        assert_eq!(head(dear.as_bytes()), Err(Loss::Damaged));
    }
}
