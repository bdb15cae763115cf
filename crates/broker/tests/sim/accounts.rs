//! Money, secrets, data and garbage.

use crate::odd::Odd;
use crate::world::{CHAIN, World, chain, plan, plan_of, task};
use std::path::Path;
use std::sync::{Arc, Mutex};
use welkin_broker::{Broker, BrokerOptions, LogQuery, Observer, Progress, RunState, Submission, SubmitError};
use welkin_job::{Input, Policy, Secret};
use welkin_ledger::Pricing;
use welkin_provider::memory::{Fate, Script};
use welkin_provider::{Clock, Location, Owner, Provider};
use welkin_records::Records;
use welkin_units::{Bytes, Span, Usd};

/// A cent a byte that leaves a provider.
#[derive(Debug)]
pub(crate) struct CentAByte;

impl Pricing for CentAByte {
    fn egress(&self, from: &Location, to: &Location, _: &dyn Fn(&str) -> Bytes, bytes: Bytes) -> Usd {
        if from.provider == to.provider { Usd::ZERO } else { Usd::from_cents(1).times(bytes.get()) }
    }
}

#[tokio::test(start_paused = true)]
async fn the_bill_is_what_the_clouds_charged_and_the_tariffs_say() {
    // Preempted once, so that a lease that was lost is on the bill too.
    let fate = Fate::preempted(Span::from_secs(30), Span::ZERO);
    let world = World::scripted(Script::new().fate(1, fate));
    let options = BrokerOptions { pricing: Arc::new(CentAByte), ..world.options() };
    let broker = Broker::open(&world.dir.path().join("state"), options).unwrap();
    let run = world.submit(&broker, &chain()).await;
    broker.run(&run).await.unwrap();
    let bill = bill(&world, &broker, &run);
    let (data, machines): (Vec<_>, Vec<_>) =
        bill.lines.iter().partition(|line| matches!(line.item, welkin_ledger::Item::Egress { .. }));
    let machines: Usd = machines.iter().map(|line| line.cost).sum();
    let data: Usd = data.iter().map(|line| line.cost).sum();
    let charged: Usd = world.clouds.iter().map(|cloud| cloud.cost()).sum();
    assert_eq!(machines, charged);
    // clean moved to b, where train is; the model goes from b to c.
    assert_eq!(data, Usd::from_cents("train(clean(raw))".len() as i64));
    assert_eq!(bill.metered, machines + data);
    assert_eq!(bill.notional, bill.metered, "every line stands for an emulated cloud");
    assert_eq!(bill.estimated, Usd::from_cents(3));
}

#[tokio::test(start_paused = true)]
async fn a_lease_the_budget_does_not_cover_is_not_asked_for() {
    let world = World::kind();
    let broker = world.broker();
    let policy = Policy { budget: Some(Usd::from_nanos(15_000_000)), ..Policy::default() };
    let specs = vec![
        task("one", "minutes=0").at(&["a/x"]).output("out"),
        task("two", "").at(&["b/x", "c/x"]).input("in", "one", "out"),
    ];
    let plan = plan_of("dear", specs, policy);
    let run = world.submit(&broker, &plan).await;
    let outcome = broker.run(&run).await.unwrap();
    // The first task cost next to nothing, so the second fits: what was held and not spent returned.
    assert_eq!(outcome.state, RunState::Succeeded, "{:?}", outcome.reason);

    let policy = Policy { budget: Some(Usd::from_nanos(5_000_000)), ..Policy::default() };
    let plan = plan_of("dear", vec![task("one", "").at(&["a/x", "b/x"])], policy);
    let world = World::kind();
    let broker = world.broker();
    let run = world.submit(&broker, &plan).await;
    let outcome = broker.run(&run).await.unwrap();
    let reason = outcome.reason.unwrap();
    assert!(reason.contains("over budget: $0.010 wanted, $0.0050 left"), "{reason}");
    assert!(world.clouds.iter().all(|cloud| cloud.leases().is_empty()));
}

pub(crate) fn bill(world: &World, broker: &Broker, run: &welkin_broker::RunId) -> welkin_ledger::Bill {
    broker.reader().unwrap().bill(run, world.clock.now(), &world.options().terms).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_run_that_outgrows_its_budget_is_stopped() {
    let world = World::kind();
    let broker = world.broker();
    // At 60 cents an hour two cents last two minutes; the plan expected one.
    let policy = Policy { budget: Some(Usd::from_cents(2)), ..Policy::default() };
    let plan = plan_of("slow", vec![task("one", "minutes=600").at(&["a/x", "b/x"])], policy);
    let run = world.submit(&broker, &plan).await;
    let halfway = async {
        tokio::time::sleep(std::time::Duration::from_secs(60)).await;
        // What runs is on the bill already.
        assert_eq!(bill(&world, &broker, &run).metered, Usd::from_cents(1));
    };
    let (outcome, ()) = tokio::join!(broker.run(&run), halfway);
    let reason = outcome.unwrap().reason.unwrap();
    assert!(reason.contains("1. a/x m1 on demand: over budget"), "{reason}");
    let spent = bill(&world, &broker, &run).metered;
    assert!(spent > Usd::from_cents(2) && spent < Usd::from_nanos(21_000_000), "{spent}");
    world.assert_clean(&broker.reader().unwrap().status(&run).unwrap());
}

/// Whoever looks reads what has happened, and then the ledger, while the broker goes on with both.
#[tokio::test(start_paused = true)]
async fn a_lease_that_is_charged_while_the_bill_is_made_counts_once() {
    let (world, odd) = (World::kind(), Arc::new(Odd::default()));
    let options = BrokerOptions { records: Some(odd.clone()), ..world.options() };
    let broker = Broker::open(&world.dir.path().join("state"), options).unwrap();
    let run = world.submit(&broker, &chain()).await;
    let mut stories = Vec::new();
    let mut going = std::pin::pin!(broker.run(&run));
    while tokio::time::timeout(std::time::Duration::from_secs(7), &mut going).await.is_err() {
        stories.extend(odd.kept.story(&run).await.unwrap());
    }
    let whole = bill(&world, &broker, &run);
    assert!(stories.len() > 10, "{}", stories.len());
    for was in stories {
        *odd.was.lock().unwrap() = Some(was);
        let looked = bill(&world, &broker, &run);
        assert_eq!((looked.metered, looked.lines), (whole.metered, whole.lines.clone()));
        assert!(odd.was.lock().unwrap().is_none(), "it was looked at");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_no_run_knows_is_given_back() {
    let world = World::kind();
    let broker = world.broker();
    let run = world.submit(&broker, &chain()).await;
    let _ = tokio::time::timeout(std::time::Duration::from_secs(30), broker.run(&run)).await.unwrap_err();
    let known = world.clouds[0].leases().remove(0);
    let mut stray = welkin_provider::LeaseRequest {
        token: welkin_provider::Token("of a state directory that was deleted".to_owned()),
        owner: broker.owner().clone(),
        location: known.location.clone(),
        machine: welkin_provider::MachineSpec::of_type("m1"),
        tier: welkin_provider::Tier::OnDemand,
        nodes: 1,
        waits: false,
        hourly: Usd::ZERO,
        abandon_after: Span::MAX,
        labels: std::collections::BTreeMap::new(),
    };
    world.clouds[0].acquire(&stray).await.unwrap();
    stray.owner = Owner("somebody else".to_owned());
    stray.token = welkin_provider::Token("theirs".to_owned());
    world.clouds[0].acquire(&stray).await.unwrap();
    assert_eq!(broker.gc().await.unwrap().leases, ["sky:a/x/vm/-#a-lease-2"]);
    let left: Vec<String> = world.clouds[0].billable().into_iter().map(|lease| lease.id.0).collect();
    assert_eq!(left, ["a-lease-1", "a-lease-3"], "what a run needs and what others own stays");
}

#[derive(Debug, Default)]
struct Remembers(Mutex<Vec<String>>);

impl Observer for Remembers {
    fn notice(&self, progress: &Progress) {
        self.0.lock().unwrap().push(format!("{progress:?}"));
    }
}

#[tokio::test(start_paused = true)]
async fn secrets_reach_the_script_and_nothing_else() {
    const VALUE: &str = "hunter2-hunter2";
    let world = World::kind();
    let seen = Arc::new(Remembers::default());
    let options = BrokerOptions { observer: Arc::clone(&seen) as Arc<dyn Observer>, ..world.options() };
    let dir = world.dir.path().join("state");
    let broker = Broker::open(&dir, options).unwrap();
    let spec = task("t", "echo=TOKEN").at(&["a/x"]).output("out");
    let plan = plan(vec![spec.edit(|task| {
        task.secrets.insert("TOKEN".to_owned(), Secret::new(String::new()));
    })]);
    let mut job = plan.job.clone();
    job.tasks[0].secrets.insert("TOKEN".to_owned(), Secret::new(VALUE.to_owned()));
    let run = world.submit_with(&broker, &plan, &job).await;
    // Until the run is over its secrets are in the store, which is for its owner's eyes only.
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    let mut files = 0;
    for file in std::fs::read_dir(&dir).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
        files += 1;
    }
    assert!(files >= 2);
    assert_eq!(broker.run(&run).await.unwrap().state, RunState::Succeeded);

    let reader = broker.reader().unwrap();
    let lines = reader.logs(&run, &LogQuery::default()).unwrap();
    assert!(lines.iter().any(|line| line.line == "the value is ****!"), "{lines:?}");
    let mut told = vec![
        serde_json::to_string(&reader.status(&run).unwrap()).unwrap(),
        serde_json::to_string(&reader.events(&run, 0).unwrap()).unwrap(),
        serde_json::to_string(&lines).unwrap(),
        serde_json::to_string(&bill(&world, &broker, &run)).unwrap(),
        reader.plan(&run).unwrap().to_json(),
        format!("{broker:?} {:?}", reader.list().unwrap()),
    ];
    told.extend(seen.0.lock().unwrap().iter().cloned());
    assert!(told.iter().all(|text| !text.contains(VALUE)));
    drop((broker, reader));
    // The last connection folds the log into the database; the value must be gone from the disk.
    for file in std::fs::read_dir(&dir).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(VALUE.len()).any(|window| window == VALUE.as_bytes()));
    }
}

#[tokio::test(start_paused = true)]
async fn garbage_of_lost_attempts_is_swept_and_outputs_stay() {
    let fate = Fate::preempted(Span::from_secs(30), Span::ZERO);
    let world = World::scripted(Script::new().fate(1, fate));
    let broker = world.broker();
    let run = world.submit(&broker, &chain()).await;
    broker.run(&run).await.unwrap();
    // A lease nobody knows, and a tree nobody committed.
    let owner = Owner("me".to_owned());
    let store = world.clouds[0].bucket("x", &owner);
    let prefix = format!("runs/{run}/clean/7/table");
    let stray = world.dir.path().join("raw.txt");
    welkin_transfer::publish_tree(&stray, &store, &prefix, &welkin_transfer::silent).await.unwrap();
    let collected = broker.gc().await.unwrap();
    assert!(collected.objects > 2, "{collected:?}");
    assert_eq!((collected.leases.len(), collected.failures.len()), (0, 0));
    assert!(welkin_transfer::find_tree(&store, &prefix).await.unwrap().is_none());
    world.assert_succeeded(&broker, &run, CHAIN).await;
    assert_eq!(broker.gc().await.unwrap().objects, 0, "a second sweep finds nothing");
}

#[tokio::test(start_paused = true)]
async fn a_sweep_in_the_middle_of_a_run_takes_nothing_it_needs() {
    let world = World::kind();
    let broker = world.broker();
    let run = world.submit(&broker, &chain()).await;
    let sweeps = async {
        for _ in 0..50 {
            tokio::time::sleep(std::time::Duration::from_secs(4)).await;
            assert_eq!(broker.gc().await.unwrap().leases, Vec::<String>::new());
        }
    };
    let (outcome, ()) = tokio::join!(broker.run(&run), sweeps);
    assert_eq!(outcome.unwrap().state, RunState::Succeeded);
    world.assert_succeeded(&broker, &run, CHAIN).await;
}

#[tokio::test(start_paused = true)]
async fn outputs_are_delivered_and_files_arrive() {
    let world = World::kind();
    let broker = world.broker();
    let root = world.dir.path();
    std::fs::create_dir(root.join("code")).unwrap();
    std::fs::write(root.join("code/main.sh"), "true").unwrap();
    let spec = task("t", "").at(&["a/x"]).file("raw", "file://raw.txt").output("out").edit(|task| {
        task.outputs.get_mut("out").unwrap().uri = Some("file://./results/out.txt".to_owned());
        task.workdir = Some(welkin_job::Workdir::Local("code".to_owned()));
        let mount = welkin_job::FileMount::Local("raw.txt".to_owned());
        task.file_mounts.insert("~/data/raw.txt".to_owned(), mount);
    });
    let run = world.submit(&broker, &plan(vec![spec])).await;
    assert_eq!(broker.run(&run).await.unwrap().state, RunState::Succeeded);
    assert_eq!(std::fs::read_to_string(root.join("results/out.txt")).unwrap(), "t(raw)");
    let view = broker.reader().unwrap().status(&run).unwrap();
    let staged: Vec<&str> = view.tasks[0].attempts[0].staged.keys().map(String::as_str).collect();
    assert_eq!(staged, ["data/raw.txt", "inputs/raw", "sky_workdir"]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_run_is_refused_before_anything_is_asked_for() {
    let world = World::kind();
    let broker = world.broker();
    let submit = async |plan: &welkin_placement::Plan, job: &welkin_job::Job, token: Option<&str>| {
        let base_dir = world.dir.path().to_owned();
        let client_token = token.map(str::to_owned);
        broker
            .submit(Submission {
                plan,
                job,
                base_dir,
                client_token,
                manner: welkin_broker::Manner::default(),
                cluster: None,
                project: None,
            })
            .await
    };
    let plain = chain();
    let first = submit(&plain, &plain.job, Some("k")).await.unwrap();
    assert_eq!(submit(&plain, &plain.job, Some("k")).await.unwrap(), first);
    let other = plan(vec![task("t", "").at(&["a/x"])]);
    assert!(matches!(submit(&other, &other.job, Some("k")).await, Err(SubmitError::TokenReused { .. })));
    let as_other = async |base_dir: &Path, cluster: Option<welkin_broker::ClusterRole>| {
        let (plan, job, base_dir) = (&plain, &plain.job, base_dir.to_owned());
        let (client_token, manner) = (Some("k".to_owned()), welkin_broker::Manner::default());
        broker.submit(Submission { plan, job, base_dir, client_token, manner, cluster, project: None }).await
    };
    let here = world.dir.path();
    let holds = Some(welkin_broker::ClusterRole::Holds("dev".to_owned()));
    assert_eq!(as_other(here, None).await.unwrap(), first);
    assert!(matches!(as_other(here, holds).await, Err(SubmitError::TokenReused { run }) if run == first));
    std::fs::create_dir(here.join("elsewhere")).unwrap();
    std::fs::write(here.join("elsewhere/raw.txt"), "other").unwrap();
    let elsewhere = as_other(&here.join("elsewhere"), None).await;
    assert!(matches!(elsewhere, Err(SubmitError::TokenReused { run }) if run == first));
    assert!(matches!(submit(&other, &plain.job, None).await, Err(SubmitError::OtherJob)));
    let nowhere = plan(vec![task("t", "").at(&["a/x", "mars/x"])]);
    let refused = submit(&nowhere, &nowhere.job, None).await.unwrap_err().to_string();
    assert_eq!(refused, "task t may run at mars, which is not set up");
    let bucket = plan(vec![task("t", "").at(&["a/x"]).edit(|task| {
        let input = Input::Uri { uri: "s3://b/k".to_owned(), size: Bytes::ZERO, place: None };
        task.inputs.insert("in".to_owned(), input);
    })]);
    let refused = submit(&bucket, &bucket.job, None).await.unwrap_err().to_string();
    assert_eq!(refused, "task t: the input s3://b/k cannot be executed by this version");
    let refusal = async |edit: fn(&mut welkin_job::Task)| {
        let plan = plan(vec![task("t", "").at(&["a/x"]).output("out").edit(edit)]);
        submit(&plan, &plan.job, None).await.unwrap_err().to_string()
    };
    let missing = refusal(|task| task.workdir = Some(welkin_job::Workdir::Local("nowhere".to_owned()))).await;
    assert!(missing.starts_with("task t: ") && missing.contains("nowhere cannot be read"), "{missing}");
    let climbing = refusal(|task| {
        let mount = welkin_job::FileMount::Local(".".to_owned());
        task.file_mounts.insert("~/../../x".to_owned(), mount);
    });
    let words = "task t: the file mount ~/../../x holds '..' and may lead out of the node's home";
    assert_eq!(climbing.await, words);
    // Delivery replaces what is there, but never a folder of the user's.
    let precious = world.dir.path().join("precious");
    std::fs::create_dir(&precious).unwrap();
    std::fs::write(precious.join("file"), "precious").unwrap();
    let replacing =
        refusal(|task| task.outputs.get_mut("out").unwrap().uri = Some("file://./precious".to_owned()));
    assert_eq!(
        replacing.await,
        "task t: the output to file://./precious would replace a folder with content"
    );
    assert_eq!(std::fs::read_to_string(precious.join("file")).unwrap(), "precious");
    // Two runs of one job in one second have two names.
    let second = submit(&plain, &plain.job, None).await.unwrap();
    assert!(second > first);
}

#[tokio::test(start_paused = true)]
async fn an_input_that_vanishes_fails_the_task_with_its_path() {
    let world = World::kind();
    let broker = world.broker();
    let nope = world.dir.path().join("nope");
    std::fs::write(&nope, "here for now").unwrap();
    let run = world.submit(&broker, &plan(vec![task("t", "").at(&["a/x"]).file("raw", "file://nope")])).await;
    std::fs::remove_file(nope).unwrap();
    let outcome = broker.run(&run).await.unwrap();
    let reason = outcome.reason.unwrap();
    assert!(reason.contains("nope"), "{reason}");
    world.assert_clean(&broker.reader().unwrap().status(&run).unwrap());
}
