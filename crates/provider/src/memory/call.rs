//! The way in and out of the cloud: every call passes here, is counted, logged and spoilt.

use super::rng::Rng;
use super::script::{Fault, Op};
use super::shared::Shared;
use crate::clock::UnixMillis;
use crate::error::{ErrorKind, ProviderError};
use welkin_units::Span;

/// One call to the cloud, as its log keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Which call.
    pub op: Op,
    /// Its number among the calls of that kind, from 1.
    pub nth: u64,
    /// What it was about: a token, a lease, a node, a step, a place or an owner.
    pub subject: String,
    /// When it arrived.
    pub at: UnixMillis,
    /// What went wrong with it on purpose.
    pub faults: Vec<Fault>,
    /// Its answer; `None` while there is none, for ever so when the caller was gone before.
    pub answer: Option<Result<(), ErrorKind>>,
}

/// A call that was let in, with the rest of its faults.
#[derive(Debug)]
pub(super) struct Passage {
    index: usize,
    op: Op,
    subject: String,
    slow_after: Span,
    answer_lost: bool,
    /// Take effect this much later.
    pub(super) late: Option<Span>,
    /// Look this far into the past.
    pub(super) stale: Span,
    /// Refuse what would be new for this reason.
    pub(super) shortage: Option<ErrorKind>,
    /// Say the opposite.
    pub(super) lie: bool,
}

/// One second: the window of [`super::Nastiness::calls_per_second`].
const RATE_WINDOW: Span = Span::from_secs(1);

impl Shared {
    /// Lets a call in, or refuses it before it has any effect.
    pub(super) async fn enter(&self, op: Op, subject: String) -> Result<Passage, ProviderError> {
        let (passage, faults) = self.admit(op, subject);
        // As on a network, everybody else gets a turn before the effect, even in a cloud without delays.
        tokio::task::yield_now().await;
        for fault in &faults {
            if let Fault::SlowBefore(span) = fault {
                self.clock.sleep(*span).await;
            }
        }
        match self.refusal(&passage, &faults) {
            Some(error) => {
                self.log_answer(&passage, Err(error.kind));
                Err(error)
            }
            None => Ok(passage),
        }
    }

    /// Lets an answer out, unless it gets lost.
    pub(super) async fn leave<T>(
        &self,
        passage: Passage,
        result: Result<T, ProviderError>,
    ) -> Result<T, ProviderError> {
        self.clock.sleep(passage.slow_after).await;
        let result = if passage.answer_lost || passage.late.is_some() {
            Err(self.error(passage.op, &passage.subject, ErrorKind::Transient, "the connection was closed"))
        } else {
            result
        };
        self.log_answer(&passage, result.as_ref().map(drop).map_err(|error| error.kind));
        result
    }

    /// Counts and logs the call and decides its faults.
    fn admit(&self, op: Op, subject: String) -> (Passage, Vec<Fault>) {
        let at = self.now();
        let mut state = self.state();
        let count = state.counts.entry(op).or_default();
        *count += 1;
        let nth = *count;
        let mut rng = Rng::keyed(self.seed, op.label(), nth);
        let mut faults = self.drawn(op, &mut rng);
        faults.extend(state.script.faults_of(op, nth));
        if let Some(span) = faults.iter().find_map(as_expiry) {
            state.expired_until = state.expired_until.max(at.after(span));
        }
        let mut passage = Passage {
            index: state.calls.len(),
            op,
            subject: subject.clone(),
            slow_after: Span::ZERO,
            answer_lost: faults.contains(&Fault::AnswerLost),
            late: None,
            stale: Span::ZERO,
            shortage: match (
                op,
                rng.chance(self.nastiness.no_capacity),
                rng.chance(self.nastiness.quota_exceeded),
            ) {
                (Op::Acquire, true, _) => Some(ErrorKind::NoCapacity),
                (Op::Acquire, _, true) => Some(ErrorKind::QuotaExceeded),
                _ => None,
            },
            lie: rng.chance(self.nastiness.capacity_lies),
        };
        for fault in &faults {
            match fault {
                Fault::SlowAfter(span) => passage.slow_after += *span,
                Fault::LateEffect(span) => passage.late = Some(*span),
                Fault::Stale(span) => passage.stale += *span,
                _ => {}
            }
        }
        state.calls.push(Call { op, nth, subject, at, faults: faults.clone(), answer: None });
        (passage, faults)
    }

    /// Faults by chance. Every draw is made whatever the others say: one knob turned leaves the
    /// other faults of a seed where they were.
    fn drawn(&self, op: Op, rng: &mut Rng) -> Vec<Fault> {
        let it = &self.nastiness;
        let slow = rng.chance(it.slow);
        let took = rng.span(Span::ZERO, it.slow_max);
        let before = rng.span(Span::ZERO, took);
        let late = rng.chance(it.late_effect) && op == Op::Acquire;
        let late_by = rng.span(Span::ZERO, it.late_effect_max);
        let lag = match op {
            Op::List => rng.span(Span::ZERO, it.list_lag_max),
            Op::Observe => rng.span(Span::ZERO, it.observe_lag_max),
            Op::Usage => it.usage_lag,
            _ => Span::ZERO,
        };
        let expire = rng.chance(it.credentials_expire) && op.is_control_plane();
        [
            (slow, Fault::SlowBefore(before)),
            (slow, Fault::SlowAfter(took.saturating_sub(before))),
            (rng.chance(it.request_lost), Fault::RequestLost),
            (rng.chance(it.answer_lost), Fault::AnswerLost),
            (late, Fault::LateEffect(late_by)),
            (rng.chance(it.rate_limited) && op.is_control_plane(), Fault::RateLimited(it.retry_after)),
            (expire, Fault::CredentialsExpire(it.credentials_outage)),
            (lag > Span::ZERO, Fault::Stale(lag)),
        ]
        .into_iter()
        .filter_map(|(happens, fault)| happens.then_some(fault))
        .collect()
    }

    fn refusal(&self, passage: &Passage, faults: &[Fault]) -> Option<ProviderError> {
        let error = |kind, message: &str| self.error(passage.op, &passage.subject, kind, message);
        if passage.op.is_control_plane() {
            if let Some(pause) = self.over_rate() {
                return Some(ProviderError {
                    retry_after: Some(pause),
                    ..error(ErrorKind::RateLimited, "too many calls in one second")
                });
            }
            if self.now() < self.state().expired_until {
                return Some(error(ErrorKind::Unauthenticated, "the credentials have expired"));
            }
        }
        faults.iter().find_map(|fault| match fault {
            Fault::RequestLost => Some(error(ErrorKind::Transient, "the connection was reset")),
            Fault::Refused(kind) => Some(error(*kind, "refused on purpose")),
            Fault::RateLimited(pause) => Some(ProviderError {
                retry_after: Some(*pause),
                ..error(ErrorKind::RateLimited, "slow down")
            }),
            _ => None,
        })
    }

    /// The pause to keep when this call is one too many in its second.
    fn over_rate(&self) -> Option<Span> {
        let limit = self.nastiness.calls_per_second?;
        let now = self.now();
        let mut state = self.state();
        while state.recent.front().is_some_and(|at| at.after(RATE_WINDOW) <= now) {
            state.recent.pop_front();
        }
        if state.recent.len() < limit as usize {
            state.recent.push_back(now);
            return None;
        }
        Some(state.recent.front().map_or(RATE_WINDOW, |oldest| oldest.after(RATE_WINDOW).since(now)))
    }

    fn log_answer(&self, passage: &Passage, answer: Result<(), ErrorKind>) {
        if let Some(call) = self.state().calls.get_mut(passage.index) {
            call.answer = Some(answer);
        }
    }
}

fn as_expiry(fault: &Fault) -> Option<Span> {
    match fault {
        Fault::CredentialsExpire(span) => Some(*span),
        _ => None,
    }
}
