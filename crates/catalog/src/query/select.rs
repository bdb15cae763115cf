//! Applying a filter: one pass over one column for each condition.
//!
//! 1. Conditions on text (provider, region, zone, machine type, accelerator) are decided once for
//!    each entry of the dictionary they concern; what remains for a row is to look up a flag.
//! 2. The list of rows that are left shrinks from pass to pass, each of which reads one column. What
//!    a pass removes is what its condition removes given all earlier ones.
//!
//! *Guarantee:* the result is in order of ids and equals that of testing every offer by itself; the
//! removed counts and the selected offers add up to the catalog.
//!
//! *Rejected:* bitmaps, as most filters leave a few hundred rows after two passes; indices by value,
//! as a whole scan takes a fraction of a millisecond.

use super::filter::{AcceleratorFilter, Amount, Condition, Filter, Market};
use crate::glob::Glob;
use crate::tables::Tables;
use crate::{Catalog, NOT_OFFERED, OfferId, Place, PlaceId, flags};

/// How far the count of an accelerator may be off, in thousandths: fractions are written in two digits and
/// sold in thirds, so `0.33` is 0.333. Whole counts are a hundred times further apart.
pub const COUNT_TOLERANCE_MILLI: u64 = 10;

/// Offers that satisfy a filter, and what became of the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Offers, in order of their ids.
    pub ids: Vec<OfferId>,
    /// How many offers each condition of the filter removed, in the order of application; conditions
    /// that the filter does not set are left out.
    pub removed: Vec<(Condition, u32)>,
}

impl Catalog<'_> {
    /// The offers that satisfy `filter`.
    #[must_use]
    pub fn select(&self, filter: &Filter) -> Selection {
        self.select_with(filter, Tables::embedded())
    }

    /// The offers that satisfy `filter`. Names of accelerators are understood as `tables` say.
    #[must_use]
    pub fn select_with(&self, filter: &Filter, tables: &Tables) -> Selection {
        self.select_from(None, filter, tables)
    }

    /// Those of `ids`, which are in order, that satisfy `filter`.
    #[must_use]
    pub fn select_among(&self, ids: Vec<OfferId>, filter: &Filter, tables: &Tables) -> Selection {
        self.select_from(Some(ids), filter, tables)
    }

    fn select_from(&self, ids: Option<Vec<OfferId>>, filter: &Filter, tables: &Tables) -> Selection {
        let mut scan = Scan { ids, rows: u32_len(self.len()), removed: Vec::new() };
        self.by_place(&mut scan, filter);
        self.by_name(&mut scan, filter, tables);
        self.by_hardware(&mut scan, filter);
        self.by_price(&mut scan, filter);
        let Scan { ids, rows, removed } = scan;
        Selection { ids: ids.unwrap_or_else(|| (0..rows).map(OfferId).collect()), removed }
    }

    fn by_place(&self, scan: &mut Scan, filter: &Filter) {
        let place = self.columns().place;
        // A set that is empty sets no condition.
        let within = |set: &[String], text: &str| set.iter().any(|one| one.eq_ignore_ascii_case(text));
        let mut pass = |condition, keep: &dyn Fn(PlaceId, Place<'_>) -> bool| {
            let table: Vec<bool> = self.places().map(|(id, place)| keep(id, place)).collect();
            if condition == Condition::RestrictedPlace && table.iter().all(|&keep| keep) {
                return;
            }
            scan.keep(condition, |row| table[usize::from(place[row])]);
        };
        if !filter.providers.is_empty() || !filter.deny_providers.is_empty() {
            pass(Condition::Provider, &|_, place| {
                (filter.providers.is_empty() || within(&filter.providers, place.provider))
                    && !within(&filter.deny_providers, place.provider)
            });
        }
        let region = filter.region.as_deref().map(Glob::new);
        if let Some(region) = &region {
            pass(Condition::Region, &|_, place| region.matches(place.region));
        }
        if !filter.include_restricted && !region.is_some_and(|region| region.is_literal()) {
            pass(Condition::RestrictedPlace, &|id, _| !self.restricted(id));
        }
        if !filter.jurisdictions.is_empty() {
            pass(Condition::Jurisdiction, &|_, place| within(&filter.jurisdictions, place.jurisdiction));
        }
        if !filter.countries.is_empty() {
            pass(Condition::Country, &|_, place| within(&filter.countries, place.country));
        }
        if !filter.certs.is_empty() {
            pass(Condition::Certs, &|id, _| {
                filter.certs.iter().all(|cert| self.certs(id).any(|held| held.eq_ignore_ascii_case(cert)))
            });
        }
    }

    fn by_name(&self, scan: &mut Scan, filter: &Filter, tables: &Tables) {
        let columns = self.columns();
        if let Some(pattern) = &filter.zone {
            let (zones, regional) = self.zones_that_fit(pattern);
            scan.keep(Condition::Zone, |row| match columns.zone[row] {
                0 => regional[usize::from(columns.place[row])],
                zone => zones[zone as usize],
            });
        }
        if let Some(pattern) = &filter.instance_type {
            let glob = Glob::new(pattern);
            let types: Vec<bool> = self.instance_types().iter().map(|name| glob.matches(name)).collect();
            scan.keep(Condition::InstanceType, |row| types[columns.instance_type[row] as usize]);
        }
        if let Some(AcceleratorFilter { name, count }) = &filter.accelerator {
            let wanted = tables.accelerators.resolve(name);
            let fits = tables.accelerators.matcher(name);
            let devices: Vec<bool> = (0..=u16::MAX)
                .take(self.accelerator_count())
                .map(|index| index > 0 && fits(self.accelerator(index)))
                .collect();
            scan.keep(Condition::Accelerator, |row| devices[usize::from(columns.accelerator[row])]);
            // A slice's name alone already says how many chips.
            let one_slice = (wanted.devices > 1).then_some(Amount::exactly(1000));
            if let Some(count) = count.or(one_slice) {
                let milli = count.milli.saturating_mul(u64::from(wanted.devices));
                let count = Amount { milli, ..count };
                let counts = columns.accelerator_count_milli;
                scan.keep(Condition::AcceleratorCount, |row| {
                    let has = u64::from(counts[row]);
                    count.accepts(has) || has > 0 && has.abs_diff(count.milli) <= COUNT_TOLERANCE_MILLI
                });
            }
        }
    }

    /// By zone, whether it fits a pattern; by place, whether what is sold there by region can be had in such a
    /// zone: a zone that others of its offers are in, or any that begins with the region's name.
    fn zones_that_fit(&self, pattern: &str) -> (Vec<bool>, Vec<bool>) {
        let glob = Glob::new(pattern);
        let zones: Vec<bool> =
            self.zones().iter().map(|zone| !zone.is_empty() && glob.matches(zone)).collect();
        let mut regional: Vec<bool> =
            self.places().map(|(_, place)| !glob.is_literal() && glob.matches(place.region)).collect();
        let columns = self.columns();
        for (place, zone) in columns.place.iter().zip(columns.zone) {
            regional[usize::from(*place)] |= zones[*zone as usize];
        }
        (zones, regional)
    }

    fn by_hardware(&self, scan: &mut Scan, filter: &Filter) {
        let columns = self.columns();
        if let Some(cpus) = filter.cpus {
            scan.keep(Condition::Cpus, |row| cpus.accepts(u64::from(columns.vcpus_milli[row])));
        }
        if filter.memory_gib.is_some() || filter.memory_per_cpu_milli.is_some() {
            // Thousandths of a GiB and of a MiB differ by 1024 only: compare in the finer unit.
            let finer = |milli: u64| milli.saturating_mul(1024);
            let wanted = filter.memory_gib.map(|memory| Amount { milli: finer(memory.milli), ..memory });
            let ratio = filter.memory_per_cpu_milli.map(|milli| u128::from(finer(milli)));
            scan.keep(Condition::Memory, |row| {
                let has = u64::from(columns.memory_mib[row]) * 1000;
                let vcpus = u128::from(columns.vcpus_milli[row]);
                let enough = |ratio| has > 0 && vcpus > 0 && u128::from(has) * 1000 >= vcpus * ratio;
                wanted.is_none_or(|wanted| wanted.accepts(has)) && ratio.is_none_or(enough)
            });
        }
        if !filter.include_undersized && !filter.names_a_shape() {
            scan.keep(Condition::UndersizedHost, |row| columns.flags[row] & flags::UNDERSIZED == 0);
        }
        if filter.arch.is_some() || filter.exclude_arch.is_some() {
            let (wanted, refused) =
                (filter.arch.map(|arch| arch as u8), filter.exclude_arch.map(|a| a as u8));
            scan.keep(Condition::Arch, |row| {
                let arch = columns.arch[row];
                wanted.is_none_or(|wanted| arch == wanted) && refused != Some(arch)
            });
        }
        if !filter.tee.is_empty() {
            scan.keep(Condition::Tee, |row| columns.tee[row] & filter.tee.0 != 0);
        }
        if filter.exclude_burstable {
            scan.keep(Condition::Burstable, |row| columns.flags[row] & flags::BURSTABLE == 0);
        }
    }

    fn by_price(&self, scan: &mut Scan, filter: &Filter) {
        if filter.market != Market::Any {
            scan.keep(Condition::Market, |row| self.price_nanos(row, filter.market) != NOT_OFFERED);
        }
        if let Some(most) = filter.max_hourly {
            let most = most.nanos();
            scan.keep(Condition::MaxHourly, |row| self.price_nanos(row, filter.market) <= most);
        }
    }

    /// Price of a row on a market; [`NOT_OFFERED`] when not sold there.
    pub(super) fn price_nanos(&self, row: usize, market: Market) -> i64 {
        let columns = self.columns();
        match market {
            Market::Any => columns.on_demand_nanos[row].min(columns.spot_nanos[row]),
            Market::OnDemand => columns.on_demand_nanos[row],
            Market::Spot => columns.spot_nanos[row],
        }
    }
}

/// Rows that are left.
struct Scan {
    /// `None` as long as no condition has looked at them: all of the catalog.
    ids: Option<Vec<OfferId>>,
    rows: u32,
    removed: Vec<(Condition, u32)>,
}

/// Rows that are looked at before those to keep are put with the others.
const BLOCK: u32 = 1024;

impl Scan {
    /// Whether a row is kept is no branch: which machines have enough of something is as good as random in the order
    /// of a catalog.
    fn keep(&mut self, condition: Condition, keep: impl Fn(usize) -> bool) {
        let (before, left) = match self.ids.take() {
            None => {
                let mut left = Vec::new();
                let mut block = [OfferId(0); BLOCK as usize];
                for first in (0..self.rows).step_by(BLOCK as usize) {
                    let mut kept = 0;
                    for row in first..first.saturating_add(BLOCK).min(self.rows) {
                        block[kept] = OfferId(row);
                        kept += usize::from(keep(row as usize));
                    }
                    left.extend_from_slice(&block[..kept]);
                }
                (self.rows as usize, left)
            }
            Some(mut ids) => {
                let before = ids.len();
                let mut kept = 0;
                for at in 0..before {
                    let id = ids[at];
                    ids[kept] = id;
                    kept += usize::from(keep(id.0 as usize));
                }
                ids.truncate(kept);
                (before, ids)
            }
        };
        self.removed.push((condition, u32_len(before - left.len())));
        self.ids = Some(left);
    }
}

/// A number of rows; a catalog holds at most four million.
fn u32_len(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
