//! A node of a part: a node of the cluster that knows which steps are of this part, and which devices.

use super::provider::Clusters;
use async_trait::async_trait;
use std::sync::Arc;
use welkin_provider::{Event, LeaseId, Node, ProviderError, Step, StepId};
use welkin_units::Span;

/// Variables by which programs know their devices, those of one maker each.
const VISIBLE: [&str; 2] = ["CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"];

/// One node.
#[derive(Debug)]
pub(super) struct PartNode {
    pub(super) inner: Arc<dyn Node>,
    pub(super) clusters: Arc<Clusters>,
    pub(super) part: LeaseId,
    pub(super) rank: u32,
    /// How many devices the machine has, and which of them are this part's.
    pub(super) devices: (u32, Vec<u32>),
}

#[async_trait]
impl Node for PartNode {
    async fn start(&self, step: &Step) -> Result<(), ProviderError> {
        self.clusters.began(&self.part, self.rank, &step.id).await?;
        let (all, own) = &self.devices;
        let mut step = step.clone();
        if *all > 0 {
            step.script = step.script.map(|script| seeing(*all, own, &script));
        }
        self.inner.start(&step).await
    }

    async fn events(&self, step: &StepId, from: u64, wait: Span) -> Result<Vec<Event>, ProviderError> {
        self.inner.events(step, from, wait).await
    }

    async fn stop(&self, step: &StepId, grace: Span) -> Result<(), ProviderError> {
        self.inner.stop(step, grace).await
    }

    async fn say(&self, step: &StepId, id: &str, line: Option<&str>) -> Result<(), ProviderError> {
        self.inner.say(step, id, line).await
    }
}

/// A script that sees some of the devices that its node sees. The node itself may see a few of its host's, by
/// numbers that only the node knows, so the shell chooses; on the first line, so that the lines of errors stay right.
fn seeing(all: u32, own: &[u32], script: &str) -> String {
    let every = listed(0..all);
    let fields = listed(own.iter().map(|device| device + 1));
    let choose = |name: &str| match own {
        [] => format!("export {name}=; "),
        _ => format!("export {name}=$(echo \"${{{name}-{every}}}\" | cut -d, -f{fields}); "),
    };
    VISIBLE.map(choose).concat() + script
}

fn listed(numbers: impl IntoIterator<Item = u32>) -> String {
    numbers.into_iter().map(|number| number.to_string()).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(all: u32, own: &[u32], before: Option<&str>) -> String {
        let mut shell = std::process::Command::new("sh");
        shell.env_remove("CUDA_VISIBLE_DEVICES").arg("-c");
        shell.arg(seeing(all, own, "echo \"[$CUDA_VISIBLE_DEVICES]\""));
        shell.envs(before.map(|value| ("CUDA_VISIBLE_DEVICES", value)));
        String::from_utf8(shell.output().unwrap().stdout).unwrap()
    }

    #[test]
    fn a_script_sees_its_own_devices_by_the_numbers_of_its_host() {
        assert_eq!(seen(4, &[1, 3], None), "[1,3]\n");
        assert_eq!(seen(2, &[1], Some("4,7")), "[7]\n");
        assert_eq!(seen(2, &[], Some("4,7")), "[]\n");
    }
}
