//! What fits into the bounds that a small machine, or its administrator, sets.

use crate::bed::{Bed, both};
use std::fs;
use std::process::Command;

/// As many files as keep all lanes busy.
const FILES: usize = 2000;

#[test]
fn many_lanes_fit_into_a_small_address_space() {
    let bed = Bed::new();
    for number in 0..FILES {
        bed.file(&format!("from/{number}"), &number.to_string());
    }
    // Each thread sets 64 MiB of address space aside; with one for each lane this ended with an abort.
    let program = env!("CARGO_BIN_EXE_welkin");
    let script = format!("ulimit -v 600000; exec {program} cp --lanes 64 from to");
    let named = bed.command::<&str>([]);
    let folder = named.get_current_dir().unwrap().to_owned();
    let environment = named.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let mut command = Command::new("sh");
    command.args(["-c", &script]).current_dir(&folder).env_clear().envs(environment);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", both(&output));
    assert_eq!(fs::read_dir(folder.join("to")).unwrap().count(), FILES);
}
