//! Leases of emulated clouds: idempotent, durable, and gone when they are over.

mod bed;

use std::io::Write;

use bed::{Bed, location, processes_of, request, until};
use welkin_clouds::{BootFailure, BootFault, Faults, PreemptionRule, Scope, Shortage, sweep};
use welkin_provider::{Capacity, ErrorKind, LeaseState, Nature, Owner, Provider, Tier, UnixMillis};
use welkin_units::Span;

#[tokio::test]
async fn a_lease_lives_and_leaves_nothing() {
    let bed = Bed::new();
    assert_eq!(bed.aws.nature(), Nature::Emulated);
    let lease = bed.ready("one", 2).await;
    assert_eq!(lease.state, LeaseState::Ready);
    assert_ne!(lease.nodes[0].address, lease.nodes[1].address);
    let nodes = bed.node_ids(&lease.id);
    assert!(nodes.iter().all(|node| processes_of(node).len() == 1));
    bed.aws.release(&lease.id).await.unwrap();
    assert!(nodes.iter().all(|node| processes_of(node).is_empty()));
    assert!(!bed.lease_folder(&lease.id).exists());
    let ended = bed.root().join("aws/ended").join(&lease.id.0);
    assert!(ended.join("lease.json").exists() && !ended.join("node-0/home").exists());
    // Again, and again about what is over.
    bed.aws.release(&lease.id).await.unwrap();
    let over = bed.aws.observe(&lease.id).await.unwrap();
    assert_eq!(over.state, LeaseState::Released);
    assert_eq!(bed.aws.acquire(&request("one", 2)).await.unwrap(), over);
    assert_eq!(bed.aws.acquire(&request("one", 3)).await.unwrap_err().kind, ErrorKind::Conflict);
    assert_eq!(bed.aws.node(&lease.id, 0).await.unwrap_err().kind, ErrorKind::LeaseLost);
    let usage = bed.aws.usage(&over.owner, UnixMillis(0)).await.unwrap();
    assert_eq!(usage.iter().map(|interval| interval.quantity_milli).sum::<u64>(), 2 * 60_000);
}

#[tokio::test]
async fn the_death_of_one_agent_loses_the_gang() {
    let bed = Bed::new();
    let lease = bed.ready("gang", 3).await;
    let node = bed.aws.node(&lease.id, 1).await.unwrap();
    let step = bed::step("s", "setsid sleep 600 & echo up; wait");
    node.start(&step).await.unwrap();
    bed::read(&*node, &step.id, bed::is_line).await;
    let ids = bed.node_ids(&lease.id);
    bed::kill(bed.agents(&lease.id)[1]);
    let lost = until(&*bed.aws, &lease.id, |lease| lease.state.is_over()).await;
    let LeaseState::Lost { reason, preempted } = lost.state else { panic!("{lost:?}") };
    assert!(!preempted && reason.contains("node 1"), "{reason}");
    assert!(lost.ended.is_some());
    assert!(ids.iter().all(|id| processes_of(id).is_empty()));
    bed.aws.release(&lease.id).await.unwrap();
    let still = bed.aws.observe(&lease.id).await.unwrap();
    assert!(matches!(still.state, LeaseState::Lost { .. }), "what is lost is never told as released");
}

#[tokio::test]
async fn what_a_script_leaves_running_ends_with_the_lease() {
    let bed = Bed::new();
    let lease = bed.ready("stubborn", 1).await;
    let node = bed.aws.node(&lease.id, 0).await.unwrap();
    let script = "trap '' TERM HUP INT; (setsid sleep 600 &) ; mkdir -p a/b; touch a/b/c; chmod 500 a/b; \
                  echo up; while :; do sleep 60; done";
    let step = bed::step("s", script);
    node.start(&step).await.unwrap();
    bed::read(&*node, &step.id, bed::is_line).await;
    let id = bed.node_ids(&lease.id).remove(0);
    assert!(processes_of(&id).len() >= 3);
    bed.aws.release(&lease.id).await.unwrap();
    assert!(processes_of(&id).is_empty());
}

#[tokio::test]
async fn what_hides_from_its_guard_and_from_its_name_ends_with_the_lease() {
    let bed = Bed::new();
    let lease = bed.ready("hidden", 1).await;
    let node = bed.aws.node(&lease.id, 0).await.unwrap();
    // Without a name, in a session of its own, and an orphan once its guard and its parent are gone.
    let script = "env -i setsid bash -c 'echo $$; exec sleep 600' & echo guard $PPID; wait";
    let step = bed::step("s", script);
    node.start(&step).await.unwrap();
    let seen = std::cell::Cell::new(0);
    let lines = bed::read(&*node, &step.id, |event| {
        seen.set(seen.get() + u32::from(bed::is_line(event)));
        seen.get() == 2
    })
    .await;
    let number = |line: &String| line.trim_start_matches("guard ").parse::<i32>().unwrap();
    let (guards, hidden): (Vec<&String>, Vec<&String>) =
        lines.iter().partition(|line| line.starts_with("guard"));
    let (guard, hidden) = (number(guards[0]), number(hidden[0]));
    bed::kill(guard);
    bed::read(&*node, &step.id, bed::is_finished).await;
    assert!(std::path::Path::new(&format!("/proc/{hidden}")).exists());
    bed.aws.release(&lease.id).await.unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{hidden}/stat")).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z "), "{stat}");
}

#[tokio::test]
async fn only_the_archive_of_a_lease_can_be_forgotten() {
    let bed = Bed::new();
    let lease = bed.ready("old", 1).await;
    bed.aws.forget(&lease.id).await.unwrap();
    assert_eq!(bed.aws.observe(&lease.id).await.unwrap().state, LeaseState::Ready);
    bed.aws.release(&lease.id).await.unwrap();
    for _ in 0..2 {
        bed.aws.forget(&lease.id).await.unwrap();
    }
    assert_eq!(bed.aws.observe(&lease.id).await.unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(std::fs::read_dir(bed.root().join("aws/ended")).unwrap().count(), 0);
}

#[tokio::test]
async fn shortages_refuse_and_free_again() {
    let bed = Bed::new();
    let shortage = |instance_type: &str, nodes, quota| Shortage {
        scope: Scope { instance_type: instance_type.into(), ..Scope::default() },
        nodes,
        quota,
    };
    let shortages = vec![shortage("m7i.*", 2, false), shortage("p5.*", 0, true)];
    bed.aws.set_faults(Faults { shortages, ..Faults::default() }).await.unwrap();
    let first = bed.aws.acquire(&request("first", 2)).await.unwrap();
    let refused = bed.aws.acquire(&request("second", 1)).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::NoCapacity);
    let capacity = async |kind: &str| bed.aws.capacity(&location(), kind, Tier::Spot).await;
    assert_eq!(capacity("m7i.large").await.unwrap(), Capacity::Exhausted);
    let mut large = request("third", 1);
    large.machine.instance_type = "p5.48xlarge".into();
    assert_eq!(bed.aws.acquire(&large).await.unwrap_err().kind, ErrorKind::QuotaExceeded);
    assert!(bed.aws.list(&Owner("tests".into())).await.unwrap().iter().all(|lease| lease.id == first.id));
    bed.aws.release(&first.id).await.unwrap();
    assert_eq!(capacity("m7i.large").await.unwrap(), Capacity::Unknown);
    // A refusal makes no lease: the same token may be tried again.
    assert_eq!(bed.ready("second", 1).await.state, LeaseState::Ready);
}

#[tokio::test]
async fn boots_fail_and_hang_on_demand() {
    let bed = Bed::new();
    let failure = |fault| BootFailure { scope: Scope::default(), fault, left: 1 };
    let boot_failures = vec![failure(BootFault::Fails), failure(BootFault::Hangs)];
    bed.aws.set_faults(Faults { boot_failures, ..Faults::default() }).await.unwrap();
    let failed = bed.ready("fails", 1).await;
    assert!(matches!(failed.state, LeaseState::Lost { preempted: false, .. }), "{failed:?}");
    let hangs = bed.aws.acquire(&request("hangs", 1)).await.unwrap();
    assert_eq!(bed.aws.observe(&hangs.id).await.unwrap().state, LeaseState::Pending);
    assert_eq!(bed.aws.node(&hangs.id, 0).await.unwrap_err().kind, ErrorKind::NotFound);
    bed.aws.release(&hangs.id).await.unwrap();
    assert_eq!(bed.ready("works", 1).await.state, LeaseState::Ready);
    assert!(bed.aws.faults().await.unwrap().boot_failures.iter().all(|failure| failure.left == 0));
}

#[tokio::test]
async fn a_rule_takes_a_lease_back_without_anybody_asking() {
    let bed = Bed::new();
    let rule = PreemptionRule {
        scope: Scope { tier: Some(Tier::Spot), ..Scope::default() },
        after: Span::from_millis(400),
        notice: Span::from_millis(200),
        left: 1,
    };
    bed.aws.set_faults(Faults { preemptions: vec![rule], ..Faults::default() }).await.unwrap();
    let lease = bed.ready("spot", 1).await;
    let id = bed.node_ids(&lease.id).remove(0);
    let gone = async {
        // Only the disk is looked at: the timer alone must do it.
        while bed.lease_folder(&lease.id).exists() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(bed::PATIENCE, gone).await.unwrap();
    assert!(processes_of(&id).is_empty());
    let lost = bed.aws.observe(&lease.id).await.unwrap();
    assert!(matches!(lost.state, LeaseState::Lost { preempted: true, .. }), "{lost:?}");
    assert_eq!(lost.ended, Some(lost.started.after(Span::from_millis(400))), "billed to the second");
}

#[tokio::test]
async fn notice_reaches_the_script_before_the_end() {
    use welkin_provider::EventKind;
    let bed = Bed::new();
    let lease = bed.ready("noticed", 1).await;
    let node = bed.aws.node(&lease.id, 0).await.unwrap();
    let step = bed::step("s", "echo up; sleep 600");
    node.start(&step).await.unwrap();
    bed::read(&*node, &step.id, bed::is_line).await;
    let preempting = bed.aws.preempt(&lease.id, Span::from_hours(1)).await.unwrap();
    let LeaseState::Preempting { at } = preempting.state else { panic!("{preempting:?}") };
    bed::read(&*node, &step.id, |event| event.kind == EventKind::PreemptionNotice { at }).await;
    let lost = bed.aws.preempt(&lease.id, Span::ZERO).await.unwrap();
    assert!(matches!(lost.state, LeaseState::Lost { preempted: true, .. }), "{lost:?}");
}

#[tokio::test]
async fn a_program_that_cannot_start_loses_the_lease_with_a_reason() {
    let bed = Bed::with(|config| config.agent.program = "/nonexistent/welkin".into());
    let lost = bed.aws.acquire(&request("none", 1)).await.unwrap();
    let LeaseState::Lost { reason, .. } = lost.state else { panic!("{lost:?}") };
    assert!(reason.contains("/nonexistent/welkin"), "{reason}");
}

#[tokio::test]
async fn a_program_that_is_no_agent_loses_the_lease_with_its_last_words() {
    let bed = Bed::with(|config| {
        config.agent.program = "/bin/sh".into();
        config.agent.args = vec!["-c".into(), "echo no agent here >&2; exit 3".into()];
    });
    let lost = bed.ready("none", 1).await;
    let LeaseState::Lost { reason, .. } = lost.state else { panic!("{lost:?}") };
    assert!(reason.contains("no agent here"), "{reason}");
}

/// Its end comes before anybody can look at it: what it said must be in the reason all the same.
#[tokio::test]
async fn a_program_that_ends_at_once_is_quoted_however_fast_it_is() {
    let bed = Bed::with(|config| {
        config.agent.program = "/bin/sh".into();
        config.agent.args = vec!["-c".into(), "echo last words >&2".into()];
    });
    // Some of these are seen dead by the very call that started them, some by the next.
    for number in 0..20 {
        let lost = bed.ready(&format!("fast-{number}"), 1).await;
        let LeaseState::Lost { reason, .. } = lost.state else { panic!("{lost:?}") };
        assert!(reason.contains("last words"), "{reason}");
    }
}

#[tokio::test]
async fn a_stranger_on_this_machine_is_not_served_by_the_agents_of_others() {
    let bed = Bed::new();
    let lease = bed.ready("mine", 1).await;
    let sockets = std::fs::read_dir(bed.root().join("sockets")).unwrap();
    let sockets: Vec<_> = sockets.map(|socket| socket.unwrap().path()).collect();
    assert_eq!(sockets.len(), 1);
    let stranger = welkin_agent::AgentNode::new(&sockets[0], "stranger");
    assert_eq!(stranger.ping().await.unwrap_err().kind, ErrorKind::Forbidden);
    // Nothing that other processes can read tells the word.
    let word = bed.record(&lease.id)["nodes"][0]["word"].as_str().unwrap().to_owned();
    assert_eq!(word.len(), 64);
    for pid in processes_of(&bed.node_ids(&lease.id)[0]) {
        for file in ["cmdline", "environ"] {
            let text = std::fs::read(format!("/proc/{pid}/{file}")).unwrap();
            assert!(!String::from_utf8_lossy(&text).contains(&word), "{file}");
        }
    }
    let node = bed.aws.node(&lease.id, 0).await.unwrap();
    assert_eq!(bed::run(&*node, "s", "echo served").await, ["served"]);
}

#[tokio::test]
async fn what_leases_and_buckets_hold_is_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let bed = Bed::new();
    let lease = bed.ready("private", 1).await;
    bed.aws.store(&location(), &Owner("tests".into())).await.unwrap();
    let node = bed.lease_folder(&lease.id).join("node-0");
    let buckets = bed.root().join("aws/buckets/us-east-1");
    let folders =
        [bed.lease_folder(&lease.id), node.clone(), node.join("home"), buckets, bed.root().join("sockets")];
    let files = [bed.lease_folder(&lease.id).join("lease.json"), node.join("agent.err")];
    for path in folders.iter().chain(&files) {
        let mode = std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{} has {mode:o}", path.display());
    }
}

#[tokio::test]
async fn the_sweep_ends_orphans_and_spares_the_living() {
    let bed = Bed::new();
    let (kept, orphan) = (bed.ready("kept", 1).await, bed.ready("orphan", 2).await);
    let (alive, lost) = (bed.node_ids(&kept.id), bed.node_ids(&orphan.id));
    let groups: Vec<String> = bed.record(&orphan.id)["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|node| node["cgroups"].as_array().unwrap().clone())
        .map(|group| group.as_str().unwrap().to_owned())
        .collect();
    std::fs::remove_dir_all(bed.lease_folder(&orphan.id)).unwrap();
    let swept = sweep(bed.root()).unwrap();
    let mut expected = lost.clone();
    expected.sort();
    assert_eq!(swept.orphans, expected);
    assert!(lost.iter().all(|node| processes_of(node).is_empty()));
    assert!(!groups.iter().any(|group| std::path::Path::new(group).exists()), "{groups:?}");
    assert_eq!(processes_of(&alive[0]).len(), 1);
    assert_eq!(bed.aws.observe(&kept.id).await.unwrap().state, LeaseState::Ready);
    assert_eq!(sweep(bed.root()).unwrap(), welkin_clouds::Swept::default());
}

#[tokio::test]
async fn a_lease_that_finds_no_room_for_its_record_never_was() {
    for free_kib in (0..96).step_by(4) {
        let folder = tempfile::tempdir().unwrap();
        let Some(disk) = SmallDisk::mount(folder.path()) else {
            eprintln!("skipped: a_lease_that_finds_no_room_for_its_record_never_was: no tmpfs");
            return;
        };
        let bed = Bed::on(folder, |_| {});
        // Everything that a first lease makes is there, so that the rest of the room is the second's alone.
        let first = bed.ready("first", 1).await;
        bed.aws.release(&first.id).await.unwrap();
        disk.leave(free_kib);
        let asked = request("second", 3);
        let acquired = bed.aws.acquire(&asked).await;
        let listed = bed.aws.list(&asked.owner).await.unwrap();
        match acquired {
            Ok(lease) => {
                assert_eq!(listed.len(), usize::from(!lease.state.is_over()), "{free_kib} KiB free");
                // What ended on a full disk is told as what it is, and takes no room.
                drop(bed.aws.release(&lease.id).await);
            }
            Err(error) => assert_eq!(listed, [], "{free_kib} KiB free: {error}"),
        }
        assert_eq!(bed::below(bed.root()), Vec::<i32>::new(), "{free_kib} KiB free");
    }
}

/// A disk with little room, where this process may make one.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn mount(folder: &std::path::Path) -> Option<Self> {
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"]).arg(folder);
        mount.output().is_ok_and(|output| output.status.success()).then(|| Self(folder.to_owned()))
    }

    /// Fills it but for so much.
    #[expect(clippy::unwrap_used, reason = "a disk that cannot be filled fails its test")]
    fn leave(&self, kib: usize) {
        let (path, page) = (self.0.join("filler"), [0; 4096]);
        let mut file = std::fs::File::create(path).unwrap();
        let mut pages = 0_u64;
        while file.write_all(&page).is_ok() {
            pages += 1;
        }
        file.set_len((pages << 12).saturating_sub((kib as u64) << 10)).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(std::process::Command::new("umount").arg("-l").arg(&self.0).output());
    }
}
