//! Tables: rows with a word of flags, and columns of known widths.
//!
//! The lowest bit of the first word says whether a row counts, the others which columns have no value: such a column's words are
//! zero. Values are spelled so that their words, highest first, are ordered as they are.

use crate::Rows;
use crate::bits::{YES, mask};
use crate::expr::Values;

/// What a column is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// True or false.
    Bool,
    /// An integer, a date or a time: what fits into 64 bits.
    Int,
    /// An integer of 128 bits, which stands for a number with so many decimals.
    Decimal(i8),
    /// A floating-point number.
    Float,
    /// So many words of text, and one for its length.
    Text(usize),
}

impl Kind {
    /// How many words a value takes.
    #[must_use]
    pub fn words(self) -> usize {
        match self {
            Self::Bool | Self::Int | Self::Float => 1,
            Self::Decimal(_) => 2,
            Self::Text(words) => words + 1,
        }
    }

    /// The kind of texts of so many bytes.
    #[must_use]
    pub fn text(longest: usize) -> Self {
        Self::Text(longest.div_ceil(8))
    }

    /// One that values of both fit into.
    pub(crate) fn common(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => Some(Self::Text(a.max(b))),
            _ => (self == other).then_some(self),
        }
    }
}

const SIGN: u64 = 1 << 63;

/// An integer as a word that is ordered as it is.
#[must_use]
pub fn of_int(value: i64) -> u64 {
    value.cast_unsigned() ^ SIGN
}

/// What [`of_int`] made a word of.
#[must_use]
pub fn to_int(word: u64) -> i64 {
    (word ^ SIGN).cast_signed()
}

/// A decimal as two words.
#[must_use]
pub fn of_decimal(value: i128) -> [u64; 2] {
    let value = value.cast_unsigned();
    [(value >> 64) as u64 ^ SIGN, value as u64]
}

/// What [`of_decimal`] made words of.
#[must_use]
pub fn to_decimal(words: &[u64]) -> i128 {
    (u128::from(words[0] ^ SIGN) << 64 | u128::from(words[1])).cast_signed()
}

/// A floating-point number as a word: negative ones with all bits turned.
#[must_use]
pub fn of_float(value: f64) -> u64 {
    let bits = value.to_bits();
    bits ^ (mask(bits >> 63) | SIGN)
}

/// What [`of_float`] made a word of.
#[must_use]
pub fn to_float(word: u64) -> f64 {
    f64::from_bits(word ^ (mask((word >> 63) ^ 1) | SIGN))
}

/// A text as so many words and its length. It has to fit.
#[must_use]
pub fn of_text(text: &str, words: usize) -> Vec<u64> {
    let mut bytes = vec![0; words * 8];
    bytes[..text.len()].copy_from_slice(text.as_bytes());
    let words = bytes.chunks_exact(8).map(|word| u64::from_be_bytes(word.try_into().expect("eight bytes")));
    words.chain([text.len() as u64]).collect()
}

/// What [`of_text`] made words of.
#[must_use]
pub fn to_text(words: &[u64]) -> String {
    let (length, words) = words.split_last().expect("the length is there");
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).take(*length as usize).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub(crate) kinds: Vec<Kind>,
    pub(crate) rows: Rows,
}

/// A bit of a word for each column, and one for the row.
pub(crate) const MOST_COLUMNS: usize = 63;

impl Table {
    /// So many rows that count, of columns without values.
    ///
    /// # Panics
    /// Where there are more than 63 columns.
    #[must_use]
    pub fn new(kinds: Vec<Kind>, count: usize) -> Self {
        let mut table = Self::empty(kinds, count);
        table.rows.words_mut().chunks_exact_mut(width(&table.kinds)).for_each(|row| row[0] = YES);
        table
    }

    /// The same, with rows of zeros.
    pub(crate) fn empty(kinds: Vec<Kind>, count: usize) -> Self {
        assert!(kinds.len() <= MOST_COLUMNS, "a word has a bit for each column");
        let rows = Rows::zeros(count, width(&kinds));
        Self { kinds, rows }
    }

    /// Its columns.
    #[must_use]
    pub fn kinds(&self) -> &[Kind] {
        &self.kinds
    }

    /// How many rows it has.
    #[must_use]
    pub fn count(&self) -> usize {
        self.rows.count()
    }

    /// A value, if there is one.
    #[must_use]
    pub fn value(&self, row: usize, column: usize) -> Option<&[u64]> {
        let row = self.rows.row(row);
        let words = place(&self.kinds, column);
        (row[0] >> (column + 1) & 1 == 0).then(|| &row[words])
    }

    /// Puts a value.
    pub fn put(&mut self, row: usize, column: usize, words: &[u64]) {
        let place = place(&self.kinds, column);
        let row = self.rows.row_mut(row);
        row[0] &= !(2 << column);
        row[place].copy_from_slice(words);
    }

    /// Puts values into the rows of a column that has none yet.
    pub(crate) fn lay(&mut self, column: usize, values: &Values) {
        let place = place(&self.kinds, column);
        for (row, null) in self.rows.iter_mut().zip(&values.nulls) {
            row[0] |= null & (2 << column);
        }
        let words = values.words.chunks_exact(place.len());
        match place.len() {
            // Of a length that is known no copy is called.
            1 => self.rows.iter_mut().zip(&values.words).for_each(|(row, word)| row[place.start] = *word),
            _ => self
                .rows
                .iter_mut()
                .zip(words)
                .for_each(|(row, words)| row[place.clone()].copy_from_slice(words)),
        }
    }

    /// Masks of whether rows count.
    pub(crate) fn counts(&self) -> Vec<u64> {
        self.rows.iter().map(|row| 0_u64.wrapping_sub(row[0] & 1)).collect()
    }

    /// Those that count. Whoever asks tells.
    pub(crate) fn real(&self) -> usize {
        self.rows.iter().map(|row| row[0] & 1).sum::<u64>() as usize
    }
}

/// Words of a row.
pub(crate) fn width(kinds: &[Kind]) -> usize {
    1 + kinds.iter().map(|kind| kind.words()).sum::<usize>()
}

/// Where a column lies in a row.
pub(crate) fn place(kinds: &[Kind], column: usize) -> std::ops::Range<usize> {
    let start = width(&kinds[..column]);
    start..start + kinds[column].words()
}

/// Words of a text of one width as those of a greater.
pub(crate) fn widened(words: &[u64], from: Kind, to: Kind, into: &mut Vec<u64>) {
    let more = to.words() - from.words();
    let (last, first) = words.split_last().expect("a value has a word");
    into.extend_from_slice(first);
    into.extend(std::iter::repeat_n(0, more));
    into.push(*last);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_ordered_as_values_are() {
        let ints = [i64::MIN, -2, -1, 0, 1, i64::MAX];
        assert!(ints.map(of_int).is_sorted() && ints.map(|value| to_int(of_int(value))) == ints);
        let decimals = [i128::MIN, -(1 << 70), -1, 0, 1, 1 << 64, i128::MAX];
        assert!(decimals.map(of_decimal).is_sorted());
        assert_eq!(decimals.map(|value| to_decimal(&of_decimal(value))), decimals);
        let floats = [f64::NEG_INFINITY, -1.5, -0.0, 0.0, 1e-300, 2.0, f64::INFINITY];
        assert!(floats.map(of_float).is_sorted() && floats.map(|value| to_float(of_float(value))) == floats);
        let texts = ["", "a", "a\0", "ab", "abcdefgh", "abcdefghi", "b", "über"];
        assert!(texts.map(|text| of_text(text, 2)).is_sorted());
        assert_eq!(texts.map(|text| to_text(&of_text(text, 2))), texts);
        let mut wide = Vec::new();
        widened(&of_text("ab", 1), Kind::Text(1), Kind::Text(3), &mut wide);
        assert_eq!(wide, of_text("ab", 3));
    }
}
