//! What devices really do: from measurements to rates with error bars, and from these to costs.
//!
//! Everything that is measured takes a start and then a time for each operation, byte or turn: `fit` finds both, by a regression that a few
//! outliers do not move. `file` is what measurements and calibrations look like as files. A cluster that is [`Cluster::calibrated`]
//! plans with them in place of published rates.
//!
//! [`Cluster::calibrated`]: crate::Cluster::calibrated

mod file;
mod fit;
#[cfg(test)]
mod tests;

pub use file::{
    CALIBRATION_SCHEMA, Calibration, CalibrationError, Fit, MEASUREMENTS_SCHEMA, MOST_MEASUREMENT_BYTES,
    Quantity,
};
