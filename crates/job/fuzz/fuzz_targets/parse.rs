//! Any bytes give a job that is a DAG, or at least one error with a place; never a panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use welkin_job::{Context, TaskDag, parse_bytes};

fuzz_target!(|bytes: &[u8]| {
    match parse_bytes(bytes, &Context::new("fuzz.yaml")) {
        Ok(parsed) => {
            let dag = TaskDag::new(&parsed.job).expect("a parsed job is a DAG");
            assert_eq!(dag.order().len(), parsed.job.tasks.len());
        }
        Err(errors) => {
            assert!(errors.errors().count() > 0);
            assert!(errors.items.iter().all(|item| item.line > 0 && item.column > 0));
        }
    }
});
