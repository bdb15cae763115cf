//! Asking XGBoost itself.

use serde_json::{Value, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A Python that has the package, and a folder for one test.
pub(crate) struct Oracle {
    python: PathBuf,
    folder: tempfile::TempDir,
}

impl Oracle {
    /// `None` after the test's name and the reason were printed.
    pub(crate) fn find(test: &str) -> Option<Self> {
        let python = stand_in(test, "xgboost-python", "XGBoost")?;
        Some(Self { python, folder: tempfile::tempdir().unwrap() })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        std::fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    /// What XGBoost says to a request: `data`, and either `load` or `params` and `rounds`.
    pub(crate) fn ask(&self, request: &Value) -> Answer {
        self.ask_all(std::slice::from_ref(request)).remove(0)
    }

    /// The same for several, which takes less time than to ask for each.
    pub(crate) fn ask_all(&self, requests: &[Value]) -> Vec<Answer> {
        let request = json!(requests);
        let mut child = Command::new(&self.python)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/xgboost/ask.py"))
            .env("OMP_NUM_THREADS", "1")
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(request.to_string().as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "XGBoost did not answer to {request}");
        let answers: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        answers.into_iter().map(Answer).collect()
    }
}

/// A program of others; `None` after the test's name and the reason were printed.
pub(crate) fn stand_in(test: &str, program: &str, what: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder =
        std::env::var_os("WELKIN_STAND_INS").map_or_else(|| root.join("target/stand-ins"), PathBuf::from);
    let program = folder.join("bin").join(program);
    if program.exists() {
        return Some(program);
    }
    let required = std::env::var("WELKIN_REQUIRE_STAND_INS").is_ok_and(|value| value == "1");
    assert!(!required, "{} is missing, and WELKIN_REQUIRE_STAND_INS is 1", program.display());
    println!("skipped: {test}: did not run: {what} is not installed (see .ci/stand-ins.sh)");
    None
}

/// What it said.
#[derive(Debug)]
pub(crate) struct Answer(Value);

impl Answer {
    pub(crate) fn numbers(&self, name: &str) -> Vec<f32> {
        let list = self.0[name].as_array().unwrap();
        list.iter().map(|number| number.as_f64().unwrap() as f32).collect()
    }

    /// What its own measure of a model says.
    pub(crate) fn evaluated(&self) -> f64 {
        self.0["evaluated"].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap()
    }

    /// The last score of a metric on `train` or `valid`.
    pub(crate) fn score(&self, of: &str, metric: &str) -> f64 {
        self.0["history"][of][metric].as_array().unwrap().last().unwrap().as_f64().unwrap()
    }
}
