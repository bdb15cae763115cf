//! Repository chores, run as `cargo run -p xtask -- CHORE`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a chore's only user is at a terminal or in CI"
)]

mod oracle;
mod tidy;

use std::process::ExitCode;

const HELP: &str = "\
Repository chores.

Usage: cargo run -p xtask -- CHORE

Chores:
  tidy    Check rings, dependencies, manifests and style; exit 1 on errors
  rules   List what `tidy` checks
  oracle  Play random rounds against what must hold: `oracle help`
  help    Show this text
";

fn main() -> ExitCode {
    let chore: Vec<String> = std::env::args().skip(1).collect();
    match chore.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["tidy"] => tidy(),
        ["rules"] => {
            print!("{}", tidy::rule_list());
            ExitCode::SUCCESS
        }
        ["oracle", "help" | "--help" | "-h"] => {
            print!("{}", oracle::HELP);
            ExitCode::SUCCESS
        }
        ["oracle", ref words @ ..] => oracle::run(words),
        ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        _ => {
            eprint!("{HELP}");
            ExitCode::from(2)
        }
    }
}

fn tidy() -> ExitCode {
    let report = match tidy::run() {
        Ok(report) => report,
        Err(error) => {
            eprintln!("tidy could not run: {error:#}");
            return ExitCode::from(2);
        }
    };
    print!("{report}");
    if report.errors() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
