//! `welkin seal release`: an owner's side of a run, wherever the engine is.
//!
//! What an owner holds back and what it lets go is decided here and nowhere else, for owners of this home and for those that
//! `welkin sql run` and `welkin boost train` ask elsewhere: the contract has to hold, the evidence to answer a question that was drawn just now, and the policy
//! of each party to accept it. The release is in the log before a key leaves.

use super::contract::{affordable, holds};
use super::data::Folder;
use super::enclave::read_message;
use super::journal::Journal;
use super::work::codes;
use super::{keyring, now, policy};
use crate::app::App;
use crate::cli::SealReleaseArgs;
use crate::exit::Exit;
use crate::report::{Code, Fault};
use ring::rand::SystemRandom;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use welkin_seal::{
    Admitted, Agreed, Attested, Challenge, Claims, Contract, Event, Hex, Message, Name, Policy, Ran,
    ReleaseError, Released, Root, Situation, Snapshot,
};

/// A party of this home.
struct Party {
    root: Root,
    policy: Policy,
}

/// Owners of this home, asked by one engine for one contract.
pub(in crate::commands) struct Owners {
    contract: Contract,
    parties: Vec<Party>,
    folders: Vec<Folder>,
    challenge: Challenge,
}

/// What is known of a party before its keys are unlocked.
pub(in crate::commands) struct Asked<'a> {
    pub(in crate::commands) party: &'a Name,
    pub(in crate::commands) policy: Option<&'a Path>,
    pub(in crate::commands) passphrase: Option<&'a Path>,
}

impl Owners {
    /// Unlocks what a contract needs of these parties. The contract holds, or this is an error.
    pub(in crate::commands) fn unlock(
        contract: Contract,
        parties: &[Asked<'_>],
        inputs: &[PathBuf],
        app: &App,
    ) -> anyhow::Result<Self> {
        let mut journal = Journal::open(app)?;
        holds(&contract, &situation(&journal, app)?, &mut journal)?;
        drop(journal);
        let mut unlocked = Vec::new();
        for Asked { party, policy, passphrase } in parties {
            let policy = policy::of(party, *policy, app)?;
            unlocked.push(Party { root: keyring::unlock(app, party, *passphrase)?, policy });
        }
        let mut folders = Vec::new();
        for input in &contract.manifest.inputs {
            if parties.iter().any(|asked| *asked.party == input.party) {
                folders.push(folder(input, inputs, app)?);
            }
        }
        // Before anybody else releases anything.
        affordable(&contract, folders.iter().map(|folder| &folder.snapshot), &mut Journal::open(app)?)?;
        let digest = contract.digest();
        let challenge = Challenge::draw(digest, &SystemRandom::new()).map_err(|error| {
            anyhow::Error::new(error).context(failed(&contract, "no question can be drawn"))
        })?;
        Ok(Self { contract, parties: unlocked, folders, challenge })
    }

    pub(in crate::commands) fn challenge(&self) -> Challenge {
        self.challenge
    }

    /// Judges an engine's answer as all parties do.
    pub(in crate::commands) fn judge(&self, attested: &Attested, app: &App) -> anyhow::Result<Claims> {
        let mut journal = Journal::open(app)?;
        let agreed = holds(&self.contract, &situation(&journal, app)?, &mut journal)?;
        Ok(self.admitted(&agreed, attested, &mut journal)?.claims)
    }

    /// Releases the keys of the parties' inputs to the engine that gave the answer.
    pub(in crate::commands) fn release(
        &self,
        attested: &Attested,
        app: &App,
    ) -> anyhow::Result<(Vec<Released>, Claims)> {
        // Nobody else judges or releases while the log is held, so that two engines do not get one run's keys.
        let mut journal = Journal::open(app)?;
        let agreed = holds(&self.contract, &situation(&journal, app)?, &mut journal)?;
        let admitted = self.admitted(&agreed, attested, &mut journal)?;
        let mut keys = Vec::new();
        for folder in &self.folders {
            keys.extend(self.key(&admitted, folder)?);
        }
        let Claims { digest, kind, .. } = &admitted.claims;
        self.pay(*digest, &mut journal)?;
        // One run, of however many engines.
        let (evidence, kind, group) = (*digest, kind.name().to_owned(), admitted.group);
        journal.add(agreed.digest, Event::Released { evidence, kind, group })?;
        Ok((keys, admitted.claims))
    }

    /// Spends what a run takes of the budgets, before a key leaves, and while nobody else can.
    fn pay(&self, evidence: Hex<32>, journal: &mut Journal) -> anyhow::Result<()> {
        let by = self.contract.digest();
        let unpaid: Vec<&Snapshot> = self
            .folders
            .iter()
            .map(|folder| &folder.snapshot)
            .filter(|snapshot| !journal.paid(by, snapshot, evidence))
            .collect();
        for (snapshot, epsilon_milli) in affordable(&self.contract, unpaid.into_iter(), journal)? {
            let (party, name, version) = (snapshot.party.clone(), snapshot.name.clone(), snapshot.version);
            journal.add(by, Event::Spent { party, name, version, epsilon_milli, evidence })?;
        }
        Ok(())
    }

    /// Notes what became of it.
    pub(in crate::commands) fn ran(&self, ran: &Ran, app: &App) -> anyhow::Result<()> {
        Journal::open(app)?.add(self.challenge.contract, Event::Ran { result: ran.result })
    }

    /// The first party that does not accept it has the word.
    fn admitted<'a>(
        &self,
        agreed: &'a Agreed<'a>,
        attested: &Attested,
        journal: &mut Journal,
    ) -> anyhow::Result<Admitted<'a>> {
        let mut admitted = None;
        for Party { root, policy } in &self.parties {
            let judged = Admitted::judge_answer(agreed, attested, policy, self.challenge, now());
            match judged {
                Ok(judged) => admitted = Some(judged),
                Err(error) => {
                    journal.add(agreed.digest, Event::Refused { code: word(&error).to_owned() })?;
                    let party = &root.identity().party;
                    let what = format!("`{party}` releases no key to this engine");
                    let fault = failed_by(&self.contract, word(&error), what);
                    return Err(anyhow::Error::new(error).context(fault));
                }
            }
        }
        admitted.ok_or_else(|| self.failed("nobody is there to judge").into())
    }

    fn failed(&self, what: impl Into<String>) -> Fault {
        failed(&self.contract, what)
    }

    fn key(&self, admitted: &Admitted<'_>, folder: &Folder) -> anyhow::Result<Vec<Released>> {
        let at = folder.path.display();
        let owner = |party: &&Party| party.root.identity().party == folder.snapshot.party;
        let owner = self.parties.iter().find(owner).expect("folders are of these parties");
        let unusable = || Fault::new(Code::SealData, format!("the keys in {at} cannot be released"));
        let kek =
            folder.keys.unlock(&owner.root).map_err(|error| anyhow::Error::new(error).context(unusable()))?;
        let released = admitted.release(&folder.keys, &kek, &SystemRandom::new());
        released.map_err(|error| anyhow::Error::new(error).context(unusable()))
    }
}

/// Bad evidence in a word, for programs and logs.
fn word(error: &ReleaseError) -> &'static str {
    match error {
        ReleaseError::Contract => "other-contract",
        ReleaseError::Group(_) => "bad-group",
        _ => "bad-evidence",
    }
}

fn failed(contract: &Contract, what: impl Into<String>) -> Fault {
    failed_by(contract, "bad-evidence", what)
}

fn failed_by(contract: &Contract, word: &str, what: impl Into<String>) -> Fault {
    Fault::new(codes(contract.manifest.code.kind).0, what).details(&BTreeMap::from([("refused", word)]))
}

fn situation(journal: &Journal, app: &App) -> anyhow::Result<Situation> {
    Ok(Situation { parties: keyring::parties(app)?, now: now(), ..journal.situation()? })
}

/// The folder of an input, which is the one that was signed.
fn folder(input: &welkin_seal::Input, inputs: &[PathBuf], app: &App) -> anyhow::Result<Folder> {
    for path in inputs {
        // Those of others are for others to judge.
        let of_owner = super::data::owner_of(path)? == input.party;
        if of_owner {
            let folder = Folder::read(path, app, None)?;
            if folder.snapshot.digest() == input.snapshot {
                return Ok(folder);
            }
        }
    }
    let what = format!(
        "no folder that was named has `{}/{}`, version {}, as it was signed",
        input.party, input.name, input.version
    );
    let details = BTreeMap::from([("refused", "changed-input")]);
    Err(Fault::new(Code::SealContract, what).details(&details).into())
}

pub(super) fn run(args: &SealReleaseArgs, app: &mut App) -> anyhow::Result<Exit> {
    let mut input = io::stdin().lock();
    let talked = talk(args, app, &mut input);
    if let Err(error) = &talked {
        let word = error.downcast_ref::<Fault>().and_then(Fault::refused);
        let code = word.or(Code::of(error).map(Code::as_str)).unwrap_or("failed").to_owned();
        // Whoever asked may be gone; this side says why all the same.
        let _ = app.out.write_all(&Message::Refused { code, why: format!("{error:#}") }.line());
        let _ = app.out.flush();
    }
    talked.map(|()| Exit::Success)
}

/// Contract, question, answer, keys, and what became of it.
fn talk(args: &SealReleaseArgs, app: &mut App, input: &mut impl io::BufRead) -> anyhow::Result<()> {
    const PEER: &str = "whoever started this";
    let unexpected = || {
        Fault::new(
            Code::Usage,
            "this command is started by `welkin sql run --ask` or `welkin boost train --ask`",
        )
    };
    let Message::Contract { contract } = read_message(input, PEER)? else { return Err(unexpected().into()) };
    let contract = Contract::read(contract.as_bytes()).map_err(|error| {
        anyhow::Error::new(error).context(Fault::new(Code::SealContract, "this is not a contract"))
    })?;
    let asked = Asked {
        party: &args.party,
        policy: args.policy.as_deref(),
        passphrase: args.passphrase_file.as_deref(),
    };
    let owners = Owners::unlock(contract, &[asked], &args.inputs, app)?;
    say(app, &Message::Challenge(owners.challenge()))?;
    let attested = loop {
        match read_message(input, PEER)? {
            Message::Attested(attested) => break attested,
            // Others are asked, too, before anybody releases anything.
            Message::Proposed(attested) => {
                owners.judge(&attested, app)?;
                say(app, &Message::Accepted)?;
            }
            _ => return Err(unexpected().into()),
        }
    };
    let (keys, claims) = owners.release(&attested, app)?;
    say(app, &Message::Released { keys })?;
    app.note(&format!("Released the keys of `{}` to an engine of {}.", args.party, claims.kind.title()));
    // It may never run, and whoever carries messages may be gone.
    if let Ok(Message::Ran(ran)) = read_message(input, PEER) {
        owners.ran(&ran, app)?;
    }
    Ok(())
}

fn say(app: &mut App, message: &Message) -> anyhow::Result<()> {
    app.out.write_all(&message.line())?;
    app.out.flush()?;
    Ok(())
}
