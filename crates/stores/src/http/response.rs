//! Responses: heads, and bodies into blocks or text.

use crate::http::connection::Connection;
use crate::http::headers::Headers;
use crate::http::number::{hexadecimal, number};
use crate::http::pace::{HEAD_WITHIN, Pace, WORDS_WITHIN};
use crate::http::{Client, HttpError, Target};
use std::sync::Arc;
use std::time::Instant;
use welkin_store::block::{Block, BlockWriter};

/// Most headers of a response. S3 allows 2 KB of user metadata, which is at most some hundred.
const MAX_HEADERS: usize = 256;

/// Most heads that come before that of the answer, such as `100 Continue`. One is usual.
const MAX_INTERIM: usize = 16;

/// Most lines after the last chunk. Nobody here wants any.
const MAX_TRAILERS: usize = 64;

/// How the length of a body is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Length(u64),
    Chunked,
    /// Until the connection ends.
    Close,
}

/// A response whose body has not been read.
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Headers,
    framing: Framing,
    keep: bool,
    connection: Option<Connection>,
    client: Arc<Client>,
    target: Target,
}

impl Response {
    /// Reads the head. The flag of a failure says whether anything had come.
    pub(super) async fn read(
        mut connection: Connection,
        head_only: bool,
        client: Arc<Client>,
        target: Target,
    ) -> Result<Self, (HttpError, bool)> {
        connection.pace = Pace::within(HEAD_WITHIN);
        let mut interim = 0;
        loop {
            // Nothing has come of most answers when one begins to wait for them.
            let parsed = if connection.ahead().is_empty() { Ok(None) } else { parse(connection.ahead()) };
            match parsed {
                Err(error) => return Err((error, true)),
                // 100 Continue and its kind come before the answer.
                Ok(Some(head)) if head.status < 200 => {
                    interim += 1;
                    if interim > MAX_INTERIM {
                        let reason = format!("{interim} answers that are none came before it");
                        return Err((HttpError::Malformed(reason), true));
                    }
                    connection.consume(head.length);
                }
                Ok(Some(head)) => {
                    connection.consume(head.length);
                    let bodiless = head_only || matches!(head.status, 204 | 304);
                    let framing = if bodiless { Framing::Length(0) } else { head.framing };
                    let keep = head.keep && framing != Framing::Close;
                    let (status, headers) = (head.status, head.headers);
                    let connection = Some(connection);
                    return Ok(Self { status, headers, framing, keep, connection, client, target });
                }
                Ok(None) => {
                    let answered = !connection.ahead().is_empty();
                    match connection.read_ahead().await {
                        Ok(0) => {
                            let reason =
                                if answered { "its head is too long or cut off" } else { "nothing came" };
                            return Err((HttpError::Malformed(reason.to_owned()), answered));
                        }
                        Ok(_) => {}
                        Err(error) => return Err((error, answered)),
                    }
                }
            }
        }
    }

    /// The response that a peer sends with those bytes, in pieces of at most `piece`.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) async fn of_bytes(
        bytes: &[u8],
        piece: usize,
        head_only: bool,
        client: &Arc<Client>,
    ) -> Result<Self, HttpError> {
        let target = Target { host: "fuzz".to_owned(), port: 80, tls: false };
        let connection = Connection::of_bytes(bytes, piece);
        let read = Self::read(connection, head_only, Arc::clone(client), target).await;
        read.map_err(|(error, _)| error)
    }

    /// The first header of that lower-case name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    /// Headers, names in lower case.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter()
    }

    /// Never uses the connection again.
    pub(super) fn close(&mut self) {
        self.keep = false;
    }

    /// Reads exactly the bytes the writer wants.
    pub(crate) async fn block(mut self, mut writer: BlockWriter) -> Result<Block, HttpError> {
        let expected = writer.missing() as u64;
        if let Framing::Length(length) = self.framing
            && length != expected
        {
            return Err(if length > expected {
                HttpError::Long { expected }
            } else {
                HttpError::Short { came: length, expected }
            });
        }
        let mut chunks = Chunks::new(self.framing);
        let mut connection = self.connection.take().ok_or_else(ended)?;
        connection.pace = Pace::steady();
        while writer.missing() > 0 {
            let room = chunks.room(&mut connection).await?;
            let spare = writer.spare();
            let most = spare.len().min(usize::try_from(room).unwrap_or(usize::MAX));
            let count = if most == 0 { 0 } else { connection.read(&mut spare[..most]).await? };
            if count == 0 {
                return Err(HttpError::Short { came: writer.len() as u64, expected });
            }
            chunks.took(count as u64);
            writer.advance(count);
        }
        if chunks.framing == Framing::Chunked && chunks.room(&mut connection).await? > 0 {
            return Err(HttpError::Long { expected });
        }
        if self.keep {
            self.give_back(connection);
        }
        writer.finish().map_err(|writer| HttpError::Short { came: writer.len() as u64, expected })
    }

    /// Reads all of a body of at most `most` bytes.
    pub(crate) async fn text(mut self, most: usize) -> Result<Vec<u8>, HttpError> {
        let mut chunks = Chunks::new(self.framing);
        let mut connection = self.connection.take().ok_or_else(ended)?;
        connection.pace = Pace::within(WORDS_WITHIN);
        let mut body = Vec::new();
        let mut piece = vec![0; 8 << 10];
        loop {
            let room = chunks.room(&mut connection).await?;
            if room == 0 {
                break;
            }
            let wanted = piece.len().min(usize::try_from(room).unwrap_or(usize::MAX));
            let count = connection.read(&mut piece[..wanted]).await?;
            if count == 0 {
                match self.framing {
                    Framing::Close => break,
                    Framing::Length(expected) => {
                        return Err(HttpError::Short { came: body.len() as u64, expected });
                    }
                    Framing::Chunked => return Err(ended()),
                }
            }
            chunks.took(count as u64);
            body.extend_from_slice(&piece[..count]);
            if body.len() > most {
                return Err(HttpError::Long { expected: most as u64 });
            }
        }
        if self.keep {
            self.give_back(connection);
        }
        Ok(body)
    }

    fn give_back(&self, mut connection: Connection) {
        // Bytes nobody asked for would be taken for the head of the next response.
        if connection.ahead().is_empty() {
            connection.idle_since = Instant::now();
            self.client.give_back(self.target.clone(), connection);
        }
    }
}

fn ended() -> HttpError {
    HttpError::Broken(std::io::ErrorKind::UnexpectedEof.into())
}

struct Head {
    status: u16,
    headers: Headers,
    framing: Framing,
    keep: bool,
    length: usize,
}

fn parse(bytes: &[u8]) -> Result<Option<Head>, HttpError> {
    let malformed = |reason: &dyn std::fmt::Display| HttpError::Malformed(reason.to_string());
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let length = match response.parse(bytes).map_err(|error| malformed(&error))? {
        httparse::Status::Partial => return Ok(None),
        httparse::Status::Complete(length) => length,
    };
    let mut framing = Framing::Close;
    let mut keep = response.version == Some(1);
    let mut found = Headers::with_room(response.headers.len(), length);
    for header in response.headers.iter() {
        let (name, value) = found.push(header.name, header.value);
        match name {
            "content-length" if framing != Framing::Chunked => {
                let length =
                    number(value.trim()).ok_or_else(|| malformed(&"its content-length is not a number"))?;
                if matches!(framing, Framing::Length(other) if other != length) {
                    return Err(malformed(&"it has two lengths"));
                }
                framing = Framing::Length(length);
            }
            "transfer-encoding" if value.eq_ignore_ascii_case("chunked") => framing = Framing::Chunked,
            "transfer-encoding" if !value.eq_ignore_ascii_case("identity") => {
                return Err(malformed(&"its body is coded in a way that nobody asked for"));
            }
            "connection" if value.eq_ignore_ascii_case("close") => keep = false,
            "connection" if value.eq_ignore_ascii_case("keep-alive") => keep = true,
            _ => {}
        }
    }
    let status = response.code.ok_or_else(|| malformed(&"it has no status"))?;
    Ok(Some(Head { status, headers: found, framing, keep, length }))
}

/// Where a body's bytes end.
struct Chunks {
    framing: Framing,
    /// Bytes until the end, or until the end of the chunk.
    left: u64,
    begun: bool,
    over: bool,
}

/// Longest line before a chunk: 16 hex digits, an extension nobody uses, and the line's end.
const MAX_CHUNK_LINE: usize = 256;

impl Chunks {
    fn new(framing: Framing) -> Self {
        let left = match framing {
            Framing::Length(length) => length,
            Framing::Chunked => 0,
            Framing::Close => u64::MAX,
        };
        Self { framing, left, begun: false, over: false }
    }

    fn took(&mut self, count: u64) {
        if self.framing != Framing::Close {
            self.left -= count;
        }
    }

    /// How many bytes of the body may be read next; 0 at its end.
    async fn room(&mut self, connection: &mut Connection) -> Result<u64, HttpError> {
        if self.framing != Framing::Chunked || self.left > 0 || self.over {
            return Ok(self.left);
        }
        if self.begun {
            line(connection).await?;
        }
        self.begun = true;
        let text = line(connection).await?;
        let digits = text.split(';').next().unwrap_or_default().trim();
        self.left =
            hexadecimal(digits).ok_or_else(|| HttpError::Malformed(format!("chunk length {digits:?}")))?;
        if self.left == 0 {
            self.over = true;
            let mut trailers = 0;
            while !line(connection).await?.is_empty() {
                trailers += 1;
                if trailers > MAX_TRAILERS {
                    return Err(HttpError::Malformed(
                        "there are lines without end after its body".to_owned(),
                    ));
                }
            }
        }
        Ok(self.left)
    }
}

async fn line(connection: &mut Connection) -> Result<String, HttpError> {
    loop {
        let ahead = connection.ahead();
        let end = ahead.iter().take(MAX_CHUNK_LINE + 1).position(|byte| *byte == b'\n');
        if let Some(end) = end {
            let text = String::from_utf8_lossy(&ahead[..end]).trim_end().to_owned();
            connection.consume(end + 1);
            return Ok(text);
        }
        if ahead.len() > MAX_CHUNK_LINE || connection.read_ahead().await? == 0 {
            return Err(ended());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads() {
        let head =
            parse(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"x\"\r\n\r\nhello").unwrap().unwrap();
        assert_eq!((head.status, head.framing, head.keep, head.length), (200, Framing::Length(5), true, 49));
        assert_eq!(head.headers.get("etag"), Some("\"x\""));
        let head = parse(b"HTTP/1.0 200 OK\r\n\r\n").unwrap().unwrap();
        assert_eq!((head.framing, head.keep), (Framing::Close, false));
        let both = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n";
        assert_eq!(parse(both).unwrap().unwrap().framing, Framing::Chunked);
        assert!(parse(b"HTTP/1.1 200 OK\r\nContent-Len").unwrap().is_none());
        for broken in [
            "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "SSH-2.0-OpenSSH\r\n\r\n",
        ] {
            assert!(parse(broken.as_bytes()).is_err(), "{broken:?}");
        }
    }
}
