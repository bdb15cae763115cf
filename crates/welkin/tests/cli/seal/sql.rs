//! `welkin sql` from outside: two hospitals, each with a home of its own, and a host that has no key of either.

use crate::bed::{Bed, both};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub(super) const QUERY: &str = "SELECT diagnosis, count(*) AS patients, avg(age) AS age
FROM patients GROUP BY diagnosis ORDER BY diagnosis";
pub(super) const OF_A: &str = "id,diagnosis,age\n1,flu,30\n2,flu,40\n3,Zebrafever,50\n";
const OF_B: &str = "id,diagnosis,age\n7,flu,20\n8,Narwhalitis,44\n";

#[expect(clippy::print_stdout, reason = "a test that did not run says so")]
/// The engine lies beside the host's program; without it there is nothing to test.
pub(crate) fn engine(test: &str) -> Option<PathBuf> {
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../enclave/target/debug");
    if programs.join("welkin-enclave").exists() {
        return Some(programs);
    }
    println!("skipped: {test}: did not run: welkin-enclave is not built (cargo build in enclave/)");
    None
}

/// Two hospitals with a contract that both signed, and a host.
pub(super) struct Story {
    programs: PathBuf,
    pub(super) a: Bed,
    pub(super) b: Bed,
    pub(super) host: Bed,
    measurement: String,
}

impl Story {
    fn new(programs: PathBuf, more: &[&str]) -> Self {
        Self::of(QUERY, programs, more)
    }

    pub(super) fn of(query: &str, programs: PathBuf, more: &[&str]) -> Self {
        Self::sealed(query, programs, &[], more)
    }

    /// Two hospitals that seal their data with more than what has to be said.
    pub(super) fn sealed(query: &str, programs: PathBuf, with: &[&str], more: &[&str]) -> Self {
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
            story.seal(own, party, "sealed", with);
        }
        story.host.file("q.sql", query);
        story.agree("c.json", more);
        story
    }

    /// A contract about the query, which both sign.
    pub(super) fn agree(&self, name: &str, more: &[&str]) {
        let story = self;
        let query = fs::read_to_string(story.host.path().join("q.sql")).unwrap();
        story.a.file("q.sql", &query);
        let engine = format!("simulated:measurement={}", story.measurement);
        let (of_a, of_b) =
            (story.a.path().join("sealed/snapshot.json"), story.b.path().join("sealed/snapshot.json"));
        let (of_a, of_b) = (of_a.to_str().unwrap(), of_b.to_str().unwrap());
        let new = [
            "seal", "contract", "new", "--sql", "q.sql", "--input", of_a, "--input", of_b, "--to", "a",
            "--engine",
        ];
        let contract = story.a.ok(new.into_iter().chain([engine.as_str()]).chain(more.iter().copied()));
        let path = story.host.file(name, &contract);
        for (own, party) in [(&story.a, "a"), (&story.b, "b")] {
            own.ok(["seal", "contract", "sign", path.to_str().unwrap(), "--party", party]);
        }
    }

    fn policy(&self, more: &str) -> String {
        let measured = &self.measurement;
        format!(
            "schema = 'welkin.policy/1'\n[simulated]\nmeasurements.measurement = ['{measured}']\n{more}\n"
        )
    }

    pub(super) fn seal(&self, own: &Bed, party: &str, to: &str, with: &[&str]) {
        let args =
            ["seal", "data", "t.csv", "--party", party, "--name", "patients", "--version", "1", "--to", to];
        self.ok(own, &[&args[..], with].concat());
    }

    pub(super) fn run(&self, bed: &Bed, args: &[&str]) -> Output {
        bed.command(args).env("PATH", self.path()).output().unwrap()
    }

    pub(super) fn path(&self) -> String {
        format!("{}:{}", self.programs.display(), std::env::var("PATH").unwrap_or_default())
    }

    pub(super) fn ok(&self, bed: &Bed, args: &[&str]) -> String {
        let output = self.run(bed, args);
        assert!(output.status.success(), "{args:?}: {}", both(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// How the host asks an owner.
    pub(super) fn ask(own: &Bed, party: &str) -> String {
        let (home, welkin) = (own.home(), env!("CARGO_BIN_EXE_welkin"));
        let sealed = own.path().join("sealed");
        let (home, sealed) = (home.display(), sealed.display());
        format!("{party}=WELKIN_HOME={home} {welkin} seal release --party {party} --input {sealed}")
    }

    /// The host runs the contract.
    pub(super) fn start(&self, more: &[&str]) -> Output {
        self.of_contract("c.json", "result", more).env("PATH", self.path()).output().unwrap()
    }

    pub(super) fn of_contract(&self, contract: &str, result: &str, more: &[&str]) -> Command {
        let sealed = [&self.a, &self.b].map(|bed| bed.path().join("sealed").to_str().unwrap().to_owned());
        let (ask_a, ask_b) = (Self::ask(&self.a, "a"), Self::ask(&self.b, "b"));
        let args = [
            "sql", "run", contract, "--query", "q.sql", "--input", &sealed[0], "--input", &sealed[1], "--to",
            result, "--ask", &ask_a, "--ask", &ask_b, "--output", "json",
        ];
        self.host.command([&args[..], more].concat())
    }

    /// Why the host's run is refused, in a word. Nothing of a result is there then.
    pub(super) fn refused(&self, more: &[&str]) -> String {
        let output = self.start(more);
        assert!(!self.host.path().join("result").exists());
        Self::word(&output)
    }

    /// Why a run is refused, in a word.
    pub(super) fn word(output: &Output) -> String {
        assert_eq!(output.status.code(), Some(16), "{}", both(output));
        // Owners elsewhere write to the same standard error.
        let text = String::from_utf8_lossy(&output.stderr);
        let told = text.lines().rev().find_map(|line| serde_json::from_str::<Value>(line).ok());
        let word = told.and_then(|told| told["details"]["refused"].as_str().map(str::to_owned));
        word.unwrap_or_else(|| panic!("{}", both(output)))
    }
}

pub(super) fn events(bed: &Bed) -> String {
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

#[test]
fn an_oblivious_run_finds_out_the_same() {
    let Some(programs) = engine("an_oblivious_run_finds_out_the_same") else { return };
    let story = Story::new(programs.clone(), &["--oblivious"]);
    let shown = story.ok(&story.host, &["seal", "contract", "show", "c.json"]);
    assert!(shown.contains("oblivious"), "{shown}");
    let ran = story.start(&[]);
    assert!(ran.status.success(), "{}", both(&ran));
    let result = story.host.path().join("result");
    let table = story.ok(&story.a, &["seal", "open", result.to_str().unwrap(), "--party", "a"]);
    assert_eq!(table, "diagnosis,patients,age\nNarwhalitis,1,44.0\nZebrafever,1,50.0\nflu,3,30.0\n");
    // What was signed as oblivious is not run otherwise, and nothing else is made of a query that cannot be.
    let contract = fs::read_to_string(story.host.path().join("c.json")).unwrap();
    let plain: Vec<&str> = contract.lines().filter(|line| !line.contains("oblivious")).collect();
    story.host.file("c.json", &(plain.join("\n") + "\n"));
    fs::rename(&result, story.host.path().join("first")).unwrap();
    assert_eq!(story.refused(&[]), "bad-signature");
    let other = Story::of("SELECT upper(diagnosis) AS d FROM patients", programs, &["--oblivious"]);
    assert_eq!(other.refused(&[]), "not-oblivious");
}

#[test]
fn each_owner_refuses_for_itself() {
    let Some(programs) = engine("each_owner_refuses_for_itself") else { return };
    let story = Story::new(programs, &[]);
    // One that demands hardware, and one that allows nothing.
    let policy = "h/seal/policies/b.toml";
    story.b.file(policy, &story.policy(""));
    assert_eq!(story.refused(&[]), "bad-evidence");
    story.b.file(policy, "schema = 'welkin.policy/1'\n[sev-snp]\nmeasurements.measurement = ['00']\n");
    assert_eq!(story.refused(&[]), "bad-evidence");
    let other = story.policy("allow-debug = true").replace(&story.measurement, &"00".repeat(48));
    story.b.file(policy, &other);
    assert_eq!(story.refused(&[]), "bad-evidence", "another program");
    fs::remove_file(story.b.path().join(policy)).unwrap();
    let none = story.start(&[]);
    assert_eq!(none.status.code(), Some(16), "{}", both(&none));
    assert!(both(&none).contains("`b` has no policy"), "{}", both(&none));
    story.b.file(policy, &story.policy("allow-debug = true"));
    // What is found before a key leaves costs no run of a.
    assert!(!events(&story.a).contains("ran"), "{}", events(&story.a));
    assert!(!events(&story.a).contains("keys released"), "{}", events(&story.a));
    let nowhere = story.start(&["--spill", "nowhere"]);
    assert_eq!(nowhere.status.code(), Some(9), "{}", both(&nowhere));
    // What b took back, b alone knows.
    let contract = story.host.path().join("c.json");
    story.b.ok(["seal", "contract", "revoke", contract.to_str().unwrap(), "--party", "b"]);
    assert_eq!(story.refused(&[]), "revoked");
    assert!(!events(&story.a).contains("keys released"), "{}", events(&story.a));
    assert!(events(&story.b).contains("refused: bad-evidence"), "{}", events(&story.b));
}

#[test]
fn the_host_can_change_nothing() {
    let Some(programs) = engine("the_host_can_change_nothing") else { return };
    let story = Story::new(programs, &["--runs", "9"]);
    let sealed = story.host.path().join("c.json");
    let contract = fs::read_to_string(&sealed).unwrap();
    story.host.file("q.sql", "SELECT * FROM patients");
    assert_eq!(story.refused(&[]), "changed-code");
    story.host.file("q.sql", QUERY);
    let start = contract.find("\"b\": \"").unwrap();
    let unsigned = format!("{}{}", &contract[..contract[..start].rfind(',').unwrap()], "\n    }\n  }\n}\n");
    story.host.file("c.json", &unsigned);
    assert_eq!(story.refused(&[]), "missing-signature");
    story.host.file("c.json", &contract.replace("\"runs\": 9", "\"runs\": 90"));
    assert_eq!(story.refused(&[]), "bad-signature");
    story.host.file("c.json", &contract);
    // A file in the open where a sealed one was, and another sealed one.
    let part = |bed: &Bed| bed.path().join("sealed/part-00000.parquet");
    let kept = fs::read(part(&story.a)).unwrap();
    fs::write(part(&story.a), OF_A).unwrap();
    assert_eq!(story.refused(&[]), "not-sealed");
    fs::copy(part(&story.b), part(&story.a)).unwrap();
    assert_eq!(story.refused(&[]), "changed-file");
    fs::write(part(&story.a), kept).unwrap();
    let ran = story.start(&[]);
    assert!(ran.status.success(), "{}", both(&ran));
    // A receipt of somebody else's engine, and a result that nobody signed.
    let result = story.host.path().join("result");
    let open = |bed: &Bed| story.run(bed, &["seal", "open", result.to_str().unwrap(), "--party", "a"]);
    assert!(open(&story.a).status.success());
    for name in ["receipt.json", "snapshot.json", "keys.json", "part-00000.parquet"] {
        let path = result.join(name);
        let kept = fs::read(&path).unwrap();
        let mut changed = kept.clone();
        let at = kept.iter().rposition(|byte| byte.is_ascii_digit()).unwrap();
        changed[at] ^= 1;
        fs::write(&path, changed).unwrap();
        let refused = open(&story.a);
        assert_eq!(
            (refused.status.code(), refused.stdout.len()),
            (Some(16), 0),
            "{name}: {}",
            both(&refused)
        );
        fs::write(&path, kept).unwrap();
    }
}

#[test]
fn a_trial_releases_nothing() {
    let Some(programs) = engine("a_trial_releases_nothing") else { return };
    let story = Story::new(programs, &[]);
    let before = (events(&story.a), events(&story.b));
    let tried = story.start(&["--dry-run"]);
    assert!(tried.status.success(), "{}", both(&tried));
    let told: Value = serde_json::from_slice(&tried.stdout).unwrap();
    assert_eq!((&told["dry_run"], &told["engine"]["kind"]), (&true.into(), &"simulated".into()));
    assert_eq!((events(&story.a), events(&story.b)), before);
    assert!(!story.host.path().join("result").exists());
    let contract = fs::read_to_string(story.host.path().join("c.json")).unwrap();
    story.host.file("c.json", &contract.replace("\"runs\": 1", "\"runs\": 2"));
    assert_eq!(story.refused(&["--dry-run"]), "bad-signature");
}

#[test]
fn the_example_of_two_hospitals_leaves_no_value_on_the_host() {
    let Some(programs) = engine("the_example_of_two_hospitals_leaves_no_value_on_the_host") else { return };
    let bed = Bed::new();
    let welkin = Path::new(env!("CARGO_BIN_EXE_welkin")).parent().unwrap();
    let path = format!("{}:{}:{}", welkin.display(), programs.display(), std::env::var("PATH").unwrap());
    let script = crate::bed::example("two-hospitals.sh");
    let told = bed.command_of("bash", [script.as_str(), "story"]).env("PATH", path).output().unwrap();
    assert!(told.status.success(), "{}", both(&told));
    let text = both(&told);
    assert!(text.contains("drug,patients,days\nnovomycin,4,4.0\naspirin,3,9.0\n"), "{text}");
    assert!(text.contains("SIMULATED") && text.contains("none is there"), "{text}");
    assert!(!text.contains("elixir"), "a group of one is left out: {text}");
    assert!(bed.path().join("story/host/result/receipt.json").exists());
}

#[test]
fn what_passes_through_the_host_has_no_value_in_it() {
    let Some(programs) = engine("what_passes_through_the_host_has_no_value_in_it") else { return };
    let story = Story::new(programs, &[]);
    let host = story.host.path();
    let listened = |own: &Bed, party: &str| {
        let ask = Story::ask(own, party);
        let (_, command) = ask.split_once('=').unwrap();
        let at = host.join(party).display().to_string();
        format!("{party}=tee {at}-to | env {command} | tee {at}-from")
    };
    let (a, b) = (listened(&story.a, "a"), listened(&story.b, "b"));
    let sealed = [&story.a, &story.b].map(|bed| bed.path().join("sealed").to_str().unwrap().to_owned());
    let args = [
        "sql", "run", "c.json", "--query", "q.sql", "--input", &sealed[0], "--input", &sealed[1], "--to",
        "result",
    ];
    let ran = story.run(&story.host, &[&args[..], &["--ask", &a, "--ask", &b]].concat());
    assert!(ran.status.success(), "{}", both(&ran));
    let mut seen = both(&ran).into_bytes();
    for (folder, deep) in [
        (host.to_owned(), true),
        (story.a.path().join("sealed"), false),
        (story.b.path().join("sealed"), false),
    ] {
        read_all(&folder, deep, &mut seen);
    }
    let text = String::from_utf8_lossy(&seen);
    assert!(text.contains("\"attested\"") && text.contains("\"released\""), "messages were listened to");
    for value in ["Zebrafever", "Narwhalitis", "flu,"] {
        assert!(!text.contains(value), "{value} was seen");
    }
}

/// Every byte of every file in a folder.
pub(super) fn read_all(folder: &Path, deep: bool, into: &mut Vec<u8>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_file() {
            into.extend(fs::read(&path).unwrap());
        } else if path.is_dir() && deep {
            read_all(&path, deep, into);
        }
    }
}
