//! What shells and manuals want to know of the command line: `completions` and `man`.

use clap::{Arg, Command, CommandFactory};
use clap_mangen::{
    Man,
    roff::{Inline, Roff, bold, italic, roman},
};

use crate::cli::{Cli, Completions};

use super::{VerbError, print};

/// `farshore completions SHELL`.
pub fn completions(args: &Completions) -> Result<u8, VerbError> {
    // Made whole before any of it is printed: the generator gives up where a pipe is closed.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "farshore", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(0)
}

/// `farshore man`.
pub fn man() -> Result<u8, VerbError> {
    let mut page = Vec::new();
    written(&mut page)?;
    print(&String::from_utf8_lossy(&page))?;
    Ok(0)
}

/// What `whatis` says of it: one line of a list.
const NAME: &str = "move Azure Virtual Desktop estates between two regions, and rehearse it";

/// The whole manual on one page: there are no pages of single verbs that it could lead to.
fn written(page: &mut Vec<u8>) -> std::io::Result<()> {
    let root = Cli::command();
    let man = Man::new(root.clone());
    man.render_title(page)?;
    Man::new(root.clone().about(NAME)).render_name_section(page)?;
    man.render_synopsis_section(page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    let mut roff = Roff::new();
    roff.control("SH", ["VERBS"]);
    for verb in root.get_subcommands() {
        told("farshore", verb, &mut roff);
    }
    for (section, lines) in SECTIONS {
        roff.control("SH", [*section]);
        for (name, what) in *lines {
            roff.control("TP", []);
            roff.text([bold(*name)]);
            roff.text([roman(*what)]);
        }
    }
    roff.to_writer(page)
}

/// A verb with its own words, or the verbs below it.
fn told(above: &str, verb: &Command, roff: &mut Roff) {
    let path = format!("{above} {}", verb.get_name());
    if verb.has_subcommands() {
        for below in verb.get_subcommands() {
            told(&path, below, roff);
        }
        return;
    }
    let own = || verb.get_arguments().filter(|argument| !argument.is_global_set());
    let mut line = vec![bold(path)];
    for argument in own() {
        line.push(roman(" "));
        line.extend(word(argument, true));
    }
    roff.control("TP", []);
    roff.text(line);
    let about = verb.get_about().map(ToString::to_string).unwrap_or_default();
    roff.text([roman(about)]);
    let told: Vec<&Arg> = own().filter(|argument| argument.get_help().is_some()).collect();
    if told.is_empty() {
        return;
    }
    roff.control("RS", []);
    for argument in told {
        roff.control("TP", []);
        roff.text(word(argument, false));
        roff.text([roman(help(argument))]);
    }
    roff.control("RE", []);
}

/// An argument as it is typed; in a synopsis what may be left out stands in brackets.
fn word(argument: &Arg, brackets: bool) -> Vec<Inline> {
    let value = argument.get_value_names().and_then(|names| names.first()).map(ToString::to_string);
    let value = value.filter(|_| argument.get_long().is_none() || argument.get_action().takes_values());
    let mut words = Vec::new();
    let optional = brackets && !argument.is_required_set();
    words.extend(optional.then(|| roman("[")));
    if let Some(long) = argument.get_long() {
        words.push(bold(format!("--{long}")));
        words.extend(value.is_some().then(|| roman(" ")));
    }
    words.extend(value.map(italic));
    words.extend(optional.then(|| roman("]")));
    words
}

/// What an argument means, with the words it takes and the one it has without being given.
fn help(argument: &Arg) -> String {
    let mut text = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let values: Vec<String> =
        argument.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    if !values.is_empty() && argument.get_action().takes_values() {
        text = format!("{text}: {}", values.join(", "));
    }
    match argument.get_default_values().first() {
        Some(usual) => format!("{text}; without it {}", usual.to_string_lossy()),
        None => text,
    }
}

/// What is no argument.
const SECTIONS: &[(&str, &[(&str, &str)])] = &[
    (
        "EXIT STATUS",
        &[
            ("status, check", "0 ok, 1 warning, 2 critical, 3 anything that could not be answered."),
            (
                "audit verify",
                "0 intact, 1 tampered, 2 torn end, 3 shorter than a known head, 4 run missing or not joined, \
                 64 usage.",
            ),
            (
                "all others",
                "0 done, 1 refused, failed or aborted, 2 usage or configuration, 3 stopped waiting for a \
                 person (it can be resumed), 4 finished with exceptions or open debts, 70 a mistake of farshore.",
            ),
        ],
    ),
    (
        "ENVIRONMENT",
        &[
            ("FARSHORE_STATE_DIR", "as --state-dir."),
            ("XDG_CONFIG_HOME, XDG_STATE_HOME", "where the files below stand."),
            ("NO_COLOR", "where it is not empty, no colour is used."),
        ],
    ),
    (
        "FILES",
        &[
            ("~/.config/farshore/estate.toml", "the estate; farshore config template prints one."),
            ("~/.config/farshore/keys.toml", "keys of one's own."),
            ("~/.config/farshore/themes/NAME.toml", "themes of one's own."),
            ("~/.local/state/farshore/", "journals, reports, recordings and the sealed token."),
        ],
    ),
];
