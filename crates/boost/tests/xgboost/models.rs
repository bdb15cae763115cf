//! Models that go from here to there and back.

use crate::ask::{Answer, Oracle};
use crate::rows::{Label, Rows};
use crate::{params, trained};
use serde_json::{Value, json};
use welkin_boost::{Alone, Data, Format, Model};

/// The objectives that are tried, with parameters and the label that they need.
fn objectives() -> Vec<(Value, Label)> {
    vec![
        (json!({"objective": "reg:squarederror"}), Label::Real),
        (json!({"objective": "binary:logistic", "scale_pos_weight": 2}), Label::Binary),
        (json!({"objective": "reg:logistic", "base_score": 0.3}), Label::Binary),
        (json!({"objective": "binary:logitraw"}), Label::Binary),
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
    for (wanted, label) in objectives() {
        let rows = Rows::new(1, 600, 6, label);
        let path = oracle.write("rows.csv", rows.csv());
        let data = rows.data();
        let model = trained(&params(&wanted), 8, &data, None).model;
        for (name, format) in [("m.json", Format::Json), ("m.ubj", Format::Ubjson)] {
            let bytes = model.write(format);
            assert_eq!(Model::read(&bytes).unwrap().write(format), bytes, "{wanted}: {name}");
            let file = oracle.write(name, bytes);
            let answer = oracle.predict(&file, json!({"data": path, "label": "y"}));
            agree(&model, &data, &answer, &wanted);
        }
    }
}

#[test]
fn models_of_xgboost_predict_the_same_bits_here() {
    let Some(oracle) = Oracle::find("models_of_xgboost_predict_the_same_bits_here") else { return };
    for (wanted, label) in objectives() {
        let rows = Rows::new(2, 600, 6, label);
        let path = oracle.write("rows.csv", rows.csv());
        let saved = [oracle.path("stock.json"), oracle.path("stock.ubj")];
        let answer = oracle.ask(&json!({
            "data": path, "label": "y", "params": wanted, "rounds": 8, "save": saved,
        }));
        for file in saved {
            let model = Model::read(&std::fs::read(file).unwrap()).unwrap();
            agree(&model, &rows.data(), &answer, &wanted);
        }
    }
}

#[test]
fn xgboost_goes_on_with_what_it_wrote_after_it_was_here() {
    let Some(oracle) = Oracle::find("xgboost_goes_on_with_what_it_wrote_after_it_was_here") else { return };
    let rows = Rows::new(3, 300, 5, Label::Real);
    let path = oracle.write("rows.csv", rows.csv());
    let saved = oracle.path("stock.json");
    let request = json!({"data": path, "label": "y", "params": {}, "rounds": 5, "save": [saved]});
    let before = oracle.ask(&request);
    let model = Model::read(&std::fs::read(&saved).unwrap()).unwrap();
    let back = oracle.write("back.ubj", model.write(Format::Ubjson));
    let after = oracle.predict(&back, json!({"data": path, "label": "y"}));
    assert_eq!(before.numbers("margins"), after.numbers("margins"));
}
