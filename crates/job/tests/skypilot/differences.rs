//! The differences that are meant, by name.

use serde_json::{Value, json};
use welkin_job::{Code, Diagnostic};

/// A difference that is meant. The guide for people who come from SkyPilot says why.
pub(crate) struct Difference {
    pub(crate) name: &'static str,
    kind: Kind,
}

enum Kind {
    /// Welkin accepts what SkyPilot refuses with such words.
    Accepted(fn(&str, &str) -> bool),
    /// Welkin refuses what SkyPilot accepts.
    Refused(fn(&Diagnostic) -> bool),
    /// A field is read in another way: path, SkyPilot's value, Welkin's.
    Field(fn(&str, &Value, &Value) -> bool),
}

pub(crate) const ALL: &[Difference] = &[
    Difference {
        name: "names",
        kind: Kind::Field(|path, sky, _| {
            path.ends_with("name") && !path.contains(".buckets.") && sky.is_null()
        }),
    },
    Difference {
        name: "equal-names",
        kind: Kind::Field(|path, sky, welkin| {
            let both = sky.as_str().zip(welkin.as_str());
            path.ends_with("].name")
                && both.is_some_and(|(sky, welkin)| welkin.starts_with(&format!("{sky}-")))
        }),
    },
    Difference {
        name: "tpu-place",
        kind: Kind::Field(|path, sky, welkin| {
            path.ends_with(".provider") && *sky == json!("gcp") && welkin.is_null()
        }),
    },
    Difference {
        name: "tpu-runtime",
        kind: Kind::Field(|path, _, welkin| path.ends_with(".runtime_version") && welkin.is_null()),
    },
    Difference {
        name: "output-names",
        kind: Kind::Field(|path, sky, welkin| {
            let is_name = |text: &str| !text.contains("://");
            path.contains(".outputs[") && sky.as_str().is_some_and(is_name) && welkin.is_null()
        }),
    },
    Difference {
        name: "labels-of-alternatives",
        kind: Kind::Field(|path, _, welkin| path.contains(".labels") && welkin.is_null()),
    },
    Difference {
        name: "volumes-in-file-mounts",
        kind: Kind::Field(|path, sky, welkin| {
            let volume = |value: &Value| value["store"] == json!(["volume"]);
            path.contains(".buckets.") && sky.is_null() && volume(welkin)
        }),
    },
    Difference {
        name: "file-uris",
        kind: Kind::Field(|path, sky, welkin| {
            let local = sky.as_str().and_then(|sky| sky.strip_prefix("file://"));
            path.contains(".file_mounts.") && local.is_some() && local == welkin.as_str()
        }),
    },
    Difference {
        name: "kubernetes-images",
        kind: Kind::Field(|path, sky, welkin| {
            let image = sky.as_str().and_then(|sky| sky.strip_prefix("docker:"));
            path.ends_with(".image_id") && image.is_some() && image == welkin.as_str()
        }),
    },
    Difference {
        name: "secrets-in-paths",
        kind: Kind::Field(|path, sky, welkin| {
            let kept = |value: &Value| value.to_string().contains('$');
            (path.contains("mounts") || path.contains(".workdir")) && !kept(sky) && kept(welkin)
        }),
    },
    Difference { name: "spot-recovery", kind: Kind::Accepted(|why, _| why.contains("'spot_recovery'")) },
    Difference {
        name: "welkin-keys",
        kind: Kind::Accepted(|why, text| {
            why.contains("Invalid") && WELKIN_KEYS.iter().any(|key| text.contains(key))
        }),
    },
    Difference { name: "more-data", kind: Kind::Accepted(|why, _| why.contains("has too many properties")) },
    Difference {
        name: "empty-accelerators",
        kind: Kind::Accepted(|why, _| {
            why.contains("has no attribute 'items'") || why.contains("index out of range")
        }),
    },
    Difference { name: "tpu-hosts", kind: Kind::Accepted(|why, _| why.contains("for TPU VM")) },
    Difference {
        name: "nulls-in-alternatives",
        kind: Kind::Accepted(|why, _| why.contains("None is not valid") && why.contains("any_of")),
    },
    Difference {
        name: "recovery-keys",
        kind: Kind::Refused(|error| error.message.contains("is not a key of `resources.job_recovery`")),
    },
    Difference { name: "empty-files", kind: Kind::Refused(|error| error.code == Code::Empty) },
    Difference {
        name: "odd-numbers",
        kind: Kind::Refused(|error| error.message.contains("does not read in base ten")),
    },
    Difference {
        name: "bounds",
        kind: Kind::Refused(|error| {
            matches!(error.code, Code::TooLarge | Code::TooLong | Code::TooMany | Code::Negative)
        }),
    },
    Difference {
        name: "one-recovery",
        kind: Kind::Refused(|error| error.message.contains("must have the same `job_recovery`")),
    },
    Difference { name: "volume-shapes", kind: Kind::Refused(|error| error.message.contains("`volumes.")) },
];

/// Keys and values that only Welkin knows.
const WELKIN_KEYS: &[&str] = &[
    "arch:",
    "burstable:",
    "use_spot: any",
    "infra: local",
    "time:",
    "policy:",
    "objective:",
    "after:",
    "needs:",
];

/// The difference because of which Welkin accepts a file.
pub(crate) fn accepted(why: &str, text: &str) -> Option<&'static str> {
    named(|kind| matches!(kind, Kind::Accepted(fits) if fits(why, text)))
}

/// The difference because of which Welkin refuses a file.
pub(crate) fn refused(error: &Diagnostic) -> Option<&'static str> {
    named(|kind| matches!(kind, Kind::Refused(fits) if fits(error)))
}

/// The difference that a field shows.
pub(crate) fn of_field(path: &str, sky: &Value, welkin: &Value) -> Option<&'static str> {
    named(|kind| matches!(kind, Kind::Field(fits) if fits(path, sky, welkin)))
}

fn named(fits: impl Fn(&Kind) -> bool) -> Option<&'static str> {
    ALL.iter().find(|difference| fits(&difference.kind)).map(|difference| difference.name)
}
