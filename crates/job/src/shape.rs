//! The shape of sections that are checked but not kept.
//!
//! Sections that have no effect in this version (`service`, `config`, `volumes` and so on) are
//! still read strictly, so that a slip in them is found now and not on the day they take effect.

use crate::codes::Code;
use crate::cursor::Cursor;
use crate::limits::{MAX_NODES, MAX_PATH_BYTES};
use crate::report::Report;
use crate::yaml::{Node, Value};

/// What a value may look like.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// Anything at all.
    Any,
    Text,
    /// Text of at least one character.
    Words,
    Boolean,
    /// An integer in a range.
    Integer(i64, i64),
    Number,
    /// A number that is not negative.
    NonNegative,
    /// A disk or volume size such as `100` or `100Gi`.
    Size,
    /// One of several words, in any case.
    Choice(&'static [&'static str]),
    /// A mapping with known keys.
    Fields(&'static [(&'static str, Shape)]),
    /// A mapping with known keys, of which some must be there.
    Requires(&'static [&'static str], &'static Shape),
    /// A mapping with free keys.
    Each(&'static Shape),
    List(&'static Shape),
    /// The first shape of the value's type.
    Either(&'static [Shape]),
}

impl Shape {
    /// Whether a value has the type of this shape, right or wrong in detail.
    fn is_typed_like(&self, node: &Node) -> bool {
        match self {
            Self::Any => true,
            Self::Text | Self::Words | Self::Choice(_) => matches!(node.value, Value::Str(_)),
            Self::Boolean => matches!(node.value, Value::Bool(_)),
            Self::Integer(..) => matches!(node.value, Value::Int(_)),
            Self::Number | Self::NonNegative => matches!(node.value, Value::Int(_) | Value::Float(..)),
            Self::Size => matches!(node.value, Value::Int(_) | Value::Str(_)),
            Self::Fields(_) | Self::Requires(..) | Self::Each(_) => matches!(node.value, Value::Map(_)),
            Self::List(_) => matches!(node.value, Value::List(_)),
            Self::Either(shapes) => shapes.iter().any(|shape| shape.is_typed_like(node)),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Any => "anything",
            Self::Text | Self::Words | Self::Choice(_) => "text",
            Self::Boolean => "true or false",
            Self::Integer(..) => "an integer",
            Self::Number | Self::NonNegative => "a number",
            Self::Size => "a size",
            Self::Fields(_) | Self::Requires(..) | Self::Each(_) => "a mapping",
            Self::List(_) => "a list",
            Self::Either(_) => "another type",
        }
    }

    /// Reports whatever does not fit.
    pub(crate) fn check(&self, cursor: &Cursor<'_>, report: &mut Report<'_>) {
        // Null is absence, as everywhere in task files.
        if cursor.node.is_null() {
            return;
        }
        match self {
            Self::Any => {}
            Self::Text => drop(cursor.string(report)),
            Self::Words => {
                if cursor.string(report).is_some_and(|text| text.trim().is_empty()) {
                    cursor.invalid("a text that is not empty", report);
                }
            }
            Self::Boolean => drop(cursor.boolean(report)),
            Self::Integer(least, most) => drop(cursor.integer(*least, *most, report)),
            Self::Number => drop(cursor.number(report)),
            Self::NonNegative => drop(cursor.non_negative(report)),
            Self::Size => drop(crate::quantity::disk(cursor, report)),
            Self::Choice(words) => drop(cursor.choice(words, report)),
            Self::Fields(known) => check_fields(cursor, known, report),
            Self::Requires(keys, shape) => {
                if let Some(map) = cursor.node.as_map() {
                    for key in keys.iter().filter(|key| map.get(key).is_none()) {
                        let message = format!("`{}` needs the key `{key}`", cursor.path);
                        report.add(cursor.error(Code::MissingKey, message));
                    }
                }
                shape.check(cursor, report);
            }
            Self::Each(shape) => {
                // The tree's own bound holds; a section may be as long as the file.
                for (_, value) in cursor.entries(MAX_NODES, report).into_iter().flatten() {
                    shape.check(&value, report);
                }
            }
            Self::List(shape) => {
                for item in cursor.list(report).into_iter().flatten() {
                    shape.check(&item, report);
                }
            }
            Self::Either(shapes) => match shapes.iter().find(|shape| shape.is_typed_like(cursor.node)) {
                Some(shape) => shape.check(cursor, report),
                None => {
                    let names: Vec<_> = shapes.iter().map(Self::name).collect();
                    cursor.wrong_type(&names.join(" or "), report);
                }
            },
        }
    }
}

fn check_fields(cursor: &Cursor<'_>, known: &'static [(&'static str, Shape)], report: &mut Report<'_>) {
    let keys: Vec<&'static str> = known.iter().map(|(key, _)| *key).collect();
    let Some(fields) = cursor.fields(&keys, report) else { return };
    for (key, shape) in known {
        if let Some(value) = fields.get(key) {
            shape.check(&value, report);
        }
    }
}

/// Whether a text is a path or URI of bearable length; reports it when not.
pub(crate) fn path_fits(cursor: &Cursor<'_>, text: &str, report: &mut Report<'_>) -> bool {
    if text.len() > MAX_PATH_BYTES {
        let message = format!("a path in `{}` has more than {MAX_PATH_BYTES} bytes", cursor.path);
        report.add(cursor.error(Code::TooLong, message));
        return false;
    }
    true
}
