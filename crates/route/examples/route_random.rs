//! CPU time of random plans, as JSON lines: `route_random GRID_FOLDER COUNT [SEED]`.
//!
//! For `benches/route.sh`. One half goes over the measured grid, with its prices; the other over random grids of 3 to
//! 12 places, whose rates lie between a kilobit and 100 Gbit/s and tie more often than not. Ceilings are 1.0 to 2 times
//! the direct path's cost in tenths, for that is where ties are. A plan that does not end would show in the last line.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program for a terminal")]

use rustix::time::{ClockId, clock_gettime};
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use welkin_catalog::tables::Tables;
use welkin_route::{
    Anywhere, Ceiling, Gateways, Objective, PriceGrid, Question, SiteId, Tariffs, Wan, plan_route,
    read_grid_files,
};
use welkin_units::{BitsPerSecond, Bytes, Span};

/// Places of random grids: all of a provider's kind of tariff, on three continents.
const PLACES: [&str; 12] = [
    "aws:us-east-1",
    "aws:eu-west-1",
    "aws:ap-northeast-1",
    "azure:eastus",
    "azure:westeurope",
    "azure:japaneast",
    "gcp:us-central1",
    "gcp:europe-west4",
    "gcp:asia-northeast1",
    "aws:us-west-2",
    "azure:westus2",
    "gcp:us-east4",
];
const RATES: [&str; 8] =
    ["1000", "1000000", "10000000", "500000000", "1000000000", "5000000000", "10000000000", "100000000000"];

/// The generator of Steele, Lea and Flood, "SplitMix" (2014).
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ word >> 31) % most
    }

    fn one_of<T: Copy>(&mut self, things: &[T]) -> T {
        things[self.below(things.len() as u64) as usize]
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (folder, count, seed) = match arguments.as_slice() {
        [folder, count] => (folder, count, "1"),
        [folder, count, seed] => (folder, count, seed.as_str()),
        _ => panic!("usage: route_random GRID_FOLDER COUNT [SEED]"),
    };
    let names = ["throughput.csv", "egress_price.csv", "rtt_2022.csv"];
    let contents = names.map(|name| std::fs::read(format!("{folder}/{name}")).unwrap());
    let files: Vec<(&str, &[u8])> = names.into_iter().zip(contents.iter().map(Vec::as_slice)).collect();
    let measured = wan(&files);
    let first: u64 = seed.parse().unwrap();
    for seed in first..first + count.parse::<u64>().unwrap() {
        let mut random = Random(seed);
        match seed % 2 {
            0 => plan(&measured, &mut random, seed),
            _ => {
                let grid = random_grid(&mut random);
                plan(&wan(&[("random", grid.as_bytes())]), &mut random, seed);
            }
        }
    }
}

fn wan(files: &[(&str, &[u8])]) -> Wan {
    let input = read_grid_files(files).unwrap();
    let prices: &PriceGrid = &input.prices;
    Wan::measured(&input.grid, prices, &Tariffs::builtin(), &Gateways::builtin(), Tables::embedded())
}

/// A grid in which at least the first place reaches the second.
fn random_grid(random: &mut Random) -> String {
    let count = 3 + random.below(10) as usize;
    let mut text = String::from("from,to,bits_per_s\n");
    let dense = 1 + random.below(9);
    for (from, to) in (0..count).flat_map(|from| (0..count).map(move |to| (from, to))) {
        if from != to && ((from, to) == (0, 1) || random.below(10) < dense) {
            let _ = writeln!(text, "{},{},{}", PLACES[from], PLACES[to], random.one_of(&RATES));
        }
    }
    text
}

fn plan(wan: &Wan, random: &mut Random, seed: u64) {
    let joined: Vec<(SiteId, SiteId)> = wan
        .ids()
        .flat_map(|from| wan.ids().map(move |to| (from, to)))
        .filter(|(from, to)| wan.link(*from, *to).is_some())
        .collect();
    let (from, to) = random.one_of(&joined);
    let times = 1.0 + random.below(11) as f64 / 10.0;
    let objective = match random.below(8) {
        0 => Objective::Fastest(None),
        1 => Objective::Cheapest(None),
        2 => Objective::Cheapest(Some(BitsPerSecond::new(1_000_000 << random.below(14)))),
        3 => Objective::By(Span::from_secs(60 << random.below(14))),
        _ => Objective::Fastest(Some(Ceiling::TimesDirect(times))),
    };
    let question = Question {
        wan,
        from,
        to: &[to],
        size: Bytes::from_gb(random.one_of(&[1, 50, 1_000, 5_000, 100_000])),
        objective,
        max_vms: random.one_of(&[1, 1, 2, 4, 8]) as u32,
        relays: &Anywhere,
        month_to_date: &BTreeMap::new(),
        terms: &[],
        stores: &[],
    };
    let start = cpu_ms();
    let planned = plan_route(&question);
    let spent = cpu_ms() - start;
    let (from, to) = (&wan.site(from).name, &wan.site(to).name);
    let gap = planned.as_ref().map_or(0.0, |plan| plan.gap);
    let of_direct =
        planned.as_ref().ok().and_then(|plan| Some(plan.rate.get() as f64 / plan.direct?.rate.get() as f64));
    let refused = planned.err().map(|error| error.to_string());
    println!(
        "{}",
        json!({
            "seed": seed, "from": from.to_string(), "to": to.to_string(), "objective": format!("{objective:?}"),
            "max_vms": question.max_vms, "gb": question.size.gb(), "cpu_ms": spent, "gap": gap, "of_direct": of_direct,
            "refused": refused,
        })
    );
}

/// CPU time of this process in milliseconds.
fn cpu_ms() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}
