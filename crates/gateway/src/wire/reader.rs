//! Frames out of a stream.
//!
//! Small frames are taken out of one buffer, many for each call into the kernel. The payload of a large one goes
//! from the kernel straight to where it belongs, and is summed slice by slice while it is in the processor's cache.

use crate::error::LaneError;
use crate::wire::frame::{FrameError, HEADER_BYTES, Header};
use crc_fast::{CrcAlgorithm, Digest};
use tokio::io::{AsyncRead, AsyncReadExt};
use welkin_store::block::SLICE_BYTES;

/// What is read ahead. Acknowledgements and the heads of small calls fit by the hundred.
const AHEAD_BYTES: usize = 64 << 10;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct FrameReader<R> {
    input: R,
    memory: Box<[u8]>,
    start: usize,
    end: usize,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, memory: vec![0; AHEAD_BYTES].into_boxed_slice(), start: 0, end: 0 }
    }

    /// The next header; `None` when the other side closed between two frames.
    pub(crate) async fn header(&mut self) -> Result<Option<Header>, LaneError> {
        while self.end - self.start < HEADER_BYTES {
            if self.start > 0 {
                self.memory.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.start = 0;
            }
            let count = self.input.read(&mut self.memory[self.end..]).await.map_err(LaneError::io)?;
            if count == 0 {
                return if self.end == 0 { Ok(None) } else { Err(LaneError::Cut) };
            }
            self.end += count;
        }
        let mut bytes = [0; HEADER_BYTES];
        bytes.copy_from_slice(&self.memory[self.start..self.start + HEADER_BYTES]);
        self.start += HEADER_BYTES;
        Ok(Some(Header::decode(&bytes)?))
    }

    /// The payload of `header`, which was the last to come, into `place`, compared with its sum.
    pub(crate) async fn payload(&mut self, header: &Header, place: &mut [u8]) -> Result<(), LaneError> {
        let mut sum = Digest::new(CrcAlgorithm::Crc64Nvme);
        let ready = place.len().min(self.end - self.start);
        place[..ready].copy_from_slice(&self.memory[self.start..self.start + ready]);
        self.start += ready;
        sum.update(&place[..ready]);
        let mut at = ready;
        while at < place.len() {
            let until = place.len().min(at + SLICE_BYTES);
            let count = self.input.read(&mut place[at..until]).await.map_err(LaneError::io)?;
            if count == 0 {
                return Err(LaneError::Cut);
            }
            sum.update(&place[at..at + count]);
            at += count;
        }
        if sum.finalize() == header.crc { Ok(()) } else { Err(FrameError::PayloadSum.into()) }
    }

    /// A whole frame of at most `most` bytes of payload, as they come before a lane carries messages.
    pub(crate) async fn small(&mut self, most: usize) -> Result<(Header, Vec<u8>), LaneError> {
        let header = self.header().await?.ok_or(LaneError::Cut)?;
        if header.payload as usize > most {
            return Err(FrameError::Malformed("it is too long for its place").into());
        }
        let mut payload = vec![0; header.payload as usize];
        self.payload(&header, &mut payload).await?;
        Ok((header, payload))
    }

    /// The stream, and what was read ahead of it.
    pub(crate) fn into_parts(self) -> (R, Vec<u8>) {
        (self.input, self.memory[self.start..self.end].to_vec())
    }
}
