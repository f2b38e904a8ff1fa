//! The command line: clap types only, no work.
//!
//! Verbs and flags that are not built yet do not exist here. Names, flags and exit codes are a
//! contract: they only ever grow.

mod identity;
mod shell;
mod sim;
mod speed;

use std::{ffi::OsString, path::PathBuf};

use clap::{
    Args, CommandFactory, Parser, Subcommand, ValueEnum, builder::NonEmptyStringValueParser, error::ErrorKind,
};

use crate::domain::Safe;

pub use identity::{Doctor, Login, Store};
pub use shell::{Completions, Config};
pub use sim::{Serve, Sim, SimEstate};
pub use speed::Speed;

/// Exit code of usage errors, unless the verb has its own.
pub const EXIT_USAGE: u8 = 2;

/// Exit code of usage errors of `status` and `check`: monitoring reads it as *unknown*.
pub const EXIT_UNKNOWN: u8 = 3;

/// Exit code of usage errors of `audit`, whose codes 1 to 4 are verdicts.
pub const EXIT_AUDIT_USAGE: u8 = 64;

/// A terminal cockpit that moves Azure Virtual Desktop estates between two regions, and
/// rehearses it. Without a verb it opens on the estate file, or on a simulated estate.
#[derive(Debug, Clone, PartialEq, Parser)]
#[command(name = "farshore", version, disable_help_subcommand = true, max_term_width = 100)]
pub struct Cli {
    /// Flags of every verb, before or after it.
    #[command(flatten)]
    pub global: Global,
    /// What to do; `None`: the cockpit.
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

/// Flags of every verb.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(next_help_heading = "Everywhere")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Global {
    /// The estate file
    #[arg(long, global = true, value_name = "FILE")]
    estate: Option<PathBuf>,
    /// The simulated estate, calm or in another scenario
    #[arg(
        long,
        global = true,
        value_name = "SCENARIO",
        num_args = 0..=1,
        require_equals = true,
        value_parser = NonEmptyStringValueParser::new()
    )]
    #[expect(clippy::option_option, reason = "clap's form of an optional flag with an optional value")]
    sim: Option<Option<String>>,
    /// Seed of the simulated estate
    #[arg(long, global = true, value_name = "N")]
    pub seed: Option<u64>,
    /// Speed of a simulated estate's or a recording's clock: over 0 to 240, or max
    #[arg(long, global = true, value_name = "N|max")]
    pub speed: Option<Speed>,
    /// Another Azure Resource Manager: a known cloud, or http on a loopback address
    #[arg(long, global = true, value_name = "URL")]
    pub endpoint: Option<String>,
    /// Where everything that is written goes
    #[arg(long, global = true, value_name = "DIR", env = "FARSHORE_STATE_DIR", hide_env_values = true)]
    pub state_dir: Option<PathBuf>,
    /// Cannot be armed
    #[arg(long, global = true)]
    pub read_only: bool,
    /// Mask people, IP addresses and ids in everything that is shown or printed
    #[arg(long, global = true)]
    pub redact: bool,
    /// Colours: the name of a theme, or the path of its file
    #[arg(long, global = true, value_name = "NAME|FILE")]
    pub theme: Option<String>,
    /// Draw with ASCII characters only
    #[arg(long, global = true)]
    pub ascii: bool,
    /// Lines of text instead of a screen
    #[arg(long, global = true)]
    pub plain: bool,
    /// When the bell rings: never, when a person is needed or a step failed, or after every step too
    #[arg(long, global = true, value_name = "WHEN", default_value = "needed")]
    pub bell: Bell,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
}

/// Which estate was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// None: the cockpit looks for an estate file and falls back to the simulated estate; every
    /// verb needs an estate file.
    Nothing,
    /// The simulated estate, in a scenario where one was named.
    Sim(Option<String>),
    /// The estate of this file.
    Estate(PathBuf),
}

impl Global {
    /// Which estate was asked for.
    pub fn asked(&self) -> Asked {
        match (&self.estate, &self.sim) {
            (Some(path), _) => Asked::Estate(path.clone()),
            (None, Some(scenario)) => Asked::Sim(scenario.clone()),
            (None, None) => Asked::Nothing,
        }
    }
}

/// When the bell rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Bell {
    /// Never.
    Never,
    /// When a person is needed, and when a step failed.
    Needed,
    /// Also when a step is done.
    Always,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal that has it, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub enum Verb {
    /// How the estate stands; exit code 0 ok, 1 warning, 2 critical, 3 unknown
    Status(Status),
    /// Whether the estate is ready to be failed over; exit codes as status
    Check(Check),
    /// Procedures: list, show, plan, lint
    #[command(subcommand, arg_required_else_help = true)]
    Runbook(Runbook),
    /// Start a run of a procedure
    Run(Run),
    /// The runs so far
    Runs,
    /// Go on with a run
    Resume(Resume),
    /// What happened in a run, for those who were not there
    Report(Report),
    /// The journals: verify, show
    #[command(subcommand, arg_required_else_help = true)]
    Audit(Audit),
    /// Sign in: take a token and keep it sealed for the processes to come
    Login(Login),
    /// Wipe the sealed token; az and managed identities are not touched
    Logout,
    /// As whom farshore acts, and until when
    Whoami,
    /// Whether this machine and this identity can do their work
    Doctor(Doctor),
    /// Open the cockpit and record the sitting
    Record(Record),
    /// Play a recording
    Replay {
        /// The recording
        file: PathBuf,
    },
    /// The simulated Azure: serve, estate, scenarios
    #[command(subcommand, arg_required_else_help = true)]
    Sim(Sim),
    /// The files of a person: check, template
    #[command(subcommand, arg_required_else_help = true)]
    Config(Config),
    /// What completes farshore's words in a shell
    Completions(Completions),
    /// The manual page
    Man,
}

/// `status`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Status {
    /// Only this service
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
    /// Form
    #[arg(short, long, value_name = "FORM", default_value = "table")]
    pub output: StatusForm,
    /// Look once and end, as without this flag
    #[arg(long, conflicts_with = "watch")]
    pub once: bool,
    /// Go on looking; with json one object a line
    #[arg(long)]
    pub watch: bool,
}

/// Forms of `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StatusForm {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// One line for Nagios and its kin.
    Nagios,
}

/// `check`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Check {
    /// Only this service
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
    /// Form
    #[arg(short, long, value_name = "FORM", default_value = "table")]
    pub output: CheckForm,
}

/// Forms of `check`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CheckForm {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// `runbook`.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Runbook {
    /// All procedures
    List,
    /// One procedure, step by step
    Show {
        /// The procedure
        id: String,
    },
    /// What a run would change, without changing it
    Plan(Plan),
    /// Every mistake of a procedure's file
    Lint {
        /// The file
        file: PathBuf,
    },
}

/// `runbook plan`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Plan {
    /// The procedure
    pub id: String,
    /// The service; needed where more than one fits
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
    /// Whether the side that is left still answers
    #[arg(long, value_name = "MODE", default_value = "graceful")]
    pub mode: Mode,
    /// Form
    #[arg(short, long, value_name = "FORM", default_value = "text")]
    pub output: TextForm,
}

/// Whether the side that is left still answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// It answers.
    Graceful,
    /// It is dead.
    Ungraceful,
}

/// Text or JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TextForm {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// `run`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Run {
    /// The procedure
    pub id: String,
    /// The service; needed where more than one fits
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
    /// Whether the side that is left still answers; needed where it looks dead, else graceful
    #[arg(long, value_name = "MODE")]
    pub mode: Option<Mode>,
    /// Answer every question by what is seen; simulated estates only
    #[arg(long)]
    pub auto: bool,
}

/// `resume`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Resume {
    /// The run
    pub run: String,
    /// Answer every question by what is seen; simulated estates only
    #[arg(long)]
    pub auto: bool,
}

/// `report`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Report {
    /// The run
    pub run: String,
    /// Form
    #[arg(short, long, value_name = "FORM", default_value = "md")]
    pub output: ReportForm,
    /// Of a run in this recording
    #[arg(long, value_name = "FILE")]
    pub recording: Option<PathBuf>,
}

/// Forms of `report`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportForm {
    /// Markdown.
    Md,
    /// For programs.
    Json,
}

/// `record`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Record {
    /// The file, which must not be there yet; otherwise one below the state directory
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `audit`.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Audit {
    /// Whether the journals are as they were written; exit code 0 intact, 1 tampered, 2 torn
    /// end, 3 shorter than a known head, 4 run missing or not joined, 64 usage
    Verify(Verify),
    /// A journal, one line a record
    Show {
        /// The run
        run: String,
        /// Form
        #[arg(short, long, value_name = "FORM", default_value = "text")]
        output: TextForm,
    },
}

/// `audit verify`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Verify {
    /// Only this run
    pub run: Option<String>,
    /// A head that was noted elsewhere and must be found
    #[arg(long, value_name = "HASH")]
    pub head: Option<String>,
    /// Form
    #[arg(short, long, value_name = "FORM", default_value = "text")]
    pub output: TextForm,
}

/// Why the program ends before it began: help or version (code 0, text for standard output), or
/// a usage error (text for standard error). The text is safe to print and ends in a line feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// Exit code.
    pub code: u8,
    /// What to print.
    pub text: String,
}

/// Parses the command line, the program's name included.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, Exit> {
    let mut words = Vec::new();
    let mut foreign = None;
    for (index, arg) in args.into_iter().enumerate() {
        if arg.to_str().is_none() {
            foreign.get_or_insert(index);
        }
        words.push(arg.to_string_lossy().into_owned());
    }
    let code = usage_code(&words);
    if let Some(index) = foreign {
        let text = format!("error: argument {index} is not UTF-8 text: {}\n", Safe::new(&words[index]));
        return Err(Exit { code, text });
    }
    let parsed = Cli::try_parse_from(&words).and_then(|cli| consistent(&cli).map(|()| cli));
    parsed.map_err(|error| exit(error, &words, code))
}

/// What clap cannot see, because the flags may stand on both sides of the verb.
fn consistent(cli: &Cli) -> Result<(), clap::Error> {
    let Global { estate, sim, endpoint, speed, .. } = &cli.global;
    let what = if estate.is_some() && sim.is_some() {
        "--estate and --sim exclude each other: one names a file, the other the simulated estate"
    } else if sim.is_some() && endpoint.is_some() {
        "--sim and --endpoint exclude each other: the simulated estate has no address"
    } else if matches!(cli.verb, Some(Verb::Sim(Sim::Serve(_)))) && *speed == Some(Speed::Max) {
        "--speed max works in-process only: a served clock needs a number"
    } else {
        return Ok(());
    };
    Err(Cli::command().error(ErrorKind::ArgumentConflict, what))
}

fn exit(error: clap::Error, words: &[String], code: u8) -> Exit {
    let code = if error.use_stderr() { code } else { 0 };
    // An argument may hold line feeds and escapes. Parsing the escaped words gives the same
    // message with the escaped argument in it, and its own line feeds stay the only ones.
    let escaped = words.iter().map(|word| Safe::new(word).to_string());
    let error = match Cli::try_parse_from(escaped) {
        Err(again) if again.kind() == error.kind() => again,
        _ => error,
    };
    let rendered = error.render().to_string();
    let mut text = String::with_capacity(rendered.len());
    for line in rendered.lines() {
        text.push_str(Safe::new(line).as_str());
        text.push('\n');
    }
    Exit { code, text }
}

/// The exit code of usage errors, by the verb that was meant.
fn usage_code(words: &[String]) -> u8 {
    let command = Cli::command();
    let takes_value = |word: &str| {
        command.get_arguments().any(|argument| {
            argument.get_long().is_some_and(|long| word.strip_prefix("--") == Some(long))
                && argument.get_action().takes_values()
                && !argument.is_require_equals_set()
        })
    };
    let mut words = words.iter().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "status" | "check" => return EXIT_UNKNOWN,
            "audit" => return EXIT_AUDIT_USAGE,
            verb if command.get_subcommands().any(|known| known.get_name() == verb) => return EXIT_USAGE,
            flag if takes_value(flag) => drop(words.next()),
            _ => {}
        }
    }
    EXIT_USAGE
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    fn parsed(line: &str) -> Result<Cli, Exit> {
        parse(std::iter::once("farshore").chain(line.split_whitespace()).map(OsString::from))
    }

    fn good(line: &str) -> Cli {
        parsed(line).unwrap_or_else(|exit| panic!("{line}: {}", exit.text))
    }

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_of_every_verb_stand_before_or_after_it() {
        for line in [
            "--sim=region-outage --seed 7 --speed 60 --read-only status",
            "status --sim=region-outage --seed 7 --speed 60 --read-only",
            "--seed 7 status --read-only --sim=region-outage --speed 60",
        ] {
            let cli = good(line);
            assert_eq!(cli.global.asked(), Asked::Sim(Some("region-outage".to_owned())), "{line}");
            assert_eq!((cli.global.seed, cli.global.speed), (Some(7), Some(Speed::Times(60.0))), "{line}");
            assert!(cli.global.read_only && matches!(cli.verb, Some(Verb::Status(_))), "{line}");
        }
        let deep = good("audit show r-1 --state-dir /x --estate e.toml");
        assert_eq!(deep.global.state_dir, Some(PathBuf::from("/x")));
        assert_eq!(deep.global.asked(), Asked::Estate("e.toml".into()));
        assert_eq!(good("").global.asked(), Asked::Nothing);
        assert_eq!(good("").verb, None);
        assert_eq!(good("--sim").global.asked(), Asked::Sim(None));
    }

    #[test]
    fn the_value_of_sim_needs_its_equals_sign() {
        let cli = good("--sim status");
        assert_eq!(cli.global.asked(), Asked::Sim(None));
        assert!(matches!(cli.verb, Some(Verb::Status(_))));
        assert!(parsed("--sim calm").unwrap_err().text.contains("unrecognized subcommand 'calm'"));
        let run = good("run --sim avd-pooled-failover --auto --mode ungraceful --service hr");
        let Some(Verb::Run(run)) = run.verb else { panic!() };
        assert_eq!(
            (run.id.as_str(), run.auto, run.mode),
            ("avd-pooled-failover", true, Some(Mode::Ungraceful))
        );
    }

    #[test]
    fn every_verb_of_the_contract_is_there() {
        for line in [
            "status --service hr --output nagios --watch",
            "status --once -o json",
            "check --service hr --output json",
            "check -o json",
            "runbook list",
            "runbook show avd-pooled-failover",
            "runbook plan avd-pooled-failover --service hr --mode graceful --output json",
            "runbook lint a.toml",
            "run avd-pooled-failover",
            "runs",
            "resume r-1 --auto",
            "report r-1 --output json",
            "audit verify",
            "audit verify r-1 --head 00 --output json",
            "audit show r-1 --output json",
            "login",
            "login --store passphrase --estate e.toml",
            "logout --state-dir /x",
            "whoami",
            "doctor --output json",
            "sim serve --port 0 --scenario calm --seed 3 --speed 60 --latency 80",
            "sim estate --scenario calm",
            "sim estate --port 4280",
            "sim scenarios",
            "config check --estate e.toml",
            "config template",
            "completions zsh",
            "man",
            "--endpoint http://127.0.0.1:1 --theme mono --ascii --plain --color never",
        ] {
            good(line);
        }
    }

    #[test]
    fn speed_is_a_number_or_max() {
        for (text, speed) in [("max", Speed::Max), ("0.5", Speed::Times(0.5)), ("240", Speed::Times(240.0))] {
            assert_eq!(text.parse(), Ok(speed));
        }
        for text in ["0", "-1", "3601", "nan", "inf", "fast", "", "MAX"] {
            assert!(text.parse::<Speed>().is_err(), "{text}");
        }
    }

    #[test]
    fn usage_errors_end_with_the_verbs_own_code_and_say_what_was_meant() {
        let cases = [
            ("--sim --estate e status", 3, "exclude each other"),
            ("--estate e status --sim", 3, "exclude each other"),
            ("--sim run x --endpoint http://127.0.0.1:1", 2, "has no address"),
            ("sim serve --speed max", 2, "in-process only"),
            ("--estate", 2, "--estate <FILE>"),
            ("--estate status check --bogus", 3, "unexpected argument '--bogus'"),
            ("--state-dir audit runs --bogus", 2, "unexpected argument '--bogus'"),
            ("status --servce hr", 3, "'--service'"),
            ("check --output xml", 3, "[possible values: table, json]"),
            ("audit verify --haed x", 64, "'--head'"),
            ("--plan audit show", 64, "'--plain'"),
            ("audit", 64, "Usage: farshore audit"),
            ("stats", 2, "'status'"),
            ("run", 2, "<ID>"),
            ("run x --mode harsh", 2, "[possible values: graceful, ungraceful]"),
            ("runs --speed 0", 2, "over 0 and at most 240"),
            ("sim serve --port 70000", 2, "70000"),
            ("sim estate --port 1 --scenario calm", 2, "cannot be used with"),
            ("docter", 2, "unrecognized subcommand"),
            ("help", 2, "unrecognized subcommand"),
            ("--sim=", 2, "--sim"),
        ];
        for (line, code, expected) in cases {
            let exit = parsed(line).expect_err(line);
            assert_eq!(exit.code, code, "{line}: {}", exit.text);
            assert!(exit.text.contains(expected), "{line}: {}", exit.text);
            assert!(exit.text.ends_with('\n'), "{line}");
        }
    }

    #[test]
    fn help_and_version_are_no_errors() {
        for (line, part) in [
            ("--help", "Usage: farshore"),
            ("status --help", "--output <FORM>"),
            ("--version", env!("CARGO_PKG_VERSION")),
        ] {
            let exit = parsed(line).unwrap_err();
            assert_eq!(exit.code, 0);
            assert!(exit.text.contains(part), "{}", exit.text);
        }
    }

    #[test]
    fn arguments_cannot_draw_on_the_terminal() {
        let exit = parse(["farshore", "status", "--\u{1b}[2J\nfake: line"].map(OsString::from)).unwrap_err();
        assert!(exit.text.contains("--<U+001B>[2J<U+000A>fake: line"), "{}", exit.text);
        let exit = parse(["farshore", "runs", "--speed", "\u{202e}1"].map(OsString::from)).unwrap_err();
        assert!(exit.text.contains("<U+202E>1"), "{}", exit.text);
        let foreign = OsString::from_vec(b"caf\xe9\x1b".to_vec());
        let exit = parse(["farshore".into(), "check".into(), foreign]).unwrap_err();
        assert_eq!(exit.code, 3);
        assert_eq!(exit.text, "error: argument 2 is not UTF-8 text: caf\u{fffd}<U+001B>\n");
    }
}
