//! Why the plan is as it is: what each condition removed, and why a place lost.

use crate::candidates::{Candidates, Effort, at_place, candidates_among};
use crate::planner::{Held, PlanFailure};
use crate::request::Request;
use serde::Serialize;
use std::rc::Rc;
use welkin_catalog::OfferId;
use welkin_job::{Infra, Task};
use welkin_name::Place;
use welkin_units::{Span, Usd};

/// What removed how many offers, task by task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// One entry a task, in the order of the job.
    pub tasks: Vec<TaskExplanation>,
}

/// What removed how many offers for one task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaskExplanation {
    /// The task.
    pub task: String,
    /// Offers looked at, once for each option.
    pub considered: u32,
    /// By condition, in the order of application: how many offers it removed that were still there.
    pub removed: Vec<(String, u32)>,
    /// Distinct offers that are left.
    pub feasible: u32,
    /// Names of the task that nothing in the catalog has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

impl Explanation {
    pub(crate) fn new(request: &Request<'_>, found: &[Rc<Candidates>]) -> Self {
        let tasks = request.job.tasks.iter().zip(found);
        Self { tasks: tasks.map(|(task, found)| TaskExplanation::new(task, found)).collect() }
    }
}

impl TaskExplanation {
    pub(crate) fn new(task: &Task, found: &Candidates) -> Self {
        Self {
            task: task.name.clone(),
            considered: found.considered,
            removed: found.removed.iter().filter(|(_, count)| *count > 0).cloned().collect(),
            feasible: found.feasible,
            unknown: found.unknown.clone(),
        }
    }
}

/// Why one task does not run at a place.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WhyNot {
    /// The task.
    pub task: String,
    /// The reason.
    pub verdict: Verdict,
}

/// The reason why a place lost.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It did not lose: the task runs there.
    Chosen,
    /// The catalog has nothing there.
    Unknown,
    /// Every offer there is removed by these conditions, in the order of application.
    Removed(Vec<(String, u32)>),
    /// The best plan with the task there costs and takes more.
    Worse {
        /// Cost of that plan.
        cost: Usd,
        /// Its time.
        time: Span,
        /// Machine type it would use there.
        instance_type: String,
    },
    /// Offers are there, but no plan that uses them keeps the limits of the job.
    BreaksLimits,
}

/// For each task, why it does not run at `place`: the job is planned again with that task held there
/// and every other task free.
///
/// # Errors
/// [`PlanFailure`] when the job has no plan at all.
pub fn why_not(request: &Request<'_>, place: &Infra) -> Result<Vec<WhyNot>, PlanFailure> {
    let best = crate::planner::plan(request)?.plan;
    let mut verdicts = Vec::with_capacity(request.job.tasks.len());
    for (index, planned) in best.tasks.iter().enumerate() {
        let choice = &planned.choice;
        let verdict =
            if matches(place, &choice.place) { Verdict::Chosen } else { held_there(request, index, place)? };
        verdicts.push(WhyNot { task: planned.task.clone(), verdict });
    }
    Ok(verdicts)
}

fn held_there(request: &Request<'_>, index: usize, place: &Infra) -> Result<Verdict, PlanFailure> {
    let there = offers_at(request, place);
    if there.is_empty() {
        return Ok(Verdict::Unknown);
    }
    let found = candidates_among(request, &request.job.tasks[index], &Effort::default(), Some(&there))?;
    if found.list.is_empty() {
        let removed = found.removed.into_iter().filter(|(_, count)| *count > 0);
        return Ok(Verdict::Removed(removed.collect()));
    }
    Ok(match crate::planner::plan_held(request, &Held { task: index, offers: &there }) {
        Ok(planned) => Verdict::Worse {
            cost: planned.plan.cost,
            time: planned.plan.time,
            instance_type: planned.plan.tasks[index].choice.node.instance_type.clone(),
        },
        Err(failure @ PlanFailure::Expression(_)) => return Err(failure),
        Err(_) => Verdict::BreaksLimits,
    })
}

/// Every offer at a place, whoever may buy it.
fn offers_at(request: &Request<'_>, place: &Infra) -> Vec<OfferId> {
    request.catalog.select_with(&at_place(place), request.tables).ids
}

/// What is to be said of the names of a place that somebody asks about: those that nothing has, and what was meant.
#[must_use]
pub fn unknown_names(request: &Request<'_>, place: &Infra) -> Vec<String> {
    request.catalog.unknown_names(&at_place(place), request.tables).into_iter().collect()
}

fn matches(wanted: &Infra, place: &Place) -> bool {
    let fits = |pattern: &Option<String>, text: &str| {
        pattern.as_deref().is_none_or(|pattern| welkin_catalog::Glob::new(pattern).matches(text))
    };
    fits(&wanted.provider, &place.provider)
        && fits(&wanted.region, &place.region)
        && fits(&wanted.zone, place.zone.as_deref().unwrap_or(""))
}
