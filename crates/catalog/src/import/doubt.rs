//! Prices that are too far from their peers to be believed.
//!
//! The peers of an offer are the offers of the same machine (type, accelerator, count) in the other
//! regions, one price a region (its cheapest zone's), so that a region with many zones has one vote.
//! With at least [`MIN_PEER_REGIONS`] of them, let *m* be the median:
//!
//! - on demand: refused outside *m* / 4 … 4 *m*. Real regional spread in the five catalogs on hand
//!   is at most 3.0 upwards and 3.7 downwards; the faults found there are at 0.10 (a decimal point)
//!   and from 4.05 (a placeholder of $700) to 259.
//! - spot: refused outside *m* / 8 … 8 *m*, as spot follows local demand: real spread is at most 3.6
//!   upwards and 4.8 downwards.
//!
//! Whatever the peers say: spot above on demand is refused, since nobody buys it (both may be
//! right, but then the offer is simply not worth listing); less than $0.0005 per vCPU-hour on demand
//! or $0.00005 on spot is refused, a quarter and a thirteenth of the cheapest on hand.
//!
//! A refused on-demand price takes the row with it, as its spot price comes from the same place; a
//! refused spot price leaves the row.

use super::header::column;
use super::offers::{Offers, Parsed};
use super::quarantine::{Complaint, Quarantine, Reason};
use welkin_units::Usd;

/// Fewest regions with a price for a median to mean something: with three, one wrong price cannot
/// be the median.
const MIN_PEER_REGIONS: usize = 3;
const ON_DEMAND_SPREAD: i64 = 4;
const SPOT_SPREAD: i64 = 8;
const MIN_ON_DEMAND_PER_VCPU: Usd = Usd::from_nanos(500_000);
const MIN_SPOT_PER_VCPU: Usd = Usd::from_nanos(50_000);

/// Removes what cannot be believed from `offers` and tells why.
pub(super) fn doubt(offers: &mut Offers, quarantine: &mut Quarantine) {
    // In this order already, unless pairs were composed.
    offers
        .rows
        .sort_unstable_by(|one, other| one.key.rank().cmp(&other.key.rank()).then(one.line.cmp(&other.line)));
    let mut rows = std::mem::take(&mut offers.rows);
    let mut scratch = Vec::new();
    for group in rows.chunk_by_mut(|one, other| machine(one) == machine(other)) {
        let on_demand = median(group, |row| row.on_demand, &mut scratch);
        let spot = median(group, |row| row.spot, &mut scratch);
        for row in group {
            if let Some(complaint) = doubt_on_demand(row, on_demand) {
                quarantine.add(named(complaint, row, offers));
                row.on_demand = None;
                row.spot = None;
            } else if let Some(complaint) = doubt_spot(row, spot) {
                let only_spot = row.on_demand.is_none();
                let complaint = named(complaint, row, offers);
                quarantine.add(if only_spot { complaint } else { complaint.value_only() });
                row.spot = None;
            }
        }
    }
    rows.retain(|row| row.on_demand.is_some() || row.spot.is_some());
    offers.rows = rows;
}

fn machine(row: &Parsed) -> (u32, u32, u32) {
    (row.key.instance_type, row.key.device, row.key.count_milli)
}

fn named(complaint: Complaint, row: &Parsed, offers: &Offers) -> Complaint {
    let name = offers.types.text(row.key.instance_type);
    let message = format!("{name} in {}: {}", offers.region(row.key.place), complaint.message);
    Complaint { message, ..complaint }
}

fn doubt_on_demand(row: &Parsed, median: Option<Usd>) -> Option<Complaint> {
    let price = row.on_demand?;
    let why = far(price, median, ON_DEMAND_SPREAD).or_else(|| too_low(row, price, MIN_ON_DEMAND_PER_VCPU))?;
    let text = price.to_string();
    Some(Complaint::row(row.line, Reason::ImplausiblePrice, &text, why).in_column(column::PRICE))
}

fn doubt_spot(row: &Parsed, median: Option<Usd>) -> Option<Complaint> {
    let price = row.spot?;
    let complain = |reason, why: String| {
        Some(Complaint::row(row.line, reason, &price.to_string(), why).in_column(column::SPOT_PRICE))
    };
    if let Some(on_demand) = row.on_demand.filter(|on_demand| price > *on_demand) {
        return complain(Reason::SpotAboveOnDemand, format!("{on_demand} on demand"));
    }
    let why = far(price, median, SPOT_SPREAD).or_else(|| too_low(row, price, MIN_SPOT_PER_VCPU))?;
    complain(Reason::ImplausiblePrice, why)
}

/// Whether `price` is outside `median / spread … median * spread`, in integers.
fn far(price: Usd, median: Option<Usd>, spread: i64) -> Option<String> {
    let median = median?;
    let (price, middle) = (i128::from(price.nanos()), i128::from(median.nanos()));
    let spread = i128::from(spread);
    (price > middle * spread || price * spread < middle)
        .then(|| format!("the median over regions is {median}, believed within a factor of {spread}"))
}

fn too_low(row: &Parsed, price: Usd, least: Usd) -> Option<String> {
    let per_thousand = i128::from(price.nanos()) * 1000;
    (per_thousand < i128::from(least.nanos()) * i128::from(row.vcpus_milli))
        .then(|| format!("under {least} per vCPU and hour"))
}

/// Median over regions (the lower of two middles) of one machine's prices; rows are sorted by place.
fn median(group: &[Parsed], price: impl Fn(&Parsed) -> Option<Usd>, scratch: &mut Vec<Usd>) -> Option<Usd> {
    scratch.clear();
    for region in group.chunk_by(|one, other| one.key.place == other.key.place) {
        scratch.extend(region.iter().filter_map(&price).min());
    }
    if scratch.len() < MIN_PEER_REGIONS {
        return None;
    }
    let middle = (scratch.len() - 1) / 2;
    Some(*scratch.select_nth_unstable(middle).1)
}
