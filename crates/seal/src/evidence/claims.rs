//! What genuine evidence says, in the same words for every kind.

use super::Kind;
use crate::hex::{Hex, HexBytes};
use crate::x509::Link;
use std::collections::BTreeMap;

/// What genuine evidence says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Whose evidence it is.
    pub kind: Kind,
    /// The root that vouches for it.
    pub root: &'static str,
    /// From the key that signed it up to the root.
    pub chain: Vec<Link>,
    /// What was loaded, by the kind's own names ([`Kind::measurements`]).
    pub measurements: BTreeMap<&'static str, HexBytes>,
    /// What the workload put into it itself: 64 bytes where the kind has room for no more.
    pub report_data: HexBytes,
    /// The question it answers, where the kind has a field of its own for it.
    pub nonce: Option<HexBytes>,
    /// Could whoever runs it look inside?
    pub debug: bool,
    /// How new its firmware is.
    pub tcb: Tcb,
    /// More, for people.
    pub details: Vec<(&'static str, String)>,
    /// SHA-256 of what is signed: a name for this evidence.
    pub digest: Hex<32>,
}

/// Versions of what is trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tcb {
    /// By the kind's own names ([`Kind::components`]).
    pub components: BTreeMap<&'static str, u64>,
    /// What the manufacturer says of them, where it says something: `UpToDate`, `OutOfDate`.
    pub status: Option<String>,
    /// Names of the manufacturer's warnings that apply.
    pub advisories: Vec<String>,
}

/// The name of evidence whose signed part this is.
pub(super) fn digest(signed: &[u8]) -> Hex<32> {
    let mut sum = [0; 32];
    sum.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, signed).as_ref());
    Hex(sum)
}
