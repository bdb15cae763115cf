//! Why there is no plan, and what to relax.

use crate::output::counted;
use crate::report::{Code, Fault};
use welkin_job::{Job, Resources, TimeEstimate};
use welkin_placement::{PlanFailure, Relaxation};

/// The failure of a plan for `job`, in the user's words.
pub(crate) fn infeasible(failure: &PlanFailure, job: &Job) -> Fault {
    let message = failure.to_string();
    match failure {
        PlanFailure::Expression(_) => Fault::new(Code::Expression, message),
        PlanFailure::NoOffer { task, explanation, relaxations } => {
            let removed: Vec<String> = explanation
                .removed
                .iter()
                .map(|(condition, count)| format!("{condition} removed {count}"))
                .collect();
            let looked = counted(explanation.considered as usize, "offer");
            let fault =
                Fault::new(Code::Infeasible, format!("{message}: of {looked}, {}", removed.join(", ")));
            let deadline = removed.iter().any(|words| words.contains("deadline"));
            let names = explanation.unknown.iter().cloned();
            let hints: Vec<String> = names
                .chain(hint(relaxations))
                .chain(assumed_machines(job, task))
                .chain(assumed_times(job).filter(|_| deadline))
                .collect();
            if hints.is_empty() { fault } else { fault.hint(hints.join("; ")) }
        }
        PlanFailure::Limits { fastest, cheapest, .. } => {
            let shown = |what: &str, found: &Option<_>| {
                let (time, cost) = found.as_ref().copied()?;
                Some(format!("the {what} plan that keeps the other limit takes {time} and costs {cost}"))
            };
            let hints: Vec<String> = shown("fastest", fastest)
                .into_iter()
                .chain(shown("cheapest", cheapest))
                .chain(assumed_times(job))
                .collect();
            let fault = Fault::new(Code::Infeasible, message);
            if hints.is_empty() { fault } else { fault.hint(hints.join("; ")) }
        }
        PlanFailure::OutOfRange { .. } => Fault::new(Code::Infeasible, message)
            .hint("plan it as several jobs, or write fewer nodes, less time or less data for the task"),
        _ => Fault::new(Code::Infeasible, message),
    }
}

/// What was taken for granted of the machine of a task.
fn assumed_machines(job: &Job, task: &str) -> Option<String> {
    let options = job.tasks.iter().filter(|known| known.name == task).flat_map(|task| &task.options);
    let assumed = options.map(Resources::assumed).find(|assumed| !assumed.is_empty())?;
    Some(format!("as `resources` does not say otherwise, the machine was assumed to be: {assumed}"))
}

/// What the plan took for granted, which may be all that is in the way of a limit.
fn assumed_times(job: &Job) -> Option<String> {
    let untimed: Vec<&str> = job
        .tasks
        .iter()
        .filter(|task| task.time == TimeEstimate::Unstated)
        .map(|task| task.name.as_str())
        .collect();
    (!untimed.is_empty()).then(|| {
        let names = job.task_words(&untimed);
        format!("the time of {names} was assumed to be 1h: `time:` in the file says how long it takes")
    })
}

fn hint(relaxations: &[Relaxation]) -> Option<String> {
    let words: Vec<String> = relaxations
        .iter()
        .map(|relaxation| {
            format!("`{}` (leaves {})", relaxation.drop.join("` and `"), counted(relaxation.leaves, "offer"))
        })
        .collect();
    (!words.is_empty()).then(|| format!("relax {}", words.join(", or ")))
}
