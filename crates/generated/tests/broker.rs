//! A broker is driven by a client that was made of its document: the document is true.
//!
//! The broker is the built program, `welkin` beside the folder of this test: `cargo test --workspace` builds it, and alone
//! `cargo build -p welkin` does.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails, and says where")]

use futures::StreamExt;
use serde::Serialize;
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;
use welkin_generated::{ByteStream, Client, Error, ResponseValue, reqwest, types};

/// A broker with a folder of its own, and whoever asks it.
struct Broker {
    folder: TempDir,
    process: Child,
    client: Client,
    http: reqwest::Client,
}

impl Broker {
    fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("wk").tempdir().unwrap();
        let mut process = welkin(folder.path(), &["broker", "run", "--detach"]).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        let socket = folder.path().join("h/state/broker.sock");
        let http = reqwest::Client::builder().unix_socket(socket).build().unwrap();
        let client = Client::new_with_client("http://broker", http.clone());
        Self { folder, process, client, http }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// Plans a job, shows the plan, and gives a submission of it. `again` says that it was shown before.
    async fn shown(&self, job: &str, again: bool) -> types::NewRun {
        self.file("job.yaml", job);
        let saved = self.folder.path().join("plan.json");
        let planned =
            welkin(self.folder.path(), &["plan", "job.yaml", "--save", "plan.json"]).output().unwrap();
        assert!(planned.status.success(), "{planned:?}");
        let bytes = fs::read(saved).unwrap();
        let plan: Value = serde_json::from_slice(&bytes).unwrap();
        let digest = blake3::hash(&bytes).to_hex().to_string();
        let answer = self.client.show_plan(&digest, None, None, bytes).await.unwrap();
        assert_eq!(answer.status().as_u16(), if again { 200 } else { 201 });
        assert_eq!(Value::from(answer.plan.clone()), plan["id"]);
        let base_dir = self.folder.path().to_str().unwrap();
        let new = json!({ "plan": digest, "job": plan["job"].to_string(), "base_dir": base_dir });
        serde_json::from_value(new).unwrap()
    }

    async fn submitted(&self, key: &str, new: &types::NewRun) -> String {
        let answer = self.client.submit(&key.parse().unwrap(), new).await.unwrap();
        assert_eq!(answer.status().as_u16(), 201);
        answer.into_inner().run
    }

    /// Reads events on from a number until a run is over; gives the names of those of the run.
    async fn until_over(&self, run: &str, mut since: i64) -> Vec<String> {
        let mut told = Vec::new();
        loop {
            let page = self.client.events(Some(3.try_into().unwrap()), Some(since), Some(20)).await.unwrap();
            let path = format!("/v1/events?since={since}&limit={}", page.events.len());
            for event in &page.events {
                assert!(event.seq > since, "{event:?}");
                since = event.seq;
                if event.run == run {
                    told.push(event.record.clone());
                }
            }
            assert_eq!(page.next, since);
            if !page.events.is_empty() {
                self.assert_whole(&path, &*page).await;
            }
            if told.last().is_some_and(|last| last == "run_ended") {
                return told;
            }
        }
    }

    async fn state(&self, run: &str) -> String {
        let runs = self.client.list_runs(None, None, None).await.unwrap();
        runs.runs.iter().find(|line| line.id == run).unwrap().state.clone()
    }

    /// What was read into the types of the document is all that the broker says there.
    async fn assert_whole<T: Serialize>(&self, path: &str, read: &T) {
        let answer = self.http.get(format!("http://broker{path}")).send().await.unwrap();
        let said: Value = answer.json().await.unwrap();
        assert_eq!(filled(serde_json::to_value(read).unwrap()), filled(said), "{path}");
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        drop(welkin(self.folder.path(), &["cancel", "--all", "--yes"]).output());
        drop(welkin(self.folder.path(), &["broker", "stop", "--yes"]).output());
        let _ = self.process.wait();
    }
}

/// The program with its arguments, in a folder that is all it knows.
fn welkin(folder: &Path, args: &[&str]) -> Command {
    let program = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("welkin");
    assert!(program.exists(), "{} is not built: cargo build -p welkin", program.display());
    let mut command = Command::new(program);
    command
        .args(args)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", folder)
        .env("WELKIN_HOME", folder.join("h"))
        .env("NO_COLOR", "1")
        .env("LC_ALL", "C.UTF-8")
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

/// A value without what is null: that is the same as what is not there.
fn filled(mut value: Value) -> Value {
    match &mut value {
        Value::Array(items) => items.iter_mut().for_each(|item| *item = filled(item.take())),
        Value::Object(entries) => {
            entries.retain(|_, entry| !entry.is_null());
            entries.values_mut().for_each(|entry| *entry = filled(entry.take()));
        }
        _ => {}
    }
    value
}

fn tag<T>(answer: &ResponseValue<T>) -> String {
    answer.headers()["etag"].to_str().unwrap().to_owned()
}

/// The status and the code of an answer that is a problem, in the form that all problems have.
fn problem<T>(answer: Result<ResponseValue<T>, Error<types::Problem>>) -> (u16, String) {
    match answer {
        Err(Error::ErrorResponse(answer)) => {
            assert_eq!(answer.headers()["content-type"], "application/problem+json");
            let (status, problem) = (answer.status().as_u16(), answer.into_inner());
            assert_eq!(i64::from(problem.status), i64::from(status));
            (status, problem.code)
        }
        Err(error) => panic!("an answer that the document does not know: {error:?}"),
        Ok(answer) => panic!("it was done: {}", answer.status()),
    }
}

async fn text(stream: ByteStream) -> String {
    let mut stream = stream.into_inner();
    let mut bytes = Vec::new();
    while let Some(piece) = stream.next().await {
        bytes.extend_from_slice(&piece.unwrap());
    }
    String::from_utf8(bytes).unwrap()
}

const JOB: &str = "name: greeting\nresources: {cpus: 1+}\nrun: echo hello\n";

#[tokio::test]
async fn a_run_is_submitted_listed_followed_and_read_by_the_words_of_the_document() {
    let broker = Broker::start();
    let client = &broker.client;
    let health = client.health().await.unwrap();
    assert_eq!(health.version, env!("CARGO_PKG_VERSION"));
    let new = broker.shown(JOB, false).await;
    broker.shown(JOB, true).await;
    let run = broker.submitted("first", &new).await;
    assert_eq!(broker.submitted("first", &new).await, run, "the same key is the same run");
    let told = broker.until_over(&run, 0).await;
    assert_eq!(
        (&*told[0], told.iter().filter(|record| *record == "task_committed").count()),
        ("run_started", 1)
    );
    assert_eq!(broker.state(&run).await, "succeeded");

    let runs = client.list_runs(None, Some(1.try_into().unwrap()), None).await.unwrap();
    broker.assert_whole("/v1/runs?limit=1", &*runs).await;
    assert_eq!((runs.runs.len(), &runs.next), (1, &Some(run.clone())));
    let known = client.list_runs(None, Some(1.try_into().unwrap()), Some(&tag(&runs))).await;
    let Err(Error::UnexpectedResponse(answer)) = known else { panic!("{known:?}") };
    assert_eq!(answer.status().as_u16(), 304);
    let before = client.list_runs(Some(&run), None, None).await.unwrap();
    assert!(before.runs.is_empty() && before.next.is_none());

    let logs = client.show_logs(&run, None, None, None, None).await.unwrap();
    broker.assert_whole(&format!("/v1/runs/{run}/logs"), &*logs).await;
    assert_eq!(logs.lines.iter().map(|line| &*line.line).collect::<Vec<_>>(), ["hello"]);
    let stream = text(client.follow_run(&run, None).await.unwrap().into_inner()).await;
    let items: Vec<&str> = stream.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    for item in &items {
        let read: types::Item = serde_json::from_str(item).unwrap();
        let said: Value = serde_json::from_str(item).unwrap();
        assert_eq!(filled(serde_json::to_value(read).unwrap()), filled(said));
    }
    assert_eq!(items.last(), Some(&r#"{"kind":"end"}"#));
    let last = stream.lines().rev().find_map(|line| line.strip_prefix("id: ")).unwrap();
    let rest = text(client.follow_run(&run, Some(last)).await.unwrap().into_inner()).await;
    assert_eq!(rest, format!("id: {last}\ndata: {{\"kind\":\"end\"}}\n\n"), "read on from the last");
    assert!(text(client.metrics().await.unwrap().into_inner()).await.contains("welkin_"));
}

#[tokio::test]
async fn writes_are_held_against_tags_and_what_is_refused_is_a_problem() {
    let broker = Broker::start();
    let client = &broker.client;
    let gate = broker.folder.path().join("gate");
    let script = format!("until [ -e {} ]; do sleep 0.02; done", gate.display());
    let gated = format!("name: gated\nresources: {{cpus: 1+}}\nrun: |\n  {script}\n");
    let new = broker.shown(&gated, false).await;
    let run = broker.submitted("gated", &new).await;
    let other = broker.shown(JOB, false).await;
    assert_eq!(
        problem(client.submit(&"gated".parse().unwrap(), &other).await),
        (422, "run::refused".to_owned())
    );
    let mut since = 0;
    while broker.state(&run).await != "running" {
        since = client.events(None, Some(since), Some(20)).await.unwrap().next;
    }
    assert_eq!(problem(client.cancel_run(&run, Some("\"0\"")).await), (412, "broker::changed".to_owned()));
    // It may put something on record in between: then the tag is looked at again.
    loop {
        let shown = client.show_run(&run, None).await.unwrap();
        match client.cancel_run(&run, Some(&tag(&shown))).await {
            Ok(taken) => break assert_eq!((taken.status().as_u16(), &taken.run), (202, &run)),
            refused => assert_eq!(problem(refused).0, 412),
        }
    }
    broker.until_over(&run, 0).await;
    assert_eq!(broker.state(&run).await, "cancelled");

    let not_found = (404, "run::not-found".to_owned());
    assert_eq!(problem(client.show_run("none", None).await), not_found);
    assert_eq!(problem(client.follow_run("none", None).await), not_found);
    assert_eq!(problem(client.list_runs(Some("none"), None, None).await), not_found);
    assert_eq!(problem(client.events(None, Some(1 << 40), None).await).0, 404);
    assert_eq!(problem(client.events(None, None, Some(61)).await), (400, "broker::request".to_owned()));
    assert_eq!(problem(client.show_plan("0", None, None, "{}").await).0, 400);
    let wrong = "0".repeat(64);
    assert_eq!(problem(client.show_plan(&wrong, None, None, "{}").await).0, 422);
    let unshown = types::NewRun { plan: wrong, ..new };
    assert_eq!(
        problem(client.submit(&"unshown".parse().unwrap(), &unshown).await),
        (404, "broker::no-plan".to_owned())
    );
}

#[tokio::test]
async fn projects_are_made_changed_and_read_by_the_words_of_the_document() {
    let broker = Broker::start();
    let client = &broker.client;
    let limits = |limits: Value| serde_json::from_value::<types::ProjectLimits>(limits).unwrap();
    let made = client.set_project("lab", None, Some("*"), &limits(json!({"runs": 1}))).await.unwrap();
    assert_eq!(made.status().as_u16(), 201);
    let twice = client.set_project("lab", None, Some("*"), &limits(json!({}))).await;
    assert_eq!(problem(twice), (412, "broker::changed".to_owned()));
    let blind = client.set_project("lab", None, None, &limits(json!({}))).await;
    assert_eq!(problem(blind), (428, "broker::request".to_owned()));
    let more = limits(json!({"runs": 2, "accelerators": {"H100": 8}}));
    let changed = client.set_project("lab", Some(&tag(&made)), None, &more).await.unwrap();
    assert_eq!((changed.status().as_u16(), changed.version), (200, made.version + 1));
    assert_eq!(problem(client.set_project("lab", Some(&tag(&made)), None, &more).await).0, 412);
    let shown = client.show_project("lab").await.unwrap();
    broker.assert_whole("/v1/projects/lab", &*shown).await;
    assert_eq!(tag(&shown), tag(&changed));
    let all = client.list_projects().await.unwrap();
    broker.assert_whole("/v1/projects", &*all).await;
    let role = serde_json::from_value(json!({"role": "viewer"})).unwrap();
    let members = client.add_project_member("lab", "ana", None, &role).await.unwrap();
    assert_eq!(members.members.get("ana").map(String::as_str), Some("viewer"));
    let left = client.remove_project_member("lab", "ana", None).await.unwrap();
    assert!(left.members.is_empty());
    assert_eq!(problem(client.show_project("none").await), (404, "project::not-found".to_owned()));
}
