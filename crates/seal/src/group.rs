//! Engines that run one contract together: who they are, in which order, and what each has to prove.
//!
//! Whoever starts them collects the keys that each made inside, and hands the list to all. Nobody trusts that list: each engine looks for
//! its own keys in it, the evidence of each is bound to the whole list and to its place there, and an owner who releases keys to one
//! has judged all ([`crate::Admitted::judge_answer`]). What engines say to each other is sealed with keys that only two of the list
//! agree on ([`crate::FrameSealer`]).

use crate::canonical;
use crate::hex::Hex;
use crate::keys::Identity;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The engines of one run, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    members: Vec<Identity>,
}

/// One place in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The digest of the whole list.
    pub group: Hex<32>,
    /// Which of them, from 0.
    pub rank: u32,
}

/// Why a list is no group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GroupError {
    /// Too few or too many.
    #[error("{0} engines are no group: 2 to 16 are")]
    Size(usize),
    /// One key, two places.
    #[error("an engine is in the group twice")]
    Twice,
    /// The contract says otherwise.
    #[error("the contract is run by {wanted} engines, and {found} answered")]
    Other {
        /// How many the contract names.
        wanted: usize,
        /// How many there are.
        found: usize,
    },
}

impl Group {
    /// The most engines that run a contract together.
    pub const MOST: usize = 16;

    /// The group of these, in this order.
    ///
    /// # Errors
    /// Where they are too few or too many, or a key is there twice.
    pub fn new(members: Vec<Identity>) -> Result<Self, GroupError> {
        if !(2..=Self::MOST).contains(&members.len()) {
            return Err(GroupError::Size(members.len()));
        }
        let different = |key: fn(&Identity) -> Hex<32>| {
            members.iter().map(key).collect::<BTreeSet<_>>().len() == members.len()
        };
        if !different(|member| member.signing) || !different(|member| member.sealing) {
            return Err(GroupError::Twice);
        }
        Ok(Self { members })
    }

    /// Who is in it.
    #[must_use]
    pub fn members(&self) -> &[Identity] {
        &self.members
    }

    /// What evidence is bound to: SHA-256 over the keys of all, in their order.
    #[must_use]
    pub fn digest(&self) -> Hex<32> {
        let keys: Vec<_> = self.members.iter().map(|member| (member.signing, member.sealing)).collect();
        canonical::digest(&canonical::message("welkin group/1", &keys))
    }

    /// The place of an engine; none where it is not in the group.
    #[must_use]
    pub fn place_of(&self, engine: &Identity) -> Option<Place> {
        let same = |member: &Identity| (member.signing, member.sealing) == (engine.signing, engine.sealing);
        let rank = u32::try_from(self.members.iter().position(same)?).ok()?;
        Some(Place { group: self.digest(), rank })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::EngineKey;
    use ring::rand::SystemRandom;

    fn engines(count: usize) -> Vec<Identity> {
        let engine = |_| EngineKey::draw(&SystemRandom::new()).unwrap().identity().clone();
        (0..count).map(engine).collect()
    }

    #[test]
    fn a_group_has_two_to_sixteen_engines_each_once() {
        for count in [0, 1, 17] {
            assert_eq!(Group::new(engines(count)), Err(GroupError::Size(count)));
        }
        let three = engines(3);
        assert_eq!(
            Group::new(vec![three[0].clone(), three[1].clone(), three[0].clone()]),
            Err(GroupError::Twice)
        );
        assert!(Group::new(engines(16)).is_ok());
    }

    #[test]
    fn order_and_keys_count() {
        let three = engines(3);
        let group = Group::new(three.clone()).unwrap();
        assert_eq!(group.place_of(&three[2]).unwrap(), Place { group: group.digest(), rank: 2 });
        assert_eq!(group.place_of(&engines(1)[0]), None);
        let mut other = three.clone();
        other.swap(0, 1);
        assert_ne!(Group::new(other).unwrap().digest(), group.digest());
        let [first, second, _] = &three[..] else { unreachable!() };
        assert_ne!(Group::new(vec![first.clone(), second.clone()]).unwrap().digest(), group.digest());
    }
}
