//! Operations as requests, and what became of one.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::json;
use tokio::time::Instant;

use crate::{
    domain::{
        ArmId, Operation, Safe,
        operation::{Encode, FollowKind, FollowUrl, Sent, WriteImage},
        pool::PlanReference,
    },
    wire::{Permit, Response, WireError},
};

use super::{
    client::{Client, push_path, push_query},
    failure::{Envelope, Failure, retry_after},
    limits::Kind,
    probe,
    version::{Api, Versions},
};

/// Deadline of one write, its wait for room included twice over (reliability-security §3).
const WRITE_LIMIT: Duration = Duration::from_secs(30);

/// Wait between two looks at a long operation where Azure names none, in seconds.
pub(super) const PACE: u32 = 10;

/// Longest address of a long operation that is kept for the journal.
const MAX_FOLLOW: usize = 4 * 1024;

/// Turns operations into requests.
#[derive(Debug)]
pub(super) struct Encoder {
    pub(super) origin: Arc<str>,
    pub(super) versions: Versions,
}

impl Encoder {
    fn image(
        &self,
        method: Method,
        api: Api,
        id: &ArmId,
        tail: &str,
        query: &str,
        body: String,
    ) -> WriteImage {
        let mut url = String::with_capacity(self.origin.len() + id.as_str().len() + tail.len() + 64);
        url.push_str(&self.origin);
        push_path(&mut url, id.as_str());
        url.push_str(tail);
        push_query(&mut url, self.versions.of(api), query);
        WriteImage { method: method.as_str().to_owned(), url, body }
    }
}

impl Encode for Encoder {
    fn encode(&self, operation: &Operation) -> WriteImage {
        let id = operation.target();
        let post = |tail: &str, body: String| self.image(Method::POST, Api::Compute, id, tail, "", body);
        match operation {
            Operation::StartVm { .. } => post("/start", String::new()),
            Operation::DeallocateVm { .. } => post("/deallocate", String::new()),
            Operation::RestartVm { .. } => post("/restart", String::new()),
            Operation::RunProbe { probe, .. } => {
                let body = json!({ "commandId": "RunPowerShellScript", "script": probe::script(*probe) });
                post("/runCommand", body.to_string())
            }
            Operation::SetAdmission { accepts, .. } => {
                let body = json!({ "properties": { "allowNewSession": accepts } });
                self.image(Method::PATCH, Api::Avd, id, "", "", body.to_string())
            }
            Operation::SetPlanReferences { references, .. } => {
                let reference = |reference: &PlanReference| json!({ "hostPoolArmPath": reference.pool.as_str(), "scalingPlanEnabled": reference.enabled });
                let references: Vec<_> = references.iter().map(reference).collect();
                let body = json!({ "properties": { "hostPoolReferences": references } });
                self.image(Method::PATCH, Api::Avd, id, "", "", body.to_string())
            }
            Operation::SendMessage { title, body, .. } => {
                let body = json!({ "messageTitle": title, "messageBody": body });
                self.image(Method::POST, Api::Avd, id, "/sendMessage", "", body.to_string())
            }
            Operation::LogOff { .. } => {
                self.image(Method::DELETE, Api::Avd, id, "", "force=true", String::new())
            }
            Operation::Revoke { .. } => self.image(Method::DELETE, Api::Roles, id, "", "", String::new()),
            Operation::Grant { scope, role, principal, principal_type, .. } => {
                let role = format!(
                    "/subscriptions/{}/providers/Microsoft.Authorization/roleDefinitions/{role}",
                    scope.subscription()
                );
                let body = json!({ "properties": {
                    "roleDefinitionId": role,
                    "principalId": principal.as_str(),
                    "principalType": principal_type,
                } });
                self.image(Method::PUT, Api::Roles, id, "", "", body.to_string())
            }
        }
    }
}

/// The ids a write travels under: both stand in the journal and in Azure's activity log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteIds {
    /// Of this request alone.
    pub client_request_id: String,
    /// Of the step it belongs to.
    pub correlation_id: String,
}

/// Sends one permitted write, once.
pub(super) async fn send(client: &Client, image: &WriteImage, permit: Permit, ids: &WriteIds) -> Sent {
    match deliver(client, image, permit, ids).await {
        Ok(response) => outcome(client, image, &response),
        Err(sent) => sent,
    }
}

/// Brings the answer to a write, or what its absence means.
async fn deliver(
    client: &Client,
    image: &WriteImage,
    permit: Permit,
    ids: &WriteIds,
) -> Result<Response, Sent> {
    let unsent = |why: &str| Sent::NotSent { why: Safe::new(why), retry_after: None };
    let method = Method::from_bytes(image.method.as_bytes()).map_err(|_| unsent("the method is none"))?;
    // The permit is for the address as the journal has it: the check must not change a letter.
    match client.origin.admit(&image.url) {
        Ok(url) if url == image.url => {}
        Ok(_) => return Err(unsent("the address is not written as we write it")),
        Err(blocked) => return Err(unsent(&format!("not sent: {blocked}"))),
    }
    let deadline = Instant::now() + WRITE_LIMIT;
    client.room_for_write(subscription(&image.url), deadline).await.map_err(|refusal| Sent::NotSent {
        why: Safe::new("held back: Azure or our own limit wants a pause in writes"),
        retry_after: Some(seconds(refusal.wait())),
    })?;
    let refused = |failure: Failure| Sent::NotSent { why: failure.why, retry_after: None };
    let body = Bytes::copy_from_slice(image.body.as_bytes());
    let mut request = client.request(&method, &image.url, body).map_err(refused)?;
    let token = tokio::time::timeout_at(deadline, client.bearer())
        .await
        .map_err(|_| unsent("no token in time"))?
        .map_err(refused)?;
    let id = |text: &str| HeaderValue::from_str(text).map_err(|_| unsent("an id is no header value"));
    let headers = request.headers_mut();
    headers.insert("x-ms-client-request-id", id(&ids.client_request_id)?);
    headers.insert("x-ms-correlation-request-id", id(&ids.correlation_id)?);
    headers.insert(header::AUTHORIZATION, token);
    request.extensions_mut().insert(permit);
    let far = Instant::now() + WRITE_LIMIT;
    client.call(request, WRITE_LIMIT, far).await.map_err(|error| match error {
        error if error.surely_not_sent() => unsent(&error.to_string()),
        WireError::Timeout { .. } => ambiguous(&format!("{error}; it may have been done")),
        error => ambiguous(&error.to_string()),
    })
}

fn ambiguous(why: &str) -> Sent {
    Sent::Ambiguous { why: Safe::new(why) }
}

/// Reads the answer to a write (azure-avd §6.2).
fn outcome(client: &Client, image: &WriteImage, response: &Response) -> Sent {
    let status = response.status();
    let headers = response.headers();
    let number = status.as_u16();
    if status.is_success() {
        let request_id = text(headers, "x-ms-request-id").map(Safe::new).unwrap_or_default();
        let follow = match status {
            StatusCode::ACCEPTED => follow_url(headers, true),
            StatusCode::NO_CONTENT => None,
            _ => follow_url(headers, false),
        };
        return Sent::Accepted { status: number, request_id, follow };
    }
    let envelope = Envelope::read(response.body());
    let words = envelope.in_words(status);
    client.heed(&Failure::of_answer(response), subscription(&image.url), Kind::Write);
    match status {
        StatusCode::TOO_MANY_REQUESTS => Sent::NotSent {
            why: Safe::new(&words),
            retry_after: Some(retry_after(headers).map_or(PACE, seconds)),
        },
        StatusCode::REQUEST_TIMEOUT => ambiguous(&words),
        status if status.is_server_error() || status.is_informational() => ambiguous(&words),
        _ => Sent::Refused {
            status: number,
            code: envelope.code.unwrap_or_else(|| Safe::new(status.canonical_reason().unwrap_or("no code"))),
            message: envelope.message.unwrap_or_default(),
        },
    }
}

/// Where to follow what goes on. `Location` counts only where the answer says that it goes on.
fn follow_url(headers: &HeaderMap, running: bool) -> Option<FollowUrl> {
    let pace = retry_after(headers).map_or(PACE, seconds);
    let url = |name: &str, kind| {
        let url = text(headers, name).filter(|url| url.len() <= MAX_FOLLOW)?;
        Some(FollowUrl { url: url.to_owned(), kind, pace })
    };
    url("azure-asyncoperation", FollowKind::AsyncOperation)
        .or_else(|| url("location", FollowKind::Location).filter(|_| running))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whole seconds, at least one.
pub(super) fn seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX).clamp(1, 600)
}

/// The subscription an address names, as its limits are counted by; empty where it names none.
pub(super) fn subscription(url: &str) -> &str {
    let mut segments = url.split('/').skip(3);
    match (segments.next(), segments.next()) {
        (Some(word), Some(guid)) if word.eq_ignore_ascii_case("subscriptions") => {
            guid.split('?').next().unwrap_or_default()
        }
        _ => "",
    }
}
