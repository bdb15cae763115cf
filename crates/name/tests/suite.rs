//! Runs the JSON suite: the same cases that other implementations run.

use std::path::Path;

use serde_json::{Value, json};
use welkin_name::native::aws::Arn;
use welkin_name::native::azure::ResourceId;
use welkin_name::native::gcp::ResourceName;
use welkin_name::native::kubernetes::ObjectId;
use welkin_name::native::spiffe::SpiffeId;
use welkin_name::native::{NativeError, NativeId, from_native, to_native};
use welkin_name::{Name, Selector};

fn tests(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("suite").join(file);
    let text = std::fs::read_to_string(&path).expect("the suite is in the crate");
    let root: Value = serde_json::from_str(&text).expect("the suite is JSON");
    let tests = root["tests"].as_array().expect("a list of tests").clone();
    assert!(tests.len() >= 20, "{file} has lost its tests");
    tests
}

fn text<'a>(test: &'a Value, field: &str) -> &'a str {
    test[field].as_str().unwrap_or_else(|| panic!("{test} has no {field}"))
}

/// Compares all cases of a file and reports every difference at once.
fn run(file: &str, check: impl Fn(&Value) -> Result<(), String>) {
    let failures: Vec<String> = tests(file)
        .iter()
        .filter_map(|test| {
            let failure = check(test).err()?;
            Some(format!("{}: {}\n    {failure}", text(test, "description"), text(test, "input")))
        })
        .collect();
    assert!(failures.is_empty(), "{file}:\n{}", failures.join("\n"));
}

fn same<T: PartialEq + std::fmt::Debug>(got: T, expected: T) -> Result<(), String> {
    if got == expected { Ok(()) } else { Err(format!("got {got:?}, expected {expected:?}")) }
}

fn parts(name: &Name) -> Value {
    let qualifiers: serde_json::Map<_, _> =
        name.qualifiers().map(|(key, value)| (key.to_owned(), json!(value))).collect();
    json!({
        "provider": name.provider(),
        "location": name.location().as_str(),
        "kind": name.kind_path(),
        "offering": name.offering(),
        "version": name.version(),
        "qualifiers": qualifiers,
        "instance": name.instance(),
    })
}

#[test]
fn parse() {
    run("parse.json", |test| {
        let name = Name::parse(text(test, "input")).map_err(|error| error.to_string())?;
        same(name.as_str(), text(test, "input"))?;
        same(&parts(&name), &test["expected_output"])
    });
}

#[test]
fn canonicalise() {
    run("canonicalise.json", |test| {
        let name = Name::parse(text(test, "input")).map_err(|error| error.to_string())?;
        same(name.as_str(), text(test, "expected_output"))
    });
}

#[test]
fn reject() {
    run("reject.json", |test| {
        let error = Name::parse(text(test, "input")).err().ok_or("accepted")?;
        same(error.reason().code(), text(test, "expected_failure_reason"))?;
        same(error.part().to_string().as_str(), text(test, "part"))?;
        same(Some(error.at() as u64), test["at"].as_u64())
    });
}

#[test]
fn selectors() {
    run("selectors.json", |test| {
        let selector = match (Selector::parse(text(test, "input")), test["expected_failure"].as_bool()) {
            (Err(error), Some(true)) => {
                return same(error.reason().code(), text(test, "expected_failure_reason"));
            }
            (Err(error), _) => return Err(error.to_string()),
            (Ok(_), Some(true)) => return Err("accepted".to_owned()),
            (Ok(selector), _) => selector,
        };
        same(selector.as_str(), text(test, "expected_output"))?;
        same(Selector::parse(selector.as_str()), Ok(selector.clone()))?;
        for (field, expected) in [("selects", true), ("skips", false)] {
            for name in test[field].as_array().unwrap() {
                let name = Name::parse(name.as_str().unwrap()).unwrap();
                same((selector.matches(&name), name.as_str()), (expected, name.as_str()))?;
            }
        }
        Ok(())
    });
}

#[test]
fn native() {
    run("native.json", |test| {
        let input = text(test, "input");
        let from = text(test, "test_type") == "from_native";
        let result = if from {
            from_native(input).map(String::from)
        } else {
            to_native(&Name::parse(input).map_err(|error| error.to_string())?)
        };
        match (result, test["expected_failure"].as_bool()) {
            (Err(error), Some(true)) => same(error.code(), text(test, "expected_failure_reason")),
            (Err(error), _) => Err(error.to_string()),
            (Ok(output), Some(true)) => Err(format!("accepted as {output}")),
            (Ok(output), _) => {
                same(output.as_str(), text(test, "expected_output"))?;
                if !from {
                    return Ok(());
                }
                let name = Name::parse(&output).map_err(|error| error.to_string())?;
                let id = print(text(test, "system"), input, &name).map_err(|error| error.to_string())?;
                same(id, [text(test, "canonical_id").to_owned(), text(test, "canonical_id").to_owned()])
            }
        }
    });
}

/// The id in canonical form: read and printed, and made of the name.
fn print(system: &str, id: &str, name: &Name) -> Result<[String; 2], NativeError> {
    fn both<T: NativeId>(id: &str, name: &Name) -> Result<[String; 2], NativeError> {
        Ok([id.parse::<T>()?.to_string(), T::of(name)?.to_string()])
    }
    match system {
        "aws" => both::<Arn>(id, name),
        "gcp" => both::<ResourceName>(id, name),
        "azure" => both::<ResourceId>(id, name),
        "kubernetes" => both::<ObjectId>(id, name),
        "spiffe" => {
            let read: SpiffeId = id.parse()?;
            Ok([read.to_string(), SpiffeId::issue(&read.trust_domain, name)?.to_string()])
        }
        other => panic!("no system {other}"),
    }
}
