//! Wall clocks that are set while machines cost money.

use crate::world::{World, plan_of, task};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use welkin_broker::{Broker, BrokerOptions, Clocks, Reading, RunId, RunState, SteadyClock};
use welkin_job::Policy;
use welkin_ledger::{Bill, Item, Terms};
use welkin_placement::Plan;
use welkin_provider::memory::SimClock;
use welkin_provider::{Clock, ProviderId, UnixMillis};
use welkin_units::{Span, Usd};

/// A machine whose wall clock somebody sets.
#[derive(Debug)]
struct Machine {
    clock: SimClock,
    /// Added to the wall clock.
    step_ms: AtomicI64,
}

impl Clocks for Machine {
    fn read(&self) -> Reading {
        let now = self.clock.now().0;
        let wall = now.saturating_add_signed(self.step_ms.load(Ordering::Relaxed));
        let uptime = Span::from_millis(now - 1_789_000_000_000);
        Reading { boot: Some("boot".to_owned()), wall: UnixMillis(wall), uptime }
    }
}

/// The wall clock itself, for what must hold even then.
#[derive(Debug)]
struct Wall(Arc<Machine>);

impl Clock for Wall {
    fn now(&self) -> UnixMillis {
        self.0.read().wall
    }
}

const TWO_DAYS: i64 = 2 * 86_400_000;

/// Back by 20 s, forth by two days, and to a date before 1970.
const STEPS: [i64; 3] = [-20_000, TWO_DAYS, -1_800_000_000_000];

fn machine(world: &World) -> Arc<Machine> {
    Arc::new(Machine { clock: world.clock, step_ms: AtomicI64::new(0) })
}

fn open(world: &World, clock: Arc<dyn Clock>) -> Broker {
    let options = BrokerOptions { clock, ..world.options() };
    Broker::open(&world.dir.path().join("state"), options).unwrap()
}

fn steady(world: &World, machine: &Arc<Machine>) -> Arc<dyn Clock> {
    let clocks = Arc::clone(machine) as Arc<dyn Clocks>;
    Arc::new(SteadyClock::open(&world.dir.path().join("state"), clocks).unwrap())
}

/// One machine for ten minutes at 60 cents an hour: ten cents, of a budget of twelve.
fn ten_minutes() -> Plan {
    let policy = Policy { budget: Some(Usd::from_cents(12)), ..Policy::default() };
    plan_of("ten", vec![task("one", "minutes=10").at(&["a/x"]).output("out")], policy)
}

fn bill(world: &World, broker: &Broker, run: &RunId) -> Bill {
    broker.reader().unwrap().bill(run, world.clock.now(), &world.options().terms).unwrap()
}

fn assert_billed_as_charged(world: &World, broker: &Broker, run: &RunId, what: &str) {
    let view = broker.reader().unwrap().status(run).unwrap();
    assert_eq!(view.state, RunState::Succeeded, "{what}: {:?}", view.reason);
    world.assert_clean(&view);
    let charged: Usd = world.clouds.iter().map(|cloud| cloud.cost()).sum();
    assert_eq!(bill(world, broker, run).metered, charged, "{what}");
    assert!(charged >= Usd::from_cents(10), "{what}: {charged}");
}

#[tokio::test(start_paused = true)]
async fn a_step_of_the_wall_clock_changes_neither_the_bill_nor_the_budget() {
    for step in STEPS {
        let world = World::kind();
        let machine = machine(&world);
        let broker = open(&world, steady(&world, &machine));
        let run = world.submit(&broker, &ten_minutes()).await;
        let stepping = async {
            tokio::time::sleep(Duration::from_secs(300)).await;
            machine.step_ms.store(step, Ordering::Relaxed);
        };
        let (outcome, ()) = tokio::join!(broker.run(&run), stepping);
        outcome.unwrap();
        assert_billed_as_charged(&world, &broker, &run, &step.to_string());
    }
}

#[tokio::test(start_paused = true)]
async fn a_step_between_two_brokers_changes_neither() {
    for step in STEPS {
        let world = World::kind();
        let machine = machine(&world);
        let first = open(&world, steady(&world, &machine));
        let run = world.submit(&first, &ten_minutes()).await;
        let _ = tokio::time::timeout(Duration::from_secs(300), first.run(&run)).await.unwrap_err();
        drop(first);
        machine.step_ms.store(step, Ordering::Relaxed);
        let second = open(&world, steady(&world, &machine));
        second.run(&run).await.unwrap();
        assert_billed_as_charged(&world, &second, &run, &step.to_string());
        let view = second.reader().unwrap().status(&run).unwrap();
        assert!(view.ended.unwrap().since(view.submitted) < Span::from_secs(3600), "{step}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_providers_times_are_billed_whatever_the_brokers_clock_says() {
    for step in STEPS {
        let world = World::kind();
        let machine = machine(&world);
        let broker = open(&world, Arc::new(Wall(Arc::clone(&machine))));
        let plan =
            plan_of("free", vec![task("one", "minutes=10").at(&["a/x"]).output("out")], Policy::default());
        let run = world.submit(&broker, &plan).await;
        let stepping = async {
            tokio::time::sleep(Duration::from_secs(300)).await;
            machine.step_ms.store(step, Ordering::Relaxed);
        };
        let (outcome, ()) = tokio::join!(broker.run(&run), stepping);
        outcome.unwrap();
        assert_billed_as_charged(&world, &broker, &run, &step.to_string());
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_was_there_owes_the_minimum_though_no_time_seems_to_have_passed() {
    let world = World::kind();
    let machine = machine(&world);
    let mut options = world.options();
    options.clock = Arc::new(Wall(Arc::clone(&machine)));
    options.terms = [(ProviderId::from_static("a"), Terms::PER_SECOND)].into();
    let broker = Broker::open(&world.dir.path().join("state"), options.clone()).unwrap();
    let run = world.submit(&broker, &ten_minutes()).await;
    let looking = async {
        tokio::time::sleep(Duration::from_secs(120)).await;
        // Before the lease began, by this clock.
        let now = UnixMillis(1);
        let bill = broker.reader().unwrap().bill(&run, now, &options.terms).unwrap();
        let [line] = &bill.lines[..] else { panic!("{bill:?}") };
        assert!(matches!(line.item, Item::Vm { time, .. } if time > Span::ZERO), "{line:?}");
        assert_eq!(bill.metered, Usd::from_cents(1), "a minute at 60 cents an hour");
    };
    let (outcome, ()) = tokio::join!(broker.run(&run), looking);
    outcome.unwrap();
}
