//! Tasks of a job file that train boosted trees.

use crate::bed::{Bed, both, stderr};
use std::fs;

const ROWS: &str = "a,b,ward,note,y\n";

/// Rows, of which each is a line of a table with a name that a shell would trip over.
fn rows(count: usize) -> String {
    let line = |row: usize| {
        let (a, b, ward) = (row * 37 % 101, row * 53 % 17, row * 7 % 5);
        format!("{a},{b}.5,{ward},note {row},{}\n", u8::from((a * 3 + ward * 20) % 31 > 15))
    };
    ROWS.to_owned() + &(0..count).map(line).collect::<String>()
}

const JOB: &str = "\
name: trees
tasks:
  train:
    resources: {cpus: 2+}
    inputs: {rows: 'file://./rows'}
    outputs: {model: {size: 1 MB}}
    boost:
      train:
        data: rows/it's $(a) table.csv
        label: y
        categories: [ward]
        ignore: [note]
        params: {objective: 'binary:logistic', max_depth: 3, monotone_constraints: {a: 1}}
        rounds: 7
  look:
    resources: {cpus: 2+}
    inputs: {model: train.model}
    run: exec \"$WELKIN_PROGRAM\" boost show \"$WELKIN_INPUT_MODEL\"
";

#[test]
fn a_task_trains_the_model_that_the_command_trains() {
    let bed = Bed::apart();
    fs::create_dir(bed.path().join("rows")).unwrap();
    let table = "rows/it's $(a) table.csv";
    bed.file(table, &rows(300));
    bed.file("job.yaml", JOB);
    let run = bed.run(["up", "job.yaml", "--yes"]);
    assert!(run.status.success(), "{}", both(&run));
    let id = bed.json(&["runs"])["runs"][0]["id"].as_str().unwrap().to_owned();
    bed.ok(["fetch", &id, "train.model", "fetched"]);
    let settings = ["--set", "objective=binary:logistic", "--set", "max_depth=3"];
    let more = [
        "--set",
        r#"monotone_constraints={"a":1}"#,
        "--rounds",
        "7",
        "--categories",
        "ward",
        "--ignore",
        "note",
    ];
    let train = ["boost", "train", "--data", table, "--label", "y", "--model", "own.json"];
    bed.ok([&train[..], &settings, &more].concat());
    let fetched = bed.path().join("fetched");
    let model = if fetched.is_dir() { fetched.join("model") } else { fetched };
    assert!(fs::read(model).unwrap() == fs::read(bed.path().join("own.json")).unwrap());
    assert!(bed.ok(["logs", &id, "look"]).contains("ward"), "the next task reads it");
}

#[test]
fn a_parameter_that_nobody_knows_leases_no_machine() {
    let bed = Bed::new();
    bed.file("job.yaml", &JOB.replace("max_depth: 3", "max_dept: 3"));
    let plan = bed.run(["plan", "job.yaml"]);
    assert_eq!(plan.status.code(), Some(3), "{}", both(&plan));
    assert!(stderr(&plan).contains("did you mean `max_depth`?"), "{}", both(&plan));
    assert!(stderr(&plan).contains("job.yaml:13:"), "{}", both(&plan));
}
