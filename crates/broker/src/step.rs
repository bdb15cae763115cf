//! What the nodes of an attempt are told to do: two steps each, built from the plan and the job alone.

use crate::live::Live;
use crate::sealed;
use crate::stage::{WORKDIR, input_path, output_path};
use crate::view::AttemptView;
use std::collections::BTreeMap;
use welkin_job::Task;
use welkin_provider::{Fetch, Publish, Step, StoreAccess};
use welkin_records::{AttemptId, Phase};

/// The step of `phase` on the node of rank `rank`.
pub(crate) fn build(
    live: &Live,
    attempt: &AttemptView,
    phase: Phase,
    rank: u32,
    fetch: &[Fetch],
    store: &StoreAccess,
) -> Step {
    let task = &live.job.tasks[attempt.id.task];
    let script = match phase {
        Phase::Prepare => task.setup.as_deref(),
        Phase::Run if task.sealed.is_some() => Some(sealed::ENGINE),
        Phase::Run => task.run.as_deref(),
    };
    let mut env = task.envs.clone();
    env.extend(task.secrets.iter().map(|(name, secret)| (name.clone(), secret.reveal().to_owned())));
    env.extend(environment(live, attempt, phase, rank));
    Step {
        id: attempt.id.step(&live.id, phase, rank),
        fetch: if phase == Phase::Prepare { fetch.to_vec() } else { Vec::new() },
        script: script.map(|script| format!("{}{script}", preamble(live, attempt.id))),
        workdir: WORKDIR.to_owned(),
        env,
        secret_env: task.secrets.keys().cloned().collect(),
        // Every node may write outputs; those of the first are the task's.
        publish: if phase == Phase::Run && rank == 0 {
            publish(live, attempt.id, task, store)
        } else {
            Vec::new()
        },
        listens: phase == Phase::Run && (task.sealed.is_some() || task.federated.is_some()),
    }
}

fn publish(live: &Live, id: AttemptId, task: &Task, store: &StoreAccess) -> Vec<Publish> {
    let one = |name: &String| Publish {
        name: name.clone(),
        path: live.beside(id, output_path(name)),
        store: store.clone(),
        prefix: id.prefix(&live.id, &task.name, name),
    };
    task.outputs.keys().map(one).collect()
}

/// SkyPilot's variables, and Welkin's own.
fn environment(live: &Live, attempt: &AttemptView, phase: Phase, rank: u32) -> BTreeMap<String, String> {
    let task = live.task_name(attempt.id.task);
    let addresses: Vec<&str> = attempt.nodes.iter().map(|node| node.address.as_str()).collect();
    let accelerator = live.placement(attempt).node.accelerator.as_ref();
    let gpus = accelerator.map_or(0, |(_, milli)| milli.div_ceil(1000));
    let place = &attempt.place.location;
    let cluster = serde_json::json!({
        "cluster_name": format!("{}-{task}", live.id),
        "cloud": place.provider,
        "region": place.region,
        "zone": place.zone,
    });
    // SkyPilot tells `setup` the same under other names; here both phases know the plain ones too.
    let setup = if phase == Phase::Prepare {
        vec![
            ("SKYPILOT_SETUP_NODE_RANK", rank.to_string()),
            ("SKYPILOT_SETUP_NODE_IPS", addresses.join("\n")),
            ("SKYPILOT_SETUP_NUM_GPUS_PER_NODE", gpus.to_string()),
        ]
    } else {
        Vec::new()
    };
    let both = [
        ("SKYPILOT_NODE_RANK", rank.to_string()),
        ("SKYPILOT_NODE_IPS", addresses.join("\n")),
        ("SKYPILOT_CLUSTER_INFO", cluster.to_string()),
        // The first job of a cluster that lives for this job alone.
        ("SKYPILOT_INTERNAL_JOB_ID", "1".to_owned()),
        ("SKYPILOT_USER", "welkin".to_owned()),
        ("SKYPILOT_NUM_NODES", attempt.place.nodes.to_string()),
        ("SKYPILOT_NUM_GPUS_PER_NODE", gpus.to_string()),
        // The same for every attempt: programs name their checkpoints by it.
        ("SKYPILOT_TASK_ID", format!("{}_{task}", live.id)),
        ("WELKIN_RUN", live.id.0.clone()),
        ("WELKIN_TASK", task.to_owned()),
        ("WELKIN_ATTEMPT", attempt.id.number.to_string()),
        ("WELKIN_PLACE", attempt.place.location.to_string()),
    ];
    both.into_iter().chain(setup).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Sets the paths of inputs and outputs, in front of the script and on its first line, so that the
/// line numbers in its errors stay right. They are set by the shell because only the node knows where
/// its home is.
fn preamble(live: &Live, id: AttemptId) -> String {
    let task = &live.job.tasks[id.task];
    let mut text = String::new();
    if !task.outputs.is_empty() {
        // A process of its own, so only where something may be put there.
        text.push_str(&format!("mkdir -p \"$HOME/{}\";", live.beside(id, "outputs".to_owned())));
    }
    for name in task.inputs.keys() {
        text.push_str(&export("INPUT", name, &live.beside(id, input_path(name))));
    }
    for name in task.outputs.keys() {
        text.push_str(&export("OUTPUT", name, &live.beside(id, output_path(name))));
    }
    if !text.is_empty() {
        text.push(' ');
    }
    text
}

fn export(kind: &str, name: &str, path: &str) -> String {
    let variable: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    // In single quotes nothing is special but the quote itself.
    format!(" export WELKIN_{kind}_{variable}=\"$HOME\"/'{}';", path.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_variables_and_paths_stay_what_they_are() {
        assert_eq!(
            export("INPUT", "my-data.v2", "inputs/my-data.v2"),
            " export WELKIN_INPUT_MY_DATA_V2=\"$HOME\"/'inputs/my-data.v2';"
        );
        assert_eq!(
            export("OUTPUT", "it's $(rm)", "outputs/it's $(rm)"),
            " export WELKIN_OUTPUT_IT_S___RM_=\"$HOME\"/'outputs/it'\\''s $(rm)';"
        );
    }
}
