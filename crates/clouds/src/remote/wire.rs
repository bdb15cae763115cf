//! What is spoken over the pipe to a host: frames with numbers, so that many calls are under way at once.
//!
//! A frame is `length | number | length of the head | head | body`: 4, 8 and 4 bytes, big endian, then a head
//! in JSON and a body of raw bytes. The broker numbers its questions, an answer carries the number of its
//! question. Whoever reads a frame that is longer than it may be, or senseless, ends the conversation.
//!
//! *Rejected:* one connection for each call through `ssh -W` or a forwarded socket: a client process for each
//! call costs ten times what the call does, and many servers forbid forwarding.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use welkin_provider::{
    Door, ErrorKind, Event, Lease, LeaseId, LeaseRequest, Owner, ProviderError, Step, StepId,
};
use welkin_units::{Bytes, Span};

/// Version of what is spoken. The program on a host is the one that speaks to it, so this only tells a
/// mistake from a conversation.
pub(crate) const PROTOCOL: u32 = 1;

/// Longest frame: the longest step that an agent takes (16 MiB), and what is around it.
pub(crate) const MAX_FRAME_BYTES: usize = 20 << 20;

/// Bytes of a file in one frame: at 100 MB/s a frame takes 10 ms, so that no other call waits for long.
pub(crate) const PIECE_BYTES: usize = 1 << 20;

/// Memory taken before a frame's bytes have come: a length is only a claim.
const FIRST_READ_BYTES: usize = 64 << 10;

/// The number of no question: what the host says while one that is long comes in. Nobody waits for it.
pub(crate) const SIGN_OF_LIFE: u64 = u64::MAX;

/// The first line that the program on a host says, after whatever a login shell has to say.
pub(crate) const GREETING: &str = "welkin-host 1";

/// What the broker asks.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ask {
    /// Who are you, and what do you have?
    Hello,
    /// Are you there?
    Ping,
    Acquire {
        request: Box<LeaseRequest>,
    },
    Observe {
        lease: LeaseId,
    },
    Release {
        lease: LeaseId,
    },
    Forget {
        lease: LeaseId,
    },
    List {
        owner: Owner,
    },
    Owners,
    /// What is not taken.
    Free,
    Start {
        lease: LeaseId,
        rank: u32,
        step: Box<Step>,
    },
    Events {
        lease: LeaseId,
        rank: u32,
        step: StepId,
        from: u64,
        wait: Span,
    },
    Stop {
        lease: LeaseId,
        rank: u32,
        step: StepId,
        grace: Span,
    },
    Say {
        lease: LeaseId,
        rank: u32,
        step: StepId,
        id: String,
        line: Option<String>,
    },
    /// Log somebody in who has this key. The first question of a conversation and its last: behind the answer each way
    /// is the SSH server's.
    Login {
        lease: LeaseId,
        rank: u32,
        key: String,
        env: BTreeMap<String, String>,
    },
    /// How many are logged in?
    Logins {
        lease: LeaseId,
        rank: u32,
    },
    /// Where the node's own data lie.
    Data {
        lease: LeaseId,
        rank: u32,
    },
    /// A piece of a file of the node's data is in the body; the last one makes the file appear.
    Put {
        lease: LeaseId,
        rank: u32,
        path: String,
        offset: u64,
        last: bool,
    },
    /// A piece of a file of the node's data.
    Get {
        lease: LeaseId,
        rank: u32,
        path: String,
        offset: u64,
    },
    /// The files of the node's data below a folder.
    Files {
        lease: LeaseId,
        rank: u32,
        below: String,
    },
}

/// What the host answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    Done,
    Hello(Box<HostInfo>),
    Lease(Box<Lease>),
    Leases(Vec<Lease>),
    Owners(Vec<Owner>),
    Free(Free),
    Events(Vec<Event>),
    Login(Door),
    Logins(u32),
    /// An absolute path on the host.
    Path(String),
    /// Paths and sizes.
    Files(Vec<(String, u64)>),
    /// The piece is in the body; whether it is the last.
    Piece {
        last: bool,
    },
    Failed {
        kind: ErrorKind,
        message: String,
        retry_after: Option<Span>,
    },
}

/// What a host is and has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostInfo {
    /// Version of what is spoken.
    pub protocol: u32,
    /// Its own name for itself.
    pub hostname: String,
    /// The account that its nodes run under.
    pub user: String,
    /// Instruction set, as Rust names it (`x86_64`, `aarch64`).
    pub arch: String,
    /// Processors in thousandths of a virtual CPU.
    pub vcpus_milli: u32,
    /// Physical memory.
    pub memory: Bytes,
    /// Accelerators, one entry a device.
    pub gpus: Vec<Gpu>,
    /// How the other hosts of its pool reach it.
    pub address: String,
    /// What limits nodes, in words.
    pub limits: String,
}

/// One accelerator of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gpu {
    /// Number of the device, as its driver counts.
    pub index: u32,
    /// Who makes it.
    pub vendor: Vendor,
    /// Name, as its driver says it (`NVIDIA A100-SXM4-80GB`).
    pub name: String,
    /// Memory.
    pub memory: Bytes,
}

/// Makers of accelerators that a host can look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vendor {
    /// `nvidia-smi` answers.
    Nvidia,
    /// `rocm-smi` answers.
    Amd,
}

/// What of a host no live lease has taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Free {
    pub(crate) vcpus_milli: u64,
    pub(crate) memory: Bytes,
    /// Numbers of devices.
    pub(crate) devices: Vec<u32>,
}

/// Most accelerators of a host: four times as many as the largest machines have. Names are compared with names.
const MAX_GPUS: usize = 256;

/// Longest text that a host says of itself.
const MAX_WORD_BYTES: usize = 4 << 10;

impl HostInfo {
    /// Whether a host can be so.
    pub(crate) fn is_sensible(&self) -> bool {
        let Self { hostname, user, arch, gpus, address, limits, .. } = self;
        let words =
            [hostname, user, arch, address, limits].into_iter().chain(gpus.iter().map(|gpu| &gpu.name));
        gpus.len() <= MAX_GPUS && words.into_iter().all(|word| word.len() <= MAX_WORD_BYTES)
    }
}

impl Free {
    /// Whether that can be free of a host.
    pub(crate) fn is_sensible(&self) -> bool {
        self.devices.len() <= MAX_GPUS
    }
}

/// What a host says in words, as far as it is kept: it goes on record, and to whoever watches.
pub(crate) fn words(mut message: String) -> String {
    if message.len() > MAX_WORD_BYTES {
        let end = (0..=MAX_WORD_BYTES).rev().find(|at| message.is_char_boundary(*at));
        message.truncate(end.unwrap_or_default());
        message.push('…');
    }
    message
}

impl Answer {
    pub(crate) fn failure(error: &ProviderError) -> Self {
        Self::Failed { kind: error.kind, message: error.message.clone(), retry_after: error.retry_after }
    }
}

/// One frame as it is read.
#[derive(Debug)]
pub(crate) struct Frame<T> {
    pub(crate) number: u64,
    pub(crate) head: T,
    pub(crate) body: Vec<u8>,
}

/// Why a conversation ended.
#[derive(Debug, Error)]
pub(crate) enum WireError {
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
    #[error("a frame of {0} bytes is longer than {MAX_FRAME_BYTES}")]
    TooLong(usize),
    #[error("a frame makes no sense: {0}")]
    Malformed(String),
}

/// A frame as bytes.
pub(crate) fn encode(number: u64, head: &impl Serialize, body: &[u8]) -> Result<Vec<u8>, WireError> {
    let mut frame = vec![0; 16];
    serde_json::to_writer(&mut frame, head).map_err(|error| WireError::Malformed(error.to_string()))?;
    let head_length = frame.len() - 16;
    frame.extend_from_slice(body);
    let length = frame.len() - 4;
    if length > MAX_FRAME_BYTES {
        return Err(WireError::TooLong(length));
    }
    let word = |length| u32::try_from(length).map_err(|_| WireError::TooLong(length));
    frame[..4].copy_from_slice(&word(length)?.to_be_bytes());
    frame[4..12].copy_from_slice(&number.to_be_bytes());
    frame[12..16].copy_from_slice(&word(head_length)?.to_be_bytes());
    Ok(frame)
}

/// Reads one frame; `None` when the other side closed between two frames.
pub(crate) async fn read<T: DeserializeOwned>(
    input: &mut (impl AsyncRead + Unpin),
) -> Result<Option<Frame<T>>, WireError> {
    let mut word = [0_u8; 4];
    if input.read(&mut word[..1]).await? == 0 {
        return Ok(None);
    }
    input.read_exact(&mut word[1..]).await?;
    let length = u32::from_be_bytes(word) as usize;
    if length > MAX_FRAME_BYTES {
        return Err(WireError::TooLong(length));
    }
    let mut rest = Vec::with_capacity(length.min(FIRST_READ_BYTES));
    if input.take(length as u64).read_to_end(&mut rest).await? < length {
        return Err(WireError::Io(io::ErrorKind::UnexpectedEof.into()));
    }
    decode(rest).map(Some)
}

fn decode<T: DeserializeOwned>(mut rest: Vec<u8>) -> Result<Frame<T>, WireError> {
    let short = || WireError::Malformed("it is too short".to_owned());
    let (number, after) = rest.split_first_chunk::<8>().ok_or_else(short)?;
    let (head_length, after) = after.split_first_chunk::<4>().ok_or_else(short)?;
    let (number, head_length) = (u64::from_be_bytes(*number), u32::from_be_bytes(*head_length) as usize);
    let head = after.get(..head_length).ok_or_else(short)?;
    let head = serde_json::from_slice(head).map_err(|error| WireError::Malformed(error.to_string()))?;
    let body = rest.split_off(12 + head_length);
    Ok(Frame { number, head, body })
}

/// Writes one frame.
pub(crate) async fn write(output: &mut (impl AsyncWrite + Unpin), frame: &[u8]) -> io::Result<()> {
    output.write_all(frame).await?;
    output.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_frame_survives_the_round_trip() {
        let frame = encode(7, &Answer::Piece { last: true }, b"body").unwrap();
        let read: Frame<Answer> = read(&mut &*frame).await.unwrap().unwrap();
        assert_eq!((read.number, read.body.as_slice()), (7, &b"body"[..]));
        assert!(matches!(read.head, Answer::Piece { last: true }));
        assert!(super::read::<Answer>(&mut &b""[..]).await.unwrap().is_none());
    }

    #[test]
    fn words_of_a_host_have_an_end() {
        assert_eq!(words("no room".to_owned()), "no room");
        let long = words("é".repeat(1 << 20));
        assert!(long.len() <= MAX_WORD_BYTES + '…'.len_utf8() && long.ends_with("é…"));
    }

    #[tokio::test]
    async fn senseless_frames_are_refused() {
        let whole = encode(7, &Answer::Done, b"").unwrap();
        for length in 1..whole.len() {
            assert!(read::<Answer>(&mut &whole[..length]).await.is_err(), "{length}");
        }
        assert!(matches!(read::<Answer>(&mut &[255_u8; 16][..]).await, Err(WireError::TooLong(_))));
        let mut head_too_long = whole.clone();
        head_too_long[12..16].copy_from_slice(&999_u32.to_be_bytes());
        assert!(matches!(read::<Answer>(&mut &*head_too_long).await, Err(WireError::Malformed(_))));
        let mut short = encode(7, &Answer::Done, b"").unwrap();
        short.truncate(7);
        short[..4].copy_from_slice(&3_u32.to_be_bytes());
        assert!(matches!(read::<Answer>(&mut &*short).await, Err(WireError::Malformed(_))));
    }
}
