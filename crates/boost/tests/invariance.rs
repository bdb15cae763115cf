//! The promise: rows as a set, and nothing else of how they come, decide of the model.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails, and says where")]

use proptest::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use welkin_boost::{Alone, Column, Data, Features, Format, Kind, Params, Training, Workers, train};

/// So many threads, which take jobs from the last to the first.
struct Backwards(usize);

impl Workers for Backwards {
    fn count(&self) -> usize {
        self.0
    }

    fn run(&self, jobs: usize, job: &(dyn Fn(usize) + Sync)) {
        let left = AtomicUsize::new(jobs);
        let work = || {
            while let Ok(before) =
                left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1))
            {
                job(before - 1);
            }
        };
        std::thread::scope(|scope| (0..self.0).for_each(|_| drop(scope.spawn(work))));
    }
}

/// Rows in the order of `order`, with their ids.
fn rows(order: &[u64], classes: bool) -> Data {
    let noise = |row: u64, salt: u64| {
        let mixed = (row * 7 + salt).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        ((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40) as f32 / (1 << 24) as f32
    };
    let column = |salt: u64| -> Vec<f32> {
        let value =
            |row: &u64| if noise(*row, salt + 50) < 0.1 { f32::NAN } else { noise(*row, salt) * 10.0 - 5.0 };
        order.iter().map(value).collect()
    };
    let category: Vec<f32> = order.iter().map(|row| (noise(*row, 3) * 12.0).floor()).collect();
    let number = |name: &str, values| (name.to_owned(), Kind::Number, Column::Dense(values));
    let columns = vec![
        number("a", column(0)),
        number("b", column(1)),
        ("c".to_owned(), Kind::Category, Column::Dense(category)),
    ];
    let label = |row: &u64| {
        let z = noise(*row, 0) + noise(*row, 1) * noise(*row, 3) + 0.3 * noise(*row, 4);
        if classes { f32::from(u8::from(z > 0.9)) } else { z }
    };
    Data {
        features: Features::new(order.len(), columns).unwrap(),
        labels: order.iter().map(label).collect(),
        weights: order.iter().map(|row| 0.5 + noise(*row, 5)).collect(),
        groups: order.iter().map(|row| row % 37).collect(),
        ids: order.to_vec(),
    }
}

fn model(data: &Data, workers: &dyn Workers, settings: &[(&str, &str)]) -> Vec<u8> {
    let mut params = Params::default();
    settings.iter().for_each(|(name, value)| params.set(name, value).unwrap());
    let watched = [("train", data)];
    let training = Training {
        params: &params,
        rounds: 4,
        data,
        watched: &watched,
        patience: Some(2),
        start: None,
        workers,
    };
    train(&training, &mut |_| true).unwrap().model.write(Format::Json)
}

/// More than what one worker takes at least, so that rows are really shared out.
const ROWS: u64 = 35_000;

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let data = rows(&(0..ROWS).collect::<Vec<_>>(), true);
    let settings = [("objective", "binary:logistic"), ("max_depth", "5")];
    let alone = model(&data, &Alone, &settings);
    for threads in 1..=8 {
        assert!(model(&data, &Backwards(threads), &settings) == alone, "{threads} threads");
    }
}

/// Many features, which workers share, of as many bins as a byte has numbers and of fewer than sixteen.
#[test]
fn any_number_of_threads_gives_the_same_bytes_of_many_features() {
    let noise = |row: usize, salt: usize| ((row * 7919 + salt * 104_729) * 31 % 9973) as f32;
    for (count, bins) in [(128, "256"), (131, "256"), (257, "12")] {
        let column = |salt: usize| {
            let value =
                |row: usize| if (row + salt).is_multiple_of(11) { f32::NAN } else { noise(row, salt) };
            (format!("x{salt}"), Kind::Number, Column::Dense((0..3000).map(value).collect()))
        };
        let mut data = rows(&(0..3000).collect::<Vec<_>>(), true);
        data.features = Features::new(3000, (0..count).map(column).collect()).unwrap();
        let settings = [("objective", "binary:logistic"), ("max_depth", "4"), ("max_bin", bins)];
        let alone = model(&data, &Alone, &settings);
        for threads in [2, 3, 8] {
            assert!(
                model(&data, &Backwards(threads), &settings) == alone,
                "{count} features, {threads} threads"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_order_of_rows_gives_the_same_bytes(
        order in Just((0..3000_u64).collect::<Vec<_>>()).prop_shuffle(),
        threads in 1_usize..5,
        lossguide: bool,
        objective in prop::sample::select(vec![
            "binary:logistic", "binary:hinge", "reg:squarederror", "reg:absoluteerror", "reg:pseudohubererror",
            "count:poisson", "reg:tweedie", "multi:softprob", "survival:cox", "rank:ndcg", "rank:pairwise",
            "reg:quantileerror",
        ]),
        sampled: bool,
        dart: bool,
    ) {
        let share = if sampled { "0.6" } else { "1" };
        let classes = ["binary", "multi", "rank"].iter().any(|kind| objective.starts_with(kind));
        let mut settings = vec![
            ("objective", objective),
            ("grow_policy", if lossguide { "lossguide" } else { "depthwise" }),
            ("max_leaves", "20"),
            ("subsample", share),
            ("colsample_bynode", share),
        ];
        let drops = [("booster", "dart"), ("rate_drop", "0.5"), ("sample_type", "weighted")];
        settings.extend(drops.into_iter().filter(|_| dart));
        settings.extend((objective == "reg:quantileerror").then_some(("quantile_alpha", "[0.2,0.5,0.9]")));
        settings.extend((objective == "multi:softprob").then_some(("num_class", "2")));
        settings.extend((objective == "binary:logistic").then_some(("scale_pos_weight", "3")));
        let sorted = model(&rows(&(0..3000).collect::<Vec<_>>(), classes), &Alone, &settings);
        prop_assert!(model(&rows(&order, classes), &Backwards(threads), &settings) == sorted);
    }
}
