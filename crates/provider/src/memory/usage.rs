//! The usage feed: each lease's life cut into minutes, the same cuts at every reading.

use super::record::Record;
use crate::clock::UnixMillis;
use crate::lease::Usage;
use welkin_units::Span;

/// Length of a metered interval; the last one of a lease is shorter.
const INTERVAL: Span = Span::from_secs(60);

/// Intervals of a lease that were complete at `view`.
pub(super) fn intervals(record: &Record, view: UnixMillis) -> Vec<Usage> {
    record.times().into_iter().flat_map(|time| intervals_of(record, time, view)).collect()
}

/// Of one time that the machines were there.
fn intervals_of(record: &Record, time: (UnixMillis, Option<UnixMillis>), view: UnixMillis) -> Vec<Usage> {
    let (mut from, ended) = (time.0, time.1.filter(|at| *at <= view));
    let mut feed = Vec::new();
    loop {
        let whole = from.after(INTERVAL);
        let to = ended.map_or(whole, |ended| whole.min(ended));
        // Without an end the present minute is not whole yet.
        if to > view || to <= from {
            return feed;
        }
        feed.push(Usage {
            lease: record.id.clone(),
            token: record.request.token.clone(),
            meter: "vm.seconds".to_owned(),
            from,
            to,
            // Node-seconds in thousandths are node-milliseconds.
            quantity_milli: to.since(from).millis().saturating_mul(u64::from(record.request.nodes)),
        });
        from = to;
    }
}
