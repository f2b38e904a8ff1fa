//! `config check` and `config template`.

use std::{fmt::Write as _, path::PathBuf};

use crate::{
    cli::{Asked, Cli, Config},
    config,
    domain::{estate::Estate, text::counted},
    runtime::{keyfile, session, themes::Themes},
    ui::theme::{Shelf, Theme},
};

use super::{VerbError, print};

/// `farshore config`.
pub fn perform(cli: &Cli, verb: Config) -> Result<u8, VerbError> {
    match verb {
        Config::Template => {
            print(config::TEMPLATE)?;
            Ok(0)
        }
        Config::Check => check(cli),
    }
}

/// Whether a file has mistakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    Mistakes,
}

fn check(cli: &Cli) -> Result<u8, VerbError> {
    if matches!(cli.global.asked(), Asked::Sim(_)) {
        return Err(VerbError::Usage(
            "--sim has no files to check: leave it out, or give --estate".to_owned(),
        ));
    }
    let mut page = String::new();
    let all = [estate(cli, &mut page), keys(&mut page), themes(&mut page)];
    print(&page)?;
    Ok(if all.contains(&Found::Mistakes) { 2 } else { 0 })
}

fn estate(cli: &Cli, page: &mut String) -> Found {
    let path = match cli.global.asked() {
        Asked::Estate(path) => path,
        _ => session::default_estate().unwrap_or_else(|| PathBuf::from("the config directory")),
    };
    let _ = writeln!(page, "estate  {}", path.display());
    if cli.global.asked() == Asked::Nothing && !session::is_there(&path) {
        let _ = writeln!(page, "        not there: `farshore config template` prints one to start from");
        return Found::Mistakes;
    }
    match config::load(&path) {
        Ok(estate) => {
            let _ = writeln!(page, "        ok: {}", told(&estate));
            if !estate.not_in_this_version.is_empty() {
                let later = estate.not_in_this_version.join(", ");
                let _ = writeln!(page, "        not in this version, and not looked at: {later}");
            }
            Found::Nothing
        }
        Err(errors) => mistakes(page, &errors.to_string()),
    }
}

/// What an estate file names, in one line.
fn told(estate: &Estate) -> String {
    let services: Vec<&str> = estate.services.iter().map(|service| service.name.as_str()).collect();
    let groups: usize = estate.services.iter().map(|service| service.groups.len()).sum();
    let none = "no service that this version can move".to_owned();
    let services = if services.is_empty() { none } else { format!("services {}", services.join(", ")) };
    let [one, two] = [&estate.regions.primary, &estate.regions.secondary];
    let groups =
        if groups == 1 { "1 group and its twin".to_owned() } else { format!("{groups} groups and twins") };
    let regions = format!("{} {} and {} {}", one.code, one.azure, two.code, two.azure);
    format!("{}, {regions}, {services}; {groups}", estate.name)
}

fn keys(page: &mut String) -> Found {
    let Some(path) = keyfile::place() else { return Found::Nothing };
    let _ = writeln!(page, "keys    {}", path.display());
    match keyfile::own() {
        Ok(None) => {
            let _ = writeln!(page, "        not there: the usual keys hold");
            Found::Nothing
        }
        Ok(Some(own)) => {
            let changed = counted(own.changed, "action");
            let _ = writeln!(page, "        ok: {changed} with keys of your own");
            for warning in own.warnings {
                let _ = writeln!(page, "        warning: {warning}");
            }
            Found::Nothing
        }
        Err(errors) => mistakes(page, &errors.to_string()),
    }
}

fn themes(page: &mut String) -> Found {
    let shelf = Themes::own();
    let Some(directory) = shelf.directory() else { return Found::Nothing };
    let _ = writeln!(page, "themes  {}", directory.display());
    let names = shelf.names();
    if names.is_empty() {
        let _ = writeln!(page, "        none of your own");
    }
    let mut found = Found::Nothing;
    for name in names {
        match Theme::found(&name, &shelf) {
            Ok(_) => drop(writeln!(page, "        ok: {name}")),
            Err(errors) => found = mistakes(page, &errors.to_string()),
        }
    }
    found
}

fn mistakes(page: &mut String, errors: &str) -> Found {
    for line in errors.lines() {
        let _ = writeln!(page, "        {line}");
    }
    Found::Mistakes
}
