//! From one layout to another: the cheapest sequence of collectives.
//!
//! A shortest path over layouts, where a step changes one axis, or several that do the same. Steps that are not possible are not
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

/// Costs between all layouts of one tensor, and the last step of the way.
#[derive(Debug, Clone)]
pub(crate) struct Ways {
    layouts: Vec<Layout>,
    seconds: Vec<f64>,
    before: Vec<Option<(usize, Hop)>>,
}

impl Ways {
    pub(crate) fn new(value: &Value, mesh: &Mesh) -> Self {
        let layouts = layouts(&value.shape, &mesh.sizes);
        let place = |layout| layouts.iter().position(|known| *known == layout);
        let hops: Vec<Vec<(usize, Hop)>> = layouts
            .iter()
            .map(|from| {
                let hops = hops(value, mesh, *from).into_iter();
                hops.filter_map(|hop| Some((place(hop.to)?, hop))).collect()
            })
            .collect();
        let (mut seconds, mut before) = (Vec::new(), Vec::new());
        for from in 0..layouts.len() {
            let (costs, steps) = search(&hops, from);
            seconds.extend(costs);
            before.extend(steps);
        }
        Self { layouts, seconds, before }
    }

    pub(crate) fn place(&self, layout: Layout) -> usize {
        self.layouts.iter().position(|known| *known == layout).expect("layouts divide the tensor")
    }

    /// Between layouts at these places.
    pub(crate) fn seconds(&self, from: usize, to: usize) -> f64 {
        self.seconds[from * self.layouts.len() + to]
    }

    /// The steps from one layout to another.
    pub(crate) fn way(&self, from: Layout, to: Layout) -> Vec<Hop> {
        let (from, mut at) = (self.place(from), self.place(to));
        let mut hops = Vec::new();
        while let Some((earlier, hop)) = self.before[from * self.layouts.len() + at] {
            hops.push(hop);
            at = earlier;
        }
        hops.reverse();
        hops
    }
}

/// Dijkstra's: seconds to each layout, and the last step of the way there.
fn search(hops: &[Vec<(usize, Hop)>], from: usize) -> (Vec<f64>, Vec<Option<(usize, Hop)>>) {
    let mut seconds = vec![f64::INFINITY; hops.len()];
    let mut before = vec![None; hops.len()];
    let mut done = vec![false; hops.len()];
    seconds[from] = 0.0;
    loop {
        let open = (0..hops.len()).filter(|at| !done[*at] && seconds[*at].is_finite());
        let Some(at) = open.min_by(|a, b| seconds[*a].total_cmp(&seconds[*b])) else { break };
        done[at] = true;
        for (next, hop) in &hops[at] {
            if seconds[at] + hop.seconds < seconds[*next] {
                seconds[*next] = seconds[at] + hop.seconds;
                before[*next] = Some((at, *hop));
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
    for axes in 1..1_usize << sizes.len() {
        let among = || (0..sizes.len()).filter(move |axis| axes & (1 << axis) != 0);
        let mut first = among().map(|axis| from.0[axis]);
        let along = first.next();
        if first.all(|other| Some(other) == along) {
            for goal in &goals {
                push(axes, among().fold(from, |to, axis| to.with(axis, *goal)));
            }
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
        let hops = Ways::new(&value(&[1024, 1024]), &mesh()).way(Layout::of(from), Layout::of(to));
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

    /// Zheng et al., *Alpa*, OSDI 2022, section 4.1, table 2: between layouts of a matrix of M bytes on a mesh of n0 times n1 devices
    /// lies nothing, an all-gather, or an all-to-all, of M, M / n0 or M / (n0 n1) bytes. Ways by several of these may take less.
    #[test]
    fn changes_of_layout_are_the_collectives_of_alpa_or_better() {
        use Along::{Same, Split};
        const ALL: f64 = 4.0 * 1024.0 * 1024.0;
        let (value, mesh) = (value(&[1024, 1024]), mesh());
        let (outer, both) = (ALL / 2.0, ALL / 16.0);
        let ways = Ways::new(&value, &mesh);
        let table = [
            ([Split(0), Same], [Same, Same], 0, Collective::AllGather, ALL),
            ([Split(0), Split(1)], [Split(0), Same], 1, Collective::AllGather, outer),
            ([Split(0), Same], [Split(1), Same], 0, Collective::AllToAll, outer),
            ([Split(0), Split(1)], [Split(0), Split(0)], 1, Collective::AllToAll, both),
        ];
        for (from, to, axis, kind, bytes) in table {
            let (from, to) = (Layout::of(from), Layout::of(to));
            let direct = hop(&value, &mesh, from, to, 1 << axis).unwrap();
            assert_eq!((direct.collective, direct.bytes), (Some(kind), bytes), "{from:?} to {to:?}");
            let best = ways.seconds(ways.place(from), ways.place(to));
            assert!(best <= direct.seconds, "{from:?} to {to:?}: {best}, {direct:?}");
        }
        let said = kinds([Same, Same], [Split(0), Split(1)]);
        assert!(said.iter().all(|(collective, _, _)| collective.is_none()), "{said:?}");
    }

    #[test]
    fn every_way_costs_what_its_steps_cost_and_none_is_cheaper_by_a_detour() {
        let cluster = Cluster::parse("2xp4d.24xlarge").unwrap();
        for sizes in [&[2, 8][..], &[2, 2, 4], &[4, 2, 2]] {
            let ways = Ways::new(&value(&[64, 48]), &Mesh::of(&cluster, sizes));
            let seconds = |from: &Layout, to: &Layout| ways.seconds(ways.place(*from), ways.place(*to));
            for from in &ways.layouts {
                for to in &ways.layouts {
                    let hops = ways.way(*from, *to);
                    let sum: f64 = hops.iter().map(|hop| hop.seconds).sum();
                    assert!((sum - seconds(from, to)).abs() < 1e-15);
                    for middle in &ways.layouts {
                        let detour = seconds(from, middle) + seconds(middle, to);
                        assert!(seconds(from, to) <= detour + 1e-15);
                    }
                }
            }
        }
    }
}
