//! One body told by another: what stands in both is copied, what is new is put.

use std::collections::HashMap;

use super::line::Piece;

/// Copying fewer bytes than this takes more room than it saves.
const LEAST_COPY: usize = 16;

/// `text` by `base`.
pub(super) fn between(base: &str, text: &str) -> Vec<Piece> {
    let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut at = 0;
    for word in words(base) {
        places.entry(word).or_default().push(at);
        at += word.len();
    }
    let mut told = Told::default();
    for word in words(text) {
        let copied = places.get(word).and_then(|places| {
            // The one right behind what was copied last, else the next, else any.
            let after = places.partition_point(|place| *place < told.next);
            places.get(after).or_else(|| places.last()).copied()
        });
        match copied {
            Some(from) if from == told.next || word.len() >= LEAST_COPY => told.copy(from, word.len()),
            Some(from) => {
                told.put(word);
                told.next = from + word.len();
            }
            // Something stands here instead of what stood there.
            None => {
                let was = base.get(told.next..).and_then(|rest| words(rest).next()).unwrap_or_default();
                told.instead(was, word);
            }
        }
    }
    told.pieces
}

/// Pieces so far, and where in the base the next one is looked for.
#[derive(Default)]
struct Told {
    pieces: Vec<Piece>,
    next: usize,
}

impl Told {
    fn copy(&mut self, from: usize, len: usize) {
        if len > 0 {
            match self.pieces.last_mut() {
                Some(Piece::Copy(start, known)) if *start + *known == from => *known += len,
                _ => self.pieces.push(Piece::Copy(from, len)),
            }
        }
        self.next = from + len;
    }

    fn put(&mut self, text: &str) {
        match self.pieces.last_mut() {
            _ if text.is_empty() => {}
            Some(Piece::Put(put)) => put.push_str(text),
            _ => self.pieces.push(Piece::Put(text.to_owned())),
        }
    }

    /// `word` in the place of `was`: what both begin and end with is copied.
    fn instead(&mut self, was: &str, word: &str) {
        let same = was.char_indices().zip(word.chars()).take_while(|((_, one), two)| one == two);
        let head: usize = same.map(|((_, c), _)| c.len_utf8()).sum();
        let ends = was[head..].chars().rev().zip(word[head..].chars().rev());
        let tail: usize = ends.take_while(|(one, two)| one == two).map(|(c, _)| c.len_utf8()).sum();
        let from = self.next;
        if head + tail < LEAST_COPY {
            self.put(word);
            self.next = from + was.len();
            return;
        }
        self.copy(from, head);
        self.put(&word[head..word.len() - tail]);
        self.copy(from + was.len() - tail, tail);
    }
}

/// What is compared: the text up to and with each comma.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(',')
}

/// Puts a body together; `None`: a piece lies outside its base.
pub(super) fn apply(base: &str, pieces: &[Piece], most: usize) -> Option<String> {
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Copy(from, len) => text.push_str(base.get(*from..from.checked_add(*len)?)?),
            Piece::Put(put) => text.push_str(put),
        }
        if text.len() > most {
            return None;
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_moved_shrank_or_changed_takes_little_room() {
        let host = |n: u32, beat: u32| {
            format!(r#"{{"name":"host-{n}","status":"Available","lastHeartBeat":"T{beat}","sessions":{n}}}"#)
        };
        let list = |hosts: &[(u32, u32)]| {
            let hosts: Vec<String> = hosts.iter().map(|(n, beat)| host(*n, *beat)).collect();
            format!("[{}]", hosts.join(","))
        };
        let all: Vec<(u32, u32)> = (0..40).map(|n| (n, 100)).collect();
        let beaten: Vec<(u32, u32)> = (0..40).map(|n| (n, 115)).collect();
        for (name, next, share) in [
            ("the same", all.clone(), 2),
            ("one gone", all[1..].to_vec(), 3),
            ("one beat", [&[(0, 115)], &all[1..]].concat(), 4),
            ("all beat", beaten, 40),
            ("nothing left", vec![], 100),
        ] {
            let (base, text) = (list(&all), list(&next));
            let pieces = between(&base, &text);
            assert_eq!(apply(&base, &pieces, usize::MAX).as_deref(), Some(&*text), "{name}");
            let size = serde_json::to_string(&pieces).unwrap().len();
            assert!(size * 100 <= text.len().max(8) * share, "{name}: {size} of {}", text.len());
        }
    }

    proptest! {
        #[test]
        fn whatever_was_taken_apart_goes_together(base in "[a-c,é]{0,60}", text in "[a-c,é]{0,60}") {
            let pieces = between(&base, &text);
            prop_assert_eq!(apply(&base, &pieces, usize::MAX), Some(text));
        }

        #[test]
        fn foreign_pieces_never_panic(from in 0_usize..70, len in any::<usize>()) {
            let _ = apply("äbcdefgh", &[Piece::Copy(from, len)], 100);
        }
    }
}
