//! Asking SkyPilot itself.

use crate::files::File;
use serde_json::Value;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The Python that has the package, or `None` after the test's name and the reason were printed.
pub(crate) fn python(test: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder =
        std::env::var_os("WELKIN_STAND_INS").map_or_else(|| root.join("target/stand-ins"), PathBuf::from);
    let python = folder.join("bin/skypilot-python");
    if python.exists() {
        return Some(python);
    }
    let required = std::env::var("WELKIN_REQUIRE_STAND_INS").is_ok_and(|value| value == "1");
    assert!(!required, "{} is missing, and WELKIN_REQUIRE_STAND_INS is 1", python.display());
    println!("skipped: {test}: did not run: SkyPilot is not installed (see .ci/stand-ins.sh)");
    None
}

/// What SkyPilot says about each file, in their order.
pub(crate) fn ask(python: &Path, files: &[File]) -> Vec<Value> {
    // The package writes into its user's home, and would read the configuration there.
    let home = tempfile::tempdir().unwrap();
    let mut paths = String::new();
    for (index, file) in files.iter().enumerate() {
        let path = home.path().join(format!("{index}.yaml"));
        std::fs::write(&path, &file.text).unwrap();
        paths.push_str(path.to_str().unwrap());
        paths.push('\n');
    }
    let list = home.path().join("files");
    std::fs::write(&list, paths).unwrap();
    let output = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/skypilot/ask.py"))
        .env("HOME", home.path())
        .current_dir(home.path())
        .stdin(std::fs::File::open(list).unwrap())
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    if answers.len() != files.len() {
        std::io::stderr().write_all(&output.stderr).unwrap();
        panic!("SkyPilot answered for {} of {} files", answers.len(), files.len());
    }
    answers
}
