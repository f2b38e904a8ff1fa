//! Where a person was, as a file: `<state>/cockpit/<estate>.json`, its owner's alone. What a person wrote
//! themselves, such as the estate file or a theme, is never touched.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::PathBuf,
};

use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

use crate::{app::bearings::Bearings, engine::event::WorldKind, journal::runs};

use super::session::Session;

/// Version of the file; a newer one is left alone.
const FORMAT: u32 = 1;

/// Largest file that is read, in bytes: ours have two hundred.
const MOST_BYTES: u64 = 10_000;

#[derive(Debug, Serialize, Deserialize)]
struct File {
    format: u32,
    bearings: Bearings,
}

/// Told first, whatever the rest looks like.
#[derive(Debug, Deserialize)]
struct Head {
    format: u32,
}

/// Keeps where the person is.
#[derive(Debug)]
pub struct Keeper {
    path: PathBuf,
    kept: Option<Bearings>,
    writing: Option<JoinHandle<()>>,
}

impl Keeper {
    /// For the estate of a session; a simulated one has its own.
    pub fn of(session: &Session) -> Self {
        let world = match session.world() {
            WorldKind::Sim => "sim-",
            WorldKind::Live => "",
        };
        let directory = runs::directory(&session.state).with_file_name("cockpit");
        Self::at(directory.join(format!("{world}{}.json", session.estate.name)))
    }

    fn at(path: PathBuf) -> Self {
        Self { path, kept: None, writing: None }
    }

    /// Where the person was; `None`: nothing was kept. An error is one line, and nothing is restored.
    pub fn recall(&mut self) -> Result<Option<Bearings>, String> {
        let at = |why: String| format!("where you were is not restored: {}: {why}", self.path.display());
        let found = match fs::symlink_metadata(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            other => other.map_err(|error| at(error.to_string()))?,
        };
        if !found.is_file() || found.len() > MOST_BYTES {
            return Err(at("it is no file of ours".to_owned()));
        }
        if found.uid() != rustix::process::getuid().as_raw() {
            return Err(at(format!("it belongs to uid {}", found.uid())));
        }
        let text = fs::read(&self.path).map_err(|error| at(error.to_string()))?;
        let head: Head = serde_json::from_slice(&text).map_err(|error| at(error.to_string()))?;
        if head.format != FORMAT {
            return Err(at(format!("it is of another version, format {}", head.format)));
        }
        let file: File = serde_json::from_slice(&text).map_err(|error| at(error.to_string()))?;
        self.kept = Some(file.bearings.clone());
        Ok(Some(file.bearings))
    }

    /// Keeps where the person is now, beside the loop, if that has changed.
    pub fn note(&mut self, now: Bearings) {
        let busy = self.writing.as_ref().is_some_and(|writing| !writing.is_finished());
        if busy || self.kept.as_ref() == Some(&now) {
            return;
        }
        self.kept = Some(now.clone());
        let path = self.path.clone();
        // Where it cannot be kept nothing is lost.
        self.writing = Some(tokio::task::spawn_blocking(move || drop(write(&path, now))));
    }

    /// The same for the last time.
    pub async fn part(&mut self, now: Bearings) {
        if let Some(writing) = self.writing.take() {
            let _ = writing.await;
        }
        self.note(now);
        if let Some(writing) = self.writing.take() {
            let _ = writing.await;
        }
    }
}

/// Writes it, whole or not at all.
fn write(path: &std::path::Path, bearings: Bearings) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    let text = serde_json::to_vec(&File { format: FORMAT, bearings })?;
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(&text).and_then(|()| fs::rename(&beside, path)).inspect_err(|_| {
        let _ = fs::remove_file(&beside);
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn somewhere(pane: &str) -> Bearings {
        Bearings {
            pane: pane.to_owned(),
            service: Some("hr".to_owned()),
            second: true,
            filter: "age>5m".to_owned(),
            sort: Some("user".to_owned()),
            reversed: true,
            run: None,
            theme: Some("light".to_owned()),
        }
    }

    #[tokio::test]
    async fn what_is_kept_comes_back_and_is_its_owners_alone() {
        let state = tempfile::tempdir().unwrap();
        let path = state.path().join("cockpit").join("contoso-avd.json");
        let mut keeper = Keeper::at(path.clone());
        assert_eq!(keeper.recall(), Ok(None));
        keeper.part(somewhere("hosts")).await;
        keeper.part(somewhere("sessions")).await;
        assert_eq!(Keeper::at(path.clone()).recall(), Ok(Some(somewhere("sessions"))));
        let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing lies beside it");
    }

    #[tokio::test]
    async fn what_cannot_be_understood_restores_nothing_and_is_said() {
        let state = tempfile::tempdir().unwrap();
        let path = state.path().join("contoso-avd.json");
        for (text, said) in [
            ("", "EOF"),
            ("{\"format\":1,\"bearings\":{\"pane\":", "EOF"),
            ("{\"format\":1,\"bearings\":{\"pane\":7}}", "invalid type"),
            ("{\"format\":2,\"places\":[]}", "of another version, format 2"),
            (&"x".repeat(20_000), "no file of ours"),
        ] {
            fs::write(&path, text).unwrap();
            let why = Keeper::at(path.clone()).recall().unwrap_err();
            assert!(why.starts_with("where you were is not restored: /") && why.contains(said), "{why}");
        }
        // The next change is kept over it.
        let mut keeper = Keeper::at(path.clone());
        keeper.part(somewhere("runs")).await;
        assert_eq!(Keeper::at(path.clone()).recall(), Ok(Some(somewhere("runs"))));
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        assert!(Keeper::at(path).recall().unwrap_err().contains("no file of ours"));
    }
}
