//! The checks, one file for each part of the port.

mod acquire;
mod data;
mod events;
pub(super) mod left_over;
mod life;
mod list;
mod preempt;
mod rest;
mod steps;
mod store;
mod usage;

use super::suite::Check;

/// Builds a [`Check`] from its id, its promise and an async function of a bench.
macro_rules! check {
    ($id:literal, $promise:literal, $run:path) => {
        Check { id: $id, promise: $promise, run: |bench| Box::pin($run(bench)) }
    };
}
use check;

pub(super) const CHECKS: &[Check] = &[
    check!("acquire-as-asked", "a lease says what was asked for", acquire::as_asked),
    check!("acquire-same-token", "the same token twice is one lease", acquire::same_token),
    check!("acquire-at-once", "the same token four times at once is one lease", acquire::at_once),
    check!("acquire-conflict", "a token with another request is a conflict", acquire::conflict),
    check!("acquire-after-end", "a token whose lease is over makes no new one", acquire::after_end),
    check!("acquire-unknown-type", "an unknown machine type is refused", acquire::unknown_type),
    check!("acquire-no-nodes", "a gang of no nodes is invalid", acquire::no_nodes),
    check!("capacity-answers", "capacity of what can be had is answered", acquire::capacity),
    check!("ready-in-time", "a lease becomes ready, with a node for each rank", life::ready),
    check!("gang-of-two", "the nodes of a gang are apart, and each runs steps", life::gang),
    check!("release-twice", "a lease is over after its release, which may be repeated", life::release_twice),
    check!("release-is-final", "a lease that is over never changes again", life::final_state),
    check!("unknown-lease", "an unknown lease is not found", life::unknown),
    check!(
        "stop-twice",
        "a lease that is stopped costs nothing and stays, however often it is stopped",
        rest::stop_twice
    ),
    check!("stop-ends-work", "what runs on machines ends when they stop", rest::ends_work),
    check!("start-again", "machines that are started have their disks as they were left", rest::start_again),
    check!("stop-then-over", "a lease that is over is neither stopped nor started", rest::over),
    check!("stop-unknown", "an unknown lease is neither stopped nor started", rest::unknown),
    check!("list-shows-own", "a lease is listed, as it is", list::shows_own),
    check!("list-hides-released", "a released lease is not listed", list::hides_released),
    check!("list-only-own", "leases of another owner are not listed", list::only_own),
    check!("step-environment", "a script sees its environment; its streams are apart", steps::environment),
    check!("step-exit-code", "a step tells the exit code of its script", steps::exit_code),
    check!("step-signal", "a step tells the signal that ended its script", steps::signal),
    check!("step-start-twice", "a step that is started twice runs once", steps::start_twice),
    check!("step-conflict", "a step id with another step is a conflict", steps::conflict),
    check!("step-stop", "a running step is stopped, which may be repeated", steps::stop),
    check!("step-secrets", "secret values are not in the log", steps::secrets),
    check!("step-after-release", "a node of a released lease is lost", steps::after_release),
    check!("step-unknown", "an unknown step or rank is not found", steps::unknown),
    check!(
        "events-numbered",
        "events count from 0, begin with the start and end with the end",
        events::numbered
    ),
    check!("events-again", "events read again from any number are the same", events::again),
    check!("events-wait", "waiting for events ends in time, with or without them", events::wait),
    check!("data-round-trip", "what one step publishes another fetches", data::round_trip),
    check!("data-missing-output", "an output that is missing fails its step", data::missing_output),
    check!("data-missing-input", "an input that is missing fails its step", data::missing_input),
    check!("store-objects", "objects are put, read, listed and deleted", store::objects),
    check!("store-again", "a store asked for again is the same", store::again),
    check!("store-by-owner", "stores of two owners are apart", store::by_owner),
    check!("store-by-region", "stores of two regions are apart", store::by_region),
    check!("usage-amount", "the usage feed accounts for a lease", usage::amount),
    check!("usage-once", "nothing is metered twice", usage::once),
    check!("usage-only-own", "usage of another owner is not told", usage::only_own),
    check!("preempted", "a lease that is taken back is lost as preempted", preempt::preempted),
    left_over::CHECK,
];
