//! How many connections each hop gets.

use super::network::{Network, Node, gbit};
use crate::wan::SiteId;

/// Connections of each way that carries something, for its flow in Gbit/s.
///
/// A flow needs `flow / link rate` of a machine's connections. Rounded up, the shares of a machine may pass
/// what it has by a few; then those that rounding up favoured most give one back, but none its last.
pub(super) fn connections(
    network: &Network<'_>,
    flows: &[(usize, f64)],
    vms: impl Fn(SiteId) -> u32,
) -> Vec<u32> {
    let per_vm = |node: Node| match node {
        Node::Site(site) => Some((site, network.question.wan.gateway(site).connections)),
        Node::Store(_) => None,
    };
    let exact: Vec<f64> = flows
        .iter()
        .map(|(way, flow)| {
            let way = &network.ways[*way];
            let all = [per_vm(way.from), per_vm(way.to)].into_iter().flatten().map(|(_, count)| count).min();
            f64::from(all.unwrap_or(1)) * flow / gbit(way.rate)
        })
        .collect();
    let mut counts: Vec<u32> = exact.iter().map(|exact| whole((exact - 1e-6).ceil()).max(1)).collect();
    for end in [|way: &super::network::Way| way.from, |way: &super::network::Way| way.to] {
        for node in &network.nodes {
            let Some((site, count)) = per_vm(*node) else { continue };
            let here: Vec<usize> =
                (0..flows.len()).filter(|at| end(&network.ways[flows[*at].0]) == *node).collect();
            let most = u64::from(vms(site)) * u64::from(count);
            while here.iter().map(|at| u64::from(counts[*at])).sum::<u64>() > most {
                let spare = here.iter().filter(|at| counts[**at] > 1);
                let by_excess = |a: &&usize, b: &&usize| {
                    let excess = |at: usize| f64::from(counts[at]) - exact[at];
                    excess(**a).total_cmp(&excess(**b)).then(b.cmp(a))
                };
                let Some(at) = spare.max_by(by_excess) else { break };
                counts[*at] -= 1;
            }
        }
    }
    counts
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "connections of some machines")]
fn whole(count: f64) -> u32 {
    count.max(0.0) as u32
}
