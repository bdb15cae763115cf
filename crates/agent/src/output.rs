//! From a script's output to log events.
//!
//! Each read becomes one append of all its lines, so a flood costs one write for each 64 KiB. The
//! reader waits for the disk, and for a broker that reads what would be dropped next, and the script waits for
//! the reader; nothing piles up in between. What
//! stands on a line that does not end is told in pieces after [`GLIMPSE_AFTER`]: dots, prompts and
//! progress bars are seen while they are written.

use crate::lines::{LineSplitter, Words};
use crate::mask::Masker;
use crate::step::StepRecord;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, sleep_until};
use welkin_provider::{EventKind, Stream};
use welkin_units::Bytes;

/// Most of the events of one step that a node keeps unless the provider says otherwise, half of it
/// from the beginning and half from the end. A log is for reading; results are outputs. A thousand
/// steps of a run then still fit a small disk.
pub const LOG_LIMIT: Bytes = Bytes::new(64 << 20);

/// Bytes of one read: the capacity of a pipe.
const READ_BYTES: usize = 64 << 10;

/// How long the beginning of a line waits for its end before it is told: longer than a program takes
/// between two parts of a line, shorter than a person who waits for a prompt.
const GLIMPSE_AFTER: Duration = Duration::from_millis(500);

/// Reads one stream to its end.
pub(crate) async fn pump(
    mut input: impl AsyncRead + Unpin,
    stream: Stream,
    record: Arc<StepRecord>,
    masker: Arc<Masker>,
) -> io::Result<()> {
    let mut splitter = LineSplitter::default();
    let mut buffer = vec![0; READ_BYTES];
    // When something was first there that nobody has been told.
    let mut unseen: Option<Instant> = None;
    loop {
        let mut said = Vec::new();
        let due = unseen.map_or_else(Instant::now, |since| since + GLIMPSE_AFTER);
        let read = tokio::select! {
            biased;
            // Before the next read: a bar that never pauses is seen as well.
            () = sleep_until(due), if unseen.is_some() => None,
            count = input.read(&mut buffer) => Some(count?),
        };
        match read {
            None => {
                unseen = None;
                said.extend(splitter.glimpse(&masker));
            }
            Some(0) => splitter.finish(&masker, |words| said.push(words)),
            Some(count) => splitter.push(&buffer[..count], &masker, |words| said.push(words)),
        }
        if !said.is_empty() {
            record.room().await;
            record.append(said.into_iter().map(|words| event(stream, words)).collect())?;
        }
        match read {
            Some(0) => return Ok(()),
            _ if splitter.has_unseen() => _ = unseen.get_or_insert_with(Instant::now),
            _ => unseen = None,
        }
    }
}

fn event(stream: Stream, words: Words) -> EventKind {
    match words {
        Words::Line(line) => EventKind::Log { stream, line },
        Words::Piece { text, last, unended } => EventKind::Piece { stream, text, last, unended },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use tokio::io::AsyncWriteExt;
    use welkin_provider::{Step, StepId, SystemClock};

    fn record(folder: &std::path::Path) -> Arc<StepRecord> {
        let step = Step {
            id: StepId("s".to_owned()),
            fetch: Vec::new(),
            script: None,
            workdir: String::new(),
            env: BTreeMap::new(),
            secret_env: Vec::new(),
            publish: Vec::new(),
            listens: false,
        };
        Arc::new(StepRecord::create(&folder.join("s"), &step, LOG_LIMIT, Arc::new(SystemClock)).unwrap())
    }

    /// A prompt waits for its answer, and whoever should give it must see it.
    #[tokio::test(start_paused = true)]
    async fn a_prompt_is_told_before_its_line_ends() {
        let folder = tempfile::tempdir().unwrap();
        let record = record(folder.path());
        let (mut script, output) = tokio::io::duplex(64);
        let pumping =
            tokio::spawn(pump(output, Stream::Stdout, Arc::clone(&record), Arc::new(Masker::default())));
        script.write_all(b"Continue? ").await.unwrap();
        let (told, _) = record.events(0, Duration::from_secs(9)).await.unwrap();
        let piece = |text: &str, last| EventKind::Piece {
            stream: Stream::Stdout,
            text: text.to_owned(),
            last,
            unended: false,
        };
        assert_eq!(told[0].kind, piece("Continue? ", false));
        script.write_all(b"yes\n").await.unwrap();
        drop(script);
        pumping.await.unwrap().unwrap();
        assert_eq!(record.events(1, Duration::ZERO).await.unwrap().0[0].kind, piece("yes", true));
    }

    /// Each answer costs its reader a durable write: a short script is told in one, a long one is not waited for.
    #[tokio::test(start_paused = true)]
    async fn that_a_step_began_is_told_with_what_it_says_at_once_or_else_soon() {
        let folder = tempfile::tempdir().unwrap();
        let record = record(folder.path());
        record.append(vec![EventKind::Started]).unwrap();
        let began = Instant::now();
        let (told, _) = record.events(0, Duration::from_secs(9)).await.unwrap();
        assert_eq!((told.len(), began.elapsed() < Duration::from_secs(1)), (1, true));
        let says = async {
            tokio::time::sleep(Duration::from_millis(30)).await;
            record.append(vec![EventKind::ScriptStarted]).unwrap();
            tokio::time::sleep(Duration::from_millis(30)).await;
            record.say("a line").unwrap();
        };
        let (answer, ()) = tokio::join!(record.events(0, Duration::from_secs(9)), says);
        assert_eq!(answer.unwrap().0.len(), 3);
        // A line is not waited for so long.
        let began = Instant::now();
        record.say("another").unwrap();
        assert_eq!(record.events(3, Duration::from_secs(9)).await.unwrap().0.len(), 1);
        assert!(began.elapsed() < Duration::from_millis(50));
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_that_comes_after_a_silence_is_told_at_once_and_those_that_follow_it_together() {
        let folder = tempfile::tempdir().unwrap();
        let record = record(folder.path());
        record.append(vec![EventKind::Started, EventKind::ScriptStarted]).unwrap();
        let pause = async |millis| tokio::time::sleep(Duration::from_millis(millis)).await;
        let says = async {
            pause(200).await;
            record.say("one").unwrap();
            pause(5).await;
            record.say("two").unwrap();
        };
        let (answer, ()) = tokio::join!(record.events(2, Duration::from_secs(9)), says);
        assert_eq!(answer.unwrap().0.len(), 1);
        let says = async {
            pause(5).await;
            record.say("three").unwrap();
        };
        let (answer, ()) = tokio::join!(record.events(3, Duration::from_secs(9)), says);
        assert_eq!(answer.unwrap().0.len(), 2);
    }
}
