//! What a job reads from the machine of whoever submits it, and puts there.

use crate::error::SubmitError;
use crate::snapshot::Snapshots;
use crate::stage::{Roots, Source, each_need, is_here};
use std::io;
use std::path::{Component, Path, PathBuf};
use welkin_job::Job;

/// A path of a job file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfThisMachine {
    /// Whose.
    pub task: String,
    /// Where it leads, from the folder of the job file; absolute where it leaves that.
    pub path: PathBuf,
    /// What it is for.
    pub what: Brought,
}

/// What a path of a job file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brought {
    /// Workdir or file mount: taken along when the job is submitted.
    Along,
    /// An input: read when a task first needs it.
    Later,
    /// An output is delivered there.
    Back,
}

impl OfThisMachine {
    /// Whether it stays in the folder of the job file.
    #[must_use]
    pub fn stays(&self) -> bool {
        !self.path.components().any(|part| matches!(part, Component::ParentDir | Component::RootDir))
    }
}

/// What is in the way of running a job by a broker elsewhere, in words; none when it can be.
#[must_use]
pub fn not_elsewhere(job: &Job) -> Option<String> {
    of_this_machine(job).into_iter().find_map(|of| {
        let (task, path) = (&of.task, of.path.display());
        match of.what {
            Brought::Along if of.stays() => None,
            Brought::Along => {
                Some(format!("task {task} brings {path} along, which is not below the job file's folder"))
            }
            Brought::Later => {
                Some(format!("task {task} reads the input {path}, which is not on the broker's machine"))
            }
            Brought::Back => {
                Some(format!("task {task} delivers to {path}, which is not on the broker's machine"))
            }
        }
    })
}

/// Everything that a job brings along, as it is now, for a broker elsewhere.
#[derive(Debug)]
pub struct Packed {
    /// Where it is; none when the job brings nothing.
    pub folder: Option<PathBuf>,
    /// What could not be brought along, and why.
    pub left_out: Vec<String>,
}

/// Packs what a job brings along into a folder of its own.
///
/// # Errors
/// [`SubmitError`] when something cannot be read.
pub async fn pack(job: &Job, base_dir: &Path, into: &Path) -> Result<Packed, SubmitError> {
    let roots = Roots { base_dir: base_dir.to_owned(), home: None };
    let Some(draft) = Snapshots::new(into).take(job, &roots, 0).await? else {
        return Ok(Packed { folder: None, left_out: Vec::new() });
    };
    let folder = into.join("brought");
    let failed = |error: io::Error| SubmitError::Path { task: job.name.clone(), what: error.to_string() };
    draft.leave(&folder).map_err(failed)?;
    Ok(Packed { folder: Some(folder), left_out: draft.left_out.clone() })
}

/// Every path of a job that is of the machine it is submitted from.
#[must_use]
pub fn of_this_machine(job: &Job) -> Vec<OfThisMachine> {
    // `~` becomes a path from the root, which no base folder changes.
    let roots = Roots { base_dir: PathBuf::new(), home: Some(PathBuf::from("/~")) };
    let mut all = Vec::new();
    for (index, task) in job.tasks.iter().enumerate() {
        let of = |path, what| OfThisMachine { task: task.name.clone(), path, what };
        for need in each_need(job, index, &roots).into_iter().flatten() {
            if let Source::Local(path) = need.source {
                all.push(of(path, if need.brought { Brought::Along } else { Brought::Later }));
            }
        }
        let delivered = task.outputs.values().filter_map(|output| output.uri.as_deref());
        all.extend(delivered.filter(|uri| is_here(uri)).map(|uri| of(roots.path(uri), Brought::Back)));
    }
    all
}
