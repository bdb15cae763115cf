//! Certificates in text.

use base64_simd::STANDARD;

/// Chains have five; a file of them fits many times.
const MOST_CERTIFICATES: usize = 32;

/// Why text holds no certificates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// No begin, or no end.
    #[error("there is no certificate between BEGIN and END lines")]
    None,
    /// Not base64.
    #[error("certificate {0} is not base64")]
    Base64(usize),
    /// More than chains have.
    #[error("there are more than {MOST_CERTIFICATES} certificates")]
    Many,
}

/// The certificates of a file: text with any number of them, or one in DER.
pub(crate) fn read_certificates(bytes: &[u8]) -> Result<Vec<Vec<u8>>, PemError> {
    if bytes.first() == Some(&0x30) {
        return Ok(vec![bytes.to_vec()]);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| PemError::None)?;
    let mut certificates = Vec::new();
    for part in text.split("-----BEGIN CERTIFICATE-----").skip(1) {
        let (body, _) = part.split_once("-----END CERTIFICATE-----").ok_or(PemError::None)?;
        if certificates.len() == MOST_CERTIFICATES {
            return Err(PemError::Many);
        }
        // What breaks and indents lines, and nothing else that counts as blank.
        let digits: Vec<u8> = body.bytes().filter(|byte| !b" \t\r\n".contains(byte)).collect();
        let number = certificates.len() + 1;
        certificates.push(STANDARD.decode_to_vec(digits).map_err(|_| PemError::Base64(number))?);
    }
    if certificates.is_empty() { Err(PemError::None) } else { Ok(certificates) }
}
