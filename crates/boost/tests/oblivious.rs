//! The oblivious trainer's model is the plain one's, byte for byte.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails, and says where")]

use proptest::prelude::*;
use welkin_boost::{
    Alone, Column, Data, Features, Format, Kind, Params, TrainError, Training, train, train_obliviously,
};

fn params(settings: &[(String, String)]) -> Params {
    let mut params = Params::default();
    settings.iter().for_each(|(name, value)| params.set(name, value).unwrap());
    params
}

fn data(columns: Vec<Vec<f32>>, labels: Vec<f32>, weights: Vec<f32>) -> Data {
    let named = columns.into_iter().enumerate();
    let columns = named.map(|(at, values)| (format!("x{at}"), Kind::Number, Column::Dense(values))).collect();
    Data { features: Features::new(labels.len(), columns).unwrap(), labels, weights, ..Data::default() }
}

fn training<'a>(params: &'a Params, data: &'a Data, rounds: usize) -> Training<'a> {
    Training { params, rounds, data, watched: &[], patience: None, start: None, workers: &Alone }
}

/// Both models, or both errors.
fn both(params: &Params, data: &Data, rounds: usize) -> [Result<String, String>; 2] {
    let training = training(params, data, rounds);
    let ways = [train(&training, &mut |_| true), train_obliviously(&training, &mut |_| true)];
    ways.map(|trained| match trained {
        Ok(trained) => Ok(String::from_utf8(trained.model.write(Format::Json)).unwrap()),
        Err(error) => Err(error.to_string()),
    })
}

/// Values of few kinds and of many, some of them missing.
fn column(rows: usize) -> impl Strategy<Value = Vec<f32>> {
    let value = (0_u8..4).prop_flat_map(|kind| {
        prop::collection::vec(
            match kind {
                0 => (-1e6_f32..1e6).boxed(),
                1 => (0_u8..5).prop_map(f32::from).boxed(),
                2 => prop_oneof![1 => Just(f32::NAN), 3 => -1.0_f32..1.0].boxed(),
                _ => prop_oneof![5 => Just(2.5_f32), 1 => Just(f32::NAN), 1 => -9.0_f32..9.0].boxed(),
            },
            300,
        )
    });
    value.prop_map(move |values| values[..rows].to_vec())
}

fn settings() -> impl Strategy<Value = Vec<(String, String)>> {
    let one = |name: &'static str, values: &'static [&'static str]| {
        prop::sample::select(values).prop_map(move |value| (name.to_owned(), value.to_owned()))
    };
    (
        one(
            "objective",
            &[
                "reg:squarederror",
                "binary:logistic",
                "reg:logistic",
                "binary:logitraw",
                "count:poisson",
                "reg:tweedie",
            ],
        ),
        one("max_depth", &["1", "2", "3", "5"]),
        one("max_bin", &["2", "3", "16", "40"]),
        one("eta", &["0.3", "1", "0.05"]),
        one("lambda", &["1", "0", "7.5"]),
        one("alpha", &["0", "0.5"]),
        one("gamma", &["0", "0.2", "3"]),
        one("min_child_weight", &["1", "0", "4"]),
        one("max_delta_step", &["0", "0.4"]),
    )
        .prop_map(|(a, b, c, d, e, f, g, h, i)| vec![a, b, c, d, e, f, g, h, i])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn it_is_the_same_model(
        (rows, columns) in (1_usize..300).prop_flat_map(|rows| (Just(rows), prop::collection::vec(column(rows), 1..4))),
        settings in settings(),
        labels in prop::collection::vec(0_u8..4, 300),
        weights in prop::option::of(prop::collection::vec(prop_oneof![Just(0.0_f32), 0.1_f32..4.0], 300)),
        base_score in prop::option::of(prop::sample::select(vec!["0.5", "0.2"])),
        positive in prop::bool::weighted(0.2),
    ) {
        let mut settings = settings;
        let objective = settings[0].1.clone();
        let most = if objective.contains("log") { 1 } else { 3 };
        if positive && ["reg:squarederror", "binary:logistic"].contains(&objective.as_str()) {
            settings.push(("scale_pos_weight".to_owned(), "2.5".to_owned()));
        }
        if let Some(score) = base_score {
            settings.push(("base_score".to_owned(), score.to_owned()));
        }
        let labels = labels[..rows].iter().map(|label| f32::from(*label % (most + 1))).collect();
        let weights = weights.map(|weights| weights[..rows].to_vec()).unwrap_or_default();
        let data = data(columns, labels, weights);
        let [plain, oblivious] = both(&params(&settings), &data, 3);
        prop_assert_eq!(plain, oblivious, "{:?}", settings);
    }
}

/// Rows with categories and what is missing, for several outputs.
fn classes(rows: usize) -> Data {
    let column = |salt| {
        (0..rows).map(|row| if noise(row, salt + 7) < 0.1 { f32::NAN } else { noise(row, salt) }).collect()
    };
    let category = (0..rows).map(|row| (noise(row, 3) * 30.0).floor()).collect();
    let columns = vec![
        ("a".to_owned(), Kind::Number, Column::Dense(column(0))),
        ("b".to_owned(), Kind::Category, Column::Dense(category)),
        ("c".to_owned(), Kind::Number, Column::Dense(column(1))),
    ];
    let labels = (0..rows).map(|row| (noise(row, 0) * 1.7 + noise(row, 3) * 1.3).floor().min(2.0)).collect();
    Data { features: Features::new(rows, columns).unwrap(), labels, ..Data::default() }
}

#[test]
fn predictions_are_the_same_bits() {
    let (known, others) = (classes(700), classes(1001));
    for objective in ["multi:softmax", "multi:softprob", "reg:squarederror", "binary:hinge", "count:poisson"]
    {
        let mut settings = vec![("objective", objective), ("max_depth", "7")];
        if objective.starts_with("multi:") {
            settings.push(("num_class", "3"));
        }
        let settings: Vec<_> =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let known = match objective {
            "binary:hinge" => {
                Data { labels: known.labels.iter().map(|label| label.min(1.0)).collect(), ..known.clone() }
            }
            _ => known.clone(),
        };
        let model = train(&training(&params(&settings), &known, 9), &mut |_| true).unwrap().model;
        let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect::<Vec<_>>();
        let rows = &others.features;
        let (margins, hidden) =
            (model.margins(rows, &Alone).unwrap(), model.margins_obliviously(rows, &Alone).unwrap());
        assert_eq!(bits(margins), bits(hidden), "{objective}");
        let (plain, hidden) =
            (model.predict(rows, &Alone).unwrap(), model.predict_obliviously(rows, &Alone).unwrap());
        assert_eq!(bits(plain), bits(hidden), "{objective}");
    }
}

fn noise(row: usize, salt: u64) -> f32 {
    let mixed = (row as u64 * 7 + salt + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40) as f32 / (1 << 24) as f32
}

/// More rows than a tile has, so that there are two, and chunks of several rows.
fn many(rows: usize) -> Data {
    let cell = |row, salt| if noise(row, salt + 9) < 0.1 { f32::NAN } else { noise(row, salt) };
    let columns = (0..3).map(|salt| (0..rows).map(|row| cell(row, salt)).collect()).collect();
    let label = |row| f32::from(u8::from(noise(row, 0) + noise(row, 1) * noise(row, 2) > 0.8));
    data(columns, (0..rows).map(label).collect(), Vec::new())
}

#[test]
fn many_rows_give_the_same_model() {
    for (rows, bins) in [(140_000, "64"), (70_000, "64"), (9001, "256")] {
        let settings = [("objective", "binary:logistic"), ("max_depth", "4"), ("max_bin", bins)];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let [plain, oblivious] = both(&params(&settings), &many(rows), 2);
        assert!(plain.unwrap() == oblivious.unwrap(), "{rows} rows");
    }
}

#[test]
fn what_there_is_no_oblivious_way_for_is_refused_by_its_name() {
    let rows = many(50);
    let said = |settings: &[(&str, &str)]| {
        let settings: Vec<_> =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        train_obliviously(&training(&params(&settings), &rows, 1), &mut |_| true).unwrap_err().to_string()
    };
    for (name, value) in [
        ("subsample", "0.5"),
        ("colsample_bytree", "0.5"),
        ("colsample_bylevel", "0.5"),
        ("colsample_bynode", "0.5"),
        ("max_leaves", "9"),
        ("max_depth", "13"),
        ("max_bin", "2000"),
        ("grow_policy", "lossguide"),
        ("monotone_constraints", "[1]"),
        ("interaction_constraints", "[[0, 1]]"),
        ("booster", "dart"),
        ("objective", "reg:absoluteerror"),
        ("objective", "survival:cox"),
    ] {
        let told = said(&[(name, value)]);
        let named = if name == "booster" || name == "objective" { value } else { name };
        assert!(told.starts_with("there is no oblivious training with") && told.contains(named), "{told}");
    }
    let all = params(&[]);
    let plain = training(&all, &rows, 1);
    let watched = [("valid", &rows)];
    let start = train(&plain, &mut |_| true).unwrap().model;
    for other in [Training { watched: &watched, ..plain }, Training { start: Some(&start), ..plain }] {
        let error = train_obliviously(&other, &mut |_| true).unwrap_err();
        assert!(matches!(error, TrainError::NotOblivious(_)), "{error}");
    }
    let sparse = Column::Sparse { rows: vec![1], values: vec![2.0] };
    for (kind, column) in [(Kind::Category, Column::Dense(vec![1.0; 3])), (Kind::Number, sparse)] {
        let features = Features::new(3, vec![("ward".to_owned(), kind, column)]).unwrap();
        let data = Data { features, labels: vec![1.0, 0.0, 1.0], ..Data::default() };
        let error = train_obliviously(&training(&all, &data, 1), &mut |_| true).unwrap_err();
        assert!(error.to_string().contains("`ward`"), "{error}");
    }
}

#[test]
fn a_training_that_leaves_the_range_of_numbers_or_is_stopped_says_so() {
    let settings =
        [("objective", "count:poisson"), ("max_delta_step", "0"), ("eta", "1e30"), ("lambda", "0")];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let [plain, oblivious] = both(&params(&settings), &many(300), 5);
    assert!(plain.as_ref().is_err_and(|told| told.contains("no longer finite")), "{plain:?}");
    assert_eq!(plain, oblivious);
    let (params, rows) = (params(&[]), many(40));
    let stopped = train_obliviously(&training(&params, &rows, 5), &mut |progress| progress.round < 2);
    assert!(matches!(stopped, Err(TrainError::Interrupted(2))));
}
