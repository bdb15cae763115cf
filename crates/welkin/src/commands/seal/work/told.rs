//! What is said of a run.

use crate::app::App;
use crate::output::{Format, write_json};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use welkin_seal::{Claims, CodeKind, Contract, Hex, Name, Ran};

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
    /// How many ran it together.
    #[serde(skip_serializing_if = "Option::is_none")]
    together: Option<u32>,
    evidence: Hex<32>,
    measurements: BTreeMap<&'a str, String>,
}

/// Says what ran, or would.
pub(super) fn tell(
    folder: &Path,
    kind: CodeKind,
    contract: &Contract,
    claims: &Claims,
    ran: Option<&Ran>,
    app: &mut App,
) -> anyhow::Result<()> {
    let recipients: Vec<&Name> =
        contract.manifest.recipients.iter().map(|recipient| &recipient.party).collect();
    let measurements: BTreeMap<&str, String> =
        claims.measurements.iter().map(|(name, value)| (*name, format!("{value:?}"))).collect();
    let (root, evidence) = (claims.root, claims.digest);
    let model = kind == CodeKind::Boost;
    if app.settings.output == Format::Json {
        let together = (contract.manifest.together > 1).then_some(contract.manifest.together);
        let engine = EngineWire { kind: claims.kind.name(), root, together, evidence, measurements };
        let (result, rows) = (ran.map(|ran| ran.result), ran.filter(|_| !model).map(|ran| ran.rows));
        let (contract, dry_run) = (contract.digest(), ran.is_none());
        let schema = if model { "welkin.sealed-training/1" } else { "welkin.sql-run/1" };
        let wire = Wire { contract, dry_run, result, folder, rows, recipients, engine };
        return write_json(&mut app.out, schema, &wire);
    }
    let to = recipients.iter().map(|party| party.as_str()).collect::<Vec<_>>().join(", ");
    writeln!(app.out, "contract: {}", contract.digest())?;
    let several = match contract.manifest.together {
        1 => String::new(),
        several => format!(", {several} together"),
    };
    writeln!(app.out, "engine: {}, under {root}{several}", claims.kind.title())?;
    for (name, value) in measurements {
        writeln!(app.out, "  {name}: {value}")?;
    }
    match ran {
        Some(ran) => {
            writeln!(app.out, "result: {}", ran.result)?;
            let what = if model { "a model".to_owned() } else { format!("{} rows", ran.rows) };
            writeln!(app.out, "  {what} for {to}, in {}", folder.display())?;
        }
        None => writeln!(app.out, "nothing was run; the result would be for {to}")?,
    }
    app.out.flush()?;
    Ok(())
}
