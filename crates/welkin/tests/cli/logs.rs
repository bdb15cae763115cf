//! Output of scripts comes back byte for byte, whatever is in it and whatever dies while it is written.

use crate::bed::{Bed, both};
use crate::broker::Apart;
use crate::broker_kill::get;
use crate::disk::SmallDisk;
use crate::kept::files;
use rustix::process::{Signal, kill_process};
use std::fs;
use std::process::{Child, Command};

/// What no terminal, no encoding and no protocol likes.
fn odd() -> Vec<u8> {
    let mut odd = b"\0\0\n\n\n\r\n10%\r20%\r\n\xff\xfe\xc3\ndata: {\"kind\":\"end\"}\n\x1b[31m\n".to_vec();
    odd.extend("\u{10FFFF}\u{10FF80} \u{e4}\n".bytes());
    odd.extend((0..300_000_u32).map(|at| (at * 7 / 3) as u8).filter(|byte| *byte != b'\n'));
    odd.extend(b"\n\n and no end");
    odd
}

#[test]
fn a_log_is_what_the_script_wrote_byte_for_byte() {
    let bed = Bed::new();
    fs::write(bed.path().join("odd"), odd()).unwrap();
    bed.file(
        "job.yaml",
        &format!("name: odd\nresources: {{cpus: 1+}}\nrun: cat {}/odd\n", bed.path().display()),
    );
    bed.ok(["up", "job.yaml"]);
    let raw = bed.run(["logs", "--raw"]);
    assert!(raw.status.success() && raw.stdout == odd(), "{} bytes", raw.stdout.len());
    let tail = bed.run(["logs", "--raw", "--tail", "1"]);
    assert_eq!(tail.stdout, b" and no end");
    let shown = bed.ok(["logs"]);
    assert!(shown.contains("odd | 20%\nodd | \u{FFFD}\u{FFFD}\u{FFFD}\n"), "{shown:?}");
    let lines = bed.ok(["logs", "--output", "json"]);
    let of = |id: usize| serde_json::from_str::<serde_json::Value>(lines.lines().nth(id).unwrap()).unwrap();
    let strange = (0..10).map(of).find(|line| line["bytes"].is_string()).unwrap();
    assert_eq!(
        (strange["line"].as_str(), strange["bytes"].as_str()),
        (Some("\u{FFFD}\u{FFFD}\u{FFFD}"), Some("//7D"))
    );
    // What is after a line, by its number.
    let after = of(lines.lines().count() - 3)["id"].to_string();
    assert_eq!(bed.run(["logs", "--raw", "--since", &after]).stdout, b"\n and no end");
}

fn follow(apart: &Apart, run: &str) -> Child {
    apart.command(["logs", run, "--raw", "--follow"]).spawn().unwrap()
}

#[test]
fn brokers_that_are_killed_while_much_is_written_lose_no_line_and_double_none() {
    let apart = Apart::new();
    apart.file("job.yaml", "name: flood\nresources: {cpus: 1+}\nrun: seq 1 300000\n");
    let run = apart.ok(["up", "job.yaml", "-d"]).lines().last().unwrap().to_owned();
    let followers = [follow(&apart, &run), follow(&apart, &run)];
    for kill in 0..3 {
        // Once it has written some more of it, and before it is done.
        let there = || {
            files(&apart.home().join("state/logs"), &run)
                .iter()
                .map(|file| file.metadata().map_or(0, |file| file.len()))
                .sum::<u64>()
        };
        while there() < 200_000 * (kill + 1) && !apart.states().iter().all(|(_, state)| state == "succeeded")
        {
            std::thread::yield_now();
        }
        if let Some(broker) = apart.pid() {
            kill_process(broker, Signal::KILL).unwrap();
        }
        apart.ok(["runs"]);
        drop(apart.run(["resume", &run, "--output", "json"]));
    }
    let expected: String = (1..=300_000).map(|number| format!("{number}\n")).collect();
    for follower in followers {
        let output = follower.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stdout == expected.as_bytes(), "{} bytes of {}", output.stdout.len(), expected.len());
    }
    let late = apart.run(["logs", &run, "--raw"]);
    assert!(late.stdout == expected.as_bytes(), "{} bytes", late.stdout.len());
    assert_eq!(apart.run(["logs", &run, "--raw", "--tail", "2"]).stdout, b"299999\n300000\n");
    apart.ok(["prune", &run, "--yes"]);
    assert!(files(&apart.home().join("state/logs"), &run).is_empty());
}

#[test]
fn the_broker_gives_pages_of_lines_from_any_line_and_from_the_end() {
    let apart = Apart::new();
    let job = "name: two\ntasks:\n  one:\n    resources: {cpus: 1+}\n    run: seq 1 50000; printf '\\377\\n'\n  other:\n    resources: {cpus: 1+}\n    run: echo other\n";
    apart.file("job.yaml", job);
    let run = apart.ok(["up", "job.yaml", "-d"]).lines().last().unwrap().to_owned();
    apart.ok(["logs", &run, "--follow"]);
    let socket = apart.home().join("state/broker.sock");
    let page = |query: &str| {
        let (status, body) = get(&socket, &format!("/v1/runs/{run}/logs?{query}")).unwrap();
        (status, serde_json::from_str::<serde_json::Value>(&body).unwrap())
    };
    let texts = |page: &serde_json::Value| -> Vec<String> {
        page["lines"]
            .as_array()
            .unwrap()
            .iter()
            .map(|line| line["line"].as_str().unwrap().to_owned())
            .collect()
    };
    let (status, last) = page("task=one&tail=3");
    assert_eq!((status, texts(&last)), (200, vec!["49999".into(), "50000".into(), "\u{10FFFF}".into()]));
    assert_eq!(last["more"], false);
    let (_, none) = page(&format!("task=one&since={}", last["next"]));
    assert_eq!((texts(&none).len(), &none["next"]), (0, &last["next"]));
    // Of what is new the last lines, as many as there are.
    let first = &last["lines"][0]["id"];
    let of_new = |tail: u32| page(&format!("task=one&since={first}&tail={tail}")).1;
    assert_eq!(texts(&of_new(1)), ["\u{10FFFF}"]);
    assert_eq!(texts(&of_new(1000)), ["50000", "\u{10FFFF}"]);
    let (mut since, mut lines) = (0, Vec::new());
    loop {
        let (_, page) = page(&format!("since={since}&limit=700"));
        lines.extend(texts(&page));
        since = page["next"].as_u64().unwrap();
        if page["more"] == false {
            break;
        }
    }
    assert_eq!(lines.len(), 50_002);
    assert_eq!(lines.iter().filter(|line| *line == "other").count(), 1);
    for (query, status) in
        [("tail=1&since=-1", 400), ("limit=0", 400), ("limit=1001", 400), ("task=none", 404), ("tail=x", 400)]
    {
        let (found, problem) = page(query);
        assert!(found == status && problem["title"].is_string(), "{query}: {found} {problem}");
    }
    assert_eq!(get(&socket, "/v1/runs/none-1/logs").unwrap().0, 404);
}

#[test]
fn a_disk_that_is_full_while_much_is_written_holds_the_run_up_and_loses_nothing() {
    let apart = Apart::new();
    let state = apart.home().join("state");
    let Some(_disk) = SmallDisk::mount(state.clone()) else {
        eprintln!("skipped: a_disk_that_is_full_while_much_is_written: no tmpfs");
        return;
    };
    apart.file("job.yaml", "name: flood\nresources: {cpus: 1+}\nrun: seq 1 700000\n");
    let run = apart.ok(["up", "job.yaml", "-d"]).lines().last().unwrap().to_owned();
    while apart.json(&["runs"])["runs"][0]["driven"] != false {
        std::thread::yield_now();
    }
    // What is there can be read all the same.
    let some = apart.run(["logs", "--raw"]).stdout;
    assert!(some.starts_with(b"1\n2\n3\n") && some.ends_with(b"\n"), "{} bytes", some.len());
    let mut more = Command::new("mount");
    more.args(["-o", "remount,size=64m"]).arg(&state);
    assert!(more.status().unwrap().success());
    drop(apart.run(["resume", &run]));
    let expected: String = (1..=700_000).map(|number| format!("{number}\n")).collect();
    let late = apart.run(["logs", &run, "--raw", "--follow"]);
    assert!(late.stdout == expected.as_bytes(), "{} bytes, {}", late.stdout.len(), apart.ok(["runs"]));
}

#[test]
fn what_the_user_lets_it_keep_is_kept_and_the_rest_is_said_to_be_gone() {
    let bed = Bed::new();
    bed.file("h/config.toml", "log-keep = \"1MB\"\n");
    bed.file("job.yaml", "name: long\nresources: {cpus: 1+}\nrun: seq 1 600000\n");
    bed.ok(["up", "job.yaml"]);
    let shown = bed.run(["logs", "--raw"]);
    let said = String::from_utf8_lossy(&shown.stderr);
    let gone: u64 =
        said.split_once(" lines are left out").unwrap().0.split(' ').next_back().unwrap().parse().unwrap();
    let lines: Vec<u64> =
        String::from_utf8(shown.stdout.clone()).unwrap().lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(lines.len() as u64 + gone, 600_000, "{}", both(&shown));
    let gaps: Vec<u64> = lines.windows(2).map(|pair| pair[1] - pair[0]).filter(|step| *step != 1).collect();
    assert_eq!(gaps, [gone + 1]);
    assert!((100_000..=1_100_000).contains(&shown.stdout.len()), "{}", shown.stdout.len());
    bed.file("h/config.toml", "log-keep = \"much\"\n");
    let refused = bed.run(["runs"]);
    assert!(
        !refused.status.success() && both(&refused).contains("how much of an output"),
        "{}",
        both(&refused)
    );
}
