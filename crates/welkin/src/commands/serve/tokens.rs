//! `welkin serve token`: tokens for programs.

use super::{fault, home, role};
use crate::app::App;
use crate::cli::{TokenAddArgs, TokenCommand};
use crate::exit::Exit;
use crate::output::{Align, Format, Table, moment, write_json};
use crate::report::{Code, Fault};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;
use welkin_gateway::{Fingerprint, Token};
use welkin_provider::{Clock, SystemClock, UnixMillis};
use welkin_server::{TokenLine, TokenOf, Tokens};

/// One that was made.
#[derive(Serialize)]
struct Made<'a> {
    token: &'a str,
    #[serde(flatten)]
    line: Wire,
}

#[derive(Serialize)]
struct Listed {
    tokens: Vec<Wire>,
}

/// One, but for the secret.
#[derive(Serialize)]
struct Wire {
    name: String,
    role: &'static str,
    fingerprint: String,
    made: UnixMillis,
    expires: UnixMillis,
    expired: bool,
    last_use: Option<UnixMillis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
}

impl Wire {
    fn of(line: TokenLine, uses: &BTreeMap<Fingerprint, UnixMillis>, now: UnixMillis) -> Self {
        Self {
            role: line.role.name(),
            fingerprint: line.fingerprint.to_string(),
            made: line.made,
            expires: line.expires,
            expired: line.spent || now >= line.expires,
            last_use: uses.get(&line.fingerprint).copied(),
            name: line.name,
            project: line.project,
            owner: line.owner,
        }
    }
}

pub(super) fn run(command: &TokenCommand, app: &mut App) -> anyhow::Result<Exit> {
    let tokens = Tokens::at(app.settings.folders.tokens());
    match command {
        TokenCommand::Add(args) => add(args, &tokens, app)?,
        TokenCommand::List => list(&tokens, app)?,
        TokenCommand::Remove(args) => {
            if !tokens.remove(&args.which).map_err(fault)? {
                let fault = Fault::new(Code::NoSuchMember, format!("there is no token `{}`", args.which));
                return Err(fault.hint("`welkin serve token list` shows the tokens").into());
            }
            app.note(&format!("{} removed: whoever has it is let in no more", args.which));
        }
    }
    app.out.flush()?;
    Ok(Exit::Success)
}

fn add(args: &TokenAddArgs, tokens: &Tokens, app: &mut App) -> anyhow::Result<()> {
    home(app)?;
    let token = Token::generate()?;
    let fingerprint = token.identity()?.fingerprint();
    let of = TokenOf { project: args.project.clone(), owner: args.owner.clone() };
    let line = tokens.add(fingerprint, &args.name, role(args.role), args.expires, of).map_err(fault)?;
    let text = token.to_secret_text();
    match app.settings.output {
        Format::Json => {
            let line = Wire::of(line, &BTreeMap::new(), SystemClock.now());
            write_json(&mut app.out, "welkin.token/1", &Made { token: &text, line })
        }
        Format::Table => {
            writeln!(app.out, "{text}")?;
            let until = moment(line.expires);
            let of =
                line.project.as_ref().map_or_else(String::new, |project| format!(" of project {project}"));
            app.note(&format!(
                "{} comes in as {}{of} with it until {until}; it is not shown again",
                line.name, line.role
            ));
            Ok(())
        }
    }
}

fn list(tokens: &Tokens, app: &mut App) -> anyhow::Result<()> {
    let (all, uses, now) = (tokens.all().map_err(fault)?, tokens.uses().map_err(fault)?, SystemClock.now());
    let all: Vec<Wire> = all.into_iter().map(|line| Wire::of(line, &uses, now)).collect();
    match app.settings.output {
        Format::Json => write_json(&mut app.out, "welkin.tokens/1", &Listed { tokens: all }),
        Format::Table if all.is_empty() => {
            app.note("there are no tokens; `welkin serve token add` makes one");
            Ok(())
        }
        Format::Table => {
            let heads = ["NAME", "ROLE", "PROJECT", "EXPIRES", "LAST USE", "FINGERPRINT"];
            let mut table = Table::new(heads.map(|head| (head, Align::Left)));
            for token in all {
                let until = if token.expired { "expired".to_owned() } else { moment(token.expires) };
                let used = token.last_use.map_or_else(|| "never".to_owned(), moment);
                let project = token.project.unwrap_or_default();
                table.row([token.name, token.role.to_owned(), project, until, used, token.fingerprint]);
            }
            Ok(table.write(&mut app.out, app.style)?)
        }
    }
}
