//! The command line behind `:`.

use super::{event::Intent, keyboard, mode::Speed};

/// A command of the palette.
#[derive(Debug, Clone, PartialEq)]
pub enum PaletteCommand {
    /// Open the arm dialog.
    Arm,
    /// Disarm.
    Disarm,
    /// Leave.
    Quit,
    /// Start a procedure, by id where one is given.
    Run(Option<String>),
    /// Resume a run by id.
    Resume(Option<String>),
    /// Abort the run.
    Abort,
    /// Write a note, given or asked for.
    Note(Option<String>),
    /// Hold the run or resume it.
    Hold,
    /// Skip the step.
    Skip,
    /// Downgrade the step.
    Downgrade,
    /// Try again; one item or all.
    Retry(Option<String>),
    /// Restart the host under a stuck item.
    Restart(Option<String>),
    /// Accept stuck items.
    Accept,
    /// Cut the notice short.
    Shorten,
    /// State that the region is dead.
    State(Option<String>),
    /// Undo the step.
    Undo,
    /// Leave a holder outside the plan where it is: beginning of its id, and the reason.
    Leave(String, String),
    /// Write the report of the open run, or of the one named.
    Report(Option<String>),
    /// Show the runs.
    Runs,
    /// Show events and journal.
    Events,
    /// Show the journal of the run with this id, of the open one or of the last one.
    Journal(Option<String>),
    /// Show the checks.
    Readiness,
    /// Show whether a region is dead or only cannot be seen.
    Vantage,
    /// Set the clock's speed.
    Speed(Speed),
    /// Mask people, addresses and ids, or show them again.
    Redact(bool),
    /// Wear another theme; empty: tell which there are.
    Theme(String),
    /// Go to so many seconds after the beginning of the recording.
    Seek(u32),
    /// What a key of the table does, by the name of its action.
    Do(Intent),
    /// Show the keys.
    Help,
}

impl PaletteCommand {
    /// Whether it only turns to something else to look at: all else wants a live picture.
    pub fn only_looks(&self) -> bool {
        matches!(
            self,
            Self::Runs
                | Self::Events
                | Self::Journal(_)
                | Self::Readiness
                | Self::Vantage
                | Self::Help
                | Self::Speed(_)
                | Self::Seek(_)
                | Self::Report(_)
                | Self::Redact(_)
                | Self::Theme(_)
                | Self::Do(_)
        )
    }
}

/// Names, with what they do: the palette's own help and its completion.
pub const COMMANDS: [(&str, &str); 28] = [
    ("abort", "stop the run for good"),
    ("accept", "go on although named items did not end"),
    ("arm", "let writes be confirmed"),
    ("disarm", "back to read-only"),
    ("downgrade", "turn the step ungraceful, with a reason"),
    ("events", "events and journal"),
    ("help", "the keys that work here"),
    ("hold", "start no further item, or go on"),
    ("journal", "a run's journal: journal [RUN]"),
    ("leave", "leave a holder outside the plan: leave ID REASON"),
    ("note", "write a note: note TEXT"),
    ("quit", "leave the cockpit"),
    ("readiness", "every check and what to do"),
    ("redact", "mask people, addresses and ids on this screen: redact [off]"),
    ("report", "write the report: report [RUN]"),
    ("restart", "restart the host under a stuck item: restart [ITEM]"),
    ("resume", "go on with a run: resume RUN"),
    ("retry", "try again what failed or timed out: retry [ITEM]"),
    ("run", "start a procedure: run [ID]"),
    ("runs", "the runs of this estate"),
    ("seek", "a place in a recording: seek 12:30, 1:02:03, start or end"),
    ("shorten", "cut the notice short, with a reason"),
    ("skip", "skip the step, with a reason"),
    ("speed", "the estate's clock: speed 1, 10, 60 … or pause"),
    ("state", "state that the region is dead: state TEXT"),
    ("theme", "other colours: theme NAME, one of your own or a built-in one"),
    ("undo", "take the step back"),
    ("vantage", "is a region dead, or can only this machine not see it"),
];

/// Reads a command line. An error fits into one line.
pub fn parse(line: &str) -> Result<PaletteCommand, String> {
    let line = line.trim().trim_start_matches(':').trim();
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim();
    let given = || (!rest.is_empty()).then(|| rest.to_owned());
    Ok(match word {
        "arm" => PaletteCommand::Arm,
        "disarm" => PaletteCommand::Disarm,
        "quit" | "q" => PaletteCommand::Quit,
        "run" => PaletteCommand::Run(given()),
        "resume" => PaletteCommand::Resume(given()),
        "abort" => PaletteCommand::Abort,
        "note" => PaletteCommand::Note(given()),
        "hold" => PaletteCommand::Hold,
        "skip" => PaletteCommand::Skip,
        "downgrade" => PaletteCommand::Downgrade,
        "retry" => PaletteCommand::Retry(given()),
        "restart" => PaletteCommand::Restart(given()),
        "accept" => PaletteCommand::Accept,
        "shorten" => PaletteCommand::Shorten,
        "state" => PaletteCommand::State(given()),
        "leave" => match rest.split_once(char::is_whitespace) {
            Some((id, reason)) if !reason.trim().is_empty() => {
                PaletteCommand::Leave(id.to_lowercase(), reason.trim().to_owned())
            }
            _ => return Err("leave needs the beginning of the holder's id and a reason".to_owned()),
        },
        "undo" => PaletteCommand::Undo,
        "report" => PaletteCommand::Report(given()),
        "runs" => PaletteCommand::Runs,
        "events" => PaletteCommand::Events,
        "journal" => PaletteCommand::Journal(given()),
        "readiness" => PaletteCommand::Readiness,
        "vantage" => PaletteCommand::Vantage,
        "redact" => match rest {
            "" | "on" => PaletteCommand::Redact(true),
            "off" => PaletteCommand::Redact(false),
            _ => return Err("redact takes nothing, or off".to_owned()),
        },
        "theme" => PaletteCommand::Theme(rest.to_owned()),
        "help" => PaletteCommand::Help,
        "speed" => PaletteCommand::Speed(speed(rest)?),
        "seek" => PaletteCommand::Seek(place(rest)?),
        "" => return Err("type a command; tab completes, esc closes".to_owned()),
        other => match keyboard::named(other) {
            Some(intent) if rest.is_empty() => PaletteCommand::Do(intent),
            _ => return Err(unknown(other)),
        },
    })
}

/// As fast as `--speed` goes.
const FASTEST: u16 = 240;

fn speed(text: &str) -> Result<Speed, String> {
    match text {
        "pause" => Ok(Speed::Paused),
        _ => match text.parse::<u16>() {
            Ok(times) if (1..=FASTEST).contains(&times) => Ok(Speed::Times(f64::from(times))),
            _ => Err(format!("speed takes 1 to {FASTEST}, or pause")),
        },
    }
}

/// A place in a recording in seconds: hours, minutes and seconds with colons, or a word.
fn place(text: &str) -> Result<u32, String> {
    let wrong = || "seek takes minutes and seconds, such as 12:30, or start or end".to_owned();
    match text {
        "start" => Ok(0),
        "end" => Ok(u32::MAX),
        _ if text.split(':').count() > 3 => Err(wrong()),
        _ => text.split(':').enumerate().try_fold(0_u32, |all, (at, part)| {
            let part = part.parse::<u32>().ok().filter(|part| at == 0 || *part < 60).ok_or_else(wrong)?;
            all.checked_mul(60).and_then(|all| all.checked_add(part)).ok_or_else(wrong)
        }),
    }
}

fn unknown(word: &str) -> String {
    let near = COMMANDS
        .iter()
        .map(|(name, _)| (strsim::damerau_levenshtein(word, name), *name))
        .min()
        .filter(|(distance, _)| *distance <= 2);
    match near {
        Some((_, name)) => format!("no command `{word}`; did you mean `{name}`?"),
        None => format!("no command `{word}`; tab lists them"),
    }
}

/// The commands that begin like the first word of the line.
pub fn matching(line: &str) -> Vec<(&'static str, &'static str)> {
    let word = line.split_whitespace().next().unwrap_or_default();
    COMMANDS.iter().filter(|(name, _)| name.starts_with(word)).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_read_as_typed() {
        assert_eq!(parse("speed 10"), Ok(PaletteCommand::Speed(Speed::Times(10.0))));
        assert_eq!(parse(" :note  all told "), Ok(PaletteCommand::Note(Some("all told".to_owned()))));
        assert_eq!(parse("q"), Ok(PaletteCommand::Quit));
        for (line, seconds) in
            [("seek 1:02:03", 3_723), ("seek 12:30", 750), ("seek 90:00", 5_400), ("seek end", u32::MAX)]
        {
            assert_eq!(parse(line), Ok(PaletteCommand::Seek(seconds)));
        }
        for (line, said) in [
            ("", "type a command"),
            ("speed 0", "1 to 240, or pause"),
            ("seek", "such as 12:30"),
            ("seek 9:9999999999", "such as 12:30"),
            ("seek 99:99", "such as 12:30"),
            ("seek 1:60:00", "such as 12:30"),
            ("seek 1:2:3:4", "such as 12:30"),
            ("abrot", "did you mean `abort`"),
            ("delete everything", "tab lists them"),
        ] {
            assert!(parse(line).unwrap_err().contains(said), "{line}");
        }
    }

    #[test]
    fn what_can_be_without_a_key_is_a_command() {
        for row in crate::app::keys::BINDINGS {
            let name = keyboard::action(row.intent);
            let needs = matches!(name, "leave");
            if keyboard::stays(name).is_none() && !needs {
                assert!(parse(name).is_ok(), "{name}");
            }
        }
        for name in ["enter", "escape", "copy", "interrupt"] {
            assert!(parse(name).is_err(), "{name} stays with its key");
        }
    }

    #[test]
    fn every_listed_command_is_understood() {
        for (name, _) in COMMANDS {
            let line = match name {
                "speed" => "speed 1",
                "seek" => "seek 0:01",
                "resume" => "resume r-1",
                "leave" => "leave 4c4c helpdesk",
                name => name,
            };
            assert!(parse(line).is_ok(), "{name}");
        }
    }
}
