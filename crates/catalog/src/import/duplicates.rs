//! One row of each key; of two that disagree the dearer stays.

use super::offers::Offers;
use super::quarantine::{Complaint, Quarantine, Reason};

/// Sorts the rows of `offers` by key and line, and keeps one of each key.
pub(super) fn set_aside_duplicates(offers: &mut Offers, quarantine: &mut Quarantine) {
    let mut rows = std::mem::take(&mut offers.rows);
    rows.sort_unstable_by(|one, other| one.key.rank().cmp(&other.key.rank()).then(one.line.cmp(&other.line)));
    let mut kept = 0;
    for next in 1..rows.len() {
        let (one, other) = (rows[kept], rows[next]);
        if one.key != other.key {
            kept += 1;
            rows[kept] = other;
            continue;
        }
        let prices = [(one.on_demand, one.spot), (other.on_demand, other.spot)];
        let reason = if prices[0] == prices[1] { Reason::Duplicate } else { Reason::ConflictingDuplicate };
        let dearer = prices[1] > prices[0];
        let (line, stays) = if dearer { (one.line, other.line) } else { (other.line, one.line) };
        if dearer {
            rows[kept] = other;
        }
        let name = offers.types.text(one.key.instance_type);
        quarantine.add(Complaint::row(line, reason, name, format!("line {stays} is the same offer")));
    }
    rows.truncate(kept + 1);
    offers.rows = rows;
}
