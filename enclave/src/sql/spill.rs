//! What does not fit into memory, sealed on disk.
//!
//! A file without a name, in pieces of AES-256-GCM under a key that was drawn for it and lies in memory only. The number of a piece is its
//! nonce, and how long it is the engine remembers, so that pieces that are changed, exchanged, cut or old are found out.

use bytes::Bytes;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::spill_file::{SpillFile, SpillWriter, TempFileFactory};
use futures::{Stream, StreamExt};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::SystemRandom;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use welkin_seal::Secret;

/// How much of what is put aside is sealed at once.
const PIECE: usize = 256 << 10;

/// Makes files in a folder.
pub(super) struct Spills {
    folder: PathBuf,
}

impl Spills {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }
}

impl TempFileFactory for Spills {
    fn create_temp_file(&self, _description: &str) -> Result<Arc<dyn SpillFile>> {
        Ok(Arc::new(Shared(Arc::new(Spill::new(&self.folder)?))))
    }
}

struct Spill {
    file: File,
    key: LessSafeKey,
    /// How long each piece is, sealed.
    pieces: Mutex<Vec<usize>>,
}

impl Spill {
    fn new(folder: &Path) -> Result<Self> {
        let secret =
            Secret::draw(&SystemRandom::new()).map_err(|error| DataFusionError::External(Box::new(error)))?;
        let key = UnboundKey::new(&AES_256_GCM, secret.expose()).expect("a key of AES-256 has 32 bytes");
        let file = tempfile::tempfile_in(folder)?;
        Ok(Self { file, key: LessSafeKey::new(key), pieces: Mutex::default() })
    }

    fn pieces(&self) -> Vec<usize> {
        self.pieces.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One nonce for each piece of a file; each file has its own key.
    fn nonce(piece: usize) -> Nonce {
        let mut nonce = [0; NONCE_LEN];
        nonce[..8].copy_from_slice(&(piece as u64).to_be_bytes());
        Nonce::assume_unique_for_key(nonce)
    }

    fn add(&self, mut piece: Vec<u8>) -> io::Result<()> {
        let mut pieces = self.pieces.lock().unwrap_or_else(PoisonError::into_inner);
        let sealed = self.key.seal_in_place_append_tag(Self::nonce(pieces.len()), Aad::empty(), &mut piece);
        sealed.map_err(|_| io::Error::other("a piece cannot be sealed"))?;
        let at: usize = pieces.iter().sum();
        self.file.write_all_at(&piece, at as u64)?;
        pieces.push(piece.len());
        Ok(())
    }

    fn read(&self, number: usize, at: usize, length: usize) -> Result<Bytes> {
        let mut piece = vec![0; length];
        self.file.read_exact_at(&mut piece, at as u64).map_err(changed)?;
        let opened = self.key.open_in_place(Self::nonce(number), Aad::empty(), &mut piece);
        let length = opened.map_err(|_| changed("a piece does not open"))?.len();
        piece.truncate(length);
        Ok(piece.into())
    }
}

/// What other engines said and did not fit into memory: pieces of a file without a name, as they came.
pub(crate) struct Aside {
    spill: Spill,
    /// Where each piece begins, and how long it is, sealed.
    places: Mutex<Vec<(usize, usize)>>,
}

impl Aside {
    /// An empty one in a folder.
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        Ok(Self { spill: Spill::new(folder)?, places: Mutex::default() })
    }

    /// Puts a piece there; says which it is.
    pub(crate) fn put(&self, mut piece: Vec<u8>) -> Result<usize> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let number = places.len();
        let at = places.last().map_or(0, |(at, length)| at + length);
        let sealed = self.spill.key.seal_in_place_append_tag(Spill::nonce(number), Aad::empty(), &mut piece);
        sealed.map_err(|_| io::Error::other("a piece cannot be sealed"))?;
        self.spill.file.write_all_at(&piece, at as u64)?;
        places.push((at, piece.len()));
        Ok(number)
    }

    /// A piece that was put there.
    pub(crate) fn get(&self, number: usize) -> Result<Bytes> {
        let place = self.places.lock().unwrap_or_else(PoisonError::into_inner).get(number).copied();
        let (at, length) = place.ok_or_else(|| changed("there is no such piece"))?;
        self.spill.read(number, at, length)
    }
}

fn changed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> DataFusionError {
    DataFusionError::External(error.into())
}

struct Shared(Arc<Spill>);

impl SpillFile for Shared {
    fn size(&self) -> Option<u64> {
        Some(self.0.pieces().iter().sum::<usize>() as u64)
    }

    fn read_stream(&self) -> Result<Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>> {
        let spill = self.0.clone();
        let mut at = 0;
        let pieces = spill.pieces().into_iter().enumerate().map(move |(number, length)| {
            let piece = spill.read(number, at, length);
            at += length;
            piece
        });
        Ok(futures::stream::iter(pieces).boxed())
    }

    fn open_writer(&self) -> Result<Box<dyn SpillWriter>> {
        Ok(Box::new(Writer { spill: self.0.clone(), waiting: Vec::new() }))
    }
}

struct Writer {
    spill: Arc<Spill>,
    waiting: Vec<u8>,
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(PIECE - self.waiting.len());
        self.waiting.extend_from_slice(&bytes[..taken]);
        if self.waiting.len() == PIECE {
            self.flush()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() { Ok(()) } else { self.spill.add(std::mem::take(&mut self.waiting)) }
    }
}

impl SpillWriter for Writer {
    fn finish(&mut self) -> Result<()> {
        Ok(self.flush()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn spill(text: &[u8]) -> Arc<Spill> {
        let folder = tempfile::tempdir().expect("a folder");
        let key = UnboundKey::new(&AES_256_GCM, &[7; 32]).expect("a key");
        let file = tempfile::tempfile_in(folder.path()).expect("a file");
        let spill = Arc::new(Spill { file, key: LessSafeKey::new(key), pieces: Mutex::default() });
        let mut writer = Shared(spill.clone()).open_writer().expect("a writer");
        writer.write_all(text).expect("it is written");
        writer.finish().expect("it is finished");
        spill
    }

    fn read(spill: &Arc<Spill>) -> Result<Vec<u8>> {
        let stream = Shared(spill.clone()).read_stream()?;
        let pieces: Vec<_> = futures::executor::block_on(stream.collect());
        let pieces: Vec<Bytes> = pieces.into_iter().collect::<Result<_>>()?;
        Ok(pieces.concat())
    }

    #[test]
    fn what_is_put_aside_comes_back_and_is_not_seen() {
        let text = b"Zanzibar".repeat(PIECE / 5);
        let spill = spill(&text);
        assert!(spill.pieces().len() > 1);
        assert_eq!(read(&spill).expect("it opens"), text);
        let mut bytes = Vec::new();
        let mut file = spill.file.try_clone().expect("a handle");
        std::io::Seek::rewind(&mut file).expect("a file");
        file.read_to_end(&mut bytes).expect("a file");
        assert!(bytes.len() > text.len() && !bytes.windows(8).any(|window| window == b"Zanzibar"));
    }

    #[test]
    fn pieces_come_back_in_any_order_or_not_at_all() {
        let folder = tempfile::tempdir().expect("a folder");
        let aside = Aside::new(folder.path()).expect("it is made");
        for piece in [&b"one"[..], b"", b"three"] {
            aside.put(piece.to_vec()).expect("it is put aside");
        }
        assert_eq!(aside.get(2).expect("it opens"), &b"three"[..]);
        assert_eq!(aside.get(0).expect("it opens"), &b"one"[..]);
        assert!(aside.get(1).expect("it opens").is_empty() && aside.get(3).is_err());
        aside.spill.file.write_all_at(b"x", 1).expect("a byte");
        assert!(aside.get(0).is_err() && aside.get(2).is_ok());
    }

    #[test]
    fn what_was_changed_exchanged_or_cut_does_not_come_back() {
        let text = b"Zanzibar".repeat(PIECE / 4);
        let first = spill(&text).pieces()[0];
        for at in (0..first).step_by(4099) {
            let spill = spill(&text);
            let mut byte = [0];
            spill.file.read_exact_at(&mut byte, at as u64).expect("a byte");
            spill.file.write_all_at(&[byte[0] ^ 1], at as u64).expect("a byte");
            assert!(read(&spill).is_err(), "{at}");
        }
        let exchanged = spill(&text);
        let mut pieces = vec![0; 2 * first];
        exchanged.file.read_exact_at(&mut pieces, 0).expect("two pieces");
        pieces.rotate_left(first);
        exchanged.file.write_all_at(&pieces, 0).expect("two pieces");
        assert!(read(&exchanged).is_err());
        let cut = spill(&text);
        cut.file.set_len(first as u64).expect("a file");
        assert!(read(&cut).is_err());
    }
}
