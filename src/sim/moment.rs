//! Estate time as the world keeps it: whole milliseconds, and spans to draw delays from.

use std::fmt;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

/// Milliseconds since the Unix epoch, in estate time.
pub(super) type Ms = i64;

/// One second.
pub(super) const SECOND: Ms = 1_000;
/// One minute.
pub(super) const MINUTE: Ms = 60 * SECOND;
/// One hour.
pub(super) const HOUR: Ms = 60 * MINUTE;
/// One day.
pub(super) const DAY: Ms = 24 * HOUR;

/// The instant as a timestamp; instants outside jiff's range stand at its edge.
pub(super) fn stamp(at: Ms) -> Timestamp {
    Timestamp::from_millisecond(at).unwrap_or(if at < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// An instant written the way Azure writes one: RFC 3339 with `Z`.
#[derive(Clone, Copy)]
pub(super) struct Iso(pub(super) Ms);

impl fmt::Display for Iso {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&stamp(self.0), f)
    }
}

impl Serialize for Iso {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A delay between two bounds, drawn evenly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) min: Ms,
    pub(super) max: Ms,
}

impl Span {
    /// Draws a delay; an exact span draws nothing from the stream.
    pub(super) fn draw(self, rng: &mut fastrand::Rng) -> Ms {
        if self.max <= self.min { self.min } else { rng.i64(self.min..=self.max) }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.min == self.max {
            f.write_str(&spell(self.min))
        } else {
            write!(f, "{} to {}", spell(self.min), spell(self.max))
        }
    }
}

/// Reads `90s`, `1h30m`, `500ms`, `-12m`; `None` when it is no duration.
pub(super) fn parse(text: &str) -> Option<Ms> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    if rest.is_empty() {
        return None;
    }
    let mut total: Ms = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let amount: Ms = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let unit = match &rest[..letters] {
            "ms" => 1,
            "s" => SECOND,
            "m" => MINUTE,
            "h" => HOUR,
            "d" => DAY,
            _ => return None,
        };
        rest = &rest[letters..];
        total = total.checked_add(amount.checked_mul(unit)?)?;
    }
    Some(sign * total)
}

/// Writes a duration the way [`parse`] reads it.
pub(super) fn spell(mut ms: Ms) -> String {
    if ms == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    if ms < 0 {
        text.push('-');
        ms = -ms;
    }
    for (unit, letter) in [(DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s"), (1, "ms")] {
        if ms >= unit {
            text.push_str(&(ms / unit).to_string());
            text.push_str(letter);
            ms %= unit;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_back_as_written() {
        for (text, ms) in
            [("0s", 0), ("90s", 90_000), ("1h30m", 5_400_000), ("-12m", -720_000), ("500ms", 500)]
        {
            assert_eq!(parse(text), Some(ms), "{text}");
            assert_eq!(parse(&spell(ms)), Some(ms), "{text}");
        }
        for text in ["", "-", "5", "m", "5x", "1h 2m", "99999999999999999999s"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
