//! `welkin seal party`.

use super::keyring;
use crate::app::App;
use crate::cli::PartyCommand;
use crate::exit::Exit;
use crate::output::{Align, Format, Table, write_json};
use serde::Serialize;
use std::io::Write;
use welkin_seal::{Hex, Identity, Name};

#[derive(Serialize)]
struct Wire {
    parties: Vec<Known>,
}

#[derive(Serialize)]
struct Known {
    party: Name,
    fingerprint: Hex<16>,
}

fn known(identity: &Identity) -> Known {
    Known { party: identity.party.clone(), fingerprint: identity.fingerprint() }
}

pub(super) fn run(command: &PartyCommand, app: &mut App) -> anyhow::Result<Exit> {
    match command {
        PartyCommand::List => list(app),
        PartyCommand::Show { party } => {
            let identity = keyring::party(app, party)?;
            app.out.write_all(&identity.write())?;
            app.out.flush()?;
            Ok(Exit::Success)
        }
        PartyCommand::Add { file, ask } => {
            let identity = keyring::read_party(file)?;
            let new = keyring::know(app, &identity)?;
            if let Some(command) = ask {
                keyring::ask_by(app, &identity.party, command)?;
            }
            let Known { party, fingerprint } = known(&identity);
            if app.settings.output == Format::Json {
                write_json(&mut app.out, "welkin.parties/1", &Wire { parties: vec![known(&identity)] })?;
                return Ok(Exit::Success);
            }
            writeln!(app.out, "{party}: {fingerprint}")?;
            app.out.flush()?;
            let note = if new { "Ask the party whether this is its fingerprint." } else { "It was known." };
            app.note(note);
            Ok(Exit::Success)
        }
    }
}

fn list(app: &mut App) -> anyhow::Result<Exit> {
    let parties: Vec<Known> = keyring::parties(app)?.values().map(known).collect();
    if app.settings.output == Format::Json {
        write_json(&mut app.out, "welkin.parties/1", &Wire { parties })?;
        return Ok(Exit::Success);
    }
    let mut table = Table::new([("PARTY", Align::Left), ("FINGERPRINT", Align::Left)]);
    for known in parties {
        table.row([known.party.to_string(), known.fingerprint.to_string()]);
    }
    table.write(&mut app.out, app.style)?;
    app.out.flush()?;
    Ok(Exit::Success)
}
