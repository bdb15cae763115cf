//! What was moved this month, as far as the records of runs tell: tiers and free quotas go on from there, in
//! a plan as on the bill.

use crate::running;
use crate::sky::Sky;
use std::collections::BTreeMap;
use welkin_broker::StoreError;
use welkin_ledger::month_began;
use welkin_placement::{Counted, MonthSoFar};

/// Which volumes a plan goes on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Month {
    /// Those of the month so far.
    SoFar,
    /// None, as at the beginning of a month.
    New,
}

/// The month so far. Records that cannot be read count as none, and why is told: a plan can be had without.
pub(super) fn so_far(sky: &Sky, month: Month) -> (MonthSoFar, Option<StoreError>) {
    let nothing = |counted| MonthSoFar { counted, volumes: BTreeMap::new() };
    if month == Month::New {
        return (nothing(Counted::NewMonth), None);
    }
    match recorded(sky) {
        Ok(Some(month)) => (month, None),
        Ok(None) => (nothing(Counted::NoRecords), None),
        Err(error) => (nothing(Counted::NoRecords), Some(error)),
    }
}

fn recorded(sky: &Sky) -> Result<Option<MonthSoFar>, StoreError> {
    let Some(reader) = sky.reader()? else { return Ok(None) };
    let now = running::now(&reader);
    let Some(since) = month_began(now) else { return Ok(None) };
    let month = reader.month_to_date(now, &*running::pricing())?;
    Ok(Some(MonthSoFar { counted: Counted::Since(since), volumes: month.volumes(now) }))
}
