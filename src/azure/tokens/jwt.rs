//! What a token says about itself. For display only: nothing is verified.

use serde::Deserialize;

use crate::{
    azure::lenient::{self, Lax},
    domain::{Safe, time::Timestamp},
};

use super::Identity;

/// The claims we show.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Claims {
    pub(super) identity: Identity,
    pub(super) expires: Option<Timestamp>,
    pub(super) audience: Option<Safe>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Payload {
    upn: Lax<Safe>,
    unique_name: Lax<Safe>,
    preferred_username: Lax<Safe>,
    appid: Lax<Safe>,
    oid: Lax<Safe>,
    tid: Lax<Safe>,
    exp: Lax<u64>,
    aud: Lax<Safe>,
}

/// Reads the claims, if the token is a JWT: three parts, the middle one JSON.
pub(super) fn claims(token: &str) -> Option<Claims> {
    let mut parts = token.split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let payload: Payload = lenient::from_slice(&base64url(payload)?).ok()?;
    let oid = payload.oid.0.unwrap_or_default();
    let name = payload.upn.0.or(payload.unique_name.0).or(payload.preferred_username.0).or(payload.appid.0);
    let tenant = payload.tid.0.unwrap_or_default();
    let name = name.unwrap_or_else(|| oid.clone());
    let expires = payload.exp.0.and_then(|exp| Timestamp::from_second(i64::try_from(exp).ok()?).ok());
    Some(Claims { identity: Identity::Named { name, oid, tenant }, expires, audience: payload.aud.0 })
}

/// Decodes base64url, with or without padding.
fn base64url(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut held, mut bits) = (0_u32, 0_u32);
    for c in text.trim_end_matches('=').bytes() {
        let six = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'-' | b'+' => 62,
            b'_' | b'/' => 63,
            _ => return None,
        };
        held = (held << 6 | u32::from(six)) & 0xFFFF;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits & 0xFF) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
pub(in crate::azure) mod tests {
    use super::*;

    /// A token with these claims and no signature.
    pub(in crate::azure) fn token(claims: &str) -> String {
        const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut text = String::new();
        for chunk in claims.as_bytes().chunks(3) {
            let three =
                chunk.iter().fold(0_u32, |all, byte| all << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
            for place in 0..=chunk.len() {
                text.push(char::from(DIGITS[(three >> (18 - 6 * place) & 63) as usize]));
            }
        }
        format!("eyJ0eXAiOiJKV1QifQ.{text}.c2ln")
    }

    #[test]
    fn claims_are_shown_and_what_is_no_jwt_is_opaque() {
        let check = |token: &str, expected: Option<(&str, Option<i64>)>| {
            let claims = claims(token);
            let seen = claims
                .as_ref()
                .map(|claims| (claims.identity.to_string(), claims.expires.map(Timestamp::as_second)));
            let expected = expected.map(|(name, expires)| (name.to_owned(), expires));
            assert_eq!(seen, expected, "{token}");
        };
        check(
            &token(r#"{"upn":"op@contoso.example","exp":1795000000}"#),
            Some(("op@contoso.example", Some(1_795_000_000))),
        );
        check(&token(r#"{"appid":"app","oid":"o","exp":"1795000000"}"#), Some(("app", Some(1_795_000_000))));
        check(&token(r#"{"oid":"o"}"#), Some(("o", None)));
        check(&token("{\"upn\":\"\\u202eop\"}"), Some(("<U+202E>op", None)));
        for opaque in ["", "opaque", "a.b", "a.!.c", "a.b.c.d", "a.eyJ.c"] {
            check(opaque, None);
        }
    }
}
