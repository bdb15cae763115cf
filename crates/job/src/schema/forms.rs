//! Forms that values are written in. Null is absence everywhere, so every form allows it.

use serde_json::{Value, json};

pub(super) fn text() -> Value {
    json!({"type": ["string", "null"]})
}

/// Text that YAML may take for a number: names, sizes, times, money.
pub(super) fn word() -> Value {
    json!({"type": ["string", "number", "null"]})
}

pub(super) fn yes_or_no() -> Value {
    json!({"type": ["boolean", "null"]})
}

pub(super) fn number(least: f64) -> Value {
    json!({"type": ["number", "null"], "minimum": least})
}

pub(super) fn integer(least: i64, most: Option<i64>) -> Value {
    match most {
        Some(most) => json!({"type": ["integer", "null"], "minimum": least, "maximum": most}),
        None => json!({"type": ["integer", "null"], "minimum": least}),
    }
}

/// The words in the case in which they are documented; the reader takes any.
pub(super) fn choice(words: &[&str]) -> Value {
    any([json!({"enum": words}), text()])
}

pub(super) fn list(of: Value) -> Value {
    json!({"type": ["array", "null"], "items": of})
}

/// One, or a list of them.
pub(super) fn one_or_many(of: Value) -> Value {
    any([of.clone(), list(of)])
}

/// A mapping with free keys.
pub(super) fn each(of: Value) -> Value {
    json!({"type": ["object", "null"], "additionalProperties": of})
}

pub(super) fn anything() -> Value {
    json!({})
}

pub(super) fn any<const N: usize>(forms: [Value; N]) -> Value {
    json!({"anyOf": forms.to_vec()})
}

/// One of the definitions, or nothing.
pub(super) fn named(name: &str) -> Value {
    any([json!({"$ref": format!("#/$defs/{name}")}), json!({"type": "null"})])
}

/// A mapping with known keys.
pub(super) fn fields<const N: usize>(keys: [(&str, Value); N]) -> Value {
    closed(keys.map(|(key, form)| (key, form, "")))
}

/// The same, with a word on each key.
pub(super) fn closed<'a>(keys: impl IntoIterator<Item = (&'a str, Value, &'a str)>) -> Value {
    let described = |(key, mut form, words): (&str, Value, &str)| {
        if !words.is_empty() {
            form["description"] = json!(words);
        }
        (key.to_owned(), form)
    };
    let known: serde_json::Map<_, _> = keys.into_iter().map(described).collect();
    json!({"type": ["object", "null"], "properties": known, "additionalProperties": false})
}

/// The same, for exactly these keys: the reader's list and the forms must not part.
pub(super) fn exactly<'a>(known: &[&str], forms: Vec<(&'a str, Value, &'a str)>) -> Value {
    for key in known {
        assert!(forms.iter().any(|(form, ..)| form == key), "{key} has no form in the schema");
    }
    for (form, ..) in &forms {
        assert!(known.contains(form), "{form} is not a key of the reader");
    }
    closed(forms)
}
