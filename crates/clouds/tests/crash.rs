//! Whoever asks for a lease may be killed at any instant: the lease is found, finished or released.

#![expect(clippy::unwrap_used, reason = "a bed that cannot be made fails its test")]

mod bed;

use bed::{Bed, NODE, processes_of, request, until};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;
use welkin_provider::{Clock, LeaseState, Owner, Provider, SystemClock, UnixMillis};
use welkin_units::Span;

fn broker(root: &Path, token: &str, nodes: u32) -> Command {
    let mut command = Command::new(NODE);
    command.arg("acquire").arg(root).arg(token).arg(nodes.to_string()).stdout(Stdio::piped());
    command
}

fn was_killed(status: ExitStatus) -> bool {
    status.signal() == Some(9)
}

/// Asks again with the same token and expects one whole gang, then gives it back.
async fn finish(bed: &Bed, token: &str, nodes: u32) {
    let leases = bed.aws.list(&Owner("tests".into())).await.unwrap();
    assert!(leases.len() <= 1, "{leases:?}");
    let lease = bed.ready(token, nodes).await;
    assert_eq!(lease.state, LeaseState::Ready);
    assert!(leases.iter().all(|listed| listed.id == lease.id));
    let ids = bed.node_ids(&lease.id);
    assert_eq!(ids.len(), nodes as usize);
    for (id, agent) in ids.iter().zip(bed.agents(&lease.id)) {
        assert_eq!(processes_of(id), [agent], "one agent a node, and the one on record");
    }
    bed.aws.release(&lease.id).await.unwrap();
    assert!(ids.iter().all(|id| processes_of(id).is_empty()));
}

#[tokio::test]
async fn death_at_each_reading_of_the_clock() {
    let bed = Bed::new();
    let mut killed = 0;
    for die_at in 1..=8 {
        let token = format!("reading-{die_at}");
        let output = broker(bed.root(), &token, 2).arg(die_at.to_string()).output().unwrap();
        if !was_killed(output.status) {
            assert!(output.status.success(), "{output:?}");
            break;
        }
        killed += 1;
        let recorded = std::fs::read_dir(bed.root().join("aws/leases")).unwrap().count();
        assert_eq!(recorded, usize::from(die_at > 1), "the record follows the first reading");
        if die_at == 2 {
            // Recorded and nothing spawned: just what an asker finds who was killed between the two.
            let lease = bed.aws.list(&Owner("tests".into())).await.unwrap().remove(0);
            assert_eq!(lease.token.0, token);
        }
        finish(&bed, &token, 2).await;
    }
    assert!(killed >= 3, "the clock was read {killed} times");
}

/// The clock of somebody who comes an hour later.
#[derive(Debug)]
struct Later;

impl Clock for Later {
    fn now(&self) -> UnixMillis {
        SystemClock.now().after(Span::from_secs(3600))
    }
}

/// Its time to answer was over before it was begun: it was spawned, and lost in the same moment.
#[tokio::test]
async fn machines_that_are_begun_long_after_they_were_recorded_have_their_time_to_boot() {
    let folder = tempfile::tempdir().unwrap();
    let output = broker(folder.path(), "late", 2).arg("2").output().unwrap();
    assert!(was_killed(output.status), "{output:?}");
    let bed = Bed::on(folder, |config| config.clock = Arc::new(Later));
    finish(&bed, "late", 2).await;
}

#[tokio::test]
async fn death_while_agents_are_spawned() {
    let bed = Bed::new();
    let killer = bed.root().join("killer");
    // The first agent to start kills whoever started it, before that can write anything down.
    std::fs::write(&killer, format!("#!/bin/bash\nkill -9 $PPID\nexec {NODE} \"$@\"\n")).unwrap();
    std::fs::set_permissions(&killer, Permissions::from_mode(0o755)).unwrap();
    let output =
        broker(bed.root(), "spawning", 3).args(["never", killer.to_str().unwrap()]).output().unwrap();
    assert!(was_killed(output.status), "{output:?}");
    finish(&bed, "spawning", 3).await;
}

#[tokio::test]
async fn death_at_any_time() {
    let bed = Bed::new();
    let mut killed = 0;
    for round in 0..40_u64 {
        let token = format!("round-{round}");
        let mut broker = broker(bed.root(), &token, 2).spawn().unwrap();
        // From before the first line of the broker to after its last one.
        let wait = Duration::from_micros(round * 500);
        if tokio::time::timeout(wait, std::future::pending::<()>()).await.is_err() {
            broker.kill().unwrap();
        }
        killed += u32::from(was_killed(broker.wait().unwrap()));
        finish(&bed, &token, 2).await;
    }
    assert!(killed > 0);
}

#[tokio::test]
async fn two_processes_with_one_token_get_one_lease() {
    let bed = Bed::new();
    for round in 0..5 {
        let token = format!("shared-{round}");
        let brokers: Vec<_> = (0..4).map(|_| broker(bed.root(), &token, 3).spawn().unwrap()).collect();
        let outputs: Vec<Output> =
            brokers.into_iter().map(|broker| broker.wait_with_output().unwrap()).collect();
        assert!(outputs.iter().all(|output| output.status.success()), "{outputs:?}");
        assert!(outputs.iter().all(|output| output.stdout == outputs[0].stdout), "{outputs:?}");
        finish(&bed, &token, 3).await;
    }
}

#[tokio::test]
async fn agents_outlive_the_process_that_asked_for_them() {
    let bed = Bed::new();
    let output = broker(bed.root(), "left", 1).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let lease = bed.aws.list(&Owner("tests".into())).await.unwrap().remove(0);
    let lease = until(&*bed.aws, &lease.id, |lease| lease.state == LeaseState::Ready).await;
    let node = bed.aws.node(&lease.id, 0).await.unwrap();
    assert_eq!(bed::run(&*node, "s", "echo $((6 * 7))").await, ["42"]);
    assert_eq!(bed.aws.acquire(&request("left", 1)).await.unwrap().id, lease.id);
    bed.aws.release(&lease.id).await.unwrap();
}
