//! Placements by the names of what they take.

use crate::plan::{Node, Placement};
use welkin_catalog::hardware;
use welkin_job::Market;
use welkin_name::{Name, Place};

impl Placement {
    /// The name of the offering that is taken; `None` where the provider's own words cannot stand in one.
    #[must_use]
    pub fn name(&self) -> Option<Name> {
        self.node.name_at(&self.place, self.market == Market::Spot)
    }
}

impl Node {
    /// The name of such a machine at a place.
    #[must_use]
    pub fn name_at(&self, place: &Place, is_spot: bool) -> Option<Name> {
        let accelerator = self.accelerator.as_ref();
        let is_tpu = accelerator.is_some_and(|(model, _)| model.to_ascii_lowercase().starts_with("tpu"));
        let mut name = place.offers(if is_tpu { "tpu" } else { "vm" }, &self.instance_type);
        if let Some((model, count_milli)) = accelerator {
            name = name.qualifier("hw", &hardware(model, *count_milli));
        }
        if !self.tee.is_empty() {
            name = name.qualifier("tee", &self.tee.join(","));
        }
        if is_spot {
            name = name.qualifier("tier", "spot");
        }
        name.build().ok()
    }
}
