//! The report: 1,184 bytes, of which the first 672 are signed.

use crate::bytes::Reader;
use crate::evidence::EvidenceError;

/// Body and signature.
pub(in crate::evidence) const REPORT_BYTES: usize = 0x4a0;
const SIGNED_BYTES: usize = 0x2a0;
/// Versions whose fields are known; each only added some.
const VERSIONS: std::ops::RangeInclusive<u32> = 2..=5;
const ECDSA_P384_SHA384: u32 = 1;
/// Bits of the guest's policy.
const MIGRATION: u64 = 1 << 18;
const DEBUG: u64 = 1 << 19;
const THREADS: u64 = 1 << 16;

#[derive(Debug)]
pub(super) struct Report<'a> {
    pub(super) signed: &'a [u8],
    /// Two numbers of 48 bytes, the most significant first.
    pub(super) signature: [u8; 96],
    pub(super) version: u32,
    pub(super) guest_svn: u32,
    policy: u64,
    pub(super) vmpl: u32,
    pub(super) key: Key,
    pub(super) chip_masked: bool,
    pub(super) report_data: &'a [u8],
    pub(super) measurements: [(&'static str, &'a [u8]); 6],
    pub(super) reported_tcb: [u8; 8],
    pub(super) chip: &'a [u8],
}

/// Whose key signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// The chip's.
    Vcek,
    /// The operator's.
    Vlek,
}

impl<'a> Report<'a> {
    pub(super) fn read(body: &'a [u8]) -> Result<Self, EvidenceError> {
        if body.len() != REPORT_BYTES {
            let what = format!("a report has {REPORT_BYTES} bytes, not {}", body.len());
            return Err(EvidenceError::Malformed(what));
        }
        let (signed, tail) = body.split_at(SIGNED_BYTES);
        let mut fields = Reader::new(signed);
        let version = fields.u32_le()?;
        if !VERSIONS.contains(&version) {
            let what = "version of the report";
            return Err(EvidenceError::Unknown { what, found: version.into(), known: "2 to 5" });
        }
        let guest_svn = fields.u32_le()?;
        let policy = fields.u64_le()?;
        let (family, image) = (fields.take(16)?, fields.take(16)?);
        let vmpl = fields.u32_le()?;
        let algorithm = fields.u32_le()?;
        if algorithm != ECDSA_P384_SHA384 {
            let what = "algorithm of the signature";
            return Err(EvidenceError::Unknown { what, found: algorithm.into(), known: "1 (ECDSA P-384)" });
        }
        let _current_tcb_and_platform = fields.take(16)?;
        let flags = fields.u32_le()?;
        let _reserved = fields.take(4)?;
        let report_data = fields.take(64)?;
        let measurement = fields.take(48)?;
        let host_data = fields.take(32)?;
        let (id_key, author_key) = (fields.take(48)?, fields.take(48)?);
        let _report_ids = fields.take(64)?;
        let reported_tcb = fields.array()?;
        let _processor = fields.take(24)?;
        let chip = fields.take(64)?;
        Ok(Self {
            signed,
            signature: signature(tail)?,
            version,
            guest_svn,
            policy,
            vmpl,
            key: key(flags)?,
            chip_masked: flags & 0b10 != 0,
            report_data,
            measurements: [
                ("measurement", measurement),
                ("host-data", host_data),
                ("id-key-digest", id_key),
                ("author-key-digest", author_key),
                ("family-id", family),
                ("image-id", image),
            ],
            reported_tcb,
            chip,
        })
    }

    pub(super) fn debug_allowed(&self) -> bool {
        self.policy & DEBUG != 0
    }

    pub(super) fn migration_allowed(&self) -> bool {
        self.policy & MIGRATION != 0
    }

    pub(super) fn threads_allowed(&self) -> bool {
        self.policy & THREADS != 0
    }
}

fn key(flags: u32) -> Result<Key, EvidenceError> {
    match flags >> 2 & 0b111 {
        0 => Ok(Key::Vcek),
        1 => Ok(Key::Vlek),
        7 => Err(EvidenceError::Malformed("the report is not signed".to_owned())),
        found => Err(EvidenceError::Unknown {
            what: "signing key",
            found: found.into(),
            known: "0 (VCEK), 1 (VLEK)",
        }),
    }
}

/// Two numbers of 72 bytes, the least significant first, of which 48 are used, and zeros.
fn signature(tail: &[u8]) -> Result<[u8; 96], EvidenceError> {
    let mut fields = Reader::new(tail);
    let mut signature = [0; 96];
    for half in signature.chunks_mut(48) {
        let number = fields.take(72)?;
        let (used, padding) = number.split_at(48);
        half.iter_mut().zip(used.iter().rev()).for_each(|(to, from)| *to = *from);
        must_be_zero(padding)?;
    }
    must_be_zero(fields.rest())?;
    Ok(signature)
}

fn must_be_zero(bytes: &[u8]) -> Result<(), EvidenceError> {
    if bytes.iter().all(|byte| *byte == 0) {
        return Ok(());
    }
    Err(EvidenceError::Malformed("something stands where the report has zeros".to_owned()))
}
