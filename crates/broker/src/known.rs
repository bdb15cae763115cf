//! What runs that are driven have in common: those of equal plans share one plan in memory, with its job and its places.
//!
//! A plan with its alternatives is by far the largest part of a run that waits, and who submits a thousand runs at once mostly
//! submits one job. *Guarantee:* what is shared is equal; ids only say what to compare with.

use crate::view::{PlaceView, RunView};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use welkin_job::Job;
use welkin_placement::Plan;

/// A plan as it is shared.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) plan: Arc<Plan>,
    /// That of the plan, without secrets.
    job: Arc<Job>,
    /// Of each task.
    places: Vec<Arc<[PlaceView]>>,
}

/// Plans of the runs that are driven, by their ids.
#[derive(Debug, Default)]
pub(crate) struct Plans(Mutex<BTreeMap<String, Weak<Known>>>);

impl Plans {
    /// The plan of a run whose state is `view`, which uses its places from now on.
    pub(crate) fn share(&self, plan: Plan, view: &mut RunView) -> Arc<Known> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = all.get(&plan.id).and_then(Weak::upgrade).filter(|known| *known.plan == plan);
        let known = same.unwrap_or_else(|| {
            // Now and then: a look at all for each would grow with their square.
            if all.len().is_power_of_two() {
                all.retain(|_, known| known.strong_count() > 0);
            }
            let places = view.tasks.iter().map(|task| Arc::clone(&task.places)).collect();
            let job = Arc::new(plan.job.clone());
            let known = Arc::new(Known { plan: Arc::new(plan), job, places });
            all.insert(known.plan.id.clone(), Arc::downgrade(&known));
            known
        });
        for (task, places) in view.tasks.iter_mut().zip(&known.places) {
            task.places = Arc::clone(places);
        }
        known
    }
}

impl Known {
    /// A job, which is that of the plan unless it has secrets.
    pub(crate) fn job(&self, job: Option<Job>) -> Arc<Job> {
        match job {
            Some(job) if job != *self.job => Arc::new(job),
            _ => Arc::clone(&self.job),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use welkin_job::{Objective, Policy};
    use welkin_placement::Gap;
    use welkin_provider::UnixMillis;
    use welkin_records::RunId;
    use welkin_units::{Span, Usd};

    fn plan(name: &str) -> Plan {
        let (objective, policy) = (Objective::Cost, Policy::default());
        let job = Job { name: name.to_owned(), tasks: Vec::new(), edges: Vec::new(), objective, policy };
        Plan {
            schema: 0,
            id: String::new(),
            job,
            tasks: Vec::new(),
            transfers: Vec::new(),
            objective,
            cost: Usd::ZERO,
            egress: Usd::ZERO,
            time: Span::ZERO,
            gap: Gap::Exact,
            catalog: String::new(),
            tariffs: String::new(),
            assumptions: Vec::new(),
            remarks: Vec::new(),
            month: None,
        }
        .sealed()
    }

    #[test]
    fn equal_plans_are_one_while_somebody_has_them_and_an_id_alone_makes_none_equal() {
        let plans = Plans::default();
        let share = |plan: Plan| {
            let mut view = RunView::new(RunId("run".to_owned()), &plan, UnixMillis(0));
            plans.share(plan, &mut view)
        };
        let (first, second) = (share(plan("a")), share(plan("a")));
        assert!(Arc::ptr_eq(&first, &second));
        assert!(Arc::ptr_eq(&first.job(Some(plan("a").job)), &second.job(None)));
        assert_eq!(first.job(Some(plan("b").job)).name, "b", "one with secrets is its own");
        let forged = Plan { id: first.plan.id.clone(), ..plan("b") };
        assert_eq!(share(forged).plan.job.name, "b");
        drop((first, second));
        for name in ["c", "d", "e", "f"] {
            share(plan(name));
        }
        assert!(plans.0.lock().expect("nobody panics").len() < 4, "those that nobody has go");
    }
}
