//! The first written form of a plan.

use crate::plan;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use welkin_job::mirror;
use welkin_job::wire::{Mirror, v1 as job};
use welkin_name::{Place, ProviderId};
use welkin_units::{Bytes, Span, Usd};

mirror! {
    pub(crate) struct Plan of plan::Plan {
        schema: u32,
        id: String,
        job: job::Job,
        tasks: Vec<PlannedTask>,
        transfers: Vec<Transfer>,
        objective: job::Objective,
        cost: Usd,
        egress: Usd,
        time: Span,
        gap: Gap,
        catalog: String,
        tariffs: String,
        assumptions: Vec<String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        remarks: Vec<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        month: Option<MonthSoFar>,
    }
}

mirror! {
    struct MonthSoFar of plan::MonthSoFar {
        counted: Counted,
        volumes: BTreeMap<String, Bytes>,
    }
}

mirror! {
    #[serde(rename_all = "snake_case")]
    enum Counted of plan::Counted {
        Since(day: String),
        NoRecords,
        NewMonth,
    }
}

mirror! {
    #[serde(rename_all = "snake_case")]
    enum Gap of plan::Gap {
        Exact,
        AtMost {
            fraction: f64,
        },
    }
}

mirror! {
    struct PlannedTask of plan::PlannedTask {
        task: String,
        choice: Placement,
        alternatives: Vec<Placement>,
        feasible_offers: u32,
    }
}

/// A placement, whose place is three keys of its own.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Placement {
    provider: ProviderId,
    region: String,
    zone: Option<String>,
    node: Node,
    nodes: u32,
    market: job::Market,
    hourly: Usd,
    time: Span,
    cost: Usd,
    plan_cost: Usd,
    plan_time: Span,
    start: Span,
}

impl Mirror for Placement {
    type Of = plan::Placement;

    fn of(domain: &plan::Placement) -> Self {
        let plan::Placement { place, node, nodes, market, hourly, time, cost, plan_cost, plan_time, start } =
            domain;
        let Place { provider, region, zone } = place.clone();
        Self {
            provider,
            region,
            zone,
            node: Mirror::of(node),
            nodes: *nodes,
            market: Mirror::of(market),
            hourly: *hourly,
            time: *time,
            cost: *cost,
            plan_cost: *plan_cost,
            plan_time: *plan_time,
            start: *start,
        }
    }

    fn domain(self) -> plan::Placement {
        plan::Placement {
            place: Place { provider: self.provider, region: self.region, zone: self.zone },
            node: self.node.domain(),
            nodes: self.nodes,
            market: self.market.domain(),
            hourly: self.hourly,
            time: self.time,
            cost: self.cost,
            plan_cost: self.plan_cost,
            plan_time: self.plan_time,
            start: self.start,
        }
    }
}

mirror! {
    struct Node of plan::Node {
        instance_type: String,
        vcpus_milli: u32,
        memory: Bytes,
        accelerator: Option<(String, u32)>,
        tee: Vec<String>,
    }
}

mirror! {
    struct Transfer of plan::Transfer {
        source: TransferSource,
        task: String,
        input: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        delivered_to: Option<String>,
        bytes: Bytes,
        cost: Usd,
        time: Span,
        tariff: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by_region: Option<CostRange>,
    }
}

mirror! {
    struct CostRange of plan::CostRange {
        lowest: Usd,
        highest: Usd,
    }
}

mirror! {
    #[serde(rename_all = "snake_case")]
    enum TransferSource of plan::TransferSource {
        Task {
            task: String,
            output: String,
        },
        Uri(uri: String),
    }
}
