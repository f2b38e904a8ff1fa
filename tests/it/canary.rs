//! A secret that stands in whatever these tests sign in with, who hands it out, and what must not show it.

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
    sync::Arc,
    thread,
    time::Duration,
};

use farshore::domain::{text::hex, time::Timestamp};

use super::terminal::{State, text};

/// Stands in every secret of these tests, and must stand nowhere else.
pub const CANARY: &str = "CANARY-8d1f";

pub const TENANT: &str = "11111111-1111-4111-8111-111111111111";

/// What an identity endpoint says of itself.
#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    Jwt,
    Opaque,
    WrongTenant,
    Garbage,
    /// Its tokens are for something else than Azure Resource Manager.
    OtherAudience,
    /// Its tokens are longer than any.
    Long,
    /// It says nothing for two seconds.
    Late,
    /// Its tokens live this long, in seconds.
    Lives(i64),
    /// It answers with this status, and repeats what it was asked beside a token.
    Refuses(u16),
}

fn base64url(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut all = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let three =
            chunk.iter().fold(0_u32, |all, byte| all << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            all.push(char::from(DIGITS[(three >> (18 - 6 * place) & 63) as usize]));
        }
    }
    all
}

pub fn token(kind: Kind, ends: i64) -> String {
    let tenant = if kind == Kind::WrongTenant { "22222222-2222-4222-8222-222222222222" } else { TENANT };
    let audience =
        if kind == Kind::OtherAudience { "https://graph.example" } else { "https://management.azure.com/" };
    let claims = format!(
        r#"{{"upn":"op.07@contoso.example","oid":"o-7","tid":"{tenant}","exp":{ends},"aud":"{audience}"}}"#
    );
    match kind {
        Kind::Long => format!("{CANARY}-long").repeat(3_000),
        Kind::Opaque => format!("{CANARY}-opaque"),
        _ => format!("{JWT}.{}.{CANARY}", base64url(&claims)),
    }
}

/// An identity endpoint of the App Service protocol whose tokens carry the canary, and with them the
/// header that it wants to see.
pub fn identity(kind: Kind) -> String {
    let answer = move |asked: &str| {
        if kind == Kind::Late {
            thread::sleep(Duration::from_secs(2));
        }
        let lives = if let Kind::Lives(lives) = kind { lives } else { 3_600 };
        let ends = Timestamp::now().as_second() + lives;
        let status = if let Kind::Refuses(status) = kind { status } else { 200 };
        let body = match kind {
            Kind::Refuses(status) => refusal(status, asked),
            Kind::Garbage => format!("<html>\u{1b}[2J{CANARY}</html>"),
            _ => format!(
                r#"{{"access_token":"{}","expires_on":"{ends}","resource":"r","token_type":"Bearer"}}"#,
                token(kind, ends)
            ),
        };
        Some(http(&format!("{status} Said"), "", &body))
    };
    format!("http://127.0.0.1:{}/msi/token", listen(Arc::new(answer), None))
}

/// What an identity endpoint or a front of Azure answers to the head of a request.
pub type Answer = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Listens on loopback until the test process ends. Where `answer` gives nothing the connection is handed on
/// to `beyond`.
pub fn listen(answer: Answer, beyond: Option<u16>) -> u16 {
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
    let (mut seen, mut buffer) = (Vec::new(), [0; 4_096]);
    while !seen.windows(4).any(|end| end == b"\r\n\r\n") {
        match socket.read(&mut buffer) {
            Ok(count) if count > 0 => seen.extend_from_slice(&buffer[..count]),
            _ => break,
        }
    }
    if let Some(said) = answer(&String::from_utf8_lossy(&seen)) {
        let _ = socket.write_all(said.as_bytes());
        return;
    }
    let Ok(mut far) = TcpStream::connect(("127.0.0.1", beyond.unwrap())) else { return };
    let (mut back, mut to) = (far.try_clone().unwrap(), socket.try_clone().unwrap());
    thread::spawn(move || {
        let _ = std::io::copy(&mut back, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Both);
    });
    let _ = far.write_all(&seen).and_then(|()| std::io::copy(&mut socket, &mut far));
    let _ = far.shutdown(std::net::Shutdown::Both);
}

pub fn http(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

/// A refusal that holds the header it was sent and two tokens, in one of the shapes that endpoints have.
fn refusal(status: u16, asked: &str) -> String {
    assert!(asked.contains(CANARY), "the header was sent: {asked}");
    let all = format!("nope {CANARY}TOK9x7opaque-secret {} {asked}", token(Kind::Jwt, 4_000_000_000));
    let quoted = serde_json::Value::from(all.as_str());
    match status {
        400 => format!(r#"{{"error":"invalid_request","error_description":{quoted}}}"#),
        401 => format!(r#"{{"error":{{"code":{quoted},"message":{quoted}}}}}"#),
        404 => {
            format!(r#"{{"statusCode":404,"message":{quoted},"error":{quoted},"error_codes":[{quoted}]}}"#)
        }
        _ => all,
    }
}

pub fn said(output: &Output) -> String {
    text(&output.stdout) + &text(&output.stderr)
}

/// How a verb ends, and what it must say; it says no secret and no escape.
#[track_caller]
pub fn ends(mut command: Command, code: i32, expected: &[&str]) -> String {
    let output = command.output().unwrap();
    let all = said(&output);
    assert_eq!(output.status.code(), Some(code), "{:?}: {all}", command.get_args());
    for part in expected {
        assert!(all.contains(part), "`{part}` is not said: {all}");
    }
    unseen(&all);
    assert!(!all.contains('\x1b'), "{all}");
    all
}

/// How every token of these tests begins.
const JWT: &str = "eyJ0eXAiOiJKV1QifQ";

/// No secret stands in a text.
#[track_caller]
pub fn unseen(text: &str) {
    assert!(!text.contains(CANARY) && !text.contains(&JWT[..8]), "{text}");
}

/// Every file below a directory, with its bytes.
fn files(below: &Path, all: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(below).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            files(&path, all);
        } else {
            all.push((path.display().to_string(), fs::read(&path).unwrap_or_default()));
        }
    }
}

/// No secret stands in any file below, neither as it is nor in hexadecimal digits.
#[track_caller]
pub fn nothing_readable(below: &Path) -> usize {
    let mut all = Vec::new();
    files(below, &mut all);
    let digits = hex(CANARY.as_bytes());
    for (name, bytes) in &all {
        for secret in [CANARY, digits.as_str(), &JWT[..8]] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{name} holds {secret}");
        }
    }
    all.len()
}

/// A file with a passphrase, beside the state directory, which is to hold none. It goes with this.
pub struct Word(pub String);

impl Word {
    pub fn of(state: &State) -> Self {
        Self::new(state, "word", &format!("{CANARY}-passphrase\n"))
    }

    pub fn new(state: &State, name: &str, words: &str) -> Self {
        let own = state.path().file_name().unwrap().display();
        let path = state.path().with_file_name(format!("{own}-{name}"));
        fs::write(&path, words).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        Self(path.display().to_string())
    }

    /// A command that finds it.
    pub fn given_to(&self, mut command: Command) -> Command {
        command.env("FARSHORE_PASSPHRASE_FILE", &self.0);
        command
    }
}

impl Drop for Word {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
