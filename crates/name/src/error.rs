//! What can be wrong with a text that should be a name or a selector.
//!
//! An error tells the part, the byte, the reason as a stable code, the text at fault and, where one
//! is known, what to write instead. The codes are those of the conformance suite.

use std::borrow::Cow;
use std::fmt;

/// Longest excerpt of the input that an error keeps, in bytes: enough for a word, too little for a
/// hostile input to fill a log.
const EXCERPT_MAX: usize = 40;

/// Why a text is not a name or not a selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason} in the {part}, byte {at}{}{}", Found(found), Hint(hint))]
pub struct ParseError {
    reason: Reason,
    part: Part,
    at: usize,
    found: String,
    hint: Option<Cow<'static, str>>,
}

impl ParseError {
    #[cold]
    pub(crate) fn new(reason: Reason, part: Part, at: usize, found: &str) -> Self {
        let mut end = found.len().min(EXCERPT_MAX);
        while !found.is_char_boundary(end) {
            end -= 1;
        }
        Self { reason, part, at, found: found[..end].to_owned(), hint: None }
    }

    #[cold]
    pub(crate) fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The reason; [`Reason::code`] is stable.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The part of the name that is at fault.
    pub fn part(&self) -> Part {
        self.part
    }

    /// Offset of the fault in bytes from the start of the text that was parsed. For a name put
    /// together by [`Builder`](crate::Builder), from the start of the text it composed.
    pub fn at(&self) -> usize {
        self.at
    }

    /// The text at fault, cut to a few words; empty where something is missing.
    pub fn found(&self) -> &str {
        &self.found
    }

    /// What to write instead, where that is known.
    pub fn suggestion(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

/// ` (found …)`, or nothing.
struct Found<'a>(&'a String);

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Escaped, so that a control character in the input cannot reach a terminal.
        if self.0.is_empty() { Ok(()) } else { write!(f, " (`{}`)", self.0.escape_debug()) }
    }
}

/// `: …`, or nothing.
struct Hint<'a>(&'a Option<Cow<'static, str>>);

impl fmt::Display for Hint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |hint| write!(f, ": {hint}"))
    }
}

/// A part of a name, as errors call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Part {
    /// The text as a whole.
    Name,
    /// Who offers the service.
    Provider,
    /// Where it is: region, zone, cell.
    Location,
    /// What sort of service it is.
    Kind,
    /// The provider's own name of the product.
    Offering,
    /// The version or digest pin after `@`.
    Version,
    /// The key of a qualifier.
    Key,
    /// The value of a qualifier.
    Value,
    /// The provider's id of one instance, after `#`.
    Instance,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "name",
            Self::Provider => "provider",
            Self::Location => "location",
            Self::Kind => "kind",
            Self::Offering => "offering",
            Self::Version => "version",
            Self::Key => "qualifier key",
            Self::Value => "qualifier value",
            Self::Instance => "instance",
        })
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $words:literal;)*) => {
        /// The reason of a [`ParseError`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason { $($(#[$doc])* $variant,)* }

        impl Reason {
            /// Every reason, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// A stable code for programs and for the conformance suite.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }
        }

        impl fmt::Display for Reason {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $words,)* })
            }
        }
    };
}

reasons! {
    /// The text or its canonical form is longer than a name may be.
    TooLong = "too_long", "too long";
    /// The text does not begin with `sky:`.
    Scheme = "scheme", "no `sky:` scheme";
    /// A user or password stands before the provider.
    Userinfo = "userinfo", "user information";
    /// One of provider, location, kind and offering is not there.
    MissingPart = "missing_part", "missing part";
    /// A separator with nothing between it and the next.
    EmptyPart = "empty_part", "empty part";
    /// A character that may not stand in this part.
    IllegalCharacter = "illegal_character", "illegal character";
    /// A `%` without two hexadecimal digits, or one that hides a control character or broken UTF-8.
    BadEscape = "bad_escape", "bad escape";
    /// A label of the provider, or a level of the location, of a wrong shape.
    BadLabel = "bad_label", "malformed label";
    /// A segment `.` or `..`.
    DotSegment = "dot_segment", "dot segment";
    /// More levels of location than region, zone and cell.
    TooDeep = "too_deep", "too many levels";
    /// A kind outside the registry.
    UnknownKind = "unknown_kind", "unknown kind";
    /// A qualifier outside the registry.
    UnknownQualifier = "unknown_qualifier", "unknown qualifier";
    /// The same qualifier twice.
    DuplicateQualifier = "duplicate_qualifier", "duplicate qualifier";
    /// A value that its key does not admit.
    BadValue = "bad_value", "malformed value";
    /// A digest pin that is not `sha256:` and 64 hexadecimal digits.
    BadPin = "bad_pin", "malformed digest pin";
    /// A brace without its partner.
    UnbalancedBrace = "unbalanced_brace", "unbalanced brace";
    /// Alternatives within alternatives.
    NestedBrace = "nested_brace", "nested braces";
    /// Alternatives of which one is empty.
    EmptyAlternative = "empty_alternative", "empty alternative";
    /// Alternatives that multiply beyond the limit.
    TooManyAlternatives = "too_many_alternatives", "too many alternatives";
    /// A `!` that is not at the start of a selector, a part or a value.
    MisplacedExclusion = "misplaced_exclusion", "misplaced `!`";
}
