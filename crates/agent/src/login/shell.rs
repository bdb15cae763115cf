//! What a login becomes: the shell of the node, or the command that was asked for, in the node's home and environment.
//!
//! The server starts this in place of everything (`ForceCommand`), since it would go to the account's own home otherwise,
//! with the environment of the account. What was asked for is in a variable that it sets.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What was asked for; absent when that is a shell.
const ASKED: &str = "SSH_ORIGINAL_COMMAND";

/// Variables of the login that stay as the server has them.
const OF_LOGIN: &[&str] = &["USER", "LOGNAME"];

/// Variables that the client may set, and the node sets where it does not.
const OF_CLIENT: &str = "LANG";

/// How to become it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entered {
    pub(super) home: PathBuf,
    pub(super) shell: PathBuf,
    pub(super) env: BTreeMap<String, String>,
}

/// Becomes what was asked for, given the file that says how. Returns only on failure.
pub(crate) fn run(args: &[OsString], failed: u8) -> u8 {
    let [file] = args else { return failed };
    let Err(error) = become_it(Path::new(file));
    let _ = writeln!(io::stderr(), "welkin: the login cannot begin: {error}");
    failed
}

fn become_it(file: &Path) -> io::Result<Infallible> {
    let Entered { home, shell, env } = serde_json::from_slice(&std::fs::read(file)?)?;
    let mut command = Command::new(&shell);
    match std::env::var_os(ASKED) {
        Some(line) => command.arg("-c").arg(line),
        None => command.arg0(login_name(&shell)),
    };
    let kept =
        |name: &str| OF_LOGIN.contains(&name) || name == OF_CLIENT && std::env::var_os(OF_CLIENT).is_some();
    command.env_remove(ASKED).envs(env.iter().filter(|(name, _)| !kept(name))).current_dir(home);
    Err(command.exec())
}

/// A shell that is called by a name with a dash before it reads what is read at a login.
fn login_name(shell: &Path) -> OsString {
    let mut name = OsString::from("-");
    name.push(shell.file_name().unwrap_or(OsStr::new("sh")));
    name
}
