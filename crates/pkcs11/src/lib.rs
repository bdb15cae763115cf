//! Keys of parties under a key that a PKCS#11 token does not give away: [`Token`] is a [`welkin_seal::Keeper`].
//!
//! [`Address`] says which key of which token, by which module; it is a URI of RFC 7512. Each question to a token is a login of its own,
//! so that a PIN that changed is noticed and none stays behind.

mod address;
mod error;
mod library;
mod token;

pub use address::{Address, AddressError};
pub use error::TokenError;
pub use token::Token;
