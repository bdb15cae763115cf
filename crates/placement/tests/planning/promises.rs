//! Plans over the starter catalog: what the crate promises, seen from outside.

use crate::bed::{Bed, job};
use std::fmt::Write;
use welkin_catalog::{AlignedBytes, Catalog, starter};
use welkin_job::{Context, Infra};
use welkin_placement::{Front, Gap, Plan, PlanFailure, Planned, Verdict, front, plan, why_not};
use welkin_units::{Bytes, Span, Usd};

const CHAIN: &str = "
name: chain
tasks:
  prep: {resources: {cpus: 8+, memory: 32+}, outputs: {table: {size: 300 GB}}, time: 2h, run: x}
  train:
    inputs: {table: prep.table}
    outputs: {model: {size: 10 GB}}
    resources: {accelerators: {A100: 8}}
    time: 3h
    run: x
  infer: {inputs: {model: train.model}, resources: {accelerators: {T4: 1}}, time: 1h, run: x}
";

#[test]
fn the_founding_example_spans_three_clouds() {
    let text = "
name: sky
policy: {residency: [us, eu]}
tasks:
  clean:
    needs: {tee: [sev-snp, tdx]}
    resources: {cpus: 8+, memory: 32+}
    inputs: {raw: {uri: 'file://./raw', size: 200 GB}}
    outputs: {table: {size: 40 GB}}
    time: 30min
    run: x
  train:
    inputs: {table: clean.table}
    outputs: {model: {size: 2 GB}}
    resources: {accelerators: {tpu-v5e: 8, A100: 8}}
    time: {tpu-v5e:8: 3h, A100:8: 2h}
    run: x
  infer: {inputs: {model: train.model}, resources: {accelerators: {inferentia2: 1}}, time: 1h, run: x}
";
    let made = Bed::new().plan(text).unwrap().plan;
    let providers: Vec<&str> = made.tasks.iter().map(|task| task.choice.place.provider.as_str()).collect();
    assert_eq!(providers, ["azure", "gcp", "aws"]);
    assert_eq!(made.gap, Gap::Exact);
}

#[test]
fn a_plan_adds_up() {
    let made = Bed::new().plan(CHAIN).unwrap().plan;
    let machines: Usd = made.tasks.iter().map(|task| task.choice.cost).sum();
    let data: Usd = made.transfers.iter().map(|transfer| transfer.cost).sum();
    assert_eq!(made.cost, machines + data);
    assert_eq!(made.egress, data);
    for task in &made.tasks {
        assert_eq!((task.choice.plan_cost, task.choice.plan_time), (made.cost, made.time), "{}", task.task);
        assert!(task.choice.start + task.choice.time <= made.time);
    }
}

/// One input is free and the other is priced by a meter that two movements share: whether their times are part of
/// the task's own or not must not matter.
#[test]
fn inputs_from_outside_arrive_side_by_side() {
    let text = "tasks:\n  one:\n    resources: {cpus: 8+, memory: 32+, infra: aws/us-east-1}\n    time: 1h\n    run: x\n    \
                inputs: {a: {uri: 'gs://b/x', size: 50 GB, infra: gcp/us-central1}, b: {uri: 'file://./b', size: 25 GB}}\n";
    let made = Bed::new().plan(text).unwrap().plan;
    let last = made.transfers.iter().map(|transfer| transfer.time).max().unwrap();
    assert!(made.transfers.iter().all(|transfer| transfer.time > Span::ZERO));
    assert_eq!(made.tasks[0].choice.start, last);
    assert_eq!(made.tasks[0].choice.plan_time, made.time);
}

#[test]
fn alternatives_are_ranked_and_in_other_failure_domains() {
    let made = Bed::new().plan(CHAIN).unwrap().plan;
    for task in &made.tasks {
        let domain = |p: &welkin_placement::Placement| p.place.clone();
        let mut domains: Vec<_> =
            std::iter::once(&task.choice).chain(&task.alternatives).map(domain).collect();
        assert!(task.alternatives.iter().all(|other| other.plan_cost >= made.cost), "{}", task.task);
        assert!(task.alternatives.is_sorted_by_key(|other| other.plan_cost), "{}", task.task);
        let count = domains.len();
        domains.sort();
        domains.dedup();
        assert_eq!(domains.len(), count, "{}", task.task);
        assert!(count > 4, "{}: {count}", task.task);
    }
}

#[test]
fn alternatives_are_the_best_of_the_whole_plan_where_time_counts() {
    // The script that reads what `long` wrote decides when the job ends; `short` ends long before.
    let tasks = "tasks:\n  long: {resources: {cpus: 4+}, time: {reference: 20h, cpus: 4, exponent: 0.9}, run: x}\n  \
                 short: {resources: {cpus: 4+}, time: {reference: 1h, cpus: 4, exponent: 0.9}, run: x}\n";
    let with = |objective: &str| {
        let text = format!("name: weighed\nobjective: {objective}\n{tasks}");
        Bed::new().plan(&text).unwrap().plan
    };
    let weighed = with("{cost: 1, time: 1000}");
    let value = |one: &welkin_placement::Placement| one.plan_cost.dollars() + 1000.0 * one.plan_time.hours();
    for task in &weighed.tasks {
        assert!(task.alternatives.is_sorted_by(|a, b| value(a) <= value(b) + 1e-6), "{}", task.task);
    }
    // Machines that many dollars buy an hour with are among them, and not only the cheapest ones.
    let (long, cheap) = (&weighed.tasks[0].alternatives, &with("cost").tasks[0].alternatives);
    assert!(value(long.last().unwrap()) < value(&cheap[0]), "{:?} {:?}", long.last(), cheap[0]);
    // By time alone, a machine for `short` that changes nothing of when the job ends is chosen by its price.
    let quick = with("time");
    let short = &quick.tasks[1];
    assert!(short.alternatives.iter().all(|one| one.plan_time == quick.time), "{short:?}");
    assert!(short.alternatives.is_sorted_by_key(|one| one.plan_cost), "{short:?}");
}

#[test]
fn a_chain_that_moves_much_is_proven_best_while_quotas_are_free() {
    let mut text = "name: much\ntasks:\n".to_owned();
    let mut state = 7_u64;
    for task in 0..60_u64 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let needs = ["{cpus: 8+, memory: 32+}", "{accelerators: {T4: 1, L4: 1}}", "{cpus: 16+, memory: 64+}"];
        let input = if task > 0 { format!("inputs: {{x: t{}.out}}, ", task - 1) } else { String::new() };
        writeln!(
            text,
            "  t{task}: {{resources: {}, time: {}h, {input}outputs: {{out: {{size: {} GB}}}}, run: x}}",
            needs[usize::try_from(task % 3).unwrap()],
            1 + task % 4,
            1 + (state >> 33) % 2000
        )
        .unwrap();
    }
    let made = Bed::new().plan(&text).unwrap().plan;
    assert_eq!(made.gap, Gap::Exact);
}

#[test]
fn a_plan_is_the_same_twice_and_survives_its_file() {
    let bed = Bed::new();
    let first = bed.plan(CHAIN).unwrap().plan;
    assert_eq!(bed.plan(CHAIN).unwrap().plan.id, first.id);
    assert_eq!(Plan::read(first.to_json()).unwrap(), first);
    let edited = first.to_json().replacen("\"region\": \"", "\"region\": \"x", 1);
    assert!(Plan::read(&edited).unwrap_err().to_string().contains("was changed"));
}

#[test]
fn a_plan_that_contradicts_itself_is_refused_though_its_digest_fits() {
    type Edit = fn(&mut Plan);
    let edits: [(Edit, &str); 7] = [
        (|plan| plan.tasks[0].choice.hourly = "-1".parse().unwrap(), "negative price"),
        (|plan| plan.tasks[0].choice.nodes = 2, "wants 1 nodes"),
        (|plan| plan.job.tasks[1].name = "prep".to_owned(), "two of one name"),
        (|plan| plan.tasks.swap(0, 1), "not those of its job"),
        (|plan| plan.job.edges[0].to = 9, "not there"),
        (|plan| plan.job.edges.clear(), "has no edge"),
        (
            |plan| {
                plan.job.tasks[0].name = "../x".to_owned();
                plan.tasks[0].task = "../x".to_owned();
            },
            "not the name",
        ),
    ];
    let good = Bed::new().plan(CHAIN).unwrap().plan;
    for (edit, expected) in edits {
        let mut plan = good.clone();
        edit(&mut plan);
        let error = Plan::read(plan.sealed().to_json()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}, expected {expected}");
    }
}

#[test]
fn secrets_are_not_in_a_plan() {
    let text = "name: s\nsecrets: {TOKEN: hunter2}\nresources: {cpus: 2+}\nrun: x\n";
    let json = Bed::new().plan(text).unwrap().plan.to_json();
    assert!(!json.contains("hunter2") && json.contains("TOKEN"));
}

#[test]
fn quota_used_earlier_this_month_is_not_free_again() {
    let text = CHAIN.replace(
        "{resources: {cpus: 8+, memory: 32+},",
        "{resources: {cpus: 8+, memory: 32+, infra: azure/eastus},",
    );
    let text = text.replace("{A100: 8}}", "{A100: 8}, infra: aws/us-east-1}");
    let mut bed = Bed::new();
    let fresh = bed.plan(&text).unwrap().plan.egress;
    bed.sent.insert("azure.internet".to_owned(), Bytes::from_gb(100));
    let spent = bed.plan(&text).unwrap().plan.egress;
    // The first 100 GB of a month are free on that meter, and 8.7 cents a GB after.
    assert_eq!(spent - fresh, "8.7".parse().unwrap());
}

#[test]
fn limits_hold_or_say_what_is_possible() {
    let bed = Bed::new();
    let free = bed.plan(CHAIN).unwrap().plan;
    let with = |policy: &str| format!("{CHAIN}policy: {{{policy}}}\n");
    let Front { plans: points, complete, .. } = bed.with(&job(CHAIN), front).unwrap();
    assert!(!points.is_empty() && points[0].cost == free.cost, "complete: {complete}");
    assert!(points.windows(2).all(|pair| pair[0].cost < pair[1].cost && pair[0].time > pair[1].time));
    let fastest = points.last().unwrap();
    let deadline = fastest.time + Span::from_secs(60);
    let hurried = bed.plan(&with(&format!("deadline: {}s", deadline.millis() / 1000))).unwrap().plan;
    assert!(hurried.time <= deadline && hurried.cost >= free.cost);
    match bed.plan(&with("deadline: 10h, budget: 5 USD")) {
        Err(PlanFailure::NoOffer { relaxations, .. }) => {
            assert!(relaxations.iter().any(|set| set.drop == ["policy.budget"]));
        }
        Err(PlanFailure::Limits { cheapest: Some((_, cost)), .. }) => assert_eq!(cost, free.cost),
        other => panic!("{other:?}"),
    }
}

/// A deadline that a job does not have is nothing to relax.
#[test]
fn of_deadline_and_budget_only_what_the_job_has_is_to_be_relaxed() {
    let bed = Bed::new();
    let failure = bed.plan(&format!("{CHAIN}policy: {{budget: 0.000001 USD}}\n")).unwrap_err();
    let PlanFailure::NoOffer { relaxations, .. } = failure else { panic!("{failure:?}") };
    let dropped: Vec<&str> = relaxations.iter().flat_map(|set| set.drop.clone()).collect();
    assert!(dropped.contains(&"policy.budget") && !dropped.contains(&"policy.deadline"), "{dropped:?}");
}

/// Amounts beyond the range stopped at its end, and such a plan was called proven best.
#[test]
fn a_job_that_cannot_be_counted_is_refused_by_name() {
    let text = "
name: s
tasks:
  a: {num_nodes: 1100, resources: {accelerators: {H100: 8}}, time: 3650d, outputs: {o: {size: 300 GB}}, run: x}
  b: {num_nodes: 1100, resources: {accelerators: {H100: 8}}, time: 3650d, inputs: {o: a.o}, run: x}
";
    let failure = Bed::new().plan(text).unwrap_err();
    assert!(
        matches!(&failure, PlanFailure::OutOfRange { task, .. } if task == "a" || task == "b"),
        "{failure}"
    );
    let words = failure.to_string();
    assert!(words.contains("cost could pass 1.15 billion dollars"), "{words}");
}

/// Two data edges share a quota: the labels of the front priced each by itself, and so it showed plans that
/// the plan for the same deadline beats many times over.
#[test]
fn a_front_with_shared_quotas_starts_at_the_plan_and_is_never_dearer_than_it() {
    let text = "
name: quotas
tasks:
  a: {resources: {cpus: 8+, memory: 32+}, outputs: {o: {size: 90 GB}}, time: 1h, run: x}
  b: {resources: {accelerators: {T4: 1, L4: 1}}, inputs: {o: a.o}, outputs: {o: {size: 90 GB}}, time: 1h, run: x}
  c: {resources: {cpus: 16+}, inputs: {o: b.o}, time: 1h, run: x}
";
    let bed = Bed::new();
    let best = bed.plan(text).unwrap().plan;
    let found = bed.with(&job(text), front).unwrap();
    assert_eq!(found.plans[0].cost, best.cost);
    for pair in found.plans.windows(2) {
        assert!(pair[0].cost < pair[1].cost && pair[0].time > pair[1].time);
    }
    for point in found.plans.iter().take(2) {
        let mut job = job(text);
        job.policy.deadline = Some(point.time);
        assert_eq!(bed.with(&job, plan).unwrap().plan.cost, point.cost, "{}", point.time);
    }
}

#[test]
fn ordered_options_come_first_and_fall_back() {
    let text = "name: o\nresources: {ordered: [{infra: gcp, cpus: 4}, {infra: aws, cpus: 4}]}\nrun: x\n";
    let made = Bed::new().plan(text).unwrap().plan;
    let task = &made.tasks[0];
    assert_eq!(task.choice.place.provider, "gcp");
    let providers: Vec<&str> = task.alternatives.iter().map(|other| other.place.provider.as_str()).collect();
    let switch = providers.iter().position(|provider| *provider == "aws");
    assert!(providers[..switch.unwrap_or(providers.len())].iter().all(|provider| *provider == "gcp"));
}

#[test]
fn ordinary_work_does_not_land_on_a_tpu() {
    let text = "name: c\nobjective: time\nresources: {cpus: 96+}\ntime: {reference: 10h, cpus: 8, exponent: 1.0}\nrun: x\n";
    let made = Bed::new().plan(text).unwrap().plan;
    let all = std::iter::once(&made.tasks[0].choice).chain(&made.tasks[0].alternatives);
    for placement in all {
        assert!(placement.node.accelerator.as_ref().is_none_or(|(name, _)| !name.starts_with("tpu")));
    }
}

#[test]
fn conditions_in_cel_hold() {
    let text = "name: c\nresources: {cpus: 4+}\npolicy: {where: 'offer.memory_gib / offer.vcpus >= 8.0 && offer.provider != \"gcp\"'}\nrun: x\n";
    let Planned { plan: made, explanation } = Bed::new().plan(text).unwrap();
    let node = &made.tasks[0].choice.node;
    assert!(node.memory.get() / u64::from(node.vcpus_milli) >= 8 * (1 << 30) / 1000);
    assert!(explanation.tasks[0].removed.iter().any(|(condition, count)| condition == "where" && *count > 0));
    for broken in ["offer.", "1 + 1", "nobody.home", &"(".repeat(200)] {
        let text = format!("name: c\nresources: {{cpus: 4+}}\npolicy: {{where: '{broken}'}}\nrun: x\n");
        let job = welkin_job::parse(&text, &Context::new("test.yaml")).unwrap().job;
        assert!(matches!(Bed::new().with(&job, plan), Err(PlanFailure::Expression(_))), "{broken}");
    }
}

#[test]
fn an_expression_that_walks_lists_in_lists_is_refused_before_it_is_evaluated() {
    let ten = "[0,1,2,3,4,5,6,7,8,9]";
    let nested = format!("{ten}.all(a, {ten}.all(b, {ten}.all(c, {ten}.all(d, a + b + c + d >= 0))))");
    let text = format!("name: c\nresources: {{cpus: 4+}}\npolicy: {{where: '{nested}'}}\nrun: x\n");
    let failure = Bed::new().plan(&text).unwrap_err().to_string();
    assert!(failure.contains("steps for one offer, and at most 5000 are allowed"), "{failure}");
}

#[test]
fn an_impossible_task_names_the_smallest_relaxation() {
    let text = "name: i\nneeds: {tee: [sgx]}\nresources: {accelerators: 'tpu-v5e:8'}\nrun: x\n";
    let Err(PlanFailure::NoOffer { task, explanation, relaxations }) = Bed::new().plan(text) else {
        panic!("there is no TPU with SGX")
    };
    assert_eq!(task, "i");
    let lost: u32 = explanation.removed.iter().map(|(_, count)| count).sum();
    assert_eq!(lost, explanation.considered);
    let dropped: Vec<_> = relaxations.iter().map(|set| set.drop.clone()).collect();
    assert!(dropped.contains(&vec!["needs.tee"]) && dropped.iter().all(|set| set.len() == 1), "{dropped:?}");
}

#[test]
fn why_a_place_lost() {
    let bed = Bed::new();
    let place = |text: &str| {
        let mut parts = text.split('/').map(str::to_owned);
        Infra { provider: parts.next(), region: parts.next(), zone: None }
    };
    let ask = |text: &str| bed.with(&job(CHAIN), |request| why_not(request, &place(text))).unwrap();
    let best = bed.plan(CHAIN).unwrap().plan;
    for verdict in ask("azure/westeurope") {
        match verdict.verdict {
            Verdict::Worse { cost, .. } => assert!(cost >= best.cost),
            Verdict::Removed(conditions) => assert!(!conditions.is_empty()),
            other => panic!("{other:?}"),
        }
    }
    assert!(ask("nimbus/x").iter().all(|answer| answer.verdict == Verdict::Unknown));
}

/// The plan of one task on AWS with an input of 10 TB.
fn with_input(input: &str) -> Plan {
    let text = format!(
        "name: i\nresources: {{infra: aws/us-east-1, instance_type: m6i.2xlarge}}\ninputs: {{raw: {input}}}\ntime: 1h\n\
         run: x\n"
    );
    Bed::new().plan(&text).unwrap().plan
}

#[test]
fn an_input_costs_the_same_however_its_place_is_spelt() {
    let at = |uri: &str| with_input(&format!("{{uri: '{uri}', size: 10 TB}}")).egress;
    for group in [
        ["gs://b/x", "GS://b/x", "https://storage.googleapis.com/b/x", "https://b.storage.googleapis.com/x"],
        [
            "az://acct/c/x",
            "azblob://acct/c/x",
            "https://acct.blob.core.windows.net/c/x",
            "abfss://c@acct.dfs.core.windows.net/x",
        ],
        ["r2://b/x", "file:///x", "https://acct.r2.cloudflarestorage.com/b/x", "https://example.org/x"],
    ] {
        let costs: Vec<Usd> = group.iter().map(|uri| at(uri)).collect();
        assert!(costs.iter().all(|cost| *cost == costs[0]), "{group:?} {costs:?}");
    }
    assert!(at("https://acct.blob.core.windows.net/c/x") > Usd::ZERO);
    assert_eq!(at("r2://b/x"), Usd::ZERO);
    // The region that an address or a file states counts, in any case and as a pattern for one.
    let placed = |place: &str| with_input(&format!("{{uri: 's3://b/x', size: 10 TB, infra: {place}}}"));
    assert_eq!(placed("aws/us-east-1").egress, Usd::ZERO);
    for place in ["AWS/US-EAST-1", "aws/us-east-1*", "'*/us-east-1'"] {
        let made = placed(place);
        let of_input = made.assumptions.iter().filter(|note| note.contains("s3://")).count();
        assert_eq!((made.egress, of_input), (Usd::ZERO, 0), "{place} {:?}", made.assumptions);
    }
    assert_eq!(at("https://b.s3.us-east-1.amazonaws.com/x"), Usd::ZERO);
    assert!(at("https://b.s3.eu-west-1.amazonaws.com/x") > Usd::ZERO);
}

#[test]
fn what_is_not_known_of_a_place_is_an_assumption() {
    let said = |input: &str| with_input(input).assumptions.join("; ");
    for (input, words) in [
        ("{uri: 's4://b/x', size: 1 TB}", "did you mean `s3://`?"),
        ("{uri: 'zarr://b/x', size: 1 TB}", "`zarr://` is not a store that is known"),
        ("{uri: 's3://b/x', size: 1 TB, infra: aws/us-esat-1}", "did you mean `us-east-1`?"),
        ("{uri: 's3://b/x', size: 1 TB, infra: 'aws/us-*'}", "stands for"),
        (
            "{uri: 'gs://b/x', size: 1 TB, infra: azure/eastus}",
            "names a store of gcp, and `infra` says azure",
        ),
        ("{uri: 'nebius://b/x', size: 1 TB}", "lies at nebius, whose tariff is not known"),
    ] {
        let said = said(input);
        assert!(said.contains(words), "{input}: {said}");
    }
    let text = "name: o\nresources: {cpus: 2}\noutputs: {m: {uri: 'gss://b/x'}}\ntime: 1h\nrun: x\n";
    let said = Bed::new().plan(text).unwrap().plan.assumptions.join("; ");
    assert!(said.contains("did you mean `gs://`?"), "{said}");
}

#[test]
fn a_name_that_nothing_has_is_told_with_what_was_meant() {
    let remarks = |text: &str| match Bed::new().plan(&format!("name: n\n{text}\nrun: x\n")) {
        Ok(planned) => planned.plan.assumptions.join("; "),
        Err(PlanFailure::NoOffer { explanation, .. }) => explanation.unknown.join("; "),
        Err(other) => panic!("{other}"),
    };
    for (text, words) in [
        ("resources: {infra: aws/us-esat-1}", "no region `us-esat-1` of aws (did you mean `us-east-1`?)"),
        ("resources: {infra: aws/us-east-1/us-east-1q}", "no zone `us-east-1q` of aws"),
        ("resources: {infra: azure/eastus/eastus-1}", "azure/eastus is sold by region: leave out the zone"),
        ("resources: {infra: nebius}", "no provider `nebius`"),
        ("resources: {accelerators: A1000}", "no accelerator `A1000` (did you mean `A100`?)"),
        ("resources: {accelerators: 'NVIDA:80GB+'}", "(did you mean `nvidia`?)"),
        ("resources: {instance_type: m5.lrage}", "no instance type `m5.lrage` (did you mean `m5.large`?)"),
        ("policy: {certs: [iso27002]}", "(did you mean `iso27001`?)"),
        ("policy: {residency: [germany]}", "no jurisdiction or country `germany` (did you mean `de`?)"),
        // One option of two.
        ("resources: {any_of: [{infra: aws/us-esat-1}, {infra: gcp}]}", "did you mean `us-east-1`?"),
        ("resources: {accelerators: T4}\ntime: {T4:1: 1h, A1000:1: 1h}", "did you mean `A100`?"),
    ] {
        let said = remarks(text);
        assert!(said.contains(words), "{text}: {said}");
    }
    assert!(!remarks("policy: {residency: [eea]}").contains("jurisdiction"));
}

#[test]
fn the_economic_area_has_the_members_of_the_union() {
    let made =
        Bed::new().plan("name: e\npolicy: {residency: [eea]}\nresources: {cpus: 2+}\nrun: x\n").unwrap();
    assert!(made.explanation.tasks[0].feasible > 0);
}

#[test]
fn a_hint_counts_offers_once_whatever_their_markets_and_options() {
    let text = "name: h\nresources: {any_of: [{instance_type: m5.large, infra: aws/us-east-1}, {instance_type: m5.large, infra: aws}]}\npolicy: {max_hourly_cost: 0.01}\nrun: x\n";
    let Err(PlanFailure::NoOffer { relaxations, .. }) = Bed::new().plan(text) else { panic!("it is dearer") };
    let catalog_bytes = AlignedBytes::copy_from(&starter::catalog_bytes());
    let catalog = Catalog::open(catalog_bytes.as_bytes()).unwrap();
    let ordinary = |id| !catalog.restricted(id);
    let offers = catalog
        .offers()
        .filter(|offer| offer.instance_type == "m5.large" && ordinary(offer.place_id))
        .count();
    let dropped = relaxations.iter().find(|set| set.drop == ["max_hourly_cost"]).unwrap();
    assert_eq!(dropped.leaves, offers);
}

#[test]
fn why_not_names_the_policy_that_denies_a_provider() {
    let ask = |text: &str, place: &str| {
        let mut parts = place.split('/').map(str::to_owned);
        let place = Infra { provider: parts.next(), region: parts.next(), zone: None };
        let answers = Bed::new().with(&job(text), |request| why_not(request, &place)).unwrap();
        answers.into_iter().next().unwrap().verdict
    };
    let one = |policy: &str| format!("name: w\nresources: {{cpus: 4+}}\n{policy}\nrun: x\n");
    for (text, place, condition) in [
        (one("policy: {deny_providers: [azure]}"), "azure/eastus", "provider denied by the policy"),
        (one("policy: {allow_providers: [azure]}"), "aws/us-east-1", "provider not allowed by the policy"),
        (one("policy: {residency: [eu]}"), "azure/eastus", "residency"),
        ("name: w\nresources: {cpus: 4+, infra: gcp}\nrun: x\n".to_owned(), "azure/eastus", "provider"),
    ] {
        match ask(&text, place) {
            Verdict::Removed(conditions) => {
                assert!(conditions.iter().any(|(name, _)| name == condition), "{place}: {conditions:?}");
            }
            other => panic!("{text} {place}: {other:?}"),
        }
    }
}

/// Machine type, vCPUs, GiB, and how much of a word the plan has for the machine.
fn machine(resources: &str) -> (String, u64, u64, Plan) {
    let plan = Bed::new().plan(&format!("resources: {{{resources}}}\ntime: 1h\nrun: x\n")).unwrap().plan;
    let node = plan.tasks[0].choice.node.clone();
    (node.instance_type, u64::from(node.vcpus_milli) / 1000, node.memory.get() >> 30, plan)
}

#[test]
fn what_is_left_open_of_a_machine_is_what_skypilot_takes() {
    for (resources, vcpus, gib) in [("", 8, 32), ("cpus: 2+", 2, 8), ("cpus: 2", 2, 8), ("cpus: 16+", 16, 64)]
    {
        let (name, has, memory, plan) = machine(resources);
        assert!(has >= vcpus && memory >= gib && memory >= 4 * has, "{resources}: {name} {has} {memory}");
        assert_eq!(plan.remarks, Vec::<String>::new(), "{resources}: {name} is neither ARM nor burstable");
        assert!(plan.assumptions[0].contains("4 GiB or more for each vCPU"), "{:?}", plan.assumptions);
    }
    let (name, has, memory, plan) = machine("cpus: 2+, memory: 16x");
    assert!(memory >= 16 * has, "{name} {has} {memory}");
    assert!(!plan.assumptions[0].contains("GiB"), "{:?}", plan.assumptions);
}

#[test]
fn a_machine_that_is_arm_or_burstable_is_taken_when_asked_for_and_named() {
    let (name, _, memory, plan) = machine("cpus: 1+, memory: 0.5+, arch: any, burstable: true");
    assert!(memory < 4, "{name}");
    assert!(plan.remarks.iter().any(|word| word.contains("is burstable")), "{name} {:?}", plan.remarks);
    assert_eq!(plan.assumptions, Vec::<String>::new());
    let (.., plan) = machine("instance_type: m7g.large");
    assert!(plan.remarks[0].contains("m7g.large has ARM processors"), "{:?}", plan.remarks);
    let (name, .., plan) = machine("cpus: 2+, arch: arm64");
    assert_eq!(plan.remarks, Vec::<String>::new(), "{name} was asked for");
    assert!(!plan.assumptions[0].contains("x86-64"), "{:?}", plan.assumptions);
}

#[test]
fn skypilots_word_for_the_host_of_a_tpu_is_no_machine_type() {
    let (named, .., plan) = machine("accelerators: tpu-v5litepod-8, instance_type: TPU-VM");
    let (bare, .., other) = machine("accelerators: tpu-v5litepod-8");
    assert_eq!((named, plan.cost), (bare, other.cost));
    let alone = Bed::new().plan("resources: {instance_type: TPU-VM}\nrun: x\n");
    assert!(alone.is_err(), "a TPU's host without its TPU");
}

#[test]
fn what_holds_of_many_tasks_is_said_in_one_short_sentence() {
    let task =
        |number: usize, time: &str| format!("  t{number}: {{resources: {{cpus: 2+}}, {time}run: x}}\n");
    let job = |untimed: usize, timed: usize| {
        let tasks = (0..untimed).map(|number| task(number, ""));
        let tasks = tasks.chain((untimed..untimed + timed).map(|number| task(number, "time: 1h, ")));
        format!("name: many\ntasks:\n{}", tasks.collect::<String>())
    };
    let bed = Bed::new();
    for (text, said) in [
        (job(40, 0), "all 40 tasks: no time stated"),
        (job(40, 1), "t0, t1, t2, t3, t4 and 35 more: no time stated"),
        (job(3, 0), "t0, t1, t2: no time stated"),
    ] {
        let assumptions = bed.plan(&text).unwrap().plan.assumptions;
        assert!(assumptions.iter().any(|assumption| assumption.starts_with(said)), "{assumptions:?}");
    }
}

#[test]
fn assessing_alternatives_reads_each_tasks_own_deliveries() {
    // Each delivery counts for its own task alone, in the plan and for each alternative.
    let text = |uri: &str| {
        format!(
            "name: two\ntasks:\n  a: {{resources: {{cpus: 2+}}, time: 1h, outputs: {{o: {{size: 1 TB{uri}}}}}, run: x}}\n  \
             b: {{resources: {{cpus: 2+}}, time: 1h, run: x}}\n"
        )
    };
    let bed = Bed::new();
    let plain = bed.plan(&text("")).unwrap().plan;
    let delivered = bed.plan(&text(", uri: 'file:///r'")).unwrap().plan;
    let transfer = delivered.transfers.iter().find(|transfer| transfer.delivered_to.is_some()).unwrap();
    assert_eq!(delivered.time, plain.time + transfer.time);
    let other = &delivered.tasks[1].alternatives;
    assert!(!other.is_empty() && other.iter().all(|other| other.plan_time >= delivered.time));
}
