//! Trainings under contracts from outside.

use super::sql::engine;
use crate::bed::{Bed, both};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

const RECIPE: &str = r#"{"label": "y", "features": ["x"], "params": {"max_depth": 2}, "rounds": 3}"#;

/// Two parties of one home with sealed rows.
struct Parties {
    bed: Bed,
    path: String,
    engine: String,
}

impl Parties {
    fn new(programs: &Path) -> Self {
        let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
        let mut parties = Self { bed: Bed::new(), path, engine: String::new() };
        parties.engine = parties.ok(&["sql", "engine"]).trim().to_owned();
        let policy = format!(
            "schema = 'welkin.policy/1'\n[simulated]\nallow-debug = true\nmeasurements.measurement = ['{}']\n",
            parties.engine.rsplit('=').next().unwrap()
        );
        for (party, rows) in [("a", "1,5\n2,7\n"), ("b", "3,8\n4,9\n")] {
            parties.bed.ok(["seal", "keygen", "--party", party]);
            parties.bed.file(&format!("h/seal/policies/{party}.toml"), &policy);
            parties.bed.file("t.csv", &format!("x,y\n{rows}"));
            let about = ["--party", party, "--name", "visits", "--version", "1", "--to", party];
            parties.ok(&[&["seal", "data", "t.csv"], &about[..]].concat());
        }
        parties.bed.file("recipe.json", RECIPE);
        parties
    }

    fn run(&self, args: &[&str]) -> Output {
        self.bed.command(args).env("PATH", &self.path).output().unwrap()
    }

    fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", both(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// A contract that both sign, for `a`.
    fn contract(&self, about: &[&str]) -> PathBuf {
        let inputs = ["--input", "a/snapshot.json", "--input", "b/snapshot.json", "--to", "a"];
        let rest = ["--engine", &self.engine, "--runs", "20"];
        let new = self.ok(&[&["seal", "contract", "new"], about, &inputs, &rest].concat());
        let path = self.bed.file("c.json", &new);
        for party in ["a", "b"] {
            self.ok(&["seal", "contract", "sign", "c.json", "--party", party]);
        }
        path
    }

    fn train(&self, more: &[&str]) -> Output {
        let args = ["boost", "train", "c.json", "--input", "a", "--input", "b", "--to", "result"];
        let recipe = if more.contains(&"--recipe") { &[][..] } else { &["--recipe", "recipe.json"] };
        self.run(&[&args[..], recipe, more, &["--output", "json"]].concat())
    }

    /// The code and the word of why nothing was trained. Nothing of a model is there then.
    fn refused(&self, more: &[&str]) -> (String, Option<String>) {
        let output = self.train(more);
        assert_eq!(output.status.code(), Some(16), "{}", both(&output));
        assert!(!self.bed.path().join("result").exists());
        let told: Value = serde_json::from_slice(&output.stderr).unwrap();
        let word = told["details"]["refused"].as_str().map(str::to_owned);
        (told["code"].as_str().unwrap().to_owned(), word)
    }
}

fn pair(code: &str, word: &str) -> (String, Option<String>) {
    (code.to_owned(), Some(word.to_owned()))
}

#[test]
fn the_example_of_three_clinics_gives_one_file_three_ways() {
    let Some(programs) = engine("the_example_of_three_clinics_gives_one_file_three_ways") else { return };
    let bed = Bed::new();
    let welkin = Path::new(env!("CARGO_BIN_EXE_welkin")).parent().unwrap();
    let path = format!("{}:{}:{}", welkin.display(), programs.display(), std::env::var("PATH").unwrap());
    let script = crate::bed::example("three-clinics.sh");
    let mut command = bed.command_of("bash", [script.as_str(), "story"]);
    let stand_ins = std::env::var_os("WELKIN_STAND_INS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/stand-ins"), PathBuf::from);
    let python = stand_ins.join("xgboost/bin/python3");
    let required = std::env::var_os("WELKIN_REQUIRE_STAND_INS").is_some();
    assert!(python.exists() || !required, "{} is not there", python.display());
    let told = command.env("PATH", path).env("PYTHON", &python).output().unwrap();
    let text = both(&told);
    assert!(told.status.success(), "{text}");
    assert!(text.contains("in the open: the same bytes\n") && text.contains("none is there\n"), "{text}");
    assert!(!python.exists() || text.contains("1200 rows, largest difference"), "{text}");
    assert!(bed.path().join("story/clinic-b/model.json").exists());
}

#[test]
fn a_training_is_what_its_contract_says_or_is_refused() {
    let Some(programs) = engine("a_training_is_what_its_contract_says_or_is_refused") else { return };
    let parties = Parties::new(&programs);
    let contract = parties.contract(&["--boost", "recipe.json"]);
    for (number, other) in
        [("\"rounds\": 3", "\"rounds\": 4"), ("\"y\"", "\"x\""), ("2}", "3}")].iter().enumerate()
    {
        let name = format!("other-{number}.json");
        parties.bed.file(&name, &RECIPE.replacen(other.0, other.1, 1));
        assert_eq!(parties.refused(&["--recipe", &name]), pair("seal::contract", "changed-code"));
    }
    // Somebody who is not in it, and somebody who did not sign.
    let signed = fs::read_to_string(&contract).unwrap();
    let manifest = &signed[signed.find("\"recipients\"").unwrap()..];
    let sealing = manifest.split("\"sealing\": \"").nth(1).unwrap().split('"').next().unwrap();
    fs::write(&contract, signed.replacen(sealing, &sealing.chars().rev().collect::<String>(), 1)).unwrap();
    assert_eq!(parties.refused(&[]).0, "seal::contract");
    fs::write(&contract, signed.replace("\"runs\": 20", "\"runs\": 21")).unwrap();
    assert_eq!(parties.refused(&[]), pair("seal::contract", "bad-signature"));
    fs::write(&contract, &signed).unwrap();
    // A query is no training.
    let sql =
        ["sql", "run", "c.json", "--query", "recipe.json", "--input", "a", "--input", "b", "--to", "result"];
    let refused = parties.run(&sql);
    assert_eq!(refused.status.code(), Some(16), "{}", both(&refused));
    assert!(both(&refused).contains("`welkin boost train CONTRACT` runs it"), "{}", both(&refused));
    let released = || parties.ok(&["seal", "log", "show"]).matches("keys released").count();
    assert_eq!(released(), 0, "no key has left so far");
    let trained = parties.train(&[]);
    assert!(trained.status.success(), "{}", both(&trained));
    let told: Value = serde_json::from_slice(&trained.stdout).unwrap();
    assert_eq!((&told["schema"], &told["rows"]), (&"welkin.sealed-training/1".into(), &Value::Null));
    assert_eq!(released(), 1);
}

#[test]
fn a_sealed_model_opens_for_its_recipients_as_it_was_made() {
    let Some(programs) = engine("a_sealed_model_opens_for_its_recipients_as_it_was_made") else { return };
    let parties = Parties::new(&programs);
    parties.contract(&["--boost", "recipe.json"]);
    let trained = parties.train(&["--dry-run"]);
    assert!(trained.status.success() && !parties.bed.path().join("result").exists(), "{}", both(&trained));
    let trained = parties.train(&[]);
    assert!(trained.status.success(), "{}", both(&trained));
    // No engine is needed for it.
    let open = |more: &[&str]| parties.bed.run([&["seal", "open", "result"], more].concat());
    parties.bed.file("all.csv", "x,y\n4,9\n3,8\n2,7\n1,5\n");
    let plain =
        ["--data", "all.csv", "--label", "y", "--set", "max_depth=2", "--rounds", "3", "--model", "all.json"];
    parties.bed.ok([&["boost", "train"], &plain[..]].concat());
    let opened = open(&["--party", "a"]);
    assert!(opened.status.success(), "{}", both(&opened));
    assert!(opened.stdout == fs::read(parties.bed.path().join("all.json")).unwrap());
    for (more, code) in [(&["--party", "b"][..], 16), (&["--party", "a", "--form", "csv"], 2)] {
        let refused = open(more);
        assert_eq!((refused.status.code(), refused.stdout.len()), (Some(code), 0), "{}", both(&refused));
    }
    for name in ["receipt.json", "snapshot.json", "keys.json", "model.json"] {
        let path = parties.bed.path().join("result").join(name);
        let kept = fs::read(&path).unwrap();
        let mut changed = kept.clone();
        let at = kept.iter().rposition(|byte| byte.is_ascii_digit()).unwrap();
        changed[at] ^= 1;
        for changed in [changed, kept[..kept.len() - 1].to_vec(), [&kept[..], b"\n"].concat()] {
            fs::write(&path, changed).unwrap();
            let refused = open(&["--party", "a", "--to", "m.json"]);
            assert_eq!(refused.status.code(), Some(16), "{name}: {}", both(&refused));
            assert!(!parties.bed.path().join("m.json").exists(), "{name}");
        }
        fs::write(&path, kept).unwrap();
    }
}

#[test]
fn an_oblivious_training_makes_the_same_model_or_is_refused() {
    let Some(programs) = engine("an_oblivious_training_makes_the_same_model_or_is_refused") else { return };
    let parties = Parties::new(&programs);
    let contract = parties.contract(&["--boost", "recipe.json", "--oblivious"]);
    let shown = parties.ok(&["seal", "contract", "show", "c.json"]);
    assert!(shown.contains("oblivious"), "{shown}");
    let trained = parties.train(&[]);
    assert!(trained.status.success(), "{}", both(&trained));
    parties.bed.file("all.csv", "x,y\n4,9\n3,8\n2,7\n1,5\n");
    let plain =
        ["--data", "all.csv", "--label", "y", "--set", "max_depth=2", "--rounds", "3", "--model", "all.json"];
    parties.bed.ok([&["boost", "train"], &plain[..]].concat());
    let opened = parties.bed.run(["seal", "open", "result", "--party", "a"]);
    assert!(opened.stdout == fs::read(parties.bed.path().join("all.json")).unwrap(), "{}", both(&opened));
    // What was signed as oblivious is not trained otherwise, and what cannot be is not agreed on.
    fs::remove_dir_all(parties.bed.path().join("result")).unwrap();
    let signed = fs::read_to_string(&contract).unwrap();
    let in_sight: Vec<&str> = signed.lines().filter(|line| !line.contains("oblivious")).collect();
    fs::write(&contract, in_sight.join("\n") + "\n").unwrap();
    assert_eq!(parties.refused(&[]), pair("seal::contract", "bad-signature"));
    parties.bed.file("other.json", &RECIPE.replace("\"max_depth\"", "\"subsample\": 0.5, \"max_depth\""));
    let other = ["--boost", "other.json", "--oblivious", "--input", "a/snapshot.json", "--to", "a"];
    let engine = ["--engine", &parties.engine];
    let refused = parties.run(&[&["seal", "contract", "new"], &other[..], &engine].concat());
    assert!(both(&refused).contains("no oblivious training with `subsample`"), "{}", both(&refused));
}

#[test]
fn what_an_engine_would_refuse_is_agreed_on_by_nobody_or_refused_by_it() {
    let test = "what_an_engine_would_refuse_is_agreed_on_by_nobody_or_refused_by_it";
    let Some(programs) = engine(test) else { return };
    let parties = Parties::new(&programs);
    parties.bed.file("none.json", &RECIPE.replace("rounds", "round"));
    let none =
        ["--boost", "none.json", "--input", "a/snapshot.json", "--to", "a", "--engine", &parties.engine];
    let refused = parties.run(&[&["seal", "contract", "new"], &none[..]].concat());
    assert_eq!(refused.status.code(), Some(3), "{}", both(&refused));
    assert!(both(&refused).contains("there is no entry `round`"), "{}", both(&refused));
    parties.contract(&["--boost", "recipe.json", "--minimum-group", "2"]);
    assert_eq!(parties.refused(&[]), pair("boost::refused", "unsupported"));
    parties.bed.file("recipe.json", &RECIPE.replace("\"x\"", "\"z\""));
    parties.contract(&["--boost", "recipe.json"]);
    assert_eq!(parties.refused(&[]), pair("boost::refused", "no-column"));
    let small = parties.train(&["--memory", "1B"]);
    assert_eq!(small.status.code(), Some(1), "{}", both(&small));
    let other = parties.train(&["--recipe", "recipe.json", "--policy", "c=h/seal/policies/a.toml"]);
    assert_eq!(other.status.code(), Some(2), "{}", both(&other));
}

#[test]
fn a_training_with_noise_spends_the_budgets_of_its_rows() {
    let Some(programs) = engine("a_training_with_noise_spends_the_budgets_of_its_rows") else { return };
    let parties = Parties::new(&programs);
    for party in ["a", "b"] {
        fs::remove_dir_all(parties.bed.path().join(party)).unwrap();
        let about = ["--party", party, "--name", "noisy", "--version", "1", "--to", party, "--epsilon", "1"];
        parties.ok(&[&["seal", "data", "t.csv"], &about[..]].concat());
    }
    let bounds = ["--bound", "x=0..10", "--bound", "y=0..10.5"];
    // Each of the 20 runs may spend a twentieth.
    parties.contract(&[&["--boost", "recipe.json", "--epsilon", "12"], &bounds[..]].concat());
    let trained = parties.train(&[]);
    assert!(trained.status.success(), "{}", both(&trained));
    let opened = parties.bed.run(["seal", "open", "result", "--party", "a"]);
    let model: Value = serde_json::from_slice(&opened.stdout).unwrap();
    assert_eq!(model["learner"]["attributes"]["epsilon"], "0.600");
    let log = parties.ok(&["seal", "log", "show"]);
    for party in ["a", "b"] {
        assert!(log.contains(&format!("epsilon 0.600 spent on {party}/noisy, version 1")), "{log}");
    }
    fs::remove_dir_all(parties.bed.path().join("result")).unwrap();
    assert_eq!(parties.refused(&[]), pair("seal::contract", "budget"));
    parties.contract(&["--boost", "recipe.json"]);
    assert_eq!(parties.refused(&[]), pair("seal::contract", "no-noise"));
    // What no engine would train is not agreed on.
    let rest = ["--input", "a/snapshot.json", "--to", "a", "--engine", &parties.engine];
    let without =
        [&["seal", "contract", "new", "--boost", "recipe.json", "--epsilon", "1"], &rest[..]].concat();
    let refused = parties.run(&without);
    assert!(both(&refused).contains("`x`, for which there are no bounds"), "{}", both(&refused));
}

#[test]
fn a_parquet_file_trains_the_model_of_the_csv_file_that_it_was_made_of() {
    let test = "a_parquet_file_trains_the_model_of_the_csv_file_that_it_was_made_of";
    let Some(programs) = engine(test) else { return };
    let parties = Parties::new(&programs);
    parties.bed.file(
        "t.csv",
        "x,word,ward,y\n1.0000000596046448,a,0,true\n,b,1,false\n3e-5,c,1,true\n7,d,0,false\n",
    );
    let about = ["--party", "a", "--name", "t", "--version", "1", "--to", "t"];
    parties.ok(&[&["seal", "data", "t.csv"], &about[..]].concat());
    parties.ok(&["seal", "open", "t", "--party", "a", "--form", "parquet", "--to", "t.parquet"]);
    parties.bed.file("t.csv", "x,word,ward,y\n1.0000000596046448,a,0,1\n,b,1,0\n3e-5,c,1,1\n7,d,0,0\n");
    let train = |data: &str, model: &str| {
        let args = ["boost", "train", "--data", data, "--label", "y", "--model", model, "--rounds", "3"];
        parties.ok(&[
            &args[..],
            &["--ignore", "word", "--categories", "ward", "--set", "min_child_weight=0"],
        ]
        .concat());
        fs::read(parties.bed.path().join(model)).unwrap()
    };
    assert!(train("t.csv", "csv.json") == train("t.parquet", "parquet.json"));
    let predict = |data: &str| parties.ok(&["boost", "predict", "csv.json", data]);
    assert_eq!(predict("t.csv"), predict("t.parquet"));
    parties.bed.file("none.parquet", "x,y\n1,2\n");
    let none = parties.run(&["boost", "predict", "csv.json", "none.parquet"]);
    assert!(both(&none).contains("none.parquet: the Parquet file cannot be read"), "{}", both(&none));
    let alone = parties.bed.run(["boost", "predict", "csv.json", "t.parquet"]);
    assert!(
        both(&alone).contains("cargo build --release --manifest-path enclave/Cargo.toml"),
        "{}",
        both(&alone)
    );
}
