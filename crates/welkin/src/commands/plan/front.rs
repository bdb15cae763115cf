//! `welkin plan --pareto`: every plan that no other beats in both cost and time.

use crate::app::App;
use crate::exit::Exit;
use crate::output::{Align, Format, Table, placement_words, write_json};
use crate::planning::{Loaded, Planner, infeasible};
use serde::Serialize;
use std::io::Write;
use welkin_placement::Plan;

#[derive(Serialize)]
struct Wire<'a> {
    /// Whether these are all there are.
    complete: bool,
    /// By rising cost.
    plans: &'a [Plan],
}

pub(super) fn run(planner: &Planner, loaded: &Loaded, app: &mut App) -> anyhow::Result<Exit> {
    let (plans, complete) = planner.front(&loaded.job).map_err(|failure| infeasible(failure, &loaded.job))?;
    if app.settings.output == Format::Json {
        write_json(&mut app.out, "welkin.front/1", &Wire { complete, plans: &plans })?;
        return Ok(Exit::Success);
    }
    let mut table = Table::new([("COST", Align::Right), ("TIME", Align::Right), ("PLACES", Align::Left)]);
    for plan in &plans {
        let places: Vec<String> = plan
            .tasks
            .iter()
            .map(|task| format!("{}: {}", task.task, placement_words(&task.choice)))
            .collect();
        table.row([plan.cost.to_string(), plan.time.to_string(), places.join("; ")]);
    }
    table.write(&mut app.out, app.style)?;
    writeln!(app.out)?;
    let proof = if complete { "these are all" } else { "there may be more: the search was cut short" };
    writeln!(app.out, "plans that no other beats in both cost and time; {proof}")?;
    app.out.flush()?;
    Ok(Exit::Success)
}
