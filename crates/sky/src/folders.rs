//! Where things lie below Welkin's folder.

use std::path::{Path, PathBuf};

/// Paths below one home. None of them has to exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders(PathBuf);

impl Folders {
    /// Those below `home`, which should be absolute: agents and other processes start elsewhere.
    #[must_use]
    pub fn below(home: impl Into<PathBuf>) -> Self {
        Self(home.into())
    }

    /// The folder itself.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.0
    }

    /// What the user has configured.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.0.join("config.toml")
    }

    /// The broker's state.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.0.join("state")
    }

    /// The broker's database.
    #[must_use]
    pub fn records(&self) -> PathBuf {
        self.state().join("broker.sqlite3")
    }

    /// Where the broker listens.
    #[must_use]
    pub fn broker_socket(&self) -> PathBuf {
        self.state().join("broker.sock")
    }

    /// What the broker has to tell to nobody in particular.
    #[must_use]
    pub fn broker_log(&self) -> PathBuf {
        self.state().join("broker.log")
    }

    /// The state of the clouds that this machine emulates.
    #[must_use]
    pub fn clouds(&self) -> PathBuf {
        self.0.join("clouds")
    }

    /// What is on record of the parts of clusters.
    #[must_use]
    pub fn clusters(&self) -> PathBuf {
        self.0.join("clusters")
    }

    /// Records of leases on hosts, and the stores of their pools.
    #[must_use]
    pub fn ssh(&self) -> PathBuf {
        self.0.join("ssh")
    }

    /// The catalog and the price lists it was made from.
    #[must_use]
    pub fn catalog(&self) -> PathBuf {
        self.0.join("catalog")
    }

    /// What transfers have done.
    #[must_use]
    pub fn transfers(&self) -> PathBuf {
        self.0.join("transfers")
    }

    /// Keys, parties and logs of sealed work.
    #[must_use]
    pub fn seal(&self) -> PathBuf {
        self.0.join("seal")
    }

    /// Splits of training steps, each under the digest of its content.
    #[must_use]
    pub fn parallel(&self) -> PathBuf {
        self.0.join("parallel")
    }

    /// Who this machine is to gateways.
    #[must_use]
    pub fn identity(&self) -> PathBuf {
        self.0.join("identity")
    }

    /// Who this machine is as a gateway. Apart from the other: what it may do elsewhere is not for those it serves.
    #[must_use]
    pub fn serving_identity(&self) -> PathBuf {
        self.0.join("gateway-identity")
    }

    /// The broker of a team that commands ask, once somebody has logged in.
    #[must_use]
    pub fn login(&self) -> PathBuf {
        self.0.join("login.json")
    }

    /// Who this machine is as the broker of a team.
    #[must_use]
    pub fn broker_identity(&self) -> PathBuf {
        self.0.join("broker-identity")
    }

    /// Who may ask this machine's broker from elsewhere.
    #[must_use]
    pub fn members(&self) -> PathBuf {
        self.0.join("members")
    }

    /// Who has logged in by an identity provider.
    #[must_use]
    pub fn people(&self) -> PathBuf {
        self.0.join("people")
    }

    /// Tokens by which programs may.
    #[must_use]
    pub fn tokens(&self) -> PathBuf {
        self.0.join("tokens")
    }

    /// What their jobs bring along, until they are submitted: on the disk of the records, whose folders it moves to.
    #[must_use]
    pub fn brought(&self) -> PathBuf {
        self.state().join("brought")
    }

    /// Plans that were shown to the broker and wait to be run.
    #[must_use]
    pub fn plans(&self) -> PathBuf {
        self.state().join("plans")
    }

    /// What this machine logs in to clusters with.
    #[must_use]
    pub fn logins(&self) -> PathBuf {
        self.0.join("logins")
    }

    /// What they asked for.
    #[must_use]
    pub fn audit(&self) -> PathBuf {
        self.0.join("audit.jsonl")
    }
}
