//! A task's typed conditions as the catalog's filter.

use welkin_catalog::tables::Tables;
use welkin_catalog::{
    AcceleratorFilter, Amount, Arch as CatalogArch, Filter, Market as CatalogMarket, Offer, TeeSet,
};
use welkin_job::{Arch, Market, Resources, Task, Tee};
use welkin_units::Usd;

/// Conditions of one option of a task.
pub(super) fn filter(task: &Task, option: &Resources) -> Filter {
    let amount = |amount: welkin_job::Amount| Amount { milli: amount.milli, or_more: amount.or_more };
    let assumed = option.assumed();
    Filter {
        providers: option.infra.provider.iter().cloned().collect(),
        region: option.infra.region.clone(),
        zone: option.infra.zone.clone(),
        certs: task.policy.certs.clone(),
        instance_type: option.instance_type.clone().filter(|_| !is_tpu_host(option)),
        accelerator: option.accelerator.as_ref().map(|accelerator| AcceleratorFilter {
            name: accelerator.name.clone(),
            count: Some(Amount { milli: u64::from(accelerator.count_milli), or_more: false }),
        }),
        cpus: option.cpus.or(assumed.cpus()).map(amount),
        memory_gib: option.memory_gib.map(amount),
        memory_per_cpu_milli: option.memory_per_cpu_milli.or(assumed.memory_per_cpu_milli),
        arch: option.wanted_arch().map(arch),
        exclude_arch: assumed.x86.then_some(CatalogArch::Arm64),
        exclude_burstable: assumed.steady || option.burstable == Some(false),
        tee: tee_set(&task.needs.tee),
        market: match option.market {
            Market::OnDemand => CatalogMarket::OnDemand,
            Market::Spot => CatalogMarket::Spot,
            Market::Any => CatalogMarket::Any,
        },
        ..Filter::default()
    }
}

/// Whether the machine type is SkyPilot's word for the host that comes with a TPU, whatever its name is here.
fn is_tpu_host(option: &Resources) -> bool {
    const TPU_HOST: &str = "TPU-VM";
    let tpu = |name: &str| name.to_ascii_lowercase().contains("tpu");
    option.instance_type.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(TPU_HOST))
        && option.accelerator.as_ref().is_some_and(|accelerator| tpu(&accelerator.name))
}

/// The catalog's word for it; only one of the two is ever asked for.
fn arch(arch: Arch) -> CatalogArch {
    match arch {
        Arch::Arm64 => CatalogArch::Arm64,
        Arch::X86_64 | Arch::Any => CatalogArch::X86_64,
    }
}

pub(super) fn tee_set(kinds: &[Tee]) -> TeeSet {
    kinds.iter().fold(TeeSet::default(), |set, kind| {
        set.union(match kind {
            Tee::SevSnp => TeeSet::SEV_SNP,
            Tee::Sev => TeeSet::SEV,
            Tee::Tdx => TeeSet::TDX,
            Tee::Sgx => TeeSet::SGX,
            Tee::Nitro => TeeSet::NITRO,
            Tee::GpuCc => TeeSet::GPU_CC,
        })
    })
}

/// What the vendor adds per hour for running the offer confidentially, when the task asks for it.
pub(super) fn confidential_fee(tables: &Tables, task: &Task, offer: &Offer<'_>) -> Usd {
    let wanted = tee_set(&task.needs.tee);
    if wanted.is_empty() {
        return Usd::ZERO;
    }
    tables.tee_fees.hourly(offer, wanted).unwrap_or_default()
}
