//! What may be said of an error that happened among the data: its kind.

use crate::exchange::ExchangeError;
use arrow_schema::ArrowError;
use datafusion::error::DataFusionError;

/// What may be said of an error that happened among the data.
pub(super) fn kind(error: &DataFusionError) -> &'static str {
    match error.find_root() {
        DataFusionError::ResourcesExhausted(_) => MEMORY,
        DataFusionError::ArrowError(error, _) => arrow(error),
        DataFusionError::ParquetError(_) => "a sealed file cannot be read: it was changed meanwhile",
        DataFusionError::IoError(_) => "a file cannot be read or written",
        DataFusionError::NotImplemented(_) => "the engine cannot do what it asks for",
        DataFusionError::Execution(_) => "a function was given what it does not take",
        DataFusionError::External(error) if error.is::<ExchangeError>() => {
            "another engine of the group ended"
        }
        DataFusionError::External(_) => "what was put aside on disk cannot be used: it was changed",
        _ => "an error of the engine",
    }
}

/// The kind that is told with the limit.
pub(super) const MEMORY: &str = "not enough memory";

fn arrow(error: &ArrowError) -> &'static str {
    match error {
        ArrowError::CastError(_) | ArrowError::ParseError(_) => {
            "a value is not of the type it is turned into"
        }
        ArrowError::DivideByZero => "a division by zero",
        ArrowError::ArithmeticOverflow(_) => "a number became too large for its type",
        ArrowError::MemoryError(_) => MEMORY,
        _ => "a computation failed",
    }
}
