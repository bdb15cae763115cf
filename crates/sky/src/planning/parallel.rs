//! Tasks that say `parallel`: their machines, how many of them, and how the step is split over their devices are one choice.
//!
//! 1. The planner of splits gives every kind and number of machines that no other beats in both time and money of a step.
//! 2. Each of these becomes the task, with the time that its steps take there, and the whole job is planned: regions, data, deadlines
//!    and budgets count as for every task.
//! 3. The best job decides. Its split is written to a file that the node finds (`WELKIN_PARALLEL_PLAN`).
//!
//! *Guarantee:* no candidate of step 1 makes a better job by its objective. Several such tasks are chosen one after the other.
//!
//! *Rejected:* a price for each device-hour and one best split for it: the cheapest step is rarely on the machine that the
//! deadline, the data and the other tasks allow.

use super::{HOSTS_TRIED, Loaded, Planner, cheapest_machines};
use crate::error::SkyError;
use crate::private::replace;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use welkin_catalog::Offer;
use welkin_job::{FileMount, Infra, Job, Objective, Parallel, Resources, Task, TimeEstimate};
use welkin_parallel::{
    Choice, Cluster, Effort, MOST_MODEL_BYTES, Model, Offered, choose, plan_one_mesh, words,
};
use welkin_placement::{Plan, PlanFailure};
use welkin_units::{Span, Usd};

/// Where a node finds the split.
const ON_NODE: &str = "~/.parallel/plan.json";

/// The variable that says so.
const VARIABLE: &str = "WELKIN_PARALLEL_PLAN";

/// Chooses the machines and splits of all tasks that ask for it.
pub(super) fn resolve(
    loaded: Loaded,
    planner: &Planner,
    told: &mut dyn FnMut(&str),
) -> Result<Loaded, SkyError> {
    let mut loaded = loaded;
    for index in 0..loaded.job.tasks.len() {
        if let Some(parallel) = loaded.job.tasks[index].parallel.clone().filter(|one| one.plan.is_none()) {
            one(&mut loaded, index, &parallel, planner, told)?;
        }
    }
    Ok(loaded)
}

fn one(
    loaded: &mut Loaded,
    index: usize,
    parallel: &Parallel,
    planner: &Planner,
    told: &mut dyn FnMut(&str),
) -> Result<(), SkyError> {
    let path = loaded.base_dir.join(&parallel.model);
    let model = read_model(&path)?;
    let task = &loaded.job.tasks[index];
    told(&task.name);
    let offers: Vec<(Offer<'_>, Usd)> = cheapest_machines(&planner.catalog, &planner.configured)
        .into_iter()
        .filter(|(offer, _)| task.options.iter().any(|option| may_be(option, offer)))
        .collect();
    let chosen = choose(&model, candidates(&offers, parallel));
    if chosen.front.is_empty() {
        return Err(SkyError::NoMachines { task: task.name.clone() });
    }
    let mut best: Option<(Plan, &Choice)> = None;
    let mut failure: Option<(PlanFailure, Job)> = None;
    for choice in &chosen.front {
        let mut job = loaded.job.clone();
        place(&mut job.tasks[index], parallel, choice, &offers[choice.key].0);
        match planner.plan(&job) {
            Ok(planned) if best.as_ref().is_none_or(|(plan, _)| is_better(&planned.plan, plan)) => {
                best = Some((planned.plan, choice));
            }
            Ok(_) => {}
            Err(error) => drop(failure.get_or_insert((error, job))),
        }
    }
    let choice = match (best, failure) {
        (Some((_, choice)), _) => choice,
        (None, Some((failure, job))) => return Err(SkyError::no_plan(failure, &job)),
        (None, None) => return Err(SkyError::NoMachines { task: task.name.clone() }),
    };
    let task = &mut loaded.job.tasks[index];
    place(task, parallel, choice, &offers[choice.key].0);
    let file = split(&model, choice, planner)?;
    task.file_mounts.insert(ON_NODE.to_owned(), FileMount::Local(file.path.to_string_lossy().into_owned()));
    task.envs.insert(VARIABLE.to_owned(), ON_NODE.to_owned());
    task.parallel = Some(Parallel { plan: Some(file.digest), ..parallel.clone() });
    loaded.warnings.push(said(&task.name, parallel, choice));
    Ok(())
}

/// Whether an option of the task allows an offer, as far as kinds of machines go: the rest is for the plan of the job.
fn may_be(option: &Resources, offer: &Offer<'_>) -> bool {
    let provider = option.infra.provider.as_deref().is_none_or(|provider| provider == offer.place.provider);
    let kind =
        option.instance_type.as_deref().is_none_or(|kind| kind.eq_ignore_ascii_case(offer.instance_type));
    let device = match (&option.accelerator, &offer.accelerator) {
        (Some(wanted), Some(has)) => {
            let matches = welkin_catalog::tables::Tables::embedded().accelerators.matcher(&wanted.name);
            matches((has.name, has.memory)) && wanted.count_milli == has.count_milli
        }
        (wanted, _) => wanted.is_none(),
    };
    provider && kind && device
}

fn candidates(offers: &[(Offer<'_>, Usd)], parallel: &Parallel) -> Vec<Offered> {
    let mut offered = Vec::new();
    for (key, (offer, price)) in offers.iter().enumerate() {
        let Some(accelerator) = offer.accelerator else { continue };
        let network = offer.network.get() as f64 / 1e9;
        let network = (network > 0.0).then_some(network);
        for hosts in HOSTS_TRIED.into_iter().filter(|hosts| *hosts <= u64::from(parallel.max_nodes)) {
            let per_host = u64::from(accelerator.count_milli / 1000);
            // Devices whose rates nobody knows cannot be compared.
            let Ok(cluster) =
                Cluster::offered(offer.instance_type, accelerator.name, hosts, per_host, network)
            else {
                continue;
            };
            offered.push(Offered { key, cluster, usd_hour: price.dollars() * hosts as f64 });
        }
    }
    offered
}

/// Makes the task one that runs on a candidate, anywhere its provider has that.
fn place(task: &mut Task, parallel: &Parallel, choice: &Choice, offer: &Offer<'_>) {
    let fitting: Vec<Resources> =
        task.options.iter().filter(|option| may_be(option, offer)).cloned().collect();
    task.options = fitting
        .into_iter()
        .map(|option| Resources {
            infra: Infra { provider: Some(offer.place.provider.to_owned()), ..option.infra.clone() },
            instance_type: Some(offer.instance_type.to_owned()),
            accelerator: None,
            ..option
        })
        .collect();
    task.options.dedup();
    task.num_nodes = u32::try_from(choice.cluster.hosts).unwrap_or(u32::MAX);
    let seconds = (choice.step_s * parallel.steps as f64).min(Span::MAX.millis() as f64 / 1e4);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, and far below the most"
    )]
    let time = Span::from_millis((seconds * 1e3).ceil() as u64);
    task.time = TimeEstimate::Fixed(time.max(Span::from_millis(1)));
}

fn is_better(plan: &Plan, than: &Plan) -> bool {
    let key = |plan: &Plan| {
        let (dollars, hours) = (plan.cost.dollars(), plan.time.millis() as f64 / 3.6e6);
        match plan.job.objective {
            Objective::Cost => (dollars, hours),
            Objective::Time => (hours, dollars),
            Objective::Weighted { cost, time } => (dollars * cost + hours * time, dollars),
        }
    };
    let (one, other) = (key(plan), key(than));
    one.0.total_cmp(&other.0).then(one.1.total_cmp(&other.1)).is_lt()
}

struct Split {
    digest: String,
    path: PathBuf,
}

/// Writes the split where the run takes it from: its name is its content.
fn split(model: &Model, choice: &Choice, planner: &Planner) -> Result<Split, SkyError> {
    let cluster = &choice.cluster;
    // Each node runs a process of its own, and stages are run by one.
    let make = if cluster.hosts > 1 { plan_one_mesh } else { welkin_parallel::plan };
    let plan = make(model, cluster, Effort::times(planner.effort), &mut |_| {})
        .map_err(|source| SkyError::NoSplit { cluster: cluster.name.clone(), source: Box::new(source) })?;
    let bytes = plan.write();
    let digest = blake3::hash(&bytes).to_hex()[..32].to_owned();
    let path = planner.sky.folders().parallel().join(format!("{digest}.json"));
    replace(&path, &bytes).map_err(SkyError::writing(&path))?;
    Ok(Split { digest, path })
}

fn read_model(path: &Path) -> Result<Model, SkyError> {
    let mut bytes = Vec::new();
    // At most one byte more than is allowed, so that what is too large is seen to be, and no more is held.
    let read = File::open(path).and_then(|file| file.take(MOST_MODEL_BYTES + 1).read_to_end(&mut bytes));
    read.map_err(SkyError::reading(path))?;
    Model::read(&bytes).map_err(|source| SkyError::Model { path: path.to_owned(), source: Box::new(source) })
}

fn said(task: &str, parallel: &Parallel, choice: &Choice) -> String {
    let Choice { cluster, mesh, step_s, .. } = choice;
    format!(
        "{task}: {} as a mesh of {}, {} steps of {:.3} s by published rates",
        cluster.name,
        words(mesh),
        parallel.steps,
        step_s
    )
}
