//! What the plan says that data costs is what the bill says, and the next plan knows of it.

use crate::bed::Bed;
use serde_json::{Value, json};

const JOB: &str = "
name: paid
tasks:
  make:
    resources: {cpus: 2+, infra: gcp/us-central1}
    outputs: {big: {size: 1 MB, uri: 'file://./big'}, small: {size: 250 kB}}
    time: 1min
    run: head -c 1000000 /dev/zero > ~/outputs/big && head -c 250000 /dev/zero > ~/outputs/small
  take:
    resources: {cpus: 2+, infra: gcp/us-west1}
    inputs: {small: make.small}
    time: 1min
    run: test $(stat -c %s $WELKIN_INPUT_SMALL) = 250000
";

/// (task, bytes, nano-dollars) of each movement, in order.
fn planned(plan: &Value) -> Vec<(String, u64, u64)> {
    let transfers = plan["plan"]["transfers"].as_array().unwrap().iter();
    let mut all: Vec<_> = transfers.map(|one| movement(&one["task"], &one["bytes"], &one["cost"])).collect();
    all.sort();
    all
}

fn billed(bill: &Value) -> Vec<(String, u64, u64)> {
    let lines = bill["bill"]["lines"].as_array().unwrap().iter();
    let data = lines.filter(|line| line["item"]["egress"].is_object());
    let mut all: Vec<_> =
        data.map(|line| movement(&line["task"], &line["item"]["egress"]["bytes"], &line["cost"])).collect();
    all.sort();
    all
}

fn movement(task: &Value, bytes: &Value, cost: &Value) -> (String, u64, u64) {
    (task.as_str().unwrap().to_owned(), bytes.as_u64().unwrap(), cost.as_u64().unwrap())
}

#[test]
fn the_bill_has_the_data_that_the_plan_said_and_the_next_plan_counts_it() {
    let bed = Bed::new();
    bed.file("paid.yaml", JOB);
    let plan = bed.json(&["plan", "paid.yaml"]);
    assert_eq!(plan["plan"]["month"], json!({"counted": "no_records", "volumes": {}}));
    let [delivery, edge] = planned(&plan).try_into().unwrap();
    // 1 MB is 1/1073.741824 GiB at $0.12, 250 kB a quarter of that at $0.01.
    assert_eq!((delivery.1, delivery.2), (1_000_000, 111_759));
    assert_eq!((edge.1, edge.2), (250_000, 2_328));
    bed.ok(["up", "paid.yaml"]);
    assert_eq!(billed(&bed.json(&["cost", "paid"])), planned(&plan));
    assert_eq!(std::fs::metadata(bed.path().join("big")).unwrap().len(), 1_000_000);

    let next = bed.json(&["plan", "paid.yaml"]);
    let month = &next["plan"]["month"];
    let volumes = json!({"gcp.inter-region.north-america": 250_000, "gcp.internet": 1_000_000});
    assert_eq!(month["volumes"], volumes, "{month}");
    let since = month["counted"]["since"].as_str().unwrap();
    assert!(since.ends_with("-01") && since.len() == 10, "{since}");
    let shown = bed.ok(["plan", "paid.yaml"]);
    let words =
        format!("on top of what runs moved since {since} (UTC): 250 KB on gcp.inter-region.north-america");
    assert!(shown.contains(&words), "{shown}");
    let new = bed.json(&["plan", "paid.yaml", "--new-month"]);
    assert_eq!(new["plan"]["month"], json!({"counted": "new_month", "volumes": {}}));
    bed.assert_clean();
}
