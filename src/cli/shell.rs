//! The words of `config` and `completions`.

use clap::{Args, Subcommand};
use clap_complete::Shell;

/// `config`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum Config {
    /// Every mistake of the estate file, of keys.toml and of the themes of one's own
    Check,
    /// An estate file to start from, with every key explained
    Template,
}

/// `completions`.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}
