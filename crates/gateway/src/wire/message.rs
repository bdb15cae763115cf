//! Calls and answers as they wait to be carried.

use crate::wire::frame::{HEADER_BYTES, Kind, MAX_BODY_BYTES, MAX_HEAD_BYTES, MAX_PIECE_BYTES, TAG_BYTES};
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use welkin_store::block::{Block, Buffer};

/// Granularity in which memory is granted, that of a [`welkin_store::block::BlockPool`].
const UNIT_BYTES: usize = 64 << 10;

/// What travels beside a head.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    /// A part of an object, alive for as long as it may have to be sent again.
    Block(Arc<Block>),
    /// Anything else.
    Bytes(Bytes),
}

impl Body {
    pub(crate) const fn none() -> Self {
        Self::Bytes(Bytes::new())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Block(block) => block.bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// A call or an answer.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) id: u64,
    pub(crate) kind: Kind,
    pub(crate) head: Bytes,
    pub(crate) body: Body,
    /// What it is charged to, until it is dropped.
    pub(crate) charged: Charged,
}

/// What is paid for a message while it is held.
#[derive(Debug, Default)]
pub(crate) struct Charged {
    /// For its body.
    #[expect(dead_code, reason = "held for what its end gives back")]
    pub(crate) body: Option<Buffer>,
    /// For what else it takes.
    pub(crate) owed: Option<Owed>,
}

/// A part of a bounded sum, until it is dropped.
#[derive(Debug)]
pub(crate) struct Owed {
    sum: Arc<AtomicUsize>,
    bytes: usize,
}

impl Owed {
    /// Adds `bytes` to the sum, unless it is beyond `most` then.
    pub(crate) fn add(sum: &Arc<AtomicUsize>, bytes: usize, most: usize) -> Option<Self> {
        let owed = Self { sum: Arc::clone(sum), bytes };
        (sum.fetch_add(bytes, Ordering::Relaxed) + bytes <= most).then_some(owed)
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        self.sum.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Message {
    pub(crate) fn total(&self) -> usize {
        self.body.bytes().len()
    }

    /// Whether it can be carried.
    pub(crate) fn fits(&self) -> bool {
        self.head.len() <= MAX_HEAD_BYTES && self.total() <= MAX_BODY_BYTES
    }

    /// Memory that the far end sets aside for it, at most.
    pub(crate) fn charge(&self) -> usize {
        charge(self.total(), self.head.len())
    }
}

/// Memory that a message takes at the far end: none for a body that is not there.
pub(crate) fn charge(total: usize, head: usize) -> usize {
    if total == 0 { 0 } else { (total + head + TAG_BYTES).div_ceil(UNIT_BYTES) * UNIT_BYTES }
}

/// A piece of a message that was cut off to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Cut {
    pub(crate) message: Arc<Message>,
    pub(crate) offset: usize,
    pub(crate) length: usize,
    /// It takes the head along.
    pub(crate) headed: bool,
    /// Which start of the session it belongs to.
    pub(crate) round: u32,
}

impl Cut {
    pub(crate) fn piece(&self) -> &[u8] {
        &self.message.body.bytes()[self.offset..self.offset + self.length]
    }

    pub(crate) fn head(&self) -> &[u8] {
        if self.headed { &self.message.head } else { &[] }
    }

    pub(crate) fn wire_bytes(&self) -> usize {
        HEADER_BYTES + self.length + self.head().len()
    }
}

/// How long a piece to cut from `rest` bytes, when about `wanted` suit the lane: no crumbs are left over.
pub(crate) fn piece_length(rest: usize, wanted: usize) -> usize {
    let wanted = wanted.min(MAX_PIECE_BYTES);
    if rest <= MAX_PIECE_BYTES && rest <= wanted + wanted / 2 { rest } else { wanted }
}
