//! Signed tokens: RFC 7515 in its compact form, with RS256 and ES256, and keys of RFC 7517.
//!
//! *Guarantee:* the key decides what it is used for: one of RSA verifies RS256 and nothing else, one of P-256 ES256. There
//! is no algorithm without a key, and none with a secret one, so a public key is never taken for one.

use crate::error::TokenError;
use base64_simd::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;
use serde_json::Value;

/// The longest token: one of somebody in a thousand groups has some 40 kB.
const MAX_TOKEN_BYTES: usize = 128 << 10;

/// Keys of one provider, at most; usual are two to ten.
const MAX_KEYS: usize = 100;

/// Bytes of a coordinate of P-256.
const COORDINATE_BYTES: usize = 32;

/// A token whose parts were read, and nothing of which was verified.
pub(crate) struct Jws<'a> {
    header: Header,
    payload: Vec<u8>,
    signed: &'a [u8],
    signature: Vec<u8>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    /// What one has to understand, and nothing is understood.
    #[serde(default)]
    crit: Option<Value>,
}

/// What a token may be signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Rs256,
    Es256,
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }
}

/// The keys that a provider publishes, those that are understood.
#[derive(Debug, Default)]
pub(crate) struct Keys(Vec<Key>);

#[derive(Debug)]
struct Key {
    id: Option<String>,
    public: Public,
}

#[derive(Debug)]
enum Public {
    /// Modulus and exponent.
    Rsa(Vec<u8>, Vec<u8>),
    /// An uncompressed point.
    P256(Vec<u8>),
}

/// A set of keys as it is published.
#[derive(Deserialize)]
pub(crate) struct KeySet {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Published {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl From<KeySet> for Keys {
    fn from(set: KeySet) -> Self {
        Self(set.keys.into_iter().take(MAX_KEYS).filter_map(Key::read).collect())
    }
}

impl Key {
    /// A key that is understood and may sign tokens.
    fn read(value: Value) -> Option<Self> {
        let Published { kty, kid, usage, alg, n, e, crv, x, y } = serde_json::from_value(value).ok()?;
        if usage.is_some_and(|usage| usage != "sig") {
            return None;
        }
        let public = match kty.as_str() {
            "RSA" => Public::Rsa(decoded(&n?)?, decoded(&e?)?),
            "EC" if crv.as_deref() == Some("P-256") => {
                let (x, y) = (decoded(&x?)?, decoded(&y?)?);
                if x.len() != COORDINATE_BYTES || y.len() != COORDINATE_BYTES {
                    return None;
                }
                Public::P256([&[4], x.as_slice(), y.as_slice()].concat())
            }
            _ => return None,
        };
        let key = Self { id: kid, public };
        match alg {
            Some(alg) if alg != key.algorithm().name() => None,
            _ => Some(key),
        }
    }

    fn algorithm(&self) -> Algorithm {
        match self.public {
            Public::Rsa(..) => Algorithm::Rs256,
            Public::P256(_) => Algorithm::Es256,
        }
    }

    fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.public {
            // Moduli of 2048 to 8192 bits.
            Public::Rsa(n, e) => {
                let key = RsaPublicKeyComponents { n: trimmed(n), e: trimmed(e) };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
            }
            Public::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
        }
    }
}

impl<'a> Jws<'a> {
    /// Reads the parts of a token.
    pub(crate) fn read(token: &'a str) -> Result<Self, TokenError> {
        let malformed = TokenError::Malformed;
        if token.len() > MAX_TOKEN_BYTES {
            return Err(malformed("it is too long"));
        }
        let parts: Vec<&str> = token.splitn(4, '.').collect();
        let [head, body, signature] = parts[..] else { return Err(malformed("it has not three parts")) };
        let bytes = |part: &str| decoded(part).ok_or(malformed("a part is not base64url"));
        let header: Header =
            serde_json::from_slice(&bytes(head)?).map_err(|_| malformed("its head is not understood"))?;
        if header.crit.is_some() {
            return Err(malformed("it has critical extensions"));
        }
        let signed = &token.as_bytes()[..head.len() + 1 + body.len()];
        Ok(Self { header, payload: bytes(body)?, signed, signature: bytes(signature)? })
    }

    /// What it says, if one of these keys has signed that.
    pub(crate) fn verified(&self, keys: &Keys) -> Result<&[u8], TokenError> {
        let algorithm = [Algorithm::Rs256, Algorithm::Es256]
            .into_iter()
            .find(|algorithm| algorithm.name() == self.header.alg)
            .ok_or_else(|| TokenError::Algorithm(self.header.alg.chars().take(32).collect()))?;
        let named = |key: &&Key| match &self.header.kid {
            Some(id) => key.id.as_ref() == Some(id),
            None => true,
        };
        let mut candidates =
            keys.0.iter().filter(named).filter(|key| key.algorithm() == algorithm).peekable();
        if candidates.peek().is_none() {
            return Err(TokenError::Key);
        }
        match candidates.any(|key| key.has_signed(self.signed, &self.signature)) {
            true => Ok(&self.payload),
            false => Err(TokenError::Signature),
        }
    }

    /// Whether another look at the provider's keys may find the one that it is signed with.
    pub(crate) fn may_be_of_a_new_key(&self, keys: &Keys) -> bool {
        matches!(self.verified(keys), Err(TokenError::Key))
            || self.header.kid.is_none() && matches!(self.verified(keys), Err(TokenError::Signature))
    }
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode_to_vec(text).ok()
}

/// Without zeroes before it, which some publish and ring refuses.
fn trimmed(number: &[u8]) -> &[u8] {
    let zeroes = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeroes..]
}
