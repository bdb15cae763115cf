//! Plans run by JAX on emulated devices, by the scripts of `python/` and `examples/`.

use crate::bed::{Bed, both};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A Python with JAX; `None` after the test's name and the reason were printed.
fn python(test: &str) -> Option<PathBuf> {
    python_of(test, "jax-python")
}

#[expect(clippy::print_stdout, reason = "a test that did not run says so")]
fn python_of(test: &str, program: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder =
        std::env::var_os("WELKIN_STAND_INS").map_or_else(|| root.join("target/stand-ins"), PathBuf::from);
    let python = folder.join("bin").join(program);
    if python.exists() {
        return Some(python);
    }
    let required = std::env::var("WELKIN_REQUIRE_STAND_INS").is_ok_and(|value| value == "1");
    assert!(!required, "{} is missing, and WELKIN_REQUIRE_STAND_INS is 1", python.display());
    println!("skipped: {test}: did not run: JAX is not installed (see .ci/stand-ins.sh)");
    None
}

/// What a script of the repository says, which must succeed.
fn said(test: &str, script: &str, args: &[&str]) -> Option<String> {
    said_by(&python(test)?, script, args).into()
}

fn said_by(python: &Path, script: &str, args: &[&str]) -> String {
    let bed = Bed::new();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(script);
    let mut command = bed.command_of(&python.to_string_lossy(), [script.as_os_str()]);
    let output = command.args(args).env("WELKIN", env!("CARGO_BIN_EXE_welkin")).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", both(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn planned_steps_equal_one_device_and_say_to_each_other_what_was_planned() {
    let name = "planned_steps_equal_one_device_and_say_to_each_other_what_was_planned";
    let Some(said) = said(name, "python/test_plan.py", &[env!("CARGO_BIN_EXE_welkin")]) else { return };
    assert!(said.lines().filter(|line| line.starts_with("ok ")).count() >= 6, "{said}");
}

/// Its traces, programs and words for collectives are other ones.
#[test]
fn an_older_jax_runs_the_same_plans() {
    let Some(python) = python_of("an_older_jax_runs_the_same_plans", "jax-before-python") else { return };
    let said = said_by(&python, "python/test_plan.py", &[env!("CARGO_BIN_EXE_welkin"), "8xcpu-host"]);
    assert_eq!(said.lines().filter(|line| line.starts_with("ok ")).count(), 7, "{said}");
}

/// No more than 3 % under what XLA takes, and no more than 10 % over: GPTs, one with experts, MLPs and a wide ResNet.
#[test]
fn the_memory_that_is_planned_is_that_of_the_compiled_step() {
    let name = "the_memory_that_is_planned_is_that_of_the_compiled_step";
    let Some(said) = said(name, "python/test_memory.py", &[env!("CARGO_BIN_EXE_welkin")]) else { return };
    assert_eq!(said.lines().filter(|line| line.starts_with("ok ")).count(), 8, "{said}");
}

#[test]
fn a_small_gpt_trains_under_a_plan_with_the_losses_of_one_device() {
    let name = "a_small_gpt_trains_under_a_plan_with_the_losses_of_one_device";
    let Some(said) = said(name, "examples/gpt.py", &[]) else { return };
    assert!(said.contains("step 20: loss "), "{said}");
    assert!(
        said.lines().filter(|line| line.ends_with("a step") && line.contains(" at ")).count() >= 2,
        "{said}"
    );
}

#[test]
fn pipelines_equal_one_device_in_every_order_of_work() {
    let name = "pipelines_equal_one_device_in_every_order_of_work";
    let Some(said) = said(name, "python/test_pipeline.py", &[env!("CARGO_BIN_EXE_welkin")]) else { return };
    assert_eq!(said.lines().filter(|line| line.starts_with("ok ")).count(), 6, "{said}");
}

#[test]
fn pipelines_of_two_processes_equal_one_device() {
    let name = "pipelines_of_two_processes_equal_one_device";
    let script = "python/test_pipeline_gang.py";
    let Some(said) = said(name, script, &[env!("CARGO_BIN_EXE_welkin")]) else { return };
    assert_eq!(said.lines().filter(|line| line.starts_with("ok ")).count(), 3, "{said}");
}

/// One of two processes is killed: the other one ends, within what it was told, or 20 s, and not JAX's 100.
#[test]
fn a_gang_ends_soon_after_one_of_its_processes() {
    for program in ["jax-python", "jax-before-python"] {
        let Some(python) = python_of("a_gang_ends_soon_after_one_of_its_processes", program) else { return };
        let said = said_by(&python, "python/test_gang_loss.py", &[]);
        assert_eq!(said.lines().filter(|line| line.starts_with("ok ")).count(), 4, "{said}");
    }
}

/// Two nodes of four devices each, leased by a run that chose them with the plan, train as one program.
#[test]
fn a_gang_trains_together_with_the_losses_of_one_device() {
    let Some(python) = python("a_gang_trains_together_with_the_losses_of_one_device") else { return };
    let python = python.to_string_lossy();
    let bed = Bed::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folders = [root.join("examples"), root.join("python")];
    assert!(Command::new("cp").arg("-r").args(folders).arg(bed.path()).status().unwrap().success());
    let traced =
        bed.command_of(&python, ["examples/gpt.py", "--trace", "examples/gpt.json"]).output().unwrap();
    assert_eq!(traced.status.code(), Some(0), "{}", both(&traced));
    let told = bed.ok(["up", "examples/gpt.yaml", "--env", &format!("PYTHON={python}")]);
    assert!(told.contains("on 8 devices of 2 nodes"), "{told}");
    let steps = told.lines().filter(|line| line.starts_with("gpt.0 | step ") && line.contains(": loss "));
    assert_eq!(steps.count(), 20, "{told}");
}

#[test]
fn stablehlo_of_a_step_is_planned_as_its_jaxpr_is() {
    let name = "stablehlo_of_a_step_is_planned_as_its_jaxpr_is";
    let Some(said) = said(name, "python/test_stablehlo.py", &[env!("CARGO_BIN_EXE_welkin")]) else { return };
    assert_eq!(said.lines().filter(|line| line.starts_with("ok ")).count(), 6, "{said}");
}

#[test]
fn devices_are_measured_and_a_step_is_planned_by_that_and_run() {
    let name = "devices_are_measured_and_a_step_is_planned_by_that_and_run";
    let Some(said) = said(name, "python/test_profile.py", &[env!("CARGO_BIN_EXE_welkin")]) else { return };
    assert!(said.contains("ok profile"), "{said}");
}
