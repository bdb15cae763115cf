//! What brings elements to other places.

use super::graph::{Draft, Held, Splat};
use super::table::Call;
use crate::cluster::gcd;

pub(super) fn broadcast(mut call: Call<'_, '_>) -> Option<Vec<Held>> {
    let (id, shape) = (*call.outs.first()?, call.out(0)?.shape.clone());
    let held = *call.args.first()?;
    // Where one number becomes many, whoever reads elements reads it.
    let of = match held {
        Held::Value(value) if call.graph.shape(value).is_empty() => Some(Splat::Repeated(value)),
        _ => number(held),
    };
    if let Some(of) = of {
        return Some(vec![Held::Splat { of, kind: id }]);
    }
    let value = call.value(0)?;
    let before = call.shape(value);
    let places = match call.statement.name {
        // New dimensions are in front.
        "broadcast" => (shape.len().checked_sub(before.len())? as u64..shape.len() as u64).collect(),
        _ => call.statement.numbers("dims").or_else(|| call.statement.numbers("broadcast_dimensions"))?,
    };
    let mut draft = Draft::default();
    let dims = draft.loops.all(&shape);
    let mut operand = vec![-1; before.len()];
    if places.len() != before.len() {
        return None;
    }
    // As elements of one dimension are repeated where two arrays are added, so here: without a copy.
    let same =
        before.len() == shape.len() && places.iter().enumerate().all(|(at, place)| at as u64 == *place);
    if same && before.iter().zip(&shape).all(|(size, whole)| size == whole || *size == 1) {
        return Some(vec![Held::Splat { of: Splat::Repeated(value), kind: id }]);
    }
    for (at, place) in places.iter().enumerate() {
        let place = usize::try_from(*place).ok().filter(|place| *place < shape.len())?;
        if before[at] == shape[place] {
            operand[at] = dims[place];
        }
    }
    draft.ins.push((value, operand));
    draft.linear.push(vec![0]);
    call.one(draft, dims)
}

/// The same in another shape.
fn number(held: Held) -> Option<Splat> {
    match held {
        Held::Splat { of: of @ Splat::Number(_), .. } => Some(of),
        _ => None,
    }
}

/// Both shapes are cut into the smallest groups of equal product. Within a group the outermost dimension of one side is the
/// leading part of the other's, and contiguous blocks of it stay contiguous.
pub(super) fn reshape(mut call: Call<'_, '_>) -> Option<Vec<Held>> {
    let id = *call.outs.first()?;
    if let Some(of) = number(*call.args.first()?) {
        return Some(vec![Held::Splat { of, kind: id }]);
    }
    let value = call.value(0)?;
    let (before, after) = (call.shape(value), call.out(0)?.shape.clone());
    let mut draft = Draft::default();
    let (mut left, mut right) = (vec![-1; before.len()], vec![-1; after.len()]);
    let (mut i, mut j) = (0, 0);
    while i < before.len() && j < after.len() {
        let (first_i, first_j) = (i, j);
        let (mut a, mut b) = (before[i], after[j]);
        (i, j) = (i + 1, j + 1);
        while a != b && (i < before.len() || j < after.len()) {
            if a < b && i < before.len() {
                a = a.checked_mul(before[i])?;
                i += 1;
            } else if j < after.len() {
                b = b.checked_mul(after[j])?;
                j += 1;
            } else {
                break;
            }
        }
        let leading = |shape: &[u64], start: usize, end: usize| (start..end).find(|at| shape[*at] != 1);
        if let (Some(a), Some(b)) = (leading(&before, first_i, i), leading(&after, first_j, j)) {
            let size = gcd(before[a], after[b]);
            if size == before[a].min(after[b]) {
                left[a] = draft.loops.new_loop('r', size);
                right[b] = left[a];
            }
        }
    }
    draft.ins.push((value, left));
    draft.linear.push(vec![0]);
    call.one(draft, right)
}

pub(super) fn transpose(mut call: Call<'_, '_>) -> Option<Vec<Held>> {
    let id = *call.outs.first()?;
    if let Some(of) = number(*call.args.first()?) {
        return Some(vec![Held::Splat { of, kind: id }]);
    }
    let value = call.value(0)?;
    let order = call.statement.numbers("dims").or_else(|| call.statement.numbers("permutation"))?;
    let mut draft = Draft::default();
    let dims = draft.loops.all(&call.shape(value));
    let turned = order.iter().map(|place| dims.get(usize::try_from(*place).ok()?).copied());
    let turned = turned.collect::<Option<Vec<i8>>>()?;
    draft.ins.push((value, dims));
    draft.linear.push(vec![0]);
    call.one(draft, turned)
}

/// What moves along some dimensions, which are then whole, and leaves the others alone.
pub(super) fn blocks(mut call: Call<'_, '_>) -> Option<Vec<Held>> {
    let shape = call.out(0)?.shape.clone();
    let name = call.statement.name;
    // Places to begin at, and what is filled in, are single numbers.
    let arrays = match name {
        "concatenate" => call.args.len(),
        "dynamic_update_slice" => 2,
        _ => 1,
    };
    let turned = turned(&call, shape.len())?;
    let mut pairs = Vec::new();
    for place in 0..arrays {
        pairs.push(call.value(place)?);
    }
    let mut draft = Draft::default();
    for (place, size) in shape.iter().enumerate() {
        let mut sizes = pairs.iter().map(|value| call.graph.shape(*value).get(place));
        let equal = sizes.all(|other| other == Some(size)) && !turned.contains(&(place as u64));
        let turns = if equal { draft.loops.new_loop('d', *size) } else { -1 };
        draft.ins.iter_mut().for_each(|(_, dims): &mut (u32, Vec<i8>)| dims.push(turns));
        draft.outs.iter_mut().for_each(|(_, dims): &mut (u32, Vec<i8>)| dims.push(turns));
        if place == 0 {
            draft.ins = pairs.iter().map(|value| (*value, vec![turns])).collect();
        }
    }
    if shape.is_empty() || draft.ins.iter().any(|(value, dims)| call.graph.shape(*value).len() != dims.len())
    {
        return None;
    }
    let dims = draft.ins.first()?.1.clone();
    let filled = name == "pad" && call.args.get(1).is_none_or(|held| held.number() != Some(0.0));
    if !filled {
        // Something else than 0 would be added by each device.
        draft.linear.push((0..draft.ins.len()).collect());
    }
    for held in call.args.iter().skip(arrays).filter(|held| !held.written()) {
        let value = call.graph.whole(*held, call.types);
        draft.ins.push((value, vec![-1; call.graph.shape(value).len()]));
    }
    call.one(draft, dims)
}

/// Dimensions along which elements move though no size changes.
fn turned(call: &Call<'_, '_>, dims: usize) -> Option<Vec<u64>> {
    let statement = call.statement;
    Some(match statement.name {
        "reverse" => statement.numbers("dims").or_else(|| statement.numbers("dimensions"))?,
        "concatenate" => vec![statement.number("dim").or_else(|| statement.number("dimension"))?],
        "pad" => {
            let read = |key: &str, long: &str| statement.signed(key).or_else(|| statement.signed(long));
            let (low, high) = (read("low", "edge_padding_low")?, read("high", "edge_padding_high")?);
            let inner = read("interior", "interior_padding")?;
            let at = |list: &[i64], place: usize| list.get(place).copied().unwrap_or(0) != 0;
            // As much can be cut off at one end as is added at the other.
            (0..dims)
                .filter(|dim| [&low, &high, &inner].iter().any(|list| at(list, *dim)))
                .map(|dim| dim as u64)
                .collect()
        }
        _ => Vec::new(),
    })
}

/// What needs one dimension whole and works on each of the others alone.
pub(super) fn along(mut call: Call<'_, '_>) -> Option<Vec<Held>> {
    let first = call.value(0)?;
    let shape = call.shape(first);
    let last = (shape.len() as u64).checked_sub(1)?;
    let axis = match call.statement.name {
        "top_k" => last,
        _ => call.statement.number("dimension")?,
    };
    let mut draft = Draft::default();
    let mut dims = Vec::with_capacity(shape.len());
    for (place, size) in shape.iter().enumerate() {
        dims.push(if place as u64 == axis { -1 } else { draft.loops.new_loop('d', *size) });
    }
    for place in 0..call.args.len() {
        let value = call.value(place)?;
        if call.graph.shape(value).len() != dims.len() {
            return None;
        }
        draft.ins.push((value, dims.clone()));
    }
    call.all(draft, &dims)
}
