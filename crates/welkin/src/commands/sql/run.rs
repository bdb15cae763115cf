//! `welkin sql run`: a contract, an engine that proves what it is, keys from every owner, a run, a sealed result.
//!
//! This carries messages ([`welkin_seal::Message`]) and decides nothing for an owner. Where no key of the owners is here, it
//! learns nothing but sizes.

use super::owner::{Elsewhere, Owner};
use super::told::tell;
use crate::app::App;
use crate::cli::SqlRunArgs;
use crate::commands::seal::contract::read_contract;
use crate::commands::seal::enclave::Engine;
use crate::commands::seal::journal::Journal;
use crate::commands::seal::release::{Asked, Owners};
use crate::commands::seal::{keyring, now, read, sha256};
use crate::exit::Exit;
use crate::report::{Code, Fault};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use welkin_seal::{
    Attested, Challenge, Claims, Contract, Event, Hex, Message, Name, Ran, Refusal, Released, Run, Situation,
    Snapshot,
};

pub(super) fn run(args: &SqlRunArgs, app: &mut App) -> anyhow::Result<Exit> {
    let contract = read_contract(&args.contract)?;
    let text = String::from_utf8(contract.write()).expect("contracts are JSON");
    let query = query(args, &contract)?;
    if args.folder.symlink_metadata().is_ok() {
        let fault = Fault::new(Code::SealData, format!("{} is there already", args.folder.display()));
        return Err(fault.hint("a result is written once: take another folder").into());
    }
    let snapshots = known_inputs(args, &contract)?;
    let mut owners = owners(args, &contract, app)?;
    let mut engine = Engine::start()?;
    if args.dry_run {
        let code = Some(contract.manifest.code.digest);
        let situation = Situation { now: now(), code, snapshots, ..Situation::default() };
        return dry(args, &contract, &situation, &owners, &mut engine, app);
    }
    // Whatever can be wrong is found before the first key leaves, since a release counts as a run.
    places(args)?;
    let mut answers = Vec::new();
    for owner in &mut owners {
        let challenge = owner.challenge(&text)?;
        answers.push((attest(&mut engine, challenge)?, challenge.nonce));
    }
    let mut released = Vec::new();
    for (owner, (attested, _)) in owners.iter_mut().zip(&answers) {
        released.extend(owner.release(attested, app)?);
    }
    let (attested, nonce) = answers.swap_remove(0);
    let claims = claims(&attested)?;
    app.note(&format!("Every owner has released its keys to an engine of {}.", claims.kind.title()));
    let ran = start(&mut engine, job(args, text, query, released, nonce))?;
    let mut told = Ok(());
    if !owners.iter().any(|owner| matches!(owner, Owner::Here(_))) {
        Journal::open(app)?.add(ran.contract, Event::Ran { result: ran.result })?;
    }
    for owner in owners {
        told = told.and(owner.ran(&ran, app));
    }
    tell(&args.folder, &contract, &claims, Some(&ran), app)?;
    told.map(|()| Exit::Success)
}

/// Makes the folder that the result's goes into, and looks for the one of what does not fit into memory.
fn places(args: &SqlRunArgs) -> anyhow::Result<()> {
    let parent = args.folder.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        std::fs::create_dir_all(parent).map_err(|error| keyring::unwritten(error, parent))?;
    }
    match &args.spill {
        Some(folder) if !folder.is_dir() => {
            let what =
                format!("{} is not a folder that could hold what does not fit into memory", folder.display());
            Err(Fault::new(Code::File, what).into())
        }
        _ => Ok(()),
    }
}

/// The text that was agreed on: another is refused before anybody is asked.
fn query(args: &SqlRunArgs, contract: &Contract) -> anyhow::Result<String> {
    let bytes = read(&args.query)?;
    let (found, signed) = (sha256(&bytes), contract.manifest.code.digest);
    if found != signed {
        let refusal = Refusal::ChangedCode { found, signed };
        let details = BTreeMap::from([("refused", refusal.code())]);
        let fault = Fault::new(Code::SealContract, "the contract does not hold").details(&details);
        return Err(anyhow::Error::new(refusal).context(fault));
    }
    String::from_utf8(bytes)
        .map_err(|_| Fault::new(Code::SqlRefused, format!("{} is not UTF-8", args.query.display())).into())
}

/// Digests of snapshots by owner, name and version.
type Snapshots = BTreeMap<(Name, Name, u64), Hex<32>>;

/// The folders are what was signed, as far as whoever runs this can tell.
fn known_inputs(args: &SqlRunArgs, contract: &Contract) -> anyhow::Result<Snapshots> {
    let mut there = Snapshots::new();
    for path in &args.inputs {
        let snapshot = snapshot(path)?;
        let digest = snapshot.digest();
        there.insert((snapshot.party, snapshot.name, snapshot.version), digest);
    }
    for input in &contract.manifest.inputs {
        let (party, name, version) = (input.party.clone(), input.name.clone(), input.version);
        let refusal = match there.get(&(party.clone(), name.clone(), version)) {
            Some(digest) if *digest == input.snapshot => continue,
            Some(_) => Refusal::ChangedInput { party, name, version },
            None => Refusal::MissingInput { party, name, version },
        };
        let details = BTreeMap::from([("refused", refusal.code())]);
        let fault = Fault::new(Code::SealContract, "the folders that were named are not what was signed")
            .details(&details);
        return Err(anyhow::Error::new(refusal).context(fault));
    }
    Ok(there)
}

fn snapshot(folder: &Path) -> anyhow::Result<Snapshot> {
    Snapshot::read(&read(&folder.join("snapshot.json"))?).map_err(|error| {
        let fault = Fault::new(Code::SealData, format!("{} is not a sealed data set", folder.display()));
        anyhow::Error::new(error).context(fault)
    })
}

/// Everybody whose keys are needed: those that are asked elsewhere, and all others as parties of this home.
fn owners(args: &SqlRunArgs, contract: &Contract, app: &App) -> anyhow::Result<Vec<Owner>> {
    let parties: BTreeSet<&Name> = contract.manifest.signers.iter().map(|signer| &signer.party).collect();
    let files = args.policy.iter().chain(&args.passphrase_file).map(|(party, _)| party);
    let mut named = args.ask.iter().map(|(party, _)| party).chain(files);
    if let Some(party) = named.find(|party| !parties.contains(party)) {
        return Err(Fault::new(Code::Usage, format!("`{party}` owns no input of the contract")).into());
    }
    let mut ask = args.ask.clone();
    for party in &parties {
        let said = ask.iter().any(|(asked, _)| asked == *party);
        if let Some(command) =
            keyring::asked_by(app, party)?.filter(|_| !said && !keyring::has_keys(app, party))
        {
            ask.push(((*party).clone(), command));
        }
    }
    let elsewhere = |party: &Name| ask.iter().any(|(asked, _)| asked == party);
    let asked = parties.iter().filter(|party| !elsewhere(party)).map(|party| Asked {
        party,
        policy: of(&args.policy, party),
        passphrase: of(&args.passphrase_file, party),
    });
    let asked: Vec<_> = asked.collect();
    let mut owners = Vec::new();
    if !asked.is_empty() {
        let here = Owners::unlock(contract.clone(), &asked, &args.inputs, app)?;
        owners.push(Owner::Here(Box::new(here)));
    }
    // Nobody elsewhere is troubled by a trial.
    for (party, command) in ask.iter().filter(|_| !args.dry_run) {
        owners.push(Owner::Elsewhere(Elsewhere::start(party, command)?));
    }
    Ok(owners)
}

fn of<'a>(files: &'a [(Name, PathBuf)], wanted: &Name) -> Option<&'a Path> {
    files.iter().find(|(party, _)| party == wanted).map(|(_, path)| path.as_path())
}

fn attest(engine: &mut Engine, challenge: Challenge) -> anyhow::Result<Attested> {
    match engine.ask(&Message::Challenge(challenge))? {
        Message::Attested(attested) => Ok(*attested),
        other => Err(refused(other)),
    }
}

/// What the evidence says, for people. Who gets keys, owners decide.
fn claims(attested: &Attested) -> anyhow::Result<Claims> {
    attested.evidence.verify(now()).map_err(|error| {
        let fault = Fault::new(Code::SealEvidence, "the engine's evidence is not genuine");
        anyhow::Error::new(error).context(fault)
    })
}

fn job(args: &SqlRunArgs, contract: String, query: String, released: Vec<Released>, nonce: Hex<32>) -> Run {
    let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Run {
        contract,
        query,
        inputs: args.inputs.iter().map(absolute).collect(),
        released,
        nonce,
        output: absolute(&args.folder),
        memory: args.memory.get(),
        threads: args.threads.unwrap_or(processors),
        spill: args.spill.as_ref().map(absolute),
    }
}

fn start(engine: &mut Engine, run: Run) -> anyhow::Result<Ran> {
    match engine.ask(&Message::Run(Box::new(run)))? {
        Message::Ran(ran) => Ok(ran),
        other => Err(refused(other)),
    }
}

/// An engine that says no, or something else.
fn refused(message: Message) -> anyhow::Error {
    let Message::Refused { code, why } = message else {
        return Fault::new(Code::SealEngine, "the engine answered something else than was asked").into();
    };
    let failed = ["failed", "memory", "no-result", "no-randomness", "no-evidence"].contains(&code.as_str());
    let kind = if failed { Code::SqlFailed } else { Code::SqlRefused };
    Fault::new(kind, why).details(&BTreeMap::from([("refused", code)])).into()
}

/// Everything but the release and the run. Where no owner is, nobody knows the parties by other ways, and what the engine would
/// check is checked.
fn dry(
    args: &SqlRunArgs,
    contract: &Contract,
    situation: &Situation,
    owners: &[Owner],
    engine: &mut Engine,
    app: &mut App,
) -> anyhow::Result<Exit> {
    contract.verify_inside(contract.digest(), situation).map_err(|refusal| {
        let details = BTreeMap::from([("refused", refusal.code())]);
        let fault = Fault::new(Code::SealContract, "the contract does not hold").details(&details);
        anyhow::Error::new(refusal).context(fault)
    })?;
    let here = owners.iter().find_map(|owner| match owner {
        Owner::Here(owners) => Some(owners),
        Owner::Elsewhere(_) => None,
    });
    let claims = match here {
        Some(owners) => owners.judge(&attest(engine, owners.challenge())?, app)?,
        None => claims(&attest(engine, Challenge { nonce: Hex([0; 32]), contract: contract.digest() })?)?,
    };
    tell(&args.folder, contract, &claims, None, app)?;
    if !args.ask.is_empty() {
        app.note("Owners elsewhere were not asked.");
    }
    Ok(Exit::Success)
}
