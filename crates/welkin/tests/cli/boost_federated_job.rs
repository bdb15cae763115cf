//! One model of the rows of several tasks, each in a place of its own.

use crate::bed::{Bed, both, example};
use crate::boost_machines::xgboost;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

const PARTIES: [&str; 3] = ["a", "b", "c"];

/// The example, with so many rounds.
fn bed(rounds: usize) -> Bed {
    let bed = Bed::apart();
    let text = fs::read_to_string(example("federated.yaml")).unwrap();
    assert!(text.lines().count() <= 30);
    bed.file("federated.yaml", &text.replace("rounds: 10", &format!("rounds: {rounds}")));
    bed
}

/// The rows of each party, as its place had them.
fn rows(bed: &Bed, id: &str) -> Vec<String> {
    let one = |party: &&str| {
        let (output, folder) = (format!("rows-{party}.rows"), format!("rows-{party}"));
        bed.ok(["fetch", id, &output, &folder]);
        let path = bed.path().join(&folder);
        fs::read_to_string(if path.is_dir() { path.join("rows") } else { path }).unwrap()
    };
    PARTIES.iter().map(one).collect()
}

/// Whether the model that was delivered is the one of all rows in one file.
fn is_central(bed: &Bed, rows: &[String], rounds: usize) -> bool {
    let (head, _) = rows[0].split_once('\n').unwrap();
    let lines = rows.iter().flat_map(|rows| rows.lines().skip(1));
    bed.file("all.csv", &([head].into_iter().chain(lines).collect::<Vec<_>>().join("\n") + "\n"));
    let rounds = rounds.to_string();
    let train = [
        "boost",
        "train",
        "--data",
        "all.csv",
        "--label",
        "ill",
        "--model",
        "central.json",
        "--rounds",
        &rounds,
    ];
    bed.ok(train.iter().chain(&["--set", "objective=binary:logistic", "--set", "max_depth=4"]));
    let read = |name: &str| fs::read(bed.path().join(name)).unwrap();
    read("central.json") == read("model.json")
}

fn files(below: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(below).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

const PREDICTS: &str = r#"
import csv, xgboost
model = xgboost.Booster(model_file="model.json")
rows = list(csv.DictReader(open("all.csv")))
table = xgboost.DMatrix([[float(row["age"]), float(row["dose"])] for row in rows], feature_names=["age", "dose"])
ours = [float(row["prediction"]) for row in csv.DictReader(open("predictions.csv"))]
worst = max(abs(one - float(other)) for one, other in zip(ours, model.predict(table), strict=True))
assert worst <= 1e-6, worst
print(len(ours), "rows")
"#;

#[test]
fn tasks_in_three_places_train_the_model_of_all_rows_and_no_row_leaves_its_place() {
    let test = "tasks_in_three_places_train_the_model_of_all_rows_and_no_row_leaves_its_place";
    let bed = bed(10);
    let plan = bed.json(&["plan", "federated.yaml"]);
    let place = |task: &str| {
        let tasks = plan["plan"]["tasks"].as_array().unwrap();
        let found = tasks.iter().find(|planned| planned["task"] == task).unwrap();
        format!("{}/{}", found["choice"]["provider"], found["choice"]["region"]).replace('"', "")
    };
    let places = PARTIES.map(place);
    assert_eq!(places, ["aws/eu-central-1", "gcp/europe-west1", "azure/swedencentral"]);
    let text = bed.ok(["plan", "federated.yaml"]);
    for party in PARTIES {
        assert_eq!(place(&format!("rows-{party}")), place(party));
        let moved =
            text.lines().find(|line| line.contains(&format!("rows-{party}.rows to {party} "))).unwrap();
        assert!(moved.contains("for $0.00") && moved.contains(".same-region"), "{moved}");
    }

    let run = bed.run(["up", "federated.yaml", "--yes"]);
    assert!(run.status.success(), "{}", both(&run));
    let id = bed.json(&["runs"])["runs"][0]["id"].as_str().unwrap().to_owned();
    let rows = rows(&bed, &id);
    assert!(is_central(&bed, &rows, 10), "{}", both(&run));

    let clouds = bed.home().join("clouds");
    let kept: Vec<(PathBuf, Vec<u8>)> =
        files(&clouds).into_iter().filter_map(|path| Some((path.clone(), fs::read(path).ok()?))).collect();
    for ((party, place), rows) in PARTIES.iter().zip(&places).zip(&rows) {
        let (provider, region) = place.split_once('/').unwrap();
        let own = clouds.join(provider).join("buckets").join(region);
        let some = rows.lines().skip(1).take(8).collect::<Vec<_>>().join("\n");
        let holds = |bytes: &[u8]| bytes.windows(some.len()).any(|window| window == some.as_bytes());
        let found: Vec<&PathBuf> =
            kept.iter().filter(|(_, bytes)| holds(bytes)).map(|(path, _)| path).collect();
        assert!(!found.is_empty() && found.iter().all(|path| path.starts_with(&own)), "{party}: {found:?}");
    }
    // The broker of this bed is still there.
    assert_eq!(bed.leases(), Vec::<PathBuf>::new());

    let Some(python) = xgboost() else {
        println!("skipped: {test}: XGBoost is not installed, and was not asked");
        return;
    };
    bed.file("predictions.csv", &bed.ok(["boost", "predict", "model.json", "all.csv"]));
    let told = bed.command_of(python.to_str().unwrap(), ["-c", PREDICTS]).output().unwrap();
    assert!(String::from_utf8_lossy(&told.stdout).contains("12000 rows"), "{}", both(&told));
}

/// The agent of the node whose script has these words on its command line.
fn agent(bed: &Bed, words: &str) -> i32 {
    let line = |pid: i32| fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let text = |pid: i32| String::from_utf8_lossy(&line(pid)).replace('\0', " ");
    let leases = bed.leases();
    let processes = bed.processes();
    let script = processes.iter().map(|pid| text(*pid)).find(|text| text.contains(words)).unwrap();
    let lease = leases.iter().find(|lease| script.contains(lease.to_str().unwrap())).unwrap();
    let is = |pid: &i32| {
        let text = text(*pid);
        text.contains(" agent --home ") && text.contains(lease.to_str().unwrap())
    };
    processes.into_iter().find(is).unwrap()
}

/// Ends the node of a task when the training has begun.
fn lose(task: &str, words: &str) {
    let bed = bed(1500);
    let mut up = bed.command(["up", "federated.yaml", "--yes"]);
    let mut up = up.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(up.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("sum | all are here")));
    kill_process(Pid::from_raw(agent(&bed, words)).unwrap(), Signal::KILL).unwrap();
    let rest: Vec<String> = lines.collect();
    assert!(up.wait().unwrap().success(), "{}", rest.join("\n"));
    // Two machines are on the bill.
    let billed = |line: &&String| {
        let own = line.split_whitespace().next() == Some(task);
        own && line.contains('$') && !line.contains(" data to ")
    };
    assert_eq!(rest.iter().filter(billed).count(), 2, "{}", rest.join("\n"));
    if task != "sum" {
        assert!(rest.iter().any(|line| line.contains("all are here")), "{}", rest.join("\n"));
    }
    let id = bed.json(&["runs"])["runs"][0]["id"].as_str().unwrap().to_owned();
    let rows = rows(&bed, &id);
    assert!(is_central(&bed, &rows, 1500), "{}", rest.join("\n"));
    // The broker of this bed is still there.
    assert_eq!(bed.leases(), Vec::<PathBuf>::new());
}

#[test]
fn a_party_whose_node_is_lost_comes_back_and_the_model_has_the_same_bits() {
    lose("b", "--party=b");
}

#[test]
fn a_coordinator_whose_node_is_lost_is_replaced_and_the_model_has_the_same_bits() {
    lose("sum", "federate --introduced --coordinator");
}
