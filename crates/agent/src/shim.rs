//! What the binary does as `agent-exec`.

use crate::{guard, login};
use std::ffi::OsString;
use std::process::ExitCode;

/// Argument by which the agent starts the guard of a script.
pub(crate) const GUARD: &str = "guard";

/// Exit code where it is called with other words.
const FAILED: u8 = 126;

/// Argument by which a login becomes a shell in the node's home.
pub(crate) const LOGIN: &str = "login";

/// Runs the shim: call it with the arguments behind [`crate::EXEC_COMMAND`], on the main thread,
/// before any other thread or runtime is started, and exit with what it returns.
///
/// Not for people: it speaks to the agent over its standard input.
#[must_use]
pub fn exec_shim(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let code = match args.first().and_then(|mode| mode.to_str()) {
        Some(GUARD) => guard::run(),
        Some(LOGIN) => login::become_shell(&args[1..], FAILED),
        _ => FAILED,
    };
    ExitCode::from(code)
}
