//! From a question about a transfer to a plan of how the data goes.
//!
//! 1. [`network`]: sites, links and agreements become the abstract problem of [`crate::solve`]: flows in
//!    Gbit/s, cost in dollars for a gigabit, purchases in dollars for a second. Each VM gives egress,
//!    ingress, and connections out and in; a flow uses `rate / link rate` of a machine's connections, so a
//!    link's rate is linear in its share of them.
//! 2. [`answer`]: the question becomes one or two solves. *Fastest under a ceiling* is one program, since
//!    a ceiling on the cost per gigabyte is linear in flows when the rate is a variable; a second solve
//!    at 0.9999 of that rate finds the cheapest way to have it, or idle machines would stay in the plan.
//!    *Cheapest at a rate or by a deadline* minimises cost for a gigabyte, a ratio, by Dinkelbach's
//!    iteration: going faster than demanded can be cheaper, when machines are then paid for less time.
//! 3. [`assemble`]: flows become hops with connections, paths with their share, and a bill.
//!
//! *Prices that depend on volume.* A plan is made for one size. Each link is priced at what its tariff
//! takes for the whole size after what the month has seen already, divided by the size; the bill then adds
//! up what really goes over each meter. The cheapest plan is then made again at the prices of its own volumes
//! for as long as the bill falls, and a ceiling is tightened for as long as the bill is above it. Where both agree, always when no tier bound or free quota lies
//! within the transfer, the plan is exact; otherwise it is exact for the average prices, and the bill is
//! exact for the plan.
//!
//! Source: Jain et al., "Skyplane", NSDI 2023, for the model; Dinkelbach, "On nonlinear fractional
//! programming" (1967).

mod answer;
mod assemble;
mod connections;
mod front;
mod network;
mod question;
mod route_plan;
mod verdict;

pub use answer::plan_route;
pub use front::route_front;
pub use question::{Anywhere, Ceiling, Objective, PlanError, Question, Relays};
pub use route_plan::{Direct, Hop, Medium, Path, RoutePlan, Saving, Verdict, Vms};
