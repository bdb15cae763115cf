//! Sound examples, mutated: a little of what the targets do, with every run of the suite.

use super::*;
use proptest::prelude::*;
use welkin_mutate::mutations;

type Check = (fn(&[u8]), Vec<u8>);

fn checks() -> [Check; 3] {
    [(gateway, examples::gateway()), (answers, examples::answers()), (handshake, examples::handshake())]
}

/// What the targets in `fuzz/` begin with, for whoever sets this.
const SEEDS: &str = "WELKIN_FUZZ_SEEDS";

#[test]
fn sound_examples_hold() {
    for (at, (check, example)) in checks().into_iter().enumerate() {
        check(&example);
        (0..example.len()).for_each(|end| check(&example[..end]));
        if let Some(folder) = std::env::var_os(SEEDS) {
            std::fs::write(std::path::Path::new(&folder).join(at.to_string()), &example).unwrap();
        }
    }
}

proptest! {
    #[test]
    fn mutated_examples_hold(mutation in mutations()) {
        for (check, example) in checks() {
            check(&mutation.of(&example));
        }
    }
}
