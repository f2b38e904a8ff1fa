//! What is known of the token, as the app takes it.

use crate::{
    app::TokenStatus,
    azure::{self, Life, TokenSource, tokens::Rest},
    domain::{Safe, time::Timestamp},
};

/// Two ends of one token differ by this much at most, in milliseconds, however the two clocks that they
/// are reckoned from jitter.
const JITTER_MS: u64 = 1_500;

/// Seconds between two looks whether the token is still kept: somebody may log out beside a cockpit.
const EVERY_S: u32 = 5;

/// Looks once in a while, beside the loop; `second`: counted since the start.
pub fn now_and_then(second: u32, tokens: &dyn TokenSource) {
    if second.is_multiple_of(EVERY_S) {
        tokens.look();
    }
}

/// What line 1 shows of `known`, at `wall` of the real time and `terminal` of the terminal clock.
pub fn status(known: &azure::TokenStatus, wall: Timestamp, terminal: u64) -> TokenStatus {
    let trouble = known.trouble.as_ref().map(|trouble| Safe::new(&trouble.to_string()));
    match (known.life, trouble) {
        (Life::None, None) => TokenStatus::Asking,
        (Life::None, Some(trouble)) => TokenStatus::Failed(trouble),
        (Life::Unknown, _) => TokenStatus::Opaque,
        (Life::Until(ends), Some(trouble)) if ends <= wall => TokenStatus::Failed(trouble),
        (Life::Until(ends), trouble) => {
            let left = u64::try_from(ends.duration_since(wall).as_millis()).unwrap_or_default();
            let sealed = matches!(known.rest, Rest::Sealed { .. });
            TokenStatus::Until { terminal_ms: terminal.saturating_add(left), trouble, sealed }
        }
    }
}

/// Whether both say the same.
pub fn is_same(one: &TokenStatus, two: &TokenStatus) -> bool {
    match (one, two) {
        (
            TokenStatus::Until { terminal_ms: one, trouble: before, sealed: was },
            TokenStatus::Until { terminal_ms: two, trouble: after, sealed: is },
        ) => one.abs_diff(*two) <= JITTER_MS && before == after && was == is,
        (one, two) => one == two,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        azure::TokenError,
        domain::time::{minutes, seconds},
    };

    #[test]
    fn the_life_of_a_token_is_told_on_the_terminals_clock() {
        let wall: Timestamp = "2026-11-20T10:00:00Z".parse().unwrap();
        let refused = TokenError::Refused { source_name: "az login", why: "signed out".into() };
        let why = Safe::new("no token from az login: signed out");
        let until = |terminal_ms: u64, trouble: Option<&Safe>| TokenStatus::Until {
            terminal_ms,
            trouble: trouble.cloned(),
            sealed: false,
        };
        for (life, trouble, expected) in [
            (Life::None, None, TokenStatus::Asking),
            (Life::None, Some(&refused), TokenStatus::Failed(why.clone())),
            (Life::Unknown, None, TokenStatus::Opaque),
            (Life::Until(wall + minutes(2)), None, until(120_500, None)),
            (Life::Until(wall + minutes(2)), Some(&refused), until(120_500, Some(&why))),
            (Life::Until(wall - seconds(1)), None, until(500, None)),
            (Life::Until(wall - seconds(1)), Some(&refused), TokenStatus::Failed(why.clone())),
        ] {
            let known = azure::TokenStatus {
                life,
                trouble: trouble.cloned(),
                ..azure::TokenStatus::unasked("az login")
            };
            assert_eq!(status(&known, wall, 500), expected, "{known:?}");
        }
        let rest = Rest::Sealed { key_in: "the kernel keyring".into() };
        let life = Life::Until(wall + minutes(2));
        let known = azure::TokenStatus { life, rest, ..azure::TokenStatus::unasked("az login") };
        let sealed = status(&known, wall, 500);
        assert_eq!(sealed, TokenStatus::Until { terminal_ms: 120_500, trouble: None, sealed: true });
        assert!(!is_same(&sealed, &until(120_500, None)), "where it rests is news");
        assert!(is_same(&until(1_000, None), &until(1_900, None)));
        assert!(!is_same(&until(1_000, None), &until(3_000, None)), "the machine was asleep");
        assert!(!is_same(&until(1_000, None), &until(1_000, Some(&why))));
    }
}
