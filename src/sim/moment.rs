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

/// An instant as a `Date` header tells it.
pub(super) fn http_date(at: Ms) -> String {
    stamp(at).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// An instant written the way Azure writes one: RFC 3339 with `Z`.
#[derive(Clone, Copy)]
pub(super) struct Iso(pub(super) Ms);

/// Room for `2026-11-20T08:00:00.123Z`.
const ISO_LENGTH: usize = 24;

impl Iso {
    /// Writes the instant into a buffer; the calendar is done by hand because every answer
    /// carries many instants.
    fn write(self, text: &mut [u8; ISO_LENGTH]) -> usize {
        let (day, rest) = (self.0.div_euclid(DAY), self.0.rem_euclid(DAY));
        let (year, month, date) = civil(day);
        let mut at = 0;
        let mut put = |value: i64, width: usize, end: u8| {
            let mut left = value;
            for place in (0..width).rev() {
                text[at + place] = b'0' + (left % 10) as u8;
                left /= 10;
            }
            text[at + width] = end;
            at += width + 1;
        };
        put(year, 4, b'-');
        put(month, 2, b'-');
        put(date, 2, b'T');
        put(rest / HOUR, 2, b':');
        put(rest / MINUTE % 60, 2, b':');
        let millis = rest % SECOND;
        if millis == 0 {
            put(rest / SECOND % 60, 2, b'Z');
        } else {
            put(rest / SECOND % 60, 2, b'.');
            put(millis, 3, b'Z');
        }
        at
    }
}

/// Year, month and day of a day counted from the Unix epoch, for years 0 to 9999.
///
/// Howard Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
fn civil(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, date)
}

impl fmt::Display for Iso {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; ISO_LENGTH];
        let length = self.write(&mut text);
        f.write_str(str::from_utf8(&text[..length]).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Iso {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = [0; ISO_LENGTH];
        let length = self.write(&mut text);
        serializer.serialize_str(str::from_utf8(&text[..length]).unwrap_or_default())
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
    fn instants_are_written_as_jiff_reads_them() {
        let leap = "2028-02-29T23:59:59.007Z";
        for text in [
            "1970-01-01T00:00:00Z",
            "2026-11-20T08:00:00Z",
            leap,
            "2000-03-01T00:00:00.12Z",
            "1969-12-31T23:59:59Z",
        ] {
            let at = text.parse::<Timestamp>().expect(text).as_millisecond();
            let written = Iso(at).to_string();
            assert_eq!(written.parse::<Timestamp>().expect(&written).as_millisecond(), at, "{text}");
        }
        for day in (-20_000..40_000).step_by(17) {
            let written = Iso(day * DAY).to_string();
            assert_eq!(written, stamp(day * DAY).to_string());
        }
    }

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
