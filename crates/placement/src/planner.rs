//! From a request to a plan.

mod detour;
mod draft;
mod ranking;
mod whole;

use crate::candidates::{Candidate, Candidates, Effort, ExpressionError, candidates};
use crate::explain::{Explanation, TaskExplanation};
use crate::machines;
use crate::model::{Model, flows};
use crate::plan::{CostRange, Gap, Plan, PlannedTask, SCHEMA, Transfer, TransferSource};
use crate::relax::{Relaxation, relaxations};
use crate::request::Request;
use crate::scores::Scored;
use crate::solve::{self, Amount, Goal, Limits, Problem, Solution, Unsolved};
use draft::Draft;
use std::rc::Rc;
use thiserror::Error;
use welkin_catalog::OfferId;
use welkin_job::{Input, Job, Market, Objective, TimeEstimate};
use welkin_units::{Bytes, Span, Usd};

/// Why there is no plan.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PlanFailure {
    /// A condition in CEL cannot be used.
    #[error(transparent)]
    Expression(#[from] ExpressionError),
    /// A task has no offer at all.
    #[error("no offer satisfies every condition of task `{task}`")]
    NoOffer {
        /// The task.
        task: String,
        /// What removed the offers.
        explanation: Box<TaskExplanation>,
        /// The smallest sets of conditions to relax, and how many offers each would leave.
        relaxations: Vec<Relaxation>,
    },
    /// Every task has offers, but no combination keeps the limits of the job.
    #[error("no plan keeps the limits of the job{}", limits_in_words(*.deadline, *.budget))]
    Limits {
        /// The deadline asked for.
        deadline: Option<Span>,
        /// The budget asked for.
        budget: Option<Usd>,
        /// Time of the fastest plan within the budget.
        fastest: Option<(Span, Usd)>,
        /// Cost of the cheapest plan within the deadline.
        cheapest: Option<(Span, Usd)>,
    },
    /// Some plan of the job could not be counted, so none is looked for.
    #[error("the job is too large to be counted: its {what}, most of it {of} of task `{task}`")]
    OutOfRange {
        /// What could leave its range, and the range, in words.
        what: &'static str,
        /// What of the task it is, in words.
        of: &'static str,
        /// The task that can add most.
        task: String,
    },
    /// The search ended without a plan, which does not mean that there is none.
    #[error("the search was cut short before any plan that keeps the limits was found")]
    NotFound,
}

fn limits_in_words(deadline: Option<Span>, budget: Option<Usd>) -> String {
    let deadline = deadline.map(|deadline| format!(" deadline {deadline}"));
    let budget = budget.map(|budget| format!(" budget {budget}"));
    let words: Vec<String> = deadline.into_iter().chain(budget).collect();
    if words.is_empty() { String::new() } else { format!(":{}", words.join(",")) }
}

/// A plan with the reasons for it.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// What removed how many offers.
    pub explanation: Explanation,
}

/// The best plan for a request.
///
/// # Errors
/// [`PlanFailure`] when no plan keeps every condition, with what to relax.
pub fn plan(request: &Request<'_>) -> Result<Planned, PlanFailure> {
    plan_among(request, all_candidates(request)?)
}

/// A task that is held to some of the offers, which are in order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held<'h> {
    pub(crate) task: usize,
    pub(crate) offers: &'h [OfferId],
}

/// The best plan with one task held to some of the offers, and all others free.
pub(crate) fn plan_held(request: &Request<'_>, held: &Held<'_>) -> Result<Planned, PlanFailure> {
    let mut found = all_candidates(request)?;
    let there = |candidate: &Candidate| held.offers.binary_search(&candidate.offer).is_ok();
    let mut own = Candidates::clone(&found[held.task]);
    own.list.retain(there);
    found[held.task] = Rc::new(own);
    plan_among(request, found)
}

fn plan_among(request: &Request<'_>, found: Vec<Rc<Candidates>>) -> Result<Planned, PlanFailure> {
    let flows = flows(request);
    let model = Model::new(request, &found, &flows);
    let problem = counted(&model, request, &found, &|candidate| candidate.scored)?;
    let goal = goal(request.job);
    let limits = Limits::of(request.effort).content();
    let solution = match goal.max_cost.filter(|_| has_scores(&found)) {
        None => solve::solve(&problem, &goal, &limits)
            .map_err(|unsolved| failure(request.job, &problem, &goal, unsolved, &limits))?,
        Some(budget) => {
            let money = counted(&model, request, &found, &|candidate| candidate.cost)?;
            let mixed = |share| model.problem(request, &found, &|candidate| mix(candidate, share));
            Scored { scored: &problem, money: &money, mixed: &mixed }
                .solve(&goal, budget, &limits)
                .map_err(|unsolved| failure(request.job, &money, &goal, unsolved, &limits))?
        }
    };
    let explanation = Explanation::new(request, &found);
    let within = Within { goal: &goal, proven: &goal };
    Ok(Planned { plan: assemble(request, &model, &found, &problem, &within, &solution), explanation })
}

/// Whether some candidate costs more or less in the eyes of the objective than it does.
fn has_scores(found: &[Rc<Candidates>]) -> bool {
    found.iter().flat_map(|found| &found.list).any(|candidate| candidate.scored != candidate.cost)
}

/// What a candidate weighs between its score (0) and its cost (1).
fn mix(candidate: &Candidate, share: f64) -> Usd {
    let mixed = candidate.scored.dollars() * (1.0 - share) + candidate.cost.dollars() * share;
    Usd::from_dollars(mixed).unwrap_or(Usd::MAX)
}

/// Plans that no other beats in both cost and time, and what is known of those that are not there.
#[derive(Debug, Clone)]
pub struct Front {
    /// By rising cost. The gap of each is how much less a plan as fast can cost.
    pub plans: Vec<Plan>,
    /// Whether these are proven to be all there are.
    pub complete: bool,
    /// Whether nothing is faster than the last; false where the search was cut short before its end.
    pub ended: bool,
}

/// The Pareto-optimal plans. Cost is money here: scores play no part.
///
/// # Errors
/// [`PlanFailure`] when no plan keeps every condition.
pub fn front(request: &Request<'_>) -> Result<Front, PlanFailure> {
    let found = all_candidates(request)?;
    let flows = flows(request);
    let model = Model::new(request, &found, &flows);
    let problem = counted(&model, request, &found, &|candidate| candidate.cost)?;
    let goal = goal(request.job);
    let limits = Limits::of(request.effort);
    let solve::Front { points, complete, ended } = solve::pareto(&problem, &goal, &limits);
    if points.is_empty() {
        let unsolved = if ended { Unsolved::Infeasible } else { Unsolved::NotFound };
        return Err(failure(request.job, &problem, &goal, unsolved, &limits));
    }
    let plans = points.into_iter().map(|point| {
        let solve::FrontPoint { states, cost, time, bound, exact } = point;
        let solution = Solution { states, cost, time, bound, exact };
        assemble(request, &model, &found, &problem, &Within { goal: &goal, proven: &Goal::COST }, &solution)
    });
    Ok(Front { plans: plans.collect(), complete, ended })
}

/// The abstract problem, if every plan of it can be counted.
fn counted(
    model: &Model<'_>,
    request: &Request<'_>,
    found: &[Rc<Candidates>],
    weigh: &dyn Fn(&Candidate) -> Usd,
) -> Result<Problem, PlanFailure> {
    let problem = model.problem(request, found, weigh);
    let Some(beyond) = solve::out_of_range(&problem) else { return Ok(problem) };
    let (what, of) = match beyond.amount {
        Amount::Cost => ("cost could pass 1.15 billion dollars", "the price"),
        Amount::Time => ("time could pass 285,000 years", "the time"),
        Amount::Volume => ("data could pass 9 petabytes", "the inputs"),
    };
    // Tasks beyond the job's stand for inputs, which send and are sent nothing.
    let task = request.job.tasks.get(beyond.task).map(|task| task.name.clone()).unwrap_or_default();
    Err(PlanFailure::OutOfRange { what, of, task })
}

pub(crate) fn all_candidates(request: &Request<'_>) -> Result<Vec<Rc<Candidates>>, PlanFailure> {
    let effort = Effort::default();
    let mut all: Vec<Rc<Candidates>> = Vec::with_capacity(request.job.tasks.len());
    // Tasks often ask for the same; their candidates depend on nothing else. The first task of each kind.
    let mut kinds: Vec<usize> = Vec::new();
    for task in &request.job.tasks {
        let same = kinds.iter().find(|other| alike(task, &request.job.tasks[**other]));
        let found = match same {
            Some(index) => Rc::clone(&all[*index]),
            None => {
                kinds.push(all.len());
                Rc::new(candidates(request, task, &effort)?)
            }
        };
        if found.list.is_empty() {
            return Err(PlanFailure::NoOffer {
                task: task.name.clone(),
                explanation: Box::new(TaskExplanation::new(task, &found)),
                relaxations: relaxations(request, task, &effort),
            });
        }
        all.push(found);
    }
    Ok(all)
}

/// Whether two tasks have the same candidates.
fn alike(a: &welkin_job::Task, b: &welkin_job::Task) -> bool {
    a.options == b.options
        && a.choice == b.choice
        && a.num_nodes == b.num_nodes
        && a.needs == b.needs
        && a.policy == b.policy
        && a.time == b.time
}

/// The goal of a job.
fn goal(job: &Job) -> Goal {
    let max_cost = job.policy.budget.map(Usd::nanos);
    let max_time = job.policy.deadline.map(|deadline| i64::try_from(deadline.millis()).unwrap_or(i64::MAX));
    let (cost_weight, time_weight) = match job.objective {
        Objective::Cost => (1.0, 0.0),
        Objective::Time => (0.0, 1.0),
        // Per dollar and per hour, in nano-dollars and milliseconds.
        Objective::Weighted { cost, time } => (cost * 1e-9, time / 3_600_000.0),
    };
    Goal { cost_weight, time_weight, max_cost, max_time }
}

/// What stands in the way when the limits of the job cannot be kept.
fn failure(job: &Job, problem: &Problem, goal: &Goal, unsolved: Unsolved, limits: &Limits) -> PlanFailure {
    if unsolved == Unsolved::NotFound {
        return PlanFailure::NotFound;
    }
    let both = |solution: Solution| {
        (Span::from_millis(u64::try_from(solution.time).unwrap_or(0)), Usd::from_nanos(solution.cost))
    };
    let within_budget = Goal { max_cost: goal.max_cost, ..Goal::TIME };
    let within_deadline = Goal { max_time: goal.max_time, ..Goal::COST };
    PlanFailure::Limits {
        deadline: job.policy.deadline,
        budget: job.policy.budget,
        fastest: solve::solve(problem, &within_budget, limits).ok().map(both),
        cheapest: solve::solve(problem, &within_deadline, limits).ok().map(both),
    }
}

/// What a plan had to keep, and what was proven of it.
struct Within<'g> {
    /// The goal of the job, whose limits alternatives keep too.
    goal: &'g Goal,
    /// The goal that the solution's bound is a bound of.
    proven: &'g Goal,
}

fn assemble(
    request: &Request<'_>,
    model: &Model<'_>,
    found: &[Rc<Candidates>],
    problem: &Problem,
    within: &Within<'_>,
    solution: &Solution,
) -> Plan {
    let job = request.job;
    let chosen: Vec<&Candidate> = (0..job.tasks.len())
        .map(|task| &found[task].list[model.states[task][solution.states[task] as usize]])
        .collect();
    let draft = Draft::new(request, model, chosen, found);
    let finish = problem.finish_times(&solution.states);
    let tasks = (0..job.tasks.len()).map(|task| {
        let finish = Span::from_millis(u64::try_from(finish[task]).unwrap_or(0));
        let start = finish.saturating_sub(draft.occupied(task));
        PlannedTask {
            task: job.tasks[task].name.clone(),
            choice: draft.choice(task, start),
            alternatives: draft.alternatives(task, &found[task], within.goal, start),
            feasible_offers: found[task].feasible,
        }
    });
    let tasks = tasks.collect();
    let transfers = draft.transfers();
    let mut assumptions =
        [assumptions(job, &draft.chosen), names(job, found), crate::origin::assumptions(request)].concat();
    assumptions.extend(transfers.iter().filter_map(unknown_region));
    let egress: Usd = transfers.iter().map(|transfer| transfer.cost).sum();
    let machines: Usd = draft.chosen.iter().map(|candidate| candidate.cost).sum();
    let value = within.proven.value(solution.cost, solution.time);
    // No price is negative, so nothing is better than nothing.
    let gap = if solution.exact || value <= 0.0 {
        Gap::Exact
    } else {
        Gap::AtMost { fraction: ((value - solution.bound) / value).clamp(0.0, 1.0) }
    };
    Plan {
        schema: SCHEMA,
        id: String::new(),
        job: job.clone(),
        tasks,
        transfers,
        objective: job.objective,
        cost: machines + egress,
        egress,
        time: Span::from_millis(u64::try_from(solution.time).unwrap_or(0)),
        gap,
        catalog: request.catalog.digest().to_owned(),
        tariffs: request.tariffs.digest().to_owned(),
        assumptions,
        remarks: machines::remarks(request, &draft.chosen),
        month: None,
    }
    .sealed()
}

/// What nobody said and the plan took for granted.
fn assumptions(job: &Job, chosen: &[&Candidate]) -> Vec<String> {
    let mut notes: Vec<String> = machines::assumed(job).collect();
    let named = |tasks: Vec<&str>| job.task_words(&tasks);
    let tasks = || job.tasks.iter().zip(chosen);
    let untimed: Vec<&str> = tasks()
        .filter(|(task, _)| task.time == TimeEstimate::Unstated)
        .map(|(task, _)| task.name.as_str())
        .collect();
    if !untimed.is_empty() {
        notes.push(format!("{}: no time stated, so 1h is assumed", named(untimed)));
    }
    let sizeless: Vec<&str> = tasks()
        .filter(|(task, _)| {
            task.inputs.values().any(|input| matches!(input, Input::Uri { size, .. } if size.get() == 0))
        })
        .map(|(task, _)| task.name.as_str())
        .collect();
    if !sizeless.is_empty() {
        notes.push(format!(
            "{}: an input has no stated size, so moving it is priced at nothing",
            named(sizeless)
        ));
    }
    let undelivered: Vec<&str> = tasks()
        .filter(|(task, _)| task.outputs.values().any(|one| one.uri.is_some() && one.size == Bytes::ZERO))
        .map(|(task, _)| task.name.as_str())
        .collect();
    if !undelivered.is_empty() {
        notes.push(format!(
            "{}: an output has no stated size, so delivering it is priced at nothing",
            named(undelivered)
        ));
    }
    let spot: Vec<&str> = tasks()
        .filter(|(task, candidate)| {
            candidate.market == Market::Spot && task.policy.preemptions_per_hour.is_none()
        })
        .map(|(task, _)| task.name.as_str())
        .collect();
    if !spot.is_empty() {
        notes
            .push(format!("{}: each spot machine is assumed to be taken away once in 20 hours", named(spot)));
    }
    notes
}

/// Names that the plan had to pass over.
fn names(job: &Job, found: &[Rc<Candidates>]) -> Vec<String> {
    let tasks = job.tasks.iter().zip(found);
    let remarks =
        tasks.flat_map(|(task, found)| found.unknown.iter().map(|remark| format!("{}: {remark}", task.name)));
    remarks.collect()
}

/// What a transfer was priced at because nobody said where its end outside the job is.
fn unknown_region(transfer: &Transfer) -> Option<String> {
    let CostRange { lowest, highest } = transfer.by_region?;
    let Transfer { task, input, cost, .. } = transfer;
    let (what, uri) = match (&transfer.delivered_to, &transfer.source) {
        (Some(uri), _) => (format!("delivering {task}.{input}"), uri),
        (None, TransferSource::Uri(uri)) => (format!("moving it to {task}"), uri),
        (None, TransferSource::Task { .. }) => return None,
    };
    let remedy = if transfer.delivered_to.is_some() { "" } else { "; `infra:` of the input states it" };
    Some(format!(
        "the region of {uri} is not known, so {what} is priced at {cost}, as if it were none of the regions \
         of the plan; by region it costs {lowest} to {highest}{remedy}"
    ))
}

#[cfg(test)]
mod tests;
