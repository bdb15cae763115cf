//! Resources in which every key is present or absent, so that one set can be laid over another.

use crate::accelerator::Accelerators;
use crate::model::{Amount, Autostop, Infra, Market, Recovery};
use crate::quantity::Memory;
use crate::yaml::Place;
use std::collections::BTreeMap;
use welkin_units::{Bytes, Usd};

/// Resources as one mapping of the file gives them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Draft {
    pub(crate) location: Location,
    pub(crate) accelerators: Option<Accelerators>,
    pub(crate) cpus: Option<Amount>,
    pub(crate) memory: Option<Memory>,
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
    /// This draft laid over another: its keys win, labels unite.
    pub(crate) fn over(&self, base: &Self) -> Self {
        let mut labels = base.labels.clone();
        labels.extend(self.labels.clone());
        Self {
            location: self.location.over(&base.location),
            accelerators: self.accelerators.clone().or_else(|| base.accelerators.clone()),
            cpus: self.cpus.or(base.cpus),
            memory: self.memory.or(base.memory),
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
