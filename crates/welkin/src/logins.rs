//! What this machine keeps so that its own `ssh` reaches clusters: a key, and a file of hosts.
//!
//! ```text
//! ssh dev ─▶ Include in ~/.ssh/config ─▶ logins/config ─▶ ProxyCommand: welkin ssh --stdio dev ─▶ broker ─▶ node
//! ```
//! 1. The file of hosts is Welkin's own, in its folder, and is written anew whenever something in it changes. Of what the
//!    user wrote, nothing is: `~/.ssh/config` gets one line that includes it, and only when that is asked for.
//! 2. Behind each host is a note of the run that holds the cluster and of the account there, since `ssh` has to know the
//!    account before it connects.
//! 3. The key of a machine comes with each login, from the broker, and is put where `ssh` looks for it before the first
//!    byte of the machine is passed on: nobody is asked whether to trust it, and machines that were made anew are no alarm.
//!
//! *Rejected:* `ssh -F` with a file that includes the user's (what they wrote for all hosts would be read later than
//! ours), and `KnownHostsCommand`, which OpenSSH before 8.5 does not have.

mod included;

pub(crate) use included::{Included, include, is_included, line, names_of_user};

use crate::engine::store_fault;
use crate::report::{Code, Fault};
use crate::settings::Settings;
use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use welkin_broker::{ClusterRole, Reader, RunId};
use welkin_provider::Door;
use welkin_sky::{make_private, replace};

/// A machine of a cluster, as users write it: `dev`, or `dev.1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Target {
    pub(crate) cluster: String,
    pub(crate) rank: u32,
}

impl Target {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (cluster, rank) = match text.split_once('.') {
            None => (text, 0),
            Some((cluster, rank)) => {
                let wrong = |_| format!("`{text}`: behind the dot is the number of a node, from 0");
                (cluster, rank.parse().map_err(wrong)?)
            }
        };
        Ok(Self { cluster: crate::cli::cluster_name(cluster)?, rank })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rank {
            0 => f.write_str(&self.cluster),
            rank => write!(f, "{}.{rank}", self.cluster),
        }
    }
}

/// What is known of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Host {
    #[serde(flatten)]
    pub(crate) target: Target,
    /// The run that holds the cluster.
    pub(crate) run: RunId,
    /// The account there.
    pub(crate) user: String,
}

/// The folder of all this.
#[derive(Debug)]
pub(crate) struct Logins {
    folder: PathBuf,
    /// Of the commands that `ssh` starts.
    home: PathBuf,
}

impl Logins {
    pub(crate) fn of(settings: &Settings) -> Self {
        Self { folder: settings.folders.logins(), home: settings.folders.home().to_owned() }
    }

    /// The file of hosts.
    pub(crate) fn config(&self) -> PathBuf {
        self.folder.join("config")
    }

    /// The public half of the key, which is made when it is first needed.
    pub(crate) fn public_key(&self) -> anyhow::Result<String> {
        let public = self.key().with_extension("pub");
        if !public.exists() {
            self.make_key()?;
        }
        let text = fs::read_to_string(&public).with_context(|| unusable(&public))?;
        let words: Vec<&str> = text.split_ascii_whitespace().take(2).collect();
        Ok(words.join(" "))
    }

    fn key(&self) -> PathBuf {
        self.folder.join("key/id_ed25519")
    }

    /// In a folder that comes into being whole: of two at once, one is used by both.
    fn make_key(&self) -> anyhow::Result<()> {
        make_private(&self.folder).with_context(|| unusable(&self.folder))?;
        let draft = tempfile::Builder::new().prefix(".key").tempdir_in(&self.folder);
        let draft = draft.with_context(|| unusable(&self.folder))?;
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "welkin", "-f"])
            .arg(draft.path().join("id_ed25519"))
            .stdin(Stdio::null())
            .output();
        let made = made.with_context(no_openssh)?;
        if !made.status.success() {
            let words = String::from_utf8_lossy(&made.stderr).trim().to_owned();
            return Err(Fault::new(Code::Login, format!("the key for logins cannot be made: {words}")).into());
        }
        let whole = self.folder.join("key");
        match fs::rename(draft.path(), &whole) {
            // Somebody was faster.
            Err(_) if whole.join("id_ed25519.pub").exists() => Ok(()),
            renamed => {
                // What is in place now is not to be removed with the draft.
                let _ = draft.keep();
                renamed.with_context(|| unusable(&whole))
            }
        }
    }

    /// Notes what the machine is, and puts its key where `ssh` looks for it.
    ///
    /// What a broker elsewhere says is not to become a line of its own in files that `ssh` obeys.
    pub(crate) fn meet(&self, target: &Target, run: &RunId, door: &Door) -> anyhow::Result<Host> {
        if !is_account(&door.user) || !is_key(&door.host_key) {
            let words =
                format!("the broker says of {target} what is neither an account nor a key of a machine");
            return Err(Fault::new(Code::Login, words).into());
        }
        let host = Host { target: target.clone(), run: run.clone(), user: door.user.clone() };
        let known = format!("{} {}\n", alias(target), door.host_key);
        put(&self.known(target), known.as_bytes())?;
        if self.noted(target).as_ref() != Some(&host) {
            put(&self.note(target), serde_json::to_string(&host)?.as_bytes())?;
        }
        Ok(host)
    }

    /// What was noted of a machine when it was last met.
    pub(crate) fn noted(&self, target: &Target) -> Option<Host> {
        serde_json::from_slice(&fs::read(self.note(target)).ok()?).ok()
    }

    /// Writes the file of hosts: all that were met of clusters that there are. Gives them.
    pub(crate) fn refresh(
        &self,
        reader: Option<&Reader>,
        reserved: &BTreeSet<String>,
    ) -> anyhow::Result<Vec<Host>> {
        let there = holders(reader)?;
        let mut hosts = Vec::new();
        for host in self.all()? {
            if there.contains(&(host.target.cluster.clone(), host.run.clone())) {
                hosts.push(host);
                continue;
            }
            for gone in [self.note(&host.target), self.known(&host.target)] {
                // Whoever removes it too has done it.
                drop(fs::remove_file(gone));
            }
        }
        hosts.sort_by(|one, other| one.target.cmp(&other.target));
        let text = self.written(&hosts, reserved)?;
        let path = self.config();
        if fs::read_to_string(&path).ok().as_ref() != Some(&text) {
            put(&path, text.as_bytes())?;
        }
        Ok(hosts)
    }

    fn all(&self) -> anyhow::Result<Vec<Host>> {
        let entries = match fs::read_dir(self.folder.join("hosts")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.with_context(|| unusable(&self.folder))?,
        };
        let notes =
            entries.flatten().filter(|entry| entry.path().extension().is_some_and(|end| end == "json"));
        // What cannot be read is written anew when the machine is next met.
        Ok(notes.filter_map(|entry| serde_json::from_slice(&fs::read(entry.path()).ok()?).ok()).collect())
    }

    fn written(&self, hosts: &[Host], reserved: &BTreeSet<String>) -> anyhow::Result<String> {
        let mut text = String::from(
            "# Written by welkin, anew whenever clusters come and go: what is changed here is lost.\n\
             # It is read where ~/.ssh/config includes it (`welkin ssh --include` adds that line).\n",
        );
        for host in hosts {
            let name = host.target.to_string();
            let names = match reserved.contains(&name) {
                // A host of the user's own goes before.
                true => alias(&host.target),
                false => format!("{name} {}", alias(&host.target)),
            };
            // Writing to a string cannot fail.
            let _ = writeln!(text, "\nHost {names}");
            for (option, value) in self.options(host)? {
                let _ = writeln!(text, "    {option} {value}");
            }
        }
        Ok(text)
    }

    /// How `ssh` reaches a machine.
    pub(crate) fn options(&self, host: &Host) -> anyhow::Result<Vec<(&'static str, String)>> {
        let target = &host.target;
        Ok(vec![
            ("User", host.user.clone()),
            ("ProxyCommand", self.proxy(target)?),
            ("HostKeyAlias", alias(target)),
            ("UserKnownHostsFile", quoted(&self.known(target))?),
            ("GlobalKnownHostsFile", "/dev/null".to_owned()),
            ("StrictHostKeyChecking", "yes".to_owned()),
            ("UpdateHostKeys", "no".to_owned()),
            ("CheckHostIP", "no".to_owned()),
            ("IdentityFile", quoted(&self.key())?),
            ("IdentitiesOnly", "yes".to_owned()),
            ("PreferredAuthentications", "publickey".to_owned()),
        ])
    }

    /// The command that carries a connection. A shell runs it, after `ssh` has replaced what follows percent signs.
    fn proxy(&self, target: &Target) -> anyhow::Result<String> {
        let program = std::env::current_exe().context("finding this program")?;
        let word = |path: &Path| -> anyhow::Result<String> {
            let text = path.to_str().filter(|text| !text.contains(['\n', '"', '\\']));
            let text = text.ok_or_else(|| odd_path(path))?;
            Ok(format!("'{}'", text.replace('%', "%%").replace('\'', "'\"'\"'")))
        };
        let (home, program) = (word(&self.home)?, word(&program)?);
        Ok(format!("env WELKIN_HOME={home} {program} ssh --stdio --user %r {target}"))
    }

    fn note(&self, target: &Target) -> PathBuf {
        self.folder.join(format!("hosts/{target}.json"))
    }

    /// The key of one machine, as `known_hosts` has it.
    fn known(&self, target: &Target) -> PathBuf {
        self.folder.join(format!("hosts/{target}.known"))
    }
}

/// A name that nobody takes for a flag, a pattern or two words.
fn is_account(text: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'@' | b'+');
    (1..=64).contains(&text.len()) && !text.starts_with('-') && text.bytes().all(fine)
}

/// The kind of a key, and the key.
fn is_key(text: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    text.len() <= 256
        && text.strip_prefix("ssh-ed25519 ").is_some_and(|key| !key.is_empty() && key.bytes().all(fine))
}

/// The name that no host of the user's own has, and by which the machine's key is known.
pub(crate) fn alias(target: &Target) -> String {
    format!("{target}.welkin")
}

/// Clusters that there are, with the runs that hold them.
fn holders(reader: Option<&Reader>) -> anyhow::Result<BTreeSet<(String, RunId)>> {
    let open = reader.map_or_else(|| Ok(Vec::new()), Reader::unfinished).map_err(store_fault)?;
    let held = open.into_iter().filter_map(|run| match run.cluster {
        Some(ClusterRole::Holds(name)) => Some((name, run.id)),
        _ => None,
    });
    Ok(held.collect())
}

fn put(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    replace(path, bytes).with_context(|| Fault::new(Code::File, format!("cannot write {}", path.display())))
}

/// A path as a value in a file of `ssh`, which takes what follows a percent sign for a word of its own.
fn quoted(path: &Path) -> anyhow::Result<String> {
    let text = path.to_str().filter(|text| !text.contains(['"', '\\', '\n']));
    let text = text.ok_or_else(|| odd_path(path))?;
    Ok(format!("\"{}\"", text.replace('%', "%%")))
}

fn odd_path(path: &Path) -> Fault {
    let words = format!("{} cannot be written in a file of ssh's", path.display());
    Fault::new(Code::Login, words).hint("WELKIN_HOME names another folder")
}

fn unusable(path: &Path) -> Fault {
    Fault::new(Code::File, format!("cannot use {}", path.display()))
}

/// What is said where a program of OpenSSH's is missing on this machine.
pub(crate) fn no_openssh() -> Fault {
    Fault::new(Code::Login, "there is no OpenSSH client on this machine")
        .hint("it is the package openssh-client or openssh-clients")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logins(home: &str) -> Logins {
        Logins { folder: Path::new(home).join("logins"), home: home.into() }
    }

    fn host(text: &str) -> Host {
        let run = RunId("dev-1".to_owned());
        Host { target: Target::parse(text).unwrap(), run, user: "ana".to_owned() }
    }

    #[test]
    fn a_machine_is_a_cluster_and_a_number() {
        let parsed = |text: &str| Target::parse(text).map(|target| target.to_string());
        assert_eq!(parsed("dev"), Ok("dev".to_owned()));
        assert_eq!(parsed("dev.0"), Ok("dev".to_owned()));
        assert_eq!(parsed("dev.12"), Ok("dev.12".to_owned()));
        for wrong in ["", ".", "dev.", "dev.x", "dev.-1", "-oProxyCommand=x", "dev.1.2", "Dev", "dev;ls"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_a_broker_says_becomes_no_line_of_its_own() {
        let home = tempfile::tempdir().unwrap();
        let logins = logins(home.path().to_str().unwrap());
        let target = Target::parse("dev").unwrap();
        let meet = |user: &str, host_key: &str| {
            let door = Door { user: user.to_owned(), host_key: host_key.to_owned() };
            logins.meet(&target, &RunId("dev-1".to_owned()), &door)
        };
        assert!(meet("ana", "ssh-ed25519 AAAA").is_ok());
        for user in ["", "a b", "-oX=y", "a\nProxyCommand x", "\"", "*", &"a".repeat(65)] {
            assert!(meet(user, "ssh-ed25519 AAAA").is_err(), "{user}");
        }
        for key in ["", "ssh-ed25519 ", "ssh-rsa AAAA", "ssh-ed25519 A\n* ssh-ed25519 B", "ssh-ed25519 A B"] {
            assert!(meet("ana", key).is_err(), "{key}");
        }
    }

    #[test]
    fn hosts_of_the_users_own_go_before() {
        let reserved = BTreeSet::from(["dev".to_owned()]);
        let text = logins("/h").written(&[host("dev"), host("dev.1")], &reserved).unwrap();
        assert!(
            text.contains("\nHost dev.welkin\n") && text.contains("\nHost dev.1 dev.1.welkin\n"),
            "{text}"
        );
    }

    #[test]
    fn paths_survive_ssh_and_the_shell() {
        let options = logins("/a b/100%d/it's").options(&host("dev")).unwrap();
        let value = |name: &str| options.iter().find(|(option, _)| *option == name).unwrap().1.clone();
        assert_eq!(value("IdentityFile"), "\"/a b/100%%d/it's/logins/key/id_ed25519\"");
        let proxy = value("ProxyCommand");
        assert!(proxy.starts_with("env WELKIN_HOME='/a b/100%%d/it'\"'\"'s' '"), "{proxy}");
        assert!(proxy.ends_with("ssh --stdio --user %r dev"), "{proxy}");
        assert!(logins("/a\"b").options(&host("dev")).is_err());
    }
}
