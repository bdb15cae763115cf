//! Trees that are dropped while others are trained.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails, and says where")]

use welkin_boost::federated::{Plan, Schema};
use welkin_boost::{Alone, CsvOptions, Data, Format, Params, Trained, Training, read_csv, train};

fn rows(salt: usize) -> Data {
    let line = |row: usize| {
        let (a, b) = (row * 37 % 101, row * (53 + salt) % 97);
        format!("{a},{b},{}\n", a * a / 50 + b * (1 + a % 3) + row * (salt + 7) % 40)
    };
    let text: String = (0..400).map(line).collect();
    let options = CsvOptions { label: Some("y".to_owned()), ..CsvOptions::default() };
    read_csv(format!("a,b,y\n{text}").as_bytes(), &options).unwrap()
}

const DART: [(&str, &str); 3] = [("booster", "dart"), ("rate_drop", "0.3"), ("one_drop", "true")];

fn trained(more: &[(&str, &str)], patience: Option<usize>, rounds: usize) -> Trained {
    let mut params = Params::default();
    DART.iter().chain(more).for_each(|(name, value)| params.set(name, value).unwrap());
    let (data, valid) = (rows(0), rows(4));
    let watched = [("valid", &valid)];
    let training = Training {
        params: &params,
        rounds,
        data: &data,
        watched: &watched,
        patience,
        start: None,
        workers: &Alone,
    };
    train(&training, &mut |_| true).unwrap()
}

fn error(model: &welkin_boost::Model) -> f64 {
    let valid = rows(4);
    let predictions = model.predict(&valid.features, &Alone).unwrap();
    let squares = predictions.iter().zip(&valid.labels).map(|(p, y)| f64::from(p - y).powi(2));
    (squares.sum::<f64>() / valid.rows() as f64).sqrt()
}

#[test]
fn scores_are_those_of_the_model_as_it_is() {
    let whole = trained(&[], None, 12);
    let last = whole.history.last().unwrap()[0].value;
    assert!((error(&whole.model) - last).abs() < 1e-5, "{} and {last}", error(&whole.model));
}

/// Later rounds make the weights of earlier trees less; a model that is taken back has them as they were.
#[test]
fn a_model_that_stopped_early_is_as_good_as_it_was_in_its_best_round() {
    let stopped = trained(&[("eta", "0.8"), ("max_depth", "8")], Some(4), 200);
    let best = stopped.stopped.unwrap();
    assert!(best.best_round < stopped.history.len() - 1);
    assert!((error(&stopped.model) - best.best_score).abs() < 1e-5, "{} and {best:?}", error(&stopped.model));
}

#[test]
fn seeds_draw_other_trees_and_rates_of_nothing_are_no_dart() {
    let bytes = |more: &[(&str, &str)]| trained(more, None, 8).model.write(Format::Json);
    assert!(bytes(&[]) == bytes(&[("seed", "0")]));
    assert!(bytes(&[]) != bytes(&[("seed", "1")]));
    let none = [("rate_drop", "0"), ("one_drop", "false")];
    assert!(bytes(&none) == bytes(&[("skip_drop", "1")]), "rounds that drop nothing");
}

#[test]
fn where_trees_cannot_be_dropped_it_is_said() {
    let mut params = Params::default();
    params.set("rate_drop", "0.1").unwrap();
    let data = rows(0);
    let training = Training {
        params: &params,
        rounds: 1,
        data: &data,
        watched: &[],
        patience: None,
        start: None,
        workers: &Alone,
    };
    let said = train(&training, &mut |_| true).unwrap_err().to_string();
    assert!(said.contains("`rate_drop` means nothing to the booster gbtree"), "{said}");
    let plan = Plan {
        params: DART.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        rounds: 1,
        patience: None,
        masked: true,
        valid: false,
        score_training: false,
        parties: vec!["a".to_owned(), "b".to_owned()],
        schema: Schema::of(&data),
    };
    assert!(plan.open().unwrap_err().to_string().contains("dart cannot be trained by several parties"));
    assert!(params.set("rate_drop", "1.5").unwrap_err().to_string().contains("a number from 0 to 1"));
    assert!(params.set("quantile_alpha", "[0.5, 1]").unwrap_err().to_string().contains("below 1"));
}
