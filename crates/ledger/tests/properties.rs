//! Invariants of the ledger over arbitrary histories.

use proptest::prelude::*;
use welkin_ledger::{
    Account, Bill, EgressUse, Entry, EntryKind, Ledger, MeterEvent, MonthToDate, Pricing, Terms, VmUse, Who,
};
use welkin_provider::{Location, Nature, ProviderId, UnixMillis};
use welkin_units::{Bytes, Span, Usd};

fn place(provider: &'static str) -> Location {
    Location { provider: ProviderId::from_static(provider), region: "here".to_owned(), zone: None }
}

fn who(subject: &str) -> Who {
    Who {
        run: "r".to_owned(),
        task: "t".to_owned(),
        subject: subject.to_owned(),
        place: place("aws"),
        nature: Nature::Emulated,
    }
}

/// 100 GB free, then $0.09 to 10 TB, then $0.085.
#[derive(Debug)]
struct Tiers;

impl Pricing for Tiers {
    fn egress(&self, from: &Location, to: &Location, month: &dyn Fn(&str) -> Bytes, bytes: Bytes) -> Usd {
        let month_to_date = month(&self.counter(from, to));
        let cumulative = |total: Bytes| {
            let cut = |from: u64, to: u64| Bytes::new(total.get().clamp(from, to) - from);
            let (free, first) = (100_000_000_000, 10_000_000_000_000);
            Usd::from_cents(9).per_gb_over(cut(free, first))
                + Usd::from_nanos(85_000_000).per_gb_over(cut(first, u64::MAX))
        };
        cumulative(month_to_date + bytes) - cumulative(month_to_date)
    }
}

fn entry() -> impl Strategy<Value = Entry> {
    let lease = prop::sample::select(vec!["a", "b", "c"]).prop_map(str::to_owned);
    let amount = prop_oneof![0..10_000_000_000_i64, Just(i64::MAX)].prop_map(Usd::from_nanos);
    let kind = prop_oneof![
        amount.clone().prop_map(|amount| EntryKind::Fund { amount }),
        (lease.clone(), amount.clone()).prop_map(|(lease, amount)| EntryKind::Hold { lease, amount }),
        lease.clone().prop_map(|lease| EntryKind::Void { lease }),
        (lease, 0..100_u64, 0..100_u64, 0..5_000_000_000_i64).prop_map(|(lease, from, length, hourly)| {
            let used = VmUse {
                instance_type: "m".to_owned(),
                name: None,
                nodes: 2,
                since: UnixMillis(0),
                hourly: Usd::from_nanos(hourly),
                terms: Terms::PER_SECOND,
            };
            let (from, to) = (UnixMillis(from * 1000), UnixMillis((from + length) * 1000));
            EntryKind::Charge { event: MeterEvent::vm(who(&lease), from, to, used) }
        }),
        (amount, any::<bool>()).prop_map(|(amount, less)| EntryKind::Correction {
            of: welkin_ledger::EntryId("charge:x".to_owned()),
            provider: ProviderId::from_static("aws"),
            amount: if less { -amount } else { amount },
            reason: "invoice".to_owned(),
        }),
    ];
    (prop::sample::select(vec!["r", "s"]), kind).prop_map(|(run, kind)| Entry { run: run.to_owned(), kind })
}

proptest! {
    #[test]
    fn accounts_sum_to_zero_and_replay_changes_nothing(rows in prop::collection::vec(entry(), 0..40)) {
        let mut ledger = Ledger::default();
        let mut accepted = Vec::new();
        for row in &rows {
            if ledger.post(row).is_ok() {
                accepted.push(row.clone());
            }
            prop_assert_eq!(ledger.sum(), 0);
        }
        let before = ledger.clone();
        for row in &accepted {
            prop_assert_eq!(ledger.post(row), Ok(false));
        }
        prop_assert_eq!(&ledger, &before);
        let twice: Vec<&Entry> = accepted.iter().chain(&accepted).collect();
        prop_assert_eq!(Ledger::replay(twice), before);
    }

    #[test]
    fn a_budget_never_holds_more_than_it_has(
        budget in 0..1_000_i64,
        wanted in prop::collection::vec(0..500_i64, 1..10),
    ) {
        let row = |kind| Entry { run: "r".to_owned(), kind };
        let mut ledger = Ledger::default();
        ledger.post(&row(EntryKind::Fund { amount: Usd::from_nanos(budget) })).unwrap();
        let mut held = 0;
        for (at, amount) in wanted.into_iter().enumerate() {
            let hold = EntryKind::Hold { lease: at.to_string(), amount: Usd::from_nanos(amount) };
            match ledger.post(&row(hold)) {
                Ok(_) => held += amount,
                Err(_) => prop_assert!(held + amount > budget),
            }
        }
        prop_assert!(held <= budget);
        prop_assert_eq!(ledger.left("r"), Some(Usd::from_nanos(budget - held)));
    }

    #[test]
    fn a_lease_costs_the_same_however_it_is_cut(
        mut cuts in prop::collection::vec(0..10_000_000_u64, 2..12),
        nodes in 1..9_u32,
        hourly in 0..50_000_000_000_i64,
        minimum in 0..120_u64,
        increment in 0..90_u64,
    ) {
        cuts.sort_unstable();
        let used = VmUse {
            instance_type: "m".to_owned(),
name: None,
            nodes,
            since: UnixMillis(cuts[0]),
            hourly: Usd::from_nanos(hourly),
            terms: Terms { minimum: Span::from_secs(minimum), increment: Span::from_secs(increment) },
        };
        let cost = |from: u64, to: u64| {
            MeterEvent::vm(who("l"), UnixMillis(from), UnixMillis(to), used.clone()).cost
        };
        let parts: Usd = cuts.windows(2).map(|pair| cost(pair[0], pair[1])).sum();
        prop_assert_eq!(parts, cost(cuts[0], *cuts.last().unwrap()));
    }

    #[test]
    fn a_movement_costs_the_same_however_it_is_cut(
        before in 0..20_000_000_000_000_u64,
        parts in prop::collection::vec(0..8_000_000_000_000_u64, 1..8),
    ) {
        let at = UnixMillis(1);
        let mut month = MonthToDate::default();
        month.add("aws", at, Bytes::new(before));
        let move_of = |bytes: u64| EgressUse { to: place("gcp"), bytes: Bytes::new(bytes) };
        let whole = MeterEvent::egress(who("m"), at, move_of(parts.iter().sum()), &Tiers, &month).cost;
        let mut total = Usd::ZERO;
        for (number, part) in parts.iter().enumerate() {
            let event = MeterEvent::egress(who(&number.to_string()), at, move_of(*part), &Tiers, &month);
            total += event.cost;
            month.add("aws", at, Bytes::new(*part));
        }
        prop_assert_eq!(total, whole);
    }
}

#[test]
fn holds_pay_first_and_their_rest_returns() {
    let row = |kind| Entry { run: "r".to_owned(), kind };
    let budget = Account::Budget { run: "r".to_owned() };
    let used = VmUse {
        instance_type: "m".to_owned(),
        name: None,
        nodes: 1,
        since: UnixMillis(0),
        hourly: Usd::from_cents(100),
        terms: Terms::EXACT,
    };
    let half_hour = MeterEvent::vm(who("l"), UnixMillis(0), UnixMillis(1_800_000), used);
    let mut ledger = Ledger::default();
    for kind in [
        EntryKind::Fund { amount: Usd::from_cents(1000) },
        EntryKind::Hold { lease: "l".to_owned(), amount: Usd::from_cents(80) },
        EntryKind::Charge { event: half_hour },
    ] {
        assert!(ledger.post(&row(kind)).unwrap());
    }
    assert_eq!(ledger.balance(&Account::Hold { lease: "l".to_owned() }), Usd::from_cents(30));
    assert_eq!(ledger.balance(&budget), Usd::from_cents(920));
    ledger.post(&row(EntryKind::Void { lease: "l".to_owned() })).unwrap();
    assert_eq!(ledger.balance(&budget), Usd::from_cents(950));
    assert_eq!(
        ledger.balance(&Account::Payable { provider: ProviderId::from_static("aws") }),
        Usd::from_cents(50)
    );
    let refused = ledger.post(&row(EntryKind::Hold { lease: "m".to_owned(), amount: Usd::from_cents(951) }));
    assert_eq!(
        refused.unwrap_err().to_string(),
        "m is expected to cost $9.51, but of the budget of r only $9.50 is left"
    );
}

#[test]
fn a_bill_has_a_line_a_lease_and_marks_what_is_not_real() {
    let used = VmUse {
        instance_type: "m".to_owned(),
        name: None,
        nodes: 2,
        since: UnixMillis(0),
        hourly: Usd::from_cents(100),
        terms: Terms::EXACT,
    };
    let hour = 3_600_000;
    let first = MeterEvent::vm(who("l"), UnixMillis(0), UnixMillis(hour), used.clone());
    let second = MeterEvent::vm(who("l"), UnixMillis(hour), UnixMillis(2 * hour), used.clone());
    let real = Who { nature: Nature::Real, ..who("n") };
    let third = MeterEvent::vm(real, UnixMillis(0), UnixMillis(hour), used);
    let bill = Bill::of("r", [&first, &second, &third, &first], &[]);
    assert_eq!(bill.lines.len(), 2);
    assert_eq!((bill.metered, bill.notional), (Usd::from_cents(600), Usd::from_cents(400)));
    assert!(Bill::of("other", [&first], &[]).lines.is_empty());
}

#[test]
fn rows_survive_their_json() {
    let moved = EgressUse { to: place("gcp"), bytes: Bytes::from_gb(150) };
    let event = MeterEvent::egress(who("m"), UnixMillis(1), moved, &Tiers, &MonthToDate::default());
    assert_eq!(event.cost, Usd::from_cents(450));
    let row = Entry { run: "r".to_owned(), kind: EntryKind::Charge { event } };
    let text = serde_json::to_string(&row).unwrap();
    assert_eq!(serde_json::from_str::<Entry>(&text).unwrap(), row);
}
