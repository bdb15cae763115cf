//! Tokens of programs: a key in one word, for those that have no file of their own to keep one in.
//!
//! *How it works.* A token is 32 random bytes and a sum, so that one which was cut or mistyped is told from one that is not
//! known. The key and the certificate of its [`Identity`] follow from the bytes: whoever has the token shakes hands as
//! everybody does, and whoever is called keeps the fingerprint alone.
//!
//! *Guarantee:* a token is never sent, not even to the one that it is for, and it does not follow from what is kept of it.
//! It is shown only when somebody asks for it by [`Token::to_secret_text`].
//!
//! *Rejected:* a word that is sent with each request and compared with a hash: whoever reads one request has it.

use crate::trust::identity::{Identity, IdentityError, hex, unhex};
use ring::rand::{SecureRandom, SystemRandom};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// What tokens begin with, so that those who look for secrets in files find them.
const MARK: &str = "wlk_";

/// What the key is derived for.
const CONTEXT: &str = "welkin service token, version 1: seed of an Ed25519 key";

/// Bytes of the sum: one in four billion that are mistyped passes it, and is nobody then.
const SUM_BYTES: usize = 4;

/// A text that is no token. It does not say which text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "it is not a token of Welkin: `{MARK}` and 72 hexadecimal digits, of which one may be missing or mistyped"
)]
pub struct TokenError;

/// See the head of the module.
#[derive(Clone)]
pub struct Token([u8; 32]);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(****)")
    }
}

impl Token {
    /// A new one.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn generate() -> Result<Self, IdentityError> {
        let mut secret = [0; 32];
        SystemRandom::new().fill(&mut secret).map_err(|_| IdentityError::Random)?;
        Ok(Self(secret))
    }

    /// Whose key it is.
    ///
    /// # Errors
    /// When no certificate can be made.
    pub fn identity(&self) -> Result<Identity, IdentityError> {
        Identity::of_seed(&blake3::derive_key(CONTEXT, &self.0))
    }

    /// **The secret itself**, for whoever is to have it.
    #[must_use]
    pub fn to_secret_text(&self) -> String {
        format!("{MARK}{}{}", hex(&self.0), hex(&self.sum()))
    }

    fn sum(&self) -> [u8; SUM_BYTES] {
        let mut sum = [0; SUM_BYTES];
        sum.copy_from_slice(&blake3::hash(&self.0).as_bytes()[..SUM_BYTES]);
        sum
    }
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let bytes = text.trim().strip_prefix(MARK).and_then(unhex).ok_or(TokenError)?;
        let (secret, sum) = bytes.split_at_checked(32).ok_or(TokenError)?;
        let token = Self(secret.try_into().map_err(|_| TokenError)?);
        if sum == token.sum() { Ok(token) } else { Err(TokenError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_the_same_key_wherever_and_whenever_it_is_read() {
        let token = Token::generate().unwrap();
        let again: Token = token.to_secret_text().parse().unwrap();
        assert_eq!(again.identity().unwrap().fingerprint(), token.identity().unwrap().fingerprint());
        let other = Token::generate().unwrap();
        assert_ne!(other.identity().unwrap().fingerprint(), token.identity().unwrap().fingerprint());
        // What brokers have on their lists: it stays, whichever library makes the certificate.
        let known = Token([7; 32]).identity().unwrap().fingerprint().to_string();
        assert_eq!(known, "w1:98b32c74dde9f649f292eac0b437210500fd95d63ec97924bf3ed97f5caac69c");
    }

    #[test]
    fn what_is_no_token_is_told_without_showing_it() {
        let text = Token::generate().unwrap().to_secret_text();
        let mistyped = match text.ends_with('0') {
            true => format!("{}1", &text[..text.len() - 1]),
            false => format!("{}0", &text[..text.len() - 1]),
        };
        for wrong in ["", "wlk_", "wlk_00", &text[4..], &text[..75], &mistyped, &format!("{text}00")] {
            let error = wrong.parse::<Token>().unwrap_err();
            assert!(wrong.len() < 8 || !error.to_string().contains(wrong));
        }
        let token: Token = format!(" {text}\n").parse().unwrap();
        assert_eq!(format!("{token:?}"), "Token(****)");
    }
}
