//! `welkin parallelize compare`.

use super::show::{gigabytes, seconds};
use crate::app::App;
use crate::exit::Exit;
use crate::output::{Align, Format, Table, write_json};
use serde::Serialize;
use std::io::Write;
use welkin_parallel::{Cluster, Effort, Model, experts, plan, words};

#[derive(Serialize)]
struct Wire {
    plans: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    plan: String,
    /// What it is made of.
    mesh: String,
    /// Nothing where it does not fit, or blocks are not equal.
    step_s: Option<f64>,
    peak_bytes: Option<u64>,
}

pub(super) fn run(model: &Model, cluster: &Cluster, app: &mut App) -> anyhow::Result<Exit> {
    let mut plans = Vec::new();
    if let Ok(made) = plan(model, cluster, Effort::default(), &mut |_| ()) {
        let mesh = match &made.stages[..] {
            [only] => words(&only.mesh),
            stages => format!("{} stages", stages.len()),
        };
        let peak_bytes = made.stages.iter().map(|stage| stage.peak_bytes).max();
        plans.push(Row { plan: "welkin".to_owned(), mesh, step_s: Some(made.step_s), peak_bytes });
    }
    for expert in experts(model, cluster) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bytes of a device")]
        let peak_bytes = expert.step_s.map(|_| expert.peak_bytes as u64);
        plans.push(Row {
            plan: expert.name.to_owned(),
            mesh: words(&expert.mesh),
            step_s: expert.step_s,
            peak_bytes,
        });
    }
    if app.settings.output == Format::Json {
        write_json(&mut app.out, "welkin.parallel-comparison/1", &Wire { plans })?;
        return Ok(Exit::Success);
    }
    let best = plans.iter().filter_map(|row| row.step_s).fold(f64::INFINITY, f64::min);
    let heads = [
        ("PLAN", Align::Left),
        ("MESH", Align::Left),
        ("STEP", Align::Right),
        ("OF BEST", Align::Right),
        ("MEMORY", Align::Right),
    ];
    let mut table = Table::new(heads);
    for row in &plans {
        let step = row.step_s.map_or("does not fit".to_owned(), seconds);
        let times = row.step_s.map(|step| format!("{:.2} ×", step / best)).unwrap_or_default();
        let memory = row.peak_bytes.map(gigabytes).unwrap_or_default();
        table.row([row.plan.clone(), row.mesh.clone(), step, times, memory]);
    }
    table.write(&mut app.out, app.style)?;
    app.out.flush()?;
    Ok(Exit::Success)
}
