//! What was moved this month, as far as the records of runs tell: tiers and free quotas go on from there, in
//! a plan as on the bill.

use crate::app::App;
use crate::engine;
use std::collections::BTreeMap;
use welkin_ledger::month_began;
use welkin_placement::{Counted, MonthSoFar};

/// Which volumes a plan goes on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Those of the month so far.
    SoFar,
    /// None, as at the beginning of a month.
    New,
}

/// The month so far. Records that cannot be read are told of and count as none: a plan can be had without.
pub(super) fn so_far(app: &App, wanted: Wanted) -> MonthSoFar {
    let nothing = |counted| MonthSoFar { counted, volumes: BTreeMap::new() };
    if wanted == Wanted::New {
        return nothing(Counted::NewMonth);
    }
    match recorded(app) {
        Ok(Some(month)) => month,
        Ok(None) => nothing(Counted::NoRecords),
        Err(error) => {
            app.warn(&format!("what was moved this month is not known, and not counted: {error:#}"));
            nothing(Counted::NoRecords)
        }
    }
}

fn recorded(app: &App) -> anyhow::Result<Option<MonthSoFar>> {
    let Some(reader) = engine::reader(&app.settings)? else { return Ok(None) };
    let now = engine::now(&reader);
    let Some(since) = month_began(now) else { return Ok(None) };
    let month = reader.month_to_date(now, &*engine::pricing()).map_err(engine::store_fault)?;
    Ok(Some(MonthSoFar { counted: Counted::Since(since), volumes: month.volumes(now) }))
}
