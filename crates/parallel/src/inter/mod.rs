//! Pipelines: which layers on which devices, and when they do what.

mod blocks;
mod dp;
mod layers;
mod part;
mod pipeline;
mod simulate;
mod table;

pub(crate) use pipeline::{Phase, Piped, Pipelines, Stage, Tried, pipelines};
pub(crate) use simulate::Piece;
