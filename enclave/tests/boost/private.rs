//! Trainings with noise: what they tell, and that nothing of a row stops them.

use crate::models::{clinics, clinics_with, opened, word};
use crate::world::World;
use std::collections::BTreeMap;
use welkin_boost::Model;
use welkin_seal::{Bounds, CodeKind, Manifest, Noise, Privacy};

const RECIPE: &str = r#"{"label": "y", "features": ["a", "b"], "rounds": 4,
    "params": {"objective": "binary:logistic", "max_depth": 3}}"#;

fn noise() -> Noise {
    let bounds = |name: &str, low, high, digits| (name.to_owned(), Bounds { low, high, digits });
    let bounds = BTreeMap::from([bounds("a", 0, 100, 0), bounds("b", 0, 175, 1)]);
    Noise { bounds, ..Noise::default() }
}

fn privacy(noise: Noise) -> Privacy {
    Privacy { minimum_group: 1, epsilon_milli: Some(1500), noise: Some(noise) }
}

fn budgeted() -> World {
    clinics_with(Some(2000))
}

fn model(world: &World, recipe: &str, noise: Noise) -> Model {
    let manifest = Manifest { privacy: privacy(noise), ..world.manifest_of(CodeKind::Boost, recipe, 1) };
    let mut job = world.job_of(world.signed(manifest), recipe);
    let ran = job.engine.run(&job.run).unwrap();
    assert_eq!(ran.rows, 0);
    Model::read(&opened(world, &job.run, "a").unwrap()).unwrap()
}

/// All that hangs on rows.
fn values(model: &Model) -> Vec<f32> {
    model
        .trees()
        .flat_map(|(tree, _)| tree.nodes().iter().map(|node| node.value).collect::<Vec<_>>())
        .collect()
}

#[test]
fn a_contract_that_spends_epsilon_has_a_model_with_noise() {
    let world = budgeted();
    let [one, other] = [(), ()].map(|()| model(&world, RECIPE, noise()));
    assert_eq!(one.attributes(), [("epsilon".to_owned(), "1.500".to_owned())]);
    let branches = |model: &Model| {
        model
            .trees()
            .flat_map(|(tree, _)| tree.nodes().iter().map(|node| node.branch.clone()).collect::<Vec<_>>())
            .collect::<Vec<_>>()
    };
    assert_eq!(branches(&one), branches(&other), "shapes come from the recipe and the bounds");
    assert_ne!(values(&one), values(&other), "noise is drawn anew");
    assert_eq!((one.rounds(), one.feature_names()), (4, &["a".to_owned(), "b".to_owned()][..]));
}

#[test]
fn only_rows_of_a_person_that_count_do() {
    let mut world = World::new(&["a"]);
    let rows: String = (0..400).map(|row| format!("p{},{},{}\n", row / 200, row % 10, row % 2)).collect();
    world.budget = Some(100_000_000);
    world.seal("a", "visits", &[&format!("who,a,y\n{rows}")]);
    let recipe = RECIPE.replace("[\"a\", \"b\"]", "[\"a\"]").replace("\"rounds\": 4", "\"rounds\": 1");
    let cover = |per_person| {
        let noise = Noise { person: Some("who".to_owned()), per_person, ..noise() };
        let manifest = world.manifest_of(CodeKind::Boost, &recipe, 1);
        let privacy = Privacy { epsilon_milli: Some(90_000_000), ..privacy(noise) };
        let mut job = world.job_of(world.signed(Manifest { privacy, ..manifest }), &recipe);
        job.engine.run(&job.run).unwrap();
        let model = Model::read(&opened(&world, &job.run, "a").unwrap()).unwrap();
        model.trees().next().unwrap().0.nodes()[0].cover
    };
    // A quarter for each row, with hardly any noise at that epsilon.
    for (per_person, rows) in [(3, 6.0), (50, 100.0)] {
        let cover = cover(per_person);
        assert!((cover - rows / 4.0).abs() < 0.1, "{cover}");
    }
}

#[test]
fn nothing_that_a_row_has_stops_it() {
    for rows in
        ["1,77\n2,0\n", "1,\n77,0\n", "7.7e77,1\n2,0\n", "x77,1\ny,0\n", "inf,1\n,0\n", "1,zwei\n2,0\n"]
    {
        let mut world = World::new(&["a"]);
        world.budget = Some(2000);
        world.seal("a", "visits", &[&format!("a,y\n{rows}")]);
        let recipe = RECIPE.replace("[\"a\", \"b\"]", "[\"a\"]");
        assert_eq!(model(&world, &recipe, noise()).rounds(), 4, "{rows}");
    }
}

#[test]
fn what_cannot_be_promised_is_refused() {
    let world = budgeted();
    let said = |recipe: &str, noise: Noise| {
        let (word, error) = word(&world, recipe, privacy(noise));
        format!("{word}: {error}")
    };
    let judged = RECIPE.replacen("\"rounds\"", "\"valid\": \"visits\", \"rounds\"", 1);
    assert!(said(&judged, noise()).contains("the entry `valid`"), "{}", said(&judged, noise()));
    let sampled = RECIPE.replacen("\"max_depth\": 3", "\"subsample\": 0.5", 1);
    assert!(
        said(&sampled, noise()).starts_with("not-private: ")
            && said(&sampled, noise()).contains("`subsample`")
    );
    let unbounded = said(RECIPE, Noise::default());
    assert!(unbounded.contains("`a`, for which there are no bounds"), "{unbounded}");
    let person = Noise { person: Some("a".to_owned()), ..noise() };
    assert!(said(RECIPE, person).contains("`a`, which tells persons apart"));
    let groups = BTreeMap::from([("a".to_owned(), vec!["1".to_owned()])]);
    assert!(said(RECIPE, Noise { groups, ..noise() }).contains("names groups"));
    let strange = Noise { person: Some("nobody".to_owned()), ..noise() };
    assert!(said(RECIPE, strange).starts_with("no-column: the column `nobody`"));
    let smallest = Privacy { minimum_group: 2, ..privacy(noise()) };
    assert_eq!(word(&world, RECIPE, smallest).0, "unsupported");
    // Data that was sealed without a budget spends none.
    assert_eq!(word(&clinics(), RECIPE, privacy(noise())).0, "no-budget");
    let manifest = Manifest {
        privacy: privacy(noise()),
        oblivious: true,
        ..world.manifest_of(CodeKind::Boost, RECIPE, 1)
    };
    let mut job = world.job_of(world.signed(manifest), RECIPE);
    assert_eq!(job.engine.run(&job.run).unwrap_err().code(), "unsupported");
}
