//! What must hold for any bytes at all. Run by the fuzz targets, and by a plain test over spoilt examples.
#![allow(dead_code, reason = "each target runs one of them")]

use std::io::{Seek, Write};
use welkin_enclave::{Form, Keys, open, read_table, write_table};
use welkin_seal::{FOOTER, Hex, Secret};

/// Where the examples are sealed for.
pub(crate) const AAD: &[u8] = b"a/patients/1/0.parquet";

/// What the sealed example says.
pub(crate) const TEXT: &str = "id,name\n1,Abelone\n2,Basilius\n";

/// The same key for all, so that examples of one run are examples of the next.
pub(crate) const KEY: [u8; 32] = [1; 32];

pub(crate) fn keys() -> Keys {
    [FOOTER, "id", "name"].map(|column| (column.to_owned(), Secret::new(KEY))).into()
}

/// A sealed file is refused, or has the values that were sealed, whoever signed its hash.
pub(crate) fn sealed(bytes: &[u8]) {
    opens_as(bytes, TEXT);
}

pub(crate) fn opens_as(bytes: &[u8], expected: &str) {
    let mut file = tempfile::tempfile().expect("a temporary file");
    file.write_all(bytes).and_then(|()| file.rewind()).expect("the file is written");
    let mut sum = Hex([0; 32]);
    sum.0.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref());
    let mut text = Vec::new();
    if write_table([open(file, &sum, &keys(), AAD)], Form::Csv, &mut text).is_ok() {
        assert_eq!(String::from_utf8_lossy(&text), expected, "values that nobody sealed");
    }
}

/// A table in the open is refused, or read to its end. Parquet in the open is left out: its reader gives up on some that is malformed, by
/// a panic, which ends the process that was started for this one file.
pub(crate) fn table(bytes: &[u8]) {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(bytes).expect("the file is written");
    for form in [Form::Csv, Form::Json] {
        if let Ok(table) = read_table(file.path(), form) {
            let columns = table.schema.fields().len();
            for batch in table.batches {
                let Ok(batch) = batch else { break };
                assert_eq!(batch.num_columns(), columns);
            }
        }
    }
}
