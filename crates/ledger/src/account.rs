//! Accounts.

use serde::{Deserialize, Serialize};
use std::fmt;
use welkin_provider::ProviderId;

/// Where money is or is owed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Account {
    /// The user's money outside any budget.
    Funding,
    /// What a run may still spend.
    Budget {
        /// The run.
        run: String,
    },
    /// Set aside for one lease.
    Hold {
        /// Token of the lease.
        lease: String,
    },
    /// Owed to a provider.
    Payable {
        /// The provider.
        provider: ProviderId,
    },
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Funding => f.write_str("funding"),
            Self::Budget { run } => write!(f, "budget of {run}"),
            Self::Hold { lease } => write!(f, "hold for {lease}"),
            Self::Payable { provider } => write!(f, "payable to {provider}"),
        }
    }
}
