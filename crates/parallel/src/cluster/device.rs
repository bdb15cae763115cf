//! What a device can do.

use crate::calibrate::{Calibration, Quantity};
use crate::cluster::Collective;
use crate::model::Kind;
use std::collections::BTreeMap;

/// The share of a device's peak that large matrix products reach. Alpa's and AutoParallel's cost models take 0.7 and the like;
/// products of a transformer reach less than the largest ones.
const REACHED: f64 = 0.6;

/// The share of the memory's rate that operations on elements reach.
const MEMORY_REACHED: f64 = 0.8;

/// Memory that a runtime keeps for itself and loses to fragments.
const USABLE: f64 = 0.92;

/// What starting an operation takes, in seconds: the launch floor of a GPU.
const LAUNCH_S: f64 = 5e-6;

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
    /// Seconds to start an operation.
    pub(crate) launch_s: f64,
    /// What was measured of it.
    measured: Measured,
}

/// What was measured of a device, in place of what its maker says.
#[derive(Debug, Clone, Default, PartialEq)]
struct Measured {
    /// Seconds that products of each size of numbers take to start beyond other operations, and for each operation.
    products: [Option<(f64, f64)>; 4],
    /// Seconds for each byte that is read or written.
    touch: Option<f64>,
    /// Seconds to start and for each byte, by kind and devices of a group.
    collectives: BTreeMap<(Collective, u64), (f64, f64)>,
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
            launch_s: LAUNCH_S,
            measured: Measured::default(),
        }
    }

    /// With what was measured in place of what is published, as far as something was.
    pub(super) fn calibrate(&mut self, calibration: &Calibration) {
        if let Some(launch) = calibration.of(Quantity::Launch).next() {
            self.launch_s = launch.each_s;
        }
        self.measured.touch = calibration.of(Quantity::Memory).map(|fit| fit.each_s).find(|each| *each > 0.0);
        for fit in calibration.of(Quantity::Matmul) {
            let place = fit.kind.as_deref().and_then(Kind::named).map(place);
            if let (Some(place), true) = (place, fit.each_s > 0.0) {
                self.measured.products[place] = Some(((fit.start_s - self.launch_s).max(0.0), fit.each_s));
            }
        }
        self.measured.collectives = calibration
            .collectives()
            .map(|(kind, group, fit)| ((kind, group), (fit.start_s, fit.each_s)))
            .collect();
    }

    /// Seconds that a collective takes between so many devices of a machine, if it was measured: the nearest number counts.
    pub(super) fn measured_s(&self, kind: Collective, count: f64, bytes: f64) -> Option<f64> {
        let all = self.measured.collectives.iter().filter(|((measured, _), _)| *measured == kind);
        let far = |group: u64| (group as f64 / count).ln().abs();
        let ((_, _), (start, each)) = all.min_by(|((_, a), _), ((_, b), _)| far(*a).total_cmp(&far(*b)))?;
        Some(start + each * bytes)
    }

    /// Seconds that so many operations on numbers of this kind take.
    pub(crate) fn compute_s(&self, flops: f64, kind: Kind) -> f64 {
        match self.measured.products[place(kind)] {
            Some((start, each)) => start + each * flops,
            None => flops / (self.flops[place(kind)] * REACHED),
        }
    }

    /// Seconds that reading and writing so many bytes takes.
    pub(crate) fn touch_s(&self, bytes: f64) -> f64 {
        self.measured.touch.map_or_else(|| bytes / (self.memory_rate * MEMORY_REACHED), |each| each * bytes)
    }
}

/// The place in lists of rates.
fn place(kind: Kind) -> usize {
    match kind {
        Kind::F64 => 0,
        Kind::F32 | Kind::Other(_) => 1,
        Kind::F16 => 2,
        Kind::F8 => 3,
    }
}
