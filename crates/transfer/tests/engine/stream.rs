//! Objects from streams, and to them.

use crate::support::{World, content};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use welkin_store::{Endpoint, FailureKind, Metadata};
use welkin_testkit::s3::{Attributes, Fault, Operation, Rule};
use welkin_transfer::engine::{
    End, Flow, Limiter, Patience, Quiet, Retrying, Stats, StreamError, Streamed, receive, send,
};

/// Shortest part of S3 that is a power of two.
const PART: usize = 8 << 20;

/// What is moved, and how.
struct Streaming {
    endpoint: Retrying,
    memory_bytes: usize,
    limiter: Limiter,
    stats: Stats,
}

impl Streaming {
    fn new(endpoint: Arc<dyn Endpoint>) -> Self {
        let endpoint = Retrying::new(endpoint);
        Self { endpoint, memory_bytes: 3 * PART, limiter: Limiter::new(None), stats: Stats::default() }
    }

    fn flow<'a>(&'a self, key: &'a str) -> Flow<'a> {
        Flow {
            endpoint: &self.endpoint,
            key,
            part_bytes: Some(PART as u64),
            memory_bytes: self.memory_bytes,
            attempts: 4,
            limiter: &self.limiter,
            stats: &self.stats,
            journal: None,
            observer: &Quiet,
        }
    }

    async fn receive(&self, key: &str, input: impl AsyncRead + Unpin) -> Result<Streamed, StreamError> {
        receive(&self.flow(key), &Metadata::default(), input, std::future::pending()).await
    }

    async fn send(&self, key: &str) -> Result<(Streamed, Vec<u8>), StreamError> {
        let mut output = Vec::new();
        let streamed = send(&self.flow(key), &mut output, std::future::pending()).await?;
        Ok((streamed, output))
    }
}

/// Breaks off after its content.
struct Broken(&'static [u8]);

impl AsyncRead for Broken {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.0.is_empty() {
            return Poll::Ready(Err(io::Error::from(io::ErrorKind::ConnectionReset)));
        }
        let count = self.0.len().min(into.remaining());
        into.put_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn every_length_arrives_and_comes_back() {
    let world = World::new();
    for endpoint in [world.bucket("target"), world.local("there")] {
        let streaming = Streaming::new(endpoint);
        for (length, zero) in [
            (0, false),
            (1, false),
            (PART, false),
            (PART + 1, false),
            (3 * PART, false),
            (2 * PART + 77, false),
            (1, true),
            (2 * PART, true),
            (PART + 5, true),
        ] {
            let bytes = if zero { vec![0; length] } else { content(length as u64, length) };
            let whole = Streamed { bytes: length as u64, end: End::Whole(blake3::hash(&bytes)) };
            let key = format!("a/{length}{zero}");
            assert_eq!(streaming.receive(&key, &bytes[..]).await.unwrap(), whole, "{key}");
            let (streamed, output) = streaming.send(&key).await.unwrap();
            assert_eq!(streamed, whole, "{key}");
            assert!(output == bytes, "{key}");
        }
    }
    // A single part needs no write in parts.
    assert_eq!(world.server.counts().of(Operation::CreateMultipartUpload), 5);
}

#[tokio::test]
async fn holes_stay_holes_and_the_end_is_there() {
    let world = World::new();
    let streaming = Streaming::new(world.local("there"));
    let mut bytes = vec![0; 3 * PART];
    bytes[0] = 1;
    streaming.receive("k", &bytes[..]).await.unwrap();
    let written = std::fs::read(world.path("there/k")).unwrap();
    assert!(written == bytes);
    let blocks = std::os::unix::fs::MetadataExt::blocks(&std::fs::metadata(world.path("there/k")).unwrap());
    assert!(blocks * 512 < 2 * PART as u64, "{blocks} blocks");
}

#[tokio::test]
async fn nothing_is_left_of_a_stream_that_breaks_off() {
    let world = World::new();
    let long: &'static [u8] = content(1, 2 * PART + 9).leak();
    for endpoint in [world.bucket("target"), world.local("there")] {
        for bytes in [&long[..10], long] {
            let streaming = Streaming::new(Arc::clone(&endpoint));
            let error = streaming.receive("k", Broken(bytes)).await.unwrap_err();
            assert!(matches!(error, StreamError::Stream(_)), "{error}");
            assert!(endpoint.find("k").await.unwrap().is_none());
            assert_eq!(endpoint.dangling("").await.unwrap(), []);
        }
    }
}

#[tokio::test]
async fn nothing_is_left_of_a_stream_that_is_stopped() {
    let world = World::new();
    let streaming = Streaming::new(world.bucket("target"));
    let (mut pipe, input) = tokio::io::duplex(1 << 20);
    let bytes = content(2, 2 * PART);
    let (stopping, stop) = tokio::sync::oneshot::channel::<()>();
    let flow = streaming.flow("k");
    let metadata = Metadata::default();
    let receiving = receive(&flow, &metadata, input, async {
        let _ = stop.await;
    });
    let feeding = async {
        pipe.write_all(&bytes).await.unwrap();
        while world.server.counts().of(Operation::UploadPart) == 0 {
            tokio::task::yield_now().await;
        }
        stopping.send(()).unwrap();
    };
    let (result, ()) = tokio::join!(receiving, feeding);
    assert!(matches!(result, Err(StreamError::Stopped)), "{result:?}");
    let patience = Patience::new(1, &streaming.stats, &Quiet);
    assert_eq!(streaming.endpoint.dangling(&patience, "").await.unwrap(), []);
    assert!(world.server.objects("target").is_empty());
}

#[tokio::test]
async fn faults_that_pass_are_passed() {
    let world = World::new();
    let streaming = Streaming::new(world.bucket("source"));
    let bytes = content(3, 3 * PART + 1);
    for operation in [
        Operation::CreateMultipartUpload,
        Operation::UploadPart,
        Operation::CompleteMultipartUpload,
        Operation::GetObject,
        Operation::HeadObject,
    ] {
        world.server.inject(Rule::new(Fault::SlowDown { retry_after_s: 0 }).only(&[operation]).times(2));
    }
    let streamed = streaming.receive("k", &bytes[..]).await.unwrap();
    assert_eq!(streamed.end, End::Whole(blake3::hash(&bytes)));
    let (_, output) = streaming.send("k").await.unwrap();
    assert!(output == bytes);
    assert_eq!(streaming.stats.snapshot().retries, 10);
}

#[tokio::test]
async fn a_reader_that_wants_no_more_is_no_failure() {
    let world = World::new();
    world.server.put("source", "k", content(4, 5 * PART), Attributes::default());
    let streaming = Streaming::new(world.bucket("source"));
    let (mut near, far) = tokio::io::duplex(1 << 10);
    let reading = async {
        near.read_exact(&mut [0; 4096]).await.unwrap();
        drop(near);
    };
    let flow = streaming.flow("k");
    let (streamed, ()) = tokio::join!(send(&flow, far, std::future::pending()), reading);
    assert_eq!(streamed.unwrap().end, End::Unwanted);
}

#[tokio::test]
async fn what_is_not_there_says_so() {
    let world = World::new();
    let streaming = Streaming::new(world.bucket("source"));
    match streaming.send("k").await {
        Err(StreamError::Place(failure)) => assert_eq!(failure.kind, FailureKind::NotFound),
        other => panic!("{other:?}"),
    }
}
