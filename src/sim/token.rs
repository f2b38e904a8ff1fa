//! The loopback identity endpoint, and what its tokens say.

use serde_json::json;

use super::{access::CALLER, ask, envelope::Answer};

/// Life of a token, in seconds.
const LIFE_S: i64 = 3_600;

/// Name of the identity the simulated tenant sees behind every bearer token.
pub(super) const CALLER_NAME: &str = "op.01@contoso.example";

/// `/msi/token`: the App Service identity protocol of 2019-08-01. `wall` is no estate time.
pub(super) fn answer(
    request: &http::HeaderMap,
    query: &str,
    tenant: &str,
    wall: jiff::Timestamp,
    nonce: u128,
) -> Answer {
    if !request.contains_key("x-identity-header") {
        return Answer::error(401, "AuthenticationFailed", "The X-IDENTITY-HEADER header is missing.");
    }
    let Some(resource) = ask::parameter(query, "resource").filter(|r| !r.is_empty()) else {
        return Answer::error(400, "BadRequest", "The resource parameter is required.");
    };
    let (begins, ends) = (wall.as_second(), wall.as_second() + LIFE_S);
    let claims = json!({
        "aud": resource,
        "tid": tenant,
        "oid": CALLER,
        "upn": CALLER_NAME,
        "nbf": begins,
        "exp": ends,
        "uti": format!("{nonce:032x}"),
    });
    let part = |value: &serde_json::Value| base64url(value.to_string().as_bytes());
    Answer::json(&json!({
        // Signed by nobody: good here and nowhere else.
        "access_token": format!("{}.{}.c2lt", part(&json!({"alg": "none", "typ": "JWT"})), part(&claims)),
        "client_id": CALLER,
        "expires_on": ends.to_string(),
        "not_before": begins.to_string(),
        "resource": resource,
        "token_type": "Bearer",
    }))
}

/// Base64 as tokens have it: for addresses, without padding.
fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::with_capacity(bytes.len() * 4 / 3 + 3);
    for chunk in bytes.chunks(3) {
        let three =
            chunk.iter().fold(0_u32, |all, byte| all << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            text.push(char::from(DIGITS[(three >> (18 - 6 * place) & 63) as usize]));
        }
    }
    text
}
