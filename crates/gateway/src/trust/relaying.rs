//! Whether and to where lanes are passed on.
//!
//! What is named is reached, wherever it is. What is not named is reached only on request of whoever runs the relay, and
//! then only at public addresses: this machine, its links and private networks are often open to whoever is within, and
//! a relay is. A name is looked up once, and what was looked at is what is connected to.
//!
//! *Guarantee:* an answer says no more of an address that was not named than that it could not be reached.

use crate::error::LaneError;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// See the head of the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Relaying {
    /// Nowhere: every path ends here.
    #[default]
    Never,
    /// To these addresses: `HOST:PORT` as they are in routes, or `HOST:*` for every port.
    Only(Vec<String>),
    /// To these, and to every public address that a client names who may go through.
    Anywhere(Vec<String>),
}

impl Relaying {
    /// Where a lane may go that asks for `address`.
    pub(crate) async fn resolve(&self, address: &str) -> Result<Next, LaneError> {
        let no = || LaneError::Refused(format!("nothing is passed on to {address}"));
        let (named, anywhere) = match self {
            Self::Never => return Err(no()),
            Self::Only(named) => (named, false),
            Self::Anywhere(named) => (named, true),
        };
        let named = named.iter().any(|name| is_named(name, address));
        if !named && !anywhere {
            return Err(no());
        }
        let found: io::Result<Vec<SocketAddr>> =
            tokio::net::lookup_host(address).await.map(Iterator::collect);
        let found = found.unwrap_or_default();
        if named {
            return Ok(Next { found, named });
        }
        let public: Vec<_> = found.into_iter().filter(|address| is_public(address.ip())).collect();
        if public.is_empty() { Err(no()) } else { Ok(Next { found: public, named }) }
    }
}

/// Where a lane goes next.
#[derive(Debug)]
pub(crate) struct Next {
    pub(crate) found: Vec<SocketAddr>,
    named: bool,
}

impl Next {
    /// Why it could not be reached, as far as whoever asked may know.
    pub(crate) fn told(&self, error: LaneError, address: &str) -> LaneError {
        if self.named { error } else { LaneError::Fault(format!("cannot reach {address}")) }
    }
}

fn is_named(name: &str, address: &str) -> bool {
    let host = name.strip_suffix(":*");
    name == address || host.is_some_and(|host| address.rsplit_once(':').is_some_and(|(to, _)| to == host))
}

/// Whether an address is one of the internet's own.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let shared = first == 100 && second & 0xc0 == 64;
    let protocol = (first, second, third) == (192, 0, 0);
    let benchmark = first == 198 && second & 0xfe == 18;
    let closed = address.is_loopback() || address.is_private() || address.is_link_local();
    let odd = first == 0 || first >= 240 || address.is_multicast() || address.is_documentation();
    !(closed || odd || shared || protocol || benchmark)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    // Addresses that stand for others of version 4: mapped, compatible, translated, 6to4.
    let segments = address.segments();
    let four = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match segments {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            is_public_v4(four(high, low))
        }
        [0x2002, high, low, ..] => is_public_v4(four(high, low)),
        // Global unicast but for documentation and Teredo, which tunnels.
        [0x2001, 0xdb8 | 0, ..] => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_networks_are_not_public() {
        for address in [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.100.100.200",
            "198.18.0.1",
            "192.0.0.192",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::7f00:1",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::",
            "2001::1",
            "2001:db8::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in
            ["8.8.8.8", "100.63.0.1", "172.32.0.1", "2a00:1450::1", "64:ff9b::808:808", "::ffff:8.8.8.8"]
        {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[tokio::test]
    async fn what_is_not_public_has_to_be_named() {
        let named = || vec!["127.0.0.1:7400".to_owned(), "[::1]:*".to_owned()];
        for (relaying, address, goes) in [
            (Relaying::Never, "127.0.0.1:7400", false),
            (Relaying::Only(named()), "127.0.0.1:7400", true),
            (Relaying::Only(named()), "[::1]:5", true),
            (Relaying::Only(named()), "127.0.0.1:7401", false),
            (Relaying::Only(named()), "8.8.8.8:53", false),
            (Relaying::Anywhere(Vec::new()), "127.0.0.1:7400", false),
            (Relaying::Anywhere(Vec::new()), "localhost:7400", false),
            (Relaying::Anywhere(Vec::new()), "169.254.169.254:80", false),
            (Relaying::Anywhere(named()), "127.0.0.1:7400", true),
            (Relaying::Anywhere(Vec::new()), "8.8.8.8:53", true),
        ] {
            assert_eq!(relaying.resolve(address).await.is_ok(), goes, "{relaying:?} {address}");
        }
    }
}
