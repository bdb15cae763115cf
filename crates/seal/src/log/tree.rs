//! The tree: leaves are hashes of lines, each node is the hash of two, and the shape follows from the number of leaves alone.

use crate::hex::Hex;
use ring::digest::{Context, SHA256};

fn hash(kind: u8, parts: &[&[u8]]) -> Hex<32> {
    let mut context = Context::new(&SHA256);
    // Leaves and nodes differ in their first byte, so that neither passes for the other.
    context.update(&[kind]);
    parts.iter().for_each(|part| context.update(part));
    let mut sum = [0; 32];
    sum.copy_from_slice(context.finish().as_ref());
    Hex(sum)
}

pub(super) fn leaf(line: &[u8]) -> Hex<32> {
    hash(0, &[line])
}

pub(super) fn node(left: &Hex<32>, right: &Hex<32>) -> Hex<32> {
    hash(1, &[&left.0, &right.0])
}

/// The leaves of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    leaves: Vec<Hex<32>>,
}

/// How many of `count` leaves stand left of the root: the largest power of two below it.
fn split(count: usize) -> usize {
    (count - 1).checked_ilog2().map_or(0, |log| 1 << log)
}

impl Tree {
    /// Adds a line.
    pub fn push(&mut self, line: &[u8]) {
        self.leaves.push(leaf(line));
    }

    /// How many lines there are.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.leaves.len() as u64
    }

    /// The root over the first `size` lines; `None` where there are fewer.
    #[must_use]
    pub fn root(&self, size: u64) -> Option<Hex<32>> {
        self.first(size).map(root)
    }

    fn first(&self, size: u64) -> Option<&[Hex<32>]> {
        self.leaves.get(..usize::try_from(size).ok()?)
    }

    /// What proves that the line `index` is among the first `size`.
    #[must_use]
    pub fn inclusion(&self, index: u64, size: u64) -> Option<Vec<Hex<32>>> {
        let leaves = self.first(size)?;
        let index = usize::try_from(index).ok().filter(|index| *index < leaves.len())?;
        Some(path(index, leaves))
    }

    /// What proves that the first `old` lines begin the first `new`.
    #[must_use]
    pub fn consistency(&self, old: u64, new: u64) -> Option<Vec<Hex<32>>> {
        let leaves = self.first(new)?;
        let old = usize::try_from(old).ok().filter(|old| (1..=leaves.len()).contains(old))?;
        Some(subproof(old, leaves, true))
    }
}

fn root(leaves: &[Hex<32>]) -> Hex<32> {
    match leaves {
        [] => {
            let mut sum = [0; 32];
            sum.copy_from_slice(ring::digest::digest(&SHA256, b"").as_ref());
            Hex(sum)
        }
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node(&root(left), &root(right))
        }
    }
}

fn path(index: usize, leaves: &[Hex<32>]) -> Vec<Hex<32>> {
    if leaves.len() < 2 {
        return Vec::new();
    }
    let at = split(leaves.len());
    let (left, right) = leaves.split_at(at);
    let (mut below, beside) =
        if index < at { (path(index, left), root(right)) } else { (path(index - at, right), root(left)) };
    below.push(beside);
    below
}

fn subproof(old: usize, leaves: &[Hex<32>], complete: bool) -> Vec<Hex<32>> {
    if old == leaves.len() {
        return if complete { Vec::new() } else { vec![root(leaves)] };
    }
    let at = split(leaves.len());
    let (left, right) = leaves.split_at(at);
    let (mut below, beside) = if old <= at {
        (subproof(old, left, complete), root(right))
    } else {
        (subproof(old - at, right, false), root(left))
    };
    below.push(beside);
    below
}
