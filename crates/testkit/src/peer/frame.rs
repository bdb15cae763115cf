//! Frames, as bytes.

use crc_fast::{CrcAlgorithm, checksum};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes before the payload.
pub const HEADER_BYTES: usize = 64;

/// Flag: the piece is compressed.
pub const SQUEEZED: u16 = 1;
/// Flag: the payload is sealed.
pub const SEALED: u16 = 2;
/// Flag: the payload ends with the head of its message.
pub const HEADED: u16 = 4;

/// Longest payload that is read: more than any side may send.
const MAX_PAYLOAD: u32 = 4 << 20;

/// Numbers of the kinds.
#[expect(missing_docs, reason = "they are the protocol's names")]
#[expect(non_snake_case, non_upper_case_globals, reason = "they are read as an enum that may hold anything")]
pub mod Kind {
    pub const Route: u8 = 1;
    pub const Hello: u8 = 2;
    pub const Welcome: u8 = 3;
    pub const Shake: u8 = 4;
    pub const Call: u8 = 5;
    pub const Reply: u8 = 6;
    pub const Ack: u8 = 7;
    pub const Fault: u8 = 8;
    pub const Ping: u8 = 9;
    pub const Bye: u8 = 10;
    pub const Greet: u8 = 11;
}

/// A frame. Its lengths and sums are computed when it is encoded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of the protocol")]
pub struct Frame {
    pub kind: u8,
    pub flags: u16,
    pub head: u16,
    pub raw: u32,
    pub id: u64,
    pub total: u32,
    pub offset: u32,
    pub floor: u64,
    pub counter: u64,
    pub payload: Vec<u8>,
}

impl Frame {
    /// One without a message.
    #[must_use]
    pub fn bare(kind: u8) -> Self {
        Self { kind, ..Self::default() }
    }

    /// One of the first words.
    #[must_use]
    pub fn words(kind: u8, text: &str) -> Self {
        Self { kind, payload: text.as_bytes().to_vec(), ..Self::default() }
    }

    /// A whole message in one frame.
    #[must_use]
    pub fn message(kind: u8, id: u64, floor: u64, head: &str, body: &[u8]) -> Self {
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        Self {
            kind,
            flags: HEADED,
            head: u16::try_from(head.len()).unwrap_or(u16::MAX),
            raw: length,
            id,
            total: length,
            floor,
            payload: [body, head.as_bytes()].concat(),
            ..Self::default()
        }
    }

    /// A piece of a message, without its head.
    #[must_use]
    pub fn piece(kind: u8, id: u64, floor: u64, total: u32, offset: u32, piece: &[u8]) -> Self {
        let raw = u32::try_from(piece.len()).unwrap_or(u32::MAX);
        Self { kind, raw, id, total, offset, floor, payload: piece.to_vec(), ..Self::default() }
    }

    /// The 48 bytes that a seal covers.
    pub(super) fn covered(&self, length: usize) -> [u8; 48] {
        let mut bytes = [0; 48];
        bytes[0..2].copy_from_slice(b"WK");
        bytes[2] = 2;
        bytes[3] = self.kind;
        bytes[4..6].copy_from_slice(&self.flags.to_le_bytes());
        bytes[6..8].copy_from_slice(&self.head.to_le_bytes());
        bytes[8..12].copy_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
        bytes[12..16].copy_from_slice(&self.raw.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.id.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.total.to_le_bytes());
        bytes[28..32].copy_from_slice(&self.offset.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.floor.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.counter.to_le_bytes());
        bytes
    }

    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.covered(self.payload.len()).to_vec();
        bytes.extend_from_slice(&checksum(CrcAlgorithm::Crc64Nvme, &self.payload).to_le_bytes());
        let sum = checksum(CrcAlgorithm::Crc64Nvme, &bytes);
        bytes.extend_from_slice(&sum.to_le_bytes());
        bytes.extend_from_slice(&self.payload);
        bytes
    }

    /// The next of a stream; `None` at its end.
    ///
    /// # Errors
    /// When the stream fails, or what comes is no frame.
    pub async fn read(input: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Self>> {
        let mut bytes = [0; HEADER_BYTES];
        match input.read_exact(&mut bytes).await {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
        let wrong = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why.to_owned());
        if bytes[..3] != *b"WK\x02" || long(&bytes, 56) != checksum(CrcAlgorithm::Crc64Nvme, &bytes[..56]) {
            return Err(wrong("this is no header of version 2"));
        }
        let length = int(&bytes, 8);
        if length > MAX_PAYLOAD {
            return Err(wrong("its payload is too long"));
        }
        let mut payload = vec![0; length as usize];
        input.read_exact(&mut payload).await?;
        if long(&bytes, 48) != checksum(CrcAlgorithm::Crc64Nvme, &payload) {
            return Err(wrong("the sum of its payload is wrong"));
        }
        Ok(Some(Self {
            kind: bytes[3],
            flags: u16::from_le_bytes([bytes[4], bytes[5]]),
            head: u16::from_le_bytes([bytes[6], bytes[7]]),
            raw: int(&bytes, 12),
            id: long(&bytes, 16),
            total: int(&bytes, 24),
            offset: int(&bytes, 28),
            floor: long(&bytes, 32),
            counter: long(&bytes, 40),
            payload,
        }))
    }

    /// What is behind the body in its payload, as text: the head of a message.
    #[must_use]
    pub fn head_text(&self) -> String {
        let start = self.payload.len().saturating_sub(usize::from(self.head));
        String::from_utf8_lossy(&self.payload[start..]).into_owned()
    }

    /// Its payload, as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.payload).into_owned()
    }
}

fn int(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn long(bytes: &[u8], at: usize) -> u64 {
    u64::from(int(bytes, at)) | u64::from(int(bytes, at + 4)) << 32
}
