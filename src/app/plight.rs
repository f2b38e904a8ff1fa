//! Why a source shows nothing, nothing new or not everything: each case has words of its own.

use crate::domain::{
    Safe, Source,
    picture::{ASKING, NOT_YET, Picture, STALE_INTERVALS},
    reading::SilenceKind,
    text::tries,
    time::{Timestamp, span_text},
};

/// What is amiss with a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plight {
    /// The estate file names nothing to look at.
    NotConfigured,
    /// Nobody has looked.
    Loading,
    /// It has been asked since then, and has told nothing yet.
    Asked(Timestamp),
    /// It answered, and there is nothing.
    Empty(Timestamp),
    /// It gave no answer.
    Silent {
        /// Since when.
        since: Timestamp,
        /// Requests in a row that were not answered.
        misses: u32,
        /// What the last one came to.
        why: Safe,
        /// When the next one leaves, where that is known.
        next: Option<Timestamp>,
    },
    /// 401 or 403: it answered, but not to us.
    Denied(Timestamp, Safe),
    /// It answered, but not with what was asked for.
    Refused(SilenceKind, Safe),
    /// A page is missing.
    NotWhole(Safe),
    /// Nothing has gone wrong, and yet the last answer is old.
    Old(Timestamp),
}

impl Plight {
    /// What is amiss with `source` at `now`, emptiness aside; `None`: nothing.
    pub fn of(picture: &Picture, source: &Source, now: Timestamp) -> Option<Self> {
        let untold = || picture.asked_since(source, now).map_or(Self::Loading, Self::Asked);
        let Some(reading) = picture.reading(source) else { return Some(untold()) };
        if let Some((since, silence)) = &reading.silence {
            let why = silence.why.clone();
            return Some(match silence.kind {
                SilenceKind::Unreachable | SilenceKind::NotAsked => {
                    let answered = reading.last.as_ref().map(|look| look.at);
                    let since = answered.or(reading.silent_since).unwrap_or(*since);
                    let next = picture.next_look(source);
                    Self::Silent { since, misses: reading.misses, why, next }
                }
                SilenceKind::Denied => Self::Denied(*since, why),
                kind => Self::Refused(kind, why),
            });
        }
        let Some(look) = &reading.last else { return Some(untold()) };
        if now.duration_since(look.at) > source.interval() * STALE_INTERVALS {
            return Some(Self::Old(look.at));
        }
        look.answer.flaw().map(|why| Self::NotWhole(why.clone()))
    }

    /// In a few words, for a cell.
    pub fn short(&self, now: Timestamp) -> String {
        let ago = |at: &Timestamp| span_text(now.duration_since(*at));
        match self {
            Self::NotConfigured => "not configured".to_owned(),
            Self::Loading => NOT_YET.to_owned(),
            Self::Asked(since) => format!("{ASKING}{}", ago(since)),
            Self::Empty(_) => "none".to_owned(),
            Self::Silent { since, misses, .. } => format!("no answer {}{}", ago(since), after(*misses)),
            Self::Denied(..) => "not allowed (403)".to_owned(),
            Self::Refused(kind, _) => refused(*kind).to_owned(),
            Self::NotWhole(_) => "not whole".to_owned(),
            Self::Old(at) => format!("nothing new {}", ago(at)),
        }
    }

    /// The same for a place where the end of a sentence may have no room: what is amiss comes first, of a silent
    /// source the tries and when the next one leaves.
    pub fn brief(&self, what: &str, now: Timestamp) -> String {
        match self {
            Self::Silent { since, misses, why, next } if *misses > 0 => {
                let next =
                    next.map_or(String::new(), |at| format!(", {}", again(at, now).replace(" try", "")));
                let since = span_text(now.duration_since(*since));
                format!("{}{next}: {what}: {why}; none for {since}", tries(*misses))
            }
            Self::Loading => format!("{NOT_YET}: {what}, the first answer has not come"),
            Self::Asked(since) => {
                let since = span_text(now.duration_since(*since));
                format!("{ASKING}{since}: {what}, the first answer has not come")
            }
            Self::Denied(at, why) => {
                format!("not allowed to look: {what}: {why}, {} ago", span_text(now.duration_since(*at)))
            }
            Self::Refused(kind, why) => format!("{}: {what}: {why}", refused(*kind)),
            Self::NotWhole(why) => format!("not whole: {what}: {why}"),
            Self::Old(at) => format!("no newer answer for {}: {what}", span_text(now.duration_since(*at))),
            Self::Silent { .. } | Self::NotConfigured | Self::Empty(_) => self.words(what, now),
        }
    }

    /// What a look that failed came to, in words that begin with `what`: the tries and the next of them before
    /// the error, which is cut first. `None`: none failed.
    pub fn failed(&self, what: &str, now: Timestamp) -> Option<String> {
        match self {
            Self::Silent { misses, why, next, .. } if *misses > 0 => {
                let next =
                    next.map_or(String::new(), |at| format!(", {}", again(at, now).replace(" try", "")));
                Some(format!("{what}: {}{next}: {why}", tries(*misses)))
            }
            Self::Silent { .. } | Self::Denied(..) | Self::Refused(..) => Some(self.words(what, now)),
            _ => None,
        }
    }

    /// In words that begin with `what`.
    pub fn words(&self, what: &str, now: Timestamp) -> String {
        let ago = |at: &Timestamp| span_text(now.duration_since(*at));
        match self {
            Self::NotConfigured => format!("{what}: not configured, the estate file names none"),
            Self::Loading => format!("{what}: {NOT_YET}, the first answer has not come"),
            Self::Asked(since) => format!("{what}: {ASKING}{}, the first answer has not come", ago(since)),
            Self::Empty(at) => format!("{what}: none, by a whole answer {} ago", ago(at)),
            Self::Silent { since, misses, why, next } => {
                let tries = after(*misses);
                let next = next.map_or(String::new(), |at| format!(", {}", again(at, now)));
                format!("{what}: no answer for {}{tries}{next}: {why}", ago(since))
            }
            Self::Denied(at, why) => format!("{what}: not allowed to look, {} ago: {why}", ago(at)),
            Self::Refused(kind, why) => format!("{what}: {}: {why}", refused(*kind)),
            Self::NotWhole(why) => format!("{what}: not whole: {why}"),
            Self::Old(at) => format!("{what}: no newer answer for {}", ago(at)),
        }
    }
}

/// The requests in a row that were not answered, behind what is said of them.
fn after(misses: u32) -> String {
    // None has left.
    if misses == 0 { String::new() } else { format!(", {}", tries(misses)) }
}

/// Since when a source that never answered has been asked in vain; `None`: nobody has asked.
pub fn silent_since(picture: &Picture, source: &Source) -> Option<Timestamp> {
    let reading = picture.reading(source)?;
    reading.silent_since.or(reading.silence.as_ref().map(|(at, _)| *at))
}

/// Whether the last answer of a source still stands for what there is now. One missed look does not
/// spoil an answer that is young; one that was denied, or found nothing there, does at once.
pub fn holds(picture: &Picture, source: &Source, now: Timestamp) -> bool {
    let Some(reading) = picture.reading(source) else { return false };
    let spoils = |kind| matches!(kind, SilenceKind::Denied | SilenceKind::NoToken | SilenceKind::Absent);
    let spoilt = reading.silence.as_ref().is_some_and(|(_, silence)| spoils(silence.kind));
    let young = |at: Timestamp| now.duration_since(at) <= source.interval() * STALE_INTERVALS;
    !spoilt && reading.last.as_ref().is_some_and(|look| young(look.at))
}

/// When the next try leaves, counted down.
fn again(at: Timestamp, now: Timestamp) -> String {
    if at > now {
        format!("next try in {}", span_text(at.duration_since(now)))
    } else {
        "asked again now".to_owned()
    }
}

fn refused(kind: SilenceKind) -> &'static str {
    match kind {
        SilenceKind::Absent => "not there (404)",
        SilenceKind::Throttled => "asked too often (429)",
        SilenceKind::Garbled => "the answer cannot be read",
        SilenceKind::NoToken => "not signed in, so not asked",
        SilenceKind::NotChecked => "nobody may look",
        SilenceKind::NotRecorded => "not recorded",
        SilenceKind::Unreachable | SilenceKind::NotAsked => "no answer",
        SilenceKind::Denied => "not allowed to look",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::scene::noon,
        domain::{Answer, Listing, Observation, Side, reading::Silence, time::seconds},
    };

    #[test]
    fn loading_empty_silent_denied_and_not_configured_are_five_texts() {
        let source = Source::Hosts(0, Side::Primary);
        let failed = |kind: SilenceKind, why: &str| Observation {
            source: source.clone(),
            started: noon() - seconds(90),
            ended: noon() - seconds(80),
            outcome: Err(Silence { kind, why: Safe::new(why) }),
        };
        let said = |observations: &[Observation]| {
            let mut picture = Picture::default();
            for one in observations {
                picture.take(one.clone());
            }
            Plight::of(&picture, &source, noon()).map(|plight| plight.words("hosts", noon()))
        };
        let empty = Observation {
            outcome: Ok(Answer::Hosts(Listing::whole(Vec::new(), 1))),
            ended: noon() - seconds(4),
            ..failed(SilenceKind::Denied, "")
        };
        let mut all = vec![
            said(&[]).unwrap(),
            said(&[failed(SilenceKind::Unreachable, "no answer in 10 s (limit 10 s)")]).unwrap(),
            said(&[failed(SilenceKind::Denied, "AuthorizationFailed")]).unwrap(),
            Plight::Empty(noon() - seconds(4)).words("hosts", noon()),
            Plight::NotConfigured.words("hosts", noon()),
        ];
        assert_eq!(
            all,
            [
                "hosts: not looked at yet, the first answer has not come",
                "hosts: no answer for 90 s, 1 try: no answer in 10 s (limit 10 s)",
                "hosts: not allowed to look, 80 s ago: AuthorizationFailed",
                "hosts: none, by a whole answer 4 s ago",
                "hosts: not configured, the estate file names none",
            ]
        );
        all.dedup();
        assert_eq!(all.len(), 5);
        assert_eq!(said(&[empty]), None, "an empty answer is an answer");
    }

    /// For how long it is asked counts from the first request; what was never asked says so, and so does what
    /// is asked only later.
    #[test]
    fn a_first_look_under_way_tells_for_how_long() {
        let source = Source::Directory(Side::Primary);
        let mut picture = Picture::default();
        let said = |picture: &Picture, later: i64| {
            let now = noon() + seconds(later);
            let plight = Plight::of(picture, &source, now).unwrap();
            (plight.short(now), plight.words("directory", now))
        };
        assert_eq!(said(&picture, 75).0, "not looked at yet");
        picture.await_look(source.clone(), noon());
        let words = "directory: asking for 75 s, the first answer has not come";
        assert_eq!(said(&picture, 75), ("asking for 75 s".to_owned(), words.to_owned()));
        assert_eq!(said(&picture, -1).0, "not looked at yet");
        let silent = |source: Source| Observation {
            source,
            started: noon(),
            ended: noon() + seconds(60),
            outcome: Err(Silence { kind: SilenceKind::Unreachable, why: Safe::new("no answer in 60 s") }),
        };
        picture.take(silent(Source::Directory(Side::Secondary)));
        assert_eq!(said(&picture, 75).0, "asking for 75 s", "another source");
        picture.take(silent(source.clone()));
        assert!(said(&picture, 75).0.starts_with("no answer "), "{:?}", said(&picture, 75));
    }

    #[test]
    fn a_silent_source_tells_its_tries_and_counts_down_to_the_next() {
        let source = Source::Hosts(0, Side::Primary);
        let mut picture = Picture::default();
        for second in [120, 60, 20] {
            picture.take(Observation {
                source: source.clone(),
                started: noon() - seconds(second),
                ended: noon() - seconds(second - 10),
                outcome: Err(Silence {
                    kind: SilenceKind::Unreachable,
                    why: Safe::new("no answer in 10 s (limit 10 s)"),
                }),
            });
        }
        let said = |picture: &Picture, later: i64| {
            let now = noon() + seconds(later);
            Plight::of(picture, &source, now).map(|plight| plight.words("hosts", now)).unwrap()
        };
        let first = "hosts: no answer for 2 min, 3 tries: no answer in 10 s (limit 10 s)";
        assert_eq!(said(&picture, 0), first, "nobody said when");
        picture.await_look(source.clone(), noon() + seconds(50));
        let told = |time: &str, next: &str| {
            format!("hosts: no answer for {time}, 3 tries, {next}: no answer in 10 s (limit 10 s)")
        };
        assert_eq!(said(&picture, 0), told("2 min", "next try in 50 s"));
        assert_eq!(said(&picture, 49), told("2 min", "next try in 1 s"));
        assert_eq!(said(&picture, 50), told("2 min", "asked again now"));
        let brief = Plight::of(&picture, &source, noon()).unwrap().brief("hosts", noon());
        assert_eq!(brief, "3 tries, next in 50 s: hosts: no answer in 10 s (limit 10 s); none for 2 min");
    }
}
