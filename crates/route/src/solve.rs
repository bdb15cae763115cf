//! The abstract flow problem and its exact solver.
//!
//! Regions, clouds and prices are mapped to dense integers before this module and back after it. Here
//! there are nodes and arcs, *purchases* (things bought whole: a VM in a region, a leased link) and
//! *resources* (what one unit of a purchase gives: egress, ingress, connections), and a goal.
//!
//! Algorithm: branch and price.
//! 1. [`master`]: a linear program over *routes*, paths or trees from the source, instead of arcs. A row
//!    exists only for the resources of places that some route has visited, so it stays at some tens of
//!    rows however many regions there are.
//! 2. [`paths`], [`trees`]: given the row duals every arc has a weight that is not negative, and the
//!    route with the best reduced cost is a shortest path, or a cheapest arborescence for several
//!    destinations. When none is better, the linear program is optimal over *all* routes.
//! 3. [`search`]: branch and bound on the number of units bought.
//!
//! By flow decomposition the optimum equals that of the arc formulation, and the routes are what the
//! data plane needs anyway.
//!
//! *Properties wanted, each a test:* feasible by independent arithmetic; equal to exhaustive enumeration
//! on small instances; the same on a second solve; independent of the order of nodes and arcs.
//!
//! *Rejected:* the arc formulation over 63 regions (3,900 columns and 310 rows, nearly all of them of
//! places that no plan ever uses), and a solver in C.
//!
//! Source: Dantzig and Wolfe, "Decomposition principle for linear programs" (1960); Barnhart et al.,
//! "Branch-and-price: column generation for solving huge integer programs" (1998).

mod effort;
mod master;
mod paths;
mod presolve;
mod problem;
mod search;
mod simplex;
mod trees;

pub(crate) use effort::Effort;
pub(crate) use presolve::Merged;
pub(crate) use problem::{Arc, Goal, Problem, Purchase, Resource, Solution, Unsolved};
pub(crate) use search::solve;
pub(crate) use trees::MOST_SINKS;

#[cfg(test)]
mod tests;
