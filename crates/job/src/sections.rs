//! Shapes of the sections that SkyPilot executes and this version does not: services, pools,
//! configuration, volumes, buckets.
//!
//! Source of the keys: SkyPilot 0.14.1's published task schema.

use crate::shape::Shape;
use crate::shape::Shape::{
    Any, Boolean, Choice, Each, Either, Fields, Integer, List, NonNegative, Number, Requires, Size, Text,
    Words,
};

const MANY: i64 = i64::MAX;

const READINESS: Shape = Either(&[
    Text,
    Requires(
        &["path"],
        &Fields(&[
            ("path", Text),
            ("initial_delay_seconds", Number),
            ("timeout_seconds", Number),
            ("endpoint_probe_interval_seconds", Number),
            ("consecutive_failure_threshold_timeout", Number),
            ("post_data", Either(&[Text, Each(&Any)])),
            ("headers", Each(&Text)),
        ]),
    ),
]);

const POOL_FIELDS: Shape = Fields(&[
    ("workers", Integer(0, MANY)),
    ("min_workers", Integer(0, MANY)),
    ("max_workers", Integer(0, MANY)),
    ("queue_length_threshold", Integer(1, MANY)),
    ("upscale_delay_seconds", NonNegative),
    ("downscale_delay_seconds", NonNegative),
]);

const REPLICA_POLICY: Shape = Requires(
    &["min_replicas"],
    &Fields(&[
        ("min_replicas", Integer(0, MANY)),
        ("max_replicas", Integer(0, MANY)),
        ("num_overprovision", Integer(0, MANY)),
        ("target_qps_per_replica", Either(&[NonNegative, Each(&NonNegative)])),
        ("dynamic_ondemand_fallback", Boolean),
        ("base_ondemand_fallback_replicas", Integer(0, MANY)),
        ("spot_placer", Choice(&["dynamic_fallback"])),
        ("upscale_delay_seconds", Number),
        ("downscale_delay_seconds", Number),
    ]),
);

/// `service`: a replicated endpoint.
pub(crate) const SERVICE: Shape = Fields(&[
    ("readiness_probe", READINESS),
    ("load_balancer", Fields(&[("stream_timeout_seconds", Number)])),
    ("pool", POOL_FIELDS),
    ("replica_policy", REPLICA_POLICY),
    ("ports", Integer(1, 65_535)),
    ("replicas", Integer(0, MANY)),
    ("workers", Integer(0, MANY)),
    ("load_balancing_policy", Choice(&["round_robin", "least_load", "instance_aware_least_load"])),
    ("tls", Requires(&["keyfile", "certfile"], &Fields(&[("keyfile", Text), ("certfile", Text)]))),
]);

/// `pool`: reusable workers.
pub(crate) const POOL: Shape = POOL_FIELDS;

const HOOKS: Shape = List(&Requires(
    &["run"],
    &Fields(&[
        ("run", Words),
        ("events", List(&Choice(&["stop", "preemption", "down"]))),
        ("timeout", Integer(1, MANY)),
    ]),
));

const ANY_MAPPING: Shape = Each(&Any);

/// `config`: settings of SkyPilot that a task may override, and its hooks.
pub(crate) const CONFIG: Shape = Fields(&[
    ("active_workspace", Text),
    ("docker", Fields(&[("run_options", Either(&[Text, List(&Text)]))])),
    ("nvidia_gpus", Fields(&[("disable_ecc", Boolean)])),
    (
        "kubernetes",
        Fields(&[
            ("custom_metadata", ANY_MAPPING),
            ("pod_config", ANY_MAPPING),
            ("provision_timeout", Integer(-1, MANY)),
            ("dws", ANY_MAPPING),
            ("kueue", ANY_MAPPING),
            ("quota", ANY_MAPPING),
            ("remote_identity", Any),
            ("enable_docker", Any),
            ("set_pod_resource_limits", Any),
        ]),
    ),
    (
        "ssh",
        Fields(&[
            ("custom_metadata", ANY_MAPPING),
            ("pod_config", ANY_MAPPING),
            ("provision_timeout", Integer(-1, MANY)),
        ]),
    ),
    ("azure", Fields(&[("remote_identity", Any), ("vpc_name", Text)])),
    (
        "gcp",
        Fields(&[
            ("vpc_name", Text),
            ("subnet_names", Any),
            ("managed_instance_group", ANY_MAPPING),
            ("enable_gvnic", Boolean),
            ("enable_gpu_direct", Boolean),
            ("placement_policy", Any),
        ]),
    ),
    ("vast", Fields(&[("datacenter_only", Boolean), ("create_instance_kwargs", ANY_MAPPING)])),
    ("slurm", Fields(&[("sbatch_options", ANY_MAPPING), ("quota", ANY_MAPPING), ("cpu_partition", Text)])),
    ("hooks", HOOKS),
]);

const VOLUME_FIELDS: Shape = Fields(&[
    ("name", Text),
    ("size", Size),
    ("type", Text),
    ("sub_path", Text),
    ("labels", Each(&Text)),
    ("config", ANY_MAPPING),
    ("use_existing", Boolean),
    ("host_path", Text),
    ("mode", Choice(&["ro", "rw"])),
]);

/// `volumes`: a volume's name, or what it is, by path on the node.
pub(crate) const VOLUMES: Shape = Each(&Either(&[Words, VOLUME_FIELDS]));

/// `volume_mounts`: what SkyPilot makes of `volumes` for itself.
pub(crate) const VOLUME_MOUNTS: Shape = List(&Fields(&[
    ("path", Text),
    ("volume_name", Text),
    ("is_ephemeral", Boolean),
    ("sub_path", Text),
    ("volume_config", ANY_MAPPING),
]));

/// `managed_secrets`: secrets by reference, some with a path to mount them at.
pub(crate) const MANAGED_SECRETS: Shape = List(&Either(&[Words, Each(&Fields(&[("mount_path", Text)]))]));

/// Stores a bucket can be made in.
pub(crate) const STORES: &[&str] =
    &["s3", "gcs", "azure", "r2", "ibm", "oci", "nebius", "coreweave", "vastdata", "hf", "volume"];

/// How a bucket reaches the node.
pub(crate) const MODES: &[&str] = &["MOUNT", "COPY", "MOUNT_CACHED"];

/// A bucket in `file_mounts`.
pub(crate) const BUCKET: Shape = Fields(&[
    ("name", Text),
    ("source", Either(&[Text, List(&Text)])),
    ("store", Choice(STORES)),
    ("persistent", Boolean),
    ("mode", Choice(MODES)),
    ("type", Choice(&["MODEL_CHECKPOINT_RO", "MODEL_CHECKPOINT_RW", "DATASET_RO", "DATASET_RW"])),
    (
        "config",
        Fields(&[
            ("disk_size", Size),
            ("disk_tier", Text),
            ("storage_type", Text),
            ("attach_mode", Text),
            (
                "mount_cached",
                Fields(&[
                    ("transfers", Integer(1, MANY)),
                    ("buffer_size", Text),
                    ("vfs_cache_max_size", Text),
                    ("vfs_cache_max_age", Text),
                    ("vfs_read_ahead", Text),
                    ("vfs_read_chunk_size", Text),
                    ("vfs_read_chunk_streams", Integer(0, MANY)),
                    ("vfs_write_back", Text),
                    ("read_only", Boolean),
                ]),
            ),
            ("mount", Fields(&[("read_only", Boolean), ("hf_mount_args", List(&Text))])),
        ]),
    ),
    ("_is_sky_managed", Boolean),
    ("_bucket_sub_path", Text),
    ("_force_delete", Boolean),
]);
