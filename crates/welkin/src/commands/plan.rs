//! `welkin plan`: where each task runs, what it costs, and why.

mod explain;
mod front;
mod why_not;

use crate::app::App;
use crate::cli::PlanArgs;
use crate::exit::Exit;
use crate::output::{Format, plan_notes, plan_size, plan_table, write_json};
use crate::planning::{self, Loaded, Month, infeasible, planner};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;
use welkin_name::Name;
use welkin_placement::{Explanation, Plan};
use welkin_provider::Nature;
use welkin_sky::{nature, placements};

#[derive(Serialize)]
struct Wire<'a> {
    /// As saved by `--save`; money in nano-dollars, time in milliseconds, data in bytes.
    plan: &'a Plan,
    /// What stands behind each provider of the plan.
    natures: BTreeMap<&'a str, Nature>,
    /// What each task takes, by its name.
    names: BTreeMap<&'a str, Name>,
    warnings: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<&'a Explanation>,
}

pub(crate) fn run(args: &PlanArgs, app: &mut App) -> anyhow::Result<Exit> {
    let mut loaded = planning::job(&args.file, &args.overrides, false, app)?;
    let month = if args.new_month { Month::New } else { Month::SoFar };
    let planner = planner(app, args.overrides.effort, month)?;
    loaded = planning::resolved(&planner, loaded, app)?;
    if args.pareto {
        return front::run(&planner, &loaded, app);
    }
    if let Some(place) = &args.why_not {
        return why_not::run(&planner, &loaded, place, app);
    }
    if args.save.is_some() {
        planning::anchor(&mut loaded.job, &loaded.base_dir);
    }
    let planned = planner.plan(&loaded.job).map_err(|failure| infeasible(&failure, &loaded.job))?;
    if let Some(path) = &args.save {
        planning::write_plan(&planned.plan, path)?;
    }
    let explanation = args.explain.then_some(&planned.explanation);
    match app.settings.output {
        Format::Json => document(&planned.plan, &loaded, explanation, app)?,
        Format::Table => {
            show(&planned.plan, &loaded, app)?;
            if let Some(explanation) = explanation {
                explain::show(explanation, app)?;
            }
            if let Some(path) = &args.save {
                writeln!(app.out, "saved to {}", path.display())?;
            }
            app.out.flush()?;
        }
    }
    Ok(Exit::Success)
}

/// Writes the plan as JSON.
pub(crate) fn document(
    plan: &Plan,
    loaded: &Loaded,
    explanation: Option<&Explanation>,
    app: &mut App,
) -> anyhow::Result<()> {
    let natures = placements(plan).map(|placement| placement.place.provider.as_str());
    let natures = natures.map(|provider| (provider, nature(provider))).collect();
    let named = plan.tasks.iter().filter_map(|task| Some((task.task.as_str(), task.choice.name()?)));
    let names = named.collect();
    let wire = Wire { plan, natures, names, warnings: &loaded.warnings, explanation };
    write_json(&mut app.out, "welkin.plan/1", &wire)
}

/// Writes the plan as a table, and warnings to standard error.
pub(crate) fn show(plan: &Plan, loaded: &Loaded, app: &mut App) -> anyhow::Result<()> {
    for warning in &loaded.warnings {
        app.remark(warning);
    }
    plan_table(plan).write(&mut app.out, app.style)?;
    writeln!(app.out)?;
    for note in plan_notes(plan) {
        writeln!(app.out, "{note}")?;
    }
    if app.settings.verbose > 0 {
        writeln!(app.out, "{}", plan_size(plan))?;
    }
    Ok(())
}
