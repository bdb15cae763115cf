//! `welkin parallelize` from outside.

use crate::bed::{Bed, both};

const MODEL: &str = include_str!("../../../parallel/tests/data/mlp.json");

/// A step of an MLP as JAX prints it, with the memory of its parameters given to results.
const STEP: &str = include_str!("../../../parallel/tests/data/step.mlir");

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
fn a_plan_takes_the_place_of_a_file_as_a_whole() {
    let bed = bed();
    let (kept, link) = (bed.path().join("kept"), bed.path().join("plan.json"));
    std::fs::create_dir(&kept).unwrap();
    bed.file("kept/plan.json", "before");
    std::os::unix::fs::symlink("kept/plan.json", &link).unwrap();
    let save = |to| ["parallelize", "model.json", "--cluster", "8xA100", "--save", to];
    bed.ok(save("plan.json"));
    assert!(link.is_symlink());
    bed.ok(["parallelize", "model.json", "--plan", "kept/plan.json"]);
    // A reader that has the old one open goes on with it.
    let mut open = std::fs::File::open(kept.join("plan.json")).unwrap();
    let before = std::fs::read(&link).unwrap();
    bed.ok(["parallelize", "model.json", "--cluster", "4xT4", "--save", "plan.json"]);
    let mut read = Vec::new();
    std::io::Read::read_to_end(&mut open, &mut read).unwrap();
    assert!(read == before && std::fs::read(&link).unwrap() != before);
    assert!(bed.ok(save("/dev/stdout")).contains("welkin.parallel-plan/1"));
    let refused = bed.run(save("kept"));
    assert!(both(&refused).contains("cannot write kept"), "{}", both(&refused));
    assert_eq!(std::fs::read_dir(&kept).unwrap().count(), 1, "no draft is left");
}

#[test]
fn meshes_have_as_many_axes_as_are_asked_for() {
    let bed = bed();
    let looked = |axes: &[&str]| -> Vec<String> {
        let json =
            bed.json(&[&["parallelize", "model.json", "--cluster", "8xA100", "--one-mesh"], axes].concat());
        let rows = json["considered"].as_array().unwrap().iter();
        rows.map(|row| row["what"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(looked(&["--axes", "1"]), ["mesh 8"]);
    let usual = ["mesh 2 × 4", "mesh 4 × 2", "mesh 8"];
    assert_eq!(
        (looked(&[]), looked(&["--axes", "2"])),
        (usual.map(str::to_owned).into(), usual.map(str::to_owned).into())
    );
    assert_eq!(looked(&["--axes", "3"]), [&usual[..], &["mesh 2 × 2 × 2"]].concat());
    let refused = bed.run(["parallelize", "model.json", "--cluster", "8xA100", "--axes", "4"]);
    assert_eq!(refused.status.code(), Some(2), "{}", both(&refused));
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
    bed.file("step.stablehlo", STEP);
    bed.file("dynamic.stablehlo", &STEP.replace("tensor<32x64xf32>", "tensor<?x64xf32>"));
    let cases: [(&[&str], i32, &str); 9] = [
        (&["model.json", "--cluster", "8xFOO"], 3, "`FOO` is no device or machine type"),
        (&["model.json", "--cluster", "0xH100"], 3, "0 devices"),
        (&["cut.json", "--cluster", "8xH100"], 3, "not a model graph"),
        (&["none.json", "--cluster", "8xH100"], 9, "cannot read none.json"),
        (&["other.json", "--plan", "plan.json"], 3, "made for a model with digest"),
        (&["model.json"], 2, "--cluster"),
        (&["model.json", "--cluster", "2xT4", "--state", "1"], 2, "a model graph says itself what is state"),
        (
            &["dynamic.stablehlo", "--cluster", "2xT4"],
            3,
            "line 2: `tensor<?x64xf32>` has a size that is known only",
        ),
        (
            &["step.stablehlo", "--cluster", "2xT4", "--state", "3"],
            3,
            "argument 2 is of another type than result 2",
        ),
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

#[test]
fn stablehlo_is_planned_with_the_arguments_that_are_said_to_be_state() {
    let bed = Bed::new();
    let plain =
        STEP.replace(" {tf.aliasing_output = 0 : i32}", "").replace(" {tf.aliasing_output = 1 : i32}", "");
    bed.file("step.stablehlo", STEP);
    bed.file("plain.stablehlo", &plain);
    let donated = bed.json(["parallelize", "step.stablehlo", "--cluster", "4xA100"].as_slice());
    let roles = |plan: &serde_json::Value| -> Vec<String> {
        let inputs = plan["stages"][0]["inputs"].as_array().unwrap().iter();
        inputs.map(|input| input["role"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(roles(&donated)[..4], ["state", "state", "data", "data"]);
    let guessed = bed.run(["parallelize", "plain.stablehlo", "--cluster", "4xA100"]);
    assert!(both(&guessed).contains("the first 2 arguments are taken for state"), "{}", both(&guessed));
    let said = bed.run(["parallelize", "plain.stablehlo", "--cluster", "4xA100", "--state", "2"]);
    assert!(said.stderr.is_empty(), "{}", both(&said));
    assert_eq!(said.stdout, guessed.stdout);
    let compared =
        bed.ok(["parallelize", "compare", "plain.stablehlo", "--state", "2", "--cluster", "4xA100"]);
    assert!(compared.contains("megatron"), "{compared}");
}

#[test]
fn a_plan_by_what_was_measured_says_so() {
    let bed = bed();
    bed.file("measurements.json", include_str!("../../../parallel/tests/data/measurements.json"));
    let told = bed.ok(["parallelize", "profile", "measurements.json", "--save", "calibration.json"]);
    assert!(
        told.contains("8 × made up") && told.contains("matmul f32") && told.contains("GFLOP/s ±"),
        "{told}"
    );
    let json = bed.json(&["parallelize", "profile", "measurements.json"]);
    assert_eq!(json["schema"], "welkin.parallel-calibration/1");
    let published = bed.json(&["parallelize", "model.json", "--cluster", "8xcpu-host"]);
    let measured = bed.json(&[
        "parallelize",
        "model.json",
        "--cluster",
        "8xcpu-host",
        "--calibration",
        "calibration.json",
    ]);
    assert!(published["cluster"]["calibration"].is_null(), "{published}");
    assert!(measured["cluster"]["calibration"].is_string(), "{measured}");
    assert_ne!(published["step_s"], measured["step_s"]);
    let args = [
        "parallelize",
        "compare",
        "model.json",
        "--cluster",
        "8xcpu-host",
        "--calibration",
        "calibration.json",
    ];
    assert!(bed.ok(args).contains("megatron"));
    let out =
        bed.run(["parallelize", "model.json", "--cluster", "8xT4", "--calibration", "measurements.json"]);
    assert_eq!(out.status.code(), Some(3), "{}", both(&out));
    assert!(both(&out).contains("measurements.json cannot be used"), "{}", both(&out));
}

/// Each example less the mean of all: nothing can be done on a part of the batch.
#[test]
fn one_mesh_is_planned_where_that_is_asked_for_though_stages_are_faster() {
    let bed = Bed::new();
    bed.file("model.json", include_str!("../../../parallel/tests/data/blocks.json"));
    let with = |more: &[&str]| {
        bed.json(&[&["parallelize", "model.json", "--cluster", "16xcpu-host@1"], more].concat())
    };
    let (staged, one) = (with(&[]), with(&["--one-mesh"]));
    let count = |plan: &serde_json::Value| plan["stages"].as_array().unwrap().len();
    assert_eq!((count(&staged), count(&one)), (2, 1), "{staged} {one}");
    assert_eq!(one["microbatches"], 1);
    assert!(one["step_s"].as_f64() > staged["step_s"].as_f64(), "{staged} {one}");
    let shown = bed.run(["parallelize", "model.json", "--plan", "plan.json", "--one-mesh"]);
    assert_eq!(shown.status.code(), Some(2), "{}", both(&shown));
}

#[test]
fn what_cannot_be_done_on_parts_of_the_batch_has_no_microbatches() {
    let bed = Bed::new();
    bed.file(
        "model.json",
        r#"{"schema": "welkin.model-graph/1", "name": "centred",
        "values": [["f32", [64, 512]], ["f32", [512]], ["f32", [64, 512]], ["f32", [512, 512]], ["f32", [64, 512]], ["f32", []]],
        "inputs": [{"value": 0, "name": "x", "role": "data"}, {"value": 3, "name": "w", "role": "state"}],
        "outputs": [{"value": 5, "name": "loss"}], "ops": [
        {"op": "mean", "loops": [["r", 64], ["d", 512]], "in": [[0, [0, 1]]], "out": [[1, [1]]], "reduce": "sum", "linear": [[0]]},
        {"op": "less", "loops": [["b", 64], ["d", 512]], "in": [[0, [0, 1]], [1, [1]]], "out": [[2, [0, 1]]]},
        {"op": "dot", "loops": [["b", 64], ["k", 512], ["n", 512]], "in": [[2, [0, 1]], [3, [1, 2]]], "out": [[4, [0, 2]]], "reduce": "sum", "linear": [[0], [1]], "flops": 33554432},
        {"op": "total", "loops": [["b", 64], ["d", 512]], "in": [[4, [0, 1]]], "out": [[5, []]], "reduce": "sum", "linear": [[0]]}]}"#,
    );
    let json = bed.json(&["parallelize", "model.json", "--cluster", "8xT4"]);
    assert_eq!(json["microbatches"], 1, "{json}");
    let why = "`less` works on each example with a sum over all of them";
    assert!(json["considered"].as_array().unwrap().iter().any(|row| row["refused"] == why), "{json}");
    let told = bed.ok(["parallelize", "model.json", "--cluster", "8xT4"]);
    assert!(told.contains(&format!("stages and microbatches cannot be run: {why}")), "{told}");
}

#[test]
fn arguments_without_names_are_shown_by_what_they_are() {
    let bed = Bed::new();
    let many = (0..100_000).map(|at| format!("%arg{at}: tensor<8xf32>")).collect::<Vec<_>>().join(", ");
    bed.file(
        "many.stablehlo",
        &format!("func.func @main({many}) -> tensor<8xf32> {{\nreturn %arg0 : tensor<8xf32>\n}}\n"),
    );
    let told = bed.ok(["parallelize", "many.stablehlo", "--cluster", "2xT4"]);
    assert!(told.contains("arg*") && told.lines().count() < 20, "{told}");
}
