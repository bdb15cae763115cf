//! Frames on their way out: short ones before long ones.
//!
//! A piece of a file takes ten seconds on a slow line, and eight of them lie ahead. A question about a lease, or a sign of life, waits
//! for the one that is being written, and for no other.

use tokio::sync::mpsc;

/// A frame that is longer is a long one: whatever has no data in it is shorter, as a rule.
const SHORT_BYTES: usize = 64 << 10;

/// Where frames go.
#[derive(Debug, Clone)]
pub(super) struct Lanes {
    short: mpsc::Sender<Vec<u8>>,
    long: mpsc::Sender<Vec<u8>>,
}

/// Where they come from.
#[derive(Debug)]
pub(super) struct Queues {
    short: mpsc::Receiver<Vec<u8>>,
    long: mpsc::Receiver<Vec<u8>>,
}

/// Nobody writes frames any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Closed;

/// Lanes on each of which so many frames wait.
pub(super) fn lanes(depth: usize) -> (Lanes, Queues) {
    let (short, shorts) = mpsc::channel(depth);
    let (long, longs) = mpsc::channel(depth);
    (Lanes { short, long }, Queues { short: shorts, long: longs })
}

/// Whether a frame waits for short ones.
pub(super) const fn is_long(frame: &[u8]) -> bool {
    frame.len() > SHORT_BYTES
}

impl Lanes {
    /// Sends a frame, once there is room for it.
    pub(super) async fn send(&self, frame: Vec<u8>) -> Result<(), Closed> {
        let lane = if is_long(&frame) { &self.long } else { &self.short };
        lane.send(frame).await.map_err(|_| Closed)
    }

    /// Sends a short frame if there is room for it.
    pub(super) fn offer(&self, frame: Vec<u8>) -> Result<(), Closed> {
        match self.short.try_send(frame) {
            Err(mpsc::error::TrySendError::Closed(_)) => Err(Closed),
            Ok(()) | Err(mpsc::error::TrySendError::Full(_)) => Ok(()),
        }
    }
}

impl Queues {
    /// The next frame; `None` when there will be no more.
    pub(super) async fn next(&mut self) -> Option<Vec<u8>> {
        tokio::select! {
            biased;
            Some(frame) = self.short.recv() => Some(frame),
            Some(frame) = self.long.recv() => Some(frame),
            else => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn short_frames_go_before_long_ones_and_none_is_lost() {
        let (lanes, mut queues) = lanes(4);
        for length in [1 << 20, 7, 1 << 20, 8] {
            lanes.send(vec![0; length]).await.unwrap();
        }
        drop(lanes);
        let mut lengths = Vec::new();
        while let Some(frame) = queues.next().await {
            lengths.push(frame.len());
        }
        assert_eq!(lengths, [7, 8, 1 << 20, 1 << 20]);
    }
}
