//! Plans that SkyPilot 0.14.1 made on real catalogs, against ours on the same candidates.
//!
//! First under its own cost model (egress by cloud, in its own arithmetic): equal to the cent. Then
//! under true tariffs, both plans priced alike: never worse, and better where data is large.

use super::super::problem::{EdgePrices, Moves, Problem, State};
use super::super::{Goal, Limits, solve};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use welkin_catalog::tables::Tables;
use welkin_route::{Endpoint, TariffId, Tariffs};
use welkin_units::{Bytes, Usd};

const NAMES: [&str; 8] = ["a", "a_spot", "b", "b_spot", "c", "d", "d_x20", "e5"];

fn shared(path: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(path);
    path.exists().then_some(path)
}

struct Candidate {
    cloud: String,
    region: String,
    cost: i64,
    chosen: bool,
}

struct Task {
    input_gb: Option<f64>,
    input_cloud: Option<&'static str>,
    output_gb: f64,
    candidates: Vec<Candidate>,
}

struct Fixture {
    objective: f64,
    edges: Vec<(usize, usize)>,
    tasks: Vec<Task>,
}

fn load(name: &str) -> Option<Fixture> {
    let path = shared(&format!("fixtures/placement/{name}.json"))?;
    let json: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let tasks: Vec<Value> = json["tasks"].as_array().unwrap().clone();
    let names: Vec<String> = tasks.iter().map(|task| text(&task["name"])).collect();
    let index = |name: &Value| names.iter().position(|known| *known == text(name)).unwrap();
    let edges = json["edges"].as_array().unwrap().iter().map(|edge| (index(&edge[0]), index(&edge[1])));
    Some(Fixture {
        objective: json["objective"].as_f64().unwrap(),
        edges: edges.collect(),
        tasks: tasks.iter().map(task).collect(),
    })
}

fn task(task: &Value) -> Task {
    let same = |a: &Value, b: &Value| {
        ["cloud", "instance_type", "region", "zone", "use_spot", "accelerators"]
            .iter()
            .all(|key| a[*key] == b[*key])
    };
    let candidates = task["candidates"].as_array().unwrap().iter().map(|candidate| Candidate {
        cloud: candidate["cloud"].as_str().unwrap().to_lowercase(),
        region: candidate["region"].as_str().unwrap().to_owned(),
        cost: Usd::from_dollars(candidate["cost"].as_f64().unwrap()).unwrap().nanos(),
        chosen: same(candidate, &task["chosen"]),
    });
    Task {
        input_gb: task["inputs_gb"].as_f64().filter(|_| task["inputs"].is_string()),
        input_cloud: task["inputs"].as_str().map(|uri| match uri.split("://").next() {
            Some("gs") => "gcp",
            Some("s3") => "aws",
            _ => "ibm",
        }),
        output_gb: task["outputs_gb"].as_f64().unwrap_or(0.0),
        candidates: candidates.collect(),
    }
}

/// SkyPilot's egress price in dollars: one whole volume at a time, its own arithmetic kept, faults
/// included.
fn skypilot_egress(cloud: &str, gb: f64) -> f64 {
    let tiers = |top: f64, third: f64, second: f64, first: f64| {
        if gb > 153_600.0 {
            return top * gb;
        }
        let (mut left, mut cost) = (gb, 0.0);
        if left >= 51_200.0 {
            cost += third * (left - 51_200.0);
            left -= 51_200.0;
        }
        if left >= 10_240.0 {
            cost += second * (left - 10_240.0);
            left -= 10_240.0;
        }
        if left > 1.0 { cost + first * (left - 1.0) } else { cost }
    };
    match cloud {
        "aws" => tiers(0.05, 0.07, 0.085, 0.09),
        "azure" => tiers(0.05, 0.07, 0.083, 0.0875),
        "gcp" => {
            gb * if gb <= 1024.0 {
                0.12
            } else if gb <= 10_240.0 {
                0.11
            } else {
                0.08
            }
        }
        _ => 0.0,
    }
}

fn nanos(dollars: f64) -> i64 {
    Usd::from_dollars(dollars).unwrap().nanos()
}

/// The problem under SkyPilot's model: a place is a cloud, staying is free.
fn skypilot_problem(fixture: &Fixture) -> Problem {
    let mut clouds: Vec<String> =
        fixture.tasks.iter().flat_map(|task| task.candidates.iter().map(|c| c.cloud.clone())).collect();
    clouds.sort();
    clouds.dedup();
    let place = |cloud: &str| u16::try_from(clouds.iter().position(|known| known == cloud).unwrap()).unwrap();
    let tasks = fixture.tasks.iter().map(|task| {
        let input = |cloud: &str| match (task.input_gb, task.input_cloud) {
            (Some(gb), Some(from)) if from != cloud => nanos(skypilot_egress(from, gb)),
            _ => 0,
        };
        let state = |c: &Candidate| State { place: place(&c.cloud), cost: c.cost + input(&c.cloud), time: 1 };
        task.candidates.iter().map(state).collect()
    });
    let edges = fixture.edges.iter().map(|&(from, to)| {
        let gb = fixture.tasks[from].output_gb;
        let row = |cloud: &String| vec![nanos(skypilot_egress(cloud, gb)); clouds.len()];
        EdgePrices {
            from,
            to,
            volume: 0,
            moves: Rc::new(Moves {
                cost: clouds.iter().flat_map(row).collect(),
                time: vec![0; clouds.len() * clouds.len()],
                stay_cost: vec![0; clouds.len()],
                stay_time: vec![0; clouds.len()],
            }),
        }
    });
    let classes = (0..u16::try_from(clouds.len()).unwrap()).collect();
    Problem::new(tasks.collect(), edges.collect(), classes, None)
}

#[test]
fn equal_to_the_cent_under_skypilots_own_model() {
    for name in NAMES {
        let Some(fixture) = load(name) else {
            println!(
                "skipped: equal_to_the_cent_under_skypilots_own_model: ../shared/fixtures/placement is absent"
            );
            return;
        };
        let problem = skypilot_problem(&fixture);
        let solution = solve(&problem, &Goal::COST, &Limits::default()).unwrap();
        assert!(solution.exact);
        let ours = Usd::from_nanos(solution.cost).dollars();
        assert!((ours - fixture.objective).abs() < 0.005, "{name}: {ours}, SkyPilot {}", fixture.objective);
    }
}

/// $/GB between regions of the measured grid.
fn grid_prices() -> Option<BTreeMap<(String, String), f64>> {
    let text = std::fs::read_to_string(shared("data/wan/egress_price.csv")?).unwrap();
    // GCP regions carry a zone letter there.
    let region = |name: &str| {
        let bare = name
            .strip_prefix("gcp:")
            .and_then(|gcp| gcp.rsplit_once('-'))
            .map(|(region, _)| format!("gcp:{region}"));
        bare.unwrap_or_else(|| name.to_owned())
    };
    let rows = text.lines().skip(1).map(|line| {
        let fields: Vec<&str> = line.split(',').collect();
        ((region(fields[0]), region(fields[1])), fields[4].parse().unwrap())
    });
    Some(rows.collect())
}

/// The price of every transfer between two places under true tariffs: the grid's price per GB where it
/// knows both regions, else the built-in tariff.
struct True {
    places: Vec<(String, String)>,
    grid: BTreeMap<(String, String), f64>,
    tariffs: Tariffs,
}

impl True {
    fn cost(&self, from: usize, to: usize, gb: f64) -> i64 {
        let ((a, b), (c, d)) = (&self.places[from], &self.places[to]);
        if from == to || a == "vast" {
            // Vast's hosts price their own traffic; the fixtures' candidates do not say how.
            return 0;
        }
        if let Some(price) = self.grid.get(&(format!("{a}:{b}"), format!("{c}:{d}"))) {
            return nanos(price * gb);
        }
        let tables = Tables::embedded();
        let id: TariffId = self.tariffs.between(&Endpoint::at(a, b, tables), &Endpoint::at(c, d, tables));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "gigabytes of a fixture")]
        self.tariffs.get(id).total(Bytes::new((gb * 1e9) as u64)).nanos()
    }
}

#[test]
fn never_worse_under_true_tariffs_and_better_on_large_data() {
    let Some(grid) = grid_prices() else {
        println!(
            "skipped: never_worse_under_true_tariffs_and_better_on_large_data: ../shared/data/wan is absent"
        );
        return;
    };
    for name in NAMES {
        let fixture = load(name).unwrap();
        let mut places: Vec<(String, String)> = fixture
            .tasks
            .iter()
            .flat_map(|task| task.candidates.iter().map(|c| (c.cloud.clone(), c.region.clone())))
            // The buckets of the fixtures are said to be in us-central1.
            .chain([("gcp".to_owned(), "us-central1".to_owned())])
            .collect();
        places.sort();
        places.dedup();
        let find =
            |cloud: &str, region: &str| places.iter().position(|(c, r)| c == cloud && r == region).unwrap();
        let bucket = find("gcp", "us-central1");
        let truth = True { places: places.clone(), grid: grid.clone(), tariffs: Tariffs::builtin() };
        let count = places.len();
        let state = |task: &Task, candidate: &Candidate| {
            let place = find(&candidate.cloud, &candidate.region);
            let input = task.input_gb.map_or(0, |gb| truth.cost(bucket, place, gb));
            State { place: u16::try_from(place).unwrap(), cost: candidate.cost + input, time: 1 }
        };
        let tasks: Vec<Vec<State>> = fixture
            .tasks
            .iter()
            .map(|task| task.candidates.iter().map(|candidate| state(task, candidate)).collect())
            .collect();
        let edges = fixture.edges.iter().map(|&(from, to)| EdgePrices {
            from,
            to,
            volume: 0,
            moves: Rc::new(Moves {
                cost: (0..count * count)
                    .map(|at| truth.cost(at / count, at % count, fixture.tasks[from].output_gb))
                    .collect(),
                time: vec![0; count * count],
                stay_cost: vec![0; count],
                stay_time: vec![0; count],
            }),
        });
        let classes = (0..u16::try_from(count).unwrap()).collect();
        let problem = Problem::new(tasks, edges.collect(), classes, None);
        let ours = solve(&problem, &Goal::COST, &Limits::default()).unwrap();
        assert!(ours.exact, "{name}");
        let theirs: Vec<u32> = fixture
            .tasks
            .iter()
            .map(|task| u32::try_from(task.candidates.iter().position(|c| c.chosen).unwrap()).unwrap())
            .collect();
        let theirs = problem.evaluate(&theirs).0;
        println!("{name}: SkyPilot {}, Welkin {}", Usd::from_nanos(theirs), Usd::from_nanos(ours.cost),);
        assert!(ours.cost <= theirs, "{name}");
        if name.starts_with('d') {
            assert!(ours.cost < theirs, "{name}");
        }
    }
}
