use std::{
    collections::BTreeMap,
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

fn begun(vault: &Vault, label: &str, text: &str, ask: Ask<'_>) -> (SignIn, Vec<Passed>, Option<Loss>) {
    match vault.sign_in(label, &token(text), Ladder::Whole, ask).unwrap() {
        Begun::Kept { sign_in, passed, lost } => (sign_in, passed, lost),
        Begun::Nowhere { passed } => panic!("{passed:?}"),
    }
}

/// A cache with one token, and the store that keeps its key.
fn signed_in(state: &Path) -> (Vault, Arc<Keys>, SignIn) {
    let store = Arc::new(Keys::default());
    let vault = Vault::new(state, vec![store.clone()]);
    let (sign_in, passed, _) = begun(&vault, LABEL, "CANARY-1", &nobody);
    assert_eq!((sign_in.sealer.rung(), passed), (Rung::Keyutils, vec![]));
    (vault, store, sign_in)
}

fn held(vault: &Vault, ask: Ask<'_>) -> Result<Option<String>, Loss> {
    under(vault, LABEL, ask)
}

fn under(vault: &Vault, label: &str, ask: Ask<'_>) -> Result<Option<String>, Loss> {
    match vault.open(ask) {
        Contents::Nothing => Ok(None),
        Contents::Lost(loss) => Err(loss),
        Contents::Open { entries, .. } => Ok(entries.get(label).map(|entry| match &entry.held {
            Held::Secret(secret) => secret.expose().to_owned(),
            Held::Gone(why) => why.to_string(),
        })),
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
    let (vault, store, sign_in) = signed_in(state.path());
    assert_eq!(held(&vault, &nobody), Ok(Some("CANARY-1".to_owned())));
    assert_eq!(vault.put(&sign_in, Held::Secret(token("CANARY-2"))).unwrap(), Kept::Done);
    let restarted = Vault::new(state.path(), vec![store.clone()]);
    assert_eq!(held(&restarted, &nobody), Ok(Some("CANARY-2".to_owned())));
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!((mode(&vault.path()), mode(vault.path().parent().unwrap())), (0o600, 0o700));
    let bytes = everything(state.path());
    let key = store.keys.lock().unwrap().values().next().unwrap().clone();
    for secret in [&b"CANARY"[..], b"management.azure.com", &key] {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret));
    }
    assert_eq!(vault.put(&sign_in, Held::Gone("refused".into())).unwrap(), Kept::Done);
    assert_eq!(held(&restarted, &nobody), Ok(Some("refused".to_owned())), "nor is the reason lost");
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
        match vault.sign_in(LABEL, &token("CANARY-1"), Ladder::Whole, &nobody).unwrap() {
            Begun::Nowhere { passed } => {
                assert!(passed.len() == 2 && passed[0].why.as_str().contains(why), "{passed:?}");
            }
            kept @ Begun::Kept { .. } => panic!("{kept:?}"),
        }
        assert!(!state.path().join("tokens").exists(), "nothing is written");
        assert!(store.keys.lock().unwrap().is_empty(), "no key is left behind");
        let (sign_in, ..) = begun(&vault, LABEL, "CANARY-1", &word);
        assert_eq!(sign_in.sealer.rung(), Rung::Passphrase);
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
    let (vault, store, sign_in) = signed_in(state.path());
    let wiped = vault.wipe().unwrap();
    assert_eq!((wiped.file, wiped.key), (FileEnd::Gone, KeyEnd::Gone(Rung::Keyutils)));
    assert!(everything(state.path()).is_empty() && store.keys.lock().unwrap().is_empty());
    assert_eq!(vault.put(&sign_in, Held::Secret(token("CANARY-3"))).unwrap(), Kept::Gone);
    assert_eq!(held(&vault, &nobody), Ok(None));
    assert_eq!(vault.wipe().unwrap().file, FileEnd::None);
    // Who signs in anew owns what lies there; the process before keeps its token in memory.
    let (vault, store, sign_in) = signed_in(state.path());
    begun(&vault, LABEL, "CANARY-4", &nobody);
    assert_eq!(vault.put(&sign_in, Held::Secret(token("CANARY-5"))).unwrap(), Kept::Gone);
    assert_eq!(held(&vault, &nobody), Ok(Some("CANARY-4".to_owned())));
    assert_eq!(store.keys.lock().unwrap().len(), 1, "one cache, one key");
    // A link in its place is removed, what it leads to is not.
    let precious = state.path().join("precious");
    fs::write(&precious, "x").unwrap();
    fs::remove_file(vault.path()).unwrap();
    symlink(&precious, vault.path()).unwrap();
    let wiped = vault.wipe().unwrap();
    let to = Some(fs::canonicalize(&precious).unwrap());
    assert!(wiped.file == FileEnd::Link { to } && matches!(wiped.key, KeyEnd::Unsure(_)), "{wiped:?}");
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
    let sign_in = match vault.sign_in(LABEL, &token("CANARY-1"), Ladder::Whole, &nobody).unwrap() {
        Begun::Kept { sign_in, .. } => sign_in,
        Begun::Nowhere { passed } => {
            assert!(passed.len() >= 2 && passed.iter().all(|one| !one.why.as_str().is_empty()), "{passed:?}");
            assert!(everything(state.path()).is_empty());
            return;
        }
    };
    let restarted = Vault::new(state.path(), stores());
    assert_eq!(held(&restarted, &nobody), Ok(Some("CANARY-1".to_owned())));
    assert_eq!(vault.wipe().unwrap().key, KeyEnd::Gone(sign_in.sealer.rung()));
}

/// Another estate: what it does is told of the first.
const SECOND: &str = "https://management.azure.com 22222222-2222-4222-8222-222222222222";

#[test]
fn a_second_sign_in_keeps_the_first_whatever_holds_the_key() {
    // The first under this ladder, the second under that one; what rested is lost only where it cannot be
    // opened, and that is told.
    for (first, second, ask, rung, lost) in [
        (Ladder::Whole, Ladder::Whole, &nobody as Ask<'_>, Rung::Keyutils, false),
        (Ladder::Whole, Ladder::Passphrase, &word, Rung::Passphrase, false),
        (Ladder::Passphrase, Ladder::Whole, &word, Rung::Passphrase, false),
        (Ladder::Passphrase, Ladder::Passphrase, &word, Rung::Passphrase, false),
        (Ladder::Passphrase, Ladder::Whole, &nobody, Rung::Keyutils, true),
    ] {
        let state = tempfile::tempdir().unwrap();
        let store = Arc::new(Keys::default());
        let vault = Vault::new(state.path(), vec![store.clone()]);
        let Begun::Kept { sign_in: one, .. } =
            vault.sign_in(LABEL, &token("CANARY-1"), first, &word).unwrap()
        else {
            panic!()
        };
        let Begun::Kept { sign_in: two, lost: told, .. } =
            vault.sign_in(SECOND, &token("CANARY-2"), second, ask).unwrap()
        else {
            panic!()
        };
        let case = format!("{first:?} {second:?} {told:?}");
        assert_eq!((two.sealer.rung(), told.is_some()), (rung, lost), "{case}");
        let restarted = Vault::new(state.path(), vec![store.clone()]);
        let kept = (!lost).then(|| "CANARY-1".to_owned());
        assert_eq!(under(&restarted, LABEL, ask), Ok(kept), "{case}");
        assert_eq!(under(&restarted, SECOND, ask), Ok(Some("CANARY-2".to_owned())), "{case}");
        // Only the key of the cache that is there is kept.
        assert_eq!(store.keys.lock().unwrap().len(), usize::from(rung == Rung::Keyutils), "{case}");
        // Each process renews its own and no other.
        assert_eq!(restarted.put(&two, Held::Secret(token("CANARY-3"))).unwrap(), Kept::Done, "{case}");
        let expected = if one.sealer.rung() == rung { Kept::Done } else { Kept::Gone };
        assert_eq!(restarted.put(&one, Held::Gone("refused".into())).unwrap(), expected, "{case}");
        assert_eq!(under(&restarted, SECOND, ask), Ok(Some("CANARY-3".to_owned())), "{case}");
    }
}

#[test]
fn a_sign_in_that_cannot_be_written_leaves_no_key_behind() {
    let block: [(&str, Spoil); 3] = [
        ("create", |vault, _| fs::write(vault.path().parent().unwrap(), "").unwrap()),
        ("remove", |vault, _| fs::create_dir_all(vault.path().with_extension("next").join("x")).unwrap()),
        ("not used", |vault, _| {
            fs::create_dir(vault.path().parent().unwrap()).unwrap();
            fs::set_permissions(vault.path().parent().unwrap(), fs::Permissions::from_mode(0o777)).unwrap();
        }),
    ];
    for (expected, block) in block {
        let state = tempfile::tempdir().unwrap();
        let store = Arc::new(Keys::default());
        let vault = Vault::new(state.path(), vec![store.clone()]);
        block(&vault, &store);
        let error = vault.sign_in(LABEL, &token("CANARY-1"), Ladder::Whole, &word).expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}");
        assert!(store.keys.lock().unwrap().is_empty(), "{error}");
    }
}

/// A link is not the cache: what it led to is still there, and that is told; its key is taken out.
#[test]
fn a_wipe_through_a_link_tells_what_stays_and_takes_its_key() {
    fn behind(path: &Path) -> PathBuf {
        let away = path.with_extension("away");
        fs::rename(path, &away).unwrap();
        symlink(&away, path).unwrap();
        away
    }
    for (directory, typed, dangling) in [
        (true, false, false),
        (false, false, false),
        (true, true, false),
        (true, false, true),
        (false, false, true),
    ] {
        let case = format!("directory {directory}, typed {typed}, dangling {dangling}");
        let state = tempfile::tempdir().unwrap();
        let store = Arc::new(Keys::default());
        let vault = Vault::new(state.path(), vec![store.clone()]);
        let ladder = if typed { Ladder::Passphrase } else { Ladder::Whole };
        vault.sign_in(LABEL, &token("CANARY-1"), ladder, &word).unwrap();
        let file = vault.path();
        let linked = if directory { file.parent().unwrap() } else { &file };
        let away = behind(linked);
        let sealed = if directory { away.join("sealed") } else { away.clone() };
        if dangling {
            fs::remove_file(&sealed).unwrap();
        }
        let wiped = vault.wipe().unwrap();
        let to = (!dangling).then(|| fs::canonicalize(&sealed).unwrap());
        assert_eq!(wiped.file, FileEnd::Link { to }, "{case}");
        assert!(!linked.is_symlink() && sealed.exists() != dangling, "{case}");
        match wiped.key {
            KeyEnd::None => assert!(dangling, "{case}"),
            KeyEnd::Gone(rung) => assert!(!typed && rung == Rung::Keyutils, "{case}"),
            KeyEnd::Unsure(why) => assert!(typed && why.as_str().contains("passphrase"), "{case}: {why}"),
        }
        if !dangling {
            // Put back, it opens with nothing but what was said.
            let _ = fs::remove_dir(linked);
            fs::rename(&away, linked).unwrap();
            let expected = if typed { Ok(Some("CANARY-1".to_owned())) } else { Err(Loss::KeyExpired) };
            assert_eq!(held(&vault, &word), expected, "{case}");
        }
    }
}

#[test]
fn a_directory_in_the_place_of_the_file_is_removed_or_named() {
    for full in [false, true] {
        for wipe in [false, true] {
            let state = tempfile::tempdir().unwrap();
            let (vault, store, _) = signed_in(state.path());
            fs::remove_file(vault.path()).unwrap();
            fs::create_dir(vault.path()).unwrap();
            if full {
                fs::write(vault.path().join("x"), "").unwrap();
            }
            let error = if wipe {
                vault.wipe().err()
            } else {
                let before = store.keys.lock().unwrap().len();
                let begun = vault.sign_in(LABEL, &token("CANARY-2"), Ladder::Whole, &nobody);
                if full {
                    assert_eq!(store.keys.lock().unwrap().len(), before, "no key is left behind");
                }
                begun.err()
            };
            assert_eq!(error.is_some(), full, "{error:?}");
            if let Some(error) = error {
                let told = error.to_string();
                assert!(told.contains("remove") && told.contains("not empty"), "{told}");
            } else if !wipe {
                assert_eq!(held(&vault, &nobody), Ok(Some("CANARY-2".to_owned())));
            }
        }
    }
}

/// Does something to a cache beside whoever has signed in.
type Meddle = fn(&Vault, &SignIn);

/// Who holds a token sees that it is kept no more, whoever took it and however, or that its key has ended:
/// without a person, and without writing.
#[test]
fn a_look_tells_whether_a_sign_in_is_still_there() {
    let rung = Rung::Keyutils;
    let expired = || (Some(Ails::Forgetful), Err(Loss::KeyExpired));
    let away = Loss::Unreachable { rung, why: "no bus".into() };
    let keys = [expired(), (Some(Ails::Liar), Err(Loss::ForeignKey)), (Some(Ails::Away), Err(away))];
    for (ails, expected) in keys {
        let state = tempfile::tempdir().unwrap();
        let (vault, store, sign_in) = signed_in(state.path());
        *store.ails.lock().unwrap() = ails;
        assert_eq!(vault.look(&sign_in), expected, "{ails:?}");
        // Whoever writes with the key in memory does not bring it back.
        assert_eq!(vault.put(&sign_in, Held::Secret(token("CANARY-2"))).unwrap(), Kept::Done);
        assert_eq!(vault.look(&sign_in), expected, "{ails:?}");
        *store.ails.lock().unwrap() = None;
        assert_eq!(vault.look(&sign_in), Ok(Kept::Done), "{ails:?}");
    }
    let cases: [(&str, Meddle, Result<Kept, Loss>); 8] = [
        ("nothing", |_, _| {}, Ok(Kept::Done)),
        (
            "renewed",
            |vault, sign_in| drop(vault.put(sign_in, Held::Secret(token("CANARY-2")))),
            Ok(Kept::Done),
        ),
        ("another", |vault, _| drop(begun(vault, "another", "CANARY-3", &nobody)), Ok(Kept::Done)),
        ("anew", |vault, _| drop(begun(vault, LABEL, "CANARY-4", &nobody)), Ok(Kept::Gone)),
        ("logout", |vault, _| drop(vault.wipe().unwrap()), Ok(Kept::Gone)),
        ("by hand", |vault, _| fs::remove_dir_all(vault.path().parent().unwrap()).unwrap(), Ok(Kept::Gone)),
        ("spoilt", |vault, _| fs::write(vault.path(), "x").unwrap(), Err(Loss::Damaged)),
        (
            "open",
            |vault, _| fs::set_permissions(vault.path(), fs::Permissions::from_mode(0o644)).unwrap(),
            Err(Loss::Open { mode: 0o644 }),
        ),
    ];
    for (case, spoil, expected) in cases {
        let state = tempfile::tempdir().unwrap();
        let (vault, _store, sign_in) = signed_in(state.path());
        spoil(&vault, &sign_in);
        let before = everything(state.path());
        assert_eq!(vault.look(&sign_in), expected, "{case}");
        assert_eq!(everything(state.path()), before, "{case}");
    }
}
