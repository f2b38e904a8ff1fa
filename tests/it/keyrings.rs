//! Signed in on a machine without a desktop: as root and as a plain user, with a session keyring and without
//! one, and still signed in after a restart. Where the kernel keeps keys the product has to; we ask the kernel
//! ourselves, so that the product is not its own witness.

use std::{
    env, fs,
    os::unix::fs::{PermissionsExt, chown},
    path::Path,
    process::{Command, Output},
    thread,
};

use linux_keyutils::{KeyRing, KeyRingIdentifier};

use super::{
    canary::{CANARY, Kind, identity, nothing_readable, said},
    cli::Server,
    terminal::State,
};

/// Names what a child of ours is to ask the kernel; without it the witness is no test.
const WITNESS: &str = "FARSHORE_TEST_WITNESS";

/// A user that no machine has.
const UID: u32 = 54_321;

/// As whom the product runs.
#[derive(Clone, Copy, Debug, PartialEq)]
enum As {
    /// Whoever runs the tests.
    Us,
    /// Somebody without any right.
    Plain,
}

/// Which session keyring its processes have.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Session {
    /// A fresh one for each process, as each login has.
    Fresh,
    /// None: what stands in is that of the user id.
    None,
}

/// Whether this process was started without a session keyring: its children are then, too.
fn without_session() -> bool {
    // On a thread of its own: to look may install one.
    let look = || {
        let ring = KeyRing::from_special_id(KeyRingIdentifier::Session, false);
        ring.and_then(|ring| ring.metadata())
            .is_ok_and(|found| found.get_description().starts_with("_uid_ses."))
    };
    thread::spawn(look).join().unwrap()
}

/// Runs a program as somebody, in a session.
fn output(who: As, session: Session, command: &Command) -> Output {
    let mut child = match who {
        As::Us => Command::new(command.get_program()),
        As::Plain => {
            let mut child = Command::new("setpriv");
            let (uid, gid) = (format!("--reuid={UID}"), format!("--regid={UID}"));
            child.args([&uid, &gid, "--clear-groups", "--"]).arg(command.get_program());
            child
        }
    };
    child.args(command.get_args()).stdin(std::process::Stdio::null()).current_dir("/");
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => child.env(name, value),
            None => child.env_remove(name),
        };
    }
    // No D-Bus: neither its address nor where it would be looked for.
    child.env_remove("DBUS_SESSION_BUS_ADDRESS").env_remove("XDG_RUNTIME_DIR").env_remove("DISPLAY");
    let run = move || {
        if session == Session::Fresh {
            keyutils_raw::keyctl_join_session_keyring(None).expect("a session keyring");
        }
        child.output().unwrap()
    };
    // A child has the session keyring of the thread that starts it.
    thread::spawn(run).join().unwrap()
}

/// Asks the kernel itself, in a process of its own: `keep NAME`, `find NAME`, `drop NAME`.
fn kernel(who: As, session: Session, deed: &str, name: &str) -> Result<(), String> {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "it::keyrings::the_witness", "--nocapture"]);
    command.env(WITNESS, format!("{deed} {name}"));
    let output = output(who, session, &command);
    let all = said(&output);
    if all.contains("the kernel did it") { Ok(()) } else { Err(all) }
}

/// What a child does for [`kernel`]; nothing where nobody asks.
#[test]
fn the_witness() {
    let Ok(asked) = env::var(WITNESS) else { return };
    let (deed, name) = asked.split_once(' ').unwrap();
    keyutils_raw::keyctl_join_session_keyring(None).unwrap();
    let ring = KeyRing::get_persistent(KeyRingIdentifier::Session).unwrap();
    match deed {
        "keep" => drop(ring.add_key(name, "0123456789").unwrap()),
        "find" => drop(ring.search(name).unwrap().read_to_vec().unwrap()),
        "drop" => ring.search(name).unwrap().invalidate().unwrap(),
        other => panic!("{other}"),
    }
    println!("the kernel did it");
}

/// Whether a key outlives the process that kept it, by the kernel's own calls.
fn keys_outlive(who: As, session: Session) -> Result<(), String> {
    let name = format!("farshore-witness-{}-{who:?}-{session:?}", std::process::id());
    kernel(who, session, "keep", &name)?;
    let found = kernel(who, session, "find", &name);
    let _ = kernel(who, session, "drop", &name);
    found
}

/// The id by which the kernel knows the key of the cache, as the open head of the file tells it.
fn key_name(sealed: &Path) -> String {
    let file: serde_json::Value = serde_json::from_slice(&fs::read(sealed).unwrap()).unwrap();
    assert_eq!(file["head"]["key_in"], "keyutils", "{file}");
    format!("keyring:{}@farshore", file["head"]["id"].as_str().unwrap())
}

#[test]
fn a_headless_sign_in_outlives_a_restart_as_root_and_as_a_plain_user_with_and_without_a_session() {
    let root = rustix::process::geteuid().is_root();
    for (who, session) in [
        (As::Us, Session::Fresh),
        (As::Us, Session::None),
        (As::Plain, Session::Fresh),
        (As::Plain, Session::None),
    ] {
        let case =
            format!("{} with {session:?} session", if root && who == As::Us { "root" } else { "user" });
        if who == As::Plain && !root {
            eprintln!("skipped: {case}: only root may become another user");
            continue;
        }
        if who == As::Plain
            && !Command::new("setpriv").arg("--version").output().is_ok_and(|out| out.status.success())
        {
            eprintln!("skipped: {case}: there is no setpriv (util-linux) here");
            continue;
        }
        if session == Session::None && !without_session() {
            eprintln!("skipped: {case}: these tests run in a session keyring, and no child can leave it");
            continue;
        }
        signed_in_and_restarted(who, session, &case);
    }
}

fn signed_in_and_restarted(who: As, session: Session, case: &str) {
    let state = State::new();
    let server = Server::start(&state, "tiny", &[]);
    let identity = identity(Kind::Jwt);
    fs::set_permissions(&server.estate, fs::Permissions::from_mode(0o644)).unwrap();
    if who == As::Plain {
        for path in [state.path(), &server.estate] {
            chown(path, Some(UID), Some(UID)).unwrap();
        }
    }
    let run = |words: &[&str], signed_in: bool| {
        let mut command = server.command(&state, words);
        if signed_in {
            command.env("IDENTITY_ENDPOINT", &identity).env("IDENTITY_HEADER", format!("{CANARY}-header"));
        } else {
            command.env_remove("IDENTITY_ENDPOINT").env_remove("IDENTITY_HEADER");
        }
        let output = output(who, session, &command);
        let all = said(&output);
        assert!(!all.contains(CANARY), "{case}: {all}");
        (output.status.code(), all)
    };
    let works = keys_outlive(who, session);
    let (code, login) = run(&["login"], true);
    assert!(login.contains("signed in as op.07@contoso.example"), "{case}: {login}");
    if let Err(why) = works {
        // Not here: then nothing is on disk, and that is said.
        eprintln!("skipped: {case}: the kernel keeps no key: {}", why.trim());
        assert_eq!(code, Some(4), "{case}: {login}");
        for told in ["nothing: the token ends with each process", "not with the kernel keyring: "] {
            assert!(login.contains(told), "{case}: {login}");
        }
        assert!(!state.path().join("tokens").exists(), "{case}");
        let (code, who_is) = run(&["whoami"], true);
        assert!(code == Some(0) && who_is.contains("memory only"), "{case}: {who_is}");
        return;
    }
    eprintln!("checked: {case}");
    assert_eq!(code, Some(0), "{case}: the kernel keeps keys, so must we: {login}");
    assert!(login.contains("in the kernel keyring"), "{case}: {login}");
    let name = key_name(&state.path().join("tokens/sealed"));
    kernel(who, session, "find", &name)
        .unwrap_or_else(|why| panic!("{case}: the kernel has no {name}: {why}"));
    for _ in 0..2 {
        let (code, who_is) = run(&["whoami"], false);
        assert_eq!(code, Some(0), "{case}: {who_is}");
        for told in ["op.07@contoso.example", "managed identity", "sealed, its key in the kernel keyring"] {
            assert!(who_is.contains(told), "{case}: {who_is}");
        }
    }
    let (code, status) = run(&["status"], false);
    assert!(code == Some(0) && status.contains("OK tiny"), "{case}: {status}");
    assert!(nothing_readable(state.path()) >= 1, "{case}");
    let (code, out) = run(&["logout"], false);
    assert!(code == Some(0) && out.contains("taken out of the kernel keyring"), "{case}: {out}");
    assert!(kernel(who, session, "find", &name).is_err(), "{case}: the kernel still has {name}");
    assert!(!state.path().join("tokens").exists(), "{case}");
    let (code, who_is) = run(&["whoami"], false);
    assert!(code == Some(1) && who_is.contains("not signed in"), "{case}: {who_is}");
}
