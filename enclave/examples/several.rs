//! What several engines take for a query beside one: the questions of a file on sealed tables, one after the other in one process.
//!
//!     several FOLDER QUESTIONS RUNS THREADS ENGINES
//!
//! FOLDER has NAME.parquet for each table. Both sides have THREADS in all. Prints a line of JSON for each question: the median of each side in milliseconds
//! of the process's processor time and of the clock, with opening the inputs, which every engine does for itself.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on fails, and prints its figures"
)]
#![allow(dead_code, reason = "the world of the tests has more than is used here")]

#[path = "../tests/sql/together.rs"]
mod together;
#[path = "../tests/sql/world.rs"]
mod world;

use rustix::time::{ClockId, clock_gettime};
use std::fs;
use std::time::Instant;
use world::World;

const MEMORY: u64 = 8 << 30;

fn cpu() -> f64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    now.tv_sec as f64 * 1e3 + now.tv_nsec as f64 / 1e6
}

/// Processor time and time by the clock.
fn timed(what: impl FnOnce()) -> (f64, f64) {
    let (before, began) = (cpu(), Instant::now());
    what();
    (cpu() - before, began.elapsed().as_secs_f64() * 1e3)
}

fn alone(world: &World, query: &str, threads: usize) -> (f64, f64) {
    let mut job = world.job(query, 1);
    (job.run.threads, job.run.memory) = (threads, MEMORY);
    let spent = timed(|| assert!(job.engine.run(&job.run).is_ok()));
    fs::remove_dir_all(&job.run.output).unwrap();
    spent
}

fn shared(world: &World, query: &str, threads: usize, engines: u32) -> (f64, f64) {
    let mut together = world.together(engines, query);
    for run in &mut together.runs {
        (run.threads, run.memory) = (threads.div_ceil(engines as usize), MEMORY / u64::from(engines));
    }
    let output = together.runs[0].output.clone();
    let spent = timed(|| assert!(together.run().iter().all(Result::is_ok)));
    fs::remove_dir_all(output).unwrap();
    spent
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let [_, folder, questions, runs, threads, engines] = &args[..] else {
        panic!("several FOLDER QUESTIONS RUNS THREADS ENGINES")
    };
    let (runs, threads): (usize, usize) = (runs.parse().unwrap(), threads.parse().unwrap());
    let engines: u32 = engines.parse().unwrap();
    let mut world = World::new(&["a"]);
    for entry in fs::read_dir(folder).unwrap() {
        let from = entry.unwrap().path();
        let table = from.file_stem().unwrap().to_str().unwrap().to_owned();
        world.seal_files("a", (&table, 1), &[from]);
    }
    let text = fs::read_to_string(questions).unwrap();
    for part in text.split("\n-- ").skip(1) {
        let (head, query) = part.split_once('\n').unwrap();
        let number = head.split(':').next().unwrap();
        let (mut one, mut several) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
        // The first run reads files that the others find in memory.
        for run in 0..=runs {
            let (a, b) = (alone(&world, query, threads), shared(&world, query, threads, engines));
            if run > 0 {
                for (times, (cpu, wall)) in [(&mut one, a), (&mut several, b)] {
                    times.0.push(cpu);
                    times.1.push(wall);
                }
            }
        }
        let [cpu, wall, shared_cpu, shared_wall] = [one.0, one.1, several.0, several.1].map(median);
        println!(
            "{{\"question\": {number}, \"cpu\": {cpu:.2}, \"wall\": {wall:.2}, \"shared_cpu\": {shared_cpu:.2}, \"shared_wall\": {shared_wall:.2}}}"
        );
    }
}
