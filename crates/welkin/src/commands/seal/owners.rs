//! The owners of sealed data, as a broker asks them for an engine that runs on a node: those of this home, and those whom
//! `welkin seal party add --ask` says how to ask.

use super::release::{Asked, Owners};
use super::work::owner::Elsewhere;
use super::{keyring, now, sha256};
use crate::app::App;

use crate::settings::Settings;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use welkin_broker::{Judged, SealedWork, Sealing};
use welkin_seal::{Attested, Challenge, CodeKind, Contract, Message, Name, Ran, Refusal};
use welkin_sky::Sky;

/// How long an owner elsewhere may take over everything: the machine of the attempt waits, and costs. A login takes seconds,
/// a person who has to be asked does not belong here.
const ANSWERS_WITHIN: Duration = Duration::from_secs(600);

/// Owners as this home knows them. Keys that need a passphrase cannot be used: nobody is there to be asked for one.
#[derive(Debug)]
pub(crate) struct OwnersHere {
    settings: Settings,
    sky: Sky,
}

impl OwnersHere {
    pub(crate) fn of(app: &App) -> Arc<dyn Sealing> {
        Arc::new(Self { settings: app.settings.clone(), sky: app.sky.clone() })
    }

    fn asked(&self, work: &SealedWork) -> anyhow::Result<Vec<Box<dyn welkin_broker::Owners>>> {
        let app = App::of(self.settings.clone(), self.sky.clone());
        let contract = Contract::read(work.contract.as_bytes())?;
        let (found, signed) = (sha256(work.query.as_bytes()), contract.manifest.code.digest);
        if found != signed {
            return Err(Refusal::ChangedCode { found, signed }.into());
        }
        let parties: BTreeSet<Name> =
            contract.manifest.signers.iter().map(|signer| signer.party.clone()).collect();
        let kind = contract.manifest.code.kind;
        let mut far: Vec<Box<dyn welkin_broker::Owners>> = Vec::new();
        let mut here = Vec::new();
        for party in &parties {
            // Whoever has no keys here and no way to be asked is told of as missing.
            match keyring::asked_by(&app, party)?.filter(|_| !keyring::has_keys(&app, party)) {
                Some(command) => {
                    far.push(Box::new(AskedFar::start((party, kind), &command, &work.contract)?))
                }
                None => here.push(Asked { party, policy: None, passphrase: None }),
            }
        }
        if !here.is_empty() {
            let owners = Owners::unlock(contract, &here, &work.inputs, &app)?;
            // Last: what can go wrong elsewhere has gone wrong then.
            far.push(Box::new(AskedHere { owners, settings: self.settings.clone(), sky: self.sky.clone() }));
        }
        Ok(far)
    }
}

impl Sealing for OwnersHere {
    fn owners(&self, work: &SealedWork) -> Result<Vec<Box<dyn welkin_broker::Owners>>, String> {
        self.asked(work).map_err(in_words)
    }
}

/// Parties of this home, together.
struct AskedHere {
    owners: Owners,
    settings: Settings,
    sky: Sky,
}

impl AskedHere {
    fn app(&self) -> App {
        App::of(self.settings.clone(), self.sky.clone())
    }
}

impl welkin_broker::Owners for AskedHere {
    fn challenge(&self) -> Challenge {
        self.owners.challenge()
    }

    fn is_answer(&self, answer: &Attested) -> bool {
        answers(answer, self.owners.challenge())
    }

    fn judge(&mut self, answer: &Attested) -> Result<(), String> {
        self.owners.judge(answer, &self.app()).map(drop).map_err(in_words)
    }

    fn release(&mut self, answer: &Attested) -> Result<Judged, String> {
        let (released, claims) = self.owners.release(answer, &self.app()).map_err(in_words)?;
        Ok(Judged { released, kind: claims.kind.name().to_owned(), evidence: claims.digest.to_string() })
    }

    fn ran(&mut self, ran: &Ran) -> Result<(), String> {
        self.owners.ran(ran, &self.app()).map_err(in_words)
    }
}

/// A party that is asked by a command, which judges by itself.
struct AskedFar {
    party: Elsewhere,
    challenge: Challenge,
}

impl AskedFar {
    fn start(about: (&Name, CodeKind), command: &str, contract: &str) -> anyhow::Result<Self> {
        let mut party = Elsewhere::start_apart(about, command, ANSWERS_WITHIN)?;
        match party.ask(&Message::Contract { contract: contract.to_owned() })? {
            Message::Challenge(challenge) => Ok(Self { party, challenge }),
            other => Err(party.unexpected(other)),
        }
    }

    fn asked(&mut self, answer: &Attested) -> anyhow::Result<Judged> {
        let released = match self.party.ask(&Message::Attested(Box::new(answer.clone())))? {
            Message::Released { keys } => keys,
            other => return Err(self.party.unexpected(other)),
        };
        // What it says of itself, for the record: the party has judged it.
        let claims = answer.evidence.verify(now())?;
        Ok(Judged { released, kind: claims.kind.name().to_owned(), evidence: claims.digest.to_string() })
    }
}

impl welkin_broker::Owners for AskedFar {
    fn challenge(&self) -> Challenge {
        self.challenge
    }

    fn is_answer(&self, answer: &Attested) -> bool {
        answers(answer, self.challenge)
    }

    fn judge(&mut self, answer: &Attested) -> Result<(), String> {
        self.party.judge(answer).map_err(in_words)
    }

    fn release(&mut self, answer: &Attested) -> Result<Judged, String> {
        self.asked(answer).map_err(in_words)
    }

    fn ran(&mut self, ran: &Ran) -> Result<(), String> {
        self.party.tell(ran).map_err(in_words)
    }
}

/// Whether evidence is for a question. What is not genuine is for the owners to refuse.
fn answers(answer: &Attested, challenge: Challenge) -> bool {
    let Ok(expected) = answer.binding(challenge) else { return true };
    answer
        .evidence
        .verify(now())
        .map_or(true, |claims| claims.report_data.0 == expected.report_data_of(claims.kind))
}

fn in_words(error: anyhow::Error) -> String {
    format!("{error:#}")
}
