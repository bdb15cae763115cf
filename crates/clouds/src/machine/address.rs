//! Loopback addresses, one a node.
//!
//! Linux answers on all of 127.0.0.0/8, so a node gets an address of its own without any network
//! set-up, and two nodes may use the same port. Addresses come from 127.64.0.0/10, apart from
//! 127.0.0.1 and from what resolvers use. Nodes below one root never share one: a node claims its address
//! by a file of that name, which only one can make, and which goes with the node. Two roots on one machine
//! know nothing of each other, so each node starts to look at a place of its own among the four million.

use super::durable::private_file;
use super::error::MachineError;
use super::layout::Layout;
use std::io::{self, Write};
use std::net::Ipv4Addr;

const FIRST: u32 = Ipv4Addr::new(127, 64, 0, 0).to_bits();
const COUNT: u32 = 1 << 22;

/// A free address for `node`, claimed for it.
pub(super) fn claim(layout: &Layout, node: &str) -> Result<String, MachineError> {
    for address in candidates(node) {
        let path = layout.address(&address);
        match private_file().create_new(true).open(&path).and_then(|mut file| file.write_all(node.as_bytes()))
        {
            Ok(()) => return Ok(address),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(source) => return Err(MachineError::Write { path, source }),
        }
    }
    Err(MachineError::Invalid("no loopback address is free".to_owned()))
}

/// Every address, beginning at a place of the node's own.
fn candidates(node: &str) -> impl Iterator<Item = String> {
    let hash = blake3::hash(node.as_bytes());
    let start = hash.as_bytes().iter().take(4).fold(0, |bits, byte| (bits << 8) | u32::from(*byte)) % COUNT;
    (0..COUNT)
        .map(move |step| Ipv4Addr::from_bits(FIRST + (start + step) % COUNT))
        // The first and last of a block of 256 look like network and broadcast addresses to some programs.
        .filter(|address| !matches!(address.octets()[3], 0 | 255))
        .map(|address| address.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_node_until_it_is_given_back() {
        let root = tempfile::tempdir().unwrap();
        let layout = Layout::new(root.path(), "aws");
        std::fs::create_dir(layout.addresses()).unwrap();
        let first = claim(&layout, "node").unwrap();
        let second = claim(&layout, "node").unwrap();
        assert_ne!(first, second);
        assert_eq!(std::fs::read_to_string(layout.address(&first)).unwrap(), "node");
        std::fs::remove_file(layout.address(&first)).unwrap();
        assert_eq!(claim(&layout, "node").unwrap(), first);
    }

    #[test]
    fn every_address_is_loopback_and_usable() {
        for number in 0..1_000 {
            let text = candidates(&format!("node-{number}")).next().unwrap();
            let address: Ipv4Addr = text.parse().unwrap();
            assert!(address.is_loopback() && address.octets()[1] >= 64);
        }
        std::net::TcpListener::bind((candidates("node").next().unwrap().as_str(), 0)).unwrap();
    }
}
