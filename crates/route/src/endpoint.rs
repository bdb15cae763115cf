//! An end of a transfer, as tariffs see it.

use std::fmt;
use welkin_catalog::tables::Tables;
use welkin_catalog::{Continent, Place};

/// An end of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Endpoint<'a> {
    /// Provider's short name; `local` for the user's own machine.
    pub provider: &'a str,
    /// Region; `None` when only the provider is known, which then counts as another region of it.
    pub region: Option<&'a str>,
    /// Continent of the region.
    pub continent: Continent,
}

impl<'a> Endpoint<'a> {
    /// A region of a provider, its continent looked up in `tables`.
    #[must_use]
    pub fn at(provider: &'a str, region: &'a str, tables: &Tables) -> Self {
        let continent =
            tables.regions.get(provider, region).map_or(Continent::Unknown, |facts| facts.continent);
        Self { provider, region: Some(region), continent }
    }
}

impl<'a> From<Place<'a>> for Endpoint<'a> {
    fn from(place: Place<'a>) -> Self {
        Self { provider: place.provider, region: Some(place.region), continent: place.continent }
    }
}

impl Endpoint<'static> {
    /// The user's own machine: nothing is known of it but that its line costs nothing extra.
    pub const LOCAL: Self = Self { provider: "local", region: None, continent: Continent::Unknown };
}

impl fmt::Display for Endpoint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.region {
            Some(region) => write!(f, "{}/{region}", self.provider),
            None => f.write_str(self.provider),
        }
    }
}
