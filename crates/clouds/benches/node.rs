//! What a node costs: time to get one, time to its first line, memory while it waits.
//!
//! `cargo bench -p welkin-clouds` prints a table: median and worst of [`ROUNDS`] rounds.

#![expect(clippy::unwrap_used, reason = "whatever fails here ends the measurement")]

#[path = "../tests/bed/mod.rs"]
mod bed;

use bed::{Bed, is_line, read, step, until};
use std::time::{Duration, Instant};
use welkin_provider::{LeaseState, Node, Provider};
use welkin_units::Span;

/// Enough for a median that repeats to a tenth on an idle machine, in a few seconds.
const ROUNDS: usize = 50;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let bed = Bed::new();
        for nodes in [1, 4] {
            gang(&bed, nodes).await;
        }
        memory(&bed).await;
    });
}

async fn gang(bed: &Bed, nodes: u32) {
    let [mut acquire, mut ready, mut connect, mut line, mut release] = [const { Vec::new() }; 5];
    for round in 0..ROUNDS {
        let mut request = bed::request(&format!("bench-{nodes}-{round}"), nodes);
        request.machine.vcpus_milli = 1_000;
        let began = Instant::now();
        let lease = bed.aws.acquire(&request).await.unwrap();
        acquire.push(began.elapsed());
        until(&*bed.aws, &lease.id, |lease| lease.state == LeaseState::Ready).await;
        ready.push(began.elapsed());
        let began = Instant::now();
        let node = bed.aws.node(&lease.id, nodes - 1).await.unwrap();
        connect.push(began.elapsed());
        first_line(&*node).await;
        line.push(began.elapsed());
        let began = Instant::now();
        bed.aws.release(&lease.id).await.unwrap();
        release.push(began.elapsed());
    }
    row(&format!("{nodes} nodes: acquire"), acquire);
    row(&format!("{nodes} nodes: acquire to ready, no boot delay"), ready);
    row(&format!("{nodes} nodes: ready to connected"), connect);
    row(&format!("{nodes} nodes: ready to first line of output"), line);
    row(&format!("{nodes} nodes: release, nothing left"), release);
}

async fn first_line(node: &dyn Node) {
    let step = step("first", "echo up; sleep 600");
    node.start(&step).await.unwrap();
    assert_eq!(read(node, &step.id, is_line).await, ["up"]);
}

/// Resident and private memory of an agent that has run a step and waits for the next one.
#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
async fn memory(bed: &Bed) {
    let lease = bed.ready("memory", 1).await;
    let node = bed.aws.node(&lease.id, 0).await.unwrap();
    bed::run(&*node, "s", "true").await;
    node.events(&welkin_provider::StepId("s".into()), 0, Span::ZERO).await.unwrap();
    let rollup = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", bed.agents(&lease.id)[0])).unwrap();
    for field in ["Rss:", "Pss:", "Private_Dirty:"] {
        let line = rollup.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        println!("{:<44} {:>12}", format!("idle agent: {}", field.trim_end_matches(':')), line.trim());
    }
    bed.aws.release(&lease.id).await.unwrap();
}

#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
fn row(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
    let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
    println!("{what:<44} {:>9.1} ms {:>9.1} ms", ms(median), ms(worst));
}
