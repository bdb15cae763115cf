//! One of several engines that run a contract together.

use super::error::EngineError;
use crate::exchange::{ExchangeError, Links, Meeting, Met};
use std::path::Path;
use welkin_seal::{Attested, Contract, EngineKey, Gathered, Group, Hex, Identity, Place};

/// Engines that were named to this one, and how far it has come with them.
pub(super) struct Joined {
    group: Group,
    place: Place,
    others: Others,
}

enum Others {
    /// They find this one in a folder.
    Waited(Meeting),
    /// Each can be talked to.
    Met(Met),
    /// They are talked to, or never will be.
    Gone,
}

impl Joined {
    /// Looks for this engine among those that were named. Who the others are, owners judge.
    pub(super) fn new(own: &Identity, members: Vec<Identity>, folder: &Path) -> Result<Self, EngineError> {
        let group = Group::new(members).map_err(|error| EngineError::Group(error.to_string()))?;
        let none = || EngineError::Group("this engine is not in the group".to_owned());
        let place = group.place_of(own).ok_or_else(none)?;
        let engines = u32::try_from(group.members().len()).unwrap_or(u32::MAX);
        let meeting = Meeting::new(place, engines, folder);
        let meeting = meeting.map_err(|error| EngineError::Meeting(folder.to_owned(), error))?;
        Ok(Self { group, place, others: Others::Waited(meeting) })
    }

    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// Finds the others, which have all joined.
    pub(super) fn meet(&mut self) -> Result<(), EngineError> {
        let Others::Waited(meeting) = std::mem::replace(&mut self.others, Others::Gone) else {
            return Err(EngineError::Session("this engine meets the others once"));
        };
        let met = meeting.meet().map_err(|_| EngineError::Peer(ExchangeError::Gone))?;
        self.others = Others::Met(met);
        Ok(())
    }

    /// What is said between this engine and the others from now on, for a contract, and once.
    pub(super) fn linked(&mut self, key: &EngineKey, contract: Hex<32>) -> Result<Links, EngineError> {
        let Others::Met(met) = std::mem::replace(&mut self.others, Others::Gone) else {
            return Err(EngineError::Session("this engine did not meet the others"));
        };
        met.linked(key, &self.group, contract).map_err(EngineError::Peer)
    }

    /// What goes into the receipt: the answers of all. Whoever gets the result judges the others'; that they are of this group is asked here.
    pub(super) fn answer(&self, own: &Attested, gathered: &Gathered) -> Result<Attested, EngineError> {
        let others = |answer: &Attested| {
            let members = self.group.members();
            let same = |(a, b): (&Identity, &Identity)| (a.signing, a.sealing) == (b.signing, b.sealing);
            let named = std::iter::once(&answer.engine).chain(answer.peers.iter().map(|peer| &peer.engine));
            members.len() == 1 + answer.peers.len() && members.iter().zip(named).all(same)
        };
        let answer = Attested { peers: gathered.peers.clone(), ..own.clone() };
        // The first engine writes the receipt; what the others are told is of no use to them.
        if self.place.rank == 0 && !others(&answer) {
            return Err(EngineError::Group("the answers are not those of this group".to_owned()));
        }
        Ok(answer)
    }
}

/// A contract is run by as many as it says.
pub(super) fn as_many(contract: &Contract, joined: Option<&Joined>) -> Result<(), EngineError> {
    let (wanted, found) =
        (contract.manifest.together, joined.map_or(1, |joined| joined.group.members().len()));
    if usize::try_from(wanted) == Ok(found) {
        return Ok(());
    }
    Err(EngineError::Group(format!("the contract is run by {wanted} engines, and this group has {found}")))
}
