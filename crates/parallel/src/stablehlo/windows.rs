//! What combines elements along dimensions, all of them or those of a window.

use super::graph::{Draft, Held};
use super::table::{Call, combined, single};
use crate::model::wire::Reduce;

pub(super) fn reduce(mut call: Call<'_, '_>) -> Option<Vec<Held>> {
    let statement = call.statement;
    let axes = statement.numbers("dimensions")?;
    let tensors = call.args.len() / 2;
    // Written as `(%0 init: %1), (%2 init: %3)`; in the form that all operations have, tensors come first.
    let pretty = statement.attributes.iter().any(|text| text.contains("init:"));
    let (tensor, start) = if pretty { (0, 1) } else { (0, tensors) };
    let step = if pretty { 2 } else { 1 };
    let name = match statement.regions.first() {
        Some(region) => single(region),
        None => statement.attributes.iter().find_map(|text| applied(text)),
    };
    let first = call.value(tensor)?;
    let shape = call.shape(first);
    let mut draft = Draft::default();
    let whole = tensors != 1;
    let mut dims = Vec::with_capacity(shape.len());
    for (place, size) in shape.iter().enumerate() {
        dims.push(match (axes.contains(&(place as u64)), whole) {
            // Several tensors at once are places of largest elements and the like, which nothing combines.
            (true, true) => -1,
            (true, false) => draft.loops.new_loop('r', *size),
            (false, _) => draft.loops.new_loop('d', *size),
        });
    }
    let kept: Vec<i8> = dims
        .iter()
        .enumerate()
        .filter(|(place, _)| !axes.contains(&(*place as u64)))
        .map(|(_, turns)| *turns)
        .collect();
    if !whole {
        let combined = combined(name?, *call.args.get(start)?)?;
        draft.linear = if matches!(combined, Reduce::Sum) { vec![vec![0]] } else { Vec::new() };
        draft.reduce = Some(combined);
    }
    for place in 0..tensors {
        let value = call.value(tensor + place * step)?;
        if call.graph.shape(value).len() != dims.len() {
            return None;
        }
        draft.ins.push((value, dims.clone()));
    }
    if call.outs.iter().any(|out| call.types.get(*out).shape.len() != kept.len()) {
        return None;
    }
    call.all(draft, &kept)
}

/// `applies stablehlo.add across`.
fn applied(text: &str) -> Option<&str> {
    let word = text.split_once("applies ")?.1.split_whitespace().next()?;
    Some(word.rsplit('.').next().unwrap_or(word))
}

/// Dimensions in which windows have one element, and do not move by more.
fn alone(call: &Call<'_, '_>, dims: usize) -> Option<Vec<bool>> {
    let sizes = call.statement.numbers("window_dimensions")?;
    let strides = call.statement.numbers_or_none("window_strides")?;
    (sizes.len() == dims).then(|| {
        let stride = |dim: usize| strides.get(dim).copied().unwrap_or(1);
        sizes.iter().enumerate().map(|(dim, size)| *size == 1 && stride(dim) == 1).collect()
    })
}

pub(super) fn window(mut call: Call<'_, '_>) -> Option<Vec<Held>> {
    if call.args.len() != 2 {
        return None;
    }
    let value = call.value(0)?;
    let (shape, out) = (call.shape(value), call.out(0)?.shape.clone());
    let alone = alone(&call, shape.len())?;
    let name = single(call.statement.regions.first()?)?;
    let combined = combined(name, call.args[1])?;
    let mut draft = Draft::default();
    let mut dims = Vec::with_capacity(shape.len());
    for (place, size) in shape.iter().enumerate() {
        let split = alone[place] && out.get(place) == Some(size);
        dims.push(if split { draft.loops.new_loop('d', *size) } else { -1 });
    }
    if matches!(combined, Reduce::Sum) {
        draft.linear.push(vec![0]);
    }
    draft.ins.push((value, dims.clone()));
    call.one(draft, dims)
}

pub(super) fn select_and_scatter(mut call: Call<'_, '_>) -> Option<Vec<Held>> {
    let (value, source) = (call.value(0)?, call.value(1)?);
    let (shape, from) = (call.shape(value), call.shape(source));
    let alone = alone(&call, shape.len())?;
    let adds = single(call.statement.regions.get(1)?)? == "add";
    if !adds || call.args.get(2)?.number() != Some(0.0) || from.len() != shape.len() {
        return None;
    }
    let mut draft = Draft::default();
    let mut dims = Vec::with_capacity(shape.len());
    for (place, size) in shape.iter().enumerate() {
        let split = alone[place] && from[place] == *size;
        dims.push(if split { draft.loops.new_loop('d', *size) } else { -1 });
    }
    draft.ins = vec![(value, dims.clone()), (source, dims.clone())];
    draft.linear.push(vec![1]);
    call.one(draft, dims)
}
