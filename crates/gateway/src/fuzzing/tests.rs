//! Sound examples, mutated: a little of what the targets do, with every run of the suite.

use super::*;
use proptest::prelude::*;
use welkin_mutate::{mutations, seed};

type Check = (fn(&[u8]), Vec<u8>);

fn checks() -> [Check; 6] {
    let [gateway_identity, ..] = &*ENDS;
    let token = Token::generate().unwrap().to_secret_text();
    [
        (gateway, examples::gateway()),
        (answers, examples::answers()),
        (handshake, examples::handshake()),
        (trust, gateway_identity.to_secret_text().into_bytes()),
        (trust, token.into_bytes()),
        (trust, gateway_identity.certificate().to_vec()),
    ]
}

#[test]
fn sound_examples_hold() {
    for (check, example) in checks() {
        check(&example);
        (0..example.len()).for_each(|end| check(&example[..end]));
        seed(&example);
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
