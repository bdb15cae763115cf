//! Frames into a stream: many of them in one call into the kernel.
//!
//! Bodies are not copied on the way: the list of what to write points into the blocks. Only what has to be changed
//! first (compressed, sealed) goes through a buffer of the lane, which is used again.

use crate::error::LaneError;
use crate::wire::compress::Squeeze;
use crate::wire::frame::{HEADED, Header, Kind, SQUEEZED, crc64};
use crate::wire::message::{Cut, Message};
use crate::wire::seal::Seal;
use crc_fast::{CrcAlgorithm, Digest};
use std::io::{self, IoSlice};
use std::ops::Range;
use std::sync::Arc;
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// Slices of one write: three for each piece, within the 1024 that Linux takes.
const MAX_SLICES: usize = 64;

/// A piece of what is to be written.
#[derive(Debug)]
enum Part {
    /// Of the batch's own buffer.
    Own(Range<usize>),
    /// Of a message's body.
    Body(Arc<Message>, Range<usize>),
}

/// Frames that are written together.
#[derive(Debug, Default)]
pub(crate) struct Batch<'a> {
    own: Vec<u8>,
    parts: Vec<Part>,
    seal: Option<&'a mut Seal>,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(seal: Option<&'a mut Seal>) -> Self {
        Self { seal, ..Self::default() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Adds a frame that is no message.
    pub(crate) fn plain(&mut self, mut header: Header, payload: &[u8]) -> Result<(), LaneError> {
        self.append(&mut header, &[payload])
    }

    /// Adds a piece of a message.
    pub(crate) fn cut(&mut self, cut: &Cut, floor: u64, squeeze: &mut Squeeze) -> Result<(), LaneError> {
        let message = &cut.message;
        let (piece, head) = (cut.piece(), cut.head());
        let mut header = Header {
            flags: if cut.headed { HEADED } else { 0 },
            head: narrow(head.len())?,
            raw: narrow(piece.len())?,
            total: narrow(message.total())?,
            offset: narrow(cut.offset)?,
            floor,
            ..Header::bare(message.kind, message.id)
        };
        if let Some(small) = squeeze.press(piece) {
            header.flags |= SQUEEZED;
            return self.append(&mut header, &[small, head]);
        }
        if self.seal.is_some() {
            return self.append(&mut header, &[piece, head]);
        }
        let mut sum = Digest::new(CrcAlgorithm::Crc64Nvme);
        sum.update(piece);
        sum.update(head);
        header.crc = sum.finalize();
        header.payload = narrow(piece.len() + head.len())?;
        self.push(&header.encode());
        if !piece.is_empty() {
            self.parts.push(Part::Body(Arc::clone(message), cut.offset..cut.offset + cut.length));
        }
        self.push(head);
        Ok(())
    }

    /// Adds a frame by copying its payload, sealed if the lane seals.
    fn append(&mut self, header: &mut Header, payload: &[&[u8]]) -> Result<(), LaneError> {
        let start = self.own.len();
        self.own.extend_from_slice(&[0; crate::wire::frame::HEADER_BYTES]);
        let from = self.own.len();
        for part in payload {
            self.own.extend_from_slice(part);
        }
        if let Some(seal) = &mut self.seal {
            let tag = seal.close(header, &mut self.own[from..])?;
            self.own.extend_from_slice(&tag);
        }
        header.payload = narrow(self.own.len() - from)?;
        header.crc = crc64(&self.own[from..]);
        self.own[start..from].copy_from_slice(&header.encode());
        self.own_part(start);
        Ok(())
    }

    fn push(&mut self, bytes: &[u8]) {
        let start = self.own.len();
        self.own.extend_from_slice(bytes);
        self.own_part(start);
    }

    /// Adds what was appended since `start`; what lies side by side is one slice.
    fn own_part(&mut self, start: usize) {
        let end = self.own.len();
        match self.parts.last_mut() {
            Some(Part::Own(range)) if range.end == start => range.end = end,
            _ if start < end => self.parts.push(Part::Own(start..end)),
            _ => {}
        }
    }

    /// Lets go of memory beyond `bytes`.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        if self.own.capacity() > bytes {
            self.own = Vec::new();
        }
    }

    /// Writes all of it and is empty again.
    pub(crate) async fn write(&mut self, output: &mut (impl AsyncWrite + Unpin)) -> Result<(), LaneError> {
        let written = self.write_parts(output).await;
        self.parts.clear();
        self.own.clear();
        written.map_err(LaneError::io)
    }

    async fn write_parts(&self, output: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        let (mut first, mut skip) = (0, 0);
        while first < self.parts.len() {
            let mut count = {
                let mut slices = [IoSlice::new(&[]); MAX_SLICES];
                let shown = self.parts[first..].iter().zip(&mut slices);
                let used = shown.map(|(part, slice)| *slice = IoSlice::new(self.bytes(part))).count();
                slices[0] = IoSlice::new(&self.bytes(&self.parts[first])[skip..]);
                output.write_vectored(&slices[..used]).await?
            };
            if count == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            while count > 0 {
                let rest = self.bytes(&self.parts[first]).len() - skip;
                if count < rest {
                    skip += count;
                    break;
                }
                count -= rest;
                (first, skip) = (first + 1, 0);
            }
        }
        output.flush().await
    }

    fn bytes<'b>(&'b self, part: &'b Part) -> &'b [u8] {
        match part {
            Part::Own(range) => &self.own[range.clone()],
            Part::Body(message, range) => &message.body.bytes()[range.clone()],
        }
    }
}

/// One frame, written alone, before a lane carries messages.
pub(crate) async fn send(
    output: &mut (impl AsyncWrite + Unpin),
    kind: Kind,
    payload: &[u8],
) -> Result<(), LaneError> {
    let mut batch = Batch::new(None);
    batch.plain(Header::bare(kind, 0), payload)?;
    batch.write(output).await
}

fn narrow<T: TryFrom<usize>>(length: usize) -> Result<T, LaneError> {
    T::try_from(length)
        .map_err(|_| crate::wire::frame::FrameError::Malformed("it is too long to be sent").into())
}
