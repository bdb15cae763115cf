//! Tasks of one training, which are told of each other while they run.
//!
//! ```text
//! script starts ─▶ presents itself, on record ─▶ all have: each is told who the others are ─▶ they talk without the broker
//!                                                  └─ one is lost, and comes back as somebody else: all are told again
//! ```
//!
//! A script makes its key on its node and shows the fingerprint; the broker passes fingerprints on, and where the coordinator
//! listens. Who is introduced to whom is a function of the record, so a broker that was killed says the same again, which the
//! node knows by its name and does not repeat. When the coordinator's task is committed its parties are told that it is over.
//!
//! *Guarantee:* no key passes here. *Limit:* whoever is introduced by a broker believes it who the others are.

use crate::follow::follow;
use crate::limits::{NODE_SILENCE, STOP_GRACE};
use crate::live::{Halt, Live};
use crate::patience::{Patience, trying};
use crate::view::{AttemptView, RunView};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::pin;
use tokio::sync::Notify;
use tokio::time::timeout;
use welkin_job::Job;
use welkin_provider::{ErrorKind, Exit, Node, Presented, ProviderError, Said, Step, Told};
use welkin_records::{AttemptEnd, AttemptId, Phase, StepKey, TaskState};

/// What a line of a script's output says to the others, and the words that stand for it in the log.
pub(crate) fn heard(line: &str) -> Option<(Presented, String)> {
    let Said::Presented(presented) = Said::read(line)?;
    let words = format!("it is known to the others by {}", presented.fingerprint);
    Some((presented, words))
}

/// The tasks of the training that a task takes part in, itself among them.
pub(crate) fn training(job: &Job, task: usize) -> Vec<usize> {
    let of = |at: usize| job.tasks[at].federated.as_ref().map(|federated| &federated.coordinator);
    let own = of(task);
    (0..job.tasks.len()).filter(|at| own.is_some() && of(*at) == own).collect()
}

/// Runs the script of an attempt to its end, and tells it meanwhile who the others are.
pub(crate) async fn run(
    live: &Live,
    id: AttemptId,
    node: &dyn Node,
    step: &Step,
    poked: &Notify,
) -> Result<Exit, Halt> {
    let key = StepKey { attempt: id, phase: Phase::Run, rank: 0 };
    let mut following = pin!(follow(live, key, node, step, poked, None));
    let mut telling = pin!(tell(live, id, node, step));
    let Err(halt) = tokio::select! {
        exit = &mut following => return exit,
        told = &mut telling => told,
    };
    // It waits for words that do not come.
    drop(timeout(2 * STOP_GRACE.duration(), node.stop(&step.id, STOP_GRACE)).await);
    Err(halt)
}

/// Tells the script what there is to tell, whenever that is something else than before.
async fn tell(live: &Live, id: AttemptId, node: &dyn Node, step: &Step) -> Result<Infallible, Halt> {
    let mut view = live.view.subscribe();
    let mut last = None;
    loop {
        let now = news(live, &view.borrow_and_update(), id.task);
        if now.is_some() && now != last {
            let line = now.as_ref().map(Told::line).unwrap_or_default();
            say(live, node, step, &line).await?;
            last = now;
        }
        // The sender lives in `live`.
        let _ = view.changed().await;
    }
}

/// What a task is to know; nothing until all have presented themselves.
fn news(live: &Live, view: &RunView, own: usize) -> Option<Told> {
    let members = training(&live.job, own);
    let name = &live.job.tasks[own].federated.as_ref()?.coordinator;
    let coordinator = *members.iter().find(|at| live.job.tasks[**at].name == *name)?;
    if own != coordinator && view.tasks[coordinator].state == TaskState::Succeeded {
        return Some(Told::Over);
    }
    let mut fingerprints = BTreeMap::new();
    for member in members {
        let presented = present(view, member)?.presented.as_ref()?;
        fingerprints.insert(live.job.tasks[member].name.clone(), presented.fingerprint.clone());
    }
    let attempt = present(view, coordinator)?;
    let (node, port) = (attempt.nodes.first()?, attempt.presented.as_ref()?.port?);
    let host = &node.address;
    let address = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    Some(Told::Introduced {
        fingerprints,
        coordinator: name.clone(),
        address,
        salt: live.salt_of(&live.job.tasks[own].name),
    })
}

/// The last attempt of a task, if it is at work or has done it.
fn present(view: &RunView, task: usize) -> Option<&AttemptView> {
    view.tasks[task]
        .attempts
        .last()
        .filter(|attempt| matches!(attempt.end, None | Some(AttemptEnd::Committed)))
}

/// Says a line, however long the node takes to know the step. What was said before is not said again.
async fn say(live: &Live, node: &dyn Node, step: &Step, line: &str) -> Result<(), Halt> {
    let passes = |error: &ProviderError| matches!(error.kind, ErrorKind::Transient | ErrorKind::NotFound);
    let patience = Patience { within: NODE_SILENCE, passes };
    let id = blake3::hash(line.as_bytes()).to_hex();
    let said = trying(patience, &live.world.rng, |_| {}, || node.say(&step.id, &id, Some(line))).await;
    said.map_err(|error| Halt::end(AttemptEnd::Unreachable { message: error.to_string() }))
}
