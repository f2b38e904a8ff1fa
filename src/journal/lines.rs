//! Reading lines with a limit, so that a file without line feeds does not fill the memory.

use std::io::{self, BufRead, Read};

/// Longest line, in bytes. The largest record is the confirmation of a log-off, about 400 bytes
/// a session; a hundred thousand sessions fit.
pub(super) const MAX_LINE: usize = 64 * 1024 * 1024;

/// What [`next`] left in the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    /// A line, without its line feed.
    Whole,
    /// The last line, which has no line feed: its writer was stopped.
    Torn,
    /// The first part of a line over [`MAX_LINE`].
    Endless,
    /// Nothing: the end.
    End,
}

/// Reads the next line into `buffer`.
pub(super) fn next(reader: &mut impl BufRead, buffer: &mut Vec<u8>) -> io::Result<Piece> {
    buffer.clear();
    reader.by_ref().take(MAX_LINE as u64 + 1).read_until(b'\n', buffer)?;
    Ok(match buffer.last() {
        None => Piece::End,
        Some(b'\n') => {
            buffer.pop();
            Piece::Whole
        }
        Some(_) if buffer.len() > MAX_LINE => Piece::Endless,
        Some(_) => Piece::Torn,
    })
}
