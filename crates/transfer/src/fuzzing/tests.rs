//! Sound examples, mutated: a little of what the targets do, with every run of the suite.

use super::*;
use proptest::prelude::*;
use welkin_mutate::{mutations, seed};

const JOURNAL: &str = r#"{"record":"open","schema":2,"id":"t","what":"w","at_ms":1}
{"record":"begun","key":"b","upload":"u","version":null,"size":9,"part_bytes":5}
{"record":"done","source":"a","version":"1","key":"a","size":5,"blake3":"00","target_version":"2"}
{"record":"going","at_ms":2}
{"record":"mark","source":"a"}
{"record":"closed","whole":true,"at_ms":3}"#;
const TRANSFER: &str = r#"{"schema":"welkin.transfer-manifest.v1","transfer":"t","source":"a","target":"b"}
{"key":"a","size":0,"blake3":"af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"}
"#;
const TREE: &str = r#"{"schema":1,"root":"dir","entries":[{"kind":"dir","path":"a"},
    {"kind":"link","path":"a/l","target":"../b"}]}"#;
const FILTER: &str = "+ /keep/*.jpg\n- dir/**\n- *.{a,b}\n- [a-c]?\n\nkeep/a.jpg\ndir/a/b\nx.a";

type Check<E> = (fn(&[u8]), E);

fn checks() -> Vec<Check<Vec<u8>>> {
    let texts: [Check<&str>; 4] =
        [(journal, JOURNAL), (transfer_manifest, TRANSFER), (tree_manifest, TREE), (filter, FILTER)];
    texts.into_iter().map(|(check, text)| (check, text.as_bytes().to_vec())).collect()
}

#[test]
fn sound_examples_hold() {
    for (check, example) in checks() {
        check(&example);
        (0..example.len()).for_each(|end| check(&example[..end]));
        seed(&example);
    }
}

/// Each line has a sum that is right, and yet says what no process wrote.
#[test]
fn lengths_in_a_journal_may_add_up_to_anything() {
    let done = |key: &str| {
        let size = u64::MAX;
        format!(
            r#"{{"record":"done","source":"{key}","version":null,"key":"{key}","size":{size},"blake3":""}}"#
        )
    };
    let open = JOURNAL.lines().next().unwrap_or_default();
    journal([open, &done("a"), &done("b")].join("\n").as_bytes());
}

proptest! {
    #[test]
    fn mutated_examples_hold(mutation in mutations()) {
        for (check, example) in checks() {
            check(&mutation.of(&example));
        }
    }
}
