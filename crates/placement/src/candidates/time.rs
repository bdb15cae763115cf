//! How long a task runs on an offer.

use welkin_catalog::tables::Tables;
use welkin_catalog::{COUNT_TOLERANCE_MILLI, Offer};
use welkin_job::TimeEstimate;
use welkin_units::Span;

/// What is assumed where the job does not say, as SkyPilot does.
pub(crate) const UNSTATED: Span = Span::from_hours(1);

/// The time as far as it depends on nothing but vCPUs; `None` where it depends on more, or no time can
/// be told.
pub(super) fn by_cpus(time: &TimeEstimate, vcpus_milli: u32) -> Option<Span> {
    match time {
        TimeEstimate::Unstated => Some(UNSTATED),
        TimeEstimate::Fixed(span) => Some(*span),
        TimeEstimate::PerAccelerator(_) => None,
        TimeEstimate::Scaled { .. } if vcpus_milli == 0 => None,
        TimeEstimate::Scaled { reference, reference_cpus_milli, exponent } => {
            #[expect(clippy::cast_precision_loss, reason = "a ratio of core counts")]
            let ratio = *reference_cpus_milli as f64 / f64::from(vcpus_milli);
            reference.scaled(ratio.powf(*exponent))
        }
    }
}

/// The time on this offer; `None` when the job states times and none is for it.
pub(super) fn estimate(tables: &Tables, time: &TimeEstimate, offer: &Offer<'_>) -> Option<Span> {
    let TimeEstimate::PerAccelerator(times) = time else { return by_cpus(time, offer.vcpus_milli) };
    let has = offer.accelerator?;
    times.iter().find_map(|(wanted, span)| {
        let resolved = tables.accelerators.resolve(&wanted.name);
        let count = u64::from(wanted.count_milli) * u64::from(resolved.devices);
        let same = has.name.eq_ignore_ascii_case(&resolved.name)
            && u64::from(has.count_milli).abs_diff(count) <= COUNT_TOLERANCE_MILLI;
        same.then_some(*span)
    })
}
