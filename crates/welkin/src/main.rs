//! The `welkin` command: plans a job over every cloud in reach and runs it to its end.
//!
//! A command line goes through four steps, each of which costs nothing to the commands that do not
//! need it: `cli` parses, `settings` merges flags, environment and configuration, one module of
//! `commands` does the work, `output` or `report` shows it. Nothing else starts a runtime, opens the
//! catalog or makes a folder, so that `welkin --version` is a matter of one millisecond.

mod apart;
#[cfg(all(feature = "production", feature = "simulated"))]
compile_error!("a production build does not know simulated evidence: add --no-default-features");

mod app;
mod cli;
mod clusters;
mod commands;
mod consent;
mod engine;
mod exit;
mod habit;
mod logins;
mod moving;
mod output;
mod planning;
#[cfg(test)]
mod reference;
mod report;
mod settings;
mod traces;
mod usage;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    // Before anything else: it must be the only thread, and a task waits for it to start.
    match args.next() {
        Some(command) if command == welkin_agent::EXEC_COMMAND => return welkin_agent::exec_shim(args),
        Some(command) if command == "agent" => {
            if let Some(args) = cli::AgentArgs::alone(args) {
                return commands::agent(&args);
            }
        }
        _ => {}
    }
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return habit::answer(&error),
    };
    match &cli.command {
        cli::Command::Agent(args) => return commands::agent(args),
        cli::Command::Host(args) => return commands::host(args),
        _ => {}
    }
    let own = matches!(cli.command, cli::Command::Login(_) | cli::Command::Logout(_));
    match app::App::new(&cli.global, own) {
        Ok(mut app) => match commands::run(&cli.command, &mut app) {
            Ok(exit) => exit.into(),
            Err(error) => report::report(&error, app.settings.output, app.err),
        },
        Err(error) => report::report(&error, output::Format::Table, output::Style::PLAIN),
    }
}
