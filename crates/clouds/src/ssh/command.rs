//! The way to a host: the system's own `ssh`, which knows keys, agents, jump hosts and known hosts.
//!
//! 1. `ssh` runs one line of shell there. It looks whether the program is there under its hash, whole, and says so. After a
//!    power cut a name may be there without its content.
//! 2. Where it is not, the program follows on standard input, as many bytes as were announced, and is put into
//!    place whole. One that another login has put there meanwhile stays: it runs already, and starts itself again for each node.
//! 3. The line becomes the program, which greets and then speaks [`crate::remote`].
//!
//! One login does all of it, and nothing but a shell, `head` and `mv` is needed there.

use super::config::HostSpec;
use crate::remote::{GREETING, Opened, PIECE_BYTES, Transport, Unreached};
use async_trait::async_trait;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, ChildStdout, Command};
use tokio::time::timeout;
use welkin_provider::ErrorKind;

/// How long a login may say nothing: keys are tried, shells read their files, homes lie on slow disks. So long
/// may also a mebibyte of the program take: 0.4 Mbit/s.
const WORD_WITHIN: Duration = Duration::from_secs(20);

/// Most text that a login shell may say before the program greets.
const MOST_NOISE: u64 = 64 << 10;

/// How long the last words of `ssh` are waited for after its end.
const WORDS_WITHIN: Duration = Duration::from_millis(500);

/// How much of what `ssh` says on standard error is kept for the message.
const MOST_WORDS: usize = 2_000;

/// How `ssh` is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshCommand {
    /// The program; `ssh` where the search path has it.
    pub program: PathBuf,
    /// Arguments before those of a host, such as `-F FILE`.
    pub args: Vec<String>,
    /// What `~` stands for in the paths of hosts.
    pub home: Option<PathBuf>,
}

impl Default for SshCommand {
    fn default() -> Self {
        Self { program: "ssh".into(), args: Vec::new(), home: None }
    }
}

/// The program that is copied to hosts: read once, when the first of them lacks it.
#[derive(Debug)]
pub struct Program {
    path: PathBuf,
    read: OnceLock<Result<Content, String>>,
}

/// Its hash and its bytes.
type Content = (String, Arc<[u8]>);

impl Program {
    /// The program in the file at `path`.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self { path, read: OnceLock::new() }
    }

    fn content(&self) -> Result<Content, String> {
        let read = || {
            let bytes = std::fs::read(&self.path)
                .map_err(|error| format!("{} cannot be read: {error}", self.path.display()))?;
            let hash = blake3::hash(&bytes).to_hex()[..32].to_owned();
            Ok((hash, Arc::from(bytes)))
        };
        self.read.get_or_init(read).clone()
    }
}

/// The way to one host.
#[derive(Debug)]
pub(crate) struct SshTransport {
    pub(crate) ssh: SshCommand,
    pub(crate) spec: HostSpec,
    pub(crate) program: Arc<Program>,
}

#[async_trait]
impl Transport for SshTransport {
    async fn open(&self) -> Result<Opened, Unreached> {
        let program = Arc::clone(&self.program);
        let content = tokio::task::spawn_blocking(move || program.content()).await;
        let (hash, bytes) = match content {
            Ok(Ok(content)) => content,
            Ok(Err(message)) => return Err(self.unreached(ErrorKind::Invalid, message)),
            Err(stopped) => return Err(self.unreached(ErrorKind::Transient, stopped.to_string())),
        };
        let mut child = self
            .command(&script(&hash, bytes.len(), self.spec.address.as_deref()))
            .spawn()
            .map_err(|error| {
                let message = format!("{} cannot be started: {error}", self.ssh.program.display());
                // Whatever else keeps it from starting, such as too many processes, passes.
                let kind = match error.kind() {
                    io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => ErrorKind::NotSupported,
                    _ => ErrorKind::Transient,
                };
                self.unreached(kind, message)
            })?;
        let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(input), Some(output), Some(errors)) = streams else {
            return Err(self.unreached(ErrorKind::Transient, "ssh has no streams".to_owned()));
        };
        let words = Words::default();
        let listener = tokio::spawn(words.clone().listen(errors));
        match self.greet(input, output, &bytes).await {
            Ok((input, output)) => {
                Ok(Opened { input: Box::new(output), output: Box::new(input), child: Some(child) })
            }
            Err(said) => {
                drop(child.start_kill());
                drop(child.wait().await);
                // What it leaves running, such as a master of connections, may hold the stream for ever.
                drop(timeout(WORDS_WITHIN, listener).await);
                Err(self.failure(&said, &words.text()))
            }
        }
    }
}

/// Why the program on a host did not greet.
#[derive(Debug)]
enum Silence {
    /// It is of another kind.
    Kind { host: String },
    /// The line of shell failed, or it hung up.
    Nothing,
    /// It says nothing, or something else, and does not end.
    Strange(&'static str),
}

impl SshTransport {
    fn command(&self, script: &str) -> Command {
        let mut command = Command::new(&self.ssh.program);
        command.args(&self.ssh.args).args([
            "-T",
            "-x",
            "-o",
            "BatchMode=yes",
            "-o",
            "ConnectTimeout=5",
            "-o",
            "ServerAliveInterval=2",
            "-o",
            "ServerAliveCountMax=3",
        ]);
        if let Some(user) = &self.spec.user {
            command.args(["-l", user]);
        }
        if let Some(port) = self.spec.port {
            command.args(["-p", &port.to_string()]);
        }
        if let Some(identity) = &self.spec.identity_file {
            command.arg("-i").arg(at_home(identity, self.ssh.home.as_deref()));
        }
        command.arg("--").arg(&self.spec.target).arg(script);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Out of the terminal's foreground group: an interrupt meant for the broker stays there.
            .process_group(0)
            .kill_on_drop(true);
        command
    }

    /// Brings the program there if need be, and waits until it greets.
    async fn greet(
        &self,
        mut input: ChildStdin,
        output: ChildStdout,
        program: &[u8],
    ) -> Result<(ChildStdin, BufReader<ChildStdout>), Silence> {
        let mut output = BufReader::new(output);
        let mut left = MOST_NOISE;
        let mut brought = false;
        loop {
            let mut line = Vec::new();
            let mut rest = (&mut output).take(left);
            let read = timeout(WORD_WITHIN, rest.read_until(b'\n', &mut line)).await;
            let read = read.map_err(|_| Silence::Strange("the login stands, and nothing is said on it"))?;
            let read = read.map_err(|_| Silence::Nothing)?;
            left -= read as u64;
            if left == 0 {
                return Err(Silence::Strange("the login says something else than Welkin, and does not end"));
            }
            if read == 0 {
                return Err(Silence::Nothing);
            }
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end();
            if line == GREETING {
                return Ok((input, output));
            }
            if let Some(kind) = line.strip_prefix("welkin-needs ") {
                if kind != this_kind() && self.spec.program.is_none() {
                    return Err(Silence::Kind { host: kind.to_owned() });
                }
                // Whoever asks again had it, and would have it for ever.
                if std::mem::replace(&mut brought, true) {
                    return Err(Silence::Strange("the program was brought there, and is asked for again"));
                }
                bring(&mut input, program).await?;
            }
        }
    }

    fn failure(&self, silence: &Silence, words: &str) -> Unreached {
        let target = &self.spec.target;
        if let Silence::Kind { host } = silence {
            let message = format!("{target} is {host}, and this program is built for {}", this_kind());
            let remedy = format!(
                "build welkin for {host}, and name it as `program: PATH` of the host in the file of hosts"
            );
            return Unreached { kind: ErrorKind::NotSupported, message, remedy: Some(remedy) };
        }
        if let Silence::Strange(what) = silence {
            let message = format!("{target}: {what}{}{words}", if words.is_empty() { "" } else { ": " });
            return Unreached { kind: ErrorKind::Transient, message, remedy: None };
        }
        let (kind, remedy) = diagnosis(target, words);
        let said = if words.is_empty() { "it hung up without a word" } else { words };
        Unreached { kind, message: format!("{target}: {said}"), remedy }
    }

    fn unreached(&self, kind: ErrorKind, message: String) -> Unreached {
        Unreached { kind, message: format!("{}: {message}", self.spec.target), remedy: None }
    }
}

/// Brings the program there, however slow the line is, as long as it is taken.
async fn bring(input: &mut ChildStdin, program: &[u8]) -> Result<(), Silence> {
    for piece in program.chunks(PIECE_BYTES) {
        let taken = timeout(WORD_WITHIN, async {
            input.write_all(piece).await?;
            input.flush().await
        });
        let taken = taken.await.map_err(|_| Silence::Strange("the program is not taken there"))?;
        taken.map_err(|_| Silence::Nothing)?;
    }
    Ok(())
}

/// What the words of `ssh` and of the shell there mean, and what would mend it.
fn diagnosis(target: &str, words: &str) -> (ErrorKind, Option<String>) {
    let has = |what: &str| words.contains(what);
    let remedy = |text: String| Some(text);
    if has("Host key verification failed") || has("REMOTE HOST IDENTIFICATION HAS CHANGED") {
        let text = if has("HAS CHANGED") {
            format!("the key of {target} is another than before: find out why, then `ssh-keygen -R {target}`")
        } else {
            format!("log in once with `ssh {target}` and accept its key")
        };
        return (ErrorKind::Forbidden, remedy(text));
    }
    if has("Permission denied (") || has("Too many authentication failures") {
        return (
            ErrorKind::Unauthenticated,
            remedy(format!("`ssh {target}` must log in without a password: `ssh-copy-id {target}`")),
        );
    }
    if has("Could not resolve hostname") {
        return (
            ErrorKind::NotFound,
            remedy(format!("{target} is neither an address nor a name of ~/.ssh/config")),
        );
    }
    if has("No space left") || has("Disk quota exceeded") {
        return (
            ErrorKind::NoCapacity,
            remedy(format!("make room in the home on {target}: the program needs some 30 MB")),
        );
    }
    if has("GLIBC_") || has("cannot execute") || has("Exec format error") {
        let text =
            "the system there is older than this build: name a build for it as `program: PATH` of the host";
        return (ErrorKind::NotSupported, remedy(text.to_owned()));
    }
    if has("Permission denied") || has("Read-only file system") {
        return (
            ErrorKind::Forbidden,
            remedy(format!("the home on {target} must be writable, and programs in it may run")),
        );
    }
    (ErrorKind::Transient, None)
}

/// The line of shell that brings the program into being there. In single quotes for whatever shell the account
/// has, and without the characters that some of them take out of quotes.
fn script(hash: &str, bytes: usize, address: Option<&str>) -> String {
    let address = address.unwrap_or("\"\"");
    format!(
        "exec sh -c 'umask 077; d=\"$HOME/.welkin/bin\"; b=\"$d/welkin-{hash}\"; \
         if test -x \"$b\" && test \"$(wc -c < \"$b\")\" -eq {bytes}; then touch -c \"$b\"; else \
         mkdir -p \"$d\" && t=\"$b.$$\" && echo \"welkin-needs $(uname -s) $(uname -m)\" && \
         head -c {bytes} > \"$t\" && test \"$(wc -c < \"$t\")\" -eq {bytes} && chmod 700 \"$t\" && \
         if ln \"$t\" \"$b\" 2>/dev/null || {{ test -x \"$b\" && test \"$(wc -c < \"$b\")\" -eq {bytes}; }}; \
         then rm -f \"$t\"; else mv -f \"$t\" \"$b\"; fi || {{ rm -f \"$t\"; exit 1; }}; fi; \
         exec \"$b\" host --root \"$HOME/.welkin/host\" --address {address}'"
    )
}

/// As `uname -sm` says it.
fn this_kind() -> String {
    format!("Linux {}", std::env::consts::ARCH)
}

fn at_home(path: &Path, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}

/// The last words of `ssh`, as they come.
#[derive(Debug, Clone, Default)]
struct Words(Arc<Mutex<Vec<u8>>>);

impl Words {
    async fn listen(self, errors: tokio::process::ChildStderr) {
        let mut errors = BufReader::new(errors);
        let mut piece = [0_u8; 1_024];
        while let Ok(read @ 1..) = errors.read(&mut piece).await {
            let mut words = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            words.extend_from_slice(&piece[..read]);
            let over = words.len().saturating_sub(MOST_WORDS);
            words.drain(..over);
        }
    }

    fn text(&self) -> String {
        let words = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&words);
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        lines.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_ssh_become_remedies() {
        let cases = [
            ("Host key verification failed.", ErrorKind::Forbidden, "ssh h1"),
            ("u@h1: Permission denied (publickey).", ErrorKind::Unauthenticated, "ssh-copy-id h1"),
            (
                "ssh: Could not resolve hostname h1: Name or service not known",
                ErrorKind::NotFound,
                ".ssh/config",
            ),
            ("sh: 1: cannot create x: No space left on device", ErrorKind::NoCapacity, "room"),
            (
                "welkin: /lib/libc.so.6: version `GLIBC_2.39' not found",
                ErrorKind::NotSupported,
                "program: PATH",
            ),
        ];
        for (words, kind, remedy) in cases {
            let (found, told) = diagnosis("h1", words);
            assert!(
                found == kind && told.as_ref().is_some_and(|told| told.contains(remedy)),
                "{words}: {told:?}"
            );
        }
        assert_eq!(
            diagnosis("h1", "ssh: connect to host h1 port 22: Connection refused"),
            (ErrorKind::Transient, None)
        );
    }

    #[test]
    fn the_line_survives_shells_that_take_marks_out_of_quotes() {
        let line = script("00", 7, Some("10.0.0.1"));
        assert!(!line.contains(['!', '\n']), "{line}");
        assert_eq!(line.matches('\'').count(), 2, "{line}");
    }

    #[test]
    fn a_program_that_a_power_cut_left_short_is_brought_again() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let (program, there) = (home.path().join("program"), home.path().join(".welkin/bin/welkin-00"));
        let content = "#!/bin/sh\necho it is \"$1\"\n";
        std::fs::write(&program, content).unwrap();
        std::fs::create_dir_all(there.parent().unwrap()).unwrap();
        std::fs::write(&there, "").unwrap();
        std::fs::set_permissions(&there, std::fs::Permissions::from_mode(0o700)).unwrap();
        let login = || {
            let mut shell = std::process::Command::new("sh");
            shell.arg("-c").arg(script("00", content.len(), None)).env("HOME", home.path());
            let done = shell.stdin(std::fs::File::open(&program).unwrap()).output().unwrap();
            String::from_utf8(done.stdout).unwrap()
        };
        let first = login();
        assert!(first.starts_with("welkin-needs ") && first.ends_with("\nit is host\n"), "{first}");
        assert_eq!(login(), "it is host\n");
    }

    /// The first of them runs the program, and would find it deleted.
    #[test]
    fn two_that_bring_the_program_at_once_have_the_same() {
        use std::io::{BufRead, Write};
        use std::os::unix::fs::MetadataExt;
        let home = tempfile::tempdir().unwrap();
        let content = "#!/bin/sh\necho it is \"$1\"\n";
        let mut logins = [(); 2].map(|()| {
            let mut shell = std::process::Command::new("sh");
            shell.arg("-c").arg(script("00", content.len(), None)).env("HOME", home.path());
            let mut shell = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
            let mut output = std::io::BufReader::new(shell.stdout.take().unwrap());
            let mut line = String::new();
            output.read_line(&mut line).unwrap();
            assert!(line.starts_with("welkin-needs "), "{line}");
            (shell, output)
        });
        let files = logins.each_mut().map(|(shell, output)| {
            shell.stdin.take().unwrap().write_all(content.as_bytes()).unwrap();
            let mut line = String::new();
            output.read_line(&mut line).unwrap();
            assert!(shell.wait().unwrap().success() && line == "it is host\n", "{line}");
            let folder = home.path().join(".welkin/bin");
            let names = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name());
            // The other's, on its way, is there as well.
            assert!(names.count() <= 2);
            std::fs::metadata(folder.join("welkin-00")).unwrap().ino()
        });
        assert_eq!(files[0], files[1]);
        assert_eq!(std::fs::read_dir(home.path().join(".welkin/bin")).unwrap().count(), 1);
    }

    #[test]
    fn paths_begin_at_home() {
        let home = Some(Path::new("/h/u"));
        assert_eq!(at_home(Path::new("~/.ssh/id"), home), PathBuf::from("/h/u/.ssh/id"));
        assert_eq!(at_home(Path::new("/k"), home), PathBuf::from("/k"));
    }
}
