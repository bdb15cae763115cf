//! The environment of a script: bare, then the node's, then the step's, then what must hold.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;
use welkin_provider::Step;

use crate::home::Home;
use crate::options::AgentOptions;

/// Names the node on every process of its steps; the sweep after a crash looks for it.
pub(crate) const NODE_MARK: &str = "WELKIN_NODE_ID";

/// Names the step on every process of it.
pub(crate) const STEP_MARK: &str = "WELKIN_STEP_ID";

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The environment of a script, or of a login, whose own variables these are.
pub(crate) fn build(
    options: &AgentOptions,
    home: &Home,
    own: &BTreeMap<String, String>,
    id: &str,
    shell: &str,
) -> BTreeMap<String, String> {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let mut env = BTreeMap::from(
        [
            ("PATH", path(&options.executable)),
            ("HOME", text(home.root())),
            ("USER", "welkin".to_owned()),
            ("LOGNAME", "welkin".to_owned()),
            ("SHELL", shell.to_owned()),
            ("LANG", "C.UTF-8".to_owned()),
            ("TMPDIR", text(&home.tmp())),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    env.extend(options.env.clone());
    env.extend(own.clone());
    env.insert(NODE_MARK.to_owned(), options.node_id.clone());
    env.insert(STEP_MARK.to_owned(), id.to_owned());
    env.insert("WELKIN_PROGRAM".to_owned(), text(&options.executable));
    env.insert("WELKIN_PREEMPTION_FILE".to_owned(), text(&home.preemption()));
    env
}

/// Why the step's variables cannot be an environment, if they cannot.
pub(crate) fn check(step: &Step) -> Result<(), String> {
    check_env(&step.env)?;
    if step.id.0.contains('\0') { Err("the id holds a NUL".to_owned()) } else { Ok(()) }
}

/// The same, of variables alone.
pub(crate) fn check_env(env: &BTreeMap<String, String>) -> Result<(), String> {
    for (name, value) in env {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(format!("{name:?} cannot name a variable"));
        }
        if value.contains('\0') {
            return Err(format!("the value of {name} holds a NUL"));
        }
    }
    Ok(())
}

/// The usual places, and last the folder of this binary, so that scripts may call it.
fn path(executable: &Path) -> String {
    match executable.parent().map(Path::as_os_str).and_then(OsStr::to_str) {
        Some(folder) if folder.starts_with('/') && !folder.contains(':') => format!("{PATH}:{folder}"),
        _ => PATH.to_owned(),
    }
}
