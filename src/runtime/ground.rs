//! Whether the terminal is light or dark: it is asked before the keys are read, and what it answers too
//! late never becomes keys.

use std::io::{self, Write};

use crossterm::event::{Event as TermEvent, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use rustix::event::{PollFd, PollFlags, Timespec};

use super::terminal::TerminalClock;

/// The first frame waits so long for the answer at most, in milliseconds (terminal-ux §4, line 37).
const CAP_MS: u64 = 100;

/// What is the background (OSC 11), and then what nearly every terminal answers at once (DA1): one that
/// does not know the first question need not be waited for.
const QUESTION: &[u8] = b"\x1b]11;?\x1b\\\x1b[c";

/// No answer is longer.
const LONGEST: usize = 100;

/// An answer that came in two pieces has its second within this time, in milliseconds.
const PIECE_MS: u64 = 50;

/// The terminal's background.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// What came of asking.
#[derive(Debug, Default)]
pub struct Heard {
    /// The answer; `None`: none, or none that can be read.
    pub ground: Option<Ground>,
    /// Keys that were pressed meanwhile.
    pub typed: Vec<TermEvent>,
    /// What goes on listening for the rest of an answer.
    pub ear: Ear,
}

/// Asks the terminal, which must be raw. Where it does not answer in time, nothing is known.
pub fn ask(clock: TerminalClock) -> Heard {
    let until = clock.ms() + CAP_MS;
    let mut out = io::stdout();
    let mut all = Vec::new();
    if out.write_all(QUESTION).and_then(|()| out.flush()).is_ok() {
        let stdin = io::stdin();
        let mut piece = [0; 1_024];
        while let Some(left) = until.checked_sub(clock.ms()).filter(|left| *left > 0) {
            let wait = Timespec { tv_sec: 0, tv_nsec: left as i64 * 1_000_000 };
            let mut polled = [PollFd::new(&stdin, PollFlags::IN)];
            match rustix::event::poll(&mut polled, Some(&wait)) {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
            match rustix::io::read(&stdin, &mut piece) {
                Ok(count) if count > 0 => all.extend_from_slice(&piece[..count]),
                _ => break,
            }
            if sorted(&all).over {
                break;
            }
        }
    }
    let Sorted { ground, typed, rest, .. } = sorted(&all);
    let (mut keys, mut ear) = (Vec::new(), Ear::default());
    for event in typed {
        keys.extend(ear.hear(event, 0));
    }
    ear = Ear::after(&rest, clock.ms());
    if rest == b"\x1b" {
        keys.push(key(KeyCode::Esc, KeyModifiers::NONE));
    }
    Heard { ground, typed: keys, ear }
}

/// What was read, sorted into answers and keys.
#[derive(Debug, Default)]
struct Sorted {
    ground: Option<Ground>,
    /// Nothing more is to be waited for.
    over: bool,
    typed: Vec<TermEvent>,
    /// The beginning of an answer that has not ended.
    rest: Vec<u8>,
}

fn sorted(bytes: &[u8]) -> Sorted {
    let mut found = Sorted::default();
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        if rest.starts_with(b"\x1b]") {
            let body = &rest[2..];
            let end = body.iter().position(|byte| matches!(byte, 0x07 | 0x1b));
            match end {
                Some(end) if body[end] == 0x07 || body.get(end + 1) == Some(&b'\\') => {
                    found.ground = found.ground.or_else(|| ground(&body[..end]));
                    found.over = true;
                    rest = &body[end + if body[end] == 0x07 { 1 } else { 2 }..];
                }
                Some(end) if body.len() > end + 1 => rest = &body[end..],
                _ if body.len() > LONGEST => rest = &[],
                _ => {
                    rest.clone_into(&mut found.rest);
                    return found;
                }
            }
        } else if rest.starts_with(b"\x1b[") {
            let Some(end) = rest[2..].iter().position(|byte| (0x40..0x7f).contains(byte)) else {
                rest.clone_into(&mut found.rest);
                return found;
            };
            let (sequence, after) = rest.split_at(end + 3);
            found.over |= sequence.starts_with(b"\x1b[?") && sequence.ends_with(b"c");
            found.typed.extend(arrow(sequence));
            rest = after;
        } else if rest == b"\x1b" {
            rest.clone_into(&mut found.rest);
            return found;
        } else if *first < 0x80 {
            found.typed.extend(plain(*first));
            rest = after;
        } else {
            let wide = match first {
                0xc0..0xe0 => 2,
                0xe0..0xf0 => 3,
                _ => 4,
            };
            let (letter, after) = rest.split_at(wide.min(rest.len()));
            let letter = std::str::from_utf8(letter).ok().and_then(|text| text.chars().next());
            found.typed.extend(letter.map(|c| key(KeyCode::Char(c), KeyModifiers::NONE)));
            rest = after;
        }
    }
    found
}

fn key(code: KeyCode, modifiers: KeyModifiers) -> TermEvent {
    TermEvent::Key(KeyEvent::new(code, modifiers))
}

/// A key of one byte.
fn plain(byte: u8) -> Option<TermEvent> {
    let none = KeyModifiers::NONE;
    Some(match byte {
        b'\r' | b'\n' => key(KeyCode::Enter, none),
        b'\t' => key(KeyCode::Tab, none),
        0x7f => key(KeyCode::Backspace, none),
        0x1b => key(KeyCode::Esc, none),
        0x01..=0x1a => key(KeyCode::Char(char::from(byte - 1 + b'a')), KeyModifiers::CONTROL),
        b' '..=b'~' => key(KeyCode::Char(char::from(byte)), none),
        _ => return None,
    })
}

/// An arrow key; what else comes in so many bytes is an answer, or a key that means nothing.
fn arrow(sequence: &[u8]) -> Option<TermEvent> {
    let code = match sequence {
        b"\x1b[A" => KeyCode::Up,
        b"\x1b[B" => KeyCode::Down,
        b"\x1b[C" => KeyCode::Right,
        b"\x1b[D" => KeyCode::Left,
        _ => return None,
    };
    Some(key(code, KeyModifiers::NONE))
}

/// What `11;rgb:ffff/ffff/ffff` says, or `11;#ffffff`.
fn ground(body: &[u8]) -> Option<Ground> {
    let text = std::str::from_utf8(body).ok()?.strip_prefix("11;")?;
    let parts: Vec<&str> = match text.strip_prefix('#') {
        Some(digits) if digits.is_ascii() && digits.len() % 3 == 0 && !digits.is_empty() => {
            let wide = digits.len() / 3;
            (0..3).map(|at| &digits[at * wide..(at + 1) * wide]).collect()
        }
        _ => text.strip_prefix("rgba:").or_else(|| text.strip_prefix("rgb:"))?.split('/').take(3).collect(),
    };
    let share = |part: &&str| {
        let most = 16_u32.checked_pow(part.len() as u32).filter(|_| (1..=4).contains(&part.len()))? - 1;
        Some(f64::from(u32::from_str_radix(part, 16).ok()?) / f64::from(most))
    };
    let [red, green, blue] = parts.iter().map(share).collect::<Option<Vec<f64>>>()?.try_into().ok()?;
    // How bright the three colours are to an eye (ITU-R BT.709).
    let bright = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    Some(if bright > 0.5 { Ground::Light } else { Ground::Dark })
}

/// Listens to the keys for an answer that came too late: its bytes look like keys. Alt and `]` is how such an
/// answer begins; a person has no reason to press it.
#[derive(Debug, Default)]
pub struct Ear {
    state: Listening,
}

#[derive(Debug, Default)]
enum Listening {
    #[default]
    Idle,
    /// Escape came at this time: the rest may come in a piece of its own.
    Escaped(u64),
    /// In an answer: what it said so far, and the keys that this would be.
    Inside(String, Vec<TermEvent>),
    /// In an answer, behind an escape that may end it.
    Ending,
}

impl Ear {
    /// After the beginning of an answer was read already.
    fn after(rest: &[u8], at: u64) -> Self {
        let state = match rest {
            b"\x1b" => Listening::Escaped(at),
            [0x1b, b']', body @ .., 0x1b] if !body.is_empty() => Listening::Ending,
            [0x1b, b']', body @ ..] => {
                Listening::Inside(String::from_utf8_lossy(body).into_owned(), Vec::new())
            }
            _ => Listening::Idle,
        };
        Self { state }
    }

    /// What of an event that came at `at` is for the person's own: nothing while an answer is being heard.
    pub fn hear(&mut self, event: TermEvent, at: u64) -> Vec<TermEvent> {
        let TermEvent::Key(pressed) = &event else { return vec![event] };
        if pressed.kind != KeyEventKind::Press {
            return vec![event];
        }
        let begins = pressed.code == KeyCode::Char(']');
        match std::mem::take(&mut self.state) {
            Listening::Idle if begins && pressed.modifiers == KeyModifiers::ALT => {
                self.state = Listening::Inside(String::new(), Vec::new());
                Vec::new()
            }
            Listening::Escaped(before) if begins && at < before + PIECE_MS => {
                self.state = Listening::Inside(String::new(), vec![event]);
                Vec::new()
            }
            Listening::Idle | Listening::Escaped(_) => {
                if pressed.code == KeyCode::Esc {
                    self.state = Listening::Escaped(at);
                }
                vec![event]
            }
            Listening::Ending => match pressed.code {
                KeyCode::Char('\\') => Vec::new(),
                _ => self.hear(event, at),
            },
            Listening::Inside(said, held) => self.inside(said, held, event),
        }
    }

    fn inside(&mut self, mut said: String, mut held: Vec<TermEvent>, event: TermEvent) -> Vec<TermEvent> {
        let TermEvent::Key(pressed) = &event else { return vec![event] };
        let (none, shift) = (KeyModifiers::NONE, KeyModifiers::SHIFT);
        match (pressed.code, pressed.modifiers) {
            (KeyCode::Char('g'), KeyModifiers::CONTROL) | (KeyCode::Char('\\'), KeyModifiers::ALT) => {
                Vec::new()
            }
            (KeyCode::Esc, _) if said.contains(';') => {
                self.state = Listening::Ending;
                Vec::new()
            }
            // The number of the answer, then whatever it says.
            (KeyCode::Char(c), modifiers)
                if (modifiers == none || modifiers == shift)
                    && said.len() < LONGEST
                    && (said.contains(';') || c.is_ascii_digit() || (c == ';' && !said.is_empty())) =>
            {
                said.push(c);
                // From here on it is an answer, and nothing of it is given back.
                if c == ';' {
                    held.clear();
                } else if !said.contains(';') {
                    held.push(event);
                }
                self.state = Listening::Inside(said, held);
                Vec::new()
            }
            _ => {
                held.push(event);
                held
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(events: &[TermEvent]) -> String {
        let name = |event: &TermEvent| match event {
            TermEvent::Key(KeyEvent { code: KeyCode::Char(c), modifiers, .. })
                if modifiers.contains(KeyModifiers::CONTROL) =>
            {
                format!("^{c}")
            }
            TermEvent::Key(KeyEvent { code: KeyCode::Char(c), .. }) => c.to_string(),
            TermEvent::Key(key) => format!("<{:?}>", key.code),
            other => format!("{other:?}"),
        };
        events.iter().map(name).collect()
    }

    #[test]
    fn answers_and_keys_are_told_apart() {
        let (light, dark) = (Some(Ground::Light), Some(Ground::Dark));
        for (bytes, ground, over, typed, rest) in [
            ("\x1b]11;rgb:ffff/ffff/ffff\x1b\\\x1b[?1;2c", light, true, "", ""),
            ("\x1b]11;rgb:ff/fb/f0\x07", light, true, "", ""),
            ("\x1b]11;rgba:1e1e/1e1e/2e2e/ffff\x07", dark, true, "", ""),
            ("\x1b]11;#fdf6e3\x07", light, true, "", ""),
            ("\x1b]11;rgb:0/0/0\x07q", dark, true, "q", ""),
            ("\x1b[?6c", None, true, "", ""),
            ("qj\x1b[?62;22c:", None, true, "qj:", ""),
            ("\x1b[A\x1b[Bé\r\x03", None, false, "<Up><Down>é<Enter>^c", ""),
            ("\x1b]11;banana\x07", None, true, "", ""),
            ("\x1b]11;rgb:12345/0/0\x07", None, true, "", ""),
            ("\x1b]11;rgb:ff/ff\x07", None, true, "", ""),
            ("\x1b]11;rgb:é\x07", None, true, "", ""),
            ("\x1b]11;#é1\x07", None, true, "", ""),
            ("x\x1b]11;rgb:ff", None, false, "x", "\x1b]11;rgb:ff"),
            ("\x1b]11;rgb:ff/ff/ff\x1b", None, false, "", "\x1b]11;rgb:ff/ff/ff\x1b"),
            ("\x1b", None, false, "", "\x1b"),
            ("\x1b[", None, false, "", "\x1b["),
            ("", None, false, "", ""),
        ] {
            let found = sorted(bytes.as_bytes());
            assert_eq!((found.ground, found.over), (ground, over), "{bytes:?}");
            assert_eq!(
                (keys(&found.typed).as_str(), found.rest.as_slice()),
                (typed, rest.as_bytes()),
                "{bytes:?}"
            );
        }
        // Whatever comes, it ends.
        let mut rng = fastrand::Rng::with_seed(3);
        for _ in 0..20_000 {
            let bytes: Vec<u8> = (0..rng.usize(..12))
                .map(|_| b"\x1b]11;\x07\\[?c\xc3\xa9\xffrgb:/"[rng.usize(..18)])
                .collect();
            sorted(&bytes);
        }
    }

    /// Events as crossterm makes them of bytes that come in these pieces.
    fn events(pieces: &[&str]) -> Vec<TermEvent> {
        let none = KeyModifiers::NONE;
        let mut all = Vec::new();
        for piece in pieces {
            let mut chars = piece.chars().peekable();
            while let Some(c) = chars.next() {
                all.push(match (c, chars.peek()) {
                    ('\x1b', Some(_)) => {
                        key(KeyCode::Char(chars.next().unwrap_or_default()), KeyModifiers::ALT)
                    }
                    ('\x1b', None) => key(KeyCode::Esc, none),
                    ('\x07', _) => key(KeyCode::Char('g'), KeyModifiers::CONTROL),
                    (c, _) => key(KeyCode::Char(c), none),
                });
            }
        }
        all
    }

    #[test]
    fn an_answer_that_comes_late_never_becomes_keys() {
        for (pieces, expected) in [
            (&["\x1b]11;rgb:ffff/ffff/ffff\x1b\\"][..], ""),
            (&["q\x1b]11;rgb:ffff/ffff/ffff\x07r"], "qr"),
            (&["\x1b", "]11;rgb:ffff/ff", "ff/ffff\x07A"], "<Esc>A"),
            (&["\x1b]11;rgb:ffff/ffff/ffff\x1b", "\\q"], "q"),
            (&["\x1b]1", "1;rgb:0/0/0\x1b", "r"], "r"),
            (&["\x1b]4;nonsense: r m A\x07z"], "z"),
            // Keys that only begin like one.
            (&["]r"], "]r"),
            (&["1", "1", ";"], "11;"),
            (&["\x1b]12q"], "12q"),
        ] {
            let mut ear = Ear::default();
            let heard: Vec<TermEvent> =
                events(pieces).into_iter().flat_map(|event| ear.hear(event, 1_000)).collect();
            assert_eq!(keys(&heard), expected, "{pieces:?}");
        }
        // Escape, and a good while later the bracket: two keys of a person.
        let mut ear = Ear::default();
        let mut heard = ear.hear(key(KeyCode::Esc, KeyModifiers::NONE), 1_000);
        heard.extend(ear.hear(key(KeyCode::Char(']'), KeyModifiers::NONE), 1_000 + PIECE_MS));
        assert_eq!(keys(&heard), "<Esc>]");
        // The first part was read while it was waited for, the rest came as keys.
        for (rest, pieces, expected) in [
            ("\x1b]11;rgb:ff", &["ff/ffff/ffff\x07q"][..], "q"),
            ("\x1b]11;rgb:ffff/ffff/ffff\x1b", &["\\q"], "q"),
            ("\x1b]", &["11;rgb:0/0/0\x07q"], "q"),
            ("\x1b", &["]11;rgb:0/0/0\x07q"], "q"),
        ] {
            let mut ear = Ear::after(rest.as_bytes(), 1_000);
            let heard: Vec<TermEvent> =
                events(pieces).into_iter().flat_map(|event| ear.hear(event, 1_010)).collect();
            assert_eq!(keys(&heard), expected, "{rest:?} {pieces:?}");
        }
    }
}
