//! Models trained here are as good as XGBoost's, and where nothing is rounded differently they are the same trees.

use crate::ask::{Oracle, stand_in};
use crate::rows::{self, Label, Rows};
use crate::{params, score, trained};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use welkin_boost::{Alone, Model, Test};

/// What a tree asks, node by node: feature, threshold (both zeros are one), where missing values go.
fn questions(model: &Model) -> Vec<Vec<Option<(u32, u32, bool)>>> {
    let question = |node: &welkin_boost::Node| {
        node.branch.as_ref().map(|branch| match &branch.test {
            Test::Below(threshold) => (branch.feature, (threshold + 0.0).to_bits(), branch.default_left),
            Test::NotIn(_) => panic!("there are no categories"),
        })
    };
    model.trees().map(|(tree, _)| tree.nodes().iter().map(question).collect()).collect()
}

#[test]
fn trees_over_few_values_are_those_of_xgboost() {
    let Some(oracle) = Oracle::find("trees_over_few_values_are_those_of_xgboost") else { return };
    let all = [
        (json!({"objective": "reg:squarederror", "max_depth": 4}), Label::Real),
        (json!({"objective": "binary:logistic", "max_depth": 3, "gamma": 0.5}), Label::Binary),
        (
            json!({"objective": "reg:squarederror", "lambda": 0, "alpha": 3, "min_child_weight": 12}),
            Label::Real,
        ),
        (json!({"objective": "reg:squarederror", "max_delta_step": 0.2}), Label::Real),
        (json!({"grow_policy": "lossguide", "max_leaves": 13, "max_depth": 0}), Label::Real),
        (json!({"grow_policy": "depthwise", "max_leaves": 13}), Label::Real),
        (json!({"monotone_constraints": "(1,0,0,-1)", "max_depth": 3}), Label::Real),
        (json!({"interaction_constraints": "[[0, 1], [2, 3, 4]]", "max_depth": 4}), Label::Real),
        (json!({"objective": "count:poisson", "max_depth": 4}), Label::Count),
        (json!({"objective": "reg:gamma", "max_depth": 4}), Label::Positive),
        (json!({"objective": "survival:cox", "max_depth": 4}), Label::Real),
        (json!({"objective": "reg:tweedie", "max_depth": 4}), Label::Positive),
        (json!({"objective": "reg:pseudohubererror", "max_depth": 4}), Label::Real),
        (json!({"objective": "reg:squaredlogerror", "max_depth": 4}), Label::Positive),
        (json!({"objective": "reg:absoluteerror", "max_depth": 4}), Label::Real),
        (json!({"objective": "reg:quantileerror", "quantile_alpha": 0.3, "max_depth": 4}), Label::Real),
        (
            json!({"objective": "reg:quantileerror", "quantile_alpha": [0.2, 0.5, 0.9], "max_depth": 4}),
            Label::Real,
        ),
        // All trees are dropped in every round, so that nothing is left to chance.
        (json!({"booster": "dart", "rate_drop": 1, "max_depth": 4}), Label::Real),
        (json!({"booster": "dart", "rate_drop": 1, "normalize_type": "forest", "max_depth": 4}), Label::Real),
        (
            json!({"booster": "dart", "rate_drop": 1, "objective": "multi:softprob", "num_class": 4, "max_depth": 3}),
            Label::Class,
        ),
        (json!({"objective": "binary:hinge", "max_depth": 4}), Label::Binary),
        (json!({"objective": "multi:softprob", "num_class": 4, "max_depth": 3}), Label::Class),
        (
            json!({"objective": "multi:softprob", "num_class": 4, "max_depth": 3, "base_score": [0.1, 0.4, 0.2, 0.3]}),
            Label::Class,
        ),
        (json!({"base_score": [0.25], "max_depth": 3}), Label::Real),
        (json!({"max_cat_to_onehot": 100_000, "max_depth": 3}), Label::Real),
    ];
    let request = |(at, (wanted, label)): (usize, &(Value, Label))| {
        let path = oracle.write(&format!("rows{at}.csv"), Rows::coarse(4, 900, 6, *label).csv());
        let saved = oracle.path(&format!("stock{at}.json"));
        json!({"data": path, "label": "y", "params": wanted, "rounds": 3, "save": [saved]})
    };
    oracle.ask_all(&all.iter().enumerate().map(request).collect::<Vec<_>>());
    for (at, (wanted, label)) in all.into_iter().enumerate() {
        let saved = std::fs::read(oracle.path(&format!("stock{at}.json"))).unwrap();
        let stock = Model::read(&saved).unwrap();
        let data = Rows::coarse(4, 900, 6, label).data();
        let own = trained(&params(&wanted), 3, &data, None).model;
        let margins = |model: &Model| model.margins(&data.features, &Alone).unwrap();
        for (ours, theirs) in margins(&own).into_iter().zip(margins(&stock)) {
            assert!((ours - theirs).abs() < 1e-3 * theirs.abs().max(1.0), "{wanted}: {ours} and {theirs}");
        }
        assert_eq!(questions(&own), questions(&stock), "{wanted}");
        for (score, theirs) in own.base_score().iter().zip(stock.base_score()) {
            assert!((score - theirs).abs() < 2e-6, "{wanted}: {score} and {theirs}");
        }
        let leaves = |model: &Model| -> Vec<f32> {
            model.trees().flat_map(|(tree, _)| tree.nodes().iter().map(|node| node.value)).collect()
        };
        for (ours, theirs) in leaves(&own).into_iter().zip(leaves(&stock)) {
            assert!((ours - theirs).abs() < 1e-4 * theirs.abs().max(1.0), "{wanted}: {ours} and {theirs}");
        }
    }
}

/// A metric, and whether more is better.
type Measure = (&'static str, bool);

/// Trains both on the same rows, and compares metrics on others. How much worse ours may be is what the same trainer
/// differs by between seeds.
fn as_good(oracle: &Oracle, wanted: &Value, label: Label, metrics: &[Measure]) {
    const SEEDS: u64 = 4;
    let mut differences = vec![0.0; metrics.len()];
    let mut wanted = wanted.clone();
    wanted["eval_metric"] = metrics.iter().map(|(name, _)| *name).collect();
    for seed in 0..SEEDS {
        let (rows, others) = (Rows::new(10 + seed, 2000, 8, label), Rows::new(50 + seed, 4000, 8, label));
        let (path, valid) = (oracle.write("rows.csv", rows.csv()), oracle.write("others.csv", others.csv()));
        let answer = oracle.ask(&json!({
            "data": path, "valid": valid, "label": "y", "params": wanted, "rounds": 30,
        }));
        let own = trained(&params(&wanted), 30, &rows.data(), Some(&others.data()));
        for ((metric, rises), difference) in metrics.iter().zip(&mut differences) {
            let (ours, theirs) = (score(&own, "valid", metric), answer.score("valid", metric));
            println!("{wanted} {metric}, seed {seed}: {ours} here, {theirs} there");
            *difference += if *rises { theirs - ours } else { ours - theirs } / SEEDS as f64;
        }
    }
    assert!(differences.iter().all(|worse| *worse < 0.004), "{wanted}: worse by {differences:?}");
}

#[test]
fn models_are_as_good_as_those_of_xgboost() {
    let Some(oracle) = Oracle::find("models_are_as_good_as_those_of_xgboost") else { return };
    let logistic = json!({"objective": "binary:logistic", "eta": 0.1});
    as_good(&oracle, &logistic, Label::Binary, &[("auc", true), ("logloss", false)]);
    as_good(&oracle, &json!({"objective": "reg:squarederror", "eta": 0.1}), Label::Real, &[("rmse", false)]);
}

/// Data sets of scikit-learn, what is trained of them, and metrics. How large errors are that have a unit is the last.
fn known() -> [(&'static str, Value, &'static [Measure], f64); 5] {
    let classes = |count: usize| json!({"objective": "multi:softprob", "num_class": count, "eta": 0.1});
    let judged: &[Measure] = &[("mlogloss", false), ("auc", true)];
    let logistic = json!({"objective": "binary:logistic", "eta": 0.1});
    [
        ("breast_cancer", logistic, &[("logloss", false), ("auc", true)], 1.0),
        ("diabetes", json!({"objective": "reg:squarederror", "eta": 0.1}), &[("rmse", false)], 77.0),
        ("digits", classes(10), judged, 1.0),
        ("iris", classes(3), judged, 1.0),
        ("wine", classes(3), judged, 1.0),
    ]
}

#[test]
fn models_of_known_data_are_as_good_as_those_of_xgboost() {
    const SEEDS: usize = 5;
    let test = "models_of_known_data_are_as_good_as_those_of_xgboost";
    let Some(oracle) = Oracle::find(test) else { return };
    let Some(sklearn) = stand_in(test, "sklearn-python", "scikit-learn") else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/xgboost/datasets.py");
    assert!(Command::new(sklearn).arg(script).arg(oracle.path("")).status().unwrap().success());
    let known = known();
    let file =
        |at: usize, part: &str| oracle.path(&format!("{}-{}-{part}.csv", known[at / SEEDS].0, at % SEEDS));
    let wanted = |at: usize| {
        let (_, wanted, metrics, _) = &known[at / SEEDS];
        let mut wanted = wanted.clone();
        wanted["eval_metric"] = metrics.iter().map(|(name, _)| *name).collect();
        wanted
    };
    let request = |at: usize| json!({"data": file(at, "train"), "valid": file(at, "valid"), "label": "y", "params": wanted(at), "rounds": 30});
    let answers = oracle.ask_all(&(0..known.len() * SEEDS).map(request).collect::<Vec<_>>());
    let (mut all, mut most) = (Vec::new(), 0.0_f64);
    for (at, answer) in answers.iter().enumerate() {
        let read = |part: &str| rows::data(&std::fs::read_to_string(file(at, part)).unwrap(), &[]);
        let own = trained(&params(&wanted(at)), 30, &read("train"), Some(&read("valid")));
        let (name, _, metrics, unit) = &known[at / SEEDS];
        for (metric, rises) in *metrics {
            let (ours, theirs) = (score(&own, "valid", metric), answer.score("valid", metric));
            let worse = if *rises { theirs - ours } else { ours - theirs } / unit;
            println!(
                "{name}, seed {}, {metric}: {ours} here, {theirs} there, worse by {worse:.5}",
                at % SEEDS
            );
            // Of the first, features have more values than bins, and trees are others.
            assert!(worse < if at < SEEDS { 0.006 } else { 0.001 }, "{name}, {metric}: worse by {worse}");
            most = most.max(worse);
            all.push(worse);
        }
    }
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    println!("worse by {mean:.6} on average, by {most:.5} at most");
    assert!(mean <= 0.0, "worse by {mean} on average");
}

#[test]
fn metrics_are_those_of_xgboost() {
    let Some(oracle) = Oracle::find("metrics_are_those_of_xgboost") else { return };
    for (wanted, label, metrics) in [
        (
            json!({"objective": "binary:logistic"}),
            Label::Binary,
            vec!["logloss", "error", "error@0.3", "auc", "aucpr", "rmse"],
        ),
        (json!({"objective": "reg:pseudohubererror"}), Label::Real, vec!["rmse", "mae", "mphe"]),
        (json!({"objective": "reg:squaredlogerror"}), Label::Positive, vec!["rmsle", "mape"]),
        (json!({"objective": "count:poisson"}), Label::Count, vec!["poisson-nloglik"]),
        (json!({"objective": "survival:cox"}), Label::Real, vec!["cox-nloglik"]),
        (json!({"objective": "reg:gamma"}), Label::Positive, vec!["gamma-nloglik", "gamma-deviance"]),
        (
            json!({"objective": "reg:tweedie"}),
            Label::Positive,
            vec!["tweedie-nloglik@1.5", "tweedie-nloglik@1.2"],
        ),
        (json!({"objective": "reg:quantileerror", "quantile_alpha": 0.8}), Label::Real, vec!["quantile"]),
        (
            json!({"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.7]}),
            Label::Real,
            vec!["quantile"],
        ),
        (
            json!({"objective": "multi:softmax", "num_class": 4}),
            Label::Class,
            vec!["mlogloss", "merror", "auc", "aucpr"],
        ),
        (json!({"objective": "multi:softprob", "num_class": 4}), Label::Class, vec!["auc", "aucpr"]),
    ] {
        let rows = Rows::coarse(5, 500, 6, label);
        let path = oracle.write("rows.csv", rows.csv());
        let mut wanted = wanted;
        wanted["eval_metric"] = json!(metrics);
        let answer = oracle.ask(&json!({"data": path, "label": "y", "params": wanted, "rounds": 2}));
        let own = trained(&params(&wanted), 2, &rows.data(), None);
        for metric in metrics {
            let (ours, theirs) = (score(&own, "train", metric), answer.score("train", metric));
            assert!((ours - theirs).abs() < 1e-5 * theirs.abs().max(1.0), "{metric}: {ours} and {theirs}");
        }
    }
}
