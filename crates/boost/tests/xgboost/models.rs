//! Models that go from here to there and back.

use crate::ask::{Answer, Oracle};
use crate::rows::{Draw, Label, Rows, data};
use crate::{params, trained};
use serde_json::{Value, json};
use welkin_boost::{Alone, Branch, Data, Format, Model};

/// The objectives that are tried, with parameters and the label that they need.
fn objectives() -> Vec<(Value, Label)> {
    vec![
        (json!({"objective": "reg:squarederror"}), Label::Real),
        (json!({"objective": "binary:logistic", "scale_pos_weight": 2}), Label::Binary),
        (json!({"objective": "reg:logistic", "base_score": 0.3}), Label::Binary),
        (json!({"objective": "binary:logitraw"}), Label::Binary),
        (json!({"objective": "binary:hinge"}), Label::Binary),
        (json!({"objective": "reg:squaredlogerror"}), Label::Positive),
        (json!({"objective": "reg:pseudohubererror", "huber_slope": 2}), Label::Real),
        (json!({"objective": "reg:absoluteerror"}), Label::Real),
        (json!({"objective": "reg:quantileerror", "quantile_alpha": 0.8}), Label::Real),
        (json!({"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.5, 0.9]}), Label::Real),
        (json!({"booster": "dart", "rate_drop": 0.4}), Label::Real),
        (
            json!({"booster": "dart", "rate_drop": 0.3, "sample_type": "weighted", "one_drop": true}),
            Label::Binary,
        ),
        (
            json!({"booster": "dart", "rate_drop": 0.4, "normalize_type": "forest", "skip_drop": 0.2}),
            Label::Real,
        ),
        (
            json!({"booster": "dart", "rate_drop": 0.5, "objective": "multi:softprob", "num_class": 4}),
            Label::Class,
        ),
        (json!({"objective": "reg:gamma"}), Label::Positive),
        (json!({"objective": "reg:tweedie", "tweedie_variance_power": 1.2}), Label::Positive),
        (json!({"objective": "count:poisson"}), Label::Count),
        (json!({"objective": "survival:cox"}), Label::Real),
        (json!({"objective": "multi:softprob", "num_class": 4}), Label::Class),
        (json!({"objective": "multi:softmax", "num_class": 4}), Label::Class),
    ]
}

/// Says that both predict the same: margins and leaves to the bit, predictions to the sixth digit.
fn agree(model: &Model, data: &Data, answer: &Answer, what: &Value) {
    let margins = model.margins(&data.features, &Alone).unwrap();
    let theirs = answer.numbers("margins");
    assert_eq!(margins.len(), theirs.len(), "{what}");
    let different = margins.iter().zip(&theirs).position(|(a, b)| a.to_bits() != b.to_bits());
    assert_eq!(different.map(|at| (at, margins[at], theirs[at])), None, "{what}");
    let leaves: Vec<f32> = model.leaves(&data.features).unwrap().iter().map(|leaf| *leaf as f32).collect();
    assert_eq!(leaves, answer.numbers("leaves"), "{what}");
    let predictions = model.predict(&data.features, &Alone).unwrap();
    for (row, (a, b)) in predictions.iter().zip(answer.numbers("predictions")).enumerate() {
        assert!((a - b).abs() <= 1e-6 * b.abs().max(1.0), "{what}, row {row}: {a} and {b}");
    }
}

#[test]
fn xgboost_reads_ours_and_predicts_the_same_bits() {
    let Some(oracle) = Oracle::find("xgboost_reads_ours_and_predicts_the_same_bits") else { return };
    let (mut models, mut requests) = (Vec::new(), Vec::new());
    for (at, (wanted, label)) in objectives().into_iter().enumerate() {
        let rows = Rows::new(1, 600, 6, label);
        let path = oracle.write(&format!("rows{at}.csv"), rows.csv());
        let data = rows.data();
        let model = trained(&params(&wanted), 8, &data, None).model;
        for (ending, format) in [("json", Format::Json), ("ubj", Format::Ubjson)] {
            let bytes = model.write(format);
            assert_eq!(Model::read(&bytes).unwrap().write(format), bytes, "{wanted}: {ending}");
            let file = oracle.write(&format!("m{at}.{ending}"), bytes);
            requests.push(json!({"data": path, "label": "y", "load": file}));
            models.push((model.clone(), data.clone(), wanted.clone()));
        }
    }
    for ((model, data, wanted), answer) in models.iter().zip(oracle.ask_all(&requests)) {
        agree(model, data, &answer, wanted);
    }
}

#[test]
fn models_of_xgboost_predict_the_same_bits_here() {
    let Some(oracle) = Oracle::find("models_of_xgboost_predict_the_same_bits_here") else { return };
    let (mut trained, mut requests) = (Vec::new(), Vec::new());
    for (at, (wanted, label)) in objectives().into_iter().enumerate() {
        let rows = Rows::new(2, 600, 6, label);
        let path = oracle.write(&format!("rows{at}.csv"), rows.csv());
        let saved = ["json", "ubj"].map(|ending| oracle.path(&format!("stock{at}.{ending}")));
        requests.push(json!({"data": path, "label": "y", "params": wanted, "rounds": 8, "save": saved}));
        trained.push((saved, rows.data(), wanted));
    }
    for ((saved, data, wanted), answer) in trained.iter().zip(oracle.ask_all(&requests)) {
        for file in saved {
            let model = Model::read(&std::fs::read(file).unwrap()).unwrap();
            agree(&model, data, &answer, wanted);
        }
    }
}

/// All that XGBoost wrote of a model is in what is written of it here: read from there, XGBoost writes the same again.
#[test]
fn xgboost_writes_what_it_wrote_after_it_was_here() {
    let Some(oracle) = Oracle::find("xgboost_writes_what_it_wrote_after_it_was_here") else { return };
    let forest = [
        (json!({"num_parallel_tree": 3, "subsample": 0.7}), Label::Real),
        (json!({"num_parallel_tree": 2, "objective": "multi:softprob", "num_class": 4}), Label::Class),
    ];
    let all: Vec<(Value, Label)> = objectives().into_iter().chain(forest).collect();
    let table = |at: usize| format!("rows{at}.csv");
    let stock = |at: usize| oracle.path(&format!("stock{at}.json"));
    let train = |(at, (wanted, label)): (usize, &(Value, Label))| {
        let path = oracle.write(&table(at), Rows::new(3, 300, 5, *label).csv());
        json!({
            "data": path, "label": "y", "params": wanted, "rounds": 5, "save": [stock(at)],
            "attributes": {"best_iteration": "3", "note": "a \"b\" \u{e9}"},
        })
    };
    let before = oracle.ask_all(&all.iter().enumerate().map(train).collect::<Vec<_>>());
    let mut requests = Vec::new();
    for at in 0..all.len() {
        let model = Model::read(&std::fs::read(stock(at)).unwrap()).unwrap();
        for (ending, format) in [("json", Format::Json), ("ubj", Format::Ubjson)] {
            let file = oracle.write(&format!("here{at}.{ending}"), model.write(format));
            let again = oracle.path(&format!("again{at}.{ending}.json"));
            requests
                .push(json!({"data": oracle.path(&table(at)), "label": "y", "load": file, "save": [again]}));
        }
    }
    let after = oracle.ask_all(&requests);
    let document = |path: &std::path::Path| -> Value {
        let mut document: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        // Whether the base score was found out or given: nothing asks for that once there is one.
        document["learner"]["learner_model_param"]["boost_from_average"].take();
        document
    };
    for (request, (number, after)) in requests.iter().zip(after.iter().enumerate()) {
        let (wanted, before) = (&all[number / 2].0, &before[number / 2]);
        assert_eq!(before.numbers("margins"), after.numbers("margins"), "{wanted}");
        let again = document(request["save"][0].as_str().unwrap().as_ref());
        assert!(again == document(&stock(number / 2)), "{wanted}");
    }
}

/// Rows with two categories of which one has few values and one many, and a number.
fn with_categories(seed: u64) -> (String, Data) {
    let mut draw = Draw::new(seed);
    let mut csv = "few,many,x,y\n".to_owned();
    for _ in 0..900 {
        let (few, many, x) = ((draw.unit() * 3.0).floor(), (draw.unit() * 20.0).floor(), draw.normal());
        let y = if few == 1.0 { x } else { (many * 7.0) % 5.0 - x } + draw.normal() * 0.3;
        let cell = |value: f64, missing: bool| if missing { String::new() } else { value.to_string() };
        let (few, many) = (cell(few, draw.unit() < 0.1), cell(many, draw.unit() < 0.1));
        // The eighth part of a number has few digits, and the numbers few values.
        csv.push_str(&format!("{few},{many},{},{y}\n", (x * 8.0).round() / 8.0));
    }
    let data = data(&csv, &["few", "many"]);
    (csv, data)
}

#[test]
fn categories_are_parted_as_by_xgboost_and_models_with_them_are_exchanged() {
    let test = "categories_are_parted_as_by_xgboost_and_models_with_them_are_exchanged";
    let Some(oracle) = Oracle::find(test) else { return };
    let (csv, data) = with_categories(6);
    let path = oracle.write("rows.csv", csv);
    let saved = ["json", "ubj"].map(|ending| oracle.path(&format!("stock.{ending}")));
    let wanted = json!({"max_depth": 4, "max_cat_threshold": 8});
    let mut request = json!({
        "data": path, "label": "y", "categories": ["few", "many"], "params": wanted, "rounds": 4, "save": saved,
    });
    let answer = oracle.ask(&request);
    let own = trained(&params(&wanted), 4, &data, None).model;
    for file in saved {
        let stock = Model::read(&std::fs::read(file).unwrap()).unwrap();
        agree(&stock, &data, &answer, &wanted);
        let branches = |model: &Model| -> Vec<Option<Branch>> {
            model.trees().flat_map(|(tree, _)| tree.nodes().iter().map(|node| node.branch.clone())).collect()
        };
        assert_eq!(branches(&own), branches(&stock));
    }
    for (ending, format) in [("json", Format::Json), ("ubj", Format::Ubjson)] {
        request["load"] = json!(oracle.write(&format!("own.{ending}"), own.write(format)));
        request["save"] = json!([]);
        agree(&own, &data, &oracle.ask(&request), &wanted);
    }
}
