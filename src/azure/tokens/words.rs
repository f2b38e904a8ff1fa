//! What sources say, told in words that can hold no secret.
//!
//! Whoever answers a request for a token may put anything into a refusal: the secret it was sent, the
//! header it wanted, a token of somebody else. Of such an answer only what is known beforehand is told.

use http::StatusCode;
use serde_json::Value;

use crate::domain::Safe;

/// Stands where something stood that may be a secret.
pub(in crate::azure) const HIDDEN: &str = "[hidden]";

/// Most characters told of what a program said.
const MAX_WORDS: usize = 300;

/// The words of OAuth and of Azure's identity endpoints for a refusal; another one is not told.
const CODES: [&str; 21] = [
    "access_denied",
    "bad_request_102",
    "consent_required",
    "expired_token",
    "interaction_required",
    "invalid_client",
    "invalid_grant",
    "invalid_instance",
    "invalid_request",
    "invalid_resource",
    "invalid_scope",
    "invalid_tenant",
    "login_required",
    "server_error",
    "slow_down",
    "temporarily_unavailable",
    "unauthorized",
    "unauthorized_client",
    "unknown_source",
    "unsupported_grant_type",
    "unsupported_response_type",
];

/// What a number of Entra ID means for whoever has to mend it.
const MEANINGS: [(u32, &str); 15] = [
    (7_000_215, "the client secret is wrong"),
    (7_000_222, "the client secret has expired"),
    (7_000_112, "the application is disabled"),
    (700_016, "this tenant knows no such application"),
    (700_021, "no federated credential fits the token file"),
    (70_021, "no federated credential fits the token file"),
    (700_211, "no federated credential fits the issuer of the token file"),
    (700_212, "no federated credential fits the audience of the token file"),
    (700_213, "no federated credential fits the subject of the token file"),
    (700_024, "the token of the token file is not valid now"),
    (90_002, "there is no such tenant"),
    (53_003, "Conditional Access blocks it"),
    (50_076, "a second factor is asked for"),
    (50_079, "a second factor is asked for"),
    (700_082, "the sign-in has expired"),
];

/// What an answer without a token says: its status, a code and a number that are known, and what they mean.
pub(super) fn of_answer(status: u16, body: &[u8]) -> Safe {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let name = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("");
    let mut text = format!("{status} {}", code(&body).unwrap_or(name)).trim_end().to_owned();
    let number = number(&body).map(|number| format!(" AADSTS{number}{}", meaning(number)));
    if let Some(number) = number {
        text.push_str(&number);
    } else if (300..400).contains(&status) {
        text.push_str(": it points elsewhere, which is not followed");
    } else if texts(&body).any(|text| text.to_ascii_lowercase().contains("identity not found")) {
        text.push_str(": no such identity is assigned to this machine");
    }
    Safe::new(&text)
}

fn meaning(number: u32) -> String {
    let known = MEANINGS.iter().find(|(known, _)| *known == number);
    known.map(|(_, meaning)| format!(": {meaning}")).unwrap_or_default()
}

/// The word for the refusal, if it is one of those that are known.
fn code(body: &Value) -> Option<&'static str> {
    let error = &body["error"];
    let told = [error, &error["code"], &body["code"]].into_iter().find_map(Value::as_str)?;
    CODES.into_iter().find(|known| known.eq_ignore_ascii_case(told))
}

/// Where an answer tells in words why.
fn texts(body: &Value) -> impl Iterator<Item = &str> {
    [&body["error_description"], &body["message"], &body["error"]["message"]]
        .into_iter()
        .filter_map(Value::as_str)
}

/// The number of Entra ID: five to eight digits, too few for a secret.
fn number(body: &Value) -> Option<u32> {
    let listed = body["error_codes"][0].as_u64().and_then(|number| u32::try_from(number).ok());
    listed.or_else(|| texts(body).find_map(aadsts)).filter(|number| (10_000..100_000_000).contains(number))
}

/// The number behind `AADSTS`.
fn aadsts(text: &str) -> Option<u32> {
    let (_, rest) = text.split_once("AADSTS")?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// What a credential of the library or a program says, in one line, with whatever may be a secret hidden.
pub(super) fn of_program(told: &str) -> Safe {
    let lines = told.lines().map(str::trim).filter(|line| !line.is_empty());
    // The first sentence only names the credential; the last only links to a manual.
    let told: String = lines.filter(|line| !line.contains("aka.ms")).collect::<Vec<_>>().join(" ");
    let told = told.split_once("authentication failed.").map_or(told.as_str(), |(_, rest)| rest.trim());
    Safe::new(&hidden(told).chars().take(MAX_WORDS).collect::<String>())
}

/// Keys whose values are secrets, without what stands between their words.
const SECRET_KEYS: [&str; 12] = [
    "accesstoken",
    "refreshtoken",
    "idtoken",
    "clientsecret",
    "clientassertion",
    "assertion",
    "password",
    "passphrase",
    "secret",
    "bearer",
    "authorization",
    "identityheader",
];

/// A run of so many letters and digits, with both among them, is no word that a person needs.
const LEAST_SECRET: usize = 20;

/// Hides what looks like a secret: web tokens, values of keys that name one, and long runs of letters and
/// digits; ids, paths and addresses stay.
fn hidden(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut follows = Follows::Anything;
    for piece in pieces(text) {
        let told = match piece {
            between if !between.contains(is_of_a_run) => {
                let assigned = between.contains(['=', ':']);
                follows = match follows {
                    Follows::Assignment if assigned => Follows::Value,
                    Follows::Value if !between.contains([',', ';', '&', '}']) => Follows::Value,
                    _ => Follows::Anything,
                };
                between
            }
            key if is_key(key) => {
                // `Bearer` stands before its value without a sign between them.
                let bearer = key.eq_ignore_ascii_case("bearer");
                follows = if bearer { Follows::Value } else { Follows::Assignment };
                key
            }
            word => {
                let secret = follows == Follows::Value || is_secret(word);
                follows = Follows::Anything;
                if secret { HIDDEN } else { word }
            }
        };
        out.push_str(told);
    }
    out
}

/// What may come next in a text.
#[derive(Clone, Copy, PartialEq)]
enum Follows {
    Anything,
    /// A key was read: a value follows behind a sign.
    Assignment,
    Value,
}

fn is_of_a_run(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '~' | '+' | '/' | '%')
}

/// Runs of characters that tokens are made of, and what stands between them.
fn pieces(text: &str) -> Vec<&str> {
    let mut all = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let run = is_of_a_run(first);
        let end = rest.find(|c| is_of_a_run(c) != run).unwrap_or(rest.len());
        all.push(&rest[..end]);
        rest = &rest[end..];
    }
    all
}

fn is_key(piece: &str) -> bool {
    let bare: String = piece.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
    SECRET_KEYS.contains(&bare.as_str())
}

fn is_secret(piece: &str) -> bool {
    let long = |part: &str| {
        let digit = part.contains(|c: char| c.is_ascii_digit());
        let letter = part.contains(|c: char| c.is_alphabetic());
        part.len() >= LEAST_SECRET && digit && letter && uuid::Uuid::try_parse(part).is_err()
    };
    // The parts of a path or of an address are names of their own; tokens may hold a stroke, too.
    let path = piece.starts_with('/');
    has_jwt(piece) || if path { piece.split('/').any(long) } else { long(piece) }
}

/// How every web token begins: `{"` in base64url.
const JWT: &str = "eyJ";

fn has_jwt(piece: &str) -> bool {
    piece.find(JWT).is_some_and(|at| piece.len() - at > 2 * JWT.len())
}

/// The text of an answer of Azure without web tokens, which no such text needs.
pub(in crate::azure) fn without_jwt(text: &str) -> String {
    if !text.contains(JWT) {
        return text.to_owned();
    }
    pieces(text).into_iter().map(|piece| if has_jwt(piece) { HIDDEN } else { piece }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const JWT_SAMPLE: &str = "eyJ0eXAiOiJKV1QifQ.eyJvaWQiOiJvIn0.c2ln";

    #[test]
    fn an_answer_is_told_by_its_status_its_code_and_its_number() {
        for (status, body, expected) in [
            (
                401,
                r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret CANARY provided.","error_codes":[7000215]}"#,
                "401 invalid_client AADSTS7000215: the client secret is wrong",
            ),
            (
                400,
                r#"{"error":"invalid_grant","error_description":"AADSTS700099: CANARY"}"#,
                "400 invalid_grant AADSTS700099",
            ),
            (
                400,
                r#"{"error":"invalid_request","error_description":"Identity not found"}"#,
                "400 invalid_request: no such identity is assigned to this machine",
            ),
            (403, "nope CANARY-opaque-secret", "403 Forbidden"),
            (403, r#"{"error":"CANARY","error_codes":["CANARY"],"code":"CANARY"}"#, "403 Forbidden"),
            (
                500,
                r#"{"error":{"code":"CANARY","message":"AADSTS123456789012345678 CANARY"}}"#,
                "500 Internal Server Error",
            ),
            (302, "", "302 Found: it points elsewhere, which is not followed"),
            (599, "client_secret=CANARY&client_assertion=CANARY", "599"),
            (401, r#"{"error":{"code":"Unauthorized","message":"CANARY"}}"#, "401 unauthorized"),
        ] {
            assert_eq!(of_answer(status, body.as_bytes()).as_str(), expected, "{body}");
        }
    }

    #[test]
    fn what_a_program_says_is_told_without_what_may_be_a_secret() {
        for (told, expected) in [
            (
                "ERROR: Please run 'az login' to setup account.",
                "ERROR: Please run 'az login' to setup account.",
            ),
            ("AzureCliCredential authentication failed. no\nTo troubleshoot, visit https://aka.ms/x#y", "no"),
            (JWT_SAMPLE, "[hidden]"),
            ("got token=eyJ0eXAiOi!", "got token=[hidden]!"),
            ("Authorization: Bearer CANARY done", "Authorization: Bearer [hidden] done"),
            (r#"{"accessToken": "CANARY", "tenant": "x"}"#, r#"{"accessToken": "[hidden]", "tenant": "x"}"#),
            ("client_secret=CANARY&client_id=app", "client_secret=[hidden]&client_id=app"),
            ("refused CANARYTOK9x7opaque-secret.", "refused [hidden]"),
            ("0.AXoA8Q~abc/def+CANARY0123", "[hidden]"),
            // What a person needs stays.
            (
                "AADSTS50076 in tenant 11111111-1111-4111-8111-111111111111",
                "AADSTS50076 in tenant 11111111-1111-4111-8111-111111111111",
            ),
            (
                "No module in /usr/lib/python3.12/site-packages/azure/cli, see https://example.com/a/b",
                "No module in /usr/lib/python3.12/site-packages/azure/cli, see https://example.com/a/b",
            ),
            ("op.admin@contoso.example is not signed in", "op.admin@contoso.example is not signed in"),
            ("wrong password. Try a password that is right", "wrong password. Try a password that is right"),
        ] {
            assert_eq!(of_program(told).as_str(), expected, "{told}");
        }
    }

    #[test]
    fn a_web_token_in_an_answer_of_azure_is_hidden_and_its_ids_stay() {
        for (told, expected) in [
            (format!("not for {JWT_SAMPLE}, sorry"), "not for [hidden], sorry"),
            ("vm-avd-weu-0001-long-name-2026 is busy".to_owned(), "vm-avd-weu-0001-long-name-2026 is busy"),
            ("eyJ is short".to_owned(), "eyJ is short"),
        ] {
            assert_eq!(without_jwt(&told), expected);
        }
    }
}
