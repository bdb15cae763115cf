//! How long training and prediction take, without reading text: `speed FOLDER ROWS FEATURES THREADS [NAME=VALUE ...]`.
//!
//! FOLDER has `x.f32`, the features column after column, and `y.f32`, the labels, as single precision in this machine's
//! order; with `sparse` among the arguments, what is 0 is missing; with `oblivious` it is trained obliviously. Prints a line of JSON: wall and CPU seconds of binning and
//! training together and of prediction, and the score on the rows trained on. `benches/boost.sh` calls it.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program for benchmarks")]

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use welkin_boost::{
    Column, Data, Features, Kind, Model, Params, Progress, TrainError, Trained, Training, Workers, train,
    train_obliviously,
};

type Trainer = fn(&Training<'_>, &mut dyn FnMut(&Progress<'_>) -> bool) -> Result<Trained, TrainError>;

struct Threads(usize);

impl Workers for Threads {
    fn count(&self) -> usize {
        self.0
    }

    fn run(&self, jobs: usize, job: &(dyn Fn(usize) + Sync)) {
        let next = AtomicUsize::new(0);
        let work = || {
            while let Some(index) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|index| *index < jobs) {
                job(index);
            }
        };
        std::thread::scope(|scope| {
            (1..self.0.min(jobs)).for_each(|_| drop(scope.spawn(work)));
            work();
        });
    }
}

fn floats(path: &str) -> Vec<f32> {
    let bytes = fs::read(path).unwrap();
    bytes.as_chunks().0.iter().map(|bytes| f32::from_ne_bytes(*bytes)).collect()
}

/// User and system time of this process, in seconds: the kernel counts hundredths.
fn cpu() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

fn column(values: &[f32], sparse: bool) -> Column {
    if !sparse {
        return Column::Dense(values.to_vec());
    }
    let present = values.iter().zip(0..).filter(|(value, _)| **value != 0.0);
    let (values, rows) = present.unzip();
    Column::Sparse { rows, values }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [folder, rows, width, threads, settings @ ..] = args.as_slice() else { panic!("see the source") };
    let [rows, width, threads] = [rows, width, threads].map(|text| text.parse::<usize>().unwrap());
    let (mut params, mut rounds, mut sparse, mut kind) = (Params::default(), 100, false, Kind::Number);
    let mut trainer: Trainer = train;
    for setting in settings {
        match setting.split_once('=') {
            None if setting == "categories" => kind = Kind::Category,
            None if setting == "oblivious" => trainer = train_obliviously,
            None => sparse = setting == "sparse",
            Some(("rounds", count)) => rounds = count.parse().unwrap(),
            Some((name, value)) => params.set(name, value).unwrap(),
        }
    }
    let (x, labels) = (floats(&format!("{folder}/x.f32")), floats(&format!("{folder}/y.f32")));
    let columns =
        (0..width).map(|at| (format!("f{at}"), kind, column(&x[at * rows..(at + 1) * rows], sparse)));
    let data = Data { features: Features::new(rows, columns.collect()).unwrap(), labels, ..Data::default() };
    drop(x);
    let workers = Threads(threads);
    let training = Training {
        params: &params,
        rounds,
        data: &data,
        watched: &[],
        patience: None,
        start: None,
        workers: &workers,
    };
    let (began, before) = (Instant::now(), cpu());
    let model = trainer(&training, &mut |_| true).unwrap().model;
    let (wall, spent) = (began.elapsed().as_secs_f64(), cpu() - before);
    let (began, before) = (Instant::now(), cpu());
    let hidden = settings.iter().any(|setting| setting == "oblivious");
    let predict = if hidden { Model::predict_obliviously } else { Model::predict };
    let predictions = predict(&model, &data.features, &workers).unwrap();
    let (predict_wall, predict_cpu) = (began.elapsed().as_secs_f64(), cpu() - before);
    if let Some(path) = std::env::var_os("PREDICTIONS") {
        fs::write(path, predictions.iter().flat_map(|value| value.to_ne_bytes()).collect::<Vec<_>>())
            .unwrap();
    }
    println!(
        "{{\"train_wall\": {wall:.3}, \"train_cpu\": {spent:.2}, \"predict_wall\": {predict_wall:.3}, \"predict_cpu\": {predict_cpu:.2}}}"
    );
}
