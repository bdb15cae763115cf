//! `kill -9` of brokers while many clients submit, some of which hang up before they are answered, and others watch: every
//! acknowledged run happens exactly once, what each watcher has made of the events is the list, nothing is left.
//!
//! `WELKIN_SOAK_ROUNDS=200 cargo test -p welkin broker_kill` kills two hundred brokers.

use crate::bed::both;
use crate::broker::Apart;
use crate::kill::Dice;
use crate::watching::{Seen, hang_up};
use rustix::process::{Signal, kill_process};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

/// Kills of an ordinary test run.
const KILLS: u64 = 6;

/// Clients at once.
const CLIENTS: usize = 20;

/// Those who watch.
const WATCHERS: usize = 3;

/// Of so many submissions one is sent by a client that hangs up.
pub(crate) const HANGS_UP_IN: u64 = 3;

/// Longest time before a kill: a broker starts, takes some submissions and drives them meanwhile.
const WITHIN_MS: u64 = 400;

/// Counts how often its first task was carried out, and moves what it made.
pub(crate) const JOB: &str = "
name: counted
tasks:
  first:
    resources: {cpus: 1+}
    outputs: {out: {size: 1 MB}}
    run: echo 1 > ~/outputs/out
  last:
    inputs: {number: first.out}
    resources: {cpus: 1+, infra: gcp}
    run: cat ~/inputs/number
";

/// Asks over the socket in the fewest bytes that are HTTP. Written apart from the client it stands beside.
pub(crate) fn ask(socket: &Path, request: &str) -> io::Result<(u16, String)> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.write_all(request.as_bytes())?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (head, body) =
        text.split_once("\r\n\r\n").ok_or_else(|| io::Error::other(format!("no answer: {text}")))?;
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    let whole = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    if whole.is_some_and(|length| length != body.len()) {
        return Err(io::Error::other("cut short"));
    }
    Ok((status, body.to_owned()))
}

pub(crate) fn get(socket: &Path, path: &str) -> io::Result<(u16, String)> {
    ask(socket, &format!("GET {path} HTTP/1.1\r\nhost: w\r\nconnection: close\r\n\r\n"))
}

#[test]
fn brokers_are_killed_and_every_acknowledged_run_happens_once() {
    let kills = std::env::var("WELKIN_SOAK_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(KILLS);
    let apart = Apart::new();
    apart.file("job.yaml", JOB);
    apart.ok(["plan", "job.yaml", "--save", "plan.json"]);
    let socket = apart.home().join("state/broker.sock");
    let killing = AtomicBool::new(true);
    let (names, seen) = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (apart, killing) = (&apart, &killing);
                scope.spawn(move || submit(apart, client, killing))
            })
            .collect();
        let watch = || {
            let mut seen = Seen::default();
            while killing.load(Ordering::Relaxed) {
                // A broker that is gone: the next look asks the next.
                drop(seen.look(&socket));
            }
            seen
        };
        let watchers: Vec<_> = (0..WATCHERS).map(|_| scope.spawn(watch)).collect();
        hunt(&apart, kills);
        killing.store(false, Ordering::Relaxed);
        let names: Vec<String> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
        (names, watchers.into_iter().map(|watcher| watcher.join().unwrap()).collect::<Vec<_>>())
    });
    apart.ok(["resume"]);
    let distinct: BTreeSet<&String> = names.iter().collect();
    assert_eq!(distinct.len(), names.len(), "one run was given to two submissions");
    let states: BTreeMap<String, String> = apart.states().into_iter().collect();
    assert!(states.values().all(|state| state == "succeeded"), "{states:?}");
    assert_eq!(states.keys().collect::<BTreeSet<_>>(), distinct, "listed, and acknowledged");
    for mut seen in seen {
        while seen.over() < states.len() {
            apart.ok(["broker", "status"]);
            seen.look(&socket).unwrap_or_else(|error| panic!("{error}; {} of {}", seen.over(), states.len()));
        }
        assert_eq!(seen.states(), states, "what a watcher knows, and the list");
    }
    assert_eq!(apart.leases(), Vec::<std::path::PathBuf>::new());
    assert!(kills == 0 || !names.is_empty());
    println!("{} runs, {kills} kills", names.len());
}

/// One client: submits until the killing ends, each under a key of its own, and sends each until it is acknowledged. Now and
/// then it hangs up before it is answered.
fn submit(apart: &Apart, client: usize, killing: &AtomicBool) -> Vec<String> {
    let (mut names, mut dice) = (Vec::new(), Dice(client as u64 + 1));
    for number in 0.. {
        if number > 0 && !killing.load(Ordering::Relaxed) {
            break;
        }
        let token = format!("client-{client}-{number}");
        let up = || apart.command(["up", "plan.json", "-d", "--token", &token]);
        if dice.below(HANGS_UP_IN) == 0 {
            hang_up(up(), Duration::from_millis(dice.below(WITHIN_MS)));
        }
        loop {
            let output = up().output().unwrap();
            match output.status.code() {
                Some(0) => {
                    let text = String::from_utf8(output.stdout).unwrap();
                    names.push(text.lines().last().unwrap().to_owned());
                    break;
                }
                // The broker was killed while it answered, or another starts: not acknowledged.
                Some(1 | 8) => {}
                _ => panic!("{}", both(&output)),
            }
        }
    }
    names
}

/// Kills whichever broker there is, so often.
fn hunt(apart: &Apart, kills: u64) {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let (_held, never) = mpsc::channel::<()>();
    let mut killed = 0;
    while killed < kills {
        let _ = never.recv_timeout(Duration::from_millis(dice.below(WITHIN_MS)));
        if let Some(pid) = apart.pid() {
            killed += u64::from(kill_process(pid, Signal::KILL).is_ok());
        }
    }
}

#[test]
fn requests_that_make_no_sense_are_refused_in_one_form() {
    let apart = Apart::new();
    apart.file("job.yaml", "name: a\nresources: {cpus: 1+}\nrun: echo done\n");
    apart.ok(["up", "job.yaml"]);
    let run = apart.states()[0].0.clone();
    let socket = apart.home().join("state/broker.sock");
    let post = |path: &str, headers: &str, body: &str| {
        let length = body.len();
        let head =
            format!("POST {path} HTTP/1.1\r\nhost: w\r\nconnection: close\r\ncontent-length: {length}\r\n");
        ask(&socket, &format!("{head}{headers}\r\n{body}")).unwrap()
    };
    let json = "content-type: application/json\r\n";
    let keyed = "content-type: application/json\r\nidempotency-key: k\r\n";
    let empty = r#"{"plan": "{}", "job": "{}", "base_dir": "/"}"#;
    for (answer, status, code) in [
        (get(&socket, "/v1/nothing").unwrap(), 404, "broker::request"),
        (get(&socket, "/").unwrap(), 404, "broker::request"),
        (get(&socket, "/v1/runs/none").unwrap(), 404, "run::not-found"),
        (get(&socket, "/v1/runs?limit=many").unwrap(), 400, "broker::request"),
        (get(&socket, "/v1/runs?before=none").unwrap(), 404, "run::not-found"),
        (get(&socket, "/v1/runs?limit=0").unwrap(), 400, "broker::request"),
        (get(&socket, "/v1/events?wait=61").unwrap(), 400, "broker::request"),
        (get(&socket, "/v1/events?since=100000").unwrap(), 404, "broker::gone"),
        (get(&socket, "/v1/events?since=9223372036854775808").unwrap(), 400, "broker::request"),
        (get(&socket, "/v1/stop").unwrap(), 405, "broker::request"),
        (post("/v1/runs", "", empty), 415, "broker::request"),
        (post("/v1/runs", json, empty), 400, "broker::request"),
        (post("/v1/runs", keyed, "{"), 400, "broker::request"),
        (post("/v1/runs", keyed, "{}"), 422, "broker::request"),
        (post("/v1/runs", keyed, empty), 422, "run::refused"),
        (post("/v1/runs/none/cancel", json, "null"), 404, "run::not-found"),
        (post("/v1/runs/%FF/down", json, "null"), 400, "broker::request"),
    ] {
        let problem: Value = serde_json::from_str(&answer.1).unwrap_or_else(|_| panic!("{answer:?}"));
        assert_eq!((answer.0, problem["code"].as_str()), (status, Some(code)), "{answer:?}");
        assert_eq!(problem["status"], status);
    }
    // A body that is longer than any plan is not read to its end.
    let huge = "POST /v1/runs HTTP/1.1\r\nhost: w\r\ncontent-type: application/json\r\nidempotency-key: k\r\n\
                content-length: 9000000000\r\nconnection: close\r\n\r\n{";
    assert_eq!(ask(&socket, huge).unwrap().0, 413);
    // A reader that comes after runs were forgotten is told, and never jumps over what is gone.
    let (_, body) = get(&socket, "/v1/events?limit=1").unwrap();
    let page: Value = serde_json::from_str(&body).unwrap();
    let first = page["next"].as_u64().unwrap();
    let (_, body) = get(&socket, "/v1/runs").unwrap();
    let list: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(list["runs"][0]["id"], run.as_str());
    let as_of = list["as_of"].as_u64().unwrap();
    apart.ok(["up", "job.yaml"]);
    apart.ok(["prune", &run, "--yes"]);
    apart.ok(["up", "job.yaml"]);
    let (status, body) = get(&socket, &format!("/v1/events?since={first}")).unwrap();
    let problem: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, problem["code"].as_str()), (410, Some("broker::gone")), "{body}");
    assert!(problem["oldest"].as_u64().unwrap() >= as_of, "{body}");
    assert_eq!(get(&socket, &format!("/v1/runs?before={run}")).unwrap().0, 410);
    let oldest = problem["oldest"].as_u64().unwrap();
    assert_eq!(get(&socket, &format!("/v1/events?since={oldest}")).unwrap().0, 200);
}
