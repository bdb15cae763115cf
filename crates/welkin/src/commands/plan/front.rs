//! `welkin plan --pareto`: every plan that no other beats in both cost and time.

use crate::app::App;
use crate::exit::Exit;
use crate::output::{Align, Format, Table, placement_words, write_json};
use crate::planning::{Loaded, Planner, infeasible};
use serde::Serialize;
use std::io::Write;
use welkin_placement::{Front, Gap, Plan};

#[derive(Serialize)]
struct Wire<'a> {
    /// Whether these are all there are.
    complete: bool,
    /// Whether nothing is faster than the last plan.
    ended: bool,
    /// How many times the usual work the search was allowed.
    effort: u32,
    /// By rising cost.
    plans: &'a [Plan],
}

pub(super) fn run(planner: &Planner, loaded: &Loaded, app: &mut App) -> anyhow::Result<Exit> {
    let front = planner.front(&loaded.job).map_err(|failure| infeasible(&failure, &loaded.job))?;
    let Front { plans, complete, ended, .. } = &front;
    if app.settings.output == Format::Json {
        let wire = Wire { complete: *complete, ended: *ended, effort: planner.effort(), plans };
        write_json(&mut app.out, "welkin.front/1", &wire)?;
        return Ok(Exit::Success);
    }
    let mut table = Table::new([("COST", Align::Right), ("TIME", Align::Right), ("PLACES", Align::Left)]);
    for plan in plans {
        let places: Vec<String> = plan
            .tasks
            .iter()
            .map(|task| format!("{}: {}", task.task, placement_words(&task.choice)))
            .collect();
        table.row([plan.cost.to_string(), plan.time.to_string(), places.join("; ")]);
    }
    table.write(&mut app.out, app.style)?;
    writeln!(app.out)?;
    writeln!(app.out, "plans that no other beats in both cost and time; {}", proof(&front))?;
    app.out.flush()?;
    Ok(Exit::Success)
}

/// What is known of plans that are not shown.
fn proof(front: &Front) -> String {
    if front.complete {
        return "these are all".to_owned();
    }
    let gaps = front.plans.iter().map(|plan| match plan.gap {
        Gap::Exact => 0.0,
        Gap::AtMost { fraction } => fraction,
    });
    let gap = gaps.fold(0.0, f64::max) * 100.0;
    let cut = if front.ended { "" } else { ", and there may be faster ones than the last" };
    let each = match gap {
        // Two digits would show it as nothing.
        ..0.005 => "each is the cheapest that is as fast".to_owned(),
        _ => format!("each is at most {gap:.2} % dearer than the cheapest that is as fast"),
    };
    format!(
        "the search was cut short: {each}, \
         there may be others between them{cut}; --effort searches longer"
    )
}
