//! What evidence consists of: five parts, each behind its length, with nothing between that is not checked.

use crate::bytes::Reader;
use crate::evidence::snp::REPORT_BYTES;
use crate::evidence::{EvidenceError, Kind};
use crate::hex::from_hex;
use base64_simd::URL_SAFE_NO_PAD;
use serde::Deserialize;

#[derive(Debug, Clone, Copy)]
pub(super) struct Parts<'a> {
    /// A report of SEV-SNP, or a quote of TDX.
    pub(super) hardware: &'a [u8],
    /// The paravisor's text.
    pub(super) runtime: &'a [u8],
    /// What the TPM signed.
    pub(super) message: &'a [u8],
    pub(super) signature: &'a [u8],
    /// The registers' values, one behind the other.
    pub(super) registers: &'a [u8],
}

impl<'a> Parts<'a> {
    pub(super) fn read(body: &'a [u8]) -> Result<Self, EvidenceError> {
        let mut fields = Reader::new(body);
        let mut part = || {
            let length = fields.u32_le()?;
            fields.take(length as usize)
        };
        let parts = Self {
            hardware: part()?,
            runtime: part()?,
            message: part()?,
            signature: part()?,
            registers: part()?,
        };
        if fields.rest().is_empty() {
            return Ok(parts);
        }
        Err(EvidenceError::Malformed("something follows its last part".to_owned()))
    }
}

/// The body of evidence of these parts.
pub(in crate::evidence) fn write_parts(parts: [&[u8]; 5]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    for part in parts {
        body.extend(u32::try_from(part.len()).ok()?.to_le_bytes());
        body.extend(part);
    }
    Some(body)
}

/// What an attester writes (that of Confidential Containers, versions 1 and 2): the envelope as it lies in the TPM, the quote, and a
/// certificate or the processor's quote.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Attested {
    version: u32,
    hcl_report: String,
    tpm_quote: TpmQuote,
    vcek: Option<String>,
    td_quote: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TpmQuote {
    message: String,
    signature: String,
    pcrs: Vec<String>,
}

/// Kind, body and certificates of what an attester wrote; `None` where it is nothing of the kind.
pub(in crate::evidence) fn read_envelope(json: &[u8]) -> Option<(Kind, Vec<u8>, Vec<Vec<u8>>)> {
    let attested: Attested = serde_json::from_slice(json).ok()?;
    // With and without what fills up the last four letters.
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode_to_vec(text.trim_end_matches('=')).ok();
    if !matches!(attested.version, 1 | 2) {
        return None;
    }
    let envelope = bytes(&attested.hcl_report)?;
    let envelope = Envelope::read(&envelope)?;
    let (kind, hardware, certificates) = match (envelope.kind, attested.vcek, attested.td_quote) {
        (SNP, Some(vcek), None) => (Kind::AzureSevSnp, envelope.report.to_vec(), vec![bytes(&vcek)?]),
        (TDX, None, Some(quote)) => (Kind::AzureTdx, bytes(&quote)?, Vec::new()),
        _ => return None,
    };
    let TpmQuote { message, signature, pcrs } = attested.tpm_quote;
    let registers = pcrs.iter().map(|value| from_hex(value)).collect::<Option<Vec<_>>>()?.concat();
    let (message, signature) = (from_hex(&message)?, from_hex(&signature)?);
    let body = write_parts([&hardware, envelope.runtime, &message, &signature, &registers])?;
    Some((kind, body, certificates))
}

/// Reports that an envelope can have.
const SNP: u32 = 2;
const TDX: u32 = 4;
const HASH_SHA256: u32 = 1;
const HEAD_BYTES: usize = 32;

/// The paravisor's envelope: a head, room for the largest report, a head of the text, and the text. Zeros follow.
pub(in crate::evidence) struct Envelope<'a> {
    kind: u32,
    pub(in crate::evidence) report: &'a [u8],
    pub(in crate::evidence) runtime: &'a [u8],
}

impl<'a> Envelope<'a> {
    pub(in crate::evidence) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut fields = Reader::new(bytes);
        if fields.take(4).ok()? != b"HCLA" {
            return None;
        }
        fields.take(HEAD_BYTES - 4).ok()?;
        let report = fields.take(REPORT_BYTES).ok()?;
        let _length_and_version = fields.take(8).ok()?;
        let (kind, hash, length) = (fields.u32_le().ok()?, fields.u32_le().ok()?, fields.u32_le().ok()?);
        let runtime = fields.take(length as usize).ok()?;
        (hash == HASH_SHA256).then_some(Self { kind, report, runtime })
    }

    /// What the report is about: the hash of the text, and zeros. A local report of TDX has it at another place than a quote (`REPORTMACSTRUCT`).
    pub(in crate::evidence) fn report_data(&self) -> &'a [u8] {
        if self.kind == TDX { &self.report[128..192] } else { &self.report[0x50..0x90] }
    }

    /// The kind of evidence that it becomes.
    pub(in crate::evidence) fn of(&self) -> Option<Kind> {
        match self.kind {
            SNP => Some(Kind::AzureSevSnp),
            TDX => Some(Kind::AzureTdx),
            _ => None,
        }
    }
}
