//! The host's end of the pipe: questions in, answers out, many at once.
//!
//! It ends when the broker hangs up, or says nothing for [`PATIENCE`]: a broker asks every second, and one
//! that is cut off must not leave a process behind. The nodes go on without it.
//!
//! While a long question comes in over a slow line, those that the broker asks to hear whether anybody is here wait behind it: the
//! host says so by itself.

use super::lanes::{self, Lanes, Queues};
use super::listening::Listening;
use super::wire::{self, Answer, Ask, Frame, GREETING, SIGN_OF_LIFE, WireError};
use crate::host::Host;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy, split};
use tokio::sync::Semaphore;
use tokio::time::{interval, timeout};
use welkin_provider::Login;

/// How long a broker may say nothing.
const PATIENCE: Duration = Duration::from_secs(60);

/// Questions that are worked on at once; each may hold a piece of a file, so some 256 MB at the most.
const AT_ONCE: usize = 256;

/// Pause between two signs of life while a question comes in: the broker bears five seconds of silence.
const SIGN_EVERY: Duration = Duration::from_secs(1);

/// What has come.
#[derive(Debug, Default)]
struct Came {
    bytes: AtomicU64,
    /// How many of them were those of whole questions.
    whole: AtomicU64,
}

/// Serves until the broker is gone.
pub(crate) async fn serve(
    host: Arc<Host>,
    input: impl AsyncRead + Unpin,
    mut output: impl AsyncWrite + Send + Unpin + 'static,
) -> Result<(), WireError> {
    wire::write(&mut output, format!("{GREETING}\n").as_bytes()).await?;
    let came = Arc::new(Came::default());
    let heard = |bytes: usize| {
        came.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    };
    let mut input = Listening { input, heard };
    let Some(first) = next(&mut input, &came).await? else { return Ok(()) };
    if let Ask::Login { .. } = first.head {
        return logged_in(&host, first, input, output).await;
    }
    let mut first = Some(first);
    let (answers, queues) = lanes::lanes(AT_ONCE);
    let tasks = [tokio::spawn(write(queues, output)), tokio::spawn(sign(Arc::clone(&came), answers.clone()))];
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let ended = loop {
        let frame = match first.take() {
            Some(first) => first,
            None => match next(&mut input, &came).await {
                Ok(Some(frame)) => frame,
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            },
        };
        // Closed never: the semaphore lives as long as this loop.
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { break Ok(()) };
        let (host, answers) = (Arc::clone(&host), answers.clone());
        tokio::spawn(async move {
            let _place = place;
            if let Some(frame) = answered(&host, frame).await {
                // Nobody reads any more: the loop above will notice.
                let _ = answers.send(frame).await;
            }
        });
    };
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    ended
}

/// The next question; none from a broker that hung up, or of which nothing came for [`PATIENCE`].
async fn next(input: &mut (impl AsyncRead + Unpin), came: &Came) -> Result<Option<Frame<Ask>>, WireError> {
    let mut read = pin!(wire::read::<Ask>(input));
    loop {
        let before = came.bytes.load(Ordering::Relaxed);
        if let Ok(frame) = timeout(PATIENCE, &mut read).await {
            came.whole.store(came.bytes.load(Ordering::Relaxed), Ordering::Relaxed);
            return frame;
        }
        if came.bytes.load(Ordering::Relaxed) == before {
            return Ok(None);
        }
    }
}

/// Says that this host is there, as long as parts of a question come in.
async fn sign(came: Arc<Came>, answers: Lanes) {
    let Ok(sign) = wire::encode(SIGN_OF_LIFE, &Answer::Done, &[]) else { return };
    let mut tick = interval(SIGN_EVERY);
    let mut seen = 0;
    loop {
        tick.tick().await;
        let bytes = came.bytes.load(Ordering::Relaxed);
        let is_partial = bytes != came.whole.load(Ordering::Relaxed);
        if std::mem::replace(&mut seen, bytes) != bytes && is_partial && answers.offer(sign.clone()).is_err()
        {
            return;
        }
    }
}

/// Carries one login to its end: that of the server, whichever side hung up first.
async fn logged_in(
    host: &Arc<Host>,
    frame: Frame<Ask>,
    mut input: impl AsyncRead + Unpin,
    mut output: impl AsyncWrite + Unpin,
) -> Result<(), WireError> {
    let Ask::Login { lease, rank, key, env } = frame.head else { return Ok(()) };
    let Login { door, bytes } = match host.login(&lease, rank, &key, env).await {
        Ok(login) => login,
        Err(error) => {
            let answer = wire::encode(frame.number, &Answer::failure(&error), &[])?;
            return Ok(wire::write(&mut output, &answer).await?);
        }
    };
    wire::write(&mut output, &wire::encode(frame.number, &Answer::Login(door), &[])?).await?;
    let (mut from, mut to) = split(bytes);
    let there = async {
        // Whoever is gone is seen to be by the other way as well.
        drop(copy(&mut input, &mut to).await);
        drop(to.shutdown().await);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        carried = copy(&mut from, &mut output) => drop(carried),
        () = there => {}
    }
    Ok(output.shutdown().await?)
}

async fn answered(host: &Arc<Host>, frame: Frame<Ask>) -> Option<Vec<u8>> {
    let (answer, body) = match host.answer(frame.head, frame.body).await {
        Ok(answer) => answer,
        Err(error) => (Answer::failure(&error), Vec::new()),
    };
    wire::encode(frame.number, &answer, &body).ok()
}

async fn write(mut queues: Queues, mut output: impl AsyncWrite + Unpin) {
    while let Some(frame) = queues.next().await {
        if wire::write(&mut output, &frame).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::link::{CallError, Link};
    use super::super::paced;
    use super::*;
    use tokio::io::AsyncReadExt;
    use tokio::time::Instant;
    use welkin_provider::{ErrorKind, LeaseId};

    async fn link(root: &std::path::Path, bytes_per_second: u64) -> Link {
        let host = Host::with_agents(root, "exit 1");
        let (mut here, there) = paced::line(bytes_per_second);
        let (input, output) = split(there);
        tokio::spawn(serve(host, input, output));
        let mut greeting = vec![0; GREETING.len() + 1];
        here.read_exact(&mut greeting).await.unwrap();
        let (input, output) = split(here);
        let link = Link::new(input, output, None);
        link.call(&Ask::Hello, &[], Duration::from_secs(30)).await.unwrap();
        link
    }

    async fn put(link: &Link) -> Result<(Answer, Vec<u8>), CallError> {
        let lease = LeaseId("none".into());
        let ask = Ask::Put { lease, rank: 0, path: "p".into(), offset: 0, last: false };
        link.call(&ask, &vec![0; wire::PIECE_BYTES], Duration::from_secs(30)).await
    }

    /// A mebibyte at 100 KB/s takes twice as long as a broker bears silence.
    #[tokio::test(start_paused = true)]
    async fn data_that_go_slowly_are_no_silence_and_keep_nobody_else_waiting() {
        let root = tempfile::tempdir().unwrap();
        let link = link(root.path(), 100_000).await;
        let began = Instant::now();
        let puts = futures::future::join_all((0..12).map(|_| put(&link)));
        let asked = async {
            for _ in 0..4 {
                let (answer, _) = link.call(&Ask::Owners, &[], Duration::from_secs(30)).await.unwrap();
                assert!(matches!(answer, Answer::Owners(_)), "{answer:?}");
            }
        };
        let (put, ()) = tokio::join!(puts, asked);
        for answer in put {
            let (answer, _) = answer.unwrap();
            assert!(matches!(answer, Answer::Failed { kind: ErrorKind::NotFound, .. }), "{answer:?}");
        }
        assert!(began.elapsed() > Duration::from_secs(120), "{:?}", began.elapsed());
        assert_eq!(link.over(), None);
    }

    /// Neither side takes a minute for a mebibyte for the end of the other.
    #[tokio::test(start_paused = true)]
    async fn a_piece_that_takes_minutes_arrives() {
        let root = tempfile::tempdir().unwrap();
        let link = link(root.path(), 10_000).await;
        let began = Instant::now();
        put(&link).await.unwrap();
        assert!(began.elapsed() > PATIENCE && link.over().is_none(), "{:?}", began.elapsed());
    }
}
