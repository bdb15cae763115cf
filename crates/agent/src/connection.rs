//! One client's connection: requests and answers, one after the other, each in bounded time.

use crate::login;
use crate::node::Agent;
use crate::wire::{Envelope, FrameError, PROTOCOL, Request, Response, read_frame, write_frame};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::time::timeout;
use welkin_provider::ErrorKind;

/// Time for a whole request to arrive, and for an answer to be taken. Clients of this crate send a
/// request with the connection, so somebody slower is not waiting but blocking.
const FRAME_TIME: Duration = Duration::from_secs(15);

/// Serves a connection until the client closes it or misbehaves.
pub(crate) async fn serve(agent: Arc<Agent>, mut stream: UnixStream) {
    while let Ok(Some(request)) = read(&mut stream).await {
        let refused = request.is_err();
        let response = match request {
            // Nothing of it counts, not even as a sign of life.
            Ok(envelope) if !envelope.word.is(&agent.options().word) => {
                let message = "the client does not know the word of this lease".to_owned();
                Response::Failed { kind: ErrorKind::Forbidden, message }
            }
            Ok(Envelope { request: Request::Login { key, env }, .. }) => {
                let _heard = agent.pulse.request();
                match login::prepare(&agent, key, env).await {
                    Ok(ready) => return ready.begin(&agent, stream).await,
                    Err(login::Refused(kind, message)) => Response::Failed { kind, message },
                }
            }
            Ok(envelope) => {
                let _heard = agent.pulse.request();
                agent.answer(envelope.request).await
            }
            Err(message) => Response::Failed { kind: ErrorKind::Invalid, message },
        };
        let written = timeout(FRAME_TIME, write_frame(&mut stream, &response)).await;
        // After a malformed frame nobody knows where the next one begins.
        if refused || !matches!(written, Ok(Ok(()))) {
            return;
        }
    }
}

/// Reads a request: what is wrong with it, if that can still be said to the client.
async fn read(stream: &mut UnixStream) -> Result<Option<Result<Envelope, String>>, FrameError> {
    let frame = timeout(FRAME_TIME, read_frame::<Envelope>(stream)).await;
    match frame {
        // Silence, and a client that is gone.
        Err(_) | Ok(Ok(None)) => Ok(None),
        Ok(Ok(Some(envelope))) if envelope.protocol == PROTOCOL => Ok(Some(Ok(envelope))),
        Ok(Ok(Some(envelope))) => {
            Ok(Some(Err(format!("the client speaks protocol {}, this agent {PROTOCOL}", envelope.protocol))))
        }
        Ok(Err(error @ FrameError::Io(_))) => Err(error),
        Ok(Err(error)) => Ok(Some(Err(error.to_string()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::home::Home;
    use crate::options::AgentOptions;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::Instant;

    fn agent(folder: &std::path::Path) -> Arc<Agent> {
        let options = AgentOptions::new(folder, folder.join("socket"), "/bin/true", "slow");
        let home = Home::open(folder).unwrap().unwrap();
        Arc::new(Agent::recover(options, home).unwrap())
    }

    /// One byte, then nothing: the agent hangs up when the time of a frame is over.
    #[tokio::test(start_paused = true)]
    async fn a_client_that_dawdles_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        for sent in [&[][..], &[0], &[0, 0, 0, 9, b'{']] {
            let (mut client, server) = UnixStream::pair().unwrap();
            let begin = Instant::now();
            let served = tokio::spawn(serve(agent(folder.path()), server));
            client.write_all(sent).await.unwrap();
            let mut answer = Vec::new();
            client.read_to_end(&mut answer).await.unwrap();
            served.await.unwrap();
            assert!(answer.is_empty());
            assert!(begin.elapsed() >= FRAME_TIME && begin.elapsed() < FRAME_TIME * 2);
        }
    }
}
