//! From a job to a plan over everything in reach.

mod cheapest;
mod local;
mod month;
mod parallel;
mod saved;

pub use cheapest::{HOSTS_TRIED, cheapest_machines};
pub use month::Month;
pub use saved::{anchor, read_plan, write_plan};

use crate::error::SkyError;
use crate::job::Loaded;
use crate::reach;
use crate::sky::Sky;
use welkin_broker::StoreError;
use welkin_catalog::Catalog;
use welkin_catalog::tables::Tables;
use welkin_job::{Infra, Job};
use welkin_placement::{Front, MonthSoFar, Plan, PlanFailure, Planned, Request, WhyNot};
use welkin_route::{Rates, Tariffs};
use welkin_units::Bytes;

/// What plans are made from.
#[derive(Debug)]
pub struct Planner {
    sky: Sky,
    catalog: Catalog<'static>,
    tariffs: Tariffs,
    rates: Rates,
    configured: Vec<String>,
    effort: u32,
    month: MonthSoFar,
    unread: Option<StoreError>,
}

impl Planner {
    pub(crate) fn open(sky: &Sky, effort: u32, month: Month) -> Result<Self, SkyError> {
        let (month, unread) = month::so_far(sky, month);
        Ok(Self {
            sky: sky.clone(),
            catalog: sky.catalog()?,
            tariffs: Tariffs::builtin(),
            rates: Rates::builtin(),
            configured: sky.options().config.providers.clone(),
            effort,
            month,
            unread,
        })
    }

    /// The same over another catalog, of one provider, and nothing else: as the parts of a cluster are.
    #[must_use]
    pub fn over(self, catalog: Catalog<'static>, provider: &str) -> Self {
        Self { catalog, configured: vec![provider.to_owned()], ..self }
    }

    /// Why what was moved this month could not be counted: plans are made as if nothing was.
    pub fn take_unread(&mut self) -> Option<StoreError> {
        self.unread.take()
    }

    /// How many times the usual work a plan may take.
    #[must_use]
    pub fn effort(&self) -> u32 {
        self.effort
    }

    /// The job with whatever has to be chosen before it can be planned: machines and splits of parallel tasks, whose
    /// names `told` hears before the search.
    ///
    /// # Errors
    /// [`SkyError::NoMachines`], [`SkyError::NoPlan`] and those of the model's file.
    pub fn resolved(&self, loaded: Loaded, told: &mut dyn FnMut(&str)) -> Result<Loaded, SkyError> {
        parallel::resolve(loaded, self, told)
    }

    /// The best plan.
    ///
    /// # Errors
    /// [`PlanFailure`].
    pub fn plan(&self, job: &Job) -> Result<Planned, PlanFailure> {
        let job = local::only_where_asked(job);
        let planned = self.with(&job, welkin_placement::plan)?;
        Ok(Planned { plan: self.dated(local::unlimited(planned.plan)), ..planned })
    }

    /// Every plan that no other beats in both cost and time.
    ///
    /// # Errors
    /// [`PlanFailure`].
    pub fn front(&self, job: &Job) -> Result<Front, PlanFailure> {
        let front = self.with(&local::only_where_asked(job), welkin_placement::front)?;
        Ok(Front { plans: front.plans.into_iter().map(|plan| self.dated(plan)).collect(), ..front })
    }

    /// Why tasks do not run at a place.
    ///
    /// # Errors
    /// [`PlanFailure`].
    pub fn why_not(&self, job: &Job, place: &Infra) -> Result<Vec<WhyNot>, PlanFailure> {
        self.with(&local::only_where_asked(job), |request| welkin_placement::why_not(request, place))
    }

    /// What is to be said of the names of a place: those that nothing has, and what was meant.
    #[must_use]
    pub fn unknown_names(&self, job: &Job, place: &Infra) -> Vec<String> {
        self.with(job, |request| welkin_placement::unknown_names(request, place))
    }

    /// The plan with what was counted of the month, if it moves anything.
    fn dated(&self, plan: Plan) -> Plan {
        if plan.transfers.iter().all(|transfer| transfer.bytes == Bytes::ZERO) {
            return plan;
        }
        Plan { month: Some(self.month.clone()), ..plan }.sealed()
    }

    fn with<T>(&self, job: &Job, plan: impl FnOnce(&Request<'_>) -> T) -> T {
        plan(&Request {
            job,
            catalog: &self.catalog,
            tables: Tables::embedded(),
            tariffs: &self.tariffs,
            rates: &self.rates,
            providers: &reach::providers(&self.catalog, &self.configured, job),
            month_to_date: &self.month.volumes,
            blocked: &[],
            effort: self.effort,
        })
    }
}
