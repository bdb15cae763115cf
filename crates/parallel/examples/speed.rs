//! `cargo run --release -p welkin-parallel --example speed -- MODEL CLUSTER`: times planning, for `benches/parallel.sh`.

#![expect(clippy::print_stdout, reason = "an example for a benchmark")]

use std::error::Error;
use std::time::Instant;
use welkin_parallel::{Cluster, Effort, Model, plan};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, file, cluster] = &args[..] else { return Err("usage: speed MODEL CLUSTER".into()) };
    let bytes = std::fs::read(file)?;
    let start = Instant::now();
    let json = bytes.first() == Some(&b'{');
    let model = if json { Model::read(&bytes)? } else { Model::read_stablehlo(&bytes, None)?.0 };
    let read = start.elapsed().as_secs_f64();
    let made = plan(&model, &Cluster::parse(cluster)?, Effort::default(), &mut |_| ())?;
    let all = start.elapsed().as_secs_f64();
    let gap = made.bound_s.map_or(0.0, |bound| 1.0 - bound / made.step_s);
    let stages = made.stages.len();
    println!(
        "{{\"operations\": {}, \"read_s\": {read:.4}, \"plan_s\": {:.4}, \"step_s\": {:.6}, \"gap\": {gap:.6}, \"stages\": {stages}, \"microbatches\": {}}}",
        model.ops.len(),
        all - read,
        made.step_s,
        made.microbatches,
    );
    for row in &made.considered {
        println!(
            "{{\"considered\": \"{}\", \"step_s\": {:?}, \"gap\": {:?}, \"peak_gb\": {:.3}}}",
            row.what,
            row.step_s,
            row.gap,
            row.peak_bytes as f64 / 1e9
        );
    }
    Ok(())
}
