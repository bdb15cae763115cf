//! The emulated clouds' own records of what they rented out.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

/// One lease.
#[derive(Debug, Clone)]
pub(super) struct Lease {
    pub(super) id: String,
    pub(super) token: String,
    pub(super) run: String,
    pub(super) task: String,
    pub(super) attempt: u64,
    pub(super) nodes: u64,
    /// Nano-dollars for one node and hour.
    pub(super) hourly: u64,
    pub(super) is_over: bool,
}

/// All that there ever were below a Welkin folder.
pub(super) fn all(home: &Path) -> Result<Vec<Lease>> {
    let mut leases = Vec::new();
    for cloud in entries(&home.join("clouds")) {
        for (folder, is_over) in [("leases", false), ("ended", true)] {
            let folders = entries(&cloud.join(folder));
            // What was being written when its writer was killed is hidden: no lease came of it.
            let whole = folders
                .into_iter()
                .filter(|path| path.file_name().is_some_and(|name| !name.to_string_lossy().starts_with('.')));
            for path in whole {
                leases.push(read(&path.join("lease.json"), is_over)?);
            }
        }
    }
    Ok(leases)
}

pub(super) fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

fn read(path: &Path, is_over: bool) -> Result<Lease> {
    let value: Value = serde_json::from_slice(&fs::read(path).with_context(|| path.display().to_string())?)?;
    let request = &value["request"];
    let text = |value: &Value| value.as_str().map(str::to_owned).with_context(|| path.display().to_string());
    let number = |value: &Value| value.as_u64().with_context(|| path.display().to_string());
    Ok(Lease {
        id: text(&value["id"])?,
        token: text(&request["token"])?,
        run: text(&request["labels"]["run"])?,
        task: text(&request["labels"]["task"])?,
        attempt: text(&request["labels"]["attempt"])?.parse()?,
        nodes: number(&request["nodes"])?,
        hourly: number(&request["hourly"])?,
        is_over,
    })
}
