//! What is wrong with a file, and where.

use std::{cell::RefCell, fmt, ops::Range};

use crate::domain::Safe;
/// Longest piece of the file quoted in a message, in characters. More would push the sentence
/// off the screen it is read on.
const MAX_QUOTED: usize = 80;

/// Mistakes printed; the rest is counted. Nobody mends more than this before trying again, and
/// a file of another kind given by accident must not flood the terminal.
const MAX_PRINTED: usize = 200;

/// Where something stands in the file, both from 1; the column counts characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Where it stands; `None`: it concerns the file as a whole.
    pub place: Option<Place>,
    /// The key it concerns, such as `service[0].primary.pool`; empty for syntax and whole files.
    pub path: Safe,
    /// What is wrong.
    pub what: Safe,
    /// The word that was probably meant.
    pub nearest: Option<String>,
}

/// Every mistake of a file, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors {
    label: Safe,
    mistakes: Vec<Mistake>,
}

impl ConfigErrors {
    /// One mistake that concerns the whole file.
    pub(super) fn whole_file(label: &str, what: String) -> Self {
        let mistake = Mistake { place: None, path: Safe::default(), what: Safe::from(what), nearest: None };
        Self { label: Safe::new(label), mistakes: vec![mistake] }
    }

    /// The file's name as it is shown.
    pub fn label(&self) -> &Safe {
        &self.label
    }

    /// The mistakes by line and column; never empty.
    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.mistakes.iter().take(MAX_PRINTED).enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}:", self.label)?;
            if let Some(Place { line, column }) = mistake.place {
                write!(f, "{line}:{column}:")?;
            }
            write!(f, " {}", mistake.what)?;
            if let Some(nearest) = &mistake.nearest {
                write!(f, "; nearest is \"{nearest}\"")?;
            }
        }
        if let Some(more @ 1..) = self.mistakes.len().checked_sub(MAX_PRINTED) {
            write!(f, "\n{}: and {more} more mistakes", self.label)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// Text of the file in quotes, cut to what fits in a sentence.
pub fn quoted(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTED) {
        Some((cut, _)) => format!("\"{}…\"", &text[..cut]),
        None => format!("\"{text}\""),
    }
}

/// Collects mistakes while a file is read. Shared by all sections, hence the cell.
#[derive(Debug)]
pub struct Mistakes<'a> {
    text: &'a str,
    label: Safe,
    line_starts: Vec<usize>,
    /// Each with its offset in the text; the place is worked out once all are sorted, because
    /// counting the columns of a long line anew for each mistake takes minutes.
    found: RefCell<Vec<(usize, Mistake)>>,
}

impl<'a> Mistakes<'a> {
    /// None yet, in a text whose file is shown as `label`.
    pub fn new(text: &'a str, label: &str) -> Self {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, label: Safe::new(label), line_starts, found: RefCell::default() }
    }

    /// Whether nothing is wrong so far.
    pub fn none(&self) -> bool {
        self.found.borrow().is_empty()
    }

    /// A key or value is wrong.
    pub fn add(&self, span: &Range<usize>, path: &str, what: &str, nearest: Option<&str>) {
        let mistake = Mistake {
            place: None,
            path: Safe::new(path),
            what: Safe::new(what),
            nearest: nearest.map(str::to_owned),
        };
        self.found.borrow_mut().push((span.start, mistake));
    }

    /// The text is no TOML.
    pub fn syntax(&self, span: Option<Range<usize>>, message: &str) {
        let end = self.text.len();
        self.add(&span.unwrap_or(end..end), "", &format!("not valid TOML: {message}"), None);
    }

    /// All mistakes by place.
    pub fn into_errors(self) -> ConfigErrors {
        let mut found = self.found.take();
        found.sort_by_key(|(offset, _)| *offset);
        let (mut counted, mut column, mut last_line) = (0, 1, 0);
        for (offset, mistake) in &mut found {
            let line = self.line(*offset);
            if line != last_line {
                (counted, column, last_line) = (self.line_starts[line - 1], 1, line);
            }
            let end = (*offset).min(self.text.len());
            column += self.text.get(counted..end).unwrap_or_default().chars().count();
            counted = end;
            mistake.place = Some(Place { line, column });
        }
        let mistakes = found.into_iter().map(|(_, mistake)| mistake).collect();
        ConfigErrors { label: self.label, mistakes }
    }

    /// The line of an offset.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset)
    }
}
