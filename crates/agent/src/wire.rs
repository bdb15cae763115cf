//! Frames between a client and the agent: four bytes of length, big endian, then that much JSON.
//!
//! Each request carries the protocol's version, so that a broker and an agent of different builds
//! find out in words. A connection serves any number of requests, one after the other.

use crate::word::Word;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use welkin_provider::{Door, ErrorKind, Event, Step, StepId, UnixMillis};
use welkin_units::Span;

/// Version of the protocol.
pub const PROTOCOL: u32 = 2;

/// Longest frame: a step with a script of some megabytes, doubled by JSON's escapes.
pub const MAX_FRAME_BYTES: usize = 16 << 20;

/// Longest path of a unix socket on Linux: `sun_path` has 108 bytes, one of them the end mark.
pub const MAX_SOCKET_PATH_BYTES: usize = 107;

/// Memory taken before a frame's bytes have come: a length is only a claim.
const FIRST_READ_BYTES: usize = 64 << 10;

/// A request with its version.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Envelope {
    pub(crate) protocol: u32,
    /// By which the agent knows its broker.
    #[serde(default)]
    pub(crate) word: Word,
    pub(crate) request: Request,
}

/// What a client asks.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request {
    /// Who are you?
    Hello,
    /// A sign of life.
    Ping,
    /// Start a step.
    Start { step: Box<Step> },
    /// Events from a number on, waiting for the first.
    Events { step: StepId, from: u64, wait: Span },
    /// End a step.
    Stop { step: StepId, grace: Span },
    /// Say something to a step that listens.
    Say { step: StepId, id: String, line: Option<String> },
    /// The provider will take the node away.
    Preempt { at: UnixMillis },
    /// Log somebody in who has this key: after the answer the connection is an SSH server's.
    Login { key: String, env: BTreeMap<String, String> },
    /// How many are logged in?
    Logins,
}

/// What the agent answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Response {
    Hello(AgentInfo),
    Done,
    /// `over`: these are the last there will be.
    Events {
        events: Vec<Event>,
        over: bool,
    },
    Login(Door),
    Logins {
        open: u32,
    },
    Failed {
        kind: ErrorKind,
        message: String,
    },
}

/// Who serves a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentInfo {
    /// The node it serves.
    pub node_id: String,
    /// Its version.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// When it began to serve, by its clock.
    pub started: UnixMillis,
    /// Whether all that its steps leave behind remains its descendant: nothing of the node is elsewhere
    /// while it lives. Agents of earlier versions do not say.
    #[serde(default)]
    pub adopts: bool,
}

/// Why a frame could not be exchanged.
#[derive(Debug, Error)]
pub(crate) enum FrameError {
    #[error("the connection failed")]
    Io(#[source] io::Error),
    #[error("a frame of {0} bytes is longer than {MAX_FRAME_BYTES}")]
    TooLong(usize),
    #[error("a frame is malformed: {0}")]
    Malformed(String),
}

/// Reads one frame; `None` when the other side closed between two frames.
pub(crate) async fn read_frame<T: DeserializeOwned>(
    input: &mut (impl AsyncRead + Unpin),
) -> Result<Option<T>, FrameError> {
    match read_length(input).await? {
        Some(length) => read_body(input, length).await.map(Some),
        None => Ok(None),
    }
}

/// Reads the length of the next frame; `None` when the other side closed instead.
pub(crate) async fn read_length(input: &mut (impl AsyncRead + Unpin)) -> Result<Option<usize>, FrameError> {
    let mut head = [0_u8; 4];
    if input.read(&mut head[..1]).await.map_err(FrameError::Io)? == 0 {
        return Ok(None);
    }
    input.read_exact(&mut head[1..]).await.map_err(FrameError::Io)?;
    let length = u32::from_be_bytes(head) as usize;
    if length > MAX_FRAME_BYTES { Err(FrameError::TooLong(length)) } else { Ok(Some(length)) }
}

async fn read_body<T: DeserializeOwned>(
    input: &mut (impl AsyncRead + Unpin),
    length: usize,
) -> Result<T, FrameError> {
    let mut body = Vec::with_capacity(length.min(FIRST_READ_BYTES));
    let read = input.take(length as u64).read_to_end(&mut body).await.map_err(FrameError::Io)?;
    if read < length {
        return Err(FrameError::Io(io::ErrorKind::UnexpectedEof.into()));
    }
    serde_json::from_slice(&body).map_err(|error| FrameError::Malformed(error.to_string()))
}

/// Writes one frame.
pub(crate) async fn write_frame(
    output: &mut (impl AsyncWrite + Unpin),
    value: &impl Serialize,
) -> Result<(), FrameError> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, value).map_err(|error| FrameError::Malformed(error.to_string()))?;
    let length = frame.len() - 4;
    if length > MAX_FRAME_BYTES {
        return Err(FrameError::TooLong(length));
    }
    let head = u32::try_from(length).map_err(|_| FrameError::TooLong(length))?;
    frame[..4].copy_from_slice(&head.to_be_bytes());
    output.write_all(&frame).await.map_err(FrameError::Io)?;
    output.flush().await.map_err(FrameError::Io)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    async fn read(bytes: &[u8]) -> Result<Option<Envelope>, FrameError> {
        read_frame(&mut &*bytes).await
    }

    #[tokio::test]
    async fn a_frame_survives_the_round_trip() {
        let mut bytes = Vec::new();
        let sent = Envelope { protocol: PROTOCOL, word: Word::default(), request: Request::Ping };
        write_frame(&mut bytes, &sent).await.unwrap();
        assert!(matches!(read(&bytes).await, Ok(Some(Envelope { request: Request::Ping, .. }))));
        assert!(matches!(read(&[]).await, Ok(None)));
    }

    #[tokio::test]
    async fn half_oversized_and_senseless_frames_are_refused() {
        assert!(matches!(read(&[0, 0]).await, Err(FrameError::Io(_))));
        assert!(matches!(read(&[0, 0, 0, 9, b'{']).await, Err(FrameError::Io(_))));
        assert!(matches!(read(&[255; 8]).await, Err(FrameError::TooLong(_))));
        assert!(matches!(read(&[0, 0, 0, 2, b'{', b'}']).await, Err(FrameError::Malformed(_))));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let _ = runtime.block_on(read(&bytes));
        }
    }
}
