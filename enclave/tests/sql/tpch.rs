//! The 22 questions of TPC-H on sealed tables of two parties, answered as DuckDB answers them.

use crate::world::World;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use welkin_enclave::Form;

/// Hundreds of rows to some tens of thousands: what an unoptimised engine reads in seconds.
const SCALE: &str = "0.01";

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tpch").join(name)
}

#[expect(clippy::print_stdout, reason = "a test that did not run says so")]
pub(crate) fn python(test: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder =
        std::env::var_os("WELKIN_STAND_INS").map_or_else(|| root.join("target/stand-ins"), PathBuf::from);
    let python = folder.join("bin/duckdb-python");
    if python.exists() {
        return Some(python);
    }
    let required = std::env::var("WELKIN_REQUIRE_STAND_INS").is_ok_and(|value| value == "1");
    assert!(!required, "{} is missing, and WELKIN_REQUIRE_STAND_INS is 1", python.display());
    println!("skipped: {test}: did not run: DuckDB is not installed (see .ci/stand-ins.sh)");
    None
}

/// The number of each question, and its text.
fn questions() -> Vec<(String, String)> {
    let text = fs::read_to_string(here("queries.sql")).unwrap();
    let parts = text.split("\n-- ").skip(1).map(|part| {
        let (head, query) = part.split_once('\n').unwrap();
        (head.split(':').next().unwrap().to_owned(), query.to_owned())
    });
    parts.collect()
}

#[test]
fn sealed_answers_are_those_of_duckdb() {
    let Some(python) = python("sealed_answers_are_those_of_duckdb") else { return };
    let mut world = World::new(&["a", "b"]);
    let folder = world.path("tpch");
    fs::create_dir(&folder).unwrap();
    let oracle = |args: &[&str]| -> Output {
        Command::new(&python).arg(here("oracle.py")).args(args).current_dir(&folder).output().unwrap()
    };
    let made = oracle(&["make", SCALE]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    // A shop and its suppliers.
    for (party, tables) in [
        ("a", &["region", "nation", "customer", "orders", "lineitem"][..]),
        ("b", &["supplier", "part", "partsupp"]),
    ] {
        for table in tables {
            let file = folder.join(format!("{table}.parquet"));
            world.seal_files(party, (table, 1), &[file]);
        }
    }
    let questions = questions();
    assert_eq!(questions.len(), 22);
    let judge = |who: &str| {
        let judged = oracle(&["judge"]);
        let told = String::from_utf8_lossy(&judged.stdout);
        assert!(judged.status.success(), "{who}: {told}{}", String::from_utf8_lossy(&judged.stderr));
        assert_eq!(told.trim(), "22 answers are the same", "{who}");
    };
    let answer = |number: &str| folder.join(format!("q{number}.parquet"));
    for (number, query) in &questions {
        let (output, _) = world.done(world.job(query, 1)).unwrap_or_else(|error| panic!("{number}: {error}"));
        fs::write(answer(number), world.opened(&output, Form::Parquet)).unwrap();
    }
    judge("one engine");
    for (number, query) in &questions {
        fs::remove_file(answer(number)).unwrap();
        let output = world.done_together(3, query, number);
        fs::write(answer(number), world.opened(&output, Form::Parquet)).unwrap();
    }
    judge("three engines");
}
