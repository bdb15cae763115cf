//! When an object at the target is taken for the one at the source.

use welkin_store::Listed;

/// Levels of comparison, as in Globus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compare {
    /// Never: everything is copied.
    #[default]
    Always,
    /// Whenever there is one.
    Missing,
    /// When it is as long.
    Size,
    /// When it is as long and its content was written at the same time.
    Time,
    /// When its content has the same sum.
    Checksum,
}

/// What listings alone say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Same,
    Different,
    /// Their content must be looked at.
    Look,
}

impl Compare {
    /// Whether the target is listed at all.
    pub(super) const fn looks(self) -> bool {
        !matches!(self, Self::Always)
    }

    pub(super) fn verdict(self, source: &Listed, target: Option<&Listed>) -> Verdict {
        let Some(target) = target else { return Verdict::Different };
        let same = match self {
            Self::Always => false,
            Self::Missing => true,
            Self::Size => source.size == target.size,
            Self::Time | Self::Checksum if source.size != target.size => false,
            // Listings do not show enough; what is known beside them is the judge's.
            Self::Time | Self::Checksum => return Verdict::Look,
        };
        if same { Verdict::Same } else { Verdict::Different }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels() {
        use Verdict::{Different, Look, Same};
        let at =
            |size, modified| Listed { key: "k".to_owned(), size, modified_ms: Some(modified), version: None };
        let source = at(5, 100);
        for (level, missing, older, shorter, equal) in [
            (Compare::Always, Different, Different, Different, Different),
            (Compare::Missing, Different, Same, Same, Same),
            (Compare::Size, Different, Same, Different, Same),
            (Compare::Time, Different, Look, Different, Look),
            (Compare::Checksum, Different, Look, Different, Look),
        ] {
            assert_eq!(level.verdict(&source, None), missing);
            assert_eq!(level.verdict(&source, Some(&at(5, 99))), older, "{level:?}");
            assert_eq!(level.verdict(&source, Some(&at(4, 200))), shorter, "{level:?}");
            assert_eq!(level.verdict(&source, Some(&at(5, 100))), equal, "{level:?}");
        }
    }
}
