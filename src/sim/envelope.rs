//! What every answer has in common: the error body, identifiers, paging.

use std::fmt::Write as _;

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue,
    header::{CONTENT_TYPE, DATE},
};
use serde::Serialize;

use super::ask::{Ask, encode};
use crate::wire::Response;

/// Room for a short answer; longer ones grow.
const USUAL_SIZE: usize = 1_024;

/// An answer before the common headers are put on it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    pub(super) headers: Vec<(HeaderName, String)>,
}

impl Answer {
    /// 200 with a JSON body.
    pub(super) fn json<T: Serialize + ?Sized>(value: &T) -> Self {
        Self::with(200, value)
    }

    /// Any status with a JSON body.
    pub(super) fn with<T: Serialize + ?Sized>(status: u16, value: &T) -> Self {
        let mut body = Vec::with_capacity(USUAL_SIZE);
        serde_json::to_writer(&mut body, value).expect("our shapes have string keys and finite numbers");
        Self { status, body, headers: Vec::new() }
    }

    /// A status without a body.
    pub(super) fn empty(status: u16) -> Self {
        Self { status, body: Vec::new(), headers: Vec::new() }
    }

    /// The error body of Azure Resource Manager (azure-avd.md §6.3).
    pub(super) fn error(status: u16, code: &str, message: &str) -> Self {
        Self::with(status, &Envelope { error: Inner { code, message } })
    }

    /// The same answer with one more header.
    pub(super) fn header(mut self, name: HeaderName, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// 404 for a resource that its group does not hold.
    pub(super) fn no_resource(ask: &Ask<'_>) -> Self {
        let path = ask.path;
        let rest = path.providers().map_or_else(String::new, |at| {
            (at + 1..path.len()).map(|i| path.raw_seg(i)).collect::<Vec<_>>().join("/")
        });
        let group = if path.seg(2) == "resourcegroups" { path.raw_seg(3) } else { "" };
        Self::error(
            404,
            "ResourceNotFound",
            &format!("The Resource '{rest}' under resource group '{group}' was not found."),
        )
    }

    /// 404 for a route nobody serves.
    pub(super) fn no_route(ask: &Ask<'_>) -> Self {
        Self::error(
            404,
            "InvalidResourceType",
            &format!("The resource type could not be found for {} '{}'.", ask.verb.as_str(), ask.path.raw()),
        )
    }

    /// 405 for a method the resource does not have.
    pub(super) fn no_method(ask: &Ask<'_>) -> Self {
        Self::error(
            405,
            "HttpMethodNotAllowed",
            &format!(
                "The HTTP method '{}' is not supported at scope '{}'.",
                ask.verb.as_str(),
                ask.path.raw()
            ),
        )
    }

    /// 400 for a body that cannot be read.
    pub(super) fn bad_body(why: &str) -> Self {
        Self::error(400, "InvalidRequestContent", &format!("The request content was invalid: {why}"))
    }

    /// The finished response.
    pub(super) fn finish(self, stamps: &Stamps<'_>) -> Response {
        let has_body = !self.body.is_empty();
        let mut response = Response::new(Bytes::from(self.body));
        *response.status_mut() =
            http::StatusCode::from_u16(self.status).expect("we only answer with registered statuses");
        let headers = response.headers_mut();
        headers.reserve(9);
        if has_body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        }
        for (name, value) in self.headers {
            insert(headers, name, &value);
        }
        stamps.put_on(headers);
        response
    }
}

fn insert(headers: &mut http::HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// The identifiers on every answer.
#[derive(Debug)]
pub(super) struct Stamps<'a> {
    pub(super) request_id: uuid::Uuid,
    /// The caller's correlation id, or the request id when it sent none.
    pub(super) correlation: Option<&'a str>,
    /// Echoed only when the caller asked for it.
    pub(super) client_request_id: Option<&'a str>,
    /// `WESTEUROPE:20261120T080000Z`, the serving region and its time.
    pub(super) served_by: String,
    /// The world's time, whatever clock carries the answer.
    pub(super) date: String,
    /// Name of the rate-limit header and what is left, when the path counts.
    pub(super) remaining: Option<(&'static str, u32)>,
}

impl Stamps<'_> {
    fn put_on(&self, headers: &mut http::HeaderMap) {
        let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
        let id = &*self.request_id.hyphenated().encode_lower(&mut text);
        insert(headers, DATE, &self.date);
        insert(headers, HeaderName::from_static("x-ms-request-id"), id);
        insert(
            headers,
            HeaderName::from_static("x-ms-correlation-request-id"),
            self.correlation.unwrap_or(id),
        );
        let mut routing = self.served_by.clone();
        let _ = write!(routing, ":{id}");
        insert(headers, HeaderName::from_static("x-ms-routing-request-id"), &routing);
        if let Some(echo) = self.client_request_id {
            insert(headers, HeaderName::from_static("x-ms-client-request-id"), echo);
        }
        if let Some((name, left)) = self.remaining {
            headers.insert(HeaderName::from_static(name), HeaderValue::from(left));
        }
    }
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: Inner<'a>,
}

#[derive(Serialize)]
struct Inner<'a> {
    code: &'a str,
    message: &'a str,
}

/// One page of a list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Page<T> {
    value: Vec<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_link: Option<String>,
}

/// Answers with one page of `items` and a link to the next.
pub(super) fn paged<T: Serialize>(ask: &Ask<'_>, items: impl Iterator<Item = T>) -> Answer {
    paged_by(ask, items, |item| item)
}

/// Like [`paged`], but only the items of the page are built: long lists stay cheap.
pub(super) fn paged_by<K, T: Serialize>(
    ask: &Ask<'_>,
    keys: impl Iterator<Item = K>,
    build: impl Fn(K) -> T,
) -> Answer {
    let token = ask.query("$skiptoken");
    let first_call = token.is_none();
    let initial = ask.query("initialskip").and_then(|v| v.parse().ok()).unwrap_or(0);
    let skip: usize = token.as_deref().and_then(|t| t.parse().ok()).unwrap_or(initial);
    let asked: usize = ask.query("pagesize").and_then(|v| v.parse().ok()).unwrap_or(usize::MAX);
    let size = asked.clamp(1, ask.page_size.max(1));
    if first_call && ask.empty_first_page {
        return Answer::json(&Page::<T> { value: Vec::new(), next_link: Some(link(ask, skip)) });
    }
    let mut rest = keys.skip(skip);
    let mut value = Vec::new();
    while value.len() < size {
        let Some(key) = rest.next() else { break };
        value.push(build(key));
    }
    let next_link = rest.next().map(|_| link(ask, skip + size));
    Answer::json(&Page { value, next_link })
}

/// Which page of a list the request asks for, counted from 1; `None` when it asks for the first.
pub(super) fn continues(ask: &Ask<'_>) -> Option<usize> {
    let token = ask.query("$skiptoken")?;
    let skip: usize = token.parse().ok()?;
    Some(skip / ask.page_size.max(1) + 1)
}

fn link(ask: &Ask<'_>, skip: usize) -> String {
    let mut link = format!("{}{}?", ask.base, ask.path.raw().replace(' ', "%20"));
    for pair in ask.query.split('&').filter(|p| !p.is_empty()) {
        let key = pair.split('=').next().unwrap_or_default();
        if !super::ask::decode(key).eq_ignore_ascii_case("$skiptoken") {
            link.push_str(pair);
            link.push('&');
        }
    }
    let _ = write!(link, "{}={skip}", encode("$skipToken"));
    link
}
