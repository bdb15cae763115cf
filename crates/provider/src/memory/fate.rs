//! What will become of a lease, decided the moment it is made.
//!
//! A lease's whole life is a value drawn once; its state at any time is then arithmetic, so nothing
//! has to tick in the background and a look into the past (a stale list) is exact.

use super::nastiness::Nastiness;
use super::rng::Rng;
use crate::lease::Tier;
use welkin_units::Span;

/// The life of a lease, if nobody releases it. Spans count from its acceptance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fate {
    /// When it is ready; `None` = never, while it costs.
    pub ready_after: Option<Span>,
    /// When and how it is lost; `None` = it stays.
    pub loss: Option<Loss>,
}

/// How a lease is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// When.
    pub after: Span,
    /// Whether the provider takes it back rather than a fault.
    pub preempted: bool,
    /// How long before it is announced; zero = not at all.
    pub notice: Span,
    /// The provider's words.
    pub reason: String,
}

impl Fate {
    /// Ready after `boot` and there for ever.
    #[must_use]
    pub const fn good(boot: Span) -> Self {
        Self { ready_after: Some(boot), loss: None }
    }

    /// Pending for ever.
    #[must_use]
    pub const fn never_ready() -> Self {
        Self { ready_after: None, loss: None }
    }

    /// Accepted, pending, then failed `after` acceptance.
    #[must_use]
    pub fn late_failure(after: Span) -> Self {
        let reason = "stock ran out while the machines were being started".to_owned();
        Self { ready_after: None, loss: Some(Loss { after, preempted: false, notice: Span::ZERO, reason }) }
    }

    /// Ready at once, preempted `after` acceptance, announced `notice` before (zero = not at all).
    #[must_use]
    pub fn preempted(after: Span, notice: Span) -> Self {
        let reason = "reclaimed for a customer who pays more".to_owned();
        Self { ready_after: Some(Span::ZERO), loss: Some(Loss { after, preempted: true, notice, reason }) }
    }

    /// Ready at once, crashed `after` acceptance.
    #[must_use]
    pub fn crashed(after: Span) -> Self {
        let reason = "the host under the machine failed".to_owned();
        Self {
            ready_after: Some(Span::ZERO),
            loss: Some(Loss { after, preempted: false, notice: Span::ZERO, reason }),
        }
    }

    /// Draws the fate of lease number `nth`.
    pub(super) fn draw(seed: u64, nth: u64, tier: Tier, nastiness: &Nastiness) -> Self {
        let mut rng = Rng::keyed(seed, "fate", nth);
        let boot = rng.span(nastiness.boot_min, nastiness.boot_max);
        // Every draw is made whatever the others say: turning one knob leaves the rest of a life as it was.
        let late_failure = rng.chance(nastiness.late_failure);
        let failed_after = rng.span(Span::ZERO, boot);
        let never_ready = rng.chance(nastiness.never_ready);
        let preempted = rng.chance(nastiness.preempted) && tier == Tier::Spot;
        let preempted_after = boot + rng.span(Span::ZERO, nastiness.preempted_within);
        let notice = if rng.chance(nastiness.noticed) { nastiness.notice } else { Span::ZERO };
        let crashed = rng.chance(nastiness.crash);
        let crashed_after = boot + rng.span(Span::ZERO, nastiness.crash_within);
        let lives = Self::good(boot);
        if late_failure {
            Self::late_failure(failed_after)
        } else if never_ready {
            Self::never_ready()
        } else if preempted && (!crashed || preempted_after <= crashed_after) {
            Self { ready_after: lives.ready_after, ..Self::preempted(preempted_after, notice) }
        } else if crashed {
            Self { ready_after: lives.ready_after, ..Self::crashed(crashed_after) }
        } else {
            lives
        }
    }
}
