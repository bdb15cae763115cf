//! The provider itself.

use super::keys::{self, Signer};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// A provider on loopback, until the process ends.
#[derive(Debug, Clone)]
pub struct Provider {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

/// What a request to the token endpoint was.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Its form.
    pub form: BTreeMap<String, String>,
    /// The nonce of the login that it is about.
    pub nonce: String,
}

/// What the token endpoint answers.
#[derive(Debug, Clone)]
pub enum Reply {
    /// This ID token.
    Token(String),
    /// This error of OAuth.
    Error(&'static str),
    /// These bytes, and then nothing.
    Raw(Vec<u8>),
    /// Bytes without end.
    Endless,
}

type Answer = Box<dyn FnMut(&Asked) -> Reply + Send>;

struct State {
    published: Value,
    has_device_codes: bool,
    is_away: bool,
    answer: Answer,
    nonces: BTreeMap<String, String>,
    looks_at_keys: usize,
    logins: usize,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("published", &self.published).finish_non_exhaustive()
    }
}

impl Provider {
    /// One that publishes these keys and denies every login.
    ///
    /// # Panics
    /// When no port is free.
    #[must_use]
    pub fn start(signers: &[&Signer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it listens");
        let state = Arc::new(Mutex::new(State {
            published: keys::published(signers),
            has_device_codes: true,
            is_away: false,
            answer: Box::new(|_| Reply::Error("access_denied")),
            nonces: BTreeMap::new(),
            looks_at_keys: 0,
            logins: 0,
        }));
        let provider = Self { address, state };
        let serving = provider.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let provider = serving.clone();
                // Whoever hangs up in the middle needs no answer.
                std::thread::spawn(move || drop(provider.serve(&stream)));
            }
        });
        provider
    }

    /// Its issuer.
    #[must_use]
    pub fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Publishes these keys from now on.
    pub fn publish(&self, signers: &[&Signer]) {
        self.state().published = keys::published(signers);
    }

    /// Publishes this in place of a set of keys.
    pub fn publish_raw(&self, keys: Value) {
        self.state().published = keys;
    }

    /// Offers device codes, or does not.
    pub fn offer_device_codes(&self, whether: bool) {
        self.state().has_device_codes = whether;
    }

    /// Hangs up on whoever calls, from now on.
    pub fn go_away(&self) {
        self.state().is_away = true;
    }

    /// Answers again.
    pub fn come_back(&self) {
        self.state().is_away = false;
    }

    /// Answers so at the token endpoint from now on.
    pub fn answer(&self, answer: impl FnMut(&Asked) -> Reply + Send + 'static) {
        self.state().answer = Box::new(answer);
    }

    /// How often its keys were looked at.
    #[must_use]
    pub fn looks_at_keys(&self) -> usize {
        self.state().looks_at_keys
    }

    /// What an honest provider says of somebody in some groups, at this moment, for the client `welkin`.
    #[must_use]
    pub fn claims(&self, asked: &Asked, subject: &str, groups: &[&str]) -> Value {
        json!({
            "iss": self.issuer(), "aud": "welkin", "sub": subject, "nonce": asked.nonce,
            "iat": now(), "exp": now() + 300,
            "email": format!("{subject}@example.com"), "email_verified": true, "groups": groups,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, stream: &TcpStream) -> io::Result<()> {
        if self.state().is_away {
            return Ok(());
        }
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut length = 0;
        loop {
            let mut header = String::new();
            if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
                break;
            }
            if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let form = pairs(&String::from_utf8_lossy(&body));
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        match path {
            "/.well-known/openid-configuration" => respond(stream, 200, &self.metadata()),
            "/keys" => {
                let keys = {
                    let mut state = self.state();
                    state.looks_at_keys += 1;
                    state.published.clone()
                };
                respond(stream, 200, &keys)
            }
            "/device" => respond(stream, 200, &self.device(&form)),
            "/authorize" => self.authorize(stream, &pairs(query)),
            "/token" => self.token(stream, form),
            _ => respond(stream, 404, &json!({})),
        }
    }

    fn metadata(&self) -> Value {
        let issuer = self.issuer();
        let mut metadata = json!({
            "issuer": issuer, "jwks_uri": format!("{issuer}/keys"), "token_endpoint": format!("{issuer}/token"),
            "authorization_endpoint": format!("{issuer}/authorize"),
        });
        if self.state().has_device_codes {
            metadata["device_authorization_endpoint"] = json!(format!("{issuer}/device"));
        }
        metadata
    }

    fn login(&self, nonce: String) -> String {
        let mut state = self.state();
        state.logins += 1;
        let code = format!("code-{}", state.logins);
        state.nonces.insert(code.clone(), nonce);
        code
    }

    fn device(&self, form: &BTreeMap<String, String>) -> Value {
        let code = self.login(form.get("nonce").cloned().unwrap_or_default());
        json!({
            "device_code": code, "user_code": "WDJB-MJHT", "verification_uri": format!("{}/activate", self.issuer()),
            "expires_in": 300, "interval": 1,
        })
    }

    /// Whoever comes says yes at once.
    fn authorize(&self, stream: &TcpStream, query: &BTreeMap<String, String>) -> io::Result<()> {
        let word = |name: &str| query.get(name).cloned().unwrap_or_default();
        let code = self.login(word("nonce"));
        let location = format!("{}?code={code}&state={}", word("redirect_uri"), word("state"));
        write_all(
            stream,
            format!(
                "HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            )
            .as_bytes(),
        )
    }

    fn token(&self, stream: &TcpStream, form: BTreeMap<String, String>) -> io::Result<()> {
        let reply = {
            let mut state = self.state();
            let code = form.get("device_code").or(form.get("code")).cloned().unwrap_or_default();
            let nonce = state.nonces.get(&code).cloned().unwrap_or_default();
            (state.answer)(&Asked { form, nonce })
        };
        match reply {
            Reply::Token(token) => {
                let body = json!({"access_token": "x", "token_type": "Bearer", "id_token": token});
                respond(stream, 200, &body)
            }
            Reply::Error(error) => respond(stream, 400, &json!({ "error": error })),
            Reply::Raw(bytes) => write_all(stream, &bytes),
            Reply::Endless => {
                write_all(stream, b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n")?;
                loop {
                    write_all(stream, &[b' '; 4096])?;
                }
            }
        }
    }
}

/// Seconds since 1970.
///
/// # Panics
/// When the clock stands before that.
#[must_use]
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_secs()
}

fn respond(stream: &TcpStream, status: u16, body: &Value) -> io::Result<()> {
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    write_all(stream, (head + &body).as_bytes())
}

fn write_all(mut stream: &TcpStream, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes)
}

/// Names and values of a form or a query.
fn pairs(text: &str) -> BTreeMap<String, String> {
    text.split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), plain(value)))
        .collect()
}

fn plain(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, more @ ..] = rest {
        let (byte, after) = match (first, more) {
            (b'%', [high, low, after @ ..]) => {
                let digits = [*high, *low];
                let hex = std::str::from_utf8(&digits).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok());
                (hex.unwrap_or(b'?'), after)
            }
            (b'+', _) => (b' ', more),
            (byte, _) => (*byte, more),
        };
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
