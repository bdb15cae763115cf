//! How badly a cloud behaves: the knobs of the seeded faults.

use welkin_units::Span;

/// Probabilities and bounds of everything that may go wrong. [`Nastiness::none`] is a cloud that
/// keeps every promise at once; [`Nastiness::mean`] breaks all of them often.
///
/// Probabilities run from 0 (never) to 1 (always); every one but the fates of leases is drawn anew
/// for each call, so that a caller who retries gets through in the end.
#[derive(Debug, Clone, PartialEq)]
pub struct Nastiness {
    /// Shortest time from acceptance to ready.
    pub boot_min: Span,
    /// Longest time from acceptance to ready.
    pub boot_max: Span,

    /// A call takes up to `slow_max`, part of it before and part after its effect.
    pub slow: f64,
    /// Bound of a slow call.
    pub slow_max: Span,
    /// The call never arrives: transient failure, no effect.
    pub request_lost: f64,
    /// The call takes effect and its answer is lost: transient failure.
    pub answer_lost: f64,
    /// An acquire is answered with a transient failure and takes effect up to `late_effect_max` later.
    pub late_effect: f64,
    /// Bound of a late effect.
    pub late_effect_max: Span,
    /// The call is refused as one too many, with a pause to keep.
    pub rate_limited: f64,
    /// The pause asked for by a refusal for too many calls.
    pub retry_after: Span,
    /// Calls of the control plane allowed in any one second; none = no limit.
    pub calls_per_second: Option<u32>,
    /// The credentials expire at this call, for `credentials_outage`.
    pub credentials_expire: f64,
    /// How long expired credentials stay expired.
    pub credentials_outage: Span,

    /// An acquire finds no capacity.
    pub no_capacity: f64,
    /// An acquire is over quota, whatever the capacity answer said before.
    pub quota_exceeded: f64,
    /// A capacity answer says the opposite of what is known.
    pub capacity_lies: f64,

    /// A list shows the world as it was up to this long ago.
    pub list_lag_max: Span,
    /// An observation shows a lease as it was up to this long ago, never from before it was made.
    pub observe_lag_max: Span,
    /// The usage feed ends this long ago.
    pub usage_lag: Span,

    /// An accepted lease fails while it boots.
    pub late_failure: f64,
    /// An accepted lease stays pending, and costs, for ever.
    pub never_ready: f64,
    /// A lease crashes within `crash_within` after it was ready.
    pub crash: f64,
    /// Bound of the time to a crash.
    pub crash_within: Span,
    /// A spot lease is preempted within `preempted_within` after it was ready.
    pub preempted: f64,
    /// Bound of the time to a preemption.
    pub preempted_within: Span,
    /// A preemption is announced `notice` before.
    pub noticed: f64,
    /// Length of a preemption notice.
    pub notice: Span,

    /// The clocks of nodes are off by up to this much, either way.
    pub clock_skew_max: Span,
    /// Each call of a node to an object store takes this long, so that fetching and publishing can
    /// be cut short by the end of the lease.
    pub store_latency: Span,
}

impl Nastiness {
    /// A cloud that does what it says, at once: boots in no time, no faults.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            boot_min: Span::ZERO,
            boot_max: Span::ZERO,
            slow: 0.0,
            slow_max: Span::ZERO,
            request_lost: 0.0,
            answer_lost: 0.0,
            late_effect: 0.0,
            late_effect_max: Span::ZERO,
            rate_limited: 0.0,
            retry_after: Span::from_secs(2),
            calls_per_second: None,
            credentials_expire: 0.0,
            credentials_outage: Span::ZERO,
            no_capacity: 0.0,
            quota_exceeded: 0.0,
            capacity_lies: 0.0,
            list_lag_max: Span::ZERO,
            observe_lag_max: Span::ZERO,
            usage_lag: Span::ZERO,
            late_failure: 0.0,
            never_ready: 0.0,
            crash: 0.0,
            crash_within: Span::ZERO,
            preempted: 0.0,
            preempted_within: Span::ZERO,
            noticed: 0.0,
            notice: Span::ZERO,
            clock_skew_max: Span::ZERO,
            store_latency: Span::ZERO,
        }
    }

    /// Calls fail in every way, but what was accepted becomes ready and stays: for tests of retries
    /// alone.
    #[must_use]
    pub const fn flaky() -> Self {
        Self {
            boot_min: Span::from_secs(2),
            boot_max: Span::from_secs(90),
            slow: 0.3,
            slow_max: Span::from_secs(20),
            request_lost: 0.1,
            answer_lost: 0.1,
            late_effect: 0.05,
            late_effect_max: Span::from_secs(60),
            rate_limited: 0.1,
            calls_per_second: Some(20),
            credentials_expire: 0.01,
            credentials_outage: Span::from_secs(20),
            no_capacity: 0.1,
            quota_exceeded: 0.1,
            capacity_lies: 0.5,
            list_lag_max: Span::from_secs(15),
            observe_lag_max: Span::from_secs(5),
            usage_lag: Span::from_secs(300),
            clock_skew_max: Span::from_secs(3),
            store_latency: Span::from_millis(50),
            ..Self::none()
        }
    }

    /// Everything of [`Nastiness::flaky`], and leases fail late, never boot, crash and are preempted.
    #[must_use]
    pub const fn mean() -> Self {
        Self {
            late_failure: 0.15,
            never_ready: 0.05,
            crash: 0.1,
            crash_within: Span::from_hours(1),
            preempted: 0.5,
            preempted_within: Span::from_hours(1),
            noticed: 0.5,
            notice: Span::from_secs(120),
            ..Self::flaky()
        }
    }
}

impl Default for Nastiness {
    fn default() -> Self {
        Self::none()
    }
}
