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
    client::{Client, push_path, push_query, request},
    failure::{Envelope, Failure, Took, asks_for_proof, retry_after},
    limits::Kind,
    probe,
    version::{Api, Versions},
};

/// Deadline of one write on the wire, and of the wait for room and token before it.
const WRITE_LIMIT: Duration = Duration::from_secs(30);

/// A grant waits no longer for its turn and its token, in the time of the estate: it leaves on looks of
/// the last 30 s or goes back unsent, so that its guard is asked again (design §11).
const GRANT_WAIT: Duration = Duration::from_secs(2);

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
    fn url(&self, api: Api, id: &ArmId, tail: &str, query: &str) -> String {
        let mut url = String::with_capacity(self.origin.len() + id.as_str().len() + tail.len() + 64);
        url.push_str(&self.origin);
        push_path(&mut url, id.as_str());
        url.push_str(tail);
        push_query(&mut url, self.versions.of(api), query);
        url
    }

    /// An action of a machine.
    fn action(&self, vm: &ArmId, action: &str, body: String) -> WriteImage {
        image(&Method::POST, self.url(Api::Compute, vm, action, ""), body)
    }
}

fn image(method: &Method, url: String, body: String) -> WriteImage {
    WriteImage { method: method.as_str().to_owned(), url, body }
}

impl Encode for Encoder {
    fn encode(&self, operation: &Operation) -> WriteImage {
        let id = operation.target();
        match operation {
            Operation::StartVm { .. } => self.action(id, "/start", String::new()),
            Operation::DeallocateVm { .. } => self.action(id, "/deallocate", String::new()),
            Operation::RestartVm { .. } => self.action(id, "/restart", String::new()),
            Operation::RunProbe { probe, .. } => {
                let body = json!({ "commandId": "RunPowerShellScript", "script": probe::script(*probe) });
                self.action(id, "/runCommand", body.to_string())
            }
            Operation::SetAdmission { accepts, .. } => {
                let body = json!({ "properties": { "allowNewSession": accepts } });
                image(&Method::PATCH, self.url(Api::Avd, id, "", ""), body.to_string())
            }
            Operation::SetPlanReferences { references, .. } => {
                image(&Method::PATCH, self.url(Api::Avd, id, "", ""), plan_body(references))
            }
            Operation::SendMessage { title, body, .. } => {
                let body = json!({ "messageTitle": title, "messageBody": body });
                image(&Method::POST, self.url(Api::Avd, id, "/sendMessage", ""), body.to_string())
            }
            Operation::LogOff { .. } => {
                image(&Method::DELETE, self.url(Api::Avd, id, "", "force=true"), String::new())
            }
            Operation::Revoke { .. } => {
                image(&Method::DELETE, self.url(Api::Roles, id, "", ""), String::new())
            }
            Operation::Grant { scope, role, principal, principal_type, .. } => {
                let body = json!({ "properties": {
                    "roleDefinitionId": role_definition(scope, role),
                    "principalId": principal.as_str(),
                    "principalType": principal_type,
                } });
                image(&Method::PUT, self.url(Api::Roles, id, "", ""), body.to_string())
            }
        }
    }
}

/// All references of a plan: Azure replaces the array as a whole.
fn plan_body(references: &[PlanReference]) -> String {
    let reference = |reference: &PlanReference| json!({ "hostPoolArmPath": reference.pool.as_str(), "scalingPlanEnabled": reference.enabled });
    let references: Vec<_> = references.iter().map(reference).collect();
    json!({ "properties": { "hostPoolReferences": references } }).to_string()
}

/// The full id of a role, in the subscription of the scope.
fn role_definition(scope: &ArmId, role: &str) -> String {
    let subscription = scope.subscription();
    format!("/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}")
}

/// The ids a write travels under: both stand in the journal and in Azure's activity log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteIds {
    /// Of this request alone.
    pub client_request_id: String,
    /// Of the step it belongs to.
    pub correlation_id: String,
}

/// Whether what a write was decided on still counts, by the estate's clock.
pub type InTime<'a> = &'a (dyn Fn() -> bool + Sync);

/// Sends one permitted write, once.
pub(super) async fn send(
    client: &Client,
    image: &WriteImage,
    permit: Permit,
    ids: &WriteIds,
    in_time: InTime<'_>,
) -> Sent {
    match deliver(client, image, permit, ids, in_time).await {
        Ok((response, took)) => outcome(client, image, &response, took),
        Err(sent) => sent,
    }
}

/// Brings the answer to a write and how long it took, or what its absence means.
async fn deliver(
    client: &Client,
    image: &WriteImage,
    permit: Permit,
    ids: &WriteIds,
    in_time: InTime<'_>,
) -> Result<(Response, Took), Sent> {
    let unsent = |why: &str| Sent::NotSent { why: Safe::new(why), retry_after: None };
    let method = Method::from_bytes(image.method.as_bytes()).map_err(|_| unsent("the method is none"))?;
    // The permit is for the address as the journal has it: the check must not change a letter.
    match client.origin.admit(&image.url) {
        Ok(url) if url == image.url => {}
        Ok(_) => return Err(unsent("the address is not written as we write it")),
        Err(blocked) => return Err(unsent(&format!("not sent: {blocked}"))),
    }
    // The one PUT we send is a grant.
    let wait = if method == Method::PUT { client.pause(GRANT_WAIT) } else { WRITE_LIMIT };
    let deadline = Instant::now() + wait;
    client.room_for_write(&subscription(&image.url), deadline).await.map_err(|refusal| Sent::NotSent {
        why: Safe::new("held back: Azure or our own limit wants a pause in writes"),
        retry_after: Some(seconds(refusal.wait())),
    })?;
    let refused = |failure: Failure| Sent::NotSent { why: failure.why, retry_after: None };
    let body = Bytes::copy_from_slice(image.body.as_bytes());
    let mut request = request(&method, &image.url, body).map_err(refused)?;
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
    // The timers above stand still while the machine sleeps.
    if !in_time() {
        return Err(unsent("not sent: what let it go is too old by now"));
    }
    let began = Instant::now();
    let called = client.call(request, WRITE_LIMIT, began + WRITE_LIMIT).await;
    let took = Took { elapsed: began.elapsed(), limit: WRITE_LIMIT };
    let told = |error: &WireError| Failure::of_wire(error, took).why;
    let response = called.map_err(|error| match error {
        error if error.surely_not_sent() => unsent(told(&error).as_str()),
        WireError::Timeout { .. } => ambiguous(&format!("{error}; it may have been done")),
        error => ambiguous(told(&error).as_str()),
    })?;
    Ok((response, took))
}

fn ambiguous(why: &str) -> Sent {
    Sent::Ambiguous { why: Safe::new(why) }
}

/// Reads the answer to a write (azure-avd §6.2).
fn outcome(client: &Client, image: &WriteImage, response: &Response, took: Took) -> Sent {
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
    let words = took.after(&envelope.in_words(status));
    client.heed(&Failure::of_answer(response, took), &subscription(&image.url), Kind::Write);
    match status {
        StatusCode::TOO_MANY_REQUESTS => Sent::NotSent {
            why: Safe::new(&words),
            retry_after: Some(retry_after(headers).map_or(PACE, seconds)),
        },
        StatusCode::UNAUTHORIZED if asks_for_proof(headers) => Sent::Refused {
            status: number,
            code: envelope.code.unwrap_or_else(|| "Unauthorized".into()),
            message: client.proof(),
        },
        StatusCode::REQUEST_TIMEOUT => ambiguous(&words),
        status if status.is_server_error() || status.is_informational() => ambiguous(&words),
        _ => Sent::Refused {
            status: number,
            code: envelope.code.unwrap_or_else(|| Safe::new(status.canonical_reason().unwrap_or("no code"))),
            message: Safe::new(&took.after(envelope.message.unwrap_or_default().as_str())),
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
pub(super) fn subscription(url: &str) -> String {
    let mut segments = url.split('/').skip(3);
    match (segments.next(), segments.next()) {
        (Some(word), Some(guid)) if word.eq_ignore_ascii_case("subscriptions") => {
            guid.split('?').next().unwrap_or_default().to_ascii_lowercase()
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        azure::scripted::{Say, Script, azure, id, status},
        domain::{access::PrincipalId, operation::Probe},
        wire::body_sha256,
    };

    const HOST: &str = "/resourceGroups/rg-we/providers/Microsoft.DesktopVirtualization/hostPools/hp-we/sessionHosts/h 1.contoso.example";
    const VM: &str = "/resourceGroups/rg-we/providers/Microsoft.Compute/virtualMachines/vm";
    const ROLE: &str = "1d18fff3-a72a-46b5-b4a9-0b38a3cd7e63";

    fn encode(operation: &Operation) -> WriteImage {
        azure(&Script::new(&[])).encoder().encode(operation)
    }

    fn check(operation: &Operation, method: &str, tail: &str, body: &str) {
        let image = encode(operation);
        let base = "http://127.0.0.1/subscriptions/5b5b5b5b-0000-4000-8000-000000000001";
        assert_eq!((image.method.as_str(), image.url), (method, format!("{base}{tail}")), "{operation:?}");
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
        assert_eq!(read(&image.body), read(body), "{}", image.body);
    }

    #[test]
    fn every_operation_has_its_request() {
        let vm = || id(VM);
        let host = || id(HOST);
        let session = || host().child("userSessions/7");
        let coded = HOST.replace(' ', "%20");
        let avd = |tail: &str, query: &str| format!("{coded}{tail}?api-version=2024-04-03{query}");
        let compute = |tail: &str| format!("{VM}{tail}?api-version=2024-03-01");
        check(&Operation::StartVm { vm: vm() }, "POST", &compute("/start"), "");
        check(&Operation::DeallocateVm { vm: vm() }, "POST", &compute("/deallocate"), "");
        check(&Operation::RestartVm { vm: vm() }, "POST", &compute("/restart"), "");
        let drain = Operation::SetAdmission { host: host(), accepts: false };
        check(&drain, "PATCH", &avd("", ""), r#"{"properties":{"allowNewSession":false}}"#);
        let message =
            Operation::SendMessage { session: session(), title: "Move \"now\"".into(), body: "ü\n".into() };
        let told = r#"{"messageTitle":"Move \"now\"","messageBody":"ü\n"}"#;
        check(&message, "POST", &avd("/userSessions/7/sendMessage", ""), told);
        check(
            &Operation::LogOff { session: session() },
            "DELETE",
            &avd("/userSessions/7", "&force=true"),
            "",
        );
        let (plan, pool) = (id("/resourceGroups/rg/x/plan"), id("/resourceGroups/rg/x/pool"));
        let references = vec![PlanReference { pool: pool.clone(), enabled: false }];
        let told = format!(
            r#"{{"properties":{{"hostPoolReferences":[{{"hostPoolArmPath":"{pool}","scalingPlanEnabled":false}}]}}}}"#
        );
        let plans = Operation::SetPlanReferences { plan, pool, references };
        check(&plans, "PATCH", "/resourceGroups/rg/x/plan?api-version=2024-04-03", &told);
        let scope = id("/resourceGroups/rg/x/dag1");
        let assignment = scope.child("providers/Microsoft.Authorization/roleAssignments/a");
        let tail = "/resourceGroups/rg/x/dag1/providers/Microsoft.Authorization/roleAssignments/a?api-version=2022-04-01";
        check(&Operation::Revoke { assignment: assignment.clone(), gives: None }, "DELETE", tail, "");
        let who = "4c4c4c4c-0000-4000-8000-00000000e001";
        let grant = Operation::Grant {
            assignment,
            scope,
            role: ROLE.into(),
            principal: PrincipalId::parse(who).unwrap(),
            principal_type: "Group".into(),
        };
        let role = format!(
            "/subscriptions/5b5b5b5b-0000-4000-8000-000000000001/providers/Microsoft.Authorization/roleDefinitions/{ROLE}"
        );
        let told = format!(
            r#"{{"properties":{{"roleDefinitionId":"{role}","principalId":"{who}","principalType":"Group"}}}}"#
        );
        check(&grant, "PUT", tail, &told);
        let probe = encode(&Operation::RunProbe { vm: vm(), probe: Probe::Fslogix });
        let body: serde_json::Value = serde_json::from_str(&probe.body).unwrap();
        assert_eq!(body["commandId"], "RunPowerShellScript");
        assert!(body["script"].as_array().is_some_and(|lines| lines.len() > 5), "{body}");
    }

    fn ids() -> WriteIds {
        WriteIds { client_request_id: "c-1".into(), correlation_id: "s-1".into() }
    }

    async fn send(image: &WriteImage, says: &[Say]) -> (Sent, Arc<Script>) {
        let script = Script::new(&[("", says)]);
        let permit = Permit::mint(&image.method, &image.url, body_sha256(image.body.as_bytes()));
        (azure(&script).send(image, permit, &ids(), &|| true).await, script)
    }

    fn start() -> WriteImage {
        encode(&Operation::StartVm { vm: id(VM) })
    }

    fn accepted(status: u16, follow: Option<(&str, FollowKind, u32)>) -> Sent {
        let follow = follow.map(|(url, kind, pace)| FollowUrl { url: url.to_owned(), kind, pace });
        Sent::Accepted { status, request_id: Safe::new("r-1"), follow }
    }

    #[tokio::test(start_paused = true)]
    async fn every_answer_has_its_meaning_and_nothing_is_sent_twice() {
        let say = |number| status(number, "").with("x-ms-request-id", "r-1");
        let (a, l) = ("http://127.0.0.1/op/1", "http://127.0.0.1/result/1");
        let cases = [
            (say(200), accepted(200, None)),
            (say(201), accepted(201, None)),
            (say(204), accepted(204, None)),
            (say(202), accepted(202, None)),
            (say(200).with("location", l), accepted(200, None)),
            (
                say(200).with("azure-asyncoperation", a),
                accepted(200, Some((a, FollowKind::AsyncOperation, 10))),
            ),
            (
                say(202).with("azure-asyncoperation", a).with("location", l).with("retry-after", "3"),
                accepted(202, Some((a, FollowKind::AsyncOperation, 3))),
            ),
            (
                say(202).with("location", l).with("retry-after", "0"),
                accepted(202, Some((l, FollowKind::Location, 1))),
            ),
        ];
        for (say, expected) in cases {
            let told = format!("{say:?}");
            let (sent, script) = send(&start(), &[say]).await;
            assert_eq!((sent, script.sent().len()), (expected, 1), "{told}");
        }
        let word = |sent: &Sent| match sent {
            Sent::Accepted { .. } => "accepted".to_owned(),
            Sent::Refused { status, code, .. } => format!("refused {status} {code}"),
            Sent::NotSent { retry_after, .. } => format!("not sent {retry_after:?}"),
            Sent::Ambiguous { .. } => "ambiguous".to_owned(),
        };
        let exists =
            r#"{"error":{"code":"RoleAssignmentExists","message":"The role assignment already exists."}}"#;
        for (say, expected) in [
            (status(409, exists), "refused 409 RoleAssignmentExists"),
            (status(404, r#"{"error":{"code":"404","message":"gone"}}"#), "refused 404 404"),
            (status(403, ""), "refused 403 Forbidden"),
            (status(401, ""), "refused 401 Unauthorized"),
            (status(307, ""), "refused 307 Temporary Redirect"),
            (status(412, "<html>"), "refused 412 Precondition Failed"),
            (status(408, ""), "ambiguous"),
            (status(500, exists), "ambiguous"),
            (status(503, "").with("retry-after", "5"), "ambiguous"),
            (status(504, ""), "ambiguous"),
            (status(429, "").with("retry-after", "17"), "not sent Some(17)"),
            (status(429, "").with("retry-after", "99999"), "not sent Some(600)"),
            (status(429, ""), "not sent Some(10)"),
            (Say::Nothing, "ambiguous"),
            (Say::Break(WireError::Interrupted { why: "reset".into() }), "ambiguous"),
            (Say::Break(WireError::TooLarge { limit_bytes: 1 }), "ambiguous"),
            (Say::Break(WireError::Timeout { elapsed_ms: 1, limit_ms: 1 }), "ambiguous"),
            (Say::Break(WireError::NotSent { host: "h".into(), why: "refused".into() }), "not sent None"),
        ] {
            let told = format!("{say:?}");
            let (sent, script) = send(&start(), &[say]).await;
            assert_eq!(word(&sent), expected, "{told}");
            assert_eq!(script.sent().len(), 1, "{told}");
            let words = format!("{sent:?}");
            assert!(words.contains(" s (limit "), "how long it took is told: {words}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_leaves_as_it_was_journaled_or_not_at_all() {
        let (_, script) = send(&start(), &[status(202, "")]).await;
        let sent = script.requests();
        for (name, value) in [
            ("authorization", "Bearer simulated"),
            ("x-ms-client-request-id", "c-1"),
            ("x-ms-correlation-request-id", "s-1"),
        ] {
            assert_eq!(sent[0].headers()[name], value);
        }
        let elsewhere = |url: &str| WriteImage { url: url.into(), ..start() };
        for image in [
            elsewhere("https://management.azure.com/x"),
            elsewhere("http://127.0.0.1@evil.example/x"),
            elsewhere("http://127.0.0.1:80/x?api-version=1"),
            elsewhere("http://127.0.0.1/a/../b"),
            WriteImage { method: "BAD METHOD".into(), ..start() },
        ] {
            let (sent, script) = send(&image, &[status(200, "")]).await;
            assert!(matches!(sent, Sent::NotSent { .. }), "{image:?}: {sent:?}");
            assert!(script.sent().is_empty(), "{image:?}");
        }
        let script = Script::new(&[("", &[status(200, "")])]);
        let permit = Permit::mint("POST", "http://127.0.0.1/other", body_sha256(b""));
        let sent = azure(&script).send(&start(), permit, &ids(), &|| true).await;
        assert!(matches!(sent, Sent::NotSent { .. }) && script.sent().is_empty(), "{sent:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_429_no_write_leaves_before_its_time() {
        let script = Script::new(&[("", &[status(429, "").with("retry-after", "60"), status(200, "")])]);
        let azure = azure(&script);
        let image = start();
        let permit = || Permit::mint(&image.method, &image.url, body_sha256(b""));
        azure.send(&image, permit(), &ids(), &|| true).await;
        let held = azure.send(&image, permit(), &ids(), &|| true).await;
        assert!(matches!(held, Sent::NotSent { retry_after: Some(60), .. }), "{held:?}");
        assert_eq!(script.sent().len(), 1);
        tokio::time::advance(Duration::from_secs(61)).await;
        assert!(matches!(azure.send(&image, permit(), &ids(), &|| true).await, Sent::Accepted { .. }));
    }

    /// The guard's word is half a minute old at most; a grant that would leave later goes back.
    #[tokio::test(start_paused = true)]
    async fn a_grant_does_not_wait_for_its_turn() {
        let wait = |image: &WriteImage| {
            let image = image.clone();
            async move {
                let script =
                    Script::new(&[("", &[status(429, "").with("retry-after", "20"), status(200, "")])]);
                let azure = azure(&script);
                let permit = || Permit::mint(&image.method, &image.url, body_sha256(image.body.as_bytes()));
                azure.send(&image, permit(), &ids(), &|| true).await;
                let from = Instant::now();
                (azure.send(&image, permit(), &ids(), &|| true).await, from.elapsed().as_secs())
            }
        };
        let grant = encode(&Operation::Grant {
            assignment: id(
                "/resourceGroups/rg-ne/providers/x/y/z/providers/Microsoft.Authorization/roleAssignments/a",
            ),
            scope: id("/resourceGroups/rg-ne/providers/x/y/z"),
            role: "r".to_owned(),
            principal: crate::domain::access::PrincipalId::parse("4c4c4c4c-0000-4000-8000-00000000e001")
                .unwrap(),
            principal_type: "Group".to_owned(),
        });
        let (sent, waited) = wait(&grant).await;
        assert!(
            matches!(sent, Sent::NotSent { retry_after: Some(_), .. }) && waited < 3,
            "{sent:?} {waited}"
        );
        let (sent, waited) = wait(&start()).await;
        assert!(matches!(sent, Sent::Accepted { .. }) && waited >= 20, "{sent:?} {waited}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_decided_on_looks_that_are_too_old_by_now_is_not_sent() {
        let script = Script::new(&[("", &[status(200, "")])]);
        let permit = Permit::mint("POST", &start().url, body_sha256(b""));
        let sent = azure(&script).send(&start(), permit, &ids(), &|| false).await;
        assert!(matches!(sent, Sent::NotSent { retry_after: None, .. }), "{sent:?}");
        assert!(script.sent().is_empty(), "{:?}", script.sent());
    }

    #[test]
    fn an_address_names_its_subscription() {
        for (url, expected) in [
            ("https://management.azure.com/subscriptions/s1/resourceGroups/x?y", "s1"),
            ("https://management.azure.com/Subscriptions/S1?y", "s1"),
            ("https://management.azure.com/providers/x", ""),
            ("", ""),
        ] {
            assert_eq!(subscription(url), expected, "{url}");
        }
    }
}
