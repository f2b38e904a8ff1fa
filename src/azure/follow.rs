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
    let ask = Ask {
        method: Method::GET,
        subscription: subscription(&url),
        url: url.clone(),
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
