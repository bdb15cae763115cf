//! The client's side, frame by frame.

use super::frame::{Frame, Kind};
use super::key::Key;
use super::seal::Seal;
use super::wire::Wire;
use crc_fast::{CrcAlgorithm, checksum};
use std::io;
use tokio::io::AsyncWriteExt;

/// Somebody who calls. What it sends is sealed once [`Caller::shake`] went well, and what it hears is opened.
#[derive(Debug)]
pub struct Caller {
    wire: Wire,
    seal: Option<Seal>,
    /// Frames that came and are to be acknowledged.
    taken: u64,
}

impl Caller {
    /// Over a plain connection that has been greeted.
    ///
    /// # Errors
    /// When nothing listens there, or it does not greet.
    pub async fn plain(address: &str) -> io::Result<Self> {
        let mut caller = Self::over(Wire::plain(address).await?);
        match caller.next().await? {
            Some(frame) if frame.kind == Kind::Greet => Ok(caller),
            other => Err(io::Error::other(format!("no greeting: {other:?}"))),
        }
    }

    /// Over whatever connection.
    #[must_use]
    pub fn over(wire: Wire) -> Self {
        Self { wire, seal: None, taken: 0 }
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn send(&mut self, frame: &Frame) -> io::Result<()> {
        let bytes = match &mut self.seal {
            Some(seal) => seal.close(frame).encode(),
            None => frame.encode(),
        };
        self.raw(&bytes).await
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// As [`Caller::send`].
    pub async fn raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        let stream = self.wire.stream();
        stream.write_all(bytes).await?;
        stream.flush().await
    }

    /// The next frame; `None` at the end.
    ///
    /// # Errors
    /// When the connection fails or what comes is no frame.
    pub async fn next(&mut self) -> io::Result<Option<Frame>> {
        let Some(frame) = Frame::read(self.wire.stream()).await? else { return Ok(None) };
        self.taken += u64::from(matches!(frame.kind, Kind::Call | Kind::Reply | Kind::Ping));
        match &mut self.seal {
            Some(seal) => {
                seal.open(&frame).map(Some).ok_or_else(|| io::Error::other("a frame that was not sealed"))
            }
            None => Ok(Some(frame)),
        }
    }

    /// The next frame of a kind, whatever comes before; `None` at the end of the connection.
    pub async fn next_of(&mut self, kind: u8) -> Option<Frame> {
        loop {
            let frame = self.next().await.ok()??;
            if frame.kind == kind {
                return Some(frame);
            }
        }
    }

    /// What the other side says before it closes; empty when it says nothing.
    pub async fn fault(&mut self) -> String {
        self.next_of(Kind::Fault).await.map_or_else(String::new, |frame| frame.text())
    }

    /// Says where the lane goes: addresses and fingerprints of the hops that remain.
    ///
    /// # Errors
    /// As [`Caller::send`].
    pub async fn route(&mut self, hops: &[(&str, Option<&str>)]) -> io::Result<()> {
        let hops: Vec<_> = hops
            .iter()
            .map(|(address, fingerprint)| {
                let fingerprint = fingerprint.map_or("null".to_owned(), |text| format!("{text:?}"));
                format!(r#"{{"address":{address:?},"fingerprint":{fingerprint}}}"#)
            })
            .collect();
        self.send(&Frame::words(Kind::Route, &format!("[{}]", hops.join(",")))).await
    }

    /// The handshake with the far end, as `key`, in these roles.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn shake(&mut self, key: &Key, roles: &[&str]) -> io::Result<()> {
        let seal = Seal::shake(self, key, roles).await?;
        self.seal = Some(seal);
        Ok(())
    }

    /// Says whose lane it is, and waits for the welcome or what comes instead of it.
    ///
    /// # Errors
    /// With what the other side says when it is no welcome.
    pub async fn hello(&mut self, session: &str) -> io::Result<String> {
        self.send(&Frame::words(Kind::Hello, &format!(r#"{{"session":"{session}"}}"#))).await?;
        match self.next().await? {
            Some(frame) if frame.kind == Kind::Welcome => Ok(frame.text()),
            Some(frame) => Err(io::Error::other(frame.text())),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// A plain lane that was welcomed.
    ///
    /// # Errors
    /// When it was not.
    pub async fn welcomed(address: &str, session: &str) -> io::Result<Self> {
        let mut caller = Self::plain(address).await?;
        caller.route(&[]).await?;
        caller.hello(session).await?;
        Ok(caller)
    }

    /// Makes a call and returns the head of its answer, with the first frame of its body before it. Everything that came
    /// is acknowledged.
    ///
    /// # Errors
    /// When the lane ends first.
    pub async fn call(&mut self, id: u64, head: &str, body: &[u8]) -> io::Result<String> {
        self.send(&Frame::message(Kind::Call, id, id, head, body)).await?;
        loop {
            let frame = self.next().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
            match frame.kind {
                Kind::Reply => {
                    self.send(&Frame { id: self.taken, ..Frame::bare(Kind::Ack) }).await?;
                    if frame.id == id && frame.head > 0 {
                        return Ok(frame.text());
                    }
                }
                Kind::Fault => return Err(io::Error::other(frame.text())),
                _ => {}
            }
        }
    }
}

/// The head of a call that lists.
#[must_use]
pub fn list(prefix: &str) -> String {
    format!(r#"{{"list":{{"cursor":0,"prefix":{prefix:?},"after":null}}}}"#)
}

/// The head of a call that looks at an object.
#[must_use]
pub fn find(key: &str) -> String {
    format!(r#"{{"find":{{"key":{key:?}}}}}"#)
}

/// The head of a call that reads the first `length` bytes of an object.
#[must_use]
pub fn read(key: &str, length: u64) -> String {
    format!(r#"{{"read":{{"key":{key:?},"offset":0,"length":{length},"whole":false,"version":null}}}}"#)
}

/// The head of a call that writes an object of one block.
#[must_use]
pub fn put(key: &str, body: &[u8]) -> String {
    let (hash, sum) = (blake3::hash(body), checksum(CrcAlgorithm::Crc64Nvme, body));
    format!(
        r#"{{"put":{{"key":{key:?},"metadata":{{}},"sums":{{"offset":0,"whole":true,"blake3":"{hash}","crc64":{sum}}}}}}}"#
    )
}
