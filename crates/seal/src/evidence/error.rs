//! Why evidence is not genuine.

use crate::bytes::Short;
use crate::x509::{CertificateError, ChainError};

/// Why evidence is not genuine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// It ends too early.
    #[error("the evidence is cut short")]
    Short(#[from] Short),
    /// It is not what its format says.
    #[error("the evidence is malformed: {0}")]
    Malformed(String),
    /// A version, or an algorithm, that is not known.
    #[error("the evidence has {what} {found}; known are {known}")]
    Unknown {
        /// What it is.
        what: &'static str,
        /// Which.
        found: u64,
        /// Which would be.
        known: &'static str,
    },
    /// A certificate that is needed is not there.
    #[error("no certificate for {0} is given")]
    Missing(&'static str),
    /// A certificate cannot be used.
    #[error("certificate {number} cannot be used")]
    Certificate {
        /// Which, from 1.
        number: usize,
        /// Why.
        #[source]
        source: CertificateError,
    },
    /// The certificates do not lead to a root.
    #[error("the chain of certificates does not hold")]
    Chain(#[from] ChainError),
    /// The signature is not that of the key in the certificate.
    #[error("the signature of {0} does not hold")]
    Signature(&'static str),
    /// The evidence and the certificate of its key tell different things.
    #[error("the certificate is for another {0} than the evidence is of")]
    Mismatch(&'static str),
    /// One statement does not have the hash of what another one rests on.
    #[error("nothing that is signed vouches for {0}")]
    Unvouched(&'static str),
    /// A statement of the manufacturer that is needed is missing, stale or does not fit.
    #[error("the manufacturer's statement cannot be used: {0}")]
    Collateral(String),
    /// A certificate was taken back.
    #[error("the certificate of `{0}` was revoked")]
    Revoked(String),
}

impl EvidenceError {
    /// A word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Short(_) | Self::Malformed(_) => "malformed",
            Self::Unknown { .. } => "unknown",
            Self::Missing(_) => "missing-certificate",
            Self::Certificate { .. } => "certificate",
            Self::Chain(_) => "chain",
            Self::Signature(_) => "signature",
            Self::Mismatch(_) => "mismatch",
            Self::Unvouched(_) => "unvouched",
            Self::Collateral(_) => "collateral",
            Self::Revoked(_) => "revoked",
        }
    }
}
