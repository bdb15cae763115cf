//! Devices, machines and the meshes that are made of them. Every figure comes from `data/`, with its source.

mod device;
mod mesh;
mod spec;
mod tables;

pub use device::Device;
pub use mesh::{AXES, Collective, Mesh};
pub(crate) use mesh::{MOST_AXES, deep_shapes, gcd, shapes};
pub(crate) use spec::MOST_DEVICES;
pub use spec::{Cluster, ClusterError};
