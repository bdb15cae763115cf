//! Hosts of the user's own: the file that names them, and what was found when somebody last looked.
//!
//! Looking takes a login to each, so what was found is kept beside the catalog, which it becomes a part of. It
//! is looked at again when the file has changed, when it was found long ago, or when a host did not answer.

use crate::app::App;
use crate::engine::runtime;
use crate::report::{Code, Fault};
use crate::settings::{Settings, make_private};
use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use welkin_catalog::{Arch, Continent, Kind, Row, RowAccelerator, RowDevice, RowPlace, RowSource, TeeSet};
use welkin_clouds::{HostState, HostsFile, Seen, Ssh, SshCommand, SshConfig};
use welkin_job::{Job, Resources, Task};
use welkin_provider::{Clock, Inventory, Stock};

/// How long what was found is believed: hosts gain or lose hardware once in years, and those that are away are
/// asked by the run itself.
const BELIEVED: Duration = Duration::from_secs(24 * 3_600);

/// How long a host that did not answer is left alone.
const TRIED: Duration = Duration::from_secs(60);

const FILE: &str = "hosts.json";
const VERSION: u32 = 1;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Found {
    version: u32,
    /// Of the file of hosts as it was.
    digest: String,
    /// Seconds since 1970.
    at: u64,
    pub(crate) stock: Vec<Stock>,
    /// Hosts that did not answer: `pool/host: why`.
    pub(crate) silent: Vec<String>,
}

/// The file of hosts with its digest; `None` where there is none.
pub(crate) fn file(settings: &Settings) -> anyhow::Result<Option<(HostsFile, String)>> {
    for path in settings.hosts_files() {
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                continue;
            }
            Err(error) => {
                let fault = Fault::new(Code::Config, format!("cannot read {}", path.display()));
                return Err(anyhow::Error::new(error).context(fault));
            }
        };
        let hosts = HostsFile::parse(&text).map_err(|error| {
            let fault = Fault::new(Code::Config, format!("{} is not valid", path.display()));
            anyhow::Error::new(error).context(fault)
        })?;
        let digest = blake3::hash(text.as_bytes()).to_hex().to_string();
        return Ok(Some((hosts, digest)));
    }
    Ok(None)
}

/// Refuses a job that can run nowhere but on hosts where none are named.
pub(crate) fn expect_if_asked(job: &Job, settings: &Settings) -> anyhow::Result<()> {
    let on_hosts = |option: &Resources| option.infra.provider.as_deref() == Some(Ssh::NAME);
    let asks = |task: &&Task| !task.options.is_empty() && task.options.iter().all(on_hosts);
    let Some(task) = job.tasks.iter().find(asks) else { return Ok(()) };
    if file(settings)?.is_some() {
        return Ok(());
    }
    let [first, at_home] = settings.hosts_files();
    let fault =
        Fault::new(Code::Config, format!("task {} asks for hosts by SSH, and none are named", task.name));
    let hint = format!(
        "name them in {} or {}, such as `lab: {{hosts: [HOST]}}`",
        first.display(),
        at_home.display()
    );
    Err(fault.hint(hint).into())
}

/// The provider of the hosts, where there are any, or were.
pub(crate) fn provider(settings: &Settings, clock: &Arc<dyn Clock>) -> anyhow::Result<Option<Ssh>> {
    let root = settings.ssh_dir();
    let hosts = match file(settings)? {
        Some((hosts, _)) => hosts,
        // What is on record of hosts that are in no file any more must not be forgotten.
        None if root.exists() => HostsFile::default(),
        None => return Ok(None),
    };
    let program = std::env::current_exe().context("finding this program")?;
    let mut config = SshConfig::new(root.clone(), hosts, program);
    config.clock = Arc::clone(clock);
    config.ssh = command(settings);
    let failed =
        || Fault::new(Code::Emulator, format!("cannot open the records of hosts in {}", root.display()));
    Ssh::new(config).with_context(failed).map(Some)
}

fn command(settings: &Settings) -> SshCommand {
    let words = settings.ssh_command.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let mut command = SshCommand { home: std::env::home_dir(), ..SshCommand::default() };
    if let [program, args @ ..] = words.as_slice() {
        (command.program, command.args) = (program.into(), args.to_vec());
    }
    command
}

/// Looks at the hosts where what is known is too old, and tells of those that do not answer.
pub(crate) fn refresh(app: &App) -> anyhow::Result<()> {
    let Some((_, digest)) = file(&app.settings)? else {
        forget(&app.settings.catalog_dir());
        return Ok(());
    };
    let known = found(&app.settings.catalog_dir());
    if known.as_ref().is_some_and(|found| found.is_fresh(&digest)) {
        return Ok(());
    }
    let (found, _) = look(app)?;
    for silent in &found.silent {
        app.warn(&format!("{silent}; `welkin providers` says what would help"));
    }
    Ok(())
}

/// Looks at every host, and keeps what was found.
pub(crate) fn look(app: &App) -> anyhow::Result<(Found, Vec<Seen>)> {
    let clock: Arc<dyn Clock> = Arc::new(welkin_provider::SystemClock);
    let digest = file(&app.settings)?.map(|(_, digest)| digest).unwrap_or_default();
    let Some(ssh) = provider(&app.settings, &clock)? else {
        forget(&app.settings.catalog_dir());
        return Ok((
            Found { version: VERSION, digest, at: now(), stock: Vec::new(), silent: Vec::new() },
            Vec::new(),
        ));
    };
    let (seen, stock) = runtime()?.block_on(async {
        let seen = ssh.look().await;
        // Connected by now, so this asks nobody anything.
        let stock = ssh.stock().await?;
        Ok::<_, anyhow::Error>((seen, stock))
    })?;
    let silent = |seen: &Seen| match &seen.state {
        HostState::Reached(_) => None,
        HostState::Unreached { message, .. } => Some(format!("{}/{}: {message}", seen.pool, seen.host)),
    };
    let silent = seen.iter().filter_map(silent).collect();
    let found = Found { version: VERSION, digest, at: now(), stock, silent };
    let dir = app.settings.catalog_dir();
    // What cannot be kept is looked at again.
    if let Err(error) = keep(&dir, &found) {
        app.warn(&format!("what hosts have cannot be kept in {}: {error}", dir.display()));
    }
    Ok((found, seen))
}

/// Without a file of hosts there are none to plan over. A folder that cannot be written has nothing to forget.
fn forget(dir: &Path) {
    let _ = std::fs::remove_file(dir.join(FILE));
}

fn keep(dir: &Path, found: &Found) -> io::Result<()> {
    make_private(dir)?;
    let mut draft = tempfile::NamedTempFile::new_in(dir)?;
    draft.write_all(&serde_json::to_vec_pretty(found)?)?;
    draft.persist(dir.join(FILE))?;
    Ok(())
}

/// What was found last, where that can be read.
pub(crate) fn found(dir: &Path) -> Option<Found> {
    let found: Found = serde_json::from_slice(&std::fs::read(dir.join(FILE)).ok()?).ok()?;
    (found.version == VERSION).then_some(found)
}

impl Found {
    fn is_fresh(&self, digest: &str) -> bool {
        let age = Duration::from_secs(now().saturating_sub(self.at));
        // A clock that was set back makes it no younger.
        let from_the_future = self.at > now();
        let believed = if self.silent.is_empty() { BELIEVED } else { TRIED };
        self.digest == digest && !from_the_future && age < believed
    }

    /// As offers of the catalog.
    pub(crate) fn rows(&self) -> Vec<Row> {
        self.stock.iter().map(row).collect()
    }
}

fn row(stock: &Stock) -> Row {
    let machine = &stock.machine;
    Row {
        place: Arc::new(RowPlace {
            provider: stock.location.provider.as_str().into(),
            region: stock.location.region.as_str().into(),
            country: "".into(),
            jurisdiction: "".into(),
            continent: Continent::Unknown,
            certs: "".into(),
            restricted: false,
        }),
        zone: stock.location.zone.as_deref().unwrap_or_default().into(),
        kind: Kind::Vm,
        instance_type: machine.instance_type.as_str().into(),
        vcpus_milli: machine.vcpus_milli,
        memory_mib: u32::try_from(machine.memory.get() >> 20).unwrap_or(u32::MAX),
        arch: match stock.arch.as_str() {
            "x86_64" => Arch::X86_64,
            "aarch64" => Arch::Arm64,
            _ => Arch::Unknown,
        },
        burstable: false,
        undersized: false,
        accelerator: machine.accelerator.as_ref().map(|accelerator| RowAccelerator {
            device: Arc::new(RowDevice { name: accelerator.name.as_str().into(), memory_mib: 0 }),
            count_milli: accelerator.count_milli,
        }),
        network_mbps: 0,
        tee: TeeSet::default(),
        on_demand: Some(stock.hourly),
        spot: None,
        min_billed_s: 0,
        source: Arc::new(RowSource { name: "hosts.yaml".into(), as_of: "".into() }),
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
