//! Plans as experts write them, under the same costs: what the planner must not be worse than.
//!
//! Each fixes what its name means and leaves the rest to the solver, so that it is at least as good as one written by hand. Data
//! parallel: state whole everywhere, every operation on its examples. Fully sharded: state in parts, gathered where it is
//! needed, every operation on its examples. Megatron: examples along the outer axis, and along the inner one anything but
//! examples, with state whole along the outer axis.

use crate::cluster::{Cluster, Mesh, shapes};
use crate::effort::Effort;
use crate::intra::{Allowed, Bench, Shares, split_within};
use crate::layout::{Along, Layout};
use crate::model::{Batch, Model, Role};
use crate::strategy::{Mode, Strategy};

/// A plan that was compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// `dp`, `fsdp`, `megatron`.
    pub name: &'static str,
    /// Devices along each axis.
    pub mesh: Vec<u64>,
    /// Of a step; nothing where it does not fit or divide.
    pub step_s: Option<f64>,
    /// Of a device when it needs most.
    pub peak_bytes: f64,
    /// Through the links of a device, in one direction, with rings.
    pub wire_bytes: f64,
}

/// The experts' plans on a cluster; of several meshes the best.
#[must_use]
pub fn experts(model: &Model, cluster: &Cluster) -> Vec<Compared> {
    let batch = Batch::of(model);
    let devices = cluster.devices();
    let flat = |name, kind| {
        let expert = Expert { model, batch: &batch, kind };
        expert.compare(name, cluster, &[devices])
    };
    let mut all = vec![flat("dp", Expertise::Data), flat("fsdp", Expertise::Sharded)];
    let expert = Expert { model, batch: &batch, kind: Expertise::Tensor };
    let inner = shapes(cluster, devices).into_iter().filter(|sizes| sizes.len() == 2);
    // The inner axis may have all devices of one machine.
    let all_in_one = (cluster.hosts == 1 && devices > 1).then(|| vec![1, devices]);
    let megatron = inner.chain(all_in_one).map(|sizes| expert.compare("megatron", cluster, &sizes));
    let seconds = |compared: &Compared| compared.step_s.unwrap_or(f64::INFINITY);
    all.extend(megatron.min_by(|a, b| seconds(a).total_cmp(&seconds(b))));
    all
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Expertise {
    Data,
    Sharded,
    Tensor,
}

struct Expert<'a> {
    model: &'a Model,
    batch: &'a Batch,
    kind: Expertise,
}

impl Expert<'_> {
    fn compare(&self, name: &'static str, cluster: &Cluster, sizes: &[u64]) -> Compared {
        let mut bench = Bench::new(Mesh::of(cluster, sizes));
        let most = cluster.device.usable_bytes;
        let split = split_within(
            self.model,
            &mut bench,
            most,
            self,
            &Shares::whole(self.model),
            Effort::default().plan(),
        );
        let (step_s, peak_bytes, wire_bytes) = match &split {
            Ok(split) => (Some(split.seconds), split.peak_bytes, split.wire_bytes(&bench.mesh)),
            Err(_) => (None, 0.0, 0.0),
        };
        Compared { name, mesh: sizes.to_vec(), step_s, peak_bytes, wire_bytes }
    }

    /// What the axis of the examples does to an operation.
    fn by_examples(&self, op: usize, mode: Mode) -> bool {
        match self.batch.loops[op] {
            Some(turns) => mode == Mode::Loop(turns),
            None if self.kind == Expertise::Sharded => true,
            None => matches!(mode, Mode::Idle | Mode::Sum(_)),
        }
    }
}

impl Allowed for Expert<'_> {
    fn strategy(&self, op: usize, strategy: &Strategy) -> bool {
        let inner = strategy
            .modes
            .get(1)
            .is_none_or(|mode| self.batch.loops[op].is_none_or(|turns| *mode != Mode::Loop(turns)));
        self.by_examples(op, strategy.modes[0]) && inner
    }

    fn input(&self, input: usize, layout: Layout) -> bool {
        let input = &self.model.inputs[input];
        let shape = &self.model.values[input.value].shape;
        match (input.role, self.kind) {
            (Role::State, Expertise::Sharded) => {
                // What has no dimension of some size stays whole.
                layout != Layout::WHOLE || shape.iter().all(|size| *size < 64)
            }
            (Role::State, _) => layout.0[0] == Along::Same,
            _ => true,
        }
    }
}
