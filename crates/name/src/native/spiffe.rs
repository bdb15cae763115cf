//! SPIFFE ids.
//!
//! `spiffe://TRUST-DOMAIN/sky/PROVIDER/LOCATION/KIND/ID`. The trust domain is not in the name: whoever
//! issues identities decides it, so [`SpiffeId::issue`] stands where other ids have `of`. A path segment may hold letters,
//! digits, `.`, `-` and `_` only and knows no escapes, so any other byte, and `_` itself, is written `_`
//! and two hexadecimal digits. Source: the SPIFFE-ID standard, sections 2.1 and 2.2.
//!
//! A name with an account is refused. The path has no place for it, and to drop it would give two
//! workloads of two accounts one identity; one trust domain per account keeps them apart.

use std::fmt;
use std::str::FromStr;

use super::NativeError;
use super::table::{ANY, build, instance};
use crate::Name;
use crate::chars::hex;

/// Longest SPIFFE id in bytes.
const LEN_MAX: usize = 2048;

/// A SPIFFE id of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SpiffeId {
    /// Who vouches for the id.
    pub trust_domain: String,
    /// The provider in the name.
    pub provider: String,
    /// The location in the name.
    pub location: String,
    /// The kind in the name, sub-kind included.
    pub kind: String,
    /// The instance in the name.
    pub id: String,
}

impl SpiffeId {
    const SYSTEM: &'static str = "SPIFFE id";

    /// The id of an instance in a trust domain.
    ///
    /// # Errors
    /// If the name has an account or no instance, or the trust domain is not one.
    pub fn issue(trust_domain: &str, name: &Name) -> Result<Self, NativeError> {
        let refuse = |why| NativeError::inexpressible(Self::SYSTEM, name, why);
        if name.qualifier("acct").is_some() {
            return Err(refuse("a SPIFFE id has no place for an account; give each account a trust domain"));
        }
        if !is_trust_domain(trust_domain) {
            return Err(refuse("the trust domain is malformed"));
        }
        let id = Self {
            trust_domain: trust_domain.to_owned(),
            provider: name.provider().to_owned(),
            location: name.location().as_str().to_owned(),
            kind: name.kind_path().to_owned(),
            id: instance(Self::SYSTEM, name)?.into_owned(),
        };
        // A name has at most 512 bytes and each becomes at most three here: never past LEN_MAX but for
        // a trust domain of some hundred bytes.
        if id.to_string().len() > LEN_MAX {
            return Err(refuse("the id would be longer than 2,048 bytes"));
        }
        Ok(id)
    }

    /// The name of the instance, with `-` as offering.
    ///
    /// # Errors
    /// If the path says no such name.
    pub fn name(&self) -> Result<Name, NativeError> {
        let builder =
            Name::builder(&self.provider, &self.kind, ANY).location(&self.location).instance(&self.id);
        build(Self::SYSTEM, &builder)
    }
}

/// Letters, digits, `.`, `-` and `_`, at most 255 bytes.
fn is_trust_domain(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte))
}

/// Whether `byte` of a segment is written as it is. A segment of dots only would be a dot segment, but
/// no part of a name is one.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')
}

/// A part of a name as path segments.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            if is_plain(byte) || byte == b'/' {
                write!(f, "{}", byte as char)?;
            } else {
                write!(f, "_{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// Undoes [`Escaped`]; refuses any other spelling of the same text.
fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first == b'_' {
            let [high, low, after @ ..] = tail else { return None };
            bytes.push(hex(*high)? << 4 | hex(*low)?);
            rest = after;
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    let out = String::from_utf8(bytes).ok()?;
    (Escaped(&out).to_string() == text).then_some(out)
}

impl FromStr for SpiffeId {
    type Err = NativeError;

    fn from_str(text: &str) -> Result<Self, NativeError> {
        let expected = "spiffe://TRUST-DOMAIN/sky/PROVIDER/LOCATION/KIND/ID";
        let syntax = || NativeError::syntax(Self::SYSTEM, text, expected);
        if text.len() > LEN_MAX {
            return Err(syntax());
        }
        let rest = text.strip_prefix("spiffe://").ok_or_else(syntax)?;
        let mut parts = rest.splitn(6, '/');
        let mut next = || parts.next().filter(|part| !part.is_empty()).ok_or_else(syntax);
        let trust_domain = next()?;
        if !is_trust_domain(trust_domain) || next()? != "sky" {
            return Err(syntax());
        }
        let mut part = || unescape(next()?).ok_or_else(syntax);
        let (provider, location, kind, id) = (part()?, part()?, part()?, part()?);
        let id = Self { trust_domain: trust_domain.to_owned(), provider, location, kind, id };
        // SPIFFE paths are compared byte by byte: only the canonical spelling of the parts will do.
        if Self::issue(trust_domain, &id.name()?)? == id { Ok(id) } else { Err(syntax()) }
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { trust_domain, provider, location, kind, id } = self;
        let [provider, location, kind, id] = [provider, location, kind, id].map(|part| Escaped(part));
        write!(f, "spiffe://{trust_domain}/sky/{provider}/{location}/{kind}/{id}")
    }
}
