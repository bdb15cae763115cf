//! How long plans take, in process: one task, a 100-task chain, a 20-task general graph.
//!
//! `cargo bench -p welkin-placement --bench planning -- FOLDER` where FOLDER holds price lists as
//! `PROVIDER/vms.csv`; without it the starter catalog is used. `only=WORDS` measures the cases whose name has
//! these words, `effort=N` searches N times as long, `rounds=N` measures so often. Prints one JSON line a
//! case: the median and the least CPU time over the rounds, after one warm-up. Of deadlines it goes through 20,
//! from the fastest plan to the time of the cheapest, and counts those at which a looser one is dearer.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program for a terminal")]

use rustix::time::{ClockId, clock_gettime};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use welkin_catalog::import::{Origin, import};
use welkin_catalog::tables::Tables;
use welkin_catalog::{AlignedBytes, Catalog, CatalogBuilder, starter};
use welkin_job::{Context, Job, Objective};
use welkin_placement::{Front, Gap, Request, front, plan};
use welkin_route::{Rates, TariffId, Tariffs};
use welkin_units::{Bytes, Span, Usd};

/// Steps from the tightest deadline to the loosest.
const DEADLINES: u64 = 20;

fn main() {
    let said = |name: &str| std::env::args().find_map(|word| word.strip_prefix(name).map(str::to_owned));
    let folder = std::env::args().skip(1).find(|word| !word.starts_with("--") && !word.contains('='));
    let only = said("only=").unwrap_or_default();
    let effort = said("effort=").map_or(1, |times| times.parse().unwrap());
    let rounds = said("rounds=").map_or(9, |times| times.parse().unwrap());
    let bytes =
        AlignedBytes::copy_from(&folder.map_or_else(starter::catalog_bytes, |folder| imported(&folder)));
    let catalog = Catalog::open(bytes.as_bytes()).unwrap();
    let (tariffs, rates) = (Tariffs::builtin(), Rates::builtin());
    for (name, text) in cases().into_iter().filter(|(name, _)| name.contains(&only)) {
        let job = parse(&text);
        // A month whose free quotas are spent is the usual case of an account in use.
        let sent = |spent: bool| -> BTreeMap<String, Bytes> {
            let ids = (0..tariffs.len()).filter(|_| spent).map(|id| TariffId(u16::try_from(id).unwrap()));
            ids.map(|id| (tariffs.get(id).meter().to_owned(), Bytes::from_gb(1024))).collect()
        };
        let months: &[bool] = if name.starts_with("one task") { &[false] } else { &[true, false] };
        for &spent in months {
            measure(
                &name,
                spent,
                &Case {
                    job: &job,
                    catalog: &catalog,
                    tariffs: &tariffs,
                    rates: &rates,
                    sent: &sent(spent),
                    effort,
                    rounds,
                },
            );
        }
    }
}

struct Case<'a> {
    job: &'a Job,
    catalog: &'a Catalog<'a>,
    tariffs: &'a Tariffs,
    rates: &'a Rates,
    sent: &'a BTreeMap<String, Bytes>,
    effort: u32,
    rounds: usize,
}

fn measure(name: &str, spent: bool, case: &Case<'_>) {
    if name.starts_with("deadlines") {
        return deadlines(name, spent, case);
    }
    let request = case.request(case.job);
    let mut millis = Vec::new();
    let mut answer = String::new();
    for round in 0..=case.rounds {
        let start = cpu_ms();
        answer = answered(name, &request);
        if round > 0 {
            millis.push(cpu_ms() - start);
        }
    }
    report(name, spent, case, millis, &answer);
}

fn answered(name: &str, request: &Request<'_>) -> String {
    if name.starts_with("front") {
        let Front { plans, complete, .. } = front(request).unwrap();
        return format!("{} points, complete {complete}", plans.len());
    }
    let made = plan(request).unwrap().plan;
    let gap = match made.gap {
        Gap::Exact => "exact".to_owned(),
        Gap::AtMost { fraction } => format!("gap {:.4} %", fraction * 100.0),
    };
    format!("{} (data {}), {}, {gap}", made.cost, made.egress, made.time)
}

fn deadlines(name: &str, spent: bool, case: &Case<'_>) {
    let with = |deadline: Option<Span>, objective: Objective| {
        let mut job = case.job.clone();
        job.objective = objective;
        job.policy.deadline = deadline;
        job.tasks.iter_mut().for_each(|task| task.policy.deadline = deadline);
        plan(&case.request(&job)).unwrap().plan
    };
    let (fastest, cheapest) = (with(None, Objective::Time).time, with(None, Objective::Cost).time);
    let width = cheapest.saturating_sub(fastest).millis();
    let (mut millis, mut costs, mut gaps, mut exact) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for step in 0..=DEADLINES {
        let deadline = fastest + Span::from_millis(width * step / DEADLINES);
        let start = cpu_ms();
        let made = with(Some(deadline), Objective::Cost);
        millis.push(cpu_ms() - start);
        assert!(made.time <= deadline);
        costs.push(made.cost);
        match made.gap {
            Gap::Exact => exact += 1,
            Gap::AtMost { fraction } => gaps.push(fraction),
        }
    }
    let dearer = costs.windows(2).filter(|pair| pair[1] > pair[0]).count();
    let (most, sum) = (gaps.iter().copied().fold(0.0, f64::max), gaps.iter().sum::<f64>());
    let slowest = millis.iter().copied().fold(0.0, f64::max);
    let total: Usd = costs.iter().copied().sum();
    let answer = format!(
        "{} dearer when looser, {exact} exact, gap at most {:.2} %, on average {:.2} %, slowest {slowest:.0} ms, sum {total}",
        dearer,
        most * 100.0,
        sum * 100.0 / costs.len() as f64
    );
    report(name, spent, case, millis, &answer);
}

impl Case<'_> {
    fn request<'r>(&'r self, job: &'r Job) -> Request<'r> {
        Request {
            job,
            catalog: self.catalog,
            tables: Tables::embedded(),
            tariffs: self.tariffs,
            rates: self.rates,
            providers: &[],
            month_to_date: self.sent,
            blocked: &[],
            effort: self.effort,
        }
    }
}

fn report(name: &str, spent: bool, case: &Case<'_>, mut millis: Vec<f64>, answer: &str) {
    millis.sort_by(f64::total_cmp);
    println!(
        r#"{{"case": "{name}", "quotas": "{}", "offers": {}, "cpu_ms_median": {:.2}, "cpu_ms_min": {:.2}, "answer": "{answer}"}}"#,
        if spent { "spent" } else { "free" },
        case.catalog.len(),
        millis[millis.len() / 2],
        millis[0],
    );
}

fn cpu_ms() -> f64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a short program")]
    let seconds = now.tv_sec as f64 + now.tv_nsec as f64 / 1e9;
    seconds * 1e3
}

fn imported(folder: &str) -> Vec<u8> {
    let mut builder = CatalogBuilder::new();
    for provider in ["aws", "azure", "gcp", "lambda", "vast"] {
        let Ok(bytes) = std::fs::read(format!("{folder}/{provider}/vms.csv")) else { continue };
        let origin = Origin { provider, file: "vms.csv", as_of: "2026-05-20" };
        for row in import(&bytes, &origin, Tables::embedded()).unwrap().rows {
            builder.push(&row).unwrap();
        }
    }
    builder.finish()
}

fn parse(text: &str) -> Job {
    welkin_job::parse(text, &Context::new("bench.yaml")).unwrap_or_else(|errors| panic!("{errors:?}")).job
}

fn cases() -> Vec<(String, String)> {
    let one = |resources: &str| format!("resources: {{{resources}}}\nrun: x\n");
    let mut cases = vec![
        ("one task, A100:8".to_owned(), one("accelerators: A100:8")),
        ("one task, cpus 8+, memory 32+".to_owned(), one("cpus: 8+, memory: 32+")),
        (
            "one task, any of four GPUs, spot".to_owned(),
            one("accelerators: {A100: 1, A100-80GB: 1, H100: 1, L4: 1}, use_spot: true"),
        ),
    ];
    let sizes = |seed: u64| {
        let mut state = seed;
        move |most: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % most + 1
        }
    };
    for (label, most_gb) in [("small data", 20), ("large data", 2000)] {
        cases.push((
            format!("chain of 100, {label}"),
            graph(100, |to| vec![to - 1], &mut sizes(7), most_gb, ""),
        ));
        let mut parents = random_parents(11, sizes);
        cases.push((format!("graph of 20, {label}"), graph(20, &mut parents, &mut sizes(3), most_gb, "")));
    }
    let deadline = "objective: cost\npolicy: {deadline: 20h}\n";
    cases.push((
        "chain of 10, deadline".to_owned(),
        graph(10, |to| vec![to - 1], &mut sizes(5), 300, deadline),
    ));
    cases.push(("front of a chain of 5".to_owned(), graph(5, |to| vec![to - 1], &mut sizes(9), 300, "")));
    for count in [3, 4, 6, 8, 10] {
        let mut parents = random_parents(13, sizes);
        cases.push((
            format!("front of a graph of {count}"),
            graph(count, &mut parents, &mut sizes(17), 90, ""),
        ));
    }
    for (count, most_gb) in [(20, 90), (30, 90), (20, 600), (30, 600)] {
        let mut parents = random_parents(19, sizes);
        let text = graph(count, &mut parents, &mut sizes(23), most_gb, "");
        cases.push((format!("deadlines of a graph of {count}, up to {most_gb} GB"), text));
    }
    cases
}

/// Each task needs the output of a fifth of those before it, and of one at least.
fn random_parents<R: FnMut(u64) -> u64>(
    seed: u64,
    sizes: impl Fn(u64) -> R,
) -> impl FnMut(usize) -> Vec<usize> {
    let mut random = sizes(seed);
    move |to| {
        let mut all: Vec<usize> = (0..to).filter(|_| random(5) <= 1).collect();
        if all.is_empty() {
            all.push(to - 1);
        }
        all
    }
}

/// A job whose tasks cycle through four kinds of need.
fn graph(
    count: usize,
    mut parents: impl FnMut(usize) -> Vec<usize>,
    sizes: &mut impl FnMut(u64) -> u64,
    most_gb: u64,
    head: &str,
) -> String {
    const NEEDS: [(&str, &str); 4] = [
        ("{cpus: 8+, memory: 32+}", "{reference: 2h, cpus: 8, exponent: 0.7}"),
        ("{accelerators: {A100: 8, H100: 8}}", "{A100:8: 3h, H100:8: 2h}"),
        ("{accelerators: {T4: 1, L4: 1}}", "{T4:1: 4h, L4:1: 2h}"),
        ("{cpus: 16+, memory: 64+}", "{reference: 1h, cpus: 16, exponent: 0.9}"),
    ];
    let mut text = format!("name: bench\n{head}tasks:\n");
    for task in 0..count {
        let (resources, time) = NEEDS[task % NEEDS.len()];
        let inputs: Vec<String> = if task == 0 {
            vec!["raw: {uri: \"gs://bucket/raw\", size: 500 GB}".to_owned()]
        } else {
            parents(task).iter().map(|from| format!("from{from}: t{from}.out")).collect()
        };
        let size = sizes(most_gb);
        writeln!(
            text,
            "  t{task}: {{resources: {resources}, time: {time}, inputs: {{{}}}, outputs: {{out: {{size: {size} GB}}}}, run: x}}",
            inputs.join(", ")
        )
        .unwrap();
    }
    text
}
