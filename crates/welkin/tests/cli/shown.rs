//! A broker runs the plans that were shown to it, under the digest of their bytes, and nothing else.

use crate::broker::Apart;
use crate::broker_kill::ask;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use welkin_api::wire::plan_digest;

/// A broker, a plan as it was written, and the body of a submission that names it in some way.
struct Shown {
    apart: Apart,
    socket: PathBuf,
    plan: String,
    digest: String,
}

impl Shown {
    fn new() -> Self {
        let apart = Apart::new();
        apart.file("job.yaml", "name: a\nresources: {cpus: 1+}\nrun: echo done\n");
        apart.ok(["plan", "job.yaml", "--save", "plan.json"]);
        apart.ok(["up", "job.yaml"]);
        let plan = fs::read_to_string(apart.path().join("plan.json")).unwrap();
        let (socket, digest) = (apart.home().join("state/broker.sock"), plan_digest(plan.as_bytes()));
        Self { apart, socket, plan, digest }
    }

    fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> (u16, Value) {
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nhost: w\r\nconnection: close\r\n");
        let head =
            format!("{head}content-type: application/json\r\ncontent-length: {length}\r\n{headers}\r\n");
        let (status, body) = ask(&self.socket, &format!("{head}{body}")).unwrap();
        (status, serde_json::from_str(&body).unwrap())
    }

    fn put(&self, digest: &str, plan: &str) -> (u16, Value) {
        self.send("PUT", &format!("/v1/plans/{digest}"), "", plan)
    }

    fn submit(&self, key: &str, plan: &str) -> (u16, Value) {
        let job = serde_json::from_str::<Value>(&self.plan).unwrap()["job"].to_string();
        let new = json!({"plan": plan, "job": job, "base_dir": "/"}).to_string();
        self.send("POST", "/v1/runs", &format!("idempotency-key: {key}\r\n"), &new)
    }
}

#[test]
fn what_was_not_shown_is_not_run() {
    let shown = Shown::new();
    let (status, problem) = shown.submit("first", &shown.digest);
    assert_eq!((status, problem["code"].as_str()), (404, Some("broker::no-plan")), "{problem}");
    // What is shown has to be a plan, and the one of its name.
    let other = plan_digest(b"{}");
    for (digest, plan, status, code) in [
        (&*other, &*shown.plan, 422, "run::refused"),
        (&*other, "{}", 422, "run::refused"),
        (&*plan_digest(b""), "", 422, "run::refused"),
        ("0", "{}", 400, "broker::request"),
        (&*shown.digest.to_uppercase(), &*shown.plan, 400, "broker::request"),
        ("..%2F..%2Fbroker.sqlite3", "{}", 400, "broker::request"),
    ] {
        let answer = shown.put(digest, plan);
        assert_eq!((answer.0, answer.1["code"].as_str()), (status, Some(code)), "{answer:?}");
    }
    let tampered = shown.plan.replacen("\"a\"", "\"b\"", 1);
    assert_ne!(tampered, shown.plan);
    assert_eq!(shown.put(&plan_digest(tampered.as_bytes()), &tampered).0, 422, "its own id is another");
    let huge = format!(
        "PUT /v1/plans/{other} HTTP/1.1\r\nhost: w\r\ncontent-length: 100000000\r\nconnection: close\r\n\r\n{{"
    );
    assert_eq!(ask(&shown.socket, &huge).unwrap().0, 413);
    assert_eq!(shown.submit("first", &shown.digest).0, 404);
    assert_eq!(shown.apart.states().len(), 1);
}

#[test]
fn a_plan_is_shown_as_often_as_one_likes_and_run_once_for_each_key() {
    let shown = Shown::new();
    // As it was written by hand, with blanks of its own: the same plan under another digest.
    let blanks = format!("\n{}", shown.plan);
    let id = serde_json::from_str::<Value>(&shown.plan).unwrap()["id"].clone();
    // `up` has shown it in the form that `plan --save` writes, or in one line.
    assert!(matches!(shown.put(&shown.digest, &shown.plan), (200 | 201, answer) if answer["plan"] == id));
    assert_eq!(shown.put(&shown.digest, &shown.plan), (200, json!({"plan": id})));
    assert_eq!(shown.put(&plan_digest(blanks.as_bytes()), &blanks).0, 201);
    let (status, first) = shown.submit("one", &shown.digest);
    assert_eq!(status, 201, "{first}");
    for plan in [&shown.digest, &plan_digest(blanks.as_bytes()), &shown.plan] {
        // The last is how version 0.1.0 sent it.
        assert_eq!(shown.submit("one", plan), (201, first.clone()));
    }
    shown.apart.ok(["logs", first["run"].as_str().unwrap(), "-f"]);
    let (status, _) = shown.submit("two", &shown.plan);
    assert_eq!((status, shown.apart.states().len()), (201, 3));
    // A broker that begins anew has it still; one whose disk has lost it is shown it again, and says so before.
    shown.apart.ok(["broker", "stop", "--yes"]);
    shown.apart.ok(["up", "job.yaml"]);
    assert_eq!(shown.submit("three", &shown.digest).0, 201);
    let folder = shown.apart.home().join("state/plans/own");
    for entry in fs::read_dir(folder).unwrap() {
        fs::write(entry.unwrap().path(), "{}").unwrap();
    }
    assert_eq!(shown.submit("four", &shown.digest).0, 404);
    assert_eq!(shown.put(&shown.digest, &shown.plan).0, 201);
    assert_eq!(shown.submit("four", &shown.digest).0, 201);
}
