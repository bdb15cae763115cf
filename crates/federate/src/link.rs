//! The coordinator's end of one party's connection: a task that sends what it is told to, and adds up what comes back.
//!
//! A party speaks only when it was spoken to; anything else ends the connection. Answers are added to the sum as they
//! come, so that a party takes a piece of memory and not an answer.

use crate::wire::{self, Kind, WireError};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc::{Sender, UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;
use welkin_boost::federated::{Shape, Total};
use welkin_gateway::Meeting;

/// Something to send, and what has to come back.
#[derive(Debug)]
pub(crate) enum Errand {
    /// Nothing.
    Tell(Vec<u8>),
    /// A message of that kind. The number is the caller's, to know the reply by.
    Call(Vec<u8>, Kind, u64),
    /// Numbers. The question is a message already.
    Ask { question: Arc<Vec<u8>>, number: u64, shape: Arc<Shape>, sum: Arc<Mutex<Total>> },
}

/// What became of it.
#[derive(Debug)]
pub(crate) enum Reply {
    /// The payload of the message that came back, with the number of the call.
    Called(u64, Vec<u8>),
    /// Numbers were added to the sum of this question.
    Answered(u64),
    /// The party cannot take part, and says why.
    Unfit(String),
    /// The connection ended, or what came was not what should come.
    Gone(WireError),
}

/// What all links have in common.
#[derive(Debug)]
pub(crate) struct Meter {
    /// Bytes of all parties, there and back.
    pub(crate) sent: AtomicU64,
    pub(crate) received: AtomicU64,
    /// A link holds one for as long as it has something to send.
    pub(crate) alive: Sender<()>,
}

/// A party's connection, by its number.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) id: u64,
    errands: UnboundedSender<Errand>,
}

impl Link {
    /// Takes a connection over. Whatever happens with it is told with its number.
    pub(crate) fn new<E: Send + 'static>(
        id: u64,
        meeting: Meeting,
        patience: Duration,
        meter: Arc<Meter>,
        events: std::sync::mpsc::Sender<E>,
        event: impl Fn(u64, Reply) -> E + Send + 'static,
    ) -> Self {
        let (errands, queue) = unbounded_channel();
        let alive = meter.alive.clone();
        let mut task = Task { meeting, queue, patience, meter };
        tokio::spawn(async move {
            let _alive = alive;
            while let Some(reply) = task.next().await {
                let over = matches!(reply, Reply::Gone(_) | Reply::Unfit(_));
                // Where nobody listens any more, the training is over.
                if events.send(event(id, reply)).is_err() || over {
                    break;
                }
            }
        });
        Self { id, errands }
    }

    /// Gives the task something to do. If it has ended, it has said so.
    pub(crate) fn run(&self, errand: Errand) {
        let _ = self.errands.send(errand);
    }
}

struct Task {
    meeting: Meeting,
    queue: UnboundedReceiver<Errand>,
    patience: Duration,
    meter: Arc<Meter>,
}

impl Task {
    /// The next thing that is worth telling; nothing when there is no more to do.
    async fn next(&mut self) -> Option<Reply> {
        loop {
            let errand = tokio::select! {
                biased;
                errand = self.queue.recv() => errand?,
                word = self.meeting.input.read_u8() => {
                    let error = match word {
                        Ok(_) => WireError::Nonsense("it spoke without being asked"),
                        Err(error) => WireError::io(error),
                    };
                    return Some(Reply::Gone(error));
                }
            };
            match self.run(errand).await {
                Ok(None) => {}
                Ok(Some(reply)) => return Some(reply),
                Err(error) => return Some(Reply::Gone(error)),
            }
        }
    }

    async fn run(&mut self, errand: Errand) -> Result<Option<Reply>, WireError> {
        match errand {
            Errand::Tell(bytes) => self.send(&bytes).await.map(|()| None),
            Errand::Call(bytes, kind, number) => {
                self.send(&bytes).await?;
                let head = self.head(kind).await?;
                let payload = self
                    .patiently(async |task: &mut Self| wire::payload(&mut task.meeting.input, head).await)
                    .await?;
                self.meter.received.fetch_add(payload.len() as u64, Ordering::Relaxed);
                Ok(Some(if head.kind == kind {
                    Reply::Called(number, payload)
                } else {
                    Reply::Unfit(wire::text(&payload))
                }))
            }
            Errand::Ask { question, number, shape, sum } => {
                self.send(&question).await?;
                let head = self.head(Kind::Answer).await?;
                if head.kind == Kind::Unfit {
                    let payload = self
                        .patiently(async |task: &mut Self| wire::payload(&mut task.meeting.input, head).await)
                        .await?;
                    return Ok(Some(Reply::Unfit(wire::text(&payload))));
                }
                if head.number != number || head.bytes != shape.bytes() {
                    return Err(WireError::Nonsense(
                        "it answers another question, or with too much or too little",
                    ));
                }
                self.add(head, &shape, &sum).await?;
                Ok(Some(Reply::Answered(number)))
            }
        }
    }

    async fn add(&mut self, head: wire::Head, shape: &Shape, sum: &Mutex<Total>) -> Result<(), WireError> {
        let received = head.bytes as u64;
        self.patiently(async |task: &mut Self| {
            let next = |at| shape.piece(at, wire::PIECE);
            wire::pieces(&mut task.meeting.input, head, next, |at, piece| {
                sum.lock().unwrap_or_else(PoisonError::into_inner).add(at, piece);
            })
            .await
        })
        .await?;
        self.meter.received.fetch_add(received, Ordering::Relaxed);
        Ok(())
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        self.meter.sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.patiently(async |task: &mut Self| wire::send(&mut task.meeting.output, bytes).await).await
    }

    /// The head of what comes, which is of that kind, or says that the party cannot take part.
    async fn head(&mut self, kind: Kind) -> Result<wire::Head, WireError> {
        let head = self.patiently(async |task: &mut Self| wire::head(&mut task.meeting.input).await).await?;
        if head.kind == kind || head.kind == Kind::Unfit {
            Ok(head)
        } else {
            Err(WireError::Nonsense("it says something else than what it was asked for"))
        }
    }

    async fn patiently<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Self) -> Result<T, WireError>,
    ) -> Result<T, WireError> {
        let patience = self.patience;
        timeout(patience, work(self)).await.map_err(|_| WireError::Silent(patience.as_secs()))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::message;
    use tokio::io::{AsyncWriteExt, duplex};
    use welkin_gateway::{Identity, Role};

    #[tokio::test]
    async fn a_party_that_announces_words_and_says_none_is_given_up() {
        let (own, mut peer) = duplex(1 << 16);
        let (input, output) = tokio::io::split(own);
        let peer_name = Identity::generate().unwrap().fingerprint();
        let (input, output) = (Box::new(input), Box::new(output));
        let meeting = Meeting { input, output, peer: peer_name, role: Role::Party };
        let (alive, _ended) = tokio::sync::mpsc::channel(1);
        let meter = Arc::new(Meter { sent: AtomicU64::new(0), received: AtomicU64::new(0), alive });
        let (events, inbox) = std::sync::mpsc::channel();
        let link = Link::new(1, meeting, Duration::from_millis(50), meter, events, |_, reply| reply);
        let shape = Arc::new(Shape::of(8, 1));
        let sum = Arc::new(Mutex::new(Total::new(&shape)));
        link.run(Errand::Ask { question: Arc::new(message(Kind::Ask, 1, &[1])), number: 1, shape, sum });
        let words = message(Kind::Unfit, 0, b"why");
        peer.write_all(&words[..words.len() - 1]).await.unwrap();
        let reply = tokio::task::spawn_blocking(move || inbox.recv().unwrap()).await.unwrap();
        assert!(matches!(reply, Reply::Gone(WireError::Silent(_))), "{reply:?}");
    }
}
