//! What queries and trainings with noise share: where noise comes from, and who rows are about.

use arrow_array::ArrayRef;
use arrow_array::cast::AsArray;
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use welkin_privacy::{NoDraw, Person};

/// Bits of the machine, some hundred at a time.
pub(crate) fn bits() -> impl FnMut() -> Result<u64, NoDraw> {
    let (random, mut bytes, mut used) = (SystemRandom::new(), [0; 512], 512);
    move || {
        if used == bytes.len() {
            random.fill(&mut bytes).map_err(|_| NoDraw)?;
            used = 0;
        }
        let mut word = [0; 8];
        word.copy_from_slice(&bytes[used..used + 8]);
        used += 8;
        Ok(u64::from_le_bytes(word))
    }
}

/// Who each row is about, by the text of a column; nobody where that has none.
///
/// # Errors
/// Where values of the type have no text, whatever the values are.
pub(crate) fn persons(array: &ArrayRef) -> Result<Vec<Option<Person>>, ArrowError> {
    let texts = cast(array, &DataType::Utf8)?;
    let person = |text: &str| {
        let mut person = [0; 16];
        person.copy_from_slice(&digest(&SHA256, text.as_bytes()).as_ref()[..16]);
        person
    };
    Ok(texts.as_string::<i32>().iter().map(|text| text.map(person)).collect())
}
