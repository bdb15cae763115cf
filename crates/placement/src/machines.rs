//! What a plan says of the machines it takes: what of them was assumed, and what of them may surprise.

use crate::candidates::Candidate;
use crate::request::Request;
use std::collections::BTreeMap;
use welkin_catalog::Arch as CatalogArch;
use welkin_job::{Arch, Assumed, Job, Task};

/// What was assumed of machines, one sentence for the tasks that share it.
pub(crate) fn assumed(job: &Job) -> impl Iterator<Item = String> {
    let mut tasks: BTreeMap<Assumed, Vec<&str>> = BTreeMap::new();
    for task in &job.tasks {
        let mut sorts: Vec<Assumed> = task.options.iter().map(welkin_job::Resources::assumed).collect();
        sorts.sort_unstable();
        sorts.dedup();
        for assumed in sorts.into_iter().filter(|assumed| !assumed.is_empty()) {
            tasks.entry(assumed).or_default().push(&task.name);
        }
    }
    tasks.into_iter().map(|(assumed, names)| {
        format!("{}: {assumed}, as `resources` does not say otherwise", job.task_words(&names))
    })
}

/// What is unusual about the machines chosen, where the file does not ask for it by name.
pub(crate) fn remarks(request: &Request<'_>, chosen: &[&Candidate]) -> Vec<String> {
    let tasks = request.job.tasks.iter().zip(chosen);
    tasks.flat_map(|(task, candidate)| of_machine(request, task, candidate)).collect()
}

fn of_machine(request: &Request<'_>, task: &Task, candidate: &Candidate) -> impl Iterator<Item = String> {
    let offer = request.catalog.offer(candidate.offer);
    let (name, machine) = (&task.name, offer.instance_type);
    let asked = task.options.iter().all(|option| option.wanted_arch() == Some(Arch::Arm64));
    let arm = offer.arch == CatalogArch::Arm64 && !asked;
    let arm = arm.then(|| {
        format!("{name}: {machine} has ARM processors, on which programs built for x86-64 do not run")
    });
    let burstable = offer.burstable.then(|| {
        format!(
            "{name}: {machine} is burstable: its processors are shared, and keep their full speed for a while only"
        )
    });
    arm.into_iter().chain(burstable)
}
