//! Where a browser comes back to on this machine, after somebody has said who they are elsewhere.
//!
//! *Bounds:* it listens on loopback alone, takes what a browser sends for the one path, and lasts as long as the login.

use percent_encoding::percent_decode_str;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use welkin_api::sign_in::Back;

/// The longest head of a request that is read: codes of providers have some kilobytes.
const MAX_HEAD_BYTES: usize = 32 << 10;

/// How long a browser may take for it.
const HEAD_WITHIN: Duration = Duration::from_secs(5);

/// Waits for a browser.
pub(super) struct Landing {
    listener: TcpListener,
    pub(super) port: u16,
}

impl Landing {
    /// At a free port.
    pub(super) async fn open() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        Ok(Self { listener, port })
    }

    /// With what a browser comes back. What is not that is answered and forgotten.
    pub(super) async fn back(&self) -> io::Result<Back> {
        loop {
            let (stream, _) = self.listener.accept().await?;
            let answered = tokio::time::timeout(HEAD_WITHIN, answer(stream)).await;
            if let Ok(Ok(Some(back))) = answered {
                return Ok(back);
            }
        }
    }
}

async fn answer(mut stream: TcpStream) -> io::Result<Option<Back>> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut piece = [0; 4096];
        let count = stream.read(&mut piece).await?;
        if count == 0 || head.len() + count > MAX_HEAD_BYTES {
            return Ok(None);
        }
        head.extend_from_slice(&piece[..count]);
    }
    let back = std::str::from_utf8(&head).ok().and_then(|head| back_of(head.lines().next()?));
    let (status, words) = match &back {
        Some(Back::Code { .. }) => ("200 OK", "Go back to the terminal, which says how it ended."),
        Some(Back::Failed { .. }) => ("200 OK", "The login was refused. The terminal says more."),
        None => ("404 Not Found", "There is nothing here."),
    };
    let page = format!("<!doctype html><meta charset=utf-8><title>Welkin</title><p>{words}</p>\n");
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/html\r\ncontent-length: {}\r\ncache-control: no-store\r\n\
         referrer-policy: no-referrer\r\nconnection: close\r\n\r\n{page}",
        page.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    Ok(back)
}

/// What the first line of a request says.
fn back_of(line: &str) -> Option<Back> {
    let target = line.strip_prefix("GET /?")?.split(' ').next()?;
    let value = |name: &str| {
        let value = target.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
        Some(percent_decode_str(&value.replace('+', " ")).decode_utf8().ok()?.into_owned())
    };
    match (value("state"), value("code"), value("error")) {
        (_, _, Some(error)) => Some(Back::Failed { error }),
        (Some(state), Some(code), None) => Some(Back::Code { state, code }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_browser_brings_is_taken_from_its_first_line() {
        let code =
            |state: &str, code: &str| Some(Back::Code { state: state.to_owned(), code: code.to_owned() });
        assert_eq!(back_of("GET /?code=a%2Fb%3D&state=x+y HTTP/1.1"), code("x y", "a/b="));
        let failed = Some(Back::Failed { error: "access_denied".to_owned() });
        assert_eq!(back_of("GET /?error=access_denied&state=x HTTP/1.1"), failed);
        for other in [
            "GET / HTTP/1.1",
            "GET /favicon.ico HTTP/1.1",
            "POST /?code=a&state=b HTTP/1.1",
            "GET /?code=a HTTP/1.1",
            "",
        ] {
            assert_eq!(back_of(other), None, "{other}");
        }
    }
}
