//! What can go wrong with a login.

use thiserror::Error;

/// A login that did not come about.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OidcError {
    /// The provider cannot be reached, or answers with too much or too slowly.
    #[error("the identity provider at {url} cannot be asked: {why}")]
    Unreachable {
        /// Where.
        url: String,
        /// Why.
        why: String,
    },
    /// It answers with something else than OpenID Connect.
    #[error("the identity provider's answer at {url} is not understood: {why}")]
    Strange {
        /// Where.
        url: String,
        /// Why.
        why: String,
    },
    /// It does not know this way to log in.
    #[error("the identity provider offers no {0}")]
    NotOffered(&'static str),
    /// Whoever was asked said no.
    #[error("the login was refused at the identity provider")]
    Denied,
    /// Nobody came in time.
    #[error("nobody confirmed the login in time")]
    Expired,
    /// What came back is not of this login.
    #[error("the browser came back from another login")]
    OtherLogin,
    /// The provider said that something is wrong.
    #[error("the identity provider refuses: {0}")]
    Refused(String),
    /// Its token is none that can be believed.
    #[error("the identity provider's token is not valid: {0}")]
    Token(#[from] TokenError),
    /// No random numbers.
    #[error("the system gives no random numbers")]
    Random,
}

/// Why an ID token is not believed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TokenError {
    /// It is no signed token.
    #[error("it is not a signed token ({0})")]
    Malformed(&'static str),
    /// It is signed otherwise than with RS256 or ES256.
    #[error("it is signed with {0:?}, and only RS256 and ES256 are accepted")]
    Algorithm(String),
    /// No key of the provider fits.
    #[error("it is signed with a key that the provider does not publish")]
    Key,
    /// The signature is none.
    #[error("its signature is wrong")]
    Signature,
    /// Another provider's.
    #[error("its issuer is {0:?}")]
    Issuer(String),
    /// For another client.
    #[error("it is for another client than this one")]
    Audience,
    /// Of another login.
    #[error("it belongs to another login (nonce)")]
    Nonce,
    /// Too late.
    #[error("it has expired")]
    Expired,
    /// Too early.
    #[error("it is not valid yet")]
    Early,
    /// From before this login.
    #[error("it was issued before this login began")]
    Old,
    /// Something is absent or of another kind.
    #[error("it has no usable `{0}`")]
    Claim(String),
    /// The address is one that the provider has not checked.
    #[error("its `email` is not verified by the provider (`email_verified`)")]
    Unverified,
}
