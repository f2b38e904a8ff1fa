//! The words of `login` and `doctor`.

use clap::{Args, ValueEnum};

use super::CheckForm;

/// `login`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Login {
    /// Where the key of the sealed token rests
    #[arg(long, value_name = "STORE", default_value = "auto")]
    pub store: Store,
}

/// Where the key of the sealed token rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Store {
    /// In the credential store of the system, else of a passphrase.
    Auto,
    /// Nowhere: a passphrase makes it.
    Passphrase,
}

/// `doctor`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Doctor {
    /// Form
    #[arg(long, value_name = "FORM", default_value = "table")]
    pub output: CheckForm,
}
