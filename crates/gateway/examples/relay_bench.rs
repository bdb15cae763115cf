//! What a gateway moves for each second of processor time.
//!
//! `cargo run --release -p welkin-transfer --example relay_bench [GIB]`
//!
//! Each side of a measurement has a thread and a runtime of its own; a row counts the processor time of the thread
//! that is measured (`/proc/thread-self/schedstat`), so the ends do not weigh on the relay. The bare relay copies
//! between two sockets with a buffer of a megabyte and looks at nothing: what is left to be had.

#![expect(clippy::print_stdout, reason = "the output of a measurement")]
#![expect(clippy::unwrap_used, reason = "a measurement that cannot be set up has nothing to go on with")]

mod void;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use void::{Void, block};
use welkin_gateway::{
    Agent, AgentOptions, Compression, Hop, Identity, PathOptions, Rights, Roster, ServeOptions, Trust, serve,
};
use welkin_store::block::Block;
use welkin_store::{Endpoint, Metadata};

const MIB: usize = 1 << 20;

/// What relays may reach.
const HERE: &str = "127.0.0.1:*";
const SMALL: usize = 64 << 10;
const SMALL_COUNT: usize = 10_000;
const LANES: usize = 4;

/// Processor time of this thread in seconds.
fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

/// A service on a thread of its own, whose processor time is counted.
struct Counted {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    thread: JoinHandle<f64>,
}

impl Counted {
    fn start<F: Future<Output = ()> + 'static>(
        service: impl FnOnce(TcpListener) -> F + Send + 'static,
    ) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (tell, told) = std::sync::mpsc::channel();
        let ending = Arc::clone(&over);
        let thread = std::thread::spawn(move || {
            runtime().block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                let mut tick = tokio::time::interval(std::time::Duration::from_millis(5));
                let ended = async {
                    while !ending.load(Ordering::Relaxed) {
                        tick.tick().await;
                    }
                };
                tokio::select! { () = service(listener) => {}, () = ended => {} }
            });
            processor_seconds()
        });
        Self { address: told.recv().unwrap(), over, thread }
    }

    fn gateway(options: ServeOptions) -> Self {
        Self::start(move |listener| async move { serve(listener, options).await.unwrap() })
    }

    fn end(self) -> f64 {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Copies between two sockets, both ways, and looks at nothing.
async fn bare(listener: TcpListener, next: SocketAddr) {
    let mut tasks = Vec::new();
    loop {
        let (near, _) = listener.accept().await.unwrap();
        let far = TcpStream::connect(next).await.unwrap();
        let (near, far) = (near.into_split(), far.into_split());
        tasks.push(tokio::spawn(copy(near.0, far.1)));
        tasks.push(tokio::spawn(copy(far.0, near.1)));
    }
}

async fn copy(mut from: tokio::net::tcp::OwnedReadHalf, mut to: tokio::net::tcp::OwnedWriteHalf) {
    let mut memory = vec![0; MIB];
    while let Ok(count @ 1..) = from.read(&mut memory).await {
        if to.write_all(&memory[..count]).await.is_err() {
            return;
        }
    }
}

/// Sends `count` objects and returns processor time of the client and wall time.
fn send(options: AgentOptions, block: &Arc<Block>, count: usize, at_once: usize) -> (f64, f64) {
    std::thread::scope(|scope| {
        let client = scope.spawn(|| {
            runtime().block_on(async {
                let agent = Agent::connect(options).await.unwrap();
                let metadata = Metadata::default();
                let (before, start) = (processor_seconds(), Instant::now());
                let senders = (0..at_once).map(|first| {
                    let (agent, metadata) = (&agent, &metadata);
                    async move {
                        for number in (first..count).step_by(at_once) {
                            agent.put(&format!("folder/object-{number:06}"), metadata, block).await.unwrap();
                        }
                    }
                });
                futures::future::join_all(senders).await;
                (processor_seconds() - before, start.elapsed().as_secs_f64())
            })
        });
        client.join().unwrap()
    })
}

struct Keys {
    client: Arc<Identity>,
    relay: Arc<Identity>,
    gateway: Arc<Identity>,
}

impl Keys {
    fn new() -> Self {
        let new = || Arc::new(Identity::generate().unwrap());
        Self { client: new(), relay: new(), gateway: new() }
    }

    fn relay(&self) -> ServeOptions {
        let roster = Roster::new([(self.client.fingerprint(), Rights::all())], []).unwrap();
        let trust = Trust { identity: Arc::clone(&self.relay), roster };
        ServeOptions { trust: Some(trust), ..ServeOptions::plain_relay(&[HERE]) }
    }

    fn gateway(&self) -> ServeOptions {
        let clients = [(self.client.fingerprint(), Rights::all())];
        let roster = Roster::new(clients, [self.relay.fingerprint()]).unwrap();
        let trust = Trust { identity: Arc::clone(&self.gateway), roster };
        ServeOptions { trust: Some(trust), ..ServeOptions::plain(Arc::new(Void)) }
    }
}

struct Row {
    what: &'static str,
    moved: f64,
    unit: &'static str,
    relay: Option<f64>,
    client: f64,
    gateway: f64,
    wall: f64,
}

impl Row {
    fn print(&self) {
        let each = |seconds: f64| format!("{:>8.2}", self.moved / seconds);
        let relay = self.relay.map_or_else(|| format!("{:>8}", "-"), each);
        println!(
            "{:<34} {:>6} {relay} {} {} {}",
            self.what,
            self.unit,
            each(self.client),
            each(self.gateway),
            each(self.wall)
        );
    }
}

fn through(what: &'static str, relay: Counted, gateway: Counted, options: AgentOptions, gib: usize) -> Row {
    let block = block(&vec![7; MIB]);
    let (client, wall) = send(options, &block, gib * 1024, 32);
    let moved = (gib << 30) as f64 / 1e9;
    Row { what, moved, unit: "GB", relay: Some(relay.end()), client, gateway: gateway.end(), wall }
}

fn plain(hops: Vec<Hop>) -> AgentOptions {
    let options = AgentOptions::plain(vec![PathOptions::over(hops).lanes(LANES)]);
    AgentOptions { compression: Compression::Off, ..options }
}

fn secret(keys: &Keys, hops: Vec<Hop>) -> AgentOptions {
    let options = AgentOptions::secret(Arc::clone(&keys.client), vec![PathOptions::over(hops).lanes(LANES)]);
    AgentOptions { compression: Compression::Off, ..options }
}

fn main() {
    let gib = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(4);
    let hop = |counted: &Counted| Hop::plain(counted.address.to_string());
    println!("{:<34} {:>6} {:>26} {:>8}", "", "", "for each processor second", "for each");
    println!("{:<34} {:>6} {:>8} {:>8} {:>8} {:>8}", "moved", "in", "relay", "client", "gateway", "second");

    let gateway = Counted::gateway(ServeOptions::plain(Arc::new(Void)));
    let next = gateway.address;
    let relay = Counted::start(move |listener| bare(listener, next));
    let options = plain(vec![hop(&relay)]);
    through("bare copying relay", relay, gateway, options, gib).print();

    let gateway = Counted::gateway(ServeOptions::plain(Arc::new(Void)));
    let relay = Counted::gateway(ServeOptions::plain_relay(&[HERE]));
    let options = plain(vec![hop(&relay), hop(&gateway)]);
    through("relay", relay, gateway, options, gib).print();

    let keys = Keys::new();
    let gateway = Counted::gateway(keys.gateway());
    let relay = Counted::gateway(keys.relay());
    let pinned =
        |counted: &Counted, who: &Identity| Hop::pinned(counted.address.to_string(), who.fingerprint());
    let options = secret(&keys, vec![pinned(&relay, &keys.relay), pinned(&gateway, &keys.gateway)]);
    through("relay, TLS on both legs, sealed", relay, gateway, options, gib).print();

    let block = block(&vec![7; SMALL]);
    let small = |what, gateway: Counted, options| {
        let (client, wall) = send(options, &block, SMALL_COUNT, 256);
        Row {
            what,
            moved: SMALL_COUNT as f64,
            unit: "object",
            relay: None,
            client,
            gateway: gateway.end(),
            wall,
        }
        .print();
    };
    let gateway = Counted::gateway(ServeOptions::plain(Arc::new(Void)));
    let options = plain(vec![hop(&gateway)]);
    small("10,000 objects of 64 KiB", gateway, options);
    let gateway = Counted::gateway(keys.gateway());
    let options = secret(&keys, vec![pinned(&gateway, &keys.gateway)]);
    small("10,000 objects of 64 KiB, TLS", gateway, options);
}
