//! `doctor`.

use crate::{
    cli::{CheckForm, Cli, Doctor},
    runtime::{doctor, session::Session},
};

use super::{VerbError, print};

/// `farshore doctor`.
pub async fn doctor(cli: &Cli, args: &Doctor) -> Result<u8, VerbError> {
    let session = Session::open(&cli.global, Some("doctor"))?;
    let examined = doctor::examine(&session).await;
    print(&match args.output {
        CheckForm::Table => doctor::table(&examined),
        CheckForm::Json => doctor::json(&examined),
    })?;
    Ok(examined.exit_code())
}
