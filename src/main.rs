//! The farshore binary: reads the command line, does what it asks for.

use std::{io::Write, process::ExitCode};

use farshore::{cli, runtime};

fn main() -> ExitCode {
    runtime::tell_panics();
    if cfg!(feature = "seeded-bugs") {
        let _ = writeln!(
            std::io::stderr(),
            "farshore: this build carries planted mistakes; only the search runs it"
        );
        return ExitCode::from(runtime::verbs::EXIT_BUG);
    }
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
    ExitCode::from(runtime::verbs::obey(&cli))
}
