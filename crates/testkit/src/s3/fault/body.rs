//! A response body to which something happens on its way out.
//!
//! To end a connection after an exact byte the body cannot just fail: hyper would throw away what it
//! has buffered. It stalls instead and asks the connection to close at the next flush, which hyper
//! makes once everything before is with the kernel.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use s3s::StdError;
use tokio::time::{Instant, Sleep, sleep_until};

use super::rule::Fault;
use crate::s3::wire::{Ending, WireControl};

/// A dripping body moves so often: fine enough to look steady, coarse enough to cost nothing.
const DRIPS_PER_S: u64 = 50;

/// Wraps the body of an answer.
pub(in crate::s3) struct Faulty {
    inner: s3s::Body,
    /// Taken from `inner`, not yet handed on.
    waiting: Bytes,
    sent: u64,
    /// Where the body ends, and how.
    end: Option<(u64, Ending)>,
    flip: Option<u64>,
    drip: Option<Drip>,
    wire: Arc<WireControl>,
}

struct Drip {
    bytes: u64,
    next: Pin<Box<Sleep>>,
}

impl Faulty {
    /// With those of the faults that happen to bodies; the body itself where there are none.
    pub(in crate::s3) fn wrap(
        inner: s3s::Body,
        len: u64,
        faults: &[Fault],
        wire: &Arc<WireControl>,
    ) -> s3s::Body {
        let mut own = Self {
            inner,
            waiting: Bytes::new(),
            sent: 0,
            end: None,
            flip: None,
            drip: None,
            wire: Arc::clone(wire),
        };
        for fault in faults {
            match fault {
                Fault::CutBody { after } => own.end = Some((*after, Ending::Reset)),
                Fault::ShortBody { missing } => own.end = Some((len.saturating_sub(*missing), Ending::Close)),
                Fault::FlipSent { bit } if len > 0 => own.flip = Some(bit % (len * 8)),
                Fault::Drip { bytes_per_s } => {
                    let bytes = (bytes_per_s / DRIPS_PER_S).max(1);
                    own.drip = Some(Drip { bytes, next: Box::pin(sleep_until(Instant::now())) });
                }
                _ => {}
            }
        }
        if own.end.is_none() && own.flip.is_none() && own.drip.is_none() {
            return own.inner;
        }
        s3s::Body::http_body(own)
    }

    /// How much may go now: all, up to the end, or a drip.
    fn allowance(&mut self, cx: &mut Context<'_>) -> Poll<u64> {
        let mut allowed = self.end.map_or(u64::MAX, |(end, _)| end - self.sent);
        if let Some(drip) = &mut self.drip {
            ready!(drip.next.as_mut().poll(cx));
            let next = drip.next.deadline() + Duration::from_millis(1_000 / DRIPS_PER_S);
            drip.next.as_mut().reset(next);
            allowed = allowed.min(drip.bytes);
        }
        Poll::Ready(allowed)
    }

    fn flipped(&self, data: Bytes) -> Bytes {
        let Some(bit) = self.flip else { return data };
        let victim = bit / 8;
        if !(self.sent..self.sent + data.len() as u64).contains(&victim) {
            return data;
        }
        let mut own = BytesMut::from(&data[..]);
        own[(victim - self.sent) as usize] ^= 1 << (bit % 8);
        own.freeze()
    }
}

impl Body for Faulty {
    type Data = Bytes;
    type Error = StdError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StdError>>> {
        if let Some((end, ending)) = self.end
            && self.sent >= end
        {
            self.wire.end(ending);
            return Poll::Pending;
        }
        while self.waiting.is_empty() {
            match ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.waiting = data,
                    Err(frame) => return Poll::Ready(Some(Ok(frame))),
                },
                other => return Poll::Ready(other),
            }
        }
        let allowed = ready!(self.allowance(cx)).min(self.waiting.remaining() as u64);
        let data = self.waiting.split_to(allowed as usize);
        let data = self.flipped(data);
        self.sent += data.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn size_hint(&self) -> SizeHint {
        let inner = self.inner.size_hint();
        inner.exact().map_or(inner, |exact| SizeHint::with_exact(exact + self.waiting.len() as u64))
    }
}
