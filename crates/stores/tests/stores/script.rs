//! A server that answers as it is told, and all three stores behind it.

use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use welkin_store::Endpoint;
use welkin_stores::{
    Addressing, Azure, AzureAccess, AzureOptions, Checksums, Credentials, Gcs, GcsAccess, GcsOptions, S3,
    S3Options,
};

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1);
        lines.find_map(|line| {
            line.split_once(": ").filter(|(known, _)| *known == name).map(|(_, value)| value)
        })
    }
}

/// A running one. Its tasks end with the test's runtime.
pub(crate) struct Script {
    pub(crate) url: String,
    pub(crate) asked: Arc<Mutex<Vec<Asked>>>,
}

impl Script {
    /// Answers each request with the bytes that `answer` makes of it.
    pub(crate) async fn start(answer: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (all, answer) = (Arc::clone(&asked), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&all), Arc::clone(&answer)));
            }
        });
        Self { url, asked }
    }

    pub(crate) fn requests(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// S3, Google Cloud Storage and Azure, each with credentials.
    pub(crate) fn stores(&self) -> [(&'static str, Arc<dyn Endpoint>); 3] {
        let tls = || welkin_stores::tls::client(None).unwrap();
        let endpoint = Some(self.url.clone());
        let gcs = GcsOptions {
            bucket: "pail".to_owned(),
            endpoint: endpoint.clone(),
            access: GcsAccess::Bearer("token".to_owned()),
            allow_http: false,
        };
        let azure = AzureOptions {
            account: "acct".to_owned(),
            container: "pail".to_owned(),
            endpoint,
            access: AzureAccess::SharedKey("a2V5".to_owned()),
            allow_http: false,
        };
        [
            ("s3", self.s3(Checksums::Crc64Nvme)),
            ("gcs", Gcs::new(gcs, tls()).unwrap()),
            ("azure", Azure::new(azure, tls()).unwrap()),
        ]
    }

    pub(crate) fn s3(&self, checksums: Checksums) -> Arc<dyn Endpoint> {
        let options = S3Options {
            bucket: "pail".to_owned(),
            region: "us-east-1".to_owned(),
            endpoint: Some(self.url.clone()),
            credentials: Some(Credentials {
                access_key_id: "id".to_owned(),
                secret_access_key: "secret".to_owned(),
                session_token: None,
            }),
            addressing: Addressing::Path,
            checksums,
        };
        S3::new(options, welkin_stores::tls::client(None).unwrap()).unwrap()
    }
}

/// An answer with a body.
pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len());
    headers.iter().for_each(|(name, value)| bytes.push_str(&format!("{name}: {value}\r\n")));
    bytes.push_str("\r\n");
    [bytes.as_bytes(), body].concat()
}

async fn serve<F: Fn(&Asked) -> Vec<u8>>(mut stream: TcpStream, all: Arc<Mutex<Vec<Asked>>>, answer: Arc<F>) {
    let mut came = Vec::new();
    loop {
        let asked = loop {
            if let Some((asked, length)) = request(&came) {
                came.drain(..length);
                break asked;
            }
            if stream.read_buf(&mut came).await.unwrap_or(0) == 0 {
                return;
            }
        };
        let bytes = answer(&asked);
        all.lock().unwrap().push(asked);
        if stream.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

/// The first request of what came, and its length.
fn request(came: &[u8]) -> Option<(Asked, usize)> {
    let end = came.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&came[..end]).into_owned();
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let body = came.get(end..end + length)?.to_vec();
    Some((Asked { head, body }, end + length))
}
