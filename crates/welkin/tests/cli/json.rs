//! JSON: every document names its schema and holds what programs need.

use crate::bed::{Bed, example};
use serde_json::Value;

#[test]
fn every_document_has_a_schema() {
    let bed = Bed::new();
    let sky = example("sky.yaml");
    bed.ok(["plan", &sky, "--save", "p.json"]);
    for (args, schema) in [
        (vec!["plan", &sky], "welkin.plan/1"),
        (vec!["plan", &sky, "--pareto"], "welkin.front/1"),
        (vec!["plan", &sky, "--why-not", "aws"], "welkin.why-not/1"),
        (vec!["diff", "p.json", "p.json"], "welkin.diff/1"),
        (vec!["up", &sky, "--dry-run"], "welkin.plan/1"),
        (vec!["offers"], "welkin.offers/1"),
        (vec!["route", "aws:us-east-1", "gcp:us-east4"], "welkin.route/1"),
        (vec!["route", "aws:us-east-1", "gcp:us-east4", "--pareto"], "welkin.route-front/1"),
        (vec!["resolve", "aws"], "welkin.resolved/1"),
        (vec!["explain"], "welkin.codes/1"),
        (vec!["explain", "exit-codes"], "welkin.exit-codes/1"),
        (vec!["explain", "cycle"], "welkin.code/1"),
        (vec!["catalog", "list"], "welkin.catalog/1"),
        (vec!["catalog", "check"], "welkin.check/1"),
        (vec!["catalog", "reset"], "welkin.reset/1"),
        (vec!["runs"], "welkin.runs/1"),
        (vec!["cost"], "welkin.cost/1"),
        (vec!["gc"], "welkin.gc/1"),
    ] {
        assert_eq!(bed.json(&args)["schema"], schema, "{args:?}");
    }
}

#[test]
fn a_plan_says_what_is_emulated() {
    let bed = Bed::new();
    let plan = bed.json(&["plan", &example("sky.yaml")]);
    let chosen: Vec<&Value> =
        plan["plan"]["tasks"].as_array().unwrap().iter().map(|task| &task["choice"]["provider"]).collect();
    assert_eq!(chosen, ["azure", "gcp", "aws"]);
    for provider in chosen {
        assert_eq!(plan["natures"][provider.as_str().unwrap()], "emulated");
    }
}

#[test]
fn errors_are_documents_too() {
    let output = Bed::new().run(["status", "x", "--output", "json"]);
    let error: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(
        (&error["schema"], &error["code"], &error["exit"]),
        (&"welkin.error/1".into(), &"run::not-found".into(), &9.into())
    );
    assert!(output.stdout.is_empty());
}

#[test]
fn errors_of_the_command_line_are_documents_too() {
    for args in [["--output", "json", "frobnicate"], ["up", "-ojson", "--budget"]] {
        let output = Bed::new().run(args);
        let error: Value = serde_json::from_slice(&output.stderr).unwrap();
        assert_eq!(
            (&error["schema"], &error["code"], &error["exit"], output.status.code()),
            (&"welkin.error/1".into(), &"cli::usage".into(), &2.into(), Some(2))
        );
    }
}

#[test]
fn a_run_that_fails_leaves_nothing_but_its_error_on_standard_error() {
    let bed = Bed::new();
    bed.file("job.yaml", "name: sad\nresources: {cpus: 2+}\nrun: echo said >&2; exit 7\n");
    let output = bed.run(["up", "job.yaml", "-o", "json"]);
    let error: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!((&error["code"], &error["exit"]), (&"run::failed".into(), &6.into()));
    let run: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(run["run"]["state"], "failed");
}

#[test]
fn warnings_are_documents_of_one_line() {
    let bed = Bed::new();
    bed.file("job.yaml", "resources: {cpus: 2+, ports: 8080}\nrun: 'true'\n");
    let output = bed.run(["up", "job.yaml", "-o", "json"]);
    let lines = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && !lines.is_empty(), "{lines}");
    for line in lines.lines() {
        assert_eq!(serde_json::from_str::<Value>(line).unwrap()["schema"], "welkin.warning/1");
    }
}

#[test]
fn mistakes_in_a_job_file_keep_their_places() {
    let bed = Bed::new();
    bed.file("bad.yaml", "resources:\n  accelerater: A100\nrun: x\n");
    let output = bed.run(["plan", "bad.yaml", "--output", "json"]);
    let error: Value = serde_json::from_slice(&output.stderr).unwrap();
    let first = &error["details"]["items"][0];
    assert_eq!(
        (&first["line"], &first["column"], &first["code"]),
        (&2.into(), &3.into(), &"job::unknown-key".into())
    );
}

#[test]
fn a_run_is_one_document_with_its_bill() {
    let bed = Bed::new();
    let run = bed.json(&["up", &example("gang.yaml")]);
    assert_eq!((&run["schema"], &run["run"]["state"]), (&"welkin.run/1".into(), &"succeeded".into()));
    assert_eq!(run["bill"]["lines"][0]["nature"], "emulated");
}

#[test]
fn what_a_run_takes_has_the_name_that_its_offer_has() {
    let bed = Bed::new();
    bed.file("job.yaml", "resources: {cpus: 2+, memory: 4+, infra: gcp, use_spot: true}\nrun: 'true'\n");
    let planned = bed.json(&["plan", "job.yaml"]);
    let named = planned["names"].as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned();
    assert!(named.starts_with("sky:gcp/") && named.contains("tier=spot"), "{named}");
    assert!(bed.json(&["resolve", &named])["matching"].as_u64().unwrap() >= 1, "{named}");
    bed.ok(["up", "job.yaml"]);
    let attempt = &bed.json(&["status"])["run"]["tasks"][0]["attempts"][0];
    let lease = attempt["lease_id"].as_str().unwrap();
    let name = attempt["name"].as_str().unwrap();
    assert!(name.starts_with(&named) && name.contains('#'), "{name} of {named}");
    let resolved = bed.json(&["resolve", name]);
    assert_eq!(resolved["parts"]["instance"], lease, "{resolved}");
    // The bill names the same lease.
    let run = bed.json(&["status"])["run"]["id"].as_str().unwrap().to_owned();
    let line = &bed.json(&["cost", &run])["bill"]["lines"][0]["item"]["vm"];
    assert_eq!(line["name"], name, "{line}");
}

#[test]
fn every_name_in_a_plan_is_that_of_an_offer() {
    let bed = Bed::new();
    // A trusted execution environment, a TPU and an accelerator.
    let planned = bed.json(&["plan", &example("sky.yaml")]);
    let names = planned["names"].as_object().unwrap();
    assert_eq!(names.len(), 3);
    for name in names.values().map(|name| name.as_str().unwrap()) {
        assert!(bed.json(&["resolve", name])["matching"].as_u64().unwrap() >= 1, "{name}");
    }
}
