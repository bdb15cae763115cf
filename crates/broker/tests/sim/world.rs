//! A simulated world: clouds, a state directory, and jobs whose every output tells how it was made.

use async_trait::async_trait;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use welkin_broker::{Broker, BrokerOptions, Durability, Hook, Manner, RunId, RunState, RunView, Submission};
use welkin_job::{
    Choice, Edge, EdgeData, Input, Job, Market, Needs, Objective, Output, Policy, Recovery, Resources, Task,
    TimeEstimate,
};
use welkin_ledger::Terms;
use welkin_placement::{Gap, Node, Placement, Plan, PlannedTask};
use welkin_provider::memory::{
    MemoryCloud, MemoryCloudBuilder, Nastiness, Outcome, Script, SimClock, Stores, Tree, TreeFormat, Work,
};
use welkin_provider::{Exit, LeaseId, Location, Owner, Provider, UnixMillis};
use welkin_store::Endpoint;
use welkin_transfer::{fetch_tree, publish_tree, silent};
use welkin_units::{Bytes, Span, Usd};

/// Trees as the data plane writes them.
pub(crate) struct RealTrees;

#[async_trait]
impl TreeFormat for RealTrees {
    async fn write(&self, store: Arc<dyn Endpoint>, prefix: &str, tree: &Tree) -> Result<String, String> {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("tree");
        match tree {
            Tree::File(content) => std::fs::write(&path, content).unwrap(),
            Tree::Folder(files) => {
                std::fs::create_dir(&path).unwrap();
                for (name, content) in files {
                    let file = path.join(name);
                    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                    std::fs::write(file, content).unwrap();
                }
            }
        }
        let published = publish_tree(&path, &store, prefix, &silent).await;
        published.map(|published| published.digest).map_err(|error| error.chain())
    }

    async fn read(&self, store: Arc<dyn Endpoint>, prefix: &str, digest: &str) -> Result<Tree, String> {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("tree");
        fetch_tree(&store, prefix, digest, &path, &silent).await.map_err(|error| error.chain())?;
        if path.is_file() {
            return Ok(Tree::File(std::fs::read(&path).unwrap().into()));
        }
        let mut files = BTreeMap::new();
        collect(&path, &path, &mut files);
        Ok(Tree::Folder(files))
    }
}

fn collect(root: &Path, dir: &Path, files: &mut BTreeMap<String, bytes::Bytes>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            files.insert(name, std::fs::read(&path).unwrap().into());
        }
    }
}

/// What scripts do: words in the script say how long they take and how they end; outputs say what
/// they were made from, as `task(input,input)`.
fn workload(work: &Work<'_>) -> Outcome {
    let script = work.step.script.as_deref().unwrap_or_default();
    let word = |key: &str| {
        let start = script.find(key)? + key.len();
        script[start..].split_whitespace().next()
    };
    let task = &work.step.env["WELKIN_TASK"];
    let minutes: u64 = word("minutes=").map_or(1, |text| text.parse().unwrap());
    let mut outcome = Outcome::success(Span::from_secs(60 * minutes));
    outcome = outcome.line(format!("{task} on node {}", work.rank));
    if let Some(name) = word("echo=") {
        outcome = outcome.line(format!("the value is {}!", work.step.env[name]));
    }
    let fails_here = word("rank=").is_none_or(|rank| rank.parse() == Ok(work.rank));
    let attempt: u32 = work.step.env["WELKIN_ATTEMPT"].parse().unwrap();
    let fails_now = word("until=").is_none_or(|until| attempt < until.parse().unwrap());
    if let Some(code) = word("exit=").filter(|_| fails_here && fails_now) {
        outcome.exit = Exit::Code { code: code.parse().unwrap() };
    }
    let inputs: Vec<String> = work
        .home
        .iter()
        .filter(|(path, _)| path.starts_with("inputs/"))
        .map(|(_, content)| String::from_utf8(content.to_vec()).unwrap())
        .collect();
    for publish in &work.step.publish {
        let content = format!("{task}({})", inputs.join(","));
        outcome = match word("files=") {
            None => outcome.file(publish.path.clone(), content),
            Some(count) => (0..count.parse().unwrap()).fold(outcome, |outcome, file: u32| {
                outcome.file(format!("{}/{file}", publish.path), content.clone())
            }),
        };
    }
    outcome
}

pub(crate) struct World {
    pub(crate) clouds: Vec<MemoryCloud>,
    pub(crate) clock: SimClock,
    pub(crate) dir: TempDir,
    pub(crate) seed: u64,
    pub(crate) retry_until_up: bool,
}

impl World {
    /// Well-behaved clouds `a`, `b` and `c`.
    pub(crate) fn kind() -> Self {
        Self::with(0, |_, builder| builder)
    }

    pub(crate) fn nasty(seed: u64, nastiness: &Nastiness) -> Self {
        Self::with(seed, |_, builder| builder.nastiness(nastiness.clone()))
    }

    /// Cloud `a` suffers the faults of a script.
    pub(crate) fn scripted(script: Script) -> Self {
        Self::with(0, |name, builder| if name == "a" { builder.script(script.clone()) } else { builder })
    }

    pub(crate) fn with(seed: u64, shape: impl Fn(&str, MemoryCloudBuilder) -> MemoryCloudBuilder) -> Self {
        let clock = SimClock::starting_at(UnixMillis(1_790_000_000_000));
        let stores = Stores::new();
        let clouds = ["a", "b", "c"].iter().zip(0..).map(|(name, nth)| {
            let builder = MemoryCloud::builder(name, seed * 3 + nth, clock)
                .stores(stores.clone())
                .trees(Arc::new(RealTrees))
                .workload(workload);
            shape(name, builder).build()
        });
        let dir = TempDir::new().unwrap();
        std::fs::write(dir.path().join("raw.txt"), "raw").unwrap();
        Self { clouds: clouds.collect(), clock, dir, seed, retry_until_up: false }
    }

    pub(crate) fn options(&self) -> BrokerOptions {
        let providers = self.clouds.iter().map(|cloud| Arc::new(cloud.clone()) as Arc<dyn Provider>);
        let mut options = BrokerOptions::new(providers, self.seed);
        options.stores = Arc::new(self.clouds[0].stores());
        options.clock = Arc::new(self.clock);
        options.owner = Some(Owner("me".to_owned()));
        options.durability = Durability::Process;
        options.retry_until_up = self.retry_until_up;
        options.terms = self.clouds.iter().map(|cloud| (cloud.name().clone(), Terms::EXACT)).collect();
        options
    }

    pub(crate) fn broker(&self) -> Broker {
        Broker::open(&self.dir.path().join("state"), self.options()).unwrap()
    }

    pub(crate) fn broker_with(&self, hook: Hook) -> Broker {
        let options = BrokerOptions { after_record: Some(hook), ..self.options() };
        Broker::open(&self.dir.path().join("state"), options).unwrap()
    }

    pub(crate) async fn submit(&self, broker: &Broker, plan: &Plan) -> RunId {
        self.submit_with(broker, plan, &plan.job).await
    }

    /// Under a token of its own, so that one world can see several jobs.
    pub(crate) async fn submit_as(&self, broker: &Broker, plan: &Plan, token: &str) -> RunId {
        let (base_dir, client_token) = (self.dir.path().to_owned(), Some(token.to_owned()));
        broker
            .submit(Submission {
                plan,
                job: &plan.job,
                base_dir,
                client_token,
                manner: Manner::default(),
                cluster: None,
                project: None,
            })
            .await
            .unwrap()
    }

    pub(crate) async fn submit_in(&self, broker: &Broker, plan: &Plan, manner: Manner) -> RunId {
        let (base_dir, client_token) = (self.dir.path().to_owned(), None);
        broker
            .submit(Submission {
                plan,
                job: &plan.job,
                base_dir,
                client_token,
                manner,
                cluster: None,
                project: None,
            })
            .await
            .unwrap()
    }

    pub(crate) async fn submit_with(&self, broker: &Broker, plan: &Plan, job: &Job) -> RunId {
        let base_dir = self.dir.path().to_owned();
        let submission = Submission {
            plan,
            job,
            base_dir,
            client_token: Some("once".to_owned()),
            manner: Manner::default(),
            cluster: None,
            project: None,
        };
        broker.submit(submission).await.unwrap()
    }

    pub(crate) fn calls(&self, op: welkin_provider::memory::Op) -> u64 {
        self.clouds.iter().map(|cloud| cloud.count(op)).sum()
    }

    /// The text of a committed output.
    pub(crate) async fn output(&self, view: &RunView, task: &str, output: &str) -> String {
        let task = view.tasks.iter().find(|other| other.name == task).unwrap();
        let tree = &task.outputs[output];
        let place = &task.committed().unwrap().place.location;
        let cloud = self.clouds.iter().find(|cloud| *cloud.name() == place.provider).unwrap();
        let store = cloud.bucket(&place.region, &Owner("me".to_owned()));
        match RealTrees.read(store, &tree.prefix, &tree.digest).await.unwrap() {
            Tree::File(content) => String::from_utf8(content.to_vec()).unwrap(),
            Tree::Folder(_) => panic!("a folder"),
        }
    }

    /// What must hold once a run is over, however it ended.
    pub(crate) fn assert_clean(&self, view: &RunView) {
        assert!(view.state.is_over(), "{}", view.state);
        for cloud in &self.clouds {
            assert_eq!(cloud.billable(), vec![], "leases left at {}", cloud.name());
            assert_eq!(cloud.violations(), Vec::<String>::new());
        }
        for attempt in view.attempts() {
            assert!(attempt.lease.is_over(), "{attempt:?}");
            assert!(attempt.end.is_some(), "{attempt:?}");
        }
        for task in &view.tasks {
            let commits = task
                .attempts
                .iter()
                .filter(|attempt| attempt.end == Some(welkin_broker::AttemptEnd::Committed))
                .count();
            assert_eq!(commits, usize::from(!task.outputs.is_empty() || commits == 1), "{}", task.name);
            assert!(commits <= 1);
        }
        // Every lease that was ever made is on record, but for those that an answer was lost of and
        // that then failed by themselves before any list showed them.
        let known: BTreeSet<&LeaseId> =
            view.attempts().filter_map(|attempt| attempt.lease_id.as_ref()).collect();
        for lease in self.clouds.iter().flat_map(MemoryCloud::leases) {
            let failed = matches!(lease.state, welkin_provider::LeaseState::Lost { .. });
            assert!(known.contains(&lease.id) || failed, "{lease:?} is not on record");
        }
    }

    pub(crate) async fn assert_succeeded(
        &self,
        broker: &Broker,
        run: &RunId,
        outputs: &[(&str, &str, &str)],
    ) {
        let view = broker.reader().unwrap().status(run).unwrap();
        assert_eq!(view.state, RunState::Succeeded, "{:?}", view.reason);
        self.assert_clean(&view);
        self.assert_outputs(broker, run, outputs).await;
    }

    pub(crate) async fn assert_outputs(&self, broker: &Broker, run: &RunId, outputs: &[(&str, &str, &str)]) {
        let view = broker.reader().unwrap().status(run).unwrap();
        for (task, output, text) in outputs {
            assert_eq!(self.output(&view, task, output).await, *text);
        }
    }
}

/// A task to be: name, script, inputs as `(name, producer or file, output)`, outputs.
pub(crate) struct Spec {
    task: Task,
    places: Vec<Placement>,
}

pub(crate) fn task(name: &str, script: &str) -> Spec {
    let task = Task {
        name: name.to_owned(),
        num_nodes: 1,
        options: vec![Resources::default()],
        choice: Choice::AnyOf,
        needs: Needs::default(),
        policy: Policy::default(),
        inputs: BTreeMap::new(),
        outputs: BTreeMap::new(),
        time: TimeEstimate::Fixed(Span::from_secs(60)),
        setup: None,
        run: Some(script.to_owned()),
        sealed: None,
        parallel: None,
        federated: None,
        envs: BTreeMap::new(),
        secrets: BTreeMap::new(),
        workdir: None,
        file_mounts: BTreeMap::new(),
        recovery: Recovery::default(),
        unexecuted: Vec::new(),
    };
    Spec { task, places: Vec::new() }
}

impl Spec {
    pub(crate) fn at(mut self, places: &[&str]) -> Self {
        self.places = places.iter().map(|place| placement(place)).collect();
        self
    }

    pub(crate) fn nodes(mut self, nodes: u32) -> Self {
        self.task.num_nodes = nodes;
        for place in &mut self.places {
            place.nodes = nodes;
        }
        self
    }

    pub(crate) fn file(mut self, name: &str, uri: &str) -> Self {
        let input = Input::Uri { uri: uri.to_owned(), size: Bytes::ZERO, place: None };
        self.task.inputs.insert(name.to_owned(), input);
        self
    }

    pub(crate) fn input(mut self, name: &str, task: &str, output: &str) -> Self {
        let input = Input::Task { task: task.to_owned(), output: output.to_owned() };
        self.task.inputs.insert(name.to_owned(), input);
        self
    }

    pub(crate) fn output(mut self, name: &str) -> Self {
        self.task.outputs.insert(name.to_owned(), Output::default());
        self
    }

    pub(crate) fn edit(mut self, change: impl FnOnce(&mut Task)) -> Self {
        change(&mut self.task);
        self
    }
}

/// `cloud/region`, `cloud/region spot`.
fn placement(text: &str) -> Placement {
    let (place, market) = match text.split_once(' ') {
        Some((place, _)) => (place, Market::Spot),
        None => (text, Market::OnDemand),
    };
    let (provider, region) = place.split_once('/').unwrap();
    Placement {
        place: Location { provider: provider.parse().unwrap(), region: region.to_owned(), zone: None },
        node: Node {
            instance_type: "m1".to_owned(),
            vcpus_milli: 2000,
            memory: Bytes::from_gib(4),
            accelerator: None,
            tee: Vec::new(),
        },
        nodes: 1,
        market,
        hourly: Usd::from_cents(60),
        time: Span::from_secs(60),
        cost: Usd::from_cents(1),
        plan_cost: Usd::from_cents(1),
        plan_time: Span::from_secs(60),
        start: Span::ZERO,
    }
}

pub(crate) fn plan(specs: Vec<Spec>) -> Plan {
    plan_of("sky example", specs, Policy::default())
}

/// A job that is still to be placed.
pub(crate) fn job_of(name: &str, specs: Vec<Spec>) -> Job {
    let tasks: Vec<Task> = specs.into_iter().map(|spec| spec.task).collect();
    let edges = edges(&tasks);
    Job { name: name.to_owned(), tasks, edges, objective: Objective::Cost, policy: Policy::default() }
}

/// The edges that inputs stand for.
fn edges(tasks: &[Task]) -> Vec<Edge> {
    let mut edges = Vec::new();
    for (to, task) in tasks.iter().enumerate() {
        for (name, input) in &task.inputs {
            if let Input::Task { task, output } = input {
                let from = tasks.iter().position(|other| other.name == *task).unwrap();
                let size = tasks[from].outputs[output].size;
                let data = EdgeData { output: output.clone(), input: name.clone(), size };
                edges.push(Edge { from, to, data: Some(data) });
            }
        }
    }
    edges
}

pub(crate) fn plan_of(name: &str, specs: Vec<Spec>, policy: Policy) -> Plan {
    let (tasks, places): (Vec<Task>, Vec<Vec<Placement>>) =
        specs.into_iter().map(|spec| (spec.task, spec.places)).unzip();
    let edges = edges(&tasks);
    let planned = tasks.iter().zip(places).map(|(task, mut places)| PlannedTask {
        task: task.name.clone(),
        choice: places.remove(0),
        alternatives: places,
        feasible_offers: 1,
    });
    let planned = planned.collect();
    let job = Job { name: name.to_owned(), tasks, edges, objective: Objective::Cost, policy };
    Plan {
        schema: 0,
        id: String::new(),
        job,
        tasks: planned,
        transfers: Vec::new(),
        objective: Objective::Cost,
        cost: Usd::from_cents(3),
        egress: Usd::ZERO,
        time: Span::from_secs(180),
        gap: Gap::Exact,
        catalog: String::new(),
        tariffs: String::new(),
        assumptions: Vec::new(),
        remarks: Vec::new(),
        month: None,
    }
    .sealed()
}

/// `raw file → clean at a → train at b → infer at c`, each with the two other clouds as alternatives.
pub(crate) fn chain() -> Plan {
    plan(vec![
        task("clean", "").at(&["a/x", "b/x", "c/x"]).file("raw", "file://./raw.txt").output("table"),
        task("train", "").at(&["b/x spot", "c/x", "a/x"]).input("table", "clean", "table").output("model"),
        task("infer", "").at(&["c/x", "a/x", "b/x"]).input("model", "train", "model").output("result"),
    ])
}

pub(crate) const CHAIN: &[(&str, &str, &str)] = &[
    ("clean", "table", "clean(raw)"),
    ("train", "model", "train(clean(raw))"),
    ("infer", "result", "infer(train(clean(raw)))"),
];
