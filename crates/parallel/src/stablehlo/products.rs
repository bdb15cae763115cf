//! Products of matrices, and convolutions.

use super::graph::{Draft, Held};
use super::table::Call;
use crate::model::wire::Reduce;

/// Places in a shape, if it has them.
fn within(places: Vec<u64>, dims: usize) -> Option<Vec<usize>> {
    places.into_iter().map(|place| usize::try_from(place).ok().filter(|place| *place < dims)).collect()
}

pub(super) fn dot(mut call: Call<'_, '_>) -> Option<Vec<Held>> {
    let (a, b) = (call.value(0)?, call.value(1)?);
    let (left, right) = (call.shape(a), call.shape(b));
    let statement = call.statement;
    let lists = |short: &str, long: &str| {
        statement.pairs(short).or_else(|| {
            let left = statement.numbers_or_none(&format!("lhs_{long}"))?;
            Some((left, statement.numbers_or_none(&format!("rhs_{long}"))?))
        })
    };
    let (left_batch, right_batch) = lists("batching_dims", "batching_dimensions")?;
    let (left_sum, right_sum) = match statement.name {
        "dot" => (vec![(left.len() as u64).checked_sub(1)?], vec![0]),
        _ => lists("contracting_dims", "contracting_dimensions")?,
    };
    let (left_batch, right_batch) = (within(left_batch, left.len())?, within(right_batch, right.len())?);
    let (left_sum, right_sum) = (within(left_sum, left.len())?, within(right_sum, right.len())?);
    if left_batch.len() != right_batch.len() || left_sum.len() != right_sum.len() {
        return None;
    }
    let mut draft = Draft::default();
    let (mut left_dims, mut right_dims) = (vec![-1; left.len()], vec![-1; right.len()]);
    let mut out = Vec::new();
    for (a, b) in left_batch.iter().zip(&right_batch) {
        left_dims[*a] = draft.loops.new_loop('b', left[*a]);
        right_dims[*b] = left_dims[*a];
        out.push(left_dims[*a]);
    }
    for (a, b) in left_sum.iter().zip(&right_sum) {
        left_dims[*a] = draft.loops.new_loop('k', left[*a]);
        right_dims[*b] = left_dims[*a];
    }
    for (place, size) in left.iter().enumerate() {
        if !left_batch.contains(&place) && !left_sum.contains(&place) {
            left_dims[place] = draft.loops.new_loop('m', *size);
            out.push(left_dims[place]);
        }
    }
    for (place, size) in right.iter().enumerate() {
        if !right_batch.contains(&place) && !right_sum.contains(&place) {
            right_dims[place] = draft.loops.new_loop('n', *size);
            out.push(right_dims[place]);
        }
    }
    let shape = &call.out(0)?.shape;
    if shape.len() != out.len() {
        return None;
    }
    draft.flops = 2.0 * volume(shape) * left_sum.iter().map(|place| left[*place] as f64).product::<f64>();
    draft.ins = vec![(a, left_dims), (b, right_dims)];
    draft.reduce = Some(Reduce::Sum);
    draft.linear = vec![vec![0], vec![1]];
    call.one(draft, out)
}

fn volume(shape: &[u64]) -> f64 {
    shape.iter().map(|size| *size as f64).product()
}

/// Windows reach over the borders of a block, so places in a picture stay whole.
pub(super) fn convolution(mut call: Call<'_, '_>) -> Option<Vec<Held>> {
    let (a, b) = (call.value(0)?, call.value(1)?);
    let (left, right, out) = (call.shape(a), call.shape(b), call.out(0)?.shape.clone());
    let statement = call.statement;
    let groups = statement.number("feature_group_count").unwrap_or(1);
    let batches = statement.number("batch_group_count").unwrap_or(1).max(1);
    let [picture, kernel, result] =
        specs(statement.attribute("dim_numbers").or_else(|| statement.attribute("dimension_numbers"))?)?;
    if picture.len() != left.len() || kernel.len() != right.len() || result.len() != out.len() {
        return None;
    }
    let place = |spec: &[&str], letter: &str| spec.iter().position(|word| *word == letter);
    let (batch, feature) = (place(&picture, "b")?, place(&picture, "f")?);
    let (inner, outer) = (place(&kernel, "i")?, place(&kernel, "o")?);
    let (out_batch, out_feature) = (place(&result, "b")?, place(&result, "f")?);
    let mut draft = Draft::default();
    let (mut left_dims, mut right_dims, mut out_dims) =
        (vec![-1; left.len()], vec![-1; right.len()], vec![-1; out.len()]);
    if batches == 1 {
        left_dims[batch] = draft.loops.new_loop('b', left[batch]);
        out_dims[out_batch] = left_dims[batch];
    }
    if groups == 1 && batches == 1 {
        right_dims[outer] = draft.loops.new_loop('n', right[outer]);
        out_dims[out_feature] = right_dims[outer];
        left_dims[feature] = draft.loops.new_loop('k', left[feature]);
        right_dims[inner] = left_dims[feature];
    }
    let taps: f64 =
        right.iter().enumerate().filter(|(at, _)| *at != outer).map(|(_, size)| *size as f64).product();
    draft.flops = 2.0 * volume(&out) * taps / batches as f64;
    draft.ins = vec![(a, left_dims), (b, right_dims)];
    draft.reduce = Some(Reduce::Sum);
    draft.linear = vec![vec![0], vec![1]];
    call.one(draft, out_dims)
}

/// `[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]`.
fn specs(text: &str) -> Option<[Vec<&str>; 3]> {
    let text = text.strip_prefix("#stablehlo.conv<").unwrap_or(text);
    let (left, rest) = text.split_once('x')?;
    let (right, rest) = rest.split_once("->")?;
    Some([words(left)?, words(right)?, words(rest)?])
}

fn words(text: &str) -> Option<Vec<&str>> {
    let inner = text.trim_start().strip_prefix('[')?.split(']').next()?;
    Some(inner.split(',').map(str::trim).collect())
}
