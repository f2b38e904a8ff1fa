//! Lists, page by page: whole, or marked as not whole.

use std::collections::HashSet;

use bytes::Bytes;
use http::Method;
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::value::RawValue;

use crate::domain::{ArmId, Listing, Safe};

use super::{
    client::{Ask, Client, MAX_BODY, PAGE_LIMIT, Visit},
    failure::{Failure, not_json},
    lane::Provider,
    lenient,
    version::Api,
};

/// Most pages of one list (reliability-security §3).
const MAX_PAGES: u32 = 1_000;

/// One page when every item can be read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "T: Deserialize<'de>"))]
struct Page<'a, T> {
    #[serde(default = "Option::default")]
    value: Option<Vec<T>>,
    #[serde(default, borrow)]
    next_link: Option<&'a RawValue>,
}

impl<T> Page<'_, T> {
    /// The address of the next page; none, null and the empty text all mean the end.
    fn next(&self) -> Result<Option<String>, Failure> {
        let Some(raw) = self.next_link else { return Ok(None) };
        let link: String =
            serde_json::from_str(raw.get()).map_err(|_| Failure::garbled("nextLink is no address"))?;
        Ok((!link.is_empty()).then_some(link))
    }
}

/// The same page with its items left as they stand, for when one of them cannot be read.
#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow)]
    value: Vec<&'a RawValue>,
}

/// A list as it grows.
struct Growing<U> {
    items: Vec<U>,
    pages: u32,
    bytes: usize,
    odd: Option<Safe>,
}

impl<U> Growing<U> {
    /// Ends the list here, with the reason if it is not whole.
    fn end(self, cut: Option<Safe>) -> Listing<U> {
        match cut.or(self.odd) {
            Some(why) => Listing::partial(self.items, self.pages, why),
            None => Listing::whole(self.items, self.pages),
        }
    }

    /// Takes in the items of a page; one that makes no sense makes the list partial.
    fn take<T>(&mut self, page: Vec<T>, keep: &impl Fn(T) -> Result<Option<U>, Safe>) {
        self.items.reserve(page.len());
        for item in page {
            match keep(item) {
                Ok(Some(item)) => self.items.push(item),
                Ok(None) => {}
                Err(why) => self.odd(why),
            }
        }
    }

    /// Remembers the first oddity.
    fn odd(&mut self, why: Safe) {
        self.odd.get_or_insert(why);
    }
}

/// Takes in the body of a page and gives the address of the next.
type Take<'t> = dyn FnMut(&[u8]) -> Result<Option<String>, Failure> + Send + 't;

impl Client {
    /// Reads the list at `tail` below `id`. `keep` turns an item into ours, leaves it out, or
    /// says why it cannot be used.
    pub(super) async fn list<T: DeserializeOwned, U: Send>(
        &self,
        visit: &Visit,
        api: Api,
        id: &ArmId,
        tail: &str,
        query: &str,
        keep: impl Fn(T) -> Result<Option<U>, Safe> + Send + Sync,
    ) -> Result<Listing<U>, Failure> {
        let mut list = Growing { items: Vec::new(), pages: 0, bytes: 0, odd: None };
        let first = self.url(api, id, tail, query);
        let mut take = |body: &[u8]| read_page::<T, U>(&mut list, body, &keep);
        let provider = api.provider().at(id, tail);
        let cut = self.pages(visit, (provider, id.subscription()), first, &mut take).await?;
        Ok(list.end(cut))
    }

    /// Goes from page to page, whatever is on them: the same code for every kind of item. Gives why it
    /// ended before the last page; a first page that cannot be read is an error.
    async fn pages(
        &self,
        visit: &Visit,
        (provider, subscription): (Provider, &str),
        mut url: String,
        take: &mut Take<'_>,
    ) -> Result<Option<Safe>, Failure> {
        let (mut pages, mut seen) = (0, HashSet::new());
        loop {
            let ask = Ask {
                method: Method::GET,
                url,
                body: Bytes::new(),
                provider,
                subscription,
                limit: PAGE_LIMIT,
            };
            let next = match self.read(visit, ask).await.and_then(|body| take(&body)) {
                Ok(next) => next,
                Err(failure) if pages == 0 => return Err(failure),
                Err(failure) => return Ok(Some(format!("page {}: {}", pages + 1, failure.why).into())),
            };
            pages += 1;
            let Some(next) = next else { return Ok(None) };
            url = match self.origin.admit(&next) {
                Ok(url) => url,
                Err(blocked) => return Ok(Some(format!("next page not followed: {blocked}").into())),
            };
            if pages >= MAX_PAGES {
                return Ok(Some(format!("more than {MAX_PAGES} pages").into()));
            }
            if !seen.insert(url.clone()) {
                return Ok(Some("the pages go round in a circle".into()));
            }
        }
    }
}

/// Reads one page into `list` and gives the address of the next.
fn read_page<T: DeserializeOwned, U>(
    list: &mut Growing<U>,
    body: &[u8],
    keep: &impl Fn(T) -> Result<Option<U>, Safe>,
) -> Result<Option<String>, Failure> {
    list.bytes += body.len();
    if list.bytes > MAX_BODY {
        return Err(Failure::garbled(format!("the list is larger than {MAX_BODY} bytes")));
    }
    let next = match lenient::from_slice::<Page<'_, T>>(body) {
        Ok(mut page) => {
            let items = page.value.take().ok_or_else(|| Failure::garbled("the answer holds no list"))?;
            let next = page.next()?;
            list.take(items, keep);
            next
        }
        Err(error) => {
            let raw: Raw<'_> = lenient::from_slice(body).map_err(|_| not_json(body, &error))?;
            let page: Page<'_, IgnoredAny> =
                lenient::from_slice(body).map_err(|error| not_json(body, &error))?;
            let next = page.next()?;
            for item in raw.value {
                match lenient::from_slice::<T>(item.get().as_bytes()) {
                    Ok(item) => list.take(vec![item], keep),
                    Err(error) => list.odd(format!("an item cannot be read: {error}").into()),
                }
            }
            next
        }
    };
    list.pages += 1;
    Ok(next)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        azure::scripted::{SUBSCRIPTION, Say, Script, azure, look, ok, status},
        domain::{
            Answer, Side, Source,
            pool::UserSession,
            reading::{Silence, SilenceKind},
        },
        wire::WireError,
    };

    fn session(number: u32) -> String {
        let pool = format!(
            "{SUBSCRIPTION}/resourceGroups/rg-we/providers/Microsoft.DesktopVirtualization/hostPools/hp-we"
        );
        format!(
            r#"{{"id":"{pool}/sessionHosts/h1/userSessions/{number}","properties":{{"sessionState":"Active"}}}}"#
        )
    }

    fn page(items: &[String], next: &str) -> String {
        format!(r#"{{"value":[{}],"nextLink":{next}}}"#, items.join(","))
    }

    const NEXT: &str = r#""http://127.0.0.1/next?$skipToken=2""#;
    const THIRD: &str = r#""http://127.0.0.1:80/third?$skipToken=a b""#;

    async fn sessions(
        first: Say,
        next: &[Say],
        third: &[Say],
    ) -> (Result<Listing<UserSession>, Silence>, Vec<String>) {
        let script = Script::new(&[("/userSessions", &[first]), ("/next", next), ("/third", third)]);
        let answer = look(&azure(&script), Source::Sessions(0, Side::Primary)).await;
        let listing = answer.map(|answer| match answer {
            Answer::Sessions(listing) => listing,
            other => panic!("{other:?}"),
        });
        (listing, script.sent())
    }

    /// `whole`: the number of items of a whole list; else the items seen and a word of the reason.
    async fn check(
        first: Say,
        next: &[Say],
        third: &[Say],
        whole: Option<usize>,
        partial: Option<(usize, &str)>,
    ) {
        let told = format!("{first:?} {next:?} {third:?}");
        let listing =
            sessions(first, next, third).await.0.unwrap_or_else(|silence| panic!("{told}: {silence:?}"));
        assert_eq!(listing.count(), whole, "{told}: {:?}", listing.error());
        if let Some((seen, why)) = partial {
            assert_eq!(listing.seen().len(), seen, "{told}");
            assert!(
                listing.error().is_some_and(|error| error.as_str().contains(why)),
                "{told}: {:?}",
                listing.error()
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn lists_are_whole_only_when_every_page_and_item_was_read() {
        let one = || vec![session(1)];
        check(ok(&page(&one(), "null")), &[], &[], Some(1), None).await;
        check(ok(&page(&[], "\"\"")), &[], &[], Some(0), None).await;
        check(ok(r#"{"Value":[],"extra":1}"#), &[], &[], Some(0), None).await;
        check(ok(&page(&one(), NEXT)), &[ok(&page(&[session(2), session(3)], "null"))], &[], Some(3), None)
            .await;
        // An empty page with a next one is legal; so is a default port and a space in a token.
        check(ok(&page(&[], NEXT)), &[ok(&page(&[], THIRD))], &[ok(&page(&one(), "null"))], Some(1), None)
            .await;
        let broken = |next: Say, why| {
            check(ok(&page(&[session(1)], NEXT)), Box::leak(Box::new([next])), &[], None, Some((1, why)))
        };
        broken(status(500, ""), "500").await;
        broken(
            status(403, r#"{"error":{"code":"AuthorizationFailed","message":"no"}}"#),
            "AuthorizationFailed",
        )
        .await;
        broken(ok("<html>sign in</html>"), "web page").await;
        broken(ok(""), "empty").await;
        broken(ok("{}"), "no list").await;
        broken(ok(r#"{"value":[],"nextLink":7}"#), "nextLink").await;
        broken(ok("{\"value\":["), "cannot be read").await;
        broken(Say::Nothing, "no answer in").await;
        broken(Say::Break(WireError::Interrupted { why: "reset".into() }), "connection broke").await;
        broken(ok(&page(&[], NEXT)), "circle").await;
        let evil = r#""https://management.azure.com.evil.example/x""#;
        check(ok(&page(&one(), evil)), &[], &[], None, Some((1, "not followed"))).await;
        let odd = ["7", "null", "{}", r#"{"properties":null}"#, r#"{"id":"x","properties":{}}"#, "[1]"];
        for odd in odd {
            check(ok(&page(&[odd.to_owned(), session(4)], "null")), &[], &[], None, Some((1, ""))).await;
        }
        let stranger = session(5).replace("hp-we", "hp-other");
        check(ok(&page(&[session(4), stranger], "null")), &[], &[], None, Some((1, "another pool"))).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_that_never_ends_is_cut() {
        let pages: Vec<Say> = (0..1_200)
            .map(|n| ok(&page(&[], &format!(r#""http://127.0.0.1/next?$skipToken=x{n}""#))))
            .collect();
        let script = Script::new(&[("", &pages)]);
        let mut options = crate::azure::AzureOptions::new(
            crate::azure::Endpoint::in_process(),
            std::sync::Arc::new(crate::azure::scripted::estate()),
        );
        options.limits = crate::azure::Limits { read_burst: 100_000, ..Default::default() };
        let tokens = std::sync::Arc::new(crate::azure::tokens::Fixed::simulated());
        let azure = crate::azure::Azure::new(script.clone(), tokens, options);
        let Ok(Answer::Sessions(listing)) = look(&azure, Source::Sessions(0, Side::Primary)).await else {
            panic!("a partial list")
        };
        assert!(listing.error().expect("cut").as_str().contains("1000 pages"));
        assert_eq!(script.sent().len(), 1_000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_first_page_that_fails_is_silence_and_nothing_goes_elsewhere() {
        for (first, kind) in [
            (status(403, ""), SilenceKind::Denied),
            (status(404, ""), SilenceKind::Absent),
            (status(429, ""), SilenceKind::Throttled),
            (status(503, ""), SilenceKind::Unreachable),
            (status(302, ""), SilenceKind::Garbled),
            (ok("<html>"), SilenceKind::Garbled),
            (ok("[]"), SilenceKind::Garbled),
            (ok(r#"{"value":{}}"#), SilenceKind::Garbled),
            (Say::Nothing, SilenceKind::Unreachable),
            (Say::Late(Duration::from_secs(16), Box::new(ok("{}"))), SilenceKind::Unreachable),
        ] {
            let told = format!("{first:?}");
            let (answer, sent) = sessions(first, &[], &[]).await;
            assert_eq!(answer.err().map(|silence| silence.kind), Some(kind), "{told}");
            assert!(
                sent.iter().all(|line| line.starts_with("GET http://127.0.0.1/subscriptions/")),
                "{sent:?}"
            );
        }
    }
}
