//! Arrow's other implementation opens sealed files with the keys, and does not without.
//!
//! Where it is not installed (`.ci/stand-ins.sh`) the test prints that it did not run; with `WELKIN_REQUIRE_STAND_INS=1` it fails.
#![expect(clippy::print_stdout, reason = "a test that did not run says so")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use welkin_enclave::{Form, read_table, seal};
use welkin_seal::{FOOTER, to_hex};

const ASK: &str = r#"
import json, sys
import pyarrow.parquet as parquet
import pyarrow.parquet.encryption as encryption

asked = json.load(sys.stdin)

class Keys(encryption.KmsClient):
    def __init__(self, _):
        encryption.KmsClient.__init__(self)

    def wrap_key(self, key, name):
        raise ValueError("nothing is written")

    def unwrap_key(self, wrapped, name):
        return bytes.fromhex(asked["keys"][name])

factory = encryption.CryptoFactory(Keys)
properties = factory.file_decryption_properties(encryption.KmsConnectionConfig())
table = parquet.ParquetFile(asked["path"], decryption_properties=properties).read()
json.dump(table.to_pydict(), sys.stdout)
"#;

fn python(test: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder =
        std::env::var_os("WELKIN_STAND_INS").map_or_else(|| root.join("target/stand-ins"), PathBuf::from);
    let python = folder.join("bin/pyarrow-python");
    if python.exists() {
        return Some(python);
    }
    let required = std::env::var("WELKIN_REQUIRE_STAND_INS").is_ok_and(|value| value == "1");
    assert!(!required, "{} is missing, and WELKIN_REQUIRE_STAND_INS is 1", python.display());
    println!("skipped: {test}: did not run: pyarrow is not installed (see .ci/stand-ins.sh)");
    None
}

#[test]
fn pyarrow_opens_a_sealed_file_with_its_keys_and_not_without() {
    let Some(python) = python("pyarrow_opens_a_sealed_file_with_its_keys_and_not_without") else { return };
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("t.jsonl");
    fs::write(&input, "{\"id\":1,\"seen\":[5,6]}\n{\"id\":2,\"seen\":[]}\n").unwrap();
    let path = folder.path().join("0.parquet");
    let sealed = seal(read_table(&input, Form::Json).unwrap(), &path, b"place").unwrap();
    let hex = |column: &str| to_hex(sealed.keys[column].expose());
    let named = |column: &String| if column == FOOTER { "footer".to_owned() } else { column.clone() };
    let keys: BTreeMap<String, String> =
        sealed.keys.keys().map(|column| (named(column), hex(column))).collect();
    let ask = |keys: &BTreeMap<String, String>| {
        let file = folder.path().join("request.json");
        fs::write(&file, serde_json::json!({ "path": path, "keys": keys }).to_string()).unwrap();
        Command::new(&python).args(["-c", ASK]).stdin(fs::File::open(&file).unwrap()).output().unwrap()
    };
    let answer = ask(&keys);
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    let table: serde_json::Value = serde_json::from_slice(&answer.stdout).unwrap();
    assert_eq!(table, serde_json::json!({ "id": [1, 2], "seen": [[5, 6], []] }));
    for name in keys.keys() {
        let mut others = keys.clone();
        others.insert(name.clone(), "00".repeat(32));
        assert!(!ask(&others).status.success(), "another key for `{name}`");
    }
    let without = "import sys, pyarrow.parquet as p; p.ParquetFile(sys.argv[1])";
    let without = Command::new(&python).args(["-c", without]).arg(&path).output().unwrap();
    assert!(!without.status.success(), "no keys at all");
}
