//! Whether a value fits a schema, for as much of JSON Schema as ours uses.

use serde_json::{Map, Value};

/// Why it does not, with the path to the place.
pub(super) fn fits(value: &Value, schema: &Value, root: &Value, path: &str) -> Result<(), String> {
    let Value::Object(schema) = schema else {
        return if schema == &Value::Bool(false) { Err(format!("{path} must not be there")) } else { Ok(()) };
    };
    for (word, argument) in schema {
        let fit = match (word.as_str(), argument) {
            ("$ref", Value::String(to)) => {
                fits(value, root.pointer(to.trim_start_matches('#')).unwrap(), root, path)
            }
            ("type", Value::String(kind)) => of_kind(value, &[kind.as_str()], path),
            ("type", Value::Array(kinds)) => {
                of_kind(value, &kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>(), path)
            }
            ("enum", Value::Array(words)) => {
                if words.contains(value) {
                    Ok(())
                } else {
                    Err(format!("{path} is none of {words:?}"))
                }
            }
            ("minimum", least) => within(value.as_f64() >= least.as_f64() || !value.is_number(), path),
            ("maximum", most) => within(value.as_f64() <= most.as_f64() || !value.is_number(), path),
            ("anyOf", Value::Array(options)) => any(value, options, root, path),
            ("required", Value::Array(keys)) => required(value, keys, path),
            ("properties", Value::Object(known)) => properties(value, known, schema, root, path),
            ("additionalProperties", more) if !schema.contains_key("properties") => {
                each(value.as_object().into_iter().flatten(), more, root, path)
            }
            ("items", of) => {
                let items = value.as_array().into_iter().flatten();
                items.into_iter().try_for_each(|item| fits(item, of, root, &format!("{path}[]")))
            }
            ("if", condition) => {
                let word = if fits(value, condition, root, path).is_ok() { "then" } else { "else" };
                fits(value, &schema[word], root, path)
            }
            ("then" | "else" | "$defs" | "$schema" | "title" | "description", _) => Ok(()),
            ("additionalProperties", _) => Ok(()),
            _ => panic!("{word} is not known here"),
        };
        fit?;
    }
    Ok(())
}

fn within(is: bool, path: &str) -> Result<(), String> {
    if is { Ok(()) } else { Err(format!("{path} is out of range")) }
}

fn of_kind(value: &Value, kinds: &[&str], path: &str) -> Result<(), String> {
    let is = |kind: &&str| match *kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other}"),
    };
    if kinds.iter().any(is) { Ok(()) } else { Err(format!("{path} is not {kinds:?} but {value}")) }
}

fn any(value: &Value, options: &[Value], root: &Value, path: &str) -> Result<(), String> {
    let mut why = Vec::new();
    for option in options {
        match fits(value, option, root, path) {
            Ok(()) => return Ok(()),
            Err(error) => why.push(error),
        }
    }
    Err(why.join("; "))
}

fn required(value: &Value, keys: &[Value], path: &str) -> Result<(), String> {
    let Some(map) = value.as_object() else { return Ok(()) };
    let missing = keys.iter().filter_map(Value::as_str).find(|key| !map.contains_key(*key));
    missing.map_or(Ok(()), |key| Err(format!("{path} needs {key}")))
}

fn properties(
    value: &Value,
    known: &Map<String, Value>,
    schema: &Map<String, Value>,
    root: &Value,
    path: &str,
) -> Result<(), String> {
    let (named, more): (Vec<_>, Vec<_>) =
        value.as_object().into_iter().flatten().partition(|(key, _)| known.contains_key(*key));
    for (key, value) in named {
        fits(value, &known[key], root, &format!("{path}.{key}"))?;
    }
    match schema.get("additionalProperties") {
        Some(rest) => each(more.into_iter(), rest, root, path),
        None => Ok(()),
    }
}

fn each<'a>(
    mut entries: impl Iterator<Item = (&'a String, &'a Value)>,
    schema: &Value,
    root: &Value,
    path: &str,
) -> Result<(), String> {
    entries.try_for_each(|(key, value)| fits(value, schema, root, &format!("{path}.{key}")))
}
