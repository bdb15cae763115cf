//! Hosts of the user's own: the file that names them, and what was found when somebody last looked.

mod known;
mod row;

pub use known::Found;
pub(crate) use known::found;

use crate::error::SkyError;
use crate::sky::Sky;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use welkin_clouds::{HostState, HostsFile, Seen, Ssh, SshCommand, SshConfig};
use welkin_job::{Job, Resources, Task};
use welkin_provider::{Clock, Inventory, SystemClock};

/// The hosts of a home.
#[derive(Debug, Clone, Copy)]
pub struct Hosts<'a> {
    sky: &'a Sky,
}

impl<'a> Hosts<'a> {
    pub(crate) fn of(sky: &'a Sky) -> Self {
        Self { sky }
    }

    /// Where they can be named: the first file that is there counts.
    #[must_use]
    pub fn files(&self) -> [PathBuf; 2] {
        let user = self.sky.options().user.clone().unwrap_or_default();
        [self.sky.folders().home().join("hosts.yaml"), user.join(".welkin/hosts.yaml")]
    }

    /// The file of hosts with its digest; `None` where there is none.
    fn file(&self) -> Result<Option<(HostsFile, String)>, SkyError> {
        for path in self.files() {
            let text = match std::fs::read_to_string(&path) {
                Ok(text) => text,
                Err(error)
                    if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
                {
                    continue;
                }
                Err(source) => return Err(SkyError::ConfigRead { path, source }),
            };
            let hosts = HostsFile::parse(&text)
                .map_err(|source| SkyError::Config { path, source: Box::new(source) })?;
            let digest = blake3::hash(text.as_bytes()).to_hex().to_string();
            return Ok(Some((hosts, digest)));
        }
        Ok(None)
    }

    /// Refuses a job that can run nowhere but on hosts where none are named.
    ///
    /// # Errors
    /// [`SkyError::NoHosts`], and those of reading the file.
    pub fn expect_if_asked(&self, job: &Job) -> Result<(), SkyError> {
        let on_hosts = |option: &Resources| option.infra.provider.as_deref() == Some(Ssh::NAME);
        let asks = |task: &&Task| !task.options.is_empty() && task.options.iter().all(on_hosts);
        let Some(task) = job.tasks.iter().find(asks) else { return Ok(()) };
        if self.file()?.is_some() {
            return Ok(());
        }
        Err(SkyError::NoHosts { task: task.name.clone(), files: self.files() })
    }

    /// The provider of the hosts, where there are any, or were.
    fn provider(&self, clock: &Arc<dyn Clock>) -> Result<Option<Ssh>, SkyError> {
        let Some(config) = self.config(clock)? else { return Ok(None) };
        let path = config.root.clone();
        Ssh::new(config).map(Some).map_err(|source| SkyError::Hosts { path, source: Box::new(source) })
    }

    /// What it needs.
    pub(crate) fn config(&self, clock: &Arc<dyn Clock>) -> Result<Option<SshConfig>, SkyError> {
        let root = self.sky.folders().ssh();
        let hosts = match self.file()? {
            Some((hosts, _)) => hosts,
            // What is on record of hosts that are in no file any more must not be forgotten.
            None if root.exists() => HostsFile::default(),
            None => return Ok(None),
        };
        let mut config = SshConfig::new(root, hosts, self.sky.program()?);
        config.clock = Arc::clone(clock);
        config.ssh = self.command();
        Ok(Some(config))
    }

    fn command(&self) -> SshCommand {
        let options = self.sky.options();
        let words = options.config.ssh_command.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let mut command = SshCommand { home: options.user.clone(), ..SshCommand::default() };
        if let [program, args @ ..] = words.as_slice() {
            (command.program, command.args) = (program.into(), args.to_vec());
        }
        command
    }

    /// Whether what is known of the hosts can be believed: else somebody should [look](Self::look), before the catalog
    /// is opened, which they are a part of.
    ///
    /// # Errors
    /// Those of reading the file.
    pub fn is_fresh(&self) -> Result<bool, SkyError> {
        let catalog = self.sky.folders().catalog();
        let Some((_, digest)) = self.file()? else {
            known::forget(&catalog);
            return Ok(true);
        };
        Ok(found(&catalog).is_some_and(|found| found.is_fresh(&digest)))
    }

    /// Looks at every host by logging in, and keeps what was found. What cannot be kept is looked at again: why is
    /// in [`Found::unkept`].
    ///
    /// # Errors
    /// Those of reading the file and of the provider.
    pub async fn look(&self) -> Result<(Found, Vec<Seen>), SkyError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let catalog = self.sky.folders().catalog();
        let digest = self.file()?.map(|(_, digest)| digest).unwrap_or_default();
        let Some(ssh) = self.provider(&clock)? else {
            known::forget(&catalog);
            return Ok((Found::new(digest, Vec::new(), Vec::new()), Vec::new()));
        };
        let seen = ssh.look().await;
        // Connected by now, so this asks nobody anything.
        let stock = ssh
            .stock()
            .await
            .map_err(|source| SkyError::Hosts { path: self.sky.folders().ssh(), source: Box::new(source) })?;
        let silent = |seen: &Seen| match &seen.state {
            HostState::Reached(_) => None,
            HostState::Unreached { message, .. } => Some(format!("{}/{}: {message}", seen.pool, seen.host)),
        };
        let mut found = Found::new(digest, stock, seen.iter().filter_map(silent).collect());
        found.unkept = known::keep(&catalog, &found).err().map(|error| error.to_string());
        Ok((found, seen))
    }
}
