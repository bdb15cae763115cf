//! A login to a machine of a cluster, through the broker.

use super::{Client, ClientError, Result, uri};
use crate::carry::{HOST_KEY, KEY, Over, PROTOCOL, USER, carry_from_client};
use hyper::upgrade::Upgraded;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use welkin_provider::Door;
use welkin_records::RunId;

/// A login that waits for its client of SSH. Dropped, it is over.
#[derive(Debug)]
pub struct Login {
    /// Who is at the other end.
    pub door: Door,
    wire: TokioIo<Upgraded>,
}

impl Login {
    /// Carries bytes until the other side is at its end.
    pub async fn carry(self, input: impl AsyncRead + Unpin, output: impl AsyncWrite + Unpin) -> Over {
        carry_from_client(self.wire, input, output).await
    }
}

impl Client {
    /// Logs in to a node of the cluster that a run holds, for whoever has the private half of `key`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn login(&self, run: &RunId, rank: u32, key: &str) -> Result<Login> {
        let request = Request::post(uri(&format!("/runs/{run}/ssh?rank={rank}")))
            .header("connection", "upgrade")
            .header("upgrade", PROTOCOL)
            .header(KEY, key);
        let answer = self.send_bytes(request, Vec::new()).await?;
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(ClientError::Strange(format!("{} to a login", answer.status())));
        }
        let text = |name: &str| {
            let value = answer.headers().get(name).and_then(|value| value.to_str().ok());
            value.map(str::to_owned).ok_or_else(|| ClientError::Strange(format!("a login without {name}")))
        };
        let door = Door { user: text(USER)?, host_key: text(HOST_KEY)? };
        let upgraded = hyper::upgrade::on(answer).await.map_err(ClientError::Broken)?;
        Ok(Login { door, wire: TokioIo::new(upgraded) })
    }
}
