//! `welkin seal log`.

use super::journal::Journal;
use super::{keyring, now, read, thousandths};
use crate::app::App;
use crate::cli::{LogCommand, LogVerifyArgs};
use crate::exit::Exit;
use crate::output::{Align, Format, Table, moment, shown, write_json};
use crate::report::{Code, Fault};
use serde::Serialize;
use std::io::Write;
use std::path::Path;
use welkin_provider::UnixMillis;
use welkin_seal::{Consistency, Entry, Event, Head, Hex, Inclusion};

pub(super) fn run(command: &LogCommand, app: &mut App) -> anyhow::Result<Exit> {
    match command {
        LogCommand::Show => show(app),
        LogCommand::Head { party, passphrase_file } => {
            let root = keyring::unlock(app, party, passphrase_file.as_deref())?;
            let head = Head::new(&Journal::open(app)?.tree, &root, now());
            give(app, &head.write())
        }
        LogCommand::Prove { index, since } => prove(*index, *since, app),
        LogCommand::Verify(args) => verify(args, app),
    }
}

fn give(app: &mut App, bytes: &[u8]) -> anyhow::Result<Exit> {
    app.out.write_all(bytes)?;
    app.out.flush()?;
    Ok(Exit::Success)
}

#[derive(Serialize)]
struct Wire<'a> {
    size: u64,
    root: Hex<32>,
    entries: &'a [Entry],
}

fn show(app: &mut App) -> anyhow::Result<Exit> {
    let journal = Journal::open(app)?;
    let size = journal.tree.size();
    let root = journal.tree.root(size).unwrap_or(Hex([0; 32]));
    if app.settings.output == Format::Json {
        write_json(&mut app.out, "welkin.seal-log/1", &Wire { size, root, entries: &journal.entries })?;
        return Ok(Exit::Success);
    }
    let mut table = Table::new([
        ("LINE", Align::Right),
        ("AT", Align::Left),
        ("CONTRACT", Align::Left),
        ("EVENT", Align::Left),
    ]);
    for entry in &journal.entries {
        let contract = entry.contract.to_string();
        let at = moment(UnixMillis(entry.at.saturating_mul(1000)));
        let event = words(&entry.event);
        table.row([entry.index.to_string(), at, contract[..16].to_owned(), shown(&event).into_owned()]);
    }
    table.write(&mut app.out, app.style)?;
    app.out.flush()?;
    Ok(Exit::Success)
}

fn words(event: &Event) -> String {
    match event {
        Event::Signed { party } => format!("signed by {party}"),
        Event::Revoked { party } => format!("taken back by {party}"),
        Event::Refused { code } => format!("refused: {code}"),
        Event::Spent { party, name, version, epsilon_milli, .. } => {
            format!("epsilon {} spent on {party}/{name}, version {version}", thousandths(*epsilon_milli))
        }
        Event::Released { kind, group: None, .. } => format!("keys released to {kind}"),
        Event::Released { kind, group: Some(group), .. } => {
            format!("keys released to several of {kind}, {}", &group.to_string()[..16])
        }
        Event::Ran { .. } => "ran".to_owned(),
    }
}

fn prove(index: Option<u64>, since: Option<u64>, app: &mut App) -> anyhow::Result<Exit> {
    let journal = Journal::open(app)?;
    let size = journal.tree.size();
    let none = || Fault::new(Code::NoLogLine, format!("the log has {size} lines, numbered from 0"));
    if let Some(old) = since {
        let path = journal.tree.consistency(old, size).ok_or_else(none)?;
        return give(app, &Consistency { old, new: size, path }.write());
    }
    let index = index.ok_or_else(|| Fault::new(Code::Usage, "--line or --since is needed"))?;
    let path = journal.tree.inclusion(index, size).ok_or_else(none)?;
    let line =
        usize::try_from(index).ok().and_then(|index| journal.entries.get(index)).ok_or_else(none)?.line();
    give(app, &Inclusion { index, line, size, path }.write())
}

#[derive(Serialize)]
struct Verified {
    size: u64,
    root: Hex<32>,
}

fn verify(args: &LogVerifyArgs, app: &mut App) -> anyhow::Result<Exit> {
    let refused = |what: &str| Fault::new(Code::SealLog, what.to_owned());
    let head = args.head.as_deref().map(|path| read_head(path, app)).transpose()?;
    let old = args.old.as_deref().map(|path| read_head(path, app)).transpose()?;
    let unreadable = |path: &Path| Fault::new(Code::SealLog, format!("{} is not a proof", path.display()));
    let verified = match (&args.proof, &head) {
        (Some(path), Some(head)) => {
            let bytes = read(path)?;
            let holds = match &old {
                Some(old) => {
                    let proof = Consistency::read(&bytes)
                        .map_err(|error| anyhow::Error::new(error).context(unreadable(path)))?;
                    proof.holds(old, head)
                }
                None => {
                    let proof = Inclusion::read(&bytes)
                        .map_err(|error| anyhow::Error::new(error).context(unreadable(path)))?;
                    proof.holds(head)
                }
            };
            if !holds {
                return Err(refused("the proof does not hold under this head").into());
            }
            Verified { size: head.size, root: head.root }
        }
        _ => {
            let tree = Journal::open(app)?.tree;
            let heads = head.iter().chain(&old);
            for head in heads {
                if tree.root(head.size) != Some(head.root) {
                    let what = format!("the log does not begin with the {} lines of the head", head.size);
                    return Err(refused(&what).into());
                }
            }
            let size = tree.size();
            Verified { size, root: tree.root(size).unwrap_or(Hex([0; 32])) }
        }
    };
    if app.settings.output == Format::Json {
        write_json(&mut app.out, "welkin.seal-log-verified/1", &verified)?;
        return Ok(Exit::Success);
    }
    writeln!(app.out, "{} lines, {}: holds", verified.size, verified.root)?;
    app.out.flush()?;
    Ok(Exit::Success)
}

fn read_head(path: &Path, app: &App) -> anyhow::Result<Head> {
    let parties = keyring::parties(app)?;
    Head::read(&read(path)?, |name| parties.get(name)).map_err(|error| {
        let fault = Fault::new(Code::SealLog, format!("{} is not the head of a log", path.display()));
        anyhow::Error::new(error).context(fault)
    })
}
