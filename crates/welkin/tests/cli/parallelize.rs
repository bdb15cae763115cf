//! `welkin parallelize` from outside.

use crate::bed::{Bed, both};

const MODEL: &str = include_str!("../../../parallel/tests/data/mlp.json");

fn bed() -> Bed {
    let bed = Bed::new();
    bed.file("model.json", MODEL);
    bed
}

#[test]
fn a_plan_is_made_saved_and_shown_again() {
    let bed = bed();
    let made = bed.ok([
        "parallelize",
        "model.json",
        "--cluster",
        "8xA100",
        "--save",
        "plan.json",
        "--svg",
        "plan.svg",
    ]);
    let drawn = std::fs::read_to_string(bed.path().join("plan.svg")).unwrap();
    assert!(drawn.starts_with("<svg ") && drawn.trim_end().ends_with("</svg>"), "{drawn}");
    assert!(made.contains("proven: on this mesh"), "{made}");
    assert!(made.contains("reduce-scatter"), "{made}");
    assert_eq!(made, bed.ok(["parallelize", "model.json", "--plan", "plan.json"]));
    let json = bed.ok(["parallelize", "model.json", "--cluster", "8xA100", "--output", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["schema"], "welkin.parallel-plan/1");
    assert_eq!(json["bound_s"], json["step_s"]);
}

#[test]
fn no_expert_writes_a_better_plan() {
    let bed = bed();
    for cluster in ["8xA100", "2xp4d.24xlarge", "4xT4"] {
        let json = bed.ok(["parallelize", "compare", "model.json", "--cluster", cluster, "--output", "json"]);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let plans = json["plans"].as_array().unwrap();
        assert_eq!(plans[0]["plan"], "welkin");
        let best = plans[0]["step_s"].as_f64().unwrap();
        assert_eq!(plans.len(), 4, "{json}");
        for expert in plans {
            assert!(
                expert["step_s"].as_f64().is_none_or(|step| step >= best * (1.0 - 1e-9)),
                "{cluster}: {json}"
            );
        }
    }
}

#[test]
fn machines_of_the_catalog_are_chosen_with_the_plan() {
    let bed = bed();
    let json = bed.ok(["parallelize", "model.json", "--any", "--max-hourly", "12", "--output", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let front = json["front"].as_array().unwrap();
    assert!(!front.is_empty(), "{json}");
    let of = |row: &serde_json::Value, key: &str| row[key].as_f64().unwrap();
    for pair in front.windows(2) {
        assert!(of(&pair[0], "usd_step") < of(&pair[1], "usd_step"), "{json}");
        assert!(of(&pair[0], "step_s") > of(&pair[1], "step_s"), "{json}");
    }
    assert!(front.iter().all(|row| of(row, "usd_hour") <= 12.0), "{json}");
    let none = bed.run(["parallelize", "model.json", "--any", "--max-hourly", "0.01"]);
    assert_eq!(none.status.code(), Some(4), "{}", both(&none));
}

#[test]
fn the_front_is_told_to_the_last_token_with_the_machines_on_which_the_model_does_not_fit() {
    let bed = bed();
    // Parameters of 17 GB, and as much again for their gradients.
    bed.file("large.json", &MODEL.replace("4096", "65536"));
    let args =
        ["parallelize", "large.json", "--any", "--max-hourly", "12", "--pareto", "--tokens", "1000000"];
    let json = bed.json(&args);
    assert_eq!(json["tokens"]["all"], 1_000_000, "{json}");
    // Nothing of its batch is a whole number, so these are examples.
    assert_eq!(json["tokens"]["step"], 512, "{json}");
    let of = |row: &serde_json::Value, key: &str| row[key].as_f64().unwrap();
    for row in json["front"].as_array().unwrap() {
        // 1954 steps, the last of which is not full.
        assert!((of(row, "train_s") / of(row, "step_s") - 1954.0).abs() < 1e-6, "{json}");
        assert!((of(row, "usd_train") / of(row, "usd_step") - 1954.0).abs() < 1e-6, "{json}");
    }
    let small = json["does_not_fit"].as_array().unwrap();
    assert!(small.len() as u64 == json["too_small"].as_u64().unwrap() && !small.is_empty(), "{json}");
    assert!(small.iter().all(|row| of(row, "needed_bytes") > of(row, "usable_bytes")), "{json}");
    let told = bed.ok(args);
    assert!(told.contains("TO THE LAST TOKEN") && told.contains("DOES NOT FIT"), "{told}");
    assert!(told.contains("a step has 512 tokens"), "{told}");
}

#[test]
fn what_cannot_be_planned_says_why() {
    let bed = bed();
    bed.file("other.json", &MODEL.replace("\"flops\":", "\"flops\":1"));
    bed.file("cut.json", &MODEL[..4000]);
    bed.ok(["parallelize", "model.json", "--cluster", "2xT4", "--save", "plan.json"]);
    let cases: [(&[&str], i32, &str); 6] = [
        (&["model.json", "--cluster", "8xFOO"], 3, "`FOO` is no device or machine type"),
        (&["model.json", "--cluster", "0xH100"], 3, "0 devices"),
        (&["cut.json", "--cluster", "8xH100"], 3, "not a model graph"),
        (&["none.json", "--cluster", "8xH100"], 9, "cannot read none.json"),
        (&["other.json", "--plan", "plan.json"], 3, "made for a model with digest"),
        (&["model.json"], 2, "--cluster"),
    ];
    for (args, code, expected) in cases {
        let out = bed.run(["parallelize"].iter().chain(args).copied());
        assert_eq!(out.status.code(), Some(code), "{args:?}: {}", both(&out));
        assert!(both(&out).contains(expected), "{args:?}: {}", both(&out));
    }
}

#[test]
fn a_model_that_fits_nowhere_says_how_much_is_missing() {
    let bed = bed();
    // 4 PB a layer.
    bed.file("large.json", &MODEL.replace("512", "536870912"));
    let out = bed.run(["parallelize", "large.json", "--cluster", "2xT4"]);
    assert_eq!(out.status.code(), Some(4), "{}", both(&out));
    assert!(both(&out).contains("GB of each device at least"), "{}", both(&out));
}
