//! The fuzz targets' properties on spoilt examples, on any toolchain.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a property that does not hold says so")]

#[path = "../fuzz/properties.rs"]
mod properties;
#[path = "../../crates/mutate/src/seed.rs"]
#[expect(unreachable_pub, reason = "it is another crate's")]
mod seed;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::encryption::encrypt::FileEncryptionProperties;
use parquet::file::properties::WriterProperties;
use properties::{AAD, KEY};
use std::sync::Arc;

type Check = fn(&[u8]);

fn written(properties: WriterProperties) -> Vec<u8> {
    let columns = [
        ("id", Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef),
        ("name", Arc::new(StringArray::from(vec!["Abelone", "Basilius"]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

/// The table of [`properties::TEXT`], sealed.
fn sealed() -> Vec<u8> {
    let key = || KEY.to_vec();
    let encryption = FileEncryptionProperties::builder(key()).with_aad_prefix(AAD.to_vec());
    let encryption = encryption.with_column_key("id", key()).with_column_key("name", key()).build().unwrap();
    written(WriterProperties::builder().with_file_encryption_properties(encryption).build())
}

fn examples() -> Vec<(Check, Vec<u8>)> {
    vec![
        (properties::sealed, sealed()),
        (properties::table, properties::TEXT.into()),
        (properties::table, b"{\"id\":1,\"seen\":[{\"at\":5}]}\n{\"id\":2,\"seen\":[]}\n".into()),
    ]
}

#[test]
fn sound_examples_hold() {
    for (check, example) in examples() {
        seed::seed(&example);
        (0..example.len()).step_by(1 + example.len() / 200).for_each(|end| check(&example[..end]));
        check(&example);
    }
    // The property speaks of a file that opens.
    assert!(std::panic::catch_unwind(|| properties::opens_as(&sealed(), "id,name\n")).is_err());
}

/// Lengths that are not covered by any tag, and those of tables in the open, say what they like.
#[test]
fn spoilt_examples_hold() {
    for (check, example) in examples() {
        for at in 0..example.len() {
            for spoilt in
                [&[0_u8][..], &[0xff], &[example[at] ^ 1], &[0xff, 0xff, 0xff, 0x7f], &[0x80; 4], &[0; 4]]
            {
                let mut bytes = example.clone();
                let end = bytes.len().min(at + spoilt.len());
                bytes[at..end].copy_from_slice(&spoilt[..end - at]);
                check(&bytes);
            }
        }
    }
}
