//! What a [`Sky`](crate::Sky) goes by.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use welkin_broker::{Clocks, MachineClocks};
use welkin_records::Records;
use welkin_stores::StoreSettings;
use welkin_units::Bytes;

/// Everything from outside that decides what is done.
#[derive(Debug, Clone)]
pub struct SkyOptions {
    /// The folder that holds all state; made when something is first written.
    pub home: PathBuf,
    /// The user's own folder: `~` in job files, and where the tools of clouds keep credentials.
    pub user: Option<PathBuf>,
    /// Variables by which those tools are told of credentials.
    pub variables: Variables,
    /// What the user has configured.
    pub config: Config,
    /// The `welkin` program, which nodes run. Without one nothing can be run.
    pub program: Option<PathBuf>,
    /// Records of a broker elsewhere, which are looked at in place of those in the folder.
    pub records: Option<Arc<dyn Records>>,
    /// What time is read from.
    pub clocks: Arc<dyn Clocks>,
    /// Randomness: the identity of a new state folder, jitter of pauses.
    pub seed: u64,
}

impl SkyOptions {
    /// A folder, this machine's clocks, and nothing configured.
    #[must_use]
    pub fn new(home: impl Into<PathBuf>) -> Self {
        Self {
            home: home.into(),
            user: None,
            variables: Variables::default(),
            config: Config::default(),
            program: None,
            records: None,
            clocks: Arc::new(MachineClocks),
            seed: 0,
        }
    }
}

/// What the user has configured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// Providers to plan over; empty means every provider of the catalog.
    pub providers: Vec<String>,
    /// Stores with names of their own.
    pub stores: BTreeMap<String, StoreSettings>,
    /// Gateways and relays with names of their own.
    pub peers: BTreeMap<String, PeerSettings>,
    /// How `ssh` is called, with the arguments that come before those of a host; plainly where it is empty.
    pub ssh_command: String,
    /// Most bytes of output that are kept of a step on a node; what the records are good for when absent.
    pub log_keep: Option<Bytes>,
}

/// A gateway or relay with a name: section `[peers.NAME]` of `config.toml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PeerSettings {
    /// `HOST:PORT`.
    pub address: String,
    /// What `welkin gateway id` prints there.
    #[serde(default)]
    pub fingerprint: Option<String>,
}

/// A way to look variables up. Those of the process come in here too, or none do.
#[derive(Clone)]
pub struct Variables(Arc<Find>);

type Find = dyn Fn(&str) -> Option<OsString> + Send + Sync;

impl Variables {
    /// Looks them up with `find`.
    pub fn new(find: impl Fn(&str) -> Option<OsString> + Send + Sync + 'static) -> Self {
        Self(Arc::new(find))
    }

    /// The value of one that is set to something.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<OsString> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    /// The same, of one that is text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name)?.into_string().ok()
    }
}

impl Default for Variables {
    /// None is set.
    fn default() -> Self {
        Self::new(|_| None)
    }
}

impl fmt::Debug for Variables {
    /// Their values are credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Variables(****)")
    }
}
