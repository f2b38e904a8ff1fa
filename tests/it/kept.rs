//! What a sign-in leaves for the processes to come, and what a broken Azure does to it.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::{PermissionsExt, symlink},
    process::Command,
    sync::{Arc, Mutex},
};

use super::{
    canary::{CANARY, Kind, Word, ends, http, identity, listen, nothing_readable, said},
    cli::Server,
    terminal::{LIMIT, State, Terminal},
};

/// A front of Azure that refuses everything while it is told to.
struct Front {
    port: u16,
    refusal: Arc<Mutex<Option<String>>>,
}

impl Front {
    fn of(server: &Server) -> Self {
        let refusal = Arc::new(Mutex::new(None));
        let said = refusal.clone();
        let port = listen(Arc::new(move |_| said.lock().unwrap().clone()), Some(server.port));
        Self { port, refusal }
    }

    fn refuses(&self, headers: &str) {
        let body = r#"{"error":{"code":"InvalidAuthenticationToken","message":"no"}}"#;
        *self.refusal.lock().unwrap() = Some(http("401 Unauthorized", headers, body));
    }
}

const CLAIMS: &str = "www-authenticate: Bearer realm=\"\", error=\"insufficient_claims\", \
                      claims=\"eyJhY2Nlc3NfdG9rZW4iOnt9fQ==\"\r\n";

/// A verb over an estate behind `port`.
fn verb(server: &Server, state: &State, port: u16, identity: Option<&str>, words: &[&str]) -> Command {
    let mut command = state.command(words);
    command.args(["--endpoint", &format!("http://127.0.0.1:{port}"), "--estate"]).arg(&server.estate);
    if let Some(identity) = identity {
        command.env("IDENTITY_ENDPOINT", identity).env("IDENTITY_HEADER", format!("{CANARY}-header"));
    }
    command
}

#[test]
fn two_estates_stay_signed_in_and_a_refusal_is_told_by_the_next_process() {
    let state = State::new();
    let server = Server::start(&state, "tiny", &[]);
    let (one, two) = (Front::of(&server), Front::of(&server));
    let identity = identity(Kind::Jwt);
    let word = Word::of(&state);
    let run = |front: &Front, identity: Option<&str>, words: &[&str]| {
        word.given_to(verb(&server, &state, front.port, identity, words))
    };
    for front in [&one, &two] {
        ends(run(front, Some(&identity), &["login", "--store", "passphrase"]), 0, &["sealed in "]);
    }
    for front in [&one, &two] {
        ends(run(front, None, &["whoami"]), 0, &["op.07@contoso.example", "sealed, its key in a passphrase"]);
    }
    one.refuses("");
    run(&one, None, &["status"]).output().unwrap();
    let who = ends(
        run(&one, None, &["whoami"]),
        1,
        &["sign in again: Azure refused the token of the last sign-in at 2"],
    );
    assert!(!who.contains("nobody has signed in"), "{who}");
    // The other one is none the worse for it, and a new sign-in mends the first.
    ends(run(&two, None, &["whoami"]), 0, &["op.07@contoso.example"]);
    *one.refusal.lock().unwrap() = None;
    ends(run(&one, Some(&identity), &["login", "--store", "passphrase"]), 0, &["sealed in "]);
    ends(run(&one, None, &["whoami"]), 0, &["op.07@contoso.example"]);
    nothing_readable(state.path());
}

#[test]
fn a_sign_out_through_a_link_says_what_stays_and_a_blocked_place_keeps_nothing() {
    let state = State::new();
    let server = Server::start(&state, "tiny", &[]);
    let identity = identity(Kind::Jwt);
    let word = Word::of(&state);
    let run = |identity: Option<&str>, words: &[&str]| {
        word.given_to(verb(&server, &state, server.port, identity, words))
    };
    let login = || run(Some(&identity), &["login", "--store", "passphrase"]);
    ends(login(), 0, &["sealed in "]);
    let (tokens, away) = (state.path().join("tokens"), state.path().join("away"));
    fs::rename(&tokens, &away).unwrap();
    symlink("away", &tokens).unwrap();
    let out =
        ends(run(None, &["logout"]), 4, &["only a link was removed", "away/sealed stays", "still opens"]);
    assert!(!out.contains("it is gone") && !out.contains("opens nothing"), "{out}");
    fs::rename(&away, &tokens).unwrap();
    ends(run(None, &["whoami"]), 0, &["op.07@contoso.example"]);
    ends(run(None, &["logout"]), 0, &["it is gone"]);
    // Something else in its place: removed where nothing is in it, else named; and never an exit code 1.
    fs::create_dir_all(tokens.join("sealed/x")).unwrap();
    fs::set_permissions(&tokens, fs::Permissions::from_mode(0o700)).unwrap();
    ends(login(), 4, &["signed in as", "kept              nothing: could not remove the directory"]);
    fs::remove_dir(tokens.join("sealed/x")).unwrap();
    ends(login(), 0, &["sealed in "]);
    ends(run(None, &["logout"]), 0, &["it is gone"]);
    fs::write(&tokens, "").unwrap();
    ends(login(), 4, &["signed in as", "kept              nothing: could not create"]);
}

/// `doctor` over an Azure that is broken in one way: one screen, and no identity that is ok but useless.
#[test]
fn doctor_is_one_screen_over_every_broken_estate() {
    let state = State::new();
    let server = Server::start(&state, "tiny", &[]);
    let front = Front::of(&server);
    let identity = identity(Kind::Jwt);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let denied = r#"{"error":{"code":"AuthorizationFailed","message":"The client has no authorization to perform the action over the scope or the scope is invalid."}}"#;
    for (name, port, answer, signed_in, identity_row, told) in [
        ("fine", front.port, None, true, "identity        ok", "reach primary   ok"),
        ("connection refused", closed, None, true, "identity        ?", "all 5: could not reach"),
        (
            "claims",
            front.port,
            Some(http("401 Unauthorized", CLAIMS, "")),
            true,
            "identity        x",
            "Azure",
        ),
        (
            "bad token",
            front.port,
            Some(http("401 Unauthorized", "", "{}")),
            true,
            "identity        x",
            "Azure refuses",
        ),
        (
            "no right",
            front.port,
            Some(http("403 Forbidden", "", denied)),
            true,
            "identity        x",
            "AuthorizationFailed",
        ),
        (
            "broken",
            front.port,
            Some(http("500 Internal Server Error", "", "<html>")),
            true,
            "identity        ?",
            "all 5: ",
        ),
        ("no identity", front.port, None, false, "identity        x", "no token"),
    ] {
        *front.refusal.lock().unwrap() = answer;
        let run = |words: &[&str]| {
            let identity = signed_in.then_some(identity.as_str());
            verb(&server, &state, port, identity, words).output().unwrap()
        };
        let page = said(&run(&["doctor"]));
        println!("== {name}\n{page}");
        assert!(page.lines().count() < 24, "{name}: {}\n{page}", page.lines().count());
        assert!(page.lines().all(|line| line.chars().count() <= 80), "{name}:\n{page}");
        assert!(page.lines().any(|line| line.starts_with(identity_row)), "{name}:\n{page}");
        let flowing = page.split_whitespace().collect::<Vec<_>>().join(" ");
        let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flowing.contains(&told), "{name}: no `{told}`\n{page}");
        assert_eq!(page.lines().filter(|line| line.starts_with("reach ")).count(), 3, "{name}:\n{page}");
    }
}

/// Somebody logs out beside a cockpit: it goes on with what it has in memory, and says that nothing keeps it.
#[test]
fn a_cockpit_sees_that_somebody_has_logged_out_beside_it() {
    let state = State::new();
    let server = Server::start(&state, "tiny", &[]);
    let identity = identity(Kind::Jwt);
    let word = Word::of(&state);
    let run = |identity: Option<&str>, words: &[&str]| {
        word.given_to(verb(&server, &state, server.port, identity, words))
    };
    ends(run(Some(&identity), &["login", "--store", "passphrase"]), 0, &["sealed in "]);
    let out = state.path().join("sitting");
    let script = format!(
        "FARSHORE_PASSPHRASE_FILE={} exec $FARSHORE --estate {} --endpoint http://127.0.0.1:{} record --redact \
         --out {}",
        word.0,
        server.estate.display(),
        server.port,
        out.display()
    );
    let Some(mut terminal) = Terminal::shell(&state, &["-c", &script]) else { return };
    let first = |screen: &str| screen.lines().next().unwrap_or_default().to_owned();
    let sealed = terminal.until("the first answer", |screen| screen.contains("2 of 2 usable"));
    assert!(first(&sealed).contains(" REDACT "), "{sealed}");
    assert!(!first(&sealed).contains(" mem "), "it is kept: {sealed}");
    ends(run(None, &["logout"]), 0, &["it is gone"]);
    let told = terminal.until("line 1", |screen| first(screen).contains(" mem "));
    assert!(first(&told).contains(" REDACT") && first(&told).contains(" REC "), "{told}");
    // It goes on, and does not write the cache again.
    terminal.see("the token is not kept any more: it ends with this process");
    terminal.press("qq");
    assert_eq!(terminal.end(LIMIT), 0);
    assert!(!state.path().join("tokens").exists());
}
