//! Responses.

use crate::http::{Client, Response};
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};
use welkin_store::block::{BlockWriter, Buffer};

/// Longest body that is taken. Inputs are shorter.
const MOST: usize = 64 << 10;

/// A response means the same in whichever pieces it comes, and as text what it means as a block.
///
/// # Panics
/// Where that does not hold.
pub fn http(bytes: &[u8]) {
    thread_local! {
        static HERE: (Runtime, Arc<Client>) = (
            Builder::new_current_thread().enable_time().build().expect("a runtime can be built"),
            Client::new(crate::tls::client(None).expect("the usual authorities can be read")),
        );
    }
    HERE.with(|(runtime, client)| {
        for head_only in [false, true] {
            runtime.block_on(Sent { bytes, head_only, client }.check());
        }
    });
}

struct Sent<'a> {
    bytes: &'a [u8],
    head_only: bool,
    client: &'a Arc<Client>,
}

impl Sent<'_> {
    async fn check(&self) {
        let whole = self.text(usize::MAX).await;
        for piece in [1, 7] {
            assert_eq!(whole, self.text(piece).await, "in pieces of {piece}");
        }
        let Some((_, body)) = whole else { return };
        assert!(body.len() <= self.bytes.len(), "a body has no bytes that nobody sent");
        let block = self.block(body.len()).await;
        assert_eq!(block.as_deref(), Some(&*body), "a body is the same as text and as a block");
        let longer = self.block(body.len() + 1).await;
        assert_eq!(longer, None, "a block has no bytes that nobody sent");
    }

    /// Status and body; `None` for what is no response.
    async fn text(&self, piece: usize) -> Option<(u16, Vec<u8>)> {
        let response = self.response(piece).await?;
        let status = response.status;
        Some((status, response.text(MOST).await.ok()?))
    }

    async fn block(&self, length: usize) -> Option<Vec<u8>> {
        let writer = BlockWriter::new(Buffer::detached(length), 0, length, true);
        let block = self.response(3).await?.block(writer).await.ok()?;
        Some(block.check().expect("nobody touched it").to_vec())
    }

    async fn response(&self, piece: usize) -> Option<Response> {
        Response::of_bytes(self.bytes, piece, self.head_only, self.client).await.ok()
    }
}
