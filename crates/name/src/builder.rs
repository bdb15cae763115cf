//! A name from its parts.

use crate::error::{ParseError, Part};
use crate::name::Name;
use crate::percent::push_encoded;

/// Puts a name together from parts as they are said; whatever must be escaped is.
///
/// Nothing is checked before [`Builder::build`], which composes the text and parses it: there is one
/// set of rules, the parser's.
///
/// ```
/// use welkin_name::Name;
///
/// let name = Name::builder("aws", "infer", "bedrock/titan-text:0").location("us-east-1").build()?;
/// assert_eq!(name.as_str(), "sky:aws/us-east-1/infer/bedrock/titan-text%3A0");
/// # Ok::<(), welkin_name::ParseError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Builder {
    provider: String,
    location: String,
    kind: String,
    /// The parts from here on are kept as they are written.
    offering: String,
    version: Option<String>,
    quals: Vec<(String, String)>,
    instance: Option<String>,
}

impl Builder {
    pub(crate) fn new(provider: &str, kind: &str, offering: &str) -> Self {
        Self {
            provider: provider.to_owned(),
            location: "-".to_owned(),
            kind: kind.to_owned(),
            offering: written(Part::Offering, offering),
            version: None,
            quals: Vec::new(),
            instance: None,
        }
    }

    pub(crate) fn from_name(name: &Name) -> Self {
        Self {
            provider: name.provider().to_owned(),
            location: name.location().as_str().to_owned(),
            kind: name.kind_path().to_owned(),
            offering: name.raw_offering().to_owned(),
            version: name.raw_version().map(str::to_owned),
            quals: name.raw_qualifiers().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            instance: name.raw_instance().map(str::to_owned),
        }
    }

    /// Sets the location, `region[:zone[:cell]]`; without a call it is `-`.
    #[must_use]
    pub fn location(mut self, location: &str) -> Self {
        location.clone_into(&mut self.location);
        self
    }

    /// Sets the offering. A slash separates segments.
    #[must_use]
    pub fn offering(mut self, offering: &str) -> Self {
        self.offering = written(Part::Offering, offering);
        self
    }

    /// Sets the version.
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        self.version = Some(written(Part::Version, version));
        self
    }

    /// Pins the name to the signed offer with this SHA-256 digest, in place of a version.
    #[must_use]
    pub fn pin(self, digest: &[u8; 32]) -> Self {
        use std::fmt::Write as _;
        let mut version = String::from("sha256:");
        for byte in digest {
            write!(version, "{byte:02x}").expect("writing to a string cannot fail");
        }
        self.version(&version)
    }

    /// Sets a qualifier; an empty value takes it away.
    #[must_use]
    pub fn qualifier(mut self, key: &str, value: &str) -> Self {
        let key = key.to_ascii_lowercase();
        self.quals.retain(|(known, _)| *known != key);
        self.quals.push((key, written(Part::Value, value)));
        self
    }

    /// Sets the provider's id of the instance.
    #[must_use]
    pub fn instance(mut self, id: &str) -> Self {
        self.instance = Some(written(Part::Instance, id));
        self
    }

    /// The name.
    ///
    /// # Errors
    /// If a part is malformed. Offsets are those of the composed text.
    pub fn build(&self) -> Result<Name, ParseError> {
        // A separator inside one of these would move the border of a part.
        for (part, text) in
            [(Part::Provider, &self.provider), (Part::Location, &self.location), (Part::Kind, &self.kind)]
        {
            refuse_separators(part, text)?;
        }
        for (key, _) in &self.quals {
            refuse_separators(Part::Key, key)?;
        }
        Name::parse(&self.compose())
    }

    fn compose(&self) -> String {
        let mut text = format!("sky:{}/{}/{}/{}", self.provider, self.location, self.kind, self.offering);
        if let Some(version) = &self.version {
            text.push('@');
            text.push_str(version);
        }
        let mut separator = '?';
        for (key, value) in &self.quals {
            text.push(separator);
            text.push_str(key);
            text.push('=');
            text.push_str(value);
            separator = '&';
        }
        if let Some(instance) = &self.instance {
            text.push('#');
            text.push_str(instance);
        }
        text
    }
}

fn written(part: Part, text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push_encoded(&mut out, part, text);
    out
}

fn refuse_separators(part: Part, text: &str) -> Result<(), ParseError> {
    match text.find(['/', '@', '?', '#', '&', '=']) {
        None => Ok(()),
        Some(at) => {
            let found = &text[at..=at];
            Err(ParseError::new(crate::error::Reason::IllegalCharacter, part, at, found))
        }
    }
}
