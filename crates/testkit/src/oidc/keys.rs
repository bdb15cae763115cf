//! Keys of a provider, and tokens that are signed with them, also wrongly.

use base64_simd::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use ring::{hmac, rsa};
use serde_json::{Value, json};

/// Made for this purpose, and good for nothing else.
const RSA_KEY: &str = include_str!("testing-key.pem");

/// A key that signs tokens.
pub struct Signer {
    id: String,
    pair: Pair,
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    P256(Box<EcdsaKeyPair>),
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Signer {
    /// RS256, always with the same key.
    ///
    /// # Panics
    /// Never: the key is part of the program.
    #[must_use]
    pub fn rsa(id: &str) -> Self {
        let lines: String = RSA_KEY.lines().filter(|line| !line.starts_with('-')).collect();
        let der = base64_simd::STANDARD.decode_to_vec(lines).expect("it is base64");
        let pair = RsaKeyPair::from_pkcs8(&der).expect("it is a key");
        Self { id: id.to_owned(), pair: Pair::Rsa(Box::new(pair)) }
    }

    /// ES256, with a new key.
    ///
    /// # Panics
    /// When the system gives no random numbers.
    #[must_use]
    pub fn p256(id: &str) -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let der = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("there are random numbers");
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, der.as_ref(), &random).expect("it was just made");
        Self { id: id.to_owned(), pair: Pair::P256(Box::new(pair)) }
    }

    fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::P256(_) => "ES256",
        }
    }

    /// A token with these claims.
    #[must_use]
    pub fn token(&self, claims: &Value) -> String {
        self.token_under(&json!({"alg": self.algorithm(), "kid": self.id, "typ": "JWT"}), claims)
    }

    /// The same under another head.
    ///
    /// # Panics
    /// When the system gives no random numbers.
    #[must_use]
    pub fn token_under(&self, head: &Value, claims: &Value) -> String {
        let signed = signed_part(head, claims);
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature)
                    .expect("the key is large enough");
                signature
            }
            Pair::P256(pair) => {
                pair.sign(&random, signed.as_bytes()).expect("there are random numbers").as_ref().to_vec()
            }
        };
        format!("{signed}.{}", encoded(&signature))
    }

    /// The public half, as providers publish it.
    ///
    /// # Panics
    /// Never: points have 65 bytes.
    #[must_use]
    pub fn public(&self) -> Value {
        let mut key = match &self.pair {
            Pair::Rsa(pair) => {
                let public: rsa::PublicKeyComponents<Vec<u8>> = pair.public().into();
                json!({"kty": "RSA", "n": encoded(&public.n), "e": encoded(&public.e)})
            }
            Pair::P256(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "x": encoded(x), "y": encoded(y)})
            }
        };
        key["kid"] = json!(self.id);
        key["use"] = json!("sig");
        key["alg"] = json!(self.algorithm());
        key
    }

    /// A token that takes the public half, as it is published, for a secret.
    #[must_use]
    pub fn confused(&self, claims: &Value, secret: &[u8]) -> String {
        let signed = signed_part(&json!({"alg": "HS256", "kid": self.id}), claims);
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let signature = hmac::sign(&key, signed.as_bytes());
        format!("{signed}.{}", encoded(signature.as_ref()))
    }

    /// The modulus or the point, as bytes.
    #[must_use]
    pub fn public_bytes(&self) -> Vec<u8> {
        match &self.pair {
            Pair::Rsa(pair) => pair.public_key().as_ref().to_vec(),
            Pair::P256(pair) => pair.public_key().as_ref().to_vec(),
        }
    }
}

/// A token that nobody has signed.
#[must_use]
pub fn unsigned(algorithm: &str, claims: &Value) -> String {
    format!("{}.", signed_part(&json!({ "alg": algorithm }), claims))
}

/// The set of the public halves.
pub(super) fn published(signers: &[&Signer]) -> Value {
    json!({"keys": signers.iter().map(|signer| signer.public()).collect::<Vec<_>>()})
}

fn signed_part(head: &Value, claims: &Value) -> String {
    format!("{}.{}", encoded(head.to_string().as_bytes()), encoded(claims.to_string().as_bytes()))
}

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode_to_string(bytes)
}
