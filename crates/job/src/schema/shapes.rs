//! The shapes of sections that are checked and not kept.

use super::forms;
use crate::shape::Shape;
use serde_json::{Value, json};

pub(super) fn of(shape: &Shape) -> Value {
    match shape {
        Shape::Any => forms::anything(),
        Shape::Text | Shape::Words => forms::text(),
        Shape::Boolean => forms::yes_or_no(),
        Shape::Integer(least, most) => forms::integer(*least, Some(*most).filter(|most| *most < i64::MAX)),
        Shape::Number => json!({"type": ["number", "null"]}),
        Shape::NonNegative => forms::number(0.0),
        Shape::Size => forms::word(),
        Shape::Choice(words) => forms::choice(words),
        Shape::Fields(known) => forms::closed(known.iter().map(|(key, shape)| (*key, of(shape), ""))),
        Shape::Requires(keys, shape) => {
            let mut form = of(shape);
            form["required"] = json!(keys);
            form
        }
        Shape::Each(shape) => forms::each(of(shape)),
        Shape::List(shape) => forms::list(of(shape)),
        Shape::Either(shapes) => json!({"anyOf": shapes.iter().map(of).collect::<Vec<_>>()}),
    }
}
