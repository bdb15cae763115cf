//! Ranking: as good as XGBoost, by its own measure.

use crate::ask::Oracle;
use crate::{params, score, trained};
use serde_json::{Value, json};
use welkin_boost::{CsvOptions, Data, Format, read_csv};

/// Numbers that look random, from a seed.
struct Dice(u64);

impl Dice {
    /// From 0 to 1.
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f64 / f64::from(1 << 24)
    }

    /// About normal.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

/// Queries with documents of six features, some of which tell how good they are, for this query more or less than for others.
fn table(seed: u64, queries: usize) -> String {
    let mut dice = Dice(seed);
    let mut text = "qid,a,b,c,d,e,f,y\n".to_owned();
    for query in 0..queries {
        let lies = dice.normal();
        for _ in 0..(5.0 + dice.unit() * 30.0) as usize {
            let x: Vec<f64> = (0..6).map(|_| dice.normal()).collect();
            let good = x[0] + x[1] * x[2] * 0.7 + f64::from(u8::from(x[3] > 0.5)) + dice.normal() * 0.7 - 1.2;
            let cells: Vec<String> = x.iter().map(|x| format!("{:.4}", x + lies * 0.2)).collect();
            text += &format!("{query},{},{}\n", cells.join(","), good.round().clamp(0.0, 4.0));
        }
    }
    text
}

fn rows(text: &str) -> Data {
    let named = |name: &str| Some(name.to_owned());
    let options = CsvOptions { label: named("y"), group: named("qid"), ..CsvOptions::default() };
    read_csv(text.as_bytes(), &options).unwrap()
}

fn wanted(objective: &str) -> Value {
    json!({"objective": objective, "eta": 0.2, "max_depth": 4, "eval_metric": ["ndcg", "ndcg@5"]})
}

#[test]
fn rankings_are_as_good_as_those_of_xgboost() {
    let Some(oracle) = Oracle::find("rankings_are_as_good_as_those_of_xgboost") else { return };
    const SEEDS: u64 = 3;
    for objective in ["rank:ndcg", "rank:pairwise"] {
        let mut worse = [0.0; 2];
        for seed in 1..=SEEDS {
            let (text, others) = (table(seed, 150), table(seed + 100, 300));
            let request = json!({
                "data": oracle.write("rows.csv", &text), "valid": oracle.write("others.csv", &others),
                "label": "y", "group": "qid", "params": wanted(objective), "rounds": 30,
            });
            let answer = oracle.ask(&request);
            let own = trained(&params(&wanted(objective)), 30, &rows(&text), Some(&rows(&others)));
            for (metric, worse) in ["ndcg", "ndcg@5"].iter().zip(&mut worse) {
                let (ours, theirs) = (score(&own, "valid", metric), answer.score("valid", metric));
                println!("{objective} {metric}, seed {seed}: {ours} here, {theirs} there");
                *worse += (theirs - ours) / SEEDS as f64;
            }
        }
        assert!(worse.iter().all(|worse| *worse < 0.004), "{objective}: worse by {worse:?}");
    }
}

#[test]
fn xgboost_predicts_with_rankings_and_measures_them_alike() {
    let Some(oracle) = Oracle::find("xgboost_predicts_with_rankings_and_measures_them_alike") else { return };
    let text = table(7, 60);
    let data = rows(&text);
    for objective in ["rank:ndcg", "rank:pairwise"] {
        // Deep trees, so that hardly two rows have the same prediction.
        let mut wanted = wanted(objective);
        (wanted["max_depth"], wanted["min_child_weight"]) = (12.into(), 0.into());
        wanted["eval_metric"] = "ndcg@32".into();
        let own = trained(&params(&wanted), 20, &data, None);
        let path = oracle.write("own.json", own.model.write(Format::Json));
        let rows = oracle.write("rows.csv", &text);
        let answer = oracle.ask(&json!({"data": rows, "label": "y", "group": "qid", "load": path}));
        let ours = own.model.predict(&data.features, &welkin_boost::Alone).unwrap();
        assert_eq!(ours, answer.numbers("predictions"), "{objective}");
        let (ours, theirs) = (score(&own, "train", "ndcg@32"), answer.evaluated());
        assert!((ours - theirs).abs() < 1e-3, "{objective}: {ours} and {theirs}");
    }
}
