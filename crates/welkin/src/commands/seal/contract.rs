//! `welkin seal contract`.

mod new;
mod show;

pub(in crate::commands) use new::noise;
pub(in crate::commands) use show::several;

use super::journal::Journal;
use super::{keyring, read};
use crate::app::App;
use crate::cli::{ContractCommand, ContractSignArgs, ContractVerifyArgs};
use crate::exit::Exit;
use crate::output::{Format, write_json};
use crate::report::{Code, Fault};
use serde::Serialize;
use std::io::Write;
use std::path::Path;
use welkin_seal::{Agreed, Contract, Event, Hex, Refusal, Revocation, Situation, Snapshot};

pub(super) fn run(command: &ContractCommand, app: &mut App) -> anyhow::Result<Exit> {
    match command {
        ContractCommand::New(args) => new::run(args, app),
        ContractCommand::Sign(args) => sign(args, app),
        ContractCommand::Show { contract } => show::run(contract, app),
        ContractCommand::Verify(args) => verify(args, app),
        ContractCommand::Revoke(args) => revoke(args, app),
    }
}

pub(in crate::commands) fn read_contract(path: &Path) -> anyhow::Result<Contract> {
    Contract::read(&read(path)?).map_err(|error| {
        let fault = Fault::new(Code::SealContract, format!("{} is not a contract", path.display()));
        anyhow::Error::new(error).context(fault)
    })
}

/// A snapshot, signed by a party that is known.
pub(in crate::commands) fn read_snapshot(path: &Path, app: &App) -> anyhow::Result<Snapshot> {
    let fault = || Fault::new(Code::SealData, format!("{} is not a snapshot", path.display()));
    let snapshot =
        Snapshot::read(&read(path)?).map_err(|error| anyhow::Error::new(error).context(fault()))?;
    let owner = keyring::party(app, &snapshot.party)?;
    snapshot.is_of(&owner).map_err(|error| anyhow::Error::new(error).context(fault()))?;
    Ok(snapshot)
}

#[derive(Serialize)]
struct Wire {
    contract: Hex<32>,
    holds: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<&'static str>,
}

fn sign(args: &ContractSignArgs, app: &mut App) -> anyhow::Result<Exit> {
    read_contract(&args.contract)?;
    let root = keyring::unlock(app, &args.party, args.passphrase_file.as_deref())?;
    // Whoever was asked for a passphrase took a while: somebody else may have signed meanwhile.
    let _alone = super::alone(&args.contract)?;
    let mut contract = read_contract(&args.contract)?;
    contract.sign(&root).map_err(|error| {
        let what = format!("`{}` cannot sign {}", args.party, args.contract.display());
        anyhow::Error::new(error).context(Fault::new(Code::SealContract, what))
    })?;
    let digest = contract.digest();
    // No signature that the log does not know.
    Journal::open(app)?.add(digest, Event::Signed { party: args.party.clone() })?;
    super::replace(&args.contract, &contract.write())?;
    let missing = contract.manifest.signers.len() - contract.signatures.len();
    if app.settings.output == Format::Json {
        let holds = missing == 0;
        let refused = (!holds).then_some("missing-signature");
        write_json(&mut app.out, "welkin.contract-verdict/1", &Wire { contract: digest, holds, refused })?;
        return Ok(Exit::Success);
    }
    writeln!(app.out, "{digest}")?;
    app.out.flush()?;
    let note = if missing == 0 { "Every owner has signed." } else { "Not every owner has signed yet." };
    app.note(note);
    Ok(Exit::Success)
}

fn verify(args: &ContractVerifyArgs, app: &mut App) -> anyhow::Result<Exit> {
    let contract = read_contract(&args.contract)?;
    let mut journal = Journal::open(app)?;
    let mut situation = Situation { parties: keyring::parties(app)?, ..journal.situation()? };
    situation.now = args.at.map_or_else(super::now, |at| u64::try_from(at.as_second()).unwrap_or_default());
    if let Some(path) = &args.code {
        situation.code = Some(super::sha256(&read(path)?));
    }
    let snapshots = args.snapshots.iter().map(|path| read_snapshot(path, app));
    let snapshots = snapshots.collect::<anyhow::Result<Vec<_>>>()?;
    for snapshot in &snapshots {
        let about = (snapshot.party.clone(), snapshot.name.clone(), snapshot.version);
        situation.snapshots.insert(about, snapshot.digest());
    }
    for path in &args.revocations {
        situation.revoked.insert(read_revocation(path, &contract, app)?);
    }
    let digest = contract.digest();
    holds(&contract, &situation, &mut journal)?;
    affordable(&contract, snapshots.iter(), &mut journal)?;
    if app.settings.output == Format::Json {
        let wire = Wire { contract: digest, holds: true, refused: None };
        write_json(&mut app.out, "welkin.contract-verdict/1", &wire)?;
    } else {
        writeln!(app.out, "{digest}: holds")?;
        app.out.flush()?;
    }
    Ok(Exit::Success)
}

/// Does it hold? A refusal goes into the log.
pub(in crate::commands) fn holds<'a>(
    contract: &'a Contract,
    situation: &Situation,
    journal: &mut Journal,
) -> anyhow::Result<Agreed<'a>> {
    contract.verify(situation).or_else(|refusal| refused(contract, refusal, journal))
}

/// What is left of each data set suffices for one more run. Says what that takes of those that have a budget.
pub(in crate::commands) fn affordable<'a>(
    contract: &Contract,
    snapshots: impl Iterator<Item = &'a Snapshot>,
    journal: &mut Journal,
) -> anyhow::Result<Vec<(&'a Snapshot, u64)>> {
    let mut spends = Vec::new();
    for snapshot in snapshots {
        match contract.spends(snapshot, journal.spent(snapshot)) {
            Ok(takes) => spends.extend(takes.map(|milli| (snapshot, milli))),
            Err(refusal) => return refused(contract, refusal, journal),
        }
    }
    Ok(spends)
}

fn refused<T>(contract: &Contract, refusal: Refusal, journal: &mut Journal) -> anyhow::Result<T> {
    let digest = contract.digest();
    journal.add(digest, Event::Refused { code: refusal.code().to_owned() })?;
    let details = Wire { contract: digest, holds: false, refused: Some(refusal.code()) };
    let fault = Fault::new(Code::SealContract, "the contract does not hold").details(&details);
    Err(anyhow::Error::new(refusal).context(fault))
}

fn read_revocation(path: &Path, contract: &Contract, app: &App) -> anyhow::Result<Hex<32>> {
    let fault = || Fault::new(Code::SealContract, format!("{} is not a revocation", path.display()));
    let revocation =
        Revocation::read(&read(path)?).map_err(|error| anyhow::Error::new(error).context(fault()))?;
    let party = keyring::party(app, &revocation.party)?;
    let signs = contract.manifest.signers.iter().any(|signer| signer.party == revocation.party);
    if !revocation.is_of(&party) || !signs {
        let what = format!("{} is not signed by a party of the contract", path.display());
        return Err(Fault::new(Code::SealContract, what).into());
    }
    Ok(revocation.contract)
}

fn revoke(args: &ContractSignArgs, app: &mut App) -> anyhow::Result<Exit> {
    let contract = read_contract(&args.contract)?;
    if !contract.manifest.signers.iter().any(|signer| signer.party == args.party) {
        let what = format!("`{}` owns none of the inputs, and has nothing to take back", args.party);
        return Err(Fault::new(Code::SealContract, what).into());
    }
    let root = keyring::unlock(app, &args.party, args.passphrase_file.as_deref())?;
    let digest = contract.digest();
    let revocation = Revocation::new(digest, &root, super::now());
    Journal::open(app)?.add(digest, Event::Revoked { party: args.party.clone() })?;
    app.out.write_all(&revocation.write())?;
    app.out.flush()?;
    app.note("Give this to everybody who releases keys: theirs is to know it.");
    Ok(Exit::Success)
}
