//! Names that might have been meant.

use crate::{Catalog, Glob};
use std::collections::BTreeSet;

/// Which names of a catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// Providers.
    Provider,
    /// Regions.
    Region,
    /// Zones.
    Zone,
    /// Machine types.
    InstanceType,
    /// Accelerators.
    Accelerator,
    /// Certificates.
    Cert,
    /// Jurisdictions and countries.
    Residency,
}

/// How like two names must be to be suggested: the Damerau–Levenshtein distance over the longer
/// length is at most 1 − 0.7, about two letters in seven.
const MIN_LIKENESS: f64 = 0.7;

/// What people write for a jurisdiction or a country, and its code.
const RESIDENCES: &str = include_str!("../../data/residences.csv");

impl Catalog<'_> {
    /// Whether the catalog has something of this name, or that fits this pattern; of `provider`, where one is
    /// given and the names are those of places.
    #[must_use]
    pub fn knows(&self, names: Names, provider: Option<&str>, written: &str) -> bool {
        let pattern = Glob::new(written);
        self.names(names, provider).into_iter().any(|name| pattern.matches(name))
    }

    /// At most `limit` names of the catalog that are like `written`, the likest first. Empty when it
    /// is one of them already.
    #[must_use]
    pub fn suggest(&self, names: Names, provider: Option<&str>, written: &str, limit: usize) -> Vec<&str> {
        let known = self.names(names, provider);
        if names == Names::Residency
            && !known.iter().any(|code| code.eq_ignore_ascii_case(written))
            && let Some(code) = residence(written).filter(|code| known.contains(code))
        {
            return vec![code];
        }
        let near = nearest(written, known.iter().copied(), limit);
        if names == Names::Residency && near.is_empty() {
            return known.into_iter().filter(|code| is_code_and_more(written, code)).take(limit).collect();
        }
        near
    }

    fn names(&self, names: Names, provider: Option<&str>) -> BTreeSet<&str> {
        let places = || {
            let of_provider =
                move |name: &str| provider.is_none_or(|wanted| name.eq_ignore_ascii_case(wanted));
            self.places().filter(move |(_, place)| of_provider(place.provider))
        };
        let known = |name: &&str| !name.is_empty();
        match names {
            Names::Provider => places().map(|(_, place)| place.provider).collect(),
            Names::Region => places().map(|(_, place)| place.region).collect(),
            Names::Zone => self.zones_of(provider).into_iter().map(|(_, zone)| zone).collect(),
            Names::InstanceType => self.instance_types().iter().collect(),
            Names::Accelerator => (1..=u16::MAX)
                .take(self.accelerator_count().saturating_sub(1))
                .map(|index| self.accelerator(index).0)
                .collect(),
            Names::Cert => places().flat_map(|(id, _)| self.certs(id)).collect(),
            Names::Residency => {
                places().flat_map(|(_, place)| [place.jurisdiction, place.country]).filter(known).collect()
            }
        }
    }

    /// Whether something in a region, or in regions that fit this pattern, is sold by zone.
    #[must_use]
    pub fn has_zones(&self, provider: &str, region: &str) -> bool {
        let region = Glob::new(region);
        let zones = self.zones_of(Some(provider));
        self.places().any(|(id, place)| {
            region.matches(place.region)
                && zones.range((id.0, "")..).next().is_some_and(|(zoned, _)| *zoned == id.0)
        })
    }

    /// Zones with the place that each is in; of `provider`, where one is given. Reads two columns.
    fn zones_of(&self, provider: Option<&str>) -> BTreeSet<(u16, &str)> {
        let columns = self.columns();
        let wanted: Vec<bool> = self
            .places()
            .map(|(_, place)| provider.is_none_or(|wanted| place.provider.eq_ignore_ascii_case(wanted)))
            .collect();
        let mut pairs = BTreeSet::new();
        // Rows are in order of place and zone, so that equal pairs stand together.
        let mut latest = None;
        for (place, zone) in columns.place.iter().zip(columns.zone) {
            if *zone != 0 && latest != Some((*place, *zone)) && wanted[usize::from(*place)] {
                latest = Some((*place, *zone));
                pairs.insert((*place, self.zones().get(*zone)));
            }
        }
        pairs
    }
}

/// At most `limit` of the `known` names that are like `written`, the likest first; none when it is one of them.
#[must_use]
pub fn nearest<'n>(written: &str, known: impl IntoIterator<Item = &'n str>, limit: usize) -> Vec<&'n str> {
    let lower = written.to_lowercase();
    let mut likely: Vec<(f64, &str)> = known
        .into_iter()
        .map(|name| (strsim::normalized_damerau_levenshtein(&lower, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= MIN_LIKENESS)
        .collect();
    if likely.iter().any(|(_, name)| name.eq_ignore_ascii_case(written)) {
        return Vec::new();
    }
    likely.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(other.1)));
    likely.into_iter().take(limit).map(|(_, name)| name).collect()
}

/// Whether a code has a letter too many, or something behind it that is none: `euu`, `eu2`, `us-east-1`. Of words this
/// short every other is unlike by the measure of names.
fn is_code_and_more(written: &str, code: &str) -> bool {
    let lower = written.to_lowercase();
    let Some(more) = lower.strip_prefix(code).filter(|more| !more.is_empty()) else { return false };
    more.chars().count() == 1 || !more.starts_with(char::is_alphabetic)
}

/// The code of the jurisdiction or country that is called so in English, or nearly so.
fn residence(written: &str) -> Option<&'static str> {
    let lower = written.trim().to_lowercase().replace([' ', '_'], "-");
    let rows = || RESIDENCES.lines().filter_map(|line| line.split_once(','));
    let code = |wanted: &str| rows().find(|(name, _)| *name == wanted).map(|(_, code)| code.trim());
    code(&lower).or_else(|| code(nearest(&lower, rows().map(|(name, _)| name), 1).first()?))
}
