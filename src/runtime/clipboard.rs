//! Text for the operator's clipboard: OSC 52, wrapped for the multiplexer it passes through.

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
}
