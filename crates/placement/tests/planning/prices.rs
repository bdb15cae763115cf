//! What plans are told about prices: every sum agrees with every other, and what was assumed is said.

use crate::bed::{Bed, job};
use welkin_job::Infra;
use welkin_placement::{Gap, Plan, PlanFailure, Verdict, front, plan, why_not};
use welkin_units::{Span, Usd};

/// What holds of every plan, whatever was priced: its parts add up, no alternative is better, and neither is
/// a plan with one of its tasks held at the place of an alternative.
fn assert_agrees(bed: &Bed, text: &str) -> Plan {
    let job = job(text);
    let made = bed.with(&job, plan).unwrap().plan;
    let machines: Usd = made.tasks.iter().map(|task| task.choice.cost).sum();
    let data: Usd = made.transfers.iter().map(|transfer| transfer.cost).sum();
    assert_eq!((made.cost, made.egress), (machines + data, data));
    for task in &made.tasks {
        assert_eq!((task.choice.plan_cost, task.choice.plan_time), (made.cost, made.time), "{}", task.task);
        for other in &task.alternatives {
            assert!(other.plan_cost >= made.cost, "{}: {} beats {}", task.task, other.plan_cost, made.cost);
            if task.alternatives.iter().skip(3).any(|later| later == other) {
                continue;
            }
            let place = Infra {
                provider: Some(other.place.provider.to_string()),
                region: Some(other.place.region.clone()),
                zone: None,
            };
            let there = bed.with(&job, |request| why_not(request, &place)).unwrap();
            let verdict = &there.iter().find(|answer| answer.task == task.task).unwrap().verdict;
            let Verdict::Worse { cost, .. } = verdict else { continue };
            assert!(
                made.cost <= *cost && *cost <= other.plan_cost,
                "{}: {cost} at {}",
                task.task,
                other.place.region
            );
        }
    }
    let front = bed.with(&job, front).unwrap();
    assert_eq!(front.plans[0].cost, made.cost, "the cheap end of the front is the plan");
    let with_budget = |budget: Usd| {
        let mut job = job.clone();
        job.policy.budget = Some(budget);
        bed.with(&job, plan)
    };
    assert_eq!(with_budget(made.cost).unwrap().plan.cost, made.cost, "the budget that it costs is enough");
    assert!(with_budget(made.cost - Usd::from_nanos(1)).is_err(), "and a smaller one is not");
    made
}

/// What was assumed of where data is.
fn of_regions(plan: &Plan) -> Vec<&str> {
    plan.assumptions.iter().map(String::as_str).filter(|one| one.contains("region")).collect()
}

#[test]
fn a_bucket_of_unknown_region_costs_what_leaving_it_costs_and_says_what_it_could() {
    let text = "name: b\nresources: {cpus: 2+}\ninputs: {'s3://bucket/data': 1000}\ntime: 1h\nrun: x\n";
    let made = assert_agrees(&Bed::new(), text);
    let [moved] = made.transfers.as_slice() else { panic!("{:?}", made.transfers) };
    let range = moved.by_region.unwrap();
    assert_eq!((moved.cost, range.lowest), ("20".parse().unwrap(), Usd::ZERO));
    assert!(range.highest >= "147".parse().unwrap(), "{}", range.highest);
    assert_eq!(made.tasks[0].choice.place.provider, "aws");
    let assumed = of_regions(&made);
    let [assumed] = assumed.as_slice() else { panic!("{:?}", made.assumptions) };
    assert!(assumed.contains("s3://bucket/data") && assumed.contains("$20.00"), "{assumed}");
    assert!(assumed.contains("$0.00 to $147.00"), "{assumed}");
}

#[test]
fn a_bucket_of_known_region_is_nothing_to_assume() {
    let text = "name: b\nresources: {cpus: 2+}\ninputs: {d: {uri: 's3://b/d', size: 1 TB, infra: aws/us-east-1}}\nrun: x\ntime: 1h\n";
    let made = assert_agrees(&Bed::new(), text);
    assert_eq!((made.transfers[0].cost, made.transfers[0].by_region), (Usd::ZERO, None));
    assert_eq!(of_regions(&made), [""; 0]);
}

#[test]
fn the_delivery_of_an_output_is_part_of_the_plan() {
    let text = "
name: d
tasks:
  work: {resources: {cpus: 2+, infra: gcp}, outputs: {r: {uri: 'file://./r', size: 1 TB}}, time: 1h, run: x}
";
    let bed = Bed::new();
    let made = assert_agrees(&bed, text);
    let [delivery] = made.transfers.as_slice() else { panic!("{:?}", made.transfers) };
    assert_eq!(delivery.delivered_to.as_deref(), Some("file://./r"));
    assert_eq!((delivery.task.as_str(), delivery.input.as_str()), ("work", "r"));
    assert!(delivery.cost > Usd::from_cents(10_000) && delivery.time > Span::from_secs(3_000));
    assert_eq!(made.time, made.tasks[0].choice.time + delivery.time);
    assert_eq!(made.tasks[0].choice.start, Span::ZERO);
    // Free to choose, the task runs where it can be had back for less.
    let free = assert_agrees(&bed, &text.replace(", infra: gcp", ""));
    assert!(free.cost < made.cost && free.tasks[0].choice.place.provider != "gcp", "{}", free.cost);
}

#[test]
fn what_waits_for_a_task_waits_for_its_deliveries() {
    let text = "
name: w
tasks:
  first: {resources: {cpus: 2+, infra: aws}, outputs: {a: {uri: 'file://./a', size: 90 GB}, b: {size: 50 GB}}, time: 1h, run: x}
  second: {resources: {cpus: 2+}, inputs: {b: first.b}, outputs: {c: {uri: 'file://./c', size: 70 GB}}, time: 1h, run: x}
";
    let made = assert_agrees(&Bed::new(), text);
    let time = |name: &str| made.transfers.iter().find(|one| one.input == name).unwrap().time;
    let arrived = Span::from_hours(1) + time("a") + time("b");
    assert_eq!(made.tasks[1].choice.start, arrived);
    assert_eq!(made.time, arrived + Span::from_hours(1) + time("c"));
    // 160 GB leave for here in one month, of which 100 GB are free.
    let delivered = made.transfers.iter().filter(|one| one.delivered_to.is_some());
    let sum: Usd = delivered.map(|one| one.cost).sum();
    assert!(sum > Usd::ZERO && sum <= "5.4".parse().unwrap(), "{sum}");
}

#[test]
fn a_gang_on_spot_is_lost_with_each_of_its_machines() {
    let of = |nodes: u32| {
        let text = format!(
            "name: g\nnum_nodes: {nodes}\nresources: {{cpus: 8+, use_spot: true}}\ntime: 3h\nrun: x\n"
        );
        Bed::new().plan(&text).unwrap().plan.tasks[0].choice.time
    };
    assert!(of(1) < of(4) && of(4) < of(16), "{} {} {}", of(1), of(4), of(16));
}

#[test]
fn a_gang_that_spot_would_never_let_end_is_told_so() {
    let text = "name: g\nnum_nodes: 16\nresources: {cpus: 8+, use_spot: true}\ntime: 20h\nrun: x\n";
    let Err(PlanFailure::NoOffer { explanation, .. }) = Bed::new().plan(text) else {
        panic!("it has a plan")
    };
    let told = |(reason, count): &(String, u32)| reason.contains("taken away too often") && *count > 0;
    assert!(explanation.removed.iter().any(told), "{:?}", explanation.removed);
}

#[test]
fn a_budget_compares_money_and_a_score_does_not_change_it() {
    let bed = Bed::new();
    let text = |score: &str, budget: &str| {
        format!(
            "name: s\nresources: {{cpus: 8+}}\ntime: 10h\nrun: x\n\
             policy: {{score: '{score}', budget: {budget} USD}}\n"
        )
    };
    let plain = bed.plan("name: s\nresources: {cpus: 8+}\ntime: 10h\nrun: x\n").unwrap().plan;
    let cheapest = plain.cost;
    // A score that makes everything look dear or cheap moves no limit.
    for score in ["100.0", "0.01"] {
        assert_eq!(bed.plan(&text(score, &cheapest.dollars().to_string())).unwrap().plan.cost, cheapest);
        let less = (cheapest.dollars() * 0.99).to_string();
        assert!(matches!(
            bed.plan(&text(score, &less)),
            Err(PlanFailure::Limits { .. } | PlanFailure::NoOffer { .. })
        ));
    }
    // One that favours the dear only goes as far as the budget does.
    let favour = format!("offer.provider == \"{}\" ? 1000.0 : 0.001", plain.tasks[0].choice.place.provider);
    let unlimited = bed.plan(&text(&favour, "1000000")).unwrap().plan;
    assert!(unlimited.cost > cheapest, "{}", unlimited.cost);
    let between = Usd::from_nanos((unlimited.cost.nanos() + cheapest.nanos()) / 2);
    let limited = bed.plan(&text(&favour, &between.dollars().to_string())).unwrap().plan;
    assert!(limited.cost <= between && limited.gap == Gap::Exact, "{}", limited.cost);
}
