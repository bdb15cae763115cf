//! The starter catalog, the tariffs, and a month that tests may set.

use std::collections::BTreeMap;
use welkin_catalog::tables::Tables;
use welkin_catalog::{AlignedBytes, Catalog, starter};
use welkin_job::{Context, Job};
use welkin_placement::{PlanFailure, Planned, Request, plan};
use welkin_route::{Rates, Tariffs};
use welkin_units::Bytes;

pub(crate) struct Bed {
    pub(crate) bytes: AlignedBytes,
    pub(crate) tariffs: Tariffs,
    pub(crate) rates: Rates,
    pub(crate) sent: BTreeMap<String, Bytes>,
}

impl Bed {
    pub(crate) fn new() -> Self {
        let bytes = AlignedBytes::copy_from(&starter::catalog_bytes());
        Self { bytes, tariffs: Tariffs::builtin(), rates: Rates::builtin(), sent: BTreeMap::new() }
    }

    pub(crate) fn with<T>(&self, job: &Job, ask: impl FnOnce(&Request<'_>) -> T) -> T {
        let catalog = Catalog::open(self.bytes.as_bytes()).unwrap();
        ask(&Request {
            job,
            catalog: &catalog,
            tables: Tables::embedded(),
            tariffs: &self.tariffs,
            rates: &self.rates,
            providers: &[],
            month_to_date: &self.sent,
            blocked: &[],
            effort: 1,
        })
    }

    pub(crate) fn plan(&self, text: &str) -> Result<Planned, PlanFailure> {
        self.with(&job(text), plan)
    }
}

pub(crate) fn job(text: &str) -> Job {
    welkin_job::parse(text, &Context::new("test.yaml")).unwrap().job
}
