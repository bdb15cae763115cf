//! One connection, plain or TLS, with what was read ahead of it.

use crate::http::HttpError;
use crate::http::pace::{HEAD_WITHIN, Pace, SILENCE};
use rustls_pki_types::ServerName;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Longest time to connect and shake hands.
const CONNECT_WITHIN: Duration = Duration::from_secs(15);

/// Room for a response's head; what comes after it in the same read is carried over to the body.
const READ_AHEAD: usize = 16 << 10;

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// What a peer sent before it closed, in pieces of at most so many bytes.
    #[cfg(any(test, feature = "fuzzing"))]
    Sent(std::collections::VecDeque<u8>, usize),
}

/// A connection to a server.
pub(crate) struct Connection {
    stream: Stream,
    ahead: Box<[u8]>,
    start: usize,
    end: usize,
    /// How long the peer may take for what is under way.
    pub(super) pace: Pace,
    /// When it was last given back.
    pub(crate) idle_since: Instant,
}

impl Connection {
    pub(crate) async fn open(
        host: &str,
        port: u16,
        tls: Option<&Arc<rustls::ClientConfig>>,
    ) -> Result<Self, HttpError> {
        let failed = |source| HttpError::Connect { host: format!("{host}:{port}"), source };
        let connecting = async {
            let plain = TcpStream::connect((host.trim_matches(['[', ']']), port)).await?;
            plain.set_nodelay(true)?;
            let Some(config) = tls else { return Ok(Stream::Plain(plain)) };
            let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
            let secured = TlsConnector::from(Arc::clone(config)).connect(name, plain).await?;
            Ok(Stream::Tls(Box::new(secured)))
        };
        let stream = tokio::time::timeout(CONNECT_WITHIN, connecting)
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
            .map_err(failed)?;
        let ahead = vec![0; READ_AHEAD].into_boxed_slice();
        let pace = Pace::within(HEAD_WITHIN);
        Ok(Self { stream, ahead, start: 0, end: 0, pace, idle_since: Instant::now() })
    }

    /// One from which those bytes come, in pieces, and then no more.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn of_bytes(bytes: &[u8], piece: usize) -> Self {
        let stream = Stream::Sent(bytes.iter().copied().collect(), piece);
        let ahead = vec![0; READ_AHEAD].into_boxed_slice();
        Self { stream, ahead, start: 0, end: 0, pace: Pace::within(HEAD_WITHIN), idle_since: Instant::now() }
    }

    /// What was read and not used.
    pub(crate) fn ahead(&self) -> &[u8] {
        &self.ahead[self.start..self.end]
    }

    /// Uses up `count` bytes of what was read ahead.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start += count;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Reads more ahead; 0 at the end of the connection, or when there is no room for more.
    pub(crate) async fn read_ahead(&mut self) -> Result<usize, HttpError> {
        if self.start > 0 {
            self.ahead.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let Self { stream, ahead, end, pace, .. } = self;
        let count = patient(*pace, read(stream, &mut ahead[*end..])).await?;
        *end += count;
        Ok(count)
    }

    /// Reads what there is of a body into `into`, first of all what was read ahead.
    pub(crate) async fn read(&mut self, into: &mut [u8]) -> Result<usize, HttpError> {
        let ready = self.ahead();
        if !ready.is_empty() {
            let count = ready.len().min(into.len());
            into[..count].copy_from_slice(&ready[..count]);
            self.consume(count);
            self.pace.moved(count);
            return Ok(count);
        }
        let count = patient(self.pace, read(&mut self.stream, into)).await?;
        self.pace.moved(count);
        Ok(count)
    }

    /// Writes both, in one call where the system takes them.
    pub(crate) async fn write(&mut self, mut head: &[u8], mut body: &[u8]) -> Result<(), HttpError> {
        while !head.is_empty() || !body.is_empty() {
            let count = patient(self.pace, write(&mut self.stream, head, body)).await?;
            self.pace.moved(count);
            if count == 0 {
                return Err(HttpError::Broken(io::ErrorKind::WriteZero.into()));
            }
            let of_head = count.min(head.len());
            head = &head[of_head..];
            body = &body[count - of_head..];
        }
        Ok(())
    }

    /// Sends what a TLS session may hold back.
    pub(crate) async fn flush(&mut self) -> Result<(), HttpError> {
        match &mut self.stream {
            Stream::Plain(_) => Ok(()),
            #[cfg(any(test, feature = "fuzzing"))]
            Stream::Sent(..) => Ok(()),
            Stream::Tls(stream) => {
                patient(self.pace, poll_fn(|cx| Pin::new(&mut **stream).poll_flush(cx))).await
            }
        }
    }
}

async fn patient<T>(pace: Pace, work: impl Future<Output = io::Result<T>>) -> Result<T, HttpError> {
    let (until, slow) = pace.patience();
    match tokio::time::timeout_at(until, work).await {
        Ok(done) => done.map_err(HttpError::Broken),
        Err(_) if slow => Err(HttpError::Slow),
        Err(_) => Err(HttpError::Silent { seconds: SILENCE.as_secs() }),
    }
}

async fn read(stream: &mut Stream, into: &mut [u8]) -> io::Result<usize> {
    poll_fn(|cx| {
        let mut buffer = ReadBuf::new(into);
        let polled = match stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, &mut buffer),
            Stream::Tls(stream) => Pin::new(&mut **stream).poll_read(cx, &mut buffer),
            #[cfg(any(test, feature = "fuzzing"))]
            Stream::Sent(bytes, piece) => {
                let count = bytes.len().min(*piece).min(buffer.remaining());
                bytes.drain(..count).for_each(|byte| buffer.put_slice(&[byte]));
                Poll::Ready(Ok(()))
            }
        };
        polled.map_ok(|()| buffer.filled().len())
    })
    .await
}

async fn write(stream: &mut Stream, head: &[u8], body: &[u8]) -> io::Result<usize> {
    poll_fn(|cx| match stream {
        Stream::Plain(stream) => vectored(Pin::new(stream), cx, head, body),
        Stream::Tls(stream) => {
            let piece = if head.is_empty() { body } else { head };
            Pin::new(&mut **stream).poll_write(cx, piece)
        }
        #[cfg(any(test, feature = "fuzzing"))]
        Stream::Sent(..) => Poll::Ready(Ok(head.len() + body.len())),
    })
    .await
}

fn vectored(
    stream: Pin<&mut TcpStream>,
    cx: &mut Context<'_>,
    head: &[u8],
    body: &[u8],
) -> Poll<io::Result<usize>> {
    match (head.is_empty(), body.is_empty()) {
        (true, _) => stream.poll_write(cx, body),
        (false, true) => stream.poll_write(cx, head),
        (false, false) => stream.poll_write_vectored(cx, &[IoSlice::new(head), IoSlice::new(body)]),
    }
}
