//! Gateways, relays and hosts reached by SSH, as users name them.

use crate::app::App;
use crate::output::shown;
use crate::report::{Code, Fault};
use anyhow::Context as _;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use welkin_gateway::{Agent, AgentOptions, Hop, Identity, PathOptions, SocketOptions, Words};
use welkin_sky::make_private;
use welkin_stores::Links;

/// How places are opened.
#[derive(Debug, Clone, Default)]
pub(crate) struct Opening {
    /// Files are on the disk when they appear.
    pub(crate) fsync: bool,
    /// What becomes of links in folders of this machine.
    pub(crate) links: Links,
    /// Ways to a gateway besides the direct one: relays, comma-separated.
    pub(crate) via: Vec<String>,
    /// Do not go straight to a gateway.
    pub(crate) no_direct: bool,
    /// Congestion control of connections to gateways.
    pub(crate) congestion: Option<String>,
}

/// Connects to the gateway at `host` (an address, a peer of `config.toml`, either with a fingerprint before it).
pub(super) async fn gateway(
    host: &str,
    plain: bool,
    opening: &Opening,
    app: &App,
) -> anyhow::Result<Arc<Agent>> {
    let last = hop(host, plain, app)?;
    let mut paths = Vec::new();
    if !opening.no_direct {
        paths.push(vec![last.clone()]);
    }
    for way in &opening.via {
        let relays = way.split(',').map(|relay| hop(relay.trim(), plain, app));
        paths.push(relays.chain([Ok(last.clone())]).collect::<Result<_, _>>()?);
    }
    if paths.is_empty() {
        return Err(Fault::new(Code::Usage, "--no-direct leaves no way: add --via").into());
    }
    let socket = SocketOptions { congestion: opening.congestion.clone(), ..SocketOptions::default() };
    let paths: Vec<_> = paths
        .into_iter()
        .map(|hops| PathOptions { socket: socket.clone(), ..PathOptions::over(hops) })
        .collect();
    let options = if plain {
        AgentOptions::plain(paths)
    } else {
        AgentOptions::secret(Arc::new(identity(&app.settings.folders.identity())?), paths)
    };
    Ok(Arc::new(Agent::connect(options).await.map_err(super::fault)?))
}

/// Starts a gateway at the other end of an SSH connection.
pub(super) async fn ssh(host: &str, folder: &str) -> anyhow::Result<Arc<Agent>> {
    if host.starts_with('-') {
        return Err(Fault::new(Code::DataPlace, format!("`{host}` is no host")).into());
    }
    let program = std::env::var("WELKIN_SSH").ok().filter(|text| !text.trim().is_empty());
    let mut argv: Vec<String> =
        program.as_deref().unwrap_or("ssh").split_whitespace().map(str::to_owned).collect();
    // The remote shell reads it again, so the folder is quoted for it.
    let remote = format!("welkin gateway serve --stdio '{}'", folder.replace('\'', r"'\''"));
    // What follows the two dashes is no option, whatever it looks like.
    argv.extend(["--".to_owned(), host.to_owned(), remote]);
    let to = host.to_owned();
    let words = Words::to(move |line| {
        // Without standard error there is nobody to tell.
        let _ = writeln!(io::stderr(), "{}: {}", shown(&to), shown(line));
    });
    let options = AgentOptions { words, ..AgentOptions::plain(vec![PathOptions::command(argv)]) };
    Ok(Arc::new(Agent::connect(options).await.map_err(super::fault)?))
}

/// `[FINGERPRINT@]HOST:PORT`, or a peer.
fn hop(text: &str, plain: bool, app: &App) -> anyhow::Result<Hop> {
    let (pinned, address) = match text.split_once('@') {
        Some((pin, address)) => (Some(pin), address),
        None => (None, text),
    };
    let peer = app.settings.peers.get(address);
    let (address, known) = match peer {
        Some(peer) => (peer.address.clone(), peer.fingerprint.clone()),
        None => (address.to_owned(), None),
    };
    let port = address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    if port.is_none() {
        let message = format!("`{text}` is neither HOST:PORT nor a peer of config.toml");
        return Err(Fault::new(Code::DataPlace, message).hint("add [peers.NAME] with its address").into());
    }
    if plain {
        return Ok(Hop::plain(address));
    }
    let Some(fingerprint) = pinned.map(str::to_owned).or(known) else {
        let message = format!("the fingerprint of {address} is not known");
        let hint =
            "write welkin://FINGERPRINT@HOST:PORT, or set it in [peers.NAME]; the gateway prints its own";
        return Err(Fault::new(Code::DataPlace, message).hint(hint).into());
    };
    let fingerprint =
        fingerprint.parse().map_err(|error| Fault::new(Code::DataPlace, format!("{address}: {error}")))?;
    Ok(Hop::pinned(address, fingerprint))
}

/// Reads a file that nobody else may read, and refuses one that somebody else may: its key may be known to others.
fn read_private(path: &Path) -> io::Result<String> {
    let mut file = fs::File::open(path)?;
    let meta = file.metadata()?;
    if meta.mode() & 0o077 != 0 {
        let mode = meta.mode() & 0o777;
        let message = format!(
            "its mode is {mode:o}, so others can use this key: if nobody did, `chmod 600` makes it private again; else \
             remove it, and tell others the new fingerprint"
        );
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
    }
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(text)
}

/// The identity in the file, made when there is none.
pub(crate) fn identity(path: &Path) -> anyhow::Result<Identity> {
    match read_private(path) {
        Ok(text) => {
            return Identity::from_secret_text(&text)
                .with_context(|| Fault::new(Code::File, format!("{} cannot be used", path.display())));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => {
            let failed = || Fault::new(Code::File, format!("{} cannot be used", path.display()));
            return Err(error).with_context(failed);
        }
    }
    let identity = Identity::generate()?;
    let failed = || Fault::new(Code::File, format!("cannot write {}", path.display()));
    if let Some(folder) = path.parent() {
        make_private(folder).with_context(failed)?;
    }
    // Whole or not at all, and never readable by others: another process may be making one too.
    let beside = path.with_extension(format!("{}.part", std::process::id()));
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)
        .with_context(failed)?;
    file.write_all(identity.to_secret_text().as_bytes()).with_context(failed)?;
    match fs::hard_link(&beside, path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let _ = fs::remove_file(&beside);
            return self::identity(path);
        }
        Err(error) => return Err(error).with_context(failed),
    }
    let _ = fs::remove_file(&beside);
    Ok(identity)
}
