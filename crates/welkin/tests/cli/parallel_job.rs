//! Tasks whose machines and split are one choice.

use crate::bed::{Bed, both, stderr};
use serde_json::Value;

const MODEL: &str = include_str!("../../../parallel/tests/data/mlp.json");

/// A job of one training task on machines of AWS with A100, L4 or T4.
fn bed(more: &str) -> Bed {
    with("{A100: 8, L4: 1, T4: 1}", more)
}

fn with(accelerators: &str, more: &str) -> Bed {
    let bed = Bed::new();
    bed.file("model.json", MODEL);
    let job = format!(
        "name: mlp\n{more}\ntasks:\n  train:\n    resources: {{infra: aws, accelerators: {accelerators}}}\n    \
         parallel: {{model: model.json, steps: 2000000, max_nodes: 2}}\n    \
         run: 'cat $HOME/.parallel/plan.json; echo rank $SKYPILOT_NODE_RANK of $SKYPILOT_NUM_NODES by $WELKIN_PARALLEL_PLAN'\n"
    );
    bed.file("job.yaml", &job);
    bed
}

/// Kind and number of machines, their time and cost.
fn chosen(bed: &Bed, args: &[&str]) -> (String, u64, u64, i64) {
    let plan = bed.json(&[&["plan", "job.yaml"], args].concat())["plan"].clone();
    let choice = &plan["tasks"][0]["choice"];
    let kind = choice["node"]["instance_type"].as_str().unwrap().to_owned();
    let (nodes, time) = (choice["nodes"].as_u64().unwrap(), choice["time"].as_u64().unwrap());
    (kind, nodes, time, plan["cost"].as_i64().unwrap())
}

#[test]
fn machines_follow_the_objective_and_the_limits_of_the_job() {
    let bed = bed("");
    let cheap = chosen(&bed, &[]);
    let fast = chosen(&bed, &["--objective", "time"]);
    assert!(cheap.3 < fast.3 && fast.2 < cheap.2, "{cheap:?} {fast:?}");
    // Something between both: neither keeps both limits.
    let limit = (cheap.2 + fast.2) / 2;
    let within = chosen(&bed, &["--deadline", &format!("{}s", limit / 1000)]);
    assert!(within.2 <= limit && within.3 >= cheap.3 && within.3 <= fast.3, "{cheap:?} {within:?} {fast:?}");
    let never = bed.run(["plan", "job.yaml", "--deadline", "1s"]);
    assert!(!never.status.success(), "{}", both(&never));
    // No kind and number of machines that may be taken makes a cheaper job: each is planned by itself.
    let front = bed.json(&["parallelize", "model.json", "--any", "--max-hourly", "100"])["front"].clone();
    let steps = 2_000_000.0;
    for row in front.as_array().unwrap() {
        let ours = row["provider"] == "aws"
            && ["A100", "L4", "T4"].contains(&row["device"].as_str().unwrap())
            && row["hosts"].as_u64().unwrap() <= 2;
        if ours {
            let cost = row["usd_step"].as_f64().unwrap() * steps;
            assert!(cheap.3 as f64 / 1e9 <= cost * 1.01 + 0.01, "{cheap:?} {row}");
        }
    }
}

#[test]
fn the_gang_finds_the_split_that_it_was_chosen_with() {
    // Where one is slow, two are faster.
    let bed = with("{T4: 1}", "objective: time");
    let told = bed.ok(["up", "job.yaml"]);
    assert!(told.contains("rank 0 of 2 by ~/.parallel/plan.json"), "{told}");
    assert!(told.contains("rank 1 of 2 by ~/.parallel/plan.json"), "{told}");
    let lines: Vec<&str> = told
        .lines()
        .filter_map(|line| line.strip_prefix("train.0 | "))
        .filter(|line| !line.starts_with("rank"))
        .collect();
    let plan: Value = serde_json::from_str(&lines.join("\n")).unwrap();
    assert_eq!(plan["schema"], "welkin.parallel-plan/1");
    let model: Value =
        serde_json::from_str(&bed.ok(["parallelize", "model.json", "--cluster", "8xA100", "-o", "json"]))
            .unwrap();
    assert_eq!(plan["plan"]["model"]["digest"], model["model"]["digest"]);
}

#[test]
fn what_cannot_be_chosen_is_said() {
    let bed = bed("");
    bed.file(
        "job.yaml",
        "parallel: {model: model.json, steps: 3}\nresources: {accelerators: inferentia2:1}\nrun: x\n",
    );
    let output = bed.run(["plan", "job.yaml"]);
    assert!(stderr(&output).contains("fits on no machines that it may have"), "{}", both(&output));
    bed.file("model.json", "{}");
    let output = bed.run(["plan", "job.yaml"]);
    assert!(stderr(&output).contains("cannot be planned"), "{}", both(&output));
    bed.file("job.yaml", "parallel: {model: model.json}\ntime: 3h\nnum_nodes: 2\nrun: x\n");
    let output = bed.run(["plan", "job.yaml"]);
    for words in ["needs `steps`", "`time` stands beside", "`num_nodes` stands beside"] {
        assert!(stderr(&output).contains(words), "{}", both(&output));
    }
}
