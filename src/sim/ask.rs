//! One request as the handlers see it: the path split once, in both spellings.

use std::{borrow::Cow, fmt::Write as _};

use super::moment::Ms;

/// Longest path we split, in segments. The longest Azure path we serve has 16.
const MAX_SEGMENTS: usize = 24;

/// The methods Azure Resource Manager answers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    Put,
    Patch,
    Post,
    Delete,
}

impl Verb {
    pub(super) fn of(method: &http::Method) -> Option<Self> {
        match *method {
            http::Method::GET | http::Method::HEAD => Some(Self::Get),
            http::Method::PUT => Some(Self::Put),
            http::Method::PATCH => Some(Self::Patch),
            http::Method::POST => Some(Self::Post),
            http::Method::DELETE => Some(Self::Delete),
            _ => None,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }
}

/// A path, cut into segments without copying them.
#[derive(Debug)]
pub(super) struct Path {
    raw: String,
    lower: String,
    marks: [(u16, u16); MAX_SEGMENTS],
    count: usize,
}

impl Path {
    /// Splits a path; `None` when it is longer than anything Azure serves.
    pub(super) fn split(path: &str) -> Option<Self> {
        let decoded = decode(path.trim_end_matches('/'));
        // Clients that join a scope with a leading slash send two.
        let raw = if decoded.contains("//") { squeeze(&decoded) } else { decoded.into_owned() };
        let lower = raw.to_ascii_lowercase();
        let mut marks = [(0, 0); MAX_SEGMENTS];
        let mut count = 0;
        let mut start = 0;
        for piece in lower.split('/') {
            let end = start + piece.len();
            if !piece.is_empty() {
                if count == MAX_SEGMENTS {
                    return None;
                }
                marks[count] = (u16::try_from(start).ok()?, u16::try_from(end).ok()?);
                count += 1;
            }
            start = end + 1;
        }
        Some(Self { raw, lower, marks, count })
    }

    /// How many segments there are.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Segment `at` in lower case, or nothing past the end.
    pub(super) fn seg(&self, at: usize) -> &str {
        if at >= self.count {
            return "";
        }
        let (start, end) = self.marks[at];
        &self.lower[usize::from(start)..usize::from(end)]
    }

    /// Segment `at` as it was sent.
    pub(super) fn raw_seg(&self, at: usize) -> &str {
        if at >= self.count {
            return "";
        }
        let (start, end) = self.marks[at];
        &self.raw[usize::from(start)..usize::from(end)]
    }

    /// The path in lower case up to and including segment `at`.
    pub(super) fn upto(&self, at: usize) -> &str {
        if self.count == 0 {
            return "";
        }
        let (_, end) = self.marks[at.min(self.count - 1)];
        &self.lower[..usize::from(end)]
    }

    /// The path as it was sent, up to and including segment `at`.
    pub(super) fn raw_upto(&self, at: usize) -> &str {
        &self.raw[..self.upto(at).len()]
    }

    /// The whole path in lower case.
    pub(super) fn lower(&self) -> &str {
        &self.lower
    }

    /// The whole path as it was sent.
    pub(super) fn raw(&self) -> &str {
        &self.raw
    }

    /// Index of the last `providers` segment.
    pub(super) fn providers(&self) -> Option<usize> {
        (0..self.count).rev().find(|&at| self.seg(at) == "providers")
    }

    /// The namespace the request addresses, such as `microsoft.compute`.
    pub(super) fn namespace(&self) -> &str {
        self.providers().map_or("", |at| self.seg(at + 1))
    }
}

/// One request, ready to be answered.
#[derive(Debug)]
pub(super) struct Ask<'a> {
    pub(super) verb: Verb,
    pub(super) path: &'a Path,
    pub(super) query: &'a str,
    pub(super) body: &'a [u8],
    /// Scheme and authority the caller used; every absolute URL we emit starts with it.
    pub(super) base: &'a str,
    pub(super) now: Ms,
    /// The instant reads are answered from; older than `now` only under `stale-read`.
    pub(super) view: Ms,
    /// How many items a page may hold.
    pub(super) page_size: usize,
    /// Whether lists start with a legal empty page that carries a nextLink.
    pub(super) empty_first_page: bool,
}

impl Ask<'_> {
    /// The value of a query parameter; names compare without case.
    pub(super) fn query(&self, name: &str) -> Option<Cow<'_, str>> {
        parameter(self.query, name)
    }

    /// The body as JSON, or `None` when it is none.
    pub(super) fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(self.body).ok()
    }

    /// Whether the caller asked to expand `what`.
    pub(super) fn expands(&self, what: &str) -> bool {
        self.query("$expand").is_some_and(|v| v.to_ascii_lowercase().contains(what))
    }
}

/// The path with every run of slashes made one.
fn squeeze(path: &str) -> String {
    let pieces: Vec<&str> = path.split('/').filter(|piece| !piece.is_empty()).collect();
    format!("/{}", pieces.join("/"))
}

/// Looks `name` up in a query string.
pub(super) fn parameter<'q>(query: &'q str, name: &str) -> Option<Cow<'q, str>> {
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        decode(key).eq_ignore_ascii_case(name).then(|| decode(value))
    })
}

/// Undoes percent encoding (and `+` for a space is left alone: ARM callers send `%20`).
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = |i: usize| bytes.get(i).and_then(|b| char::from(*b).to_digit(16));
        if bytes[at] == b'%'
            && let (Some(high), Some(low)) = (hex(at + 1), hex(at + 2))
        {
            out.push((high * 16 + low) as u8);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

/// Encodes what may not stand in a query value.
pub(super) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_keeps_both_spellings() {
        let path = Path::split(
            "/subscriptions/S1/resourceGroups/RG-a/providers/Microsoft.Compute/virtualMachines/Vm%201/",
        )
        .expect("short enough");
        assert_eq!(path.len(), 8);
        assert_eq!(path.seg(3), "rg-a");
        assert_eq!(path.raw_seg(3), "RG-a");
        assert_eq!(path.raw_seg(7), "Vm 1");
        assert_eq!(path.upto(3), "/subscriptions/s1/resourcegroups/rg-a");
        assert_eq!(path.namespace(), "microsoft.compute");
        assert_eq!(path.seg(99), "");
        assert!(Path::split(&"/a".repeat(25)).is_none());
        assert_eq!(Path::split("//a//b/").expect("short").lower(), "/a/b");
    }

    #[test]
    fn parameters_are_found_in_any_case() {
        let query = "api-version=2024-04-03&%24filter=principalId%20eq%20'x'";
        assert_eq!(parameter(query, "API-Version").as_deref(), Some("2024-04-03"));
        assert_eq!(parameter(query, "$filter").as_deref(), Some("principalId eq 'x'"));
        assert_eq!(parameter(query, "other"), None);
        assert_eq!(decode(&encode("a b'c")), "a b'c");
    }
}
