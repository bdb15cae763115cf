//! Chains of certificates, from a leaf up to a root that is known by its key.

use super::certificate::{Certificate, sha256};
use crate::hex::Hex;

/// The longest chain in use, AWS's, has five.
const MOST_LINKS: usize = 8;

/// A root that is trusted: whoever holds this key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Root {
    pub(crate) name: &'static str,
    /// SHA-256 of the key as certificates have it (`SubjectPublicKeyInfo`).
    pub(crate) key: [u8; 32],
}

/// A certificate of a chain that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The subject's common name.
    pub subject: String,
    /// Seconds since 1970.
    pub not_before: u64,
    /// Seconds since 1970.
    pub not_after: u64,
    /// SHA-256 of the certificate.
    pub fingerprint: Hex<32>,
}

/// Why a chain does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// None, or too many.
    #[error("a chain has 1 to {MOST_LINKS} certificates, not {0}")]
    Length(usize),
    /// A certificate names another issuer than the one above it.
    #[error("the issuer of `{0}` is not among the certificates")]
    Issuer(String),
    /// A signature does not hold.
    #[error("the signature of `{0}` does not hold")]
    Signature(String),
    /// The last certificate is not a root that is trusted.
    #[error("`{0}` is no root that is trusted")]
    Root(String),
    /// Too early or too late.
    #[error("`{subject}` is valid from {not_before} to {not_after}, in seconds since 1970, and it is {now}")]
    Time {
        /// Whose certificate.
        subject: String,
        /// The first second.
        not_before: u64,
        /// The last second.
        not_after: u64,
        /// The time it was asked for.
        now: u64,
    },
    /// A certificate that signs another without being allowed to.
    #[error("`{0}` may not sign what it signs")]
    Authority(String),
}

/// Puts certificates into the order of a chain, beginning with `leaf`; those that are not part of it are left out.
pub(crate) fn order<'a>(leaf: Certificate<'a>, others: Vec<Certificate<'a>>) -> Vec<Certificate<'a>> {
    let mut chain = vec![leaf];
    while chain.len() <= MOST_LINKS {
        let last = &chain[chain.len() - 1];
        if last.issuer == last.subject {
            break;
        }
        let above = others.iter().find(|above| above.subject == last.issuer && last.is_signed_by(&above.key));
        let Some(above) = above.or_else(|| others.iter().find(|above| above.subject == last.issuer)) else {
            break;
        };
        chain.push(above.clone());
    }
    chain
}

/// Checks a chain from its leaf to its root, and says which root it is and what it is made of.
pub(crate) fn verify_chain(
    chain: &[Certificate<'_>],
    roots: &[Root],
    now: u64,
) -> Result<(Root, Vec<Link>), ChainError> {
    let last = match chain {
        [.., last] if chain.len() <= MOST_LINKS => last,
        _ => return Err(ChainError::Length(chain.len())),
    };
    if last.issuer != last.subject {
        return Err(ChainError::Issuer(last.common_name()));
    }
    let key = sha256(last.key.raw);
    let root =
        roots.iter().find(|root| root.key == key).ok_or_else(|| ChainError::Root(last.common_name()))?;
    for (below, certificate) in chain.iter().enumerate() {
        let above = chain.get(below + 1).unwrap_or(certificate);
        if certificate.issuer != above.subject {
            return Err(ChainError::Issuer(certificate.common_name()));
        }
        if !certificate.is_signed_by(&above.key) {
            return Err(ChainError::Signature(certificate.common_name()));
        }
        check_time(certificate, now)?;
        check_authority(certificate, below)?;
    }
    Ok((*root, chain.iter().map(link).collect()))
}

fn check_time(certificate: &Certificate<'_>, now: u64) -> Result<(), ChainError> {
    let (not_before, not_after) = (certificate.not_before, certificate.not_after);
    if (not_before..=not_after).contains(&now) {
        return Ok(());
    }
    Err(ChainError::Time { subject: certificate.common_name(), not_before, not_after, now })
}

/// A leaf signs no certificates; whoever stands above `below` others may have so many below it.
fn check_authority(certificate: &Certificate<'_>, below: usize) -> Result<(), ChainError> {
    let fits = match (below, certificate.authority) {
        (0, authority) => authority.is_none(),
        (_, None) => false,
        // Neither the leaf nor the authority itself counts.
        (_, Some(authority)) => authority.path.is_none_or(|most| below as u64 - 1 <= most),
    };
    fits.then_some(()).ok_or_else(|| ChainError::Authority(certificate.common_name()))
}

fn link(certificate: &Certificate<'_>) -> Link {
    Link {
        subject: certificate.common_name(),
        not_before: certificate.not_before,
        not_after: certificate.not_after,
        fingerprint: Hex(certificate.fingerprint()),
    }
}
