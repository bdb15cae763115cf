//! Bounds that hold, and that leave room for what people write.

use super::super::expression::value;
use super::*;
use cel::objects::Key;
use cel::{Context, Program, Value};
use welkin_catalog::{AlignedBytes, Catalog, starter};

fn bound(text: &str) -> Option<u64> {
    steps(Program::compile(text).unwrap().expression())
}

#[test]
fn what_people_write_is_far_below_the_bound() {
    for text in [
        "[offer.region].exists(offer, offer.size() > 3)",
        "offer.memory_gib / offer.vcpus >= 8.0 && offer.provider != \"gcp\"",
        "offer.hw.accel.exists(a, a.name.startsWith('A100') && a.count >= 8.0)",
        "['us-east-1', 'us-west-2', 'eu-west-1'].exists(r, offer.region == r) || 'sev-snp' in offer.tee",
        "offer.on_demand != null ? offer.on_demand * 1.5 : 100.0",
        "offer.tee.all(t, offer.hw.accel.exists(a, a.name != t))",
    ] {
        let steps = bound(text).unwrap();
        assert!(steps <= EVALUATION / 2, "{text}: {steps}");
    }
}

#[test]
fn nested_walks_and_growing_values_pass_it() {
    let ten = "[0,1,2,3,4,5,6,7,8,9]";
    let nested = format!("{ten}.all(a, {ten}.all(b, {ten}.all(c, {ten}.all(d, a + b + c + d >= 0))))");
    assert!(bound(&nested).unwrap() > 10_000);
    let doubled = format!("[\"x\"]{}.size() > 0", ".map(x, x + x)".repeat(24));
    assert!(bound(&doubled).unwrap() > 1 << 20);
    let listed = format!("[[1]]{}.size() > 0", ".map(x, x + x)".repeat(24));
    assert!(bound(&listed).unwrap() > 1 << 20);
    let copied = format!("{ten}.map(a, {ten}).map(b, b.map(c, {ten})).all(d, d.all(e, e.all(f, f == 1)))");
    assert!(bound(&copied).unwrap() > 1_000);
    // Nothing wraps around.
    let deep = (0..12).fold("true".to_owned(), |inner, at| format!("offer.tee.all(v{at}, {inner})"));
    assert_eq!(bound(&deep.replace("offer.tee", &format!("[{}]", "1,".repeat(300) + "1"))), Some(u64::MAX));
}

#[test]
fn parts_that_nest_too_deep_have_no_bound() {
    assert_eq!(bound(&format!("offer{} == 1", "[0]".repeat(MAX_DEPTH))), None);
    assert!(bound(&format!("offer{} == 1", "[0]".repeat(MAX_DEPTH / 2))).is_some());
}

/// As [`Extent`] counts it.
fn extent(value: &Value) -> Extent {
    let entries = |parts: Vec<Extent>| Extent {
        length: parts.iter().map(|part| part.length).max().unwrap_or(0).max(parts.len() as u64),
        weight: parts.iter().map(|part| part.weight).sum::<u64>() + 1,
    };
    match value {
        Value::List(list) => entries(list.iter().map(extent).collect()),
        Value::Map(map) => entries(map.map.values().map(extent).collect()),
        Value::String(text) => Extent { length: 0, weight: text.len() as u64 + 1 },
        _ => Extent::SCALAR,
    }
}

#[test]
fn offers_are_no_larger_than_is_reckoned_with() {
    let bytes = AlignedBytes::copy_from(&starter::catalog_bytes());
    let catalog = Catalog::open(bytes.as_bytes()).unwrap();
    for offer in catalog.offers() {
        let real = value(&offer);
        let Value::Map(fields) = &real else { panic!("an offer is a map") };
        let within = |real: Extent, most: Extent| real.length <= most.length && real.weight <= most.weight;
        assert!(within(extent(&real), OFFER), "{real:?}");
        for (name, value) in fields.map.iter() {
            let Key::String(name) = name else { panic!("fields have names") };
            assert!(within(extent(value), field(name)), "{name}: {value:?}");
        }
    }
}

/// A value made by an expression is no larger than its bound says: the walk's arithmetic against the interpreter's.
#[test]
fn made_values_are_within_their_bounds() {
    for text in [
        "[1, 2, 3].map(x, [x, x, [x]])",
        "['ab', 'c'].map(x, x + x + 'def').map(x, {'k': x, 'l': [x]})",
        "[[1, 2], [3]].filter(x, x.size() > 1) + [['a', 'b', 'c']]",
        "{'a': [1, 2, 3], 'b': 'text'}.map(k, k + k)",
        "true ? [string(1.5e300)] : []",
    ] {
        let program = Program::compile(text).unwrap();
        let mut walk = Walk { steps: 0, depth: 0, names: Vec::new() };
        let (bound, real) = (
            walk.part(program.expression()).unwrap(),
            extent(&program.execute(&Context::default()).unwrap()),
        );
        assert!(real.length <= bound.length && real.weight <= bound.weight, "{text}: {real:?} {bound:?}");
    }
}

#[test]
fn a_plan_pays_for_all_evaluations() {
    let effort = Effort::default();
    effort.charge(PLAN - 1).unwrap();
    effort.charge(1).unwrap();
    assert_eq!(effort.charge(1), Err(ExpressionError::PlanEffort { most: PLAN }));
}
