//! Names and selectors in JSON.

use welkin_name::{Name, Selector};

#[test]
fn a_name_is_a_string() {
    let name: Name = serde_json::from_str(r#""sky:AWS/-/object/s3""#).unwrap();
    assert_eq!(serde_json::to_string(&name).unwrap(), r#""sky:aws/-/object/s3""#);
}

#[test]
fn a_selector_is_a_string_in_either_form() {
    let selector: Selector = serde_json::from_str(r#""aws/us-east-1""#).unwrap();
    assert_eq!(serde_json::to_string(&selector).unwrap(), r#""sky:aws/us-east-1""#);
}

#[test]
fn a_malformed_name_says_where() {
    let error = serde_json::from_str::<Name>(r#""sky:aws/-/objct/s3""#).unwrap_err().to_string();
    assert!(error.contains("kind, byte 10") && error.contains("did you mean `object`"), "{error}");
}
