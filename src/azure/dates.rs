//! How far the clock of this machine is off Azure's, by the dates of the answers of one look.

use std::sync::{Mutex, PoisonError};

use http::{HeaderMap, header};

use crate::domain::{
    Answer,
    pool::SessionHost,
    time::{Skew, Span, Timestamp, seconds},
};

/// Dates of one look may lie further apart than it took by so much before they are no clock.
const LOOSE: Span = seconds(60);

/// The first and the last `Date` of the answers of one look.
#[derive(Debug, Default)]
pub(super) struct Dates(Mutex<Option<(Timestamp, Timestamp)>>);

impl Dates {
    /// Notes the date of an answer, where it has one that can be read.
    pub(super) fn note(&self, headers: &HeaderMap) {
        let text = headers.get(header::DATE).and_then(|value| value.to_str().ok());
        let Some(date) = text.and_then(|text| jiff::fmt::rfc2822::parse(text.trim()).ok()) else { return };
        let date = date.timestamp();
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *noted = Some(noted.map_or((date, date), |(first, last)| (first.min(date), last.max(date))));
    }

    /// How far our clock is ahead of Azure's, by a look that went on from `started` to `ended`. `None`:
    /// not known.
    pub(super) fn skew(&self, started: Timestamp, ended: Timestamp) -> Option<Skew> {
        let (first, last) = (*self.0.lock().unwrap_or_else(PoisonError::into_inner))?;
        let took = ended.duration_since(started).max(Span::ZERO);
        if last.duration_since(first) > took + LOOSE {
            return None;
        }
        // Each date was told within the look, and is cut to its second.
        let (ahead, at_most) = (started.duration_since(first) - seconds(1), ended.duration_since(last));
        let likely = if ahead.is_positive() {
            ahead
        } else if at_most.is_negative() {
            at_most
        } else {
            Span::ZERO
        };
        Some(Skew { least: ahead.min(at_most), likely, most: ahead.max(at_most) })
    }
}

/// The answer with Azure's moments on our clock; without a known skew they are not known.
pub(super) fn on_our_clock(answer: Answer, skew: Option<Skew>) -> Answer {
    let span = skew.map(|skew| skew.likely);
    let dated = |host: &mut SessionHost| host.heartbeat = host.heartbeat.on_clock(span);
    match answer {
        Answer::Hosts(hosts) => Answer::Hosts(hosts.each(dated)),
        Answer::Inventory(hosts) => Answer::Inventory(hosts.each(dated)),
        Answer::Sessions(sessions) => Answer::Sessions(sessions.each(|session| session.on_clock(skew))),
        Answer::AccessChanges(changes) => Answer::AccessChanges(changes.each(|change| {
            change.at = span.and_then(|span| change.at.checked_add(span).ok()).unwrap_or(change.at);
        })),
        Answer::Control { millis, .. } => Answer::Control { millis, skew: span },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        azure::scripted::{Say, Script, azure, look, now, ok},
        domain::{
            Side, Source,
            pool::{Heartbeat, Pulse},
            time::minutes,
        },
    };

    const POOL: &str = "/subscriptions/5b5b5b5b-0000-4000-8000-000000000001/resourceGroups/rg-we/providers/Microsoft.DesktopVirtualization/hostPools/hp-we";

    /// One page with one host.
    fn page(beat: &str, date: &str, rest: &str) -> Say {
        let host = format!(r#"{{"id":"{POOL}/sessionHosts/h","properties":{{"sessions":0{beat}}}}}"#);
        let page = ok(&format!(r#"{{"value":[{host}]{rest}}}"#));
        if date.is_empty() { page } else { page.with("date", &format!("Fri, 20 Nov 2026 {date} GMT")) }
    }

    async fn pulse(pages: &[Say]) -> Pulse {
        let answer = look(&azure(&Script::new(&[("", pages)])), Source::Hosts(0, Side::Primary)).await;
        let Ok(Answer::Hosts(hosts)) = answer else { panic!("{answer:?}") };
        hosts.complete().expect("whole")[0].pulse(now())
    }

    /// What our clock shows is ten o'clock.
    #[tokio::test(start_paused = true)]
    async fn heartbeats_are_judged_by_azures_clock_or_not_at_all() {
        let beat = |time: &str| format!(r#","lastHeartBeat":"2026-11-20T{time}Z""#);
        for (date, time, expected) in [
            ("10:00:00", "09:59:31", Pulse::Beats),
            ("10:00:00", "09:54:30", Pulse::Silent),
            ("10:00:00", "10:00:59", Pulse::Beats),
            ("10:00:00", "10:01:01", Pulse::Unknown),
            ("09:54:00", "09:53:31", Pulse::Beats),
            ("09:54:00", "09:48:00", Pulse::Silent),
            ("10:10:00", "10:09:31", Pulse::Beats),
            ("10:10:00", "10:04:30", Pulse::Silent),
            ("", "09:59:31", Pulse::Unknown),
            ("", "07:00:00", Pulse::Unknown),
            ("25:00:00", "09:59:31", Pulse::Unknown),
        ] {
            assert_eq!(pulse(&[page(&beat(time), date, "")]).await, expected, "{date} {time}");
        }
        for (text, expected) in [
            (r#","lastHeartBeat":"9999-12-31T23:59:59Z""#, Pulse::Unknown),
            (r#","lastHeartBeat":"0001-01-01T00:00:00Z""#, Pulse::Silent),
            (r#","lastHeartBeat":"lately""#, Pulse::Unknown),
            (r#","lastHeartBeat":{}"#, Pulse::Unknown),
            (r#","lastHeartBeat":7"#, Pulse::Unknown),
            (r#","lastHeartBeat":null"#, Pulse::Silent),
            ("", Pulse::Silent),
        ] {
            assert_eq!(pulse(&[page(text, "10:00:00", "")]).await, expected, "{text}");
            assert_eq!(pulse(&[page(text, "09:00:00", "")]).await, expected, "{text}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn answers_of_one_look_that_disagree_about_the_time_are_no_clock() {
        let next = format!(r#","nextLink":"http://127.0.0.1{POOL}/sessionHosts?page=2""#);
        let beat = r#","lastHeartBeat":"2026-11-20T09:59:31Z""#;
        for (second, expected) in [
            ("10:00:40", Pulse::Beats),
            ("", Pulse::Beats),
            ("10:02:00", Pulse::Unknown),
            ("09:30:00", Pulse::Unknown),
        ] {
            let pages = [page(beat, "10:00:00", &next), page(beat, second, "")];
            assert_eq!(pulse(&pages).await, expected, "{second}");
        }
    }

    #[test]
    fn the_skew_is_the_least_that_explains_the_dates() {
        let date = |text: &str| {
            let dates = Dates::default();
            let mut headers = HeaderMap::new();
            headers.insert(header::DATE, text.parse().expect("a header"));
            dates.note(&headers);
            dates
        };
        let at = |text: &str| -> Timestamp { format!("2026-11-20T{text}Z").parse().expect("a moment") };
        for (told, started, ended, skew) in [
            ("10:00:05", "10:00:00", "10:00:10", Some(Span::ZERO)),
            ("09:59:59", "10:00:00", "10:00:10", Some(Span::ZERO)),
            ("09:54:00", "10:00:01", "10:00:10", Some(minutes(6))),
            ("10:06:10", "10:00:01", "10:00:10", Some(-minutes(6))),
            // The clock was set back while the look went on.
            ("10:00:05", "10:00:00", "09:50:05", Some(-minutes(10))),
        ] {
            let dates = date(&format!("Fri, 20 Nov 2026 {told} GMT"));
            assert_eq!(dates.skew(at(started), at(ended)).map(|skew| skew.likely), skew, "{told}");
        }
        for text in ["", "now", "2026-11-20T10:00:00Z"] {
            assert_eq!(date(text).skew(now(), now()), None, "{text}");
        }
        let skew = date("Fri, 20 Nov 2026 09:54:00 GMT").skew(at("10:00:01"), at("10:00:10")).expect("known");
        assert_eq!(
            (skew.least, skew.most),
            (minutes(6), minutes(6) + seconds(10)),
            "as exactly as it is known"
        );
        assert_eq!(Heartbeat::At(Timestamp::MAX).on_clock(Some(minutes(1))), Heartbeat::Unknown);
    }
}
