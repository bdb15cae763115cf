//! Rows of the journal: append-only, each with an id under which it counts once.

use crate::meter::MeterEvent;
use serde::{Deserialize, Serialize};
use std::fmt;
use welkin_provider::ProviderId;
use welkin_units::Usd;

/// Identity of a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EntryId(pub String);

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The run it belongs to.
    pub run: String,
    /// What happened.
    #[serde(flatten)]
    pub kind: EntryKind,
}

/// What a row says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "entry")]
pub enum EntryKind {
    /// The run gets a budget; a run without this row spends straight from the user's money.
    Fund {
        /// Most it may spend.
        amount: Usd,
    },
    /// Money is set aside before a lease is asked for; refused when the budget lacks it.
    Hold {
        /// Token of the lease.
        lease: String,
        /// Its expected cost.
        amount: Usd,
    },
    /// Something was used: paid from the hold of its subject, then from the budget.
    Charge {
        /// What.
        event: MeterEvent,
    },
    /// The lease is over: the rest of its hold returns.
    Void {
        /// Token of the lease.
        lease: String,
    },
    /// An earlier charge was wrong by this much.
    Correction {
        /// The charge.
        of: EntryId,
        /// The provider.
        provider: ProviderId,
        /// What is owed on top; negative when too much was charged.
        amount: Usd,
        /// Why.
        reason: String,
    },
}

impl Entry {
    /// Its identity: one for each thing that can happen only once.
    #[must_use]
    pub fn id(&self) -> EntryId {
        EntryId(match &self.kind {
            EntryKind::Fund { .. } => format!("fund:{}", self.run),
            EntryKind::Hold { lease, .. } => format!("hold:{lease}"),
            EntryKind::Charge { event } => format!("charge:{}", event.id()),
            EntryKind::Void { lease } => format!("void:{lease}"),
            EntryKind::Correction { of, amount, reason, .. } => {
                let told = format!("{of}\n{}\n{reason}", amount.nanos());
                format!("correction:{}", &blake3::hash(told.as_bytes()).to_hex()[..32])
            }
        })
    }
}
