//! What is said of a run.

use crate::app::App;
use crate::output::{Format, write_json};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use welkin_seal::{Claims, Contract, Hex, Name, Ran};

#[derive(Serialize)]
struct Wire<'a> {
    contract: Hex<32>,
    dry_run: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Hex<32>>,
    folder: &'a Path,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<u64>,
    recipients: Vec<&'a Name>,
    engine: EngineWire<'a>,
}

#[derive(Serialize)]
struct EngineWire<'a> {
    kind: &'a str,
    root: &'a str,
    evidence: Hex<32>,
    measurements: BTreeMap<&'a str, String>,
}

/// Says what ran, or would.
pub(super) fn tell(
    folder: &Path,
    contract: &Contract,
    claims: &Claims,
    ran: Option<&Ran>,
    app: &mut App,
) -> anyhow::Result<()> {
    let recipients: Vec<&Name> =
        contract.manifest.recipients.iter().map(|recipient| &recipient.party).collect();
    let measurements: BTreeMap<&str, String> =
        claims.measurements.iter().map(|(name, value)| (*name, format!("{value:?}"))).collect();
    let (kind, root, evidence) = (claims.kind.name(), claims.root, claims.digest);
    if app.settings.output == Format::Json {
        let engine = EngineWire { kind, root, evidence, measurements };
        let (result, rows) = (ran.map(|ran| ran.result), ran.map(|ran| ran.rows));
        let (contract, dry_run) = (contract.digest(), ran.is_none());
        let wire = Wire { contract, dry_run, result, folder, rows, recipients, engine };
        return write_json(&mut app.out, "welkin.sql-run/1", &wire);
    }
    let to = recipients.iter().map(|party| party.as_str()).collect::<Vec<_>>().join(", ");
    writeln!(app.out, "contract: {}", contract.digest())?;
    writeln!(app.out, "engine: {}, under {root}", claims.kind.title())?;
    for (name, value) in measurements {
        writeln!(app.out, "  {name}: {value}")?;
    }
    match ran {
        Some(ran) => {
            writeln!(app.out, "result: {}", ran.result)?;
            writeln!(app.out, "  {} rows for {to}, in {}", ran.rows, folder.display())?;
        }
        None => writeln!(app.out, "nothing was run; the result would be for {to}")?,
    }
    app.out.flush()?;
    Ok(())
}
