//! Whether an emulated cloud takes a request, and what will happen to it.

use super::faults::{BootFault, Faults, Shortage};
use crate::machine::{Boot, MachineError, Record, Terms};
use welkin_provider::{ErrorKind, LeaseRequest, Location, MachineSpec, Tier};
use welkin_units::Span;

/// Terms for `request` beside what is `live`, or the cloud's refusal. Takes strikes from `faults`.
pub(super) fn admit(
    request: &LeaseRequest,
    live: &[Record],
    boot_delay: Span,
    faults: &mut Faults,
) -> Result<Terms, MachineError> {
    for shortage in faults.shortages.iter().filter(|shortage| shortage.scope.covers_request(request)) {
        let used = in_use(shortage, live);
        if used.saturating_add(request.nodes) > shortage.nodes {
            return Err(refusal(shortage, request, used));
        }
    }
    let failure = faults
        .boot_failures
        .iter_mut()
        .find(|failure| failure.left > 0 && failure.scope.covers_request(request));
    let boot = failure.map_or(Boot::Normal, |failure| {
        failure.left -= 1;
        match failure.fault {
            BootFault::Fails => Boot::Fails,
            BootFault::Hangs => Boot::Hangs,
        }
    });
    let preemption =
        faults.preemptions.iter_mut().find(|rule| rule.left > 0 && rule.scope.covers_request(request));
    let preempt = preemption.map(|rule| {
        rule.left -= 1;
        (rule.after, rule.notice)
    });
    Ok(Terms { boot_delay, boot, preempt, shares: Vec::new() })
}

/// Whether not even one node of this type can be had.
pub(super) fn is_exhausted(
    location: &Location,
    instance_type: &str,
    tier: Tier,
    live: &[Record],
    faults: &Faults,
) -> bool {
    faults
        .shortages
        .iter()
        .filter(|shortage| shortage.scope.covers(location, instance_type, tier))
        .any(|shortage| in_use(shortage, live) >= shortage.nodes)
}

fn in_use(shortage: &Shortage, live: &[Record]) -> u32 {
    let in_scope = live.iter().filter(|record| shortage.scope.covers_request(&record.request));
    in_scope.fold(0, |sum, record| sum.saturating_add(record.request.nodes))
}

fn refusal(shortage: &Shortage, request: &LeaseRequest, used: u32) -> MachineError {
    let LeaseRequest { nodes, machine: MachineSpec { instance_type, .. }, location, .. } = request;
    let (kind, what) = if shortage.quota {
        (ErrorKind::QuotaExceeded, "the quota is")
    } else {
        (ErrorKind::NoCapacity, "there are")
    };
    let message = format!(
        "{nodes} of {instance_type} in {} asked for; {what} {} and {used} in use",
        location.region, shortage.nodes
    );
    MachineError::Refused { kind, message }
}
