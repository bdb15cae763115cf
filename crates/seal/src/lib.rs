//! Sealed work: who may see data, proven instead of promised.
//!
//! * [`Evidence`] is what hardware says of a workload; [`Evidence::verify`] checks it down to the manufacturer's root and
//!   gives [`Claims`], and a [`Policy`] judges those.
//!
//! The crate is a function of its arguments: bytes, a time, random numbers that are passed in. Cryptography is ring's, apart
//! from X25519 with keys that last, which ring does not offer.
//!
//! *Rejected:* the manufacturers' crates. They bring parsers of their own each, and one of them passes over bytes of the
//! signed body that it does not know.

mod binding;
mod bytes;
mod cbor;
mod evidence;
mod hex;
mod policy;
mod x509;

pub use binding::Binding;
pub use bytes::Short;
pub use evidence::{Claims, Evidence, EvidenceError, Kind, ReadError, Tcb};
pub use hex::{Hex, HexBytes, from_hex, to_hex};
pub use policy::{Check, Expected, Outcome, Policy, PolicyError, Verdict};
pub use x509::{CertificateError, ChainError, Link, PemError};
