//! What whole plans come to, change by change, against the plan added up anew.

use super::whole::{Outcome, Whole};
use super::{all_candidates, detour};
use crate::candidates::Candidate;
use crate::model::{FlowSource, Model, flows};
use crate::request::Request;
use std::collections::BTreeMap;
use std::fmt::Write;
use welkin_catalog::tables::Tables;
use welkin_catalog::{AlignedBytes, Catalog, starter};
use welkin_job::{Context, TaskDag};
use welkin_route::{Rates, TariffId, Tariffs};
use welkin_units::{Bytes, Span, Usd};

/// Numbers from a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most
    }
}

/// Tasks of three needs that read from others, from buckets and wait for others, and deliver some outputs.
fn job(random: &mut Random) -> String {
    const NEEDS: [&str; 3] = ["{cpus: 8+}", "{accelerators: {T4: 1, L4: 1}}", "{cpus: 4+, use_spot: true}"];
    const BUCKETS: [&str; 3] = ["gs://pail/x", "s3://pail/x", "az://account/pail"];
    let mut text = "name: random\ntasks:\n".to_owned();
    for task in 0..2 + random.below(9) {
        let mut inputs: Vec<String> =
            (0..task).filter(|_| random.below(4) == 0).map(|from| format!("i{from}: t{from}.out")).collect();
        if random.below(3) == 0 {
            inputs.push(format!(
                "raw: {{uri: \"{}\", size: {} GB}}",
                BUCKETS[random.below(3)],
                random.below(400)
            ));
        }
        let after = if task > 0 && random.below(3) == 0 {
            format!("after: t{}, ", random.below(task))
        } else {
            String::new()
        };
        let deliver = if random.below(4) == 0 {
            format!(", uri: \"{}\"", BUCKETS[random.below(3)])
        } else {
            String::new()
        };
        writeln!(
            text,
            "  t{task}: {{resources: {}, time: {}min, {after}inputs: {{{}}}, outputs: {{out: {{size: {} GB{deliver}}}}}, run: x}}",
            NEEDS[random.below(3)],
            1 + random.below(200),
            inputs.join(", "),
            random.below(150),
        )
        .unwrap();
    }
    text
}

/// The plan of these candidates, added up from nothing.
fn anew(request: &Request<'_>, model: &Model<'_>, chosen: &[&Candidate]) -> Outcome {
    let places: Vec<u16> = chosen.iter().map(|candidate| model.place_of(request, candidate)).collect();
    let transfers = model.transfers(&places);
    let data: Usd = model.network.data_costs(&transfers).into_iter().sum();
    let dag = TaskDag::new(request.job).unwrap();
    let mut finish = vec![Span::ZERO; chosen.len()];
    for &task in dag.order() {
        let mut ready = dag.predecessors(task).iter().map(|before| finish[*before]).max().unwrap_or_default();
        let into =
            model.flows.iter().zip(&transfers).filter(|(flow, _)| flow.to == task && flow.delivery.is_none());
        for (flow, (from, to, bytes)) in into {
            let sent = match &flow.from {
                FlowSource::Task { task, .. } => finish[*task],
                FlowSource::Outside(_) => Span::ZERO,
            };
            ready = ready.max(sent + model.network.time(*from, *to, *bytes));
        }
        finish[task] = ready + chosen[task].time + model.delivery_time(task, places[task]);
    }
    Outcome {
        cost: chosen.iter().map(|candidate| candidate.cost).sum::<Usd>() + data,
        scored: chosen.iter().map(|candidate| candidate.scored).sum::<Usd>() + data,
        time: finish.into_iter().max().unwrap_or_default(),
    }
}

#[test]
fn a_changed_plan_comes_to_what_it_comes_to_added_up_anew() {
    let bytes = AlignedBytes::copy_from(&starter::catalog_bytes());
    let catalog = Catalog::open(bytes.as_bytes()).unwrap();
    let (tariffs, rates) = (Tariffs::builtin(), Rates::builtin());
    let mut compared = 0;
    for seed in 0..60 {
        let mut random = Random(seed);
        let text = job(&mut random);
        let job = welkin_job::parse(&text, &Context::new("random.yaml"))
            .unwrap_or_else(|why| panic!("{why:?}"))
            .job;
        // Some months have begun: then transfers begin in the midst of free quotas and tiers.
        let ids = (0..tariffs.len()).filter(|_| seed % 2 == 0).map(|id| TariffId(u16::try_from(id).unwrap()));
        let sent = ids
            .map(|id| (tariffs.get(id).meter().to_owned(), Bytes::from_gb(20 * (1 + u64::from(id.0) % 7))));
        let month_to_date: BTreeMap<String, Bytes> = sent.collect();
        let request = Request {
            job: &job,
            catalog: &catalog,
            tables: Tables::embedded(),
            tariffs: &tariffs,
            rates: &rates,
            providers: &[],
            month_to_date: &month_to_date,
            blocked: &[],
            effort: 1,
        };
        let found = all_candidates(&request).unwrap();
        let flows = flows(&request);
        let model = Model::new(&request, &found, &flows);
        let chosen: Vec<&Candidate> =
            found.iter().map(|found| &found.list[random.below(found.list.len())]).collect();
        let whole = Whole::new(&request, &model, &chosen);
        assert_eq!(whole.outcome(), anew(&request, &model, &chosen), "{text}");
        for task in 0..chosen.len() {
            let place = |candidate: &Candidate| model.place_of(&request, candidate);
            let there = whole.places(task, chosen[task], found[task].list.iter().map(place));
            for candidate in found[task].list.iter().step_by(1 + found[task].list.len() / 40) {
                let mut changed = chosen.clone();
                changed[task] = candidate;
                let quick = there[usize::from(place(candidate))].unwrap().with(candidate);
                assert_eq!(quick, anew(&request, &model, &changed), "task {task} of seed {seed}:\n{text}");
                compared += 1;
            }
        }
    }
    assert!(compared > 5_000, "{compared}");
}

#[test]
fn paths_around_each_task_are_as_long_as_walked() {
    for seed in 0..300 {
        let mut random = Random(seed);
        let count = 1 + random.below(12);
        let seconds = |random: &mut Random| Span::from_secs(random.below(30) as u64);
        let own: Vec<Span> = (0..count).map(|_| seconds(&mut random)).collect();
        let mut steps = Vec::new();
        for to in 0..count {
            for from in 0..to {
                if random.below(3) == 0 {
                    steps.push((from, to, seconds(&mut random)));
                }
            }
        }
        // When each ends where one is left out.
        let ends = |out: Option<usize>| -> Vec<Span> {
            let mut ends = vec![Span::ZERO; count];
            for at in (0..count).filter(|at| Some(*at) != out) {
                let into = steps.iter().filter(|(from, to, _)| *to == at && Some(*from) != out);
                ends[at] =
                    into.map(|(from, _, moving)| ends[*from] + *moving).max().unwrap_or_default() + own[at];
            }
            ends
        };
        let ended = ends(None);
        let mut begun = own.clone();
        for at in (0..count).rev() {
            let next =
                steps.iter().filter(|(from, ..)| *from == at).map(|(_, to, moving)| *moving + begun[*to]);
            begun[at] = own[at] + next.max().unwrap_or_default();
        }
        let leap = |(from, to, moving): &(usize, usize, Span)| detour::Leap {
            from: *from,
            to: *to,
            length: ended[*from] + *moving + begun[*to],
        };
        let quick = detour::detours(&ended, &begun, steps.iter().map(leap).collect());
        let walked: Vec<Span> =
            (0..count).map(|out| ends(Some(out)).into_iter().max().unwrap_or_default()).collect();
        assert_eq!(quick, walked, "seed {seed}: {own:?} {steps:?}");
    }
}
