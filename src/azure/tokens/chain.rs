//! Sources in order: the first that has a token gives it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;

use super::{Bearer, TokenError, TokenSource, TokenStatus};

/// Together with the next limit within the deadline of [`super::Cached`]; `az` starts in two or three
/// seconds on a slow machine.
const FIRST_LIMIT: Duration = Duration::from_secs(6);

/// A source that is asked because the one before it had nothing answers in this time, or is not
/// there: away from Azure nothing at all answers for a managed identity, and the word of the first
/// source must not wait for that.
const NEXT_LIMIT: Duration = Duration::from_secs(3);

/// Sources in the order of design §12. Wrap it in [`super::Cached`].
#[derive(Debug)]
pub struct Chain {
    sources: Vec<Arc<dyn TokenSource>>,
    in_force: AtomicUsize,
}

impl Chain {
    /// Asks `sources` in this order.
    pub fn new(sources: Vec<Arc<dyn TokenSource>>) -> Self {
        Self { sources, in_force: AtomicUsize::new(0) }
    }

    async fn ask(&self, place: usize) -> Result<Bearer, TokenError> {
        let source = &self.sources[place];
        let limit = if place == 0 { FIRST_LIMIT } else { NEXT_LIMIT };
        let late = TokenError::Slow { source_name: source.describe().source, limit_s: limit.as_secs() };
        tokio::time::timeout(limit, source.bearer()).await.unwrap_or(Err(late))
    }
}

impl TokenSource for Chain {
    fn bearer(&self) -> BoxFuture<'_, Result<Bearer, TokenError>> {
        Box::pin(async move {
            let mut first = None;
            for place in 0..self.sources.len() {
                match self.ask(place).await {
                    Ok(bearer) => {
                        self.in_force.store(place, Ordering::Relaxed);
                        return Ok(bearer);
                    }
                    Err(error) => {
                        first.get_or_insert(error);
                    }
                }
            }
            let none = TokenError::Refused { source_name: "any source", why: "there is none".into() };
            Err(first.unwrap_or(none))
        })
    }

    fn describe(&self) -> TokenStatus {
        let none = TokenStatus { source: "no source", identity: None, expires: None, trouble: None };
        let source = self.sources.get(self.in_force.load(Ordering::Relaxed));
        source.map_or(none, TokenSource::describe)
    }
}

#[cfg(test)]
mod tests {
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
            TokenStatus { source: self.0, identity: None, expires: None, trouble: None }
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
