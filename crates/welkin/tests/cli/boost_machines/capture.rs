//! What goes over a machine's network, as `tcpdump` writes it down, and the streams of bytes in it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use welkin_testkit::net::{Node, Process};

/// The most that a wait may take: a thousand times what a loaded machine needs.
const PATIENCE: Duration = Duration::from_secs(300);

/// Room for packets that were not written yet, in KiB: many times all that a test sends, so that none is lost.
const ROOM: &str = "65536";

/// Bytes before the first packet, before each one, and before what it carries on each link layer that `any` has.
const FILE: usize = 24;
const RECORD: usize = 16;
const LINKS: [(u32, usize); 2] = [(113, 16), (276, 20)];

/// A running capture.
pub(super) struct Capture {
    file: PathBuf,
    _tcpdump: Process,
}

/// One direction of a connection.
pub(super) struct Stream {
    /// The port that it goes to.
    pub(super) to: u16,
    pub(super) bytes: Vec<u8>,
}

impl Capture {
    /// All interfaces of a machine, from now on.
    pub(super) fn start(node: &Node, file: PathBuf) -> Self {
        let mut command = node.command("tcpdump");
        command.args([
            "-i",
            "any",
            "-n",
            "-U",
            "--immediate-mode",
            "-s",
            "0",
            "-B",
            ROOM,
            "-Z",
            "root",
            "-w",
        ]);
        let mut tcpdump = node.spawn(command.arg(&file).stdin(Stdio::null()).stderr(Stdio::piped())).unwrap();
        let mut lines = BufReader::new(tcpdump.child().stderr.take().unwrap()).lines();
        let mut said = String::new();
        while !said.contains("listening on") {
            let line = lines.next().unwrap_or_else(|| panic!("tcpdump ended: {said}")).unwrap();
            said.push_str(&line);
        }
        // It says more when it ends, to somebody who listens.
        std::thread::spawn(move || lines.for_each(drop));
        Self { file, _tcpdump: tcpdump }
    }

    /// The streams so far, as soon as they are what is waited for.
    pub(super) fn until(&self, there: impl Fn(&[Stream]) -> bool) -> Vec<Stream> {
        let until = Instant::now() + PATIENCE;
        // Nobody ever sends: a clock.
        let (_sender, clock) = mpsc::channel::<()>();
        loop {
            let streams = streams(&fs::read(&self.file).unwrap_or_default());
            if there(&streams) {
                return streams;
            }
            assert!(Instant::now() < until, "{} does not have what was sent", self.file.display());
            let _ = clock.recv_timeout(Duration::from_millis(20));
        }
    }
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

/// Puts packets in the order of what they carry.
fn streams(file: &[u8]) -> Vec<Stream> {
    let mut parts: BTreeMap<Vec<u8>, BTreeMap<u32, Vec<u8>>> = BTreeMap::new();
    let link = number(file, 20).map(u32::from_le_bytes).unwrap_or_default();
    let mut rest = file.get(FILE..).unwrap_or_default();
    while let Some(length) = number(rest, 8).map(u32::from_le_bytes)
        && let Some(packet) = rest.get(RECORD..RECORD + length as usize)
    {
        rest = &rest[RECORD + packet.len()..];
        let head = LINKS.iter().find(|(number, _)| *number == link).expect("a link layer of `any`").1;
        if let Some((stream, at, bytes)) = segment(&packet[head..]) {
            parts.entry(stream).or_default().insert(at, bytes);
        }
    }
    parts
        .into_iter()
        .map(|(name, parts)| Stream { to: u16::from_be_bytes([name[10], name[11]]), bytes: joined(&parts) })
        .collect()
}

/// Which stream a packet of TCP belongs to, by addresses and ports, where in it, and what it carries, if anything.
fn segment(packet: &[u8]) -> Option<(Vec<u8>, u32, Vec<u8>)> {
    const TCP: u8 = 6;
    let head = usize::from(packet.first()? & 15) * 4;
    if packet[0] >> 4 != 4 || *packet.get(9)? != TCP {
        return None;
    }
    let end = usize::from(u16::from_be_bytes(number(packet, 2)?));
    let tcp = packet.get(head..end)?;
    let bytes = tcp.get(usize::from(tcp.get(12)? >> 4) * 4..)?;
    let name = [packet.get(12..20)?, tcp.get(..4)?].concat();
    (!bytes.is_empty()).then(|| Some((name, u32::from_be_bytes(number(tcp, 4)?), bytes.to_vec())))?
}

/// What was sent again may overlap what was sent before.
fn joined(parts: &BTreeMap<u32, Vec<u8>>) -> Vec<u8> {
    let Some(first) = start(parts) else { return Vec::new() };
    let mut ordered: Vec<(usize, &Vec<u8>)> =
        parts.iter().map(|(at, bytes)| (at.wrapping_sub(first) as usize, bytes)).collect();
    ordered.sort_by_key(|(at, _)| *at);
    let mut all = Vec::new();
    for (at, bytes) in ordered {
        let known = all.len().saturating_sub(at).min(bytes.len());
        all.extend_from_slice(&bytes[known..]);
    }
    all
}

/// The first number, where numbers may go round: the one behind the largest gap.
fn start(parts: &BTreeMap<u32, Vec<u8>>) -> Option<u32> {
    let numbers: Vec<u32> = parts.keys().copied().collect();
    let before = |at: usize| numbers[(at + numbers.len() - 1) % numbers.len()];
    (0..numbers.len())
        .max_by_key(|at| numbers[*at].wrapping_sub(before(*at)).wrapping_sub(1))
        .map(|at| numbers[at])
}
