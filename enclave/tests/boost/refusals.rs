//! What is not trained, each with the word for it.

use crate::models::{RECIPE, clinics, job, word};
use crate::world::{World, snapshot, text};
use std::fs;
use welkin_seal::{CodeKind, Manifest, Privacy, Recipient, Snapshot};

const OPEN: Privacy = Privacy { minimum_group: 1, epsilon_milli: None, noise: None };

/// The word for a recipe that all have signed.
fn agreed(recipe: &str) -> String {
    let (word, error) = word(&clinics(), recipe, OPEN);
    format!("{word}: {error}")
}

#[test]
fn nothing_is_trained_but_what_was_signed() {
    let world = clinics();
    for (from, to) in [("0.8", "0.9"), ("\"label\": \"y\"", "\"label\": \"c\""), ("\"a\", ", ""), ("\n", " ")]
    {
        let (mut engine, mut run, _) = job(&world, RECIPE);
        run.query = RECIPE.replacen(from, to, 1);
        assert_ne!(run.query, RECIPE);
        assert_eq!(engine.run(&run).unwrap_err().code(), "changed-code", "{from}");
        assert!(!run.output.exists());
    }
}

#[test]
fn whoever_is_no_recipient_of_the_contract_cannot_be_put_in() {
    let world = clinics();
    let (mut engine, mut run, mut contract) = job(&world, RECIPE);
    contract.manifest.recipients = vec![Recipient::from(world.root("c").identity())];
    run.contract = text(&contract);
    assert_eq!(engine.run(&run).unwrap_err().code(), "other-contract");
    // As if the engine had been asked for the changed one: the owners have signed another.
    let (mut engine, mut run, mut contract) = job(&world, RECIPE);
    contract.manifest.recipients.push(Recipient::from(world.root("c").identity()));
    run.contract = text(&contract);
    assert_eq!(engine.run(&run).unwrap_err().code(), "other-contract");
    assert!(!run.output.exists());
}

#[test]
fn a_contract_about_a_query_trains_nothing_and_one_about_a_training_asks_nothing() {
    let world = clinics();
    let query = "SELECT count(*) AS n FROM visits";
    assert_eq!(agreed(query), "no-recipe: the recipe is refused");
    let mut job = world.job_of(world.signed(world.manifest_of(CodeKind::Sql, RECIPE, 1)), RECIPE);
    assert_eq!(job.engine.run(&job.run).unwrap_err().code(), "no-query");
    let mut job = world.job_of(world.signed(world.manifest_of(CodeKind::Program, RECIPE, 1)), RECIPE);
    assert_eq!(job.engine.run(&job.run).unwrap_err().code(), "unsupported");
}

#[test]
fn privacy_that_trees_do_not_keep_is_not_promised() {
    assert_eq!(word(&clinics(), RECIPE, Privacy { minimum_group: 2, ..OPEN }).0, "unsupported");
}

#[test]
fn what_there_is_no_oblivious_way_for_is_refused_by_its_name() {
    let world = clinics();
    let features = "\"features\": [\"a\", \"b\", \"c\"]";
    let many = (0..40).map(|number| format!("\"f{number}\"")).collect::<Vec<_>>().join(", ");
    let fits = fits();
    for (recipe, named) in [
        (RECIPE.to_owned(), "`subsample`"),
        (fits.replacen("\"id\"", "\"categories\": [\"c\"], \"id\"", 1), "categories (`c`)"),
        (fits.replacen("\"max_depth\": 4", "\"max_leaves\": 9", 1), "`max_leaves`"),
        (fits.replacen("\"max_depth\": 4", "\"max_depth\": 13", 1), "`max_depth` 13"),
        (fits.replacen("binary:logistic", "survival:cox", 1), "survival:cox"),
        (fits.replacen("\"rounds\"", "\"valid\": \"visits\", \"rounds\"", 1), "judged by"),
        (
            fits.replacen(features, &format!("\"features\": [{many}]"), 1).replacen(
                "\"max_depth\": 4",
                "\"max_depth\": 12, \"max_bin\": 1024",
                1,
            ),
            "83886080 bins",
        ),
    ] {
        let manifest = Manifest { oblivious: true, ..world.manifest_of(CodeKind::Boost, &recipe, 1) };
        let mut job = world.job_of(world.signed(manifest), &recipe);
        // Rows are read when it is run.
        let error = job.engine.prepare(&job.run).err().unwrap();
        assert_eq!(error.code(), "not-oblivious", "{error}");
        assert!(error.to_string().contains(named) && !job.run.output.exists(), "{error}");
    }
}

#[test]
fn what_an_oblivious_training_takes_is_held_against_memory_before_rows_are_read() {
    let (world, recipe) = (clinics(), fits());
    for (oblivious, fits) in [(false, true), (true, false)] {
        let manifest = Manifest { oblivious, ..world.manifest_of(CodeKind::Boost, &recipe, 1) };
        let mut job = world.job_of(world.signed(manifest), &recipe);
        job.run.memory = 40_000;
        let word = job.engine.prepare(&job.run).err().map(|error| error.code());
        assert_eq!(word, (!fits).then_some("memory"));
    }
}

/// A recipe that can be trained obliviously.
fn fits() -> String {
    RECIPE.replacen("\"subsample\": 0.8, ", "", 1).replacen("\"categories\": [\"c\"], ", "", 1)
}

#[test]
fn recipes_that_do_not_fit_the_data_are_told_with_their_column() {
    let with = |from: &str, to: &str| agreed(&RECIPE.replacen(from, to, 1));
    assert_eq!(
        with("\"label\": \"y\"", "\"label\": \"z\""),
        "no-column: the column `z` of a/visits, version 1, is not there"
    );
    assert_eq!(
        with("\"b\", ", "\"note\", "),
        "no-column: the column `note` of a/visits, version 1, has text that is no number"
    );
    assert_eq!(
        with("\"id\": \"id\"", "\"id\": \"note\", \"weight\": \"id\""),
        "no-column: the column `note` of a/visits, version 1, is of a type that is no whole number"
    );
    assert!(with("\"rounds\": 6", "\"rounds\": 6, \"valid\": \"later\"").starts_with("no-recipe"));
    assert!(with("\"rounds\": 6", "\"rounds\": 6, \"valid\": \"visits\"").starts_with("no-recipe"));
    assert!(with("\"max_depth\": 4", "\"max_depth\": 0").starts_with("no-recipe"));
    assert!(with("\"max_depth\": 4", "\"eval_metric\": \"zzz\"").starts_with("no-recipe"));
}

#[test]
fn errors_among_the_rows_tell_no_value() {
    let said = |rows: &str, recipe: &str| {
        let mut world = World::new(&["a"]);
        world.seal("a", "visits", &[&format!("x,y\n{rows}")]);
        let (word, error) = word(&world, recipe, OPEN);
        assert!(!format!("{error} {error:?}").contains("77"), "{error:?}");
        word
    };
    let logistic =
        r#"{"label": "y", "features": ["x"], "params": {"objective": "binary:logistic"}, "rounds": 1}"#;
    assert_eq!(said("1,77\n2,0\n", logistic), "failed", "a label that is none");
    assert_eq!(said("1,\n77,0\n", logistic), "failed", "a label that is missing");
    assert_eq!(said("7.7e77,1\n2,0\n", logistic), "failed", "a value that is too large");
    assert_eq!(said("x77,1\ny,0\n", logistic), "no-column", "a value that is none");
    let category = logistic.replace("\"rounds\"", "\"categories\": [\"x\"], \"rounds\"");
    assert_eq!(said("0.77,1\n2,0\n", &category), "failed", "no category");
    let weighted = logistic.replace("[\"x\"]", "[\"y\"]").replace("\"label\": \"y\"", "\"label\": \"x\"");
    assert_eq!(said("770,1\n2,0\n", &weighted), "failed");
}

#[test]
fn rows_that_do_not_fit_into_memory_are_refused_before_they_are_read() {
    let world = clinics();
    let (mut engine, mut run, _) = job(&world, RECIPE);
    run.memory = 4096;
    // Nobody reads them: they would be found to be changed.
    let error = engine.run(&run).unwrap_err();
    assert_eq!((error.code(), run.output.exists()), ("memory", false), "{error}");
}

#[test]
fn an_owner_who_signs_for_more_rows_than_there_are_is_found_out() {
    let world = clinics();
    let (path, owner) = (world.inputs[0].join("snapshot.json"), world.root("a"));
    let Snapshot { name, version, columns, mut files, .. } = snapshot(&world.inputs[0]);
    files[0].rows = 1 << 20;
    let more = Snapshot::new(owner, (name, version), 7, columns, files).unwrap();
    fs::write(path, more.write()).unwrap();
    assert_eq!(word(&world, RECIPE, OPEN).0, "changed-file");
}

#[test]
fn another_partys_file_or_an_old_one_is_not_trained_on() {
    let world = clinics();
    let (mut engine, run, _) = job(&world, RECIPE);
    fs::copy(world.inputs[0].join("part-00000.parquet"), world.inputs[2].join("part-00000.parquet")).unwrap();
    assert_eq!(engine.run(&run).unwrap_err().code(), "changed-file");
    let world = clinics();
    let (mut engine, mut run, _) = job(&world, RECIPE);
    run.inputs.pop();
    assert_eq!(engine.run(&run).unwrap_err().code(), "missing-input");
    let (mut engine, mut run, _) = job(&world, RECIPE);
    run.released.swap(0, 1);
    engine.run(&run).unwrap();
    let (mut engine, mut run, _) = job(&world, RECIPE);
    run.released.pop();
    assert_eq!(engine.run(&run).unwrap_err().code(), "no-key");
}
