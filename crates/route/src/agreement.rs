//! Agreements between providers.

use crate::tariff::Tariff;
use crate::wan::Site;
use welkin_units::{BitsPerSecond, Usd};

/// What an agreement in force means for the planner.
#[derive(Debug, Clone)]
pub struct Terms {
    pub id: String,
    pub charge: Charge,
}

#[derive(Debug, Clone)]
pub enum Charge {
    PerGb(Tariff),
    Capacity { rate: BitsPerSecond, per_hour: Usd, units: u32 },
}
impl Terms {
    pub fn covers(&self, _from: &Site, _to: &Site) -> bool {
        false
    }
}
