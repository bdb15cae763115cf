//! The model is the one that the trainer makes of the same rows in the open.

use crate::world::{World, sum, text};
use std::fs;
use welkin_boost::{Alone, CsvOptions, Format, Recipe, Training, read_csv, train};
use welkin_enclave::engine::{Engine, EngineError};
use welkin_seal::{CodeKind, Contract, DataKeys, FOOTER, Manifest, Privacy, Recipient, Run, open_whole};

pub(crate) const RECIPE: &str = r#"{"label": "y", "features": ["a", "b", "c"], "categories": ["c"], "id": "id",
    "params": {"objective": "binary:logistic", "subsample": 0.8, "max_depth": 4}, "rounds": 6}"#;

/// Lines of a table of 90 rows, of which each party has every third.
fn lines() -> Vec<String> {
    let line = |row: usize| {
        let (a, b, c) = (row * 37 % 101, row * 53 % 17, row * 7 % 5);
        let b = if row.is_multiple_of(9) { String::new() } else { format!("{b}.1") };
        format!("{},{a},note {row},{b},{c},{}", row * 3, u8::from((a * 3 + c * 20) % 31 > 15))
    };
    (0..90).map(line).collect()
}

const HEAD: &str = "id,a,note,b,c,y";

fn table<'a>(lines: impl Iterator<Item = &'a String>) -> String {
    [HEAD].into_iter().chain(lines.map(String::as_str)).collect::<Vec<_>>().join("\n") + "\n"
}

pub(crate) fn clinics() -> World {
    clinics_with(None)
}

/// Three parties, whose data sets have a budget or none. The second has its rows in two files, the third names its columns in
/// another order.
pub(crate) fn clinics_with(budget: Option<u64>) -> World {
    let mut world = World::new(&["a", "b", "c"]);
    world.budget = budget;
    let lines = lines();
    let of = |party: usize| lines.iter().skip(party).step_by(3).cloned().collect::<Vec<_>>();
    world.seal("a", "visits", &[&table(of(0).iter())]);
    world.seal("b", "visits", &[&table(of(1)[..10].iter()), &table(of(1)[10..].iter())]);
    let turned =
        of(2).iter().map(|line| line.split(',').rev().collect::<Vec<_>>().join(",")).collect::<Vec<_>>();
    world.seal("c", "visits", &[&format!("y,c,b,note,a,id\n{}\n", turned.join("\n"))]);
    world
}

/// An engine with everything that it needs to train.
pub(crate) fn job(world: &World, recipe: &str) -> (Engine, Run, Contract) {
    let contract = world.signed(world.manifest_of(CodeKind::Boost, recipe, 1));
    let job = world.job_of(contract, recipe);
    (job.engine, job.run, job.contract)
}

/// The model as a recipient opens it.
pub(crate) fn opened(world: &World, run: &Run, recipient: &str) -> Option<Vec<u8>> {
    let snapshot = crate::world::snapshot(&run.output);
    assert!(snapshot.columns.is_empty());
    let keys = DataKeys::read(&fs::read(run.output.join("keys.json")).unwrap()).unwrap();
    let key = keys.column(&keys.unlock(world.root(recipient)).ok()?, "model.json", FOOTER).unwrap();
    let sealed = fs::read(run.output.join("model.json")).unwrap();
    let place = (&snapshot.party, &snapshot.name, snapshot.version, "model.json");
    Some(open_whole(&key, place, &sealed).unwrap().to_vec())
}

/// What the trainer makes of all rows in one table.
fn in_the_open(recipe: &str, lines: &[String], valid: Option<&[String]>) -> Vec<u8> {
    let recipe = Recipe::read(recipe.as_bytes()).unwrap();
    let options = CsvOptions {
        label: Some(recipe.label.clone()),
        id: recipe.id.clone(),
        categories: recipe.categories.clone(),
        features: Some(recipe.features.clone()),
        ..CsvOptions::default()
    };
    let read = |lines: &[String]| read_csv(table(lines.iter()).as_bytes(), &options).unwrap();
    let (data, valid) = (read(lines), valid.map(read));
    let watched: Vec<_> = valid.iter().map(|data| ("valid", data)).collect();
    let training = Training {
        params: &recipe.params,
        rounds: recipe.rounds,
        data: &data,
        watched: &watched,
        patience: recipe.early_stopping,
        start: None,
        workers: &Alone,
    };
    train(&training, &mut |_| true).unwrap().model.write(Format::Json)
}

#[test]
fn the_model_of_sealed_rows_is_the_file_of_the_same_rows_in_the_open() {
    let world = clinics();
    let (mut engine, run, _) = job(&world, RECIPE);
    let ran = engine.run(&run).unwrap();
    assert_eq!(ran.rows, 0, "what a model was made of is not told to whoever ran it");
    let mut shuffled = lines();
    shuffled.rotate_left(31);
    let model = opened(&world, &run, "a").unwrap();
    assert_eq!(
        String::from_utf8(model).unwrap(),
        String::from_utf8(in_the_open(RECIPE, &shuffled, None)).unwrap()
    );
    for party in ["b", "c"] {
        assert!(opened(&world, &run, party).is_none(), "only `a` is to get it");
    }
    let sealed = fs::read(run.output.join("model.json")).unwrap();
    for word in [&b"learner"[..], b"logistic", b"base_score"] {
        assert!(!sealed.windows(word.len()).any(|part| part == word), "the model lies in the open");
    }
}

#[test]
fn an_oblivious_contract_makes_the_model_of_an_ordinary_one() {
    const RECIPE: &str = r#"{"label": "y", "features": ["a", "b"], "params": {"objective": "binary:logistic", "max_depth": 3},
        "rounds": 4}"#;
    let world = clinics();
    let [hidden, plain] = [true, false].map(|oblivious| {
        let manifest = Manifest { oblivious, ..world.manifest_of(CodeKind::Boost, RECIPE, 1) };
        let mut job = world.job_of(world.signed(manifest), RECIPE);
        job.engine.run(&job.run).unwrap();
        opened(&world, &job.run, "a").unwrap()
    });
    assert!(hidden == plain && plain == in_the_open(RECIPE, &lines(), None));
}

#[test]
fn every_recipient_of_the_contract_opens_the_model_and_nobody_else() {
    let world = clinics();
    let mut manifest = world.manifest_of(CodeKind::Boost, RECIPE, 1);
    manifest.recipients = ["b", "c"].map(|party| Recipient::from(world.root(party).identity())).to_vec();
    let mut job = world.job_of(world.signed(manifest), RECIPE);
    job.engine.run(&job.run).unwrap();
    assert!(opened(&world, &job.run, "a").is_none());
    assert_eq!(opened(&world, &job.run, "b").unwrap(), opened(&world, &job.run, "c").unwrap());
}

#[test]
fn data_sets_of_the_other_name_judge_and_stop_it() {
    const JUDGED: &str = r#"{"label": "y", "features": ["a", "c"], "params": {"objective": "binary:logistic", "eta": 1},
        "rounds": 40, "valid": "later", "early_stopping": 2}"#;
    let (lines, mut world) = (lines(), World::new(&["a", "b"]));
    world.seal("a", "visits", &[&table(lines[..60].iter())]);
    world.seal("b", "later", &[&table(lines[60..].iter())]);
    let (mut engine, run, _) = job(&world, JUDGED);
    engine.run(&run).unwrap();
    let model = opened(&world, &run, "a").unwrap();
    assert!(model == in_the_open(JUDGED, &lines[..60], Some(&lines[60..])));
    assert!(
        model
            != in_the_open(
                &JUDGED.replace(", \"valid\": \"later\", \"early_stopping\": 2", ""),
                &lines[..60],
                None
            )
    );
}

#[test]
fn the_result_says_which_engine_made_it() {
    let world = clinics();
    let (mut engine, run, contract) = job(&world, RECIPE);
    engine.run(&run).unwrap();
    let receipt = welkin_seal::Receipt::read(&fs::read(run.output.join("receipt.json")).unwrap()).unwrap();
    assert_eq!(
        (text(&receipt.contract), receipt.contract.manifest.code.digest),
        (text(&contract), sum(RECIPE))
    );
    let parties = world.parties.iter().map(|(name, root)| (name.clone(), root.identity().clone())).collect();
    let snapshot = crate::world::snapshot(&run.output);
    snapshot.is_of(receipt.verify(&parties, &crate::world::policy(), snapshot.created).unwrap()).unwrap();
}

/// The word for why nothing was trained. Nothing of a result is there then.
pub(crate) fn word(world: &World, recipe: &str, privacy: Privacy) -> (&'static str, EngineError) {
    let mut manifest = world.manifest_of(CodeKind::Boost, recipe, 1);
    manifest.privacy = privacy;
    let mut job = world.job_of(world.signed(manifest), recipe);
    let error = job.engine.run(&job.run).unwrap_err();
    assert!(!job.run.output.exists());
    (error.code(), error)
}
