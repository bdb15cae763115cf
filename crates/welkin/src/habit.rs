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
        return usage::refuse(error);
    };
    let fault =
        Fault::new(Code::Usage, format!("`{verb}` is a command of SkyPilot, not of Welkin")).hint(hint);
    let (format, style) = surroundings(&args);
    report(&fault.into(), format, style)
}

/// How to write it: the parser stopped at the verb, but the flags that every command takes are heard.
fn surroundings(args: &[String]) -> (Format, Style) {
    let output = said(args, "--output", Some("-o")).and_then(|text| Output::from_str(&text, false).ok());
    let color = said(args, "--color", None).and_then(|text| ColorChoice::from_str(&text, false).ok());
    match Settings::resolve(&Global { output, color, verbose: 0 }) {
        Ok(settings) => (settings.output, Style::for_stream(settings.color, io::stderr().is_terminal())),
        Err(_) => (Format::Table, Style::PLAIN),
    }
}

/// The value of a flag, in any of the forms that it can be written in.
fn said(args: &[String], long: &str, short: Option<&str>) -> Option<String> {
    let is_flag = |arg: &&String| *arg == long || Some(arg.as_str()) == short;
    let apart = args.iter().skip_while(|arg| !is_flag(arg)).nth(1).cloned();
    let joined = || {
        let long = args.iter().find_map(|arg| arg.strip_prefix(long)?.strip_prefix('='));
        let short =
            || args.iter().find_map(|arg| arg.strip_prefix(short?)).map(|text| text.trim_start_matches('='));
        long.or_else(short).map(str::to_owned)
    };
    apart.or_else(joined)
}
