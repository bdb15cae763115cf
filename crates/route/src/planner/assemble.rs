//! From a solution of the abstract problem to a plan with names, connections and a bill.

use super::connections::connections;
use super::network::{Bought, Network, Node, Price, Way, gbit};
use super::question::PlanError;
use super::route_plan::{Direct, Hop, Path, RoutePlan, Saving, Verdict, Vms};
use crate::agreement::{Charge, Terms};
use crate::solve::Solution;
use std::collections::BTreeMap;
use welkin_units::{BitsPerSecond, Bytes, Span, Usd};

/// The plan of a solution; its verdict is still to be found. A bill that cannot be counted is refused.
pub(super) fn assemble(network: &Network<'_>, solution: &Solution) -> Result<RoutePlan, PlanError> {
    let question = network.question;
    let rate = bits(solution.rate);
    let time = rate.time_for(question.size);
    let flows = flows(network, solution);
    let count = |bought: Bought| {
        let at = network.bought.iter().position(|known| *known == bought);
        at.map_or(0, |at| solution.bought[at])
    };
    let counts = connections(network, &flows, |site| count(Bought::Vms(site)));
    let volumes: Vec<Bytes> =
        flows.iter().map(|(_, flow)| share(question.size, flow / solution.rate)).collect();
    let (prices, egress) = bill(network, &flows, &volumes)?;
    let hops: Vec<Hop> = flows
        .iter()
        .enumerate()
        .map(|(at, (index, flow))| {
            let way = &network.ways[*index];
            Hop {
                from: network.name(way.from),
                to: network.name(way.to),
                medium: way.medium,
                rate: bits(*flow),
                connections: counts[at],
                per_gb: average(Usd::checked_from_nanos(prices[at]).unwrap_or(Usd::MAX), volumes[at]),
                bytes: volumes[at],
                meter: network.meter(way).map(str::to_owned),
                agreement: way.terms.map(|terms| question.terms[terms].id.clone()),
                estimated: way.estimated,
            }
        })
        .collect();
    let mut machines = 0;
    let mut vms = Vec::new();
    for (bought, units) in network.bought.iter().zip(&solution.bought).filter(|(_, units)| **units > 0) {
        let per_hour = match bought {
            Bought::Vms(site) => {
                vms.push(Vms { at: network.name(Node::Site(*site)), count: *units });
                question.wan.gateway(*site).per_hour
            }
            Bought::Capacity(terms) => match question.terms[*terms].charge {
                Charge::Capacity { per_hour, .. } => per_hour,
                Charge::PerGb(_) => Usd::ZERO,
            },
            Bought::Store(_) => Usd::ZERO,
        };
        machines += over(network, per_hour, *units, time)?;
    }
    let amount = |nanos: i128| Usd::checked_from_nanos(nanos).ok_or_else(|| network.out_of_range());
    let (cost, egress, machines) = (amount(egress + machines)?, amount(egress)?, amount(machines)?);
    Ok(RoutePlan {
        from: network.name(network.nodes[0]),
        to: question.to.iter().map(|site| network.name(Node::Site(*site))).collect(),
        bytes: question.size,
        rate,
        time,
        cost,
        egress,
        machines,
        per_gb: average(cost, question.size),
        estimated: hops.iter().any(|hop| hop.estimated),
        paths: paths(network, solution, &flows),
        savings: savings(network, &flows, &volumes, &prices, solution, time)?,
        hops,
        vms,
        direct: direct(network)?,
        verdict: Verdict::Relayed { times_direct: None },
        gap: solution.gap,
    })
}

/// What units of something cost for that time, in nano-dollars.
fn over(network: &Network<'_>, per_hour: Usd, units: u32, time: Span) -> Result<i128, PlanError> {
    let cost = per_hour.checked_per_hour_over(units, time).ok_or_else(|| network.out_of_range())?;
    Ok(i128::from(cost.nanos()))
}

/// The direct path with as many machines at both ends, where there is one destination and a link.
pub(super) fn direct(network: &Network<'_>) -> Result<Option<Direct>, PlanError> {
    let question = network.question;
    let [to] = question.to else { return Ok(None) };
    let Some(rate) = question.wan.direct_rate(question.from, *to) else { return Ok(None) };
    let rate = BitsPerSecond::new(rate.get().saturating_mul(u64::from(question.max_vms)));
    let straight = |way: &&Way| {
        way.from == Node::Site(question.from) && way.to == Node::Site(*to) && way.terms.is_none()
    };
    let Some(way) = network.ways.iter().find(straight) else { return Ok(None) };
    let time = rate.time_for(question.size);
    let mut cost = network.nanos(way, question.size)?;
    for end in [question.from, *to] {
        cost += over(network, question.wan.gateway(end).per_hour, question.max_vms, time)?;
    }
    let cost = Usd::checked_from_nanos(cost).ok_or_else(|| network.out_of_range())?;
    Ok(Some(Direct { rate, time, cost, per_gb: average(cost, question.size) }))
}

/// What each way in use carries, in Gbit/s, in the order in which data reaches them.
fn flows(network: &Network<'_>, solution: &Solution) -> Vec<(usize, f64)> {
    let mut by_way: BTreeMap<usize, f64> = BTreeMap::new();
    for route in &solution.routes {
        for arc in &route.arcs {
            *by_way.entry(*arc).or_default() += route.rate;
        }
    }
    let mut depth = vec![usize::MAX; network.nodes.len()];
    depth[0] = 0;
    for _ in 0..network.nodes.len() {
        for way in by_way.keys() {
            let arc = &network.problem.arcs[*way];
            depth[arc.to] = depth[arc.to].min(depth[arc.from].saturating_add(1));
        }
    }
    let mut flows: Vec<(usize, f64)> = by_way.into_iter().collect();
    let order = |way: usize| {
        let arc = &network.problem.arcs[way];
        (depth[arc.from], network.name(network.nodes[arc.from]), network.name(network.nodes[arc.to]), way)
    };
    flows.sort_by_cached_key(|(way, _)| order(*way));
    flows
}

/// What each way's volume costs when volumes on one meter add up, and the sum, in nano-dollars.
fn bill(
    network: &Network<'_>,
    flows: &[(usize, f64)],
    volumes: &[Bytes],
) -> Result<(Vec<i128>, i128), PlanError> {
    let mut sent = network.question.month_to_date.clone();
    let mut prices = Vec::with_capacity(flows.len());
    for ((index, _), bytes) in flows.iter().zip(volumes) {
        let way = &network.ways[*index];
        // The first on a meter takes the first slice, as the provider's own bill would.
        prices.push(network.nanos_on_top(way, &sent, *bytes)?);
        if let Some(meter) = network.meter(way) {
            let on_meter = sent.entry(meter.to_owned()).or_default();
            let after = on_meter.get().checked_add(bytes.get()).ok_or_else(|| network.out_of_range())?;
            *on_meter = Bytes::new(after);
        }
    }
    let sum = prices.iter().sum();
    Ok((prices, sum))
}

/// Each route's hops in an order in which each follows what feeds it.
fn paths(network: &Network<'_>, solution: &Solution, flows: &[(usize, f64)]) -> Vec<Path> {
    let mut paths: Vec<Path> = solution
        .routes
        .iter()
        .map(|route| {
            let mut reached = vec![0];
            let mut hops = Vec::with_capacity(route.arcs.len());
            let mut at = 0;
            while let Some(node) = reached.get(at).copied() {
                for arc in route.arcs.iter().filter(|arc| network.problem.arcs[**arc].from == node) {
                    reached.push(network.problem.arcs[*arc].to);
                    hops.extend(flows.iter().position(|(way, _)| way == arc));
                }
                at += 1;
            }
            Path { hops, rate: bits(route.rate) }
        })
        .collect();
    paths.sort_by(|a, b| b.rate.cmp(&a.rate).then_with(|| a.hops.cmp(&b.hops)));
    paths
}

/// List prices less what was charged, by agreement. Leased capacity is charged by the hour.
fn savings(
    network: &Network<'_>,
    flows: &[(usize, f64)],
    volumes: &[Bytes],
    prices: &[i128],
    solution: &Solution,
    time: Span,
) -> Result<Vec<Saving>, PlanError> {
    let mut saved: BTreeMap<usize, i128> = BTreeMap::new();
    for (at, (index, _)) in flows.iter().enumerate() {
        let way = &network.ways[*index];
        let (Some(terms), Node::Site(from), Node::Site(to)) = (way.terms, way.from, way.to) else { continue };
        let list = network.question.wan.link(from, to).map_or(Ok(0), |link| {
            let listed = Way { charge: Price::Link(link.price), terms: None, ..*way };
            network.nanos(&listed, volumes[at])
        })?;
        *saved.entry(terms).or_default() += list - prices[at];
    }
    for (bought, units) in network.bought.iter().zip(&solution.bought) {
        if let Bought::Capacity(terms) = bought
            && let Charge::Capacity { per_hour, .. } = network.question.terms[*terms].charge
            && let Some(saved) = saved.get_mut(terms)
        {
            *saved -= over(network, per_hour, *units, time)?;
        }
    }
    let saving = |(terms, saved): (usize, i128)| {
        let Terms { id, version, parties, until, .. } = network.question.terms[terms].clone();
        let saved = Usd::checked_from_nanos(saved).ok_or_else(|| network.out_of_range())?;
        Ok(Saving { agreement: id, version, parties, until, saved })
    };
    saved.into_iter().map(saving).collect()
}

fn average(cost: Usd, bytes: Bytes) -> Usd {
    if bytes == Bytes::ZERO {
        return Usd::ZERO;
    }
    // Of a byte that costs more than nine dollars: more than any amount.
    Usd::from_dollars(cost.dollars() / bytes.gb()).unwrap_or(Usd::MAX)
}

/// Rates are rounded down, so that no plan promises more than it found.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "some thousands of Gbit/s at most"
)]
pub(super) fn bits(rate: f64) -> BitsPerSecond {
    // A thousandth of a bit keeps what is whole but for rounding from losing one.
    BitsPerSecond::new((rate * 1e9 + 1e-3).floor().max(0.0) as u64)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of a volume, to within a millionth of it"
)]
fn share(bytes: Bytes, fraction: f64) -> Bytes {
    Bytes::new((bytes.get() as f64 * fraction.clamp(0.0, 1.0)).round() as u64)
}

/// The rate that direct paths reach, for verdicts.
pub(super) fn direct_gbit(direct: Option<Direct>) -> Option<f64> {
    direct.map(|direct| gbit(direct.rate)).filter(|rate| *rate > 0.0)
}
