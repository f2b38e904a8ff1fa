//! The estate file, parsed at the door: every mistake at once.
//!
//! [`load`] reads the file and [`parse`] turns its text into an [`Estate`]. Neither stops at the
//! first mistake: a person who mends a file at night must not find the next mistake only after
//! the next start. Every mistake says where it stands (line and column, both from 1, columns in
//! characters), which key it concerns, what is wrong, and the nearest word that would be right.
//!
//! Sections that the format knows and this version does not build yet are accepted and listed in
//! [`Estate::not_in_this_version`]; only a key that no version knows is a mistake.
//!
//! `std::fs` is used in `file.rs` only.

mod estate;
mod file;
mod later;
mod mistake;
mod nearest;
mod section;
mod service;

#[cfg(test)]
mod tests;

use crate::domain::estate::Estate;

pub use file::{MAX_BYTES, default_path, load, load_with_text, read_text};
pub use mistake::{ConfigErrors, Mistake, Mistakes, Place, quoted};
pub use nearest::nearest;

/// The only format of the estate file so far. It grows by adding keys, so a higher number means
/// a file that this version must not guess at.
pub const FORMAT: u64 = 1;

/// An estate file to start from, with every key of the format.
pub const TEMPLATE: &str = include_str!("template.toml");

/// Parses the text of an estate file. `path_label` is the name shown before every mistake.
///
/// A byte order mark and CRLF line ends are accepted. The estate's hash is the SHA-256 of the
/// text exactly as given, byte order mark included.
pub fn parse(text: &str, path_label: &str) -> Result<Estate, ConfigErrors> {
    if text.len() > MAX_BYTES {
        return Err(ConfigErrors::whole_file(path_label, file::too_large(file::ESTATE)));
    }
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (table, faults) = toml::de::DeTable::parse_recoverable(body);
    let mistakes = mistake::Mistakes::new(body, path_label);
    if !faults.is_empty() {
        // What could be recovered from broken syntax may lack half a table; judging its keys
        // would accuse the person of mistakes that are not there.
        for fault in &faults {
            mistakes.syntax(fault.span(), fault.message());
        }
        return Err(mistakes.into_errors());
    }
    let hash = crate::domain::text::sha256_hex(text.as_bytes());
    let estate = estate::read(table.get_ref(), &mistakes, hash);
    match estate {
        Some(estate) if mistakes.none() => Ok(estate),
        _ => Err(mistakes.into_errors()),
    }
}
