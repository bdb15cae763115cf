//! Machines and plan chosen together: nothing that is left out would be in the front.

use welkin_parallel::{Chosen, Cluster, Model, Offered, choose};

const BLOCKS: &str = include_str!("data/blocks.json");
const MLP: &str = include_str!("data/mlp.json");

/// Machines at prices that go up and down, some of them equal, and some for nothing. Of each four kinds of memory: as much as
/// there is, and what is less than the state, about as much, and more.
fn offers(state_bytes: f64) -> Vec<Offered> {
    let names = ["1xT4", "4xT4", "8xT4", "4xcpu-host", "2xA100", "8xA100", "1xH100", "8xH100", "16xA100@10"];
    let mut state = 7_u64;
    let mut price = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 60) as f64 / 4.0
    };
    (0..12 * names.len())
        .map(|key| {
            let mut cluster = Cluster::parse(names[key % names.len()]).expect("devices that are known");
            // Providers have names of their own for the same machines.
            cluster.name = format!("m{key}");
            let memory =
                [cluster.device.usable_bytes, 0.3 * state_bytes, 1.1 * state_bytes, 2.0 * state_bytes];
            cluster.device.usable_bytes = memory[key / names.len() % 4];
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
        let state = model.inputs.iter().map(|input| model.values[input.value].bytes as f64).sum();
        let all = offers(state);
        let alone: Vec<(f64, f64)> =
            all.iter().flat_map(|offer| front(&choose(&model, vec![offer.clone()]))).collect();
        assert!(
            alone.len() < all.len() && alone.len() > all.len() / 4,
            "{} of {} have room",
            alone.len(),
            all.len()
        );
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
        let small = |chosen: &Chosen| chosen.too_small.iter().map(|small| small.key).collect::<Vec<_>>();
        let each: Vec<usize> =
            all.iter().flat_map(|offer| small(&choose(&model, vec![offer.clone()]))).collect();
        assert!(small(&chosen).iter().all(|key| each.contains(key)), "{:?} {each:?}", small(&chosen));
        assert!(chosen.planned <= all.len() / 2, "machines that were planned are planned again");
    }
}
