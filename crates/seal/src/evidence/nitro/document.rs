//! The document: `COSE_Sign1` around a map.

use crate::cbor::Cbor;
use crate::evidence::EvidenceError;

/// `{1: -35}`: ECDSA with P-384 and SHA-384.
const ES384: &[u8] = &[0xa1, 0x01, 0x38, 0x22];
const COSE_SIGN1: u64 = 18;
/// The bundles seen have four; the chain allows one more than it takes.
const MOST_CERTIFICATES: u64 = 7;
/// The hypervisor has 32 registers.
const MOST_PCRS: u64 = 32;

#[derive(Debug, Default)]
pub(super) struct Document<'a> {
    pub(super) protected: &'a [u8],
    pub(super) payload: &'a [u8],
    pub(super) signature: &'a [u8],
    pub(super) module: &'a str,
    pub(super) timestamp_ms: u64,
    pub(super) pcrs: Vec<(u64, &'a [u8])>,
    pub(super) certificate: &'a [u8],
    /// From the root down.
    pub(super) bundle: Vec<&'a [u8]>,
    pub(super) public_key: Option<&'a [u8]>,
    pub(super) user_data: Option<&'a [u8]>,
    pub(super) nonce: Option<&'a [u8]>,
}

fn malformed(what: &str) -> EvidenceError {
    EvidenceError::Malformed(what.to_owned())
}

impl<'a> Document<'a> {
    pub(super) fn read(body: &'a [u8]) -> Result<Self, EvidenceError> {
        let mut cose = Cbor::new(body);
        cose.skip_tag(COSE_SIGN1);
        let parts = cose.array().filter(|count| *count == 4);
        parts.ok_or_else(|| malformed("it is no COSE_Sign1"))?;
        let protected = cose.bytes().filter(|bytes| *bytes == ES384);
        let protected =
            protected.ok_or_else(|| malformed("it is not signed by ECDSA with P-384 and SHA-384"))?;
        cose.map()
            .filter(|count| *count == 0)
            .ok_or_else(|| malformed("it has a header that is not signed"))?;
        let payload = cose.bytes().ok_or_else(|| malformed("it has no payload"))?;
        let signature = cose.bytes().filter(|bytes| bytes.len() == 96);
        let signature = signature.ok_or_else(|| malformed("it has no signature of 96 bytes"))?;
        if !cose.is_empty() {
            return Err(malformed("something follows its end"));
        }
        let document = Self { protected, payload, signature, ..Self::default() };
        document.read_payload(payload)
    }

    fn read_payload(mut self, payload: &'a [u8]) -> Result<Self, EvidenceError> {
        let mut fields = Cbor::new(payload);
        let count = fields.map().ok_or_else(|| malformed("its payload is no map"))?;
        let mut seen: Vec<&str> = Vec::new();
        for _ in 0..count {
            let name = fields.text().ok_or_else(|| malformed("a field has no name"))?;
            if seen.contains(&name) {
                return Err(EvidenceError::Malformed(format!("the field `{name}` stands twice")));
            }
            seen.push(name);
            self.field(name, &mut fields)
                .ok_or_else(|| EvidenceError::Malformed(format!("the field `{name}` cannot be read")))?;
        }
        if !fields.is_empty() {
            return Err(malformed("something follows the payload's end"));
        }
        let missing = ["module_id", "digest", "timestamp", "pcrs", "certificate", "cabundle"];
        match missing.iter().find(|name| !seen.contains(*name)) {
            Some(name) => Err(EvidenceError::Malformed(format!("the field `{name}` is missing"))),
            None => Ok(self),
        }
    }

    fn field(&mut self, name: &str, fields: &mut Cbor<'a>) -> Option<()> {
        match name {
            "module_id" => self.module = fields.text()?,
            "digest" => return (fields.text()? == "SHA384").then_some(()),
            "timestamp" => self.timestamp_ms = fields.unsigned()?,
            "pcrs" => {
                for _ in 0..fields.map().filter(|count| *count <= MOST_PCRS)? {
                    let number = fields.unsigned()?;
                    let value = fields.bytes().filter(|value| value.len() == 48)?;
                    // In order, so that none stands twice.
                    self.pcrs.last().is_none_or(|(last, _)| *last < number).then_some(())?;
                    self.pcrs.push((number, value));
                }
            }
            "certificate" => self.certificate = fields.bytes()?,
            "cabundle" => {
                for _ in 0..fields.array().filter(|count| *count <= MOST_CERTIFICATES)? {
                    self.bundle.push(fields.bytes()?);
                }
            }
            "public_key" => self.public_key = optional(fields)?,
            "user_data" => self.user_data = optional(fields)?,
            "nonce" => self.nonce = optional(fields)?,
            _ => fields.skip()?,
        }
        Some(())
    }
}

#[expect(clippy::option_option, reason = "unreadable, absent, there")]
fn optional<'a>(fields: &mut Cbor<'a>) -> Option<Option<&'a [u8]>> {
    if fields.skip_null() { Some(None) } else { fields.bytes().map(Some) }
}
