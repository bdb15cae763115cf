//! What a federated training costs: `parties FOLDER ROWS FEATURES PARTIES THREADS [NAME=VALUE ...]`.
//!
//! FOLDER has rows as `crates/boost/examples/speed.rs` reads them; they are dealt to parties, which train with a coordinator
//! over TLS on the loopback of this machine. Prints a line of JSON: wall seconds, the CPU seconds of all of them together,
//! and the bytes that went each way. `benches/boost.sh` calls it.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program for benchmarks")]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use welkin_boost::{Column, Data, Features, Kind, Params, Workers};
use welkin_federate::{Coordinating, Meanwhile, Notes, Roster, TakingPart, Traffic, coordinate, take_part};
use welkin_gateway::Identity;

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

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// The rows of one party: every so many.
fn dealt(x: &[f32], y: &[f32], width: usize, party: usize, parties: usize) -> Data {
    let own = |values: &[f32]| values.iter().skip(party).step_by(parties).copied().collect::<Vec<f32>>();
    let labels = own(y);
    let column = |at: usize| Column::Dense(own(&x[at * y.len()..(at + 1) * y.len()]));
    let columns = (0..width).map(|at| (format!("f{at}"), Kind::Number, column(at))).collect();
    Data { features: Features::new(labels.len(), columns).unwrap(), labels, ..Data::default() }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [folder, rows, width, parties, threads, settings @ ..] = args.as_slice() else {
        panic!("see the source")
    };
    let [rows, width, parties, threads] =
        [rows, width, parties, threads].map(|text| text.parse::<usize>().unwrap());
    let (mut params, mut rounds, mut masked) = (Params::default(), 100, true);
    for setting in settings {
        match setting.split_once('=') {
            Some(("rounds", count)) => rounds = count.parse().unwrap(),
            Some(("masked", is)) => masked = is == "true",
            Some((name, value)) => params.set(name, value).unwrap(),
            None => panic!("see the source"),
        }
    }
    let (x, y) = (floats(&format!("{folder}/x.f32")), floats(&format!("{folder}/y.f32")));
    assert_eq!((x.len(), y.len()), (rows * width, rows));
    let data: Vec<Data> = (0..parties).map(|party| dealt(&x, &y, width, party, parties)).collect();
    drop((x, y));
    let (wall, spent) = (Instant::now(), cpu());
    let traffic = train(data, params, rounds, masked, threads, Path::new(folder));
    println!(
        "{{\"train_wall\": {:.3}, \"train_cpu\": {:.3}, \"sent\": {}, \"received\": {}}}",
        wall.elapsed().as_secs_f64(),
        cpu() - spent,
        traffic.sent,
        traffic.received
    );
}

/// All of them at once, each on a thread of its own beside those that it works with.
fn train(
    data: Vec<Data>,
    params: Params,
    rounds: u32,
    masked: bool,
    threads: usize,
    folder: &Path,
) -> Traffic {
    let identity = || Arc::new(Identity::generate().unwrap());
    let (own, others) = (identity(), data.iter().map(|_| identity()).collect::<Vec<_>>());
    let line = |(at, one): (usize, &Arc<Identity>)| format!("p{at:03} {}\n", one.fingerprint());
    let lines: String = others.iter().enumerate().map(line).collect();
    let roster = Roster::read(&format!("coordinator {}\n{lines}", own.fingerprint())).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let patience = Duration::from_secs(600);
    let parties: Vec<_> = (0..)
        .zip(data)
        .zip(others)
        .map(|((at, data), identity)| {
            let (roster, address, name) = (roster.clone(), address.clone(), format!("p{at:03}"));
            let commitment = [0; 32];
            let options = TakingPart {
                roster,
                name,
                identity,
                address,
                unmasked: !masked,
                commitment,
                patience,
                introduced: false,
            };
            std::thread::spawn(move || {
                let workers = Threads(threads);
                let mut tell = |_: &Meanwhile<'_>| Ok(());
                let mut notes = Notes::in_memory();
                let taken = take_part(&options, &data, None, &workers, &mut notes, &mut tell);
                runtime().block_on(taken).unwrap();
            })
        })
        .collect();
    let options = Coordinating {
        roster,
        identity: own,
        params,
        rounds,
        early_stopping: None,
        masked,
        valid: false,
        score_training: false,
        journal: folder.join("journal"),
        patience,
        rosters: None,
    };
    let (_, traffic) = runtime()
        .block_on(async {
            let listener = TcpListener::from_std(listener).unwrap();
            coordinate(options, listener, Box::new(Threads(threads)), Box::new(|_| Ok(()))).await
        })
        .unwrap();
    parties.into_iter().for_each(|party| party.join().unwrap());
    traffic
}
