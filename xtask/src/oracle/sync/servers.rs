//! S3 servers, each a process of its own, and what they hold.
//!
//! Two are not ours: rclone's, whose folder is read directly, and moto. The third is this repository's,
//! for its faults. Nothing here signs: moto and ours take anybody, so a small reader is enough, and what
//! is judged does not pass through the code that is judged, nor through rclone.

use std::ffi::OsString;
use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use super::place::Kind;
use super::state::{self, Content, Node, State};
use crate::oracle::binaries::Binaries;

/// The one bucket of each.
pub(super) const BUCKET: &str = "pail";

/// A running server. It ends with its handle, or with this process.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) url: String,
    pub(super) access: String,
    pub(super) secret: String,
    /// Where its buckets are folders.
    folder: Option<PathBuf>,
    child: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // Its leash ends it, whatever it says.
        let _ = self.child.wait();
    }
}

impl Server {
    /// Of others.
    pub(super) fn of_others(binaries: &Binaries, kind: Kind) -> Result<Self> {
        let which = if kind == Kind::Rclone { "rclone" } else { "moto" };
        let mut command = Command::new(&binaries.testkit);
        command.args(["stand-in", which]);
        // Otherwise its server, too, takes two spellings of a letter for one name.
        command.env("RCLONE_NO_UNICODE_NORMALIZATION", "true");
        let (child, lines) = started(command, 4)?;
        let [url, access, secret, folder] = lines.try_into().map_err(|_| anyhow::anyhow!("four lines"))?;
        let folder = (kind == Kind::Rclone).then(|| PathBuf::from(folder));
        let server = Self { url, access, secret, folder, child };
        match &server.folder {
            Some(folder) => fs::create_dir(folder.join(BUCKET))?,
            None => drop(server.ask("PUT", &format!("/{BUCKET}"))?),
        }
        Ok(server)
    }

    /// Of this repository, with what goes wrong.
    pub(super) fn own(binaries: &Binaries, faults: &[String]) -> Result<Self> {
        let mut command = Command::new(&binaries.testkit);
        command.args(["s3", "--leash", "--buckets", BUCKET]);
        command.args(faults.iter().flat_map(|fault| ["--fault", fault]));
        let (child, lines) = started(command, 1)?;
        let url = lines.into_iter().next().context("an address")?;
        Ok(Self { url, access: "k".to_owned(), secret: "s".to_owned(), folder: None, child })
    }

    /// Everything below a prefix.
    pub(super) fn read(&self, prefix: &str) -> Result<State> {
        if let Some(folder) = &self.folder {
            return Ok(state::read(&folder.join(BUCKET).join(prefix))?);
        }
        let mut state = State::new();
        let mut after = String::new();
        loop {
            let list =
                format!("/{BUCKET}?list-type=2&encoding-type=url&prefix={}%2F{after}", encoded(prefix));
            let page = String::from_utf8(self.ask("GET", &list)?)?;
            let keys: Vec<&str> = elements(&page, "Key").collect();
            for key in &keys {
                let bytes = self.ask("GET", &format!("/{BUCKET}/{}", path(key)))?;
                let name = decoded(key)?;
                let name = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/'));
                state.insert(OsString::from(name.context("a key of the prefix")?), file(&bytes));
            }
            if elements(&page, "IsTruncated").next() != Some("true") {
                return Ok(state);
            }
            let last = decoded(keys.last().context("a page that goes on has a key")?)?;
            after = format!("&start-after={}", encoded(&last));
        }
    }

    /// Keys of uploads that nobody finished.
    pub(super) fn open_uploads(&self, prefix: &str) -> Result<Vec<String>> {
        if self.folder.is_some() {
            return Ok(Vec::new());
        }
        let page = String::from_utf8(self.ask("GET", &format!("/{BUCKET}?uploads"))?)?;
        Ok(elements(&page, "Key").filter(|key| key.starts_with(prefix)).map(str::to_owned).collect())
    }

    /// The body of an answer; asked again where the server was told to fail.
    fn ask(&self, method: &str, target: &str) -> Result<Vec<u8>> {
        let mut last = String::new();
        for _ in 0..20 {
            match self.ask_once(method, target) {
                Ok(body) => return Ok(body),
                Err(error) => last = format!("{error:#}"),
            }
        }
        bail!("{method} {}{target}: {last}", self.url)
    }

    fn ask_once(&self, method: &str, target: &str) -> Result<Vec<u8>> {
        let host = self.url.strip_prefix("http://").context("an address on http")?;
        let mut stream = TcpStream::connect(host)?;
        // Version 1.0: the answer ends with the connection and is not cut into chunks.
        // moto asks who comes, and believes it.
        let who = format!(
            "AWS4-HMAC-SHA256 Credential={}/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0",
            self.access
        );
        write!(
            stream,
            "{method} {target} HTTP/1.0\r\nhost: {host}\r\nauthorization: {who}\r\ncontent-length: 0\r\n\r\n"
        )?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").context("no head")?;
        let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
        ensure!(head.split(' ').nth(1) == Some("200"), "{}", head.lines().next().unwrap_or_default());
        let body = answer.split_off(end + 4);
        let stated = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        ensure!(stated.is_none_or(|length| length.trim() == body.len().to_string()), "a short body");
        Ok(body)
    }
}

/// Starts a server and waits for the lines that it says first.
fn started(mut command: Command, lines: usize) -> Result<(Child, Vec<String>)> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let stdout = child.stdout.take().context("its output")?;
    let told: Vec<String> = BufReader::new(stdout).lines().take(lines).collect::<std::io::Result<_>>()?;
    ensure!(told.len() == lines, "a server ended before it listened");
    Ok((child, told))
}

fn file(bytes: &[u8]) -> Node {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    Node::File(Content::of_store(bytes.len() as u64, hasher.finish()))
}

/// The texts of all elements of a name.
fn elements<'a>(page: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut rest = page;
    std::iter::from_fn(move || {
        let (_, after) = rest.split_once(&open)?;
        let (text, after) = after.split_once(&close)?;
        rest = after;
        Some(text)
    })
}

/// A key as listings give it, as a path of a request.
fn path(key: &str) -> String {
    key.replace('+', "%20").replace("%2F", "/")
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let letter = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(letter).collect()
}

fn decoded(text: &str) -> Result<String> {
    let bytes = text.as_bytes();
    let (mut plain, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        match bytes[at] {
            b'%' => {
                plain.push(u8::from_str_radix(text.get(at + 1..at + 3).context("two digits")?, 16)?);
                at += 2;
            }
            b'+' => plain.push(b' '),
            byte => plain.push(byte),
        }
        at += 1;
    }
    Ok(String::from_utf8(plain)?)
}

/// Rules for a server that fails now and then, but not for ever.
pub(super) fn faults(seed: u64, reads_only: bool) -> Vec<String> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let both = ["slow-down", "internal-error", "lost-answer"];
    let of_reads = ["cut-body:after=100", "short-body:missing=1"];
    let of_writes = ["error-inside-200"];
    let mut rules = Vec::new();
    for _ in 0..rng.usize(1..4) {
        let one_in = rng.u64(3..12);
        let when = format!("one-in={one_in},seed={}", rng.u32(..));
        let operations =
            if reads_only { "GetObject+ListObjectsV2+HeadObject" } else { "PutObject+UploadPart" };
        rules.push(match rng.u8(..3) {
            0 if reads_only => format!("{},{when}", of_reads[rng.usize(..of_reads.len())]),
            0 => format!("{}:{when}", of_writes[rng.usize(..of_writes.len())]),
            _ => format!("{}:{when},op={operations}", both[rng.usize(..both.len())]),
        });
    }
    rules
}

/// What a server holds at a place, for its kind.
pub(super) fn rclone_remote(server: &Server, name: &str) -> Vec<(String, String)> {
    let variable = |key: &str, value: &str| (format!("RCLONE_CONFIG_{name}_{key}"), value.to_owned());
    vec![
        variable("TYPE", "s3"),
        variable("PROVIDER", "Other"),
        variable("ENDPOINT", &server.url),
        variable("ACCESS_KEY_ID", &server.access),
        variable("SECRET_ACCESS_KEY", &server.secret),
        variable("REGION", "us-east-1"),
        variable("NO_CHECK_BUCKET", "true"),
    ]
}

/// The section of a configuration file that makes it a store of this name.
pub(super) fn welkin_store(server: &Server, name: &str) -> String {
    format!(
        "[stores.{name}]\nendpoint = \"{}\"\naccess-key-id = \"{}\"\nsecret-access-key = \"{}\"\n",
        server.url, server.access, server.secret
    )
}

/// Removes what a round left at a server whose folder we know; others keep it until they end.
pub(super) fn forget(server: &Server, prefix: &str) {
    if let Some(folder) = &server.folder {
        // Only space is lost where it fails.
        let _ = fs::remove_dir_all(Path::new(folder).join(BUCKET).join(prefix));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_were_written() {
        for key in ["a b+c%d/é", "日本", "quo'te\"&<>"] {
            assert_eq!(decoded(&encoded(key)).unwrap(), key);
        }
        let page = "<C><Key>a%2Fb</Key></C><C><Key>c+d</Key></C>";
        assert_eq!(elements(page, "Key").map(path).collect::<Vec<_>>(), ["a/b", "c%20d"]);
    }
}
