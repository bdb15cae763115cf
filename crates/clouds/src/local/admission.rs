//! Whether this machine has room for a request.

use crate::machine::{Boot, Hardware, MachineError, Record, Terms};
use welkin_provider::{ErrorKind, LeaseRequest};
use welkin_units::Span;

/// Terms for `request` beside what is `live`, or what is missing.
pub(super) fn admit(
    request: &LeaseRequest,
    live: &[Record],
    hardware: &Hardware,
) -> Result<Terms, MachineError> {
    let (used_vcpus, used_memory) = used(live.iter().map(|record| &record.request));
    let (vcpus, memory) = used(std::iter::once(request));
    let refuse = |what: &str, asked: String, free: String| {
        let message = format!("{asked} of {what} asked for, {free} free on this machine");
        MachineError::Refused { kind: ErrorKind::NoCapacity, message }
    };
    let free_vcpus = u64::from(hardware.vcpus_milli).saturating_sub(used_vcpus);
    if vcpus > free_vcpus {
        return Err(refuse("vCPU", thousandths(vcpus), thousandths(free_vcpus)));
    }
    let free_memory = hardware.memory.get().saturating_sub(used_memory);
    if memory > free_memory {
        let bytes = |amount| welkin_units::Bytes::new(amount).to_string();
        return Err(refuse("memory", bytes(memory), bytes(free_memory)));
    }
    Ok(Terms { boot_delay: Span::ZERO, boot: Boot::Normal, preempt: None, shares: Vec::new() })
}

/// Whether nothing at all is free.
pub(super) fn is_full(live: &[Record], hardware: &Hardware) -> bool {
    let (vcpus, memory) = used(live.iter().map(|record| &record.request));
    vcpus >= u64::from(hardware.vcpus_milli) || memory >= hardware.memory.get()
}

/// Thousandths of a virtual CPU and bytes, over all nodes. What asks for no limit takes no share.
fn used<'a>(requests: impl Iterator<Item = &'a LeaseRequest>) -> (u64, u64) {
    requests.fold((0, 0), |(vcpus, memory), request| {
        let nodes = u64::from(request.nodes);
        (
            vcpus.saturating_add(nodes.saturating_mul(u64::from(request.machine.vcpus_milli))),
            memory.saturating_add(nodes.saturating_mul(request.machine.memory.get())),
        )
    })
}

fn thousandths(milli: u64) -> String {
    format!("{}.{:03}", milli / 1_000, milli % 1_000)
}
