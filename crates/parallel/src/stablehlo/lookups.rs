//! Reading and adding at places that are given: embeddings.

use super::graph::{Dims, Draft, Held};
use super::table::{Call, single};
use crate::model::wire::Reduce;

/// How places are written, with the names of `gather` or `scatter`.
struct Numbers {
    /// Dimensions of the rows within what is read, or added.
    offsets: Vec<usize>,
    /// Dimensions of the operand that rows do not have.
    collapsed: Vec<usize>,
    operand_batch: Vec<usize>,
    index_batch: Vec<usize>,
    /// Dimensions of the operand that places count in.
    looked: Vec<usize>,
    index_dim: usize,
}

impl Numbers {
    fn read(call: &Call<'_, '_>, keys: [&str; 5]) -> Option<Self> {
        let list = |key: &str| -> Option<Vec<usize>> {
            call.statement
                .numbers_or_none(key)?
                .into_iter()
                .map(|place| usize::try_from(place).ok())
                .collect()
        };
        let [offsets, collapsed, operand_batch, index_batch, looked] = keys;
        Some(Self {
            offsets: list(offsets)?,
            collapsed: list(collapsed)?,
            operand_batch: list(operand_batch)?,
            index_batch: list(index_batch)?,
            looked: list(looked)?,
            index_dim: usize::try_from(call.statement.number("index_vector_dim").unwrap_or(0)).ok()?,
        })
    }
}

/// The loops that `gather` and `scatter` share: those of rows, of the places looked up, and of rows chosen by place. Dimensions
/// of the operand, the places and the rows.
fn looked_up(
    draft: &mut Draft,
    operand: &[u64],
    indices: &[u64],
    rows: &[u64],
    slices: &[u64],
    numbers: &Numbers,
) -> Option<[Dims; 3]> {
    let (mut operand_dims, mut index_dims, mut row_dims) =
        (vec![-1; operand.len()], vec![-1; indices.len()], vec![-1; rows.len()]);
    // Places are numbers in the last dimension, or single ones.
    if numbers.index_dim + 1 < indices.len() {
        return None;
    }
    let whole = (0..operand.len())
        .filter(|place| !numbers.collapsed.contains(place) && !numbers.operand_batch.contains(place));
    for (place, offset) in whole.zip(&numbers.offsets) {
        if slices.get(place) == operand.get(place) {
            let turns = draft.loops.new_loop('d', operand[place]);
            operand_dims[place] = turns;
            *row_dims.get_mut(*offset)? = turns;
        }
    }
    let others = (0..rows.len()).filter(|place| !numbers.offsets.contains(place));
    for (place, index) in others.zip(0..numbers.index_dim.min(indices.len())) {
        if indices[index] != rows[place] {
            return None;
        }
        index_dims[index] = draft.loops.new_loop('b', indices[index]);
        row_dims[place] = index_dims[index];
    }
    for (place, index) in numbers.operand_batch.iter().zip(&numbers.index_batch) {
        *operand_dims.get_mut(*place)? = *index_dims.get(*index)?;
    }
    if let [looked] = numbers.looked[..]
        && numbers.collapsed.contains(&looked)
    {
        *operand_dims.get_mut(looked)? = draft.loops.new_loop('v', operand[looked]);
    }
    Some([operand_dims, index_dims, row_dims])
}

pub(super) fn gather(mut call: Call<'_, '_>) -> Option<Vec<Held>> {
    let keys = [
        "offset_dims",
        "collapsed_slice_dims",
        "operand_batching_dims",
        "start_indices_batching_dims",
        "start_index_map",
    ];
    let numbers = Numbers::read(&call, keys)?;
    let slices = call.statement.numbers("slice_sizes")?;
    let (value, index) = (call.value(0)?, call.value(1)?);
    let (operand, indices, rows) = (call.shape(value), call.shape(index), call.out(0)?.shape.clone());
    let mut draft = Draft::default();
    let [operand, indices, rows] = looked_up(&mut draft, &operand, &indices, &rows, &slices, &numbers)?;
    draft.ins = vec![(value, operand), (index, indices)];
    // Rows that lie elsewhere are read as zero, and added up.
    draft.reduce = Some(Reduce::Sum);
    draft.linear.push(vec![0]);
    call.one(draft, rows)
}

pub(super) fn scatter(mut call: Call<'_, '_>) -> Option<Vec<Held>> {
    if call.args.len() != 3 || single(call.statement.regions.first()?)? != "add" {
        return None;
    }
    let keys = [
        "update_window_dims",
        "inserted_window_dims",
        "input_batching_dims",
        "scatter_indices_batching_dims",
        "scatter_dims_to_operand_dims",
    ];
    let numbers = Numbers::read(&call, keys)?;
    let zero = call.args[0].number() == Some(0.0);
    let shape = match call.args[0] {
        Held::Value(value) => call.shape(value),
        Held::Splat { kind, .. } => call.types.get(kind).shape.clone(),
    };
    let (index, update) = (call.value(1)?, call.value(2)?);
    let (indices, updates) = (call.shape(index), call.shape(update));
    let mut slices = shape.clone();
    for place in numbers.collapsed.iter().chain(&numbers.operand_batch) {
        *slices.get_mut(*place)? = 1;
    }
    let windows = (0..shape.len())
        .filter(|place| !numbers.collapsed.contains(place) && !numbers.operand_batch.contains(place));
    for (place, window) in windows.zip(&numbers.offsets) {
        slices[place] = *updates.get(*window)?;
    }
    let mut draft = Draft::default();
    let [operand, indices, rows] = looked_up(&mut draft, &shape, &indices, &updates, &slices, &numbers)?;
    // What is added to is nothing where it is zero, and added to once where it is not.
    let first = usize::from(!zero);
    if !zero {
        let value = call.value(0)?;
        draft.ins.push((value, operand.clone()));
        draft.accumulates.push(0);
    }
    draft.ins.extend([(index, indices), (update, rows)]);
    draft.linear.push(if zero { vec![1] } else { vec![0, first + 1] });
    draft.reduce = Some(Reduce::Sum);
    call.one(draft, operand)
}
