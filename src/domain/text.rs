//! Text from outside, made safe to show at the door.

use std::{
    fmt::{self, Write as _},
    sync::Arc,
};

use serde::{Deserialize, Deserializer, Serialize};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Text that came from outside and may be shown: nothing in it can move the cursor, hide,
/// reorder or imitate. What was taken out stands as a visible escape such as `<U+202E>`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Default)]
#[serde(transparent)]
pub struct Safe(Arc<str>);

/// Longest text kept, in characters; the rest is cut and marked. Azure error messages can
/// carry whole pages of HTML.
pub const MAX_CHARACTERS: usize = 2_000;

/// Combining marks kept on one base character; more serve only to smear the screen.
const MAX_COMBINING: usize = 4;

impl Safe {
    /// Makes `text` safe.
    pub fn new(text: &str) -> Self {
        if text.len() <= MAX_CHARACTERS && text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
            return Self(Arc::from(text));
        }
        let mut safe = String::with_capacity(text.len());
        let mut combining = 0;
        for (count, c) in text.chars().enumerate() {
            if count == MAX_CHARACTERS {
                safe.push_str("[cut]");
                break;
            }
            combining = if is_combining(c) { combining + 1 } else { 0 };
            if is_harmful(c) || combining > MAX_COMBINING {
                // A String takes everything.
                let _ = write!(safe, "<U+{:04X}>", u32::from(c));
            } else {
                safe.push(c);
            }
        }
        Self(Arc::from(safe))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text in lower case: user names are compared without regard to it.
    #[must_use]
    pub fn to_lowercase(&self) -> Self {
        if self.0.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase()) {
            return self.clone();
        }
        Self::new(&self.0.to_lowercase())
    }
}

/// The columns that a text takes on a terminal: a wide character takes two, one that joins another none.
pub fn columns(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

/// How many bytes of `text` fit into `columns`.
fn fitting(text: &str, columns: usize) -> usize {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += c.width().unwrap_or(0);
        if used > columns {
            return at;
        }
    }
    text.len()
}

/// A text in at most `width` columns; what is cut is marked with `~`.
pub fn fit(text: &str, width: usize) -> String {
    let text = super::mask::said(text);
    if columns(&text) <= width {
        return text.into_owned();
    }
    format!("{}~", &text[..fitting(&text, width.saturating_sub(1))])
}

/// A text in exactly `width` columns: cut, or blanks behind it.
pub fn padded(text: &str, width: usize) -> String {
    let text = fit(text, width);
    let blanks = width.saturating_sub(columns(&text));
    format!("{text}{:blanks$}", "")
}

/// A text broken between words into lines of at most `columns` columns; later lines begin with `indent`.
pub fn broken(text: &str, columns: usize, indent: &str) -> Vec<String> {
    // A name that is broken in two is not found any more.
    let (mut lines, mut rest) = (Vec::new(), super::mask::said(text).trim_end().to_owned());
    while self::columns(&rest) > columns {
        // At least one character goes on each line, however narrow it is.
        let lead = if lines.is_empty() { 0 } else { indent.chars().count() };
        let least = rest.char_indices().nth(lead + 1).map_or(rest.len(), |(at, _)| at);
        let limit = fitting(&rest, columns).max(least);
        let at = rest[..limit].rfind(' ').filter(|at| *at > indent.len()).unwrap_or(limit);
        let tail = rest.split_off(at);
        lines.push(rest);
        if tail.trim_start().is_empty() {
            return lines;
        }
        rest = format!("{indent}{}", tail.trim_start());
    }
    lines.push(rest);
    lines
}

/// `1 host`, `2 hosts`.
pub fn counted<N: fmt::Display + Copy + PartialEq + From<u8>>(count: N, word: &str) -> String {
    let end = if count == N::from(1) { "" } else { "s" };
    format!("{count} {word}{end}")
}

/// `1 try`, `2 tries`.
pub fn tries(count: u32) -> String {
    if count == 1 { "1 try".to_owned() } else { format!("{count} tries") }
}

/// SHA-256 of `bytes` in hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    hex(&Sha256::digest(bytes))
}

/// Bytes in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Control, bidirectional, zero-width, tag, variation and private-use characters, line and
/// paragraph separators: everything a terminal or an eye could be led astray by.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c),
            0x00AD | 0x034F | 0x061C | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F
            | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0x3164 | 0xE000..=0xF8FF
            | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFB | 0x1BCA0..=0x1BCA3
            | 0x1D173..=0x1D17A | 0xE0000..=0xE0FFF | 0xF0000..=0x0010_FFFF)
}

fn is_combining(c: char) -> bool {
    matches!(u32::from(c), 0x0300..=0x036F | 0x0483..=0x0489 | 0x0591..=0x05BD | 0x0610..=0x061A
        | 0x064B..=0x065F | 0x1AB0..=0x1AFF | 0x1DC0..=0x1DFF | 0x20D0..=0x20FF | 0xFE20..=0xFE2F)
}

impl From<&str> for Safe {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Safe {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}

impl fmt::Display for Safe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Safe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<'de> Deserialize<'de> for Safe {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::new(&String::deserialize(deserializer)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text, columns, what is left in them, and the same with blanks behind it.
    type Fits = (&'static str, usize, &'static str, &'static str);

    #[test]
    fn what_is_printed_is_cut_and_padded_by_columns() {
        let cases: [Fits; 6] = [
            ("hosts", 7, "hosts", "hosts  "),
            ("hosts", 4, "hos~", "hos~"),
            ("東日本", 7, "東日本", "東日本 "),
            ("東日本", 5, "東日~", "東日~"),
            ("東日本", 4, "東~", "東~ "),
            ("cafe\u{301} bar", 8, "cafe\u{301} bar", "cafe\u{301} bar"),
        ];
        for (text, width, cut, all) in cases {
            assert_eq!(
                (fit(text, width).as_str(), padded(text, width).as_str()),
                (cut, all),
                "{text} in {width}"
            );
            assert_eq!(columns(all), width, "{text} in {width}");
        }
        // Whatever it is, it comes to an end and no line is wider than asked, or than one character.
        for text in ["東日本東日本", "a 東日本 b", "日"] {
            for width in 1..9 {
                let lines = broken(text, width, "  ");
                assert!(
                    lines.iter().all(|line| columns(line) <= width.max(4)),
                    "{text} in {width}: {lines:?}"
                );
                let whole: String = lines.concat().split_whitespace().collect();
                assert_eq!(whole, text.split_whitespace().collect::<String>(), "{width}");
            }
        }
    }

    #[test]
    fn lines_break_between_words_and_long_words_anywhere() {
        for (text, expected) in [
            ("short", &["short"][..]),
            ("one two three", &["one two", "  three"]),
            ("  indented text", &["  indented", "  text"]),
            ("abcdefghijklmno", &["abcdefghij", "  klmno"]),
            ("zwölf Größen ü", &["zwölf", "  Größen ü"]),
        ] {
            assert_eq!(broken(text, 10, "  "), expected, "{text}");
        }
    }

    #[test]
    fn harm_becomes_visible_and_the_rest_stays() {
        let cases = [
            ("shne-hr-03", "shne-hr-03"),
            ("Zoë Ångström", "Zoë Ångström"),
            ("pr\u{200b}od", "pr<U+200B>od"),
            ("prod\u{202e}tset", "prod<U+202E>tset"),
            ("a\u{1b}[2Jb\r\n", "a<U+001B>[2Jb<U+000D><U+000A>"),
            ("\u{9b}31m", "<U+009B>31m"),
            ("tag\u{e0041}", "tag<U+E0041>"),
        ];
        for (text, expected) in cases {
            assert_eq!(Safe::new(text).as_str(), expected);
        }
        let zalgo: String = std::iter::once('e').chain(std::iter::repeat_n('\u{301}', 500)).collect();
        assert!(Safe::new(&zalgo).as_str().contains("<U+0301>"));
        assert!(Safe::new(&"x".repeat(9_000)).as_str().ends_with("[cut]"));
    }
}
