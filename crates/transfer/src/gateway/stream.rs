//! The bytes under a lane: TCP, TLS over TCP, or the pipes of a child process.

use super::error::LaneError;
use super::identity::{Fingerprint, Identity};
use super::route::Hop;
use super::socket::SocketOptions;
use super::trust;
use rustls::{CommonState, ServerConfig};
use std::fmt;
use std::io;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, BufReader, split};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Time to reach a hop and to shake hands with it: three losses of the first packet.
pub(super) const REACH_TIME: Duration = Duration::from_secs(10);

/// What TLS reads at once. It takes records of 16 KiB one by one, each a call into the kernel if nothing is ahead.
const TLS_AHEAD_BYTES: usize = 256 << 10;

/// What TLS encrypts before it writes: records of 16 KiB leave by the dozen.
const TLS_WRITE_BYTES: usize = 1 << 20;

/// Where bytes come from.
pub(super) type Input = Box<dyn AsyncRead + Send + Unpin>;
/// Where bytes go to.
pub(super) type Output = Box<dyn AsyncWrite + Send + Unpin>;

/// Both directions, and who is at the other end as far as the stream itself can tell.
pub(super) struct Stream {
    pub(super) input: Input,
    pub(super) output: Output,
    pub(super) peer: Option<Fingerprint>,
    /// The process behind a pair of pipes; it ends when this is dropped.
    pub(super) child: Option<Child>,
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl Stream {
    fn plain(tcp: TcpStream) -> Self {
        let (input, output) = tcp.into_split();
        Self { input: Box::new(input), output: Box::new(output), peer: None, child: None }
    }

    fn secret(tls: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, peer: Fingerprint) -> Self {
        let (input, output) = split(tls);
        Self { input: Box::new(input), output: Box::new(output), peer: Some(peer), child: None }
    }
}

/// Calls a hop.
pub(super) async fn reach(
    hop: &Hop,
    identity: Option<&Identity>,
    options: &SocketOptions,
) -> Result<Stream, LaneError> {
    let failed = |source| LaneError::Reach { address: hop.address.clone(), source };
    let slow = || failed(io::ErrorKind::TimedOut.into());
    let connect = async {
        let tcp = TcpStream::connect(&hop.address).await?;
        options.apply(&tcp)?;
        Ok(tcp)
    };
    let tcp = timeout(REACH_TIME, connect).await.map_err(|_| slow())?.map_err(failed)?;
    let Some(identity) = identity else { return Ok(Stream::plain(tcp)) };
    let Some(far) = hop.fingerprint else {
        return Err(LaneError::Refused(format!("no fingerprint is given for {}", hop.address)));
    };
    let connector = TlsConnector::from(trust::client(identity, far)?);
    let tcp = BufReader::with_capacity(TLS_AHEAD_BYTES, tcp);
    let tls = timeout(REACH_TIME, connector.connect(trust::name(), tcp)).await.map_err(|_| slow())?;
    let mut tls = tls.map_err(LaneError::io)?;
    tls.get_mut().1.set_buffer_limit(Some(TLS_WRITE_BYTES));
    Ok(Stream::secret(tls, far))
}

/// Takes a call.
pub(super) async fn accept(
    tcp: TcpStream,
    config: Option<Arc<ServerConfig>>,
    options: &SocketOptions,
) -> Result<Stream, LaneError> {
    options.apply(&tcp).map_err(LaneError::Io)?;
    let Some(config) = config else { return Ok(Stream::plain(tcp)) };
    let tcp = BufReader::with_capacity(TLS_AHEAD_BYTES, tcp);
    let shaken = timeout(REACH_TIME, TlsAcceptor::from(config).accept(tcp)).await;
    let mut tls =
        shaken.map_err(|_| LaneError::Io(io::ErrorKind::TimedOut.into()))?.map_err(LaneError::io)?;
    tls.get_mut().1.set_buffer_limit(Some(TLS_WRITE_BYTES));
    let peer = peer(tls.get_ref().1)?;
    Ok(Stream::secret(tls, peer))
}

/// Starts a program that speaks the protocol on its standard input and output.
pub(super) fn spawn(argv: &[String]) -> Result<Stream, LaneError> {
    let failed = |source| LaneError::Reach { address: argv.join(" "), source };
    let (program, arguments) =
        argv.split_first().ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let (Some(input), Some(output)) = (child.stdout.take(), child.stdin.take()) else {
        return Err(failed(io::ErrorKind::BrokenPipe.into()));
    };
    Ok(Stream { input: Box::new(input), output: Box::new(output), peer: None, child: Some(child) })
}

/// Who is at the other end of a session.
pub(super) fn peer(session: &CommonState) -> Result<Fingerprint, LaneError> {
    let certificate = session.peer_certificates().and_then(<[_]>::first);
    certificate.map(Fingerprint::of).ok_or_else(|| LaneError::Refused("no certificate was shown".to_owned()))
}
