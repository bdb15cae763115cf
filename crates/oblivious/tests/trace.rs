//! The whole sequence of instructions and accesses to memory is the same whatever is in the tables: traced by valgrind's lackey.
//!
//! This program is its own judge: started without arguments it starts itself under valgrind, once for each case and seed, and compares
//! what lies between two marks event by event. Tables of different seeds have the same sizes and other values.
//!
//! Controls: the same seed twice has to give the same trace, since otherwise something else than values is seen; ordinary ways to sort,
//! filter, group and join have to differ, since otherwise nothing is.
#![expect(clippy::print_stdout, reason = "it says what it did, as tests do")]

use std::collections::BTreeMap;
use std::fs::File;
use std::hint::black_box;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, ExitCode};
use welkin_oblivious::{
    Arithmetic, Call, Comparison, Expr, Function, Kind, Plan, Rows, SortKey, Table, compact,
    compact_narrowly, of_decimal, of_float, of_int, of_text, sort_packed, sort_packed_narrowly,
};

/// What is run under marks, one after the other.
const OBLIVIOUS: &[&str] =
    &["sort", "filter", "group", "join", "outer", "limit", "project", "whole", "query", NETWORKS];
/// Each network is compiled by itself.
const NETWORKS: &str = "networks";
const ORDINARY: &[&str] = &["ordinary-sort", "ordinary-filter", "ordinary-group", "ordinary-join"];
/// No power of two, so that all of the networks is walked through.
const ROWS: usize = 53;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [word, seed] if word == "traced" => traced(seed.parse().expect("a seed")),
        [word, ..] if word == "--list" => println!("traces_are_the_same_whatever_is_in_the_tables: test"),
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
    let folder = tempfile::tempdir().expect("a folder");
    // Seeds of one digit: arguments are a part of what a program touches.
    let [first, again, other] = ["1", "1", "2"].map(|seed| trace(folder.path(), seed));
    let mut failed = false;
    for (number, case) in OBLIVIOUS.iter().chain(ORDINARY).enumerate() {
        let same = first_difference(&first[number], &again[number]);
        let differs = first_difference(&first[number], &other[number]);
        failed |= same.is_some() || differs.is_some() != ORDINARY.contains(case);
        let events = first[number].len();
        println!("{case}: {events} events; the same values: {}; others: {}", told(same), told(differs));
    }
    println!("{}", if failed { "FAILED" } else { "ok" });
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn told(differs: Option<usize>) -> String {
    differs.map_or_else(|| "the same".to_owned(), |at| format!("differs from event {at} on"))
}

/// The kind of an event, its address, and how many bytes.
type Event = (u8, u64, u8);

/// What happened between each pair of marks.
fn trace(folder: &Path, seed: &str) -> Vec<Vec<Event>> {
    let log = folder.join("log");
    let output = Command::new("valgrind")
        .args(["--tool=lackey", "--trace-mem=yes"])
        .arg(format!("--log-file={}", log.display()))
        .arg(std::env::current_exe().expect("this program"))
        .args(["traced", seed])
        // The environment lies above the stack and would shift it.
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .output()
        .expect("valgrind starts");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    let marks: Vec<u64> =
        told.split_whitespace().map(|mark| u64::from_str_radix(mark, 16).expect("a mark")).collect();
    let mut events = BufReader::new(File::open(&log).expect("a trace"))
        .lines()
        .filter_map(|line| event(&line.expect("a line")));
    let mut sections = Vec::new();
    while events.any(|(kind, at, _)| (kind, at) == (b'I', marks[0])) {
        sections.push(events.by_ref().take_while(|(kind, at, _)| (*kind, *at) != (b'I', marks[1])).collect());
    }
    assert_eq!(sections.len(), OBLIVIOUS.len() + ORDINARY.len(), "all marks were passed");
    sections
}

/// `I  04001090,3`, ` L 1ffefff8,8`, and S and M for stores and both.
fn event(line: &str) -> Option<Event> {
    let kind = line.trim_start().bytes().next().filter(|kind| b"ILSM".contains(kind))?;
    let (at, bytes) = line.get(3..)?.trim().split_once(',')?;
    Some((kind, u64::from_str_radix(at, 16).ok()?, bytes.parse().ok()?))
}

fn first_difference(a: &[Event], b: &[Event]) -> Option<usize> {
    let differs = a.iter().zip(b).position(|(a, b)| a != b);
    differs.or_else(|| (a.len() != b.len()).then_some(a.len().min(b.len())))
}

#[inline(never)]
fn begin() {
    black_box(1);
}

#[inline(never)]
fn end() {
    black_box("the end");
}

/// Says where the marks are, and runs each case between them.
fn traced(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let tables = [rows(ROWS, &mut random), others(ROWS / 2, &mut random)];
    let numbers: Vec<u64> = std::iter::repeat_with(|| random.u64(..100)).take(ROWS * 8).collect();
    println!("{:x} {:x}", begin as *const () as usize, end as *const () as usize);
    let networks = networks(&mut random);
    for case in OBLIVIOUS {
        if *case == NETWORKS {
            let networks = black_box(networks.clone());
            begin();
            let sorted = networks.into_iter().map(|(keys, rows)| {
                let mut both = [rows.clone(), rows];
                sort_packed(&mut both[0], keys);
                sort_packed_narrowly(&mut both[1], keys);
                // Which rows are marked depends on what their first words have.
                compact(&mut both[0]);
                compact_narrowly(&mut both[1]);
                both
            });
            let sorted: Vec<[Rows; 2]> = sorted.collect();
            end();
            black_box(sorted);
            continue;
        }
        let plan = plan(case);
        begin();
        let answer = black_box(&plan).run(black_box(&tables));
        end();
        black_box(&answer).as_ref().expect("there is an answer");
    }
    for case in ORDINARY {
        let numbers = black_box(numbers.clone());
        begin();
        ordinary(case, numbers);
        end();
    }
}

/// Keys and rows of every width, and of counts whose halves end with one and with three rows of the grid.
fn networks(random: &mut fastrand::Rng) -> Vec<(usize, Rows)> {
    let widths = (2..=4).flat_map(|keys| (keys.max(3)..=8).map(move |width| (keys, width, ROWS)));
    let counts = [2, 17, 70, 200].map(|count| (2, 3, count));
    let mut rows = |count, width| {
        let mut rows = Rows::zeros(count, width);
        let mut word = || {
            let bits = random.u32(1..62);
            random.u64(..1 << bits)
        };
        (0..count).for_each(|row| rows.row_mut(row).fill_with(&mut word));
        rows
    };
    widths.chain(counts).map(|(keys, width, count)| (keys, rows(count, width))).collect()
}

/// A number, an integer that may be missing, a fraction, a decimal, a text.
fn rows(count: usize, random: &mut fastrand::Rng) -> Table {
    let kinds = vec![Kind::Int, Kind::Int, Kind::Float, Kind::Decimal(2), Kind::text(11)];
    let mut table = Table::new(kinds, count);
    for row in 0..count {
        table.put(row, 0, &[of_int(random.i64(..count as i64))]);
        if random.bool() {
            table.put(row, 1, &[of_int(random.i64(..))]);
        }
        table.put(row, 2, &[of_float(random.f64() - 0.5)]);
        table.put(row, 3, &of_decimal(i128::from(random.i64(..))));
        table.put(row, 4, &of_text(["", "flu", "Zebrafever", "Narwhalitis"][random.usize(..4)], 2));
    }
    table
}

/// Keys, each once, and a text.
fn others(count: usize, random: &mut fastrand::Rng) -> Table {
    let mut keys: Vec<i64> = (0..2 * count as i64).collect();
    random.shuffle(&mut keys);
    let mut table = Table::new(vec![Kind::Int, Kind::text(8)], count);
    for (row, key) in keys.iter().enumerate().take(count) {
        table.put(row, 0, &[of_int(*key)]);
        table.put(row, 1, &of_text(["east", "west"][random.usize(..2)], 1));
    }
    table
}

fn plan(case: &str) -> Plan {
    let scan = || Box::new(Plan::Scan(0));
    let column = |number| Box::new(Expr::Column(number));
    let less = |number, than| {
        let than = Box::new(Expr::Literal(Kind::Int, Some(vec![of_int(than)])));
        Expr::Compare(Comparison::Less, column(number), than)
    };
    let call = |function, column| Call { function, column };
    let key = |column, descending| SortKey { column, descending, nulls_first: descending };
    let join = |outer| Plan::Join { left: scan(), right: Box::new(Plan::Scan(1)), on: vec![(0, 0)], outer };
    match case {
        "sort" => Plan::Sort(scan(), vec![key(4, true), key(1, false), key(2, false)]),
        "filter" => Plan::Filter(
            scan(),
            Expr::Or(
                Box::new(Expr::And(Box::new(less(0, 9)), Box::new(Expr::Not(Box::new(less(1, 0)))))),
                Box::new(Expr::IsNull(column(1))),
            ),
        ),
        "group" => Plan::Group(
            scan(),
            vec![4, 1],
            vec![
                call(Function::Count, None),
                call(Function::Count, Some(1)),
                call(Function::Sum, Some(0)),
                call(Function::Sum, Some(3)),
                call(Function::Average, Some(2)),
                call(Function::Least, Some(4)),
                call(Function::Greatest, Some(1)),
            ],
        ),
        "whole" => Plan::Group(
            scan(),
            Vec::new(),
            vec![call(Function::Sum, Some(2)), call(Function::Least, Some(3))],
        ),
        "join" => join(false),
        "outer" => join(true),
        "limit" => Plan::Limit(Box::new(Plan::Filter(scan(), less(1, 0))), 2, Some(7)),
        "project" => {
            let projected = Plan::Project(
                scan(),
                vec![
                    Expr::Arithmetic(Arithmetic::Times, column(0), column(1)),
                    Expr::ToFloat(column(1)),
                    Expr::Case(Box::new(less(1, 5)), column(4), Box::new(Expr::Literal(Kind::Text(2), None))),
                    Expr::Arithmetic(Arithmetic::Times, column(3), column(3)),
                ],
            );
            Plan::Union(vec![projected.clone(), projected])
        }
        "query" => {
            let filtered = Plan::Filter(Box::new(join(false)), less(1, 1 << 62));
            let grouped = Plan::Group(
                Box::new(filtered),
                vec![6],
                vec![call(Function::Count, None), call(Function::Sum, Some(2))],
            );
            Plan::Limit(Box::new(Plan::Sort(Box::new(grouped), vec![key(2, true)])), 0, Some(1))
        }
        other => panic!("no case {other}"),
    }
}

fn ordinary(case: &str, mut numbers: Vec<u64>) {
    match case {
        "ordinary-sort" => numbers.sort_unstable(),
        "ordinary-filter" => numbers.retain(|number| *number < 50),
        "ordinary-group" => {
            let mut counts = BTreeMap::new();
            numbers.iter().for_each(|number| *counts.entry(*number).or_insert(0) += 1);
            black_box(counts);
        }
        _ => {
            let sorted: BTreeMap<u64, usize> = numbers.iter().take(20).copied().zip(0..).collect();
            black_box(numbers.iter().filter_map(|number| sorted.get(number)).sum::<usize>());
        }
    }
    black_box(numbers);
}
