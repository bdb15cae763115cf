//! Rows in memory: features in columns, and what is known of each row besides.

mod csv;
mod features;
mod libsvm;

pub use csv::{CsvError, CsvOptions, cell, read_csv};
pub use features::{Column, Features, FeaturesError, Kind, single};
pub(crate) use features::{category, most_rows};
pub use libsvm::{LibsvmError, LibsvmOptions, read_libsvm};

/// Rows to train on, to judge a model by, or to predict.
#[derive(Debug, Clone, Default)]
pub struct Data {
    /// What the model sees.
    pub features: Features,
    /// What it is to say; empty where nobody knows.
    pub labels: Vec<f32>,
    /// How much each row counts; empty where all count 1.
    pub weights: Vec<f32>,
    /// The query or group that each row belongs to, by any number; empty where there are none.
    pub groups: Vec<u64>,
    /// Numbers that stay with rows however they are split and ordered, which sampling goes by; empty where a row's place
    /// is its number.
    pub ids: Vec<u64>,
}

impl Data {
    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.features.rows()
    }

    /// How much a row counts.
    pub(crate) fn weight(&self, row: usize) -> f32 {
        self.weights.get(row).copied().unwrap_or(1.0)
    }
}
