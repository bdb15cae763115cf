//! A command line that makes no sense, told in the form that was asked for.
//!
//! The parser gave up before it said which form that is, so the arguments are looked through for it; the
//! configuration file is not read for a mistake of typing.

use crate::output::{Format, Style};
use crate::report::{self, Code, Fault};
use clap::error::ErrorKind;
use std::ffi::OsStr;
use std::process::ExitCode;

/// Tells what is wrong with the command line, or shows the help that was asked for.
pub(crate) fn refuse(error: &clap::Error) -> ExitCode {
    let is_help = matches!(
        error.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    let said: Vec<_> = std::env::args_os().skip(1).collect();
    let variable = std::env::var_os("WELKIN_OUTPUT");
    if is_help || !wants_json(&said, variable.as_deref()) {
        error.exit();
    }
    let text = error.to_string();
    let fault = Fault::new(Code::Usage, text.trim().trim_start_matches("error: "));
    report::report(&fault.into(), Format::Json, Style::PLAIN)
}

/// Whether the arguments, else the environment, ask for JSON.
fn wants_json(said: &[impl AsRef<OsStr>], variable: Option<&OsStr>) -> bool {
    let words: Vec<&str> = said.iter().map(|word| word.as_ref().to_str().unwrap_or_default()).collect();
    let form = |index: usize| match words[index] {
        "-o" | "--output" => words.get(index + 1).copied(),
        word => word.strip_prefix("--output=").or_else(|| {
            let joined = word.strip_prefix("-o")?;
            Some(joined.strip_prefix('=').unwrap_or(joined))
        }),
    };
    let last = (0..words.len()).rev().find_map(form).or_else(|| variable?.to_str());
    last.is_some_and(|form| form.eq_ignore_ascii_case("json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_found_wherever_it_is_said() {
        for (said, variable, json) in [
            (vec!["up", "-o", "json"], None, true),
            (vec!["-ojson", "frob"], None, true),
            (vec!["--output=json"], None, true),
            (vec!["--output", "json", "-o=table"], None, false),
            (vec!["up"], Some("json"), true),
            (vec!["up", "-o", "table"], Some("json"), false),
            (vec!["up", "-o"], None, false),
        ] {
            assert_eq!(wants_json(&said, variable.map(OsStr::new)), json, "{said:?}");
        }
    }
}
