//! Records in words.

use crate::output::{counted, location_words, placement_words};
use welkin_broker::{Phase, Record};
use welkin_name::Name;
use welkin_placement::{Placement, PlannedTask};
use welkin_units::Bytes;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// Always told.
    Told,
    /// Told with `--verbose`.
    Detail,
}

/// A record about a task in words; `None` for what is not worth a line. `name` is what its attempt asked for.
pub(super) fn record(
    record: &Record,
    task: Option<&PlannedTask>,
    name: Option<&Name>,
) -> Option<(Weight, String)> {
    use Weight::{Detail, Told};
    Some(match record {
        Record::AttemptBegan { attempt, placement, .. } => {
            let place =
                task.and_then(|task| placed(task, *placement)).map_or_else(String::new, placement_words);
            let which =
                if attempt.number > 1 { format!("attempt {}: ", attempt.number) } else { String::new() };
            (Told, format!("{which}asking for {place}"))
        }
        Record::LeaseRequested { lease, .. } => {
            let named = name.and_then(|name| name.with_instance(&lease.0).ok());
            let lease = named.map_or_else(|| lease.to_string(), |name| name.to_string());
            (Detail, format!("lease {lease} accepted"))
        }
        Record::LeaseReady { nodes, .. } => (Told, format!("{} ready", counted(nodes.len(), "node"))),
        Record::PreemptionNoticed { .. } => (Told, "the provider will take the machines away".to_owned()),
        Record::DataStaged { path, tree, from, .. } => {
            let from = from.as_ref().map_or(String::new(), |from| format!(" from {}", location_words(from)));
            (Told, format!("{path}: {} arrived{from}, verified", tree.bytes))
        }
        Record::PhaseBegan { phase: Phase::Prepare, .. } => (Detail, "preparing".to_owned()),
        Record::PhaseBegan { phase: Phase::Run, .. } => (Told, "running".to_owned()),
        Record::KeysReleased { kind, .. } => {
            (Told, format!("evidence of the engine accepted ({kind}), keys released to it"))
        }
        Record::Presented { .. } => (Detail, "made known to the others of its training".to_owned()),
        Record::PublishBegan { .. } => (Detail, "publishing outputs".to_owned()),
        Record::TaskCommitted { outputs, .. } => {
            let sizes: Vec<String> =
                outputs.iter().map(|(name, tree)| format!("{name} {}", tree.bytes)).collect();
            let sizes =
                if sizes.is_empty() { String::new() } else { format!(", outputs: {}", sizes.join(", ")) };
            (Told, format!("done{sizes}"))
        }
        Record::AttemptEnded { attempt, end } => (Told, format!("attempt {} ended: {end}", attempt.number)),
        Record::TaskHeld { reason, .. } => (Told, format!("waiting: {reason}")),
        Record::BudgetUsed { percent, month, stops } => {
            let of = if month.is_some() { " of this month" } else { "" };
            let then = match (percent, stops) {
                (_, true) => ": the run ends",
                (100, _) => ": nothing new begins, and what runs goes on",
                _ => "",
            };
            (Told, format!("{percent} % of the budget{of} of its project is used{then}"))
        }
        Record::TaskFailed { reason, .. } => (Told, format!("failed: {reason}")),
        Record::DeadlineMissed { task, deadline } => {
            let whose = if task.is_some() { "the deadline of the task" } else { "the deadline of the run" };
            (Told, format!("{whose}, {deadline}, has passed; the run continues"))
        }
        Record::OutputDelivered { output, .. } => (Told, format!("{output} delivered")),
        Record::LeaseStopping { .. } => (Detail, "stopping the machines".to_owned()),
        Record::LeaseStopped { .. } => (Told, "machines stopped, disks kept".to_owned()),
        Record::StopRefused { reason, .. } => (Told, format!("machines not stopped: {reason}")),
        Record::LeaseStarting { .. } => (Detail, "starting the machines".to_owned()),
        Record::LeaseStarted { .. } => (Told, "machines starting".to_owned()),
        Record::StartRefused { reason, .. } => (Told, format!("machines not started: {reason}")),
        Record::LeaseReleasing { .. } => (Detail, "giving the machines back".to_owned()),
        Record::LeaseReleased { .. } => (Detail, "machines given back".to_owned()),
        Record::LeaseLost { reason, preempted, .. } => {
            (Told, format!("machines {}: {reason}", if *preempted { "taken away" } else { "lost" }))
        }
        Record::MannerChosen { .. }
        | Record::LeaseRefused { .. }
        | Record::RunStarted
        | Record::RunEnding { .. }
        | Record::RunEnded => {
            return None;
        }
    })
}

/// The placement of an attempt: 0 is the choice, n the n-th alternative.
pub(super) fn placed(task: &PlannedTask, placement: usize) -> Option<&Placement> {
    match placement.checked_sub(1) {
        None => Some(&task.choice),
        Some(alternative) => task.alternatives.get(alternative),
    }
}

/// Data on its way.
pub(super) fn moving(path: &str, bytes: Bytes) -> String {
    format!("moving {path}: {bytes}")
}
