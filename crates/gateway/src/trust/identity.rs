//! Who a gateway or a client is: a key of its own and a certificate signed with it, known by its fingerprint.
//!
//! As with SSH keys, there is no authority: whoever runs both ends tells each the other's fingerprint.
//! The fingerprint is the BLAKE3 hash of the certificate, written `w1:` and 64 digits.

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ED25519};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// Name in all certificates: it is the fingerprint that counts.
pub(crate) const NAME: &str = "welkin";

/// First word of an identity as text, with the version.
const MARK: &str = "welkin-identity-1";

/// Mark of a fingerprint, with the version of what is hashed.
const FINGERPRINT_MARK: &str = "w1:";

/// What comes before the 32 bytes of a key of Ed25519 in PKCS #8 (RFC 8410).
const ED25519_HEAD: &[u8] = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";

/// An identity that cannot be made or read.
#[derive(Debug, Error)]
pub enum IdentityError {
    /// The key or the certificate could not be made.
    #[error("cannot make a certificate")]
    Make(#[source] rcgen::Error),
    /// The system gave no randomness.
    #[error("the system gives no random bytes")]
    Random,
    /// The text is not an identity.
    #[error("this is not an identity of Welkin")]
    Read,
    /// The text is no fingerprint.
    #[error("`{0}` is not a fingerprint: {FINGERPRINT_MARK} and 64 hexadecimal digits")]
    Fingerprint(String),
}

/// What identities are known by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Of a certificate as it is shown in a handshake.
    #[must_use]
    pub fn of(certificate: &CertificateDer<'_>) -> Self {
        Self(*blake3::hash(certificate).as_bytes())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{FINGERPRINT_MARK}{}", blake3::Hash::from_bytes(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Fingerprint {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        let hash =
            text.trim().strip_prefix(FINGERPRINT_MARK).and_then(|hex| blake3::Hash::from_hex(hex).ok());
        let hash = hash.ok_or_else(|| IdentityError::Fingerprint(text.chars().take(80).collect()))?;
        Ok(Self(*hash.as_bytes()))
    }
}

/// A private key and its certificate.
pub struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivatePkcs8KeyDer<'static>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = "****";
        f.debug_struct("Identity").field("fingerprint", &self.fingerprint()).field("key", &key).finish()
    }
}

impl Identity {
    /// A new one, of Ed25519.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn generate() -> Result<Self, IdentityError> {
        Self::of_key(&KeyPair::generate_for(&PKCS_ED25519).map_err(IdentityError::Make)?)
    }

    /// The one that follows from secret bytes: key and certificate are the same each time.
    pub(crate) fn of_seed(seed: &[u8; 32]) -> Result<Self, IdentityError> {
        let der = PrivatePkcs8KeyDer::from([ED25519_HEAD, &seed[..]].concat());
        let key = KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_ED25519);
        Self::of_key(&key.map_err(IdentityError::Make)?)
    }

    fn of_key(key: &KeyPair) -> Result<Self, IdentityError> {
        let mut params = CertificateParams::new(vec![NAME.to_owned()]).map_err(IdentityError::Make)?;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, NAME);
        let certificate = params.self_signed(key).map_err(IdentityError::Make)?;
        Ok(Self { certificate: certificate.der().clone(), key: key.serialize_der().into() })
    }

    /// What the other side has to be told.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.certificate)
    }

    /// All of it as one line of text, **with the private key**, for a file that nobody else may read.
    #[must_use]
    pub fn to_secret_text(&self) -> String {
        let (certificate, key) = (hex(&self.certificate), hex(self.key.secret_pkcs8_der()));
        format!("{MARK} {certificate} {key}\n")
    }

    /// Reads what [`Identity::to_secret_text`] wrote.
    ///
    /// # Errors
    /// [`IdentityError::Read`].
    pub fn from_secret_text(text: &str) -> Result<Self, IdentityError> {
        let mut words = text.split_whitespace();
        let (mark, certificate, key) = (words.next(), words.next(), words.next());
        if mark != Some(MARK) || words.next().is_some() {
            return Err(IdentityError::Read);
        }
        let bytes = |word: Option<&str>| word.and_then(unhex).ok_or(IdentityError::Read);
        Ok(Self { certificate: bytes(certificate)?.into(), key: bytes(key)?.into() })
    }

    pub(crate) fn chain(&self) -> Vec<CertificateDer<'static>> {
        vec![self.certificate.clone()]
    }

    pub(crate) fn der(&self) -> &[u8] {
        &self.certificate
    }

    pub(crate) fn secret_der(&self) -> &[u8] {
        self.key.secret_pkcs8_der()
    }

    pub(crate) fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(self.key.clone_key())
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_and_fingerprints_are_read_back() {
        let identity = Identity::generate().unwrap();
        let again = Identity::from_secret_text(&identity.to_secret_text()).unwrap();
        assert_eq!(again.fingerprint(), identity.fingerprint());
        assert_ne!(Identity::generate().unwrap().fingerprint(), identity.fingerprint());
        let text = identity.fingerprint().to_string();
        assert_eq!(text.parse::<Fingerprint>().unwrap(), identity.fingerprint());
        for wrong in ["", "w1:", "w2:00", &text[..60], "welkin-identity-1 0 0"] {
            assert!(wrong.parse::<Fingerprint>().is_err());
            assert!(Identity::from_secret_text(wrong).is_err());
        }
    }

    #[test]
    fn the_key_is_not_shown() {
        let identity = Identity::generate().unwrap();
        let secret = hex(identity.key.secret_pkcs8_der());
        let shown = format!("{identity:?}");
        assert!(shown.contains("****") && !shown.contains(&secret[40..]));
    }
}
