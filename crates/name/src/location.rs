//! Where an offering is: region, zone, cell, or nowhere in particular.

use std::fmt;

/// Levels of a location: region, zone, cell.
pub(crate) const LEVELS_MAX: usize = 3;

/// A location as written in a name: `region[:zone[:cell]]`, or `-` for none.
///
/// Zones are the provider's physical ids (`use1-az4`), since some providers letter their zones anew
/// for each account. The parser does not translate one into the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location<'a>(pub(crate) &'a str);

impl<'a> Location<'a> {
    /// The text in the name.
    pub fn as_str(self) -> &'a str {
        self.0
    }

    /// Whether the offering has no location: global, or not stated.
    pub fn is_none(self) -> bool {
        self.0 == "-"
    }

    /// The region.
    pub fn region(self) -> Option<&'a str> {
        self.level(0).filter(|_| !self.is_none())
    }

    /// The zone within the region.
    pub fn zone(self) -> Option<&'a str> {
        self.level(1)
    }

    /// The cell within the zone: a rack, a cluster, an availability domain.
    pub fn cell(self) -> Option<&'a str> {
        self.level(2)
    }

    /// Whether `other` is this location or lies within it.
    pub fn contains(self, other: Location<'_>) -> bool {
        other.0.strip_prefix(self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    }

    fn level(self, index: usize) -> Option<&'a str> {
        self.0.split(':').nth(index)
    }
}

impl fmt::Display for Location<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Location;

    #[test]
    fn levels() {
        let zone = Location("us-east-1:use1-az4");
        assert_eq!((zone.region(), zone.zone(), zone.cell()), (Some("us-east-1"), Some("use1-az4"), None));
        assert_eq!(Location("-").region(), None);
        assert_eq!(Location("a:b:c").cell(), Some("c"));
    }

    #[test]
    fn containment_respects_levels() {
        assert!(Location("us-east-1").contains(Location("us-east-1:use1-az4")));
        assert!(Location("us-east-1").contains(Location("us-east-1")));
        assert!(!Location("us-east-1").contains(Location("us-east-10")));
        assert!(!Location("us-east-1:use1-az4").contains(Location("us-east-1")));
    }
}
