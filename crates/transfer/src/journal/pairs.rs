//! Which version of the source each object at the target was made of, so that the next mirror of the same places need not
//! ask for the time of every object: listings of stores do not show it.
//!
//! A file of key and two marks for each object, in the order of keys: hashes of version and length at the source, and at
//! the target. When both listings still show what was hashed, neither side has changed since the object was
//! written, or found to be the same. It is made anew at the end of each transfer, of what the transfer saw.
//!
//! *A cache:* where it is missing, cut off or damaged, objects are asked for their times again. A mark of 64 bits that
//! fits by chance, of 2^32 objects that changed, occurs once in 2^32 such mirrors.

use crate::journal::file::Journal;
use crate::journal::private;
use crate::journal::record::Record;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use welkin_store::Listed;

/// What the file begins with.
const HEAD: &[u8; 16] = b"welkin.pairs.v1\n";

/// Bytes read or written at a time.
const BUFFER_BYTES: usize = 64 << 10;

/// What is known of both sides of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) source: u64,
    pub(crate) target: u64,
}

impl Marks {
    /// Of what listings show; `None` where a side keeps no versions.
    pub(crate) fn of(source: &Listed, target: &Listed) -> Option<Self> {
        let mark = |listed: &Listed| Some(mark(listed.version.as_deref()?, listed.size));
        Some(Self { source: mark(source)?, target: mark(target)? })
    }
}

/// A hash of a version and a length.
pub(crate) fn mark(version: &str, size: u64) -> u64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&size.to_le_bytes()).update(version.as_bytes());
    let mut bytes = [0; 8];
    hasher.finalize_xof().fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// The file being read.
#[derive(Debug)]
pub(crate) struct Pairs {
    input: BufReader<File>,
    next: Option<(String, Marks)>,
}

impl Pairs {
    /// `None` where there is no such file, or none of this version.
    pub(crate) fn open(path: &Path) -> Option<Self> {
        let mut input = BufReader::with_capacity(BUFFER_BYTES, File::open(path).ok()?);
        let mut head = [0; HEAD.len()];
        input.read_exact(&mut head).ok().filter(|()| head == *HEAD)?;
        let mut pairs = Self { input, next: None };
        pairs.advance();
        Some(pairs)
    }

    /// What is known of a key. Keys must be asked for in their order.
    pub(crate) fn find(&mut self, key: &str) -> Option<Marks> {
        while let Some((next, marks)) = &self.next {
            let (order, marks) = (next.as_str().cmp(key), *marks);
            if order.is_gt() {
                return None;
            }
            self.advance();
            if order.is_eq() {
                return Some(marks);
            }
        }
        None
    }

    fn advance(&mut self) -> Option<(String, Marks)> {
        // What is not in order is damaged, and the rest with it.
        let next =
            read(&mut self.input).filter(|(key, _)| self.next.as_ref().is_none_or(|(last, _)| last < key));
        std::mem::replace(&mut self.next, next)
    }
}

fn read(input: &mut impl Read) -> Option<(String, Marks)> {
    let mut number = || -> Option<u64> {
        let mut bytes = [0; 8];
        input.read_exact(&mut bytes).ok()?;
        Some(u64::from_le_bytes(bytes))
    };
    let (source, target, length) = (number()?, number()?, number()?);
    let mut key = vec![0; usize::from(u16::try_from(length).ok()?)];
    input.read_exact(&mut key).ok()?;
    Some((String::from_utf8(key).ok()?, Marks { source, target }))
}

/// The file being written, beside the one that is there.
#[derive(Debug)]
pub(crate) struct PairsWriter {
    output: BufWriter<File>,
    beside: PathBuf,
}

impl PairsWriter {
    pub(crate) fn create(path: &Path, extension: &str) -> io::Result<Self> {
        let beside = path.with_extension(extension);
        let file = private::open(&beside)?;
        file.set_len(0)?;
        let mut output = BufWriter::with_capacity(BUFFER_BYTES, file);
        output.write_all(HEAD)?;
        Ok(Self { output, beside })
    }

    pub(crate) fn add(&mut self, key: &str, marks: Marks) -> io::Result<()> {
        for number in [marks.source, marks.target, key.len() as u64] {
            self.output.write_all(&number.to_le_bytes())?;
        }
        self.output.write_all(key.as_bytes())
    }

    /// Ends it and returns where it is.
    pub(crate) fn finish(mut self) -> io::Result<PathBuf> {
        self.output.flush()?;
        Ok(self.beside)
    }
}

/// Makes the file of what a transfer saw to be the same (in `seen`, in order) and of what its journal says.
pub(crate) fn settle(path: &Path, seen: PairsWriter, journal: &Journal) -> io::Result<()> {
    let seen = seen.finish()?;
    let mut known = journal.recent(known).map_err(io::Error::other)?;
    let mut next = known.read()?;
    if next.is_none() {
        return fs::rename(seen, path);
    }
    let mut output = PairsWriter::create(path, "part")?;
    let mut before = Pairs::open(&seen).ok_or_else(|| io::Error::other("what was seen cannot be read"))?;
    while before.next.is_some() || next.is_some() {
        let earlier = match (&before.next, &next) {
            (Some((seen, _)), Some((known, _))) => seen < known,
            (seen, _) => seen.is_some(),
        };
        let taken = if earlier { before.advance() } else { std::mem::replace(&mut next, known.read()?) };
        if let Some((key, marks)) = taken {
            output.add(&key, marks)?;
        }
    }
    let beside = output.finish()?;
    fs::rename(beside, path)?;
    fs::remove_file(seen)
}

/// What a record says of both sides of an object.
fn known(record: Record) -> Option<(String, Marks)> {
    match record {
        Record::Done(done) => {
            let marks = Marks {
                source: mark(&done.version?, done.size),
                target: mark(&done.target_version?, done.size),
            };
            Some((done.source, marks))
        }
        Record::Paired { source, ours, theirs } => Some((source, Marks { source: ours, target: theirs })),
        _ => None,
    }
}
