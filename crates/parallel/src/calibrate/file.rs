//! Measurements and calibrations as files.

use super::fit::{line, median};
use crate::cluster::Collective;
use crate::model::Kind;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the first key of measurements says.
pub const MEASUREMENTS_SCHEMA: &str = "welkin.parallel-measurements/1";

/// What the first key of a calibration says.
pub const CALIBRATION_SCHEMA: &str = "welkin.parallel-calibration/1";

/// The largest file of either: 20 times the measurements of seven kinds of collective in eight groups, with ten sizes each.
pub const MOST_MEASUREMENT_BYTES: u64 = 1 << 20;

/// Longer than anything that is measured: a day.
const MOST_SECONDS: f64 = 86_400.0;

/// Larger than any size that is measured.
const MOST_SIZE: f64 = 1e18;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CalibrationError {
    /// It is too large.
    #[error("the file has {0} bytes; at most {MOST_MEASUREMENT_BYTES} are allowed")]
    TooLarge(u64),
    /// No JSON, cut short, or with other keys.
    #[error("the file has another form")]
    Json(#[source] serde_json::Error),
    /// Another one, or of another version.
    #[error("the file says it is `{said}`, and not `{wanted}`")]
    Schema {
        /// What it says.
        said: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// Something in it cannot be.
    #[error("{0}")]
    Wrong(String),
}

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quantity {
    /// Products of matrices; a size is floating-point operations.
    Matmul,
    /// Operations on elements; a size is bytes that are read and written.
    Memory,
    /// Operations that do next to nothing, one after the other; a size is how many.
    Launch,
    /// A size is bytes of the whole: the result of an all-gather, the operand of the others.
    AllGather,
    /// As above.
    AllReduce,
    /// As above.
    ReduceScatter,
    /// As above.
    AllToAll,
}

impl Quantity {
    fn collective(self) -> Option<Collective> {
        Some(match self {
            Self::AllGather => Collective::AllGather,
            Self::AllReduce => Collective::AllReduce,
            Self::ReduceScatter => Collective::ReduceScatter,
            Self::AllToAll => Collective::AllToAll,
            Self::Matmul | Self::Memory | Self::Launch => return None,
        })
    }

    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Matmul => "matmul",
            Self::Memory => "memory",
            Self::Launch => "launch",
            _ => self.collective().map_or("", Collective::name),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Measurements {
    schema: String,
    made_by: String,
    device: String,
    devices: u64,
    points: Vec<Point>,
}

/// Some runs of one thing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Point {
    what: Quantity,
    /// Of a product's elements.
    #[serde(default)]
    kind: Option<String>,
    /// Of a collective.
    #[serde(default)]
    group: Option<u64>,
    size: f64,
    /// Of each run.
    seconds: Vec<f64>,
}

/// What, of which type, in groups of how many.
type Measured = (Quantity, Option<String>, Option<u64>);

/// Rates with their errors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// [`CALIBRATION_SCHEMA`].
    pub schema: String,
    /// What measured: `jax 0.10.2`.
    pub made_by: String,
    /// What devices call themselves.
    pub device: String,
    /// How many measured at once.
    pub devices: u64,
    /// A line for each thing that was measured.
    pub fits: Vec<Fit>,
}

/// Seconds as a start and a part for each unit of size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fit {
    /// What was measured.
    pub what: Quantity,
    /// Of a product: `f32`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Of a collective: devices that talk to each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<u64>,
    /// Seconds before anything moves.
    pub start_s: f64,
    /// Its standard error.
    pub start_error_s: f64,
    /// Seconds for each operation, byte or turn.
    pub each_s: f64,
    /// Its standard error.
    pub each_error_s: f64,
    /// Half of the sizes are no further from the line than this share of what was measured.
    pub off: f64,
    /// Sizes that were measured.
    pub sizes: usize,
}

impl Calibration {
    /// From measurements to a calibration.
    ///
    /// # Errors
    /// When the file is none, or has too little: fewer than two sizes of something.
    pub fn fitted(bytes: &[u8]) -> Result<Self, CalibrationError> {
        let read: Measurements = parse(bytes)?;
        schema(&read.schema, MEASUREMENTS_SCHEMA)?;
        let mut groups: BTreeMap<Measured, Vec<(f64, f64)>> = BTreeMap::new();
        for point in read.points {
            checked(point.what, point.kind.as_deref(), point.group)?;
            let sound = |number: &f64, most: f64| *number > 0.0 && *number <= most;
            if !sound(&point.size, MOST_SIZE)
                || point.seconds.is_empty()
                || !point.seconds.iter().all(|run| sound(run, MOST_SECONDS))
            {
                let what =
                    format!("a measurement of {} has no size, or no time that can be", point.what.name());
                return Err(CalibrationError::Wrong(what));
            }
            groups
                .entry((point.what, point.kind, point.group))
                .or_default()
                .push((point.size, median(point.seconds)));
        }
        let mut fits = Vec::new();
        for ((what, kind, group), points) in groups {
            let Some(line) = line(&points) else {
                let what = format!("{} was measured at one size alone; two are needed", what.name());
                return Err(CalibrationError::Wrong(what));
            };
            let ((start_s, start_error_s), (each_s, each_error_s)) = (line.start, line.each);
            fits.push(Fit {
                what,
                kind,
                group,
                start_s,
                start_error_s,
                each_s,
                each_error_s,
                off: line.off,
                sizes: points.len(),
            });
        }
        if fits.is_empty() {
            return Err(CalibrationError::Wrong("nothing was measured".to_owned()));
        }
        let Measurements { made_by, device, devices, .. } = read;
        Ok(Self { schema: CALIBRATION_SCHEMA.to_owned(), made_by, device, devices, fits })
    }

    /// Reads what was written.
    ///
    /// # Errors
    /// When the file is no calibration, or says what cannot be.
    pub fn read(bytes: &[u8]) -> Result<Self, CalibrationError> {
        let read: Self = parse(bytes)?;
        schema(&read.schema, CALIBRATION_SCHEMA)?;
        for fit in &read.fits {
            checked(fit.what, fit.kind.as_deref(), fit.group)?;
            let sound = |number: f64| (0.0..=MOST_SECONDS).contains(&number);
            if !sound(fit.start_s) || !sound(fit.each_s) || fit.start_s + fit.each_s <= 0.0 {
                let what = format!("{} takes no time that can be", fit.what.name());
                return Err(CalibrationError::Wrong(what));
            }
        }
        Ok(read)
    }

    /// As a file.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("it has numbers and words");
        bytes.push(b'\n');
        bytes
    }

    /// Of what it says, in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> String {
        blake3::hash(&self.write()).to_hex().to_string()
    }

    pub(crate) fn of(&self, what: Quantity) -> impl Iterator<Item = &Fit> {
        self.fits.iter().filter(move |fit| fit.what == what)
    }

    pub(crate) fn collectives(&self) -> impl Iterator<Item = (Collective, u64, &Fit)> {
        self.fits.iter().filter_map(|fit| Some((fit.what.collective()?, fit.group?, fit)))
    }
}

fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, CalibrationError> {
    let count = bytes.len() as u64;
    if count > MOST_MEASUREMENT_BYTES {
        return Err(CalibrationError::TooLarge(count));
    }
    serde_json::from_slice(bytes).map_err(CalibrationError::Json)
}

fn schema(said: &str, wanted: &'static str) -> Result<(), CalibrationError> {
    if said == wanted {
        return Ok(());
    }
    Err(CalibrationError::Schema { said: said.chars().take(60).collect(), wanted })
}

/// A product has a type, a collective a group.
fn checked(what: Quantity, kind: Option<&str>, group: Option<u64>) -> Result<(), CalibrationError> {
    let wrong = |why: String| Err(CalibrationError::Wrong(format!("{}: {why}", what.name())));
    match (what, kind) {
        (Quantity::Matmul, Some(kind)) if Kind::named(kind).is_some() => {}
        (Quantity::Matmul, kind) => {
            return wrong(format!(
                "there is no element type `{}`",
                kind.unwrap_or_default().chars().take(20).collect::<String>()
            ));
        }
        (_, Some(_)) => return wrong("only products have a type".to_owned()),
        (_, None) => {}
    }
    match (what.collective(), group) {
        (Some(_), Some(group)) if group >= 2 => Ok(()),
        (Some(_), _) => wrong("a group has two devices at least".to_owned()),
        (None, Some(_)) => wrong("only collectives have a group".to_owned()),
        (None, None) => Ok(()),
    }
}
