//! Expected time on the spot market.
//!
//! Preemptions are taken as a Poisson process of rate λ per hour. Work of length T is done in segments
//! of the checkpoint interval c (the whole of T without checkpoints); a preempted segment starts over
//! after a machine was found again, which takes r. A gang goes on only with all of its machines, so the
//! rate of n nodes is n times that of one. The expected time of one segment is then
//! `(e^{λc} − 1)·(1/λ + r)`, the classic result for restarts (Ross, "Introduction to Probability
//! Models"); the segments add up.

use welkin_job::Policy;
use welkin_units::Span;

/// Preemptions of one machine per hour where the job does not say. Public advisories put most machine types under
/// one interruption in five of a machine's month, GPU types far above; once in twenty hours sits
/// on the cautious side of the GPU traces published with "Can't Be Late" (NSDI 2024).
pub(crate) const DEFAULT_PREEMPTIONS_PER_HOUR: f64 = 0.05;

/// Time to find and boot a machine after a preemption, in hours: three minutes.
const REPLACEMENT_HOURS: f64 = 0.05;

/// The expected time of `work` on so many spot machines that need each other; `None` when it would
/// practically never end.
pub(super) fn expected(work: Span, policy: &Policy, nodes: u32) -> Option<Span> {
    let of_one = policy.preemptions_per_hour.unwrap_or(DEFAULT_PREEMPTIONS_PER_HOUR);
    let rate = of_one * f64::from(nodes);
    if rate <= 0.0 || work == Span::ZERO {
        return Some(work);
    }
    let hours = work.hours();
    let segment =
        policy.checkpoint.filter(|interval| *interval > Span::ZERO).map_or(hours, Span::hours).min(hours);
    let per_segment = (rate * segment).exp_m1() * (1.0 / rate + REPLACEMENT_HOURS);
    let factor = per_segment * (hours / segment) / hours;
    // A hundred times the work is "never" for planning; beyond it the exponential overflows anyway.
    (factor < 100.0).then(|| work.scaled(factor)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(rate: f64, checkpoint: Option<&str>) -> Policy {
        Policy {
            preemptions_per_hour: Some(rate),
            checkpoint: checkpoint.map(|text| text.parse().unwrap()),
            ..Policy::default()
        }
    }

    #[test]
    fn no_preemptions_cost_nothing() {
        let work = Span::from_hours(5);
        assert_eq!(expected(work, &policy(0.0, None), 64), Some(work));
    }

    #[test]
    fn checkpoints_save_time() {
        let work = Span::from_hours(10);
        let without = expected(work, &policy(0.2, None), 1).unwrap();
        let with = expected(work, &policy(0.2, Some("30min")), 1).unwrap();
        assert!(with > work && without > with, "{work} {with} {without}");
        // (e^2 − 1)·(5 + 0.05) h and 20·(e^0.1 − 1)·5.05 h.
        assert!((without.hours() - 32.264).abs() < 0.01, "{}", without.hours());
        assert!((with.hours() - 10.622).abs() < 0.01, "{}", with.hours());
    }

    #[test]
    fn hopeless_work_is_refused() {
        assert_eq!(expected(Span::from_hours(1000), &policy(1.0, None), 1), None);
    }

    #[test]
    fn a_gang_is_lost_when_one_of_its_machines_is() {
        let work = Span::from_hours(10);
        let of_four = expected(work, &policy(0.05, None), 4);
        assert_eq!(of_four, expected(work, &policy(0.2, None), 1));
        assert_eq!(expected(Span::from_hours(100), &policy(0.05, None), 4), None, "hopeless for a gang");
        assert!(expected(Span::from_hours(100), &policy(0.05, None), 1).is_some(), "though not for one");
    }
}
