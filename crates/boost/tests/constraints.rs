//! What a user demands of a model's form holds for the model, whatever the rows say.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails, and says where")]

use proptest::prelude::*;
use std::collections::BTreeSet;
use welkin_boost::{Alone, Column, Data, Features, Kind, Model, Params, Training, train};

const ROWS: usize = 300;

fn data(seeds: &[u32]) -> Data {
    let noise = |row: usize, salt: usize| {
        let mixed = (row as u64 * 131 + salt as u64 * 7919 + u64::from(seeds[salt % seeds.len()]))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        ((mixed ^ (mixed >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40) as f32 / (1 << 24) as f32
    };
    let column = |salt| Column::Dense((0..ROWS).map(|row| noise(row, salt)).collect());
    let columns = (0..4).map(|at| (format!("x{at}"), Kind::Number, column(at))).collect();
    // Falls with the first feature where the model must rise.
    let label = |row| {
        (noise(row, 1) * 9.0).sin() - 2.0 * noise(row, 0) + noise(row, 2) * noise(row, 3) + noise(row, 4)
    };
    Data {
        features: Features::new(ROWS, columns).unwrap(),
        labels: (0..ROWS).map(label).collect(),
        ..Data::default()
    }
}

fn model(data: &Data, settings: &[(&str, &str)]) -> Model {
    let mut params = Params::default();
    settings.iter().for_each(|(name, value)| params.set(name, value).unwrap());
    let training = Training {
        params: &params,
        rounds: 8,
        data,
        watched: &[],
        patience: None,
        start: None,
        workers: &Alone,
    };
    train(&training, &mut |_| true).unwrap().model
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn monotone_models_rise_and_fall_as_demanded(seeds in prop::collection::vec(any::<u32>(), 5), lossguide: bool) {
        let data = data(&seeds);
        let policy = if lossguide { "lossguide" } else { "depthwise" };
        let settings = [("monotone_constraints", "{\"x0\": 1, \"x1\": -1}"), ("grow_policy", policy)];
        let model = model(&data, &settings);
        let predict = |row: [f32; 4]| -> f32 { model.trees().map(|(tree, _)| tree.value(&row)).sum() };
        for at in 0..40 {
            let others = [at as f32 / 40.0, (at * 7 % 40) as f32 / 40.0, (at * 3 % 40) as f32 / 40.0];
            let mut before = [f32::NEG_INFINITY, f32::INFINITY];
            for step in 0..=50 {
                let value = step as f32 / 50.0;
                let rising = predict([value, others[0], others[1], others[2]]);
                let falling = predict([others[0], value, others[1], others[2]]);
                prop_assert!(rising >= before[0] - 1e-6 && falling <= before[1] + 1e-6);
                before = [rising, falling];
            }
        }
    }

    #[test]
    fn only_features_of_one_set_meet_in_a_path(seeds in prop::collection::vec(any::<u32>(), 5)) {
        let model = model(&data(&seeds), &[("interaction_constraints", "[[\"x0\", \"x1\"], [\"x1\", \"x2\"]]")]);
        let sets: [BTreeSet<u32>; 3] = [[0, 1].into(), [1, 2].into(), [3].into()];
        for (tree, _) in model.trees() {
            for (mut index, _) in tree.walk() {
                let mut met = BTreeSet::new();
                while let Some(parent) = tree.nodes()[index as usize].parent {
                    met.insert(tree.nodes()[parent as usize].branch.as_ref().unwrap().feature);
                    index = parent;
                }
                prop_assert!(sets.iter().any(|set| met.is_subset(set)), "{:?}", met);
            }
        }
    }
}
