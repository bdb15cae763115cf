//! Why the plan is as it is: what each condition removed, and why a place lost.

use crate::candidates::{Candidates, Effort, candidates};
use crate::planner::PlanFailure;
use crate::request::Request;
use serde::Serialize;
use std::rc::Rc;
use welkin_job::{Infra, Job, Task};
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
        let verdict = if matches(place, &choice.provider, &choice.region, choice.zone.as_deref()) {
            Verdict::Chosen
        } else {
            held_there(request, index, place)?
        };
        verdicts.push(WhyNot { task: planned.task.clone(), verdict });
    }
    Ok(verdicts)
}

fn held_there(request: &Request<'_>, index: usize, place: &Infra) -> Result<Verdict, PlanFailure> {
    let known = request.catalog.offers().any(|offer| {
        matches(place, offer.place.provider, offer.place.region, offer.zone.or(place.zone.as_deref()))
    });
    if !known {
        return Ok(Verdict::Unknown);
    }
    let mut job: Job = request.job.clone();
    let task = &mut job.tasks[index];
    for option in &mut task.options {
        // The place asked about comes on top of what the option says itself.
        let both = |own: &Option<String>, asked: &Option<String>| asked.clone().or_else(|| own.clone());
        option.infra = Infra {
            provider: both(&option.infra.provider, &place.provider),
            region: both(&option.infra.region, &place.region),
            zone: both(&option.infra.zone, &place.zone),
        };
    }
    let held = Request { job: &job, ..*request };
    let found = candidates(&held, &job.tasks[index], &Effort::default())?;
    if found.list.is_empty() {
        let here: Vec<(String, u32)> = found
            .removed
            .into_iter()
            .filter(|(condition, count)| {
                *count > 0
                    && !["provider", "region", "zone", "restricted place"].contains(&condition.as_str())
            })
            .collect();
        return Ok(Verdict::Removed(here));
    }
    Ok(match crate::planner::plan(&held) {
        Ok(planned) => Verdict::Worse {
            cost: planned.plan.cost,
            time: planned.plan.time,
            instance_type: planned.plan.tasks[index].choice.node.instance_type.clone(),
        },
        Err(failure @ PlanFailure::Expression(_)) => return Err(failure),
        Err(_) => Verdict::BreaksLimits,
    })
}

fn matches(place: &Infra, provider: &str, region: &str, zone: Option<&str>) -> bool {
    let fits = |pattern: &Option<String>, text: &str| {
        pattern.as_deref().is_none_or(|pattern| welkin_catalog::Glob::new(pattern).matches(text))
    };
    fits(&place.provider, provider) && fits(&place.region, region) && fits(&place.zone, zone.unwrap_or(""))
}
