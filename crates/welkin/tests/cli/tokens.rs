//! Tokens of a team's broker: for programs, until they expire or are removed.

use crate::bed::{Bed, both, stderr};
use crate::team::{Team, runtime};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output};
use welkin_gateway::Token;

impl Team {
    /// Makes a token, and gives it.
    fn token(&self, name: &str, role: &str, expires: &str) -> String {
        let add = ["serve", "token", "add", "--name", name, "--role", role, "--expires", expires];
        self.bed.ok(add).trim().to_owned()
    }

    fn listed(&self, name: &str) -> Value {
        let tokens = self.bed.json(&["serve", "token", "list"])["tokens"].clone();
        tokens.as_array().unwrap().iter().find(|token| token["name"] == name).cloned().unwrap_or_default()
    }
}

/// A machine without a key on any list.
struct Program {
    bed: Bed,
    token: String,
}

impl Program {
    fn new(token: &str) -> Self {
        Self { bed: Bed::apart(), token: token.to_owned() }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.bed.command(args);
        command.env("WELKIN_TOKEN", &self.token);
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    fn login(&self, team: &Team) {
        let output = self.run(&["login", &team.address, "--server", &team.server]);
        assert_eq!(output.status.code(), Some(0), "{}", both(&output));
    }
}

/// Files below a folder that hold a text.
fn holding(folder: &Path, text: &str) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            found.extend(holding(&path, text));
        } else if fs::read(&path)
            .is_ok_and(|bytes| bytes.windows(text.len()).any(|part| part == text.as_bytes()))
        {
            found.push(path);
        }
    }
    found
}

#[test]
fn a_program_works_by_a_token_alone_which_lies_and_shows_nowhere() {
    let team = Team::new();
    let token = team.token("ci", "member", "1h");
    assert!(token.starts_with("wlk_") && token.len() == 76, "{}", token.len());
    assert_eq!(team.listed("ci")["last_use"], json!(null));
    let program = Program::new(&token);
    program.login(&team);
    program.bed.file("job.yaml", "name: built\nresources: {cpus: 1+}\nrun: env\n");
    let done = program.run(&["up", "--yes", "-v", "job.yaml"]);
    assert_eq!(done.status.code(), Some(0), "{}", both(&done));
    assert_eq!(team.bed.json(&["runs"])["runs"][0]["state"], "succeeded");
    assert!(team.listed("ci")["last_use"].is_u64(), "{}", team.listed("ci"));
    // No key of the machine was made, and the secret is in no file and in nothing that was said, on either side.
    assert!(!program.bed.home().join("identity").exists());
    let secret = token.strip_prefix("wlk_").unwrap();
    for bed in [&team.bed, &program.bed] {
        assert_eq!(holding(bed.path(), secret), Vec::<std::path::PathBuf>::new());
        assert_eq!(holding(&bed.home(), secret), Vec::<std::path::PathBuf>::new());
    }
    assert!(!both(&done).contains(secret));
    // What it asked for is written down under its name.
    let audit = fs::read_to_string(team.bed.home().join("audit.jsonl")).unwrap();
    let mut lines = audit.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    assert!(lines.any(|line| line["member"] == "ci" && line["token"] == true && line["path"] == "/v1/runs"));
    // Without it this machine is nobody.
    let stranger = program.bed.run(["runs"]);
    assert_eq!(stranger.status.code(), Some(5), "{}", both(&stranger));
    // One name is one token, so that removing it removes what was meant.
    let again = team.bed.run(["serve", "token", "add", "--name", "ci"]);
    assert!(stderr(&again).contains("there is a token `ci` already"), "{}", both(&again));
}

#[test]
fn what_is_no_token_is_refused_and_not_repeated() {
    let team = Team::new();
    let token = team.token("ci", "viewer", "1h");
    let program = Program::new(&token);
    program.login(&team);
    let other = Token::generate().unwrap().to_secret_text();
    let (cut, foreign) = (&token[..70], other.as_str());
    for (token, code) in [(cut, 3), (&format!("{token}\u{7}"), 3), ("wlk_", 3), (foreign, 5)] {
        let program = Program { bed: Bed::apart(), token: token.to_owned() };
        let refused = program.run(&["login", &team.address, "--server", &team.server]);
        let told = both(&refused);
        assert_eq!(refused.status.code(), Some(code), "{told}");
        assert!(told.contains("WELKIN_TOKEN") && (token.len() < 8 || !told.contains(&token[4..])), "{told}");
    }
    // Nor is it sent to a broker that is another: what is pinned is asked for first.
    let elsewhere = Team::new();
    let refused = program.run(&["login", &elsewhere.address, "--server", &team.server]);
    assert_eq!(refused.status.code(), Some(11), "{}", both(&refused));
}

#[test]
fn a_token_that_is_removed_or_expires_is_out_at_once_also_while_listening() {
    let team = Team::new();
    let removed = Program::new(&team.token("removed", "member", "1h"));
    removed.login(&team);
    removed.bed.file("job.yaml", "name: long\nresources: {cpus: 1+}\nrun: |\n  echo one\n  sleep 600\n");
    let follow = |program: &Program, args: &[&str]| {
        let mut follower = program.command(args).spawn().unwrap();
        let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
        lines.find(|line| line.as_ref().unwrap().ends_with("one")).unwrap().unwrap();
        follower
    };
    let mut follower = follow(&removed, &["up", "--yes", "job.yaml"]);
    team.bed.ok(["serve", "token", "remove", "removed"]);
    assert_eq!(follower.wait().unwrap().code(), Some(5));
    assert_eq!(removed.run(&["runs"]).status.code(), Some(5));
    // One whose time comes while it listens.
    let expires = Program::new(&team.token("brief", "viewer", "8s"));
    expires.login(&team);
    let mut follower = follow(&expires, &["logs", "long", "-f"]);
    assert_eq!(follower.wait().unwrap().code(), Some(5));
    assert!(team.listed("brief")["expired"].as_bool().unwrap(), "{}", team.listed("brief"));
    let out = expires.run(&["runs"]);
    let told = stderr(&out);
    assert!(out.status.code() == Some(5) && told.contains("may have expired or been removed"), "{told}");
    // The run is the team's and goes on.
    assert_eq!(team.bed.json(&["runs"])["runs"][0]["state"], "running");
    team.bed.ok(["cancel", "long"]);
}

#[test]
fn a_broker_that_was_killed_knows_its_tokens_and_what_is_spent() {
    let mut team = Team::new();
    let (good, spent) = (team.token("good", "viewer", "1h"), team.token("spent", "admin", "1h"));
    // As a broker writes it once it has seen that its time has come, and with a clock that is set back since.
    let path = team.bed.home().join("tokens");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("live spent", "spent spent")).unwrap();
    for _ in 0..2 {
        let client = |token: &str| team.client(token.parse::<Token>().unwrap().identity().unwrap());
        let (good, spent) = (client(&good), client(&spent));
        runtime().block_on(async {
            good.health().await.unwrap();
            spent.health().await.unwrap_err();
        });
        team.kill();
        team.start();
    }
}
