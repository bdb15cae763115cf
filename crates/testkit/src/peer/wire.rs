//! A connection to or from a peer.

use super::key::Key;
use rustls::pki_types::ServerName;
use std::fmt;
use std::io;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Any stream of bytes.
trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// See the head of the module.
pub struct Wire(Box<dyn Duplex>);

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire(..)")
    }
}

impl Wire {
    /// To an address, unencrypted.
    ///
    /// # Errors
    /// When nothing listens there.
    pub async fn plain(address: &str) -> io::Result<Self> {
        let tcp = TcpStream::connect(address).await?;
        tcp.set_nodelay(true)?;
        Ok(Self(Box::new(tcp)))
    }

    /// To an address, by TLS, as `key`, offering these roles and taking any certificate.
    ///
    /// # Errors
    /// When nothing listens there, or the handshake is refused.
    pub async fn secret(address: &str, key: &Key, roles: &[&str]) -> io::Result<Self> {
        let tcp = TcpStream::connect(address).await?;
        tcp.set_nodelay(true)?;
        let name = ServerName::try_from("welkin").map_err(io::Error::other)?;
        let tls = TlsConnector::from(key.calling(roles)).connect(name, tcp).await?;
        Ok(Self(Box::new(tls)))
    }

    /// From somebody who connected, unencrypted, or by TLS as `key` in these roles.
    ///
    /// # Errors
    /// When the handshake fails.
    pub async fn accepted(tcp: TcpStream, secret: Option<(&Key, &[&str])>) -> io::Result<Self> {
        tcp.set_nodelay(true)?;
        let Some((key, roles)) = secret else { return Ok(Self(Box::new(tcp))) };
        Ok(Self(Box::new(TlsAcceptor::from(key.called(roles)).accept(tcp).await?)))
    }

    pub(super) fn stream(&mut self) -> &mut (impl AsyncRead + AsyncWrite + Unpin + Send + use<>) {
        &mut self.0
    }
}
