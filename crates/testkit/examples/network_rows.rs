//! What gateways make of networks: the rows of a benchmark, one a line, `what|Welkin|beside it`.
//!
//! `cargo run --release -p welkin-testkit --example network_rows GATEWAY_BED [SECONDS] [paths|line] [ROUNDS]`
//!
//! One row where it is named. The long line is sent over in turn by fixed numbers of lanes and by as many as pay, ROUNDS
//! times (3), and what is compared are medians: a machine has minutes that are slower than others. GATEWAY_BED is the built example of that name of `welkin-transfer`. Needs root, `ip` and `tc`. The
//! networks are emulated on this machine: two paths with token buckets, then one with delay and loss.

#![expect(clippy::print_stdout, reason = "the output of a measurement")]
#![expect(clippy::unwrap_used, reason = "a measurement that cannot be set up has nothing to go on with")]

use std::io::{BufRead, BufReader};
use std::net::IpAddr;
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};
use welkin_testkit::net::{Bed, DelayBox, DelayOptions, Link, Node, Process};

const PORT: u16 = 7400;
const MBIT: u64 = 1_000_000;

/// What the buckets of a hundred and five hundred Mbit/s let through together: a bare copying relay
/// and a direct stream at once.
const BOTH_RAW: f64 = 563.0;

struct Program {
    path: String,
    seconds: u64,
}

/// One line of progress: when, and what each path moved.
struct Moment {
    at: f64,
    megabits: Vec<f64>,
}

impl Program {
    fn start(&self, node: &Node, words: &[&str]) -> Process {
        let mut command = node.command(&self.path);
        node.spawn(command.args(words).stdout(Stdio::null())).unwrap()
    }

    /// Sends for a while; `each` hears of every half second.
    fn send(
        &self,
        from: &Node,
        congestion: &str,
        lanes: &str,
        paths: &[String],
        mut each: impl FnMut(f64),
    ) -> Vec<Moment> {
        let mut command = from.command(&self.path);
        command.args(["send", &self.seconds.to_string(), congestion, lanes]).args(paths);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut moments = Vec::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            let Some((at, rest)) = line.split_once(" s  ") else { continue };
            let at: f64 = at.trim().parse().unwrap();
            let rate = |part: &str| part.split_whitespace().next().unwrap().parse::<f64>().unwrap();
            moments.push(Moment { at, megabits: rest.split('|').map(rate).collect() });
            each(at);
        }
        child.wait().unwrap();
        moments
    }
}

/// Mean rate of all paths together from `start` on.
fn mean(moments: &[Moment], start: f64) -> f64 {
    let late = moments.iter().filter(|moment| moment.at >= start);
    let rates: Vec<f64> = late.map(|moment| moment.megabits.iter().sum()).collect();
    rates.iter().sum::<f64>() / rates.len().max(1) as f64
}

fn at(address: IpAddr) -> String {
    format!("{address}:{PORT}")
}

fn wait_for(node: &Node, address: IpAddr) {
    let limit = Instant::now() + Duration::from_secs(5);
    let reached = node.thread(move || {
        let patience = Duration::from_millis(500);
        while Instant::now() < limit {
            if std::net::TcpStream::connect_timeout(&(address, PORT).into(), patience).is_ok() {
                return true;
            }
            std::thread::yield_now();
        }
        false
    });
    assert!(reached.unwrap().join().unwrap(), "nothing listens at {address}");
}

fn two_paths(program: &Program) {
    let bed = Bed::try_new().unwrap();
    let [a, r, b] = ["a", "r", "b"].map(|name| bed.node(name).unwrap());
    let link = |x: &Node, y: &Node, megabits: u64| -> Link { bed.link(x, y, Some(megabits * MBIT)).unwrap() };
    let (direct, first, second) = (link(&a, &b, 100), link(&a, &r, 500), link(&r, &b, 500));
    let everywhere = format!("0.0.0.0:{PORT}");
    let _gateway = program.start(&b, &["serve", &everywhere]);
    let _relay = program.start(&r, &["relay", &everywhere, &at(second.address(&b))]);
    wait_for(&a, direct.address(&b));
    wait_for(&a, first.address(&r));
    let straight = at(direct.address(&b));
    let around = format!("{},{}", at(first.address(&r)), at(second.address(&b)));
    let alone = mean(&program.send(&a, "-", "tuned", std::slice::from_ref(&straight), |_| {}), 2.0);
    let paths = [straight, around];
    let both = mean(&program.send(&a, "-", "tuned", &paths, |_| {}), 2.0);
    let share = both / BOTH_RAW * 100.0;
    println!(
        "two paths, direct 100 and relay 500 Mbit/s|{both:.0} Mbit/s, {share:.0} % of both together|direct alone {alone:.0}, both raw {BOTH_RAW:.0}"
    );
    // The relay's leg is cut in the middle; what counts is how soon the rest moves at its own rate.
    let middle = program.seconds as f64 / 2.0;
    let mut cut = None;
    let moments = program.send(&a, "-", "tuned", &paths, |now| {
        if cut.is_none() && now >= middle {
            first.set_rate(Some(10 * MBIT)).unwrap();
            cut = Some(now);
        }
    });
    let cut = cut.unwrap();
    let settled = moments
        .iter()
        .filter(|moment| moment.at > cut)
        .find(|moment| moment.megabits[0] >= 0.9 * alone && moment.megabits[1] <= 20.0)
        .map_or("not in the time measured".to_owned(), |moment| format!("within {:.1} s", moment.at - cut));
    let after = mean(&moments, cut + 2.0);
    println!("one leg cut to 10 Mbit/s|shares moved {settled}, then {after:.0} Mbit/s|what is left: 105");
}

/// In turn, so that no number of lanes has the quiet minutes to itself.
fn long_line(program: &Program, rounds: usize) {
    let bed = Bed::try_new().unwrap();
    let [a, b] = ["a", "b"].map(|name| bed.node(name).unwrap());
    let options = DelayOptions { delay: Duration::from_millis(40), loss: 0.001, seed: 7, mtu: 1500 };
    let line = DelayBox::new(&bed, &a, &b, options).unwrap();
    let _gateway = program.start(&b, &["serve", &format!("0.0.0.0:{PORT}")]);
    wait_for(&a, line.address(&b));
    let path = [at(line.address(&b))];
    let mut sent: Vec<Sent> = FIXED.iter().chain(&[TUNED]).map(|lanes| Sent::by(lanes)).collect();
    for _ in 0..rounds {
        for sent in &mut sent {
            let moments = program.send(&a, "cubic", sent.lanes, &path, |_| {});
            for (rates, start) in [(&mut sent.whole, 0.0), (&mut sent.late, program.seconds as f64 / 2.0)] {
                rates.push(mean(&moments, start));
            }
        }
    }
    let tuned = sent.pop().unwrap();
    // The best from the start, and the best once all have lost packets: not always the same number.
    let best = |of: fn(&Sent) -> f64| sent.iter().map(of).fold(0.0, f64::max);
    let share = |of: fn(&Sent) -> f64| of(&tuned) / best(of) * 100.0;
    let beside: Vec<String> = sent
        .iter()
        .map(|sent| format!("{} lanes {:.0}, {:.0} late", sent.lanes, sent.whole(), sent.late()))
        .collect();
    println!(
        "80 ms, 0.1 % loss, cubic, {rounds} rounds of {} s|tuned {:.0} Mbit/s from the start, {:.0} in the second half: {:.0} % and {:.0} % of the best fixed number|{}",
        program.seconds,
        tuned.whole(),
        tuned.late(),
        share(Sent::whole),
        share(Sent::late),
        beside.join("; ")
    );
}

/// Fixed numbers of lanes that tuning is compared with.
const FIXED: [&str; 4] = ["1", "8", "32", "64"];

const TUNED: &str = "tuned";

/// What one number of lanes moved, once a round.
struct Sent {
    lanes: &'static str,
    whole: Vec<f64>,
    late: Vec<f64>,
}

impl Sent {
    fn by(lanes: &'static str) -> Self {
        Self { lanes, whole: Vec::new(), late: Vec::new() }
    }

    /// Mbit/s from the start, in the median round.
    fn whole(&self) -> f64 {
        median(&self.whole)
    }

    /// The same in the second half.
    fn late(&self) -> f64 {
        median(&self.late)
    }
}

fn median(rates: &[f64]) -> f64 {
    let mut sorted = rates.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(path) = arguments.next() else {
        println!("usage: network_rows GATEWAY_BED [SECONDS] [paths|line] [ROUNDS]");
        return ExitCode::FAILURE;
    };
    let seconds = arguments.next().map_or(20, |text| text.parse().unwrap());
    let only = arguments.next();
    let rounds = arguments.next().map_or(3, |text| text.parse().unwrap());
    let wants = |row: &str| only.as_deref().is_none_or(|only| only == row);
    if let Err(why) = Bed::try_new() {
        println!("network rows|did not run: {why}|");
        return ExitCode::SUCCESS;
    }
    let program = Program { path, seconds };
    if wants("paths") {
        two_paths(&program);
    }
    if wants("line") {
        long_line(&program, rounds);
    }
    ExitCode::SUCCESS
}
