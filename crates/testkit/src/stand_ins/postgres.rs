//! PostgreSQL: a server of its own for whoever asks, which can be ended in every way and started again on the same data.

use super::program::missing;
use crate::did_not_run::DidNotRun;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Where Debian puts each version's programs.
const FOLDERS: &str = "/usr/lib/postgresql";

/// Users that are nobody in particular: the server refuses to run as root.
const USERS: [&str; 2] = ["postgres", "nobody"];

/// Runs a program until it ends, or until standard input does: then this process is gone or wants it gone.
const LEASH: &str = r#"exec 3<&0
"$@" </dev/null 3<&- & child=$!
{ read -r _ <&3; kill -QUIT "$child" 2>/dev/null; } &
wait "$child""#;

/// The first start goes through crash recovery at the longest.
const START: Duration = Duration::from_secs(60);

const LOOK: Duration = Duration::from_millis(20);

/// A server. It is gone when this is dropped, or when the process that holds it dies.
#[derive(Debug)]
pub struct Postgres {
    programs: PathBuf,
    /// Who it runs as, and the ids; none when that is whoever runs the test.
    user: Option<(u32, u32)>,
    folder: TempDir,
    port: u16,
    settings: Vec<String>,
    child: Option<Child>,
}

/// How it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Connections are cut, everything is written.
    Fast,
    /// As if its power was cut, though the kernel keeps what it had been given.
    Killed,
}

/// Starts a server with an empty database, `welkin`, and a user of this name who needs no password.
pub fn postgres() -> Result<Postgres, DidNotRun> {
    let programs = programs().ok_or_else(|| missing("postgresql"))?;
    let user = if rustix::process::geteuid().is_root() {
        Some(USERS.into_iter().find_map(ids).ok_or_else(|| missing("a user for postgresql"))?)
    } else {
        None
    };
    let server = Postgres::made(programs, user);
    Ok(server.unwrap_or_else(|error| panic!("PostgreSQL does not serve: {error}")))
}

impl Postgres {
    fn made(programs: PathBuf, user: Option<(u32, u32)>) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("welkin-pg-").tempdir()?;
        if let Some((uid, gid)) = user {
            std::os::unix::fs::chown(folder.path(), Some(uid), Some(gid))?;
        }
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let mut server = Self { programs, user, folder, port, settings: Vec::new(), child: None };
        let data = server.data().display().to_string();
        let made = server
            .command(
                "initdb",
                &["-D", &data, "-U", "welkin", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"],
            )
            .output()?;
        if !made.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&made.stderr).into_owned()));
        }
        server.start();
        server.sql("postgres", "CREATE DATABASE welkin");
        Ok(server)
    }

    /// The address of a database.
    pub fn url(&self) -> String {
        format!("postgres://welkin@127.0.0.1:{}/welkin", self.port)
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Adds a setting for the next start.
    pub fn set(&mut self, setting: &str) {
        self.settings.push(setting.to_owned());
    }

    /// A file that the server can read, in its folder.
    pub fn file(&self, name: &str, content: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.folder.path().join(name);
        let made = fs::write(&path, content)
            .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o600)))
            .and_then(|()| match self.user {
                Some((uid, gid)) => std::os::unix::fs::chown(&path, Some(uid), Some(gid)),
                None => Ok(()),
            });
        made.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        path
    }

    /// Ends it.
    ///
    /// # Panics
    /// If it does not run.
    pub fn end(&mut self, how: Ending) {
        let mut child = self.child.take().expect("it runs");
        let signal = match how {
            Ending::Fast => Signal::INT,
            Ending::Killed => Signal::KILL,
        };
        let pid = fs::read_to_string(self.data().join("postmaster.pid")).ok();
        let pid = pid.and_then(|text| text.lines().next()?.trim().parse().ok()).and_then(Pid::from_raw);
        let _ = kill_process(pid.expect("its file says which process it is"), signal);
        let _ = child.wait();
    }

    /// Starts it on what is there.
    ///
    /// # Panics
    /// If it does not answer.
    pub fn start(&mut self) {
        let (data, port) = (self.data().display().to_string(), self.port.to_string());
        let sockets = self.folder.path().display().to_string();
        let sockets = format!("unix_socket_directories={sockets}");
        let mut arguments =
            vec!["-D", &data, "-p", &port, "-c", &sockets, "-c", "listen_addresses=127.0.0.1"];
        // What the kernel was given survives everything that tests do.
        arguments.extend(["-c", "fsync=off", "-c", "max_connections=200", "-c", "shared_buffers=16MB"]);
        let settings: Vec<&str> = self.settings.iter().map(String::as_str).collect();
        arguments.extend(settings.iter().flat_map(|setting| ["-c", setting]));
        let inner = self.command("postgres", &arguments);
        let log = File::options().create(true).append(true).open(self.folder.path().join("log"));
        let log = log.expect("its log can be written");
        let child = Command::new("sh")
            .args(["-c", LEASH, "sh"])
            .arg(inner.get_program())
            .args(inner.get_args())
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(log.try_clone().expect("its log can be written"))
            .stderr(log)
            .spawn();
        self.child = Some(child.expect("a shell can be started"));
        let started = Instant::now();
        while !self.answers() {
            assert!(started.elapsed() < START, "PostgreSQL does not answer: {}", self.log());
            let child = self.child.as_mut().expect("it was started");
            assert!(child.try_wait().is_ok_and(|ended| ended.is_none()), "it ended: {}", self.log());
            std::thread::sleep(LOOK);
        }
    }

    /// Runs statements as the owner of everything; gives what `psql` prints, without a frame.
    ///
    /// # Panics
    /// If they fail.
    pub fn sql(&self, database: &str, statements: &str) -> String {
        let url = format!("postgres://welkin@127.0.0.1:{}/{database}", self.port);
        let output = Command::new(self.programs.join("psql"))
            .args([&url, "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statements])
            .env_remove("PGOPTIONS")
            .output()
            .expect("psql can be started");
        assert!(output.status.success(), "{statements}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// What it printed.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn answers(&self) -> bool {
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok()
            && Command::new(self.programs.join("pg_isready"))
                .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
                .status()
                .is_ok_and(|status| status.success())
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A program of it, as its user.
    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let program = self.programs.join(program);
        let mut command = match self.user {
            None => Command::new(&program),
            Some((uid, gid)) => {
                let mut command = Command::new("setpriv");
                command.args([format!("--reuid={uid}"), format!("--regid={gid}")]);
                command.arg("--clear-groups").arg(&program);
                command
            }
        };
        command.args(arguments).current_dir(self.folder.path());
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.stdin.take());
            // The leash ends whatever happens to it.
            let _ = child.wait();
        }
    }
}

/// The programs of the latest version that is installed.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir(FOLDERS).ok()?.flatten();
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let mut found: Vec<PathBuf> =
        versions.map(|entry| entry.path()).filter(|path| version(path).is_some()).collect();
    found.sort_by_key(|path| version(path));
    let folders = found.into_iter().rev().map(|path| path.join("bin"));
    folders.into_iter().find(|path| path.join("postgres").exists() && path.join("psql").exists())
}

fn ids(user: &str) -> Option<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd").ok()?;
    let line = users.lines().find(|line| line.split(':').next() == Some(user))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}
