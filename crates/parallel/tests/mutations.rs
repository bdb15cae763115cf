//! The fuzz targets' properties on mutations of sound examples, on any toolchain.
#![expect(clippy::expect_used, reason = "a property that does not hold says so")]

#[path = "../fuzz/properties.rs"]
mod properties;

use proptest::prelude::*;
use welkin_mutate::{mutations, seed};
use welkin_parallel::Calibration;

const STEP: &[u8] = include_bytes!("data/step.mlir");
const FORMS: &str = include_str!("data/forms.mlir");
const MODEL: &[u8] = include_bytes!("data/mlp.json");
const MEASUREMENTS: &[u8] = include_bytes!("data/measurements.json");

/// Texts of one form each.
fn forms() -> impl Iterator<Item = &'static str> {
    FORMS.split("// -----").filter_map(|form| form.split_once('\n').map(|(_, text)| text))
}

#[test]
fn sound_examples_hold() {
    for example in [STEP, MODEL, MEASUREMENTS].into_iter().chain(forms().map(str::as_bytes)) {
        seed(example);
        properties::model(example);
        properties::stablehlo(example);
        properties::calibration(example);
    }
    let rates = Calibration::fitted(MEASUREMENTS).expect("they were measured").write();
    seed(&rates);
    properties::calibration(&rates);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn spoilt_models_are_refused_or_planned(mutation in mutations(), form in any::<prop::sample::Index>()) {
        properties::model(&mutation.of(MODEL));
        properties::stablehlo(&mutation.of(STEP));
        properties::calibration(&mutation.of(MEASUREMENTS));
        let forms: Vec<&str> = forms().collect();
        let text = form.get(&forms);
        properties::stablehlo(&mutation.of(text.as_bytes()));
    }
}
