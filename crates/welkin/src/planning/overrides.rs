//! What the command line says over the job file.

use crate::cli::Overrides;
use crate::report::{Code, Fault};
use std::collections::BTreeMap;
use welkin_job::Job;

/// Values of variables; those without one come from the environment.
pub(super) fn values(pairs: &[(String, Option<String>)]) -> anyhow::Result<BTreeMap<String, String>> {
    let value = |(name, value): &(String, Option<String>)| {
        let value = value.clone().or_else(|| std::env::var(name).ok()).ok_or_else(|| {
            Fault::new(Code::Usage, format!("{name} has no value here"))
                .hint(format!("write {name}=VALUE, or set {name} in the environment"))
        })?;
        Ok((name.clone(), value))
    };
    pairs.iter().map(value).collect()
}

/// Puts objective, limits, place and name into the job.
pub(super) fn apply(job: &mut Job, said: &Overrides) {
    if let Some(objective) = said.objective {
        job.objective = objective;
    }
    if let Some(name) = &said.name {
        job.name.clone_from(name);
    }
    // Each task was tightened by the limits of the job; the new ones take the place of those.
    if let Some(deadline) = said.deadline {
        for task in &mut job.tasks {
            let own = task.policy.deadline.filter(|own| Some(*own) != job.policy.deadline);
            task.policy.deadline = Some(own.map_or(deadline, |own| own.min(deadline)));
        }
        job.policy.deadline = Some(deadline);
    }
    if let Some(budget) = said.budget {
        for task in &mut job.tasks {
            let own = task.policy.budget.filter(|own| Some(*own) != job.policy.budget);
            task.policy.budget = Some(own.map_or(budget, |own| own.min(budget)));
        }
        job.policy.budget = Some(budget);
    }
    if let Some(place) = &said.on {
        for option in job.tasks.iter_mut().flat_map(|task| &mut task.options) {
            option.infra = place.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use welkin_job::{Context, parse};
    use welkin_units::Span;

    #[test]
    fn limits_of_the_command_line_replace_those_of_the_job_but_not_of_a_task() {
        let text = "policy: {deadline: 8h}\ntasks:\n  a: {run: x}\n  b: {run: y, policy: {deadline: 1h}}\n";
        let mut job = parse(text, &Context::new("f")).unwrap().job;
        apply(&mut job, &Overrides { deadline: Some(Span::from_hours(9)), ..Overrides::default() });
        let deadlines: Vec<_> = job.tasks.iter().map(|task| task.policy.deadline).collect();
        assert_eq!(job.policy.deadline, Some(Span::from_hours(9)));
        assert_eq!(deadlines, [Some(Span::from_hours(9)), Some(Span::from_hours(1))]);
    }
}
