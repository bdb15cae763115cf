//! The fuzz target's properties on mutations of a sound plan, on any toolchain.
#![expect(clippy::expect_used, reason = "a property that does not hold says so")]

#[path = "../fuzz/properties.rs"]
mod properties;

use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use welkin_catalog::tables::Tables;
use welkin_catalog::{AlignedBytes, Catalog, starter};
use welkin_job::Context;
use welkin_mutate::{mutations, seed};
use welkin_placement::{Plan, Request, plan};
use welkin_route::{Rates, Tariffs};

const JOB: &str = "
name: chain
tasks:
  prep: {resources: {cpus: 8+}, outputs: {table: {size: 300 GB}}, secrets: {KEY: x}, time: 2h, run: x}
  train: {inputs: {table: prep.table}, resources: {accelerators: {A100: 8}}, time: 3h, run: x}
";

static PLAN: LazyLock<String> = LazyLock::new(|| {
    let job = welkin_job::parse(JOB, &Context::new("test.yaml")).expect("the job is one").job;
    let bytes = AlignedBytes::copy_from(&starter::catalog_bytes());
    let catalog = Catalog::open(bytes.as_bytes()).expect("the starter is a catalog");
    let made = plan(&Request {
        job: &job,
        catalog: &catalog,
        tables: Tables::embedded(),
        tariffs: &Tariffs::builtin(),
        rates: &Rates::builtin(),
        providers: &[],
        month_to_date: &BTreeMap::new(),
        blocked: &[],
        effort: 1,
    });
    let mut plan = made.expect("it can be planned").plan;
    for task in &mut plan.tasks {
        task.alternatives.truncate(1);
    }
    plan.sealed().to_json()
});

#[test]
fn sound_examples_hold() {
    assert!(Plan::read(PLAN.as_str()).is_ok());
    let text = PLAN.as_bytes();
    seed(text);
    (0..=text.len()).step_by(1 + text.len() / 300).for_each(|end| properties::plan(&text[..end]));
}

proptest! {
    #[test]
    fn mutated_examples_hold(mutation in mutations()) {
        properties::plan(&mutation.of(PLAN.as_bytes()));
    }
}
