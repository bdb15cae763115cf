//! What moving data costs and how long it takes.
//!
//! * [`Tariff`]: a price as a function of the month's cumulative volume: free quota, then tiers, each
//!   applied to its own slice only. Monotone and continuous in bytes.
//! * [`Quota`]: what is free of a month once, whichever of several tariffs it is used on.
//! * [`Tariffs`]: which tariff applies from one [`Endpoint`] to another, from a table of rules with a date.
//! * [`Rates`]: how fast one transfer runs.
//!
//! Algorithm of the lookup: rules are tried in order, the first whose provider, source, scope and
//! destination match applies. Because a rule sees of the destination only its provider, its
//! continent and the rule patterns it matches, destinations fall into few [`DestinationClass`]es
//! with identical prices, which is what lets placement work on classes instead of pairs.
//!
//! *Rejected:* one price per pair of providers (what regions charge differs up to fourfold) and the
//! whole volume at its last tier's price (not monotone: 1,025 GB would cost less than 1,024).

mod agreement;
mod endpoint;
mod matrix;
mod pattern;
mod planner;
mod quota;
mod rates;
mod requests;
mod solve;
mod store;
mod table;
mod tariff;
mod tariffs;
mod wan;

pub use agreement::{
    Agreement, AgreementFile, Charge, Conditions, Facts, Ignored, Kind, Price, Revocation,
    Scope as AgreementScope, Step, Terms, Traffic, TrustedKeys, in_force,
};
pub use endpoint::Endpoint;
pub use matrix::TariffMatrix;
pub use planner::*;
pub use quota::Quota;
pub use rates::Rates;
pub use requests::{RequestCounts, RequestPrices};
pub use store::Store;
pub use table::TableError;
pub use tariff::{Tariff, Tier, Unit};
pub use tariffs::{DestinationClass, TariffId, Tariffs};
pub use wan::*;
