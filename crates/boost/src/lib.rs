//! Boosted trees, as XGBoost's `hist` grows them, with one promise more: the model is a function of the rows as a set. Any
//! order and partition of them, and any number of threads, gives the same bits.
//!
//! * [`read_csv`] and [`read_libsvm`] make [`Data`] of bytes.
//! * [`Params`] are XGBoost's, by name; what is not there is refused. A [`Recipe`] says which columns they are for, so that
//!   several parties can agree on both.
//! * [`train`] makes a [`Model`] of both, on whatever [`Workers`] it is given.
//! * [`train_obliviously`] makes the same model, and whoever sees which addresses it touches learns no values.
//! * [`train_privately`] makes one with noise, which tells next to nothing of any one person.
//! * [`Model::read`] and [`Model::write`] know XGBoost's JSON and UBJSON, in both directions.
//! * [`Model::predict`] predicts, to the same bits of margins as XGBoost does.
//!
//! How the promise is kept: gradients are rounded to integers once (`fixed`), since sums of integers have no order; cuts come
//! from exact counts of values, not from sketches (`cuts`); what is drawn is drawn by the ids of rows (`random`); metrics,
//! which decide of stopping early, are added up without an order too (`exact`); and functions that platforms round
//! differently are computed here (`math`).
//!
//! *Rejected:* bindings to XGBoost (a C++ build of minutes, sums that depend on the order of rows), and sums of floats in a
//! fixed order (which parties that each hold a part of the rows cannot keep).

mod bins;
mod cuts;
mod data;
mod dump;
mod exact;
pub mod federated;
mod fixed;
mod format;
mod grow;
mod importance;
mod link;
mod loss;
mod math;
mod metric;
mod model;
mod near;
mod oblivious;
mod params;
mod predict;
mod private;
mod random;
mod ranked;
mod recipe;
mod train;
mod tree;
mod workers;

pub use data::{
    Column, CsvError, CsvOptions, Data, Features, FeaturesError, Kind, LibsvmError, LibsvmOptions, cell,
    read_csv, read_libsvm, single,
};
pub use format::{Format, FormatError, ModelError};
pub use grow::Lost;
pub use importance::Importance;
pub use link::Link;
pub use loss::LabelError;
pub use metric::MetricError;
pub use model::Model;
pub use oblivious::{check_oblivious, oblivious_memory, train_obliviously};
pub use params::{Directions, ParamError, Params};
pub use predict::PredictError;
pub use private::{PrivateRows, Range, Secrecy, check_private, train_privately};
pub use recipe::{Recipe, RecipeError};
pub use train::{Progress, Score, Stopped, TrainError, Trained, Training, train};
pub use tree::{Branch, Node, Test, Tree, TreeError};
pub use workers::{Alone, Workers};
