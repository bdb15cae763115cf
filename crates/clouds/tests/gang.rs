//! Several nodes as one machine room: ranks, addresses, limits.

mod bed;

use bed::{Bed, is_finished, processes_of, request, run, step, until};
use std::collections::BTreeMap;
use welkin_provider::{LeaseState, Provider, ProviderId};
use welkin_units::Bytes;

/// Rank 0 listens on its own address; the others send it their rank. All use the same port.
const MEET: &str = r#"
if [ "$RANK" = 0 ]; then
    perl -MIO::Socket::INET -e '
        my $s = IO::Socket::INET->new(LocalAddr => $ENV{HEAD}, LocalPort => 4711, Listen => 8, ReuseAddr => 1) or die;
        print "listening\n"; $| = 1;
        for (1 .. $ENV{PEERS}) { my $c = $s->accept; print scalar <$c> }'
else
    until echo "rank $RANK of $NODES from $SELF" > /dev/tcp/$HEAD/4711; do sleep 0.01; done 2>/dev/null
fi
"#;

#[tokio::test]
async fn nodes_of_a_gang_meet_over_their_addresses() {
    let bed = Bed::new();
    let lease = bed.ready("gang", 3).await;
    assert_eq!(lease.nodes.iter().map(|node| node.rank).collect::<Vec<_>>(), [0, 1, 2]);
    let mut nodes = Vec::new();
    for address in &lease.nodes {
        let node = bed.aws.node(&lease.id, address.rank).await.unwrap();
        let mut step = step(&format!("meet-{}", address.rank), MEET);
        step.env = BTreeMap::from([
            ("RANK".to_owned(), address.rank.to_string()),
            ("NODES".to_owned(), "3".to_owned()),
            ("PEERS".to_owned(), "2".to_owned()),
            ("SELF".to_owned(), address.address.clone()),
            ("HEAD".to_owned(), lease.nodes[0].address.clone()),
        ]);
        node.start(&step).await.unwrap();
        nodes.push((node, step));
    }
    let mut lines = bed::read(&*nodes[0].0, &nodes[0].1.id, is_finished).await;
    lines.sort();
    let from = |rank: usize| format!("rank {rank} of 3 from {}", lease.nodes[rank].address);
    assert_eq!(lines, ["listening".to_owned(), from(1), from(2)]);
    bed.aws.release(&lease.id).await.unwrap();
}

#[tokio::test]
async fn leases_of_all_clouds_have_addresses_of_their_own() {
    let bed = Bed::new();
    let gcp = bed.cloud("gcp");
    let mut addresses = std::collections::BTreeSet::new();
    for round in 0..3 {
        let token = format!("address-{round}");
        let here = bed.ready(&token, 2).await;
        let mut there = request(&token, 2);
        there.location.provider = ProviderId::from_static("gcp");
        let there = gcp.acquire(&there).await.unwrap();
        let there = until(&*gcp, &there.id, |lease| lease.state == LeaseState::Ready).await;
        addresses.extend(here.nodes.into_iter().chain(there.nodes).map(|node| node.address));
    }
    assert_eq!(addresses.len(), 12);
    assert!(addresses.iter().all(|address| address.starts_with("127.")));
}

#[tokio::test]
async fn a_node_knows_nothing_of_the_user() {
    let bed = Bed::new();
    let lease = bed.ready("bare", 1).await;
    let node = bed.aws.node(&lease.id, 0).await.unwrap();
    let environment = run(&*node, "s", "env | cut -d= -f1 | sort; echo HOME $HOME; pwd").await;
    assert!(std::env::var_os("CARGO").is_some(), "the test's own environment has something to leak");
    assert!(!environment.iter().any(|name| name.starts_with("CARGO")), "{environment:?}");
    let home = bed.lease_folder(&lease.id).canonicalize().unwrap().join("node-0/home");
    assert!(environment.contains(&format!("HOME {}", home.display())), "{environment:?}");
    bed.aws.release(&lease.id).await.unwrap();
}

#[tokio::test]
async fn limits_hold_where_the_kernel_grants_them() {
    let bed = Bed::new();
    if !bed.aws.limits().starts_with("CPU and memory of each node are limited") {
        eprintln!("skipped: limits_hold_where_the_kernel_grants_them: {}", bed.aws.limits());
        return;
    }
    let mut limited = request("limited", 1);
    (limited.machine.vcpus_milli, limited.machine.memory) = (500, Bytes::new(64 << 20));
    let lease = bed.aws.acquire(&limited).await.unwrap();
    until(&*bed.aws, &lease.id, |lease| lease.state == LeaseState::Ready).await;
    let granted = bed.aws.granted(&lease.id).await.unwrap().remove(0);
    assert!(granted.contains("limited to 0.5 vCPU"), "{granted}");
    let node = bed.aws.node(&lease.id, 0).await.unwrap();
    // 256 MiB in one string on a node with 64: the kernel ends it, and the node lives on.
    let greedy = "perl -e 'my $x = \"x\" x (256 << 20); print length $x' || echo ended";
    assert_eq!(run(&*node, "memory", greedy).await, ["ended"]);
    // Half a processor: a quarter of a second of work takes half a second. Throttling cannot make it
    // faster, and a loaded machine only makes it slower.
    let busy = "perl -MTime::HiRes=time,clock -e \
                'my $t = time; 1 while clock() < 0.5; printf \"%d\\n\", (time - $t) * 1000'";
    let wall: u64 = run(&*node, "cpu", busy).await[0].parse().unwrap();
    assert!(wall >= 750, "half a second of work at half a processor took {wall} ms");
    let id = bed.node_ids(&lease.id).remove(0);
    let groups: Vec<String> = bed.record(&lease.id)["nodes"][0]["cgroups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| group.as_str().unwrap().to_owned())
        .collect();
    assert!(!groups.is_empty() && groups.iter().all(|group| std::path::Path::new(group).exists()));
    // What hides from every other search is still in its group.
    let hidden = step("hidden", "(env -i setsid sleep 600 &); echo up; sleep 600");
    node.start(&hidden).await.unwrap();
    bed::read(&*node, &hidden.id, bed::is_line).await;
    bed.aws.release(&lease.id).await.unwrap();
    assert!(processes_of(&id).is_empty());
    assert!(!groups.iter().any(|group| std::path::Path::new(group).exists()));
}
