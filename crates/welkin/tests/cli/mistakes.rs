//! What users get wrong, and what they are told: message, hint, exit code.

use crate::bed::{Bed, both, example, stderr};
use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;

#[test]
fn a_job_file_with_several_mistakes_is_told_all_of_them_at_once() {
    let bed = Bed::new();
    bed.file(
        "bad.yaml",
        "name: bad\nresources:\n  accelerater: A100:8\n  cpus: -3\nnum_nodes: 0\nfile_mounts: 7\nrun: echo hi\n",
    );
    let output = bed.run(["plan", "bad.yaml"]);
    assert_eq!(output.status.code(), Some(3), "{}", both(&output));
    let text = stderr(&output);
    for expected in
        ["bad.yaml:3:3", "did you mean `accelerators`?", "bad.yaml:4:", "bad.yaml:5:", "bad.yaml:6:"]
    {
        assert!(text.contains(expected), "{expected} is missing in:\n{text}");
    }
    assert!(output.stdout.is_empty());
}

#[test]
fn an_infeasible_job_names_what_to_relax() {
    let bed = Bed::new();
    bed.file(
        "tee.yaml",
        "tasks:\n  a:\n    needs: {tee: [tdx]}\n    resources: {accelerators: H100:8}\n    run: x\n",
    );
    let output = bed.run(["plan", "tee.yaml"]);
    assert_eq!(output.status.code(), Some(4), "{}", both(&output));
    let text = stderr(&output);
    assert!(text.contains("hint: relax") && text.contains("`needs.tee`"), "{text}");
    assert!(text.contains("trusted execution environment removed"), "{text}");
}

#[test]
fn limits_that_cannot_be_kept_tell_what_can() {
    let bed = Bed::new();
    let output = bed.run(["plan", &example("sky.yaml"), "--deadline", "4h"]);
    assert_eq!(output.status.code(), Some(4), "{}", both(&output));
    let text = stderr(&output);
    assert!(text.contains("deadline 4h, budget $60.00"), "{text}");
    assert!(text.contains("the fastest plan that keeps the other limit takes 4h 43m and costs $4"), "{text}");
}

#[test]
fn a_deadline_against_a_time_that_was_assumed_says_so() {
    let bed = Bed::new();
    bed.file("job.yaml", "tasks:\n  known: {time: 5min, run: x}\n  guessed: {run: x}\n");
    let output = bed.run(["plan", "job.yaml", "--deadline", "30min"]);
    assert_eq!(output.status.code(), Some(4), "{}", both(&output));
    assert!(stderr(&output).contains("the time of guessed was assumed to be 1h"), "{}", stderr(&output));
}

#[test]
fn all_that_stands_against_a_run_is_told_at_once_and_a_plan_warns_of_it() {
    let bed = Bed::new();
    bed.file("full/of", "mine");
    bed.file(
        "job.yaml",
        "tasks:\n  a: {workdir: absent, file_mounts: {~/x: nowhere, ~/.welkin/y: job.yaml}, run: x}\n  b:\n    run: x\n    outputs: {o: {uri: \"file://full\"}}\n",
    );
    let reasons =
        ["task a: the file mount ~/.welkin/y", "absent cannot be read", "nowhere cannot be read", "full"];
    let refused = bed.run(["up", "job.yaml"]);
    let planned = bed.run(["plan", "job.yaml"]);
    assert_eq!((refused.status.code(), planned.status.code()), (Some(3), Some(0)), "{}", both(&refused));
    for reason in reasons {
        assert!(stderr(&refused).contains(reason), "{}", stderr(&refused));
        let warns = |line: &str| line.starts_with("job.yaml: warning: ") && line.contains(reason);
        assert!(stderr(&planned).lines().any(warns), "{}", stderr(&planned));
    }
    assert!(!bed.home().join("clouds/aws/leases").read_dir().is_ok_and(|mut leases| leases.next().is_some()));
}

#[test]
fn damaged_records_are_told_with_their_path_and_what_helps() {
    let bed = Bed::new();
    bed.file("job.yaml", "resources: {cpus: 2+}\nrun: 'true'\n");
    let records = bed.file("h/state/broker.sqlite3", &"this is no database\n".repeat(300));
    for args in [&["runs"][..], &["status"], &["cost"], &["gc"], &["up", "job.yaml"]] {
        let output = bed.run(args);
        assert_eq!(output.status.code(), Some(1), "{args:?} {}", both(&output));
        let said = stderr(&output);
        assert!(said.contains(&format!("records in {} are damaged", records.display())), "{args:?} {said}");
        assert!(said.contains("hint: put a copy"), "{args:?} {said}");
    }
}

#[test]
fn a_list_from_records_that_are_damaged_in_the_middle_says_so() {
    let bed = Bed::new();
    bed.file("job.yaml", "resources: {cpus: 2+}\nrun: 'true'\n");
    bed.ok(["up", "job.yaml"]);
    bed.ok(["runs"]);
    let records = bed.home().join("state/broker.sqlite3");
    let mut bytes = std::fs::read(&records).unwrap();
    // The page with the history of the run; that of the index which lists are answered by stays whole.
    let found = bytes.windows(15).position(|word| word == b"lease_requested").unwrap();
    let page = found / 4096 * 4096;
    bytes[page..page + 100].fill(0xff);
    std::fs::write(&records, bytes).unwrap();
    let listed = bed.run(["runs"]);
    assert_eq!(listed.status.code(), Some(1), "{}", both(&listed));
    assert!(both(&listed).contains("succeeded"), "{}", both(&listed));
    assert!(stderr(&listed).contains(&format!("{} are damaged", records.display())), "{}", both(&listed));
    let told = bed.run(["runs", "-o", "json"]);
    let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    assert!(told["damage"].is_string() && told["runs"].as_array().unwrap().len() == 1, "{told}");
}

#[test]
fn keys_without_effect_are_named() {
    let bed = Bed::new();
    bed.file(
        "serve.yaml",
        "resources: {cpus: 2+, ports: 8080}\nrun: x\nservice:\n  readiness_probe: /\n  replicas: 2\n",
    );
    let output = bed.run(["plan", "serve.yaml"]);
    assert_eq!(output.status.code(), Some(0), "{}", both(&output));
    assert!(stderr(&output).contains("serve.yaml:3:"), "{}", stderr(&output));
    assert!(stderr(&output).contains("has no effect"), "{}", stderr(&output));
}

#[test]
fn exit_codes_and_hints() {
    let bed = Bed::new();
    bed.file("cut.json", "{\"schema\": 1");
    bed.file("old.json", "{\"schema\": 99}");
    bed.file("secret.yaml", "resources: {infra: local}\nsecrets: {TOKEN: null}\nrun: x\n");
    for (args, code, expected) in [
        (vec!["frobnicate"], 2, "unrecognized subcommand"),
        (vec!["offers", "--cpus", "many"], 2, "is not an amount"),
        (vec!["offers", "--accelerator", "H1000:8"], 4, "did you mean"),
        (vec!["plan", "absent.yaml"], 9, "cannot read absent.yaml"),
        (vec!["up", "cut.json"], 3, "welkin plan FILE --save"),
        (vec!["up", "old.json"], 3, "schema 99"),
        (vec!["up", "secret.yaml"], 3, "TOKEN"),
        (vec!["up", "cut.json", "--budget", "3"], 2, "a saved plan is final"),
        (vec!["status"], 9, "there are no runs yet"),
        (vec!["status", "x"], 9, "there are no runs yet"),
        (vec!["resolve", "sky:aws/us-east-1/vmm/m7i.large"], 3, "did you mean"),
        (vec!["explain", "no-such-thing"], 9, "welkin explain"),
        (vec!["catalog", "import", "absent"], 9, "cannot read absent"),
        (vec!["plan", "secret.yaml", "--env", "WELKIN_TEST_UNSET_VARIABLE"], 2, "has no value"),
    ] {
        let output = bed.run(&args);
        assert_eq!(output.status.code(), Some(code), "{args:?}\n{}", both(&output));
        assert!(both(&output).contains(expected), "{args:?} does not say `{expected}`:\n{}", both(&output));
    }
}

#[test]
fn a_changed_plan_is_refused() {
    let bed = Bed::new();
    bed.ok(["plan", &example("gang.yaml"), "--save", "plan.json"]);
    let text = std::fs::read_to_string(bed.home().with_file_name("plan.json")).unwrap();
    bed.file("plan.json", &text.replacen("\"nodes\": 3", "\"nodes\": 300", 1));
    let output = bed.run(["up", "plan.json"]);
    assert_eq!(output.status.code(), Some(3), "{}", both(&output));
    assert!(stderr(&output).contains("changed after it was made"), "{}", stderr(&output));
}

#[test]
fn configuration_is_read_and_checked() {
    let bed = Bed::new();
    bed.file("h/config.toml", "output = \"json\"\nproviders = [\"gcp\"]\n");
    let offers: serde_json::Value = serde_json::from_str(&bed.ok(["offers", "-a", "L4", "-n", "0"])).unwrap();
    let offers = offers["offers"].as_array().unwrap();
    assert!(!offers.is_empty() && offers.iter().all(|offer| offer["provider"] == "gcp"));
    // The environment wins over the file, a flag over both.
    let table = bed.command(["offers", "-a", "L4"]).env("WELKIN_OUTPUT", "table").output().unwrap();
    assert!(String::from_utf8_lossy(&table.stdout).starts_with("PROVIDER"), "{}", both(&table));
    bed.file("h/config.toml", "colour = \"never\"\n");
    let output = bed.run(["runs"]);
    assert_eq!(output.status.code(), Some(3), "{}", both(&output));
    assert!(stderr(&output).contains("colour"), "{}", stderr(&output));
}

#[test]
fn a_closed_pipe_is_success() {
    let bed = Bed::new();
    let mut child = bed.command(["offers", "--limit", "0"]).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
}

#[test]
fn colour_only_where_asked_for() {
    let bed = Bed::new();
    assert!(!bed.ok(["offers", "-n", "1"]).contains('\x1b'));
    assert!(bed.ok(["offers", "-n", "1", "--color", "always"]).contains('\x1b'));
}

#[test]
fn routes_that_cannot_be_say_what_can() {
    let bed = Bed::new();
    bed.file("not-a-grid.csv", "a,b\n1,2\n");
    bed.file(
        "bad.csv",
        "from,to,bits_per_s\naws:us-east-1,gcp:us-east4,NaN\naws:us-east-1,gcp:us-east4,5e9\n",
    );
    bed.file("agreements.json", "{\"schema\": \"something else\", \"agreements\": []}");
    bed.file(
        "unsigned.json",
        r#"{"schema": "welkin.agreements/v2", "agreements": [{"id": "ab", "version": 1, "parties": ["aws", "gcp"],
        "kind": "peering-free", "scope": [{"from": "aws/*", "to": "gcp/*"}], "reciprocal": true,
        "price": {"per_gb": [{"usd": "0"}]}, "effective": "2026-01-01", "until": "2100-01-01"}, {}]}"#,
    );
    bed.file("keys.toml", "aws = [\"00\"]\ngcp = []\n");
    let pair = ["route", "aws:us-east-1", "gcp:us-east4"];
    for (args, code, expected) in [
        (vec!["route", "aws:us-eats-1", "gcp:us-east4"], 9, "did you mean `aws:us-east-1`?"),
        (vec!["route", "aws", "gcp:us-east4"], 9, "PROVIDER:REGION"),
        (vec!["route", "aws:us-*", "gcp:us-east4"], 2, "data starts at one"),
        (vec!["route", "aws:us-east-1", "aws:us-east-1"], 2, "named twice"),
        ([&pair[..], &["--max-cost", "0.001"]].concat(), 4, "the cheapest way costs"),
        ([&pair[..], &["--by", "1min"]].concat(), 4, "the fastest way reaches"),
        ([&pair[..], &["--by", "1h", "--pareto"]].concat(), 2, "cannot be used with"),
        ([&pair[..], &["--grid", "absent.csv"]].concat(), 9, "absent.csv cannot be read"),
        ([&pair[..], &["--grid", "not-a-grid.csv"]].concat(), 3, "its columns are those of no grid"),
        ([&pair[..], &["--grid", "bad.csv"]].concat(), 0, "bad.csv:2 is set aside"),
        ([&pair[..], &["--agreements", "agreements.json"]].concat(), 3, "schema is `something else`"),
        (
            [&pair[..], &["--agreements", "unsigned.json"]].concat(),
            0,
            "agreement ab is ignored: aws has not signed",
        ),
        (
            [&pair[..], &["--agreements", "unsigned.json", "--trust", "agreements.json"]].concat(),
            3,
            "agreements.json is not a file of trusted keys",
        ),
        (
            [&pair[..], &["--agreements", "unsigned.json", "--trust", "keys.toml"]].concat(),
            0,
            "ab is ignored",
        ),
        ([&pair[..], &["--trust", "keys.toml"]].concat(), 2, "--agreements"),
        (
            [&pair[..], &["--agreements", "unsigned.json"]].concat(),
            0,
            "agreement number 2 of the file is ignored",
        ),
        ([&pair[..], &["--store", "nimbus"]].concat(), 9, "known are r2"),
        (vec!["offers", "--output", "dot"], 2, "only `welkin route` writes graphs"),
    ] {
        let output = bed.run(&args);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", both(&output));
        assert!(both(&output).contains(expected), "{args:?}: {}", both(&output));
    }
}

/// Each write to a socket of datagrams arrives as one, so that it shows what other writers could part.
#[test]
fn what_is_said_of_a_mistake_is_written_in_one_piece() {
    for more in [&[][..], &["--output", "json"]] {
        let bed = Bed::new();
        let (said, heard) = UnixDatagram::pair().unwrap();
        let args = ["up", "no-such-job.yaml"].into_iter().chain(more.iter().copied());
        let status = bed.command(args).stderr(OwnedFd::from(said)).status().unwrap();
        assert!(!status.success());
        heard.set_nonblocking(true).unwrap();
        let mut first = vec![0; 1 << 16];
        let read = heard.recv(&mut first).unwrap();
        assert!(first[..read].ends_with(b"\n"), "{}", String::from_utf8_lossy(&first[..read]));
        assert_eq!(heard.recv(&mut first).unwrap_err().kind(), ErrorKind::WouldBlock);
    }
}
