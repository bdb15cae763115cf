//! The head of a frame: 64 bytes that say what follows, with a sum over what follows and one over themselves.
//!
//! ```text
//!  0 magic u16   2 version u8   3 kind u8    4 flags u16     6 head u16
//!  8 payload u32               12 raw u32
//! 16 id u64
//! 24 total u32                 28 offset u32
//! 32 floor u64
//! 40 counter u64
//! 48 CRC-64/NVME of the payload as it is on the wire
//! 56 CRC-64/NVME of bytes 0 to 56                            all numbers little endian
//!
//! payload:  piece of the message's body (compressed if so flagged) | the message's head | tag if sealed
//! ```
//!
//! A *message* (a call or its answer) is a head, which says what it is about, and a body of `total` bytes. It travels as
//! one or more *pieces*, each a frame, over whichever lanes have room; one of them carries the head. The body comes
//! first within a frame, so that a frame that holds a whole body is read into the very memory that the block then owns.
//!
//! *Guarantee:* every length in a decoded header is within the named bounds and consistent with the others; a header
//! with a flipped bit is refused before any of its claims is used.
//!
//! *Rejected:* lengths as varints and a codec of structs (protobuf, bincode): 64 bytes are 0.1 % of the smallest full
//! piece, and a relay reads them at fixed places.

use thiserror::Error;

/// Bytes of a header.
pub const HEADER_BYTES: usize = 64;

/// Longest piece of a body: the block that a lane moves at a time. A megabyte amortises calls into the kernel; more
/// would only be lost at once when a lane dies.
pub const MAX_PIECE_BYTES: usize = 1 << 20;

/// Longest head of a message: a key (1 KiB) and metadata (S3 allows 2 KiB, files with attributes some more), escaped.
pub const MAX_HEAD_BYTES: usize = 32 << 10;

/// Longest payload: a piece, a head, and the tag of a seal.
pub const MAX_PAYLOAD_BYTES: usize = MAX_PIECE_BYTES + MAX_HEAD_BYTES + TAG_BYTES;

/// Longest body of a message: a part of an object, a page of a listing. With the 10,000 parts of S3 this makes
/// objects of 320 GB.
pub const MAX_BODY_BYTES: usize = 32 << 20;

/// Longest payload of a frame that carries no message: a flight of a handshake, with room.
pub const MAX_WORDS_BYTES: usize = 16 << 10;

/// How far a call may be ahead of the oldest one that is still open: what the far end has to remember to recognise a
/// repetition is 8 bytes for each.
pub const MAX_AHEAD: u64 = 1 << 16;

/// The tag of AES-256-GCM.
pub const TAG_BYTES: usize = 16;

const MAGIC: u16 = 0x4b57;
const VERSION: u8 = 2;

/// The piece is compressed.
pub(crate) const SQUEEZED: u16 = 1;
/// The payload is sealed for the last hop.
pub(crate) const SEALED: u16 = 2;
/// The payload ends with the head of the message.
pub(crate) const HEADED: u16 = 4;
const KNOWN_FLAGS: u16 = SQUEEZED | SEALED | HEADED;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Where the connection goes from here.
    Route = 1,
    /// The client says who it is.
    Hello,
    /// The gateway says what it grants.
    Welcome,
    /// Bytes of the handshake between the two ends, which relays do not read.
    Shake,
    /// A piece of a call.
    Call,
    /// A piece of an answer.
    Reply,
    /// `id` pieces have been taken over from this lane.
    Ack,
    /// The lane is closed for the reason in the payload; `id` is 1 when trying again does not help.
    Fault,
    /// Nothing; it is acknowledged like a piece.
    Ping,
    /// The client is done: its session is over.
    Bye,
    /// Whoever was called speaks first, where no handshake does: nothing is sent to what does not speak this protocol.
    Greet,
}

impl Kind {
    pub(crate) const ALL: [Self; 11] = [
        Self::Route,
        Self::Hello,
        Self::Welcome,
        Self::Shake,
        Self::Call,
        Self::Reply,
        Self::Ack,
        Self::Fault,
        Self::Ping,
        Self::Bye,
        Self::Greet,
    ];

    fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }

    /// Whether the receiver counts and acknowledges it.
    pub(crate) const fn is_acknowledged(self) -> bool {
        matches!(self, Self::Call | Self::Reply | Self::Ping)
    }
}

/// A header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What the frame is.
    pub kind: Kind,
    /// Bits that say how the payload is written.
    pub flags: u16,
    /// Bytes of the payload that are the message's head.
    pub head: u16,
    /// Bytes that follow.
    pub payload: u32,
    /// Bytes of the piece once it is decompressed.
    pub raw: u32,
    /// The call.
    pub id: u64,
    /// Bytes of the message's body.
    pub total: u32,
    /// Where the piece belongs in it.
    pub offset: u32,
    /// Calls below this one are over.
    pub floor: u64,
    /// Which frame of its direction of the lane it is, where frames are sealed.
    pub counter: u64,
    /// Sum of the payload.
    pub crc: u64,
}

/// A frame that is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FrameError {
    /// Something flipped.
    #[error("the sum of a frame's header is wrong")]
    HeaderSum,
    /// Something flipped.
    #[error("the sum of a frame's payload is wrong")]
    PayloadSum,
    /// The other side speaks something else.
    #[error("the other side does not speak this protocol")]
    Magic,
    /// The other side is older or newer.
    #[error("the other side speaks version {0} of the protocol, not {VERSION}")]
    Version(u8),
    /// The sum is right and the content is not: the sender is broken or hostile.
    #[error("a frame is malformed: {0}")]
    Malformed(&'static str),
}

impl Header {
    /// A frame without a message.
    #[must_use]
    pub fn bare(kind: Kind, id: u64) -> Self {
        Self {
            kind,
            flags: 0,
            head: 0,
            payload: 0,
            raw: 0,
            id,
            total: 0,
            offset: 0,
            floor: 0,
            counter: 0,
            crc: crc64(&[]),
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0..2].copy_from_slice(&MAGIC.to_le_bytes());
        bytes[2] = VERSION;
        bytes[3] = self.kind as u8;
        bytes[4..6].copy_from_slice(&self.flags.to_le_bytes());
        bytes[6..8].copy_from_slice(&self.head.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.payload.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.raw.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.id.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.total.to_le_bytes());
        bytes[28..32].copy_from_slice(&self.offset.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.floor.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.counter.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.crc.to_le_bytes());
        let sum = crc64(&bytes[..56]);
        bytes[56..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// What a seal protects beside the payload: all that says what the payload means.
    pub(crate) fn sealed_part(&self) -> [u8; 48] {
        let mut part = [0; 48];
        part.copy_from_slice(&self.encode()[..48]);
        part
    }

    /// Reads a header.
    ///
    /// # Errors
    /// [`FrameError`], and then nothing of it can be trusted, its length least of all.
    pub fn decode(bytes: &[u8; HEADER_BYTES]) -> Result<Self, FrameError> {
        if bytes[0..2] != MAGIC.to_le_bytes() {
            return Err(FrameError::Magic);
        }
        if bytes[2] != VERSION {
            return Err(FrameError::Version(bytes[2]));
        }
        if long(bytes, 56) != crc64(&bytes[..56]) {
            return Err(FrameError::HeaderSum);
        }
        let header = Self {
            kind: Kind::from_byte(bytes[3]).ok_or(FrameError::Malformed("its kind is unknown"))?,
            flags: short(bytes, 4),
            head: short(bytes, 6),
            payload: int(bytes, 8),
            raw: int(bytes, 12),
            id: long(bytes, 16),
            total: int(bytes, 24),
            offset: int(bytes, 28),
            floor: long(bytes, 32),
            counter: long(bytes, 40),
            crc: long(bytes, 48),
        };
        header.check().map_err(FrameError::Malformed)?;
        Ok(header)
    }

    fn check(&self) -> Result<(), &'static str> {
        let tag = if self.has(SEALED) { TAG_BYTES } else { 0 };
        let (payload, raw, head) = (self.payload as usize, self.raw as usize, usize::from(self.head));
        if self.flags & !KNOWN_FLAGS != 0 {
            return Err("it has unknown flags");
        }
        if payload > MAX_PAYLOAD_BYTES || raw > MAX_PIECE_BYTES || head > MAX_HEAD_BYTES {
            return Err("it is too long");
        }
        if !matches!(self.kind, Kind::Call | Kind::Reply) {
            let plain = raw == 0 && head == 0 && self.total == 0 && self.offset == 0 && payload >= tag;
            return match plain {
                true if payload > MAX_WORDS_BYTES + tag => Err("it is too long for its kind"),
                true => Ok(()),
                false => Err("it has a message and its kind has none"),
            };
        }
        if self.total as usize > MAX_BODY_BYTES {
            return Err("its body is too long");
        }
        if self.offset as usize + raw > self.total as usize {
            return Err("its piece lies outside of its body");
        }
        if head > 0 && !self.has(HEADED) {
            return Err("it has a head that its flags deny");
        }
        let piece = payload.checked_sub(head + tag).ok_or("it is shorter than its parts")?;
        // What does not get shorter is not sent compressed.
        let fits = if self.has(SQUEEZED) { piece < raw } else { piece == raw };
        if !fits {
            return Err("its parts are not as long as it is");
        }
        if raw == 0 && self.total > 0 && !self.has(HEADED) {
            return Err("it carries nothing");
        }
        Ok(())
    }

    /// Whether a flag is set.
    #[must_use]
    pub(crate) const fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    /// Bytes of the piece as they are on the wire.
    #[must_use]
    pub(crate) fn piece(&self) -> usize {
        let tag = if self.has(SEALED) { TAG_BYTES } else { 0 };
        (self.payload as usize).saturating_sub(usize::from(self.head) + tag)
    }

    /// Whether it carries all there is of its message.
    #[must_use]
    pub(crate) const fn is_whole(&self) -> bool {
        self.has(HEADED) && self.raw == self.total
    }
}

/// The sum that protects frames.
#[must_use]
pub fn crc64(bytes: &[u8]) -> u64 {
    crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, bytes)
}

fn short(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn int(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn long(bytes: &[u8], at: usize) -> u64 {
    u64::from(int(bytes, at)) | u64::from(int(bytes, at + 4)) << 32
}

#[cfg(test)]
mod tests;
