//! Whether a host has room for a request, and which of its devices it gets.

use crate::machine::{Boot, MachineError, Record, Share, Terms, taken, thousandths};
use crate::remote::{Free, Gpu, HostInfo, Vendor};
use crate::ssh::accelerator_name;
use std::collections::{BTreeMap, BTreeSet};
use welkin_provider::{ErrorKind, LeaseRequest};
use welkin_units::{Bytes, Span};

/// Terms for `request` beside what is `live`, or what is missing.
pub(super) fn admit(
    request: &LeaseRequest,
    live: &[Record],
    info: &HostInfo,
    env: &BTreeMap<String, String>,
) -> Result<Terms, MachineError> {
    let free = free(live, info);
    let (vcpus, memory) = taken(std::iter::once(request));
    let memory = Bytes::new(memory);
    let refuse = |asked: String, left: String| {
        let message = format!("{asked} asked for, {left} free");
        Err(MachineError::Refused { kind: ErrorKind::NoCapacity, message })
    };
    if vcpus > free.vcpus_milli {
        return refuse(format!("{} vCPU", thousandths(vcpus)), thousandths(free.vcpus_milli));
    }
    if memory > free.memory {
        return refuse(format!("{memory} of memory"), free.memory.to_string());
    }
    let each = request.machine.accelerator.as_ref().map_or(0, welkin_provider::Accelerators::devices);
    let devices = u64::from(each).saturating_mul(u64::from(request.nodes));
    let of_kind = |gpu: &&Gpu| {
        let wanted =
            request.machine.accelerator.as_ref().is_some_and(|kind| kind.name == accelerator_name(gpu));
        wanted && free.devices.contains(&gpu.index)
    };
    let left: Vec<u32> = info.gpus.iter().filter(of_kind).map(|gpu| gpu.index).collect();
    if devices > left.len() as u64 {
        return refuse(format!("{devices} accelerators"), left.len().to_string());
    }
    let mut left = left.into_iter();
    let shares = (0..request.nodes).map(|_| share(left.by_ref().take(each as usize).collect(), info, env));
    Ok(Terms { boot_delay: Span::ZERO, boot: Boot::Normal, preempt: None, shares: shares.collect() })
}

/// What no live lease has taken.
pub(super) fn free(live: &[Record], info: &HostInfo) -> Free {
    let (vcpus, memory) = taken(live.iter().map(|record| &record.request));
    let given: BTreeSet<u32> =
        live.iter().flat_map(|record| &record.nodes).flat_map(|node| node.share.devices.clone()).collect();
    let devices = info.gpus.iter().map(|gpu| gpu.index).filter(|index| !given.contains(index));
    Free {
        vcpus_milli: u64::from(info.vcpus_milli).saturating_sub(vcpus),
        memory: Bytes::new(info.memory.get().saturating_sub(memory)),
        devices: devices.collect(),
    }
}

/// What one node gets: its devices, and nobody else's. A host without accelerators says nothing of them.
fn share(devices: Vec<u32>, info: &HostInfo, env: &BTreeMap<String, String>) -> Share {
    let mut env = env.clone();
    let list = devices.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
    for gpu in &info.gpus {
        for variable in visible(gpu) {
            env.insert((*variable).to_owned(), list.clone());
        }
    }
    Share { devices, env }
}

/// The variables by which programs see some devices only.
const fn visible(gpu: &Gpu) -> &'static [&'static str] {
    match gpu.vendor {
        Vendor::Nvidia => &["CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"],
        Vendor::Amd => &["ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"],
    }
}
