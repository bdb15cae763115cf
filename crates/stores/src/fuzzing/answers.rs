//! What must hold of answers of stores, whatever is in them: see the [module above](super).

use crate::web::{
    MOST_LISTED, Moment, NoPage, Page, Sum, http_date_ms, iso_date_ms, length_of_range, words, xml,
};
use crate::{azure as blobs, gcs as google, s3 as amazon};
use std::time::{Duration, SystemTime};

/// Pages, uploads and errors of S3.
///
/// # Panics
/// Where a property does not hold.
pub fn s3(bytes: &[u8]) {
    check(bytes, amazon::page);
    let _ = (amazon::Uploads::read(bytes), xml::error(bytes), xml::text_of(bytes, "ETag"));
}

/// Pages and errors of Azure, and names in its headers.
///
/// # Panics
/// Where a property does not hold.
pub fn azure(bytes: &[u8]) {
    check(bytes, blobs::page);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = (blobs::decoded_name(text), blobs::decoded_value(text));
    assert_eq!(blobs::decoded_name(&blobs::encoded_name(text)), text.to_ascii_lowercase());
    assert_eq!(blobs::decoded_value(&blobs::encoded_value(text)), text);
}

/// Pages, objects and errors of Google, and files of credentials.
///
/// # Panics
/// Where a property does not hold.
pub fn gcs(bytes: &[u8]) {
    check(bytes, google::page);
    let _ = (google::Object::read(bytes, "fuzz"), google::said(bytes));
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = google::Account::parse(text);
    }
}

/// No page is longer than it may be, or has more in it than was sent.
fn check(bytes: &[u8], read: fn(&[u8]) -> Result<Page, NoPage>) {
    let Ok(page) = read(bytes) else { return };
    assert!(page.listed.len() <= MOST_LISTED);
    let keys: usize = page.listed.iter().map(|listed| listed.key.len()).sum();
    // A byte that is not UTF-8 becomes a character of three.
    assert!(keys <= 3 * bytes.len(), "{keys} bytes of keys in an answer of {}", bytes.len());
}

/// Dates and other words of headers.
///
/// # Panics
/// Where a property does not hold.
pub fn dates(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = iso_date_ms(text);
    // Since 1970 and within the years of four digits, what is read can be written, and is then the same.
    if let Some(ms) = http_date_ms(text).and_then(|ms| u64::try_from(ms).ok()) {
        let written = Moment::of(SystemTime::UNIX_EPOCH + Duration::from_millis(ms)).http();
        assert_eq!(http_date_ms(&written), i64::try_from(ms).ok(), "{text:?} as {written:?}");
    }
    let _ =
        (length_of_range(text), Sum::crc32c(text), Sum::crc64(text), Sum::md5(text), Sum::md5_of_tag(text));
    assert!(!words(text).contains(char::is_control), "{text:?}");
}
