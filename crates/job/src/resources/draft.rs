//! Resources in which every key is present or absent, so that one set can be laid over another.

use crate::accelerator::Accelerators;
use crate::model::{Amount, Arch, Autostop, Infra, Market, Recovery};
use crate::quantity::Memory;
use crate::yaml::Place;
use std::collections::{BTreeMap, BTreeSet};
use welkin_units::{Bytes, Usd};

/// Resources as one mapping of the file gives them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Draft {
    pub(crate) location: Location,
    pub(crate) accelerators: Option<Accelerators>,
    pub(crate) cpus: Option<Amount>,
    pub(crate) memory: Option<Memory>,
    pub(crate) arch: Option<Arch>,
    pub(crate) burstable: Option<bool>,
    pub(crate) instance_type: Option<String>,
    pub(crate) market: Option<Market>,
    pub(crate) max_hourly_cost: Option<Usd>,
    pub(crate) disk_size: Option<Bytes>,
    pub(crate) disk_tier: Option<String>,
    pub(crate) network_tier: Option<String>,
    pub(crate) ports: Option<Vec<String>>,
    pub(crate) image_id: Option<String>,
    pub(crate) labels: BTreeMap<String, String>,
    /// The inner `None` is `autostop: false`.
    #[expect(clippy::option_option, reason = "absent, switched off, or set")]
    pub(crate) autostop: Option<Option<Autostop>>,
    pub(crate) accelerator_args: Option<BTreeMap<String, String>>,
    pub(crate) recovery: Option<Recovery>,
    /// Keys that are there without a value: an alternative takes back with them what the base says.
    pub(crate) nulls: BTreeSet<&'static str>,
}

/// A place, in the short form or by its parts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Location {
    pub(crate) infra: Option<(Infra, Place)>,
    #[expect(clippy::option_option, reason = "absent, any, or this one")]
    pub(crate) cloud: Option<Option<String>>,
    pub(crate) region: Option<String>,
    pub(crate) zone: Option<String>,
}

impl Location {
    /// Whether nothing is said about the place.
    pub(crate) fn is_empty(&self) -> bool {
        self.infra.is_none() && self.has_no_parts()
    }

    /// Whether none of the older keys is given.
    pub(crate) fn has_no_parts(&self) -> bool {
        self.cloud.is_none() && self.region.is_none() && self.zone.is_none()
    }

    fn over(&self, base: &Self) -> Self {
        Self {
            infra: self.infra.clone().or_else(|| base.infra.clone()),
            cloud: self.cloud.clone().or_else(|| base.cloud.clone()),
            region: self.region.clone().or_else(|| base.region.clone()),
            zone: self.zone.clone().or_else(|| base.zone.clone()),
        }
    }

    /// The place itself.
    pub(crate) fn infra(&self) -> Infra {
        match &self.infra {
            Some((infra, _)) => infra.clone(),
            None => Infra {
                provider: self.cloud.clone().flatten(),
                region: self.region.clone(),
                zone: self.zone.clone(),
            },
        }
    }
}

impl Draft {
    /// This draft laid over another as an alternative over its base, in which a key without a value takes
    /// back what the base says.
    pub(crate) fn instead_of(&self, base: &Self) -> Self {
        if self.nulls.is_empty() {
            return self.over(base);
        }
        let mut base = base.clone();
        self.nulls.iter().for_each(|key| base.forget(key));
        self.over(&base)
    }

    fn forget(&mut self, key: &str) {
        match key {
            "infra" => self.location.infra = None,
            "cloud" => self.location.cloud = None,
            "region" => self.location.region = None,
            "zone" => self.location.zone = None,
            "accelerators" | "gpus" => self.accelerators = None,
            "cpus" => self.cpus = None,
            "memory" => self.memory = None,
            "arch" => self.arch = None,
            "burstable" => self.burstable = None,
            "instance_type" => self.instance_type = None,
            "use_spot" => self.market = None,
            "max_hourly_cost" => self.max_hourly_cost = None,
            "disk_size" => self.disk_size = None,
            "disk_tier" => self.disk_tier = None,
            "network_tier" => self.network_tier = None,
            "ports" => self.ports = None,
            "image_id" => self.image_id = None,
            "autostop" => self.autostop = None,
            "accelerator_args" => self.accelerator_args = None,
            "job_recovery" | "spot_recovery" => self.recovery = None,
            // Labels unite, and the other keys have no effect.
            _ => {}
        }
    }

    /// This draft laid over another: its keys win, labels unite.
    pub(crate) fn over(&self, base: &Self) -> Self {
        let mut labels = base.labels.clone();
        labels.extend(self.labels.clone());
        Self {
            location: self.location.over(&base.location),
            accelerators: self.accelerators.clone().or_else(|| base.accelerators.clone()),
            cpus: self.cpus.or(base.cpus),
            memory: self.memory.or(base.memory),
            arch: self.arch.or(base.arch),
            burstable: self.burstable.or(base.burstable),
            instance_type: self.instance_type.clone().or_else(|| base.instance_type.clone()),
            market: self.market.or(base.market),
            max_hourly_cost: self.max_hourly_cost.or(base.max_hourly_cost),
            disk_size: self.disk_size.or(base.disk_size),
            disk_tier: self.disk_tier.clone().or_else(|| base.disk_tier.clone()),
            network_tier: self.network_tier.clone().or_else(|| base.network_tier.clone()),
            ports: self.ports.clone().or_else(|| base.ports.clone()),
            image_id: self.image_id.clone().or_else(|| base.image_id.clone()),
            labels,
            autostop: self.autostop.clone().or_else(|| base.autostop.clone()),
            accelerator_args: self.accelerator_args.clone().or_else(|| base.accelerator_args.clone()),
            recovery: self.recovery.clone().or_else(|| base.recovery.clone()),
            nulls: BTreeSet::new(),
        }
    }

    /// Bytes of text in the parts that grow with the file.
    pub(crate) fn text_bytes(&self) -> usize {
        let pairs =
            |map: &BTreeMap<String, String>| map.iter().map(|(k, v)| k.len() + v.len()).sum::<usize>();
        pairs(&self.labels)
            + self.accelerator_args.as_ref().map_or(0, pairs)
            + self.ports.iter().flatten().map(String::len).sum::<usize>()
            + self.image_id.as_ref().map_or(0, String::len)
    }
}
