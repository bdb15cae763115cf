//! `docs/commands.md`: every command with everything that it takes.

use super::{check, command_line, shown};
use clap::builder::StyledStr;
use clap::{Arg, Command};
use std::fmt::Write;

const HEAD: &str = "# Commands

Made from the program itself; `welkin COMMAND --help` says the same. Every command also takes the global options at
the end, and [exits](exit-codes.md) with a number that says what happened.

";

#[test]
fn the_reference_of_commands_is_the_one_the_code_makes() {
    let mut root = command_line();
    let mut text = HEAD.to_owned();
    for command in shown(&root) {
        let name = command.get_name();
        writeln!(text, "- [`{name}`](#welkin-{name}): {}", line(command.get_about())).unwrap();
    }
    let globals: Vec<Arg> = root.get_arguments().filter(|arg| is_global(arg)).cloned().collect();
    for name in shown(&root).map(|command| command.get_name().to_owned()).collect::<Vec<_>>() {
        section(root.find_subcommand_mut(&name).unwrap(), 2, &mut text);
    }
    text.push_str("\n## Global options\n");
    table("option", globals.iter(), &mut text);
    check("commands.md", text.as_bytes());
}

/// One command, and those below it.
fn section(command: &mut Command, depth: usize, text: &mut String) {
    let name = command.get_bin_name().unwrap_or_default().to_owned();
    let usage = command.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    write!(text, "\n{} `{name}`\n\n", "#".repeat(depth)).unwrap();
    let aliases: Vec<String> = command.get_visible_aliases().map(|alias| format!("`{alias}`")).collect();
    let about = command.get_long_about().or(command.get_about());
    writeln!(text, "{}", about.map(ToString::to_string).unwrap_or_default().trim()).unwrap();
    if !aliases.is_empty() {
        writeln!(text, "\nAlso as {}.", aliases.join(", ")).unwrap();
    }
    write!(text, "\n```text\n{usage}\n```\n").unwrap();
    let own = |arg: &&Arg| !arg.is_hide_set() && !is_global(arg) && arg.get_id() != "help";
    table("argument", command.get_positionals().filter(own), text);
    table("option", command.get_opts().chain(flags(command)).filter(own), text);
    if let Some(examples) = command.get_after_help() {
        write!(text, "\n```text\n{}\n```\n", examples.to_string().trim()).unwrap();
    }
    for below in shown(command).map(|below| below.get_name().to_owned()).collect::<Vec<_>>() {
        section(command.find_subcommand_mut(&below).unwrap(), depth + 1, text);
    }
}

/// Options without a value.
fn flags(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|arg| !arg.is_positional() && !arg.get_action().takes_values())
}

/// They say so, or came with clap.
fn is_global(arg: &Arg) -> bool {
    arg.is_global_set() || ["version"].contains(&arg.get_id().as_str())
}

fn table<'a>(head: &str, args: impl Iterator<Item = &'a Arg>, text: &mut String) {
    let rows: Vec<String> = args.map(row).collect();
    if !rows.is_empty() {
        write!(text, "\n| {head} | meaning |\n|---|---|\n{}\n", rows.join("\n")).unwrap();
    }
}

fn row(arg: &Arg) -> String {
    let spelt = arg.to_string();
    let short = arg.get_short().map(|short| format!("`-{short}`, ")).unwrap_or_default();
    let mut meaning = line(arg.get_help());
    let values: Vec<String> = arg
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    if !values.is_empty() && arg.get_action().takes_values() {
        write!(meaning, ": {}", values.join(", ")).unwrap();
    }
    let default: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    if !default.is_empty() && arg.get_action().takes_values() && !arg.is_hide_default_value_set() {
        write!(meaning, " (by default `{}`)", default.join(" ")).unwrap();
    }
    format!("| {short}`{}` | {meaning} |", spelt.replace('|', "\\|"))
}

/// In one line of a table.
fn line(text: Option<&StyledStr>) -> String {
    let text = text.map(ToString::to_string).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
