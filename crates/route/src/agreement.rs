//! Agreements between providers: who carries whose data, and for what.
//!
//! 1. [`model`]: a file of agreements, as JSON. What cannot be read is reported and the rest stands.
//!    Each side of a scope names one of the two parties literally, and a party is a provider.
//! 2. [`signature`]: both parties sign the same canonical bytes with ed25519. The keys that count are
//!    those of the *user's* configuration ([`TrustedKeys`]); a file of agreements cannot bring its own.
//! 3. [`terms`]: an agreement that is signed by both, the highest of its versions, not revoked, in effect, and
//!    whose conditions hold becomes [`Terms`], which the planner turns into edges of its graph. Any other is
//!    ignored with a reason: an agreement can only ever make a plan cheaper, so one in doubt must not count.
//!
//! *Rejected:* conditions in a general expression language: two parties who sign must mean the same by
//! every condition, so there is a short list of them.
//!
//! Source of the kinds: Stoica and Shenker, "From Cloud Computing to Sky Computing", HotOS 2021, and the
//! contracts between networks that it refers to.

mod model;
mod signature;
mod terms;

pub use model::{Agreement, AgreementFile, Conditions, Kind, Price, Revocation, Scope, Step};
pub use signature::TrustedKeys;
pub use terms::{Charge, Facts, Ignored, Terms, Traffic, in_force};
