//! `hosts.yaml`: which hosts there are, in the form of SkyPilot's node pools.
//!
//! ```yaml
//! lab:                          # a pool; tasks name it as `infra: ssh/lab`
//!   user: ubuntu                # for all hosts that do not say otherwise
//!   identity_file: ~/.ssh/lab
//!   price: 0.35                 # dollars for a host-hour; 0 when absent
//!   hosts:
//!     - 10.0.0.11               # an address, or a name of OpenSSH's own configuration
//!     - gpu-box
//!     - ip: 10.0.0.13
//!       user: root
//! ```

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use thiserror::Error;
use welkin_units::Usd;

/// Most hosts of a file: each is a process and a connection of this machine.
const MAX_HOSTS: usize = 1_000;

/// Longest file: a thousand hosts with all their fields take some 200 KB.
const MAX_BYTES: usize = 1 << 20;

/// What a file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostsFile {
    /// Pools by name.
    pub pools: BTreeMap<String, Pool>,
}

/// Hosts that stand for each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pool {
    /// In the order of the file.
    pub hosts: Vec<HostSpec>,
    /// Price of a whole host for an hour. What a task takes of a host costs all of it.
    pub hourly: Usd,
}

/// How to reach one host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostSpec {
    /// What `ssh` is told: an address, or a name of its configuration.
    pub target: String,
    /// Account, unless `ssh` knows better.
    pub user: Option<String>,
    /// Port, unless `ssh` knows better.
    pub port: Option<u16>,
    /// Key, unless `ssh` knows better. `~` stands for the home.
    pub identity_file: Option<PathBuf>,
    /// Address by which the other hosts of the pool reach it, unless it is the one of its SSH server.
    pub address: Option<String>,
    /// A build of this program for the host, where it is of another kind than this machine.
    pub program: Option<PathBuf>,
}

/// What is wrong with a file.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum HostsError {
    /// It is no YAML of this form.
    #[error("{0}")]
    Form(String),
    /// It is longer than 1 MiB, or has more than a thousand hosts.
    #[error("the file is too large: at most {MAX_HOSTS} hosts in {MAX_BYTES} bytes")]
    TooLarge,
    /// A name that cannot be a place.
    #[error(
        "{0:?} cannot name a pool or host: letters, digits, '-', '_' and '.', beginning with a letter or digit"
    )]
    Name(String),
    /// An address that is none. It becomes part of a line of shell on the host.
    #[error(
        "pool {pool}: {address:?} cannot be the address of {host}: letters, digits, '-', '_', '.' and ':', beginning \
         with a letter, digit or ':'"
    )]
    Address {
        /// Which pool.
        pool: String,
        /// Which host.
        host: String,
        /// What is written.
        address: String,
    },
    /// The same host twice in a pool.
    #[error("pool {pool}: {host} is there twice")]
    Twice {
        /// Which pool.
        pool: String,
        /// Which host.
        host: String,
    },
    /// A pool without hosts.
    #[error("pool {0} has no hosts")]
    Empty(String),
    /// A password.
    #[error(
        "pool {pool}: {host} has a password, and passwords are not used: copy a key there with \
         `ssh-copy-id {host}`, or name it in `identity_file`"
    )]
    Password {
        /// Which pool.
        pool: String,
        /// Which host.
        host: String,
    },
    /// A price that is no amount.
    #[error("pool {pool}: the price {price} is not an amount of dollars for an hour")]
    Price {
        /// Which pool.
        pool: String,
        /// What is written.
        price: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPool {
    hosts: Vec<WrittenHost>,
    user: Option<String>,
    port: Option<u16>,
    identity_file: Option<PathBuf>,
    password: Option<String>,
    price: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "a host is an address, a name, or a mapping with `ip`")]
enum WrittenHost {
    Name(String),
    Fields(WrittenFields),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFields {
    ip: String,
    user: Option<String>,
    port: Option<u16>,
    identity_file: Option<PathBuf>,
    password: Option<String>,
    address: Option<String>,
    program: Option<PathBuf>,
}

impl HostsFile {
    /// Reads a file.
    ///
    /// # Errors
    /// [`HostsError`] with what is wrong, and where as far as the reader can tell.
    pub fn parse(text: &str) -> Result<Self, HostsError> {
        if text.len() > MAX_BYTES {
            return Err(HostsError::TooLarge);
        }
        // A file of comments alone says that there are none.
        let written: Option<BTreeMap<String, WrittenPool>> =
            serde_saphyr::from_str(text).map_err(|error| HostsError::Form(error.to_string()))?;
        let written = written.unwrap_or_default();
        if written.values().map(|pool| pool.hosts.len()).sum::<usize>() > MAX_HOSTS {
            return Err(HostsError::TooLarge);
        }
        let pools = written.into_iter().map(|(name, pool)| Ok((name.clone(), Pool::read(&name, pool)?)));
        Ok(Self { pools: pools.collect::<Result<_, _>>()? })
    }
}

impl Pool {
    fn read(name: &str, written: WrittenPool) -> Result<Self, HostsError> {
        named(name)?;
        if written.hosts.is_empty() {
            return Err(HostsError::Empty(name.to_owned()));
        }
        let price = written.price.unwrap_or(0.0);
        let sound = price.is_finite() && (0.0..=1e6).contains(&price);
        let hourly = sound.then(|| Usd::from_dollars(price)).flatten();
        let hourly =
            hourly.ok_or_else(|| HostsError::Price { pool: name.to_owned(), price: price.to_string() })?;
        let mut hosts = Vec::with_capacity(written.hosts.len());
        let mut seen = BTreeSet::new();
        for host in &written.hosts {
            let spec = host.spec(name, &written)?;
            if !seen.insert(spec.target.clone()) {
                return Err(HostsError::Twice { pool: name.to_owned(), host: spec.target });
            }
            hosts.push(spec);
        }
        Ok(Self { hosts, hourly })
    }
}

impl WrittenHost {
    fn spec(&self, pool: &str, all: &WrittenPool) -> Result<HostSpec, HostsError> {
        let none = WrittenFields {
            ip: String::new(),
            user: None,
            port: None,
            identity_file: None,
            password: None,
            address: None,
            program: None,
        };
        let (target, own) = match self {
            Self::Name(name) => (name, &none),
            Self::Fields(fields) => (&fields.ip, fields),
        };
        named(target)?;
        if own.password.is_some() || all.password.is_some() {
            return Err(HostsError::Password { pool: pool.to_owned(), host: target.clone() });
        }
        if let Some(address) = own.address.as_ref().filter(|address| !is_plain(address)) {
            let (pool, host, address) = (pool.to_owned(), target.clone(), address.clone());
            return Err(HostsError::Address { pool, host, address });
        }
        Ok(HostSpec {
            target: target.clone(),
            user: own.user.clone().or_else(|| all.user.clone()),
            port: own.port.or(all.port),
            identity_file: own.identity_file.clone().or_else(|| all.identity_file.clone()),
            address: own.address.clone(),
            program: own.program.clone(),
        })
    }
}

/// Names become places, arguments and folders.
fn named(name: &str) -> Result<(), HostsError> {
    if is_plain(name) { Ok(()) } else { Err(HostsError::Name(name.to_owned())) }
}

/// Whether a word means itself to every shell, and is no option. IPv6 addresses have colons.
fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    let starts = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b':');
    starts && name.len() <= 128 && name.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "
lab:
  user: ubuntu
  identity_file: ~/.ssh/lab
  price: 0.35
  hosts:
    - 10.0.0.11
    - gpu-box
    - ip: 10.0.0.13
      user: root
      port: 2222
";

    #[test]
    fn a_pool_in_skypilots_form() {
        let file = HostsFile::parse(FILE).unwrap();
        let lab = &file.pools["lab"];
        assert_eq!(lab.hourly, Usd::from_cents(35));
        let told: Vec<_> =
            lab.hosts.iter().map(|host| (host.target.as_str(), host.user.as_deref(), host.port)).collect();
        let ubuntu = Some("ubuntu");
        assert_eq!(
            told,
            [("10.0.0.11", ubuntu, None), ("gpu-box", ubuntu, None), ("10.0.0.13", Some("root"), Some(2222))]
        );
        assert!(lab.hosts.iter().all(|host| host.identity_file == Some("~/.ssh/lab".into())));
        assert_eq!(HostsFile::parse("# nothing yet\n").unwrap(), HostsFile::default());
        assert_eq!(HostsFile::parse("").unwrap(), HostsFile::default());
    }

    #[test]
    fn hosts_reach_each_other_by_names_and_addresses_of_both_kinds() {
        for address in ["10.1.0.3", "fd00::3", "::1", "node-3.lab_a.example"] {
            let file = HostsFile::parse(&format!("a: {{hosts: [{{ip: x, address: '{address}'}}]}}")).unwrap();
            assert_eq!(file.pools["a"].hosts[0].address.as_deref(), Some(address));
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let cases = [
            ("a: {hosts: [x], usr: y}", "usr"),
            ("a: {hosts: []}", "no hosts"),
            ("a: {hosts: [x, x]}", "twice"),
            ("a: {hosts: [-oProxyCommand=sh]}", "cannot name"),
            ("a: {hosts: ['x y']}", "cannot name"),
            ("'../x': {hosts: [x]}", "cannot name"),
            ("a: {hosts: [{ip: x, password: p}]}", "ssh-copy-id x"),
            ("a: {hosts: [{ip: x, address: 'y; touch z'}]}", "cannot be the address of x"),
            ("a: {hosts: [{ip: x, address: '$(id)'}]}", "cannot be the address of x"),
            ("a: {hosts: [{ip: x, address: \"'\"}]}", "cannot be the address of x"),
            ("a: {hosts: [{ip: x, address: --root}]}", "cannot be the address of x"),
            ("a: {hosts: [{ip: x, address: ''}]}", "cannot be the address of x"),
            ("a: {hosts: [x], price: -1}", "price"),
            ("a: {hosts: [x], price: .nan}", "price"),
            ("a: [x]", "a"),
            ("a: {hosts: [{name: x}]}", "host"),
        ];
        for (text, word) in cases {
            let error = HostsFile::parse(text).unwrap_err().to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
