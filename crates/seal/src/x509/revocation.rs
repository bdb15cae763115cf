//! Lists of certificates that are no longer valid.

use super::certificate::Certificate;
use super::der::{Der, Tag};
use super::instant::time;
use super::signature::{Algorithm, PublicKey};

/// Intel's lists have a few kilobytes.
const MOST_BYTES: usize = 4 << 20;

/// A list, read.
#[derive(Debug, Clone)]
pub(crate) struct RevocationList<'a> {
    signed: &'a [u8],
    algorithm: Algorithm,
    signature: &'a [u8],
    issuer: &'a [u8],
    this_update: u64,
    next_update: u64,
    revoked: &'a [u8],
}

impl<'a> RevocationList<'a> {
    pub(crate) fn read(raw: &'a [u8]) -> Option<Self> {
        if raw.len() > MOST_BYTES {
            return None;
        }
        let mut outside = Der::new(raw);
        let mut fields = outside.inside(Tag::SEQUENCE)?;
        outside.end()?;
        let signed = fields.value(Tag::SEQUENCE)?;
        let outer = fields.value(Tag::SEQUENCE)?.raw;
        let signature = fields.bytes_of_bits()?;
        fields.end()?;
        let mut inner = Der::new(signed.content);
        (inner.unsigned()? == 1).then_some(())?;
        let algorithm = inner.value(Tag::SEQUENCE)?.raw;
        (algorithm == outer).then_some(())?;
        let algorithm = Algorithm::named(algorithm)?;
        let issuer = inner.value(Tag::SEQUENCE)?.raw;
        let (this_update, next_update) = (time(inner.any()?)?, time(inner.any()?)?);
        let revoked = inner.optional(Tag::SEQUENCE)?.map_or(&[][..], |list| list.content);
        let _extensions = inner.optional(Tag::context(0))?;
        inner.end()?;
        Some(Self { signed: signed.raw, algorithm, signature, issuer, this_update, next_update, revoked })
    }

    /// Is it the issuer's own, and in force?
    pub(crate) fn speaks_for(&self, issuer: &Certificate<'_>, now: u64) -> bool {
        let key: &PublicKey<'_> = &issuer.key;
        self.issuer == issuer.subject
            && (self.this_update..=self.next_update).contains(&now)
            && key.verifies(self.algorithm, self.signed, self.signature)
    }

    /// Is the number on the list? A list that cannot be read to its end has everything on it.
    pub(crate) fn revokes(&self, serial: &[u8]) -> bool {
        let mut entries = Der::new(self.revoked);
        while !entries.is_empty() {
            let entry = entries.inside(Tag::SEQUENCE).and_then(|mut entry| entry.content(Tag::INTEGER));
            if entry.is_none_or(|entry| entry == serial) {
                return true;
            }
        }
        false
    }
}
