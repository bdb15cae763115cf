//! Doing what a contract is about: an engine that proves what it is, keys from every owner, a run, a sealed result.
//!
//! This carries messages ([`welkin_seal::Message`]) and decides nothing for an owner. Where no key of the owners is here, it
//! learns nothing but sizes.

pub(in crate::commands) mod owner;
mod told;

use super::contract::read_contract;
use super::enclave::{Engine, Source};
use super::journal::Journal;
use super::release::{Asked, Owners};
use super::{keyring, now, read, sha256};
use crate::app::App;
use crate::exit::Exit;
use crate::report::{Code, Fault};
use owner::{Elsewhere, Owner};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use told::tell;
use welkin_seal::{
    Attested, Challenge, Claims, CodeKind, Contract, Event, Hex, Kind, Message, Name, Ran, Refusal, Released,
    Run, Situation, Snapshot,
};

/// What is to be done, and with what.
pub(in crate::commands) struct Work<'a> {
    /// What the contract has to be about.
    pub(in crate::commands) kind: CodeKind,
    pub(in crate::commands) contract: &'a Path,
    /// The query or recipe that was agreed on.
    pub(in crate::commands) text: &'a Path,
    pub(in crate::commands) inputs: &'a [PathBuf],
    /// For the result.
    pub(in crate::commands) folder: &'a Path,
    pub(in crate::commands) ask: &'a [(Name, String)],
    pub(in crate::commands) policy: &'a [(Name, PathBuf)],
    pub(in crate::commands) passphrase_file: &'a [(Name, PathBuf)],
    /// In bytes.
    pub(in crate::commands) memory: u64,
    pub(in crate::commands) threads: Option<usize>,
    pub(in crate::commands) spill: Option<&'a Path>,
    pub(in crate::commands) dry_run: bool,
    /// The one kind of evidence that the engine may give; without, any that the contract names.
    pub(in crate::commands) tee: Option<Kind>,
    /// For its evidence.
    pub(in crate::commands) certificates: &'a [PathBuf],
}

/// The codes of work that was refused, and of work that failed.
pub(in crate::commands) fn codes(kind: CodeKind) -> (Code, Code) {
    match kind {
        CodeKind::Boost => (Code::BoostRefused, Code::BoostTraining),
        CodeKind::Sql | CodeKind::Program => (Code::SqlRefused, Code::SqlFailed),
    }
}

pub(in crate::commands) fn run(work: &Work<'_>, app: &mut App) -> anyhow::Result<Exit> {
    let contract = read_contract(work.contract)?;
    if contract.manifest.code.kind != work.kind {
        return Err(of_another_kind(work, &contract));
    }
    let text = String::from_utf8(contract.write()).expect("contracts are JSON");
    let agreed = agreed(work, &contract)?;
    if work.folder.symlink_metadata().is_ok() {
        let fault = Fault::new(Code::SealData, format!("{} is there already", work.folder.display()));
        return Err(fault.hint("a result is written once: take another folder").into());
    }
    let snapshots = known_inputs(work, &contract)?;
    let mut owners = owners(work, &contract, app)?;
    let kinds = work.tee.map_or_else(|| contract.manifest.kinds(), |tee| vec![tee]);
    let mut engine =
        Engine::start(&Source::new(&kinds, work.certificates).of_each(contract.manifest.together))?;
    if work.dry_run {
        let code = Some(contract.manifest.code.digest);
        let situation = Situation { now: now(), code, snapshots, ..Situation::default() };
        return dry(work, &contract, &situation, &owners, &mut engine, app);
    }
    // Whatever can be wrong is found before the first key leaves, since a release counts as a run.
    places(work)?;
    let mut answers = Vec::new();
    for owner in &mut owners {
        let challenge = owner.challenge(&text)?;
        answers.push((attest(&mut engine, challenge, work.kind)?, challenge.nonce));
    }
    // Nobody spends a run on an engine that somebody else refuses.
    if owners.len() > 1 {
        owners.iter_mut().zip(&answers).try_for_each(|(owner, (attested, _))| owner.judge(attested, app))?;
    }
    let mut released = Vec::new();
    for (owner, (attested, _)) in owners.iter_mut().zip(&answers) {
        released.extend(owner.release(attested, app)?);
    }
    let (attested, nonce) = answers.swap_remove(0);
    let claims = claims(&attested)?;
    let to = match contract.manifest.together {
        1 => "an engine".to_owned(),
        several => format!("{several} engines"),
    };
    app.note(&format!("Every owner has released its keys to {to} of {}.", claims.kind.title()));
    let ran = start(&mut engine, job(work, text, agreed, released, nonce), work.kind)?;
    let mut told = Ok(());
    if !owners.iter().any(|owner| matches!(owner, Owner::Here(_))) {
        Journal::open(app)?.add(ran.contract, Event::Ran { result: ran.result })?;
    }
    for owner in owners {
        told = told.and(owner.ran(&ran, app));
    }
    tell(work.folder, work.kind, &contract, &claims, Some(&ran), app)?;
    told.map(|()| Exit::Success)
}

/// Makes the folder that the result's goes into, and looks for the one of what does not fit into memory.
fn places(work: &Work<'_>) -> anyhow::Result<()> {
    let parent = work.folder.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        std::fs::create_dir_all(parent).map_err(|error| keyring::unwritten(error, parent))?;
    }
    match work.spill {
        Some(folder) if !folder.is_dir() => {
            let what =
                format!("{} is not a folder that could hold what does not fit into memory", folder.display());
            Err(Fault::new(Code::File, what).into())
        }
        _ => Ok(()),
    }
}

fn of_another_kind(work: &Work<'_>, contract: &Contract) -> anyhow::Error {
    let command = match contract.manifest.code.kind {
        CodeKind::Sql => "it is about a query: `welkin sql run` runs it",
        CodeKind::Boost => "it is about a training: `welkin boost train CONTRACT` runs it",
        CodeKind::Program => "it is about a program, which no engine here runs",
    };
    let what = format!("{} is about something else", work.contract.display());
    Fault::new(Code::SealContract, what).hint(command).into()
}

/// The text that was agreed on: another is refused before anybody is asked.
fn agreed(work: &Work<'_>, contract: &Contract) -> anyhow::Result<String> {
    let bytes = read(work.text)?;
    let (found, signed) = (sha256(&bytes), contract.manifest.code.digest);
    if found != signed {
        let refusal = Refusal::ChangedCode { found, signed };
        let details = BTreeMap::from([("refused", refusal.code())]);
        let fault = Fault::new(Code::SealContract, "the contract does not hold").details(&details);
        return Err(anyhow::Error::new(refusal).context(fault));
    }
    String::from_utf8(bytes)
        .map_err(|_| Fault::new(codes(work.kind).0, format!("{} is not UTF-8", work.text.display())).into())
}

/// Digests of snapshots by owner, name and version.
type Snapshots = BTreeMap<(Name, Name, u64), Hex<32>>;

/// The folders are what was signed, as far as whoever runs this can tell.
fn known_inputs(work: &Work<'_>, contract: &Contract) -> anyhow::Result<Snapshots> {
    let mut there = Snapshots::new();
    for path in work.inputs {
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
fn owners(work: &Work<'_>, contract: &Contract, app: &App) -> anyhow::Result<Vec<Owner>> {
    let parties: BTreeSet<&Name> = contract.manifest.signers.iter().map(|signer| &signer.party).collect();
    let files = work.policy.iter().chain(work.passphrase_file).map(|(party, _)| party);
    let mut named = work.ask.iter().map(|(party, _)| party).chain(files);
    if let Some(party) = named.find(|party| !parties.contains(party)) {
        return Err(Fault::new(Code::Usage, format!("`{party}` owns no input of the contract")).into());
    }
    let mut ask = work.ask.to_vec();
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
        policy: of(work.policy, party),
        passphrase: of(work.passphrase_file, party),
    });
    let asked: Vec<_> = asked.collect();
    let here = match asked.is_empty() {
        true => None,
        false => Some(Owners::unlock(contract.clone(), &asked, work.inputs, app)?),
    };
    let mut owners = Vec::new();
    // Nobody elsewhere is troubled by a trial.
    for (party, command) in ask.iter().filter(|_| !work.dry_run) {
        owners.push(Owner::Elsewhere(Elsewhere::start((party, work.kind), command)?));
    }
    // Last: what can go wrong elsewhere has gone wrong then.
    owners.extend(here.map(|here| Owner::Here(Box::new(here))));
    Ok(owners)
}

fn of<'a>(files: &'a [(Name, PathBuf)], wanted: &Name) -> Option<&'a Path> {
    files.iter().find(|(party, _)| party == wanted).map(|(_, path)| path.as_path())
}

fn attest(engine: &mut Engine, challenge: Challenge, kind: CodeKind) -> anyhow::Result<Attested> {
    match engine.ask(&Message::Challenge(challenge))? {
        Message::Attested(attested) => Ok(*attested),
        other => Err(refused(other, kind)),
    }
}

/// What the evidence says, for people. Who gets keys, owners decide.
fn claims(attested: &Attested) -> anyhow::Result<Claims> {
    attested.evidence.verify(now()).map_err(|error| {
        let fault = Fault::new(Code::SealEvidence, "the engine's evidence is not genuine");
        anyhow::Error::new(error).context(fault)
    })
}

fn job(work: &Work<'_>, contract: String, query: String, released: Vec<Released>, nonce: Hex<32>) -> Run {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Run {
        contract,
        query,
        inputs: work.inputs.iter().map(|path| absolute(path)).collect(),
        released,
        nonce,
        output: absolute(work.folder),
        memory: work.memory,
        threads: work.threads.unwrap_or(processors),
        spill: work.spill.map(absolute),
        gathered: None,
    }
}

fn start(engine: &mut Engine, run: Run, kind: CodeKind) -> anyhow::Result<Ran> {
    match engine.ask(&Message::Run(Box::new(run)))? {
        Message::Ran(ran) => Ok(ran),
        other => Err(refused(other, kind)),
    }
}

/// An engine that says no, or something else.
fn refused(message: Message, kind: CodeKind) -> anyhow::Error {
    let Message::Refused { code, why } = message else {
        return Fault::new(Code::SealEngine, "the engine answered something else than was asked").into();
    };
    let failed =
        ["failed", "memory", "no-result", "no-randomness", "no-evidence", "peer"].contains(&code.as_str());
    let (refused, broke) = codes(kind);
    Fault::new(if failed { broke } else { refused }, why).details(&BTreeMap::from([("refused", code)])).into()
}

/// Everything but the release and the run. Where no owner is, nobody knows the parties by other ways, and what the engine would
/// check is checked.
fn dry(
    work: &Work<'_>,
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
        Some(owners) => owners.judge(&attest(engine, owners.challenge(), work.kind)?, app)?,
        None => {
            let question = Challenge { nonce: Hex([0; 32]), contract: contract.digest() };
            claims(&attest(engine, question, work.kind)?)?
        }
    };
    tell(work.folder, work.kind, contract, &claims, None, app)?;
    if !work.ask.is_empty() {
        app.note("Owners elsewhere were not asked.");
    }
    Ok(Exit::Success)
}
