//! Hosts that go away: noticed, done without, and swept when they return.

use crate::bed::{Bed, PATIENCE, lab, read, ready, request, run, smallest, step, until};
use welkin_clouds::Ssh;
use welkin_provider::{ErrorKind, LeaseState, Owner, Provider};

fn is_lost(state: &LeaseState) -> bool {
    matches!(state, LeaseState::Lost { preempted: false, .. })
}

/// Lists, which looks at every host, until it is so.
async fn listed_until(provider: &Ssh, what: &str, is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            drop(provider.list(&Owner("tests".into())).await);
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("never: {what}"));
}

/// The number of the host that runs a node, by the name that it gives itself.
async fn host_of(provider: &Ssh, lease: &welkin_provider::Lease, rank: u32) -> usize {
    let node = provider.node(&lease.id, rank).await.unwrap();
    let lines = run(&*node, &format!("where-{rank}"), "hostname").await;
    lines[0].strip_prefix('h').unwrap().parse::<usize>().unwrap() - 1
}

#[tokio::test]
async fn a_host_that_dies_takes_its_gang_along_and_is_swept_when_it_returns() {
    let Some(bed) = Bed::real("a_host_that_dies_takes_its_gang_along_and_is_swept_when_it_returns") else {
        return;
    };
    let provider = bed.provider();
    let machine = smallest(&provider).await;
    let lease = ready(&provider, &request(&machine, "gang", 2)).await;
    let (dies, lives) = (host_of(&provider, &lease, 0).await, host_of(&provider, &lease, 1).await);
    assert_ne!(dies, lives, "nodes of a gang are on different hosts");
    assert_eq!(lease.nodes[0].address, bed.hosts().address(dies));

    bed.hosts().kill(dies);
    let lost = until(&provider, &lease.id, |lease| lease.state.is_over()).await;
    assert!(is_lost(&lost.state), "{:?}", lost.state);
    assert_eq!(bed.agents(lives), 0, "the other part was given back at once");
    // The pool goes on without it.
    let other = ready(&provider, &request(&machine, "other", 2)).await;
    assert!(other.nodes.iter().all(|node| node.address != bed.hosts().address(dies)));
    provider.release(&other.id).await.unwrap();

    bed.hosts().restart(dies);
    listed_until(&provider, "the host that returned is swept", || bed.left_over().is_empty()).await;
}

#[tokio::test]
async fn a_host_that_is_cut_off_keeps_nothing_once_it_is_joined_again() {
    let Some(bed) = Bed::real("a_host_that_is_cut_off_keeps_nothing_once_it_is_joined_again") else { return };
    let provider = bed.provider();
    let machine = smallest(&provider).await;
    let lease = ready(&provider, &request(&machine, "cut", 1)).await;
    let host = host_of(&provider, &lease, 0).await;
    let node = provider.node(&lease.id, 0).await.unwrap();
    node.start(&step("long", "sleep 1000")).await.unwrap();

    bed.hosts().set_joined(host, false).unwrap();
    let lost = until(&provider, &lease.id, |lease| lease.state.is_over()).await;
    assert!(is_lost(&lost.state), "{:?}", lost.state);
    assert_eq!(bed.agents(host), 1, "nobody could tell it");
    provider.release(&lease.id).await.unwrap();

    bed.hosts().set_joined(host, true).unwrap();
    listed_until(&provider, "what it kept is given back", || bed.left_over().is_empty()).await;
    assert_eq!(bed.agents(host), 0);
    assert!(is_lost(&provider.observe(&lease.id).await.unwrap().state), "a verdict never changes");
}

#[tokio::test]
async fn a_login_that_breaks_loses_no_work() {
    let bed = Bed::folders();
    let provider = bed.provider();
    let machine = smallest(&provider).await;
    let lease = ready(&provider, &request(&machine, "kept", 1)).await;
    let node = provider.node(&lease.id, 0).await.unwrap();
    let gate = bed.folder.path().join("gate");
    let script = format!("echo begun; until test -e {}; do sleep 0.05; done; echo done", gate.display());
    node.start(&step("long", &script)).await.unwrap();

    for host in 0..3 {
        bed.set_away(host, true);
    }
    for host in 0..3 {
        bed.set_away(host, false);
    }
    std::fs::write(&gate, "").unwrap();
    let events = async {
        loop {
            // The first calls find the login broken.
            if node.events(&welkin_provider::StepId("long".into()), 0, welkin_units::Span::ZERO).await.is_ok()
            {
                return read(&*node, &welkin_provider::StepId("long".into())).await;
            }
        }
    };
    let lines = tokio::time::timeout(PATIENCE, events).await.unwrap();
    assert_eq!(lines, ["begun", "done"]);
    assert_eq!(provider.observe(&lease.id).await.unwrap().state, LeaseState::Ready);
}

#[tokio::test]
async fn what_one_process_was_killed_over_another_gives_back() {
    let bed = Bed::folders();
    let first = bed.provider();
    let machine = smallest(&first).await;
    let lease = ready(&first, &request(&machine, "left", 3)).await;
    drop(first);
    let second = bed.provider();
    let listed = second.list(&Owner("tests".into())).await.unwrap();
    assert_eq!(listed.iter().map(|lease| &lease.id).collect::<Vec<_>>(), [&lease.id]);
    assert_eq!(second.observe(&lease.id).await.unwrap().state, LeaseState::Ready);
    second.release(&lease.id).await.unwrap();
    assert!(bed.left_over().is_empty());
    assert_eq!(second.observe(&lease.id).await.unwrap().state, LeaseState::Released);
    assert_eq!(lab(), lease.location);
}

#[tokio::test]
async fn a_host_that_was_taken_out_of_the_file_gives_back_when_it_is_in_it_again() {
    let bed = Bed::folders();
    let before = bed.provider();
    let mut asked = request(&smallest(&before).await, "forgotten", 1);
    asked.location.zone = Some("h3".into());
    let lease = ready(&before, &asked).await;
    drop(before);

    let without = bed.provider_with("here", 0..2);
    let gone = without.observe(&lease.id).await.unwrap_err();
    assert_eq!(gone.kind, ErrorKind::NotFound, "{gone}");
    without.release(&lease.id).await.unwrap();
    assert!(!bed.left_over().is_empty(), "nobody could tell the host");

    let again = bed.provider();
    listed_until(&again, "the host gives back", || bed.left_over().is_empty()).await;
}

/// A laptop without a network knows no names: nothing that a host said.
#[tokio::test]
async fn a_name_that_is_not_known_for_a_while_strikes_nothing_off() {
    const WORDS: &str = "ssh: Could not resolve hostname h1: Temporary failure in name resolution";
    let bed = Bed::folders();
    let provider = bed.provider();
    let mut asked = request(&smallest(&provider).await, "offline", 1);
    asked.location.zone = Some("h1".into());
    let lease = ready(&provider, &asked).await;
    let node = provider.node(&lease.id, 0).await.unwrap();
    node.start(&step("long", "sleep 1000")).await.unwrap();

    bed.cut_off(0, WORDS);
    let unseen = provider.observe(&lease.id).await.unwrap_err();
    assert_eq!(unseen.kind, ErrorKind::Transient, "{unseen}");
    let login = node.login("", &Default::default()).await.err().unwrap();
    assert!(login.kind == ErrorKind::Transient && login.message.contains("resolve"), "{login}");
    bed.set_away(0, false);
    until(&provider, &lease.id, |lease| lease.state == LeaseState::Ready).await;

    bed.cut_off(0, WORDS);
    // Whether it is told that the host cannot be told now, what it holds stays on record.
    drop(provider.release(&lease.id).await);
    assert_eq!(bed.agents(0), 1, "nobody could tell it");
    bed.set_away(0, false);
    listed_until(&provider, "the host gives back", || bed.left_over().is_empty()).await;
    assert_eq!(bed.agents(0), 0);
}
