//! Numbers that are written into the program, as far as loops count with them.

use super::syntax::Statement;
use super::types::Type;

/// Whole numbers up to here are exact as floating-point ones.
const EXACT: f64 = (1_u64 << 53) as f64;

/// The number of a `constant`, all of whose elements are equal; the outer is nothing where they are not.
pub(super) fn constant(statement: &Statement<'_>, kind: &Type) -> Option<Option<f64>> {
    let text = statement.attributes.first()?;
    // An array is a megabyte long, and its beginning says what it is.
    let head = text.find("dense").filter(|at| *at < 64).and_then(|at| text.get(at..))?;
    let inner = head.strip_prefix("dense<")?;
    if inner.starts_with(['[', '"']) && kind.shape.iter().product::<u64>() != 1 {
        return None;
    }
    let word: &str = inner.trim_start_matches(['[', '"']).split(['>', ']', '"', ',']).next()?;
    Some(number(word.trim(), kind))
}

fn number(word: &str, kind: &Type) -> Option<f64> {
    let read = match word {
        "true" => 1.0,
        "false" => 0.0,
        _ => match word.strip_prefix("0x") {
            Some(digits) => bits(digits, kind.kind)?,
            None => word.parse().ok()?,
        },
    };
    if kind.whole { exact(read) } else { Some(read) }
}

fn bits(digits: &str, kind: &str) -> Option<f64> {
    let bits = u64::from_str_radix(digits, 16).ok()?;
    Some(match kind {
        "f64" => f64::from_bits(bits),
        "f32" => f32::from_bits(u32::try_from(bits).ok()?).into(),
        "bf16" => f32::from_bits(u32::from(u16::try_from(bits).ok()?) << 16).into(),
        _ => return None,
    })
}

fn exact(number: f64) -> Option<f64> {
    (number.fract() == 0.0 && number.abs() < EXACT).then_some(number)
}

/// What an operation makes of whole numbers; nothing where that is not sure. Numbers that would leave their type are not sure.
pub(super) fn fold(statement: &Statement<'_>, args: &[Option<f64>], from: &Type, to: &Type) -> Option<f64> {
    if !from.whole || !to.whole {
        return None;
    }
    let of = |place: usize| args.get(place).copied().flatten();
    let truth = |truth: bool| Some(f64::from(u8::from(truth)));
    let made = match statement.name {
        "add" => of(0)? + of(1)?,
        "subtract" => of(0)? - of(1)?,
        "multiply" => of(0)? * of(1)?,
        "divide" if of(1)? != 0.0 => (of(0)? / of(1)?).trunc(),
        "remainder" if of(1)? != 0.0 => of(0)? % of(1)?,
        "minimum" => of(0)?.min(of(1)?),
        "maximum" => of(0)?.max(of(1)?),
        "negate" => -of(0)?,
        "convert" if to.kind == "bool" => return truth(of(0)? != 0.0),
        "convert" => of(0)?,
        "select" => of(if of(0)? != 0.0 { 1 } else { 2 })?,
        "clamp" => of(1)?.max(of(0)?).min(of(2)?),
        "not" if to.kind == "bool" => 1.0 - of(0)?,
        "and" if to.kind == "bool" => of(0)? * of(1)?,
        "or" if to.kind == "bool" => of(0)?.max(of(1)?),
        "compare" => return truth(compare(statement, of(0)?, of(1)?)?),
        _ => return None,
    };
    exact(made).filter(|made| holds(to.kind, *made))
}

fn compare(statement: &Statement<'_>, a: f64, b: f64) -> Option<bool> {
    let text = statement.attributes.first()?.trim_start();
    let way = match statement.attribute("comparison_direction") {
        Some(way) => way.rsplit('<').next()?.trim_start_matches("comparison_direction").trim(),
        None => text,
    };
    Some(match way.get(..2)? {
        "LT" => a < b,
        "LE" => a <= b,
        "GT" => a > b,
        "GE" => a >= b,
        "EQ" => a.total_cmp(&b).is_eq(),
        "NE" => a.total_cmp(&b).is_ne(),
        _ => return None,
    })
}

/// Whether a type of whole numbers has this one.
fn holds(kind: &str, number: f64) -> bool {
    let bits = match kind.get(1..).and_then(|bits| bits.parse::<i32>().ok()) {
        Some(bits) => bits.min(53),
        None => return (0.0..=1.0).contains(&number),
    };
    if kind.starts_with('u') {
        (0.0..f64::exp2(bits.into())).contains(&number)
    } else {
        (-f64::exp2((bits - 1).into())..f64::exp2((bits - 1).into())).contains(&number)
    }
}
