//! What a sign-in leaves for the processes to come, and what a broken Azure does to it.

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::{PermissionsExt, symlink},
    path::PathBuf,
    process::{Command, Output},
    sync::{Arc, Mutex},
    thread,
};

use farshore::domain::time::Timestamp;

use super::{
    cli::Server,
    signin::{CANARY, Kind, nothing_readable, token},
    terminal::{State, text},
};

/// What an identity endpoint or a front of Azure answers.
type Answer = Arc<dyn Fn() -> Option<String> + Send + Sync>;

/// Listens on loopback. What `answer` gives is said at once; `None` hands the connection on to `beyond`.
fn listen(answer: Answer, beyond: Option<u16>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for socket in listener.incoming() {
            let (socket, answer) = (socket.unwrap(), answer.clone());
            thread::spawn(move || serve(socket, &answer, beyond));
        }
    });
    port
}

fn serve(mut socket: TcpStream, answer: &Answer, beyond: Option<u16>) {
    let Some(said) = answer() else {
        let Ok(mut far) = TcpStream::connect(("127.0.0.1", beyond.unwrap())) else { return };
        let (mut back, mut to) = (far.try_clone().unwrap(), socket.try_clone().unwrap());
        thread::spawn(move || {
            let _ = std::io::copy(&mut back, &mut to);
            let _ = to.shutdown(std::net::Shutdown::Both);
        });
        let _ = std::io::copy(&mut socket, &mut far);
        let _ = far.shutdown(std::net::Shutdown::Both);
        return;
    };
    let (mut seen, mut buffer) = (Vec::new(), [0; 4_096]);
    while !seen.windows(4).any(|end| end == b"\r\n\r\n") {
        match socket.read(&mut buffer) {
            Ok(count) if count > 0 => seen.extend_from_slice(&buffer[..count]),
            _ => break,
        }
    }
    let _ = socket.write_all(said.as_bytes());
}

fn http(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

/// An identity endpoint whose tokens end `left` seconds from now.
pub fn identity(left: i64) -> String {
    let port = listen(
        Arc::new(move || {
            let ends = Timestamp::now().as_second() + left;
            let token = token(Kind::Jwt, ends);
            let body = format!(
                r#"{{"access_token":"{token}","expires_on":"{ends}","resource":"r","token_type":"Bearer"}}"#
            );
            Some(http("200 OK", "", &body))
        }),
        None,
    );
    format!("http://127.0.0.1:{port}/msi/token")
}

/// A front of Azure that refuses everything while it is told to.
struct Front {
    port: u16,
    refusal: Arc<Mutex<Option<String>>>,
}

impl Front {
    fn of(server: &Server) -> Self {
        let refusal = Arc::new(Mutex::new(None));
        let said = refusal.clone();
        let port = listen(Arc::new(move || said.lock().unwrap().clone()), Some(server.port));
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

fn word(state: &State) -> PathBuf {
    let path = state.path().join("word");
    fs::write(&path, "correct horse\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

fn said(output: &Output) -> String {
    text(&output.stdout) + &text(&output.stderr)
}

#[track_caller]
fn ends(mut command: Command, code: i32, expected: &[&str]) -> String {
    let output = command.output().unwrap();
    let all = said(&output);
    assert_eq!(output.status.code(), Some(code), "{command:?}: {all}");
    for part in expected {
        assert!(all.contains(part), "`{part}` is not said: {all}");
    }
    assert!(!all.contains(CANARY) && !all.contains('\x1b'), "{all}");
    all
}

#[test]
fn two_estates_stay_signed_in_and_a_refusal_is_told_by_the_next_process() {
    let state = State::new();
    let server = Server::start(&state, "tiny", &[]);
    let (one, two) = (Front::of(&server), Front::of(&server));
    let identity = identity(3_600);
    let word = word(&state);
    let run = |front: &Front, identity: Option<&str>, words: &[&str]| {
        let mut command = verb(&server, &state, front.port, identity, words);
        command.env("FARSHORE_PASSPHRASE_FILE", &word);
        command
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
fn a_token_that_is_over_is_not_kept() {
    let state = State::new();
    let server = Server::start(&state, "tiny", &[]);
    let word = word(&state);
    for (left, code, expected) in [
        (-7_200, 4, "nothing: the token is over"),
        (-5, 4, "nothing: the token is over"),
        (0, 4, "nothing: the token is over"),
        (100 * 365 * 86_400, 0, ", 28 h 0 m"),
    ] {
        let identity = identity(left);
        let mut command =
            verb(&server, &state, server.port, Some(&identity), &["login", "--store", "passphrase"]);
        command.env("FARSHORE_PASSPHRASE_FILE", &word);
        ends(command, code, &["signed in as op.07@contoso.example", expected]);
        assert_eq!(state.path().join("tokens").exists(), code == 0, "{left}");
    }
}

#[test]
fn a_sign_out_through_a_link_says_what_stays_and_a_blocked_place_keeps_nothing() {
    let state = State::new();
    let server = Server::start(&state, "tiny", &[]);
    let identity = identity(3_600);
    let word = word(&state);
    let run = |identity: Option<&str>, words: &[&str]| {
        let mut command = verb(&server, &state, server.port, identity, words);
        command.env("FARSHORE_PASSPHRASE_FILE", &word);
        command
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
    let identity = identity(3_600);
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let denied = r#"{"error":{"code":"AuthorizationFailed","message":"The client has no authorization to perform the action over the scope or the scope is invalid."}}"#;
    for (name, port, answer, signed_in, identity_row, told) in [
        ("fine", front.port, None, true, "identity        ok", "reach primary   ok"),
        ("connection refused", closed, None, true, "identity        ok", "all 5: could not reach"),
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
            "identity        ok",
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
