//! How long a task runs on an offer.

use welkin_catalog::Offer;
use welkin_catalog::tables::Tables;
use welkin_job::TimeEstimate;
use welkin_units::Span;

/// What is assumed where the job does not say, as SkyPilot does.
pub(crate) const UNSTATED: Span = Span::from_hours(1);

/// The time on this offer; `None` when the job states times and none is for it.
pub(super) fn estimate(tables: &Tables, time: &TimeEstimate, offer: &Offer<'_>) -> Option<Span> {
    match time {
        TimeEstimate::Unstated => Some(UNSTATED),
        TimeEstimate::Fixed(span) => Some(*span),
        TimeEstimate::PerAccelerator(times) => {
            let has = offer.accelerator?;
            times.iter().find_map(|(wanted, span)| {
                let resolved = tables.accelerators.resolve(&wanted.name);
                let count = u64::from(wanted.count_milli) * u64::from(resolved.devices);
                let same =
                    has.name.eq_ignore_ascii_case(&resolved.name) && u64::from(has.count_milli) == count;
                same.then_some(*span)
            })
        }
        TimeEstimate::Scaled { reference, reference_cpus_milli, exponent } => {
            if offer.vcpus_milli == 0 {
                return None;
            }
            #[expect(clippy::cast_precision_loss, reason = "a ratio of core counts")]
            let ratio = *reference_cpus_milli as f64 / f64::from(offer.vcpus_milli);
            reference.scaled(ratio.powf(*exponent))
        }
    }
}
