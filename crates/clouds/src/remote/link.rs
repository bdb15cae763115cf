//! One conversation with the program on a host, shared by every call to it.
//!
//! *Guarantee.* A call ends: with its answer, with the failure of the conversation, or with its time. A host
//! that says nothing for [`SILENCE`] though it is asked is taken for gone, and everybody who waits is told.
//! Dropping the link ends the process that carries it.
//!
//! On a slow line a frame with data takes longer than that. So every byte that comes is a sign of life, and the host says that it
//! is there while one comes in. What the pipe here takes is none: it takes some mebibytes for a host that is gone.

use super::lanes::{self, Lanes, Queues, is_long};
use super::listening::Listening;
use super::wire::{self, Answer, Ask, Frame, WireError};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// Pause between two signs of life.
const PING_EVERY: Duration = Duration::from_secs(1);

/// How long a host may say nothing: five pings unanswered.
pub(crate) const SILENCE: Duration = Duration::from_secs(5);

/// A tick that comes so much late was kept by this machine, not by the host: it slept, or had no time for us.
const OWN_DELAY: Duration = Duration::from_secs(1);

/// Frames that wait to be written: each may be a piece of a file.
const QUEUE: usize = 16;

/// Calls with data that are on the line at once: at 100 MB/s and 80 ms there are 8 MB on their way.
const DATA_AT_ONCE: usize = 8;

/// Time of a call with data: that of all that are on the line with it, of a mebibyte each, at 0.23 Mbit/s.
const DATA_WITHIN: Duration = Duration::from_secs(300);

/// Who waits for the answer to which question.
type Waiting = HashMap<u64, oneshot::Sender<(Answer, Vec<u8>)>>;

/// A conversation.
#[derive(Debug)]
pub(crate) struct Link {
    frames: Lanes,
    shared: Arc<Shared>,
    /// Places on the line for data.
    data: Semaphore,
    _child: Option<tokio::process::Child>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    next: AtomicU64,
    waiting: Mutex<Waiting>,
    heard: Mutex<Instant>,
    /// Why it is over, once it is.
    over: watch::Sender<Option<String>>,
}

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CallError {
    /// The conversation is over, for this reason.
    Over(String),
    /// The host is there and does not answer this.
    Late(Duration),
    /// The question cannot be asked.
    Unasked(String),
}

impl Link {
    /// Takes a conversation up over the standard streams of `child`, or of whatever carries it.
    pub(crate) fn new(
        input: impl AsyncRead + Send + Unpin + 'static,
        output: impl AsyncWrite + Send + Unpin + 'static,
        child: Option<tokio::process::Child>,
    ) -> Self {
        let (frames, queues) = lanes::lanes(QUEUE);
        let shared = Arc::new(Shared {
            next: AtomicU64::new(0),
            waiting: Mutex::default(),
            heard: Mutex::new(Instant::now()),
            over: watch::channel(None).0,
        });
        let tasks = vec![
            tokio::spawn(write(Arc::clone(&shared), queues, output)),
            tokio::spawn(read(Arc::clone(&shared), input)),
            tokio::spawn(ping(Arc::clone(&shared), frames.clone())),
        ];
        Self { frames, shared, data: Semaphore::new(DATA_AT_ONCE), _child: child, tasks }
    }

    /// Whether and why it is over.
    pub(crate) fn over(&self) -> Option<String> {
        self.shared.over.borrow().clone()
    }

    /// When the host was last heard.
    pub(crate) fn heard(&self) -> Instant {
        *self.shared.heard()
    }

    /// Asks, and waits for the answer for at most `within`; with data longer, and from when they have a place on the line.
    pub(crate) async fn call(
        &self,
        ask: &Ask,
        body: &[u8],
        within: Duration,
    ) -> Result<(Answer, Vec<u8>), CallError> {
        let number = self.shared.next.fetch_add(1, Ordering::Relaxed);
        let frame = wire::encode(number, ask, body).map_err(|error| CallError::Unasked(error.to_string()))?;
        let (answer, answered) = oneshot::channel();
        self.shared.waiting().insert(number, answer);
        // Whoever gives up leaves nothing behind.
        let _forget = Forget { shared: &self.shared, number };
        let mut over = self.shared.over.subscribe();
        let has_data = is_long(&frame) || matches!(ask, Ask::Get { .. } | Ask::Files { .. });
        let within = if has_data { within.max(DATA_WITHIN) } else { within };
        let exchange = async {
            if self.frames.send(frame).await.is_err() {
                return None;
            }
            answered.await.ok()
        };
        let timed = async {
            // Closed never: it lives as long as this link.
            let _place = if has_data { self.data.acquire().await.ok() } else { None };
            timeout(within, exchange).await
        };
        tokio::select! {
            answer = timed => match answer {
                Ok(Some(answer)) => Ok(answer),
                Ok(None) => Err(CallError::Over(self.over().unwrap_or_else(|| "it was closed".to_owned()))),
                Err(_) => Err(CallError::Late(within)),
            },
            why = over.wait_for(Option::is_some) => {
                let why = why.ok().and_then(|why| why.clone());
                Err(CallError::Over(why.unwrap_or_else(|| "it was closed".to_owned())))
            }
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.tasks.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

struct Forget<'a> {
    shared: &'a Shared,
    number: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.shared.waiting().remove(&self.number);
    }
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn heard(&self) -> MutexGuard<'_, Instant> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, why: String) {
        self.over.send_if_modified(|over| {
            let first = over.is_none();
            over.get_or_insert(why);
            first
        });
    }
}

async fn write(shared: Arc<Shared>, mut queues: Queues, mut output: impl AsyncWrite + Unpin) {
    while let Some(frame) = queues.next().await {
        if let Err(error) = wire::write(&mut output, &frame).await {
            return shared.end(format!("it cannot be written to: {error}"));
        }
    }
}

async fn read(shared: Arc<Shared>, input: impl AsyncRead + Unpin) {
    let mut input = Listening { input, heard: |_| *shared.heard() = Instant::now() };
    loop {
        match wire::read::<Answer>(&mut input).await {
            Ok(Some(Frame { number, head, body })) => {
                if let Some(answer) = shared.waiting().remove(&number) {
                    // Somebody who went away meanwhile needs no answer.
                    let _ = answer.send((head, body));
                }
            }
            Ok(None) => return shared.end("the host hung up".to_owned()),
            Err(error @ (WireError::Io(_) | WireError::TooLong(_) | WireError::Malformed(_))) => {
                return shared.end(error.to_string());
            }
        }
    }
}

async fn ping(shared: Arc<Shared>, frames: Lanes) {
    let mut tick = interval(PING_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut due = Instant::now() + PING_EVERY;
    loop {
        tick.tick().await;
        let now = Instant::now();
        if now > due + OWN_DELAY {
            *shared.heard() = now;
        }
        due = now + PING_EVERY;
        let silent = now.duration_since(*shared.heard());
        if silent >= SILENCE {
            return shared.end(format!("the host has said nothing for {} s", silent.as_secs()));
        }
        let number = shared.next.fetch_add(1, Ordering::Relaxed);
        let Ok(frame) = wire::encode(number, &Ask::Ping, &[]) else { return };
        // A queue that is full is silence enough: what fills it is not taken either.
        if frames.offer(frame).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::paced;
    use super::*;
    use tokio::io::{duplex, split};
    use welkin_provider::LeaseId;

    const PATIENT: Duration = Duration::from_secs(3_600);

    /// A host that answers every question but `Free` with a list of nothing.
    async fn host(stream: tokio::io::DuplexStream) {
        let (mut input, mut output) = split(stream);
        while let Ok(Some(frame)) = wire::read::<Ask>(&mut input).await {
            if !matches!(frame.head, Ask::Free) {
                let answer = wire::encode(frame.number, &Answer::Leases(Vec::new()), &frame.body).unwrap();
                wire::write(&mut output, &answer).await.unwrap();
            }
        }
    }

    fn link(stream: tokio::io::DuplexStream) -> Link {
        let (input, output) = split(stream);
        Link::new(input, output, None)
    }

    #[tokio::test(start_paused = true)]
    async fn many_calls_share_a_link_and_each_gets_its_own_answer() {
        let (here, there) = duplex(1 << 10);
        tokio::spawn(host(there));
        let link = link(here);
        let ask = |text: &'static str| {
            let link = &link;
            async move { link.call(&Ask::Owners, text.as_bytes(), PATIENT).await.unwrap().1 }
        };
        let (one, two, three) = tokio::join!(ask("one"), ask("two"), ask("three"));
        assert_eq!([one, two, three], [b"one".to_vec(), b"two".to_vec(), b"three".to_vec()]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_does_not_answer_one_question_is_late_with_it_and_there() {
        let (here, there) = duplex(1 << 10);
        tokio::spawn(host(there));
        let link = link(here);
        let late = link.call(&Ask::Free, &[], Duration::from_secs(60)).await;
        assert_eq!(late.unwrap_err(), CallError::Late(Duration::from_secs(60)));
        assert_eq!(link.over(), None);
        assert!(link.shared.waiting().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_is_silent_is_gone_in_time_and_everybody_is_told() {
        let (here, there) = duplex(1 << 10);
        let link = link(here);
        let began = Instant::now();
        let told = link.call(&Ask::Owners, &[], PATIENT).await.unwrap_err();
        assert!(matches!(told, CallError::Over(_)), "{told:?}");
        assert!(began.elapsed() >= SILENCE && began.elapsed() < SILENCE + 2 * PING_EVERY);
        drop(there);
    }

    /// What a pipe takes says nothing of who is at its other end.
    #[tokio::test(start_paused = true)]
    async fn a_host_that_is_silent_while_data_are_sent_is_gone_in_time() {
        let (here, there) = duplex(2 << 20);
        let link = link(here);
        let began = Instant::now();
        let put = |_| link.call(&Ask::Owners, &[0; wire::PIECE_BYTES], PATIENT);
        for told in futures::future::join_all((0..DATA_AT_ONCE).map(put)).await {
            assert!(matches!(told, Err(CallError::Over(_))), "{told:?}");
        }
        assert!(began.elapsed() >= SILENCE && began.elapsed() < SILENCE + 2 * PING_EVERY);
        drop(there);
    }

    /// A mebibyte at 100 KB/s takes twice as long as silence is borne.
    #[tokio::test(start_paused = true)]
    async fn an_answer_that_comes_slowly_is_no_silence() {
        let (here, there) = paced::line(100_000);
        let (mut input, mut output) = split(there);
        tokio::spawn(async move {
            while let Ok(Some(frame)) = wire::read::<Ask>(&mut input).await {
                let body = if matches!(frame.head, Ask::Get { .. }) { wire::PIECE_BYTES } else { 0 };
                let answer = wire::encode(frame.number, &Answer::Piece { last: true }, &vec![0; body]);
                wire::write(&mut output, &answer.unwrap()).await.unwrap();
            }
        });
        let link = link(here);
        let began = Instant::now();
        let get = || Ask::Get { lease: LeaseId("l".into()), rank: 0, path: "p".into(), offset: 0 };
        let gets = (0..6).map(|_| async { link.call(&get(), &[], Duration::from_secs(30)).await.unwrap().1 });
        for piece in futures::future::join_all(gets).await {
            assert_eq!(piece.len(), wire::PIECE_BYTES);
        }
        assert!(began.elapsed() > Duration::from_secs(60), "{:?}", began.elapsed());
        assert_eq!(link.over(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_hangs_up_is_noticed_at_once() {
        let (here, there) = duplex(1 << 10);
        let link = link(here);
        drop(there);
        let told = link.call(&Ask::Owners, &[], PATIENT).await.unwrap_err();
        assert!(matches!(told, CallError::Over(_)), "{told:?}");
    }
}
