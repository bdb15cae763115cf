//! Machines and plan chosen together: nothing that is left out would be in the front.

use welkin_parallel::{Chosen, Cluster, Model, Offered, choose};

const BLOCKS: &str = include_str!("data/blocks.json");
const MLP: &str = include_str!("data/mlp.json");

/// Machines at prices that go up and down, some of them equal, and some for nothing.
fn offers() -> Vec<Offered> {
    let names = ["1xT4", "4xT4", "8xT4", "4xcpu-host", "2xA100", "8xA100", "1xH100", "8xH100", "16xA100@10"];
    let mut state = 7_u64;
    let mut price = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 60) as f64 / 4.0
    };
    (0..4 * names.len())
        .map(|key| {
            let mut cluster = Cluster::parse(names[key % names.len()]).unwrap();
            // Providers have names of their own for the same machines.
            cluster.name = format!("m{key}");
            Offered { key, usd_hour: price() * cluster.devices() as f64, cluster }
        })
        .collect()
}

fn front(chosen: &Chosen) -> Vec<(f64, f64)> {
    chosen.front.iter().map(|choice| (choice.usd_step, choice.step_s)).collect()
}

#[test]
fn the_front_is_that_of_planning_every_offer_by_itself() {
    for text in [BLOCKS, MLP] {
        let model = Model::read(text.as_bytes()).unwrap();
        let all = offers();
        let alone: Vec<(f64, f64)> =
            all.iter().flat_map(|offer| front(&choose(&model, vec![offer.clone()]))).collect();
        assert_eq!(alone.len(), all.len(), "all of them have room");
        let beaten = |one: &(f64, f64)| {
            alone
                .iter()
                .any(|other| other.0 <= one.0 && other.1 <= one.1 && (other.0 < one.0 || other.1 < one.1))
        };
        let mut wanted: Vec<(f64, f64)> = alone.iter().filter(|one| !beaten(one)).copied().collect();
        wanted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        wanted.dedup();
        let chosen = choose(&model, all.clone());
        assert_eq!(front(&chosen), wanted);
        assert!(wanted.len() > 2, "{wanted:?}");
        assert_eq!(chosen.planned + chosen.pruned, all.len());
        assert!(chosen.planned <= all.len() / 2, "machines that were planned are planned again");
    }
}
