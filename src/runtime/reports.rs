//! Reports as files: `<state>/reports/<run>.md`. They name people, so they are their owner's alone.

use std::{
    fs::{DirBuilder, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use crate::{domain::mask, journal::runs};

use super::session::Session;

/// Writes the report of a run beside its journal; where it stands, or why it does not.
pub fn write(session: &Session, id: &str) -> Result<PathBuf, String> {
    // The file is the record: it is masked for nobody.
    let _worn = mask::wear(None);
    let text = super::verbs::report_text(&session.state, id, session.clock.now())
        .map_err(|error| error.to_string())?;
    let path = runs::directory(&session.state).with_file_name("reports").join(format!("{id}.md"));
    write_private(&path, &text).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    // One that an earlier version wrote keeps its mode otherwise.
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())
}

/// Characters of a head that tell it from any other.
const BRIEF: usize = 16;

/// The head of a run that has ended. Whole it takes lines of a small window: only where no report holds it.
pub(super) fn head_words(hash: &str, reported: bool) -> String {
    match hash.get(..BRIEF).filter(|_| reported) {
        Some(brief) => format!("head {brief}~ in the report"),
        None => format!("head {hash}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said at the end of a run has room on one line of the smallest window, and where nothing else holds
    /// the head it is whole.
    #[test]
    fn the_head_is_said_in_one_line_where_a_report_holds_it() {
        let hash = "0123456789abcdef".repeat(4);
        for (reported, whole) in [(true, false), (false, true)] {
            let words = head_words(&hash, reported);
            assert!(words.starts_with("head 0123456789abcdef"), "{words}");
            assert_eq!(words.contains(&hash), whole, "{words}");
            assert_eq!(words.len() <= 40, reported, "{words}");
        }
    }
}
