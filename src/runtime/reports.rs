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
