//! Where regions are.

use super::reader::{TableProblem, read};
use crate::{Continent, RowPlace, Text};
use std::collections::HashMap;
use std::sync::Arc;

/// Regions by provider and name.
#[derive(Debug, Clone, Default)]
pub struct Regions {
    facts: HashMap<(String, String), RegionFacts>,
}

/// What is known about a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegionFacts {
    /// ISO 3166-1 alpha-2, lower case; empty when unknown.
    pub country: Text,
    /// Jurisdiction, lower case; empty when unknown.
    pub jurisdiction: Text,
    /// Continent.
    pub continent: Continent,
    /// Certificates in lower case, joined by `;`.
    pub certs: Text,
}

impl Regions {
    pub(super) fn parse(text: &str, problems: &mut Vec<TableProblem>) -> Self {
        let mut facts = HashMap::new();
        // Few texts, many regions: share them.
        let mut shared: HashMap<String, Text> = HashMap::new();
        let mut share = |text: String| shared.entry(text.clone()).or_insert_with(|| text.into()).clone();
        let columns = ["provider", "region", "country", "jurisdiction", "continent", "certs"];
        read("regions.csv", text, columns, problems, |row, problems| {
            let Some(continent) = Continent::named(row.get(4)) else {
                problems.push(row.problem(format!("`{}` is not a continent", row.get(4))));
                return;
            };
            let certs: Vec<String> = row.list(5).map(str::to_lowercase).collect();
            let known = RegionFacts {
                country: share(row.get(2).to_lowercase()),
                jurisdiction: share(row.get(3).to_lowercase()),
                continent,
                certs: share(certs.join(";")),
            };
            let key = (row.get(0).to_lowercase(), row.get(1).to_lowercase());
            if facts.insert(key, known).is_some() {
                problems.push(row.problem(format!("{}/{} is listed twice", row.get(0), row.get(1))));
            }
        });
        Self { facts }
    }

    /// Facts about a region of the table.
    #[must_use]
    pub fn get(&self, provider: &str, region: &str) -> Option<&RegionFacts> {
        self.facts.get(&(provider.to_lowercase(), region.to_lowercase()))
    }

    /// Provider and name of every region of the table, in order.
    #[must_use]
    pub fn names(&self) -> Vec<(&str, &str)> {
        let mut names: Vec<_> =
            self.facts.keys().map(|(provider, region)| (provider.as_str(), region.as_str())).collect();
        names.sort_unstable();
        names
    }

    /// The place that a row names. A region that is not in the table is read as free text that ends
    /// in a country and a continent code (`Denmark, DK, EU`, as marketplaces write), and else is
    /// known by its name only.
    #[must_use]
    pub fn place(&self, provider: &str, region: &str) -> Arc<RowPlace> {
        let facts = self.get(provider, region).cloned().or_else(|| free_text(region));
        let facts = facts.unwrap_or_else(|| RegionFacts {
            country: "".into(),
            jurisdiction: "".into(),
            continent: Continent::Unknown,
            certs: "".into(),
        });
        Arc::new(RowPlace {
            provider: provider.into(),
            region: region.into(),
            country: facts.country,
            jurisdiction: facts.jurisdiction,
            continent: facts.continent,
            certs: facts.certs,
            restricted: is_restricted(region),
        })
    }
}

/// Partitions with accounts of their own, by the prefixes that providers give their regions:
/// AWS GovCloud and China (`us-gov-`, `us-iso`, `cn-`), Azure Government and China (`usgov`,
/// `usdod`, `china`), AWS European Sovereign Cloud (`eusc-`).
fn is_restricted(region: &str) -> bool {
    let region = region.to_ascii_lowercase();
    ["us-gov-", "us-iso", "usgov", "usdod", "cn-", "china", "eusc-"]
        .iter()
        .any(|prefix| region.starts_with(prefix))
}

/// Reads `…, DK, EU`: ISO country, then continent as two letters.
fn free_text(region: &str) -> Option<RegionFacts> {
    let mut parts = region.rsplit(',').map(str::trim);
    let continent = match parts.next()? {
        "NA" => Continent::NorthAmerica,
        "SA" => Continent::SouthAmerica,
        "EU" => Continent::Europe,
        "AF" => Continent::Africa,
        "AS" => Continent::Asia,
        "OC" => Continent::Oceania,
        _ => return None,
    };
    let country = parts.next()?;
    if country.len() != 2 || !country.bytes().all(|letter| letter.is_ascii_uppercase()) {
        return None;
    }
    let country = country.to_ascii_lowercase();
    let jurisdiction = jurisdiction(&country).into();
    Some(RegionFacts { country: country.into(), jurisdiction, continent, certs: "".into() })
}

/// Jurisdiction of a country: `eu` for the 27 member states, `uk`, else the country itself.
fn jurisdiction(country: &str) -> &str {
    const EU: [&str; 27] = [
        "at", "be", "bg", "cy", "cz", "de", "dk", "ee", "es", "fi", "fr", "gr", "hr", "hu", "ie", "it", "lt",
        "lu", "lv", "mt", "nl", "pl", "pt", "ro", "se", "si", "sk",
    ];
    match country {
        "gb" => "uk",
        country if EU.contains(&country) => "eu",
        country => country,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_marketplace_text() {
        let place = |region| Regions::default().place("vast", region);
        let denmark = place("Denmark, DK, EU");
        assert_eq!((&*denmark.country, &*denmark.jurisdiction), ("dk", "eu"));
        assert_eq!(denmark.continent, Continent::Europe);
        assert_eq!(&*place(", US, NA").country, "us");
        assert_eq!(&*place("Sverdlovsk Oblast, RU, EU").jurisdiction, "ru");
        for unknown in ["mars-1", "", "a, b, c", "x, Dk, EU"] {
            assert_eq!(&*place(unknown).country, "", "{unknown}");
        }
    }

    #[test]
    fn the_table_wins_and_bad_lines_are_told() {
        let mut problems = Vec::new();
        let text = "# comment\nprovider,region,country,jurisdiction,continent,certs,source\n\
                    aws,eu-west-1,IE,eu,europe,ISO27001;soc2,x\naws,eu-west-1,ie,eu,europe,,x\naws,moon,,,moon,,x\n";
        let regions = Regions::parse(text, &mut problems);
        assert_eq!(problems.iter().map(|p| p.line).collect::<Vec<_>>(), [4, 5]);
        let place = regions.place("aws", "EU-West-1");
        assert_eq!(&*place.country, "ie");
        assert!(!place.restricted);
        assert!(regions.place("aws", "us-gov-west-1").restricted);
    }
}
