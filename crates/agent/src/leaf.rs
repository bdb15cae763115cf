//! The process that becomes the script, where that has control groups to be in.
//!
//! It ties its life to the guard's, waits until the guard has put it into its control groups, and
//! turns into the shell. Tying and joining must happen between fork and
//! exec; doing it in a fresh program needs no unsafe code.

use rustix::fs::Mode;
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal, umask};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// Exit code of a leaf that could not become the script, as of a shell that cannot execute.
pub(crate) const FAILED: u8 = 126;

/// What a script's files are made without, as on a machine that was just installed. The agent itself
/// makes everything for its owner alone, and a node's home is closed to others whatever lies in it.
pub(crate) const SCRIPT_UMASK: u32 = 0o022;

/// What a script reads: the pipe by which it is spoken to, or nothing.
pub(crate) fn input(pipe: Option<&Path>) -> io::Result<Stdio> {
    pipe.map_or(Ok(Stdio::null()), |pipe| File::open(pipe).map(Stdio::from))
}

/// Becomes `SHELL FILE`, given `GUARD_PID SHELL FILE [INPUT]`. Returns only on failure.
pub(crate) fn run(args: &[OsString]) -> u8 {
    let (guard, shell, file, pipe) = match args {
        [guard, shell, file] => (guard, shell, file, None),
        [guard, shell, file, pipe] => (guard, shell, file, Some(Path::new(pipe))),
        _ => return FAILED,
    };
    let Err(error) = become_script(guard, shell, file, pipe);
    // Standard error goes to the step's log; there is nobody else to tell.
    let _ = writeln!(io::stderr(), "cannot start {}: {error}", shell.display());
    FAILED
}

fn become_script(
    guard: &OsStr,
    shell: &OsStr,
    file: &OsStr,
    pipe: Option<&Path>,
) -> io::Result<std::convert::Infallible> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // The guard may have died before the line above took effect.
    let expected = guard.to_str().and_then(|text| text.parse().ok()).and_then(Pid::from_raw);
    if expected.is_none() || getppid() != expected {
        return Err(io::Error::other("its guard is gone"));
    }
    io::stdin().read_exact(&mut [0])?;
    umask(Mode::from_raw_mode(SCRIPT_UMASK));
    Err(Command::new(shell).arg(file).stdin(input(pipe)?).exec())
}
