//! Tables that are sealed, checked, opened, and tampered with.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails, and says where")]

use arrow_array::{
    ArrayRef, Decimal128Array, Int64Array, ListArray, RecordBatch, StringArray, types::Int32Type,
};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::encryption::encrypt::FileEncryptionProperties;
use parquet::file::properties::WriterProperties;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempDir;
use welkin_enclave::{CheckError, Form, Keys, Sealed, check, open, read_table, seal, write_table};
use welkin_seal::{FOOTER, Hex, Secret};

const AAD: &[u8] = b"a/patients/1/0.parquet";
const CSV: &str = "id,name,weight\n1,Abelone,61.5\n2,Basilius,\n3,\"Chrysantheme, the younger\",70.25\n";

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn sealed(folder: &Path, name: &str, text: &str) -> (PathBuf, Sealed) {
    let input = folder.join(name);
    fs::write(&input, text).unwrap();
    let path = folder.join("0.parquet");
    let table = read_table(&input, Form::of(&input).unwrap()).unwrap();
    let sealed = seal(table, &path, AAD).unwrap();
    (path, sealed)
}

/// Whatever the file is: what keys and place alone say.
fn opened(path: &Path, keys: &Keys, aad: &[u8], form: Form) -> Result<Vec<u8>, String> {
    let bytes = fs::read(path).unwrap();
    opened_as(&sum(&bytes), path, keys, aad, form)
}

fn sum(bytes: &[u8]) -> Hex<32> {
    let mut sum = Hex([0; 32]);
    sum.0.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref());
    sum
}

fn opened_as(sha256: &Hex<32>, path: &Path, keys: &Keys, aad: &[u8], form: Form) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let table = open(File::open(path).unwrap(), sha256, keys, aad);
    write_table([table], form, &mut out).map_err(|error| error.to_string())?;
    Ok(out)
}

#[test]
fn a_table_is_sealed_and_opens_with_its_keys() {
    let folder = folder();
    let (path, sealed) = sealed(folder.path(), "t.csv", CSV);
    assert_eq!((sealed.rows, sealed.columns.len(), sealed.keys.len()), (3, 3, 4));
    let bytes = fs::read(&path).unwrap();
    for plain in ["Abelone", "Basilius", "Chrysantheme", "weight"] {
        assert!(
            !bytes.windows(plain.len()).any(|window| window == plain.as_bytes()),
            "{plain} lies in the open"
        );
    }
    let text = String::from_utf8(opened(&path, &sealed.keys, AAD, Form::Csv).unwrap()).unwrap();
    assert_eq!(text, CSV);
    let lines = String::from_utf8(opened(&path, &sealed.keys, AAD, Form::Json).unwrap()).unwrap();
    assert_eq!(lines.lines().next().unwrap(), r#"{"id":1,"name":"Abelone","weight":61.5}"#);
}

#[test]
fn json_lines_keep_what_is_nested() {
    let folder = folder();
    let text = "{\"id\":1,\"seen\":[{\"at\":5,\"by\":\"x\"}]}\n{\"id\":2,\"seen\":[]}\n";
    let (path, sealed) = sealed(folder.path(), "t.jsonl", text);
    assert!(sealed.keys.keys().any(|column| column.starts_with("seen.list")), "{:?}", sealed.keys.keys());
    assert_eq!(String::from_utf8(opened(&path, &sealed.keys, AAD, Form::Json).unwrap()).unwrap(), text);
}

#[test]
fn parquet_keeps_decimals_and_lists() {
    let folder = folder();
    let decimals = Decimal128Array::from(vec![Some(123_456), None]).with_precision_and_scale(12, 3).unwrap();
    let lists = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), None]);
    let columns = [("price", Arc::new(decimals) as ArrayRef), ("days", Arc::new(lists))];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let input = folder.path().join("t.parquet");
    let mut writer = ArrowWriter::try_new(File::create(&input).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let path = folder.path().join("0.parquet");
    let sealed = seal(read_table(&input, Form::Parquet).unwrap(), &path, AAD).unwrap();
    let read: Vec<_> =
        open(File::open(&path).unwrap(), &sealed.sha256, &sealed.keys, AAD).unwrap().batches.collect();
    assert_eq!(read[0].as_ref().unwrap(), &batch);
    let plain = folder.path().join("out.parquet");
    fs::write(&plain, opened(&path, &sealed.keys, AAD, Form::Parquet).unwrap()).unwrap();
    let again: Vec<_> = read_table(&plain, Form::Parquet).unwrap().batches.collect();
    assert_eq!(again[0].as_ref().unwrap(), &batch);
}

#[test]
fn a_file_opens_at_its_place_with_its_keys_and_nowhere_else() {
    let folder = folder();
    let (path, sealed) = sealed(folder.path(), "t.csv", CSV);
    assert!(opened(&path, &sealed.keys, b"a/patients/2/0.parquet", Form::Csv).is_err(), "another version");
    assert!(opened(&path, &sealed.keys, b"", Form::Csv).is_err(), "no place");
    for column in sealed.keys.keys() {
        let mut keys = sealed.keys.clone();
        keys.insert(column.clone(), Secret::new([0; 32]));
        assert!(opened(&path, &keys, AAD, Form::Csv).is_err(), "another key for `{column}`");
        keys.remove(column);
        assert!(opened(&path, &keys, AAD, Form::Csv).is_err(), "no key for `{column}`");
    }
}

#[test]
fn no_byte_of_a_sealed_file_can_be_changed() {
    let folder = folder();
    let (path, sealed) = sealed(folder.path(), "t.csv", CSV);
    let bytes = fs::read(&path).unwrap();
    let other = folder.path().join("changed.parquet");
    let mut passed = Vec::new();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        fs::write(&other, changed).unwrap();
        if opened_as(&sealed.sha256, &other, &sealed.keys, AAD, Form::Csv).is_ok() {
            passed.push(at);
        }
    }
    assert_eq!(passed, Vec::<usize>::new());
    for length in (0..bytes.len()).step_by(7) {
        fs::write(&other, &bytes[..length]).unwrap();
        assert!(opened_as(&sealed.sha256, &other, &sealed.keys, AAD, Form::Csv).is_err(), "cut at {length}");
    }
}

/// It was a file of no bytes, which nothing can read.
#[test]
fn a_table_without_rows_is_a_parquet_file_with_its_columns() {
    let folder = folder();
    let (path, sealed) = sealed(folder.path(), "t.csv", "id,name\n");
    assert_eq!(sealed.rows, 0);
    let parquet = opened(&path, &sealed.keys, AAD, Form::Parquet).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(parquet)).unwrap();
    let columns: Vec<String> = reader.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!((columns, reader.build().unwrap().count()), (vec!["id".to_owned(), "name".to_owned()], 0));
}

#[test]
fn a_file_in_the_open_does_not_count_as_sealed() {
    let folder = folder();
    let columns = [
        ("id", Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef),
        ("name", Arc::new(StringArray::from(vec!["Abelone", "Basilius"]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let write = |properties: Option<WriterProperties>| {
        let path = folder.path().join("x.parquet");
        let mut writer =
            ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), properties).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        path
    };
    let key = |name: &str| (name.to_owned(), Secret::new([1; 32]));
    let keys = Keys::from([key(FOOTER), key("id"), key("name")]);
    let checked = |path: PathBuf| check(&File::open(path).unwrap(), &keys, AAD).map(drop);
    assert!(matches!(checked(write(None)), Err(CheckError::Open)));
    let builder = || FileEncryptionProperties::builder(vec![1; 32]).with_aad_prefix(AAD.to_vec());
    let with = |encryption| WriterProperties::builder().with_file_encryption_properties(encryption);
    let plain_footer =
        builder().with_plaintext_footer(true).with_column_key("id", vec![1; 32]).build().unwrap();
    assert!(matches!(checked(write(Some(with(plain_footer).build()))), Err(CheckError::Open)));
    // The magic of an encrypted file, and a column in the open.
    let partly = builder().with_column_key("id", vec![1; 32]).build().unwrap();
    let found = checked(write(Some(with(partly).build())));
    assert!(matches!(&found, Err(CheckError::Column(column)) if column == "name"), "{found:?}");
    let all = || {
        let both = builder().with_column_key("id", vec![1; 32]).with_column_key("name", vec![1; 32]);
        both.with_aad_prefix_storage(false).build().unwrap()
    };
    assert!(checked(write(Some(with(all()).build()))).is_ok());
    let filtered = checked(write(Some(with(all()).set_bloom_filter_enabled(true).build())));
    assert!(matches!(filtered, Err(CheckError::Filter(_))), "{filtered:?}");
}

#[test]
fn nothing_is_left_of_a_table_that_cannot_be_sealed() {
    let folder = folder();
    let input = folder.path().join("t.csv");
    let mut text = "id\n".to_owned();
    (0..100_000).for_each(|row| text.push_str(&format!("{row}\n")));
    text.push_str("not a number\n");
    fs::write(&input, text).unwrap();
    let path = folder.path().join("0.parquet");
    assert!(seal(read_table(&input, Form::Csv).unwrap(), &path, AAD).is_err());
    assert!(!path.exists());
}

#[test]
fn values_are_sealed_by_their_keys_whatever_the_hash_says() {
    let folder = folder();
    let (path, sealed) = sealed(folder.path(), "t.csv", CSV);
    let bytes = fs::read(&path).unwrap();
    let other = folder.path().join("changed.parquet");
    // Bytes that no tag covers may be changed under a hash of the change: never do the values become others.
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        fs::write(&other, changed).unwrap();
        if let Ok(text) = opened(&other, &sealed.keys, AAD, Form::Csv) {
            assert_eq!(text, CSV.as_bytes(), "{at}");
        }
    }
}

/// Whoever stores a file may give a reader now this and now that.
#[test]
fn a_file_that_becomes_another_while_it_is_opened_gives_no_row_of_that() {
    let folder = folder();
    let (path, sealed) = sealed(folder.path(), "t.csv", CSV);
    let genuine = fs::read(&path).unwrap();
    let names: ArrayRef = Arc::new(StringArray::from(vec!["forged"]));
    let forged = RecordBatch::try_from_iter([("name", names)]).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), forged.schema(), None).unwrap();
    writer.write(&forged).unwrap();
    let plain = writer.into_inner().unwrap();
    // As long as the other: what nobody reads lies before the footer.
    let (data, footer) = {
        let (rest, tail) = plain.split_last_chunk::<8>().unwrap();
        let length = u32::from_le_bytes(*tail.first_chunk().unwrap()) as usize;
        plain.split_at(rest.len() - length)
    };
    let gap = vec![0; genuine.len().checked_sub(plain.len()).unwrap()];
    let forged = [data, &gap, footer].concat();
    let (stop, other) = (AtomicBool::new(false), File::options().write(true).open(&path).unwrap());
    let mut rows = Vec::new();
    std::panic::set_hook(Box::new(|_| ()));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Each for a while, so that it may become another anywhere in the middle.
            for turn in (0_u32..).take_while(|_| !stop.load(Ordering::Relaxed)) {
                other.write_all_at(if turn % 2 == 0 { &forged } else { &genuine }, 0).unwrap();
                (0..turn.wrapping_mul(7919) % 60_000).for_each(|_| std::hint::spin_loop());
            }
        });
        for _ in 0..20_000 {
            // A reader may stop where a length has become another after it was checked.
            let tried = || opened_as(&sealed.sha256, &path, &sealed.keys, AAD, Form::Csv).map_err(drop);
            rows.extend(catch_unwind(tried).unwrap_or(Err(())));
        }
        stop.store(true, Ordering::Relaxed);
    });
    drop(std::panic::take_hook());
    assert!(!rows.is_empty() && rows.iter().all(|rows| rows == CSV.as_bytes()));
}
