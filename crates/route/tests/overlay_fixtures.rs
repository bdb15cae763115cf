//! Our plans against those of an independent MILP solver, on the grid of 2022.
//!
//! The data lies outside the repository; without it the tests say so and pass.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on fails and says where; one that cannot start says why"
)]

use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use welkin_catalog::tables::Tables;
use welkin_route::{
    Anywhere, Ceiling, Gateways, Objective, Question, RoutePlan, SiteId, Tariffs, Verdict, Wan, plan_route,
    read_grid_files,
};
use welkin_units::{BitsPerSecond, Bytes, Usd};

/// What the fixtures may be missed by.
const TOLERANCE: f64 = 1e-3;
/// Volume of the plans: cost is flat in volume on this grid, so any would do.
const SIZE: Bytes = Bytes::from_gb(1000);

#[derive(Debug, Deserialize)]
struct Record {
    src: String,
    dst: String,
    vm_limit: u32,
    direct_gbps: f64,
    direct_cost_per_gb: f64,
    plans: BTreeMap<String, Fixture>,
    #[serde(default)]
    lexicographic: BTreeMap<String, Fixture>,
}

#[derive(Debug, Deserialize)]
struct Fixture {
    throughput_gbps: f64,
    cost_per_gb: f64,
}

fn shared(test: &str, file: &str) -> Option<PathBuf> {
    // Beside the repository, or beside a folder that holds several checkouts of it.
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().skip(3);
    let found = above.map(|folder| folder.join("shared").join(file)).find(|path| path.exists());
    if found.is_none() {
        println!("skipped: {test}: ../shared/{file} is absent");
    }
    found
}

fn measured(test: &str) -> Option<(Wan, Vec<Record>)> {
    let folder = shared(test, "data/wan")?;
    let fixtures = shared(test, "fixtures/route/overlay_plans.json")?;
    let names = ["throughput.csv", "egress_price.csv", "rtt_2022.csv"];
    let contents = names.map(|name| std::fs::read(folder.join(name)).unwrap());
    let files: Vec<(&str, &[u8])> = names.into_iter().zip(contents.iter().map(Vec::as_slice)).collect();
    let input = read_grid_files(&files).unwrap();
    assert!(input.quarantined.is_empty(), "{:?}", input.quarantined);
    let wan = Wan::measured(
        &input.grid,
        &input.prices,
        &Tariffs::builtin(),
        &Gateways::builtin(),
        Tables::embedded(),
    );
    Some((wan, serde_json::from_slice(&std::fs::read(fixtures).unwrap()).unwrap()))
}

fn site(wan: &Wan, name: &str) -> SiteId {
    wan.find(&name.parse().unwrap()).unwrap()
}

fn gbit(rate: BitsPerSecond) -> f64 {
    rate.get() as f64 / 1e9
}

/// Holds a plan against the model, from nothing but the graph and the plan's own figures.
fn assert_feasible(wan: &Wan, plan: &RoutePlan, max_vms: u32) {
    let rate = gbit(plan.rate);
    // Rates are whole bits, each rounded down.
    let slack = 1e-6 * rate + 1e-7;
    let mut balance: BTreeMap<&str, f64> = BTreeMap::new();
    let mut load: BTreeMap<&str, [f64; 4]> = BTreeMap::new();
    let mut egress = 0.0;
    for hop in &plan.hops {
        let (flow, from, to) = (gbit(hop.rate), site(wan, &hop.from), site(wan, &hop.to));
        let link = wan.link(from, to).unwrap();
        *balance.entry(&hop.from).or_default() -= flow;
        *balance.entry(&hop.to).or_default() += flow;
        let [out, pool_out, ..] = load.entry(&hop.from).or_default();
        *out += flow;
        *pool_out += flow / gbit(link.rate);
        let [.., into, pool_in] = load.entry(&hop.to).or_default();
        *into += flow;
        *pool_in += flow / gbit(link.rate);
        egress += wan.price(link.price, Bytes::ZERO, SIZE).dollars() / SIZE.gb() * flow / rate;
        assert!(hop.connections > 0 && f64::from(hop.connections) <= 64.0 * f64::from(max_vms) + 1e-9);
    }
    let bought: BTreeMap<&str, u32> = plan.vms.iter().map(|vms| (vms.at.as_str(), vms.count)).collect();
    let mut machines = 0.0;
    for (place, [out, pool_out, into, pool_in]) in load {
        let count = bought.get(place).copied().unwrap_or(0);
        assert!(count <= max_vms, "{place} has {count} machines");
        let gateway = wan.gateway(site(wan, place));
        let units = f64::from(count);
        assert!(out <= gbit(gateway.egress) * units + slack, "{place} sends {out} on {count}");
        assert!(into <= gbit(gateway.ingress) * units + slack, "{place} takes {into} on {count}");
        assert!(
            pool_out <= units + 1e-6 && pool_in <= units + 1e-6,
            "{place}: {pool_out} {pool_in} of {units}"
        );
        let expected = match place {
            place if place == plan.from => -rate,
            place if plan.to[0] == place => rate,
            _ => 0.0,
        };
        assert!((balance[place] - expected).abs() <= slack, "{place}: {} for {expected}", balance[place]);
    }
    for (place, count) in bought {
        machines += wan.gateway(site(wan, place)).per_hour.dollars() / 3600.0 * f64::from(count);
    }
    let per_gb = egress + machines * 8.0 / rate;
    assert!((per_gb / plan.per_gb.dollars() - 1.0).abs() < 1e-5, "{per_gb} for {}", plan.per_gb);
    let through: f64 = plan.paths.iter().map(|path| gbit(path.rate)).sum();
    assert!((through - rate).abs() <= slack, "paths carry {through} of {rate}");
}

/// The objective that a fixture's name stands for. The fixtures allow a ten-thousandth more than they say.
fn objective(name: &str, record: &Record) -> Objective {
    if name == "mincost_at_direct" {
        let rate = BitsPerSecond::new((record.direct_gbps * 0.999 * 1e9) as u64);
        return Objective::Cheapest(Some(rate));
    }
    let times = name.strip_prefix("maxtput_cost_le_").and_then(|rest| rest.strip_suffix('x'));
    Objective::Fastest(times.map(|times| {
        let per_gb = times.parse::<f64>().unwrap() * record.direct_cost_per_gb * 1.0001;
        Ceiling::PerGb(Usd::from_dollars(per_gb).unwrap())
    }))
}

#[test]
fn every_plan_is_as_good() {
    let Some((wan, records)) = measured("every_plan_is_as_good") else { return };
    assert_eq!(records.len(), 16);
    let mut compared = 0;
    let mut misses = Vec::new();
    for record in &records {
        for (name, fixture) in &record.plans {
            let question = Question {
                wan: &wan,
                from: site(&wan, &record.src),
                to: &[site(&wan, &record.dst)],
                size: SIZE,
                objective: objective(name, record),
                max_vms: record.vm_limit,
                relays: &Anywhere,
                month_to_date: &BTreeMap::new(),
                terms: &[],
                stores: &[],
            };
            let plan = plan_route(&question).unwrap();
            assert_feasible(&wan, &plan, record.vm_limit);
            let (rate, cost) = (gbit(plan.rate), plan.per_gb.dollars());
            let what = format!("{} to {} x{} {name}", record.src, record.dst, record.vm_limit);
            if rate < fixture.throughput_gbps * (1.0 - TOLERANCE) {
                misses.push(format!("{what}: {rate} Gbit/s, fixture {}", fixture.throughput_gbps));
            }
            let cheapest =
                if name == "mincost_at_direct" { Some(fixture) } else { record.lexicographic.get(name) };
            if let Some(best) = cheapest.filter(|best| cost > best.cost_per_gb * (1.0 + TOLERANCE)) {
                misses.push(format!("{what}: {cost} USD/GB, fixture {}", best.cost_per_gb));
            }
            assert!(plan.gap <= 1e-4, "{what}: gap {}", plan.gap);
            compared += 1;
        }
    }
    assert_eq!(compared, 112);
    assert!(misses.is_empty(), "{} misses:\n{}", misses.len(), misses.join("\n"));
}

#[test]
fn the_papers_first_figure() {
    let Some((wan, _)) = measured("the_papers_first_figure") else { return };
    let question = Question {
        wan: &wan,
        from: site(&wan, "azure:canadacentral"),
        to: &[site(&wan, "gcp:asia-northeast1")],
        size: SIZE,
        objective: Objective::Fastest(Some(Ceiling::TimesDirect(1.2))),
        max_vms: 1,
        relays: &Anywhere,
        month_to_date: &BTreeMap::new(),
        terms: &[],
        stores: &[],
    };
    let plan = plan_route(&question).unwrap();
    let Verdict::Relayed { times_direct: Some(times) } = plan.verdict else { panic!("{:?}", plan.verdict) };
    assert!((1.78..1.80).contains(&times), "{times}");
    assert!(plan.hops.iter().any(|hop| hop.to == "azure:westus2"));
    assert_eq!(plan_route(&question).unwrap(), plan);
}
