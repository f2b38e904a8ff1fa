//! `audit verify` and `audit show`.

use std::io::{BufReader, Write};

use crate::{
    cli::{Audit, Cli, TextForm, Verify},
    journal::{
        runs,
        show::{self, Form},
        verify,
    },
    runtime::{paper, session},
};

use super::{VerbError, print};

/// Performs an audit verb.
pub fn perform(cli: &Cli, verb: &Audit) -> Result<u8, VerbError> {
    match verb {
        Audit::Verify(args) => check(cli, args),
        Audit::Show { run, output } => shown(cli, run, *output),
    }
}

fn check(cli: &Cli, args: &Verify) -> Result<u8, VerbError> {
    let state = session::state_dir(&cli.global)?;
    let target = match &args.run {
        Some(run) => match (runs::find(&state, run), runs::find_unbegun(&state, run)) {
            (Ok(path), _) | (Err(_), Some(path)) => Ok(path),
            (Err(error), None) => Err(error.to_string()),
        },
        // Where nothing ever ran nothing can be intact.
        None if !state.exists() => Err(format!("there is no {}: nothing was verified", state.display())),
        None => Ok(state),
    };
    let report = match target {
        Ok(target) => verify::verify(&target, args.head.as_deref())
            .map_err(|error| VerbError::Usage(error.to_string()))?,
        Err(why) => verify::missing(&why),
    };
    print(&match args.output {
        TextForm::Json => report.to_json(),
        TextForm::Text => report.to_string(),
    })?;
    Ok(report.verdict.exit_code())
}

fn shown(cli: &Cli, run: &str, form: TextForm) -> Result<u8, VerbError> {
    let state = session::state_dir(&cli.global)?;
    let path = match runs::find(&state, run) {
        Ok(path) => path,
        // A run that is not there is what `audit verify` says of it, and no mistake of the command line.
        Err(error) => {
            writeln!(paper::err(), "farshore: {error}")?;
            return Ok(verify::Verdict::Missing.exit_code());
        }
    };
    let file = std::fs::File::open(&path)?;
    let form = match form {
        TextForm::Text => Form::Text,
        TextForm::Json => Form::Json,
    };
    let mut out = paper::out();
    show::show(&mut BufReader::new(file), form, &mut out)?;
    out.flush()?;
    drop(out);
    // What is shown is no proof that it was written so.
    let found = verify::verify(&path, None).map_err(|error| VerbError::Usage(error.to_string()))?;
    if found.verdict == verify::Verdict::Intact {
        return Ok(0);
    }
    let words = found.verdict.words();
    writeln!(paper::err(), "this journal is {words}: farshore audit verify {run} says where")?;
    Ok(1)
}
