//! A table of the file with its place and its known keys, and the typed looks at its values.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use crate::domain::{
    ArmId,
    access::is_guid,
    time::{Span, Timestamp, parse_span},
};

use super::{
    mistake::{Mistakes, quoted},
    nearest::nearest,
};

/// A table being read. Keys asked for are known keys; [`Section::finish`] reports the others.
pub(super) struct Section<'a> {
    table: &'a DeTable<'a>,
    span: Range<usize>,
    /// For people: `[[service]] hr`.
    label: String,
    /// For machines: `service[0]`.
    path: String,
    known: Vec<&'static str>,
    mistakes: &'a Mistakes<'a>,
}

/// One value with its key and place.
#[derive(Clone)]
pub(super) struct Entry<'a> {
    value: &'a DeValue<'a>,
    pub(super) span: Range<usize>,
    /// For people: `pool in primary of [[service]] hr`.
    label: String,
    path: String,
    mistakes: &'a Mistakes<'a>,
}

impl<'a> Section<'a> {
    /// The whole file.
    pub(super) fn root(table: &'a DeTable<'a>, mistakes: &'a Mistakes<'a>) -> Self {
        let (label, path) = ("the estate file".to_owned(), String::new());
        Self { table, span: 0..0, label, path, known: Vec::new(), mistakes }
    }

    /// What people call it.
    pub(super) fn label(&self) -> &str {
        &self.label
    }

    /// Gives the section a name of its own, once it is known.
    pub(super) fn rename(&mut self, label: String) {
        self.label = label;
    }

    /// The value of a key that may be absent.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Entry<'a>> {
        self.known.push(key);
        let value = self.table.get(key)?;
        Some(Entry {
            value: value.get_ref(),
            span: value.span(),
            label: format!("{key} in {}", self.label),
            path: self.path_of(key),
            mistakes: self.mistakes,
        })
    }

    /// The value of a key that must be there.
    pub(super) fn require(&mut self, key: &'static str) -> Option<Entry<'a>> {
        let entry = self.take(key);
        if entry.is_none() {
            let what = format!("missing key \"{key}\" in {}", self.label);
            self.mistakes.add(&self.span, &self.path_of(key), &what, None);
        }
        entry
    }

    /// Every key with its value, for tables whose keys are data. None of them is unknown then.
    pub(super) fn all(&self) -> Vec<(&'a str, Entry<'a>)> {
        let entry = |key: &'a str, value: &'a toml::Spanned<DeValue<'a>>| Entry {
            value: value.get_ref(),
            span: value.span(),
            label: format!("{} in {}", quoted(key), self.label),
            path: self.path_of(key),
            mistakes: self.mistakes,
        };
        self.table.iter().map(|(key, value)| (&**key.get_ref(), entry(key.get_ref(), value))).collect()
    }

    /// Reports the keys nobody asked for.
    pub(super) fn finish(self) {
        for key in self.table.keys() {
            let word = &**key.get_ref();
            if self.known.contains(&word) {
                continue;
            }
            let absent = self.known.iter().copied().filter(|known| !self.table.contains_key(*known));
            self.unknown(word, nearest(word, absent));
        }
    }

    /// Reports a key that means nothing here.
    pub(super) fn unknown(&self, key: &str, nearest: Option<&str>) {
        self.about_key(key, &format!("unknown key {} in {}", quoted(key), self.label), nearest);
    }

    /// Reports a key that differs only in case from one before it.
    pub(super) fn repeated(&self, key: &str) {
        self.about_key(key, &format!("{} in {} stands there twice", quoted(key), self.label), None);
    }

    fn about_key(&self, key: &str, what: &str, nearest: Option<&str>) {
        let place = self.table.get_key_value(key).map_or(self.span.clone(), |(key, _)| key.span());
        self.mistakes.add(&place, &self.path_of(key), what, nearest);
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}

impl<'a> Entry<'a> {
    /// Reports what is wrong with the value.
    pub(super) fn wrong(&self, what: &str) {
        self.mistakes.add(&self.span, &self.path, &format!("{} {what}", self.label), None);
    }

    /// The line the value stands on.
    pub(super) fn line(&self) -> usize {
        self.mistakes.line(self.span.start)
    }

    /// A table. Headers read as people wrote them: `[policy]`, or `primary of [[service]] hr`.
    pub(super) fn section(self) -> Option<Section<'a>> {
        let DeValue::Table(table) = self.value else { return self.mistyped("a table") };
        let label = match self.label.split_once(" in ") {
            Some((key, "the estate file")) => format!("[{key}]"),
            Some((key, outer)) => format!("{key} of {outer}"),
            None => self.label,
        };
        let Self { span, path, mistakes, .. } = self;
        Some(Section { table, span, label, path, known: Vec::new(), mistakes })
    }

    /// A list.
    pub(super) fn list(self) -> Option<Vec<Entry<'a>>> {
        let DeValue::Array(items) = self.value else { return self.mistyped("a list") };
        let item = |(index, value): (usize, &'a toml::Spanned<DeValue<'a>>)| Entry {
            value: value.get_ref(),
            span: value.span(),
            label: self.label.clone(),
            path: format!("{}[{index}]", self.path),
            mistakes: self.mistakes,
        };
        Some(items.iter().enumerate().map(item).collect())
    }

    /// Tables under one `[[key]]` header, or in a list of inline tables.
    pub(super) fn sections(self) -> Vec<Section<'a>> {
        let header = match self.label.split_once(" in ") {
            Some((key, "the estate file")) => format!("[[{key}]]"),
            Some((key, outer)) => format!("{key} of {outer}"),
            None => self.label.clone(),
        };
        let mut sections = Vec::new();
        for mut entry in self.list().unwrap_or_default() {
            entry.label.clone_from(&header);
            if let Some(mut section) = entry.section() {
                section.label.clone_from(&header);
                sections.push(section);
            }
        }
        sections
    }

    /// Text that is not empty.
    pub(super) fn text(&self) -> Option<&'a str> {
        match self.value {
            DeValue::String(text) if text.trim().is_empty() => {
                self.wrong("is empty");
                None
            }
            DeValue::String(text) => Some(text),
            _ => self.mistyped("text"),
        }
    }

    /// A whole number, not negative.
    pub(super) fn whole_number(&self) -> Option<u64> {
        let DeValue::Integer(number) = self.value else { return self.mistyped("a whole number") };
        let parsed = u64::from_str_radix(number.as_str(), number.radix()).ok();
        if parsed.is_none() {
            self.wrong("is negative or too large");
        }
        parsed
    }

    /// A number.
    pub(super) fn number(&self) -> Option<f64> {
        match self.value {
            DeValue::Integer(_) => self.whole_number().map(|number| number as f64),
            DeValue::Float(number) => {
                let parsed = number.as_str().parse().ok();
                if parsed.is_none() {
                    self.wrong("is no number");
                }
                parsed
            }
            _ => self.mistyped("a number"),
        }
    }

    /// True or false.
    pub(super) fn truth(&self) -> Option<bool> {
        match self.value {
            DeValue::Boolean(value) => Some(*value),
            _ => self.mistyped("true or false"),
        }
    }

    /// A span such as `15m`.
    pub(super) fn span(&self) -> Option<Span> {
        let text = self.text()?;
        let span = parse_span(text);
        if span.is_none() {
            self.wrong(&format!("is no span: {}; write 90s, 15m, 2h or 1d", quoted(text)));
        }
        span
    }

    /// A moment, as RFC 3339 text or as a TOML date-time with an offset.
    pub(super) fn moment(&self) -> Option<Timestamp> {
        let text = match self.value {
            DeValue::String(text) => text.to_string(),
            DeValue::Datetime(moment) => moment.to_string(),
            _ => return self.mistyped("a moment such as \"2026-11-20T08:00:00Z\""),
        };
        let moment = text.parse().ok();
        if moment.is_none() {
            let example = "write RFC 3339 with an offset, such as 2026-11-20T08:00:00Z";
            self.wrong(&format!("is no moment: {}; {example}", quoted(&text)));
        }
        moment
    }

    /// A GUID, lower case.
    pub(super) fn guid(&self) -> Option<String> {
        let text = self.text()?.trim().to_ascii_lowercase();
        if is_guid(&text) {
            return Some(text);
        }
        self.wrong(&format!("is no GUID: {}", quoted(&text)));
        None
    }

    /// The id of a resource in a resource group, of one of the given types (lower case).
    pub(super) fn resource(&self, kinds: &[&str]) -> Option<ArmId> {
        let text = self.text()?;
        let id = match ArmId::parse(text) {
            Ok(id) => id,
            Err(error) => {
                self.wrong(&format!("is no resource id: {error}: {}", quoted(text)));
                return None;
            }
        };
        if !is_guid(id.subscription()) {
            self.wrong(&format!(
                "is no resource id: the subscription {} is no GUID",
                quoted(id.subscription())
            ));
            return None;
        }
        let whole = id.resource_group().is_some() && id.key().split('/').count() == RESOURCE_SEGMENTS;
        let kind = id.kind().unwrap_or_default();
        if whole && kinds.contains(&kind.as_str()) {
            return Some(id);
        }
        self.wrong(&format!("is not the id of a {}: {}", kinds.join(" or "), quoted(text)));
        None
    }

    /// One of a closed list of words.
    pub(super) fn word<T: Copy>(&self, words: &[(&'static str, T)]) -> Option<T> {
        let text = self.text()?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let list: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let what = format!("{} is {}; it is one of {}", self.label, quoted(text), list.join(", "));
        self.mistakes.add(&self.span, &self.path, &what, nearest(text, list.iter().copied()));
        None
    }

    /// A name that people type and that stands in file names: ASCII letters, digits, `-`, `_`
    /// and `.`, beginning with a letter or digit.
    pub(super) fn name(&self, longest: usize) -> Option<String> {
        let text = self.text()?;
        let fits = text.len() <= longest
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        if fits {
            return Some(text.to_owned());
        }
        self.wrong(&format!(
            "is {}; use at most {longest} letters, digits, \"-\", \"_\" or \".\", a letter or digit first",
            quoted(text)
        ));
        None
    }

    fn mistyped<T>(&self, wanted: &str) -> Option<T> {
        let article = if matches!(self.value, DeValue::Integer(_) | DeValue::Array(_)) { "an" } else { "a" };
        self.wrong(&format!("must be {wanted}, not {article} {}", self.value.type_str()));
        None
    }
}

/// Parts of `/subscriptions/S/resourceGroups/G/providers/NS/TYPE/NAME` split at `/`: every
/// object the estate file names is a top-level resource of a resource group.
const RESOURCE_SEGMENTS: usize = 9;
