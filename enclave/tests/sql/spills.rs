//! What does not fit into memory.

use crate::world::World;
use std::fs;

const QUERY: &str = "SELECT name FROM a.t ORDER BY name";

/// Rows that a sort has to put aside, with a word in each.
fn large() -> World {
    let mut world = World::new(&["a"]);
    let rows: String = (0..200_000_u64)
        .map(|row| format!("Zanzibar-{:020}\n", row.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
        .collect();
    world.seal("a", "t", &[&format!("name\n{rows}")]);
    world
}

#[test]
fn a_query_that_needs_more_memory_says_so_or_puts_it_aside() {
    let world = large();
    let mut job = world.job(QUERY, 1);
    (job.run.memory, job.run.threads) = (12 << 20, 1);
    let error = job.engine.run(&job.run).unwrap_err();
    assert_eq!(error.code(), "memory", "{error}");
    assert!(error.to_string().contains("12 MiB") && error.to_string().contains("no folder"), "{error}");
    assert!(!job.run.output.exists());
    // The same with a folder to put something aside.
    let folder = world.path("aside");
    fs::create_dir(&folder).unwrap();
    let mut job = world.job(QUERY, 1);
    (job.run.memory, job.run.threads, job.run.spill) = (12 << 20, 1, Some(folder.clone()));
    let (output, ran) = world.done(job).unwrap();
    assert_eq!(ran.rows, 200_000);
    let text = String::from_utf8(world.opened(&output, welkin_enclave::Form::Csv)).unwrap();
    let names: Vec<&str> = text.lines().skip(1).collect();
    assert!(names.is_sorted() && names.len() == 200_000);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}
