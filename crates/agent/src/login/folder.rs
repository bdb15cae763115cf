//! What a server of one login is told: files below the node's own records.

use super::Refused;
use super::shell::Entered;
use crate::bare_env;
use crate::home::Home;
use crate::options::{AgentOptions, EXEC_COMMAND};
use crate::script::shell;
use crate::shim::LOGIN;
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use welkin_provider::{Door, ErrorKind};

/// Where programs of the system are.
pub(super) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Places of the program that answers `sftp` and `scp`, as systems have it.
const SFTP: [&str; 5] = [
    "/usr/lib/openssh/sftp-server",
    "/usr/libexec/openssh/sftp-server",
    "/usr/lib/ssh/sftp-server",
    "/usr/libexec/sftp-server",
    "/usr/local/libexec/sftp-server",
];

/// Longest key that is let in: an Ed25519 key has 80 characters.
const MAX_KEY_BYTES: usize = 128;

/// The kind of all keys.
const KIND: &str = "ssh-ed25519 ";

/// A connection on which nothing comes from the client is asked so often whether somebody is there, in seconds, and so
/// many times: who closes a laptop for ten minutes goes on, and what is cut off for a quarter of an hour is over.
const ALIVE: (u32, u32) = (60, 15);

/// The folder of one login. It goes with this.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn script(&self) -> PathBuf {
        self.0.join("run.sh")
    }

    /// Where the server says what goes wrong.
    pub(super) fn log(&self) -> io::Result<Stdio> {
        private().append(true).open(self.0.join("log")).map(Stdio::from)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed now goes with the home, or when the next agent begins.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Makes the folder of a login, and the node's key where there is none. `tried` says whether a server has been
/// asked whether it can be started with such files.
pub(super) fn make(
    options: &AgentOptions,
    home: &Home,
    id: &str,
    key: &str,
    env: &BTreeMap<String, String>,
    tried: &mut bool,
) -> Result<(Door, Folder), Refused> {
    if !is_key(key) {
        return Err(Refused(ErrorKind::Invalid, "this is no Ed25519 key as `authorized_keys` has it".into()));
    }
    bare_env::check_env(env).map_err(|message| Refused(ErrorKind::Invalid, message))?;
    let server = found("sshd").ok_or_else(|| missing("sshd"))?;
    let user = user()?;
    let own = home.logins();
    let disk = |error: io::Error| {
        Refused(kind_of(&error), format!("what a login takes cannot be made in {}: {error}", own.display()))
    };
    make_private(&own).map_err(disk)?;
    let host_key = host_key(&own)?;
    let folder = Folder(own.join(id));
    make_private(&folder.0).map_err(disk)?;
    fill(&folder.0, &own, options, home, &server, id, key, env).map_err(disk)?;
    if !*tried {
        try_out(&server, &folder.0.join("sshd_config"))?;
        *tried = true;
    }
    Ok((Door { user, host_key }, folder))
}

/// Removes the folders of logins that are over, and leaves the node's key.
pub(super) fn sweep(own: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(own) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// One key, of the kind that Welkin makes, and nothing beside it: no options, no second line.
fn is_key(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    text.len() <= MAX_KEY_BYTES
        && text.strip_prefix(KIND).is_some_and(|key| key.len() > 60 && key.bytes().all(letter))
}

#[expect(clippy::too_many_arguments, reason = "each file says another thing, and none of them is left out")]
fn fill(
    folder: &Path,
    own: &Path,
    options: &AgentOptions,
    home: &Home,
    server: &Path,
    id: &str,
    key: &str,
    env: &BTreeMap<String, String>,
) -> io::Result<()> {
    let shell = shell()?;
    let env = bare_env::build(options, home, env, id, &shell.to_string_lossy());
    let entered = Entered { home: home.root().to_owned(), shell, env };
    let [keys, config, login] =
        ["authorized_keys", "sshd_config", "login.json"].map(|name| folder.join(name));
    write(&keys, format!("{key}\n").as_bytes())?;
    write(&login, &serde_json::to_vec(&entered)?)?;
    let text = configuration(home.root(), own, &keys, &options.executable, &login)?;
    write(&config, text.as_bytes())?;
    // Both ways are the socket that the guard has as standard output.
    let script = format!("exec {} -i -e -f {} <&1\n", quoted(server)?, quoted(&config)?);
    write(&folder.join("run.sh"), script.as_bytes())
}

/// The shell of the account, which starts what is forced, is to read no files of the account's own home.
fn configuration(home: &Path, own: &Path, keys: &Path, program: &Path, login: &Path) -> io::Result<String> {
    let sftp = SFTP.iter().find(|path| Path::new(path).exists());
    let subsystem = sftp.map(|path| format!("Subsystem sftp {path}\n")).unwrap_or_default();
    let (every, times) = ALIVE;
    Ok(format!(
        "HostKey \"{host_key}\"\n\
         AuthorizedKeysFile \"{keys}\"\n\
         PubkeyAuthentication yes\n\
         PasswordAuthentication no\n\
         KbdInteractiveAuthentication no\n\
         HostbasedAuthentication no\n\
         PermitRootLogin yes\n\
         StrictModes no\n\
         UsePAM no\n\
         UseDNS no\n\
         PermitUserRC no\n\
         PermitUserEnvironment no\n\
         PermitTunnel no\n\
         GatewayPorts no\n\
         X11Forwarding no\n\
         AcceptEnv LANG LC_*\n\
         SetEnv \"HOME={home}\"\n\
         PrintMotd no\n\
         PrintLastLog no\n\
         PidFile none\n\
         LoginGraceTime 60\n\
         ClientAliveInterval {every}\n\
         ClientAliveCountMax {times}\n\
         {subsystem}\
         ForceCommand {program} {EXEC_COMMAND} {LOGIN} {login}\n",
        home = plain(home)?,
        host_key = plain(&own.join(HOST_KEY))?,
        // A percent sign begins a word of its own in this option.
        keys = plain(keys)?.replace('%', "%%"),
        program = quoted(program)?,
        login = quoted(login)?,
    ))
}

/// A path between quotes of either kind, in files whose rules for what is in quotes differ.
fn plain(path: &Path) -> io::Result<&str> {
    let text = path.to_str().filter(|text| !text.contains(['"', '\'', '\\', '\n', '\r']));
    text.ok_or_else(|| io::Error::other(format!("the path {} cannot be put into quotes", path.display())))
}

fn quoted(path: &Path) -> io::Result<String> {
    plain(path).map(|text| format!("'{text}'"))
}

const HOST_KEY: &str = "host_key";

/// The key by which clients know the node: made at the first login, kept while the node is stopped.
fn host_key(own: &Path) -> Result<String, Refused> {
    let path = own.join(HOST_KEY);
    let public = own.join(format!("{HOST_KEY}.pub"));
    if !(path.exists() && public.exists()) {
        let draft = own.join("draft");
        let fault =
            |error: io::Error| Refused(kind_of(&error), format!("the node's key cannot be made: {error}"));
        for left in [&draft, &own.join("draft.pub")] {
            match fs::remove_file(left) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fault(error)),
                _ => {}
            }
        }
        let program = found("ssh-keygen").ok_or_else(|| missing("ssh-keygen"))?;
        let made = command(&program)
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "welkin", "-f"])
            .arg(&draft)
            .output()
            .map_err(fault)?;
        if !made.status.success() {
            return Err(Refused(
                ErrorKind::Transient,
                format!("the node's key cannot be made: {}", said(&made)),
            ));
        }
        fs::rename(&draft, &path).and_then(|()| fs::rename(own.join("draft.pub"), &public)).map_err(fault)?;
    }
    let text = fs::read_to_string(&public)
        .map_err(|error| Refused(kind_of(&error), format!("the node's key cannot be read: {error}")))?;
    let mut words = text.split_ascii_whitespace();
    match (words.next(), words.next()) {
        (Some(kind), Some(key)) if is_key(&format!("{kind} {key}")) => Ok(format!("{kind} {key}")),
        _ => Err(Refused(ErrorKind::Transient, format!("{} holds no key", public.display()))),
    }
}

/// What a failure of the node's disk means: whoever asks is not to blame.
fn kind_of(error: &io::Error) -> ErrorKind {
    use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    match error.kind() {
        StorageFull | QuotaExceeded | ReadOnlyFilesystem => ErrorKind::NoCapacity,
        _ => ErrorKind::Transient,
    }
}

/// Asks a server whether it can be started so, and makes the folder that it wants of root where that is missing.
fn try_out(server: &Path, config: &Path) -> Result<(), Refused> {
    for again in [true, false] {
        let tried = command(server).arg("-t").arg("-f").arg(config).output();
        let tried = tried.map_err(|error| {
            Refused(ErrorKind::NotSupported, format!("{} cannot be started: {error}", server.display()))
        })?;
        if tried.status.success() {
            return Ok(());
        }
        let said = said(&tried);
        // The system's own server makes it when it is started, and here it never was.
        let wanted =
            said.split("privilege separation directory: ").nth(1).and_then(|rest| rest.split(';').next());
        let made = wanted
            .filter(|_| again)
            .is_some_and(|path| DirBuilder::new().recursive(true).mode(0o755).create(path.trim()).is_ok());
        if !made {
            return Err(Refused(ErrorKind::NotSupported, format!("the node's sshd does not start: {said}")));
        }
    }
    Err(Refused(ErrorKind::NotSupported, "the node's sshd does not start".to_owned()))
}

/// The account that this process runs as.
fn user() -> Result<String, Refused> {
    let told = found("id").map(|program| command(&program).arg("-un").output());
    match told {
        Some(Ok(told)) if told.status.success() => {
            Ok(String::from_utf8_lossy(&told.stdout).trim().to_owned())
        }
        _ => {
            let uid = rustix::process::geteuid().as_raw();
            let message =
                format!("user {uid} has no name on the node, and sshd lets in none but accounts with names");
            Err(Refused(ErrorKind::NotSupported, message))
        }
    }
}

fn missing(program: &str) -> Refused {
    let message = format!(
        "there is no {program} on the node: install OpenSSH's server there, such as with \
         `apt-get install openssh-server` or `dnf install openssh-server`; it need not be started"
    );
    Refused(ErrorKind::NotSupported, message)
}

fn found(program: &str) -> Option<PathBuf> {
    PATH.split(':').map(|folder| Path::new(folder).join(program)).find(|path| path.exists())
}

fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", PATH).env("LC_ALL", "C").current_dir("/").stdin(Stdio::null());
    command
}

/// The last words of a program, in one line.
fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() { output.status.to_string() } else { lines.join("; ") }
}

fn make_private(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).mode(0o600);
    options
}

fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = private().write(true).truncate(true).open(path)?;
    file.write_all(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_one_key_is_let_in() {
        let key = format!("{KIND}{}", "A".repeat(68));
        assert!(is_key(&key));
        for spoilt in [
            format!("command=\"x\" {key}"),
            format!("{key}\n{key}"),
            format!("{key} comment"),
            key.replace("ed25519", "rsa"),
            key.to_uppercase(),
            format!("{KIND}{}", "A".repeat(600)),
            KIND.to_owned(),
            String::new(),
        ] {
            assert!(!is_key(&spoilt), "{spoilt}");
        }
    }

    #[test]
    fn a_path_that_would_end_its_quotes_is_refused() {
        let at = |home: &str, keys: &str, program: &str| {
            let [home, own, keys, program, login] = [home, "/o", keys, program, "/l"].map(Path::new);
            configuration(home, own, keys, program, login)
        };
        assert!(
            at("/h", "/k", "/a b/welkin")
                .unwrap()
                .contains("ForceCommand '/a b/welkin' agent-exec login '/l'")
        );
        for hostile in ["/a'b", "/a\"b", "/a\nPermitTunnel yes", "/a\\"] {
            assert!(at("/h", "/k", hostile).is_err() && at(hostile, "/k", "/w").is_err(), "{hostile}");
        }
        let text = at("/h h", "/100%u/k", "/w").unwrap();
        assert!(
            text.contains("AuthorizedKeysFile \"/100%%u/k\"") && text.contains("SetEnv \"HOME=/h h\"\n"),
            "{text}"
        );
    }
}
