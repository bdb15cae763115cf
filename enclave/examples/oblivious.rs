//! What an oblivious run costs: sort, filter, group and join of so many rows, by the processor time of the process.
//!
//!     oblivious ROWS RUNS
//!
//! Both sides have their rows in memory and run on one thread: DataFusion's operators, and the oblivious steps. Prints a line of JSON
//! for each: the median of each side in milliseconds. Answers are compared by their numbers of rows.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on fails, and prints its figures"
)]

use arrow_array::{Int64Array, RecordBatch};
use datafusion::datasource::MemTable;
use datafusion::physical_plan::collect;
use datafusion::prelude::{SessionConfig, SessionContext};
use rustix::time::{ClockId, clock_gettime};
use std::sync::Arc;
use welkin_oblivious::{Call, Comparison, Expr, Function, Kind, Plan, SortKey, Table, of_int};

fn cpu() -> f64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    now.tv_sec as f64 * 1e3 + now.tv_nsec as f64 / 1e6
}

/// Numbers that look like nothing in particular.
fn scattered(number: i64) -> i64 {
    let mixed = (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((mixed ^ (mixed >> 29)) >> 1) as i64
}

/// Key, group of a thousandth, value; of the second table each key once.
fn columns(rows: i64) -> [Vec<Vec<i64>>; 2] {
    let all = |of: &dyn Fn(i64) -> i64| (0..rows).map(of).collect::<Vec<i64>>();
    let many = vec![
        all(&|row| scattered(row) % (rows / 4)),
        all(&|row| scattered(row + 1) % (rows / 1000 + 1)),
        all(&|row| scattered(row + 2) % 1000),
    ];
    let few = (0..rows / 4).map(|row| (row, row * 3));
    [many, vec![few.clone().map(|(key, _)| key).collect(), few.map(|(_, value)| value).collect()]]
}

fn hidden(columns: &[Vec<i64>]) -> Table {
    let mut table = Table::new(vec![Kind::Int; columns.len()], columns[0].len());
    for (column, values) in columns.iter().enumerate() {
        values.iter().enumerate().for_each(|(row, value)| table.put(row, column, &[of_int(*value)]));
    }
    table
}

fn open(context: &SessionContext, name: &str, columns: &[Vec<i64>]) {
    let names = ["k", "g", "v"];
    let arrays = columns
        .iter()
        .zip(names)
        .map(|(values, name)| (name, Arc::new(Int64Array::from(values.clone())) as arrow_array::ArrayRef));
    let batch = RecordBatch::try_from_iter(arrays).unwrap();
    let batches = (0..batch.num_rows())
        .step_by(8192)
        .map(|at| batch.slice(at, 8192.min(batch.num_rows() - at)))
        .collect();
    context
        .register_table(name, Arc::new(MemTable::try_new(batch.schema(), vec![batches]).unwrap()))
        .unwrap();
}

fn cases() -> Vec<(&'static str, &'static str, Plan)> {
    let scan = |number| Box::new(Plan::Scan(number));
    let less = Expr::Compare(
        Comparison::Less,
        Box::new(Expr::Column(2)),
        Box::new(Expr::Literal(Kind::Int, Some(vec![of_int(500)]))),
    );
    let key = SortKey { column: 0, descending: false, nulls_first: false };
    let calls = vec![
        Call { function: Function::Count, column: None },
        Call { function: Function::Sum, column: Some(2) },
    ];
    let join = Plan::Join { left: scan(0), right: scan(1), on: vec![(0, 0)], outer: false };
    vec![
        ("sort", "SELECT * FROM many ORDER BY k", Plan::Sort(scan(0), vec![key])),
        ("filter", "SELECT * FROM many WHERE v < 500", Plan::Filter(scan(0), less)),
        ("group", "SELECT g, count(*), sum(v) FROM many GROUP BY g", Plan::Group(scan(0), vec![1], calls)),
        ("join", "SELECT * FROM many JOIN few ON many.k = few.k", join),
    ]
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<i64>().unwrap());
    let (rows, runs) = (arguments.next().unwrap(), arguments.next().unwrap());
    let [many, few] = columns(rows);
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(1));
    open(&context, "many", &many);
    open(&context, "few", &few);
    let tables = [hidden(&many), hidden(&few)];
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    for (name, query, plan) in cases() {
        let (mut plain, mut oblivious) = (Vec::new(), Vec::new());
        for _ in 0..runs {
            // Reading and planning the text is no part of it.
            let planned = runtime
                .block_on(async { context.sql(query).await.unwrap().create_physical_plan().await.unwrap() });
            let start = cpu();
            let found = runtime.block_on(collect(planned, context.task_ctx())).unwrap();
            plain.push(cpu() - start);
            let start = cpu();
            let answer = plan.run(&tables).unwrap();
            oblivious.push(cpu() - start);
            assert_eq!(answer.count(), found.iter().map(RecordBatch::num_rows).sum::<usize>());
        }
        let (plain, oblivious) = (median(plain), median(oblivious));
        let ratio = oblivious / plain;
        println!(
            "{{\"step\":\"{name}\",\"rows\":{rows},\"plain_ms\":{plain:.2},\"oblivious_ms\":{oblivious:.2},\"ratio\":{ratio:.1}}}"
        );
    }
}
