//! `welkin route`: how data would go from a place to others.

mod dot;
mod inputs;
mod places;
mod probe;
mod show;

use crate::app::App;
use crate::cli::{RouteArgs, RouteCommand};
use crate::exit::Exit;
use crate::output::{Format, write_json};
use crate::report::{Code, Fault};
use inputs::Inputs;
use serde::Serialize;
use std::io::Write;
use welkin_route::{Ceiling, Ignored, Objective, PlanError, Question, RoutePlan, plan_route, route_front};

/// Plans of a front: enough to see its bend, and each is a solve of its own.
const FRONT_POINTS: u32 = 12;

#[derive(Serialize)]
struct PlanWire<'a> {
    plan: &'a RoutePlan,
    /// Agreements that were ignored, and why.
    ignored: &'a [Ignored],
}

#[derive(Serialize)]
struct FrontWire<'a> {
    /// From the cheapest to the fastest.
    plans: &'a [RoutePlan],
    ignored: &'a [Ignored],
}

pub(crate) fn run(args: &RouteArgs, app: &mut App) -> anyhow::Result<Exit> {
    if let Some(RouteCommand::Probe(args)) = &args.command {
        return probe::run(args, app);
    }
    let inputs = Inputs::read(args, &app.settings.trusted_keys)?;
    for warning in &inputs.warnings {
        app.warn(warning);
    }
    let from = places::one(&inputs.wan, args.from.as_deref().unwrap_or_default())?;
    let to = places::all(&inputs.wan, &args.to, from)?;
    let question = Question {
        wan: &inputs.wan,
        from,
        to: &to,
        size: args.size,
        objective: objective(args),
        max_vms: args.max_vms,
        relays: &inputs.relays,
        month_to_date: &inputs.sent,
        terms: &inputs.terms,
        stores: &inputs.stores,
    };
    if args.pareto {
        let plans = route_front(&question, FRONT_POINTS).map_err(fault)?;
        match app.settings.output {
            Format::Json => {
                let wire = FrontWire { plans: &plans, ignored: &inputs.ignored };
                write_json(&mut app.out, "welkin.route-front/1", &wire)?;
            }
            Format::Table if app.settings.graph => {
                let message = "a front is many plans; --output dot draws one";
                return Err(Fault::new(Code::Usage, message).into());
            }
            Format::Table => show::front(&plans, app)?,
        }
        return Ok(Exit::Success);
    }
    let plan = plan_route(&question).map_err(fault)?;
    match app.settings.output {
        Format::Json => {
            let wire = PlanWire { plan: &plan, ignored: &inputs.ignored };
            write_json(&mut app.out, "welkin.route/1", &wire)?;
        }
        Format::Table if app.settings.graph => app.out.write_all(dot::graph(&plan).as_bytes())?,
        Format::Table => {
            show::plan(&plan, app)?;
            if args.explain {
                show::explain(&question, &plan, &inputs, app)?;
            }
        }
    }
    app.out.flush()?;
    Ok(Exit::Success)
}

fn objective(args: &RouteArgs) -> Objective {
    match (args.max_cost, args.budget, args.min_rate, args.by, args.fastest) {
        (Some(ceiling), ..) => Objective::Fastest(Some(ceiling)),
        (_, Some(budget), ..) => Objective::Fastest(Some(Ceiling::Total(budget))),
        (_, _, Some(rate), ..) => Objective::Cheapest(Some(rate)),
        (_, _, _, Some(span), _) => Objective::By(span),
        (.., true) => Objective::Fastest(None),
        (.., false) => Objective::Cheapest(None),
    }
}

fn fault(error: PlanError) -> Fault {
    let code = match &error {
        PlanError::SamePlace(_)
        | PlanError::TooManyDestinations { .. }
        | PlanError::Senseless(_)
        | PlanError::OutOfRange { .. } => Code::Usage,
        PlanError::Unreachable { .. } | PlanError::NoDirect { .. } | PlanError::Infeasible { .. } => {
            Code::RouteInfeasible
        }
        PlanError::Exhausted => Code::RouteExhausted,
    };
    Fault::new(code, error.to_string())
}
