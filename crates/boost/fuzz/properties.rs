//! What must hold for any bytes at all. Run by the fuzz targets, and by a plain test over mutated examples.

use std::collections::BTreeSet;
use welkin_boost::federated::{Bare, Plan, Schema, Seat};
use welkin_boost::{
    Alone, Column, CsvOptions, Data, Features, Format, Kind, LibsvmOptions, Model, Params, Recipe, read_csv,
    read_libsvm,
};

/// Rows of three features, one of which is a category.
pub(crate) fn rows() -> Data {
    let column = |step: usize| Column::Dense((0..40).map(|row| ((row * step) % 17) as f32).collect());
    let columns = vec![
        ("a".to_owned(), Kind::Number, column(3)),
        ("b".to_owned(), Kind::Category, Column::Dense((0..40).map(|row| (row % 7) as f32).collect())),
        ("c".to_owned(), Kind::Number, column(5)),
    ];
    let labels = (0..40).map(|row| (row % 2) as f32).collect();
    Data { features: Features::new(40, columns).expect("they are sound"), labels, ..Data::default() }
}

/// A plan for these rows.
pub(crate) fn plan() -> Plan {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Plan {
        params: vec![pair("objective", "binary:logistic"), pair("max_depth", "3")],
        rounds: 3,
        patience: None,
        masked: true,
        valid: false,
        score_training: true,
        parties: vec!["a".to_owned(), "b".to_owned()],
        schema: Schema::of(&rows()),
    }
}

/// A model is refused, or predicts, and is written as something that is read again.
pub(crate) fn model(bytes: &[u8]) {
    let Ok(model) = Model::read(bytes) else { return };
    if model.feature_count() <= 50 {
        let values = || Column::Dense(vec![f32::NAN, 0.0, -3.5, 1e30]);
        let columns = (0..model.feature_count()).map(|at| (at.to_string(), Kind::Number, values())).collect();
        let features = Features::new(4, columns).expect("they are sound");
        let margins = model.margins(&features, &Alone).expect("it has these features");
        assert_eq!(margins.len(), 4 * model.outputs());
        let leaves = model.leaves(&features).expect("it has these features");
        assert_eq!(leaves.len(), 4 * model.trees().len());
    }
    let again = Model::read(&model.write(Format::Ubjson)).expect("what was written is a model");
    assert_eq!(again.trees().len(), model.trees().len());
}

/// A recipe is refused, or every column of it has one part, and its parameters can be set again.
pub(crate) fn recipe(bytes: &[u8]) {
    let Ok(recipe) = Recipe::read(bytes) else { return };
    let columns: BTreeSet<&str> =
        recipe.features.iter().map(String::as_str).chain(recipe.roles().map(|(_, name)| name)).collect();
    assert_eq!(columns.len(), recipe.features.len() + recipe.roles().count());
    assert!(recipe.rounds > 0 && recipe.categories.iter().all(|name| recipe.features.contains(name)));
    let mut again = Params::default();
    for (name, value) in recipe.params.settings() {
        again.set(name, value).expect("it was set before");
    }
    assert!(again == recipe.params || format!("{again:?}").contains("NaN"));
}

/// A table is refused, or has a value or a blank for each row and column.
pub(crate) fn table(bytes: &[u8]) {
    let svm = read_libsvm(bytes, &LibsvmOptions::default());
    let csv = read_csv(bytes, &CsvOptions { label: Some("y".to_owned()), ..CsvOptions::default() });
    for data in svm.ok().into_iter().chain(csv.ok()) {
        assert_eq!(data.labels.len(), data.rows());
        for list in [data.weights.len(), data.groups.len(), data.ids.len()] {
            assert!(list == 0 || list == data.rows());
        }
        assert_eq!(data.features.names().len(), data.features.count());
    }
}

/// A plan is refused, or read as it was written. Questions, behind a length of one byte each, are refused or answered.
pub(crate) fn question(bytes: &[u8]) {
    if let Ok(plan) = Plan::read(bytes) {
        assert_eq!(plan.write(), bytes);
        let _ = plan.open();
    }
    let (rows, plan) = (rows(), plan());
    let seat = Seat::new(&plan, &rows, None, &Alone).expect("the plan is for these rows");
    let mut party = seat.party();
    let mut rest = bytes;
    for number in 1.. {
        let Some((length, after)) = rest.split_first() else { break };
        let (asked, after) = after.split_at(after.len().min(usize::from(*length)));
        let _ = party.answer(number, asked, &Bare);
        rest = after;
    }
}
