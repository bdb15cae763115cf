//! Where a file mount goes on a node.
//!
//! As in SkyPilot, `~/x` lies in the home of the node and `x` in the folder that scripts run in.
//!
//! *Guarantee:* what is refused here is refused when a run is submitted, before anything is leased: a
//! mount over the folder of the scripts, over the home itself, or over what the node's agent keeps
//! there would spoil the node for every step that follows.

use crate::stage::WORKDIR;
use std::path::{Component, Path};

/// Folder on the node that its agent keeps its records in.
const AGENT: &str = ".welkin";

/// The path below the home of the node that a mount's target means.
pub(crate) fn below_home(target: &str) -> Result<String, String> {
    let (base, path) = match target.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => ("", rest.trim_start_matches('/')),
        Some(_) => return Err(format!("{target} is in the home of another user")),
        None if target.starts_with('/') => return Err(format!("{target} is outside the node's home")),
        None => (WORKDIR, target),
    };
    let mut parts: Vec<&str> = Path::new(base).iter().filter_map(|part| part.to_str()).collect();
    for part in Path::new(path).components() {
        match part {
            Component::Normal(name) => parts.extend(name.to_str()),
            Component::CurDir => {}
            _ => return Err(format!("{target} holds '..' and may lead out of the node's home")),
        }
    }
    match parts.as_slice() {
        [] => Err(format!("{target} is the home of the node itself")),
        [WORKDIR] => Err(format!(
            "{target} is ~/{WORKDIR}, the folder that scripts run in: give its content as `workdir`, or mount at a path \
             inside it"
        )),
        [AGENT, ..] => Err(format!("{target} is in ~/{AGENT}, where the node keeps its own records")),
        parts => Ok(parts.join("/")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_mean_what_they_mean_in_skypilot() {
        for (target, want) in [
            ("~/data", "data"),
            ("data", "sky_workdir/data"),
            ("./data//x/", "sky_workdir/data/x"),
            ("~/sky_workdir/data", "sky_workdir/data"),
            ("~/a/./b", "a/b"),
            ("~/.welkin-notes", ".welkin-notes"),
            (".welkin", "sky_workdir/.welkin"),
        ] {
            assert_eq!(below_home(target).as_deref(), Ok(want), "{target}");
        }
    }

    #[test]
    fn nothing_is_mounted_over_what_a_node_needs() {
        for target in [
            "~",
            "~/",
            "~/.",
            ".",
            "./",
            "~/sky_workdir",
            "~/sky_workdir/.",
            "~/.welkin",
            "~/.welkin/steps",
            "..",
            "~/a/../..",
            "~other/x",
            "/etc",
            "/",
        ] {
            assert!(below_home(target).is_err(), "{target}");
        }
    }
}
