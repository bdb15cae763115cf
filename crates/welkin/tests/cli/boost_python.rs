//! `welkin.boost` in Python: scikit-learn's own checks of its estimators, by `python/test_boost.py`.

use crate::bed::{Bed, both};
use std::path::{Path, PathBuf};

#[expect(clippy::print_stdout, reason = "a test that did not run says so")]
/// A Python with scikit-learn; `None` after the test's name and the reason were printed.
fn python(test: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder =
        std::env::var_os("WELKIN_STAND_INS").map_or_else(|| root.join("target/stand-ins"), PathBuf::from);
    let python = folder.join("bin/sklearn-python");
    if python.exists() {
        return Some(python);
    }
    let required = std::env::var("WELKIN_REQUIRE_STAND_INS").is_ok_and(|value| value == "1");
    assert!(!required, "{} is missing, and WELKIN_REQUIRE_STAND_INS is 1", python.display());
    println!("skipped: {test}: did not run: scikit-learn is not installed (see .ci/stand-ins.sh)");
    None
}

#[test]
fn estimators_in_python_pass_the_checks_of_scikit_learn() {
    let Some(python) = python("estimators_in_python_pass_the_checks_of_scikit_learn") else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../python").canonicalize().unwrap();
    let bed = Bed::new();
    let mut command = bed.command_of(&python.to_string_lossy(), [folder.join("test_boost.py")]);
    command.env("WELKIN", env!("CARGO_BIN_EXE_welkin")).env("PYTHONPATH", &folder);
    // Nothing is left beside the sources.
    let output = command.env("PYTHONDONTWRITEBYTECODE", "1").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", both(&output));
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said.lines().filter(|line| line.starts_with("ok ")).count(), 7, "{said}");
}
