//! `cargo run --release -p welkin-parallel --example costs -- MODEL CLUSTER SIZE [SIZE]`: writes what is minimised on a mesh of these
//! sizes, with the least that was found and how long that took, for `benches/parallel_highs.py`.

#![expect(clippy::print_stdout, reason = "an example for a benchmark")]

use std::error::Error;
use std::time::Instant;
use welkin_parallel::{Cluster, Model, costs};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, file, cluster, sizes @ ..] = &args[..] else {
        return Err("usage: costs MODEL CLUSTER SIZE [SIZE]".into());
    };
    let model = Model::read(&std::fs::read(file)?)?;
    let sizes: Vec<u64> = sizes.iter().map(|size| size.parse()).collect::<Result<_, _>>()?;
    let cluster = Cluster::parse(cluster)?;
    let start = Instant::now();
    let costs = costs(&model, &cluster, &sizes).ok_or("the model cannot be split over this mesh")?;
    let seconds = start.elapsed().as_secs_f64();
    let (found, bound) = costs.found.ok_or("nothing was found")?;
    let document = serde_json::json!({
        "nodes": costs.nodes, "tables": costs.tables, "edges": costs.edges, "found": found, "bound": bound, "seconds": seconds,
    });
    println!("{document}");
    Ok(())
}
