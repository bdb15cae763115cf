//! A round from its seed.

use fastrand::Rng;

use super::piece::{Blow, Piece, Task};

/// What this machine lets a round do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Means {
    /// Mounts need root.
    pub(super) disks: bool,
    /// libfaketime is installed.
    pub(super) clocks: bool,
}

const CLOUDS: &[&str] = &["gcp", "aws", "azure", "local"];

const STEPS: &[i64] = &[-20, -3_600, 20, 7_200, 172_800, -172_800];

pub(super) fn pieces(seed: u64, means: Means) -> Vec<Piece> {
    let mut rng = Rng::with_seed(seed);
    let mut pieces = Vec::new();
    let count = rng.usize(1..7);
    for index in 0..count {
        let task = task(&mut rng, index);
        pieces.push(Piece::Task(task));
    }
    for _ in 0..rng.usize(..3) {
        pieces.push(fault(&mut rng));
    }
    for _ in 0..rng.usize(..4) {
        pieces.extend(blow(&mut rng, means).map(Piece::Blow));
    }
    if means.disks && rng.u8(..8) == 0 {
        pieces.push(Piece::SmallDisk(rng.u32(6..16)));
        let filler = rng.usize(..count);
        if let Some(Piece::Task(task)) = pieces.get_mut(filler) {
            task.fills = true;
        }
    }
    pieces
}

fn task(rng: &mut Rng, index: usize) -> Task {
    let mut earlier = |share: u8| -> Vec<String> {
        let names = (0..index).map(|before| format!("t{before}"));
        names.filter(|_| rng.u8(..share) == 0).collect()
    };
    let (inputs, mut after) = (earlier(3), earlier(6));
    after.retain(|name| !inputs.contains(name));
    let infra = (rng.u8(..2) == 0).then(|| CLOUDS[rng.usize(..CLOUDS.len())]);
    let fails = if rng.u8(..5) == 0 { rng.u32(1..3) } else { 0 };
    let restarts = if rng.u8(..6) == 0 { 0 } else { 2 };
    Task {
        name: format!("t{index}"),
        nodes: if rng.u8(..4) == 0 && infra != Some("local") { rng.u32(2..4) } else { 1 },
        spot: infra != Some("local") && rng.u8(..3) == 0,
        infra,
        inputs,
        after,
        delivered: rng.u8(..3) == 0,
        fails,
        restarts,
        pause_ms: if rng.u8(..3) == 0 { rng.u32(..900) } else { 0 },
        fills: false,
    }
}

fn fault(rng: &mut Rng) -> Piece {
    match rng.u8(..8) {
        0 | 1 => Piece::Fault("shortages", r#"{"scope": {"region": "us-east-1"}, "nodes": 0}"#.to_owned()),
        2 | 3 => Piece::Fault("boot_failures", format!(r#"{{"fault": "fails", "left": {}}}"#, rng.u8(1..3))),
        4 | 5 => Piece::Fault(
            "preemptions",
            format!(
                r#"{{"scope": {{"tier": "spot"}}, "after": {}, "notice": 50, "left": 1}}"#,
                rng.u32(100..800)
            ),
        ),
        _ => Piece::Fault(
            "preemptions",
            format!(r#"{{"after": {}, "notice": 0, "left": 1}}"#, rng.u32(1..900)),
        ),
    }
}

fn blow(rng: &mut Rng, means: Means) -> Option<Blow> {
    let ms = rng.u64(50..1_500);
    match rng.u8(..9) {
        0..4 => Some(Blow::KillBroker(ms)),
        4 | 5 => Some(Blow::KillAgent(ms)),
        6 => Some(Blow::OtherBroker(ms)),
        7 => Some(Blow::Cancel(ms)),
        _ => means.clocks.then(|| Blow::Clock(ms, STEPS[rng.usize(..STEPS.len())])),
    }
}
