//! The whole sequence of instructions and accesses to memory of an oblivious training is the same whatever the rows are: traced by
//! valgrind's lackey.
//!
//! As in `crates/oblivious` this program is its own judge: started without arguments it starts itself under valgrind and compares
//! what lies between two marks. A training has millions of events, so that their hashes are compared; a hash is kept for every so many
//! of them, which tells where two traces part.
//!
//! Controls: the same rows twice have to give the same trace; and the plain trainer has to give others for other rows.
#![expect(clippy::print_stdout, reason = "it says what it did, as tests do")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails, and says where")]

use std::collections::hash_map::DefaultHasher;
use std::fs::File;
use std::hash::Hasher;
use std::hint::black_box;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use welkin_boost::{
    Alone, Column, Data, Features, Kind, Model, Params, Progress, TrainError, Trained, Training, train,
    train_obliviously,
};

/// What is traced obliviously, and of these what plainly too.
const CASES: &[&str] =
    &["squared", "logistic", "weighted", "penalties", "counts", "gamma", "tweedie", "predictions"];
const PLAIN: &[&str] = &["squared", "logistic", "predictions"];
/// No multiple of eight, so that the last group has gaps.
const ROWS: usize = 101;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["traced", "marks"] => println!("{:x} {:x}", begin as *const () as usize, end as *const () as usize),
        ["traced", way, case, seed] => traced(way == "oblivious", case, seed.parse().unwrap()),
        ["--list", ..] => println!("traces_are_the_same_whatever_the_rows_are: test"),
        _ => return judge(),
    }
    ExitCode::SUCCESS
}

fn judge() -> ExitCode {
    if Command::new("valgrind").arg("--version").output().is_err() {
        let required = std::env::var("WELKIN_REQUIRE_STAND_INS").is_ok_and(|value| value == "1");
        println!("skipped: traces: did not run: valgrind is not installed (package valgrind)");
        return if required { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    }
    let folder = tempfile::tempdir().unwrap();
    let marks = marks();
    let mut failed = false;
    let cases = CASES.iter().map(|case| ("oblivious", case)).chain(PLAIN.iter().map(|case| ("plain", case)));
    for (way, case) in cases {
        // Each in a process of its own, since what was done before shifts what is allocated after it.
        let [first, again, other, third] =
            ["1", "1", "2", "3"].map(|seed| trace(folder.path(), [way, case, seed], &marks));
        let parts = [again, other, third].map(|trace| first.parts_from(&trace));
        failed |=
            parts[0].is_some() || parts[1..].iter().any(|parts| parts.is_none() != (way == "oblivious"));
        let told =
            parts.map(|at| at.map_or("the same".to_owned(), |at| format!("differ from event {at} on")));
        let ([same, others, more], events) = (told, first.events);
        println!("{case}, {way}: {events} events; the same rows: {same}; others: {others}, {more}");
    }
    println!("{}", if failed { "FAILED" } else { "ok" });
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Hashes of all events up to each multiple of so many, and up to the last.
#[derive(Default)]
struct Section {
    hasher: DefaultHasher,
    hashes: Vec<u64>,
    events: usize,
}

const EVENTS: usize = 1000;

impl Section {
    fn take(&mut self, event: &[u8]) {
        self.hasher.write(event);
        self.events += 1;
        if self.events.is_multiple_of(EVENTS) {
            self.hashes.push(self.hasher.finish());
        }
    }

    /// About where both part, if they do.
    fn parts_from(&self, other: &Self) -> Option<usize> {
        let differs = self.hashes.iter().zip(&other.hashes).position(|(a, b)| a != b);
        let shorter = self.events.min(other.events);
        differs.map(|at| at * EVENTS).or_else(|| (self.events != other.events).then_some(shorter))
    }
}

/// Where marks are, which is the same whenever valgrind loads this program.
fn marks() -> [Vec<u8>; 2] {
    let output = valgrind(&["--tool=none", "-q"], &["marks"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8(output.stdout).unwrap();
    let marks: Vec<u64> =
        told.split_whitespace().map(|mark| u64::from_str_radix(mark, 16).unwrap()).collect();
    // As lackey writes the fetch of an instruction: `I  04001090,3`.
    [0, 1].map(|at| format!("I  {:08x},", marks[at]).into_bytes())
}

fn valgrind(options: &[&str], what: &[&str]) -> Command {
    let mut command = Command::new("valgrind");
    command.args(options).arg(std::env::current_exe().unwrap()).arg("traced").args(what);
    // The environment lies above the stack and would shift it.
    command.env_clear().env("PATH", "/usr/bin:/bin").stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What happened between both marks.
fn trace(folder: &Path, what: [&str; 3], [begin, end]: &[Vec<u8>; 2]) -> Section {
    let log = folder.join("log");
    // Read while it is written: it would be gigabytes.
    assert!(Command::new("mkfifo").arg(&log).status().unwrap().success());
    let log_file = format!("--log-file={}", log.display());
    let child = valgrind(&["--tool=lackey", "--trace-mem=yes", &log_file], &what).spawn().unwrap();
    let mut lines = BufReader::with_capacity(1 << 20, File::open(&log).unwrap());
    let (mut on, mut ended, mut section) = (false, false, Section::default());
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).unwrap() > 0 {
        if !on {
            on = line.starts_with(begin);
        } else if line.starts_with(end) {
            ended = true;
        } else if !ended && !line.starts_with(b"=") {
            // What is no event begins with ==.
            section.take(&line);
        }
        line.clear();
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::remove_file(&log).unwrap();
    assert!(on && ended && section.events > 0, "both marks were passed");
    section.hashes.push(section.hasher.finish());
    section
}

#[inline(never)]
fn begin() {
    black_box(1);
}

#[inline(never)]
fn end() {
    black_box("the end");
}

/// Runs a case between the marks.
fn traced(oblivious: bool, case: &str, seed: u64) {
    let mut params = Params::default();
    settings(case).iter().for_each(|(name, value)| params.set(name, value).unwrap());
    // Predictions are of one model, for other rows.
    let predicts = case == "predictions";
    let (data, others) = (rows(case, if predicts { 1 } else { seed }), rows(case, seed));
    let training = Training {
        params: &params,
        rounds: 2,
        data: &data,
        watched: &[],
        patience: None,
        start: None,
        workers: &Alone,
    };
    if predicts {
        let model = train(&training, &mut |_| true).unwrap().model;
        let predict = if oblivious { Model::predict_obliviously } else { Model::predict };
        begin();
        let predictions = predict(black_box(&model), black_box(&others.features), &Alone);
        end();
        return drop(black_box(predictions.unwrap()));
    }
    let trainer: Trainer = if oblivious { train_obliviously } else { train };
    begin();
    let trained = trainer(black_box(&training), &mut |progress| {
        // What comes after the last round is promised nothing of: there trees lose the nodes that they have not.
        if progress.round + 1 == progress.rounds {
            end();
        }
        true
    });
    drop(black_box(trained.unwrap()));
}

type Trainer = fn(&Training<'_>, &mut dyn FnMut(&Progress<'_>) -> bool) -> Result<Trained, TrainError>;

fn settings(case: &str) -> Vec<(&'static str, &'static str)> {
    let mut settings = vec![("max_depth", "3"), ("max_bin", "9")];
    settings.extend(match case {
        "squared" => vec![],
        "logistic" | "predictions" => vec![("objective", "binary:logistic")],
        "weighted" => vec![("objective", "reg:logistic"), ("scale_pos_weight", "3"), ("max_bin", "2")],
        "penalties" => vec![
            ("alpha", "0.1"),
            ("lambda", "2"),
            ("gamma", "0.5"),
            ("min_child_weight", "5"),
            ("max_delta_step", "0.7"),
            ("base_score", "0.3"),
        ],
        "counts" => vec![("objective", "count:poisson")],
        "gamma" => vec![("objective", "reg:gamma")],
        "tweedie" => vec![("objective", "reg:tweedie")],
        other => panic!("no case {other}"),
    });
    settings
}

/// Rows that agree in nothing but their sizes: one seed has no missing values and few different ones, another has many of both.
fn rows(case: &str, seed: u64) -> Data {
    let mut state = seed;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut column = |kinds: u64| {
        let cell = |_| match random(if seed == 1 { 5 } else { 50 }) {
            0 if seed != 3 => f32::NAN,
            _ => random(kinds) as f32 / 8.0 - 20.0,
        };
        Column::Dense((0..ROWS).map(cell).collect())
    };
    let columns: Vec<Column> = [3, 1 << 20, if seed == 3 { 1 } else { 300 }].map(&mut column).into();
    let named = columns.into_iter().enumerate().map(|(at, column)| (format!("x{at}"), Kind::Number, column));
    let features = Features::new(ROWS, named.collect()).unwrap();
    // With the third all rows are alike, or half of them, so that the base score is a special one.
    let label = |row: usize| match (case, seed) {
        ("gamma" | "counts" | "tweedie", 3) => 1.0,
        ("gamma", _) => random(9) as f32 + 0.5,
        ("squared", 3) => 0.0,
        (_, 3) => (row % 2) as f32,
        ("squared", _) => random(1 << 20) as f32 / 7.0,
        ("counts" | "tweedie", _) => random(9) as f32,
        _ => random(2) as f32,
    };
    let labels: Vec<f32> = (0..ROWS).map(label).collect();
    let weights =
        if case == "weighted" { (0..ROWS).map(|_| random(30) as f32 / 8.0).collect() } else { Vec::new() };
    Data { features, labels, weights, ..Data::default() }
}
