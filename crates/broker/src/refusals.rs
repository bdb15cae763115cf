//! What stands against running a job, as far as this machine can tell: missing files, forms that cannot
//! be executed, outputs that would replace what is the user's.
//!
//! *Guarantee:* everything is told at once, what is read before what is delivered, and nothing is asked of
//! any provider. A job with nothing against it here can still be refused by what is not looked at: the bytes
//! in its folders, and its places.

use crate::deliver::refused_deliveries;
use crate::error::SubmitError;
use crate::stage::{Need, Roots, each_need, is_here};
use std::path::{Path, PathBuf};
use welkin_job::{Input, Job};

/// Everything that stands against running `job`, whose paths are relative to `base_dir`; `home` is what
/// `~` stands for.
#[must_use]
pub fn refusals(job: &Job, base_dir: &Path, home: Option<PathBuf>) -> Vec<SubmitError> {
    let roots = Roots { base_dir: base_dir.to_owned(), home };
    let tasks = (0..job.tasks.len()).flat_map(|task| of_task(job, task, &roots, Need::check));
    tasks.chain(refused_deliveries(job, &roots)).collect()
}

/// The same for a job whose paths are those of another machine.
pub(crate) fn refusals_elsewhere(job: &Job, base_dir: &Path) -> Vec<SubmitError> {
    let roots = Roots { base_dir: base_dir.to_owned(), home: None };
    (0..job.tasks.len()).flat_map(|task| of_task(job, task, &roots, Need::stays_in_home)).collect()
}

fn of_task(
    job: &Job,
    index: usize,
    roots: &Roots,
    check: fn(&Need) -> Result<(), String>,
) -> Vec<SubmitError> {
    let task = &job.tasks[index];
    let path = |what| SubmitError::Path { task: task.name.clone(), what };
    let needs = each_need(job, index, roots).into_iter();
    let needs = needs.filter_map(|need| need.and_then(|need| check(&need).map_err(path)).err());
    let uris = task.outputs.values().filter_map(|output| output.uri.as_deref());
    let outputs = uris.filter(|uri| !is_here(uri)).map(|uri| SubmitError::Unsupported {
        task: task.name.clone(),
        what: format!("the output to {uri}"),
    });
    let inputs = task.inputs.iter().filter(|_| task.sealed.is_some());
    let far = inputs.filter(|(_, input)| !matches!(input, Input::Uri { uri, .. } if is_here(uri)));
    let far = far.map(|(name, _)| SubmitError::Unsupported {
        task: task.name.clone(),
        what: format!("the sealed input {name}, which is no folder of this machine,"),
    });
    needs.chain(outputs).chain(far).collect()
}
