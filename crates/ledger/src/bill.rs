//! The bill of a run.

use crate::meter::{MeterEvent, Usage};
use serde::Serialize;
use std::collections::BTreeMap;
use welkin_name::Name;
use welkin_provider::{Location, Nature, UnixMillis};
use welkin_units::{Bytes, Span, Usd};

/// What the plan expected a task to cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Estimate {
    /// The task.
    pub task: String,
    /// Machines and data.
    pub amount: Usd,
}

/// What a run cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bill {
    /// The run.
    pub run: String,
    /// In order of task, then time.
    pub lines: Vec<BillLine>,
    /// Sum of all lines.
    pub metered: Usd,
    /// The part of it that no cloud will ever charge: lines that are not [`Nature::Real`].
    pub notional: Usd,
    /// What the plan expected.
    pub estimated: Usd,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BillLine {
    /// Task.
    pub task: String,
    /// Token of the lease, or name of the movement of data.
    pub subject: String,
    /// Where.
    pub place: Location,
    /// What stands behind it; a line that is not real must say so wherever it is shown.
    pub nature: Nature,
    /// First moment.
    pub from: UnixMillis,
    /// Last moment.
    pub to: UnixMillis,
    /// What was used.
    pub item: Item,
    /// What it costs.
    pub cost: Usd,
}

/// What a line stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// Machines.
    Vm {
        /// Machine type.
        instance_type: String,
        /// The lease by its name, where that is on record.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<Name>,
        /// Nodes.
        nodes: u32,
        /// Price of one node per hour.
        hourly: Usd,
        /// Time of one node.
        time: Span,
    },
    /// Data.
    Egress {
        /// Where it went.
        to: Location,
        /// How much.
        bytes: Bytes,
    },
}

impl Bill {
    /// Adds up the events of `run`: one line a lease and one a movement. Events of other runs and
    /// repeated ids are ignored.
    #[must_use]
    pub fn of<'a>(
        run: &str,
        events: impl IntoIterator<Item = &'a MeterEvent>,
        estimates: &[Estimate],
    ) -> Self {
        let distinct: BTreeMap<String, &MeterEvent> =
            events.into_iter().filter(|event| event.run == run).map(|event| (event.id(), event)).collect();
        let mut lines: BTreeMap<(String, String, &'static str), BillLine> = BTreeMap::new();
        for event in distinct.into_values() {
            let key = (event.task.clone(), event.subject.clone(), event.usage.meter().name());
            lines.entry(key).and_modify(|line| line.extend(event)).or_insert_with(|| BillLine::of(event));
        }
        let mut lines: Vec<BillLine> = lines.into_values().collect();
        lines.sort_by(|a, b| (&a.task, a.from, &a.subject).cmp(&(&b.task, b.from, &b.subject)));
        let metered = lines.iter().map(|line| line.cost).sum();
        let notional = lines.iter().filter(|line| line.nature != Nature::Real).map(|line| line.cost).sum();
        let estimated = estimates.iter().map(|estimate| estimate.amount).sum();
        Self { run: run.to_owned(), lines, metered, notional, estimated }
    }
}

impl BillLine {
    fn of(event: &MeterEvent) -> Self {
        let item = match &event.usage {
            Usage::Vm(used) => Item::Vm {
                instance_type: used.instance_type.clone(),
                name: used.name.clone(),
                nodes: used.nodes,
                hourly: used.hourly,
                time: event.to.since(event.from),
            },
            Usage::Egress(moved) => Item::Egress { to: moved.to.clone(), bytes: moved.bytes },
        };
        Self {
            task: event.task.clone(),
            subject: event.subject.clone(),
            place: event.place.clone(),
            nature: event.nature,
            from: event.from,
            to: event.to,
            item,
            cost: event.cost,
        }
    }

    fn extend(&mut self, event: &MeterEvent) {
        self.from = self.from.min(event.from);
        self.to = self.to.max(event.to);
        self.cost += event.cost;
        match (&mut self.item, &event.usage) {
            (Item::Vm { time, .. }, Usage::Vm(_)) => *time += event.to.since(event.from),
            (Item::Egress { bytes, .. }, Usage::Egress(moved)) => *bytes += moved.bytes,
            // The key holds the meter, so the two are of one kind.
            _ => {}
        }
    }
}
