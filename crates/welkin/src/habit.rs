//! What is said to a command line that cannot be read: to words that SkyPilot's users are used to, what
//! the command is called here; to all others, what the parser says.

use crate::cli::{ColorChoice, Global, Output, known_verb};
use crate::output::{Format, Style};
use crate::report::{Code, Fault, report};
use crate::settings::Settings;
use crate::usage;
use clap::ValueEnum;
use std::io::{self, IsTerminal};
use std::process::ExitCode;

/// Says it, and gives the exit code.
pub(crate) fn answer(error: &clap::Error) -> ExitCode {
    let args: Vec<String> =
        std::env::args_os().skip(1).map(|arg| arg.to_string_lossy().into_owned()).collect();
    let Some((verb, hint)) = known_verb(error, &args) else {
        return usage::refuse(error, &args);
    };
    let fault =
        Fault::new(Code::Usage, format!("`{verb}` is a command of SkyPilot, not of Welkin")).hint(hint);
    let (format, style) = surroundings(&args);
    report(&fault.into(), format, style)
}

/// How to write it: the parser stopped at the verb, but the flags that every command takes are heard.
fn surroundings(args: &[String]) -> (Format, Style) {
    let output =
        usage::said(args, "--output", Some("-o")).and_then(|text| Output::from_str(text, false).ok());
    let color = usage::said(args, "--color", None).and_then(|text| ColorChoice::from_str(text, false).ok());
    match Settings::resolve(&Global { output, color, verbose: 0 }, true) {
        Ok(settings) => (settings.output, Style::for_stream(settings.color, io::stderr().is_terminal())),
        Err(_) => (Format::Table, Style::PLAIN),
    }
}
