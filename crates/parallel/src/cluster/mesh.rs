//! Devices in a grid of one to three axes, and what collectives along them cost.

use super::device::{Device, Link};
use super::spec::Cluster;

/// Axes of a mesh, at most.
pub(crate) const MOST_AXES: usize = 3;

/// What axes are called, the outer one first.
pub const AXES: [&str; MOST_AXES] = ["x", "y", "z"];

/// Seconds that a message between machines takes to start.
const NETWORK_START_S: f64 = 12e-6;

/// A grid of equal devices. The last axis has neighbours in one machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Mesh {
    pub(crate) device: Device,
    /// Devices along each axis; one to three.
    pub sizes: Vec<u64>,
    /// For each set of axes, as bits, how its groups are linked.
    links: Vec<Link>,
    /// For each set of axes, whether its groups are within machines.
    within: Vec<bool>,
}

/// Kinds of collective.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Collective {
    /// Every device gets all parts.
    AllGather,
    /// Every device gets the sum.
    AllReduce,
    /// Every device gets a part of the sum.
    ReduceScatter,
    /// Parts along one dimension become parts along another.
    AllToAll,
}

impl Collective {
    /// As XLA calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AllGather => "all-gather",
            Self::AllReduce => "all-reduce",
            Self::ReduceScatter => "reduce-scatter",
            Self::AllToAll => "all-to-all",
        }
    }
}

impl Mesh {
    /// A mesh over a part of a cluster: `sizes` devices in all, whole machines if more than one.
    pub(crate) fn of(cluster: &Cluster, sizes: &[u64]) -> Self {
        let linked = (0..1_usize << sizes.len()).map(|axes| link(cluster, sizes, axes));
        let (links, within) = linked.unzip();
        Self { device: cluster.device.clone(), sizes: sizes.to_vec(), links, within }
    }

    /// Devices of a group along a set of axes.
    pub(crate) fn group(&self, axes: usize) -> f64 {
        let sizes = self.sizes.iter().enumerate().filter(|(axis, _)| axes & (1 << axis) != 0);
        sizes.map(|(_, size)| *size as f64).product()
    }

    /// Seconds for a collective along a set of axes. `bytes` is what each device has of the whole: the result of an
    /// all-gather, the operand of the others.
    pub(crate) fn collective_s(&self, kind: Collective, axes: usize, bytes: f64) -> f64 {
        let (count, link) = (self.group(axes), self.links[axes]);
        if count < 2.0 {
            return 0.0;
        }
        let measured = if self.within[axes] { self.device.measured_s(kind, count, bytes) } else { None };
        if let Some(seconds) = measured {
            return seconds;
        }
        let rounds = count.log2().ceil();
        let share = (count - 1.0) / count;
        let (times, rounds) = match kind {
            Collective::AllReduce => (2.0 * share, 2.0 * rounds),
            Collective::ReduceScatter if !self.device.reduce_scatters => (2.0 * share, 2.0 * rounds),
            Collective::AllGather | Collective::ReduceScatter => (share, rounds),
            // What a device keeps, and what it need not send to itself.
            Collective::AllToAll => (share, rounds),
        };
        rounds * link.start_s + times * bytes / link.rate
    }
}

/// How groups along a set of axes are linked. A ring through the devices of several machines enters and leaves each of them
/// once, and shares the machine's network with the other rings that do.
/// Says whether they are within machines.
fn link(cluster: &Cluster, sizes: &[u64], axes: usize) -> (Link, bool) {
    let inner = cluster.device.link;
    // Devices with numbers next to each other are in one machine; the last axis is the fastest.
    let mut stride = 1;
    let (mut within, mut across) = (1, false);
    for axis in (0..sizes.len()).rev() {
        if axes & (1 << axis) != 0 {
            let room = (cluster.per_host / stride).max(1);
            let inside = gcd(sizes[axis], room);
            within *= inside;
            across |= inside < sizes[axis];
        }
        stride *= sizes[axis];
    }
    if !across {
        return (inner, true);
    }
    let rings = (cluster.per_host / within).max(1) as f64;
    let network = cluster.network_gbit_s * 1e9 / 8.0 / rings;
    (Link { start_s: NETWORK_START_S, rate: network.min(inner.rate) }, false)
}

pub(crate) fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The meshes of so many devices: one axis, and every way to write the number as a product of two with an inner axis that
/// fits in a machine or fills whole ones.
pub(crate) fn shapes(cluster: &Cluster, devices: u64) -> Vec<Vec<u64>> {
    let mut shapes = vec![vec![devices]];
    let inner = (2..=devices / 2).filter(|inner| devices.is_multiple_of(*inner));
    // A group that leaves its machine is as slow as any that does: axes that cross machines unevenly gain nothing.
    let fits = |inner: &u64| *inner <= cluster.per_host && cluster.per_host.is_multiple_of(*inner);
    shapes.extend(inner.filter(fits).map(|inner| vec![devices / inner, inner]));
    shapes
}

/// As [`shapes`], of three axes: the last within a machine, and the last two within one or filling whole ones.
pub(crate) fn deep_shapes(cluster: &Cluster, devices: u64) -> Vec<Vec<u64>> {
    let nests = |size: u64| cluster.per_host.is_multiple_of(size) || size.is_multiple_of(cluster.per_host);
    let mut deep = Vec::new();
    for shape in shapes(cluster, devices) {
        let [outer, inner] = shape[..] else { continue };
        let middle = (2..=outer / 2).filter(|middle| outer.is_multiple_of(*middle) && nests(middle * inner));
        deep.extend(middle.map(|middle| vec![outer / middle, middle, inner]));
    }
    deep
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_within_a_machine_use_its_links_and_others_share_its_network() {
        let cluster = Cluster::parse("2xp4d.24xlarge").unwrap();
        let mesh = Mesh::of(&cluster, &[2, 8]);
        assert_eq!(mesh.links[0b10].rate, 300e9);
        // Eight rings leave each machine, one for each device.
        assert_eq!(mesh.links[0b01].rate, 400e9 / 8.0 / 8.0);
        assert_eq!(mesh.links[0b11].rate, 50e9);
        assert_eq!(Mesh::of(&cluster, &[4, 4]).links[0b01].rate, 50e9 / 4.0);
    }

    #[test]
    fn a_number_of_devices_has_a_mesh_for_each_inner_axis_that_fits_in_a_machine() {
        let cluster = Cluster::parse("2xp4d.24xlarge").unwrap();
        assert_eq!(shapes(&cluster, 16), [vec![16], vec![8, 2], vec![4, 4], vec![2, 8]]);
        assert_eq!(shapes(&cluster, 1), [vec![1]]);
    }

    #[test]
    fn meshes_of_three_axes_split_a_machine_or_the_machines_once_more() {
        let deep = |name, devices| deep_shapes(&Cluster::parse(name).unwrap(), devices);
        assert_eq!(deep("8xA100", 8), [[2, 2, 2]]);
        assert_eq!(deep("2xp4d.24xlarge", 16), [[4, 2, 2], [2, 4, 2], [2, 2, 4]]);
        // The two outer ones go over machines, here.
        assert!(deep("4xp4d.24xlarge", 32).contains(&vec![2, 2, 8]));
        assert!(deep("4xA100", 4).is_empty());
        let cluster = Cluster::parse("2xp4d.24xlarge").unwrap();
        let mesh = Mesh::of(&cluster, &[2, 2, 4]);
        // Groups along the last two axes are those of a machine, and the outer axis has eight rings out of each.
        assert_eq!((mesh.links[0b110].rate, mesh.links[0b001].rate), (300e9, 400e9 / 8.0 / 8.0));
        assert_eq!(mesh.links[0b111], Mesh::of(&cluster, &[16]).links[0b1]);
    }
}
