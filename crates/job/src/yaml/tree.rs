//! The tree: values with their places.

/// Where something stands in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    /// First line, from 1.
    pub(crate) line: u32,
    /// Column in characters, from 1.
    pub(crate) column: u32,
    /// Characters on the first line; `u32::MAX` for "to its end".
    pub(crate) length: u32,
    /// Last line.
    pub(crate) last_line: u32,
}

impl Place {
    /// The start of the file.
    pub(crate) const START: Self = Self { line: 1, column: 1, length: 1, last_line: 1 };

    /// One character at a line and column.
    pub(crate) const fn point(line: u32, column: u32) -> Self {
        Self { line, column, length: 1, last_line: line }
    }
}

/// A value and its place.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
    /// Whether it is a number that is not written in base ten (`1:30`, `010`, `0x1F`), which people read
    /// in another way than YAML does.
    pub(crate) odd_base: bool,
}

/// A resolved YAML value.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i128),
    /// The number and its digits as written, for exact decimals.
    Float(f64, String),
    Str(String),
    /// A date or time as written; it has no meaning in a job file but is not text either.
    Timestamp(String),
    List(Vec<Node>),
    Map(Map),
}

/// A mapping in the order of the file, keys unique.
#[derive(Debug, Clone, Default)]
pub(crate) struct Map {
    pub(crate) entries: Vec<Entry>,
}

/// One key of a mapping with its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// The key as text; what Python's `str` makes of it when it is not a string.
    pub(crate) key: String,
    pub(crate) key_place: Place,
    pub(crate) value: Node,
}

impl Map {
    /// The entry of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}

impl Node {
    /// The mapping, if it is one.
    pub(crate) fn as_map(&self) -> Option<&Map> {
        match &self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The text, if it is a string.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it is null.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// What kind of value it is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Int(_) => "an integer",
            Value::Float(..) => "a number",
            Value::Str(_) => "text",
            Value::Timestamp(_) => "a date",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}
