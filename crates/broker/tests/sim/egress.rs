//! Data that leaves a place is on the bill once, at the price that the month so far makes it, and as the plan
//! said.

use crate::accounts::{CentAByte, bill};
use crate::world::{Spec, World, job_of, plan, task};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use welkin_broker::{Broker, BrokerOptions, Hook, RunError, RunId, RunState};
use welkin_catalog::tables::Tables;
use welkin_catalog::{
    AlignedBytes, Arch, Catalog, CatalogBuilder, Continent, Kind, Row, RowPlace, RowSource, TeeSet,
};
use welkin_job::{Infra, Job};
use welkin_ledger::{Item, Pricing};
use welkin_placement::{Plan, Request};
use welkin_provider::{Clock, Location, Owner};
use welkin_route::{Endpoint, Rates, TariffId, Tariffs};
use welkin_transfer::{copy_tree, objects_below, remove_objects, silent};
use welkin_units::{Bytes, Usd};

fn open(world: &World, pricing: Arc<dyn Pricing>, hook: Option<Hook>) -> Broker {
    let options = BrokerOptions { pricing, after_record: hook, ..world.options() };
    Broker::open(&world.dir.path().join("state"), options).unwrap()
}

/// What data cost, by task.
fn data(world: &World, broker: &Broker, run: &RunId) -> BTreeMap<String, Usd> {
    let mut sums = BTreeMap::new();
    for line in bill(world, broker, run).lines {
        if matches!(line.item, Item::Egress { .. }) {
            *sums.entry(line.task).or_default() += line.cost;
        }
    }
    sums
}

fn delivered(uri: &str) -> Plan {
    let uri = uri.to_owned();
    let spec = task("t", "").at(&["a/x"]).file("raw", "file://raw.txt").output("out");
    plan(vec![spec.edit(|task| task.outputs.get_mut("out").unwrap().uri = Some(uri))])
}

#[tokio::test(start_paused = true)]
async fn a_delivery_is_on_the_bill_once_whenever_the_broker_is_killed() {
    for last in 1.. {
        let world = World::kind();
        let pricing: Arc<dyn Pricing> = Arc::new(CentAByte);
        let run = {
            let broker = open(&world, Arc::clone(&pricing), None);
            world.submit(&broker, &delivered("file://./results/out.txt")).await
        };
        let dies: Hook =
            Arc::new(
                move |write| {
                    if write == last { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                },
            );
        let ended = open(&world, Arc::clone(&pricing), Some(dies)).run(&run).await;
        let broker = open(&world, pricing, None);
        let died = matches!(ended, Err(RunError::Crashed));
        if died {
            broker.run(&run).await.unwrap();
        }
        // `t(raw)` left cloud a for here.
        assert_eq!(data(&world, &broker, &run), BTreeMap::from([("t".to_owned(), Usd::from_cents(6))]));
        if !died {
            assert!(last > 10, "{last} writes: is the history still fine enough to be worth the test?");
            return;
        }
    }
}

/// Killed after what a task needs was copied and before that was on record, the broker finds it there when it goes on.
#[tokio::test(start_paused = true)]
async fn what_moves_between_places_is_on_the_bill_once_whenever_the_broker_is_killed() {
    let chain = || {
        let source = task("source", "").at(&["a/x"]).output("out");
        let twice = ["left", "right"].map(|name| task(name, "").at(&["b/x"]).input("in", "source", "out"));
        plan(std::iter::once(source).chain(twice).collect())
    };
    for last in 1.. {
        let world = World::kind();
        let pricing: Arc<dyn Pricing> = Arc::new(CentAByte);
        let run = world.submit(&open(&world, Arc::clone(&pricing), None), &chain()).await;
        let dies: Hook = Arc::new(move |write| match write == last {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        });
        let ended = open(&world, Arc::clone(&pricing), Some(dies)).run(&run).await;
        let died = matches!(ended, Err(RunError::Crashed));
        let broker = open(&world, pricing, None);
        if died {
            let view = broker.reader().unwrap().status(&run).unwrap();
            if let Some(tree) = view.tasks[0].outputs.get("out") {
                let [from, to] = [0, 1].map(|cloud| world.clouds[cloud].bucket("x", &Owner("me".to_owned())));
                let there = format!("{}/{}", run.shared(), tree.digest);
                copy_tree(&from, &tree.prefix, &to, &there, &tree.digest, &silent).await.unwrap();
            }
            broker.run(&run).await.unwrap();
        }
        // `source()` left cloud a for cloud b.
        let sum: Usd = data(&world, &broker, &run).into_values().sum();
        assert_eq!(sum, Usd::from_cents(8), "killed after write {last}");
        if !died {
            assert!(last > 10, "{last} writes: is the history still fine enough to be worth the test?");
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_output_that_went_beside_is_on_the_bill_too() {
    let world = World::kind();
    let broker = open(&world, Arc::new(CentAByte), None);
    let run = world.submit(&broker, &delivered("file://./results")).await;
    std::fs::create_dir(world.dir.path().join("results")).unwrap();
    std::fs::write(world.dir.path().join("results/mine"), "precious").unwrap();
    assert_eq!(broker.run(&run).await.unwrap().state, RunState::Failed);
    assert_eq!(data(&world, &broker, &run), BTreeMap::from([("t".to_owned(), Usd::from_cents(6))]));
}

/// Takes the chain of a source with two files to its commit, where the broker is killed; one file is lost then, and another
/// broker goes on to the end of the run.
async fn without_half(specs: Vec<Spec>) -> (World, BTreeMap<String, Usd>) {
    let plan = plan(specs);
    for last in 1.. {
        let world = World::kind();
        let pricing: Arc<dyn Pricing> = Arc::new(CentAByte);
        let run = world.submit(&open(&world, Arc::clone(&pricing), None), &plan).await;
        let dies: Hook = Arc::new(move |write| match write == last {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        });
        let ended = open(&world, Arc::clone(&pricing), Some(dies)).run(&run).await;
        assert!(matches!(ended, Err(RunError::Crashed)));
        let broker = open(&world, pricing, None);
        let view = broker.reader().unwrap().status(&run).unwrap();
        let Some(tree) = view.tasks[0].outputs.get("out") else { continue };
        let store = world.clouds[0].bucket("x", &Owner("me".to_owned()));
        let objects = objects_below(&store, &tree.prefix).await.unwrap();
        let second = objects.into_iter().map(|object| object.key).find(|key| key.ends_with("/1")).unwrap();
        remove_objects(&store, vec![second], &[]).await.unwrap();
        let ended = broker.run(&run).await.unwrap();
        assert_eq!(ended.state, RunState::Failed, "{:?}", ended.reason);
        let data = data(&world, &broker, &run);
        return (world, data);
    }
    unreachable!("the source commits")
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_never_succeeds_is_on_the_bill_as_far_as_it_came() {
    let source = || task("source", "files=2").at(&["a/x"]).output("out");
    let reader = task("reader", "").at(&["b/x"]).input("in", "source", "out");
    let (_, copied) = without_half(vec![source(), reader]).await;
    // One `source()` of two has left cloud a, once, however often the copy was tried.
    assert_eq!(copied, BTreeMap::from([("reader".to_owned(), Usd::from_cents(8))]));
    let uri = "file://./results".to_owned();
    let delivered = source().edit(|task| task.outputs.get_mut("out").unwrap().uri = Some(uri));
    let (world, delivered) = without_half(vec![delivered]).await;
    assert_eq!(delivered, BTreeMap::from([("source".to_owned(), Usd::from_cents(8))]));
    assert!(!world.dir.path().join("results/0").exists(), "it is whole or not at all");
}

/// A cent a byte after the first so many of a month.
#[derive(Debug)]
struct AfterTheFirst(u64);

impl Pricing for AfterTheFirst {
    fn egress(&self, from: &Location, to: &Location, month: &dyn Fn(&str) -> Bytes, bytes: Bytes) -> Usd {
        if from.provider == to.provider {
            return Usd::ZERO;
        }
        let over = |volume: Bytes| Usd::from_cents(1).times(volume.get().saturating_sub(self.0));
        let before = month(&from.provider);
        over(before + bytes) - over(before)
    }
}

#[tokio::test(start_paused = true)]
async fn two_movements_at_once_share_what_is_free_of_a_month() {
    let world = World::kind();
    let broker = open(&world, Arc::new(AfterTheFirst(8)), None);
    let specs = vec![
        task("source", "").at(&["a/x"]).output("out"),
        task("left", "").at(&["b/x"]).input("in", "source", "out"),
        task("right", "").at(&["c/x"]).input("in", "source", "out"),
    ];
    let run = world.submit(&broker, &plan(specs)).await;
    assert_eq!(broker.run(&run).await.unwrap().state, RunState::Succeeded);
    // `source()` twice are 16 bytes, of which 8 are free.
    let sum: Usd = data(&world, &broker, &run).into_values().sum();
    assert_eq!(sum, Usd::from_cents(8));
}

/// Tariffs as the broker is given them.
#[derive(Debug)]
struct ByTariff(Tariffs);

impl ByTariff {
    fn tariff(&self, from: &Location, to: &Location) -> TariffId {
        let end = |place| Endpoint::at(place, "x", Tables::embedded());
        if from.provider == to.provider {
            return self.0.between(&end(&from.provider), &end(&from.provider));
        }
        self.0.between(&end(&from.provider), &end(&to.provider))
    }
}

impl Pricing for ByTariff {
    fn egress(&self, from: &Location, to: &Location, month: &dyn Fn(&str) -> Bytes, bytes: Bytes) -> Usd {
        self.0.marginal(&self.0.volumes(month), self.tariff(from, to), bytes)
    }

    fn counter(&self, from: &Location, to: &Location) -> String {
        self.0.get(self.tariff(from, to)).meter().to_owned()
    }
}

/// Cents a byte after 30 bytes that clouds a and b use up together, and tiers of as many bytes.
const TARIFFS: &str = "provider,source,scope,to,meter,tiers,unit,quota
a,*,internet,,a.out,0<=0.00000003 20000000<=0.0000001 5000000,GB,free
b,*,internet,,b.out,0<=0.00000003 30000000<=0.0000002 10000000,GB,free
c,*,internet,,c.out,10000000<=0.00000005 2000000,GiB,
local,*,internet,,local.out,0,GB,
*,*,internet,,rest,0.1,GB,
*,*,provider,,near,0.1,GB,
*,*,same-region,,here,0,GB,
";

/// One machine type in region x of each cloud.
fn catalog(rng: &mut Rng) -> AlignedBytes {
    let mut builder = CatalogBuilder::new();
    for provider in ["a", "b", "c"] {
        builder
            .push(&Row {
                place: Arc::new(RowPlace {
                    provider: provider.into(),
                    region: "x".into(),
                    country: "".into(),
                    jurisdiction: "".into(),
                    continent: Continent::Unknown,
                    certs: "".into(),
                    restricted: false,
                }),
                zone: "".into(),
                kind: Kind::Vm,
                instance_type: "m1".into(),
                vcpus_milli: 8000,
                memory_mib: 32_768,
                arch: Arch::X86_64,
                burstable: false,
                undersized: false,
                accelerator: None,
                network_mbps: 0,
                tee: TeeSet::default(),
                on_demand: Some(Usd::from_cents(1 + i64::try_from(rng.below(90)).unwrap())),
                spot: None,
                min_billed_s: 0,
                source: Arc::new(RowSource { name: "test".into(), as_of: "2026-11-27".into() }),
            })
            .unwrap();
    }
    AlignedBytes::copy_from(&builder.finish())
}

struct Rng(u64);

impl Rng {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// A random job of which every size is what the scripts will make; each output feeds at most one task, since a
/// plan prices every edge and a run moves an output to a place once.
fn random_job(rng: &mut Rng, name: &str) -> Job {
    let count = 2 + rng.below(3);
    let mut specs: Vec<Spec> = Vec::new();
    let mut loose: Vec<(String, u64)> = Vec::new();
    for index in 0..count {
        let mut spec = task(&format!("{name}{index}"), "").output("o");
        let mut size = format!("{name}{index}()").len() as u64;
        let taken = if loose.is_empty() { 0 } else { rng.below(loose.len() as u64 + 1) };
        for input in 0..taken {
            let (from, bytes) = loose.remove(0);
            spec = spec.input(&format!("i{input}"), &from, "o");
            size += bytes + u64::from(input > 0);
        }
        let (pinned, deliver) = (rng.below(4), rng.below(2) == 0);
        let uri = deliver.then(|| format!("file://./{name}{index}.out"));
        spec = spec.edit(|task| {
            let output = task.outputs.get_mut("o").unwrap();
            (output.size, output.uri) = (Bytes::new(size), uri);
            let provider =
                ["a", "b", "c"].get(usize::try_from(pinned).unwrap()).map(|name| (*name).to_owned());
            task.options[0].infra = Infra { provider, ..Infra::default() };
        });
        loose.push((format!("{name}{index}"), size));
        specs.push(spec);
    }
    job_of(name, specs)
}

#[tokio::test(start_paused = true)]
async fn a_run_without_faults_bills_the_data_that_its_plan_said() {
    let mut moved = 0;
    for seed in 0..40 {
        let mut rng = Rng(seed);
        let (world, bytes) = (World::kind(), catalog(&mut rng));
        let tariffs = Tariffs::parse(TARIFFS).unwrap();
        let pricing: Arc<dyn Pricing> = Arc::new(ByTariff(tariffs.clone()));
        let broker = open(&world, Arc::clone(&pricing), None);
        // The second job of a month goes on where the first left its tiers.
        for name in ["first", "second"] {
            let job = random_job(&mut rng, name);
            let now = world.clock.now();
            let month = broker.reader().unwrap().month_to_date(now, &*pricing).unwrap().volumes(now);
            let planned = welkin_placement::plan(&Request {
                job: &job,
                catalog: &Catalog::open(bytes.as_bytes()).unwrap(),
                tables: Tables::embedded(),
                tariffs: &tariffs,
                rates: &Rates::builtin(),
                providers: &[],
                month_to_date: &month,
                blocked: &[],
                effort: 1,
            });
            let plan = planned.unwrap().plan;
            let run = world.submit_as(&broker, &plan, name).await;
            assert_eq!(broker.run(&run).await.unwrap().state, RunState::Succeeded);
            let said: Usd = plan.transfers.iter().map(|transfer| transfer.cost).sum();
            let billed: Usd = data(&world, &broker, &run).into_values().sum();
            assert_eq!(billed, said, "seed {seed}, {name}: {:#?}", plan.transfers);
            assert_eq!(plan.egress, said);
            moved += usize::from(said > Usd::ZERO);
        }
    }
    assert!(moved > 40, "{moved} of 80 runs moved something that costs");
}
