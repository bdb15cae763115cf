//! Rules for this machine as a place: it is free and near, so it would win every plan.

use crate::reach::is_local;
use std::borrow::Cow;
use welkin_clouds::Local;
use welkin_job::Job;
use welkin_placement::Plan;
use welkin_units::Bytes;

/// In a job of which some tasks ask for this machine, keeps the others off it.
pub(super) fn only_where_asked(job: &Job) -> Cow<'_, Job> {
    let asks = |task: &welkin_job::Task| task.options.iter().any(|option| is_local(&option.infra));
    if !job.tasks.iter().any(asks) || job.tasks.iter().all(asks) {
        return Cow::Borrowed(job);
    }
    let mut job = job.clone();
    for task in job.tasks.iter_mut().filter(|task| !asks(task)) {
        task.policy.deny_providers.push(Local::NAME.to_owned());
    }
    Cow::Owned(job)
}

/// Takes the size off nodes on this machine: they are processes that share it, and a gang of three or
/// two tasks side by side must not wait for three machines.
pub(super) fn unlimited(mut plan: Plan) -> Plan {
    let places = plan
        .tasks
        .iter_mut()
        .flat_map(|task| std::iter::once(&mut task.choice).chain(&mut task.alternatives));
    let mut changed = false;
    for place in places.filter(|place| place.place.provider == Local::NAME) {
        place.node.vcpus_milli = 0;
        place.node.memory = Bytes::ZERO;
        changed = true;
    }
    if changed { plan.sealed() } else { plan }
}
