//! Who asks, and how a service account proves it.
//!
//! An account's *assertion* is a JSON Web Token signed with its RSA key (RS256), which is exchanged for an
//! access token. Source: *Using OAuth 2.0 for Server to Server Applications*, read November 2026; RFC 7515
//! and 7523.

use base64_simd::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::signature::RSA_PKCS1_SHA256;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// Who asks. Secrets never show.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum GcsAccess {
    /// Nobody: buckets that anybody may read, and emulators.
    #[default]
    Anonymous,
    /// An access token.
    Bearer(String),
    /// The text of a credentials file: a service account's key, or what `gcloud auth application-default
    /// login` writes for a user.
    File(String),
}

impl fmt::Debug for GcsAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anonymous => "Anonymous",
            Self::Bearer(_) => "Bearer(****)",
            Self::File(_) => "File(****)",
        })
    }
}

/// Where tokens are to be had when a file does not say.
const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";

/// What is asked for: objects, and nothing else of the project.
const SCOPE: &str = "https://www.googleapis.com/auth/devstorage.read_write";

/// How long an assertion holds: the longest that is allowed.
const ASSERTION_S: u64 = 3600;

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum File {
    ServiceAccount {
        client_email: String,
        private_key: String,
        private_key_id: Option<String>,
        token_uri: Option<String>,
    },
    AuthorizedUser {
        client_id: String,
        client_secret: String,
        refresh_token: String,
        token_uri: Option<String>,
    },
}

/// Somebody whom tokens are issued to.
pub(crate) struct Account {
    /// Where they are issued.
    pub(super) token_uri: String,
    proof: Proof,
}

enum Proof {
    Key { email: String, key: Box<KeyPair>, key_id: Option<String> },
    Refresh { id: String, secret: String, token: String },
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    typ: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'static str,
    aud: &'a str,
    iat: u64,
    exp: u64,
}

impl Account {
    /// Reads a credentials file.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = "the credentials file is neither a service account's key nor a user's credentials";
        // What the parser says may show what it read.
        match serde_json::from_str(text).map_err(|_| wrong)? {
            File::ServiceAccount { client_email, private_key, private_key_id, token_uri } => {
                let der = PrivatePkcs8KeyDer::from_pem_slice(private_key.as_bytes())
                    .map_err(|_| "the private key of the credentials file is not PKCS #8 in PEM")?;
                let key = KeyPair::from_pkcs8(der.secret_pkcs8_der())
                    .map_err(|error| format!("the private key of the credentials file: {error}"))?;
                let proof = Proof::Key { email: client_email, key: Box::new(key), key_id: private_key_id };
                Ok(Self { token_uri: token_uri.unwrap_or_else(|| TOKEN_URI.to_owned()), proof })
            }
            File::AuthorizedUser { client_id, client_secret, refresh_token, token_uri } => {
                let proof = Proof::Refresh { id: client_id, secret: client_secret, token: refresh_token };
                Ok(Self { token_uri: token_uri.unwrap_or_else(|| TOKEN_URI.to_owned()), proof })
            }
        }
    }

    /// The form that asks for a token.
    pub(super) fn form(&self, now: SystemTime) -> Vec<(&'static str, String)> {
        match &self.proof {
            Proof::Key { .. } => vec![
                ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer".to_owned()),
                ("assertion", self.assertion(now).unwrap_or_default()),
            ],
            Proof::Refresh { id, secret, token } => vec![
                ("grant_type", "refresh_token".to_owned()),
                ("client_id", id.clone()),
                ("client_secret", secret.clone()),
                ("refresh_token", token.clone()),
            ],
        }
    }

    fn assertion(&self, now: SystemTime) -> Option<String> {
        let Proof::Key { email, key, key_id } = &self.proof else { return None };
        let iat = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let header = Header { alg: "RS256", typ: "JWT", kid: key_id.as_deref() };
        let claims = Claims { iss: email, scope: SCOPE, aud: &self.token_uri, iat, exp: iat + ASSERTION_S };
        let encoded = |json: Vec<u8>| URL_SAFE_NO_PAD.encode_to_string(json);
        let mut token = encoded(serde_json::to_vec(&header).ok()?);
        token.push('.');
        token.push_str(&encoded(serde_json::to_vec(&claims).ok()?));
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), token.as_bytes(), &mut signature).ok()?;
        token.push('.');
        token.push_str(&encoded(signature));
        Some(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use std::time::Duration;

    /// A key that was made for this test alone and opens nothing.
    const KEY: &str = include_str!("testing-key.pem");

    pub(in crate::gcs) fn file(token_uri: &str) -> String {
        serde_json::json!({
            "type": "service_account",
            "client_email": "mover@project.example",
            "private_key": KEY,
            "private_key_id": "7",
            "token_uri": token_uri,
        })
        .to_string()
    }

    #[test]
    fn an_assertion_is_signed_and_says_what_it_is_for() {
        let account = Account::parse(&file("https://tokens.example/t")).unwrap();
        let assertion = account.assertion(UNIX_EPOCH + Duration::from_secs(1_000)).unwrap();
        let [header, claims, signature] = assertion.split('.').collect::<Vec<_>>()[..] else {
            panic!("{assertion}");
        };
        let read = |text: &str| -> serde_json::Value {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode_to_vec(text).unwrap()).unwrap()
        };
        assert_eq!(read(header), serde_json::json!({"alg": "RS256", "typ": "JWT", "kid": "7"}));
        let expected = serde_json::json!({
            "iss": "mover@project.example",
            "scope": "https://www.googleapis.com/auth/devstorage.read_write",
            "aud": "https://tokens.example/t",
            "iat": 1_000,
            "exp": 4_600,
        });
        assert_eq!(read(claims), expected);
        let Proof::Key { key, .. } = &account.proof else { panic!("no key") };
        let signed = &assertion[..header.len() + 1 + claims.len()];
        let signature = URL_SAFE_NO_PAD.decode_to_vec(signature).unwrap();
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public().as_ref())
            .verify(signed.as_bytes(), &signature)
            .unwrap();
    }

    #[test]
    fn a_user_has_a_refresh_token() {
        let text = r#"{"type":"authorized_user","client_id":"i","client_secret":"s","refresh_token":"r"}"#;
        let account = Account::parse(text).unwrap();
        assert_eq!(account.token_uri, TOKEN_URI);
        assert_eq!(account.form(UNIX_EPOCH)[3], ("refresh_token", "r".to_owned()));
    }

    #[test]
    fn mistakes_do_not_show_secrets() {
        for text in [
            "",
            r#"{"type":"authorized_user","client_secret":"hunter2"}"#,
            r#"{"type":"service_account","client_email":"e","private_key":"hunter2"}"#,
        ] {
            let why = Account::parse(text).err().unwrap();
            assert!(!why.contains("hunter"), "{why}");
        }
        assert!(!format!("{:?}", GcsAccess::Bearer("hunter2".to_owned())).contains("hunter"));
    }
}
