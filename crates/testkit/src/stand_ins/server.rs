//! One server: started on a free port, awaited, and ended for certain.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Runs a program until it ends, or until standard input does: then this process is gone or wants it
/// gone.
const LEASH: &str = r#"exec 3<&0
"$@" </dev/null 3<&- & child=$!
{ read -r _ <&3; kill -9 "$child" 2>/dev/null; } &
wait "$child""#;

/// A server has so long to answer its first request; the slowest takes six seconds alone on two cores.
const START: Duration = Duration::from_secs(60);

/// Between two looks whether it answers.
const LOOK: Duration = Duration::from_millis(10);

/// An answer to such a look takes no longer.
const ANSWER: Duration = Duration::from_secs(5);

/// Somebody else may take the free port first; so often we try another.
const ATTEMPTS: usize = 3;

/// A server of other people, running until it is dropped.
#[derive(Debug)]
pub struct StandIn {
    address: SocketAddr,
    credentials: Option<(String, String)>,
    folder: TempDir,
    child: Child,
}

/// How to start one.
pub(super) struct Recipe<'a> {
    pub(super) program: PathBuf,
    /// The arguments, given the port and the folder for data.
    pub(super) arguments: &'a dyn Fn(u16, &Path) -> Vec<String>,
    pub(super) credentials: Option<(&'a str, &'a str)>,
}

impl StandIn {
    /// # Panics
    /// If the program is there and does not serve: then the test is not skipped, it fails.
    pub(super) fn start(recipe: &Recipe<'_>) -> Self {
        let mut last = String::new();
        for _ in 0..ATTEMPTS {
            match Self::attempt(recipe) {
                Ok(server) => return server,
                Err(error) => last = error.to_string(),
            }
        }
        panic!("{} does not serve: {last}", recipe.program.display())
    }

    fn attempt(recipe: &Recipe<'_>) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("welkin-stand-in-").tempdir()?;
        let data = folder.path().join("data");
        std::fs::create_dir(&data)?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let log = File::create(folder.path().join("log"))?;
        let child = Command::new("sh")
            .args(["-c", LEASH, "sh"])
            .arg(&recipe.program)
            .args((recipe.arguments)(port, &data))
            .current_dir(folder.path())
            // A proxy's certificates are no business of servers on loopback, and rclone refuses a bundle
            // that it cannot read.
            .env_remove("AWS_CA_BUNDLE")
            .env("HOME", folder.path())
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let credentials = recipe.credentials.map(|(access, secret)| (access.to_owned(), secret.to_owned()));
        let address = (Ipv4Addr::LOCALHOST, port).into();
        let mut server = Self { address, credentials, folder, child };
        server.wait()?;
        Ok(server)
    }

    fn wait(&mut self) -> io::Result<()> {
        let start = Instant::now();
        while start.elapsed() < START {
            if answers(self.address) {
                return Ok(());
            }
            if self.child.try_wait()?.is_some() {
                return Err(io::Error::other(format!("it ended: {}", self.log())));
            }
            std::thread::sleep(LOOK);
        }
        Err(io::Error::new(io::ErrorKind::TimedOut, format!("no answer in {START:?}: {}", self.log())))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The endpoint, without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Name and secret: an access key, or an account and its key; `None` where it asks for none.
    pub fn credentials(&self) -> Option<(&str, &str)> {
        self.credentials.as_ref().map(|(name, secret)| (name.as_str(), secret.as_str()))
    }

    /// The folder that it keeps its data in; for rclone, each folder in it is a bucket.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// What it printed.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // The leash ends whatever happens to it.
        let _ = self.child.wait();
    }
}

/// Whether something there speaks HTTP.
fn answers(address: SocketAddr) -> bool {
    let ask = || -> io::Result<usize> {
        let mut stream = TcpStream::connect_timeout(&address, ANSWER)?;
        stream.set_read_timeout(Some(ANSWER))?;
        stream.write_all(
            format!("GET / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").as_bytes(),
        )?;
        stream.read(&mut [0; 16])
    };
    ask().is_ok_and(|count| count > 0)
}
