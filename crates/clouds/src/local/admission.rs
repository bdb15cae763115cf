//! Whether this machine has room for a request.

use crate::machine::{Boot, Hardware, MachineError, Record, Terms, taken, thousandths};
use welkin_provider::{ErrorKind, LeaseRequest};
use welkin_units::Span;

/// Terms for `request` beside what is `live`, or what is missing.
pub(super) fn admit(
    request: &LeaseRequest,
    live: &[Record],
    hardware: &Hardware,
) -> Result<Terms, MachineError> {
    let (used_vcpus, used_memory) = taken(live.iter().map(|record| &record.request));
    let (vcpus, memory) = taken(std::iter::once(request));
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
    let (vcpus, memory) = taken(live.iter().map(|record| &record.request));
    vcpus >= u64::from(hardware.vcpus_milli) || memory >= hardware.memory.get()
}
