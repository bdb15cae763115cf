//! What a request carries.

use welkin_store::block::Block;

/// A request's body.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Body<'a> {
    Empty,
    Text(&'a [u8]),
    /// Sent in checked slices; the last is held back when the block is not what was read.
    Block(&'a Block),
    /// A block between two texts, as in a form of several parts.
    Framed {
        before: &'a [u8],
        block: &'a Block,
        after: &'a [u8],
    },
}

impl Body<'_> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Empty => 0,
            Self::Text(bytes) => bytes.len(),
            Self::Block(block) => block.len(),
            Self::Framed { before, block, after } => before.len() + block.len() + after.len(),
        }
    }
}
