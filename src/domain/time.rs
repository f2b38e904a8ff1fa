//! Moments, spans and how they are written. Arithmetic only; nothing here asks what time it is.

use serde::{Deserialize, Serialize};

pub use jiff::{SignedDuration as Span, Timestamp, tz::TimeZone as Zone};

/// How far the clock of this machine is ahead of Azure's, at least and at most; less than zero where it
/// is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skew {
    /// At least.
    pub least: Span,
    /// Most likely: the least that explains what was told.
    pub likely: Span,
    /// At most.
    pub most: Span,
}

/// A moment as Azure dates it. By Azure's clock it tells two things of one name apart; with our moments
/// it can be compared only as exactly as the difference of the clocks is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dated {
    azure: Timestamp,
    /// The earliest and the latest it can have been on our clock.
    here: Option<(Timestamp, Timestamp)>,
}

impl Dated {
    /// A moment by Azure's clock; how that differs from ours is not known yet.
    pub fn by_azure(at: Timestamp) -> Self {
        Self { azure: at, here: None }
    }

    /// The same, told by answers that show how the clocks differ.
    #[must_use]
    pub fn on_clock(self, skew: Option<Skew>) -> Self {
        let add = |span| self.azure.checked_add(span).ok();
        Self { here: skew.and_then(|skew| Some((add(skew.least)?, add(skew.most)?))), ..self }
    }

    /// Its second by Azure's clock, for a name.
    pub fn second(self) -> i64 {
        self.azure.as_second()
    }

    /// Itself, by Azure's clock.
    pub fn azure(self) -> Timestamp {
        self.azure
    }

    /// The latest it can have been on our clock: for an age on a screen, never for a decision.
    pub fn about(self) -> Option<Timestamp> {
        self.here.map(|(_, latest)| latest)
    }

    /// Whether it was at or after `at`, a moment of ours; `None`: nobody knows.
    pub fn since(self, at: Timestamp) -> Option<bool> {
        match self.here? {
            (earliest, _) if earliest >= at => Some(true),
            (_, latest) if latest < at => Some(false),
            _ => None,
        }
    }
}

/// A span of whole seconds.
pub const fn seconds(count: i64) -> Span {
    Span::from_secs(count)
}

/// A span of whole minutes.
pub const fn minutes(count: i64) -> Span {
    Span::from_secs(count * 60)
}

/// A span in whole units, so that one moment is as old wherever its age stands: what is left over is cut
/// off, never rounded up. Negative spans are none.
enum Cut {
    /// Seconds. Cut off as a minute, what is nearly two would look younger than it is.
    Seconds(i64),
    /// Minutes.
    Minutes(i64),
    /// Hours and minutes.
    Hours(i64, i64),
    /// Days and hours.
    Days(i64, i64),
}

impl Cut {
    fn of(span: Span) -> Self {
        let secs = span.as_secs().max(0);
        match secs {
            0..120 => Self::Seconds(secs),
            120..3_600 => Self::Minutes(secs / 60),
            3_600..172_800 => Self::Hours(secs / 3_600, secs / 60 % 60),
            _ => Self::Days(secs / 86_400, secs / 3_600 % 24),
        }
    }
}

/// A span as an age column shows it: `4s`, `12m`, `1h40`, `12h`, `9d`. Negative spans read as `0s`.
pub fn age_text(span: Span) -> String {
    match Cut::of(span) {
        Cut::Seconds(s) => format!("{s}s"),
        Cut::Minutes(m) => format!("{m}m"),
        Cut::Hours(1, m) if m < 40 => format!("{}m", 60 + m),
        Cut::Hours(h, m) if h < 10 => format!("{h}h{m:02}"),
        Cut::Hours(h, _) => format!("{h}h"),
        Cut::Days(d, _) => format!("{d}d"),
    }
}

/// A span as a running time shows it: `0:21`, `11:48`, `1:02:03`.
pub fn clock_text(span: Span) -> String {
    let secs = span.as_secs().max(0);
    let (h, m, s) = (secs / 3_600, secs / 60 % 60, secs % 60);
    if h > 0 { format!("{h}:{m:02}:{s:02}") } else { format!("{m}:{s:02}") }
}

/// A span in words with its unit: `45 s`, `38 min`, `1 h 26 m`, `3 d 4 h`. From an hour on it is told in
/// hours, so that two spans can be compared without reckoning.
pub fn span_text(span: Span) -> String {
    match Cut::of(span) {
        Cut::Seconds(s) => format!("{s} s"),
        Cut::Minutes(m) => format!("{m} min"),
        Cut::Hours(h, m) => format!("{h} h {m} m"),
        Cut::Days(d, h) => format!("{d} d {h} h"),
    }
}

/// A moment as `10:14:49Z`.
pub fn time_text(at: Timestamp) -> String {
    at.strftime("%H:%M:%SZ").to_string()
}

/// A moment as `10:14Z`.
pub fn minute_text(at: Timestamp) -> String {
    at.strftime("%H:%MZ").to_string()
}

/// A moment on the clocks of a zone, with the zone's word: `11:14 CET`. UTC has no second time.
pub fn local_text(at: Timestamp, zone: &Zone) -> Option<String> {
    let info = zone.to_offset_info(at);
    let word = info.abbreviation();
    (!matches!(word, "UTC" | "GMT" | "Z" | "Etc/Unknown"))
        .then(|| format!("{} {word}", at.to_zoned(zone.clone()).strftime("%H:%M")))
}

/// A moment as RFC 3339 with milliseconds, UTC: `2026-11-20T10:03:07.120Z`.
pub fn wall_text(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// A moment to its second, UTC: `2026-11-20T10:03:07Z`.
pub fn second_text(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A policy span as the estate file writes it: `2h`, `15m`, `45s`, `1d`.
pub fn parse_span(text: &str) -> Option<Span> {
    let (number, unit) = text.trim().split_at_checked(text.trim().len().checked_sub(1)?)?;
    let count: i64 = number.trim().parse().ok().filter(|count| (0..=1_000_000).contains(count))?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    Some(Span::from_secs(count * unit))
}

/// Serde for a span written as the estate file and the runbooks write it.
pub mod span_serde {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::{Span, parse_span};

    /// Writes whole seconds with their unit.
    pub fn serialize<S: Serializer>(span: &Span, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}s", span.as_secs()))
    }

    /// Reads `90s`, `5m`, `2h`, `1d`.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_span(&text)
            .ok_or_else(|| D::Error::custom(format!("`{text}` is no span; write 90s, 5m, 2h or 1d")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_people_write_them() {
        for (text, secs) in [("90s", 90), ("5m", 300), ("2h", 7_200), ("1d", 86_400), (" 3 m", 180)] {
            assert_eq!(parse_span(text), Some(seconds(secs)), "{text}");
        }
        for text in ["", "5", "m", "-3m", "5 parsecs", "9999999999d", "é"] {
            assert_eq!(parse_span(text), None, "{text}");
        }
        assert_eq!(age_text(seconds(-3)), "0s");
        let noon: Timestamp = "2026-11-20T10:14:55Z".parse().unwrap();
        assert_eq!(
            local_text(noon, &Zone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()).unwrap(),
            "11:14 CET"
        );
        assert_eq!(local_text(noon, &Zone::UTC), None);
        for (secs, text) in [
            (119, "119s"),
            (120, "2m"),
            (720, "12m"),
            (5_999, "99m"),
            (6_000, "1h40"),
            (7_259, "2h00"),
            (35_999, "9h59"),
            (36_000, "10h"),
            (172_799, "47h"),
            (172_800, "2d"),
        ] {
            assert_eq!(age_text(seconds(secs)), text);
        }
        assert_eq!(clock_text(seconds(3_723)), "1:02:03");
        for (secs, text) in [
            (119, "119 s"),
            (120, "2 min"),
            (299, "4 min"),
            (3_599, "59 min"),
            (3_600, "1 h 0 m"),
            (5_160, "1 h 26 m"),
            (6_480, "1 h 48 m"),
            (176_400, "2 d 1 h"),
        ] {
            assert_eq!(span_text(seconds(secs)), text);
        }
    }

    /// Whoever sees an age in a column and in a sentence sees one age: the sentence may tell it finer, never
    /// otherwise.
    #[test]
    fn an_age_is_the_same_in_a_column_and_in_a_sentence() {
        let number = |text: &str| text.trim().parse::<i64>().unwrap();
        let column = |text: &str| match text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap()) {
            (s, "s") => (number(s), 1),
            (m, "m") => (number(m) * 60, 60),
            (h, "h") => (number(h) * 3_600, 3_600),
            (d, "d") => (number(d) * 86_400, 86_400),
            (h, m) => (number(h) * 3_600 + number(&m[1..]) * 60, 60),
        };
        let sentence = |text: &str| {
            let words: Vec<&str> = text.split(' ').collect();
            let of = |unit: &str| match unit {
                "s" => 1,
                "min" | "m" => 60,
                "h" => 3_600,
                _ => 86_400,
            };
            words.chunks(2).map(|pair| number(pair[0]) * of(pair[1])).sum::<i64>()
        };
        for secs in (0..200_000).chain((200_000..2_000_000).step_by(977)) {
            let (short, long) = (age_text(seconds(secs)), span_text(seconds(secs)));
            let (least, step) = column(&short);
            assert!((least..least + step).contains(&secs), "{secs}: {short}");
            assert!((least..=secs).contains(&sentence(&long)), "{secs}: {short}, {long}");
            assert_eq!(short.ends_with('s'), long.ends_with(" s"), "{secs}: {short}, {long}");
        }
    }

    #[test]
    fn what_azure_dates_is_compared_as_exactly_as_the_clocks_are_known() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let skew = Some(Skew { least: seconds(9), likely: seconds(10), most: seconds(11) });
        let born = Dated::by_azure(at(100));
        assert_eq!(born.on_clock(skew).second(), 100, "its name is Azure's");
        for (moment, since) in
            [(109, Some(true)), (110, None), (111, None), (112, Some(false)), (90, Some(true))]
        {
            assert_eq!(born.on_clock(skew).since(at(moment)), since, "{moment}");
            assert_eq!(born.on_clock(None).since(at(moment)), None);
            assert_eq!(born.since(at(moment)), None);
        }
        let last = Dated::by_azure(Timestamp::MAX).on_clock(skew);
        assert_eq!(last.since(Timestamp::MIN), None, "beyond all clocks");
    }
}
