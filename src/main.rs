//! The farshore binary: reads the command line, does what it asks for.

use std::{io::Write, process::ExitCode};

use farshore::{cli, runtime};

fn main() -> ExitCode {
    let cli = match cli::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(exit) => {
            let _ = if exit.code == 0 {
                write!(std::io::stdout(), "{}", exit.text)
            } else {
                write!(std::io::stderr(), "{}", exit.text)
            };
            return ExitCode::from(exit.code);
        }
    };
    match &cli.verb {
        Some(verb) => ExitCode::from(runtime::verbs::perform(&cli, verb)),
        None => ExitCode::from(0),
    }
}
