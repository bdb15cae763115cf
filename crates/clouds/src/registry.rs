//! Which adapters there are, what is true of each before it is opened, and how all are opened. The one file that
//! names them: a new one is a folder beside this file, a row of [`ADAPTERS`] and a line of [`open`].

use crate::cluster::{Clusters, WithClusters};
use crate::emulated::{Emulated, EmulatedConfig, KnownTypes};
use crate::local::{Local, LocalConfig};
use crate::machine::{AgentCommand, MachineError};
use crate::ssh::{Ssh, SshConfig};
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use thiserror::Error;
use welkin_provider::{Clock, Nature, Provider, ProviderId};
use welkin_units::Span;

/// An adapter, before it is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adapter {
    /// The provider's name.
    pub name: &'static str,
    /// What stands behind it.
    pub nature: Nature,
    /// Shortest time that it bills.
    pub billed_least: Span,
    /// Time beyond that is billed in steps of this; zero bills by the millisecond.
    pub billed_in: Span,
}

/// Those with a name of their own.
pub const ADAPTERS: &[Adapter] = &[
    Adapter { name: Local::NAME, nature: Nature::Local, billed_least: Span::ZERO, billed_in: Span::ZERO },
    Adapter { name: Ssh::NAME, nature: Nature::Real, billed_least: Span::ZERO, billed_in: Span::ZERO },
];

/// What stands behind a provider: a cloud without an adapter of its own is emulated on this machine.
#[must_use]
pub fn nature(provider: &str) -> Nature {
    ADAPTERS.iter().find(|adapter| adapter.name == provider).map_or(Nature::Emulated, |it| it.nature)
}

/// What the adapters need.
pub struct Opening {
    /// Folder of all that this machine rents out.
    pub root: PathBuf,
    /// Folder that says who has which part of a cluster.
    pub clusters: PathBuf,
    /// How a node's daemon is started.
    pub agent: AgentCommand,
    /// The present moment.
    pub clock: Arc<dyn Clock>,
    /// Providers that are to be in reach; those that are not emulated are so anyway.
    pub names: Vec<ProviderId>,
    /// Whether an emulated cloud has a machine type at a place.
    pub known: KnownTypes,
    /// The user's own hosts, where there are any.
    pub ssh: Option<SshConfig>,
}

impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opening")
            .field("root", &self.root)
            .field("names", &self.names)
            .field("ssh", &self.ssh)
            .finish_non_exhaustive()
    }
}

/// Why an adapter cannot be opened.
#[derive(Debug, Error)]
pub enum OpeningError {
    /// What this machine rents out.
    #[error("what this machine rents out cannot be opened")]
    Machine(#[from] MachineError),
    /// Records of the user's own hosts.
    #[error("the records of hosts in {path} cannot be opened")]
    Hosts {
        /// Their folder.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// Opens all of them, each behind what gives out parts of leases that runs hold.
///
/// # Errors
/// [`OpeningError`] with the folder that cannot be used.
pub fn open(opening: Opening) -> Result<Vec<Arc<dyn Provider>>, OpeningError> {
    let Opening { root, clusters, agent, clock, names, known, ssh } = opening;
    let clouds = names.into_iter().filter(|name| nature(name) == Nature::Emulated).collect();
    let mut config = EmulatedConfig::new(root.clone(), clouds, agent.clone(), known);
    config.clock = Arc::clone(&clock);
    let emulated = Emulated::new(&config)?;
    let mut config = LocalConfig::new(root, agent);
    config.clock = Arc::clone(&clock);
    let local = Local::new(config)?;
    let ssh = ssh.map(|config| {
        let path = config.root.clone();
        Ssh::new(config).map_err(|source| OpeningError::Hosts { path, source })
    });

    let mut all: Vec<Arc<dyn Provider>> = Vec::new();
    all.extend(emulated.clouds().iter().map(|cloud| Arc::clone(cloud) as Arc<dyn Provider>));
    all.push(Arc::new(local));
    if let Some(ssh) = ssh.transpose()? {
        all.push(Arc::new(ssh));
    }
    let clusters = Clusters::new(clusters, clock);
    let with = |provider| Arc::new(WithClusters::new(provider, Arc::clone(&clusters))) as Arc<dyn Provider>;
    Ok(all.into_iter().map(with).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use welkin_provider::SystemClock;

    #[test]
    fn every_adapter_is_opened_under_its_name_and_of_its_nature() {
        let folder = tempfile::tempdir().unwrap();
        let agent = AgentCommand { program: "/bin/false".into(), args: Vec::new() };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let hosts = crate::ssh::HostsFile::default();
        let opened = open(Opening {
            root: folder.path().join("clouds"),
            clusters: folder.path().join("clusters"),
            agent,
            clock,
            names: ["aws", Local::NAME, Ssh::NAME].map(ProviderId::from_static).to_vec(),
            known: Arc::new(|_, _| true),
            ssh: Some(SshConfig::new(folder.path().join("ssh"), hosts, "/bin/false".into())),
        });
        let opened = opened.unwrap();
        let told: Vec<(&str, Nature)> = opened.iter().map(|it| (it.name().as_str(), it.nature())).collect();
        let own = ADAPTERS.iter().map(|adapter| (adapter.name, adapter.nature));
        assert_eq!(told, std::iter::once(("aws", Nature::Emulated)).chain(own).collect::<Vec<_>>());
        assert!(told.iter().all(|(name, of)| nature(name) == *of));
    }
}
