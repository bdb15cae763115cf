//! Tasks on sealed data: what is done with them in a run, what is refused, and what anybody else can see.

use crate::bed::{Bed, both, stderr};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const QUERY: &str =
    "SELECT diagnosis, count(*) AS patients FROM patients GROUP BY diagnosis ORDER BY diagnosis";
const JOB: &str = "\
name: hospitals
tasks:
  join:
    needs: {tee: any}
    resources: {cpus: 2+}
    sealed: {contract: c.json, query: q.sql}
    inputs: {a: file://./sealed-a, b: file://./sealed-b}
    outputs: {result: {}}
  look:
    resources: {cpus: 2+}
    inputs: {result: join.result}
    run: ls $WELKIN_INPUT_RESULT
";

/// Both programs beside one another, as they are installed; without the engine there is nothing to test.
#[expect(clippy::print_stdout, reason = "a test that did not run says so")]
fn programs(test: &str) -> Option<PathBuf> {
    let engine = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../enclave/target/debug/welkin-enclave");
    if !engine.exists() {
        assert!(
            std::env::var_os("WELKIN_REQUIRE_STAND_INS").is_none(),
            "welkin-enclave is not built: cargo build --manifest-path enclave/Cargo.toml"
        );
        println!("skipped: {test}: did not run: welkin-enclave is not built (cargo build in enclave/)");
        return None;
    }
    let dir = tempfile::Builder::new().prefix("programs").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let put = |from: &Path, name: &str| {
        let to = dir.path().join(name);
        fs::hard_link(from, &to).or_else(|_| fs::copy(from, &to).map(drop)).unwrap();
    };
    put(Path::new(env!("CARGO_BIN_EXE_welkin")), "welkin");
    put(&engine, "welkin-enclave");
    Some(dir.keep())
}

/// Two parties of one home, whose data a contract may join.
struct Parties {
    bed: Bed,
    programs: PathBuf,
}

impl Parties {
    fn new(test: &str) -> Option<Self> {
        let parties = Self { programs: programs(test)?, bed: Bed::apart() };
        let engine = parties.ok(&["sql", "engine"]);
        let policy = format!(
            "schema = 'welkin.policy/1'\n[simulated]\nmeasurements.measurement = ['{}']\nallow-debug = true\n",
            engine.trim().rsplit('=').next().unwrap()
        );
        for (party, rows) in [("a", "1,flu\n2,Zebrafever\n"), ("b", "3,flu\n4,Narwhalitis\n")] {
            let table = parties.bed.file("t.csv", &format!("id,diagnosis\n{rows}"));
            parties.ok(&["seal", "keygen", "--party", party]);
            parties.bed.file(&format!("h/seal/policies/{party}.toml"), &policy);
            let to = format!("sealed-{party}");
            let args = ["--party", party, "--name", "patients", "--version", "1", "--to", &to];
            parties.ok(&[&["seal", "data", "t.csv"], &args[..]].concat());
            fs::remove_file(table).unwrap();
        }
        parties.bed.file("q.sql", QUERY);
        parties.bed.file("job.yaml", JOB);
        parties.agree(&[engine.trim()]);
        Some(parties)
    }

    /// A contract about these engines, which both sign.
    fn agree(&self, engines: &[&str]) {
        self.agree_to(engines, &[]);
    }

    fn agree_to(&self, engines: &[&str], more: &[&str]) {
        let inputs = ["--input", "sealed-a/snapshot.json", "--input", "sealed-b/snapshot.json"];
        let engines = engines.iter().flat_map(|engine| ["--engine", *engine]).collect::<Vec<_>>();
        let new = ["seal", "contract", "new", "--sql", "q.sql", "--to", "a", "--runs", "20"];
        let contract = self.ok(&[&new, &inputs[..], &engines, more].concat());
        self.bed.file("c.json", &contract);
        for party in ["a", "b"] {
            self.ok(&["seal", "contract", "sign", "c.json", "--party", party]);
        }
    }

    fn command(&self, args: &[&str]) -> Command {
        self.bed.command_of(self.programs.join("welkin").to_str().unwrap(), args)
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", both(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.ok(&[args, &["-o", "json"]].concat())).unwrap()
    }

    fn last_run(&self) -> String {
        self.json(&["runs"])["runs"].as_array().unwrap().last().unwrap()["id"].as_str().unwrap().to_owned()
    }

    /// How often keys left, by the owners' log.
    fn releases(&self) -> usize {
        self.ok(&["seal", "log", "show"]).matches("keys released").count()
    }

    /// Files of this home and its nodes in which a plain value stands.
    fn leaks(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.bed.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push(path),
                    Ok(kind) if kind.is_file() => {
                        let bytes = fs::read(&path).unwrap_or_default();
                        let holds =
                            |word: &str| bytes.windows(word.len()).any(|part| part == word.as_bytes());
                        if holds("Zebrafever") || holds("Narwhalitis") {
                            found.push(path);
                        }
                    }
                    _ => {}
                }
            }
        }
        found
    }

    fn opened(&self, run: &str) -> String {
        self.ok(&["fetch", run, "join.result", "result"]);
        let table = self.ok(&["seal", "open", "result", "--party", "a"]);
        let other = self.run(&["seal", "open", "result", "--party", "b"]);
        assert_eq!(other.status.code(), Some(16), "{}", both(&other));
        fs::remove_dir_all(self.bed.path().join("result")).unwrap();
        table
    }
}

impl Drop for Parties {
    fn drop(&mut self) {
        drop(self.run(&["cancel", "--all", "--yes"]));
        drop(self.run(&["broker", "stop", "--yes"]));
        drop(fs::remove_dir_all(&self.programs));
    }
}

const JOINED: &str = "diagnosis,patients\nNarwhalitis,1\nZebrafever,1\nflu,2\n";

#[test]
fn a_run_joins_what_nobody_may_see_and_leaves_no_plain_value() {
    let Some(parties) = Parties::new("a_run_joins_what_nobody_may_see_and_leaves_no_plain_value") else {
        return;
    };
    let told = parties.ok(&["up", "job.yaml"]);
    assert!(told.contains("the engine gave evidence (simulated)"), "{told}");
    assert!(told.contains("look | part-00000.parquet"), "{told}");
    assert_eq!(parties.releases(), 1);
    assert_eq!(parties.leaks(), Vec::<PathBuf>::new());
    let run = parties.last_run();
    assert_eq!(parties.opened(&run), JOINED);
    let history = parties.json(&["status", &run, "--history"])["history"].clone();
    let released: Vec<&Value> =
        history.as_array().unwrap().iter().filter(|line| line["record"] == "keys_released").collect();
    assert_eq!(released.len(), 1, "{history}");
    assert_eq!(released[0]["kind"], "simulated");
}

#[test]
fn three_engines_on_the_node_of_a_task_are_one_run() {
    let Some(parties) = Parties::new("three_engines_on_the_node_of_a_task_are_one_run") else { return };
    let engine = parties.ok(&["sql", "engine"]);
    parties.agree_to(&[engine.trim()], &["--engines", "3"]);
    let told = parties.ok(&["up", "job.yaml"]);
    assert!(told.contains("look | part-00000.parquet"), "{told}");
    assert_eq!(parties.releases(), 1);
    assert!(parties.ok(&["seal", "log", "show"]).contains("keys released to several of simulated"));
    assert_eq!(parties.leaks(), Vec::<PathBuf>::new());
    assert_eq!(parties.opened(&parties.last_run()), JOINED);
}

#[test]
fn what_was_not_agreed_on_gets_no_key() {
    let Some(parties) = Parties::new("what_was_not_agreed_on_gets_no_key") else { return };
    let refused = |words: &str| {
        let output = parties.run(&["up", "job.yaml"]);
        assert!(!output.status.success(), "{}", both(&output));
        assert!(stderr(&output).contains(words), "{words}: {}", both(&output));
    };
    parties.bed.file("q.sql", "SELECT * FROM patients");
    refused("was signed");
    assert!(parties.json(&["runs"])["runs"].as_array().unwrap().is_empty(), "before anything is leased");
    parties.bed.file("q.sql", QUERY);
    let policy = parties.bed.home().join("seal/policies/b.toml");
    let good = fs::read_to_string(&policy).unwrap();
    // The measurement of another program.
    let digit = good.find("['").unwrap() + 2;
    let other = if good.as_bytes()[digit] == b'0' { "1" } else { "0" };
    let mut spoilt = good.clone();
    spoilt.replace_range(digit..=digit, other);
    fs::write(&policy, &spoilt).unwrap();
    refused("`b` releases no key to this engine");
    fs::write(&policy, good.replace("allow-debug = true", "")).unwrap();
    refused("`b` releases no key to this engine");
    fs::write(&policy, &good).unwrap();
    let snapshot = parties.bed.path().join("sealed-b/snapshot.json");
    let kept = fs::read_to_string(&snapshot).unwrap();
    let changed = kept.replacen("diagnosis", "diagnoses", 1);
    assert_ne!(changed, kept);
    fs::write(&snapshot, changed).unwrap();
    refused("was refused");
    fs::write(&snapshot, kept).unwrap();
    assert_eq!(parties.releases(), 0);
    // A node that changes the data finds no engine that reads them: the file is not what was signed.
    let part = parties.bed.path().join("sealed-b/part-00000.parquet");
    let mut bytes = fs::read(&part).unwrap();
    bytes[100] ^= 1;
    fs::write(&part, bytes).unwrap();
    refused("was refused");
    assert_eq!(parties.leaks(), Vec::<PathBuf>::new());
}

/// The machine is none that could, or one that measures something else: either way nothing is simulated, and no key leaves.
#[test]
fn a_contract_about_hardware_gets_no_simulation_for_it() {
    let Some(parties) = Parties::new("a_contract_about_hardware_gets_no_simulation_for_it") else { return };
    let simulated = parties.ok(&["sql", "engine"]);
    let hardware = simulated.trim().replace("simulated:", "sev-snp:");
    for party in ["a", "b"] {
        let path = format!("h/seal/policies/{party}.toml");
        let policy = fs::read_to_string(parties.bed.path().join(&path)).unwrap();
        let table = policy.split_once("[simulated]").unwrap().1;
        parties.bed.file(&path, &format!("{policy}\n[sev-snp]{table}"));
    }
    for engines in [&[hardware.as_str()][..], &[simulated.trim(), hardware.as_str()]] {
        parties.agree(engines);
        let output = parties.run(&["up", "job.yaml"]);
        assert!(!output.status.success(), "{}", both(&output));
        if !Path::new("/sys/kernel/config/tsm/report").exists() {
            assert!(both(&output).contains("no-evidence"), "{}", both(&output));
        }
        assert!(!both(&output).contains("(simulated)"), "{}", both(&output));
        let inputs = ["--input", "sealed-a", "--input", "sealed-b", "--to", "result"];
        let args = [&["sql", "run", "c.json", "--query", "q.sql"], &inputs[..]].concat();
        let output = parties.run(&args);
        assert_eq!(output.status.code(), Some(1), "{}", both(&output));
        assert!(stderr(&output).contains("no evidence to give"), "{}", both(&output));
        assert_eq!(parties.releases(), 0);
    }
    // Whoever runs it may ask for one of both by its name, and owners who accept it are asked as ever.
    let inputs = ["--input", "sealed-a", "--input", "sealed-b", "--to", "result", "--tee", "simulated"];
    parties.ok(&[&["sql", "run", "c.json", "--query", "q.sql"], &inputs[..]].concat());
    assert_eq!(parties.releases(), 1);
    let output = parties.run(&["sql", "engine", "--tee", "arm-cca"]);
    let known = "engines give evidence of sev-snp, ";
    assert!(stderr(&output).contains(known) && stderr(&output).contains(", simulated"), "{}", both(&output));
}

#[test]
fn a_broker_that_is_killed_on_the_way_is_followed_by_one_that_says_the_same() {
    let Some(parties) =
        Parties::new("a_broker_that_is_killed_on_the_way_is_followed_by_one_that_says_the_same")
    else {
        return;
    };
    // What the run says next when the broker dies: before, between and after question, keys and result.
    for moment in ["1 node ready", "running", "the engine gave evidence", "keys released", "the engine ran"] {
        let before = parties.releases();
        let up = parties.command(&["up", "job.yaml"]).spawn().unwrap();
        let pid = loop {
            let status = parties.json(&["broker", "status"]);
            if let Some(pid) = status["pid"].as_i64().filter(|_| status["driven"].as_u64() == Some(1)) {
                break Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
            }
        };
        let run = parties.last_run();
        let told = |words: &str| {
            let history = parties.ok(&["status", &run, "--history"]);
            let lines = parties.ok(&["logs", &run]);
            match words {
                "1 node ready" => history.contains("lease_ready"),
                "running" => history.contains("phase_began"),
                "keys released" => history.contains("keys_released"),
                words => lines.contains(words),
            }
        };
        while !told(moment) {
            std::thread::yield_now();
        }
        kill_process(pid, Signal::KILL).unwrap();
        let output = up.wait_with_output().unwrap();
        assert!(output.status.success(), "{moment}: {}", both(&output));
        assert_eq!(parties.opened(&run), JOINED, "{moment}");
        let left = parties.releases() - before;
        assert!((1..=2).contains(&left), "{moment}: keys left {left} times");
    }
    assert_eq!(parties.leaks(), Vec::<PathBuf>::new());
}

/// Two hospitals with homes of their own, and a host that has no key of either and drives the run.
#[test]
fn owners_elsewhere_are_asked_by_the_run_and_their_word_counts() {
    let Some(programs) = programs("owners_elsewhere_are_asked_by_the_run_and_their_word_counts") else {
        return;
    };
    let (host, program) = (Bed::apart(), programs.join("welkin"));
    let program = program.to_str().unwrap();
    let beds = ["a", "b"].map(|party| (party, Bed::new()));
    let ok = |bed: &Bed, args: &[&str]| {
        let output = bed.command_of(program, args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", both(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let engine = ok(&host, &["sql", "engine"]);
    let policy = format!(
        "schema = 'welkin.policy/1'\n[simulated]\nmeasurements.measurement = ['{}']\nallow-debug = true\n",
        engine.trim().rsplit('=').next().unwrap()
    );
    for ((party, bed), rows) in beds.iter().zip(["1,flu\n2,Zebrafever\n", "3,flu\n4,Narwhalitis\n"]) {
        bed.file("t.csv", &format!("id,diagnosis\n{rows}"));
        ok(bed, &["seal", "keygen", "--party", party]);
        bed.file(&format!("h/seal/policies/{party}.toml"), &policy);
        let args = ["--party", party, "--name", "patients", "--version", "1", "--to", "sealed"];
        ok(bed, &[&["seal", "data", "t.csv"], &args[..]].concat());
        // What is sealed may be shown to anybody.
        let (from, to) = (bed.path().join("sealed"), host.path().join(format!("sealed-{party}")));
        fs::create_dir(&to).unwrap();
        for entry in fs::read_dir(&from).unwrap().flatten() {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
        let known = ok(bed, &["seal", "party", "show", party]);
        for other in [&host, &beds[0].1, &beds[1].1] {
            other.file("party.json", &known);
            let (home, sealed) = (bed.home(), from.display().to_string());
            let ask = format!(
                "WELKIN_HOME={} {program} seal release --party {party} --input {sealed}",
                home.display()
            );
            let asked = other.path() == host.path();
            let more = if asked { vec!["--ask", ask.as_str()] } else { Vec::new() };
            ok(other, &[&["seal", "party", "add", "party.json"], &more[..]].concat());
        }
    }
    host.file("q.sql", QUERY);
    host.file("job.yaml", JOB);
    let inputs = ["--input", "sealed-a/snapshot.json", "--input", "sealed-b/snapshot.json"];
    let new = [
        &["seal", "contract", "new", "--sql", "q.sql"],
        &inputs[..],
        &["--to", "a", "--engine", engine.trim()],
    ];
    let contract = host.file("c.json", &ok(&host, &new.concat()));
    for (party, bed) in &beds {
        ok(bed, &["seal", "contract", "sign", contract.to_str().unwrap(), "--party", party]);
    }
    let told = ok(&host, &["up", "job.yaml"]);
    assert!(told.contains("the engine ran the contract"), "{told}");
    let run = ok(&host, &["runs", "-o", "json"]);
    let run: Value = serde_json::from_str(&run).unwrap();
    let run = run["runs"][0]["id"].as_str().unwrap().to_owned();
    ok(&host, &["fetch", &run, "join.result", "result"]);
    let result = host.path().join("result");
    assert_eq!(ok(&beds[0].1, &["seal", "open", result.to_str().unwrap(), "--party", "a"]), JOINED);
    for (_, bed) in &beds {
        let log = ok(bed, &["seal", "log", "show"]);
        assert!(log.contains("keys released to simulated") && log.contains("ran"), "{log}");
    }
    // One says no: the contract may run once.
    let again = host.command_of(program, ["up", "job.yaml"]).output().unwrap();
    assert!(stderr(&again).contains("may run 1 times"), "{}", both(&again));
    drop(host.command_of(program, ["broker", "stop", "--yes"]).output());
    drop(fs::remove_dir_all(programs));
}

/// As the documents have it: from keys to a prediction, over three clouds and the recipient's own machine.
#[test]
fn the_founding_example_runs_with_its_first_task_sealed() {
    let Some(programs) = programs("the_founding_example_runs_with_its_first_task_sealed") else { return };
    let bed = Bed::new();
    let script = crate::bed::examples().join("sky-sealed.sh");
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let output =
        bed.command_of("sh", [script.to_str().unwrap(), "sealed"]).env("PATH", path).output().unwrap();
    let text = both(&output);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("the engine ran the contract: 6000 rows, sealed"), "{text}");
    assert!(text.contains("open | train on 4800 rows, test on 1200"), "{text}");
    assert!(text.contains("accuracy: 8"), "{text}");
    assert!(text.contains("SIMULATED") && text.contains("EMULATED"), "{text}");
    drop(fs::remove_dir_all(programs));
}

#[test]
fn a_sealed_training_is_a_task_whose_result_is_the_model() {
    let Some(parties) = Parties::new("a_sealed_training_is_a_task_whose_result_is_the_model") else { return };
    let (bed, head) = (&parties.bed, "x,y\n");
    let rows =
        |from: usize| (from..from + 20).map(|row| format!("{row},{}\n", row * 7 % 13)).collect::<String>();
    for (party, from) in [("a", 0), ("b", 20)] {
        bed.file("v.csv", &format!("{head}{}", rows(from)));
        let (to, about) = (format!("visits-{party}"), ["--name", "visits", "--version", "1"]);
        parties.ok(&[&["seal", "data", "v.csv", "--party", party, "--to", &to], &about[..]].concat());
    }
    bed.file("recipe.json", r#"{"label": "y", "features": ["x"], "params": {"max_depth": 3}, "rounds": 4}"#);
    let engine = parties.ok(&["sql", "engine"]);
    let inputs = ["--input", "visits-a/snapshot.json", "--input", "visits-b/snapshot.json", "--to", "a"];
    let new = ["seal", "contract", "new", "--boost", "recipe.json", "--engine", engine.trim()];
    bed.file("t.json", &parties.ok(&[&new[..], &inputs].concat()));
    for party in ["a", "b"] {
        parties.ok(&["seal", "contract", "sign", "t.json", "--party", party]);
    }
    let job = JOB
        .replace("{contract: c.json, query: q.sql}", "{contract: t.json, recipe: recipe.json}")
        .replace("sealed-", "visits-");
    bed.file("job.yaml", &job);
    let run = parties.run(&["up", "job.yaml", "--yes"]);
    assert!(run.status.success(), "{}", both(&run));
    bed.file("all.csv", &format!("{head}{}{}", rows(20), rows(0)));
    let plain =
        ["boost", "train", "--data", "all.csv", "--label", "y", "--set", "max_depth=3", "--rounds", "4"];
    parties.ok(&[&plain[..], &["--model", "all.json"]].concat());
    assert!(
        parties.opened(&parties.last_run()).into_bytes() == fs::read(bed.path().join("all.json")).unwrap()
    );
}
