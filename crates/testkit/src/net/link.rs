//! A virtual cable between two nodes, with a token bucket at each end.

use std::net::{IpAddr, Ipv4Addr};

use super::node::Node;
use super::shell::{NetError, run};

/// Joins two nodes.
#[derive(Debug)]
pub struct Link {
    number: u8,
    ends: [String; 2],
}

/// How long a packet may wait in a full bucket before it is dropped.
const LATENCY: &str = "50ms";

/// The bucket's size up to 500 Mbit/s, where it is 2 ms of traffic.
const BURST_BYTES: u64 = 128 << 10;

impl Link {
    pub(super) fn new(number: u8, a: &Node, b: &Node, bits_per_s: Option<u64>) -> Result<Self, NetError> {
        let ends = [a.namespace().to_owned(), b.namespace().to_owned()];
        let link = Self { number, ends };
        let [a, b] = &link.ends;
        let device = link.device();
        run(&format!("ip link add {device} netns {a} type veth peer name {device} netns {b}"))?;
        for (end, address) in link.ends.iter().zip(link.addresses()) {
            run(&format!("ip -n {end} addr add {address}/30 dev {device}"))?;
            run(&format!("ip -n {end} link set {device} up"))?;
        }
        link.set_rate(bits_per_s)?;
        Ok(link)
    }

    /// The address of one of its two nodes on this link.
    ///
    /// # Panics
    /// If the node is not one of them.
    pub fn address(&self, node: &Node) -> IpAddr {
        let end = self.ends.iter().position(|end| end == node.namespace());
        let end = end.unwrap_or_else(|| panic!("node {} is not on this link", node.name()));
        IpAddr::V4(self.addresses()[end])
    }

    /// Changes the rate of both directions, in bits a second, while traffic flows; `None` lifts it.
    pub fn set_rate(&self, bits_per_s: Option<u64>) -> Result<(), NetError> {
        let device = self.device();
        for end in &self.ends {
            match bits_per_s {
                Some(rate) => {
                    let burst = BURST_BYTES.max(rate / 8 / 500);
                    run(&format!(
                        "tc -n {end} qdisc replace dev {device} root tbf rate {rate}bit burst {burst} latency {LATENCY}"
                    ))?;
                }
                // There is nothing to delete from a link that never had a rate.
                None => drop(run(&format!("tc -n {end} qdisc del dev {device} root"))),
            }
        }
        Ok(())
    }

    /// Pulls the cable, or plugs it in again. Connections stay and stall.
    pub fn set_up(&self, up: bool) -> Result<(), NetError> {
        let state = if up { "up" } else { "down" };
        run(&format!("ip -n {} link set {} {state}", self.ends[0], self.device())).map(drop)
    }

    fn device(&self) -> String {
        format!("wl{}", self.number)
    }

    fn addresses(&self) -> [Ipv4Addr; 2] {
        [1, 2].map(|host| Ipv4Addr::new(10, 77, self.number, host))
    }
}
