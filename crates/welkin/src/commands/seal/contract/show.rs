//! `welkin seal contract show`.

use super::read_contract;
use crate::app::App;
use crate::commands::seal::thousandths;
use crate::exit::Exit;
use crate::output::{Format, moment, shown, write_json};
use serde::Serialize;
use std::io::{self, Write};
use std::path::Path;
use welkin_provider::UnixMillis;
use welkin_seal::{CodeKind, Contract, Hex, Manifest, Name, Noise};

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
        writeln!(out, "  epsilon: {}, in all", thousandths(milli))?;
        hidden(&manifest.privacy.noise.clone().unwrap_or_default(), out)?;
    }
    if manifest.oblivious {
        writeln!(out, "  oblivious: what the engine touches in memory does not depend on values")?;
    }
    if let Some(shown) = several(manifest) {
        writeln!(out, "  {shown}")?;
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

/// What owners agree to where several engines run a contract together.
pub(in crate::commands) fn several(manifest: &Manifest) -> Option<String> {
    let count = manifest.together;
    (count > 1).then(|| {
        format!(
            "run by {count} engines together: whoever runs them sees how many frames of 64 KiB go from each to each other, and when"
        )
    })
}

/// What noise hides.
fn hidden(noise: &Noise, out: &mut impl Write) -> io::Result<()> {
    let rows = noise.per_person;
    match &noise.person {
        Some(person) => writeln!(out, "    a person: {rows} rows at most, told apart by {}", shown(person))?,
        None => writeln!(out, "    a person: each row")?,
    }
    for (column, groups) in &noise.groups {
        writeln!(out, "    groups of {}: {}", shown(column), shown(&groups.join(", ")))?;
    }
    for (column, bounds) in &noise.bounds {
        let point = |value: i64| {
            let (digits, unit) = (usize::from(bounds.digits), 10_u64.pow(bounds.digits.into()));
            let (sign, size) = (if value < 0 { "-" } else { "" }, value.unsigned_abs());
            match digits {
                0 => format!("{sign}{size}"),
                digits => format!("{sign}{}.{:0digits$}", size / unit, size % unit),
            }
        };
        writeln!(out, "    {}: clamped to {} to {}", shown(column), point(bounds.low), point(bounds.high))?;
    }
    Ok(())
}
