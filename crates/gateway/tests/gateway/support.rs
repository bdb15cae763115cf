//! Gateways, relays and agents on this machine, and objects to carry.

use crate::place::Place;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use welkin_gateway::{Agent, AgentOptions, Hop, PathOptions, ServeOptions, serve};
use welkin_store::block::{Block, BlockWriter, Buffer};
use welkin_store::hash;
use welkin_store::{Endpoint, Metadata, Read};

/// What relays of tests may reach.
pub(crate) const HERE: &str = "127.0.0.1:*";

/// Something that listens; it ends with this value.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) address: String,
    task: JoinHandle<()>,
}

impl Served {
    pub(crate) async fn start(options: ServeOptions) -> Self {
        Self::start_on(TcpListener::bind("127.0.0.1:0").await.unwrap(), options)
    }

    pub(crate) fn start_on(listener: TcpListener, options: ServeOptions) -> Self {
        let address = listener.local_addr().unwrap().to_string();
        let task = tokio::spawn(async move { serve(listener, options).await.unwrap() });
        Self { address, task }
    }

    /// Ends it as a crash would: every connection is closed wherever it is.
    pub(crate) async fn kill(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }

    pub(crate) fn hop(&self) -> Hop {
        Hop::plain(&self.address)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) async fn gateway(place: &Arc<Place>) -> Served {
    Served::start(ServeOptions::plain(Arc::clone(place) as Arc<dyn Endpoint>)).await
}

pub(crate) async fn relay() -> Served {
    Served::start(ServeOptions::plain_relay(&[HERE])).await
}

pub(crate) async fn agent(paths: Vec<PathOptions>) -> Arc<Agent> {
    Arc::new(Agent::connect(AgentOptions::plain(paths)).await.unwrap())
}

/// Bytes that do not repeat, from a seed.
pub(crate) fn content(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut bytes: Vec<u8> = (0..length.div_ceil(8)).flat_map(|_| next()).collect();
    bytes.truncate(length);
    bytes
}

pub(crate) fn block(bytes: &[u8], offset: u64, whole: bool) -> Arc<Block> {
    let mut writer = BlockWriter::new(Buffer::detached(bytes.len()), offset, bytes.len(), whole);
    writer.extend(bytes);
    Arc::new(writer.finish().unwrap())
}

/// Puts an object into a place behind the gateway's back.
pub(crate) async fn plant(place: &Place, key: &str) {
    place.put(key, &Metadata::default(), &block(b"planted", 0, true)).await.unwrap();
}

pub(crate) async fn put(agent: &Agent, key: &str, bytes: &[u8]) {
    agent.put(key, &Metadata::default(), &block(bytes, 0, true)).await.unwrap();
}

/// Writes an object in parts, all at the same time.
pub(crate) async fn upload(agent: &Arc<Agent>, key: &str, bytes: &[u8], part_bytes: usize) {
    let upload = agent.begin(key, &Metadata::default(), bytes.len() as u64, part_bytes as u64).await.unwrap();
    let blocks: Vec<_> = bytes
        .chunks(part_bytes)
        .enumerate()
        .map(|(number, part)| block(part, (number * part_bytes) as u64, part.len() == bytes.len()))
        .collect();
    let sent = blocks.iter().enumerate().map(|(number, block)| agent.part(&upload, number as u32, block));
    let parts: Vec<_> = futures::future::join_all(sent).await.into_iter().map(Result::unwrap).collect();
    let sums: Vec<_> = blocks.iter().map(|block| block.chaining()).collect();
    agent.finish(&upload, &parts, &hash::merge(&sums, part_bytes as u64)).await.unwrap();
}

/// Reads an object in parts, all at the same time.
pub(crate) async fn download(agent: &Arc<Agent>, key: &str, length: usize, part_bytes: usize) -> Vec<u8> {
    let reads = (0..length.div_ceil(part_bytes)).map(|number| async move {
        let offset = number * part_bytes;
        let length = part_bytes.min(length - offset);
        let read = Read { key, offset: offset as u64, length, whole: false, version: None };
        let piece = agent.read(read, Buffer::detached(length)).await.unwrap();
        piece.block.check().unwrap().to_vec()
    });
    futures::future::join_all(reads).await.concat()
}
