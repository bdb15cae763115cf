//! Names in a filter that nothing in the catalog has.
//!
//! A condition on a name that does not exist removes every offer without a word. Each such name is told, with
//! the one that may have been meant. A pattern is a name that nothing fits.

use super::filter::Filter;
use super::suggest::{Names, nearest};
use crate::Catalog;
use crate::tables::{ByMemory, Tables};
use std::collections::BTreeSet;

impl Catalog<'_> {
    /// What is to be said of the names in `filter`, in order and each once.
    #[must_use]
    pub fn unknown_names(&self, filter: &Filter, tables: &Tables) -> BTreeSet<String> {
        let mut look = Look { catalog: self, tables, remarks: BTreeSet::new() };
        look.places(filter);
        if let Some(name) = &filter.instance_type {
            look.name(Names::InstanceType, None, name);
        }
        if let Some(accelerator) = &filter.accelerator {
            look.accelerator(&accelerator.name);
        }
        look.names(Names::Cert, &filter.certs);
        look.names(Names::Residency, &filter.jurisdictions);
        look.names(Names::Residency, &filter.countries);
        look.remarks
    }
}

struct Look<'l> {
    catalog: &'l Catalog<'l>,
    tables: &'l Tables,
    remarks: BTreeSet<String>,
}

impl Look<'_> {
    fn places(&mut self, filter: &Filter) {
        let before = self.remarks.len();
        self.names(Names::Provider, &filter.providers);
        // Where a provider has nothing at all, its regions need no word of their own.
        if self.remarks.len() > before {
            return;
        }
        let provider = match filter.providers.as_slice() {
            [provider] => Some(provider.as_str()),
            _ => None,
        };
        if let Some(region) = &filter.region {
            self.name(Names::Region, provider, region);
        }
        if let Some(zone) = &filter.zone {
            self.zone(provider, filter.region.as_deref(), zone);
        }
    }

    fn zone(&mut self, provider: Option<&str>, region: Option<&str>, zone: &str) {
        if zone.contains(['*', '?']) {
            return;
        }
        if let (Some(provider), Some(region)) = (provider, region)
            && self.catalog.knows(Names::Region, Some(provider), region)
            && !self.catalog.has_zones(provider, region)
        {
            self.remarks
                .insert(format!("{provider}/{region} is sold by region: leave out the zone `{zone}`"));
            return;
        }
        self.name(Names::Zone, provider, zone);
    }

    fn accelerator(&mut self, name: &str) {
        let fits = self.tables.accelerators.matcher(name);
        let mut indices = (1..=u16::MAX).take(self.catalog.accelerator_count().saturating_sub(1));
        if indices.any(|index| fits(self.catalog.accelerator(index))) {
            return;
        }
        let near = match ByMemory::parse(name) {
            Some(ByMemory { vendor: Some(vendor), .. }) => {
                nearest(&vendor, self.tables.accelerators.vendors(), 1).first().copied().map(str::to_owned)
            }
            Some(_) => None,
            None => {
                self.catalog.suggest(Names::Accelerator, None, name, 1).first().copied().map(str::to_owned)
            }
        };
        self.remark("accelerator", None, name, near);
    }

    fn names(&mut self, names: Names, written: &[String]) {
        written.iter().for_each(|name| self.name(names, None, name));
    }

    fn name(&mut self, names: Names, provider: Option<&str>, name: &str) {
        if self.catalog.knows(names, provider, name) {
            return;
        }
        let near = self.catalog.suggest(names, provider, name, 1).first().copied().map(str::to_owned);
        self.remark(word(names), provider, name, near);
    }

    fn remark(&mut self, what: &str, provider: Option<&str>, name: &str, near: Option<String>) {
        let of = provider.map_or_else(String::new, |provider| format!(" of {provider}"));
        let hint = near.map_or_else(String::new, |near| format!(" (did you mean `{near}`?)"));
        self.remarks.insert(format!("the catalog has no {what} `{name}`{of}{hint}"));
    }
}

/// What a name is the name of.
const fn word(names: Names) -> &'static str {
    match names {
        Names::Provider => "provider",
        Names::Region => "region",
        Names::Zone => "zone",
        Names::InstanceType => "instance type",
        Names::Accelerator => "accelerator",
        Names::Cert => "certificate",
        Names::Residency => "jurisdiction or country",
    }
}
