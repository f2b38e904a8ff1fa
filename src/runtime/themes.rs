//! A person's own themes: files of the configuration directory, or one that is named by its path.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use crate::ui::theme::{Shelf, Source};

/// Largest theme file, in bytes: the longest of ours has two thousand.
const MAX_BYTES: u64 = 100_000;

/// The themes below a directory, and files that are named by their path.
#[derive(Debug, Clone)]
pub struct Themes {
    directory: Option<PathBuf>,
}

impl Themes {
    /// Those of the person: `farshore/themes` in the configuration directory.
    pub fn own() -> Self {
        let directories = directories::BaseDirs::new();
        Self::below(directories.map(|all| all.config_dir().join("farshore").join("themes")))
    }

    /// Where they stand.
    pub fn directory(&self) -> Option<&Path> {
        self.directory.as_deref()
    }

    /// Those below `directory`.
    pub fn below(directory: Option<PathBuf>) -> Self {
        Self { directory }
    }
}

/// Whether a theme is named by the path of its file.
fn is_path(name: &str) -> bool {
    name.contains(['/', '\\']) || Path::new(name).extension().is_some_and(|end| end == "toml")
}

impl Shelf for Themes {
    fn find(&self, name: &str) -> Result<Option<Source>, String> {
        let path = match &self.directory {
            _ if is_path(name) => PathBuf::from(name),
            Some(directory) if !name.is_empty() => directory.join(format!("{name}.toml")),
            _ => return Ok(None),
        };
        let label = path.display().to_string();
        match read(&path) {
            Ok(text) => Ok(Some(Source { label, text })),
            Err(None) if is_path(name) => Err(format!("{label}: there is no such file")),
            Err(None) => Ok(None),
            Err(Some(why)) => Err(format!("{label}: {why}")),
        }
    }

    fn names(&self) -> Vec<String> {
        let Some(Ok(entries)) = self.directory.as_ref().map(fs::read_dir) else { return Vec::new() };
        let files = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<String> =
            files.filter_map(|file| file.strip_suffix(".toml").map(str::to_owned)).collect();
        names.sort();
        names
    }
}

/// The text of a file; `None`: there is none.
fn read(path: &Path) -> Result<String, Option<String>> {
    let found = fs::metadata(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => None,
        _ => Some(format!("cannot be read: {error}")),
    })?;
    if !found.is_file() {
        return Err(Some("is not a regular file".to_owned()));
    }
    if found.len() > MAX_BYTES {
        return Err(Some(format!("is larger than {} KB; this is no theme", MAX_BYTES / 1_000)));
    }
    fs::read_to_string(path).map_err(|error| Some(format!("cannot be read: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::theme::Theme;

    #[test]
    fn themes_are_found_by_name_and_by_path() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::write(at("mine.toml"), "inherits = \"dark\"\n").unwrap();
        fs::write(at("next.toml"), "inherits = \"mine\"\n").unwrap();
        fs::write(at("bad.toml"), "[roles]\nbda = {}\n").unwrap();
        let shelf = Themes::below(Some(directory.path().to_owned()));
        let dark = Theme::named("dark").unwrap();
        assert_eq!(Theme::found("mine", &shelf), Ok(dark.clone()));
        assert_eq!(Theme::found("next", &shelf), Ok(dark.clone()));
        let said = |name: &str| Theme::found(name, &shelf).unwrap_err().to_string();
        assert!(said("nxet").contains("bad, mine, next; nearest is \"next\""), "{}", said("nxet"));
        let path = at("bad.toml").display().to_string();
        let wrong = format!("{path}:2:1: unknown role \"bda\"; nearest is \"bad\"");
        assert_eq!((said("bad"), said(&path)), (wrong.clone(), wrong));
        assert_eq!(Theme::found(&at("mine.toml").display().to_string(), &Themes::below(None)), Ok(dark));
        assert!(said("./nowhere.toml").contains("./nowhere.toml: there is no such file"));
        assert!(said(&format!("{}/", directory.path().display())).contains("is not a regular file"));
    }
}
