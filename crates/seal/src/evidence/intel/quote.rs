//! Quotes: a header, a body, and the signatures that lead up to the platform.

use crate::bytes::Reader;
use crate::evidence::{EvidenceError, Kind};

const HEADER: usize = 48;
const SGX: usize = 384;
const TDX_1_0: usize = 584;
const TDX_1_5: usize = 648;
const TDX_1_5_EXTENDED: usize = 885;
const ECDSA_P256: u16 = 2;
/// Intel's own quoting enclaves.
const VENDOR: [u8; 16] =
    [0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07];
/// Report of the quoting enclave, its signature, and what it adds.
const REPORT_AND_MORE: u16 = 6;
/// A chain in text.
const PEM_CHAIN: u16 = 5;

#[derive(Debug)]
pub(super) struct Quote<'a> {
    pub(super) version: u16,
    /// Header and body.
    pub(super) signed: &'a [u8],
    pub(super) body: Body<'a>,
    pub(super) signature: &'a [u8],
    pub(super) key: &'a [u8; 64],
    pub(super) enclave: &'a [u8],
    pub(super) enclave_signature: &'a [u8],
    pub(super) auth: &'a [u8],
    pub(super) chain: &'a [u8],
}

/// What was measured.
#[derive(Debug)]
pub(super) enum Body<'a> {
    Sgx(&'a [u8]),
    Tdx(&'a [u8]),
}

fn malformed(what: &str) -> EvidenceError {
    EvidenceError::Malformed(what.to_owned())
}

impl<'a> Quote<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, EvidenceError> {
        let mut fields = Reader::new(bytes);
        let mut header = Reader::new(fields.take(HEADER)?);
        let (version, key_type, tee) = (header.u16_le()?, header.u16_le()?, header.u32_le()?);
        let _versions = header.take(4)?;
        if key_type != ECDSA_P256 || header.array()? != VENDOR {
            return Err(malformed("it is not signed by a quoting enclave of Intel with ECDSA and P-256"));
        }
        let length = match (version, tee) {
            (3 | 4, 0) => SGX,
            (4, 0x81) => TDX_1_0,
            (5, tee) => match (fields.u16_le()?, tee, fields.u32_le()? as usize) {
                (1, 0, SGX) => SGX,
                (2, 0x81, TDX_1_0) => TDX_1_0,
                (3, 0x81, TDX_1_5) => TDX_1_5,
                (4, 0x81, TDX_1_5_EXTENDED) => TDX_1_5_EXTENDED,
                _ => return Err(malformed("its body is of no kind that is known")),
            },
            (found, _) => {
                let what = "version or kind of the quote";
                return Err(EvidenceError::Unknown {
                    what,
                    found: found.into(),
                    known: "3 to 5, of SGX and TDX",
                });
            }
        };
        let body = fields.take(length)?;
        let body = if tee == 0 { Body::Sgx(body) } else { Body::Tdx(body) };
        let signed = &bytes[..fields.at()];
        let length = fields.u32_le()? as usize;
        let signatures = Reader::new(fields.take(length)?);
        // Buffers are larger than quotes.
        if fields.rest().iter().any(|byte| *byte != 0) {
            return Err(malformed("something follows its end"));
        }
        Self::read_signatures(signatures, version, signed, body)
    }

    fn read_signatures(
        mut fields: Reader<'a>,
        version: u16,
        signed: &'a [u8],
        body: Body<'a>,
    ) -> Result<Self, EvidenceError> {
        let signature = fields.take(64)?;
        let key = fields.take(64)?.first_chunk().ok_or_else(|| malformed("it has no key"))?;
        if version > 3 {
            let (kind, length) = (fields.u16_le()?, fields.u32_le()? as usize);
            if kind != REPORT_AND_MORE || length != fields.rest().len() {
                return Err(malformed("the quoting enclave's report is missing"));
            }
        }
        let enclave = fields.take(SGX)?;
        let enclave_signature = fields.take(64)?;
        let length = fields.u16_le()?.into();
        let auth = fields.take(length)?;
        let (kind, length) = (fields.u16_le()?, fields.u32_le()? as usize);
        if kind != PEM_CHAIN || length != fields.rest().len() {
            return Err(malformed("it does not bring the certificates of its platform"));
        }
        let chain = fields.take(length)?;
        Ok(Self { version, signed, body, signature, key, enclave, enclave_signature, auth, chain })
    }

    pub(super) fn kind(&self) -> Kind {
        match self.body {
            Body::Sgx(_) => Kind::Sgx,
            Body::Tdx(_) => Kind::Tdx,
        }
    }
}

impl<'a> Body<'a> {
    pub(super) fn report_data(&self) -> &'a [u8] {
        match self {
            Self::Sgx(report) => &report[320..384],
            Self::Tdx(report) => &report[520..584],
        }
    }

    pub(super) fn debug(&self) -> bool {
        match self {
            Self::Sgx(report) => report[48] & 0b10 != 0,
            // Every bit of the first byte is one of debugging.
            Self::Tdx(report) => report[120] != 0,
        }
    }
}
