//! A host as a broker speaks to it, frame by frame: what counts as a sign that somebody is there.

use crate::bed::{Bed, NODE, PATIENCE, request};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex, split};
use welkin_clouds::{AgentCommand, HostConfig, serve_host};
use welkin_provider::{LeaseRequest, MachineSpec};
use welkin_units::Span;

/// How long an agent waits for a sign of somebody; a loaded machine has a second and a half to spare.
const ABANDON_AFTER: Span = Span::from_secs(2);

/// A conversation with a host.
struct Talk {
    stream: DuplexStream,
    number: u64,
}

impl Talk {
    async fn begin(bed: &Bed) -> Self {
        let config = HostConfig {
            root: bed.folder.path().join("h1/home/.welkin/host"),
            agent: AgentCommand { program: NODE.into(), args: vec!["agent".to_owned()] },
            address: "127.0.1.1".to_owned(),
            user: "tests".to_owned(),
            env: Default::default(),
        };
        std::fs::create_dir_all(&config.root).unwrap();
        let (mut here, there) = duplex(1 << 20);
        let (input, output) = split(there);
        tokio::spawn(async move { serve_host(config, input, output).await.unwrap() });
        let mut greeting = [0; 14];
        here.read_exact(&mut greeting).await.unwrap();
        assert_eq!(&greeting, b"welkin-host 1\n");
        Self { stream: here, number: 0 }
    }

    async fn ask(&mut self, ask: &Value, body: &[u8]) -> Value {
        self.number += 1;
        let head = serde_json::to_vec(ask).unwrap();
        let word = |length: usize| u32::try_from(length).unwrap().to_be_bytes();
        let length = word(12 + head.len() + body.len());
        let number = self.number.to_be_bytes();
        let frame = [&length[..], &number[..], &word(head.len())[..], &head, body].concat();
        self.stream.write_all(&frame).await.unwrap();
        loop {
            let mut rest = vec![0; self.stream.read_u32().await.unwrap() as usize];
            self.stream.read_exact(&mut rest).await.unwrap();
            // Whatever else the host says is no answer to this.
            if rest[..8] == number {
                let length = u32::from_be_bytes(rest[8..12].try_into().unwrap()) as usize;
                return serde_json::from_slice(&rest[12..12 + length]).unwrap();
            }
        }
    }
}

/// Data may come for longer than an agent waits for its first step.
#[tokio::test]
async fn data_that_come_are_a_sign_of_life_for_the_node_they_are_for() {
    let bed = Bed::folders();
    let mut talk = Talk::begin(&bed).await;
    let asked =
        LeaseRequest { abandon_after: ABANDON_AFTER, ..request(&MachineSpec::of_type("t"), "slow", 1) };
    let lease = talk.ask(&json!({"acquire": {"request": asked}}), &[]).await;
    let lease = lease["lease"]["id"].as_str().unwrap().to_owned();
    let begun = Instant::now();
    while talk.ask(&json!({"observe": {"lease": lease}}), &[]).await["lease"]["state"] != json!("ready") {
        assert!(begun.elapsed() < PATIENCE, "it never is ready");
    }
    let began = Instant::now();
    let mut piece = 0;
    while began.elapsed() < Duration::from_secs(7) {
        let path = format!("tree/{}", piece % 8);
        let put = json!({"put": {"lease": lease, "rank": 0, "path": path, "offset": 0, "last": true}});
        let put = talk.ask(&put, &[0; 1 << 16]).await;
        assert_eq!(put, json!("done"), "after {:?}", began.elapsed());
        piece += 1;
    }
    let seen = talk.ask(&json!({"observe": {"lease": lease}}), &[]).await;
    assert_eq!(seen["lease"]["state"], json!("ready"), "{seen}");
    assert_eq!(talk.ask(&json!({"release": {"lease": lease}}), &[]).await, json!("done"));
}
