//! Exact faults at exact calls, for tests that walk through every step of a saga.

use super::fate::Fate;
use crate::error::ErrorKind;
use std::collections::BTreeMap;
use std::fmt;
use welkin_units::Span;

/// The calls of the port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Op {
    /// [`crate::Provider::capacity`].
    Capacity,
    /// [`crate::Provider::acquire`].
    Acquire,
    /// [`crate::Provider::observe`].
    Observe,
    /// [`crate::Provider::release`].
    Release,
    /// [`crate::Provider::stop`].
    StopLease,
    /// [`crate::Provider::start`].
    StartLease,
    /// [`crate::Provider::list`].
    List,
    /// [`crate::Provider::node`].
    Node,
    /// [`crate::Provider::store`].
    Store,
    /// [`crate::Provider::usage`].
    Usage,
    /// [`crate::Node::start`].
    Start,
    /// [`crate::Node::events`].
    Events,
    /// [`crate::Node::stop`].
    Stop,
}

impl Op {
    /// Whether the call goes to the cloud's front door (credentials, rate limits) and not to a node.
    #[must_use]
    pub const fn is_control_plane(self) -> bool {
        !matches!(self, Self::Start | Self::Events | Self::Stop)
    }

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Capacity => "capacity",
            Self::Acquire => "acquire",
            Self::Observe => "observe",
            Self::Release => "release",
            Self::StopLease => "stop lease",
            Self::StartLease => "start lease",
            Self::List => "list",
            Self::Node => "node",
            Self::Store => "store",
            Self::Usage => "usage",
            Self::Start => "start",
            Self::Events => "events",
            Self::Stop => "stop",
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

/// What goes wrong with one call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The call takes this long before its effect.
    SlowBefore(Span),
    /// The call takes this long after its effect; a caller who is killed meanwhile never learns of it.
    SlowAfter(Span),
    /// The call never arrives: transient failure without effect.
    RequestLost,
    /// Transient failure after the effect.
    AnswerLost,
    /// Transient failure now, and the effect this much later. Only an acquire can be that late; any
    /// other call takes effect at once.
    LateEffect(Span),
    /// Refused with this meaning, without effect.
    Refused(ErrorKind),
    /// Refused as one call too many, with this pause to keep.
    RateLimited(Span),
    /// The credentials are expired from this call on, for this long.
    CredentialsExpire(Span),
    /// A list, observation or usage feed from this long ago.
    Stale(Span),
}

/// A plan of faults by call number and of fates by lease number, both counted from 1.
#[derive(Debug, Clone, Default)]
pub struct Script {
    faults: BTreeMap<(Op, u64), Vec<Fault>>,
    fates: BTreeMap<u64, Fate>,
}

impl Script {
    /// An empty script.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The `nth` call of `op` suffers `fault`; several faults of one call add up.
    #[must_use]
    pub fn fault(mut self, op: Op, nth: u64, fault: Fault) -> Self {
        self.add(op, nth, fault);
        self
    }

    /// The `nth` lease that is made has this fate instead of a drawn one.
    #[must_use]
    pub fn fate(mut self, nth: u64, fate: Fate) -> Self {
        self.fates.insert(nth, fate);
        self
    }

    pub(super) fn add(&mut self, op: Op, nth: u64, fault: Fault) {
        self.faults.entry((op, nth)).or_default().push(fault);
    }

    pub(super) fn faults_of(&self, op: Op, nth: u64) -> Vec<Fault> {
        self.faults.get(&(op, nth)).cloned().unwrap_or_default()
    }

    pub(super) fn fate_of(&self, nth: u64) -> Option<Fate> {
        self.fates.get(&nth).cloned()
    }
}
