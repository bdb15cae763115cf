//! What sealing costs a query: the questions of a file on sealed tables and on the same in the open, one after the other in
//! one process, by the processor time of the process.
//!
//!     speed FOLDER QUESTIONS RUNS THREADS [SAME]
//!
//! FOLDER has NAME.parquet for each table; those that are read in the open, which the same writer made of it, are left in SAME. Prints a line of JSON for each question: the median of each side in milliseconds, the
//! open side measured twice to tell what a difference is worth, and what opening the inputs took besides.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on fails, and prints its figures"
)]
#![allow(dead_code, reason = "the world of the tests has more than is used here")]

#[path = "../tests/sql/world.rs"]
mod world;

use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use rustix::time::{ClockId, clock_gettime};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use world::World;

fn cpu() -> f64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    now.tv_sec as f64 * 1e3 + now.tv_nsec as f64 / 1e6
}

fn properties() -> WriterProperties {
    // As sealed files are written.
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(512 << 10))
        .build()
}

/// The same table by the same writer.
fn rewrite(from: &Path, to: &Path) {
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(File::open(from).unwrap()).unwrap().build().unwrap();
    let schema = arrow_array::RecordBatchReader::schema(&reader);
    let mut writer = ArrowWriter::try_new(File::create(to).unwrap(), schema, Some(properties())).unwrap();
    reader.for_each(|batch| writer.write(&batch.unwrap()).unwrap());
    writer.close().unwrap();
}

/// The query on files in the open, with its result in a file.
fn open(context: &SessionContext, query: &str, to: &Path, threads: usize) -> f64 {
    let before = cpu();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).build().unwrap();
    runtime.block_on(async {
        let frame = context.sql(query).await.unwrap();
        let mut stream = frame.execute_stream().await.unwrap();
        let mut writer =
            ArrowWriter::try_new(File::create(to).unwrap(), stream.schema(), Some(properties())).unwrap();
        while let Some(batch) = futures::StreamExt::next(&mut stream).await {
            writer.write(&batch.unwrap()).unwrap();
        }
        writer.close().unwrap();
    });
    cpu() - before
}

/// What opening took, and what the query and the sealing of its result took.
fn sealed(world: &World, query: &str, threads: usize) -> (f64, f64) {
    let mut job = world.job(query, 1);
    (job.run.threads, job.run.memory) = (threads, 8 << 30);
    let before = cpu();
    let prepared = job.engine.prepare(&job.run).unwrap();
    let between = cpu();
    prepared.run().unwrap();
    let after = cpu();
    fs::remove_dir_all(&job.run.output).unwrap();
    (between - before, after - between)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let [_, folder, questions, runs, threads, same @ ..] = &args[..] else {
        panic!("speed FOLDER QUESTIONS RUNS THREADS [SAME]")
    };
    let (runs, threads): (usize, usize) = (runs.parse().unwrap(), threads.parse().unwrap());
    let mut world = World::new(&["a"]);
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(threads));
    let setting_up = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let from = entry.unwrap().path();
        let table = from.file_stem().unwrap().to_str().unwrap().to_owned();
        let to: PathBuf = world.path(&format!("{table}.parquet"));
        rewrite(&from, &to);
        if let [same] = same {
            fs::copy(&to, Path::new(same).join(format!("{table}.parquet"))).unwrap();
        }
        world.seal_files("a", (&table, 1), &[from]);
        let options = ParquetReadOptions::default();
        setting_up.block_on(context.register_parquet(&table, to.to_str().unwrap(), options)).unwrap();
    }
    let out = world.path("out.parquet");
    let text = fs::read_to_string(questions).unwrap();
    for part in text.split("\n-- ").skip(1) {
        let (head, query) = part.split_once('\n').unwrap();
        let number = head.split(':').next().unwrap();
        let (mut opened, mut plain, mut again, mut closed) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for run in 0..=runs {
            let first = open(&context, query, &out, threads);
            let (opening, on_sealed) = sealed(&world, query, threads);
            let second = open(&context, query, &out, threads);
            // The first run reads files that the others find in memory.
            if run > 0 {
                plain.push(first);
                again.push(second);
                closed.push(on_sealed);
                opened.push(opening);
            }
        }
        let [plain, again, closed, opened] = [plain, again, closed, opened].map(median);
        println!(
            "{{\"question\": {number}, \"open\": {plain:.2}, \"again\": {again:.2}, \"sealed\": {closed:.2}, \"opening\": {opened:.2}}}"
        );
    }
}
