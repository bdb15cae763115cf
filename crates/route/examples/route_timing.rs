//! CPU time of each plan of a fixture file, as JSON lines: `route_timing GRID_FOLDER FIXTURE_FILE`.
//!
//! For `benches/route.sh`. A round is one call of `plan_route`: building the problem from the graph, the
//! solves, and the plan with its paths, connections and bill. Each plan is made `ROUNDS` times; the median
//! counts.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program for a terminal")]

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use welkin_catalog::tables::Tables;
use welkin_route::{
    Anywhere, Ceiling, Gateways, Objective, Question, SiteId, Tariffs, Wan, plan_route, read_grid_files,
};
use welkin_units::{BitsPerSecond, Bytes, Usd};

const ROUNDS: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, fixtures] = arguments.as_slice() else {
        panic!("usage: route_timing GRID_FOLDER FIXTURE_FILE");
    };
    let names = ["throughput.csv", "egress_price.csv", "rtt_2022.csv"];
    let contents = names.map(|name| std::fs::read(format!("{folder}/{name}")).unwrap());
    let files: Vec<(&str, &[u8])> = names.into_iter().zip(contents.iter().map(Vec::as_slice)).collect();
    let input = read_grid_files(&files).unwrap();
    let (tariffs, gateways) = (Tariffs::builtin(), Gateways::builtin());
    let wan = Wan::measured(&input.grid, &input.prices, &tariffs, &gateways, Tables::embedded());
    let records: Vec<Value> = serde_json::from_slice(&std::fs::read(fixtures).unwrap()).unwrap();
    for record in &records {
        for (name, fixture) in record["plans"].as_object().unwrap() {
            measure(&wan, record, name, fixture);
        }
    }
}

fn measure(wan: &Wan, record: &Value, name: &str, fixture: &Value) {
    let site = |key: &str| -> SiteId { wan.find(&record[key].as_str().unwrap().parse().unwrap()).unwrap() };
    let direct = |key: &str| record[key].as_f64().unwrap();
    let times = name.strip_prefix("maxtput_cost_le_").and_then(|rest| rest.strip_suffix('x'));
    let objective = match (name, times) {
        ("mincost_at_direct", _) => {
            Objective::Cheapest(Some(BitsPerSecond::new((direct("direct_gbps") * 0.999e9) as u64)))
        }
        (_, None) => Objective::Fastest(None),
        (_, Some(times)) => {
            // The fixtures allow a ten-thousandth more than they say.
            let per_gb = times.parse::<f64>().unwrap() * direct("direct_cost_per_gb") * 1.0001;
            Objective::Fastest(Some(Ceiling::PerGb(Usd::from_dollars(per_gb).unwrap())))
        }
    };
    let question = Question {
        wan,
        from: site("src"),
        to: &[site("dst")],
        size: Bytes::from_gb(1000),
        objective,
        max_vms: u32::try_from(record["vm_limit"].as_u64().unwrap()).unwrap(),
        relays: &Anywhere,
        month_to_date: &BTreeMap::new(),
        terms: &[],
        stores: &[],
    };
    let mut millis = Vec::new();
    let mut plan = plan_route(&question).unwrap();
    for _ in 0..ROUNDS {
        let start = cpu_ms();
        plan = plan_route(&question).unwrap();
        millis.push(cpu_ms() - start);
    }
    millis.sort_by(f64::total_cmp);
    let gbit = plan.rate.get() as f64 / 1e9;
    let lexicographic = record["lexicographic"].get(name);
    let cheapest = if name == "mincost_at_direct" { Some(fixture) } else { lexicographic };
    let figure = |of: &Value, key: &str| of[key].as_f64().unwrap();
    println!(
        "{}",
        json!({
            "from": record["src"], "to": record["dst"], "max_vms": record["vm_limit"], "plan": name,
            "cpu_ms": millis[ROUNDS / 2], "gap": plan.gap, "gbit_per_s": gbit,
            "usd_per_gb": plan.per_gb.dollars(),
            "rate_ratio": gbit / figure(fixture, "throughput_gbps"),
            "cost_ratio": cheapest.map(|best| plan.per_gb.dollars() / figure(best, "cost_per_gb")),
        })
    );
}

/// CPU time of this process in milliseconds.
fn cpu_ms() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}
