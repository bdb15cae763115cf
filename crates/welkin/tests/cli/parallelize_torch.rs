//! Plans run by PyTorch in four processes, by `python/test_torch.py`.

use crate::bed::{Bed, both};
use std::path::{Path, PathBuf};

#[expect(clippy::print_stdout, reason = "a test that did not run says so")]
/// A Python with PyTorch; `None` after the test's name and the reason were printed. It brings gigabytes, so only those who asked for it
/// (`just soak` does) have to have it.
fn python(test: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder =
        std::env::var_os("WELKIN_STAND_INS").map_or_else(|| root.join("target/stand-ins"), PathBuf::from);
    let python = folder.join("torch/bin/python");
    if python.exists() {
        return Some(python);
    }
    let required = std::env::var("WELKIN_REQUIRE_TORCH").is_ok_and(|value| value == "1");
    assert!(!required, "{} is missing, and WELKIN_REQUIRE_TORCH is 1", python.display());
    println!("skipped: {test}: did not run: PyTorch is not installed (see .ci/torch.sh)");
    None
}

#[test]
fn planned_modules_of_pytorch_equal_one_process() {
    let Some(python) = python("planned_modules_of_pytorch_equal_one_process") else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../python/test_torch.py");
    let bed = Bed::new();
    let mut command = bed.command_of(&python.to_string_lossy(), [script.as_os_str()]);
    let output =
        command.arg(env!("CARGO_BIN_EXE_welkin")).env("PYTHONDONTWRITEBYTECODE", "1").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", both(&output));
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said.lines().filter(|line| line.starts_with("ok ")).count(), 23, "{said}");
}
