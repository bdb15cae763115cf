//! Between the types of the wire and those of the port.

use super::call::{
    MAX_KEY_BYTES, WireDangling, WireFailure, WireFound, WireLimits, WireListed, WirePart, WireUpload,
};
use super::frame::MAX_BODY_BYTES;
use crate::endpoint::{Dangling, Failure, FailureKind, Found, Limits, Listed, Part, Upload};
use std::time::Duration;

impl From<&Upload> for WireUpload {
    fn from(upload: &Upload) -> Self {
        Self { key: upload.key.clone(), id: upload.id.clone() }
    }
}

impl From<WireUpload> for Upload {
    fn from(upload: WireUpload) -> Self {
        Self { key: upload.key, id: upload.id }
    }
}

impl From<Listed> for WireListed {
    fn from(listed: Listed) -> Self {
        let Listed { key, size, modified_ms, version } = listed;
        Self { key, size, modified_ms, version }
    }
}

impl From<WireListed> for Listed {
    fn from(listed: WireListed) -> Self {
        let WireListed { key, size, modified_ms, version } = listed;
        Self { key, size, modified_ms, version }
    }
}

impl From<Found> for WireFound {
    fn from(found: Found) -> Self {
        Self { listed: found.listed.into(), metadata: found.metadata, crc64: found.crc64 }
    }
}

impl From<WireFound> for Found {
    fn from(found: WireFound) -> Self {
        Self { listed: found.listed.into(), metadata: found.metadata, crc64: found.crc64 }
    }
}

impl From<Dangling> for WireDangling {
    fn from(dangling: Dangling) -> Self {
        Self { upload: (&dangling.upload).into(), begun_ms: dangling.begun_ms }
    }
}

impl From<WireDangling> for Dangling {
    fn from(dangling: WireDangling) -> Self {
        Self { upload: dangling.upload.into(), begun_ms: dangling.begun_ms }
    }
}

impl From<&Part> for WirePart {
    fn from(part: &Part) -> Self {
        Self { number: part.number, tag: part.tag.clone() }
    }
}

impl From<WirePart> for Part {
    fn from(part: WirePart) -> Self {
        Self { number: part.number, tag: part.tag }
    }
}

const KINDS: &[(FailureKind, &str)] = &[
    (FailureKind::NotFound, "not_found"),
    (FailureKind::Changed, "changed"),
    (FailureKind::Credentials, "credentials"),
    (FailureKind::Forbidden, "forbidden"),
    (FailureKind::Throttled, "throttled"),
    (FailureKind::Transient, "transient"),
    (FailureKind::Corrupt, "corrupt"),
    (FailureKind::Full, "full"),
    (FailureKind::TooLarge, "too_large"),
    (FailureKind::Unsupported, "unsupported"),
    (FailureKind::Invalid, "invalid"),
];

impl From<Failure> for WireFailure {
    fn from(failure: Failure) -> Self {
        let kind = KINDS.iter().find(|(kind, _)| *kind == failure.kind).map_or("transient", |(_, name)| name);
        let retry_after_ms = failure.retry_after.map(|pause| pause.as_millis() as u64);
        let (operation, message) = (failure.operation, failure.message);
        Self { kind: kind.to_owned(), operation, message, retry_after_ms }
    }
}

impl From<WireFailure> for Failure {
    fn from(failure: WireFailure) -> Self {
        // A kind of a newer gateway: whoever does not know it can only try again.
        let kind = KINDS
            .iter()
            .find(|(_, name)| *name == failure.kind)
            .map_or(FailureKind::Transient, |(kind, _)| *kind);
        Self::new(kind, failure.operation, failure.message)
            .retry_after(failure.retry_after_ms.map(Duration::from_millis))
    }
}

/// Part length that suits lanes: one frame.
const BEST_PART_BYTES: u64 = super::frame::MAX_PIECE_BYTES as u64;

impl From<Limits> for WireLimits {
    fn from(limits: Limits) -> Self {
        Self {
            object_bytes: limits.object_bytes,
            part_bytes_min: limits.part_bytes_min,
            part_bytes_max: limits.part_bytes_max.min(MAX_BODY_BYTES as u64),
            parts: limits.parts,
            // A place that takes short parts gets those that suit the way there; one with requests of its own to pay
            // for each part, such as a store, keeps its own best.
            part_bytes_best: if limits.part_bytes_min <= BEST_PART_BYTES {
                BEST_PART_BYTES
            } else {
                limits.part_bytes_best
            },
            key_bytes: limits.key_bytes as u64,
        }
    }
}

impl From<WireLimits> for Limits {
    fn from(limits: WireLimits) -> Self {
        Self {
            object_bytes: limits.object_bytes,
            part_bytes_min: limits.part_bytes_min,
            part_bytes_max: limits.part_bytes_max.min(MAX_BODY_BYTES as u64),
            parts: limits.parts,
            part_bytes_best: limits.part_bytes_best.min(MAX_BODY_BYTES as u64),
            parts_in_any_order: true,
            key_bytes: usize::try_from(limits.key_bytes).unwrap_or(MAX_KEY_BYTES).min(MAX_KEY_BYTES),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_keep_their_meaning() {
        for (kind, _) in KINDS {
            let failure = Failure::new(*kind, "read a", "why").retry_after(Some(Duration::from_secs(2)));
            let back = Failure::from(WireFailure::from(failure));
            assert_eq!((back.kind, back.retry_after), (*kind, Some(Duration::from_secs(2))));
            assert_eq!(back.to_string(), "cannot read a: why");
        }
    }
}
