//! Requests to a provider: each with a connection of its own, bounded in bytes and in time.

use crate::error::OidcError;
use crate::options::checked_url;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use serde::de::DeserializeOwned;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How long a request may take, from its connection to the end of its answer.
const WITHIN: Duration = Duration::from_secs(10);

/// The longest answer: documents of providers have some kilobytes, and lists of a hundred keys some tens.
pub(crate) const MAX_ANSWER_BYTES: usize = 256 << 10;

/// The longest head of an answer.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// See the head of the module.
pub(crate) struct Fetch {
    tls: Arc<ClientConfig>,
    within: Duration,
}

/// An answer to a form: what was asked for, or what is wrong.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

impl Fetch {
    /// With these authorities besides those of the web.
    pub(crate) fn new(authorities: Option<&[u8]>) -> Result<Self, String> {
        Ok(Self { tls: welkin_stores::tls::client(authorities)?, within: WITHIN })
    }

    /// A document.
    pub(crate) async fn document<T: DeserializeOwned>(&self, url: &str) -> Result<T, OidcError> {
        let Answer { status, body } = self.send(url, Method::GET, None, String::new()).await?;
        if status != StatusCode::OK {
            return Err(strange(url, format!("HTTP {status}")));
        }
        serde_json::from_slice(&body).map_err(|error| strange(url, error.to_string()))
    }

    /// What is answered to a form.
    pub(crate) async fn form(
        &self,
        url: &str,
        authorization: Option<&str>,
        form: String,
    ) -> Result<Answer, OidcError> {
        self.send(url, Method::POST, authorization, form).await
    }

    async fn send(
        &self,
        url: &str,
        method: Method,
        authorization: Option<&str>,
        body: String,
    ) -> Result<Answer, OidcError> {
        let uri = checked_url(url).map_err(|why| strange(url, why))?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, uri.authority().map_or("", |authority| authority.as_str()))
            .header(USER_AGENT, concat!("welkin/", env!("CARGO_PKG_VERSION")))
            .header(ACCEPT, "application/json");
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value);
        }
        let request =
            request.body(Full::new(Bytes::from(body))).map_err(|error| strange(url, error.to_string()))?;
        let answered = tokio::time::timeout(self.within, self.exchange(&uri, request)).await;
        let answered = answered
            .unwrap_or_else(|_| Err(format!("it does not answer within {} s", self.within.as_secs())));
        let answer = answered.map_err(|why| OidcError::Unreachable { url: url.to_owned(), why })?;
        match answer.status {
            status if status.is_redirection() => {
                Err(strange(url, "it redirects, which is not followed".to_owned()))
            }
            // What stands before the provider says that the provider is away.
            status @ (StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT) => {
                Err(OidcError::Unreachable { url: url.to_owned(), why: format!("HTTP {status}") })
            }
            _ => Ok(answer),
        }
    }

    async fn exchange(&self, uri: &Uri, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let is_tls = uri.scheme_str() != Some("http");
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let tcp = TcpStream::connect((host, port)).await.map_err(|error| error.to_string())?;
        let wire: Box<dyn Wire> = match is_tls {
            false => Box::new(tcp),
            true => {
                let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
                let connector = TlsConnector::from(Arc::clone(&self.tls));
                Box::new(connector.connect(name, tcp).await.map_err(|error| error.to_string())?)
            }
        };
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(MAX_HEAD_BYTES)
            .handshake(TokioIo::new(wire))
            .await
            .map_err(|error| chain(&error))?;
        // Given up with the answer, so a connection never outlives its request.
        let connection = async move {
            drop(connection.await);
            std::future::pending::<Result<Answer, String>>().await
        };
        let answer = async move {
            let answer = sender.send_request(request).await.map_err(|error| chain(&error))?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), MAX_ANSWER_BYTES).collect().await;
            let body = body.map_err(|error| match error.downcast_ref::<hyper::Error>() {
                Some(broken) => chain(broken),
                None => format!("its answer has more than {MAX_ANSWER_BYTES} bytes"),
            })?;
            Ok(Answer { status, body: body.to_bytes() })
        };
        tokio::select! {
            answer = answer => answer,
            never = connection => never,
        }
    }
}

fn strange(url: &str, why: String) -> OidcError {
    OidcError::Strange { url: url.to_owned(), why }
}

fn chain(error: &hyper::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    /// A server whose connections are handled so.
    fn server(answer: impl Fn(TcpStream) + Send + 'static) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/x", listener.local_addr().expect("an address"));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(stream);
            }
        });
        url
    }

    async fn told(url: &str, within: Duration) -> String {
        let fetch = Fetch { within, ..Fetch::new(None).expect("the web's authorities") };
        fetch.document::<serde_json::Value>(url).await.expect_err("it is refused").to_string()
    }

    fn head(mut stream: &TcpStream, head: &str) {
        drop(stream.read(&mut [0; 4096]));
        drop(stream.write_all(head.as_bytes()));
    }

    #[tokio::test]
    async fn an_answer_without_end_is_cut_and_one_that_never_comes_is_given_up() {
        let endless = server(|mut stream| {
            head(&stream, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n[");
            while stream.write_all(&[b' '; 4096]).is_ok() {}
        });
        assert!(told(&endless, WITHIN).await.contains("more than 262144 bytes"));
        let headers = server(|mut stream| {
            head(&stream, "HTTP/1.1 200 OK\r\n");
            while stream.write_all(b"x-more: and more\r\n").is_ok() {}
        });
        assert!(told(&headers, WITHIN).await.contains("cannot be asked"));
        let silent = server(|stream| {
            head(&stream, "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n");
            // Until the other side gives up.
            drop((&stream).read_to_end(&mut Vec::new()));
        });
        assert!(told(&silent, Duration::from_millis(50)).await.contains("does not answer within"));
    }

    #[tokio::test]
    async fn no_redirect_is_followed() {
        let (sender, asked) = std::sync::mpsc::channel();
        let elsewhere = server(move |stream| {
            head(&stream, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
            let _ = sender.send(());
        });
        let moved = server(move |stream| {
            head(
                &stream,
                &format!("HTTP/1.1 302 Found\r\nlocation: {elsewhere}\r\ncontent-length: 0\r\n\r\n"),
            );
        });
        assert!(told(&moved, WITHIN).await.contains("redirects"));
        assert!(asked.try_recv().is_err());
        assert!(told("http://id.example/x", WITHIN).await.contains("not https"));
    }
}
