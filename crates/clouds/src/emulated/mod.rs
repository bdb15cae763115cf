//! Clouds that this machine pretends to be.
//!
//! Each emulated cloud has the name, regions and instance types of a real one and runs tasks for
//! real: a node is a process group of its own with a home, a bare environment, a loopback address
//! and, where the kernel grants it, CPU and memory limits. What real clouds do to their users (no
//! capacity, quotas, machines that never boot, preemption) happens on demand, see [`Faults`].

mod admission;
mod config;
mod faults;
mod provider;

pub use config::{EmulatedConfig, KnownTypes};
pub use faults::{BootFailure, BootFault, Faults, PreemptionRule, Scope, Shortage};
pub use provider::{Emulated, EmulatedCloud};
