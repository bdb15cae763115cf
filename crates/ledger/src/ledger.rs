//! Double entry over the journal.

use crate::account::Account;
use crate::entry::{Entry, EntryId, EntryKind};
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;
use welkin_units::Usd;

/// Why a row was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The budget does not hold what a lease is expected to cost.
    #[error("{lease} is expected to cost {wanted}, but of the budget of {run} only {left} is left")]
    Overdrawn {
        /// Run.
        run: String,
        /// Token of the lease.
        lease: String,
        /// Expected cost.
        wanted: Usd,
        /// What is left.
        left: Usd,
    },
}

/// Balances after a sequence of rows. Starts empty.
///
/// A hold is the expected cost without a margin: the plan has shown that the expected costs of all
/// its tasks fit the budget together, and a margin would refuse the last of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    // 128 bits: sums of saturated amounts stay exact, so the accounts sum to zero whatever comes.
    balances: BTreeMap<Account, i128>,
    posted: BTreeSet<EntryId>,
}

impl Ledger {
    /// The balances after `rows`, which were all accepted once.
    #[must_use]
    pub fn replay<'a>(rows: impl IntoIterator<Item = &'a Entry>) -> Self {
        let mut ledger = Self::default();
        for row in rows {
            ledger.accept(row);
        }
        ledger
    }

    /// Books a row that was found to be covered; `false` when it was booked before, which changes nothing.
    pub fn accept(&mut self, row: &Entry) -> bool {
        let is_new = self.posted.insert(row.id());
        if is_new {
            self.book(row);
        }
        is_new
    }

    /// Posts a row; `false` when it was posted before, which changes nothing.
    ///
    /// # Errors
    /// [`LedgerError::Overdrawn`] for a hold the budget does not cover; nothing is posted then.
    pub fn post(&mut self, row: &Entry) -> Result<bool, LedgerError> {
        let id = row.id();
        if self.posted.contains(&id) {
            return Ok(false);
        }
        if let EntryKind::Hold { lease, amount } = &row.kind
            && let Some(left) = self.left(&row.run)
            && *amount > left
        {
            return Err(LedgerError::Overdrawn {
                run: row.run.clone(),
                lease: lease.clone(),
                wanted: *amount,
                left,
            });
        }
        self.posted.insert(id);
        self.book(row);
        Ok(true)
    }

    /// What `run` may still set aside; `None` when it has no budget.
    #[must_use]
    pub fn left(&self, run: &str) -> Option<Usd> {
        let budget = Account::Budget { run: run.to_owned() };
        self.balances.get(&budget).map(|nanos| narrow(*nanos))
    }

    /// Balance of an account; an account nobody used is empty.
    #[must_use]
    pub fn balance(&self, account: &Account) -> Usd {
        narrow(self.balances.get(account).copied().unwrap_or_default())
    }

    /// Every account that was used.
    pub fn accounts(&self) -> impl Iterator<Item = (&Account, Usd)> {
        self.balances.iter().map(|(account, nanos)| (account, narrow(*nanos)))
    }

    /// Sum over all accounts: zero, whatever was posted.
    #[must_use]
    pub fn sum(&self) -> i128 {
        self.balances.values().sum()
    }

    fn book(&mut self, row: &Entry) {
        let payer = self.payer(&row.run);
        match &row.kind {
            EntryKind::Fund { amount } => {
                self.shift(Account::Funding, Account::Budget { run: row.run.clone() }, nanos(*amount));
            }
            EntryKind::Hold { lease, amount } => {
                self.shift(payer, Account::Hold { lease: lease.clone() }, nanos(*amount));
            }
            EntryKind::Charge { event } => {
                let hold = Account::Hold { lease: event.subject.clone() };
                let payable = Account::Payable { provider: event.place.provider.clone() };
                let cost = nanos(event.cost);
                let held = self.balances.get(&hold).copied().unwrap_or_default().clamp(0, cost.max(0));
                if held != 0 {
                    self.shift(hold, payable.clone(), held);
                }
                self.shift(payer, payable, cost - held);
            }
            EntryKind::Void { lease } => {
                let hold = Account::Hold { lease: lease.clone() };
                let rest = self.balances.get(&hold).copied().unwrap_or_default();
                self.shift(hold, payer, rest);
            }
            EntryKind::Correction { provider, amount, .. } => {
                self.shift(payer, Account::Payable { provider: provider.clone() }, nanos(*amount));
            }
        }
    }

    fn payer(&self, run: &str) -> Account {
        let budget = Account::Budget { run: run.to_owned() };
        if self.balances.contains_key(&budget) { budget } else { Account::Funding }
    }

    fn shift(&mut self, from: Account, to: Account, nanos: i128) {
        *self.balances.entry(from).or_default() -= nanos;
        *self.balances.entry(to).or_default() += nanos;
    }
}

fn nanos(amount: Usd) -> i128 {
    i128::from(amount.nanos())
}

fn narrow(nanos: i128) -> Usd {
    Usd::from_nanos(i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX }))
}
