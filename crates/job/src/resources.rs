//! The `resources` section: read once into drafts, then unfolded into the acceptable options.
//!
//! 1. [`spec`] reads the section: a base and the alternatives of `any_of` or `ordered`, each a
//!    [`Draft`] in which every key is present or absent.
//! 2. In a Welkin job the task's base is laid over the job's.
//! 3. [`unfold`] lays each alternative over the base and multiplies by the accelerators.
//!
//! Reading before merging reports each mistake once, however many options it would reach, and
//! keeps the work linear in the file plus the number of options.

mod draft;
mod placement;
mod settings;
mod spec;
mod unfold;

pub(crate) use spec::{Spec, spec};
pub(crate) use unfold::{Options, unfold};

/// Every key of `resources`: SkyPilot's 31 and its alias `gpus`, then Welkin's.
pub(crate) const KEYS: &[&str] = &[
    "infra",
    "cloud",
    "region",
    "zone",
    "accelerators",
    "gpus",
    "cpus",
    "memory",
    "instance_type",
    "use_spot",
    "any_of",
    "ordered",
    "disk_size",
    "disk_tier",
    "local_disk",
    "ephemeral_storage",
    "network_tier",
    "ports",
    "image_id",
    "labels",
    "autostop",
    "job_recovery",
    "spot_recovery",
    "priority",
    "priority_class",
    "max_hourly_cost",
    "accelerator_args",
    "volumes",
    "_docker_login_config",
    "_is_image_managed",
    "_requires_fuse",
    "_cluster_config_overrides",
    "_no_missing_accel_warnings",
    "arch",
    "burstable",
];
