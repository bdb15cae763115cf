//! Evidence in files: Welkin's own, which say what they are, and those that hardware and its tools write.

use super::azure::read_envelope;
use super::{Evidence, Kind};
use crate::hex::from_hex;
use crate::x509::{PemError, read_certificates};
use serde::{Deserialize, Serialize};

/// Ten times the largest evidence seen, an Intel quote with its collateral.
const MOST_BYTES: usize = 1 << 20;
const SCHEMA: &str = "welkin.evidence/1";

/// Why a file is no evidence.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Larger than any evidence.
    #[error("{0} bytes are more than evidence has ({MOST_BYTES})")]
    Long(usize),
    /// Of no format that is known.
    #[error("this is no evidence of a format that is known")]
    Unknown,
    /// A file of Welkin that cannot be read.
    #[error("the evidence file cannot be read")]
    Json(#[source] serde_json::Error),
    /// A file beside it that holds no certificates.
    #[error("the certificates cannot be read")]
    Certificates(#[from] PemError),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    schema: String,
    evidence: Evidence,
}

impl Evidence {
    /// Reads evidence of any format: a file of [`Evidence::write`], raw bytes, or their digits; of Azure's machines, what the
    /// attester of Confidential Containers writes.
    ///
    /// # Errors
    /// Where it is of no format that is known.
    pub fn read(bytes: &[u8]) -> Result<Self, ReadError> {
        if bytes.len() > MOST_BYTES {
            return Err(ReadError::Long(bytes.len()));
        }
        if bytes.trim_ascii_start().first() == Some(&b'{') {
            if let Some((kind, body, certificates)) = read_envelope(bytes) {
                return Ok(Self { kind, body, certificates, collateral: None });
            }
            let wire: Wire = serde_json::from_slice(bytes).map_err(ReadError::Json)?;
            return if wire.schema == SCHEMA { Ok(wire.evidence) } else { Err(ReadError::Unknown) };
        }
        let body = digits(bytes).unwrap_or_else(|| bytes.to_vec());
        let kind = detect(&body).ok_or(ReadError::Unknown)?;
        Ok(Self { kind, body, certificates: Vec::new(), collateral: None })
    }

    /// Adds the certificates of a file, in text or DER, or the collateral of a quote, in JSON.
    ///
    /// # Errors
    /// Where it holds none.
    pub fn add_certificates(&mut self, bytes: &[u8]) -> Result<(), ReadError> {
        if bytes.first() == Some(&b'{') {
            self.collateral = Some(serde_json::from_slice(bytes).map_err(ReadError::Json)?);
            return Ok(());
        }
        self.certificates.extend(read_certificates(bytes)?);
        Ok(())
    }

    /// A file that says what it is.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let wire = Wire { schema: SCHEMA.to_owned(), evidence: self.clone() };
        let mut bytes = serde_json::to_vec_pretty(&wire).expect("evidence is text and bytes");
        bytes.push(b'\n');
        bytes
    }
}

/// Tools write evidence as text too.
fn digits(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok()?.trim();
    from_hex(text.strip_prefix("0x").unwrap_or(text)).filter(|bytes| !bytes.is_empty())
}

pub(super) fn detect(body: &[u8]) -> Option<Kind> {
    match body {
        // An array of four, with or without the tag of COSE_Sign1.
        [0x84, 0x44, ..] | [0xd2, 0x84, 0x44, ..] => Some(Kind::Nitro),
        [4 | 5, 0, 2, 0, 0x81, 0, 0, 0, ..] => Some(Kind::Tdx),
        [3..=5, 0, 2, 0, 0, 0, 0, 0, ..] | [3, 0, 2, 0, ..] => Some(Kind::Sgx),
        [_, 0, 0, 0, ..] if body.len() == super::snp::REPORT_BYTES => Some(Kind::SevSnp),
        _ => None,
    }
}

pub(super) mod base64 {
    use base64_simd::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(in crate::evidence) fn serialize<S: Serializer>(
        bytes: &[u8],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode_to_string(bytes))
    }

    pub(in crate::evidence) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode_to_vec(text).map_err(|_| de::Error::custom("base64 is expected"))
    }
}

pub(super) mod base64_list {
    use base64_simd::STANDARD;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    pub(in crate::evidence) fn serialize<S: Serializer>(
        list: &[Vec<u8>],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let texts: Vec<String> = list.iter().map(|bytes| STANDARD.encode_to_string(bytes)).collect();
        texts.serialize(serializer)
    }

    pub(in crate::evidence) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Vec<u8>>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let decode =
            |text: String| STANDARD.decode_to_vec(text).map_err(|_| de::Error::custom("base64 is expected"));
        texts.into_iter().map(decode).collect()
    }
}
