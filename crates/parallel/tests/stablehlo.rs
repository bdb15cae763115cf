//! StableHLO as JAX prints it. `data/forms.mlir` and `data/step.mlir` are JAX's own text, of functions that each name says.

use std::collections::BTreeMap;
use welkin_parallel::{Cluster, Effort, Model, Reduce, Role, StateFrom, plan};

const FORMS: &str = include_str!("data/forms.mlir");
const STEP: &str = include_str!("data/step.mlir");

/// The module with this name, read.
fn form(name: &str) -> Model {
    let head = format!("// ----- {name}\n");
    let text = FORMS.split_once(&head).unwrap_or_else(|| panic!("{name}")).1;
    read(text.split_once("// -----").map_or(text, |(form, _)| form))
}

fn read(text: &str) -> Model {
    Model::read_stablehlo(text.as_bytes(), None).expect("it is JAX's own").0
}

/// How many operations have this name, and of those how many are known.
fn count(model: &Model, name: &str) -> (usize, usize) {
    let ops = model.ops.iter().filter(|op| op.name == name);
    (ops.clone().count(), ops.filter(|op| op.known).count())
}

/// Names of what is not known.
fn unknown(model: &Model) -> BTreeMap<&str, usize> {
    let mut names = BTreeMap::new();
    model.ops.iter().filter(|op| !op.known).for_each(|op| *names.entry(op.name.as_str()).or_default() += 1);
    names
}

#[test]
fn a_step_is_planned_with_what_it_hands_on_as_state() {
    let (model, from) = Model::read_stablehlo(STEP.as_bytes(), None).unwrap();
    assert_eq!(from, StateFrom::Donated(2));
    let roles: Vec<Role> = model.inputs.iter().map(|input| input.role).collect();
    assert_eq!(roles[..4], [Role::State, Role::State, Role::Data, Role::Data]);
    assert_eq!(model.outputs.iter().map(|out| out.becomes).collect::<Vec<_>>(), [Some(0), Some(1), None]);
    assert_eq!(model.outputs[1].name, "result[0][1]");
    assert_eq!(count(&model, "dot_general"), (5, 5));
    // Twice the products of the three sizes of each.
    let flops: f64 = model.ops.iter().map(|op| op.flops).sum();
    assert_eq!(flops, 5.0 * 2.0 * 32.0 * 64.0 * 256.0);
    let made = plan(&model, &Cluster::parse("4xA100").unwrap(), Effort::default(), &mut |_| ()).unwrap();
    assert!(made.replicated.is_empty(), "{:?}", made.replicated);
}

#[test]
fn what_is_state_is_donated_or_said_or_follows_from_types() {
    let plain =
        STEP.replace(" {tf.aliasing_output = 0 : i32}", "").replace(" {tf.aliasing_output = 1 : i32}", "");
    let of = |text: &str, state| {
        Model::read_stablehlo(text.as_bytes(), state).map(|(model, from)| {
            (model.inputs.iter().filter(|input| input.role == Role::State).count(), from)
        })
    };
    assert_eq!(of(&plain, None).unwrap(), (2, StateFrom::Types(2)));
    assert_eq!(of(STEP, Some(1)).unwrap(), (1, StateFrom::Said(1)));
    assert_eq!(of(&plain, Some(0)).unwrap(), (0, StateFrom::Said(0)));
    let refused = of(&plain, Some(3)).unwrap_err().to_string();
    assert!(refused.contains("argument 2 is of another type than result 2"), "{refused}");
    // Memory that may go to any result: each of the two types has one.
    let given = STEP.replace("tf.aliasing_output = 0 : i32", "jax.buffer_donor = true");
    let given = given.replace("tf.aliasing_output = 1 : i32", "jax.buffer_donor = true");
    assert_eq!(of(&given, None).unwrap(), (2, StateFrom::Donated(2)));
}

#[test]
fn arguments_have_the_names_that_the_program_gives_them() {
    let named = STEP
        .replace(
            "%arg0: tensor<64x256xf32> {tf.aliasing_output = 0 : i32}",
            "%arg0: tensor<64x256xf32> {tf.aliasing_output = 0 : i32} loc(#loc7)",
        )
        .replace("%arg2: tensor<32x64xf32>,", "%arg2: tensor<32x64xf32> loc(\"batch[0]\"(#loc)),");
    let model = read(&format!(
        "#loc = loc(unknown)\n#loc7 = loc(\"params['up']\")\n{named}#loc8 = loc(\"step.py\":3:1)\n"
    ));
    let names: Vec<&str> = model.inputs.iter().map(|input| input.name.as_str()).take(3).collect();
    assert_eq!(names, ["params['up']", "arg1", "batch[0]"]);
}

#[test]
fn loops_whose_length_is_written_down_are_unrolled() {
    let model = form("scan");
    assert_eq!(count(&model, "dot_general"), (4, 4));
    assert!(unknown(&model).is_empty(), "{:?}", unknown(&model));
    assert_eq!(count(&form("fori"), "sine"), (3, 3));
    assert!(unknown(&form("erf")).keys().all(|name| name.contains("lapack")), "{:?}", unknown(&form("erf")));
}

#[test]
fn what_nobody_knows_is_named_with_what_it_reads() {
    let model = form("cond");
    assert_eq!(unknown(&model), BTreeMap::from([("case", 2), ("while", 1)]));
    // Branches read the array from around them.
    let case = model.ops.iter().find(|op| op.name == "case").unwrap();
    assert!(case.ins.iter().any(|operand| operand.value == model.inputs[0].value), "{case:?}");
    let named = unknown(&form("erf")).into_keys().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(named, ["custom_call @lapack_spotrf_ffi"]);
    assert_eq!(unknown(&form("scatterset")), BTreeMap::from([("scatter", 1)]));
}

#[test]
fn dimensions_that_an_operation_does_not_mix_have_loops() {
    let model = form("argmax");
    assert!(unknown(&model).is_empty(), "{:?}", unknown(&model));
    let splits = |model: &Model, name: &str| -> Vec<bool> {
        let op = model.ops.iter().find(|op| op.name == name).unwrap_or_else(|| panic!("{name}"));
        op.ins[0].dims.iter().map(Option::is_some).collect()
    };
    assert_eq!(splits(&model, "reduce"), [true, false]);
    assert_eq!(splits(&model, "sort"), [false, true]);
    assert_eq!(splits(&model, "top_k"), [true, false]);
    assert_eq!(splits(&model, "reduce_window"), [true, false]);
    let model = form("misc");
    assert!(unknown(&model).is_empty(), "{:?}", unknown(&model));
    for name in ["dynamic_slice", "slice", "reverse", "pad", "dynamic_update_slice"] {
        assert_eq!(splits(&model, name), [false, true], "{name}");
    }
    assert_eq!(splits(&model, "concatenate"), [true, false]);
    assert_eq!(splits(&form("pool"), "select_and_scatter"), [true, false, false, true]);
    let conv = form("conv");
    let op = conv.ops.iter().find(|op| op.name == "convolution").unwrap();
    assert_eq!(op.flops, 2.0 * 8.0 * 16.0 * 16.0 * 8.0 * 9.0 * 4.0);
    assert_eq!(op.ins[1].dims.iter().map(Option::is_some).collect::<Vec<_>>(), [false, false, true, true]);
}

#[test]
fn rows_that_are_looked_up_and_added_to_can_lie_on_any_device() {
    let model = form("scatter");
    let scatter = model.ops.iter().find(|op| op.name == "scatter").unwrap();
    assert_eq!((scatter.known, scatter.reduce), (true, Reduce::Sum));
    assert!(scatter.outs[0].dims.iter().all(Option::is_some), "{scatter:?}");
    let gather = model.ops.iter().find(|op| op.name == "gather").unwrap();
    assert!(gather.ins[0].dims.iter().all(Option::is_some), "{gather:?}");
    let batched = form("batched");
    let gather = batched.ops.iter().find(|op| op.name == "gather").unwrap();
    assert!(gather.known && gather.ins[0].dims.iter().all(Option::is_some), "{gather:?}");
}

#[test]
fn the_form_that_all_operations_have_says_the_same() {
    let pretty = read(STEP);
    let generic = STEP
        .replace("stablehlo.dot_general %arg2, %arg0, contracting_dims = [1] x [0], precision = [DEFAULT, DEFAULT] :",
            "\"stablehlo.dot_general\"(%arg2, %arg0) <{dot_dimension_numbers = #stablehlo.dot<lhs_contracting_dimensions = [1], rhs_contracting_dimensions = [0]>}> :")
        .replace("stablehlo.transpose %20, dims = [1, 0] :", "\"stablehlo.transpose\"(%20) <{permutation = array<i64: 1, 0>}> :")
        .replace("stablehlo.constant dense<0.000000e+00> : tensor<f32>", "\"stablehlo.constant\"() <{value = dense<0.000000e+00> : tensor<f32>}> : () -> tensor<f32>")
        .replace("stablehlo.reduce(%9 init: %cst_2) applies stablehlo.add across dimensions = [0, 1] :",
            "\"stablehlo.reduce\"(%9, %cst_2) <{dimensions = array<i64: 0, 1>}> ({\n^bb0(%a: tensor<f32>, %b: tensor<f32>):\n%s = stablehlo.add %a, %b : tensor<f32>\nstablehlo.return %s : tensor<f32>\n}) :");
    assert_ne!(generic, STEP);
    assert_eq!(read(&generic).digest, pretty.digest);
}
