//! What is different between a list that was shown and the one of now, in words of a bounded length.

use std::collections::HashMap;

use crate::domain::{Operation, Safe, mask};

use super::{offer::Offer, view::OfferView};

/// Names that are said of each kind of change; the rest is counted.
const NAMED: usize = 3;
/// Characters of a name that are said: a user name or a host name stands whole.
const NAME: usize = 48;

/// As many names as can be read at a glance, and how many more there are.
pub fn named<S: AsRef<str>>(names: &[S]) -> String {
    let short = |name: &S| {
        // A part of a name is a leak too, where people are masked.
        let name = mask::said(name.as_ref());
        match name.char_indices().nth(NAME) {
            Some((at, _)) => format!("{}~", &name[..at]),
            None => name.into_owned(),
        }
    };
    let said: Vec<String> = names.iter().take(NAMED).map(short).collect();
    match names.len().saturating_sub(NAMED) {
        0 => said.join(", "),
        more => format!("{} and {more} others", said.join(", ")),
    }
}

/// A list in short: what is written under which name, users touched, level asked for.
struct Listed<'a, W> {
    writes: Vec<(&'a str, W)>,
    users: u32,
    level: u8,
}

impl OfferView {
    /// What has changed since `was` was shown.
    pub fn changed_since(&self, was: &Self) -> String {
        between(&was.listed(), &self.listed())
    }

    fn listed(&self) -> Listed<'_, &Safe> {
        let writes = self.writes.iter().map(|line| (line.key.as_str(), &line.path)).collect();
        Listed { writes, users: self.users, level: self.level }
    }
}

impl Offer {
    /// What has changed since `was` was shown.
    pub(super) fn changed_since(&self, was: &Self) -> String {
        between(&was.listed(), &self.listed())
    }

    fn listed(&self) -> Listed<'_, &Operation> {
        let writes = self.items.iter().filter_map(|item| Some((item.key.as_str(), item.operation.as_ref()?)));
        Listed { writes: writes.collect(), users: self.users, level: self.level }
    }
}

fn between<W: PartialEq>(was: &Listed<'_, W>, is: &Listed<'_, W>) -> String {
    let before: HashMap<&str, &W> = was.writes.iter().map(|(key, what)| (*key, what)).collect();
    let now: HashMap<&str, &W> = is.writes.iter().map(|(key, what)| (*key, what)).collect();
    let differs = |known: Option<&&W>, what| known.is_some_and(|known| *known != what);
    let more: Vec<&str> = is.writes.iter().map(|one| one.0).filter(|key| !before.contains_key(key)).collect();
    let gone: Vec<&str> = was.writes.iter().map(|one| one.0).filter(|key| !now.contains_key(key)).collect();
    let other = is.writes.iter().filter(|(key, what)| differs(before.get(key), what)).map(|one| one.0);
    let other: Vec<&str> = other.collect();
    let mut words = Vec::new();
    for (names, what) in [(more, "more"), (gone, "gone"), (other, "another object of the same name")] {
        if !names.is_empty() {
            words.push(format!("{} {what} ({})", names.len(), named(&names)));
        }
    }
    if was.users != is.users {
        words.push(format!("users {}, now {}", was.users, is.users));
    }
    if was.level != is.level {
        words.push(format!("level {}, now {}", was.level, is.level));
    }
    if words.is_empty() { "what it stands for".to_owned() } else { words.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name and object in short.
    type Writes = &'static [(&'static str, u8)];

    #[test]
    fn what_changed_is_counted_and_named_up_to_a_bound() {
        let cases: [(Writes, Writes, u32, u8, &str); 6] = [
            (&[("a", 1), ("b", 2)], &[("a", 1), ("c", 3), ("d", 4)], 2, 2, "2 more (c, d), 1 gone (b)"),
            (&[("a", 1)], &[("a", 9)], 2, 2, "1 another object of the same name (a)"),
            (&[("a", 1)], &[("a", 1)], 3, 2, "users 2, now 3"),
            (&[("a", 1)], &[("a", 1)], 2, 3, "level 2, now 3"),
            (&[("a", 1)], &[("a", 1)], 2, 2, "what it stands for"),
            (&[], &[("a", 1), ("b", 1), ("c", 1), ("d", 1), ("e", 1)], 2, 2, "5 more (a, b, c and 2 others)"),
        ];
        for (was, is, users, level, expected) in cases {
            let was = Listed { writes: was.to_vec(), users: 2, level: 2 };
            let is = Listed { writes: is.to_vec(), users, level };
            assert_eq!(between(&was, &is), expected);
        }
        let long: Vec<String> = (0..500).map(|n| format!("{n}{}", "x".repeat(900))).collect();
        assert!(named(&long).len() < 4 * NAME, "{}", named(&long));
    }
}
