//! `welkin seal contract show`.

use super::read_contract;
use crate::app::App;
use crate::exit::Exit;
use crate::output::{Format, moment, write_json};
use serde::Serialize;
use std::io::Write;
use std::path::Path;
use welkin_provider::UnixMillis;
use welkin_seal::{CodeKind, Contract, Hex, Manifest, Name};

#[derive(Serialize)]
struct Wire<'a> {
    contract: Hex<32>,
    manifest: &'a Manifest,
    signed: Vec<&'a Name>,
}

pub(super) fn run(path: &Path, app: &mut App) -> anyhow::Result<Exit> {
    let contract = read_contract(path)?;
    if app.settings.output == Format::Json {
        let signed = contract.signatures.keys().collect();
        let wire = Wire { contract: contract.digest(), manifest: &contract.manifest, signed };
        write_json(&mut app.out, "welkin.contract-shown/1", &wire)?;
        return Ok(Exit::Success);
    }
    tell(&contract, app)?;
    app.note("Signatures are not checked here: `welkin seal contract verify` does.");
    Ok(Exit::Success)
}

fn tell(contract: &Contract, app: &mut App) -> anyhow::Result<()> {
    let Contract { manifest, signatures } = contract;
    let day = |second: u64| moment(UnixMillis(second.saturating_mul(1000)));
    let out = &mut app.out;
    writeln!(out, "contract: {}", contract.digest())?;
    for input in &manifest.inputs {
        writeln!(
            out,
            "  input: {}/{}, version {}, {}",
            input.party, input.name, input.version, input.snapshot
        )?;
    }
    let kind = match manifest.code.kind {
        CodeKind::Sql => "query",
        CodeKind::Boost => "recipe",
        CodeKind::Program => "program",
    };
    writeln!(out, "  {kind}: {}", manifest.code.digest)?;
    for engine in &manifest.engines {
        writeln!(out, "  engine: {}", engine.kind.title())?;
        for (name, value) in &engine.measurements {
            writeln!(out, "    {name}: {value:?}")?;
        }
    }
    for recipient in &manifest.recipients {
        writeln!(out, "  result to: {}", recipient.party)?;
    }
    writeln!(out, "  smallest group: {}", manifest.privacy.minimum_group)?;
    if let Some(milli) = manifest.privacy.epsilon_milli {
        writeln!(out, "  epsilon: {}.{:03}", milli / 1000, milli % 1000)?;
    }
    if manifest.oblivious {
        writeln!(out, "  oblivious: what the engine touches in memory does not depend on values")?;
    }
    writeln!(
        out,
        "  from {} to {}, {} times",
        day(manifest.not_before),
        day(manifest.expires),
        manifest.runs
    )?;
    for signer in &manifest.signers {
        let signed = if signatures.contains_key(&signer.party) { "has a signature" } else { "did not sign" };
        writeln!(out, "  {}: {signed}", signer.party)?;
    }
    out.flush()?;
    Ok(())
}
