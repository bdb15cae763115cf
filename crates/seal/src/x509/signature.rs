//! Which signatures are known, and whether one holds.

use super::der::{Der, Tag};
use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};

/// How a certificate, or a statement, is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    EcdsaP256Sha256,
    EcdsaP384Sha384,
    /// With 48 bytes of salt.
    RsaPssSha384,
    RsaSha256,
    RsaSha384,
    RsaSha512,
}

/// What the algorithm's name consists of, complete with its parameters: no second spelling is accepted.
const NAMES: &[(Algorithm, &[u8])] = &[
    (Algorithm::EcdsaP256Sha256, &[0x30, 0x0a, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]),
    (Algorithm::EcdsaP384Sha384, &[0x30, 0x0a, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3]),
    (Algorithm::RsaSha256, &[0x30, 0x0d, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 0x0b, 5, 0]),
    (Algorithm::RsaSha384, &[0x30, 0x0d, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 0x0c, 5, 0]),
    (Algorithm::RsaSha512, &[0x30, 0x0d, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 0x0d, 5, 0]),
    (Algorithm::RsaPssSha384, PSS_SHA384),
    (Algorithm::RsaPssSha384, PSS_SHA384_SHORT),
];

/// RSASSA-PSS with SHA-384 for both hashes and 48 bytes of salt; AMD wrote out the trailer, which is the default, until Turin.
#[rustfmt::skip]
const PSS_SHA384: &[u8] = &[
    0x30, 0x46, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 0x0a, 0x30, 0x39,
    0xa0, 0x0f, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2, 5, 0,
    0xa1, 0x1c, 0x30, 0x1a, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 8,
    0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2, 5, 0,
    0xa2, 3, 2, 1, 0x30,
    0xa3, 3, 2, 1, 1,
];
#[rustfmt::skip]
const PSS_SHA384_SHORT: &[u8] = &[
    0x30, 0x41, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 0x0a, 0x30, 0x34,
    0xa0, 0x0f, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2, 5, 0,
    0xa1, 0x1c, 0x30, 0x1a, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 8,
    0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2, 5, 0,
    0xa2, 3, 2, 1, 0x30,
];

impl Algorithm {
    pub(super) fn named(raw: &[u8]) -> Option<Self> {
        NAMES.iter().find(|(_, name)| *name == raw).map(|(algorithm, _)| *algorithm)
    }

    fn verification(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::EcdsaP256Sha256 => &signature::ECDSA_P256_SHA256_ASN1,
            Self::EcdsaP384Sha384 => &signature::ECDSA_P384_SHA384_ASN1,
            Self::RsaPssSha384 => &signature::RSA_PSS_2048_8192_SHA384,
            Self::RsaSha256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            Self::RsaSha384 => &signature::RSA_PKCS1_2048_8192_SHA384,
            Self::RsaSha512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        }
    }

    fn key(self) -> Kind {
        match self {
            Self::EcdsaP256Sha256 => Kind::P256,
            Self::EcdsaP384Sha384 => Kind::P384,
            _ => Kind::Rsa,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    P256,
    P384,
    Rsa,
}

/// The key of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PublicKey<'a> {
    kind: Kind,
    bytes: &'a [u8],
    /// The key's name and bits, as the certificate has them.
    pub(crate) raw: &'a [u8],
}

const RSA: &[u8] = &[0x30, 0x0d, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];
const P256: &[u8] =
    &[0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const P384: &[u8] = &[0x30, 0x10, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 5, 0x2b, 0x81, 4, 0, 0x22];

impl<'a> PublicKey<'a> {
    pub(crate) fn read(raw: &'a [u8]) -> Option<Self> {
        let mut fields = Der::new(raw).inside(Tag::SEQUENCE)?;
        let kind = match fields.value(Tag::SEQUENCE)?.raw {
            RSA => Kind::Rsa,
            P256 => Kind::P256,
            P384 => Kind::P384,
            _ => return None,
        };
        let bytes = fields.bytes_of_bits()?;
        fields.end()?;
        Some(Self { kind, bytes, raw })
    }

    /// Does the signature, as certificates have it, hold?
    pub(crate) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        algorithm.key() == self.kind
            && UnparsedPublicKey::new(algorithm.verification(), self.bytes).verify(message, signature).is_ok()
    }

    /// Does the signature with P-384 and SHA-384, as two numbers of 48 bytes, hold?
    pub(crate) fn verifies_p384_fixed(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(&signature::ECDSA_P384_SHA384_FIXED, self.bytes);
        self.kind == Kind::P384 && key.verify(message, signature).is_ok()
    }

    /// Does the signature with P-256 and SHA-256, as two numbers of 32 bytes, hold?
    pub(crate) fn verifies_p256_fixed(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, self.bytes);
        self.kind == Kind::P256 && key.verify(message, signature).is_ok()
    }
}

/// Does the signature of a key of 64 bytes with P-256 and SHA-256, as two numbers of 32 bytes, hold?
pub(crate) fn verifies_p256_raw(key: &[u8; 64], message: &[u8], signature: &[u8]) -> bool {
    let point = [&[4][..], key].concat();
    UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
}
