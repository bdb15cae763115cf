//! Lists of globs and continents, as the tables write them.

use crate::endpoint::Endpoint;
use welkin_catalog::{Continent, Glob};

/// A list of alternatives; empty means anything.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Pattern(Vec<Alternative>);

#[derive(Debug, Clone, PartialEq)]
enum Alternative {
    Region(Glob),
    Continent(Continent),
    /// A place of which only the provider is known.
    Unstated,
}

impl Pattern {
    /// Reads `us-*;@europe`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let alternatives = text.split(';').map(str::trim).filter(|part| !part.is_empty());
        let parsed = alternatives.map(|part| match part.strip_prefix('@') {
            Some("unstated") => Ok(Alternative::Unstated),
            Some(name) => Continent::named(name)
                .map(Alternative::Continent)
                .ok_or_else(|| format!("`{name}` is not a continent")),
            None => Ok(Alternative::Region(Glob::new(part))),
        });
        parsed.collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn matches(&self, endpoint: &Endpoint<'_>) -> bool {
        self.0.is_empty()
            || self.0.iter().any(|alternative| match alternative {
                Alternative::Region(glob) => glob.matches(endpoint.region.unwrap_or("")),
                Alternative::Continent(continent) => *continent == endpoint.continent,
                Alternative::Unstated => endpoint.region.is_none(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_and_continents() {
        let at = |region, continent| Endpoint { provider: "aws", region, continent };
        let ohio = at(Some("us-east-2"), Continent::NorthAmerica);
        let nowhere = at(None, Continent::Unknown);
        for (pattern, here, there) in [
            ("", true, true),
            ("*", true, true),
            ("us-*", true, false),
            ("eu-*;us-east-2", true, false),
            ("@north_america", true, false),
            ("@europe;eu-*", false, false),
            ("@europe;@unstated", false, true),
        ] {
            let pattern = Pattern::parse(pattern).unwrap();
            assert_eq!((pattern.matches(&ohio), pattern.matches(&nowhere)), (here, there), "{pattern:?}");
        }
        assert!(Pattern::parse("@atlantis").is_err());
    }
}
