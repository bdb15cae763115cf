//! The in-memory cloud under virtual time: each kind of fault, alone and on purpose.

use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;
use welkin_provider::memory::{
    Fate, Fault, MemoryCloud, MemoryCloudBuilder, Nastiness, Op, Outcome, PlainTrees, Script, SimClock,
    Stock, StockKey, Tree, TreeFormat, Work,
};
use welkin_provider::{
    Capacity, Clock, ErrorKind, Event, EventKind, Exit, Fetch, LeaseId, LeaseRequest, LeaseState, Location,
    MachineSpec, Node, Owner, Provider, ProviderError, ProviderId, Publish, Retry, Step, StepId, Tier, Token,
    UnixMillis,
};
use welkin_units::{Span, Usd};

const EPOCH: UnixMillis = UnixMillis(1_750_000_000_000);
const MINUTE: Span = Span::from_secs(60);

fn owner() -> Owner {
    Owner("me".to_owned())
}

fn place() -> Location {
    Location { provider: ProviderId::from_static("aws"), region: "us-east-1".to_owned(), zone: None }
}

fn builder() -> (MemoryCloudBuilder, SimClock) {
    let clock = SimClock::starting_at(EPOCH);
    (MemoryCloud::builder("aws", 1, clock), clock)
}

fn request(token: &str) -> LeaseRequest {
    LeaseRequest {
        token: Token(token.to_owned()),
        owner: owner(),
        location: place(),
        machine: welkin_provider::MachineSpec::of_type("m5.large"),
        tier: Tier::Spot,
        nodes: 2,
        waits: false,
        hourly: Usd::from_cents(360),
        abandon_after: Span::from_hours(10),
        labels: BTreeMap::new(),
    }
}

fn step(id: &str) -> Step {
    Step {
        id: StepId(id.to_owned()),
        fetch: vec![],
        script: Some("run".to_owned()),
        workdir: ".".to_owned(),
        env: BTreeMap::new(),
        secret_env: vec![],
        publish: vec![],
        listens: false,
    }
}

fn kind<T>(result: &Result<T, ProviderError>) -> Option<ErrorKind> {
    result.as_ref().err().map(|error| error.kind)
}

/// Events of a step until its last one.
async fn to_the_end(node: &dyn Node, id: &str) -> Result<Vec<Event>, ProviderError> {
    let mut all: Vec<Event> = vec![];
    while !matches!(all.last(), Some(Event { kind: EventKind::Finished { .. }, .. })) {
        all.extend(node.events(&StepId(id.to_owned()), all.len() as u64, MINUTE).await?);
    }
    Ok(all)
}

#[tokio::test(start_paused = true)]
async fn a_token_makes_one_lease_whatever_is_lost() {
    let (builder, clock) = builder();
    let script = Script::new()
        .fault(Op::Acquire, 1, Fault::RequestLost)
        .fault(Op::Acquire, 2, Fault::AnswerLost)
        .fault(Op::Acquire, 5, Fault::LateEffect(MINUTE));
    let cloud = builder.script(script).build();
    assert_eq!(kind(&cloud.acquire(&request("a")).await), Some(ErrorKind::Transient));
    assert_eq!(cloud.leases().len(), 0);
    assert_eq!(kind(&cloud.acquire(&request("a")).await), Some(ErrorKind::Transient));
    assert_eq!(cloud.leases().len(), 1);
    let lease = cloud.acquire(&request("a")).await.unwrap();
    let other = LeaseRequest { nodes: 3, ..request("a") };
    assert_eq!(kind(&cloud.acquire(&other).await), Some(ErrorKind::Conflict));

    assert_eq!(kind(&cloud.acquire(&request("late")).await), Some(ErrorKind::Transient));
    clock.sleep(Span::from_secs(59)).await;
    assert_eq!(cloud.list(&owner()).await.unwrap().len(), 1);
    clock.sleep(Span::from_secs(2)).await;
    assert_eq!(cloud.list(&owner()).await.unwrap().len(), 2, "it was made after its failure");

    cloud.release(&lease.id).await.unwrap();
    cloud.release(&lease.id).await.unwrap();
    assert_eq!(cloud.acquire(&request("a")).await.unwrap().state, LeaseState::Released);
    assert_eq!(cloud.billable().len(), 1);
    assert_eq!(cloud.violations(), Vec::<String>::new());
    let lost = &cloud.calls()[1];
    assert_eq!((lost.op, lost.nth, &lost.answer), (Op::Acquire, 2, &Some(Err(ErrorKind::Transient))));
}

#[tokio::test(start_paused = true)]
async fn lives_pass_as_fated() {
    let (builder, clock) = builder();
    let script = Script::new()
        .fate(1, Fate::good(MINUTE))
        .fate(2, Fate::late_failure(MINUTE))
        .fate(3, Fate::never_ready())
        .fate(4, Fate::preempted(Span::from_secs(300), Span::from_secs(120)))
        .fate(5, Fate::crashed(Span::from_secs(300)));
    let cloud = builder.script(script).build();
    let mut ids: Vec<LeaseId> = vec![];
    for token in ["1", "2", "3", "4", "5"] {
        ids.push(cloud.acquire(&request(token)).await.unwrap().id);
    }
    let states = |leases: Vec<welkin_provider::Lease>| -> String {
        let letter = |state: &LeaseState| match state {
            LeaseState::Pending => 'P',
            LeaseState::Ready => 'R',
            LeaseState::Preempting { at } if *at == EPOCH.after(Span::from_secs(300)) => 'N',
            LeaseState::Preempting { .. } => '?',
            LeaseState::Lost { preempted: true, .. } => 'X',
            LeaseState::Lost { .. } => 'L',
            LeaseState::Stopped => 's',
            LeaseState::Released => '-',
        };
        leases.iter().map(|lease| letter(&lease.state)).collect()
    };
    assert_eq!(states(cloud.leases()), "PPPRR");
    clock.sleep(MINUTE).await;
    assert_eq!(states(cloud.leases()), "RLPRR");
    clock.sleep(Span::from_secs(120)).await;
    assert_eq!(states(cloud.leases()), "RLPNR");
    clock.sleep(Span::from_secs(120)).await;
    assert_eq!(states(cloud.leases()), "RLPXL");
    assert_eq!(cloud.billable().len(), 2);
    let lease = cloud.observe(&ids[0]).await.unwrap();
    assert_eq!(lease.nodes.iter().map(|node| node.rank).collect::<Vec<_>>(), [0, 1]);
    assert_ne!(lease.nodes[0].address, lease.nodes[1].address);
    assert_eq!(kind(&cloud.node(&ids[4], 0).await), Some(ErrorKind::LeaseLost));
    assert_eq!(kind(&cloud.node(&ids[2], 0).await), Some(ErrorKind::Transient));
    assert_eq!(kind(&cloud.node(&ids[0], 2).await), Some(ErrorKind::NotFound));
    // 300 s of 1, 3, 4 and 5, 60 s of 2, two nodes each, at $3.60 an hour = a tenth of a cent a second.
    assert_eq!(cloud.cost(), Usd::from_nanos(2 * (4 * 300 + 60) * 1_000_000));
}

#[tokio::test(start_paused = true)]
async fn a_quota_reads_as_enough_and_is_not() {
    let (builder, _) = builder();
    let key = StockKey::new("us-east-1", "m5.large", Tier::Spot);
    let stock = Stock { capacity: Some(5), quota: Some(3), quota_shown: Some(100) };
    let cloud = builder.stock(key.clone(), stock).types(["m5.large"]).regions(["us-east-1"]).build();
    let likely = cloud.capacity(&place(), "m5.large", Tier::Spot).await.unwrap();
    assert_eq!(likely, Capacity::Likely);
    let first = cloud.acquire(&request("a")).await.unwrap();
    assert_eq!(cloud.capacity(&place(), "m5.large", Tier::Spot).await.unwrap(), Capacity::Likely);
    assert_eq!(kind(&cloud.acquire(&request("b")).await), Some(ErrorKind::QuotaExceeded));
    cloud.restock(key, Stock { capacity: Some(3), ..Stock::default() });
    assert_eq!(kind(&cloud.acquire(&request("b")).await), Some(ErrorKind::NoCapacity));
    cloud.release(&first.id).await.unwrap();
    assert!(cloud.acquire(&request("b")).await.is_ok());
    for (bad, expected) in [
        (LeaseRequest { machine: MachineSpec::of_type("zz9.mega"), ..request("c") }, ErrorKind::NotFound),
        (LeaseRequest { nodes: 0, ..request("c") }, ErrorKind::Invalid),
        (
            LeaseRequest { location: Location { region: "moon".to_owned(), ..place() }, ..request("c") },
            ErrorKind::NotFound,
        ),
    ] {
        assert_eq!(kind(&cloud.acquire(&bad).await), Some(expected));
    }
}

#[tokio::test(start_paused = true)]
async fn the_front_door_limits_and_forgets_credentials() {
    let (builder, clock) = builder();
    let nastiness = Nastiness { calls_per_second: Some(2), ..Nastiness::none() };
    let cloud = builder.nastiness(nastiness).build();
    let lease = cloud.acquire(&request("a")).await.unwrap().id;
    clock.sleep(Span::from_millis(400)).await;
    cloud.observe(&lease).await.unwrap();
    let refused = cloud.observe(&lease).await.unwrap_err();
    assert_eq!((refused.kind, refused.retry_after), (ErrorKind::RateLimited, Some(Span::from_millis(600))));
    clock.sleep(Span::from_millis(600)).await;
    cloud.observe(&lease).await.unwrap();
    cloud.expire_credentials(MINUTE);
    clock.sleep(Span::from_secs(59)).await;
    assert_eq!(kind(&cloud.observe(&lease).await), Some(ErrorKind::Unauthenticated));
    clock.sleep(Span::from_secs(1)).await;
    assert!(cloud.observe(&lease).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn lists_lag_both_ways() {
    let (builder, clock) = builder();
    let cloud = builder.build();
    let old = cloud.acquire(&request("old")).await.unwrap().id;
    clock.sleep(MINUTE).await;
    cloud.release(&old).await.unwrap();
    let new = cloud.acquire(&request("new")).await.unwrap().id;
    clock.sleep(Span::from_secs(5)).await;
    cloud.inject(Op::List, Fault::Stale(Span::from_secs(10)));
    let listed =
        |leases: Vec<welkin_provider::Lease>| leases.into_iter().map(|lease| lease.id).collect::<Vec<_>>();
    assert_eq!(listed(cloud.list(&owner()).await.unwrap()), [old]);
    assert_eq!(listed(cloud.list(&owner()).await.unwrap()), [new]);
    assert!(cloud.list(&Owner("you".to_owned())).await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn steps_compute_their_outputs_from_their_inputs() {
    let (builder, clock) = builder();
    let cloud = builder
        .workload(|work: &Work<'_>| {
            let input = work.home.get("in/a").cloned().unwrap_or_default();
            let doubled = [input.clone(), input].concat();
            Outcome::success(MINUTE).line("token hunter2 works").line("done").file("out/b", doubled)
        })
        .build();
    let bucket = cloud.bucket("us-east-1", &owner());
    let tree = Tree::Folder(BTreeMap::from([("a".to_owned(), Bytes::from("xy"))]));
    let digest = PlainTrees.write(Arc::clone(&bucket), "inputs/1", &tree).await.unwrap();
    let store = cloud.bucket_location("us-east-1", &owner());
    let lease = cloud.acquire(&request("a")).await.unwrap().id;
    let node = cloud.node(&lease, 0).await.unwrap();
    let fetch = Fetch {
        store: store.clone(),
        prefix: "inputs/1".to_owned(),
        digest,
        path: "in".to_owned(),
        over: false,
    };
    let publish =
        Publish { name: "o".to_owned(), path: "./out/".to_owned(), store, prefix: "out/1".to_owned() };
    let step = Step {
        fetch: vec![fetch],
        publish: vec![publish],
        listens: false,
        env: BTreeMap::from([("PASSWORD".to_owned(), "hunter2".to_owned())]),
        secret_env: vec!["PASSWORD".to_owned()],
        ..step("s")
    };
    node.start(&step).await.unwrap();
    node.start(&step).await.unwrap();
    assert_eq!(kind(&node.start(&Step { script: None, ..step.clone() }).await), Some(ErrorKind::Conflict));
    let events = to_the_end(&*node, "s").await.unwrap();
    assert_eq!(clock.now(), EPOCH.after(MINUTE));
    let digest = match &events[..] {
        [
            Event { kind: EventKind::Started, .. },
            Event { kind: EventKind::Fetched { .. }, .. },
            Event { kind: EventKind::ScriptStarted, .. },
            Event { kind: EventKind::Log { line, .. }, .. },
            Event { kind: EventKind::Log { .. }, at, .. },
            Event { kind: EventKind::Published { digest, files: 1, .. }, .. },
            Event { kind: EventKind::Finished { exit: Exit::Success }, .. },
        ] => {
            assert_eq!((line.as_str(), *at), ("token **** works", EPOCH.after(Span::from_secs(30))));
            digest.clone()
        }
        other => panic!("{other:?}"),
    };
    let output = PlainTrees.read(bucket, "out/1", &digest).await.unwrap();
    assert_eq!(output, Tree::Folder(BTreeMap::from([("b".to_owned(), Bytes::from("xyxy"))])));
    assert_eq!(node.events(&step.id, 3, Span::ZERO).await.unwrap(), events[3..]);
    assert_eq!(kind(&node.events(&StepId("?".to_owned()), 0, Span::ZERO).await), Some(ErrorKind::NotFound));
    let missing = Step {
        script: None,
        fetch: vec![Fetch { prefix: "no".to_owned(), ..step.fetch[0].clone() }],
        ..step
    };
    node.start(&Step { id: StepId("t".to_owned()), ..missing }).await.unwrap();
    let end = to_the_end(&*node, "t").await.unwrap().pop().unwrap();
    assert!(matches!(end.kind, EventKind::Finished { exit: Exit::FetchFailed { .. } }), "{end:?}");
    assert_eq!(cloud.violations(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn steps_end_with_their_lease_and_leave_torn_output() {
    let (builder, clock) = builder();
    let nastiness = Nastiness { store_latency: Span::from_secs(10), ..Nastiness::none() };
    let script = Script::new().fate(1, Fate::preempted(Span::from_secs(75), Span::from_secs(30)));
    let cloud = builder
        .nastiness(nastiness)
        .script(script)
        .workload(|_: &Work<'_>| Outcome::success(MINUTE).file("o/a", "1").file("o/b", "2"))
        .build();
    let store = cloud.bucket_location("us-east-1", &owner());
    let lease = cloud.acquire(&request("a")).await.unwrap().id;
    let node = cloud.node(&lease, 1).await.unwrap();
    let publish = Publish { name: "o".to_owned(), path: "o".to_owned(), store, prefix: "p".to_owned() };
    node.start(&Step { publish: vec![publish], ..step("s") }).await.unwrap();
    let lost = to_the_end(&*node, "s").await.unwrap_err();
    assert_eq!((lost.kind, clock.now()), (ErrorKind::LeaseLost, EPOCH.after(Span::from_secs(75))));
    let events = cloud.steps().pop_first().unwrap().1;
    assert_eq!(
        events.last().unwrap().kind,
        EventKind::PreemptionNotice { at: EPOCH.after(Span::from_secs(75)) }
    );
    clock.sleep(Span::from_hours(1)).await;
    let bucket = cloud.bucket("us-east-1", &owner());
    let left = welkin_store::whole::list(&bucket, "").await.unwrap();
    assert_eq!(left.len(), 1, "one of three objects was written when the machine went: {left:?}");
}

#[tokio::test(start_paused = true)]
async fn stopping_is_polite_then_forced() {
    let (builder, clock) = builder();
    let cloud = builder
        .workload(|work: &Work<'_>| {
            let stubborn = work.step.id.0 == "stubborn";
            Outcome { stubborn, ..Outcome::success(Span::from_hours(1)) }
        })
        .build();
    let lease = cloud.acquire(&request("a")).await.unwrap().id;
    let node = cloud.node(&lease, 0).await.unwrap();
    for (id, takes) in [("polite", Span::ZERO), ("stubborn", Span::from_secs(30))] {
        let before = clock.now();
        node.start(&step(id)).await.unwrap();
        node.events(&StepId(id.to_owned()), 1, MINUTE).await.unwrap();
        let asked = clock.now();
        assert_eq!(asked, before, "the script starts at once");
        node.stop(&StepId(id.to_owned()), Span::from_secs(30)).await.unwrap();
        let events = to_the_end(&*node, id).await.unwrap();
        assert_eq!(events.last().unwrap().kind, EventKind::Finished { exit: Exit::Stopped });
        assert_eq!(clock.now().since(asked), takes, "{id}");
        node.stop(&StepId(id.to_owned()), Span::ZERO).await.unwrap();
    }
    // Stopped as soon as it was started: it still began.
    node.start(&step("never")).await.unwrap();
    node.stop(&StepId("never".to_owned()), Span::ZERO).await.unwrap();
    let events = to_the_end(&*node, "never").await.unwrap();
    assert_eq!(events[0].kind, EventKind::Started);
    assert_eq!(events.last().unwrap().kind, EventKind::Finished { exit: Exit::Stopped });
    assert_eq!(cloud.violations(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn nodes_without_a_broker_give_themselves_back() {
    let (builder, clock) = builder();
    let script = Script::new().fate(3, Fate::never_ready());
    let cloud = builder.script(script).workload(|_: &Work<'_>| Outcome::success(Span::from_hours(5))).build();
    let patience = |token| LeaseRequest { abandon_after: MINUTE, ..request(token) };
    let kept = cloud.acquire(&patience("kept")).await.unwrap().id;
    let left = cloud.acquire(&patience("left")).await.unwrap().id;
    cloud.acquire(&patience("stuck")).await.unwrap();
    let node = cloud.node(&kept, 0).await.unwrap();
    node.start(&step("s")).await.unwrap();
    node.events(&StepId("s".to_owned()), 0, MINUTE).await.unwrap();
    // One long call is company all the time.
    node.events(&StepId("s".to_owned()), 2, Span::from_secs(600)).await.unwrap();
    let lease = cloud.observe(&left).await.unwrap();
    assert_eq!((lease.state, lease.ended), (LeaseState::Released, Some(EPOCH.after(MINUTE))));
    assert_eq!(cloud.observe(&kept).await.unwrap().state, LeaseState::Ready);
    clock.sleep(MINUTE).await;
    assert_eq!(cloud.observe(&kept).await.unwrap().state, LeaseState::Released);
    assert_eq!(cloud.billable().len(), 1, "machines that never came up cannot give themselves back");
}

#[tokio::test(start_paused = true)]
async fn usage_is_whole_minutes_and_the_same_at_each_reading() {
    let (builder, clock) = builder();
    let cloud = builder.nastiness(Nastiness { usage_lag: MINUTE, ..Nastiness::none() }).build();
    let lease = cloud.acquire(&request("a")).await.unwrap().id;
    clock.sleep(Span::from_secs(150)).await;
    let early = cloud.usage(&owner(), EPOCH).await.unwrap();
    assert_eq!(early.len(), 1, "the second minute is still on its way");
    cloud.release(&lease).await.unwrap();
    clock.sleep(MINUTE).await;
    let feed = cloud.usage(&owner(), EPOCH).await.unwrap();
    assert_eq!(feed[..1], early);
    assert_eq!(feed.iter().map(|usage| usage.quantity_milli).collect::<Vec<_>>(), [120_000, 120_000, 60_000]);
    assert_eq!(cloud.usage(&owner(), feed[0].to).await.unwrap(), feed[1..]);
}

#[tokio::test(start_paused = true)]
async fn a_seed_repeats_bit_for_bit() {
    async fn life(seed: u64) -> String {
        let clock = SimClock::starting_at(EPOCH);
        let cloud = MemoryCloud::builder("aws", seed, clock)
            .nastiness(Nastiness::mean())
            .workload(|_: &Work<'_>| Outcome::success(MINUTE).line("x"))
            .build();
        for token in 0..20 {
            let _ = cloud.acquire(&request(&token.to_string())).await;
            if let Some(lease) = cloud.leases().last() {
                let _ = cloud.observe(&lease.id).await;
                if let Ok(node) = cloud.node(&lease.id, 0).await {
                    let _ = node.start(&step(&token.to_string())).await;
                }
            }
            let _ = cloud.list(&owner()).await;
            clock.sleep(MINUTE).await;
        }
        format!("{:?} {:?} {:?} {:?}", cloud.calls(), cloud.leases(), cloud.steps(), cloud.cost())
    }
    for seed in 0..20 {
        assert_eq!(life(seed).await, life(seed).await);
        assert_ne!(life(seed).await, life(seed + 1).await);
    }
}

/// Calls until it works or cannot work any more.
async fn insist<T, F: Future<Output = Result<T, ProviderError>>>(
    clock: &SimClock,
    call: impl Fn() -> F,
) -> Result<T, ProviderError> {
    loop {
        let error = match call().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        match (error.kind, error.retry()) {
            (_, Retry::After(pause)) => clock.sleep(pause).await,
            (ErrorKind::Unauthenticated | ErrorKind::NoCapacity | ErrorKind::QuotaExceeded, _) => {
                clock.sleep(MINUTE).await;
            }
            _ => return Err(error),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_mean_cloud_bills_nothing_after_a_careful_broker_for_300_seeds() {
    let (mut lost, mut finished, mut stuck) = (0, 0, 0);
    for seed in 0..300 {
        let clock = SimClock::starting_at(EPOCH);
        let cloud = MemoryCloud::builder("aws", seed, clock)
            .nastiness(Nastiness::mean())
            .workload(|_: &Work<'_>| Outcome::success(Span::from_hours(1)))
            .build();
        let request = request("a");
        let lease = insist(&clock, || cloud.acquire(&request)).await.unwrap().id;
        let booted = clock.now().after(Span::from_secs(600));
        let mut state = LeaseState::Pending;
        while state == LeaseState::Pending && clock.now() < booted {
            clock.sleep(MINUTE).await;
            state = insist(&clock, || cloud.observe(&lease)).await.unwrap().state;
        }
        let work = async || {
            let node = insist(&clock, || cloud.node(&lease, 0)).await?;
            let step = step("s");
            insist(&clock, || node.start(&step)).await?;
            loop {
                let events = insist(&clock, || node.events(&step.id, 0, Span::ZERO)).await?;
                if matches!(events.last(), Some(Event { kind: EventKind::Finished { .. }, .. })) {
                    return Ok::<_, ProviderError>(());
                }
                clock.sleep(MINUTE).await;
            }
        };
        match state {
            LeaseState::Pending => stuck += 1,
            _ => match work().await {
                Ok(()) => finished += 1,
                Err(error) => {
                    assert_eq!(error.kind, ErrorKind::LeaseLost, "seed {seed}: {error}");
                    lost += 1;
                }
            },
        }
        insist(&clock, || cloud.release(&lease)).await.unwrap();
        assert_eq!(cloud.billable(), vec![], "seed {seed}");
        assert_eq!(cloud.violations(), Vec::<String>::new(), "seed {seed}");
        let paid = cloud.cost();
        clock.sleep(Span::from_hours(24)).await;
        assert_eq!(cloud.cost(), paid, "seed {seed}: what is over costs nothing");
    }
    // Every way for a lease to go was met, or the test would prove little.
    assert!(lost > 50 && finished > 50 && stuck > 5, "{lost} lost, {finished} finished, {stuck} stuck");
}
