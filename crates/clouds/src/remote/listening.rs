//! A reader that tells of every byte that comes: on a slow line a frame takes longer than silence is borne.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, ReadBuf};

/// Reads from `input`, and calls `heard` with how many bytes came, if any did.
pub(super) struct Listening<R, F> {
    pub(super) input: R,
    pub(super) heard: F,
}

impl<R: AsyncRead + Unpin, F: Fn(usize) + Unpin> AsyncRead for Listening<R, F> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.input).poll_read(cx, buf))?;
        let came = buf.filled().len() - before;
        if came > 0 {
            (self.heard)(came);
        }
        Poll::Ready(Ok(()))
    }
}
