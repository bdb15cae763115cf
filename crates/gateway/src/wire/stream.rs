//! The bytes under a lane: TCP, TLS over TCP, or the pipes of a child process.
//!
//! Whoever is called speaks first: by its handshake, or with a [`Kind::Greet`] where there is none. So a relay that is
//! sent to a service of another kind writes nothing to it.

use crate::error::LaneError;
use crate::trust::certificates;
use crate::trust::identity::{Fingerprint, Identity};
use crate::trust::role::Role;
use crate::wire::batch::send;
use crate::wire::frame::{FrameError, HEADER_BYTES, Header, Kind};
use crate::wire::route::Hop;
use crate::wire::socket::SocketOptions;
use rustls::server::Acceptor;
use rustls::{CommonState, ServerConfig};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, BufReader, split};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor, TlsConnector};

/// Time to reach a hop and to shake hands with it: three losses of the first packet.
pub(crate) const REACH_TIME: Duration = Duration::from_secs(10);

/// What TLS reads at once. It takes records of 16 KiB one by one, each a call into the kernel if nothing is ahead. More
/// is little faster, and every lane of every client has it.
const TLS_AHEAD_BYTES: usize = 64 << 10;

/// What TLS encrypts before it writes: records of 16 KiB leave by the dozen.
const TLS_WRITE_BYTES: usize = 1 << 20;

/// Where bytes come from.
pub(crate) type Input = Box<dyn AsyncRead + Send + Unpin>;
/// Where bytes go to.
pub(crate) type Output = Box<dyn AsyncWrite + Send + Unpin>;

/// Both directions, and who is at the other end as far as the stream itself can tell.
pub(crate) struct Stream {
    pub(crate) input: Input,
    pub(crate) output: Output,
    pub(crate) peer: Option<(Fingerprint, Role)>,
    /// The process behind a pair of pipes; it ends when this is dropped.
    pub(crate) child: Option<Child>,
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

    fn secret(tls: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, peer: (Fingerprint, Role)) -> Self {
        let (input, output) = split(tls);
        Self { input: Box::new(input), output: Box::new(output), peer: Some(peer), child: None }
    }
}

/// Calls a hop.
pub(crate) async fn reach(
    hop: &Hop,
    identity: Option<&Identity>,
    role: Role,
    options: &SocketOptions,
) -> Result<Stream, LaneError> {
    let found = tokio::net::lookup_host(&hop.address).await;
    let failed = |source| LaneError::Reach { address: hop.address.clone(), source };
    let found: Vec<SocketAddr> = found.map_err(failed)?.collect();
    reach_any(hop, &found, identity, role, options).await
}

/// Calls a hop at one of these addresses.
pub(crate) async fn reach_any(
    hop: &Hop,
    found: &[SocketAddr],
    identity: Option<&Identity>,
    role: Role,
    options: &SocketOptions,
) -> Result<Stream, LaneError> {
    let failed = |source| LaneError::Reach { address: hop.address.clone(), source };
    let slow = || failed(io::ErrorKind::TimedOut.into());
    let connect = async {
        let tcp = TcpStream::connect(found).await?;
        options.apply(&tcp)?;
        Ok(tcp)
    };
    let tcp = timeout(REACH_TIME, connect).await.map_err(|_| slow())?.map_err(failed)?;
    let Some(identity) = identity else {
        let mut stream = Stream::plain(tcp);
        greeted(&mut stream.input).await?;
        return Ok(stream);
    };
    let Some(far) = hop.fingerprint else {
        return Err(LaneError::Refused(format!("no fingerprint is given for {}", hop.address)));
    };
    let connector = TlsConnector::from(certificates::client(identity, far, role)?);
    let tcp = BufReader::with_capacity(TLS_AHEAD_BYTES, tcp);
    let tls = timeout(REACH_TIME, connector.connect(certificates::name(), tcp)).await.map_err(|_| slow())?;
    let mut tls = tls.map_err(LaneError::io)?;
    tls.get_mut().1.set_buffer_limit(Some(TLS_WRITE_BYTES));
    role.require(tls.get_ref().1)?;
    Ok(Stream::secret(tls, (far, role)))
}

/// Takes a call. The second is what is wrong with a caller whose handshake was right.
pub(crate) async fn accept(
    tcp: TcpStream,
    config: Option<Arc<ServerConfig>>,
    options: &SocketOptions,
) -> Result<(Stream, Option<LaneError>), LaneError> {
    options.apply(&tcp).map_err(LaneError::Io)?;
    let Some(config) = config else {
        let mut stream = Stream::plain(tcp);
        send(&mut stream.output, Kind::Greet, &[]).await?;
        return Ok((stream, None));
    };
    let tcp = BufReader::with_capacity(TLS_AHEAD_BYTES, tcp);
    accepted(TlsAcceptor::from(config).accept(tcp).await)
}

/// Takes a call by the configuration for the roles that the caller offers.
pub(crate) async fn accept_by(
    tcp: TcpStream,
    options: &SocketOptions,
    choose: impl FnOnce(&mut dyn Iterator<Item = &[u8]>) -> Arc<ServerConfig>,
) -> Result<(Stream, Option<LaneError>), LaneError> {
    options.apply(&tcp).map_err(LaneError::Io)?;
    let tcp = BufReader::with_capacity(TLS_AHEAD_BYTES, tcp);
    let start = LazyConfigAcceptor::new(Acceptor::default(), tcp).await.map_err(LaneError::io)?;
    let config = match start.client_hello().alpn() {
        Some(mut roles) => choose(&mut roles),
        None => choose(&mut std::iter::empty()),
    };
    accepted(start.into_stream(config).await)
}

fn accepted(
    tls: io::Result<TlsStream<BufReader<TcpStream>>>,
) -> Result<(Stream, Option<LaneError>), LaneError> {
    let mut tls = tls.map_err(LaneError::io)?;
    tls.get_mut().1.set_buffer_limit(Some(TLS_WRITE_BYTES));
    let (peer, role) = (peer(tls.get_ref().1)?, Role::agreed(tls.get_ref().1));
    match role {
        Ok(role) => Ok((Stream::secret(tls, (peer, role)), None)),
        Err(error) => Ok((Stream::secret(tls, (peer, Role::Client)), Some(error))),
    }
}

/// Waits for the first word of whoever was called. Nothing is read beyond it.
async fn greeted(input: &mut Input) -> Result<(), LaneError> {
    let mut bytes = [0; HEADER_BYTES];
    let greeting = timeout(REACH_TIME, input.read_exact(&mut bytes)).await;
    greeting.map_err(|_| LaneError::Silent(REACH_TIME.as_secs()))?.map_err(|_| LaneError::Cut)?;
    let header = Header::decode(&bytes)?;
    match header.kind {
        Kind::Greet if header.payload == 0 => Ok(()),
        _ => Err(FrameError::Malformed("a connection begins with a greeting").into()),
    }
}

/// Starts a program that speaks the protocol on its standard input and output.
pub(crate) async fn spawn(argv: &[String], words: &Words) -> Result<Stream, LaneError> {
    let failed = |source| LaneError::Reach { address: argv.join(" "), source };
    let (program, arguments) =
        argv.split_first().ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let pipes = (child.stdout.take(), child.stdin.take(), child.stderr.take());
    let (Some(input), Some(output), Some(warnings)) = pipes else {
        return Err(failed(io::ErrorKind::BrokenPipe.into()));
    };
    tokio::spawn(pass_on(warnings, words.clone()));
    let mut input: Input = Box::new(input);
    greeted(&mut input).await?;
    Ok(Stream { input, output: Box::new(output), peer: None, child: Some(child) })
}

/// Longest line of a program's warnings that is passed on.
const MAX_WARNING_BYTES: u64 = 4096;

/// Passes a program's warnings on, line by line, until it closes them.
async fn pass_on(warnings: ChildStderr, words: Words) {
    let mut warnings = BufReader::new(warnings);
    loop {
        let mut line = Vec::new();
        match (&mut warnings).take(MAX_WARNING_BYTES).read_until(b'\n', &mut line).await {
            Ok(1..) => words.say(String::from_utf8_lossy(&line).trim_end()),
            _ => return,
        }
    }
}

/// Where a program's warnings go, which are the words of others, and what keeps a path from carrying. The default drops
/// both.
#[derive(Clone, Default)]
pub struct Words(Option<Arc<Tell>>);

type Tell = dyn Fn(&str) + Send + Sync;

impl Words {
    /// To this function, line by line.
    pub fn to(tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(tell)))
    }

    pub(crate) fn say(&self, line: &str) {
        if let Some(tell) = self.0.as_ref().filter(|_| !line.is_empty()) {
            tell(line);
        }
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Words(..)" } else { "Words(none)" })
    }
}

/// Who is at the other end of a session.
pub(crate) fn peer(session: &CommonState) -> Result<Fingerprint, LaneError> {
    let certificate = session.peer_certificates().and_then(<[_]>::first);
    certificate.map(Fingerprint::of).ok_or_else(|| LaneError::Refused("no certificate was shown".to_owned()))
}
