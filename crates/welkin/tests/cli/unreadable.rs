//! Runs whose records this version cannot read: they are named, nothing of theirs is touched, and what is said
//! of all others stands.

use crate::bed::{Bed, both, stderr};
use crate::kept::files;
use rusqlite::Connection;
use serde_json::Value;
use std::path::PathBuf;

const JOB: &str = "name: NAME
tasks:
  make: {resources: {cpus: 2+}, outputs: {table: {size: 1MB}}, run: 'echo x > $WELKIN_OUTPUT_TABLE'}
";

/// `Unreadable` among the exit codes.
const UNREADABLE: Option<i32> = Some(15);

/// Three runs that succeeded: one whose plan a newer version wrote, one whose plan is damaged, one that is sound.
fn three() -> Bed {
    let bed = Bed::new();
    for name in ["newer", "torn", "sound"] {
        bed.file("job.yaml", &JOB.replace("NAME", name));
        bed.ok(["up", "job.yaml"]);
    }
    alter(
        &bed,
        "UPDATE run SET plan = replace(plan, '\"schema\": 1,', '\"schema\": 99,') WHERE name = 'newer'",
    );
    alter(
        &bed,
        "UPDATE run SET plan = replace(plan, '\"region\": \"', '\"region\": \"x') WHERE name = 'torn'",
    );
    bed
}

fn alter(bed: &Bed, sql: &str) {
    let db = Connection::open(bed.home().join("state/broker.sqlite3")).unwrap();
    assert_eq!(db.execute(sql, []).unwrap(), 1);
}

/// What a command says in JSON when it had to pass over runs.
fn told(bed: &Bed, args: &[&str]) -> Value {
    let output = bed.run(args.iter().copied().chain(["-o", "json"]));
    assert_eq!(output.status.code(), UNREADABLE, "{args:?} {}", both(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn assert_names_both(unreadable: &Value) {
    let words: Vec<&str> = unreadable.as_array().unwrap().iter().map(|run| run.as_str().unwrap()).collect();
    let [newer, torn] = words[..] else { panic!("{words:?}") };
    assert!(newer.contains("newer-") && newer.contains("schema 99 is not supported"), "{newer}");
    assert!(torn.contains("torn-") && torn.contains("was changed after it was made"), "{torn}");
}

#[test]
fn what_is_said_of_all_runs_names_those_that_cannot_be_read_and_stands_for_the_others() {
    let bed = three();
    let cost = told(&bed, &["cost"]);
    assert_names_both(&cost["unreadable"]);
    assert!(cost["runs"][0]["run"].as_str().unwrap().starts_with("sound-"), "{cost}");
    // A list needs no plan.
    assert_eq!(bed.json(&["runs"])["runs"].as_array().unwrap().len(), 3);
    // Of one run that is asked for by its name there is nothing else to say.
    for args in [["status", "newer"], ["cost", "newer"], ["logs", "newer"]] {
        let output = bed.run(args);
        assert_eq!(output.status.code(), Some(1), "{}", both(&output));
        assert!(stderr(&output).contains("the records of newer-"), "{}", stderr(&output));
        assert!(stderr(&output).contains("schema 99"), "{}", stderr(&output));
    }
    assert!(bed.ok(["status"]).contains("sound-"));
}

#[test]
fn a_sweep_deletes_nothing_of_a_run_that_it_cannot_read() {
    let bed = three();
    let of = |name: &str| -> Vec<PathBuf> {
        let mut found = files(&bed.home().join("clouds"), name);
        found.sort();
        found
    };
    let before = (of("newer-"), of("torn-"));
    assert!(!before.0.is_empty() && !before.1.is_empty());
    let swept = told(&bed, &["gc"]);
    assert_names_both(&swept["unreadable"]);
    assert_eq!(swept["failures"], Value::Array(Vec::new()));
    let pruned = told(&bed, &["prune", "--keep", "0", "--yes"]);
    assert!(pruned["runs"][0].as_str().unwrap().starts_with("sound-"), "{pruned}");
    let why: Vec<&str> =
        pruned["kept"].as_array().unwrap().iter().map(|kept| kept["why"].as_str().unwrap()).collect();
    assert!(why.len() == 2 && why.iter().all(|why| why.contains("cannot be read")), "{pruned}");
    assert_eq!((of("newer-"), of("torn-")), before);
}

#[test]
fn going_on_with_all_runs_passes_over_one_that_cannot_be_read() {
    let bed = three();
    alter(&bed, "UPDATE run SET state = 'running' WHERE name = 'newer'");
    assert_eq!(told(&bed, &["resume"])["unreadable"].as_array().unwrap().len(), 1);
    let runs = bed.run(["runs"]);
    assert!(
        stderr(&runs).contains("its records cannot be read, and nothing of it is touched"),
        "{}",
        both(&runs)
    );
    // Nor does it keep new ones from being run.
    bed.ok(["up", "job.yaml"]);
}
