//! Several engines that run a contract of two hospitals together.

use super::sql::{QUERY, Story, engine, events};
use crate::bed::both;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const TABLE: &str = "diagnosis,patients,age\nNarwhalitis,1,44.0\nZebrafever,1,50.0\nflu,3,30.0\n";

#[test]
fn three_engines_find_out_what_one_does_and_that_is_one_run() {
    let test = "three_engines_find_out_what_one_does_and_that_is_one_run";
    let Some(programs) = engine(test) else { return };
    let story = Story::of(QUERY, programs, &["--engines", "3"]);
    // What is agreed to by signing stands there.
    let shown = story.ok(&story.host, &["seal", "contract", "show", "c.json"]);
    assert!(shown.contains("run by 3 engines together: whoever runs them sees"), "{shown}");
    let contract = fs::read_to_string(story.host.path().join("c.json")).unwrap();
    story.a.file("c.json", &contract);
    let sealed = [&story.a, &story.b].map(|bed| bed.path().join("sealed").to_str().unwrap().to_owned());
    let args = ["sql", "check", "c.json", "--query", "q.sql", "--input", &sealed[0], "--input", &sealed[1]];
    let checked = story.run(&story.a, &args);
    assert!(checked.status.success(), "{}", both(&checked));
    assert!(both(&checked).contains("frames of 64 KiB go from each to each other"), "{}", both(&checked));
    // A trial starts all of them, and releases nothing.
    let tried = story.start(&["--dry-run"]);
    assert!(tried.status.success(), "{}", both(&tried));
    assert!(!events(&story.a).contains("released"));
    let ran = story.start(&[]);
    assert!(ran.status.success(), "{}", both(&ran));
    let told: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!((&told["engine"]["together"], &told["rows"]), (&3.into(), &3.into()));
    let result = story.host.path().join("result");
    assert_eq!(story.ok(&story.a, &["seal", "open", result.to_str().unwrap(), "--party", "a"]), TABLE);
    for bed in [&story.a, &story.b] {
        let events = events(bed);
        assert_eq!(events.matches("keys released to several of simulated").count(), 1, "{events}");
        assert_eq!(events.matches(" ran").count(), 1, "{events}");
    }
    // Three engines were one run, which is all that was agreed on.
    fs::rename(&result, story.host.path().join("first")).unwrap();
    let again = story.start(&[]);
    assert!(both(&again).contains("it ran 1 times already"), "{}", both(&again));
    // A receipt that names fewer engines, or others, proves nothing.
    let first = story.host.path().join("first");
    let receipt = fs::read_to_string(first.join("receipt.json")).unwrap();
    let mut fewer: Value = serde_json::from_str(&receipt).unwrap();
    fewer["content"]["attested"]["peers"].as_array_mut().unwrap().pop();
    fs::write(first.join("receipt.json"), serde_json::to_string_pretty(&fewer).unwrap() + "\n").unwrap();
    let opened = story.run(&story.a, &["seal", "open", first.to_str().unwrap(), "--party", "a"]);
    assert_eq!((opened.status.code(), opened.stdout.len()), (Some(16), 0), "{}", both(&opened));
}

#[test]
fn the_host_starts_as_many_engines_as_were_signed() {
    let Some(programs) = engine("the_host_starts_as_many_engines_as_were_signed") else { return };
    let story = Story::of(QUERY, programs, &["--engines", "3"]);
    let contract = fs::read_to_string(story.host.path().join("c.json")).unwrap();
    story.host.file("c.json", &contract.replace("\"together\": 3", "\"together\": 2"));
    assert_eq!(story.refused(&[]), "bad-signature");
    let one: Vec<&str> = contract.lines().filter(|line| !line.contains("together")).collect();
    story.host.file("c.json", &(one.join("\n") + "\n"));
    assert_eq!(story.refused(&[]), "bad-signature");
    story.host.file("c.json", &contract);
    // A host that starts one engine where three were signed, and says nothing of it.
    let (host, path) = (story.host.path(), story.path());
    let (_, command) =
        Story::ask(&story.a, "a").split_once('=').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let mut owner = talk(Command::new("sh").args(["-c", &command]).env("PATH", &path).current_dir(host));
    let mut alone = talk(Command::new("welkin-enclave").env("PATH", &path));
    alone.say(r#"{"engine":{"tee":["simulated"]}}"#);
    owner.say(&serde_json::json!({ "contract": { "contract": contract } }).to_string());
    let challenge = owner.hear();
    alone.say(&challenge);
    let answer = alone.hear();
    owner.say(&answer);
    let refused: Value = serde_json::from_str(&owner.hear()).unwrap();
    assert_eq!(refused["refused"]["code"], "bad-group", "{refused}");
    let events = events(&story.a);
    assert!(events.contains("refused: bad-group") && !events.contains("keys released"), "{events}");
}

#[test]
fn what_several_engines_do_not_do_is_refused_when_the_contract_is_made() {
    let test = "what_several_engines_do_not_do_is_refused_when_the_contract_is_made";
    let Some(programs) = engine(test) else { return };
    let story = Story::of(QUERY, programs, &[]);
    let sealed = story.a.path().join("sealed/snapshot.json");
    let new = |more: &[&str]| {
        let engine = format!("simulated:measurement={}", "00".repeat(48));
        let args = ["seal", "contract", "new", "--sql", "q.sql", "--input", sealed.to_str().unwrap()];
        let args = [&args[..], &["--to", "a", "--engine", &engine], more].concat();
        story.run(&story.a, &args)
    };
    assert!(new(&["--engines", "16"]).status.success());
    for (more, word) in [
        (&["--oblivious"][..], "an oblivious run is one engine's"),
        (&["--minimum-group", "5"], "a smallest group is one engine's"),
        (&["--epsilon", "0.5"], "differential privacy is one engine's"),
    ] {
        let made = new(&[more, &["--engines", "3"]].concat());
        assert!(!made.status.success() && made.stdout.is_empty(), "{more:?}");
        assert!(both(&made).contains(word), "{more:?}: {}", both(&made));
    }
    for count in ["0", "17"] {
        assert_eq!(new(&["--engines", count]).status.code(), Some(2), "{count}");
    }
}

/// Somebody who answers line by line.
struct Talk {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

fn talk(command: &mut Command) -> Talk {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    Talk { child, input, output }
}

impl Talk {
    fn say(&mut self, line: &str) {
        self.input.write_all(format!("{}\n", line.trim_end()).as_bytes()).unwrap();
    }

    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
