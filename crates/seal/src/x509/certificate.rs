//! One certificate, read.

use super::der::{Der, Tag};
use super::instant::time;
use super::signature::{Algorithm, PublicKey};
use ring::digest;

/// Certificates of attestation have between 500 and 2,000 bytes.
const MOST_BYTES: usize = 16 << 10;

/// The fields that chains are judged by.
#[derive(Debug, Clone)]
pub(crate) struct Certificate<'a> {
    pub(crate) raw: &'a [u8],
    signed: &'a [u8],
    algorithm: Algorithm,
    signature: &'a [u8],
    /// Content of the number, as it is written.
    pub(crate) serial: &'a [u8],
    pub(crate) issuer: &'a [u8],
    pub(crate) subject: &'a [u8],
    pub(crate) not_before: u64,
    pub(crate) not_after: u64,
    pub(crate) key: PublicKey<'a>,
    /// May it sign certificates, and how many may stand between it and the last?
    pub(crate) authority: Option<Authority>,
    extensions: Vec<Extension<'a>>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Authority {
    pub(crate) path: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Extension<'a> {
    name: &'a [u8],
    critical: bool,
    content: &'a [u8],
}

/// Why bytes are no certificate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Not the one spelling that is accepted.
    #[error("not a certificate: {0}")]
    Malformed(&'static str),
    /// Signed in a way, or for a key, that is not known.
    #[error("the certificate's {0} is of a kind that is not known")]
    Unknown(&'static str),
}

use CertificateError::{Malformed, Unknown};

const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];

impl<'a> Certificate<'a> {
    pub(crate) fn read(raw: &'a [u8]) -> Result<Self, CertificateError> {
        if raw.len() > MOST_BYTES {
            return Err(Malformed("it is too long"));
        }
        let mut outside = Der::new(raw);
        let mut fields = outside.inside(Tag::SEQUENCE).ok_or(Malformed("no sequence"))?;
        outside.end().ok_or(Malformed("something follows its end"))?;
        let signed = fields.value(Tag::SEQUENCE).ok_or(Malformed("no signed part"))?;
        let outer = fields.value(Tag::SEQUENCE).ok_or(Malformed("no algorithm"))?.raw;
        let signature = fields.bytes_of_bits().ok_or(Malformed("no signature"))?;
        fields.end().ok_or(Malformed("something follows the signature"))?;
        let mut certificate = Self::read_signed(Der::new(signed.content), outer, signed.raw)?;
        certificate.raw = raw;
        certificate.signature = signature;
        Ok(certificate)
    }

    fn read_signed(mut fields: Der<'a>, outer: &[u8], signed: &'a [u8]) -> Result<Self, CertificateError> {
        let version = fields.inside(Tag::context(0)).and_then(|mut version| version.unsigned());
        if version != Some(2) {
            return Err(Malformed("its version is not 3"));
        }
        let serial = fields.content(Tag::INTEGER).ok_or(Malformed("no serial number"))?;
        let inner = fields.value(Tag::SEQUENCE).ok_or(Malformed("no inner algorithm"))?.raw;
        // The outer name is not signed; the inner one is.
        if inner != outer {
            return Err(Malformed("its two names of the signature's algorithm differ"));
        }
        let algorithm = Algorithm::named(inner).ok_or(Unknown("signature"))?;
        let issuer = fields.value(Tag::SEQUENCE).ok_or(Malformed("no issuer"))?.raw;
        let (not_before, not_after) = validity(&mut fields).ok_or(Malformed("no validity"))?;
        let subject = fields.value(Tag::SEQUENCE).ok_or(Malformed("no subject"))?.raw;
        let key = fields.value(Tag::SEQUENCE).ok_or(Malformed("no key"))?.raw;
        let key = PublicKey::read(key).ok_or(Unknown("key"))?;
        let extensions = extensions(&mut fields).ok_or(Malformed("its extensions cannot be read"))?;
        fields.end().ok_or(Malformed("something follows the extensions"))?;
        let authority = authority(&extensions)?;
        let (raw, signature) = (signed, &[][..]);
        Ok(Self {
            raw,
            signed,
            algorithm,
            signature,
            serial,
            issuer,
            subject,
            not_before,
            not_after,
            key,
            authority,
            extensions,
        })
    }

    /// Did the holder of `key` sign it?
    pub(crate) fn is_signed_by(&self, key: &PublicKey<'_>) -> bool {
        key.verifies(self.algorithm, self.signed, self.signature)
    }

    /// What a manufacturer says under a name of its own.
    pub(crate) fn extension(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.extensions.iter().find(|extension| extension.name == name).map(|extension| extension.content)
    }

    /// SHA-256 of the whole.
    pub(crate) fn fingerprint(&self) -> [u8; 32] {
        sha256(self.raw)
    }

    /// The subject's common name, for people.
    pub(crate) fn common_name(&self) -> String {
        common_name(self.subject).unwrap_or_else(|| "(no name)".to_owned())
    }
}

pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut sum = [0; 32];
    sum.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    sum
}

fn validity(fields: &mut Der<'_>) -> Option<(u64, u64)> {
    let mut times = fields.inside(Tag::SEQUENCE)?;
    let (from, to) = (time(times.any()?)?, time(times.any()?)?);
    times.end()?;
    Some((from, to))
}

fn extensions<'a>(fields: &mut Der<'a>) -> Option<Vec<Extension<'a>>> {
    let Some(outer) = fields.optional(Tag::context(3))? else { return Some(Vec::new()) };
    let mut outer = Der::new(outer.content);
    let mut list = outer.inside(Tag::SEQUENCE)?;
    outer.end()?;
    let mut extensions: Vec<Extension<'a>> = Vec::new();
    while !list.is_empty() {
        let mut fields = list.inside(Tag::SEQUENCE)?;
        let name = fields.content(Tag::OBJECT)?;
        let critical = match fields.optional(Tag::BOOLEAN)? {
            None => false,
            Some(value) if value.content == [0xff] => true,
            // AMD writes out what is the default.
            Some(value) if value.content == [0] => false,
            Some(_) => return None,
        };
        let content = fields.content(Tag::OCTET_STRING)?;
        fields.end()?;
        if extensions.iter().any(|extension| extension.name == name) {
            return None;
        }
        extensions.push(Extension { name, critical, content });
    }
    Some(extensions)
}

fn authority(extensions: &[Extension<'_>]) -> Result<Option<Authority>, CertificateError> {
    let known = |name: &[u8]| name == BASIC_CONSTRAINTS || name == KEY_USAGE;
    if extensions.iter().any(|extension| extension.critical && !known(extension.name)) {
        return Err(Unknown("critical extension"));
    }
    let find = |name: &[u8]| extensions.iter().find(|extension| extension.name == name);
    let Some(constraints) = find(BASIC_CONSTRAINTS) else { return Ok(None) };
    let authority = constraints_of(constraints.content).ok_or(Malformed("its constraints cannot be read"))?;
    let signs = match find(KEY_USAGE) {
        Some(usage) => signs_certificates(usage.content).ok_or(Malformed("its usage cannot be read"))?,
        None => true,
    };
    Ok(authority.filter(|_| signs))
}

#[expect(clippy::option_option, reason = "unreadable, not an authority, an authority")]
fn constraints_of(content: &[u8]) -> Option<Option<Authority>> {
    let mut outer = Der::new(content);
    let mut fields = outer.inside(Tag::SEQUENCE)?;
    outer.end()?;
    let authority = match fields.optional(Tag::BOOLEAN)? {
        Some(value) if value.content == [0xff] => {
            let path = if fields.is_empty() { None } else { Some(fields.unsigned()?) };
            Some(Authority { path })
        }
        Some(value) if value.content != [0] => return None,
        _ => None,
    };
    fields.end()?;
    Some(authority)
}

/// Is the bit with the number 5 set?
fn signs_certificates(content: &[u8]) -> Option<bool> {
    let bits = Der::new(content).content(Tag::BIT_STRING)?;
    Some(bits.get(1)? & 0x04 != 0)
}

fn common_name(name: &[u8]) -> Option<String> {
    const COMMON_NAME: &[u8] = &[0x55, 4, 3];
    let mut parts = Der::new(name).inside(Tag::SEQUENCE)?;
    while !parts.is_empty() {
        let mut part = parts.inside(Tag::SET)?.inside(Tag::SEQUENCE)?;
        if part.content(Tag::OBJECT)? == COMMON_NAME {
            let value = part.any()?;
            let text = matches!(value.tag, Tag::UTF8 | Tag::PRINTABLE | Tag::IA5);
            return text.then(|| String::from_utf8_lossy(value.content).into_owned());
        }
    }
    None
}
