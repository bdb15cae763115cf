//! Where the encrypted parts of a file lie. Each stands behind its length, and no tag covers that: a reader that believed it would take
//! any amount of memory for one that is too long, and come to its end in one that has no room for a nonce and a tag.

use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// A length, a nonce and a tag.
const LENGTH: u64 = 4;
const LEAST: u64 = 12 + 16;
/// The footer's length, and the magic behind it.
const TAIL: u64 = 8;

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

fn cut() -> io::Error {
    wrong("its footer is cut")
}

/// Where the footer of a file begins, and all from there to the end.
pub(crate) fn read_footer(file: &File) -> io::Result<(u64, Vec<u8>)> {
    let at = file.metadata()?.len().checked_sub(TAIL).ok_or_else(cut)?;
    let length = length_at(file, at)?;
    let from = at.checked_sub(length.into()).ok_or_else(cut)?;
    let mut footer = vec![0; length as usize + TAIL as usize];
    file.read_exact_at(&mut footer, from)?;
    Ok((from, footer))
}

/// Is there an encrypted footer behind the words on how it was encrypted, and does it say itself how long it is?
pub(crate) fn check_footer(footer: &[u8]) -> io::Result<()> {
    let (footer, tail) = footer.split_last_chunk::<{ TAIL as usize }>().ok_or_else(cut)?;
    let told = tail.first_chunk().map(|length| u32::from_le_bytes(*length) as usize);
    // What stands in front of the footer is some dozens of bytes, or some hundreds with a prefix.
    let head = &footer[..footer.len().min(MOST_OF_A_HEAD)];
    let rest = behind_struct(head, 0).ok_or_else(|| wrong("its footer does not say how it was encrypted"))?;
    let sealed = &footer[head.len() - rest.len()..];
    let length = sealed.first_chunk().map(|length| u64::from(u32::from_le_bytes(*length)));
    let fits = |length: u64| length >= LEAST && LENGTH + length == sealed.len() as u64;
    if told == Some(footer.len()) && length.is_some_and(fits) { Ok(()) } else { Err(cut()) }
}

const MOST_OF_A_HEAD: usize = 64 << 10;

/// Do the parts of each column fill its place, and those of its indexes theirs?
pub(crate) fn check_modules(file: &File, metadata: &ParquetMetaData) -> io::Result<()> {
    for column in metadata.row_groups().iter().flat_map(|group| group.columns()) {
        let (mut at, end) = place(column).ok_or_else(|| wrong("a column lies nowhere"))?;
        while at < end {
            at = module(file, at, end)?;
        }
        let indexes = [
            (column.column_index_offset(), column.column_index_length()),
            (column.offset_index_offset(), column.offset_index_length()),
        ];
        for (offset, length) in indexes {
            let (Some(offset), Some(length)) = (offset, length) else { continue };
            let from = u64::try_from(offset).map_err(|_| wrong("an index lies nowhere"))?;
            let end = u64::try_from(length).ok().and_then(|length| from.checked_add(length));
            let end = end.ok_or_else(|| wrong("an index lies nowhere"))?;
            if module(file, from, end)? != end {
                return Err(wrong("an index is longer than its place"));
            }
        }
    }
    Ok(())
}

fn place(column: &ColumnChunkMetaData) -> Option<(u64, u64)> {
    let first = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
    let from = u64::try_from(first).ok()?;
    Some((from, from.checked_add(u64::try_from(column.compressed_size()).ok()?)?))
}

/// The end of the part that begins there, which is not beyond `end`.
fn module(file: &File, at: u64, end: u64) -> io::Result<u64> {
    let length = u64::from(length_at(file, at)?);
    let own = at.checked_add(LENGTH + length).filter(|own| length >= LEAST && *own <= end);
    own.ok_or_else(|| wrong("a part of it is longer than its place, or too short to be encrypted"))
}

fn length_at(file: &File, at: u64) -> io::Result<u32> {
    let mut length = [0; LENGTH as usize];
    file.read_exact_at(&mut length, at)?;
    Ok(u32::from_le_bytes(length))
}

/// A structure in a structure in … is nothing that is written.
const MOST_LEVELS: usize = 8;

/// What follows a structure in Thrift's compact spelling; nothing where it does not end.
fn behind_struct(mut bytes: &[u8], level: usize) -> Option<&[u8]> {
    loop {
        let (head, rest) = bytes.split_first()?;
        if *head == 0 || level == MOST_LEVELS {
            return (*head == 0).then_some(rest);
        }
        // Where the field's number does not follow the one before, it is spelt out.
        let rest = if head >> 4 == 0 { behind_number(rest)?.1 } else { rest };
        bytes = match head & 0xf {
            1 | 2 => rest,
            3 => rest.get(1..)?,
            4..=6 => behind_number(rest)?.1,
            8 => {
                let (length, rest) = behind_number(rest)?;
                rest.get(usize::try_from(length).ok()?..)?
            }
            12 => behind_struct(rest, level + 1)?,
            // No other types stand there.
            _ => return None,
        };
    }
}

/// A number of seven bits a byte, and what follows it.
fn behind_number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0;
    for (at, byte) in bytes.iter().enumerate().take(9) {
        number |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((number, &bytes[at + 1..]));
        }
    }
    None
}
