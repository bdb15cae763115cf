//! Commands that only look something up: `resolve`, `explain`, `completions`.

use clap::Args;
use clap_complete::Shell;

/// Read a name, a selector or a cloud's own id, and show what it means
#[derive(Debug, Args)]
#[command(after_help = RESOLVE)]
pub(crate) struct ResolveArgs {
    /// `sky:…` name or selector, short form (`aws/us-east-1`), ARN, Azure or Google resource, …
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Most matching offers shown; 0 shows all
    #[arg(short = 'n', long, value_name = "ROWS", default_value_t = 10)]
    pub(crate) limit: usize,
}

const RESOLVE: &str = "\
Examples:
  welkin resolve sky:azure/westeurope/vm/Standard_DC8as_v5?tee=sev-snp
  welkin resolve 'sky:*/eu-*/vm/*?hw=nvidia-h100*'
  welkin resolve arn:aws:ec2:us-east-1:123456789012:instance/i-0abc";

/// Explain an error code, or list them all
#[derive(Debug, Args)]
#[command(after_help = EXPLAIN)]
pub(crate) struct ExplainArgs {
    /// The code of a message, with or without its prefix; `exit-codes` for the exit codes
    #[arg(value_name = "CODE")]
    pub(crate) code: Option<String>,
}

const EXPLAIN: &str = "\
Examples:
  welkin explain job::unknown-key
  welkin explain exit-codes";

/// Write a completion script for a shell
#[derive(Debug, Args)]
#[command(after_help = COMPLETIONS)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) shell: Shell,
}

const COMPLETIONS: &str = "\
Examples:
  welkin completions bash > ~/.local/share/bash-completion/completions/welkin
  welkin completions zsh > ~/.zfunc/_welkin";
