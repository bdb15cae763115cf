//! Text that is no StableHLO, or should not be: each is refused with its line, and none panics, hangs or fills the memory.

use welkin_parallel::{Cluster, Effort, Model, plan};

const FORMS: &str = include_str!("data/forms.mlir");
const STEP: &str = include_str!("data/step.mlir");

fn said(text: &str) -> String {
    let error = Model::read_stablehlo(text.as_bytes(), None).expect_err("it is refused");
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{cause}")
}

/// A module around a body of `main`.
fn main_of(body: &str) -> String {
    format!(
        "module @m {{\n  func.func public @main(%arg0: tensor<8xf32>) -> tensor<8xf32> {{\n{body}\n  }}\n}}\n"
    )
}

#[test]
fn what_cannot_be_is_refused_by_its_line() {
    let first = "stablehlo.tanh %0 : tensor<32x256xf32>";
    let cases = [
        (
            "tensor<32x256xf32>",
            "tensor<?x256xf32>",
            "line 3: `tensor<?x256xf32>` has a size that is known only when it runs",
        ),
        ("tensor<32x256xf32>", "tensor<*xf32>", "line 3: `tensor<*xf32>` has a number of dimensions"),
        ("tensor<32x256xf32>", "tensor<32x256xq7>", "line 3: there is no element type `q7`"),
        ("tensor<32x256xf32>", "tensor<99999999999999999999xf32>", "line 3: a dimension of"),
        ("tensor<32x256xf32>", "tensor<4294967296x4294967296xf32>", "is larger than 4 petabytes"),
        (first, "stablehlo.tanh %99 : tensor<32x256xf32>", "line 4: nothing makes `%99` before it is read"),
        (first, "stablehlo.tanh %0#1 : tensor<32x256xf32>", "line 4: nothing makes `%0`"),
        (
            first,
            "call @main(%0) : (tensor<32x256xf32>) -> tensor<32x256xf32>",
            "line 4: a function of 4 arguments is called with 1",
        ),
        ("return %30, %33, %13", "return %30, %33", "2 results are returned, and there are 3"),
        ("%1 = stablehlo.tanh %0", "%1:3 = stablehlo.tanh %0", "line 4: `tanh` makes 1 values and not 3"),
        ("func.func public @main", "func.func public main", "line 2: `@` is missing"),
        ("module @jit_step", "mo dule @jit_step", "line 1: nothing that StableHLO text has"),
    ];
    for (from, to, expected) in cases {
        assert!(STEP.contains(from), "{from}");
        let said = said(&STEP.replacen(from, to, 1));
        assert!(said.contains(expected), "{to}: {said}");
    }
    assert!(said("").contains("no function"));
    assert!(said("hello, world").contains("line 1: nothing that StableHLO text has"));
    let refused = Model::read_stablehlo(b"ML\xefR\x0bStableHLO", None).unwrap_err().to_string();
    assert!(refused.contains("is MLIR bytecode"), "{refused}");
    let refused = Model::read_stablehlo(b"module {\xff}", None).unwrap_err().to_string();
    assert!(refused.contains("from byte 8 on"), "{refused}");
}

#[test]
fn a_file_that_is_cut_short_is_refused_wherever_it_was_cut() {
    let text = STEP.trim_end();
    for at in (0..text.len()).step_by(23) {
        assert!(Model::read_stablehlo(&text.as_bytes()[..at], None).is_err(), "cut at {at}");
    }
}

#[test]
fn a_byte_that_was_flipped_never_panics() {
    let cluster = Cluster::parse("2xT4").unwrap();
    let mut accepted = 0;
    let modules = FORMS.split("// -----").filter_map(|form| Some(form.split_once('\n')?.1)).chain([STEP]);
    for text in modules.filter(|text| !text.is_empty()) {
        for at in (0..text.len()).step_by(53) {
            let mut damaged = text.as_bytes().to_vec();
            damaged[at] ^= 1 << (at % 7);
            if let Ok((model, _)) = Model::read_stablehlo(&damaged, None) {
                accepted += 1;
                if accepted % 40 == 0 {
                    drop(plan(&model, &cluster, Effort::default(), &mut |_| ()));
                }
            }
        }
    }
    assert!(accepted > 100, "names and attributes can change to other ones");
}

#[test]
fn depths_do_not_come_from_the_file() {
    let deep = main_of(&format!(
        "{}{}",
        "\"stablehlo.case\"(%arg0) ({\n".repeat(100_000),
        "}) : (tensor<8xf32>) -> ()\n".repeat(100_000)
    ));
    assert!(said(&deep).contains("more than 64 regions in one another"), "{}", said(&deep));
    let brackets = main_of(&format!(
        "%0 = stablehlo.constant dense<{}0{}> : tensor<8xf32>\nreturn %0 : tensor<8xf32>",
        "[".repeat(1_000_000),
        "]".repeat(1_000_000)
    ));
    assert!(Model::read_stablehlo(brackets.as_bytes(), None).is_ok());
    let itself =
        main_of("%0 = call @main(%arg0) : (tensor<8xf32>) -> tensor<8xf32>\nreturn %0 : tensor<8xf32>");
    assert!(said(&itself).contains("more than 64 deep, or have no end"), "{}", said(&itself));
}

#[test]
fn programs_that_grow_when_calls_are_inlined_end() {
    // Each calls the next twice: 2^40 additions.
    let mut text = String::from("module @m {\n");
    for level in 0..40 {
        let name = if level == 0 { "public @main".to_owned() } else { format!("private @f{level}") };
        let next = level + 1;
        text += &format!(
            "func.func {name}(%arg0: tensor<8xf32>) -> tensor<8xf32> {{\n%0 = call @f{next}(%arg0) : (tensor<8xf32>) -> tensor<8xf32>\n%1 = call @f{next}(%0) : (tensor<8xf32>) -> tensor<8xf32>\nreturn %1 : tensor<8xf32>\n}}\n"
        );
    }
    let last = |body: &str| {
        format!("{text}func.func private @f40(%arg0: tensor<8xf32>) -> tensor<8xf32> {{\n{body}\n}}\n}}\n")
    };
    let adds = last("%0 = stablehlo.add %arg0, %arg0 : tensor<8xf32>\nreturn %0 : tensor<8xf32>");
    assert!(said(&adds).contains("more than 400000 operations"), "{}", said(&adds));
    // And without any operation at all.
    let nothing = last("return %arg0 : tensor<8xf32>");
    assert!(said(&nothing).contains("more than 400000 operations"), "{}", said(&nothing));
}

#[test]
fn loops_without_end_are_one_operation() {
    let forever = main_of(
        "%c = stablehlo.constant dense<true> : tensor<i1>\n%0 = stablehlo.while(%x = %arg0) : tensor<8xf32>\ncond {\nstablehlo.return %c : tensor<i1>\n} do {\n%1 = stablehlo.add %x, %x : tensor<8xf32>\nstablehlo.return %1 : tensor<8xf32>\n}\nreturn %0 : tensor<8xf32>",
    );
    let model = Model::read_stablehlo(forever.as_bytes(), None).unwrap().0;
    assert_eq!(
        model.ops.iter().map(|op| (op.name.as_str(), op.known)).collect::<Vec<_>>(),
        [("while", false)]
    );
    assert!(model.values.len() < 10, "what was unrolled is forgotten: {}", model.values.len());
}

#[test]
fn a_long_constant_is_passed_over() {
    // A hundred megabytes, which no other test has at the same time.
    let long = main_of(&format!(
        "%0 = stablehlo.constant dense<\"0x{}\"> : tensor<12500000xf32>\n%1 = stablehlo.slice %0 [0:8] : (tensor<12500000xf32>) -> tensor<8xf32>\nreturn %1 : tensor<8xf32>",
        "0123".repeat(25_000_000)
    ));
    let model = Model::read_stablehlo(long.as_bytes(), None).unwrap().0;
    assert_eq!(model.ops.len(), 1);
}

#[test]
fn more_statements_than_any_model_has_are_refused() {
    let many = main_of(&"%0 = stablehlo.abs %arg0 : tensor<8xf32>\n".repeat(500_001));
    assert!(said(&many).contains("more than 500000 operations"), "{}", said(&many));
}
