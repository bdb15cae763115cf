//! Sites: where a relay can stand.

use crate::endpoint::Endpoint;
use std::fmt;
use std::str::FromStr;
use welkin_catalog::Continent;
use welkin_catalog::tables::Tables;

/// Longest name of a place; regions of all providers are shorter than 40.
const LONGEST: usize = 100;

/// Index of a site in its [`Wan`](super::Wan).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SiteId(pub u16);

/// Provider and place, as grids and people write them: `azure:canadacentral` or `azure/canadacentral`. The
/// place is a region, or a zone where a grid was measured between zones.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SiteName {
    /// Provider's short name.
    pub provider: String,
    /// Region or zone.
    pub place: String,
}

impl fmt::Display for SiteName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.provider, self.place)
    }
}

impl FromStr for SiteName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (provider, place) = text
            .split_once([':', '/'])
            .ok_or_else(|| format!("`{}` is not PROVIDER:REGION", text.escape_debug()))?;
        let plain = |part: &str| {
            let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            !part.is_empty() && part.len() <= LONGEST && part.chars().all(fits)
        };
        if !plain(provider) || !plain(place) {
            return Err(format!("`{}` is not PROVIDER:REGION", text.escape_debug()));
        }
        Ok(Self { provider: provider.to_ascii_lowercase(), place: place.to_ascii_lowercase() })
    }
}

/// A place where a relay can stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Its name.
    pub name: SiteName,
    /// Its region; differs from the name's place where that is a zone.
    pub region: String,
    /// Country in two letters, empty when unknown.
    pub country: String,
    /// Jurisdiction that residency rules name, empty when unknown.
    pub jurisdiction: String,
    /// Continent, for tariffs.
    pub continent: Continent,
    /// Whether it lies in a partition with accounts of its own, where no relay of ours can stand.
    pub restricted: bool,
}

impl Site {
    /// A site, its facts looked up. A place that no region is called may be a zone of one: the longest
    /// known region before a dash or a letter at its end.
    #[must_use]
    pub fn known(name: SiteName, tables: &Tables) -> Self {
        let (provider, place) = (name.provider.as_str(), name.place.as_str());
        let shorter = [
            Some(place),
            place.rsplit_once('-').map(|(region, _)| region),
            place.get(..place.len().saturating_sub(1)),
        ];
        let region =
            shorter.into_iter().flatten().find(|region| tables.regions.get(provider, region).is_some());
        let region = region.unwrap_or(place).to_owned();
        let facts = tables.regions.place(provider, &region);
        Self {
            country: facts.country.to_string(),
            jurisdiction: facts.jurisdiction.to_string(),
            continent: facts.continent,
            restricted: facts.restricted,
            region,
            name,
        }
    }

    /// The site as tariffs see it.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint<'_> {
        Endpoint { provider: &self.name.provider, region: Some(&self.region), continent: self.continent }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_printed() {
        let name: SiteName = "Azure/CanadaCentral".parse().unwrap();
        assert_eq!(name.to_string(), "azure:canadacentral");
        assert_eq!(name.to_string().parse::<SiteName>().unwrap(), name);
        for bad in ["", "azure", ":", "azure:", ":x", "a b:c", "aws:us\u{1b}[2J", "aws:a/b"] {
            assert!(bad.parse::<SiteName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_zone_has_the_facts_of_its_region() {
        let tables = Tables::embedded();
        for (name, region, country) in [
            ("gcp:asia-northeast1-a", "asia-northeast1", "jp"),
            ("gcp:asia-northeast1", "asia-northeast1", "jp"),
            ("aws:us-east-1a", "us-east-1", "us"),
            ("nimbus:x-1", "x-1", ""),
        ] {
            let site = Site::known(name.parse().unwrap(), tables);
            assert_eq!((site.region.as_str(), site.country.as_str()), (region, country), "{name}");
        }
    }
}
