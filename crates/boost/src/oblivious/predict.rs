//! Predictions that do not tell what rows are. The model is not hidden: each row goes through every node of every tree, in the order of
//! the nodes, and takes along whether it would be there.

use crate::data::{Column, Features};
use crate::link::Link;
use crate::model::{Member, Model};
use crate::predict::PredictError;
use crate::tree::{Branch, Test};
use crate::workers::{Workers, each_piece, piece_size};
use std::hint::black_box;

/// Rows that are looked at together: what is known of them in the nodes of a tree of seven levels stays in the second cache.
const BLOCK: usize = 256;

/// Rows that one job predicts at least.
const LEAST_ROWS: usize = 4096;

impl Model {
    /// As [`Model::margins`], by accesses and instructions that depend on the model and on how many rows there are.
    ///
    /// # Errors
    /// If rows have not the features of the model, or are written without what is missing.
    pub fn margins_obliviously(
        &self,
        features: &Features,
        workers: &dyn Workers,
    ) -> Result<Vec<f32>, PredictError> {
        self.check(features)?;
        let columns = features.columns().iter().map(Column::dense).collect::<Option<Vec<_>>>();
        let columns = columns.ok_or(PredictError::NotOblivious)?;
        let base = self.base_margins();
        let outputs = base.len();
        let mut margins = base.repeat(features.rows());
        let size = piece_size(workers, features.rows(), LEAST_ROWS, 1);
        each_piece(workers, &mut margins, size * outputs, |first, margins| {
            for (block, margins) in margins.chunks_mut(BLOCK * outputs).enumerate() {
                let first = first / outputs + block * BLOCK;
                self.trees.iter().for_each(|member| add(member, &columns, first, margins, outputs));
            }
        });
        Ok(margins)
    }

    /// As [`Model::predict`], in the same way.
    ///
    /// # Errors
    /// As [`Model::margins_obliviously`].
    pub fn predict_obliviously(
        &self,
        features: &Features,
        workers: &dyn Workers,
    ) -> Result<Vec<f32>, PredictError> {
        let mut margins = self.margins_obliviously(features, workers)?;
        let outputs = self.outputs();
        if self.link == Link::Class {
            return Ok(margins.chunks(outputs).map(class).collect());
        }
        margins.chunks_mut(outputs).for_each(|row| self.link.predict(row));
        Ok(margins)
    }
}

/// Adds the values of a tree to the margins of some rows.
fn add(member: &Member, columns: &[&[f32]], first: usize, margins: &mut [f32], outputs: usize) {
    let rows = margins.len() / outputs;
    let nodes = member.tree.nodes();
    let mut there = vec![[0_u32; BLOCK]; nodes.len()];
    there[0] = [u32::MAX; BLOCK];
    let mut found = [0_u32; BLOCK];
    for (index, _) in member.tree.walk() {
        let node = &nodes[index as usize];
        let here = there[index as usize];
        match &node.branch {
            None => {
                let bits = node.value.to_bits();
                found.iter_mut().zip(&here).for_each(|(found, here)| *found |= bits & here);
            }
            Some(branch) => {
                let values = &columns[branch.feature as usize][first..first + rows];
                let mut left = [0_u32; BLOCK];
                sides(branch, values, &mut left);
                for (to, sense) in [(branch.left, 0), (branch.right, u32::MAX)] {
                    let to = &mut there[to as usize];
                    to.iter_mut()
                        .zip(&here)
                        .zip(&left)
                        .for_each(|((to, here), left)| *to = here & (left ^ sense));
                }
            }
        }
    }
    let own = margins.iter_mut().skip(member.output).step_by(outputs);
    own.zip(found).for_each(|(margin, bits)| *margin += f32::from_bits(bits) * member.weight);
}

/// All ones for each row that goes left. The optimiser does not see that what is compared has two values only, and makes no branch of
/// it.
fn sides(branch: &Branch, values: &[f32], left: &mut [u32; BLOCK]) {
    let mask = |yes: bool| 0_u32.wrapping_sub(u32::from(yes));
    let mut gone = [0_u32; BLOCK];
    gone.iter_mut().zip(values).for_each(|(gone, value)| *gone = mask(value.is_nan()));
    match &branch.test {
        Test::Below(threshold) => {
            left.iter_mut().zip(values).for_each(|(left, value)| *left = mask(*value < *threshold));
        }
        Test::NotIn(categories) => {
            for category in categories {
                left.iter_mut().zip(values).for_each(|(left, value)| *left |= is(*value, *category));
            }
            left.iter_mut().zip(&gone).for_each(|(left, gone)| *left = !*left & !gone);
        }
    }
    let (gone, left) = (black_box(gone), black_box(left));
    let default = mask(branch.default_left);
    left.iter_mut().zip(&gone).for_each(|(left, gone)| *left |= gone & default);
}

/// Whether a value, cut off behind the point, is that category.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as trees compare")]
fn is(value: f32, category: u32) -> u32 {
    0_u32.wrapping_sub(u32::from(value >= 0.0) & u32::from(value as u32 == category))
}

/// The first class of the largest margin.
fn class(margins: &[f32]) -> f32 {
    let mut best = (f32::NEG_INFINITY, 0.0_f32);
    for (number, margin) in (0_u16..).zip(margins) {
        let mask = 0_u32.wrapping_sub(u32::from(*margin > best.0));
        let choose = |a: f32, b: f32| f32::from_bits((a.to_bits() & mask) | (b.to_bits() & !mask));
        best = (choose(*margin, best.0), choose(number.into(), best.1));
    }
    best.1
}
