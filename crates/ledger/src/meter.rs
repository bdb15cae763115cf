//! Meter events: what was used, where, in which interval, at which pinned price.

use crate::egress::{MonthToDate, Pricing, month_of, month_start};
use crate::terms::Terms;
use serde::{Deserialize, Serialize};
use std::fmt;
use welkin_name::Name;
use welkin_provider::{Location, Nature, UnixMillis};
use welkin_units::{Bytes, Usd};

/// The longest interval that is divided among its months.
const MOST_MONTHS: i32 = 1200;

/// What is metered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Meter {
    /// Nodes times seconds of a lease.
    #[serde(rename = "vm.seconds")]
    VmSeconds,
    /// Bytes that left a place.
    #[serde(rename = "egress.bytes")]
    EgressBytes,
}

impl Meter {
    /// Its name, as in a provider's usage feed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::VmSeconds => "vm.seconds",
            Self::EgressBytes => "egress.bytes",
        }
    }
}

impl fmt::Display for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Machines used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VmUse {
    /// The provider's name of the machine type.
    pub instance_type: String,
    /// The lease by its name; none in rows of versions that did not write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// Nodes of the gang.
    pub nodes: u32,
    /// When the lease began to cost; anchors [`Terms::minimum`].
    pub since: UnixMillis,
    /// Price of one node per hour, as the plan pinned it.
    pub hourly: Usd,
    /// Rounding of time.
    pub terms: Terms,
}

/// Data moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EgressUse {
    /// Where it went.
    pub to: Location,
    /// How much.
    pub bytes: Bytes,
}

/// Quantity of a meter event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Usage {
    /// Machines.
    Vm(VmUse),
    /// Data that left the event's location.
    Egress(EgressUse),
}

impl Usage {
    /// The meter it counts on.
    #[must_use]
    pub const fn meter(&self) -> Meter {
        match self {
            Self::Vm(_) => Meter::VmSeconds,
            Self::Egress(_) => Meter::EgressBytes,
        }
    }
}

/// One metered interval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeterEvent {
    /// Run it belongs to.
    pub run: String,
    /// Task it belongs to.
    pub task: String,
    /// What was metered: the token of a lease, or the name of a movement of data.
    pub subject: String,
    /// Where it was used; the source of an egress.
    pub place: Location,
    /// What stands behind the place.
    pub nature: Nature,
    /// Start of the interval.
    pub from: UnixMillis,
    /// End of the interval.
    pub to: UnixMillis,
    /// What was used.
    pub usage: Usage,
    /// What it costs, fixed when the event was made.
    pub cost: Usd,
}

impl MeterEvent {
    /// Use of machines from `from` to `to`.
    ///
    /// The cost is the difference of one cumulative function of the time since [`VmUse::since`],
    /// rounded half up to a nano-dollar at each end, so that cutting an interval anywhere changes
    /// nothing. The event that starts with the lease carries the minimum.
    #[must_use]
    pub fn vm(who: Who, from: UnixMillis, to: UnixMillis, used: VmUse) -> Self {
        let until = |moment: UnixMillis| {
            let billed = used.terms.billed(moment.since(used.since));
            used.hourly.times(u64::from(used.nodes)).per_hour_over(billed)
        };
        let cost = until(to) - until(from);
        who.event(from, to, Usage::Vm(used), cost)
    }

    /// A movement of data that ended at `at`, priced on top of what `month` already holds.
    #[must_use]
    pub fn egress(
        who: Who,
        at: UnixMillis,
        moved: EgressUse,
        pricing: &dyn Pricing,
        month: &MonthToDate,
    ) -> Self {
        let on_counter = |counter: &str| month.get(counter, at);
        let cost = pricing.egress(&who.place, &moved.to, &on_counter, moved.bytes);
        who.event(at, at, Usage::Egress(moved), cost)
    }

    /// What it costs in each calendar month (UTC) in which it lies, as [`month_of`] counts them: in proportion to its time
    /// there, and together exactly its cost. One longer than a century counts where it ends.
    #[must_use]
    pub fn by_month(&self) -> Vec<(i32, Usd)> {
        let (first, last) = (month_of(self.from), month_of(self.to));
        if first >= last || last - first > MOST_MONTHS {
            return vec![(last, self.cost)];
        }
        let whole = i128::from(self.to.since(self.from).millis());
        let until = |moment: UnixMillis| {
            let gone = i128::from(moment.since(self.from).millis());
            Usd::checked_from_nanos(i128::from(self.cost.nanos()) * gone / whole).unwrap_or(self.cost)
        };
        let ends = (first + 1..=last).map(month_start).chain([self.to]);
        let mut before = Usd::ZERO;
        let part = |(month, end)| {
            let so_far = until(end);
            (month, so_far - std::mem::replace(&mut before, so_far))
        };
        (first..=last).zip(ends).map(part).collect()
    }

    /// Identity: equal for the same subject, meter and interval, whoever made it and whenever.
    #[must_use]
    pub fn id(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for part in [self.subject.as_bytes(), self.usage.meter().name().as_bytes()] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        hasher.update(&self.from.0.to_le_bytes());
        hasher.update(&self.to.0.to_le_bytes());
        hasher.finalize().to_hex()[..32].to_owned()
    }
}

/// Whom and what an event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// Run.
    pub run: String,
    /// Task.
    pub task: String,
    /// Token of a lease, or name of a movement of data.
    pub subject: String,
    /// Where.
    pub place: Location,
    /// What stands behind it.
    pub nature: Nature,
}

impl Who {
    fn event(self, from: UnixMillis, to: UnixMillis, usage: Usage, cost: Usd) -> MeterEvent {
        let Self { run, task, subject, place, nature } = self;
        MeterEvent { run, task, subject, place, nature, from, to, usage, cost }
    }
}
