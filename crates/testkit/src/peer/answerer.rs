//! A gateway that says whatever a test lets it say.

use super::frame::{Frame, Kind};
use super::key::Key;
use super::wire::Wire;
use std::io;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// What is said to one call.
#[derive(Debug, Clone)]
pub enum Answer {
    /// A message with this head and body.
    Message(String, Vec<u8>),
    /// These frames, as they are; their numbers are set to the call's.
    Frames(Vec<Frame>),
    /// Nothing, for ever.
    Silence,
    /// The lane is closed.
    Close,
}

type Reply = dyn Fn(&str, &[u8]) -> Answer + Send + Sync;

/// See the head of the module. It ends with this value.
#[derive(Debug)]
pub struct Answerer {
    /// `HOST:PORT`.
    pub address: String,
    task: JoinHandle<()>,
}

impl Answerer {
    /// A plain one that welcomes everybody with `welcome` and answers calls, whose heads and bodies it is given, by
    /// `reply`. Calls in several pieces are answered when their head comes.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn plain(
        welcome: &str,
        reply: impl Fn(&str, &[u8]) -> Answer + Send + Sync + 'static,
    ) -> io::Result<Self> {
        Self::start(None, welcome.to_owned(), Arc::new(reply)).await
    }

    /// The same by TLS, as `key`, in these roles.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn secret(
        key: Key,
        roles: &'static [&'static str],
        welcome: &str,
        reply: impl Fn(&str, &[u8]) -> Answer + Send + Sync + 'static,
    ) -> io::Result<Self> {
        Self::start(Some((Arc::new(key), roles)), welcome.to_owned(), Arc::new(reply)).await
    }

    async fn start(
        secret: Option<(Arc<Key>, &'static [&'static str])>,
        welcome: String,
        reply: Arc<Reply>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let task = tokio::spawn(async move {
            let mut lanes = JoinSet::new();
            while let Ok((tcp, _)) = listener.accept().await {
                let (secret, welcome, reply) = (secret.clone(), welcome.clone(), Arc::clone(&reply));
                lanes.spawn(async move {
                    // A lane that the other side closes is over, whatever it was about.
                    let _ = lane(tcp, secret, &welcome, &*reply).await;
                });
            }
        });
        Ok(Self { address, task })
    }
}

impl Drop for Answerer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn lane(
    tcp: TcpStream,
    secret: Option<(Arc<Key>, &'static [&'static str])>,
    welcome: &str,
    reply: &Reply,
) -> io::Result<()> {
    let mut wire = Wire::accepted(tcp, secret.as_ref().map(|(key, roles)| (&**key, *roles))).await?;
    let stream = wire.stream();
    if secret.is_none() {
        stream.write_all(&Frame::bare(Kind::Greet).encode()).await?;
    }
    let mut taken = 0;
    while let Some(frame) = Frame::read(stream).await? {
        let mut out = Vec::new();
        match frame.kind {
            Kind::Hello => out.extend(Frame::words(Kind::Welcome, welcome).encode()),
            Kind::Call | Kind::Ping => {
                taken += 1;
                out.extend(Frame { id: taken, ..Frame::bare(Kind::Ack) }.encode());
            }
            _ => {}
        }
        if frame.kind == Kind::Call && frame.head > 0 {
            let body = &frame.payload[..frame.payload.len() - usize::from(frame.head)];
            match reply(&frame.head_text(), body) {
                Answer::Message(head, body) => {
                    out.extend(Frame::message(Kind::Reply, frame.id, 0, &head, &body).encode());
                }
                Answer::Frames(frames) => {
                    out.extend(frames.into_iter().flat_map(|said| Frame { id: frame.id, ..said }.encode()));
                }
                Answer::Silence => {}
                Answer::Close => return Ok(()),
            }
        }
        stream.write_all(&out).await?;
        stream.flush().await?;
    }
    Ok(())
}
