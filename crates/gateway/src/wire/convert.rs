//! Between the types of the wire and those of the port.

use crate::wire::call::{
    MAX_KEY_BYTES, WireDangling, WireFailure, WireFound, WireLeftOut, WireLimits, WireListed, WirePart,
    WireUpload,
};
use crate::wire::frame::MAX_BODY_BYTES;
use std::time::Duration;
use welkin_store::{
    Dangling, Failure, FailureKind, Found, LeftOut, Limits, Listed, Part, Upload, WhyLeftOut,
};

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

/// Longest object that there can be: sums of a few of them, and powers of two above it, are numbers still.
pub(crate) const MAX_OBJECT_BYTES: u64 = 1 << 60;

/// Times that are taken for times: 30,000 years around 1970, so that their nanoseconds are sixteen digits short of a
/// bound of anybody's.
const MAX_TIME_MS: u64 = 1_000_000_000_000_000;

impl From<WireListed> for Listed {
    fn from(listed: WireListed) -> Self {
        let WireListed { key, size, modified_ms, version } = listed;
        let modified_ms = modified_ms.filter(|time| time.unsigned_abs() <= MAX_TIME_MS);
        Self { key, size: size.min(MAX_OBJECT_BYTES), modified_ms, version }
    }
}

const WHYS: &[(WhyLeftOut, &str)] = &[
    (WhyLeftOut::LinkThere, "link"),
    (WhyLeftOut::Special, "special"),
    (WhyLeftOut::Temporary, "temporary"),
];

impl From<LeftOut> for WireLeftOut {
    fn from(left_out: LeftOut) -> Self {
        let why = match left_out.why {
            WhyLeftOut::Link => WhyLeftOut::LinkThere,
            why => why,
        };
        let why = WHYS.iter().find(|(known, _)| *known == why).map_or("unknown", |(_, name)| name);
        Self { key: left_out.key, why: why.to_owned() }
    }
}

impl From<WireLeftOut> for LeftOut {
    fn from(wire: WireLeftOut) -> Self {
        let why =
            WHYS.iter().find(|(_, name)| *name == wire.why).map_or(WhyLeftOut::Unknown, |(why, _)| *why);
        Self { key: wire.key, why }
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
        let begun_ms = dangling.begun_ms.filter(|time| time.unsigned_abs() <= MAX_TIME_MS);
        Self { upload: dangling.upload.into(), begun_ms }
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

/// Longest pause that a gateway can ask for: stores ask for some seconds.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Longest words of the other side that are kept: a key, and a sentence.
const MAX_TOLD_CHARS: usize = 5000;

/// Words of the other side, without what would move a cursor.
pub(crate) fn told(text: &str) -> String {
    text.chars().take(MAX_TOLD_CHARS).map(|letter| if letter.is_control() { '?' } else { letter }).collect()
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
        let pause = failure.retry_after_ms.map(|pause| Duration::from_millis(pause).min(LONGEST_PAUSE));
        Self::new(kind, told(&failure.operation), told(&failure.message)).retry_after(pause)
    }
}

/// Part length that suits lanes: one frame.
const BEST_PART_BYTES: u64 = crate::wire::frame::MAX_PIECE_BYTES as u64;

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

/// What a gateway says of the place behind it, if it can be true: the engine divides by it.
pub(crate) fn limits(wire: &WireLimits) -> Result<Limits, &'static str> {
    let longest = MAX_BODY_BYTES as u64;
    let limits = Limits {
        object_bytes: wire.object_bytes.min(MAX_OBJECT_BYTES),
        part_bytes_min: wire.part_bytes_min.max(1),
        part_bytes_max: wire.part_bytes_max.min(longest),
        parts: wire.parts,
        part_bytes_best: wire.part_bytes_best.clamp(1, longest),
        parts_in_any_order: true,
        key_bytes: usize::try_from(wire.key_bytes).unwrap_or(MAX_KEY_BYTES).min(MAX_KEY_BYTES),
    };
    // Parts are powers of two of at least a kilobyte.
    if limits.part_bytes_min > limits.part_bytes_max || limits.part_bytes_max < 1024 {
        return Err("the gateway says that no part of an object has a length that it takes");
    }
    if limits.parts == 0 || limits.key_bytes == 0 {
        return Err("the gateway says that no object has parts, or a key");
    }
    Ok(limits)
}

/// Longest piece that a gateway reads at once, as a power of two that can be asked for.
pub(crate) fn read_bytes(wire: u64) -> usize {
    let most = usize::try_from(wire).unwrap_or(MAX_BODY_BYTES).clamp(1 << 20, MAX_BODY_BYTES);
    if most.is_power_of_two() { most } else { most.next_power_of_two() / 2 }
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
