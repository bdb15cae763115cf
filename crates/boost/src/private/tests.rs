use super::*;
use crate::format::Format;
use crate::random::Stream;
use welkin_privacy::NoDraw;

const LOGISTIC: &str = r#"{"label": "y", "features": ["a", "b"], "rounds": ROUNDS,
    "params": {"objective": "binary:logistic", "max_depth": 3, "eta": 1}}"#;

fn recipe(text: &str) -> Recipe {
    Recipe::read(text.as_bytes()).unwrap()
}

fn logistic(rounds: usize) -> Recipe {
    recipe(&LOGISTIC.replace("ROUNDS", &rounds.to_string()))
}

fn secrecy(epsilon_milli: u64) -> Secrecy {
    let range = |name: &str, low, high| (name.to_owned(), Range { low, high });
    let ranges = BTreeMap::from([range("a", 0.0, 10.0), range("b", -1.0, 1.0), range("y", -5.0, 25.0)]);
    Secrecy { ranges, per_person: 1, epsilon_milli }
}

fn words(seed: u64) -> impl FnMut() -> Result<u64, NoDraw> {
    let mut stream = Stream::new(&[seed]);
    move || Ok(stream.next())
}

/// Rows whose label hangs on both features.
fn rows(count: usize) -> PrivateRows {
    let mut stream = Stream::new(&[3]);
    let mut unit = || unit(stream.next()) as f32;
    let mut rows = PrivateRows { features: vec![Vec::new(); 2], ..PrivateRows::default() };
    for _ in 0..count {
        let (a, b) = (unit() * 10.0, unit() * 2.0 - 1.0);
        rows.features[0].push(a);
        rows.features[1].push(b);
        rows.labels.push(f32::from(u8::from(a - 5.0 + 4.0 * b > 0.0)));
    }
    rows
}

fn unit(word: u64) -> f64 {
    crate::random::unit(word)
}

fn trained(recipe: &Recipe, secrecy: &Secrecy, rows: &PrivateRows, seed: u64) -> Model {
    train_privately(recipe, secrecy, rows, &mut words(seed)).unwrap()
}

fn margin(model: &Model, row: &[f32]) -> f32 {
    model.base_margins()[0] + model.trees().map(|(tree, _)| tree.value(row)).sum::<f32>()
}

/// The share of rows that a model is right about.
fn right(model: &Model, rows: &PrivateRows) -> f64 {
    let right = (0..rows.labels.len()).filter(|row| {
        let values = [rows.features[0][*row], rows.features[1][*row]];
        (margin(model, &values) > 0.0) == (rows.labels[*row] > 0.5)
    });
    right.count() as f64 / rows.labels.len() as f64
}

#[test]
fn much_is_learnt_of_many_and_nothing_where_next_to_nothing_may_be_told() {
    let (recipe, rows) = (logistic(30), rows(20_000));
    let learnt = right(&trained(&recipe, &secrecy(2000), &rows, 1), &rows);
    assert!(learnt > 0.85, "{learnt}");
    let told: f64 = (0..20).map(|seed| right(&trained(&recipe, &secrecy(1), &rows, seed), &rows)).sum();
    assert!((told / 20.0 - 0.5).abs() < 0.12, "{}", told / 20.0);
}

#[test]
fn squares_are_taken_between_the_bounds_of_the_label() {
    let text =
        r#"{"label": "y", "features": ["a", "b"], "rounds": 30, "params": {"max_depth": 4, "eta": 0.5}}"#;
    let mut rows = rows(20_000);
    for (row, label) in rows.labels.iter_mut().enumerate() {
        *label = 2.0 * rows.features[0][row];
    }
    let model = trained(&recipe(text), &secrecy(4000), &rows, 1);
    assert_eq!(model.base_score(), [10.0]);
    let error = |a: f32| (margin(&model, &[a, 0.0]) - 2.0 * a).abs();
    assert!(error(2.0) < 3.0 && error(8.0) < 3.0, "{} {}", error(2.0), error(8.0));
}

/// What is predicted for a row by a model of one tree.
fn outcomes(rows: &PrivateRows, terms: &Secrecy) -> Vec<f32> {
    let recipe = recipe(&LOGISTIC.replace("ROUNDS", "1").replace("\"max_depth\": 3", "\"max_depth\": 1"));
    (0..20_000).map(|seed| margin(&trained(&recipe, terms, rows, seed), &[9.0, 0.9])).collect()
}

/// By how many standard deviations the promise is broken by the worst of many events: predictions below a bound.
fn broken(with: &[f32], without: &[f32], epsilon: f64) -> f64 {
    let below = |outcomes: &[f32], bound: f32| {
        outcomes.iter().filter(|outcome| **outcome < bound).count() as f64 / outcomes.len() as f64
    };
    let mut bounds = with.to_vec();
    bounds.sort_by(f32::total_cmp);
    let events = bounds.iter().step_by(500).flat_map(|bound| {
        let (p, q) = (below(with, *bound), below(without, *bound));
        [(p, q), (q, p), (1.0 - p, 1.0 - q), (1.0 - q, 1.0 - p)]
    });
    let trials = with.len() as f64;
    let excess = events.map(|(p, q)| {
        let deviation = ((p * (1.0 - p) + epsilon.exp().powi(2) * q * (1.0 - q)) / trials).sqrt();
        (p - epsilon.exp() * q) / deviation.max(1.0 / trials)
    });
    excess.fold(f64::MIN, f64::max)
}

#[test]
fn a_person_changes_no_outcome_by_more_than_epsilon_allows() {
    let terms = Secrecy { per_person: 2, ..secrecy(1000) };
    let person = |number: u8| Some([number; 16]);
    let mut without = rows(6);
    without.persons = (0..6).map(person).collect();
    let mut with = without.clone();
    // Ten rows of one who is far off.
    for _ in 0..10 {
        with.features[0].push(9.0);
        with.features[1].push(0.9);
        with.labels.push(-77.0);
        with.persons.push(person(99));
    }
    let (with_outcomes, without_outcomes) = (outcomes(&with, &terms), outcomes(&without, &terms));
    assert!(broken(&with_outcomes, &without_outcomes, 1.0) < 5.0);
    // They do change something, and the same test finds it where each row counts as a person.
    assert!(broken(&with_outcomes, &without_outcomes, 0.05) > 5.0);
    with.persons = (0..16).map(person).collect();
    assert!(broken(&outcomes(&with, &terms), &without_outcomes, 1.0) > 5.0);
}

#[test]
fn of_a_person_the_first_rows_count_and_rows_without_label_or_person_do_not() {
    let (recipe, terms) = (logistic(3), Secrecy { per_person: 2, ..secrecy(3000) });
    let person = |number: u8| Some([number; 16]);
    let mut few = rows(4);
    few.persons = vec![person(1), person(2), person(1), person(3)];
    let mut many = few.clone();
    for (label, person) in [(1.0, person(1)), (f32::NAN, person(4)), (1.0, None), (0.0, person(1))] {
        many.features.iter_mut().for_each(|values| values.push(0.5));
        many.labels.push(label);
        many.persons.push(person);
    }
    assert_eq!(trained(&recipe, &terms, &few, 7), trained(&recipe, &terms, &many, 7));
    many.labels[7] = 0.0;
    many.persons[7] = person(2);
    assert_ne!(trained(&recipe, &terms, &few, 7), trained(&recipe, &terms, &many, 7));
}

#[test]
fn no_value_is_an_error_and_none_counts_for_more_than_its_bounds() {
    let (recipe, terms) = (logistic(2), secrecy(1000));
    let mut far = rows(3);
    (far.features[0][0], far.features[1][1], far.labels[2]) = (f32::INFINITY, f32::MIN, 1e30);
    let mut near = far.clone();
    (near.features[0][0], near.features[1][1], near.labels[2]) = (10.0, -1.0, 1.0);
    assert_eq!(trained(&recipe, &terms, &far, 1), trained(&recipe, &terms, &near, 1));
    near.features[0][1] = f32::NAN;
    trained(&recipe, &terms, &near, 1);
    assert_eq!(trained(&recipe, &terms, &PrivateRows::default(), 1).rounds(), 2);
}

#[test]
fn trees_have_a_shape_that_rows_do_not_change_and_models_are_read_again() {
    let (recipe, terms) = (logistic(4), secrecy(2500));
    let shape = |model: &Model| -> Vec<_> {
        let nodes = model.trees().flat_map(|(tree, _)| tree.nodes().to_vec()).collect::<Vec<_>>();
        nodes.into_iter().map(|node| node.branch).collect()
    };
    let (one, other) = (trained(&recipe, &terms, &rows(5), 1), trained(&recipe, &terms, &rows(500), 2));
    assert_eq!(shape(&one), shape(&other));
    assert_ne!(one, other);
    for format in [Format::Json, Format::Ubjson] {
        assert_eq!(Model::read(&one.write(format)).unwrap(), one);
    }
    assert_eq!(one.attributes(), [("epsilon".to_owned(), "2.500".to_owned())]);
}

#[test]
fn what_noise_does_not_hide_is_refused_by_name() {
    let with = |from: &str, to: &str| {
        let text = LOGISTIC.replace("ROUNDS", "9").replacen(from, to, 1);
        assert_ne!(text, LOGISTIC.replace("ROUNDS", "9"), "{from}");
        check_private(&recipe(&text), &secrecy(1000)).unwrap_err().to_string()
    };
    for (from, to, named) in [
        ("\"eta\": 1", "\"subsample\": 0.5", "`subsample`"),
        ("\"eta\": 1", "\"eval_metric\": \"auc\"", "`eval_metric`"),
        ("\"max_depth\": 3", "\"max_depth\": 11", "`max_depth` 11"),
        ("\"max_depth\": 3", "\"max_depth\": 0", "`max_depth` 0"),
        ("binary:logistic", "count:poisson", "count:poisson"),
        ("\"rounds\": 9", "\"rounds\": 900000", "900000 rounds"),
        ("\"rounds\"", "\"weight\": \"w\", \"rounds\"", "`weight`"),
        ("\"rounds\"", "\"id\": \"i\", \"rounds\"", "`id`"),
        ("\"rounds\"", "\"valid\": \"v\", \"rounds\"", "`valid`"),
        ("\"rounds\"", "\"categories\": [\"b\"], \"rounds\"", "categories (`b`)"),
        ("\"a\"", "\"c\"", "`c`, for which there are no bounds"),
    ] {
        let said = with(from, to);
        assert!(said.contains(named), "{said}");
    }
    let fits = logistic(9);
    check_private(&fits, &secrecy(1)).unwrap();
    for (low, high) in [(1.0, 1.0), (2.0, 1.0), (0.0, f64::INFINITY), (f64::NAN, 1.0)] {
        let mut terms = secrecy(1000);
        terms.ranges.insert("a".to_owned(), Range { low, high });
        assert!(check_private(&fits, &terms).is_err(), "{low}..{high}");
    }
    let mut terms = secrecy(1000);
    terms.ranges.remove("y");
    check_private(&fits, &terms).unwrap();
    let squares = recipe(&LOGISTIC.replace("ROUNDS", "9").replace("binary:logistic", "reg:squarederror"));
    assert!(check_private(&squares, &terms).unwrap_err().to_string().contains("`y`"));
    for terms in [secrecy(0), Secrecy { per_person: u64::MAX, ..secrecy(1) }] {
        assert!(check_private(&fits, &terms).is_err());
    }
    let mut none = || Err(NoDraw);
    assert!(train_privately(&fits, &secrecy(1000), &rows(3), &mut none).is_err());
}
