//! A model as a value, and a value, of whatever origin, as a model.
//!
//! Nothing that a file says is believed: every length, number and reference is checked here or in [`Tree::new`], so that no
//! later step can fail on a model that was read.

mod reading;
mod trees;
mod writing;

use super::FormatError;
use crate::tree::TreeError;

pub(crate) use reading::model;
pub(crate) use writing::value;

/// The version whose format is written, and the newest whose format is known.
const VERSION: [i32; 3] = [3, 2, 0];

/// The root's parent, as XGBoost writes it.
const NO_PARENT: i32 = i32::MAX;

/// Why a file is no model that can be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ModelError {
    /// It is neither JSON nor UBJSON.
    #[error("the file is neither JSON nor UBJSON: {0}")]
    Format(#[from] FormatError),
    /// Something is not there, or is no such thing.
    #[error("`{0}` is missing or is not what a model of XGBoost has there")]
    Field(String),
    /// The format may mean something else by now.
    #[error("the model was written by XGBoost {0}; versions up to {known} can be read", known = VERSION[0])]
    Newer(u32),
    /// Something that XGBoost has and this crate has not.
    #[error("{0} cannot be used here")]
    Unsupported(String),
    /// A tree that is none.
    #[error("tree {tree}: {reason}")]
    Tree {
        /// Its number, from 0.
        tree: usize,
        /// What is wrong with it.
        reason: TreeError,
    },
    /// Lists that should be of one length are not.
    #[error("`{0}` has another length than it should")]
    Length(String),
}

/// A field by its name.
fn field(name: &str) -> ModelError {
    ModelError::Field(name.to_owned())
}
