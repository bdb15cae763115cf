//! From a solution of the abstract problem to a plan with names, connections and a bill.

use super::connections::connections;
use super::network::{Bought, Network, Node, Price, gbit};
use super::route_plan::{Direct, Hop, Path, RoutePlan, Saving, Verdict, Vms};
use crate::agreement::{Charge, Terms};
use crate::solve::Solution;
use std::collections::BTreeMap;
use welkin_units::{BitsPerSecond, Bytes, Span, Usd};

/// The plan of a solution; its verdict is still to be found.
pub(super) fn assemble(network: &Network<'_>, solution: &Solution) -> RoutePlan {
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
    let (prices, egress) = bill(network, &flows, &volumes);
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
                per_gb: average(prices[at], volumes[at]),
                bytes: volumes[at],
                meter: network.meter(way).map(str::to_owned),
                agreement: way.terms.map(|terms| question.terms[terms].id.clone()),
                estimated: way.estimated,
            }
        })
        .collect();
    let mut machines = Usd::ZERO;
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
        machines += per_hour.times(u64::from(*units)).per_hour_over(time);
    }
    let cost = egress + machines;
    RoutePlan {
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
        savings: savings(network, &flows, &volumes, &prices, solution, time),
        hops,
        vms,
        direct: direct(network),
        verdict: Verdict::Relayed { times_direct: None },
        gap: solution.gap,
    }
}

/// The direct path with as many machines at both ends, where there is one destination and a link.
pub(super) fn direct(network: &Network<'_>) -> Option<Direct> {
    let question = network.question;
    let [to] = question.to else { return None };
    let rate = question.wan.direct_rate(question.from, *to)?;
    let rate = BitsPerSecond::new(rate.get().saturating_mul(u64::from(question.max_vms)));
    let way = network.ways.iter().find(|way| {
        way.from == Node::Site(question.from) && way.to == Node::Site(*to) && way.terms.is_none()
    })?;
    let time = rate.time_for(question.size);
    let both = question.wan.gateway(question.from).per_hour + question.wan.gateway(*to).per_hour;
    let machines = both.times(u64::from(question.max_vms)).per_hour_over(time);
    let cost = network.price(way, question.size) + machines;
    Some(Direct { rate, time, cost, per_gb: average(cost, question.size) })
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

/// What each way's volume costs when volumes on one meter add up, and the sum.
fn bill(network: &Network<'_>, flows: &[(usize, f64)], volumes: &[Bytes]) -> (Vec<Usd>, Usd) {
    let mut on_meter: BTreeMap<&str, Bytes> = BTreeMap::new();
    let mut prices = Vec::with_capacity(flows.len());
    for ((index, _), bytes) in flows.iter().zip(volumes) {
        let way = &network.ways[*index];
        // The first on a meter takes the first slice, as the provider's own bill would.
        let before = network.meter(way).and_then(|meter| on_meter.get(meter).copied()).unwrap_or_default();
        prices.push(network.price(way, before + *bytes) - network.price(way, before));
        if let Some(meter) = network.meter(way) {
            *on_meter.entry(meter).or_default() += *bytes;
        }
    }
    let sum = prices.iter().copied().sum();
    (prices, sum)
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
    prices: &[Usd],
    solution: &Solution,
    time: Span,
) -> Vec<Saving> {
    let mut saved: BTreeMap<usize, Usd> = BTreeMap::new();
    for (at, (index, _)) in flows.iter().enumerate() {
        let way = &network.ways[*index];
        let (Some(terms), Node::Site(from), Node::Site(to)) = (way.terms, way.from, way.to) else { continue };
        let list = network.question.wan.link(from, to).map_or(Usd::ZERO, |link| {
            let listed = super::network::Way { charge: Price::Link(link.price), terms: None, ..*way };
            network.price(&listed, volumes[at])
        });
        *saved.entry(terms).or_default() += list - prices[at];
    }
    for (bought, units) in network.bought.iter().zip(&solution.bought) {
        if let Bought::Capacity(terms) = bought
            && let Charge::Capacity { per_hour, .. } = network.question.terms[*terms].charge
            && let Some(saved) = saved.get_mut(terms)
        {
            *saved = *saved - per_hour.times(u64::from(*units)).per_hour_over(time);
        }
    }
    let saving = |(terms, saved): (usize, Usd)| {
        let Terms { id, version, parties, until, .. } = network.question.terms[terms].clone();
        Saving { agreement: id, version, parties, until, saved }
    };
    saved.into_iter().map(saving).collect()
}

fn average(cost: Usd, bytes: Bytes) -> Usd {
    if bytes == Bytes::ZERO {
        return Usd::ZERO;
    }
    Usd::from_dollars(cost.dollars() / bytes.gb()).unwrap_or_default()
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
