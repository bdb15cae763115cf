//! A gateway of the built binary under a bound on its addresses, and foreign clients that mean it harm.
//!
//! Short here; for as many rounds as `WELKIN_SOAK_ROUNDS` says.

use crate::bed::{Bed, both};
use crate::gateway::Served;
use std::fs;
use std::io;
use std::process::Stdio;
use std::time::Duration;
use tokio::time::timeout;
use welkin_testkit::peer::{CLIENT, Caller, Frame, Key, Kind, Wire, list, read};

/// What one client may make a gateway hold.
const CLIENT_KIB: u64 = 128 << 10;

/// What a gateway's process may have of addresses.
const ADDRESSES_KIB: u64 = 512 << 10;

/// A gateway for these clients, within the bound.
fn bounded(bed: &Bed, clients: &[&str]) -> Served {
    let program = env!("CARGO_BIN_EXE_welkin");
    let allowed: String = clients.iter().map(|client| format!(" --allow {client}")).collect();
    let script = format!("ulimit -v {ADDRESSES_KIB}; exec {program} gateway serve served{allowed}");
    let mut command = bed.command_of("sh", ["-c", &script]);
    command.stderr(Stdio::null());
    Served::start(command)
}

/// The most memory that a process had at a time.
fn peak_kib(served: &Served) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", served.child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// A lane of a session of `key`.
async fn lane(address: &str, key: &Key, session: u32) -> io::Result<Caller> {
    let mut caller = Caller::over(Wire::secret(address, key, &[CLIENT]).await?);
    caller.route(&[]).await?;
    caller.hello(&format!("{session:032x}")).await?;
    Ok(caller)
}

/// Two million empty keys to remove, in six megabytes.
async fn many_keys(address: &str, key: &Key, session: u32) -> io::Result<Caller> {
    let mut caller = lane(address, key, session).await?;
    let keys = format!("[{}]", vec![r#""""#; 2_000_000].join(",")).into_bytes();
    let total = u32::try_from(keys.len()).unwrap();
    for (piece, offset) in keys.chunks(1 << 19).zip((0..).step_by(1 << 19)) {
        if caller.send(&Frame::piece(Kind::Call, 1, 1, total, offset, piece)).await.is_err() {
            return Ok(caller);
        }
    }
    let head = Frame { total, ..Frame::message(Kind::Call, 1, 1, r#""delete""#, b"") };
    // It may have been sent away already.
    let _ = caller.send(&head).await;
    Ok(caller)
}

/// Listings and pieces of a large file, on many lanes, whose answers nobody reads.
async fn unread(address: &str, key: &Key, session: u32) -> Vec<Caller> {
    let mut open = Vec::new();
    for first in (1..=1200_u64).step_by(15) {
        let Ok(mut caller) = lane(address, key, session).await else { break };
        for id in first..first + 15 {
            let head = if id % 2 == 0 { list("") } else { read("large", 1 << 20) };
            if caller.send(&Frame::message(Kind::Call, id, 1, &head, b"")).await.is_err() {
                break;
            }
        }
        open.push(caller);
    }
    open
}

/// Halves of messages.
async fn halves(address: &str, key: &Key, session: u32) -> io::Result<Caller> {
    let mut caller = lane(address, key, session).await?;
    for id in 1..20 {
        let half = Frame::piece(Kind::Call, id, 1, 1 << 20, 0, &[0; 1 << 19]);
        // It is not read any more when it has sent too much.
        if timeout(PATIENCE, caller.send(&half)).await.is_err() {
            break;
        }
    }
    Ok(caller)
}

/// How long an attacker tries to send more.
const PATIENCE: Duration = Duration::from_millis(200);

/// Everything that made a gateway take gigabytes, or serve nobody. The lanes stay open, and nothing reads them.
async fn attack(address: &str, key: &Key, round: u32) -> Vec<Caller> {
    let session = |number: u32| round * 100 + number;
    let mut open = Vec::new();
    open.extend(many_keys(address, key, session(1)).await);
    open.extend(unread(address, key, session(2)).await);
    for number in 3..8 {
        open.extend(halves(address, key, session(number)).await);
    }
    open
}

#[test]
fn hostile_clients_do_not_end_a_gateway_nor_keep_others_out() {
    let bed = Bed::new();
    // Bytes that cannot be compressed, so that answers are as large on their way as they are.
    let mut bytes = vec![0; 2 << 20];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    fs::write(bed.file("served/large", ""), bytes).unwrap();
    for number in 0..2000 {
        bed.file(&format!("served/many/{number:0>200}"), "x");
    }
    let (honest, hostile) = (bed.ok(["gateway", "id"]), Key::new());
    let gateway = bounded(&bed, &[honest.trim(), &hostile.fingerprint()]);
    let copy = |round: u32| {
        let from = format!("{}/many/", gateway.url());
        let output = bed.run(["cp", &from, &format!("to{round}"), "-y", "--include", "*1"]);
        assert_eq!(output.status.code(), Some(0), "round {round}: {}", both(&output));
        assert_eq!(fs::read_dir(bed.path().join(format!("to{round}"))).unwrap().count(), 200);
    };
    copy(0);
    let before = peak_kib(&gateway);
    let rounds = std::env::var("WELKIN_SOAK_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for round in 1..=rounds {
        let open = runtime.block_on(attack(gateway.address(), &hostile, round));
        assert!(open.len() > 80, "round {round}: only {} lanes", open.len());
        copy(round);
        drop(open);
    }
    let taken = peak_kib(&gateway) - before;
    assert!(taken <= CLIENT_KIB, "{} MiB for one client", taken >> 10);
}
