//! What is taken out of a recording before it is written: tokens always, names and ids on request.

use std::collections::{HashMap, HashSet};

use crate::domain::access::DESKTOP_USER_ROLE;

/// What stands where a token stood.
const TOKEN: &str = "[token taken out]";

/// How every JSON web token begins: `{"` in base64.
const JWT: &str = "eyJ";

/// Shorter runs of such letters are no token.
const LEAST_TOKEN: usize = 40;

/// Length of a GUID in text.
const GUID: usize = 36;

/// Ids of Azure's own, the same everywhere: a role is recognised by them. All others name what an estate's
/// people have made.
const BUILT_IN: [&str; 1] = [DESKTOP_USER_ROLE];

/// Keys of answers whose values name people or groups.
const NAMING: [&str; 8] = [
    "\"activeDirectoryUserName\":\"",
    "\"displayName\":\"",
    "\"givenName\":\"",
    "\"surname\":\"",
    "\"principalName\":\"",
    "\"mail\":\"",
    "\"upn\":\"",
    "\"os\":\"",
];

/// What a recording does not hold, in words, for whoever is handed it.
pub fn withheld(redacted: bool) -> Vec<String> {
    let always = ["headers of requests, and with them every token: not written".to_owned()];
    let tokens = format!("tokens that an answer repeats: {TOKEN}");
    let replaced = [
        "names of people and groups, and the estate's: name-1, user-1@redacted.example and so on",
        "ids of subscriptions, tenants and objects: made-up ones, each the same everywhere",
    ];
    let replaced = replaced.into_iter().filter(|_| redacted).map(str::to_owned);
    always.into_iter().chain([tokens]).chain(replaced).collect()
}

/// Takes out what must not be written.
#[derive(Debug)]
pub(super) struct Mask {
    redact: bool,
    /// Names of groups and of people, longest first, with what stands for them.
    names: Vec<(String, String)>,
    ids: HashMap<String, String>,
    /// Ids that stand for others.
    made_up: HashSet<String>,
    users: HashMap<String, String>,
}

impl Mask {
    /// Tokens are always taken out. `redact`: `names`, user names and ids are replaced too, each by the
    /// same everywhere, so that what belongs together still does.
    pub(super) fn new(redact: bool, names: &[String]) -> Self {
        let mut all: Vec<String> = names.iter().filter(|name| name.len() > 1).cloned().collect();
        all.sort_by_key(|name| (std::cmp::Reverse(name.len()), name.clone()));
        all.dedup();
        let names =
            all.into_iter().enumerate().map(|(at, name)| (name, format!("name-{}", at + 1))).collect();
        Self { redact, names, ids: HashMap::new(), made_up: HashSet::new(), users: HashMap::new() }
    }

    /// The text as it may be written. `token`: the one that its request carried.
    pub(super) fn clean(&mut self, text: &str, token: Option<&str>) -> String {
        let mut text = match token.filter(|token| token.len() > 8) {
            Some(token) if text.contains(token) => text.replace(token, TOKEN),
            _ => text.to_owned(),
        };
        if text.contains(JWT) {
            text = without_jwt(&text);
        }
        if self.redact { self.redacted(&text) } else { text }
    }

    fn redacted(&mut self, text: &str) -> String {
        let mut text = self.named_values(text);
        for (name, instead) in &self.names {
            text = replace_word(&text, name, instead);
        }
        self.walk(&text)
    }

    /// Values of keys that name people.
    fn named_values(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((at, key)) =
            NAMING.iter().filter_map(|key| Some((rest.find(key)?, key))).min_by_key(|(at, _)| *at)
        {
            let begin = at + key.len();
            let value = &rest[begin..];
            let end = string_end(value);
            out.push_str(&rest[..begin]);
            if end > 0 {
                out.push_str(&self.user(&value[..end]));
            }
            rest = &value[end..];
        }
        out.push_str(rest);
        out
    }

    /// User names with an `@`, and GUIDs.
    fn walk(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            let begins = stands_alone(text, at);
            if begins && let Some(guid) = guid(rest) {
                let known = BUILT_IN.iter().any(|role| role.eq_ignore_ascii_case(guid));
                let instead = if known { guid.to_owned() } else { self.id(guid) };
                out.push_str(&instead);
                at += GUID;
            } else if begins && let Some(user) = user_name(rest) {
                out.push_str(&self.user(user));
                at += user.len();
            } else {
                let next = rest.chars().next().map_or(1, char::len_utf8);
                out.push_str(&rest[..next]);
                at += next;
            }
        }
        out
    }

    fn id(&mut self, guid: &str) -> String {
        // What was replaced already, as part of something, stays.
        if self.made_up.contains(guid) {
            return guid.to_owned();
        }
        let next = self.ids.len() as u128 + 1;
        let instead = || format!("00000000-0000-4000-8000-{next:012x}");
        let instead = self.ids.entry(guid.to_ascii_lowercase()).or_insert_with(instead).clone();
        self.made_up.insert(instead.clone());
        instead
    }

    fn user(&mut self, name: &str) -> String {
        if name.starts_with("user-") && name.ends_with("@redacted.example") {
            return name.to_owned();
        }
        let next = self.users.len() + 1;
        let instead = || format!("user-{next}@redacted.example");
        self.users.entry(name.to_lowercase()).or_insert_with(instead).clone()
    }
}

/// Where the rest of a JSON string ends: before its quote.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' if !escaped => return at,
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80
}

/// Whether a word can begin at `at`: behind something else, or behind what an address writes as `%27`.
fn stands_alone(text: &str, at: usize) -> bool {
    let before = text.as_bytes()[..at].last();
    before.is_none_or(|byte| !is_word(*byte)) || (at >= 3 && text.as_bytes()[at - 3] == b'%')
}

/// `text` with `name` replaced wherever it stands alone.
fn replace_word(text: &str, name: &str, instead: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = 0;
    for (at, _) in text.match_indices(name) {
        let after = text.as_bytes().get(at + name.len()).copied();
        if at < rest || !stands_alone(text, at) || after.is_some_and(is_word) {
            continue;
        }
        out.push_str(&text[rest..at]);
        out.push_str(instead);
        rest = at + name.len();
    }
    out.push_str(&text[rest..]);
    out
}

/// The GUID that `text` begins with.
fn guid(text: &str) -> Option<&str> {
    let found = text.get(..GUID)?;
    let fits = found.bytes().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    });
    let ends = text.as_bytes().get(GUID).is_none_or(|byte| !is_word(*byte));
    (fits && ends).then_some(found)
}

/// The user name with an `@`, also as an address writes it, that `text` begins with.
fn user_name(text: &str) -> Option<&str> {
    let local = |byte: u8| is_word(byte) || b"._+-#~'".contains(&byte);
    let before = text.bytes().take_while(|byte| local(*byte)).count();
    let at = match &text.as_bytes()[before..] {
        [b'@', ..] => 1,
        [b'%', b'4', b'0', ..] => 3,
        _ => return None,
    };
    let domain =
        text.as_bytes()[before + at..].iter().take_while(|byte| is_word(**byte) || b".-".contains(byte));
    let domain = domain.count();
    let end = before + at + domain;
    let name = text.get(..end)?.trim_end_matches(['.', '-']);
    (before > 0 && name[before + at..].contains('.')).then_some(name)
}

/// `text` without anything that looks like a JSON web token.
fn without_jwt(text: &str) -> String {
    let is_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(JWT) {
        let token: &str = &rest[at..];
        let end = token.find(|c| !is_token(c)).unwrap_or(token.len());
        out.push_str(&rest[..at]);
        out.push_str(if end >= LEAST_TOKEN { TOKEN } else { &token[..end] });
        rest = &token[end..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_go_under_every_option_and_nothing_else_without_one() {
        let jwt = format!("eyJ{}.{}.{}", "a".repeat(30), "b".repeat(30), "c".repeat(20));
        let mut mask = Mask::new(false, &["GRP1".to_owned()]);
        for (text, token, expected) in [
            ("plain GRP1 a@b.example", None, "plain GRP1 a@b.example"),
            ("x opaque-secret-1 y", Some("opaque-secret-1"), "x [token taken out] y"),
            ("short eyJabc stays", None, "short eyJabc stays"),
        ] {
            assert_eq!(mask.clean(text, token), expected);
        }
        assert_eq!(mask.clean(&format!("\"{jwt}\","), None), "\"[token taken out]\",");
    }

    #[test]
    fn names_and_ids_are_replaced_by_the_same_everywhere() {
        let mut mask = Mask::new(true, &["GRP1".to_owned(), "GRP10".to_owned()]);
        let id = "4c4c4c4c-0000-4000-8000-00000000E001";
        let first = mask.clean(&format!("GRP1@DAG1 {id} GRP10 op@contoso.example"), None);
        assert_eq!(first, "name-2@DAG1 00000000-0000-4000-8000-000000000001 name-1 user-1@redacted.example");
        let again = mask.clean(&format!("op%40contoso.example/{}", id.to_lowercase()), None);
        assert!(again.ends_with("/00000000-0000-4000-8000-000000000001"), "{again}");
        assert!(!again.contains("contoso"), "{again}");
        assert_eq!(mask.clean(&first, None), first, "what was replaced stays as it is");
        let quoted = mask.clean(&format!("eq%20%27{id}%27%20%27GRP1%27"), None);
        assert_eq!(quoted, "eq%20%2700000000-0000-4000-8000-000000000001%27%20%27name-2%27");
        let role = "x/roleDefinitions/1d18fff3-a72a-46b5-b4a9-0b38a3cd7e63";
        assert_eq!(mask.clean(role, None), role);
        // A custom role is somebody's own: its id goes, in its address as in its object, and by the same.
        let own = "c5c5c5c5-1111-4222-8333-444444444444";
        let said = mask.clean(&format!(r#"x/roleDefinitions/{own}",{{"name":"{own}"}}"#), None);
        assert!(!said.contains("c5c5") && said.matches("00000000-0000-4000-8000-").count() == 2, "{said}");
        let ids: Vec<&str> = said.split("00000000-0000-4000-8000-").skip(1).map(|rest| &rest[..12]).collect();
        assert_eq!(ids[0], ids[1], "{said}");
        let named = r#"{"activeDirectoryUserName":"CONTOSO\\u0001","n":1}"#;
        let said = mask.clean(named, None);
        assert!(said.contains(r#"":"user-"#) && said.ends_with(r#"","n":1}"#), "{said}");
        assert_eq!(mask.clean("GRP1x GRP1", None), "GRP1x name-2");
    }
}
