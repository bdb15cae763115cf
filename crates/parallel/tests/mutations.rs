//! The fuzz targets' properties on mutations of sound examples, on any toolchain.
#![expect(clippy::expect_used, reason = "a property that does not hold says so")]

#[path = "../fuzz/properties.rs"]
mod properties;

use proptest::prelude::*;
use welkin_mutate::mutations;

const STEP: &[u8] = include_bytes!("data/step.mlir");
const FORMS: &str = include_str!("data/forms.mlir");
const MODEL: &[u8] = include_bytes!("data/mlp.json");

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn spoilt_models_are_refused_or_planned(mutation in mutations(), form in any::<prop::sample::Index>()) {
        properties::model(&mutation.of(MODEL));
        properties::stablehlo(&mutation.of(STEP));
        let forms: Vec<&str> = FORMS.split("// -----").filter(|form| !form.is_empty()).collect();
        let text = form.get(&forms).split_once('\n').map_or("", |(_, text)| text);
        properties::stablehlo(&mutation.of(text.as_bytes()));
    }
}
