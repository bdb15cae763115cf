//! What users of SkyPilot are used to: its verbs, its flags, and ending everything at once.

use crate::bed::{Bed, both, stderr};
use serde_json::Value;
use std::io::{BufRead, BufReader};

#[test]
fn verbs_of_skypilot_name_the_command_there_is() {
    let bed = Bed::new();
    for (line, verb, expected) in
        [("optimize job.yaml", "optimize", "welkin plan"), ("storage ls", "storage", "welkin cp")]
    {
        let output = bed.run(line.split(' '));
        assert_eq!(output.status.code(), Some(2), "{line}: {}", both(&output));
        let text = stderr(&output);
        assert!(text.contains(&format!("`{verb}`")) && text.contains("hint: "), "{line}: {text}");
        assert!(text.contains(expected), "{line}: {text}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn verbs_of_skypilot_that_mean_the_same_do_the_same() {
    let bed = Bed::new();
    bed.file("job.yaml", "name: mine\nresources: {cpus: 1+}\nrun: echo done\n");
    for launch in [&["jobs", "launch"][..], &["launch"]] {
        let told = bed.ok([launch, &["job.yaml", "--yes"]].concat());
        assert!(told.contains("mine | done"), "{told}");
    }
    for (theirs, ours) in [
        ("jobs queue", "runs"),
        ("jobs logs mine", "logs mine"),
        ("cost-report", "cost"),
        ("show-gpus H100:8", "offers -a H100:8"),
        ("check", "providers"),
    ] {
        let said = |line: &str| bed.ok(line.split(' '));
        assert_eq!(said(theirs), said(ours), "{theirs}");
    }
    bed.ok(["jobs", "cancel", "--all"]);
}

#[test]
fn a_verb_of_skypilot_is_an_error_document_where_documents_are_asked_for() {
    let bed = Bed::new();
    for args in [&["optimize", "x.yaml", "-o", "json"][..], &["--output=json", "optimize"]] {
        let output = bed.run(args);
        let error: Value =
            serde_json::from_slice(&output.stderr).unwrap_or_else(|_| panic!("{}", both(&output)));
        assert_eq!((&error["schema"], &error["exit"]), (&"welkin.error/1".into(), &2.into()));
        assert!(error["hint"].as_str().unwrap().contains("welkin plan"), "{error}");
    }
}

#[test]
fn machines_are_chosen_over_the_file_as_skypilot_users_do() {
    let bed = Bed::new();
    bed.file("job.yaml", "resources: {accelerators: [A100, V100], cpus: 2+}\nrun: x\n");
    let line =
        "plan job.yaml -n other --gpus L4:1 --cpus 4+ --memory none --num-nodes 2 --use-spot --infra gcp";
    let plan = bed.json(&line.split(' ').collect::<Vec<_>>());
    let task = &plan["plan"]["job"]["tasks"][0];
    assert_eq!((&plan["plan"]["job"]["name"], &task["num_nodes"]), (&"other".into(), &2.into()));
    let options = task["options"].as_array().unwrap();
    assert_eq!(options.len(), 1, "{options:?}");
    assert_eq!(options[0]["accelerator"]["name"], "L4");
    assert_eq!(options[0]["market"], "spot");
    assert_eq!(plan["plan"]["tasks"][0]["choice"]["provider"], "gcp");
    for wrong in ["--gpus=", "--cpus=4x", "--memory=lots", "--num-nodes=0"] {
        assert_eq!(bed.run(["plan", "job.yaml", wrong]).status.code(), Some(2), "{wrong}");
    }
}

#[test]
fn variables_come_from_a_file_and_those_of_the_command_line_win() {
    let bed = Bed::new();
    bed.file(
        "job.yaml",
        "resources: {infra: local}\nenvs: {A: file, B: file, C: file}\nrun: echo $A-$B-$C\n",
    );
    bed.file(".env", "# ours\nexport A='from env'\nB=two # why\n");
    let told = bed.ok(["up", "job.yaml", "--env-file", ".env", "--env", "B=flag"]);
    assert!(told.contains("from env-flag-file"), "{told}");
    bed.file("bad.env", "A=1\nhunter two\n");
    let output = bed.run(["up", "job.yaml", "--env-file", "bad.env"]);
    assert!(!output.status.success() && stderr(&output).contains("line 2"), "{}", both(&output));
    assert!(!stderr(&output).contains("hunter"), "{}", both(&output));
    assert_eq!(bed.run(["up", "job.yaml", "--env-file", "absent"]).status.code(), Some(9));
}

#[test]
fn dryrun_runs_nothing() {
    let bed = Bed::new();
    bed.file("job.yaml", "resources: {infra: local}\nrun: touch ../../../../../touched\n");
    assert!(bed.ok(["up", "job.yaml", "--dryrun"]).contains("local"));
    assert_eq!(bed.json(&["runs"])["runs"], Value::Array(Vec::new()));
}

#[test]
fn all_runs_are_cancelled_at_once_but_not_without_a_word() {
    let bed = Bed::new();
    assert_eq!(bed.json(&["cancel", "--all"])["runs"], Value::Array(Vec::new()));
    for args in [&["cancel"][..], &["cancel", "x", "--all"]] {
        assert_eq!(bed.run(args).status.code(), Some(2), "{args:?}");
    }
    bed.file("job.yaml", "name: slow\nresources: {infra: local}\nrun: |\n  echo started\n  exec sleep 600\n");
    let mut up = bed.command(["up", "job.yaml"]).spawn().unwrap();
    let mut lines = BufReader::new(up.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "slow | started"));
    let unasked = bed.run(["cancel", "--all"]);
    assert_eq!(unasked.status.code(), Some(2), "{}", both(&unasked));
    assert!(stderr(&unasked).contains("1 run would be cancelled"), "{}", both(&unasked));
    assert_eq!(bed.json(&["runs"])["runs"][0]["state"], "running");

    let cancelled = bed.json(&["cancel", "--all", "--yes"]);
    assert_eq!(cancelled["schema"], "welkin.cancelled-runs/1");
    assert_eq!(cancelled["runs"][0]["state"], "cancelled");
    assert!(lines.count() > 0);
    assert_eq!(up.wait().unwrap().code(), Some(7));
    bed.assert_clean();
}
