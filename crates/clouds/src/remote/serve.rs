//! The host's end of the pipe: questions in, answers out, many at once.
//!
//! It ends when the broker hangs up, or says nothing for [`PATIENCE`]: a broker asks every second, and one
//! that is cut off must not leave a process behind. The nodes go on without it.

use super::wire::{self, Answer, Ask, Frame, GREETING, WireError};
use crate::host::Host;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy, split};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;
use welkin_provider::Login;

/// How long a broker may say nothing.
const PATIENCE: Duration = Duration::from_secs(60);

/// Questions that are worked on at once; each may hold a piece of a file, so some 256 MB at the most.
const AT_ONCE: usize = 256;

/// Serves until the broker is gone.
pub(crate) async fn serve(
    host: Arc<Host>,
    mut input: impl AsyncRead + Unpin,
    mut output: impl AsyncWrite + Send + Unpin + 'static,
) -> Result<(), WireError> {
    wire::write(&mut output, format!("{GREETING}\n").as_bytes()).await?;
    let Ok(first) = timeout(PATIENCE, wire::read::<Ask>(&mut input)).await else { return Ok(()) };
    let Some(first) = first? else { return Ok(()) };
    if let Ask::Login { .. } = first.head {
        return logged_in(&host, first, input, output).await;
    }
    let mut first = Some(first);
    let (answers, queue) = mpsc::channel(AT_ONCE);
    let writer = tokio::spawn(write(queue, output));
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let ended = loop {
        let frame = match first.take() {
            Some(first) => first,
            None => {
                let Ok(read) = timeout(PATIENCE, wire::read::<Ask>(&mut input)).await else { break Ok(()) };
                match read {
                    Ok(Some(frame)) => frame,
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(error),
                }
            }
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
    drop(answers);
    writer.abort();
    ended
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

async fn write(mut queue: mpsc::Receiver<Vec<u8>>, mut output: impl AsyncWrite + Unpin) {
    while let Some(frame) = queue.recv().await {
        if wire::write(&mut output, &frame).await.is_err() {
            return;
        }
    }
}
