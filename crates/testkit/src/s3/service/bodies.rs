//! Bodies on their way in and out, and what requests claim about them.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use hyper::HeaderMap;
use s3s::dto::{ETag, ETagCondition, StreamingBlob};
use s3s::stream::{ByteStream, RemainingLength};
use s3s::{S3Result, StdError, TrailingHeaders, s3_error};

use crate::s3::checksum::{Algorithm, Claims, Summing, Sums};
use crate::s3::content::{Content, Pieces, RopeBuilder};
use crate::s3::uploads::MAX_PUT_BYTES;

/// Announces checksums that follow the body.
const TRAILER: &str = "x-amz-trailer";

/// A body to be read, with all that says what it must be.
pub(super) struct Incoming {
    pub(super) body: Option<StreamingBlob>,
    pub(super) headers: HeaderMap,
    pub(super) trailers: Option<TrailingHeaders>,
    /// Whether to keep the bytes.
    pub(super) keep: bool,
}

impl Incoming {
    /// Reads it to its end. Fails with `BadDigest` if a checksum is wrong, `IncompleteBody` if it
    /// breaks off, `EntityTooLarge` beyond 5 GiB.
    pub(super) async fn read(self) -> S3Result<(Content, Sums)> {
        let mut claims = claims(&self.headers);
        let trailing = self.headers.get(TRAILER).and_then(|name| name.to_str().ok()).unwrap_or_default();
        let announced = Algorithm::ALL.into_iter().filter(|algorithm| trailing.contains(algorithm.header()));
        let wanted = claims.sums.iter().map(|(algorithm, _)| *algorithm).chain(announced);
        let mut summing = Summing::new(wanted, claims.md5.is_some());
        let mut rope = RopeBuilder::default();
        let mut len = 0;
        if let Some(mut body) = self.body {
            while let Some(piece) = body.next().await {
                let piece = piece.map_err(|source| {
                    let mut error = s3_error!(IncompleteBody);
                    error.set_source(source);
                    error
                })?;
                len += piece.len() as u64;
                if len > MAX_PUT_BYTES {
                    return Err(s3_error!(EntityTooLarge));
                }
                summing.update(&piece);
                if self.keep {
                    rope.push(piece);
                }
            }
        }
        if let Some(trailers) = self.trailers.and_then(|trailers| trailers.take()) {
            claims.sums.extend(sums(&trailers));
        }
        let sums = summing.finish(&claims)?;
        let content = if self.keep { Content::Held(rope.finish()) } else { Content::Dropped(len) };
        Ok((content, sums))
    }
}

fn claims(headers: &HeaderMap) -> Claims {
    let md5 = headers.get("content-md5").and_then(|value| value.to_str().ok()).map(str::to_owned);
    Claims { sums: sums(headers), md5 }
}

/// The checksums that these headers name.
pub(super) fn sums(headers: &HeaderMap) -> Vec<(Algorithm, String)> {
    let value = |algorithm: Algorithm| headers.get(algorithm.header()).and_then(|value| value.to_str().ok());
    Algorithm::ALL
        .into_iter()
        .filter_map(|algorithm| value(algorithm).map(|value| (algorithm, value.to_owned())))
        .collect()
}

/// A body made of slices of an object.
pub(super) fn outgoing(mut pieces: Pieces, len: u64) -> StreamingBlob {
    // Nearly every part is one slice.
    let first = pieces.next().unwrap_or_default();
    if first.len() as u64 == len {
        return StreamingBlob::from(s3s::Body::from(first));
    }
    StreamingBlob::new(Outgoing { first: Some(first), pieces, left: len })
}

struct Outgoing {
    first: Option<Bytes>,
    pieces: Pieces,
    left: u64,
}

impl Stream for Outgoing {
    type Item = Result<Bytes, StdError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let piece = self.first.take().or_else(|| self.pieces.next());
        self.left -= piece.as_ref().map_or(0, |piece| piece.len() as u64);
        Poll::Ready(piece.map(Ok))
    }
}

impl ByteStream for Outgoing {
    fn remaining_length(&self) -> RemainingLength {
        RemainingLength::new_exact(self.left as usize)
    }
}

/// Whether an object with this ETag meets a condition.
pub(super) fn meets(condition: &ETagCondition, etag: &str) -> bool {
    condition.as_etag().is_none_or(|wanted| wanted.value() == etag)
}

pub(super) fn strong(etag: &str) -> Option<ETag> {
    Some(ETag::Strong(etag.to_owned()))
}

/// Sets the one checksum field of an answer that fits the algorithm.
macro_rules! tell_sum {
    ($output:expr, $told:expr) => {{
        let (algorithm, value) = $told;
        match algorithm {
            $crate::s3::checksum::Algorithm::Crc64Nvme => $output.checksum_crc64nvme = Some(value),
            $crate::s3::checksum::Algorithm::Crc32 => $output.checksum_crc32 = Some(value),
            $crate::s3::checksum::Algorithm::Crc32c => $output.checksum_crc32c = Some(value),
            $crate::s3::checksum::Algorithm::Sha1 => $output.checksum_sha1 = Some(value),
            $crate::s3::checksum::Algorithm::Sha256 => $output.checksum_sha256 = Some(value),
        }
    }};
}
pub(super) use tell_sum;
