use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    sync::Mutex,
};

use super::*;

/// A store of the system that does as it is told.
#[derive(Debug, Default)]
struct Keys {
    keys: Mutex<BTreeMap<String, Vec<u8>>>,
    ails: Mutex<Option<Ails>>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Ails {
    /// It takes nothing.
    Deaf,
    /// It takes a key and does not bring it back.
    Forgetful,
    /// It brings another one back.
    Liar,
    /// It cannot be asked.
    Away,
}

impl KeyStore for Keys {
    fn rung(&self) -> Rung {
        Rung::Keyutils
    }

    fn keep(&self, id: &str, key: &[u8]) -> Result<(), StoreError> {
        if *self.ails.lock().unwrap() == Some(Ails::Deaf) {
            return Err(StoreError::Failed("access denied".into()));
        }
        self.keys.lock().unwrap().insert(id.to_owned(), key.to_vec());
        Ok(())
    }

    fn fetch(&self, id: &str) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        match *self.ails.lock().unwrap() {
            Some(Ails::Forgetful) => Err(StoreError::NoKey),
            Some(Ails::Liar) => Ok(Zeroizing::new(vec![0; 32])),
            Some(Ails::Away) => Err(StoreError::Failed("no bus".into())),
            _ => self.keys.lock().unwrap().get(id).cloned().map(Zeroizing::new).ok_or(StoreError::NoKey),
        }
    }

    fn remove(&self, id: &str) -> Result<(), StoreError> {
        self.keys.lock().unwrap().remove(id).map(drop).ok_or(StoreError::NoKey)
    }
}

const LABEL: &str = "https://management.azure.com 11111111-1111-4111-8111-111111111111";

fn nobody(_: Asked) -> Option<Secret> {
    None
}

#[expect(clippy::unnecessary_wraps, reason = "whoever is asked may also give nothing")]
fn word(_: Asked) -> Option<Secret> {
    Some(Secret::new("correct horse"))
}

fn token(text: &str) -> Secret {
    Secret::new(text)
}

/// A cache with one token, and the store that keeps its key.
fn signed_in(state: &Path) -> (Vault, Arc<Keys>, Arc<Sealer>) {
    let store = Arc::new(Keys::default());
    let vault = Vault::new(state, vec![store.clone()]);
    let (sealer, passed) = vault.make(&nobody).unwrap();
    let sealer = sealer.unwrap();
    assert_eq!((sealer.rung(), passed), (Rung::Keyutils, vec![]));
    vault.begin(&sealer, LABEL, &token("CANARY-1")).unwrap();
    (vault, store, sealer)
}

fn held(vault: &Vault, ask: Ask<'_>) -> Result<Option<String>, Loss> {
    match vault.open(ask) {
        Contents::Nothing => Ok(None),
        Contents::Lost(loss) => Err(loss),
        Contents::Open { entries, .. } => Ok(entries.get(LABEL).map(|secret| secret.expose().to_owned())),
    }
}

fn everything(below: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        all.extend(if path.is_dir() { everything(&path) } else { fs::read(&path).unwrap() });
    }
    all
}

#[test]
fn a_token_outlives_its_process_and_nothing_readable_is_on_disk() {
    let state = tempfile::tempdir().unwrap();
    let (vault, store, sealer) = signed_in(state.path());
    assert_eq!(held(&vault, &nobody), Ok(Some("CANARY-1".to_owned())));
    assert_eq!(vault.put(&sealer, LABEL, Some(&token("CANARY-2"))).unwrap(), Kept::Done);
    let restarted = Vault::new(state.path(), vec![store.clone()]);
    assert_eq!(held(&restarted, &nobody), Ok(Some("CANARY-2".to_owned())));
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!((mode(&vault.path()), mode(vault.path().parent().unwrap())), (0o600, 0o700));
    let bytes = everything(state.path());
    let key = store.keys.lock().unwrap().values().next().unwrap().clone();
    for secret in [&b"CANARY"[..], b"management.azure.com", &key] {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret));
    }
    assert_eq!(vault.put(&sealer, LABEL, None).unwrap(), Kept::Done);
    assert_eq!(held(&restarted, &nobody), Ok(None));
}

/// Spoils a cache that was good.
type Spoil = fn(&Vault, &Keys);

#[test]
fn what_cannot_be_used_any_more_is_a_reason_to_sign_in_again() {
    fn set(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    fn moved(path: &Path) {
        let away = path.with_extension("away");
        fs::rename(path, &away).unwrap();
        symlink(&away, path).unwrap();
    }
    let cases: [(&str, Spoil); 12] = [
        ("key expired", |_, store| store.keys.lock().unwrap().clear()),
        ("another key", |_, store| {
            store.keys.lock().unwrap().values_mut().for_each(|key| key[0] ^= 1);
        }),
        ("another key", |_, store| store.keys.lock().unwrap().values_mut().for_each(Vec::clear)),
        ("does not answer here: no bus", |_, store| *store.ails.lock().unwrap() = Some(Ails::Away)),
        ("damaged", |vault, _| fs::write(vault.path(), "").unwrap()),
        ("damaged", |vault, _| fs::write(vault.path(), [0xff; 900]).unwrap()),
        ("damaged", |vault, _| fs::write(vault.path(), vec![b'a'; 600_000]).unwrap()),
        ("damaged", |vault, _| {
            fs::remove_file(vault.path()).unwrap();
            fs::create_dir(vault.path()).unwrap();
            set(&vault.path(), 0o700);
        }),
        ("open to others (mode 640)", |vault, _| set(&vault.path(), 0o640)),
        ("open to others (mode 777)", |vault, _| set(vault.path().parent().unwrap(), 0o777)),
        ("symbolic link", |vault, _| moved(&vault.path())),
        ("symbolic link", |vault, _| moved(vault.path().parent().unwrap())),
    ];
    for (expected, spoil) in cases {
        let state = tempfile::tempdir().unwrap();
        let (vault, store, _) = signed_in(state.path());
        spoil(&vault, &store);
        let loss = held(&vault, &nobody).expect_err(expected).to_string();
        assert!(loss.contains(expected), "{loss}");
    }
    if rustix::process::geteuid().is_root() {
        let state = tempfile::tempdir().unwrap();
        let (vault, ..) = signed_in(state.path());
        std::os::unix::fs::chown(vault.path(), Some(65_534), None).unwrap();
        assert_eq!(held(&vault, &nobody), Err(Loss::Owner { uid: 65_534 }));
    }
}

#[test]
fn the_ladder_goes_down_to_a_passphrase_and_then_to_nothing() {
    for (ails, why) in [
        (Ails::Deaf, "access denied"),
        (Ails::Forgetful, "no such key"),
        (Ails::Liar, "another key"),
        (Ails::Away, "no bus"),
    ] {
        let state = tempfile::tempdir().unwrap();
        let store = Arc::new(Keys::default());
        *store.ails.lock().unwrap() = Some(ails);
        let vault = Vault::new(state.path(), vec![store.clone()]);
        let (sealer, passed) = vault.make(&nobody).unwrap();
        assert!(sealer.is_none() && passed.len() == 2, "{passed:?}");
        assert!(passed[0].why.as_str().contains(why), "{passed:?}");
        assert!(everything(state.path()).is_empty(), "nothing is written");
        assert!(store.keys.lock().unwrap().is_empty(), "no key is left behind");
        let (sealer, _) = vault.make(&word).unwrap();
        let sealer = sealer.unwrap();
        assert_eq!(sealer.rung(), Rung::Passphrase);
        vault.begin(&sealer, LABEL, &token("CANARY-1")).unwrap();
        assert_eq!(held(&vault, &word), Ok(Some("CANARY-1".to_owned())));
        assert_eq!(held(&vault, &nobody), Err(Loss::Locked));
        let asked = Mutex::new(Vec::new());
        let wrong = |what| {
            asked.lock().unwrap().push(what);
            Some(Secret::new("battery staple"))
        };
        assert_eq!(held(&vault, &wrong), Err(Loss::Passphrase));
        assert_eq!(asked.lock().unwrap().len(), ATTEMPTS as usize);
    }
}

#[test]
fn a_wipe_is_looked_at_and_no_old_process_writes_the_cache_again() {
    let state = tempfile::tempdir().unwrap();
    let (vault, store, sealer) = signed_in(state.path());
    let wiped = vault.wipe().unwrap();
    assert_eq!((wiped.file, wiped.key), (true, KeyEnd::Gone(Rung::Keyutils)));
    assert!(everything(state.path()).is_empty() && store.keys.lock().unwrap().is_empty());
    assert_eq!(vault.put(&sealer, LABEL, Some(&token("CANARY-3"))).unwrap(), Kept::Gone);
    assert_eq!(held(&vault, &nobody), Ok(None));
    assert!(!vault.wipe().unwrap().file);
    // Who signs in anew seals with a new key; the process before keeps its token in memory.
    let (vault, store, sealer) = signed_in(state.path());
    let (anew, _) = vault.make(&nobody).unwrap();
    vault.begin(&anew.unwrap(), LABEL, &token("CANARY-4")).unwrap();
    assert_eq!(vault.put(&sealer, LABEL, Some(&token("CANARY-5"))).unwrap(), Kept::Gone);
    assert_eq!(held(&vault, &nobody), Ok(Some("CANARY-4".to_owned())));
    assert_eq!(store.keys.lock().unwrap().len(), 1, "the key of the cache before is gone");
    // A link in its place is removed, what it leads to is not.
    let precious = state.path().join("precious");
    fs::write(&precious, "x").unwrap();
    fs::remove_file(vault.path()).unwrap();
    symlink(&precious, vault.path()).unwrap();
    let wiped = vault.wipe().unwrap();
    assert!(wiped.file && matches!(wiped.key, KeyEnd::Unsure(_)), "{wiped:?}");
    assert_eq!(fs::read_to_string(precious).unwrap(), "x");
    // A store that does not let go is not called empty.
    let (vault, store, _) = signed_in(state.path());
    *store.ails.lock().unwrap() = Some(Ails::Liar);
    assert!(matches!(vault.wipe().unwrap().key, KeyEnd::Unsure(_)));
}

/// The kernel decides which rung holds; on each of them the token survives or nothing is on disk.
#[test]
fn with_the_stores_of_this_machine_a_token_survives_or_nothing_is_written() {
    let state = tempfile::tempdir().unwrap();
    let vault = Vault::new(state.path(), stores());
    let (sealer, passed) = vault.make(&nobody).unwrap();
    let Some(sealer) = sealer else {
        assert!(passed.len() >= 2 && passed.iter().all(|one| !one.why.as_str().is_empty()), "{passed:?}");
        assert!(everything(state.path()).is_empty());
        return;
    };
    vault.begin(&sealer, LABEL, &token("CANARY-1")).unwrap();
    let restarted = Vault::new(state.path(), stores());
    assert_eq!(held(&restarted, &nobody), Ok(Some("CANARY-1".to_owned())));
    assert_eq!(vault.wipe().unwrap().key, KeyEnd::Gone(sealer.rung()));
}
