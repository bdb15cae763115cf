//! Commands by the names that SkyPilot gives them: whoever types one is told what it is called here.
//!
//! Only commands that exist are named, and nothing is run in their place: a verb of the same name may do
//! more or less than it does there.

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// SkyPilot's words, and what to say about them.
const VERBS: &[(&str, &str)] = &[
    ("optimize", "`welkin plan FILE` shows where a job would run, and acquires nothing"),
    ("bench", "`welkin plan FILE --pareto` shows every plan that no other beats in both cost and time"),
    (
        "volumes",
        "there are no volumes: what a task commits as `outputs` stays, and `welkin cp` and `welkin sync` move data",
    ),
    (
        "local",
        "there is nothing to set up: `welkin up FILE` runs on this machine where the job says `infra: local`",
    ),
    (
        "api",
        "`welkin broker status` and `welkin broker stop` see and end what drives the runs; it starts by itself",
    ),
    ("dashboard", "`welkin runs` and `welkin status RUN` show what is going on"),
    ("storage", "`welkin cp` and `welkin sync` move data from and to stores"),
];

/// What to say about the word that made `error`, when it is SkyPilot's name of a command. `args` are those
/// of the program.
pub(crate) fn known(error: &clap::Error, args: &[String]) -> Option<(String, &'static str)> {
    let Some(ContextValue::String(unknown)) = error.get(ContextKind::InvalidSubcommand) else { return None };
    let mut words = words(args);
    // Further in, a word is a mistake within another command.
    let is_first = error.kind() == ErrorKind::InvalidSubcommand && words.next() == Some(unknown);
    is_first.then_some(())?;
    let (verb, hint) = VERBS.iter().find(|(verb, _)| verb == unknown)?;
    Some(((*verb).to_owned(), hint))
}

/// Arguments that are neither flags nor values of the flags that every command takes.
fn words(args: &[String]) -> impl Iterator<Item = &String> {
    let mut value = false;
    args.iter().filter(move |arg| {
        let skipped = std::mem::take(&mut value) || arg.starts_with('-');
        value = ["-o", "--output", "--color"].contains(&arg.as_str());
        !skipped
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::{CommandFactory, Parser};

    fn said(line: &str) -> Option<String> {
        let args: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let error =
            Cli::try_parse_from(std::iter::once("welkin".to_owned()).chain(args.clone())).unwrap_err();
        known(&error, &args).map(|(verb, _)| verb)
    }

    #[test]
    fn a_verb_is_known_wherever_flags_stand_but_only_as_the_command() {
        for (line, verb) in [
            ("bench -i 5 mine", Some("bench")),
            ("-o json optimize", Some("optimize")),
            ("--output=json bench", Some("bench")),
            ("frobnicate", None),
            ("transfers stop", None),
            ("volumes ls", Some("volumes")),
            ("local up", Some("local")),
            ("api status", Some("api")),
        ] {
            assert_eq!(said(line).as_deref(), verb, "{line}");
        }
    }

    #[test]
    fn every_command_that_is_named_exists() {
        let mut cli = Cli::command();
        cli.build();
        for (verb, hint) in VERBS {
            assert!(cli.find_subcommand(verb).is_none(), "{verb} is a command");
            let named: Vec<&str> =
                hint.split('`').filter_map(|quoted| quoted.strip_prefix("welkin ")).collect();
            assert!(!named.is_empty(), "{verb} names no command");
            for line in named {
                let mut command = &cli;
                for word in line.split(' ').filter(|word| !word.chars().any(char::is_uppercase)) {
                    if let Some(flag) = word.strip_prefix("--") {
                        let known = command.get_arguments().any(|arg| arg.get_long() == Some(flag));
                        assert!(known, "`welkin {line}`: no flag {word}");
                    } else {
                        let next = command.find_subcommand(word);
                        command = next.unwrap_or_else(|| panic!("`welkin {line}`: no command {word}"));
                    }
                }
            }
        }
    }
}
