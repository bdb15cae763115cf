//! What is said to a script: lines in their order, each once, into the pipe that is its standard input.
//!
//! The pipe has a name in the step's folder, since two processes lie between the agent and the script, and none of them has to
//! carry a thing for it. The agent holds its writing end until the end is said.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Most of what is said to one step, in bytes: messages, not data.
const MOST_BYTES: usize = 64 << 20;

/// Most lines.
const MOST_LINES: usize = 10_000;

/// What a step was told, whether its script has read it or not.
#[derive(Debug)]
pub(crate) struct Ear {
    /// None of a step that does not listen.
    heard: Option<Mutex<Heard>>,
}

#[derive(Debug)]
struct Heard {
    ids: BTreeSet<String>,
    bytes: usize,
    /// None after the end.
    lines: Option<UnboundedSender<Vec<u8>>>,
    /// Until the script is there.
    waiting: Option<UnboundedReceiver<Vec<u8>>>,
}

impl Ear {
    /// Of a step that listens, or does not.
    pub(crate) fn new(listens: bool) -> Self {
        let (lines, waiting) = unbounded_channel();
        let heard = Heard { ids: BTreeSet::new(), bytes: 0, lines: Some(lines), waiting: Some(waiting) };
        Self { heard: listens.then(|| Mutex::new(heard)) }
    }

    /// Takes a line, or the end.
    pub(crate) fn hear(&self, id: String, line: Option<String>) -> Result<(), String> {
        let Some(mut heard) = self.heard() else { return Err("the step does not listen".to_owned()) };
        if heard.ids.contains(&id) {
            return Ok(());
        }
        let bytes = line.as_ref().map_or(0, String::len);
        if heard.bytes + bytes > MOST_BYTES || heard.ids.len() >= MOST_LINES {
            return Err(format!("more than {MOST_BYTES} bytes or {MOST_LINES} lines were said to the step"));
        }
        if line.as_ref().is_some_and(|line| line.contains('\n')) {
            return Err("a line has no other line in it".to_owned());
        }
        let Some(lines) = &heard.lines else { return Err("the end was said already".to_owned()) };
        match line {
            Some(mut line) => {
                line.push('\n');
                // Nobody hears it when the script is over, which is as good.
                let _ = lines.send(line.into_bytes());
            }
            None => heard.lines = None,
        }
        heard.bytes += bytes;
        heard.ids.insert(id);
        Ok(())
    }

    /// Makes the pipe, and passes on what is said until the end: a future that belongs to the life of the script. None for
    /// a step that does not listen.
    pub(crate) fn open(&self, path: &Path) -> io::Result<Option<impl Future<Output = ()> + use<>>> {
        let Some(mut waiting) = self.heard().and_then(|mut heard| heard.waiting.take()) else {
            return Ok(None);
        };
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0)?;
        // For reading too: otherwise it could only be opened once the script is there.
        let mut pipe = pipe::OpenOptions::new().read_write(true).open_sender(path)?;
        Ok(Some(async move {
            while let Some(line) = waiting.recv().await {
                if pipe.write_all(&line).await.is_err() {
                    return;
                }
            }
        }))
    }

    fn heard(&self) -> Option<MutexGuard<'_, Heard>> {
        self.heard.as_ref().map(|heard| heard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[tokio::test]
    async fn lines_come_once_in_their_order_and_then_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stdin");
        let ear = Ear::new(true);
        let say = |id: &str, line: Option<&str>| ear.hear(id.to_owned(), line.map(str::to_owned));
        say("a", Some("one")).unwrap();
        let passing = tokio::spawn(ear.open(&path).unwrap().unwrap());
        let reading = tokio::task::spawn_blocking(move || {
            let mut text = String::new();
            std::fs::File::open(&path).unwrap().read_to_string(&mut text).unwrap();
            text
        });
        let long = "x".repeat(200_000);
        say("b", Some(&long)).unwrap();
        say("a", Some("one again")).unwrap();
        assert!(say("c", Some("two\nlines")).is_err());
        say("end", None).unwrap();
        say("end", None).unwrap();
        assert!(say("d", Some("late")).is_err());
        passing.await.unwrap();
        assert_eq!(reading.await.unwrap(), format!("one\n{long}\n"));
    }

    #[test]
    fn a_step_that_does_not_listen_says_so() {
        let ear = Ear::new(false);
        assert!(ear.hear("a".to_owned(), None).is_err());
        assert!(ear.open(Path::new("/nowhere/stdin")).unwrap().is_none());
    }
}
