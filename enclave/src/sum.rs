//! The hash of a file, which covers the bytes that Parquet's own tags leave out: lengths of pages, indexes that nobody reads.

use ring::digest::{Context, SHA256};
use std::fs::File;
use std::io::{self, Read, Seek};
use welkin_seal::Hex;

/// Length and SHA-256 of a file, which is at its beginning before and after.
pub(crate) fn sum(file: &mut File) -> io::Result<(u64, Hex<32>)> {
    file.rewind()?;
    let (mut context, mut bytes) = (Context::new(&SHA256), 0);
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        bytes += count as u64;
        context.update(&buffer[..count]);
    }
    file.rewind()?;
    let mut sum = Hex([0; 32]);
    sum.0.copy_from_slice(context.finish().as_ref());
    Ok((bytes, sum))
}
