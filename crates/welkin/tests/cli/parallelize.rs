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
    let made = bed.ok(["parallelize", "model.json", "--cluster", "8xA100", "--save", "plan.json"]);
    assert!(made.contains("proven: on this mesh"), "{made}");
    assert!(made.contains("reduce-scatter"), "{made}");
    assert_eq!(made, bed.ok(["parallelize", "model.json", "--plan", "plan.json"]));
    let json = bed.ok(["parallelize", "model.json", "--cluster", "8xA100", "--output", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["schema"], "welkin.parallel-plan/1");
    assert_eq!(json["bound_s"], json["step_s"]);
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
