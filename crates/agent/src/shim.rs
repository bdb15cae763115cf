//! What the binary does as `agent-exec`.

use crate::{guard, leaf, login};
use std::ffi::OsString;
use std::process::ExitCode;

/// Argument by which the agent starts the guard of a script.
pub(crate) const GUARD: &str = "guard";

/// Argument by which the guard starts the leaf that becomes the script.
pub(crate) const LEAF: &str = "leaf";

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
        Some(LEAF) => leaf::run(&args[1..]),
        Some(LOGIN) => login::become_shell(&args[1..], leaf::FAILED),
        _ => leaf::FAILED,
    };
    ExitCode::from(code)
}
