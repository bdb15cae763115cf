//! The vocabulary of faults.

use crate::s3::operation::{Call, Operation};
use crate::s3::synthetic::mixed;

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 503 `SlowDown`, with a `Retry-After` unless it is zero. Nothing takes effect.
    SlowDown {
        /// Seconds for `Retry-After`.
        retry_after_s: u32,
    },
    /// 429 `TooManyRequests`, likewise.
    TooManyRequests {
        /// Seconds for `Retry-After`.
        retry_after_s: u32,
    },
    /// 500 `InternalError`. Nothing takes effect.
    InternalError,
    /// 403 `ExpiredToken`.
    ExpiredToken,
    /// 200 with an `<Error>` body, as `CompleteMultipartUpload` and `CopyObject` may. Nothing takes
    /// effect.
    ErrorInside200,
    /// The request takes effect, and the connection closes without an answer.
    LostAnswer,
    /// The connection is reset once this many bytes of the body were handed to the kernel; the client
    /// may see fewer.
    CutBody {
        /// Bytes before the reset.
        after: u64,
    },
    /// The connection closes in good order, this many bytes short of `Content-Length`.
    ShortBody {
        /// Bytes that never come.
        missing: u64,
    },
    /// The body comes at this rate.
    Drip {
        /// Bytes a second.
        bytes_per_s: u64,
    },
    /// One bit of the body is turned over on its way out, modulo the body's length.
    FlipSent {
        /// Which, counted from the body's first.
        bit: u64,
    },
    /// One bit of an object or part is turned over after it was stored; its checksum and ETag stay.
    FlipStored {
        /// Which, counted from the first, modulo the length.
        bit: u64,
    },
    /// After this answer the object has other content of the same size, and another ETag.
    Replace,
    /// A listing shows the bucket as it was this many requests ago.
    ListLag {
        /// Age, in requests of any kind to this server.
        requests: u64,
    },
}

impl Fault {
    /// The operations that it makes sense for; empty where it fits all.
    fn default_operations(&self) -> &'static [Operation] {
        match self {
            Self::CutBody { .. }
            | Self::ShortBody { .. }
            | Self::Drip { .. }
            | Self::FlipSent { .. }
            | Self::Replace => &[Operation::GetObject],
            Self::FlipStored { .. } => &[Operation::PutObject, Operation::UploadPart],
            Self::ListLag { .. } => &[Operation::ListObjectsV2, Operation::ListObjects],
            Self::ErrorInside200 => &[
                Operation::CompleteMultipartUpload,
                Operation::CopyObject,
                Operation::UploadPartCopy,
                Operation::PutObject,
            ],
            _ => &[],
        }
    }
}

/// Which of the requests that fit a rule it strikes; the first has the number 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Each.
    Always,
    /// The `n`-th, `2n`-th, ...
    Every(u64),
    /// The `n`-th and all after it.
    From(u64),
    /// The `n`-th alone.
    Nth(u64),
    /// Each with probability `1/one_in`, drawn from the seed and its number.
    Chance {
        /// The mean distance between two strikes.
        one_in: u64,
        /// What the draws depend on.
        seed: u64,
    },
}

impl When {
    pub(super) fn strikes(self, number: u64) -> bool {
        match self {
            Self::Always => true,
            Self::Every(n) => number.is_multiple_of(n.max(1)),
            Self::From(n) => number >= n,
            Self::Nth(n) => number == n,
            Self::Chance { one_in, seed } => mixed(seed ^ mixed(number)).is_multiple_of(one_in.max(1)),
        }
    }
}

/// A fault, the requests it may strike, and which of them it does.
///
/// As text: `NAME[:OPTION,...]`, for instance `slow-down:every=7,retry-after=1,op=PutObject+UploadPart`.
/// Names are `slow-down`, `too-many-requests`, `internal-error`, `expired-token`, `error-inside-200`,
/// `lost-answer`, `cut-body` (`after=BYTES`), `short-body` (`missing=BYTES`), `drip` (`bytes-per-s=N`),
/// `flip-sent` and `flip-stored` (`bit=N`), `replace`, `list-lag` (`requests=N`). Options of all are
/// `every=N`, `from=N`, `nth=N`, `one-in=N` with `seed=N`, `op=NAME+NAME`, `key=PREFIX`, `per-key`,
/// `times=N`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub(super) fault: Fault,
    pub(super) when: When,
    pub(super) operations: Vec<Operation>,
    pub(super) key_prefix: String,
    pub(super) per_key: bool,
    pub(super) times: u64,
}

impl Rule {
    /// Strikes every request of the operations that the fault makes sense for.
    pub fn new(fault: Fault) -> Self {
        let operations = fault.default_operations().to_vec();
        let (when, key_prefix) = (When::Always, String::new());
        Self { fault, when, operations, key_prefix, per_key: false, times: u64::MAX }
    }

    /// Which of the requests that fit.
    #[must_use]
    pub fn when(mut self, when: When) -> Self {
        self.when = when;
        self
    }

    /// Only these operations.
    #[must_use]
    pub fn only(mut self, operations: &[Operation]) -> Self {
        self.operations = operations.to_vec();
        self
    }

    /// Only keys that begin so.
    #[must_use]
    pub fn key(mut self, prefix: &str) -> Self {
        prefix.clone_into(&mut self.key_prefix);
        self
    }

    /// Counts the requests of each key apart.
    #[must_use]
    pub fn per_key(mut self) -> Self {
        self.per_key = true;
        self
    }

    /// At most so often.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = times;
        self
    }

    pub(super) fn fits(&self, call: &Call) -> bool {
        (self.operations.is_empty() || self.operations.contains(&call.operation))
            && call.key.starts_with(&self.key_prefix)
    }
}
