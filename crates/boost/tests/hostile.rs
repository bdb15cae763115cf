//! Files of others: whatever their bytes, reading them ends, panics nowhere, and what is read can be used.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails, and says where")]

use proptest::prelude::*;
use welkin_boost::{
    Alone, Column, CsvOptions, Data, Features, Format, Kind, Model, ModelError, Params, Training, read_csv,
    train,
};
use welkin_mutate::mutations;

fn example() -> Data {
    let column = |step: usize| Column::Dense((0..60).map(|row| ((row * step) % 17) as f32).collect());
    let columns = vec![
        ("a".to_owned(), Kind::Number, column(3)),
        ("b".to_owned(), Kind::Category, Column::Dense((0..60).map(|row| (row % 7) as f32).collect())),
    ];
    Data {
        features: Features::new(60, columns).unwrap(),
        labels: (0..60).map(|row| ((row * 5) % 11) as f32).collect(),
        ..Data::default()
    }
}

/// What is trained with everything else left as it is, or the words of the refusal.
fn trained(params: &Params, rounds: usize, data: &Data) -> Result<Model, String> {
    let training =
        Training { params, rounds, data, watched: &[], patience: None, start: None, workers: &Alone };
    train(&training, &mut |_| true).map(|trained| trained.model).map_err(|wrong| wrong.to_string())
}

fn model() -> Model {
    let (data, mut params) = (example(), Params::default());
    params.set("max_depth", "3").unwrap();
    trained(&params, 3, &data).unwrap()
}

/// What was read can be predicted with and written, and read again.
fn use_it(model: &Model) {
    let columns = (0..model.feature_count().min(50))
        .map(|at| (format!("{at}"), Kind::Number, Column::Dense(vec![f32::NAN, 0.0, -3.5, 1e30])))
        .collect();
    let features = Features::new(4, columns).unwrap();
    let _ = model.predict(&features, &Alone);
    let _ = model.leaves(&features);
    let _ = model.importance();
    for format in [Format::Json, Format::Ubjson] {
        assert!(Model::read(&model.write(format)).is_ok());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn spoilt_models_are_refused_or_harmless(mutation in mutations(), more in mutations(), text: bool) {
        let format = if text { Format::Json } else { Format::Ubjson };
        let bytes = more.of(&mutation.of(&model().write(format)));
        if let Ok(model) = Model::read(&bytes) {
            use_it(&model);
        }
    }

    #[test]
    fn spoilt_tables_are_refused_or_read(mutation in mutations()) {
        let sound = b"a,b,y\n1,0,2.5\n,3,1e3\n\"4\",NA,0\n";
        let options = CsvOptions {
            label: Some("y".to_owned()),
            categories: ["b".to_owned()].into(),
            ..CsvOptions::default()
        };
        if let Ok(data) = read_csv(&mutation.of(sound), &options) {
            assert_eq!(data.labels.len(), data.rows());
        }
    }
}

#[test]
fn cut_models_are_refused() {
    for format in [Format::Json, Format::Ubjson] {
        let bytes = model().write(format);
        for end in 0..bytes.len() {
            assert!(matches!(Model::read(&bytes[..end]), Err(ModelError::Format(_))), "{end}");
        }
    }
}

/// A change of the text of a sound model, and what is said about it.
#[test]
fn models_that_say_what_cannot_be_are_refused_by_name() {
    let text = String::from_utf8(model().write(Format::Json)).unwrap();
    for (from, to, said) in [
        ("\"version\":[3", "\"version\":[4", "written by XGBoost 4"),
        ("reg:squarederror", "reg:madeup", "the objective `reg:madeup`"),
        ("\"name\":\"gbtree\"", "\"name\":\"gblinear\"", "the booster `gblinear`"),
        (
            "\"num_feature\":\"2\",\"num_target",
            "\"num_feature\":\"99999999999\",\"num_target",
            "a model of 99999999999 features",
        ),
        ("\"num_feature\":\"2\",\"num_target", "\"num_feature\":\"-1\",\"num_target", "`num_feature`"),
        ("\"num_class\":\"0\"", "\"num_class\":\"4000000000\"", "`trees` has another length"),
        ("\"num_class\":\"0\"", "\"num_class\":\"60000\"", "`trees` has another length"),
        ("\"left_children\":[1", "\"left_children\":[0", "more than one way leads to node 0"),
        ("\"left_children\":[1", "\"left_children\":[5000", "node 0 leads to node 5000"),
        ("\"left_children\":[1", "\"left_children\":[-1", "`left_children`"),
        ("\"left_children\":[1", "\"left_children\":[1.5", "`left_children`"),
        ("\"left_children\":[1,", "\"left_children\":[", "another length"),
        ("\"size_leaf_vector\":\"1\"", "\"size_leaf_vector\":\"3\"", "multi_output_tree"),
        ("\"base_score\":\"[", "\"base_score\":\"[NaN,", "`base_score`"),
        ("\"enc\":[]", "\"enc\":[{}]", "categories with names"),
        ("\"iteration_indptr\":[0", "\"iteration_indptr\":[2", "`iteration_indptr`"),
        ("\"tree_info\":[0", "\"tree_info\":[1", "`tree_info`"),
        ("\"categories_segments\":[0", "\"categories_segments\":[9000000000", "`categories_segments`"),
        ("\"id\":0", "\"id\":1", "`id`"),
    ] {
        assert!(text.contains(from), "{from}");
        let read = Model::read(text.replacen(from, to, 1).as_bytes());
        let error = read.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(said), "{from} -> {to}: {error}");
    }
}

/// One value in each of many columns, of a category that says there are 65,534.
#[test]
fn categories_that_claim_memory_are_refused() {
    let columns = (0..2000).map(|at| {
        (format!("{at}"), Kind::Category, Column::Sparse { rows: vec![0], values: vec![65_533.0] })
    });
    let data = Data {
        features: Features::new(2, columns.collect()).unwrap(),
        labels: vec![0.0, 1.0],
        ..Data::default()
    };
    let error = trained(&Params::default(), 1, &data).unwrap_err();
    assert!(error.contains("at most 67108864 can be used"), "{error}");
}

#[test]
fn base_scores_are_one_or_one_for_each_output() {
    let data = example();
    let asked = |score: &str| {
        let mut params = Params::default();
        params.set("base_score", score).map_err(|wrong| wrong.to_string())?;
        trained(&params, 1, &data).map(|model| model.base_score().to_vec())
    };
    assert_eq!(asked("0.25"), Ok(vec![0.25]));
    assert_eq!(asked("[0.25]"), Ok(vec![0.25]));
    assert!(asked("[0.25, 0.5]").unwrap_err().contains("has 2 values"));
    for wrong in ["[]", "[0.25", "[a]", "[nan]"] {
        assert!(asked(wrong).unwrap_err().contains("base_score"), "{wrong}");
    }
}

#[test]
fn more_rows_than_can_be_used_are_refused_when_they_are_declared() {
    let many = Features::new((1 << 31) + 1, Vec::new()).unwrap_err().to_string();
    assert_eq!(many, "there are 2147483649 rows; at most 2147483648 can be used");
    let column = ("a".to_owned(), Kind::Number, Column::Dense(vec![1.0; 3]));
    let few = Features::new(1 << 31, vec![column]).unwrap_err().to_string();
    assert!(few.contains("`a`"), "{few}");
}

#[test]
fn labels_that_are_no_numbers_are_refused_with_their_row() {
    for objective in [
        "reg:squarederror",
        "reg:squaredlogerror",
        "reg:pseudohubererror",
        "reg:absoluteerror",
        "reg:quantileerror",
        "reg:logistic",
        "reg:gamma",
        "reg:tweedie",
        "binary:logistic",
        "binary:logitraw",
        "binary:hinge",
        "count:poisson",
        "multi:softprob",
        "rank:ndcg",
        "rank:pairwise",
        "survival:cox",
    ] {
        for label in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut params = Params::default();
            params.set("objective", objective).unwrap();
            if objective == "multi:softprob" {
                params.set("num_class", "3").unwrap();
            }
            if objective == "reg:quantileerror" {
                params.set("quantile_alpha", "0.5").unwrap();
            }
            let mut data = example();
            data.labels.fill(1.0);
            data.groups = vec![0; data.rows()];
            data.labels[7] = label;
            let error = trained(&params, 1, &data).unwrap_err();
            assert!(error.contains(&format!("row 7 has the label {label}")), "{objective}: {error}");
        }
    }
}
