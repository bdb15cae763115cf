//! `welkin sql` from outside: two hospitals, each with a home of its own, and a host that has no key of either.

use crate::bed::{Bed, both};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

const QUERY: &str = "SELECT diagnosis, count(*) AS patients, avg(age) AS age
FROM patients GROUP BY diagnosis ORDER BY diagnosis";
const OF_A: &str = "id,diagnosis,age\n1,flu,30\n2,flu,40\n3,Zebrafever,50\n";
const OF_B: &str = "id,diagnosis,age\n7,flu,20\n8,Narwhalitis,44\n";

/// The engine lies beside the host's program; without it there is nothing to test.
fn engine(test: &str) -> Option<PathBuf> {
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../enclave/target/debug");
    if programs.join("welkin-enclave").exists() {
        return Some(programs);
    }
    println!("skipped: {test}: did not run: welkin-enclave is not built (cargo build in enclave/)");
    None
}

/// Two hospitals with a contract that both signed, and a host.
struct Story {
    programs: PathBuf,
    a: Bed,
    b: Bed,
    host: Bed,
    measurement: String,
}

impl Story {
    fn new(programs: PathBuf, more: &[&str]) -> Self {
        let (a, b, host) = (Bed::new(), Bed::new(), Bed::new());
        let mut story = Self { programs, a, b, host, measurement: String::new() };
        let engine = story.ok(&story.host, &["sql", "engine"]);
        story.measurement = engine.trim().rsplit('=').next().unwrap().to_owned();
        for (own, other, party, table) in [(&story.a, &story.b, "a", OF_A), (&story.b, &story.a, "b", OF_B)] {
            own.ok(["seal", "keygen", "--party", party]);
            other.file("other.json", &own.ok(["seal", "party", "show", party]));
            own.file("t.csv", table);
            let policy = format!("{party}.toml");
            own.file(&format!("h/seal/policies/{policy}"), &story.policy("allow-debug = true"));
        }
        for (own, party) in [(&story.a, "a"), (&story.b, "b")] {
            own.ok(["seal", "party", "add", "other.json"]);
            story.seal(own, party, "sealed");
        }
        story.host.file("q.sql", QUERY);
        story.a.file("q.sql", QUERY);
        let (of_a, of_b) =
            (story.a.path().join("sealed/snapshot.json"), story.b.path().join("sealed/snapshot.json"));
        let (of_a, of_b) = (of_a.to_str().unwrap(), of_b.to_str().unwrap());
        let new = [
            "seal", "contract", "new", "--sql", "q.sql", "--input", of_a, "--input", of_b, "--to", "a",
            "--engine",
        ];
        let contract = story.a.ok(new.into_iter().chain([engine.trim()]).chain(more.iter().copied()));
        let path = story.host.file("c.json", &contract);
        for (own, party) in [(&story.a, "a"), (&story.b, "b")] {
            own.ok(["seal", "contract", "sign", path.to_str().unwrap(), "--party", party]);
        }
        story
    }

    fn policy(&self, more: &str) -> String {
        let measured = &self.measurement;
        format!(
            "schema = 'welkin.policy/1'\n[simulated]\nmeasurements.measurement = ['{measured}']\n{more}\n"
        )
    }

    fn seal(&self, own: &Bed, party: &str, to: &str) {
        self.ok(
            own,
            &["seal", "data", "t.csv", "--party", party, "--name", "patients", "--version", "1", "--to", to],
        );
    }

    fn run(&self, bed: &Bed, args: &[&str]) -> Output {
        bed.command(args).env("PATH", self.path()).output().unwrap()
    }

    fn path(&self) -> String {
        format!("{}:{}", self.programs.display(), std::env::var("PATH").unwrap_or_default())
    }

    fn ok(&self, bed: &Bed, args: &[&str]) -> String {
        let output = self.run(bed, args);
        assert!(output.status.success(), "{args:?}: {}", both(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// How the host asks an owner.
    fn ask(own: &Bed, party: &str) -> String {
        let (home, welkin) = (own.home(), env!("CARGO_BIN_EXE_welkin"));
        let sealed = own.path().join("sealed");
        let (home, sealed) = (home.display(), sealed.display());
        format!("{party}=WELKIN_HOME={home} {welkin} seal release --party {party} --input {sealed}")
    }

    /// The host runs the contract.
    fn start(&self, more: &[&str]) -> Output {
        let sealed = [&self.a, &self.b].map(|bed| bed.path().join("sealed").to_str().unwrap().to_owned());
        let (ask_a, ask_b) = (Self::ask(&self.a, "a"), Self::ask(&self.b, "b"));
        let args = [
            "sql", "run", "c.json", "--query", "q.sql", "--input", &sealed[0], "--input", &sealed[1], "--to",
            "result", "--ask", &ask_a, "--ask", &ask_b, "--output", "json",
        ];
        self.run(&self.host, &[&args[..], more].concat())
    }

    /// Why it was refused, in a word.
    fn refused(output: &Output) -> Option<String> {
        let told: Value = serde_json::from_slice(&output.stderr).unwrap_or_default();
        assert_ne!(output.status.code(), Some(0), "{}", both(output));
        told["details"]["refused"].as_str().map(str::to_owned)
    }
}

fn events(bed: &Bed) -> String {
    bed.ok(["seal", "log", "show"])
}

#[test]
fn two_hospitals_find_out_what_neither_could_alone() {
    let test = "two_hospitals_find_out_what_neither_could_alone";
    let Some(programs) = engine(test) else { return };
    let story = Story::new(programs, &[]);
    let ran = story.start(&[]);
    assert!(ran.status.success(), "{}", both(&ran));
    let told: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!((&told["engine"]["kind"], &told["rows"]), (&"simulated".into(), &3.into()));
    let result = story.host.path().join("result");
    let result = result.to_str().unwrap();
    let table = story.ok(&story.a, &["seal", "open", result, "--party", "a"]);
    assert_eq!(table, "diagnosis,patients,age\nNarwhalitis,1,44.0\nZebrafever,1,50.0\nflu,3,30.0\n");
    let other = story.run(&story.b, &["seal", "open", result, "--party", "b"]);
    assert_eq!(other.status.code(), Some(16), "{}", both(&other));
    for bed in [&story.a, &story.b] {
        let events = events(bed);
        assert!(events.contains("keys released to simulated") && events.contains("ran"), "{events}");
    }
    // Once was agreed on, and each owner counts.
    fs::rename(result, story.host.path().join("first")).unwrap();
    let again = story.start(&[]);
    assert_eq!(again.status.code(), Some(16), "{}", both(&again));
    assert!(both(&again).contains("it ran 1 times already"), "{}", both(&again));
    assert!(events(&story.a).contains("refused: replay"));
}
