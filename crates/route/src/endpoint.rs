//! An end of a transfer, as tariffs see it.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Continents as tariffs see them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Continent {
    /// United States, Canada, Mexico.
    NorthAmerica,
    /// South America.
    SouthAmerica,
    /// Europe, the United Kingdom and Switzerland included.
    Europe,
    /// Middle East.
    MiddleEast,
    /// Africa.
    Africa,
    /// Asia, India included.
    Asia,
    /// Australia and New Zealand.
    Oceania,
    /// Not known.
    Unknown,
}

/// A name that is not a continent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a continent: expected one of north_america, south_america, europe, middle_east, africa, asia, oceania"
)]
pub struct NotAContinent(String);

impl FromStr for Continent {
    type Err = NotAContinent;

    fn from_str(text: &str) -> Result<Self, NotAContinent> {
        Ok(match text {
            "north_america" => Self::NorthAmerica,
            "south_america" => Self::SouthAmerica,
            "europe" => Self::Europe,
            "middle_east" => Self::MiddleEast,
            "africa" => Self::Africa,
            "asia" => Self::Asia,
            "oceania" => Self::Oceania,
            _ => return Err(NotAContinent(text.to_owned())),
        })
    }
}

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
