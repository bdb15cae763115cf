//! The money of a run that is being driven: a fold over its rows of the ledger, kept beside its state.

use welkin_ledger::{Entry, EntryKind, Ledger};
use welkin_units::Usd;

/// Balances, and what was booked as spent.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    ledger: Ledger,
    spent: Usd,
}

impl Accounts {
    /// The accounts after rows that were all accepted.
    pub(crate) fn replay(rows: &[Entry]) -> Self {
        let mut accounts = Self::default();
        rows.iter().for_each(|row| accounts.post(row));
        accounts
    }

    /// Takes in a row that goes on record; one that was taken in before changes nothing.
    pub(crate) fn post(&mut self, row: &Entry) {
        if !self.ledger.accept(row) {
            return;
        }
        match &row.kind {
            EntryKind::Charge { event } => self.spent += event.cost,
            EntryKind::Correction { amount, .. } => self.spent += *amount,
            EntryKind::Fund { .. } | EntryKind::Hold { .. } | EntryKind::Void { .. } => {}
        }
    }

    /// What is charged already.
    pub(crate) const fn spent(&self) -> Usd {
        self.spent
    }

    /// What the run may still set aside; `None` without a budget.
    pub(crate) fn left(&self, run: &str) -> Option<Usd> {
        self.ledger.left(run)
    }
}
