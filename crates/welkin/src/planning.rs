//! From a job file to a plan: what `plan` and `up` share.

mod dotenv;
mod failure;
mod load;
mod local;
mod month;
mod overrides;
mod parallel;
mod saved;

pub(crate) use failure::infeasible;
pub(crate) use load::{Loaded, job, job_of, secrets};
pub(crate) use month::Wanted;
pub(crate) use saved::{anchor, read_plan, write_plan};

use crate::app::App;
use crate::reach;
use welkin_catalog::Catalog;
use welkin_catalog::tables::Tables;
use welkin_job::{Infra, Job};
use welkin_placement::{Front, MonthSoFar, Plan, PlanFailure, Planned, Request, WhyNot};
use welkin_route::{Rates, Tariffs};
use welkin_units::Bytes;

/// What plans are made from.
pub(crate) struct Planner {
    catalog: Catalog<'static>,
    tariffs: Tariffs,
    rates: Rates,
    configured: Vec<String>,
    effort: u32,
    month: MonthSoFar,
}

impl Planner {
    /// With everything plans are made from; they may take `effort` times the usual work.
    pub(crate) fn open(app: &App, effort: Option<u32>, month: Wanted) -> anyhow::Result<Self> {
        Ok(Self {
            catalog: app.catalog()?,
            tariffs: Tariffs::builtin(),
            rates: Rates::builtin(),
            configured: app.settings.providers.clone(),
            effort: effort.unwrap_or(1),
            month: month::so_far(app, month),
        })
    }

    /// The same, over the parts of a cluster and nothing else.
    pub(crate) fn on_cluster(app: &App, catalog: Catalog<'static>, provider: &str) -> Self {
        Self {
            catalog,
            tariffs: Tariffs::builtin(),
            rates: Rates::builtin(),
            configured: vec![provider.to_owned()],
            effort: 1,
            month: month::so_far(app, Wanted::SoFar),
        }
    }

    /// How many times the usual work a plan may take.
    pub(crate) fn effort(&self) -> u32 {
        self.effort
    }

    /// The job with whatever has to be chosen before it can be planned: machines and splits of parallel tasks.
    pub(crate) fn resolved(&self, loaded: Loaded, app: &App) -> anyhow::Result<Loaded> {
        parallel::resolve(loaded, self, app)
    }

    /// The best plan.
    pub(crate) fn plan(&self, job: &Job) -> Result<Planned, PlanFailure> {
        let job = local::only_where_asked(job);
        let planned = self.with(&job, welkin_placement::plan)?;
        Ok(Planned { plan: self.dated(local::unlimited(planned.plan)), ..planned })
    }

    /// Every plan that no other beats in both cost and time.
    pub(crate) fn front(&self, job: &Job) -> Result<Front, PlanFailure> {
        let front = self.with(&local::only_where_asked(job), welkin_placement::front)?;
        Ok(Front { plans: front.plans.into_iter().map(|plan| self.dated(plan)).collect(), ..front })
    }

    /// Why tasks do not run at a place.
    pub(crate) fn why_not(&self, job: &Job, place: &Infra) -> Result<Vec<WhyNot>, PlanFailure> {
        self.with(&local::only_where_asked(job), |request| welkin_placement::why_not(request, place))
    }

    /// What is to be said of the names of a place: those that nothing has, and what was meant.
    pub(crate) fn unknown_names(&self, job: &Job, place: &Infra) -> Vec<String> {
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
