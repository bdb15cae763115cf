//! The fuzz target's properties on mutations of sound examples, on any toolchain.

#![expect(clippy::expect_used, reason = "an example that is none says so")]

#[path = "../fuzz/properties.rs"]
mod properties;

use proptest::prelude::*;
use welkin_mutate::{mutations, seed};

const ODD: &str = include_str!("../odd.tsv");

fn texts() -> impl Iterator<Item = &'static str> {
    ODD.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split('\t').next())
}

#[test]
fn sound_examples_hold() {
    assert!(texts().count() > 20, "the table has shrunk");
    for text in texts() {
        seed(text.as_bytes());
        (0..=text.len()).for_each(|end| properties::address(&text.as_bytes()[..end]));
    }
}

/// It was shown as `az:///c/k/l`, which is the container `k` of the account `c`.
#[test]
fn a_container_without_an_account_is_shown_as_one() {
    properties::address(b"abfss://c/k/l");
    let address: welkin_address::StoreAddress = "abfss://c/k/l".parse().expect("it is one");
    assert_eq!((address.account.as_deref(), address.to_string().as_str()), (None, "abfs://c/k/l"));
}

proptest! {
    #[test]
    fn mutated_examples_hold(mutation in mutations(), which in any::<prop::sample::Index>()) {
        let texts: Vec<&str> = texts().collect();
        properties::address(&mutation.of(which.get(&texts).as_bytes()));
    }
}
