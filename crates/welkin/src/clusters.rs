//! Clusters as commands see them: found by name, waited for, and as a place to plan over.
//!
//! A job on a cluster is planned over a catalog of its own, which has the parts of the cluster that its tasks ask for, at
//! the place where the machines are and at no price: whoever holds them pays. So its data are priced between true places, and
//! conditions on the place hold as they do for every job.

use crate::apart;
use crate::app::App;
use crate::engine::{reader, runtime, store_fault};
use crate::planning::{Month, infeasible, planner};
use crate::report::{Code, Fault};
use std::sync::Arc;
use std::time::Duration;
use welkin_broker::{AttemptView, ClusterRole, LeaseState, Open, Reader, RunId, RunState, RunView};
use welkin_catalog::tables::Tables;
use welkin_catalog::{
    AlignedBytes, Arch, Catalog, CatalogBuilder, Filter, Kind, Row, RowAccelerator, RowDevice, RowSource,
};
use welkin_clouds::cluster_type;
use welkin_job::{Accelerator, Infra, Job, Market, Policy, Recovery, Resources, Task, TimeEstimate};
use welkin_placement::Plan;
use welkin_sky::Sky;
use welkin_units::{Bytes, Usd};

/// Pause between looks at a cluster that is being made.
const POLL: Duration = Duration::from_millis(50);

/// What the machines of a cluster do by themselves.
const WAIT: &str = "exec sleep infinity";

/// Thousandths of a CPU that work takes which does not say how many, as on SkyPilot's clusters.
const USUAL_CPU_MILLI: u64 = 500;

/// The run that holds the cluster of this name.
pub(crate) fn holder(reader: &Reader, name: &str) -> anyhow::Result<Option<RunId>> {
    let role = ClusterRole::Holds(name.to_owned());
    let open = reader.in_cluster(&role, Open::Only).map_err(store_fault)?;
    Ok(open.into_iter().next().map(|run| run.id))
}

/// The same, where there must be one.
pub(crate) fn expect(sky: &Sky, name: &str) -> anyhow::Result<(Reader, RunId)> {
    if let Some(reader) = reader(sky)?
        && let Some(run) = holder(&reader, name)?
    {
        return Ok((reader, run));
    }
    let fault = Fault::new(Code::NoSuchRun, format!("there is no cluster `{name}`"));
    Err(fault
        .hint(format!("`welkin up -c {name}` makes one, `welkin clusters` lists those there are"))
        .into())
}

/// The attempt whose machines a cluster has now.
pub(crate) fn machines(view: &RunView) -> Option<&AttemptView> {
    view.attempts().find(|attempt| attempt.is_at_work())
}

/// The attempt whose machines are stopped, or about to be stopped or started, and how far that is.
pub(crate) fn resting(view: &RunView) -> Option<(LeaseState, &AttemptView)> {
    let rests = |lease| matches!(lease, LeaseState::Stopping | LeaseState::Stopped | LeaseState::Starting);
    let found = view.attempts().find(|attempt| attempt.end.is_none() && rests(attempt.lease));
    found.map(|attempt| (attempt.lease, attempt))
}

/// Waits until the machines of a cluster are there.
pub(crate) fn until_up(reader: &Reader, run: &RunId, name: &str, app: &App) -> anyhow::Result<Cluster> {
    let mut told = false;
    loop {
        let view = reader.status(run).map_err(store_fault)?;
        if let Some(attempt) = machines(&view) {
            return Ok(Cluster::of(name, run, attempt));
        }
        if let Some((LeaseState::Stopped | LeaseState::Stopping, _)) = resting(&view) {
            let fault = Fault::new(Code::RunFailed, format!("the machines of cluster {name} are stopped"));
            return Err(fault.hint(format!("`welkin start {name}` starts them")).into());
        }
        if view.state.is_over() || view.state == RunState::Ending {
            let why = view.reason.unwrap_or_else(|| "it was ended".to_owned());
            let fault = Fault::new(Code::RunFailed, format!("cluster {name} is not there: {why}"));
            return Err(fault.hint(format!("`welkin status {run}` says more")).into());
        }
        if !std::mem::replace(&mut told, true) {
            app.note(&format!("waiting for the machines of {name} (`welkin status {run}` shows them come)"));
        }
        pause(reader, run, app)?;
    }
}

/// Between looks at a cluster. Nothing comes of waiting for what nobody drives: its broker may have been killed.
pub(crate) fn pause(reader: &Reader, run: &RunId, app: &App) -> anyhow::Result<()> {
    if !reader.is_driven(run) {
        runtime()?.block_on(apart::reach(app))?;
    }
    std::thread::sleep(POLL);
    Ok(())
}

/// The machines of a cluster.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    pub(crate) name: String,
    /// Who holds it.
    pub(crate) run: RunId,
    pub(crate) place: Infra,
    pub(crate) nodes: u32,
    pub(crate) hourly: Usd,
    pub(crate) node: welkin_placement::Node,
}

impl Cluster {
    fn of(name: &str, run: &RunId, attempt: &AttemptView) -> Self {
        let location = &attempt.place.location;
        Self {
            name: name.to_owned(),
            run: run.clone(),
            place: Infra {
                provider: Some(location.provider.to_string()),
                region: Some(location.region.clone()),
                zone: location.zone.clone(),
            },
            nodes: attempt.place.nodes,
            hourly: attempt.place.hourly.times(u64::from(attempt.place.nodes)),
            node: attempt.place.node().clone(),
        }
    }

    /// The plan of a job on it.
    pub(crate) fn plan(&self, job: &Job, app: &App) -> anyhow::Result<Plan> {
        let mut parts = Vec::new();
        let mut here = job.clone();
        for task in &mut here.tasks {
            self.put(task, &mut parts)?;
        }
        let catalog = self.catalog(&parts, app)?;
        let planner = planner(app, None, Month::SoFar)?.over(catalog, self.provider());
        let planned = planner.plan(&here).map_err(|failure| infeasible(&failure, &here))?;
        Ok(planned.plan)
    }

    fn provider(&self) -> &str {
        self.place.provider.as_deref().unwrap_or_default()
    }

    /// Rewrites what a task asks for as parts of this cluster.
    fn put(&self, task: &mut Task, parts: &mut Vec<PartOf>) -> anyhow::Result<()> {
        let name = &self.name;
        if task.parallel.is_some() {
            let what =
                format!("task {} chooses machines (`parallel`), and cluster {name} has its own", task.name);
            return Err(Fault::new(Code::Infeasible, what).hint("run it without a cluster").into());
        }
        if task.num_nodes > self.nodes {
            let (wanted, has) = (task.num_nodes, self.nodes);
            let message = format!("task {} asks for {wanted} nodes, and cluster {name} has {has}", task.name);
            return Err(Fault::new(Code::Infeasible, message).into());
        }
        let mut options = Vec::new();
        let mut refused = Vec::new();
        for option in &task.options {
            match self.part(option) {
                Ok(part) => {
                    options.push(self.resources(&part));
                    parts.push(part);
                }
                Err(why) => refused.push(why),
            }
        }
        if options.is_empty() {
            refused.dedup();
            let message =
                format!("task {} has no place on cluster {name}: {}", task.name, refused.join("; "));
            return Err(Fault::new(Code::Infeasible, message).into());
        }
        options.dedup();
        task.options = options;
        Ok(())
    }

    /// The part of one machine that an option asks for.
    fn part(&self, option: &Resources) -> Result<PartOf, String> {
        let has = u64::from(self.node.vcpus_milli);
        let wanted = option.cpus.map_or(USUAL_CPU_MILLI, |cpus| cpus.milli);
        if has > 0 && option.cpus.is_some() && wanted > has {
            return Err(format!("{} vCPUs of {}", wanted as f64 / 1e3, has as f64 / 1e3));
        }
        let vcpus_milli = if has > 0 { wanted.min(has) } else { wanted };
        let memory = option
            .memory_gib
            .map(|memory| gib_milli(memory.milli))
            .or_else(|| {
                option.memory_per_cpu_milli.map(|per| gib_milli(per.saturating_mul(vcpus_milli) / 1_000))
            })
            .unwrap_or(Bytes::ZERO);
        if self.node.memory > Bytes::ZERO && memory > self.node.memory {
            return Err(format!("{memory} of memory of {}", self.node.memory));
        }
        let accelerator = match (&option.accelerator, &self.node.accelerator) {
            (None, _) => None,
            (Some(wanted), Some((name, count)))
                if is_called(&wanted.name, name) && wanted.count_milli <= *count =>
            {
                Some(Accelerator { name: name.clone(), count_milli: wanted.count_milli })
            }
            (Some(wanted), has) => {
                let has = has.as_ref().map_or("none".to_owned(), |(name, milli)| devices(name, *milli));
                return Err(format!("{} of {has}", devices(&wanted.name, wanted.count_milli)));
            }
        };
        let vcpus_milli = u32::try_from(vcpus_milli).unwrap_or(u32::MAX);
        Ok(PartOf { vcpus_milli, memory, accelerator })
    }

    fn resources(&self, part: &PartOf) -> Resources {
        Resources {
            infra: self.place.clone(),
            instance_type: Some(cluster_type(&self.name, &part.words())),
            accelerator: part.accelerator.clone(),
            market: Market::OnDemand,
            ..Resources::default()
        }
    }

    /// A catalog of these parts, at the place where the machines are.
    fn catalog(&self, parts: &[PartOf], app: &App) -> anyhow::Result<Catalog<'static>> {
        let tables = Tables::embedded();
        let region = self.place.region.as_deref().unwrap_or_default();
        let machine = Filter {
            providers: vec![self.provider().to_owned()],
            region: self.place.region.clone(),
            zone: self.place.zone.clone(),
            instance_type: Some(self.node.instance_type.clone()),
            include_restricted: true,
            ..Filter::default()
        };
        let known = app.catalog()?;
        let arch = known.select(&machine).ids.first().map_or(Arch::Unknown, |id| known.offer(*id).arch);
        let place = tables.regions.place(self.provider(), region);
        let source = Arc::new(RowSource { name: format!("cluster {}", self.name).into(), as_of: "".into() });
        let mut builder = CatalogBuilder::new();
        let mut seen: Vec<&PartOf> = Vec::new();
        for part in parts {
            if seen.contains(&part) {
                continue;
            }
            seen.push(part);
            builder.push(&Row {
                place: Arc::clone(&place),
                zone: self.place.zone.as_deref().unwrap_or_default().into(),
                kind: Kind::Vm,
                instance_type: cluster_type(&self.name, &part.words()).into(),
                vcpus_milli: part.vcpus_milli,
                memory_mib: u32::try_from(part.memory.get() >> 20).unwrap_or(u32::MAX),
                arch,
                burstable: false,
                undersized: false,
                accelerator: part.accelerator.as_ref().map(|accelerator| RowAccelerator {
                    device: Arc::new(RowDevice { name: accelerator.name.as_str().into(), memory_mib: 0 }),
                    count_milli: accelerator.count_milli,
                }),
                network_mbps: 0,
                tee: tables.tee.tee(self.provider(), &self.node.instance_type, region),
                on_demand: Some(Usd::ZERO),
                spot: None,
                min_billed_s: 0,
                source: Arc::clone(&source),
            })?;
        }
        // As long as the process: a command plans once.
        let bytes: &'static AlignedBytes = Box::leak(Box::new(AlignedBytes::copy_from(&builder.finish())));
        Ok(Catalog::open(bytes.as_bytes())?)
    }
}

/// A part of one machine.
#[derive(Debug, Clone, PartialEq)]
struct PartOf {
    vcpus_milli: u32,
    memory: Bytes,
    accelerator: Option<Accelerator>,
}

impl PartOf {
    /// What it is, as a part of a name.
    fn words(&self) -> String {
        let mut words = format!("{}cpu", f64::from(self.vcpus_milli) / 1e3);
        if self.memory > Bytes::ZERO {
            words.push_str(&format!("-{}mib", self.memory.get() >> 20));
        }
        if let Some(accelerator) = &self.accelerator {
            words.push_str(&format!("-{}x{}", f64::from(accelerator.count_milli) / 1e3, accelerator.name));
        }
        words
    }
}

fn gib_milli(milli: u64) -> Bytes {
    Bytes::new(milli.saturating_mul(1 << 30) / 1_000)
}

fn devices(name: &str, count_milli: u32) -> String {
    format!("{name}:{}", f64::from(count_milli) / 1e3)
}

/// Whether a device that is written so is the one that the catalog spells so.
fn is_called(written: &str, name: &str) -> bool {
    let matches = Tables::embedded().accelerators.matcher(written);
    written.eq_ignore_ascii_case(name) || matches((name, Bytes::ZERO))
}

/// The job that holds a cluster for the one task of a job.
pub(crate) fn holding(job: &Job, name: &str) -> anyhow::Result<Job> {
    let [task] = &job.tasks[..] else {
        let message = format!("the job has {} tasks, and a cluster is made for one", job.tasks.len());
        let hint = format!("make the cluster first (`welkin up -c {name} --cpus 8`), then run the job on it");
        return Err(Fault::new(Code::Usage, message).hint(hint).into());
    };
    // What is a condition on the work is none on the machines.
    let policy = |policy: &Policy| Policy { deadline: None, ..policy.clone() };
    Ok(Job {
        name: name.to_owned(),
        tasks: vec![Task {
            name: name.to_owned(),
            policy: policy(&task.policy),
            inputs: Default::default(),
            outputs: Default::default(),
            time: TimeEstimate::Unstated,
            setup: None,
            run: Some(WAIT.to_owned()),
            sealed: None,
            parallel: None,
            federated: None,
            envs: Default::default(),
            secrets: Default::default(),
            workdir: None,
            file_mounts: Default::default(),
            recovery: Recovery::default(),
            unexecuted: Vec::new(),
            ..task.clone()
        }],
        edges: Vec::new(),
        objective: job.objective,
        policy: policy(&job.policy),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use welkin_placement::{Node, Placement};
    use welkin_provider::Location;
    use welkin_units::Span;

    /// The one gives the word, the other goes by it.
    #[test]
    fn parts_of_clusters_are_known_to_the_broker() {
        let place = |instance_type: String| Placement {
            place: Location { provider: "aws".parse().unwrap(), region: "x".to_owned(), zone: None },
            node: Node { instance_type, ..Node::default() },
            nodes: 1,
            market: Market::OnDemand,
            hourly: Usd::ZERO,
            time: Span::ZERO,
            cost: Usd::ZERO,
            plan_cost: Usd::ZERO,
            plan_time: Span::ZERO,
            start: Span::ZERO,
        };
        assert!(welkin_broker::is_part(&place(cluster_type("dev", "2cpu"))));
        assert!(!welkin_broker::is_part(&place("m5.large".to_owned())));
    }
}
