//! What members changed and were refused, as lines of JSON in a file that only grows.
//!
//! *Guarantee:* every line of it is whole, whatever a full disk or a power cut left of one: what was written of a line that
//! did not fit is taken back, and what the last broker left half is gone before the next line. Nobody was told that it was
//! written, and what it announced was not done.

use serde::Serialize;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// How much is looked at at once for the end of the last whole line: more than most lines have.
const LOOK_BYTES: u64 = 4096;

/// Where it is written down what members changed and were refused.
#[derive(Debug, Clone)]
pub(crate) struct Audit(Arc<Mutex<Kept<File>>>);

impl Audit {
    /// Adds to a file, for its owner's eyes only.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::OpenOptionsExt;
        let link = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
        let mut options = File::options();
        let file = options.read(true).create(true).append(true).mode(0o600).custom_flags(link).open(path)?;
        let (is, whole) = (file.metadata()?.len(), whole(&file)?);
        if whole < is {
            file.set_len(whole)?;
        }
        Ok(Self(Arc::new(Mutex::new(Kept { file, is_half: false }))))
    }

    pub(crate) fn note(&self, line: &Line<'_>) -> io::Result<()> {
        let text = serde_json::to_string(line)?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).add(&text)
    }
}

/// Up to where a file has whole lines.
fn whole(file: &File) -> io::Result<u64> {
    let mut end = file.metadata()?.len();
    while end > 0 {
        let from = end.saturating_sub(LOOK_BYTES);
        let mut piece = vec![0; usize::try_from(end - from).unwrap_or_default()];
        file.read_exact_at(&mut piece, from)?;
        if let Some(at) = piece.iter().rposition(|byte| *byte == b'\n') {
            return Ok(from + at as u64 + 1);
        }
        end = from;
    }
    Ok(0)
}

/// A file to which lines are added, and whether it ends in half of one.
#[derive(Debug)]
struct Kept<F> {
    file: F,
    is_half: bool,
}

impl<F: Grows> Kept<F> {
    fn add(&mut self, line: &str) -> io::Result<()> {
        let before = self.file.size()?;
        // In one write: lines of two requests do not mix.
        let text = if self.is_half { format!("\n{line}\n") } else { format!("{line}\n") };
        let written = self.file.append(text.as_bytes());
        self.is_half = match &written {
            Ok(()) => false,
            // A full disk takes nothing, and gives back.
            Err(_) => self.file.cut(before).is_err() || self.is_half,
        };
        written
    }
}

/// What grows, and can be cut.
trait Grows {
    fn size(&self) -> io::Result<u64>;
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    fn cut(&mut self, size: u64) -> io::Result<()>;
}

impl Grows for File {
    fn size(&self) -> io::Result<u64> {
        self.metadata().map(|file| file.len())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn cut(&mut self, size: u64) -> io::Result<()> {
        self.set_len(size)
    }
}

/// A line of the audit.
#[derive(Debug, Serialize)]
pub(crate) struct Line<'a> {
    pub(crate) at: u64,
    pub(crate) member: &'a str,
    /// Whether that is the name of a token.
    pub(crate) token: bool,
    pub(crate) fingerprint: String,
    pub(crate) role: &'a str,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) status: u16,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk with so much room, on which a file may not be cut where that is so.
    struct Disk {
        text: Vec<u8>,
        room: usize,
        cuts: bool,
    }

    impl Grows for Disk {
        fn size(&self) -> io::Result<u64> {
            Ok(self.text.len() as u64)
        }

        fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
            let fits = bytes.len().min(self.room - self.text.len());
            self.text.extend_from_slice(&bytes[..fits]);
            if fits < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        }

        fn cut(&mut self, size: u64) -> io::Result<()> {
            if !self.cuts {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            self.text.truncate(usize::try_from(size).expect("it is small"));
            Ok(())
        }
    }

    fn lines(disk: &Kept<Disk>) -> Vec<&str> {
        std::str::from_utf8(&disk.file.text).expect("it is text").lines().collect()
    }

    #[test]
    fn a_line_that_finds_no_room_leaves_nothing_and_the_next_one_is_whole() {
        let disk = |cuts| Kept { file: Disk { text: Vec::new(), room: 9, cuts }, is_half: false };
        let mut kept = disk(true);
        kept.add("one").expect("there is room");
        for _ in 0..2 {
            assert_eq!(kept.add("a long one").expect_err("no room").kind(), io::ErrorKind::StorageFull);
        }
        kept.file.room = 100;
        kept.add("two").expect("there is room");
        assert_eq!(lines(&kept), ["one", "two"]);
        // Where it cannot be taken back, the next line stands apart from it.
        let mut kept = disk(false);
        kept.add("one").expect("there is room");
        assert!(kept.add("a long one").is_err() && kept.add("another").is_err());
        kept.file.room = 100;
        kept.add("two").and_then(|()| kept.add("three")).expect("there is room");
        assert_eq!(lines(&kept), ["one", "a lon", "two", "three"]);
    }

    #[test]
    fn what_a_broker_left_half_is_gone_when_the_next_one_begins() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("audit.jsonl");
        let long = "x".repeat(3 * usize::try_from(LOOK_BYTES).expect("it is small"));
        for (left, whole) in [
            (String::new(), ""),
            ("{}\n".to_owned(), "{}\n"),
            ("{}\n{\"at\":".to_owned(), "{}\n"),
            ("{\"at\":".to_owned(), ""),
            (format!("{{}}\n{{\"path\":\"{long}"), "{}\n"),
        ] {
            std::fs::write(&path, left).expect("it is written");
            let audit = Audit::open(&path).expect("it is opened");
            let line = Line {
                at: 1,
                member: "ana",
                token: false,
                fingerprint: String::new(),
                role: "member",
                method: "POST",
                path: "/v1/runs",
                status: 100,
            };
            audit.note(&line).expect("it is written");
            let text = std::fs::read_to_string(&path).expect("it is read");
            assert_eq!(text, format!("{whole}{}\n", serde_json::to_string(&line).expect("it is written")));
        }
    }
}
