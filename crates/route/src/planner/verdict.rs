//! Why a plan relays, or does not.

use super::assemble::direct_gbit;
use super::network::{Network, gbit};
use super::question::Objective;
use super::route_plan::{RoutePlan, Verdict};

/// A rate this near to a cap is at the cap.
const AT_CAP: f64 = 0.999;

/// The verdict on a plan to one destination.
pub(super) fn verdict(network: &Network<'_>, plan: &RoutePlan) -> Verdict {
    let question = network.question;
    let is_direct = plan.hops.iter().all(|hop| hop.from == plan.from && plan.to.contains(&hop.to));
    let times_direct = direct_gbit(plan.direct).map(|direct| gbit(plan.rate) / direct);
    if !is_direct {
        return Verdict::Relayed { times_direct };
    }
    let machines = f64::from(question.max_vms);
    let egress = gbit(question.wan.gateway(question.from).egress);
    let ingress = question.to.first().map_or(f64::INFINITY, |to| gbit(question.wan.gateway(*to).ingress));
    let number =
        if question.max_vms == 1 { "its machine".to_owned() } else { format!("its {machines} machines") };
    let why = if matches!(question.objective, Objective::Cheapest(_) | Objective::By(_)) {
        "no relay makes a gigabyte cheaper; relays buy speed".to_owned()
    } else if gbit(plan.rate) >= AT_CAP * egress * machines {
        format!("direct runs at what {} may send from {number}, {egress} Gbit/s each", plan.from)
    } else if gbit(plan.rate) >= AT_CAP * ingress * machines {
        format!("direct runs at what {} may take on {number}, {ingress} Gbit/s each", plan.to.join(", "))
    } else if network.nodes.len() <= 1 + question.to.len() {
        "no place is allowed to relay".to_owned()
    } else if matches!(question.objective, Objective::Fastest(Some(_))) {
        "every faster way costs more than the ceiling".to_owned()
    } else {
        "no relay offers a higher rate than the direct link".to_owned()
    };
    Verdict::Direct { why }
}
