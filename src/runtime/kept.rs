//! The last picture of a live estate, kept from one start to the next, so that the first frame shows
//! something: what was seen, and how long ago. `<state>/pictures/<estate>.json`; it names people, so it is
//! its owner's alone.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::PathBuf,
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

use crate::{
    app::Event,
    domain::{
        Safe, Source,
        picture::Picture,
        reading::Look,
        time::{Span, Timestamp, minutes, span_text},
    },
    journal::runs,
};

use super::session::{Place, Session};

/// Seconds between two times that it is kept.
const EVERY_S: u32 = 60;

/// Version of the file; another one is left alone.
const FORMAT: u32 = 1;

/// What is older says nothing that helps at 3 a.m.
const LONGEST: Span = minutes(24 * 60);

/// Items of one source that are kept: the file stays small, and is read before the first frame. A larger
/// source is loading until it is looked at.
const MOST_ITEMS: usize = 2_000;

/// Largest file that is read, in bytes.
const MOST_BYTES: u64 = 16 << 20;

#[derive(Debug, Serialize, Deserialize)]
struct File {
    format: u32,
    /// The estate file's hash: services are counted by their place in it.
    estate: String,
    endpoint: String,
    looks: Vec<(Source, Look)>,
}

/// Why nothing was brought back.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// It cannot be read.
    #[error("{}: {error}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// Somebody else may have written it.
    #[error("{}: it belongs to uid {owner}", .0.display(), owner = .1)]
    Foreign(PathBuf, u32),
    /// It is no picture of this version.
    #[error("{}: it cannot be understood: {why}", .path.display())]
    Garbled {
        /// The file.
        path: PathBuf,
        /// Where it stops making sense.
        why: String,
    },
}

/// Told first, whatever the rest looks like.
#[derive(Debug, Deserialize)]
struct Head {
    format: u32,
}

/// What of a picture is kept.
fn worth(picture: &Picture) -> Vec<(Source, Look)> {
    let looks = picture.iter().filter_map(|(source, reading)| Some((source, reading.last.as_ref()?)));
    let small = looks.filter(|(_, look)| look.answer.items() <= MOST_ITEMS);
    small.map(|(source, look)| (source.clone(), look.clone())).collect()
}

/// Where the picture of one estate behind one endpoint is kept.
#[derive(Debug, Clone)]
struct Album {
    path: PathBuf,
    estate: String,
    endpoint: String,
}

impl Album {
    /// `None`: a simulated world ends with its process, and its picture with it.
    fn of(session: &Session) -> Option<Self> {
        if matches!(session.place, Place::Sim(_)) {
            return None;
        }
        let directory = runs::directory(&session.state).with_file_name("pictures");
        let path = directory.join(format!("{}.json", session.estate.name));
        Some(Self { path, estate: session.estate.hash.clone(), endpoint: session.endpoint.clone() })
    }

    /// Writes it, whole or not at all.
    fn keep(self, looks: Vec<(Source, Look)>) -> io::Result<()> {
        let Self { path, estate, endpoint } = self;
        if let Some(directory) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        }
        let text = serde_json::to_vec(&File { format: FORMAT, estate, endpoint, looks })?;
        let beside = path.with_extension(format!("{}.new", std::process::id()));
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(&text).and_then(|()| fs::rename(&beside, &path)).inspect_err(|_| {
            let _ = fs::remove_file(&beside);
        })
    }

    /// What was seen before this start, as far as it still says something at `now`. Another version,
    /// estate file or endpoint has nothing here, and neither has a clock that went back.
    fn recall(&self, now: Timestamp) -> Result<Vec<(Source, Look)>, KeptError> {
        let path = || self.path.clone();
        let unread = |error| KeptError::Read { path: path(), error };
        let owned = match fs::metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(unread)?,
        };
        if owned.uid() != rustix::process::getuid().as_raw() {
            return Err(KeptError::Foreign(path(), owned.uid()));
        }
        if owned.len() > MOST_BYTES {
            return Err(unread(io::Error::other(format!("larger than {MOST_BYTES} bytes"))));
        }
        let text = fs::read(&self.path).map_err(unread)?;
        let garbled = |why: serde_json::Error| KeptError::Garbled { path: path(), why: why.to_string() };
        let head: Head = serde_json::from_slice(&text).map_err(garbled)?;
        if head.format != FORMAT {
            return Ok(Vec::new());
        }
        let file: File = serde_json::from_slice(&text).map_err(garbled)?;
        let ahead = file.looks.iter().any(|(_, look)| look.at > now);
        if file.estate != self.estate || file.endpoint != self.endpoint || ahead {
            return Ok(Vec::new());
        }
        Ok(file.looks.into_iter().filter(|(_, look)| now.duration_since(look.at) <= LONGEST).collect())
    }
}

/// The same as news for the app, with a line that says what it is.
pub fn recalled(session: &Session) -> Option<Event> {
    let now = session.clock.now();
    match Album::of(session)?.recall(now) {
        Ok(looks) => {
            let newest = looks.iter().map(|(_, look)| look.at).max()?;
            let ago = span_text(now.duration_since(newest));
            let told = format!("until looks answer this is what was seen before, {ago} ago and earlier");
            Some(Event::Recalled { looks, told: Safe::new(&told) })
        }
        Err(error) => {
            let told = format!("what was seen before this start is not shown: {error}");
            Some(Event::Notice(Safe::new(&told)))
        }
    }
}

/// Keeps the picture once in a while; `second`: counted since the start.
pub fn now_and_then(second: u32, session: &Arc<Session>, picture: &Picture) {
    if second.is_multiple_of(EVERY_S) {
        keep_beside(session, picture);
    }
}

/// Keeps the picture for the next start, beside the loop. Where it cannot be kept nothing is lost.
pub fn keep_beside(session: &Arc<Session>, picture: &Picture) -> Option<JoinHandle<()>> {
    let album = Album::of(session)?;
    let looks = worth(picture);
    (!looks.is_empty()).then(|| tokio::task::spawn_blocking(move || drop(album.keep(looks))))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::{
        app::{
            World,
            scene::{self, Weather},
        },
        domain::{Answer, Listing, Observation, Side, time::seconds},
    };

    fn album(directory: &std::path::Path) -> Album {
        let path = directory.join("pictures").join("contoso-avd.json");
        Album { path, estate: "hash".to_owned(), endpoint: "https://management.azure.com".to_owned() }
    }

    /// Every kind of answer that a scene has.
    fn seen() -> Vec<(Source, Look)> {
        worth(&scene::app(World::Live, Weather::Outage).picture)
    }

    #[test]
    fn a_picture_comes_back_as_it_was_and_is_its_owners_alone() {
        let state = tempfile::tempdir().unwrap();
        let album = album(state.path());
        assert!(album.recall(scene::noon()).unwrap().is_empty(), "the first start");
        let looks = seen();
        assert!(looks.len() > 20, "{}", looks.len());
        album.clone().keep(looks.clone()).unwrap();
        assert_eq!(album.recall(scene::noon()).unwrap(), looks);
        for (path, mode) in [(album.path.as_path(), 0o600), (album.path.parent().unwrap(), 0o700)] {
            let found = fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(found, mode, "{}", path.display());
        }
        let left = fs::read_dir(album.path.parent().unwrap()).unwrap().count();
        assert_eq!(left, 1, "nothing is left beside it");
    }

    #[test]
    fn what_says_nothing_here_and_now_is_not_brought_back() {
        let state = tempfile::tempdir().unwrap();
        let album = album(state.path());
        let looks = seen();
        let newest = looks.iter().map(|(_, look)| look.at).max().unwrap();
        album.clone().keep(looks.clone()).unwrap();
        let brought = |album: &Album, now| album.recall(now).unwrap().len();
        let other = |estate: &str, endpoint: &str| Album {
            estate: estate.to_owned(),
            endpoint: endpoint.to_owned(),
            ..album.clone()
        };
        assert_eq!(brought(&other("other", &album.endpoint), newest), 0, "another estate file");
        assert_eq!(brought(&other("hash", "http://127.0.0.1:9"), newest), 0, "another endpoint");
        assert_eq!(brought(&album, newest - seconds(1)), 0, "the clock went back");
        assert_eq!(brought(&album, newest), looks.len());
        assert_eq!(brought(&album, newest + LONGEST + seconds(1)), 0, "a day old");
        let text = fs::read_to_string(&album.path).unwrap();
        fs::write(&album.path, text.replace("\"format\":1", "\"format\":2")).unwrap();
        assert_eq!(brought(&album, newest), 0, "another version");
        for cut in [0, 1, text.len() / 2, text.len() - 1] {
            fs::write(&album.path, &text[..cut]).unwrap();
            let error = album.recall(newest).unwrap_err().to_string();
            assert!(error.contains("contoso-avd.json: it cannot be understood"), "{error}");
        }
    }

    #[test]
    fn a_source_with_too_much_to_tell_is_not_kept() {
        let mut picture = Picture::default();
        let host = seen().into_iter().find_map(|(_, look)| match &look.answer {
            Answer::Hosts(list) => list.seen().first().cloned(),
            _ => None,
        });
        for (service, count) in [(0, MOST_ITEMS), (1, MOST_ITEMS + 1)] {
            picture.take(Observation {
                source: Source::Hosts(service, Side::Primary),
                started: scene::noon(),
                ended: scene::noon(),
                outcome: Ok(Answer::Hosts(Listing::whole(vec![host.clone().unwrap(); count], 1))),
            });
        }
        let kept: Vec<Source> = worth(&picture).into_iter().map(|(source, _)| source).collect();
        assert_eq!(kept, [Source::Hosts(0, Side::Primary)]);
    }
}
