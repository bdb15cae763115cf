//! An HTTP client that hides nothing: it shows what came, and how the connection ended.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use welkin_testkit::s3::S3Server;

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// Why the body ended before its length.
    pub(crate) broken: Option<io::ErrorKind>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The text between the first such tags.
    pub(crate) fn tag(&self, name: &str) -> String {
        let text = self.text();
        let rest = text.split_once(&format!("<{name}>")).map(|(_, rest)| rest.to_owned()).unwrap_or_default();
        rest.split_once(&format!("</{name}>")).map(|(value, _)| value.to_owned()).unwrap_or_default()
    }
}

/// One request on a connection of its own; fails where no answer came.
pub(crate) fn send(
    server: &S3Server,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(server.address())?;
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", server.address());
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += &format!("content-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    receive(&mut stream, method)
}

/// The same, where an answer is expected.
pub(crate) fn ask(
    server: &S3Server,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    send(server, method, path, headers, body).unwrap()
}

fn receive(stream: &mut TcpStream, method: &str) -> io::Result<Answer> {
    let mut data = Vec::new();
    let broken = stream.read_to_end(&mut data).err().map(|error| error.kind());
    let Some(end) = data.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Err(broken.unwrap_or(io::ErrorKind::UnexpectedEof).into());
    };
    let head = String::from_utf8_lossy(&data[..end]).into_owned();
    let status = head[9..12].parse().map_err(io::Error::other)?;
    let mut answer = Answer { status, head, body: data.split_off(end + 4), broken };
    if answer.header("transfer-encoding") == Some("chunked") {
        answer.body = unchunked(&answer.body);
    } else if method != "HEAD"
        && let Some(len) = answer.header("content-length")
        && answer.body.len() < len.parse().map_err(io::Error::other)?
    {
        answer.broken = answer.broken.or(Some(io::ErrorKind::UnexpectedEof));
    }
    Ok(answer)
}

fn unchunked(mut data: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    while let Some(end) = data.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(&String::from_utf8_lossy(&data[..end]), 16).unwrap();
        plain.extend_from_slice(&data[end + 2..end + 2 + size]);
        data = &data[end + 4 + size..];
    }
    plain
}
