//! Sources in order: the first that has a token gives it, and all later ones.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures_util::future::BoxFuture;

use super::{Bearer, NEXT_LIMIT, SOURCE_LIMIT, TokenError, TokenSource, TokenStatus};

/// Sources in the order of design §12. Which of them is in force decides who acts, so that the first
/// one that gave a token stays in force as long as the process lives: what it cannot give any more is
/// an error, and no other identity steps in. Wrap it in [`super::Cached`].
#[derive(Debug)]
pub struct Chain {
    sources: Vec<Arc<dyn TokenSource>>,
    in_force: OnceLock<usize>,
}

impl Chain {
    /// Asks `sources` in this order.
    pub fn new(sources: Vec<Arc<dyn TokenSource>>) -> Self {
        Self { sources, in_force: OnceLock::new() }
    }

    /// Like [`Chain::new`], with the source of this name in force from the start, where it is among them:
    /// it gave the token of an earlier process that this one goes on with.
    pub fn going_on(sources: Vec<Arc<dyn TokenSource>>, source: &str) -> Self {
        let chain = Self::new(sources);
        if let Some(place) = chain.sources.iter().position(|known| known.describe().source == source) {
            let _ = chain.in_force.set(place);
        }
        chain
    }

    async fn ask(&self, place: usize, limit: Duration) -> Result<Bearer, TokenError> {
        let source = &self.sources[place];
        let late = TokenError::Slow { source_name: source.describe().source, limit_s: limit.as_secs() };
        tokio::time::timeout(limit, source.bearer()).await.unwrap_or(Err(late))
    }

    async fn choose(&self) -> Result<Bearer, TokenError> {
        let mut first = None;
        for place in 0..self.sources.len() {
            let limit = if place == 0 { SOURCE_LIMIT } else { NEXT_LIMIT };
            match self.ask(place, limit).await {
                Ok(bearer) if *self.in_force.get_or_init(|| place) == place => return Ok(bearer),
                // Somebody who asked at the same time has chosen another one.
                Ok(_) => break,
                Err(error) => {
                    first.get_or_insert(error);
                }
            }
        }
        let none = TokenError::Refused { source_name: "any source", why: "there is none".into() };
        Err(first.unwrap_or(none))
    }
}

impl TokenSource for Chain {
    fn bearer(&self) -> BoxFuture<'_, Result<Bearer, TokenError>> {
        match self.in_force.get() {
            Some(place) => Box::pin(self.ask(*place, SOURCE_LIMIT)),
            None => Box::pin(self.choose()),
        }
    }

    fn describe(&self) -> TokenStatus {
        let none = TokenStatus::unasked("no source");
        let source = self.sources.get(self.in_force.get().copied().unwrap_or_default());
        source.map_or(none, TokenSource::describe)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::VecDeque, sync::Mutex};

    use super::*;
    use crate::azure::tokens::{Issuer, Secret};

    #[derive(Debug)]
    struct Says(&'static str, Option<&'static str>);

    impl TokenSource for Says {
        fn bearer(&self) -> BoxFuture<'_, Result<Bearer, TokenError>> {
            Box::pin(async move {
                match self.1 {
                    Some("never") => std::future::pending().await,
                    Some(token) => Bearer::new(&Secret::new(token), Issuer::Real, None),
                    None => Err(TokenError::Refused { source_name: self.0, why: "not signed in".into() }),
                }
            })
        }

        fn describe(&self) -> TokenStatus {
            TokenStatus::unasked(self.0)
        }
    }

    /// Says one thing after another.
    #[derive(Debug)]
    struct Turns(&'static str, Mutex<VecDeque<Option<&'static str>>>);

    impl Turns {
        fn new(name: &'static str, turns: &[Option<&'static str>]) -> Arc<Self> {
            Arc::new(Self(name, Mutex::new(turns.iter().copied().collect())))
        }
    }

    impl TokenSource for Turns {
        fn bearer(&self) -> BoxFuture<'_, Result<Bearer, TokenError>> {
            let turn = self.1.lock().unwrap().pop_front().expect("not asked that often");
            Box::pin(async move { Says(self.0, turn).bearer().await })
        }

        fn describe(&self) -> TokenStatus {
            TokenStatus::unasked(self.0)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_gave_the_first_token_gives_all_others_or_none() {
        let (token, none, late) = (Some("t"), None, Some("never"));
        for (az, managed, expected) in [
            (vec![token, none, late, token], vec![], ["az", "not signed in", "in 11 s", "az"]),
            (vec![none], vec![token, none, late, token], ["managed", "not signed in", "in 11 s", "managed"]),
            (
                vec![none, none, token, token],
                vec![none, none],
                ["not signed in", "not signed in", "az", "az"],
            ),
        ] {
            let chain = Chain::new(vec![Turns::new("az", &az), Turns::new("managed", &managed)]);
            for (turn, expected) in expected.into_iter().enumerate() {
                let got = chain.bearer().await;
                let got = got.map_or_else(|error| error.to_string(), |_| chain.describe().source.to_owned());
                assert!(got.contains(expected), "{turn} of {az:?} {managed:?}: {got}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_that_has_a_token_gives_it_and_the_first_refusal_is_told() {
        for (az, managed, expected) in [
            (Some("a"), Some("m"), Ok("az")),
            (None, Some("m"), Ok("managed identity")),
            (None, None, Err("no token from az: not signed in")),
            (None, Some("never"), Err("no token from az: not signed in")),
            (Some("never"), Some("m"), Ok("managed identity")),
        ] {
            let chain =
                Chain::new(vec![Arc::new(Says("az", az)), Arc::new(Says("managed identity", managed))]);
            let got =
                chain.bearer().await.map(|_| chain.describe().source).map_err(|error| error.to_string());
            assert_eq!(
                got.as_ref().map(|name| *name).map_err(String::as_str),
                expected,
                "{az:?} {managed:?}"
            );
        }
    }
}
