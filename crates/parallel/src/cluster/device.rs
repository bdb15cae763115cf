//! What a device can do.

use crate::model::Kind;

/// The share of a device's peak that large matrix products reach. Alpa's and AutoParallel's cost models take 0.7 and the like;
/// products of a transformer reach less than the largest ones.
const REACHED: f64 = 0.6;

/// The share of the memory's rate that operations on elements reach.
const MEMORY_REACHED: f64 = 0.8;

/// Memory that a runtime keeps for itself and loses to fragments.
const USABLE: f64 = 0.92;

/// What starting an operation takes, in seconds: the launch floor of a GPU.
pub(crate) const LAUNCH_S: f64 = 5e-6;

/// A kind of device.
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    /// As the catalog calls it.
    pub name: String,
    /// Peak, in operations a second, of 64-, 32-, 16- and 8-bit numbers.
    pub(crate) flops: [f64; 4],
    /// Bytes of memory that a step may use.
    pub usable_bytes: f64,
    /// Bytes a second.
    pub(crate) memory_rate: f64,
    /// Between devices of one machine.
    pub(crate) link: Link,
    /// Whether its compiler makes reduce-scatters, or all-reduces everything instead.
    pub(crate) reduce_scatters: bool,
}

/// A link: what a message takes to start, and how fast it goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Link {
    /// Seconds for each step of a collective.
    pub(crate) start_s: f64,
    /// Bytes a second, one way, for each device.
    pub(crate) rate: f64,
}

impl Device {
    pub(super) fn new(
        name: &str,
        tflops: [f64; 4],
        memory_gib: f64,
        memory_gb_s: f64,
        link_gb_s: f64,
    ) -> Self {
        Self {
            name: name.to_owned(),
            flops: tflops.map(|peak| peak * 1e12),
            usable_bytes: memory_gib * f64::from(1_u32 << 30) * USABLE,
            memory_rate: memory_gb_s * 1e9,
            link: Link { start_s: 3e-6, rate: link_gb_s * 1e9 },
            reduce_scatters: name != "cpu-host",
        }
    }

    /// Seconds that so many operations on numbers of this kind take.
    pub(crate) fn compute_s(&self, flops: f64, kind: Kind) -> f64 {
        let peak = match kind {
            Kind::F64 => self.flops[0],
            Kind::F32 | Kind::Other(_) => self.flops[1],
            Kind::F16 => self.flops[2],
            Kind::F8 => self.flops[3],
        };
        flops / (peak * REACHED)
    }

    /// Seconds that reading and writing so many bytes takes.
    pub(crate) fn touch_s(&self, bytes: f64) -> f64 {
        bytes / (self.memory_rate * MEMORY_REACHED)
    }
}
