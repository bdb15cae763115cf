//! What was used and what it costs.
//!
//! * [`MeterEvent`]: one metered interval of one lease or one movement of data, its price pinned when
//!   it is made, its id a hash of (subject, meter, interval), so that replay changes nothing;
//! * [`Pricing`] and [`MonthToDate`]: egress is a function of what was already moved this month;
//! * [`Ledger`]: double-entry accounts over [`Entry`] rows: budgets, holds, charges, corrections;
//! * [`Bill`]: the lines a user reads, each with what stands behind it, estimate beside metered.
//!
//! *Guarantee:* all accounts of a ledger sum to zero; posting a row twice changes nothing; an
//! interval costs the same however it is cut. Rows are never edited: a mistake is corrected by another row.
//!
//! *Rejected:* pricing at billing time (a tariff update would rewrite the past) and summing floats.
//! The crate keeps nothing itself: whoever records runs stores the rows and replays them.

mod account;
mod bill;
mod egress;
mod entry;
mod ledger;
mod meter;
mod terms;

pub use account::Account;
pub use bill::{Bill, BillLine, Estimate, Item};
pub use egress::{MonthToDate, NoPricing, Pricing, month_began, month_of, month_start};
pub use entry::{Entry, EntryId, EntryKind};
pub use ledger::{Ledger, LedgerError};
pub use meter::{EgressUse, Meter, MeterEvent, Usage, VmUse, Who};
pub use terms::Terms;
