//! What is minimised on one mesh, for other solvers to be compared with.

use super::bench::Bench;
use super::problem::{Anything, Problem};
use super::shares::Shares;
use crate::cluster::{Cluster, Mesh};
use crate::effort::Effort;
use crate::model::Model;
use crate::solve::{Limited, TableId};
use std::collections::BTreeMap;

/// Nodes that each get one label, at the least sum of costs.
#[derive(Debug, Clone)]
pub struct Costs {
    /// For each node what each label costs.
    pub nodes: Vec<Vec<f64>>,
    /// Costs of pairs, row by row, with the number of columns. Edges share them.
    pub tables: Vec<(usize, Vec<f64>)>,
    /// Two nodes, and the table whose rows are the first one's labels.
    pub edges: Vec<(usize, usize, usize)>,
    /// The least sum that was found, and what none is below.
    pub found: Option<(f64, f64)>,
}

/// The costs of a model on a mesh with these sizes, where memory has no limit.
#[must_use]
pub fn costs(model: &Model, cluster: &Cluster, sizes: &[u64]) -> Option<Costs> {
    let mut bench = Bench::new(Mesh::of(cluster, sizes));
    let problem = Problem::new(model, &mut bench, &Anything, &Shares::whole(model))?;
    let (found, bound) = Limited::new(&problem.graph).solve(&mut bench.store, Effort::default().plan());
    let nodes = problem.graph.costs.iter().map(|cost| bench.store.get(*cost).to_vec()).collect();
    let mut numbers: BTreeMap<TableId, usize> = BTreeMap::new();
    let (mut tables, mut edges) = (Vec::new(), Vec::new());
    for (node, all) in problem.graph.edges.iter().enumerate() {
        for (other, table) in all.iter().filter(|(other, _)| **other > node) {
            let number = *numbers.entry(*table).or_insert_with(|| {
                let table = bench.store.see(*table);
                tables.push((table.columns, table.cells.to_vec()));
                tables.len() - 1
            });
            edges.push((node, *other, number));
        }
    }
    Some(Costs { nodes, tables, edges, found: found.map(|found| (found.cost, bound)) })
}
