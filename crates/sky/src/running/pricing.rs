//! The tariffs of `welkin-route`, as the ledger asks for them.

use std::fmt;
use welkin_catalog::tables::Tables;
use welkin_ledger::Pricing;
use welkin_provider::Location;
use welkin_route::{Endpoint, TariffId, Tariffs};
use welkin_units::{Bytes, Usd};

/// Prices movements by the same tariffs that plans are made with.
pub(super) struct RoutePricing {
    tariffs: Tariffs,
}

impl RoutePricing {
    pub(super) fn new() -> Self {
        Self { tariffs: Tariffs::builtin() }
    }

    fn tariff(&self, from: &Location, to: &Location) -> TariffId {
        let tables = Tables::embedded();
        let from = Endpoint::at(&from.provider, &from.region, tables);
        let to = Endpoint::at(&to.provider, &to.region, tables);
        self.tariffs.between(&from, &to)
    }
}

impl Pricing for RoutePricing {
    fn egress(&self, from: &Location, to: &Location, month: &dyn Fn(&str) -> Bytes, bytes: Bytes) -> Usd {
        self.tariffs.marginal(&self.tariffs.volumes(month), self.tariff(from, to), bytes)
    }

    fn counter(&self, from: &Location, to: &Location) -> String {
        self.tariffs.get(self.tariff(from, to)).meter().to_owned()
    }
}

impl fmt::Debug for RoutePricing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoutePricing").finish_non_exhaustive()
    }
}
