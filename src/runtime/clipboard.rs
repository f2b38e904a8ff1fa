//! Text for the operator's clipboard: OSC 52, wrapped for the multiplexer it passes through, and besides it
//! the clipboard of this machine, where it is the one the person sits at.

use std::{io, process::Stdio, time::Duration};

use tokio::{io::AsyncWriteExt, process::Command};

/// Largest text, in bytes before encoding: terminals drop longer sequences.
pub const LIMIT: usize = 70_000;

/// GNU screen passes strings on in pieces of at most 256 bytes in its older versions.
const SCREEN_PIECE: usize = 240;

/// What lies between this process and the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// Nothing.
    Straight,
    /// tmux.
    Tmux,
    /// GNU screen.
    Screen,
}

impl Passage {
    /// By `$TMUX` and `$TERM`. Inside tmux `$TERM` often begins with `screen` too.
    pub fn of(tmux: Option<&str>, term: Option<&str>) -> Self {
        match (tmux, term) {
            (Some(socket), _) if !socket.is_empty() => Self::Tmux,
            (_, Some(term)) if term.starts_with("screen") => Self::Screen,
            _ => Self::Straight,
        }
    }
}

/// The bytes that put `text` on the clipboard. Whether the terminal obeys cannot be known.
pub fn sequence(text: &str, passage: Passage) -> Result<Vec<u8>, String> {
    if text.len() > LIMIT {
        return Err(format!("not copied: {} bytes, and terminals take {LIMIT}", text.len()));
    }
    let plain = format!("\x1b]52;c;{}\x07", base64(text.as_bytes()));
    let bytes = match passage {
        Passage::Straight => plain,
        // tmux takes the one with `set-clipboard on` and passes the other on with
        // `allow-passthrough on`; which of them is set cannot be asked for.
        Passage::Tmux => format!("{plain}\x1bPtmux;{}\x1b\\", plain.replace('\x1b', "\x1b\x1b")),
        Passage::Screen => {
            let pieces = plain.as_bytes().chunks(SCREEN_PIECE).map(String::from_utf8_lossy);
            pieces.fold(String::new(), |all, piece| all + "\x1bP" + &piece + "\x1b\\")
        }
    };
    Ok(bytes.into_bytes())
}

/// A program that puts what it is given on the clipboard of this machine, with its arguments.
pub type Program = (&'static str, &'static [&'static str]);

const WAYLAND: &[Program] = &[("wl-copy", &[])];
const X11: &[Program] = &[("xclip", &["-selection", "clipboard"]), ("xsel", &["--clipboard", "--input"])];
const MACOS: &[Program] = &[("pbcopy", &[])];

/// A program that takes longer than this is left alone: a display that is gone answers nobody.
pub const PROGRAM_LIMIT: Duration = Duration::from_secs(1);

/// What of the surroundings tells where the person's clipboard is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Displays<'a> {
    /// `WAYLAND_DISPLAY`.
    pub wayland: Option<&'a str>,
    /// `DISPLAY`.
    pub x11: Option<&'a str>,
    /// `SSH_CONNECTION`: the person sits elsewhere.
    pub ssh: Option<&'a str>,
    /// Whether this is macOS.
    pub macos: bool,
}

impl Displays<'_> {
    /// The programs that can be tried, in this order. Over SSH the clipboard of this machine is not the
    /// person's, unless a display is forwarded.
    pub fn programs(&self) -> Vec<Program> {
        let set = |value: Option<&str>| value.is_some_and(|value| !value.is_empty());
        let (x11, away) = (set(self.x11), set(self.ssh));
        let mut all = Vec::new();
        if set(self.wayland) && !away {
            all.extend(WAYLAND);
        }
        if x11 {
            all.extend(X11);
        }
        if self.macos && !away {
            all.extend(MACOS);
        }
        all
    }
}

/// Gives `text` to the first of the programs that there is: its name, or what it said; `None`: there is
/// none of them.
pub async fn put(text: &str, programs: &[Program], limit: Duration) -> Option<Result<String, String>> {
    for (name, words) in programs {
        let mut command = Command::new(name);
        command.args(*words).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = match command.kill_on_drop(true).spawn() {
            Ok(child) => child,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Some(Err(format!("{name}: {error}"))),
        };
        let work = async {
            if let Some(mut stdin) = child.stdin.take() {
                stdin.write_all(text.as_bytes()).await?;
                stdin.shutdown().await?;
            }
            child.wait().await
        };
        return Some(match tokio::time::timeout(limit, work).await {
            Err(_) => Err(format!("{name} did not answer in {} s", limit.as_secs_f32())),
            Ok(Err(error)) => Err(format!("{name}: {error}")),
            Ok(Ok(status)) if !status.success() => Err(format!("{name}: {status}")),
            Ok(Ok(_)) => Ok((*name).to_owned()),
        });
    }
    None
}

/// Where `bytes` bytes went, in words that fit after `copied`: what the terminal was given and what a
/// program of this machine took. The first `Err`: neither.
pub fn told(
    bytes: usize,
    terminal: Result<usize, String>,
    program: Option<Result<String, String>>,
) -> Result<String, String> {
    let ours = "by the terminal (OSC 52), if it obeys";
    match (terminal, program) {
        (Ok(_), None) => Ok(format!("{bytes} bytes {ours}")),
        (Ok(_), Some(Ok(name))) => Ok(format!("{bytes} bytes by {name} and {ours}")),
        (Ok(_), Some(Err(why))) => Ok(format!("{bytes} bytes {ours}; {why}")),
        (Err(_), Some(Ok(name))) => {
            Ok(format!("{bytes} bytes by {name}; too long for the terminal, which takes {LIMIT}"))
        }
        (Err(why), Some(Err(program))) => Err(format!("{why}; {program}")),
        (Err(why), None) => Err(why),
    }
}

/// Standard base64 with padding, as OSC 52 wants it.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let value =
            chunk.iter().fold(0_u32, |value, byte| value << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            if place <= chunk.len() {
                let index = value >> (18 - 6 * place) & 63;
                text.push(char::from(ALPHABET[index as usize]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_base64() {
        for (text, expected) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("farshore", "ZmFyc2hvcmU=")]
        {
            assert_eq!(base64(text.as_bytes()), expected);
        }
    }

    #[test]
    fn what_lies_between_is_told_by_the_environment() {
        let check = |tmux, term, expected| assert_eq!(Passage::of(tmux, term), expected);
        check(None, Some("xterm-256color"), Passage::Straight);
        check(Some("/tmp/tmux-0/default,1,0"), Some("screen-256color"), Passage::Tmux);
        check(Some(""), Some("screen.xterm-256color"), Passage::Screen);
        check(None, None, Passage::Straight);
    }

    #[test]
    fn the_sequence_is_wrapped_for_what_it_passes_through() {
        let of = |text: &str, passage| String::from_utf8(sequence(text, passage).unwrap()).unwrap();
        let plain = "\x1b]52;c;Zm9v\x07";
        assert_eq!(of("foo", Passage::Straight), plain);
        assert_eq!(of("foo", Passage::Tmux), format!("{plain}\x1bPtmux;\x1b\x1b]52;c;Zm9v\x07\x1b\\"));
        assert_eq!(of("foo", Passage::Screen), format!("\x1bP{plain}\x1b\\"));
        // In pieces, whose contents are the sequence again.
        let long = of(&"x".repeat(1_000), Passage::Screen);
        let pieces: Vec<&str> = long.split("\x1b\\").map(|piece| piece.trim_start_matches("\x1bP")).collect();
        assert!(pieces.iter().all(|piece| piece.len() <= SCREEN_PIECE) && pieces.len() > 4);
        assert_eq!(pieces.concat(), of(&"x".repeat(1_000), Passage::Straight));
    }

    #[test]
    fn what_is_too_long_is_refused_with_its_size() {
        assert!(sequence(&"x".repeat(LIMIT), Passage::Tmux).is_ok());
        let refused = sequence(&"x".repeat(LIMIT + 1), Passage::Straight).unwrap_err();
        assert_eq!(refused, "not copied: 70001 bytes, and terminals take 70000");
    }
    #[test]
    fn the_clipboard_of_this_machine_is_used_where_the_person_sits_at_it() {
        let check = |displays: Displays<'_>, expected: &[&str]| {
            let names: Vec<&str> = displays.programs().iter().map(|(name, _)| *name).collect();
            assert_eq!(names, expected, "{displays:?}");
        };
        let none = Displays::default();
        let (wayland, x11, ssh) = (Some("wayland-0"), Some(":0"), Some("192.0.2.1 5 192.0.2.2 22"));
        check(none, &[]);
        check(Displays { wayland, ..none }, &["wl-copy"]);
        check(Displays { x11, ..none }, &["xclip", "xsel"]);
        check(Displays { wayland, x11, ..none }, &["wl-copy", "xclip", "xsel"]);
        check(Displays { wayland, ssh, ..none }, &[]);
        check(Displays { x11, ssh, ..none }, &["xclip", "xsel"]);
        check(Displays { x11: Some(""), ..none }, &[]);
        check(Displays { macos: true, ..none }, &["pbcopy"]);
        check(Displays { macos: true, ssh, ..none }, &[]);
    }

    #[tokio::test]
    async fn a_program_takes_the_text_or_says_why_not_and_never_holds_anything_up() {
        const NOWHERE: Program = ("farshore-no-such-program", &[]);
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("clipboard");
        let path: &'static str = Box::leak(file.display().to_string().into_boxed_str());
        let tee: Program = ("tee", Box::leak(Box::new([path])));
        let limit = Duration::from_secs(20);
        assert_eq!(put("a\nb", &[NOWHERE], limit).await, None);
        assert_eq!(put("a\nb", &[NOWHERE, tee], limit).await, Some(Ok("tee".to_owned())));
        assert_eq!(std::fs::read_to_string(file).unwrap(), "a\nb");
        let said = |found: Option<Result<String, String>>| found.unwrap().unwrap_err();
        assert!(said(put("x", &[("false", &[])], limit).await).starts_with("false: "));
        // One that neither reads nor ends.
        let text = "x".repeat(1_000_000);
        let hung = said(put(&text, &[("sleep", &["600"])], Duration::from_millis(100)).await);
        assert_eq!(hung, "sleep did not answer in 0.1 s");
    }

    #[test]
    fn where_it_went_is_said() {
        let long = || Err("not copied: 80000 bytes, and terminals take 70000".to_owned());
        for (terminal, program, expected) in [
            (Ok(3), None, "3 bytes by the terminal (OSC 52), if it obeys"),
            (Ok(3), Some(Ok("xclip")), "3 bytes by xclip and by the terminal (OSC 52), if it obeys"),
            (
                Ok(3),
                Some(Err("xclip: exit status: 1")),
                "3 bytes by the terminal (OSC 52), if it obeys; xclip: exit status: 1",
            ),
            (long(), Some(Ok("wl-copy")), "3 bytes by wl-copy; too long for the terminal, which takes 70000"),
            (long(), None, "not copied: 80000 bytes, and terminals take 70000"),
            (
                long(),
                Some(Err("xsel: gone")),
                "not copied: 80000 bytes, and terminals take 70000; xsel: gone",
            ),
        ] {
            let program = program.map(|found| found.map(str::to_owned).map_err(str::to_owned));
            let told = told(3, terminal, program);
            assert_eq!(told.unwrap_or_else(|why| why), expected);
        }
    }
}
