//! `welkin boost federate`: one of several parties, or the one who adds up.

mod coordinate;
mod introduced;
mod part;

use crate::app::App;
use crate::cli::FederateArgs;
use crate::exit::Exit;
use crate::moving::identity;
use crate::output::{Format, write_json};
use crate::report::{Code, Fault};
use serde::Serialize;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use welkin_federate::Roster;
use welkin_gateway::Identity;

#[derive(Serialize)]
struct Shown {
    fingerprint: String,
}

pub(super) fn run(args: &FederateArgs, app: &mut App) -> anyhow::Result<Exit> {
    if args.introduced {
        return introduced::run(args, app);
    }
    let file = args.identity.clone().unwrap_or_else(|| app.settings.folders.identity());
    let identity = identity(&file)?;
    if args.fingerprint {
        return show(&identity, app);
    }
    let usage =
        |message: &str, hint: &str| Err(Fault::new(Code::Usage, message).hint(hint.to_owned()).into());
    let (Some(coordinator), Some(parties)) = (&args.coordinator, &args.parties) else {
        return usage(
            "--coordinator and --parties are needed",
            "`welkin boost federate --help` has examples",
        );
    };
    let roster = roster(parties)?;
    match coordinator {
        None if args.taking_part.party.is_some() => {
            usage("where is the coordinator?", "a party gives its address: --coordinator HOST:PORT")
        }
        None => coordinate::run(args, roster, identity, app),
        Some(_) if args.coordinating.listen.is_some() => {
            usage("a party does not listen", "leave --listen away, or the address behind --coordinator")
        }
        Some(address) => part::run(args, address, roster, identity, app),
    }
}

fn show(identity: &Identity, app: &mut App) -> anyhow::Result<Exit> {
    let fingerprint = identity.fingerprint().to_string();
    if app.settings.output == Format::Json {
        write_json(&mut app.out, "welkin.fingerprint/1", &Shown { fingerprint })?;
    } else {
        writeln!(app.out, "{fingerprint}")?;
    }
    app.out.flush()?;
    Ok(Exit::Success)
}

/// Longest file of parties that is read.
const MOST_BYTES: u64 = 1 << 20;

fn roster(path: &Path) -> anyhow::Result<Roster> {
    let fault = |code| Fault::new(code, format!("{} cannot be used", path.display()));
    let mut text = String::new();
    let read = fs::File::open(path).and_then(|file| file.take(MOST_BYTES).read_to_string(&mut text));
    read.map_err(|error| anyhow::Error::new(error).context(fault(Code::File)))?;
    Roster::read(&text).map_err(|error| anyhow::Error::new(error).context(fault(Code::Config)))
}

/// The runtime that waits for the network; training has threads of its own.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// What neither kind of error tells more of than its causes.
fn parties(error: impl std::error::Error + Send + Sync + 'static) -> anyhow::Error {
    let fault = Fault::new(Code::BoostParties, "no model was trained");
    anyhow::Error::new(error).context(fault)
}
