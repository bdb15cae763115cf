//! The owners of this home, as a broker asks them for an engine that runs on a node.

use super::release::{Asked, Owners};
use super::{now, sha256};
use crate::app::App;
use crate::settings::Settings;
use std::collections::BTreeSet;
use std::sync::Arc;
use welkin_broker::{Judged, SealedWork, Sealing};
use welkin_seal::{Attested, Binding, Challenge, Contract, Name, Ran, Refusal};

/// Parties of this home whose keys need no passphrase: nobody is there to be asked for one.
#[derive(Debug)]
pub(crate) struct OwnersHere {
    settings: Settings,
}

impl OwnersHere {
    pub(crate) fn of(settings: Settings) -> Arc<dyn Sealing> {
        Arc::new(Self { settings })
    }

    fn unlock(&self, work: &SealedWork) -> anyhow::Result<Owners> {
        let contract = Contract::read(work.contract.as_bytes())?;
        let (found, signed) = (sha256(work.query.as_bytes()), contract.manifest.code.digest);
        if found != signed {
            return Err(Refusal::ChangedCode { found, signed }.into());
        }
        let parties: BTreeSet<Name> =
            contract.manifest.signers.iter().map(|signer| signer.party.clone()).collect();
        let asked: Vec<Asked<'_>> =
            parties.iter().map(|party| Asked { party, policy: None, passphrase: None }).collect();
        Owners::unlock(contract, &asked, &work.inputs, &App::of(self.settings.clone()))
    }
}

impl Sealing for OwnersHere {
    fn owners(&self, work: &SealedWork) -> Result<Box<dyn welkin_broker::Owners>, String> {
        let owners = self.unlock(work).map_err(|error| format!("{error:#}"))?;
        Ok(Box::new(AskedHere { owners, settings: self.settings.clone() }))
    }
}

struct AskedHere {
    owners: Owners,
    settings: Settings,
}

impl AskedHere {
    fn app(&self) -> App {
        App::of(self.settings.clone())
    }
}

impl welkin_broker::Owners for AskedHere {
    fn challenge(&self) -> Challenge {
        self.owners.challenge()
    }

    fn is_answer(&self, answer: &Attested) -> bool {
        let expected = Binding::to(&answer.engine, self.owners.challenge()).report_data();
        // What is not genuine is for the owners to refuse.
        answer.evidence.verify(now()).map_or(true, |claims| claims.report_data.0 == expected.0)
    }

    fn release(&self, answer: &Attested) -> Result<Judged, String> {
        let released = self.owners.release(answer, &self.app()).map_err(|error| format!("{error:#}"))?;
        let (released, claims) = released;
        Ok(Judged { released, kind: claims.kind.name().to_owned(), evidence: claims.digest.to_string() })
    }

    fn ran(&self, ran: &Ran) -> Result<(), String> {
        self.owners.ran(ran, &self.app()).map_err(|error| format!("{error:#}"))
    }
}
