//! From one layout to another: the cheapest sequence of collectives.
//!
//! A shortest path over layouts, where a step changes one axis, or two that do the same. Steps that are not possible are not
//! there: of two axes that split one dimension, only the inner one can be gathered alone, since blocks of the outer one would
//! not lie next to each other.

use crate::cluster::{Collective, Mesh};
use crate::layout::{Along, Layout, layouts};
use crate::model::Value;

/// One step on the way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Hop {
    pub(crate) to: Layout,
    /// Nothing for what a device does alone.
    pub(crate) collective: Option<Collective>,
    /// Axes as bits.
    pub(crate) axes: usize,
    /// What each device has of the whole: the larger side of it.
    pub(crate) bytes: f64,
    pub(crate) seconds: f64,
}

/// Costs between all layouts of one tensor.
#[derive(Debug, Clone)]
pub(crate) struct Ways {
    layouts: Vec<Layout>,
    seconds: Vec<f64>,
}

impl Ways {
    pub(crate) fn new(value: &Value, mesh: &Mesh) -> Self {
        let layouts = layouts(&value.shape, &mesh.sizes);
        let from = |layout: &Layout| search(value, mesh, &layouts, *layout).0;
        let seconds = layouts.iter().flat_map(from).collect();
        Self { layouts, seconds }
    }

    pub(crate) fn seconds(&self, from: Layout, to: Layout) -> f64 {
        let place = |layout| {
            self.layouts.iter().position(|known| *known == layout).expect("layouts divide the tensor")
        };
        self.seconds[place(from) * self.layouts.len() + place(to)]
    }
}

/// The steps from one layout to another.
pub(crate) fn way(value: &Value, mesh: &Mesh, from: Layout, to: Layout) -> Vec<Hop> {
    let layouts = layouts(&value.shape, &mesh.sizes);
    let (_, before) = search(value, mesh, &layouts, from);
    let place = |layout| layouts.iter().position(|known| *known == layout);
    let mut hops = Vec::new();
    let mut at = to;
    while at != from {
        let Some((earlier, hop)) = place(at).and_then(|at| before[at]) else { break };
        hops.push(hop);
        at = layouts[earlier];
    }
    hops.reverse();
    hops
}

/// Dijkstra's: seconds to each layout, and the last step of the way there.
fn search(
    value: &Value,
    mesh: &Mesh,
    layouts: &[Layout],
    from: Layout,
) -> (Vec<f64>, Vec<Option<(usize, Hop)>>) {
    let mut seconds = vec![f64::INFINITY; layouts.len()];
    let mut before = vec![None; layouts.len()];
    let mut done = vec![false; layouts.len()];
    let place = |layout| layouts.iter().position(|known| *known == layout);
    if let Some(start) = place(from) {
        seconds[start] = 0.0;
    }
    loop {
        let open = (0..layouts.len()).filter(|at| !done[*at] && seconds[*at].is_finite());
        let Some(at) = open.min_by(|a, b| seconds[*a].total_cmp(&seconds[*b])) else { break };
        done[at] = true;
        for hop in hops(value, mesh, layouts[at]) {
            let Some(next) = place(hop.to) else { continue };
            if seconds[at] + hop.seconds < seconds[next] {
                seconds[next] = seconds[at] + hop.seconds;
                before[next] = Some((at, hop));
            }
        }
    }
    (seconds, before)
}

/// All steps from a layout.
fn hops(value: &Value, mesh: &Mesh, from: Layout) -> Vec<Hop> {
    let sizes = &mesh.sizes;
    let mut all = Vec::new();
    let mut push = |axes: usize, to: Layout| {
        if to.divides(&value.shape, sizes) {
            all.extend(hop(value, mesh, from, to, axes));
        }
    };
    let goals: Vec<Along> = [Along::Same, Along::Partial]
        .into_iter()
        .chain((0..).take(value.shape.len()).map(Along::Split))
        .collect();
    for axis in 0..sizes.len() {
        for goal in &goals {
            push(1 << axis, from.with(axis, *goal));
        }
    }
    if sizes.len() == 2 && from.0[0] == from.0[1] {
        for goal in &goals {
            push(0b11, Layout([*goal; 2]));
        }
    }
    all
}

fn hop(value: &Value, mesh: &Mesh, from: Layout, to: Layout, axes: usize) -> Option<Hop> {
    let axis = axes.trailing_zeros() as usize;
    let inner = |layout: Layout, dim: u8| layout.axes_of(dim.into()) & !axes & !((1 << axis) - 1) == 0;
    let (before, after) = (from.local_bytes(value, &mesh.sizes), to.local_bytes(value, &mesh.sizes));
    let alone = |bytes: f64| {
        Some(Hop { to, collective: None, axes, bytes, seconds: mesh.device.touch_s(2.0 * bytes) })
    };
    let together = |kind: Collective, bytes: f64| {
        Some(Hop { to, collective: Some(kind), axes, bytes, seconds: mesh.collective_s(kind, axes, bytes) })
    };
    match (from.0[axis], to.0[axis]) {
        (Along::Same, Along::Same) | (Along::Partial, Along::Partial) => None,
        (Along::Split(a), Along::Split(b)) if a == b => None,
        (Along::Same, Along::Split(dim)) => inner(to, dim).then(|| alone(after))?,
        // One device of the group keeps it, the others have zeros.
        (Along::Same, Along::Partial) => alone(after),
        (Along::Split(dim), Along::Same) => {
            inner(from, dim).then(|| together(Collective::AllGather, after))?
        }
        (Along::Partial, Along::Same) => together(Collective::AllReduce, after),
        (Along::Partial, Along::Split(dim)) => {
            inner(to, dim).then(|| together(Collective::ReduceScatter, before))?
        }
        (Along::Split(a), Along::Split(b)) => {
            (inner(from, a) && inner(to, b)).then(|| together(Collective::AllToAll, before))?
        }
        // By way of the whole.
        (Along::Split(_), Along::Partial) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Cluster;
    use crate::model::Kind;

    fn value(shape: &[u64]) -> Value {
        Value { kind: Kind::F32, shape: shape.to_vec(), bytes: 4 * shape.iter().product::<u64>() }
    }

    fn mesh() -> Mesh {
        Mesh::of(&Cluster::parse("2xp4d.24xlarge").unwrap(), &[2, 8])
    }

    fn kinds(from: [Along; 2], to: [Along; 2]) -> Vec<(Option<Collective>, usize, f64)> {
        let hops = way(&value(&[1024, 1024]), &mesh(), Layout(from), Layout(to));
        hops.iter().map(|hop| (hop.collective, hop.axes, hop.bytes)).collect()
    }

    #[test]
    fn ways_are_the_collectives_that_experts_would_write() {
        use Along::{Partial, Same, Split};
        const ALL: f64 = 4.0 * 1024.0 * 1024.0;
        assert_eq!(kinds([Same, Split(0)], [Same, Same]), [(Some(Collective::AllGather), 2, ALL)]);
        assert_eq!(kinds([Same, Partial], [Same, Split(1)]), [(Some(Collective::ReduceScatter), 2, ALL)]);
        assert_eq!(kinds([Same, Split(0)], [Same, Split(1)]), [(Some(Collective::AllToAll), 2, ALL / 8.0)]);
        assert_eq!(kinds([Same, Same], [Split(0), Split(1)]).len(), 2);
        // A sum over both axes: scattered within machines, summed between them, gathered again.
        let sum = kinds([Partial, Partial], [Same, Same]);
        let names: Vec<_> = sum.iter().map(|(kind, axes, _)| (*kind, *axes)).collect();
        let expected = [
            (Some(Collective::ReduceScatter), 2),
            (Some(Collective::AllReduce), 1),
            (Some(Collective::AllGather), 2),
        ];
        assert_eq!(names, expected);
        // The outer of two axes on one dimension cannot be gathered alone.
        let outer = kinds([Split(0), Split(0)], [Same, Split(0)]);
        assert!(outer.len() > 1 && outer[0].1 != 1, "{outer:?}");
    }

    #[test]
    fn every_way_costs_what_its_steps_cost_and_none_is_cheaper_by_a_detour() {
        let (value, mesh) = (value(&[64, 48]), mesh());
        let ways = Ways::new(&value, &mesh);
        for from in &ways.layouts {
            for to in &ways.layouts {
                let hops = way(&value, &mesh, *from, *to);
                let sum: f64 = hops.iter().map(|hop| hop.seconds).sum();
                assert!((sum - ways.seconds(*from, *to)).abs() < 1e-15);
                for middle in &ways.layouts {
                    let detour = ways.seconds(*from, *middle) + ways.seconds(*middle, *to);
                    assert!(ways.seconds(*from, *to) <= detour + 1e-15);
                }
            }
        }
    }
}
