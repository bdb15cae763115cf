//! What the command line says over the job file.

use crate::cli::{Instead, Overrides};
use crate::report::{Code, Fault};
use std::collections::BTreeMap;
use welkin_job::{Job, Market, Resources, Task};

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
    job.tasks.iter_mut().for_each(|task| machines(task, said));
}

/// Puts nodes and machines into a task.
fn machines(task: &mut Task, said: &Overrides) {
    task.num_nodes = said.num_nodes.unwrap_or(task.num_nodes);
    task.options.iter_mut().for_each(|option| machine(option, said));
    // Options that differed in what is the same now are one.
    let mut distinct: Vec<Resources> = Vec::with_capacity(task.options.len());
    for option in std::mem::take(&mut task.options) {
        if !distinct.contains(&option) {
            distinct.push(option);
        }
    }
    task.options = distinct;
}

fn machine(option: &mut Resources, said: &Overrides) {
    if let Some(Instead(device)) = &said.gpus {
        option.accelerator.clone_from(device);
    }
    if let Some(Instead(cpus)) = &said.cpus {
        option.cpus = *cpus;
    }
    if let Some(Instead(memory)) = &said.memory {
        option.memory_gib = *memory;
        option.memory_per_cpu_milli = None;
    }
    match (said.use_spot, said.no_use_spot) {
        (true, _) => option.market = Market::Spot,
        (_, true) => option.market = Market::OnDemand,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use welkin_job::{Context, parse};
    use welkin_units::Span;

    #[test]
    fn machines_of_the_command_line_take_the_place_of_every_option() {
        let text = "resources: {accelerators: [A100, L4], cpus: 4, use_spot: any}\nnum_nodes: 2\nrun: x\n";
        let mut job = parse(text, &Context::new("f")).unwrap().job;
        let amount = |milli| Some(welkin_job::Amount { milli, or_more: true });
        let device = welkin_job::Accelerator { name: "H100".to_owned(), count_milli: 8000 };
        let said = Overrides {
            gpus: Some(Instead(Some(device.clone()))),
            cpus: Some(Instead(None)),
            memory: Some(Instead(amount(64_000))),
            num_nodes: Some(3),
            no_use_spot: true,
            ..Overrides::default()
        };
        apply(&mut job, &said);
        let task = &job.tasks[0];
        let [option] = &task.options[..] else { panic!("{:?}", task.options) };
        assert_eq!((task.num_nodes, &option.accelerator), (3, &Some(device)));
        assert_eq!((option.cpus, option.memory_gib, option.market), (None, amount(64_000), Market::OnDemand));
    }

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
