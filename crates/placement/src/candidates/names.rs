//! Names of a task that nothing in the catalog has: they remove every offer, or one option of several, without
//! a word.

use super::filter::filter;
use crate::request::Request;
use std::collections::BTreeSet;
use welkin_catalog::{AcceleratorFilter, Filter};
use welkin_job::{Infra, Task, TimeEstimate};

/// What is to be said of the names of a task, in order and each once.
pub(super) fn unknown(request: &Request<'_>, task: &Task) -> Vec<String> {
    let policy = &task.policy;
    let codes = policy.residency.iter().filter(|code| !welkin_job::residency_is_union(code));
    let of_policy = Filter {
        providers: policy.allow_providers.clone(),
        countries: codes.cloned().collect(),
        ..Filter::default()
    };
    let timed = match &task.time {
        TimeEstimate::PerAccelerator(times) => times.as_slice(),
        _ => &[],
    };
    let timed = timed.iter().map(|(accelerator, _)| Filter {
        accelerator: Some(AcceleratorFilter { name: accelerator.name.clone(), count: None }),
        ..Filter::default()
    });
    let options = task.options.iter().map(|option| filter(task, option));
    let remarks: BTreeSet<String> = options
        .chain(timed)
        .chain([of_policy])
        .flat_map(|filter| request.catalog.unknown_names(&filter, request.tables))
        .collect();
    remarks.into_iter().collect()
}

/// Every offer of a place that somebody asks about, whoever may buy it.
pub(crate) fn at_place(place: &Infra) -> Filter {
    Filter {
        providers: place.provider.iter().cloned().collect(),
        region: place.region.clone(),
        zone: place.zone.clone(),
        include_restricted: true,
        include_undersized: true,
        ..Filter::default()
    }
}
