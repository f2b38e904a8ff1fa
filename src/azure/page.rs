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
    seen: HashSet<String>,
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

impl Client {
    /// Reads the list at `tail` below `id`. `keep` turns an item into ours, leaves it out, or
    /// says why it cannot be used.
    pub(super) async fn list<T: DeserializeOwned, U>(
        &self,
        visit: &Visit,
        api: Api,
        id: &ArmId,
        tail: &str,
        query: &str,
        keep: impl Fn(T) -> Result<Option<U>, Safe>,
    ) -> Result<Listing<U>, Failure> {
        let mut url = self.url(api, id, tail, query);
        let mut list = Growing { items: Vec::new(), pages: 0, bytes: 0, seen: HashSet::new(), odd: None };
        loop {
            let ask = Ask {
                method: Method::GET,
                url,
                body: Bytes::new(),
                provider: api.provider(),
                subscription: id.subscription(),
                limit: PAGE_LIMIT,
            };
            let page = match self.read(visit, ask).await {
                Ok(body) => read_page::<T, U>(&mut list, &body, &keep),
                Err(failure) => Err(failure),
            };
            let next = match page {
                Ok(next) => next,
                Err(failure) if list.pages == 0 => return Err(failure),
                Err(failure) => {
                    let why = format!("page {}: {}", list.pages + 1, failure.why);
                    return Ok(list.end(Some(why.into())));
                }
            };
            let Some(next) = next else { return Ok(list.end(None)) };
            url = match self.origin.admit(&next) {
                Ok(url) => url,
                Err(blocked) => {
                    return Ok(list.end(Some(format!("next page not followed: {blocked}").into())));
                }
            };
            if list.pages >= MAX_PAGES {
                return Ok(list.end(Some(format!("more than {MAX_PAGES} pages").into())));
            }
            if !list.seen.insert(url.clone()) {
                return Ok(list.end(Some("the pages go round in a circle".into())));
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
