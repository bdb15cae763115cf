//! Loopback addresses, one a node.
//!
//! Linux answers on all of 127.0.0.0/8, so a node gets an address of its own without any network
//! set-up, and two nodes may use the same port. Addresses come from 127.64.0.0/10, apart from
//! 127.0.0.1 and from what resolvers use. Nodes below one root never share one: they are chosen
//! under the root's lock against the live records. Two roots on one machine know nothing of each
//! other, so each node starts to look at a place of its own among the four million.

use super::durable;
use super::error::MachineError;
use super::record;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

const FIRST: u32 = Ipv4Addr::new(127, 64, 0, 0).to_bits();
const COUNT: u32 = 1 << 22;

/// A free address for `node`; `None` when all are taken.
pub(crate) fn choose(node: &str, taken: &BTreeSet<String>) -> Option<String> {
    let hash = blake3::hash(node.as_bytes());
    let start = hash.as_bytes().iter().take(4).fold(0, |bits, byte| (bits << 8) | u32::from(*byte)) % COUNT;
    (0..COUNT)
        .map(|step| Ipv4Addr::from_bits(FIRST + (start + step) % COUNT))
        // The first and last of a block of 256 look like network and broadcast addresses to some programs.
        .filter(|address| !matches!(address.octets()[3], 0 | 255))
        .map(|address| address.to_string())
        .find(|address| !taken.contains(address))
}

/// The addresses of leases, each of which is read once: those of a lease never change. Another lease of
/// the same name, in a root that somebody emptied, lies in another folder.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    known: Mutex<BTreeMap<(PathBuf, u64), Vec<String>>>,
}

impl Addresses {
    /// Those of every lease in `folders`. A lease that cannot be read hides only itself.
    pub(crate) fn of(&self, folders: &[PathBuf]) -> Result<BTreeSet<String>, MachineError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut present = BTreeMap::new();
        for folder in folders {
            let leases = durable::numbered(folder)
                .map_err(|source| MachineError::Read { path: folder.clone(), source })?;
            for lease in leases {
                let addresses = known.remove(&lease).or_else(|| {
                    let nodes = record::read(&lease.0).ok()?.nodes;
                    Some(nodes.into_iter().map(|node| node.address).collect())
                });
                present.extend(addresses.map(|addresses| (lease, addresses)));
            }
        }
        *known = present;
        Ok(known.values().flatten().cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_address_is_passed_over() {
        let first = choose("node", &BTreeSet::new()).unwrap();
        let second = choose("node", &BTreeSet::from([first.clone()])).unwrap();
        assert_ne!(first, second);
        assert_eq!(choose("node", &BTreeSet::new()).unwrap(), first);
    }

    #[test]
    fn every_address_is_loopback_and_usable() {
        let mut taken = BTreeSet::new();
        for number in 0..1_000 {
            let text = choose(&format!("node-{number}"), &taken).unwrap();
            let address: Ipv4Addr = text.parse().unwrap();
            assert!(address.is_loopback() && address.octets()[1] >= 64);
            assert!(taken.insert(text));
        }
        std::net::TcpListener::bind((taken.first().unwrap().as_str(), 0)).unwrap();
    }
}
