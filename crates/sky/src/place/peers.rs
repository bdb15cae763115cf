//! Gateways, relays and hosts reached by SSH, as users name them.

use super::PlaceOptions;
use crate::error::SkyError;
use crate::private::make_private;
use crate::sky::Sky;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use welkin_gateway::{Agent, AgentOptions, Hop, Identity, PathOptions, SocketOptions, Words};

/// Connects to the gateway at `host` (an address, a peer of `config.toml`, either with a fingerprint before it).
pub(super) async fn gateway(
    host: &str,
    plain: bool,
    options: &PlaceOptions,
    sky: &Sky,
) -> Result<Arc<Agent>, SkyError> {
    let last = hop(host, plain, sky)?;
    let mut paths = Vec::new();
    if !options.no_direct {
        paths.push(vec![last.clone()]);
    }
    for way in &options.via {
        let relays = way.split(',').map(|relay| hop(relay.trim(), plain, sky));
        paths.push(relays.chain([Ok(last.clone())]).collect::<Result<_, _>>()?);
    }
    if paths.is_empty() {
        return Err(SkyError::NoWay { to: host.to_owned() });
    }
    let socket = SocketOptions { congestion: options.congestion.clone(), ..SocketOptions::default() };
    let paths: Vec<_> = paths
        .into_iter()
        .map(|hops| PathOptions { socket: socket.clone(), ..PathOptions::over(hops) })
        .collect();
    let agent = if plain {
        AgentOptions::plain(paths)
    } else {
        AgentOptions::secret(Arc::new(identity(&sky.folders().identity())?), paths)
    };
    let (hearer, to) = (options.hearer.clone(), host.to_owned());
    let words = Words::to(move |line| hearer.hear(&to, line));
    connect(AgentOptions { words, ..agent }).await
}

async fn connect(options: AgentOptions) -> Result<Arc<Agent>, SkyError> {
    Agent::connect(options).await.map(Arc::new).map_err(SkyError::Store)
}

/// Starts a gateway at the other end of an SSH connection.
pub(super) async fn ssh(
    host: &str,
    folder: &str,
    options: &PlaceOptions,
    sky: &Sky,
) -> Result<Arc<Agent>, SkyError> {
    if host.starts_with('-') {
        return Err(SkyError::place(format!("`{host}` is not the name of a host")));
    }
    let program = Some(sky.options().config.ssh_command.trim()).filter(|program| !program.is_empty());
    let mut argv: Vec<String> = program.unwrap_or("ssh").split_whitespace().map(str::to_owned).collect();
    // The remote shell reads it again, so the folder is quoted for it.
    let remote = format!("welkin gateway serve --stdio '{}'", folder.replace('\'', r"'\''"));
    // What follows the two dashes is no option, whatever it looks like.
    argv.extend(["--".to_owned(), host.to_owned(), remote]);
    let (hearer, to) = (options.hearer.clone(), host.to_owned());
    let words = Words::to(move |line| hearer.hear(&to, line));
    connect(AgentOptions { words, ..AgentOptions::plain(vec![PathOptions::command(argv)]) }).await
}

/// `[FINGERPRINT@]HOST:PORT`, or a peer.
fn hop(text: &str, plain: bool, sky: &Sky) -> Result<Hop, SkyError> {
    let (pinned, address) = match text.split_once('@') {
        Some((pin, address)) => (Some(pin), address),
        None => (None, text),
    };
    let peer = sky.options().config.peers.get(address);
    let (address, known) = match peer {
        Some(peer) => (peer.address.clone(), peer.fingerprint.clone()),
        None => (address.to_owned(), None),
    };
    if address.contains('/') {
        let message = format!("`{text}` has a scheme or a path, and a hop is [FINGERPRINT@]HOST:PORT");
        let hint = "all hops of a way are encrypted or none is, as the gateway's own address says: welkin:// or \
            welkin+plain://";
        return Err(SkyError::Place { message, hint: Some(hint.to_owned()) });
    }
    let port = address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
    if port.is_none() {
        let message = format!("`{text}` is neither HOST:PORT nor a peer of config.toml");
        let hint = Some("add [peers.NAME] with its address".to_owned());
        return Err(SkyError::Place { message, hint });
    }
    if plain {
        return Ok(Hop::plain(address));
    }
    let Some(fingerprint) = pinned.map(str::to_owned).or(known) else {
        let message = format!("the fingerprint of {address} is not known");
        let hint =
            "write welkin://FINGERPRINT@HOST:PORT, or set it in [peers.NAME]; the gateway prints its own";
        return Err(SkyError::Place { message, hint: Some(hint.to_owned()) });
    };
    match fingerprint.parse() {
        Ok(fingerprint) => Ok(Hop::pinned(address, fingerprint)),
        Err(error) => Err(SkyError::place(format!("{address}: {error}"))),
    }
}

/// Whether a gateway is one of this machine, with these folders: it shows the key with which this machine serves.
pub(crate) fn is_own(host: &str, sky: &Sky) -> bool {
    let serving = sky.folders().serving_identity();
    let Ok(Hop { fingerprint: Some(shown), .. }) = hop(host, false, sky) else { return false };
    serving.exists() && identity(&serving).is_ok_and(|own| own.fingerprint() == shown)
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
///
/// # Errors
/// [`SkyError::Identity`] for a file that others can read or that holds none, and those of the operating system.
pub fn identity(path: &Path) -> Result<Identity, SkyError> {
    let unusable = |source| SkyError::Identity { path: path.to_owned(), source };
    match read_private(path) {
        Ok(text) => {
            return Identity::from_secret_text(&text).map_err(|error| unusable(error.into()));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(unusable(error.into())),
    }
    let identity = Identity::generate().map_err(|error| unusable(error.into()))?;
    match make(path, &identity) {
        Ok(()) => Ok(identity),
        // Another process was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self::identity(path),
        Err(error) => Err(SkyError::writing(path)(error)),
    }
}

/// Whole or not at all, and never readable by others: another process may be making one too.
fn make(path: &Path, identity: &Identity) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        make_private(folder)?;
    }
    let beside = path.with_extension(format!("{}.part", std::process::id()));
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(identity.to_secret_text().as_bytes())?;
    let linked = fs::hard_link(&beside, path);
    let _ = fs::remove_file(&beside);
    linked
}
