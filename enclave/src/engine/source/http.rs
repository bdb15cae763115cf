//! One question by HTTP/1.1, to an address that is known, without encryption: what a machine's metadata service takes.
//!
//! An answer is read with a bound on its bytes and within a time, whatever it says of its length. Where it ends, its length or its
//! pieces say; where neither does, the connection's end.
//!
//! *Rejected:* a client for all of HTTP: it would be measured with the engine, for two questions whose answers have 10 KB.
//!
//! Source: RFC 9112 (6.3 message body length, 7.1 chunked transfer coding).

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use welkin_seal::MetadataRequest;

/// Certificates have 8 KB as JSON, a quote 7.
const MOST_BYTES: usize = 256 << 10;
const MOST_HEADERS: usize = 64;
const MOST_HEAD_BYTES: usize = 16 << 10;

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unanswered {
    /// It may be otherwise in a moment: too many asked at once, or something broke.
    Busy(String),
    /// It will not.
    No(String),
}

impl From<String> for Unanswered {
    fn from(why: String) -> Self {
        Self::No(why)
    }
}

impl From<&str> for Unanswered {
    fn from(why: &str) -> Self {
        Self::No(why.to_owned())
    }
}

/// Asks, and gives the answer's body back if its status is 200.
pub(super) fn ask(
    address: SocketAddr,
    question: &MetadataRequest,
    deadline: Instant,
) -> Result<Vec<u8>, Unanswered> {
    let told = |error: io::Error| format!("{address} does not answer ({error})");
    let left = || {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::Error::from(ErrorKind::TimedOut)) } else { Ok(Some(left)) }
    };
    let connect = |left: Option<Duration>| TcpStream::connect_timeout(&address, left.unwrap_or_default());
    let mut stream = left().and_then(connect).map_err(told)?;
    let request = request(address, question);
    left().and_then(|left| stream.set_write_timeout(left)).map_err(told)?;
    stream.write_all(&request).map_err(told)?;
    let mut answer = Vec::new();
    let mut piece = [0; 8 << 10];
    loop {
        left().and_then(|left| stream.set_read_timeout(left)).map_err(told)?;
        let count = match stream.read(&mut piece) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            read => read.map_err(told)?,
        };
        answer.extend(&piece[..count]);
        if let Some(body) = body(&answer, count == 0)? {
            return Ok(body);
        }
        if answer.len() > MOST_BYTES {
            return Err(format!("{address} gives more than {MOST_BYTES} bytes").into());
        }
    }
}

fn request(address: SocketAddr, question: &MetadataRequest) -> Vec<u8> {
    let MetadataRequest { path, body } = question;
    let method = if body.is_some() { "POST" } else { "GET" };
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {}\r\nMetadata: true\r\nAccept: application/json\r\nConnection: close\r\n",
        address.ip()
    );
    if let Some(body) = body {
        request += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    }
    request += "\r\n";
    [request.as_bytes(), body.as_deref().unwrap_or_default()].concat()
}

/// How an answer's end is known.
enum End {
    Length(usize),
    Chunks,
    Connection,
}

/// The body of an answer, if it is there to its end; `ended` where no more comes.
fn body(answer: &[u8], ended: bool) -> Result<Option<Vec<u8>>, Unanswered> {
    let more =
        |what: &str| if ended { Err(format!("its answer breaks off {what}").into()) } else { Ok(None) };
    let Some(at) = find(&answer[..answer.len().min(MOST_HEAD_BYTES)], b"\r\n\r\n") else {
        return if answer.len() < MOST_HEAD_BYTES {
            more("in its head")
        } else {
            Err("its answer's head has no end".into())
        };
    };
    let (head, rest) = (&answer[..at], &answer[at + 4..]);
    match self::head(head)? {
        End::Length(length) if length > MOST_BYTES => Err(format!("its answer has {length} bytes").into()),
        End::Length(length) => match rest.get(..length) {
            Some(body) => Ok(Some(body.to_vec())),
            None => more("in its body"),
        },
        End::Chunks => match chunks(rest)? {
            Some(body) => Ok(Some(body)),
            None => more("in its body"),
        },
        End::Connection => Ok(ended.then(|| rest.to_vec())),
    }
}

fn head(head: &[u8]) -> Result<End, Unanswered> {
    let head = std::str::from_utf8(head).map_err(|_| "its answer has a head that is no text".to_owned())?;
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap_or_default();
    let code = status.strip_prefix("HTTP/1.1 ").or_else(|| status.strip_prefix("HTTP/1.0 "));
    let code = code.and_then(|rest| rest.get(..3)).ok_or("it does not speak HTTP/1.1")?;
    if code != "200" {
        let why = format!("it answers with the status {code:?}, not 200");
        // 404 and 410 while the service is updated, as Azure's says.
        let busy = matches!(code, "404" | "410" | "429") || code.starts_with('5');
        return Err(if busy { Unanswered::Busy(why) } else { Unanswered::No(why) });
    }
    let mut end = End::Connection;
    for (number, line) in lines.enumerate() {
        let (name, value) = line.split_once(':').ok_or("its answer has a header without a name")?;
        if number == MOST_HEADERS {
            return Err("its answer has too many headers".into());
        }
        let value = value.trim();
        if name.eq_ignore_ascii_case("transfer-encoding") {
            if !value.eq_ignore_ascii_case("chunked") {
                return Err("its answer is coded in a way that is not known".into());
            }
            end = End::Chunks;
        } else if name.eq_ignore_ascii_case("content-length") && !matches!(end, End::Chunks) {
            let length = value.parse().map_err(|_| "its answer has a length that is no number")?;
            end = End::Length(length);
        }
    }
    Ok(end)
}

/// The pieces put together, if the last is there.
fn chunks(mut rest: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let mut body = Vec::new();
    loop {
        let Some(at) = find(rest, b"\r\n") else { return Ok(None) };
        let size = std::str::from_utf8(&rest[..at]).unwrap_or_default();
        // What follows a semicolon is for those who know it.
        let size = size.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).ok().filter(|size| *size <= MOST_BYTES);
        let size = size.ok_or("its answer has a piece without a length")?;
        if size == 0 {
            return Ok(Some(body));
        }
        rest = &rest[at + 2..];
        let Some((piece, behind)) = rest.split_at_checked(size) else { return Ok(None) };
        body.extend(piece);
        match behind.split_at_checked(2) {
            Some((b"\r\n", behind)) => rest = behind,
            Some(_) => return Err("its answer has a piece that is longer than it says".to_owned()),
            None => return Ok(None),
        }
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: &str =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}";
    const CHUNKS: &str =
        "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n3;x=y\r\n{\"a\r\n4\r\n\":1}\r\n0\r\n\r\n";
    const CONNECTION: &str = "HTTP/1.0 200 OK\r\n\r\n{\"a\":1}";

    #[test]
    fn an_answer_ends_where_it_says() {
        for (answer, closes) in [(LENGTH, false), (CHUNKS, false), (CONNECTION, true)] {
            assert_eq!(body(answer.as_bytes(), closes).unwrap().unwrap(), b"{\"a\":1}", "{answer}");
        }
        assert_eq!(body(CONNECTION.as_bytes(), false), Ok(None), "more may come");
        for answer in [LENGTH, CHUNKS] {
            let end = if answer == CHUNKS { answer.len() - 2 } else { answer.len() };
            for at in 0..end {
                assert_eq!(body(&answer.as_bytes()[..at], false), Ok(None), "{at}");
                assert!(body(&answer.as_bytes()[..at], true).is_err(), "{at}");
            }
        }
    }

    #[test]
    fn what_is_no_good_answer_is_refused() {
        for (answer, words) in [
            ("HTTP/1.1 400 Bad Request\r\n\r\n", "\"400\""),
            ("HTTP/1.1 2\r\n\r\n", "does not speak"),
            ("SSH-2.0-OpenSSH\r\n\r\n", "does not speak"),
            ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "no number"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", "99999999 bytes"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "coded"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", "without a length"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", "longer than it says"),
            ("HTTP/1.1 200 OK\r\nnothing\r\n\r\n", "without a name"),
        ] {
            let Err(Unanswered::No(why)) = body(answer.as_bytes(), false) else { panic!("{answer}") };
            assert!(why.contains(words), "{answer}: {why}");
        }
        for busy in
            ["404 Not Found", "410 Gone", "429 Too Many Requests", "500 Oh", "503 Service Unavailable"]
        {
            let answer = format!("HTTP/1.1 {busy}\r\n\r\n");
            assert!(matches!(body(answer.as_bytes(), false), Err(Unanswered::Busy(_))), "{busy}");
        }
    }

    #[test]
    fn spoilt_answers_are_refused_or_have_a_body_that_is_no_longer() {
        for answer in [LENGTH, CHUNKS, CONNECTION] {
            for at in 0..answer.len() {
                for spoilt in [&[0_u8][..], &[0xff], b"9", b"\r\n", b":", &[0x80; 4], b"fffff"] {
                    let mut bytes = answer.as_bytes().to_vec();
                    let end = bytes.len().min(at + spoilt.len());
                    bytes[at..end].copy_from_slice(&spoilt[..end - at]);
                    for ended in [false, true] {
                        if let Ok(Some(body)) = body(&bytes, ended) {
                            assert!(body.len() <= bytes.len());
                        }
                    }
                }
            }
        }
    }
}
