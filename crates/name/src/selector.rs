//! Selectors: patterns over names.

mod compile;
mod glob;
mod parse;
mod pattern;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use crate::error::ParseError;
use crate::name::{Name, known_key};
use pattern::{Pattern, ValuePattern};

/// A pattern over names: which offerings or instances a user, a policy or an agreement means.
///
/// Each part is a pattern: text, `*` for any run of characters, `{a,b}` for alternatives, a leading
/// `!` for anything but. A part that is missing admits everything; a location admits what lies within
/// it; a qualifier admits the names that carry it. A leading `!` on the whole turns the selector
/// round. The short form that SkyPilot users write (`aws/us-east-1/us-east-1a`) is a provider, a
/// region and a zone. See the [crate's documentation](crate#selectors) for the grammar.
///
/// Like a name, a selector is kept in canonical form, and equality is that of the text.
///
/// ```
/// use welkin_name::{Name, Selector};
///
/// let wanted: Selector = "sky:*/eu-*/vm/*?hw=nvidia-h100*".parse()?;
/// let name: Name = "sky:aws/eu-west-1:euw1-az2/vm/p5.48xlarge?hw=nvidia-h100-80gb:8".parse()?;
/// assert!(wanted.matches(&name));
/// assert_eq!(Selector::parse("aws/us-east-1")?.as_str(), "sky:aws/us-east-1");
/// # Ok::<(), welkin_name::ParseError>(())
/// ```
#[derive(Clone)]
pub struct Selector {
    text: Box<str>,
    excludes: bool,
    provider: Pattern,
    location: Pattern,
    kind: Pattern,
    offering: Pattern,
    version: Pattern,
    quals: Vec<QualPattern>,
    instance: Pattern,
}

/// What a selector asks of one qualifier.
#[derive(Clone)]
struct QualPattern {
    key: Box<str>,
    value: ValuePattern,
}

impl Selector {
    /// Reads a selector in full (`sky:…`) or short (`aws/us-east-1`) form. Bounded time and memory:
    /// a text past 2,048 bytes and alternatives that multiply beyond 64 are refused.
    ///
    /// # Errors
    /// Says which byte of which part is wrong and why.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        parse::parse(text)
    }

    /// The canonical text, always in full form.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the whole selector is turned round by a leading `!`.
    pub fn excludes(&self) -> bool {
        self.excludes
    }

    /// Whether the selector admits `name`.
    pub fn matches(&self, name: &Name) -> bool {
        self.excludes != self.admits(name)
    }

    /// Whether `name` is selected by a list: some selector that does not exclude admits it, or there
    /// is none such, and none that excludes refuses it. The order of the list carries nothing.
    ///
    /// ```
    /// use welkin_name::{Name, Selector};
    ///
    /// let list = [Selector::parse("aws")?, Selector::parse("gcp")?, Selector::parse("!aws/us-east-1")?];
    /// let name = |text| Name::parse(text);
    /// assert!(Selector::select(&list, &name("sky:gcp/us-east1/vm/n2-standard-8")?));
    /// assert!(!Selector::select(&list, &name("sky:aws/us-east-1/vm/m7i.large")?));
    /// assert!(!Selector::select(&list, &name("sky:azure/westeurope/vm/Standard_D8s_v5")?));
    /// # Ok::<(), welkin_name::ParseError>(())
    /// ```
    pub fn select<'a>(list: impl IntoIterator<Item = &'a Self>, name: &Name) -> bool {
        let mut asked = false;
        let mut admitted = false;
        for selector in list {
            if selector.excludes {
                if !selector.matches(name) {
                    return false;
                }
            } else {
                asked = true;
                admitted = admitted || selector.matches(name);
            }
        }
        admitted || !asked
    }

    /// Cheapest and most telling parts first.
    fn admits(&self, name: &Name) -> bool {
        self.provider.matches(Some(name.provider()))
            && self.location.matches_location(name.location().as_str())
            && self.kind.matches(Some(name.kind_path()))
            && self.offering.matches(Some(name.raw_offering()))
            && self.version.matches(name.raw_version())
            && self.instance.matches(name.raw_instance())
            && self.quals.iter().all(|qual| {
                let value = name.raw_qualifier(&qual.key).or(known_key(&qual.key).default_value());
                qual.value.matches(value)
            })
    }
}

/// Every name is a selector: of itself, of its instances and variants, and of the same offering in
/// the zones of its region.
impl From<&Name> for Selector {
    fn from(name: &Name) -> Self {
        Self::parse(name.as_str()).expect("patterns are illegal in names, so each name is a selector")
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Selector({})", self.text)
    }
}

impl FromStr for Selector {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}

impl TryFrom<&str> for Selector {
    type Error = ParseError;

    fn try_from(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}

impl PartialEq for Selector {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Selector {}

impl PartialOrd for Selector {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Selector {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}

impl Hash for Selector {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}
