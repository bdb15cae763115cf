//! Tests of runs that are to end while something keeps them from it, or whoever wanted that has gone.

use crate::hub::Hub;
use crate::served::{About, Served};
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use welkin_broker::{Broker, BrokerOptions, Manner, RunId, RunState, Submission};
use welkin_job::{Choice, Job, Market, Needs, Objective, Policy, Recovery, Resources, Task, TimeEstimate};
use welkin_placement::{Gap, Node, Placement, Plan, PlannedTask};
use welkin_provider::memory::{Fault, MemoryCloud, Op, Outcome, SimClock, Work};
use welkin_provider::{Location, Provider, UnixMillis};
use welkin_records::Memory;
use welkin_units::{Bytes, Span, Usd};

/// A broker with a cloud on which scripts take a day.
struct Bed {
    folder: tempfile::TempDir,
    served: Arc<Served>,
    cloud: MemoryCloud,
    routes: Router,
}

impl Bed {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let clock = SimClock::starting_at(UnixMillis(1_790_000_000_000));
        let cloud = MemoryCloud::builder("a", 1, clock)
            .workload(|_: &Work<'_>| Outcome::success(Span::from_secs(24 * 3600)))
            .build();
        let mut options = BrokerOptions::new([Arc::new(cloud.clone()) as Arc<dyn Provider>], 1);
        options.stores = Arc::new(cloud.stores());
        options.clock = Arc::new(clock);
        options.records = Some(Arc::new(Memory::default()));
        let hub = Arc::new(Hub::default());
        options.observer = hub.clone();
        let broker = Broker::open(&at("state"), options).expect("it is opened");
        let served =
            Served::new(broker, hub, About::default(), at("brought"), at("plans")).expect("it is served");
        let routes = crate::routes::all(Arc::clone(&served));
        Self { folder, served, cloud, routes }
    }

    async fn submit(&self) -> RunId {
        let (plan, base_dir) = (plan(), self.folder.path().to_owned());
        let (manner, cluster) = (Manner::default(), None);
        let submission = Submission {
            plan: &plan,
            job: &plan.job,
            base_dir,
            client_token: None,
            manner,
            cluster,
            project: None,
        };
        self.served.broker.submit(submission).await.expect("it is taken")
    }

    async fn post(&self, path: String) -> u16 {
        let request = Request::post(path).body(Body::empty()).expect("it is a request");
        let Ok(answer) = TowerToHyperService::new(self.routes.clone()).call(request).await;
        answer.status().as_u16()
    }

    /// Waits until something is so.
    async fn until(&self, what: &str, so: impl Fn() -> bool) {
        let waits = async {
            while !so() {
                sleep(Duration::from_millis(500)).await;
            }
        };
        timeout(Duration::from_secs(12 * 3600), waits)
            .await
            .unwrap_or_else(|_| panic!("{what}: not in time"));
    }

    fn state(&self, run: &RunId) -> RunState {
        self.served.reader.status(run).expect("it is read").state
    }
}

/// A task on a machine of the cloud.
fn plan() -> Plan {
    let task = Task {
        name: "t".to_owned(),
        num_nodes: 1,
        options: vec![Resources::default()],
        choice: Choice::AnyOf,
        needs: Needs::default(),
        policy: Policy::default(),
        inputs: BTreeMap::new(),
        outputs: BTreeMap::new(),
        time: TimeEstimate::Fixed(Span::from_secs(60)),
        setup: None,
        run: Some("true".to_owned()),
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
    let provider = "a".parse().expect("it is a name");
    let node = Node {
        instance_type: "m1".to_owned(),
        vcpus_milli: 2000,
        memory: Bytes::from_gib(4),
        accelerator: None,
        tee: Vec::new(),
    };
    let choice = Placement {
        place: Location { provider, region: "x".to_owned(), zone: None },
        node,
        nodes: 1,
        market: Market::OnDemand,
        hourly: Usd::from_cents(60),
        time: Span::from_secs(60),
        cost: Usd::from_cents(1),
        plan_cost: Usd::from_cents(1),
        plan_time: Span::from_secs(60),
        start: Span::ZERO,
    };
    let planned = PlannedTask { task: "t".to_owned(), choice, alternatives: Vec::new(), feasible_offers: 1 };
    let job = Job {
        name: "long".to_owned(),
        tasks: vec![task],
        edges: Vec::new(),
        objective: Objective::Cost,
        policy: Policy::default(),
    };
    Plan {
        schema: 0,
        id: String::new(),
        job,
        tasks: vec![planned],
        transfers: Vec::new(),
        objective: Objective::Cost,
        cost: Usd::from_cents(1),
        egress: Usd::ZERO,
        time: Span::from_secs(60),
        gap: Gap::Exact,
        catalog: String::new(),
        tariffs: String::new(),
        assumptions: Vec::new(),
        remarks: Vec::new(),
        month: None,
    }
    .sealed()
}

/// A provider that did not answer for hours answers again: a run waits up to ten minutes until it finds out, but not one
/// that somebody wants to end.
#[tokio::test(start_paused = true)]
async fn a_run_that_paused_is_taken_up_at_once_when_somebody_cancels_it() {
    let bed = Bed::new();
    let run = bed.submit().await;
    bed.served.driver.drive(run.clone(), None);
    bed.until("it is leased", || bed.cloud.billable().len() == 1).await;
    bed.cloud.expire_credentials(Span::from_secs(1000 * 3600));
    assert_eq!(bed.post(format!("/v1/runs/{run}/cancel")).await, 202);
    // Seven times in vain: from then on it pauses as long as it ever does.
    for _ in 0..7 {
        bed.until("it pauses", || bed.served.driver.stopped(&run).is_some()).await;
        bed.until("it goes on", || bed.served.driver.stopped(&run).is_none()).await;
    }
    bed.until("it pauses", || bed.served.driver.stopped(&run).is_some()).await;
    bed.cloud.expire_credentials(Span::ZERO);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(bed.state(&run), RunState::Ending);
    let asked = Instant::now();
    assert_eq!(bed.post(format!("/v1/runs/{run}/cancel")).await, 202);
    bed.until("it is over", || bed.state(&run).is_over()).await;
    assert!(asked.elapsed() < Duration::from_secs(30), "{:?}", asked.elapsed());
    assert_eq!(bed.cloud.billable(), Vec::new());
}

/// Nobody drives it but the request itself, as after a broker that ended.
#[tokio::test(start_paused = true)]
async fn what_is_taken_down_ends_though_whoever_asked_hangs_up() {
    let bed = Bed::new();
    let run = bed.submit().await;
    let leased = bed.until("it is leased", || bed.cloud.billable().len() == 1);
    tokio::select! {
        ended = bed.served.broker.run(&run) => panic!("it is over: {ended:?}"),
        () = leased => {}
    }
    bed.cloud.inject(Op::Release, Fault::SlowBefore(Span::from_secs(50)));
    let asked = timeout(Duration::from_secs(10), bed.post(format!("/v1/runs/{run}/down"))).await;
    assert!(asked.is_err(), "it is answered already: {asked:?}");
    bed.until("it is over", || bed.state(&run).is_over()).await;
    assert_eq!(bed.cloud.billable(), Vec::new());
}
