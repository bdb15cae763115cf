//! Who somebody is, by the word of an identity provider: OpenID Connect.
//!
//! * [`Provider`]: a provider, by its issuer, and what this client is called there;
//! * [`Device`]: a login with a code that somebody types in anywhere (RFC 8628);
//! * [`Visit`]: a login with a browser that comes back to this machine (authorization code with PKCE, RFC 8252);
//! * [`Person`]: who it was.
//!
//! *How it works.* Whoever asks for a login is a relying party and keeps its secrets: the device code, or the verifier and
//! the nonce. The provider hands the ID token to it, over TLS; it is verified all the same: its signature with a key that
//! the provider publishes, its issuer, audience, nonce and times.
//!
//! *Guarantee:* a [`Person`] is one whom a token names that was signed by the provider for this client, after the login
//! began. The algorithm is one of two, and the key decides which; what is not understood is refused. No answer is read
//! beyond its bound, none is waited for without end, no redirect is followed, and nothing goes over plain HTTP but to this
//! machine.
//!
//! *Rejected:* a library for all of OpenID Connect: it brings algorithms that have to be refused again, and a second crypto
//! provider.

mod claims;
mod code;
mod device;
mod error;
mod fetch;
mod jws;
mod options;
mod provider;

pub use claims::Person;
pub use code::Visit;
pub use device::Device;
pub use error::{OidcError, TokenError};
pub use options::{Options, OptionsError, Secret};
pub use provider::Provider;
