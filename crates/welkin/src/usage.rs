//! A command line that makes no sense, told in the form that was asked for.
//!
//! The parser gave up before it said which form that is, so the arguments are looked through for it; the
//! configuration file is not read for a mistake of typing.

use crate::output::{Format, Style};
use crate::report::{self, Code, Fault};
use clap::error::ErrorKind;
use std::process::ExitCode;

/// Tells what is wrong with the command line, or shows the help that was asked for.
pub(crate) fn refuse(error: &clap::Error, args: &[String]) -> ExitCode {
    let is_help = matches!(
        error.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    let variable = std::env::var("WELKIN_OUTPUT").ok();
    if is_help || !wants_json(args, variable.as_deref()) {
        error.exit();
    }
    let text = error.to_string();
    let fault = Fault::new(Code::Usage, text.trim().trim_start_matches("error: "));
    report::report(&fault.into(), Format::Json, Style::PLAIN)
}

/// Whether the arguments, else the environment, ask for JSON.
fn wants_json(args: &[String], variable: Option<&str>) -> bool {
    let form = said(args, "--output", Some("-o")).or(variable);
    form.is_some_and(|form| form.eq_ignore_ascii_case("json"))
}

/// The value that arguments give a flag, in any of the forms in which it can be written. The last counts.
pub(crate) fn said<'a>(args: &'a [String], long: &str, short: Option<&str>) -> Option<&'a str> {
    let value = |index: usize| {
        let word = args[index].as_str();
        if word == long || Some(word) == short {
            return args.get(index + 1).map(String::as_str);
        }
        word.strip_prefix(long).and_then(|rest| rest.strip_prefix('=')).or_else(|| {
            let joined = word.strip_prefix(short?)?;
            Some(joined.strip_prefix('=').unwrap_or(joined))
        })
    };
    (0..args.len()).rev().find_map(value)
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
            let said: Vec<String> = said.into_iter().map(str::to_owned).collect();
            assert_eq!(wants_json(&said, variable), json, "{said:?}");
        }
    }
}
