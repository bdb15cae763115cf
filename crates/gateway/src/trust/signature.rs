//! Words that an identity has signed, outside of any handshake.
//!
//! What is signed begins with a context, so that no signature for one purpose is one for another. TLS signs nothing that
//! could be mistaken for it: there 64 blanks come first.

use crate::trust::identity::{Fingerprint, Identity, IdentityError};
use ring::signature::Ed25519KeyPair;
use rustls_pki_types::CertificateDer;
use webpki::EndEntityCert;

impl Identity {
    /// The certificate, which whoever knows the fingerprint can check signatures with.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        self.der()
    }

    /// Signs words for a purpose.
    ///
    /// # Errors
    /// When the key is none of Ed25519, which no identity is that Welkin made.
    pub fn sign(&self, context: &str, words: &[u8]) -> Result<Vec<u8>, IdentityError> {
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(self.secret_der());
        let pair = pair.map_err(|_| IdentityError::Read)?;
        Ok(pair.sign(&framed(context, words)).as_ref().to_vec())
    }
}

/// Whether the one with that fingerprint, who has that certificate, signed words for a purpose.
#[must_use]
pub fn is_signed(by: Fingerprint, certificate: &[u8], context: &str, words: &[u8], signature: &[u8]) -> bool {
    let certificate = CertificateDer::from(certificate);
    let known = Fingerprint::of(&certificate) == by;
    let signed = |certificate: EndEntityCert<'_>| {
        certificate.verify_signature(webpki::ring::ED25519, &framed(context, words), signature).is_ok()
    };
    known && EndEntityCert::try_from(&certificate).is_ok_and(signed)
}

fn framed(context: &str, words: &[u8]) -> Vec<u8> {
    [context.as_bytes(), &[0], words].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_one_who_signed_is_believed() {
        let [one, other] = [(); 2].map(|()| Identity::generate().unwrap());
        let signature = one.sign("a", b"words").unwrap();
        let check = |by: &Identity, shown: &Identity, context, words: &[u8]| {
            is_signed(by.fingerprint(), shown.certificate(), context, words, &signature)
        };
        assert!(check(&one, &one, "a", b"words"));
        assert!(!check(&one, &one, "b", b"words"));
        assert!(!check(&one, &one, "a", b"word"));
        assert!(!check(&other, &one, "a", b"words"));
        assert!(!check(&one, &other, "a", b"words"));
        assert!(!check(&other, &other, "a", b"words"));
        assert!(!is_signed(one.fingerprint(), b"nonsense", "a", b"words", &signature));
    }
}
