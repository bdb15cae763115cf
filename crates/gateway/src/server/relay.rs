//! A relay: bytes in, sums compared, bytes out. It keeps nothing, knows no session and cannot read what is sealed.
//!
//! One task a lane, for each direction one buffer of [`BUFFER_BYTES`] that stays in the second-level cache:
//!
//! 1. read into the buffer;
//! 2. walk over the frames in it: headers are checked as they come, payloads are summed while they are hot;
//! 3. write everything up to the last header that is not complete, in one call.
//!
//! Frames are not held until they are complete, but the last bytes of a frame leave only when its sum is right.
//!
//! *Guarantee:* what did not arrive as it was sent never becomes a frame behind this hop: the lane is closed, its
//! sender is told which hop found it, and sends its pieces over another lane. *Bound:* a direction holds one
//! buffer and what the kernel has not sent ([`crate::wire::socket`]); it is not read while it cannot be written.
//!
//! Where anything is encrypted, a lane is sealed for its far end: its first frame is that of a handshake, or the lane
//! ends here. The far end asks for the same and does not rely on this.
//!
//! *Rejected:* `splice` between the sockets (faster, but then nobody looks at the bytes); storing whole frames
//! (1 MiB instead of 256 KiB for each direction, out of the cache, and a frame's time more delay).

use crate::error::LaneError;
use crate::wire::frame::{FrameError, HEADER_BYTES, Header, Kind};
use crate::wire::route;
use crate::wire::stream::{Input, Output, Stream};
use crc_fast::{CrcAlgorithm, Digest};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::time::timeout;

/// Bytes that a direction reads at a time.
const BUFFER_BYTES: usize = 256 << 10;

/// How long one direction may go on to the end of its frame when the other has failed, so that the failure can be
/// told between two frames.
const LAST_FRAME_TIME: Duration = Duration::from_secs(2);

/// Where one is in a stream of frames.
#[derive(Debug)]
struct Walk {
    /// Bytes of the payload that are still to come, and the sum that they should have.
    rest: usize,
    due: u64,
    sum: Digest,
    /// Whether the next frame is the first of a lane that has to be sealed.
    first: bool,
}

impl Walk {
    fn new() -> Self {
        Self { rest: 0, due: 0, sum: Digest::new(CrcAlgorithm::Crc64Nvme), first: false }
    }

    /// Walks over `bytes`, which begin with what has not been walked over, and says how many may be passed on.
    fn over(&mut self, bytes: &[u8]) -> Result<usize, FrameError> {
        let mut at = 0;
        loop {
            if self.rest > 0 {
                let count = self.rest.min(bytes.len() - at);
                self.sum.update(&bytes[at..at + count]);
                self.rest -= count;
                if self.rest == 0 && self.sum.finalize() != self.due {
                    return Err(FrameError::PayloadSum);
                }
                at += count;
            }
            let Some(header) = bytes[at..].first_chunk::<HEADER_BYTES>() else { return Ok(at) };
            let header = Header::decode(header)?;
            if std::mem::take(&mut self.first) && !matches!(header.kind, Kind::Shake | Kind::Fault) {
                return Err(FrameError::Malformed("a lane through a relay begins with its handshake"));
            }
            at += HEADER_BYTES;
            self.rest = header.payload as usize;
            self.due = header.crc;
            self.sum.reset();
        }
    }

    fn is_between_frames(&self) -> bool {
        self.rest == 0
    }
}

/// One direction.
struct Pump<'a> {
    input: Input,
    output: Output,
    walk: Walk,
    memory: Vec<u8>,
    held: usize,
    moved: &'a AtomicU64,
}

/// Why a direction ended.
enum Ended {
    /// What it read is no frame.
    Wrong(FrameError),
    /// A side closed or failed.
    Gone,
    /// It was asked to.
    Asked,
}

impl Pump<'_> {
    /// Moves bytes until something ends it. `stop` ends it between two frames.
    async fn run(&mut self, stop: &Notify) -> Ended {
        let stopped = stop.notified();
        tokio::pin!(stopped);
        let mut asked = false;
        loop {
            if asked && self.walk.is_between_frames() && self.held == 0 {
                return Ended::Asked;
            }
            let count = tokio::select! {
                biased;
                () = &mut stopped, if !asked => {
                    asked = true;
                    continue;
                }
                count = self.input.read(&mut self.memory[self.held..]) => count,
            };
            let Ok(count @ 1..) = count else {
                let _ = self.output.shutdown().await;
                return Ended::Gone;
            };
            let end = self.held + count;
            let pass = match self.walk.over(&self.memory[..end]) {
                Ok(pass) => pass,
                Err(error) => return Ended::Wrong(error),
            };
            if self.output.write_all(&self.memory[..pass]).await.is_err()
                || self.output.flush().await.is_err()
            {
                return Ended::Gone;
            }
            self.moved.fetch_add(pass as u64, Ordering::Relaxed);
            self.memory.copy_within(pass..end, 0);
            self.held = end - pass;
        }
    }
}

/// Passes frames on between two hops until either of them is gone.
pub(crate) async fn relay(
    near: Stream,
    ahead: Vec<u8>,
    far: Stream,
    name: &str,
    sealed: bool,
    moved: &AtomicU64,
) {
    let pump = |input, output, ahead: &[u8]| {
        let mut memory = vec![0; BUFFER_BYTES];
        memory[..ahead.len()].copy_from_slice(ahead);
        Pump { input, output, walk: Walk { first: sealed, ..Walk::new() }, memory, held: ahead.len(), moved }
    };
    let mut there = pump(near.input, far.output, &ahead);
    let mut back = pump(far.input, near.output, &[]);
    // What was read ahead has to be looked at before the next bytes come.
    if let Err(error) = first_words(&mut there).await {
        return route::farewell(&mut there.input, &mut back.output, &error, name, &mut None).await;
    }
    let (stop_there, stop_back) = (Notify::new(), Notify::new());
    let found = {
        let going = there.run(&stop_there);
        let coming = back.run(&stop_back);
        tokio::pin!(going, coming);
        let (ended, there_first) = tokio::select! {
            ended = &mut going => (ended, true),
            ended = &mut coming => (ended, false),
        };
        let Ended::Wrong(error) = ended else { return };
        // The other direction comes to the end of its frame, then both sides can be told.
        let other_done = async {
            if there_first {
                stop_back.notify_one();
                coming.await
            } else {
                stop_there.notify_one();
                going.await
            }
        };
        let at_rest = matches!(timeout(LAST_FRAME_TIME, other_done).await, Ok(Ended::Asked));
        at_rest.then_some((there_first, error))
    };
    let Some((there_first, error)) = found else { return };
    let error = LaneError::from(error);
    if there_first {
        route::farewell(&mut there.input, &mut back.output, &error, name, &mut None).await;
    } else {
        route::farewell(&mut back.input, &mut there.output, &error, name, &mut None).await;
    }
}

async fn first_words(pump: &mut Pump<'_>) -> Result<(), LaneError> {
    let pass = pump.walk.over(&pump.memory[..pump.held])?;
    pump.output.write_all(&pump.memory[..pass]).await.map_err(LaneError::io)?;
    pump.memory.copy_within(pass..pump.held, 0);
    pump.held -= pass;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frame::crc64;
    use proptest::prelude::*;

    fn frames(lengths: &[usize]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for length in lengths {
            let payload = vec![7; *length];
            let header =
                Header { payload: *length as u32, crc: crc64(&payload), ..Header::bare(Kind::Shake, 0) };
            bytes.extend_from_slice(&header.encode());
            bytes.extend_from_slice(&payload);
        }
        bytes
    }

    /// Walks over `bytes` in reads of `step` bytes; returns what was passed on.
    fn walk(bytes: &[u8], step: usize) -> (Vec<u8>, Result<(), FrameError>) {
        let (mut walk, mut held, mut passed) = (Walk::new(), Vec::new(), Vec::new());
        for read in bytes.chunks(step) {
            held.extend_from_slice(read);
            match walk.over(&held) {
                Ok(pass) => passed.extend(held.drain(..pass)),
                Err(error) => return (passed, Err(error)),
            }
        }
        (passed, Ok(()))
    }

    proptest! {
        #[test]
        fn whatever_the_reads_everything_is_passed_on(lengths in prop::collection::vec(0_usize..3000, 1..8), step in 1_usize..5000) {
            let bytes = frames(&lengths);
            prop_assert_eq!(walk(&bytes, step), (bytes, Ok(())));
        }

        #[test]
        fn a_flipped_bit_never_passes_as_a_whole_frame(
            lengths in prop::collection::vec(1_usize..3000, 1..8),
            step in 1_usize..5000,
            at in any::<prop::sample::Index>(),
            bit in 0_u8..8,
        ) {
            let mut bytes = frames(&lengths);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let (passed, outcome) = walk(&bytes, step);
            prop_assert!(outcome.is_err());
            let mut end = 0;
            for length in lengths {
                end += HEADER_BYTES + length;
                if at < end {
                    break;
                }
            }
            prop_assert!(passed.len() < end, "the damaged frame is not complete behind the relay");
        }
    }
}
