//! Sources in order: the first that has a token gives it, and all later ones.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures_util::future::BoxFuture;

use crate::domain::Safe;

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

    /// How long a source may take while none is in force.
    fn limit(&self, place: usize) -> Duration {
        let counts = |at: usize| self.sources[at].is_set_up();
        let others = (0..self.sources.len()).any(|at| at != place && counts(at));
        if counts(place) || !others { SOURCE_LIMIT } else { NEXT_LIMIT }
    }

    async fn choose(&self) -> Result<Bearer, TokenError> {
        let mut refusals = Vec::new();
        for place in 0..self.sources.len() {
            match self.ask(place, self.limit(place)).await {
                Ok(bearer) if *self.in_force.get_or_init(|| place) == place => return Ok(bearer),
                // Somebody who asked at the same time has chosen another one.
                Ok(_) => break,
                Err(error) => refusals.push((self.sources[place].is_set_up(), error)),
            }
        }
        Err(told(refusals))
    }
}

/// What all of them said, in one sentence. The last one that somebody has set up comes first: it is there
/// because those before it are not meant. What was only tried and is not there is left out beside others.
fn told(refusals: Vec<(bool, TokenError)>) -> TokenError {
    let (mut set_up, tried): (Vec<_>, Vec<_>) = refusals.into_iter().partition(|(is_set_up, _)| *is_set_up);
    set_up.reverse();
    let none_set_up = set_up.is_empty();
    let there = tried.into_iter().filter(|(_, error)| {
        none_set_up || !matches!(error, TokenError::Missing { .. } | TokenError::Slow { .. })
    });
    let mut all = set_up.into_iter().chain(there).map(|(_, error)| error);
    let Some(first) = all.next() else {
        return TokenError::Refused { source_name: "any source", why: "there is none".into() };
    };
    let others: Vec<String> = all.map(|error| in_brief(&error)).collect();
    if others.is_empty() {
        return first;
    }
    let (source_name, why) = match &first {
        TokenError::Refused { source_name, why } | TokenError::Missing { source_name, why } => {
            (*source_name, why.to_string())
        }
        TokenError::Slow { source_name, limit_s } => (*source_name, format!("no answer in {limit_s} s")),
        // It tells its own source.
        TokenError::Tenant { source_name, .. } => (*source_name, first.to_string()),
        other => return other.clone(),
    };
    TokenError::Refused { source_name, why: Safe::new(&format!("{why}; {}", others.join("; "))) }
}

/// Most characters told of each further source, so that all fit on a line.
const BRIEF: usize = 60;

fn in_brief(error: &TokenError) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("no token from ").unwrap_or(&text);
    let mut brief: String = text.chars().take(BRIEF).collect();
    if brief.len() < text.len() {
        brief.push('~');
    }
    brief
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

    /// One that is only tried.
    #[derive(Debug)]
    struct Tried(&'static str, Option<&'static str>);

    impl TokenSource for Tried {
        fn bearer(&self) -> BoxFuture<'_, Result<Bearer, TokenError>> {
            Box::pin(async move { Says(self.0, self.1).bearer().await })
        }

        fn describe(&self) -> TokenStatus {
            TokenStatus::unasked(self.0)
        }

        fn is_set_up(&self) -> bool {
            false
        }
    }

    impl TokenSource for Says {
        fn bearer(&self) -> BoxFuture<'_, Result<Bearer, TokenError>> {
            Box::pin(async move {
                match self.1 {
                    Some("never") => std::future::pending().await,
                    Some("late") => {
                        tokio::time::sleep(Duration::from_secs(9)).await;
                        Bearer::new(&Secret::new("t"), Issuer::Real, None)
                    }
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
    async fn the_first_that_has_a_token_gives_it_and_each_refusal_is_told_the_last_set_up_first() {
        let (none, never, late) = (None, Some("never"), Some("late"));
        for (az, managed, principal, takes_s, expected) in [
            (Some("a"), Some("m"), Some("p"), 0, "az"),
            (none, Some("m"), Some("p"), 0, "managed"),
            (none, never, Some("p"), 3, "principal"),
            // Who is set up has the time that it needs.
            (none, never, late, 12, "principal"),
            (late, Some("m"), none, 9, "az"),
            (none, never, none, 3, "no token from principal: not signed in; az: not signed in"),
            (
                none,
                none,
                none,
                0,
                "no token from principal: not signed in; az: not signed in; managed: not signed in",
            ),
            (never, never, never, 25, "no token from principal: no answer in 11 s; az in 11 s"),
        ] {
            let before = tokio::time::Instant::now();
            let chain = Chain::new(vec![
                Arc::new(Says("az", az)),
                Arc::new(Tried("managed", managed)),
                Arc::new(Says("principal", principal)),
            ]);
            let got = chain.bearer().await;
            let got = got.map_or_else(|error| error.to_string(), |_| chain.describe().source.to_owned());
            assert_eq!(got, expected, "{az:?} {managed:?} {principal:?}");
            assert_eq!(before.elapsed().as_secs(), takes_s, "{az:?} {managed:?} {principal:?}");
        }
        // Alone, it has its time, and its word counts.
        let chain = Chain::new(vec![Arc::new(Tried("managed", never))]);
        assert_eq!(chain.bearer().await.unwrap_err().to_string(), "no token from managed in 11 s");
    }

    #[test]
    fn all_that_is_said_fits_on_a_line() {
        let refused = |source_name, why: &str| (true, TokenError::Refused { source_name, why: why.into() });
        let long = "AADSTS50076 word ".repeat(40);
        let all = told(vec![
            refused("az login", &long),
            refused("managed identity", &long),
            refused("service principal", "401 invalid_client AADSTS7000215: the client secret is wrong"),
        ]);
        let text = all.to_string();
        let first =
            "no token from service principal: 401 invalid_client AADSTS7000215: the client secret is wrong; ";
        assert!(text.starts_with(first) && text.len() < 230, "{text}");
        assert!(
            text.contains("; managed identity: AADSTS50076") && text.contains("; az login: AADSTS50076"),
            "{text}"
        );
    }
}
