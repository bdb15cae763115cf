//! `welkin sql check`: what an engine would refuse, before anybody signs.
//!
//! The query is planned by `welkin-enclave`, which is what would refuse it; no engine is started, nobody is asked, and no key is needed.

use crate::app::App;
use crate::cli::SqlCheckArgs;
use crate::commands::seal::contract::{noise, read_contract, read_snapshot, several};
use crate::commands::seal::enclave::{Checked, Refused, Way, check};
use crate::commands::seal::{read, sha256};
use crate::exit::Exit;
use crate::output::{Align, Format, Table, shown, write_json};
use crate::report::{Code, Fault};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use welkin_seal::{CodeKind, Contract, Hex, Manifest, Privacy, Refusal, Snapshot};

#[derive(Serialize)]
struct Wire<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    contract: Option<Hex<32>>,
    /// The way that it would be run in.
    way: &'a str,
    runs: bool,
    columns: Vec<ColumnWire<'a>>,
    ways: Vec<WayWire<'a>>,
}

#[derive(Serialize)]
struct ColumnWire<'a> {
    name: &'a str,
    kind: &'a str,
}

#[derive(Serialize)]
struct WayWire<'a> {
    way: &'a str,
    runs: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
}

/// What is to be checked.
struct Asked {
    contract: Option<Contract>,
    query: String,
    snapshots: Vec<Snapshot>,
    privacy: Privacy,
    /// How many engines would run it.
    engines: u32,
    /// The way that it would be run in.
    way: &'static str,
}

pub(super) fn run(args: &SqlCheckArgs, app: &mut App) -> anyhow::Result<Exit> {
    let asked = asked(args, app)?;
    let engines = asked.engines.max(2);
    let (columns, mut ways) = match check(&asked.query, &asked.snapshots, &asked.privacy, engines)? {
        Checked::Ways { columns, ways } => (columns, ways),
        Checked::Refused(refused) => {
            let in_all = ["ordinary", "small-groups", "oblivious", "private", "together"];
            let refused = in_all.map(|way| Way { way: way.to_owned(), refused: Some(refused.clone()) });
            (Vec::new(), Vec::from(refused))
        }
    };
    if let Some(snapshot) = asked.snapshots.iter().find(|snapshot| snapshot.epsilon_milli.is_some()) {
        without_noise(snapshot, &mut ways);
    }
    let unsupported = asked.contract.as_ref().and_then(|contract| unsupported(&contract.manifest));
    let way = ways.iter().find(|way| way.way == asked.way);
    let refused = unsupported.or_else(|| way.and_then(|way| way.refused.clone()));
    if app.settings.output == Format::Json {
        let wire = Wire {
            contract: asked.contract.as_ref().map(Contract::digest),
            way: asked.way,
            runs: refused.is_none(),
            columns: columns.iter().map(|(name, kind)| ColumnWire { name, kind }).collect(),
            ways: ways.iter().map(told).collect(),
        };
        write_json(&mut app.out, "welkin.sql-check/1", &wire)?;
    } else {
        let mut table = Table::new([("WAY", Align::Left), ("RUNS", Align::Left), ("WHY NOT", Align::Left)]);
        for way in &ways {
            let why = way.refused.as_ref().map_or("", |refused| refused.why.as_str());
            let runs = if way.refused.is_none() { "yes" } else { "no" };
            table.row([way.way.clone(), runs.to_owned(), shown(why).into_owned()]);
        }
        table.write(&mut app.out, app.style)?;
        app.out.flush()?;
    }
    if let Some(shown) = asked.contract.as_ref().and_then(|contract| several(&contract.manifest)) {
        app.note(&format!("The contract is {shown}."));
    }
    let Some(refused) = refused else { return Ok(Exit::Success) };
    let what = match &asked.contract {
        Some(_) => format!("an engine would refuse this contract: {}", refused.why),
        None => refused.why.clone(),
    };
    let details = BTreeMap::from([("refused", refused.code)]);
    Err(Fault::new(Code::SqlRefused, what).details(&details).into())
}

/// Data with a budget are told of with noise only, however harmless the query is.
fn without_noise(snapshot: &Snapshot, ways: &mut [Way]) {
    let (party, name, version) = (snapshot.party.clone(), snapshot.name.clone(), snapshot.version);
    let refusal = Refusal::NoNoise { party, name, version };
    for way in ways.iter_mut().filter(|way| way.way != "private") {
        way.refused
            .get_or_insert_with(|| Refused { code: refusal.code().to_owned(), why: refusal.to_string() });
    }
}

fn told(way: &Way) -> WayWire<'_> {
    let refused = way.refused.as_ref();
    WayWire {
        way: &way.way,
        runs: refused.is_none(),
        refused: refused.map(|refused| refused.code.as_str()),
        why: refused.map(|refused| refused.why.as_str()),
    }
}

/// What no engine does together.
fn unsupported(manifest: &Manifest) -> Option<Refused> {
    let Manifest { privacy, oblivious, .. } = manifest;
    let asks = [*oblivious, privacy.minimum_group > 1, privacy.epsilon_milli.is_some()];
    let why = "of an oblivious run, a smallest group and differential privacy a contract has one";
    let several = asks.iter().filter(|asks| **asks).count() > 1;
    several.then(|| Refused { code: "unsupported".to_owned(), why: why.to_owned() })
}

fn asked(args: &SqlCheckArgs, app: &App) -> anyhow::Result<Asked> {
    let snapshots = args.inputs.iter().map(|path| read_snapshot(&snapshot_in(path), app));
    let snapshots = snapshots.collect::<anyhow::Result<Vec<_>>>()?;
    let bytes = read(&args.file)?;
    if !is_contract(&bytes) {
        if args.query.is_some() {
            let what = format!("--query is for contracts, and {} is none", args.file.display());
            return Err(Fault::new(Code::Usage, what).into());
        }
        let query = text(bytes, &args.file)?;
        let noise = args.epsilon.map(|_| noise(&args.noise));
        let privacy = Privacy { minimum_group: args.minimum_group, epsilon_milli: args.epsilon, noise };
        let (engines, way) = (args.engines, way(false, args.engines, &privacy));
        return Ok(Asked { contract: None, query, snapshots, privacy, engines, way });
    }
    let contract = read_contract(&args.file)?;
    if contract.manifest.code.kind != CodeKind::Sql {
        return Err(Fault::new(Code::Usage, format!("{} is not about a query", args.file.display())).into());
    }
    if args.epsilon.is_some() || args.minimum_group > 1 || args.engines > 1 {
        return Err(Fault::new(
            Code::Usage,
            "a contract says itself what its result may give away, and how many engines run it",
        )
        .into());
    }
    let path = args.query.as_ref().ok_or_else(|| {
        Fault::new(Code::Usage, "a contract has the hash of its query: name the query with --query")
    })?;
    let bytes = read(path)?;
    let (found, signed) = (sha256(&bytes), contract.manifest.code.digest);
    if found != signed {
        return Err(other(Refusal::ChangedCode { found, signed }));
    }
    let mut of_contract = Vec::new();
    for input in &contract.manifest.inputs {
        let (party, name, version) = (input.party.clone(), input.name.clone(), input.version);
        let snapshot = snapshots.iter().find(|snapshot| snapshot.digest() == input.snapshot);
        let snapshot = snapshot.ok_or_else(|| other(Refusal::MissingInput { party, name, version }))?;
        contract.spends(snapshot, 0).map_err(other)?;
        of_contract.push(snapshot.clone());
    }
    let (privacy, query) = (contract.manifest.privacy.clone(), text(bytes, path)?);
    let engines = contract.manifest.together;
    let way = way(contract.manifest.oblivious, engines, &privacy);
    Ok(Asked { contract: Some(contract), query, snapshots: of_contract, privacy, engines, way })
}

fn other(refusal: Refusal) -> anyhow::Error {
    let details = BTreeMap::from([("refused", refusal.code())]);
    let fault = Fault::new(Code::SealContract, "the contract does not hold").details(&details);
    anyhow::Error::new(refusal).context(fault)
}

fn way(oblivious: bool, engines: u32, privacy: &Privacy) -> &'static str {
    match privacy {
        _ if engines > 1 => "together",
        _ if oblivious => "oblivious",
        Privacy { epsilon_milli: Some(_), .. } => "private",
        Privacy { minimum_group: 2.., .. } => "small-groups",
        _ => "ordinary",
    }
}

/// A folder of `welkin seal data`, or its snapshot.
fn snapshot_in(path: &Path) -> PathBuf {
    if path.is_dir() { path.join("snapshot.json") } else { path.to_owned() }
}

/// A file that begins as one of Welkin's does is taken for a contract, and has to be one.
fn is_contract(bytes: &[u8]) -> bool {
    let text = bytes.trim_ascii_start();
    text.starts_with(b"{")
}

fn text(bytes: Vec<u8>, path: &Path) -> anyhow::Result<String> {
    String::from_utf8(bytes)
        .map_err(|_| Fault::new(Code::SqlRefused, format!("{} is not UTF-8", path.display())).into())
}
