//! A paste that came without its brackets: letters that nobody typed one by one.

use crate::{
    app::gesture::{BURST_MS, QUIET_MS},
    ui::keymap::Key,
};

use super::keys::Input;

/// So many changes of key on each other's heels are no typing: what a person types ahead while the line
/// stands still comes at once as well, and is rarely as long. A held key is one, many times.
const FLOOD_KEYS: usize = 20;

/// Looks at what was read together, before anything of it acts.
#[derive(Debug, Default)]
pub struct Flood {
    /// Changes of key in the unbroken row so far.
    changes: usize,
    /// The last key of it.
    last: Option<Key>,
    /// When a key was last read.
    read: u64,
    /// Whether what comes belongs to a paste, until there is a pause.
    pours: bool,
}

impl Flood {
    /// What of a batch is left of which reading began at `at` and ended at `until`: all of it, or of a
    /// paste that there is one. The way out leads out of a paste too.
    pub fn sift(&mut self, batch: Vec<Input>, at: u64, until: u64) -> Vec<Input> {
        // Sizes of the window, and what no key is, say nothing of how somebody types.
        if !batch.iter().any(|input| matches!(input, Input::Press { .. })) {
            return batch;
        }
        let gap = at.saturating_sub(self.read);
        // A long piece over a slow line takes its time: the pause before the next one counts from its end.
        self.read = until;
        if gap >= BURST_MS {
            (self.changes, self.last) = (0, None);
        }
        let poured = self.pours && gap < QUIET_MS;
        for input in &batch {
            if let Input::Press { key, .. } = input {
                self.changes += usize::from(self.last != Some(*key));
                self.last = Some(*key);
            }
        }
        self.pours = poured || self.changes > FLOOD_KEYS;
        if !self.pours {
            return batch;
        }
        let stays = |input: &Input| match input {
            Input::Press { key, .. } => *key == Key::Ctrl('c'),
            // The shell would get the rest of it.
            Input::Suspend => false,
            Input::Paste | Input::Lost => true,
        };
        let told = (!poured).then_some(Input::Paste);
        told.into_iter().chain(batch.into_iter().filter(stays)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str, at: u64) -> Vec<Input> {
        let key = |c| if c == '\r' { Key::Enter } else { Key::Char(c) };
        text.chars().map(|c| Input::Press { key: key(c), at }).collect()
    }

    /// When it is read, what is read, and how much of it is left: keys, and words of a paste.
    type Read = (u64, &'static str, usize, usize);

    #[test]
    fn what_nobody_typed_one_by_one_is_a_paste() {
        let long = "abcdefghij\rklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let lines = "y\ry\ry\ry\ry\ry\ry\ry\ry\ry\ry\ry\ry\ry\ry\ry\ry\ry\ry\ry\ry\ry\r";
        let held = "jjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjj";
        let cases: [(&str, &[Read]); 9] = [
            ("one by one", &[(0, "a", 1, 0), (120, "b", 1, 0), (260, "\r", 1, 0)]),
            ("typed ahead", &[(0, "WE is silent", 12, 0)]),
            ("a held key over a line that stood still", &[(0, held, held.len(), 0)]),
            ("all at once, and its rest", &[(0, long, 0, 1), (150, "qq", 0, 0), (340, "q\r", 0, 0)]),
            ("typing goes on after a pause", &[(0, long, 0, 1), (250, "q", 1, 0)]),
            ("lines of one letter", &[(0, lines, 0, 1)]),
            ("in small pieces", &[(0, "abcdefgh", 8, 0), (4, "ijklmnop", 8, 0), (9, "qrstuvw", 0, 1)]),
            (
                "typed between sizes of the window",
                &[
                    (0, "abcdefghijklmno", 15, 0),
                    (7, "", 0, 0),
                    (14, "", 0, 0),
                    (21, "pqrstuvwxyzABCD", 15, 0),
                ],
            ),
            (
                "a size of the window just before typing goes on",
                &[(0, "abcdefghijklmno", 15, 0), (400, "", 0, 0), (405, "pqrstuvwxyzABCD", 15, 0)],
            ),
        ];
        for (name, reads) in cases {
            let mut flood = Flood::default();
            for (at, text, keys, pastes) in reads {
                let left = flood.sift(typed(text, 1_000 + at), 1_000 + at, 1_000 + at);
                let told = left.iter().filter(|input| **input == Input::Paste).count();
                assert_eq!((left.len() - told, told), (*keys, *pastes), "{name} at {at}");
            }
        }
        // A long piece over a slow line takes longer to read than the pause after a paste.
        let mut flood = Flood::default();
        flood.sift(typed(long, 1_000), 1_000, 1_500);
        assert_eq!(flood.sift(typed("q", 1_504), 1_504, 1_504), []);
        let mut flood = Flood::default();
        let mut batch = typed(long, 0);
        let out = Input::Press { key: Key::Ctrl('c'), at: 0 };
        batch.push(out.clone());
        batch.push(Input::Lost);
        assert_eq!(flood.sift(batch, 0, 0), [Input::Paste, out, Input::Lost]);
    }
}
