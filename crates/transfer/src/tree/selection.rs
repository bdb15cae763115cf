//! What of a folder becomes part of a tree.

use std::collections::BTreeSet;

/// What to take, and what to do about the rest.
#[derive(Debug, Clone)]
pub struct Selection {
    pub(crate) outward: Policy,
    pub(crate) special: Policy,
    pub(crate) ignored: BTreeSet<String>,
}

/// What becomes of a thing that is not simply a part of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Policy {
    /// It is an error.
    Refuse,
    /// It is left out, and named.
    LeaveOut,
    /// It is taken as it is.
    Take,
}

impl Selection {
    /// Everything; what cannot be part of a tree is an error.
    #[must_use]
    pub const fn strict() -> Self {
        Self { outward: Policy::Refuse, special: Policy::Refuse, ignored: BTreeSet::new() }
    }

    /// Files that a user brings along, without the paths in `ignored`: links as they are, wherever they
    /// lead, since a virtual environment is full of such; without pipes, sockets and devices. A name that
    /// is not UTF-8 is an error, as the user can still change it.
    #[must_use]
    pub const fn brought(ignored: BTreeSet<String>) -> Self {
        Self { outward: Policy::Take, special: Policy::LeaveOut, ignored }
    }

    /// What a script leaves behind: whatever can be part of a tree that somebody else will fetch. The rest
    /// is left out rather than lost with the hours that went into it.
    #[must_use]
    pub const fn made() -> Self {
        Self { outward: Policy::LeaveOut, special: Policy::LeaveOut, ignored: BTreeSet::new() }
    }
}
