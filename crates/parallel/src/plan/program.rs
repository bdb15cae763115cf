//! A split as a program: every operation, and every change of a layout.

use super::wire::{MoveWire, ProgramWire};
use crate::cluster::AXES;
use crate::intra::Split;
use crate::layout::{Along, Layout};
use crate::model::Model;
use std::collections::BTreeMap;

pub(super) fn program(model: &Model, split: &Split) -> ProgramWire {
    let mut numbers = Numbers { known: BTreeMap::new(), axes: split.mesh.len(), layouts: Vec::new() };
    let values = (0..model.values.len()).map(|value| Some(numbers.of(*split.layouts.get(&value)?))).collect();
    let operations = split.works.iter().map(|work| {
        let mut all = |layouts: &[Layout]| layouts.iter().map(|layout| numbers.of(*layout)).collect();
        (all(&work.ins), all(&work.outs), axes(work.combined))
    });
    let operations = operations.collect();
    let moves = split.moves.iter().map(|made| MoveWire {
        operation: made.op,
        value: made.value,
        from: numbers.of(made.from),
        steps: made.hops.iter().map(|hop| (axes(hop.axes), numbers.of(hop.to))).collect(),
    });
    let moves = moves.collect();
    ProgramWire { layouts: numbers.layouts, values, operations, moves, part: None }
}

fn axes(bits: usize) -> Vec<String> {
    let named = AXES.iter().enumerate().filter(|(axis, _)| bits & (1 << axis) != 0);
    named.map(|(_, name)| (*name).to_owned()).collect()
}

/// Layouts by number.
struct Numbers {
    known: BTreeMap<Layout, usize>,
    axes: usize,
    layouts: Vec<Vec<String>>,
}

impl Numbers {
    fn of(&mut self, layout: Layout) -> usize {
        if let Some(number) = self.known.get(&layout) {
            return *number;
        }
        let word = |along: &Along| match along {
            Along::Same => "same".to_owned(),
            Along::Partial => "sum".to_owned(),
            Along::Split(dim) => dim.to_string(),
        };
        self.layouts.push(layout.0[..self.axes].iter().map(word).collect());
        self.known.insert(layout, self.layouts.len() - 1);
        self.layouts.len() - 1
    }
}
