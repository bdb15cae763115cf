//! A gateway, a relay or a client by itself, for network beds.
//!
//! ```text
//! gateway_bed serve ADDRESS          takes everything and keeps nothing
//! gateway_bed relay ADDRESS NEXT
//! gateway_bed send SECONDS CONGESTION|- LANES|tuned PATH...      PATH = HOP[,HOP...]
//! ```
//!
//! The client sends blocks of a megabyte for so many seconds and prints, twice a second and at the end, what each
//! path moves.

#![expect(clippy::print_stdout, reason = "the output of a measurement")]
#![expect(clippy::unwrap_used, reason = "a measurement that cannot be set up has nothing to go on with")]

mod void;

use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use void::{Void, block};
use welkin_gateway::{
    Agent, AgentOptions, Compression, Hop, Lanes, PathOptions, ServeOptions, SocketOptions, serve,
};
use welkin_store::{Endpoint, Metadata};

/// Blocks on their way at the same time: enough for a path of 100 MB/s and half a second.
const AT_ONCE: usize = 60;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        match words.as_slice() {
            ["serve", address] => listen(address, ServeOptions::plain(Arc::new(Void))).await,
            ["relay", address, next] => listen(address, ServeOptions::plain_relay(&[next])).await,
            ["send", seconds, congestion, lanes, paths @ ..] => {
                let lanes = lanes.parse().map_or(Lanes::Tuned, Lanes::Fixed);
                let congestion = (*congestion != "-").then(|| (*congestion).to_owned());
                let socket = SocketOptions { congestion, pacing_bytes: None };
                let paths = paths.iter().map(|path| PathOptions {
                    lanes,
                    socket: socket.clone(),
                    ..PathOptions::over(path.split(',').map(Hop::plain))
                });
                send(Duration::from_secs(seconds.parse().unwrap()), paths.collect()).await;
            }
            _ => {
                println!("serve ADDRESS | relay ADDRESS NEXT | send SECONDS CONGESTION|- LANES|tuned PATH...")
            }
        }
    });
}

async fn listen(address: &str, options: ServeOptions) {
    serve(TcpListener::bind(address).await.unwrap(), options).await.unwrap();
}

async fn send(time: Duration, paths: Vec<PathOptions>) {
    let options = AgentOptions { compression: Compression::Off, ..AgentOptions::plain(paths) };
    let agent = Agent::connect(options).await.unwrap();
    let (block, start) = (block(&vec![7; 1 << 20]), Instant::now());
    let senders = (0..AT_ONCE).map(|sender| {
        let (agent, block) = (&agent, &block);
        async move {
            let mut number = 0;
            while start.elapsed() < time {
                agent.put(&format!("{sender}/{number}"), &Metadata::default(), block).await.unwrap();
                number += 1;
            }
        }
    });
    let sending = futures::future::join_all(senders);
    let showing = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(500));
        let mut before: Vec<u64> = agent.paths().iter().map(|_| 0).collect();
        loop {
            ticks.tick().await;
            let shown = agent.paths().into_iter().zip(&mut before).map(|(path, before)| {
                let megabits = (path.sent_bytes - *before) as f64 * 8.0 / 0.5 / 1e6;
                *before = path.sent_bytes;
                format!("{megabits:7.1} Mbit/s {:2} lanes {:4} repeated", path.lanes, path.repeated)
            });
            let shown: Vec<_> = shown.collect();
            println!("{:5.1} s  {}", start.elapsed().as_secs_f64(), shown.join("  |  "));
        }
    };
    tokio::select! { _ = sending => {}, () = showing => {} }
    let seconds = start.elapsed().as_secs_f64();
    for path in agent.paths() {
        let megabits = path.sent_bytes as f64 * 8.0 / seconds / 1e6;
        println!("{megabits:7.1} Mbit/s over {} ({} lanes, {:?})", path.name, path.lanes, path.trouble);
    }
    agent.close().await;
}
