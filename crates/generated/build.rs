//! Makes the client: `docs/openapi.json`, said in the words of OpenAPI 3.0, goes through progenitor.
//!
//! Progenitor reads OpenAPI 3.0 alone, and takes no answer for typed but `application/json`. What differs is said here in the
//! words it knows; nothing is added and nothing left out that the client could be wrong about:
//!
//! 1. `type: [X, null]` and `oneOf: [X, {type: null}]` are `nullable`, and of a parameter, which is there or is not, X.
//! 2. `propertyNames` of maps, which are strings all the same, goes, and so does the `pattern` of strings, which the broker goes by.
//! 3. Lists whose items are each of a kind of their own (`prefixItems`) are lists of so many of anything.
//! 4. `application/problem+json` is JSON. That answers do say so is the test's to see.
//! 5. A body of bytes, which has no schema, is a string of format `binary`.

use serde_json::{Map, Value, json};
use std::path::Path;
use std::{env, fs};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let document = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../docs/openapi.json");
    println!("cargo::rerun-if-changed={}", document.display());
    println!("cargo::rerun-if-changed=build.rs");
    let mut document: Value = serde_json::from_slice(&fs::read(document)?)?;
    document["openapi"] = json!("3.0.3");
    lower(&mut document);
    let document = serde_json::from_value(document)?;
    let tokens = progenitor_impl::Generator::default().generate_tokens(&document)?;
    let text = prettyplease::unparse(&syn::parse2(tokens)?);
    fs::write(Path::new(&env::var("OUT_DIR")?).join("client.rs"), text)?;
    Ok(())
}

/// Says a part of the document, and all that is in it, in the words of OpenAPI 3.0.
fn lower(part: &mut Value) {
    match part {
        Value::Array(items) => items.iter_mut().for_each(lower),
        Value::Object(entries) => {
            entries.values_mut().for_each(lower);
            entries.remove("propertyNames");
            entries.remove("pattern");
            if entries.remove("prefixItems").is_some() {
                entries.insert("items".to_owned(), json!({}));
            }
            nullable_type(entries);
            nullable_choice(entries);
            if entries.contains_key("in")
                && let Some(Value::Object(schema)) = entries.get_mut("schema")
            {
                schema.remove("nullable");
            }
            if let Some(bytes) = entries.get_mut("application/octet-stream") {
                *bytes = json!({ "schema": { "type": "string", "format": "binary" } });
            }
            if let Some(problem) = entries.remove("application/problem+json") {
                entries.insert("application/json".to_owned(), problem);
            }
        }
        _ => {}
    }
}

/// `type: [X, null]`.
fn nullable_type(schema: &mut Map<String, Value>) {
    let Some(Value::Array(types)) = schema.get("type") else { return };
    let of: Vec<&Value> = types.iter().filter(|each| *each != "null").collect();
    if let [only] = of[..] {
        let only = only.clone();
        schema.insert("type".to_owned(), only);
        schema.insert("nullable".to_owned(), json!(true));
    }
}

/// `oneOf: [X, {type: null}]`.
fn nullable_choice(schema: &mut Map<String, Value>) {
    let Some(Value::Array(choices)) = schema.get("oneOf") else { return };
    let null = json!({ "type": "null" });
    if let [only, other] = &choices[..]
        && *other == null
    {
        let only = only.clone();
        schema.remove("oneOf");
        schema.insert("allOf".to_owned(), json!([only]));
        schema.insert("nullable".to_owned(), json!(true));
    }
}
