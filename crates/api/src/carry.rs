//! Bytes both ways over a connection that was a request before: how a login goes through a broker.
//!
//! Each way is a sequence of pieces: a letter, four bytes of length, big endian, and so many bytes. A way ends with a piece
//! that says so, or with one that says what went wrong, in words; a connection that ends without either broke.
//!
//! *Bounds:* a piece has at most [`MAX_PIECE_BYTES`], and one of each way is in memory: nothing more is read before it was
//! taken, so whoever sends waits for whoever receives.
//!
//! *Rejected:* the bytes as they are, which cannot say why they end, and over TLS not that one way does; and WebSocket, whose
//! frames are masked against proxies that are not here.

use std::future::{pending, ready};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// What a request asks to become, in its header `Upgrade`.
pub const PROTOCOL: &str = "welkin-login/1";

/// Header of the public key that is let in.
pub const KEY: &str = "welkin-key";

/// Headers of the answer: the account that is logged in to, and the key of its machine.
pub const USER: &str = "welkin-user";

/// See [`USER`].
pub const HOST_KEY: &str = "welkin-host-key";

/// Longest piece.
pub const MAX_PIECE_BYTES: usize = 64 << 10;

/// Longest text about what went wrong.
const MAX_WORDS_BYTES: usize = 4 << 10;

/// How long the last piece of a way is waited for: whoever takes nothing hears nothing.
const LAST_WORDS: Duration = Duration::from_secs(5);

const BYTES: u8 = b'b';
const END: u8 = b'e';
const FAILURE: u8 = b'f';

/// What came.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    /// So many bytes, in the buffer.
    Bytes(usize),
    /// This way is at its end.
    End,
    /// The other side gives up, and says why.
    Failure(String),
}

/// How a login ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Over {
    /// The server on the node ended it.
    Ended,
    /// The broker ended it, for this reason.
    Failed(String),
    /// The connection broke.
    Broke,
}

/// The broker's side: carries between a connection and a node until the node is at its end, the other side is gone, or
/// `given_up` says why it has to be over. Whether the node's end has a reason that the client is to hear says `reason`. What
/// is left is for the caller to drop, which ends the login.
pub async fn carry_to_node(
    wire: impl AsyncRead + AsyncWrite + Unpin,
    node: impl AsyncRead + AsyncWrite + Unpin,
    given_up: impl Future<Output = String>,
    reason: impl Future<Output = Option<String>>,
) -> Over {
    let (mut from_wire, mut to_wire) = tokio::io::split(wire);
    let (mut from_node, mut to_node) = tokio::io::split(node);
    let gone = async {
        let mut buffer = vec![0; MAX_PIECE_BYTES];
        // After its end too, so that a client that goes is seen to go.
        while let Ok(piece) = take(&mut from_wire, &mut buffer).await {
            let passed = match piece {
                Piece::Bytes(count) => send_on(&mut to_node, &buffer[..count]).await,
                Piece::End => to_node.shutdown().await,
                Piece::Failure(_) => return,
            };
            if passed.is_err() {
                // The other way ends as well.
                return pending().await;
            }
        }
    };
    tokio::select! {
        over = send_all(&mut from_node, &mut to_wire, given_up, reason) => over,
        () = gone => Over::Broke,
    }
}

/// The client's side: carries between a connection and whoever speaks SSH here until the other side is at its end.
pub async fn carry_from_client(
    wire: impl AsyncRead + AsyncWrite + Unpin,
    mut input: impl AsyncRead + Unpin,
    mut output: impl AsyncWrite + Unpin,
) -> Over {
    let (mut from_wire, mut to_wire) = tokio::io::split(wire);
    let sending = async {
        // A connection that broke is seen by the other way.
        drop(send_all(&mut input, &mut to_wire, pending(), ready(None)).await);
        pending::<()>().await;
    };
    let taking = async {
        let mut buffer = vec![0; MAX_PIECE_BYTES];
        loop {
            match take(&mut from_wire, &mut buffer).await {
                Ok(Piece::Bytes(count)) => {
                    if send_on(&mut output, &buffer[..count]).await.is_err() {
                        // Nobody reads it: whoever spoke SSH here has ended.
                        return Over::Ended;
                    }
                }
                Ok(Piece::End) => return Over::Ended,
                Ok(Piece::Failure(why)) => return Over::Failed(why),
                Err(_) => return Over::Broke,
            }
        }
    };
    tokio::select! {
        over = taking => over,
        () = sending => Over::Broke,
    }
}

/// Sends what one side says to its end, or until it is given up: between two pieces with a reason, in the middle of one
/// without, since nothing can follow there.
async fn send_all(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    given_up: impl Future<Output = String>,
    reason: impl Future<Output = Option<String>>,
) -> Over {
    let mut piece = vec![0; 5 + MAX_PIECE_BYTES];
    let mut given_up = std::pin::pin!(given_up);
    let why = loop {
        // A node that is gone says so by an error as well as by an end.
        let count = tokio::select! {
            read = from.read(&mut piece[5..]) => read.unwrap_or(0),
            why = &mut given_up => break Some(why),
        };
        if count == 0 {
            break reason.await;
        }
        head(&mut piece, BYTES, count);
        tokio::select! {
            sent = send_on(to, &piece[..5 + count]) => if sent.is_err() { return Over::Broke },
            why = &mut given_up => return Over::Failed(why),
        }
    };
    let last = async {
        match &why {
            Some(why) => fail(to, why).await,
            None => {
                head(&mut piece, END, 0);
                send_on(to, &piece[..5]).await
            }
        }
    };
    match (tokio::time::timeout(LAST_WORDS, last).await, why) {
        (_, Some(why)) => Over::Failed(why),
        (Ok(Ok(())), None) => Over::Ended,
        _ => Over::Broke,
    }
}

async fn send_on(to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    to.write_all(bytes).await?;
    to.flush().await
}

async fn fail(to: &mut (impl AsyncWrite + Unpin), why: &str) -> io::Result<()> {
    let words: String = why.chars().take(MAX_WORDS_BYTES / 4).collect();
    let mut piece = vec![0; 5];
    head(&mut piece, FAILURE, words.len());
    piece.extend_from_slice(words.as_bytes());
    send_on(to, &piece).await
}

fn head(piece: &mut [u8], kind: u8, count: usize) {
    piece[0] = kind;
    let count = u32::try_from(count).expect("a piece is far shorter than 4 GiB");
    piece[1..5].copy_from_slice(&count.to_be_bytes());
}

async fn take(from: &mut (impl AsyncRead + Unpin), buffer: &mut [u8]) -> io::Result<Piece> {
    let mut head = [0; 5];
    from.read_exact(&mut head).await?;
    let count = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
    let odd = |words: &str| Err(io::Error::new(io::ErrorKind::InvalidData, words.to_owned()));
    match head[0] {
        BYTES if (1..=buffer.len()).contains(&count) => {
            from.read_exact(&mut buffer[..count]).await?;
            Ok(Piece::Bytes(count))
        }
        END if count == 0 => Ok(Piece::End),
        FAILURE if count <= MAX_WORDS_BYTES.min(buffer.len()) => {
            from.read_exact(&mut buffer[..count]).await?;
            Ok(Piece::Failure(String::from_utf8_lossy(&buffer[..count]).into_owned()))
        }
        _ => odd("this is no piece of a login"),
    }
}

#[cfg(test)]
mod tests;
