//! What requests take of a machine.

use welkin_provider::LeaseRequest;

/// Thousandths of a virtual CPU and bytes of memory, over all nodes. What asks for no limit takes no share.
pub(crate) fn taken<'a>(requests: impl Iterator<Item = &'a LeaseRequest>) -> (u64, u64) {
    requests.fold((0, 0), |(vcpus, memory), request| {
        let nodes = u64::from(request.nodes);
        (
            vcpus.saturating_add(nodes.saturating_mul(u64::from(request.machine.vcpus_milli))),
            memory.saturating_add(nodes.saturating_mul(request.machine.memory.get())),
        )
    })
}

/// Thousandths, in words.
pub(crate) fn thousandths(milli: u64) -> String {
    format!("{}.{:03}", milli / 1_000, milli % 1_000)
}
