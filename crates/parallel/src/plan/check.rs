//! What holds in every plan, whoever wrote the file: its numbers lead somewhere. A digest says that a file was not damaged, and not who made
//! it.

use super::wire::{MoveWire, PlanFile, ProgramWire, StageWire};
use crate::cluster::{AXES, MOST_DEVICES};

/// Dimensions of a value, at most.
const MOST_DIMS: u64 = 12;

impl PlanFile {
    /// What cannot be, by its place.
    pub(super) fn wrong(&self) -> Option<String> {
        let devices = self.cluster.hosts.checked_mul(self.cluster.per_host);
        let Some(devices) = devices.filter(|devices| (1..=MOST_DEVICES).contains(devices)) else {
            return Some(format!("a cluster has between 1 and {MOST_DEVICES} devices"));
        };
        if self.stages.is_empty() || self.microbatches == 0 {
            return Some("a step has a stage and a microbatch at least".to_owned());
        }
        if self.schedule.as_deref().is_some_and(|name| !["1f1b", "gpipe"].contains(&name)) {
            return Some("there is no such schedule".to_owned());
        }
        if let Some(place) = self.stages.iter().position(|stage| stage.devices(devices).is_none()) {
            return Some(format!("stage {place}: its mesh is no part of the cluster"));
        }
        let mut ranges: Vec<(u64, u64)> =
            self.stages.iter().filter_map(|stage| stage.devices(devices)).collect();
        ranges.sort_unstable();
        if ranges.is_sorted_by(|(_, end), (first, _)| end <= first) {
            let mut stages = self.stages.iter().enumerate();
            return stages.find_map(|(at, stage)| Some(format!("stage {at}: {}", self.misled(stage)?)));
        }
        Some("two stages have the same device".to_owned())
    }

    fn misled(&self, stage: &StageWire) -> Option<&'static str> {
        let program = stage.program.as_ref()?;
        if !program.is_sound(stage) {
            return Some("its program names a layout, a value or an axis that there is not");
        }
        let part = program.part.as_ref()?;
        let (ops, values) = (program.operations.len(), program.values.len());
        let cut = self.cut.as_ref().map(|cut| (cut.phases.len(), cut.examples.len()));
        let (all_ops, all_values) = cut.unwrap_or((usize::MAX, usize::MAX));
        let rises = |numbers: &[usize], count: usize, most: usize| {
            numbers.len() == count
                && numbers.is_sorted_by(|a, b| a < b)
                && numbers.last().is_none_or(|last| *last < most)
        };
        let sound = rises(&part.operations, ops, all_ops)
            && part.values.len() == values
            && part.values.iter().all(|value| *value < all_values);
        (!sound).then_some("it is no part of the model")
    }
}

impl StageWire {
    /// Its first device and the one after its last, if there are so many.
    fn devices(&self, all: u64) -> Option<(u64, u64)> {
        let named = self.mesh.len() == self.axes.len() && AXES.iter().zip(&self.axes).all(|(a, b)| a == b);
        let fits = !self.mesh.is_empty() && self.mesh.len() <= AXES.len() && !self.mesh.contains(&0);
        let count = self.mesh.iter().try_fold(1_u64, |count, size| count.checked_mul(*size))?;
        let end = self.first_device.checked_add(count)?;
        (named && fits && end <= all).then_some((self.first_device, end))
    }
}

impl ProgramWire {
    fn is_sound(&self, stage: &StageWire) -> bool {
        let along = |word: &String| {
            word == "same" || word == "sum" || word.parse::<u64>().is_ok_and(|dim| dim < MOST_DIMS)
        };
        let layouts =
            self.layouts.iter().all(|layout| layout.len() == stage.mesh.len() && layout.iter().all(along));
        let layout = |number: &usize| *number < self.layouts.len();
        let axes = |names: &[String]| names.iter().all(|name| stage.axes.contains(name));
        let moves = |made: &MoveWire| {
            made.operation <= self.operations.len()
                && made.value < self.values.len()
                && layout(&made.from)
                && !made.steps.is_empty()
                && made.steps.iter().all(|(names, to)| !names.is_empty() && axes(names) && layout(to))
        };
        layouts
            && self.values.iter().flatten().all(layout)
            && self
                .operations
                .iter()
                .all(|(reads, makes, combined)| reads.iter().chain(makes).all(layout) && axes(combined))
            && self.moves.iter().all(moves)
    }
}
