//! Logging in with a browser that comes back to this machine: an authorization code with PKCE (RFC 7636, RFC 8252).
//!
//! *Guarantee:* a code alone is good for nothing: it is exchanged with a verifier that whoever asked for the login keeps,
//! and the token has to carry its nonce.

use crate::claims::{Nonce, Person};
use crate::error::OidcError;
use crate::provider::{Provider, encoded, now};
use base64_simd::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};

/// A login for which a browser is on its way.
pub struct Visit {
    /// Where the browser is to go.
    pub address: String,
    state: String,
    nonce: String,
    verifier: String,
    redirect: String,
    began: i64,
}

impl Provider {
    /// Begins a login with a browser that comes back to a port of the machine that it runs on.
    ///
    /// # Errors
    /// [`OidcError`].
    pub async fn begin_visit(&self, port: u16) -> Result<Visit, OidcError> {
        let metadata = self.metadata().await?;
        let endpoint =
            metadata.authorization_endpoint.as_ref().ok_or(OidcError::NotOffered("logins with a browser"))?;
        let (state, nonce, verifier) = (random()?, random()?, random()?);
        let redirect = format!("http://127.0.0.1:{port}/");
        let challenge = URL_SAFE_NO_PAD.encode_to_string(digest(&SHA256, verifier.as_bytes()));
        let scope = self.scope();
        let query = encoded(&[
            ("response_type", "code"),
            ("client_id", &self.options.client_id),
            ("redirect_uri", &redirect),
            ("scope", &scope),
            ("state", &state),
            ("nonce", &nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        let mark = if endpoint.contains('?') { '&' } else { '?' };
        let address = format!("{endpoint}{mark}{query}");
        Ok(Visit { address, state, nonce, verifier, redirect, began: now() })
    }

    /// Who it was that a browser brought this code back for.
    ///
    /// # Errors
    /// [`OidcError`].
    pub async fn finish_visit(&self, visit: &Visit, state: &str, code: &str) -> Result<Person, OidcError> {
        if state != visit.state {
            return Err(OidcError::OtherLogin);
        }
        let metadata = self.metadata().await?;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &visit.redirect),
            ("code_verifier", &visit.verifier),
        ];
        let answer = self.post(&metadata.token_endpoint, &form).await?;
        match self.person(&answer, Nonce::Is(&visit.nonce), visit.began).await? {
            Ok(person) => Ok(person),
            Err(problem) => Err(OidcError::Refused(problem.words())),
        }
    }
}

/// 256 bits, as text.
pub(crate) fn random() -> Result<String, OidcError> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).map_err(|_| OidcError::Random)?;
    Ok(URL_SAFE_NO_PAD.encode_to_string(bytes))
}
