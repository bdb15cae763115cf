//! `welkin explain`: what a code means and what to do about it.

use crate::app::App;
use crate::cli::ExplainArgs;
use crate::exit::Exit;
use crate::output::{Align, Format, Table, write_json};
use crate::report::{Code, Fault};
use serde::Serialize;
use std::io::Write;

/// A code of any part of the program.
#[derive(Debug, Clone, Copy, Serialize)]
struct Entry {
    code: &'static str,
    title: &'static str,
    explanation: &'static str,
}

#[derive(Serialize)]
struct Listing<'a> {
    codes: &'a [Entry],
}

#[derive(Serialize)]
struct ExitCode {
    code: u8,
    meaning: &'static str,
}

#[derive(Serialize)]
struct ExitCodes {
    exit_codes: Vec<ExitCode>,
}

pub(crate) fn run(args: &ExplainArgs, app: &mut App) -> anyhow::Result<Exit> {
    match args.code.as_deref() {
        None => list(app)?,
        Some("exit-codes") => exit_codes(app)?,
        Some(code) => one(code, app)?,
    }
    app.out.flush()?;
    Ok(Exit::Success)
}

fn all() -> impl Iterator<Item = Entry> {
    let own = Code::ALL.iter().map(|code| Entry {
        code: code.as_str(),
        title: code.title(),
        explanation: code.explanation(),
    });
    let job = welkin_job::Code::ALL.iter().map(|code| Entry {
        code: code.as_str(),
        title: code.title(),
        explanation: code.explanation(),
    });
    own.chain(job)
}

fn find(name: &str) -> Option<Entry> {
    let found = Code::find(name).map(Code::as_str);
    let found = found.or_else(|| welkin_job::Code::find(name).map(welkin_job::Code::as_str))?;
    all().find(|entry| entry.code == found)
}

fn one(name: &str, app: &mut App) -> anyhow::Result<()> {
    let Some(entry) = find(name) else {
        let near = all().filter(|entry| entry.code.contains(name)).map(|entry| entry.code).next();
        let fault = Fault::new(Code::Unknown, format!("there is no code `{name}`"));
        return Err(match near {
            Some(near) => fault.hint(format!("did you mean `{near}`?")),
            None => fault.hint("`welkin explain` lists every code"),
        }
        .into());
    };
    match app.settings.output {
        Format::Json => write_json(&mut app.out, "welkin.code/1", &entry),
        Format::Table => {
            writeln!(app.out, "{}: {}\n", app.style.bold(entry.code), entry.title)?;
            Ok(writeln!(app.out, "{}", wrapped(entry.explanation))?)
        }
    }
}

fn list(app: &mut App) -> anyhow::Result<()> {
    let entries: Vec<Entry> = all().collect();
    if app.settings.output == Format::Json {
        return write_json(&mut app.out, "welkin.codes/1", &Listing { codes: &entries });
    }
    let mut table = Table::new([("CODE", Align::Left), ("MEANING", Align::Left)]);
    entries.iter().for_each(|entry| table.row([entry.code.to_owned(), entry.title.to_owned()]));
    table.write(&mut app.out, app.style)?;
    Ok(())
}

fn exit_codes(app: &mut App) -> anyhow::Result<()> {
    if app.settings.output == Format::Json {
        let codes =
            Exit::TABLE.iter().map(|(code, meaning)| ExitCode { code: *code, meaning: meaning.trim() });
        return write_json(&mut app.out, "welkin.exit-codes/1", &ExitCodes { exit_codes: codes.collect() });
    }
    let mut table = Table::new([("EXIT", Align::Right), ("MEANING", Align::Left)]);
    for (code, meaning) in Exit::TABLE {
        table.row([code.to_string(), meaning.trim().to_owned()]);
    }
    table.write(&mut app.out, app.style)?;
    Ok(())
}

/// Breaks text into lines of at most 90 columns, where people stop reading along.
fn wrapped(text: &str) -> String {
    const COLUMNS: usize = 90;
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().filter(|line| line.len() + word.len() < COLUMNS);
        match line {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}
