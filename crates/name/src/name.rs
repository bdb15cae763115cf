//! A name in its canonical form.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use crate::builder::Builder;
use crate::error::ParseError;
use crate::kind::Kind;
use crate::location::Location;
use crate::percent::decode;
use crate::quals::{Hardware, Key, Tier};

/// Longest canonical name in bytes.
pub const MAX_LEN: usize = 512;

/// The name of an offering, or with an instance part of one running instance of it.
///
/// A `Name` is always canonical: two names are the same exactly when their texts are the same bytes,
/// and comparison, hash and order are those of the text. See the [crate's documentation](crate) for
/// the grammar.
///
/// ```
/// use welkin_name::{Kind, Name};
///
/// let name: Name = "sky:AWS/us-east-1/vm/p5.48xlarge?tier=spot&hw=nvidia-h100-80gb:8#i-0abc".parse()?;
/// assert_eq!(name.as_str(), "sky:aws/us-east-1/vm/p5.48xlarge?hw=nvidia-h100-80gb:8&tier=spot#i-0abc");
/// assert_eq!(name.kind(), Kind::Vm);
/// assert_eq!(name.location().region(), Some("us-east-1"));
/// assert_eq!(name.hardware().map(|hw| hw.count), Some("8"));
/// # Ok::<(), welkin_name::ParseError>(())
/// ```
#[derive(Clone)]
pub struct Name {
    text: Box<str>,
    ends: Offsets,
}

/// Where each part ends in the text. A part that is absent ends where the one before it does.
#[derive(Clone, Copy)]
pub(crate) struct Offsets {
    pub(crate) provider: u16,
    pub(crate) location: u16,
    pub(crate) kind: u16,
    pub(crate) offering: u16,
    pub(crate) version: u16,
    pub(crate) quals: u16,
}

impl Name {
    /// Reads a name in any spelling. Linear in the length of the text, which is refused unread past
    /// 2,048 bytes.
    ///
    /// # Errors
    /// Says which byte of which part is wrong and why.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        crate::parse::parse(text)
    }

    /// Begins a name from parts as they are said, not as they are written: the builder escapes.
    pub fn builder(provider: &str, kind: &str, offering: &str) -> Builder {
        Builder::new(provider, kind, offering)
    }

    pub(crate) fn from_canonical(text: Box<str>, ends: Offsets) -> Self {
        Self { text, ends }
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Who offers it: a registered short id (`aws`) or a DNS name (`onprem.acme.org`).
    pub fn provider(&self) -> &str {
        &self.text[4..self.ends.provider.into()]
    }

    /// Where it is.
    pub fn location(&self) -> Location<'_> {
        Location(self.slice(self.ends.provider, self.ends.location))
    }

    /// What sort of service it is.
    pub fn kind(&self) -> Kind {
        let path = self.kind_path();
        let word = path.split('.').next().unwrap_or(path);
        Kind::from_id(word).expect("the parser admits registered kinds only")
    }

    /// The kind with its sub-kind, as written: `db`, `db.cluster`.
    pub fn kind_path(&self) -> &str {
        self.slice(self.ends.location, self.ends.kind)
    }

    /// The provider's own name of the product, escapes resolved. `-` where it is not known, as in a
    /// name made of a native id that does not tell it.
    pub fn offering(&self) -> Cow<'_, str> {
        decode(self.raw_offering())
    }

    /// The segments of the offering, escapes resolved.
    pub fn segments(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.raw_offering().split('/').map(decode)
    }

    /// The version after `@`, escapes resolved; a digest pin included.
    pub fn version(&self) -> Option<Cow<'_, str>> {
        self.raw_version().map(decode)
    }

    /// The 64 hexadecimal digits of the signed offer that the name is pinned to.
    pub fn pin(&self) -> Option<&str> {
        self.raw_version()?.strip_prefix("sha256:")
    }

    /// The qualifiers in their order, escapes in the values resolved.
    pub fn qualifiers(&self) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
        self.raw_qualifiers().map(|(key, value)| (key, decode(value)))
    }

    /// The value of one qualifier, escapes resolved. A value that is the key's default is not in the
    /// name: see [`Name::tier`].
    pub fn qualifier(&self, key: &str) -> Option<Cow<'_, str>> {
        self.raw_qualifier(key).map(decode)
    }

    /// How the capacity is bought; on demand where the name does not say.
    pub fn tier(&self) -> Tier {
        self.raw_qualifier("tier").and_then(Tier::from_id).unwrap_or(Tier::OnDemand)
    }

    /// The accelerators, where the name says them.
    pub fn hardware(&self) -> Option<Hardware<'_>> {
        Hardware::parse(self.raw_qualifier("hw")?)
    }

    /// The provider's id of the instance, escapes resolved; absent in the name of an offering.
    pub fn instance(&self) -> Option<Cow<'_, str>> {
        self.raw_instance().map(decode)
    }

    /// The name of what the instance is an instance of; itself if it is that already.
    #[must_use]
    pub fn without_instance(&self) -> Self {
        Self { text: self.text[..self.ends.quals.into()].into(), ends: self.ends }
    }

    /// The name of an instance of this offering.
    ///
    /// # Errors
    /// If the id is not one, or the name grows past its limit.
    pub fn with_instance(&self, id: &str) -> Result<Self, ParseError> {
        self.to_builder().instance(id).build()
    }

    /// The name pinned to the signed offer whose SHA-256 digest is `digest`, in place of its version.
    ///
    /// # Errors
    /// If the name grows past its limit.
    pub fn with_pin(&self, digest: &[u8; 32]) -> Result<Self, ParseError> {
        self.to_builder().pin(digest).build()
    }

    /// A builder that holds the parts of this name, to change some of them.
    pub fn to_builder(&self) -> Builder {
        Builder::from_name(self)
    }

    pub(crate) fn raw_offering(&self) -> &str {
        self.slice(self.ends.kind, self.ends.offering)
    }

    pub(crate) fn raw_version(&self) -> Option<&str> {
        self.optional(self.ends.offering, self.ends.version)
    }

    pub(crate) fn raw_instance(&self) -> Option<&str> {
        self.optional(self.ends.quals, self.text.len() as u16)
    }

    pub(crate) fn raw_qualifiers(&self) -> impl Iterator<Item = (&str, &str)> {
        let quals = self.optional(self.ends.version, self.ends.quals);
        quals.into_iter().flat_map(|text| text.split('&')).filter_map(|qual| qual.split_once('='))
    }

    pub(crate) fn raw_qualifier(&self, key: &str) -> Option<&str> {
        self.raw_qualifiers().find(|(known, _)| *known == key).map(|(_, value)| value)
    }

    /// The text between two ends, without the separator in front of it.
    fn slice(&self, from: u16, to: u16) -> &str {
        &self.text[usize::from(from) + 1..to.into()]
    }

    fn optional(&self, from: u16, to: u16) -> Option<&str> {
        (from < to).then(|| self.slice(from, to))
    }
}

/// The key that a qualifier of a name has; the parser admits no other.
pub(crate) fn known_key(text: &str) -> Key {
    Key::of(text).expect("the parser admits registered keys only")
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({})", self.text)
    }
}

impl FromStr for Name {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}

impl TryFrom<&str> for Name {
    type Error = ParseError;

    fn try_from(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Name {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        Self::parse(&text)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.text.into_string()
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

/// So that a map keyed by names is searched by text. Sound: hash, order and equality are the text's.
impl std::borrow::Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.text
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Name {}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}
