//! Tags of what can be asked: nothing is sent twice, and nobody acts on what has changed.

use crate::broker::Apart;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// Status, tag and body of an answer.
fn asked(socket: &Path, method: &str, path: &str, headers: &str) -> (u16, String, String) {
    asked_with(socket, method, path, headers, "")
}

fn asked_with(socket: &Path, method: &str, path: &str, headers: &str, body: &str) -> (u16, String, String) {
    let mut stream = UnixStream::connect(socket).unwrap();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: w\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let tag = head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap_or_default();
    (status, tag.to_owned(), body.to_owned())
}

#[test]
fn what_is_at_hand_is_not_sent_again_and_what_has_changed_is_not_acted_on() {
    let apart = Apart::new();
    apart.file("job.yaml", "name: waits\nresources: {cpus: 1+}\nrun: sleep 600\n");
    let run = apart.ok(["up", "job.yaml", "-d"]).lines().last().unwrap().to_owned();
    apart.ok(["up", "--yes", "-c", "dev", "--cpus", "1"]);
    let socket = apart.home().join("state/broker.sock");
    let runs = apart.json(&["runs"]);
    let held = runs["runs"].as_array().unwrap().iter().find(|run| run["cluster"].is_object()).unwrap();
    let held = held["id"].as_str().unwrap();
    let path = format!("/v1/runs/{held}");

    let (status, tag, body) = asked(&socket, "GET", &path, "");
    assert_eq!(status, 200);
    assert!(tag.starts_with('"') && !body.is_empty(), "{tag}");
    let known = format!("if-none-match: \"other\", W/{tag}\r\n");
    assert_eq!(asked(&socket, "GET", &path, &known), (304, tag.clone(), String::new()));
    // A change of the cluster is one of the run that holds it; whoever looked before is refused.
    let matching = format!("if-match: {tag}\r\n");
    apart.ok(["autostop", "dev", "-i", "30", "--down"]);
    let (status, now, body) = asked(&socket, "POST", &format!("{path}/cancel"), &matching);
    assert!(status == 412 && body.contains("broker::changed") && body.contains(held), "{status} {body}");
    assert_ne!(now, tag);
    assert_eq!(asked(&socket, "GET", &path, &format!("if-none-match: {tag}\r\n")).1, now);
    assert_eq!(asked(&socket, "POST", &format!("{path}/stop"), &matching).0, 412);
    assert_eq!(asked(&socket, "POST", &format!("{path}/stop"), &format!("if-match: W/{now}\r\n")).0, 412);
    assert_eq!(
        asked(&socket, "POST", &format!("{path}/resume"), &format!("if-match: \"x\", {now}\r\n")).0,
        202
    );
    assert_eq!(asked(&socket, "POST", &format!("{path}/cancel"), "if-match: *\r\n").0, 202);
    // What is wrong with a request is said before what has changed.
    let autostop = |body: &str| {
        let headers = format!("{matching}content-type: application/json\r\n");
        asked_with(&socket, "PUT", &format!("{path}/autostop"), &headers, body)
    };
    for (body, status) in [(r#""3""#, 422), ("[]", 422), ("{", 400), (r#"{"idle":0.0}"#, 400)] {
        assert_eq!(autostop(body).0, status, "{body}");
    }
    let (status, tag, _) = autostop(r#"{"idle":60000}"#);
    assert!(status == 412 && tag.starts_with('"'), "{status} {tag}");
    let none = asked(&socket, "POST", "/v1/runs/none-1/cancel", &matching);
    assert_eq!(none.0, 404, "{none:?}");
    assert_eq!(asked(&socket, "POST", "/v1/gc", &matching).0, 400);

    apart.ok(["cancel", &run, "--yes"]);
    while !apart.states().iter().all(|(_, state)| state == "cancelled") {
        std::thread::yield_now();
    }
    let (status, tag, _) = asked(&socket, "GET", "/v1/runs", "");
    assert_eq!(status, 200);
    let known = format!("if-none-match: {tag}\r\n");
    assert_eq!(asked(&socket, "GET", "/v1/runs", &known), (304, tag.clone(), String::new()));
    apart.ok(["up", "job.yaml", "-d"]);
    let (status, now, body) = asked(&socket, "GET", "/v1/runs", &known);
    assert!(status == 200 && now != tag && !body.is_empty());
}
