//! Types of values.

use super::cursor::Cursor;
use super::error::{Wrong, quoted};
use std::collections::HashMap;

/// The number of a type.
pub(super) type TypeId = u32;

/// A type, as a model file writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Type {
    pub(super) kind: &'static str,
    pub(super) shape: Vec<u64>,
    /// Elements are integers, or true and false.
    pub(super) whole: bool,
}

/// All types of a program, each once.
#[derive(Debug, Default)]
pub(super) struct Types<'a> {
    known: HashMap<&'a str, TypeId>,
    all: Vec<Type>,
}

impl<'a> Types<'a> {
    pub(super) fn get(&self, id: TypeId) -> &Type {
        &self.all[id as usize]
    }

    /// The type that is next in the text.
    pub(super) fn read(&mut self, cursor: &mut Cursor<'a>) -> Result<TypeId, Wrong> {
        cursor.space();
        let start = cursor.at;
        if cursor.peek() == Some(b'!') {
            cursor.at += 1;
        }
        let word = cursor.word();
        if word.is_empty() {
            return Err(cursor.wrong("a type is missing"));
        }
        let inner = if cursor.peek() == Some(b'<') { Some(cursor.balanced()?) } else { None };
        let text = cursor.text.get(start..cursor.at).unwrap_or_default();
        if let Some(id) = self.known.get(text) {
            return Ok(*id);
        }
        let made = match (word, inner) {
            ("tensor", Some(inner)) => tensor(inner).map_err(|what| Wrong::new(start, what))?,
            // Tokens and the like hold nothing; what makes them is not known.
            _ => Type { kind: "bool", shape: Vec::new(), whole: false },
        };
        let id = TypeId::try_from(self.all.len()).map_err(|_| Wrong::new(start, "too many types"))?;
        self.all.push(made);
        self.known.insert(text, id);
        Ok(id)
    }
}

/// `8x32xf32`, `f32`, `4x?xf32`, `4xf32, #encoding`.
fn tensor(text: &str) -> Result<Type, String> {
    let mut rest = text.trim();
    let mut shape = Vec::new();
    if rest.starts_with('*') {
        return Err(format!(
            "`tensor<{}>` has a number of dimensions that is known only when it runs",
            quoted(text)
        ));
    }
    loop {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (size, after) = rest.split_at(digits);
        if rest.starts_with('?') {
            return Err(format!("`tensor<{}>` has a size that is known only when it runs", quoted(text)));
        }
        let Some(after) = after.strip_prefix('x').filter(|_| digits > 0) else { break };
        shape.push(
            size.parse().map_err(|_| format!("a dimension of `tensor<{}>` is too large", quoted(text)))?,
        );
        rest = after;
    }
    let element = element_of(rest);
    let kind = kind(element).ok_or_else(|| format!("there is no element type `{}`", quoted(element)))?;
    let whole = kind == "bool" || kind.starts_with(['i', 'u']);
    Ok(Type { kind, shape, whole })
}

/// Without an encoding after it.
fn element_of(text: &str) -> &str {
    let mut depth = 0_usize;
    let end = text.bytes().position(|byte| {
        match byte {
            b'<' => depth += 1,
            b'>' => depth = depth.saturating_sub(1),
            _ => {}
        }
        byte == b',' && depth == 0
    });
    text[..end.unwrap_or(text.len())].trim()
}

fn kind(element: &str) -> Option<&'static str> {
    Some(match element {
        "f64" => "f64",
        "f32" | "tf32" => "f32",
        "f16" => "f16",
        "bf16" => "bf16",
        "i64" | "index" | "si64" => "i64",
        "i32" | "si32" => "i32",
        "i16" | "si16" => "i16",
        "i2" | "i4" | "i8" | "si2" | "si4" | "si8" => "i8",
        "ui64" => "u64",
        "ui32" => "u32",
        "ui16" => "u16",
        "ui2" | "ui4" | "ui8" => "u8",
        "i1" => "bool",
        "complex<f32>" => "c64",
        "complex<f64>" => "c128",
        _ if element.starts_with("f8") || element.starts_with("f6") || element.starts_with("f4") => "f8",
        // Kept as the integers that they are stored as: eight bits, nearly always.
        _ if element.starts_with("!quant") => "i8",
        _ => return None,
    })
}
