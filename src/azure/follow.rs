//! Long operations: one look at one of them (azure-avd §6.2).

use bytes::Bytes;
use http::{Method, StatusCode};
use serde::Deserialize;

use crate::{
    domain::{
        Safe,
        operation::{FollowKind, FollowUrl, Progress},
    },
    wire::Response,
};

use super::{
    client::{Ask, Client, GET_LIMIT, Visit},
    decode::document,
    failure::{Envelope, Failure, retry_after},
    lane::Provider,
    lenient::Lax,
    probe::Streams,
    write::{seconds, subscription},
};

/// The state of an operation as `Azure-AsyncOperation` shows it. The words are open: only
/// three are terminal, in any case.
#[derive(Deserialize, Default)]
#[serde(default)]
struct State {
    status: Lax<String>,
    properties: Option<Properties>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Properties {
    output: Option<Streams>,
}

/// Looks once.
pub(super) async fn follow(client: &Client, visit: &Visit, follow: &FollowUrl) -> Progress {
    let url = match client.origin.admit(&follow.url) {
        Ok(url) => url,
        Err(blocked) => {
            let why = Safe::new(&format!("not followed: {blocked}"));
            return Progress::Unreadable { why, gone: true };
        }
    };
    let subscription = subscription(&url);
    let ask = Ask {
        method: Method::GET,
        subscription: &subscription,
        url,
        body: Bytes::new(),
        provider: Provider::Compute,
        limit: GET_LIMIT,
    };
    match client.exchange(visit, &ask).await {
        Ok(response) => read(&response, follow),
        Err(failure) => {
            let gone = matches!(failure.status, Some(404 | 410));
            Progress::Unreadable { why: failure.why, gone }
        }
    }
}

fn read(response: &Response, follow: &FollowUrl) -> Progress {
    let pace = || retry_after(response.headers()).map_or(follow.pace.clamp(1, 600), seconds);
    let body = response.body();
    match follow.kind {
        FollowKind::Location if response.status() == StatusCode::ACCEPTED => {
            Progress::Running { pace: pace() }
        }
        FollowKind::Location => located(body),
        FollowKind::AsyncOperation if body.is_empty() && response.status() == StatusCode::ACCEPTED => {
            Progress::Running { pace: pace() }
        }
        FollowKind::AsyncOperation => match document::<State>(body) {
            Ok(state) => stated(state, body, pace()),
            Err(failure) => unreadable(failure),
        },
    }
}

fn unreadable(failure: Failure) -> Progress {
    Progress::Unreadable { why: failure.why, gone: false }
}

/// The end of an operation that is followed by `Location`. A page of a proxy is no end.
fn located(body: &[u8]) -> Progress {
    if body.is_empty() {
        return Progress::Succeeded { output: None };
    }
    match document::<Streams>(body) {
        Ok(streams) => Progress::Succeeded { output: streams.output() },
        Err(failure) => unreadable(failure),
    }
}

fn stated(state: State, body: &[u8], pace: u32) -> Progress {
    let Some(word) = state.status.0 else {
        return unreadable(Failure::garbled("the operation's state is missing"));
    };
    match word.to_ascii_lowercase().as_str() {
        "succeeded" => {
            let output = state.properties.and_then(|properties| properties.output);
            Progress::Succeeded { output: output.and_then(|streams| streams.output()) }
        }
        "failed" | "canceled" | "cancelled" => {
            let envelope = Envelope::read(body);
            Progress::Failed {
                code: envelope.code.unwrap_or_else(|| Safe::new(&word)),
                message: envelope.message.unwrap_or_default(),
            }
        }
        _ => Progress::Running { pace },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        azure::scripted::{Say, Script, azure, ok, status},
        wire::WireError,
    };

    const HERE: &str = "http://127.0.0.1/subscriptions/s/providers/Microsoft.Compute/locations/we/operations/o?api-version=1";

    async fn check(kind: FollowKind, say: Say, expected: &str) {
        let told = format!("{kind:?} {say:?}");
        let script = Script::new(&[("", &[say])]);
        let progress = azure(&script).follow(&FollowUrl { url: HERE.into(), kind, pace: 7 }).await;
        let word = match &progress {
            Progress::Running { pace } => format!("running {pace}"),
            Progress::Succeeded { output } => format!("succeeded {}", output.clone().unwrap_or_default()),
            Progress::Failed { code, message } => format!("failed {code} {message}"),
            Progress::Unreadable { gone, .. } => format!("unreadable {gone}"),
        };
        assert_eq!((word.trim_end(), script.sent().len()), (expected, 1), "{told}: {progress:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn states_are_open_and_a_status_that_cannot_be_read_is_no_failure() {
        use FollowKind::{AsyncOperation, Location};
        let state = |word: &str| ok(&format!(r#"{{"status":"{word}","name":"o"}}"#));
        check(AsyncOperation, state("InProgress"), "running 7").await;
        check(AsyncOperation, state("InProgress").with("retry-after", "9999"), "running 600").await;
        check(AsyncOperation, state("Resolving\u{1b}"), "unreadable false").await;
        check(AsyncOperation, state("Resolving"), "running 7").await;
        check(AsyncOperation, status(202, ""), "running 7").await;
        check(AsyncOperation, state("sUCCEEDED"), "succeeded").await;
        check(AsyncOperation, ok(r#"{"Status":"Succeeded"}"#), "succeeded").await;
        check(AsyncOperation, state("canceled"), "failed canceled").await;
        check(AsyncOperation, state("Cancelled"), "failed Cancelled").await;
        let failed = r#"{"status":"Failed","error":{"code":"AllocationFailed","message":"no capacity"}}"#;
        check(AsyncOperation, ok(failed), "failed AllocationFailed no capacity").await;
        let output = r#"{"value":[{"code":"ComponentStatus/StdOut/succeeded","message":"x\n{\"a\":1}\n"}]}"#;
        let done = format!(r#"{{"status":"Succeeded","properties":{{"output":{output}}}}}"#);
        check(AsyncOperation, ok(&done), r#"succeeded {"a":1}"#).await;
        for unread in [
            ok("{}"),
            ok(""),
            ok("<html>"),
            ok(r#"{"status":null}"#),
            status(500, ""),
            status(403, ""),
            status(429, ""),
            status(302, ""),
        ] {
            check(AsyncOperation, unread, "unreadable false").await;
        }
        for (kind, number) in [(AsyncOperation, 404), (AsyncOperation, 410), (Location, 404), (Location, 410)]
        {
            check(kind, status(number, failed), "unreadable true").await;
        }
        check(Location, status(202, "").with("retry-after", "2"), "running 2").await;
        check(Location, status(200, ""), "succeeded").await;
        check(Location, status(204, ""), "succeeded").await;
        check(Location, ok(output), r#"succeeded {"a":1}"#).await;
        check(Location, ok(r#"{"id":"/x","properties":{}}"#), "succeeded").await;
        check(Location, ok("<html>"), "unreadable false").await;
        check(Location, status(500, ""), "unreadable false").await;
        check(Location, Say::Nothing, "unreadable false").await;
        check(AsyncOperation, Say::Break(WireError::Interrupted { why: "x".into() }), "unreadable false")
            .await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_journaled_address_is_checked_before_the_token_goes_anywhere() {
        let script = Script::new(&[]);
        for url in
            ["https://evil.example/op", "http://127.0.0.1:81/op", "http://127.0.0.1@evil.example/op", ""]
        {
            let follow = FollowUrl { url: url.into(), kind: FollowKind::Location, pace: 1 };
            let progress = azure(&script).follow(&follow).await;
            assert!(matches!(progress, Progress::Unreadable { gone: true, .. }), "{url}: {progress:?}");
        }
        assert!(script.sent().is_empty());
    }
}
