//! Reference documents that are made from the code, or held against it. `WELKIN_BLESS=1 cargo test -p welkin reference`
//! writes them anew.

mod commands;
mod configuration;
mod man;

use std::fs;
use std::path::{Path, PathBuf};

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

/// Holds a file of `docs` to what was made.
fn check(name: &str, made: &[u8]) {
    let path = docs().join(name);
    if std::env::var_os("WELKIN_BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, made).unwrap();
    }
    let committed = fs::read(&path).unwrap_or_default();
    assert!(
        committed == made,
        "docs/{name} is not what the code makes: WELKIN_BLESS=1 cargo test -p welkin reference"
    );
}

/// The command line with everything filled in that clap works out, and without what is hidden.
fn command_line() -> clap::Command {
    use clap::CommandFactory as _;
    let mut command = crate::cli::Cli::command().term_width(100);
    command.build();
    command
}

/// The commands below one that people are shown.
fn shown(command: &clap::Command) -> impl Iterator<Item = &clap::Command> {
    command.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help")
}
