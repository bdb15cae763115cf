//! `welkin plan --why-not PLACE`.

use crate::app::App;
use crate::exit::Exit;
use crate::output::{Align, Format, Table, write_json};
use crate::planning::{Loaded, Planner, infeasible};
use serde::Serialize;
use std::io::Write;
use welkin_job::Infra;
use welkin_placement::{Verdict, WhyNot};

#[derive(Serialize)]
struct Wire<'a> {
    tasks: &'a [WhyNot],
}

pub(super) fn run(planner: &Planner, loaded: &Loaded, place: &Infra, app: &mut App) -> anyhow::Result<Exit> {
    let tasks = planner.why_not(&loaded.job, place).map_err(|failure| infeasible(&failure, &loaded.job))?;
    if app.settings.output == Format::Json {
        write_json(&mut app.out, "welkin.why-not/1", &Wire { tasks: &tasks })?;
        return Ok(Exit::Success);
    }
    let unknown = planner.unknown_names(&loaded.job, place);
    let best = planner.plan(&loaded.job).map_err(|failure| infeasible(&failure, &loaded.job))?.plan;
    let mut table = Table::new([("TASK", Align::Left), ("THERE?", Align::Left)]);
    for WhyNot { task, verdict } in &tasks {
        let words = match verdict {
            Verdict::Chosen => "it runs there".to_owned(),
            Verdict::Unknown if unknown.is_empty() => "the catalog has nothing there".to_owned(),
            Verdict::Unknown => unknown.join("; "),
            Verdict::Removed(removed) if removed.is_empty() => "no offer there suits the task".to_owned(),
            Verdict::Removed(removed) => {
                let removed: Vec<String> =
                    removed.iter().map(|(condition, count)| format!("{condition} removed {count}")).collect();
                format!("no offer there suits the task: {}", removed.join(", "))
            }
            Verdict::Worse { cost, time, instance_type } => {
                format!(
                    "the plan with {instance_type} there costs {cost} and takes {time}, against {} and {}",
                    best.cost, best.time
                )
            }
            Verdict::BreaksLimits => "every plan with it there breaks a limit of the job".to_owned(),
        };
        table.row([task.clone(), words]);
    }
    table.write(&mut app.out, app.style)?;
    app.out.flush()?;
    Ok(Exit::Success)
}
