//! An identity provider that says what a test wants it to, also what no honest one would say.
//!
//! It speaks as much of OpenID Connect as a login needs: discovery, keys, device codes (RFC 8628) and authorization codes. The
//! test decides what the token endpoint answers, and what tokens are signed with. [`crate::stand_ins::oidc_mock`] is one
//! that others wrote, which knows no device codes.

mod keys;
mod provider;

pub use keys::{Signer, unsigned};
pub use provider::{Asked, Provider, Reply, now};
