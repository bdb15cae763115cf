//! Prices that stand for "not known".
//!
//! A list that has no price for an accelerator in some region may write one figure for all its sizes: $700 for
//! a TPU slice of one chip and for one of 256. Next to the median of other regions ([`super::doubt`]) the
//! figure is absurd for small slices and believable for large ones, but no accelerator costs the same
//! whatever its count: in one zone, a price that [`MIN_COUNTS`] different counts of one device share is none.
//!
//! It looks at rows as the list has them, before hosts are added to their prices.

use super::header::column;
use super::offers::{Offers, Parsed};
use super::quarantine::{Complaint, Quarantine, Reason};
use welkin_units::Usd;

/// Different counts of one device at one price that no list has by accident: two may be, where the half of a
/// pair is not sold alone.
const MIN_COUNTS: usize = 3;

/// What rows must share for their prices to be compared.
type Group = (u32, u32, u32, Usd);

/// Removes placeholders from `offers` and tells which they were.
pub(super) fn set_aside_placeholders(offers: &mut Offers, quarantine: &mut Quarantine) {
    let on_demand = found(&offers.rows, |row| row.on_demand);
    let spot = found(&offers.rows, |row| row.spot);
    for index in &on_demand {
        let row = &mut offers.rows[*index];
        quarantine.add(complaint(row, row.on_demand, column::PRICE));
        row.on_demand = None;
        row.spot = None;
    }
    for index in spot {
        let row = &mut offers.rows[index];
        if row.spot.is_some() {
            let complaint = complaint(row, row.spot, column::SPOT_PRICE);
            quarantine.add(if row.on_demand.is_none() { complaint } else { complaint.value_only() });
            row.spot = None;
        }
    }
    offers.rows.retain(|row| row.on_demand.is_some() || row.spot.is_some());
}

/// Row numbers, in order, of those whose price is a placeholder.
fn found(rows: &[Parsed], price: impl Fn(&Parsed) -> Option<Usd>) -> Vec<usize> {
    let with_device = rows.iter().enumerate().filter(|(_, row)| row.key.device > 0);
    let keyed = with_device.filter_map(|(index, row)| {
        let group: Group = (row.key.place, row.key.zone, row.key.device, price(row)?);
        Some((group, row.key.count_milli, index))
    });
    let mut keyed: Vec<(Group, u32, usize)> = keyed.collect();
    keyed.sort_unstable();
    let mut found: Vec<usize> = Vec::new();
    for group in keyed.chunk_by(|one, other| one.0 == other.0) {
        let counts = group.chunk_by(|one, other| one.1 == other.1).count();
        if counts >= MIN_COUNTS {
            found.extend(group.iter().map(|(_, _, index)| *index));
        }
    }
    found.sort_unstable();
    found
}

fn complaint(row: &Parsed, price: Option<Usd>, column: &'static str) -> Complaint {
    let text = price.map_or_else(String::new, |price| price.to_string());
    let message = "the same for every count of this accelerator in this place, so it stands for no price";
    Complaint::row(row.line, Reason::Placeholder, &text, message).in_column(column)
}
