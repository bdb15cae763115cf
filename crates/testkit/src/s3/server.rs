//! The server: threads, sockets, and the handle that a test holds.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use bytes::Bytes;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

use super::checksum::Sums;
use super::content::{Content, RopeBuilder};
use super::counters::{Counters, Counts};
use super::fault::{Rule, RuleId, Schedule};
use super::gate::{Connection, Gate};
use super::object::{Attributes, ObjectSnapshot, OpenUpload};
use super::options::S3Options;
use super::service::Service;
use super::store::{Condition, Store};
use super::wire::{Wire, WireControl};

/// A running S3 server. Dropping it closes all connections and waits until its threads are gone.
pub struct S3Server {
    address: SocketAddr,
    credentials: Option<(String, String)>,
    gate: Gate,
    stop: Option<oneshot::Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

impl S3Server {
    /// Listens and serves. Fails where the port is taken or no thread can be had.
    pub fn start(options: S3Options) -> io::Result<Self> {
        let listener = TcpListener::bind((options.ip, options.port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let gate = gate(&options);
        let mut threads = Vec::with_capacity(options.threads);
        let mut workers = Vec::new();
        for _ in 1..options.threads {
            let (sender, receiver) = mpsc::unbounded_channel();
            workers.push(sender);
            let gate = gate.clone();
            threads.push(spawn(async move || work(receiver, gate).await)?);
        }
        let (stop, stopped) = oneshot::channel();
        let own = gate.clone();
        threads.push(spawn(async move || {
            tokio::select! {
                _ = stopped => {}
                () = accept(listener, workers, own) => {}
            }
        })?);
        Ok(Self { address, credentials: options.credentials, gate, stop: Some(stop), threads })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The endpoint that clients take, without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Access key and secret key, where signatures are verified.
    pub fn credentials(&self) -> Option<(&str, &str)> {
        self.credentials.as_ref().map(|(access, secret)| (access.as_str(), secret.as_str()))
    }

    /// What it did so far.
    pub fn counts(&self) -> Counts {
        self.gate.counters.counts()
    }

    /// Lets something go wrong from now on.
    pub fn inject(&self, rule: Rule) -> RuleId {
        self.gate.schedule.add(rule)
    }

    /// Ends a rule; how often it struck.
    pub fn heal(&self, id: RuleId) -> u64 {
        self.gate.schedule.remove(id)
    }

    /// Ends all rules.
    pub fn heal_all(&self) {
        self.gate.schedule.clear();
    }

    /// How often a rule struck so far.
    pub fn struck(&self, id: RuleId) -> u64 {
        self.gate.schedule.struck(id)
    }

    /// The objects of a bucket in the order of their keys; none for a synthetic one. Hashes all bytes.
    pub fn objects(&self, bucket: &str) -> Vec<ObjectSnapshot> {
        let state = self.gate.store.lock();
        let Some(bucket) = state.buckets.get(bucket) else { return Vec::new() };
        let objects: Vec<_> =
            bucket.objects().map(|(key, object)| (key.clone(), Arc::clone(object))).collect();
        drop(state);
        objects.iter().map(|(key, object)| ObjectSnapshot::of(key, object)).collect()
    }

    /// The bytes of an object; `None` where it or its bytes are not there.
    pub fn bytes(&self, bucket: &str, key: &str) -> Option<Bytes> {
        self.gate.store.object(bucket, key).ok()?.content.gathered()
    }

    /// Puts an object without a request; `false` where the bucket is missing or read-only.
    pub fn put(&self, bucket: &str, key: &str, bytes: impl Into<Bytes>, attributes: Attributes) -> bool {
        let mut rope = RopeBuilder::default();
        rope.push(bytes.into());
        let held = Content::Held(rope.finish());
        let sums = Sums::of(&held);
        let Ok(keep) = self.gate.store.accepts(bucket, key) else { return false };
        let content = if keep { held } else { Content::Dropped(held.len()) };
        self.gate.store.put((bucket, key), (content, sums), attributes, &Condition::default()).is_ok()
    }

    /// Deletes an object without a request.
    pub fn delete(&self, bucket: &str, key: &str) -> bool {
        self.gate.store.delete(bucket, key).is_ok()
    }

    /// Puts other content of the same size, with another ETag; `false` where there is no such object.
    pub fn replace(&self, bucket: &str, key: &str) -> bool {
        self.gate.store.replace(bucket, key)
    }

    /// Turns one bit of a stored object over; checksums and ETag stay. `false` where there is none.
    pub fn flip_stored(&self, bucket: &str, key: &str, bit: u64) -> bool {
        self.gate.store.flip(bucket, key, bit)
    }

    /// Uploads that were neither completed nor aborted.
    pub fn open_uploads(&self) -> Vec<OpenUpload> {
        self.gate.store.lock().uploads.iter().map(|(id, upload)| upload.open(id)).collect()
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        // The listening thread drops the other threads' channels when it ends, and they end too.
        drop(self.stop.take());
        for thread in self.threads.drain(..).rev() {
            let panicked = thread.join().is_err();
            assert!(!panicked || std::thread::panicking(), "a thread of the S3 server panicked");
        }
    }
}

fn gate(options: &S3Options) -> Gate {
    let counters = Arc::new(Counters::default());
    let store = Arc::new(Store::new(&options.buckets, Arc::clone(&counters)));
    let mut builder = S3ServiceBuilder::new(Service { store: Arc::clone(&store) });
    if let Some((access, secret)) = &options.credentials {
        builder.set_auth(SimpleAuth::from_single(access.as_str(), secret.as_str()));
    }
    let schedule = Arc::new(Schedule::default());
    options.rules.iter().for_each(|rule| {
        schedule.add(rule.clone());
    });
    Gate { s3: builder.build(), verifies: options.credentials.is_some(), store, schedule, counters }
}

/// A thread with a runtime of its own, which ends with the future and drops all tasks.
fn spawn<F>(work: impl FnOnce() -> F + Send + 'static) -> io::Result<JoinHandle<()>>
where
    F: Future<Output = ()>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let name = "s3-server".to_owned();
    std::thread::Builder::new().name(name).spawn(move || runtime.block_on(work()))
}

async fn accept(listener: TcpListener, workers: Vec<mpsc::UnboundedSender<std::net::TcpStream>>, gate: Gate) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let mut turn = 0;
    loop {
        // Out of descriptors, or a client that gave up: the next one may fare better.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        gate.counters.connection();
        turn = (turn + 1) % (workers.len() + 1);
        match workers.get(turn) {
            None => serve(stream, gate.clone()),
            Some(worker) => {
                let Ok(stream) = stream.into_std() else { continue };
                // A worker that is gone means that the server ends.
                let _ = worker.send(stream);
            }
        }
    }
}

async fn work(mut connections: mpsc::UnboundedReceiver<std::net::TcpStream>, gate: Gate) {
    while let Some(stream) = connections.recv().await {
        if let Ok(stream) = TcpStream::from_std(stream) {
            serve(stream, gate.clone());
        }
    }
}

/// Largest read of a body: fewer system calls than hyper's default of 400 KiB, and still a few pieces
/// per part.
const MAX_READ_BYTES: usize = 1 << 20;

fn serve(stream: TcpStream, gate: Gate) {
    // A test's answers are small and awaited; without it the kernel holds them back.
    let _ = stream.set_nodelay(true);
    let control = Arc::new(WireControl::default());
    let wire = Wire::new(stream, Arc::clone(&gate.counters), Arc::clone(&control));
    let connection = Connection { gate, control };
    tokio::spawn(async move {
        let mut http = http1::Builder::new();
        http.max_buf_size(MAX_READ_BYTES);
        // A connection that breaks off is the client's doing, or a fault's.
        let _ = http.serve_connection(TokioIo::new(wire), connection).await;
    });
}
