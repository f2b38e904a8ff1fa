//! People, addresses and ids made unreadable, each always in the same way, for screens that are shared.
//!
//! What is masked is found in the finished text, so that nothing that says something can forget it. Text
//! that is cut or broken into lines goes through [`said`] before: a part of a name is a leak too.

use std::{
    borrow::Cow,
    cell::RefCell,
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Which mask stands for what; the same for as long as it lives.
#[derive(Debug, Default)]
pub struct Masks {
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    /// Masks by kind and by what they stand for, in lower case.
    masks: HashMap<(Kind, String), String>,
    /// What each mask stands for, as it was first written.
    real: HashMap<String, String>,
    /// How many masks each kind has.
    counts: [usize; 3],
    /// Names that look like any word, with their masks, by their first words; the longest first.
    names: HashMap<String, Vec<(String, String)>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Person,
    Address,
    Id,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Person => "user",
            Self::Address => "ip",
            Self::Id => "id",
        }
    }
}

impl Book {
    fn mask(&mut self, kind: Kind, real: &str) -> String {
        let key = (kind, real.to_lowercase());
        if let Some(known) = self.masks.get(&key) {
            return known.clone();
        }
        self.counts[kind as usize] += 1;
        let mask = format!("{}-{:02}", kind.word(), self.counts[kind as usize]);
        self.real.insert(mask.clone(), real.to_owned());
        self.masks.insert(key, mask.clone());
        mask
    }
}

impl Book {
    /// The length and the mask of a known name that `text` begins with; `word` is its first word.
    fn name_at(&self, text: &str, word: &str) -> Option<(usize, String)> {
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '@');
        let names = self.names.get(word).or_else(|| self.names.get(word.trim_end_matches(ENDS)))?;
        let mut found = names.iter().filter(|(name, _)| text.starts_with(name.as_str()));
        let (name, mask) = found.find(|(name, _)| !text[name.len()..].starts_with(is_part))?;
        Some((name.len(), mask.clone()))
    }
}

/// What may stand behind a word.
const ENDS: [char; 5] = ['.', ':', '!', '?', '~'];

impl Masks {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on this name is masked wherever it stands as a word: it looks like any other.
    pub fn know(&self, name: &str) {
        self.know_as(name, name);
    }

    /// From now on this name is masked like the person whose principal name is `upn`.
    pub fn know_as(&self, name: &str, upn: &str) {
        let first = name.split(is_gap).next().unwrap_or_default();
        let mut book = self.book();
        let known = book.names.get(first).is_some_and(|known| known.iter().any(|(known, _)| known == name));
        if first.is_empty() || known || book.real.contains_key(name) {
            return;
        }
        let mask = book.mask(Kind::Person, upn);
        let names = book.names.entry(first.to_owned()).or_default();
        names.push((name.to_owned(), mask));
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    }

    /// From now on these are names of people: those that do not look like one are remembered.
    pub fn know_people<'n>(&self, names: impl Iterator<Item = &'n str>) {
        names.filter(|name| !is_upn(name) && !is_account(name)).for_each(|name| self.know(name));
    }

    /// The whole text is the name of a person.
    pub fn person(&self, name: &str) -> String {
        if name.is_empty() || self.book().real.contains_key(name) {
            return name.to_owned();
        }
        self.book().mask(Kind::Person, name)
    }

    /// The text with everything masked that has to be.
    pub fn mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut book = self.book();
        if book.names.is_empty() && !is_suspect(text) {
            return Cow::Borrowed(text);
        }
        let masked = masked(text, &mut book);
        if masked == text { Cow::Borrowed(text) } else { Cow::Owned(masked) }
    }

    /// The text with the masks in it replaced by what they stand for: what a person reads is what they type.
    pub fn real(&self, text: &str) -> String {
        let book = self.book();
        let mut real = String::with_capacity(text.len());
        for piece in text.split_inclusive(|c: char| !is_mask(c)) {
            let word = piece.trim_end_matches(|c: char| !is_mask(c));
            match book.real.get(&word.to_lowercase()) {
                Some(known) => real.push_str(known),
                None => real.push_str(word),
            }
            real.push_str(&piece[word.len()..]);
        }
        real
    }
}

fn is_mask(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-'
}

/// Whether anything could have to be masked: nearly all texts end here.
fn is_suspect(text: &str) -> bool {
    let (mut hex, mut dots, mut colons, mut digit) = (0, 0, 0, false);
    for byte in text.bytes() {
        match byte {
            b'@' | b'\\' => return true,
            b'.' if digit => dots += 1,
            b':' => colons += 1,
            _ => {}
        }
        hex = if byte.is_ascii_hexdigit() { hex + 1 } else { 0 };
        digit = byte.is_ascii_digit();
        if hex >= HEAD || dots >= 3 || colons >= 2 {
            return true;
        }
    }
    text.contains(", pid ") || text.contains("\"os\"")
}

/// What no name, address or id has in it.
fn is_gap(c: char) -> bool {
    c.is_whitespace() || "\"'`<>()[]{},;|=/".contains(c)
}

fn masked(text: &str, book: &mut Book) -> String {
    let mut done = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let gap = rest.find(|c| !is_gap(c)).unwrap_or(rest.len());
        done.push_str(&rest[..gap]);
        rest = &rest[gap..];
        let end = rest.find(is_gap).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if let Some((name, mask)) = book.name_at(rest, word) {
            done.push_str(&mask);
            rest = &rest[name..];
            continue;
        }
        // Of a lock: `user op, pid 7, run r-1`. Of a record in JSON: `"os":"op"`.
        let locks = after.starts_with(", pid ") && done.ends_with("user ");
        let acts = done.ends_with("\"os\":\"") || done.ends_with("\"os\": \"");
        if (locks || acts) && !word.is_empty() && !book.real.contains_key(word) {
            let mask = book.mask(Kind::Person, word);
            done.push_str(&mask);
        } else {
            done.push_str(&word_masked(word, book));
        }
        rest = after;
    }
    done
}

fn word_masked(word: &str, book: &mut Book) -> String {
    let core = word.trim_end_matches(ENDS);
    let tail = &word[core.len()..];
    match core.parse::<IpAddr>() {
        Ok(ip) if ip.is_loopback() || ip.is_unspecified() => return word.to_owned(),
        Ok(_) => return format!("{}{tail}", book.mask(Kind::Address, core)),
        Err(_) => {}
    }
    // An address of the newer kind has colons itself.
    let newer = |at: &usize| core[at + 1..].parse::<IpAddr>().is_ok();
    if let Some(at) = core.match_indices(':').map(|(at, _)| at).find(newer) {
        let (before, address) = (word_masked(&core[..at], book), word_masked(&core[at + 1..], book));
        return format!("{before}:{address}{tail}");
    }
    if core.contains(':') {
        let parts: Vec<String> = core.split(':').map(|part| word_masked(part, book)).collect();
        return parts.join(":") + tail;
    }
    if let Some((length, mask)) = book.name_at(core, core)
        && length == core.len()
    {
        return format!("{mask}{tail}");
    }
    if is_upn(core) || is_account(core) {
        return format!("{}{tail}", book.mask(Kind::Person, core));
    }
    ids_masked(word, book)
}

/// `somebody@contoso.example`.
fn is_upn(word: &str) -> bool {
    let Some((name, domain)) = word.rsplit_once('@') else { return false };
    let mut labels = domain.split('.');
    let is_label = |label: &str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-');
    !name.is_empty() && domain.contains('.') && labels.all(is_label)
}

/// `CONTOSO\somebody`.
fn is_account(word: &str) -> bool {
    let Some((domain, name)) = word.split_once('\\') else { return false };
    // In JSON a line feed stands as such a pair too.
    if name.starts_with(['n', 'r', 't', 'b', 'f', 'u']) && domain.chars().any(char::is_lowercase) {
        return false;
    }
    let name = name.strip_prefix('\\').unwrap_or(name);
    let is_part = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '$'))
    };
    is_part(domain) && is_part(name)
}

/// Digits of the first group of an id: what is shown of it where it is cut short.
const HEAD: usize = 8;
/// Where the dashes of a whole id stand, and how long it is.
const DASHES: [usize; 4] = [8, 13, 18, 23];
const WHOLE: usize = 36;
/// An id without its dashes.
const BARE: usize = 32;

fn is_whole(bytes: &[u8]) -> bool {
    bytes.len() == WHOLE
        && bytes
            .iter()
            .enumerate()
            .all(|(at, byte)| if DASHES.contains(&at) { *byte == b'-' } else { byte.is_ascii_hexdigit() })
}

/// The word with the ids in it masked: whole ones wherever they stand, what is left of one where it stands
/// alone.
fn ids_masked(word: &str, book: &mut Book) -> String {
    let bytes = word.as_bytes();
    let mut done = String::with_capacity(word.len());
    let (mut at, mut kept) = (0, 0);
    while at < bytes.len() {
        let length = if bytes.get(at..at + WHOLE).is_some_and(is_whole) {
            WHOLE
        } else {
            let alone = at == 0 || !(bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'-');
            if alone { part_of_id(&bytes[at..]) } else { 0 }
        };
        if length > 0 {
            done.push_str(&word[kept..at]);
            done.push_str(&book.mask(Kind::Id, &word[at..at + length]));
            kept = at + length;
        }
        at += length.max(1);
    }
    done + &word[kept..]
}

/// How many bytes at the beginning of `bytes` are what is left of an id; 0: none. Eight digits that can be
/// a date are none.
fn part_of_id(bytes: &[u8]) -> usize {
    let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let head = digits(0);
    let ends = |at: usize| bytes.get(at).is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'-');
    if head == BARE && ends(head) {
        return BARE;
    }
    if head != HEAD {
        return 0;
    }
    if ends(HEAD) {
        let date = bytes.starts_with(b"20") && bytes[..HEAD].iter().all(u8::is_ascii_digit);
        return if date { 0 } else { HEAD };
    }
    let length = bytes.iter().take_while(|byte| byte.is_ascii_hexdigit() || **byte == b'-').count();
    let more = bytes[HEAD] == b'-' && digits(HEAD + 1) > 0 && length > HEAD + 2 && ends(length);
    if more { length } else { 0 }
}

thread_local! {
    static WORN: RefCell<Option<Arc<Masks>>> = const { RefCell::new(None) };
}

/// As long as it lives, [`said`] masks on this thread.
#[derive(Debug)]
pub struct Worn {
    before: Option<Arc<Masks>>,
}

/// Masks what is said on this thread, or with `None` leaves it as it is, until the answer is dropped.
#[must_use]
pub fn wear(masks: Option<Arc<Masks>>) -> Worn {
    Worn { before: WORN.replace(masks) }
}

impl Drop for Worn {
    fn drop(&mut self) {
        WORN.set(self.before.take());
    }
}

/// The text as it may be shown: masked where masks are worn. Masking twice changes nothing.
pub fn said(text: &str) -> Cow<'_, str> {
    WORN.with_borrow(|worn| worn.as_ref().map_or(Cow::Borrowed(text), |masks| masks.mask(text)))
}

/// The beginning of an id; where masks are worn, the mask of the whole: a part of it would have one of its
/// own.
pub fn head(id: &str) -> Cow<'_, str> {
    match said(id) {
        Cow::Borrowed(id) => Cow::Borrowed(id.get(..HEAD).unwrap_or(id)),
        masked @ Cow::Owned(_) => masked,
    }
}

/// The same of a text that is the name of a person and nothing else.
pub fn person(name: &str) -> Cow<'_, str> {
    WORN.with_borrow(|worn| worn.as_ref().map_or(Cow::Borrowed(name), |masks| masks.person(name).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_addresses_and_ids_are_masked_and_nothing_else() {
        let id = "4c4c4c4c-0000-4000-8000-00000000e001";
        for (text, expected) in [
            ("op.01@contoso.example, 2 sessions", "user-01, 2 sessions"),
            ("caller:zoë.ångström@contoso.example.", "caller:user-01."),
            ("alice_x.example#EXT#@contoso.onmicrosoft.example", "user-01"),
            ("user CONTOSO\\alice:", "user user-01:"),
            ("GRP1 @ DAG1, GRP1@DAG1", "GRP1 @ DAG1, GRP1@DAG1"),
            ("held by user op, pid 12, run r-1", "held by user user-01, pid 12, run r-1"),
            (
                "{\"os\":\"op\",\"x\":\"a\\nb\", \"os\": \"\"}",
                "{\"os\":\"user-01\",\"x\":\"a\\nb\", \"os\": \"\"}",
            ),
            ("connect 10.1.2.3:443 refused, fe80::1 too", "connect ip-01:443 refused, ip-02 too"),
            ("at:10.0.0.1:443, to:fe80::1", "at:ip-01:443, to:ip-02"),
            ("ENDPOINT 127.0.0.1:8080 ::1", "ENDPOINT 127.0.0.1:8080 ::1"),
            ("agent 1.0.9742.2500 at 10:03:07Z", "agent 1.0.9742.2500 at 10:03:07Z"),
            ("/subscriptions/4C4C4C4C-0000-4000-8000-00000000E001/rg", "/subscriptions/id-01/rg"),
            ("vm-4c4c4c4c-0000-4000-8000-00000000e001-nic", "vm-id-01-nic"),
            ("Group 4c4c4c4c @ DAG1", "Group id-01 @ DAG1"),
            ("4c4c4c4c-0000-40", "id-01"),
            ("4c4c4c4c00004000800000000000e001", "id-01"),
            ("r-20261120-1003-7k on 20261120", "r-20261120-1003-7k on 20261120"),
            ("list 5f2c1a…e1, head 0123456789abcdef0123", "list 5f2c1a…e1, head 0123456789abcdef0123"),
            ("shne-hr-03 deadbeefcafe", "shne-hr-03 deadbeefcafe"),
        ] {
            let masks = Masks::default();
            let once = masks.mask(text).into_owned();
            assert_eq!(once, expected);
            assert_eq!(masks.mask(&once), once, "twice");
        }
        let masks = Masks::default();
        assert_eq!(
            masks.mask(&format!("{id} a@b.example {id} c@b.example A@B.example")),
            "id-01 user-01 id-01 user-02 user-01"
        );
        assert_eq!(masks.real("user-02 on Id-01, user-99"), format!("c@b.example on {id}, user-99"));
    }

    #[test]
    fn names_that_look_like_words_are_masked_once_they_are_known() {
        let masks = Masks::default();
        masks.know_as("op.01", "op.01@contoso.example");
        masks.know("Ada Example");
        assert_eq!(
            masks.mask("op.01 and op.01@contoso.example, Ada Example; stop.01"),
            "user-01 and user-01, user-02; stop.01"
        );
        assert_eq!(masks.person("root"), "user-03");
        assert_eq!(masks.person("user-03"), "user-03");
        assert_eq!(masks.person(""), "");
    }

    #[test]
    fn masks_are_worn_for_a_while_on_one_thread() {
        let masks = Arc::new(Masks::default());
        assert_eq!(said("a@b.example"), "a@b.example");
        {
            let _worn = wear(Some(masks));
            assert_eq!(said("a@b.example"), "user-01");
            assert_eq!(person("root"), "user-02");
            {
                let _off = wear(None);
                assert_eq!(said("a@b.example"), "a@b.example");
            }
            assert_eq!(said("a@b.example"), "user-01");
        }
        assert_eq!(person("root"), "root");
    }

    #[test]
    fn whatever_is_masked_stays_masked_and_nothing_panics() {
        let parts =
            ["a@b.c", "10.0.0.1", ":", "::", "-", "é", "4c4c4c4c", "/", " ", "\\", "20", "user ", ", pid 1"];
        let mut rng = fastrand::Rng::with_seed(7);
        for _ in 0..20_000 {
            let text: String = (0..rng.usize(1..7)).map(|_| parts[rng.usize(..parts.len())]).collect();
            let masks = Masks::default();
            let once = masks.mask(&text).into_owned();
            assert_eq!(masks.mask(&once), once, "{text}");
        }
    }
}
