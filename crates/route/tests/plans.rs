//! Plans on small graphs of our own: what agreements, stores, residency and several destinations do.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails, and says where")]

use proptest::prelude::*;
use std::collections::BTreeMap;
use welkin_catalog::tables::Tables;
use welkin_route::{
    Anywhere, Ceiling, Gateways, Grid, Medium, Objective, PlanError, PriceGrid, Question, Rates, Relays,
    RoutePlan, Site, SiteId, Store, Tariffs, Verdict, Wan, plan_route, read_grid_files, route_front,
};
use welkin_units::{BitsPerSecond, Bytes, Span, Usd};

/// A graph of four real regions with round figures: the direct link is slow, two relays are fast.
fn square() -> Wan {
    let grid = "from,to,bits_per_s\n\
        azure:canadacentral,gcp:asia-northeast1,4e9\n\
        azure:canadacentral,azure:westus2,16e9\nazure:westus2,gcp:asia-northeast1,10e9\n\
        azure:canadacentral,azure:northeurope,16e9\nazure:northeurope,gcp:asia-northeast1,12e9\n";
    let prices = "src,dest,cost\n\
        azure:canadacentral,gcp:asia-northeast1,0.08\n\
        azure:canadacentral,azure:westus2,0.02\nazure:westus2,gcp:asia-northeast1,0.08\n\
        azure:canadacentral,azure:northeurope,0.05\nazure:northeurope,gcp:asia-northeast1,0.08\n";
    let files = [("grid", grid.as_bytes()), ("prices", prices.as_bytes())];
    let input = read_grid_files(&files).unwrap();
    wan(&input.grid, &input.prices)
}

fn wan(grid: &Grid, prices: &PriceGrid) -> Wan {
    Wan::measured(grid, prices, &Tariffs::builtin(), &Gateways::builtin(), Tables::embedded())
}

fn starter() -> Wan {
    Wan::starter(&Rates::builtin(), &Tariffs::builtin(), &Gateways::builtin(), Tables::embedded())
}

fn at(wan: &Wan, name: &str) -> SiteId {
    wan.find(&name.parse().unwrap()).unwrap()
}

struct Ask<'a> {
    wan: &'a Wan,
    from: &'a str,
    to: &'a [&'a str],
    gb: u64,
    objective: Objective,
    max_vms: u32,
    relays: &'a dyn Relays,
    stores: &'a [Store],
}

impl<'a> Ask<'a> {
    fn new(wan: &'a Wan, from: &'a str, to: &'a [&'a str], objective: Objective) -> Self {
        Self { wan, from, to, gb: 1000, objective, max_vms: 1, relays: &Anywhere, stores: &[] }
    }

    fn plan(&self) -> Result<RoutePlan, PlanError> {
        let to: Vec<SiteId> = self.to.iter().map(|name| at(self.wan, name)).collect();
        plan_route(&Question {
            wan: self.wan,
            from: at(self.wan, self.from),
            to: &to,
            size: Bytes::from_gb(self.gb),
            objective: self.objective,
            max_vms: self.max_vms,
            relays: self.relays,
            month_to_date: &BTreeMap::new(),
            terms: &[],
            stores: self.stores,
        })
    }
}

const FROM: &str = "azure:canadacentral";
const TO: &[&str] = &["gcp:asia-northeast1"];

#[test]
fn the_fastest_uses_every_way_and_the_cheapest_only_one() {
    let wan = square();
    let fastest = Ask::new(&wan, FROM, TO, Objective::Fastest(None)).plan().unwrap();
    // Connections into the destination are the scarce thing: all of them on the fastest last hop.
    assert!(fastest.rate >= BitsPerSecond::new(11_990_000_000), "{fastest:?}");
    assert!(matches!(fastest.verdict, Verdict::Relayed { times_direct: Some(times) } if times > 2.9));
    let cheapest = Ask::new(&wan, FROM, TO, Objective::Cheapest(None)).plan().unwrap();
    assert_eq!(cheapest.hops.len(), 1);
    assert_eq!(cheapest.rate, BitsPerSecond::from_gbit(4));
    assert!(matches!(&cheapest.verdict, Verdict::Direct { why } if why.contains("cheaper")));
}

#[test]
fn a_deadline_takes_the_cheapest_that_is_in_time() {
    let wan = square();
    // 1,000 GB in 1,200 s are 6.7 Gbit/s: direct has 4.
    let plan = Ask::new(&wan, FROM, TO, Objective::By(Span::from_secs(1200))).plan().unwrap();
    assert!(plan.time <= Span::from_millis(1_200_001), "{}", plan.time);
    assert!(plan.hops.iter().any(|hop| hop.to == "azure:westus2"));
    assert!(plan.hops.iter().all(|hop| hop.to != "azure:northeurope"));
    let impossible = Ask::new(&wan, FROM, TO, Objective::By(Span::from_secs(60))).plan().unwrap_err();
    assert!(impossible.to_string().contains("the fastest way reaches"), "{impossible}");
}

#[test]
fn residency_holds_for_relays() {
    #[derive(Debug)]
    struct In(&'static str);
    impl Relays for In {
        fn allows(&self, site: &Site) -> bool {
            site.jurisdiction == self.0
        }

        fn allows_store(&self, store: &Store) -> bool {
            store.jurisdiction == self.0
        }
    }
    let wan = square();
    let plan = |relays: &dyn Relays| {
        Ask { relays, ..Ask::new(&wan, FROM, TO, Objective::Fastest(None)) }.plan().unwrap()
    };
    let american = plan(&In("us"));
    assert!(american.hops.iter().any(|hop| hop.to == "azure:westus2"));
    assert!(american.hops.iter().all(|hop| hop.to != "azure:northeurope"));
    let stores = Store::builtin();
    let objective = Objective::Cheapest(None);
    let ask = Ask::new(&wan, FROM, TO, objective);
    let stored = Ask { relays: &In("eu"), stores: &stores, ..ask }.plan().unwrap();
    assert!(stored.hops.iter().all(|hop| hop.to != "store:r2"), "{:?}", stored.hops);
    let alone = plan(&In("nowhere"));
    assert!(matches!(&alone.verdict, Verdict::Direct { why } if why.contains("no place is allowed")));
}

#[test]
fn a_ceiling_is_kept_and_one_too_low_says_what_can_be_had() {
    let wan = square();
    for times in [1.0, 1.1, 1.3, 2.0] {
        let objective = Objective::Fastest(Some(Ceiling::TimesDirect(times)));
        let plan = Ask::new(&wan, FROM, TO, objective).plan().unwrap();
        let direct = plan.direct.unwrap();
        assert!(plan.cost.dollars() <= times * direct.cost.dollars() * (1.0 + 1e-6), "{times}");
        assert!(plan.rate.get() as f64 >= direct.rate.get() as f64 * 0.9998);
    }
    let error = Ask::new(&wan, FROM, TO, Objective::Fastest(Some(Ceiling::PerGb(Usd::from_cents(1))))).plan();
    assert!(error.unwrap_err().to_string().contains("the cheapest way costs 0.0806"));
}

#[test]
fn a_tree_sends_each_hop_once() {
    let wan = starter();
    let to = ["azure:westeurope", "gcp:europe-west1", "gcp:europe-west4"];
    let objective = Objective::Cheapest(Some(BitsPerSecond::from_gbit(2)));
    let tree = Ask::new(&wan, "aws:us-east-1", &to, objective).plan().unwrap();
    let Verdict::Tree { separate: Some(separate) } = tree.verdict else { panic!("{:?}", tree.verdict) };
    assert!(tree.cost < separate);
    assert!(tree.hops.iter().filter(|hop| hop.from == "aws:us-east-1").count() == 1, "{:?}", tree.hops);
    // With a store that charges nothing for what leaves it, one egress feeds all.
    let stores: Vec<Store> = Store::builtin().into_iter().filter(|store| store.name == "r2").collect();
    let ask = Ask { stores: &stores, ..Ask::new(&wan, "aws:us-east-1", &to, objective) };
    let stored = ask.plan().unwrap();
    assert!(stored.cost < tree.cost);
    assert!(stored.hops.iter().all(|hop| hop.medium == Medium::Store), "{:?}", stored.hops);
}

#[test]
fn the_front_rises_in_both() {
    let wan = square();
    let to = [at(&wan, TO[0])];
    let question = Question {
        wan: &wan,
        from: at(&wan, FROM),
        to: &to,
        size: Bytes::from_gb(1000),
        objective: Objective::Cheapest(None),
        max_vms: 2,
        relays: &Anywhere,
        month_to_date: &BTreeMap::new(),
        terms: &[],
        stores: &[],
    };
    let front = route_front(&question, 8).unwrap();
    assert!(front.len() >= 3);
    assert!(front.windows(2).all(|pair| pair[0].rate < pair[1].rate && pair[0].per_gb <= pair[1].per_gb));
}

#[test]
fn questions_without_sense_are_refused() {
    let wan = square();
    let ask = |objective| Ask::new(&wan, FROM, TO, objective);
    let refused = [
        Ask { to: &[FROM], ..ask(Objective::Fastest(None)) }.plan(),
        Ask { to: &[TO[0], TO[0]], ..ask(Objective::Fastest(None)) }.plan(),
        Ask { to: &[], ..ask(Objective::Fastest(None)) }.plan(),
        Ask { gb: 0, ..ask(Objective::Fastest(None)) }.plan(),
        Ask { max_vms: 0, ..ask(Objective::Fastest(None)) }.plan(),
        Ask { max_vms: u32::MAX, ..ask(Objective::Fastest(None)) }.plan(),
        ask(Objective::Fastest(Some(Ceiling::TimesDirect(f64::NAN)))).plan(),
        ask(Objective::By(Span::ZERO)).plan(),
        // Nothing leads back.
        Ask { from: TO[0], to: &[FROM], ..ask(Objective::Fastest(None)) }.plan(),
    ];
    for (at, plan) in refused.into_iter().enumerate() {
        assert!(plan.is_err(), "{at}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn cost_rises_with_bytes(gb in 1_u64..200_000, more in 1_u64..200_000) {
        let wan = square();
        let cost = |gb| Ask { gb, ..Ask::new(&wan, FROM, TO, Objective::Cheapest(None)) }.plan().unwrap().cost;
        prop_assert!(cost(gb) <= cost(gb + more));
    }

    #[test]
    fn a_tree_never_costs_more_than_its_transfers_apart(
        picks in prop::collection::btree_set(0_usize..60, 3..5), gbit in 1_u64..3,
    ) {
        let wan = starter();
        let ids: Vec<SiteId> = picks.into_iter().map(|pick| wan.ids().nth(pick).unwrap()).collect();
        let names: Vec<String> = ids.iter().map(|id| wan.site(*id).name.to_string()).collect();
        let to: Vec<&str> = names[1..].iter().map(String::as_str).collect();
        let objective = Objective::Cheapest(Some(BitsPerSecond::from_gbit(gbit)));
        let machines = u32::try_from(to.len()).unwrap() * 2;
        let plan = Ask { max_vms: machines, ..Ask::new(&wan, &names[0], &to, objective) }.plan().unwrap();
        if let Verdict::Tree { separate: Some(separate) } = plan.verdict {
            // Both are proven to a ten-thousandth.
            prop_assert!(plan.cost.dollars() <= separate.dollars() * (1.0 + 3e-4), "{} {separate}", plan.cost);
        }
    }
}
