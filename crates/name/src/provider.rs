//! Who offers something.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

/// The most bytes that a provider's name has: it begins the names of files, which have 255 at the most.
const LEN_MAX: usize = 128;

/// The short name of a provider, as catalogs, records and bills have it: `aws`, `onprem.acme.org`.
///
/// Lower-case letters, digits, `-`, `.` and `_`, no dot at its beginning: it can be the name of a folder. The grammar of
/// [`Name`](crate::Name)s is narrower, and records are older: whoever called a price list of their own `my_cloud` has a
/// provider without names. What users write to select providers is a pattern, and none of these.
///
/// It reads as text wherever text is wanted, and copies share it.
///
/// ```
/// use std::collections::BTreeMap;
/// use welkin_name::ProviderId;
///
/// let rounding = BTreeMap::from([("aws".parse::<ProviderId>()?, "a minute")]);
/// assert_eq!(rounding.get("aws"), Some(&"a minute"));
/// assert!("../aws".parse::<ProviderId>().is_err());
/// # Ok::<(), welkin_name::ProviderIdError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderId(Arc<str>);

/// A text that is not the short name of a provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not the name of a provider: lower-case letters, digits, `-`, `.` and `_`, at most {LEN_MAX}, and no dot \
     at its beginning"
)]
pub struct ProviderIdError(String);

impl ProviderId {
    /// One that is written in a program.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn from_static(text: &'static str) -> Self {
        assert!(Self::is_valid(text), "{text:?} is not the name of a provider");
        Self(text.into())
    }

    /// Whether a text is one.
    #[must_use]
    pub fn is_valid(text: &str) -> bool {
        let is_allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte);
        (1..=LEN_MAX).contains(&text.len()) && !text.starts_with('.') && text.bytes().all(is_allowed)
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProviderId {
    type Err = ProviderIdError;

    fn from_str(text: &str) -> Result<Self, ProviderIdError> {
        if Self::is_valid(text) {
            return Ok(Self(text.into()));
        }
        // Enough to know it by, and too little to fill a log.
        Err(ProviderIdError(text.chars().take(LEN_MAX).collect()))
    }
}

impl Deref for ProviderId {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

// Equal, ordered and hashed as its text is.
impl Borrow<str> for ProviderId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for ProviderId {
    fn eq(&self, text: &str) -> bool {
        *self.0 == *text
    }
}

impl PartialEq<&str> for ProviderId {
    fn eq(&self, text: &&str) -> bool {
        *self.0 == **text
    }
}

impl From<&ProviderId> for String {
    fn from(id: &ProviderId) -> Self {
        id.as_str().to_owned()
    }
}

impl fmt::Display for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_the_name_of_a_folder_is_one() {
        for text in ["aws", "a", "7", "onprem.acme.org", "my_cloud", "a-", "_"] {
            assert_eq!(text.parse::<ProviderId>().unwrap(), text);
        }
        let long = "a".repeat(LEN_MAX + 1);
        for text in ["", ".", "..", ".a", "a/b", "../a", "AWS", "a b", "a\n", "é", "a\0b", &long] {
            assert!(text.parse::<ProviderId>().is_err(), "{text:?}");
        }
    }
}
