//! Certificates, as far as chains of attestation need them, in a reader that takes one spelling only.
//!
//! Every byte of a certificate that is accepted is either signed, or equal to a copy that is (the outer name of the
//! signature's algorithm), or part of a signature that holds, or a length that has no second spelling: no single byte can
//! be changed unseen.
//!
//! *Rejected:* a general library. Those that were tried accept a changed outer algorithm, or do not give out what
//! manufacturers put into extensions.

mod certificate;
mod chain;
mod der;
mod instant;
mod pem;
mod revocation;
mod signature;

pub(crate) use certificate::Certificate;
pub(crate) use chain::{Root, order, verify_chain};
pub(crate) use der::{Der, Tag};
pub(crate) use instant::instant;
pub(crate) use pem::read_certificates;
pub(crate) use revocation::RevocationList;
pub(crate) use signature::verifies_p256_raw;

pub use certificate::CertificateError;
pub use chain::{ChainError, Link};
pub use pem::PemError;
