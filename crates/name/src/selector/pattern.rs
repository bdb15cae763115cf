//! A compiled part of a selector.

use super::glob;

/// What one part may be.
#[derive(Clone)]
pub(super) enum Pattern {
    /// Anything, absence included: the part is not in the selector.
    Any,
    /// One of the globs.
    Some(Vec<Box<str>>),
    /// None of the globs; absence is none of them.
    Not(Vec<Box<str>>),
}

impl Pattern {
    pub(super) fn matches(&self, text: Option<&str>) -> bool {
        self.test(|globs| text.is_some_and(|text| globs.iter().any(|glob| glob::matches(glob, text))))
    }

    /// Level by level; a location that goes deeper than the pattern lies within it.
    pub(super) fn matches_location(&self, text: &str) -> bool {
        self.test(|globs| globs.iter().any(|glob| contains(glob, text)))
    }

    fn test(&self, found: impl FnOnce(&[Box<str>]) -> bool) -> bool {
        match self {
            Self::Any => true,
            Self::Some(globs) => found(globs),
            Self::Not(globs) => !found(globs),
        }
    }
}

fn contains(pattern: &str, text: &str) -> bool {
    let mut levels = text.split(':');
    pattern.split(':').all(|glob| levels.next().is_some_and(|level| glob::matches(glob, level)))
}

/// What the value of a qualifier may be.
#[derive(Clone)]
pub(super) enum ValuePattern {
    /// The whole value.
    One(Pattern),
    /// A set: each pattern is met by some item, or by no item where it excludes.
    Set(Vec<Pattern>),
}

impl ValuePattern {
    pub(super) fn matches(&self, value: Option<&str>) -> bool {
        match self {
            Self::One(pattern) => pattern.matches(value),
            Self::Set(patterns) => patterns.iter().all(|pattern| {
                pattern.test(|globs| {
                    let mut items = value.into_iter().flat_map(|value| value.split(','));
                    items.any(|item| globs.iter().any(|glob| glob::matches(glob, item)))
                })
            }),
        }
    }
}
