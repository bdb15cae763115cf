//! Predictions.
//!
//! Margins are added up as XGBoost adds them: in single precision, beginning with the base score, tree after tree. So the
//! margins of a model are the same bits here and there.

mod forest;
mod heap;

pub(crate) use forest::Forest;

use crate::data::Features;
use crate::model::Model;
use crate::workers::{Workers, each_piece};

/// Rows that are copied beside each other: with 1,000 features 256 KiB, which a core's cache holds.
const BLOCK: usize = 64;

/// Rows that one job predicts.
const ROWS: usize = 4096;

/// Why rows cannot be predicted.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PredictError {
    /// The rows are of another shape.
    #[error("the rows have {got} features, and the model was trained on {needs}")]
    Features {
        /// How many they have.
        got: usize,
        /// How many they should have.
        needs: usize,
    },
    /// Rows of which only some values are written show which those are.
    #[error("there are no oblivious predictions of rows of which only some values are written")]
    NotOblivious,
}

impl Model {
    /// The margins of rows, all of a row beside each other.
    ///
    /// # Errors
    /// If they have not the features of the model.
    pub fn margins(&self, features: &Features, workers: &dyn Workers) -> Result<Vec<f32>, PredictError> {
        self.check(features)?;
        let forest = Forest::new(self);
        let base = self.base_margins();
        let outputs = base.len();
        let mut margins = base.repeat(features.rows());
        each_piece(workers, &mut margins, ROWS * outputs, |first, margins| {
            forest.add(features, first / outputs, margins, outputs);
        });
        Ok(margins)
    }

    /// The predictions of rows, [`crate::Link::width`] for each beside each other.
    ///
    /// # Errors
    /// If they have not the features of the model.
    pub fn predict(&self, features: &Features, workers: &dyn Workers) -> Result<Vec<f32>, PredictError> {
        let mut margins = self.margins(features, workers)?;
        let outputs = self.outputs();
        let width = self.link.width(outputs);
        margins.chunks_mut(outputs).for_each(|row| self.link.predict(row));
        if width < outputs {
            margins = margins.chunks(outputs).flat_map(|row| &row[..width]).copied().collect();
        }
        Ok(margins)
    }

    /// The leaf that each row ends in, for all trees of a row beside each other.
    ///
    /// # Errors
    /// If they have not the features of the model.
    pub fn leaves(&self, features: &Features) -> Result<Vec<u32>, PredictError> {
        self.check(features)?;
        let mut row = vec![f32::NAN; features.count()];
        let mut leaves = Vec::new();
        for index in 0..features.rows() {
            features.copy_rows(index, &mut row);
            leaves.extend(self.trees.iter().map(|member| member.tree.leaf(&row)));
        }
        Ok(leaves)
    }

    pub(crate) fn check(&self, features: &Features) -> Result<(), PredictError> {
        let (got, needs) = (features.count(), self.features.count);
        if got == needs { Ok(()) } else { Err(PredictError::Features { got, needs }) }
    }
}
