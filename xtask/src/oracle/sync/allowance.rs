//! Where Welkin means something else than rclone: the table of `docs/transfer.md`, as code.

/// A difference that has a name and a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Allowance {
    /// With `--copy-links`, a link that leads nowhere or back is reported as failed, with exit code 13.
    LinkReported,
    /// Nothing is removed when anything failed, and a file that is reported counts.
    NothingRemovedAfterFailure,
    /// What an interrupted command brought stays where the level of comparison says that it is the same.
    KeptFromInterruption,
    /// rclone could not do it, and Welkin did.
    OnlyHere,
    /// Neither did it, and both said so.
    NeitherCould,
    /// A filter whose meaning would differ is refused by name.
    FilterRefused,
    /// A file lies where the source has a folder: reported with exit 13, as rclone does where it meets one.
    FileInTheWay,
    /// A name that is not UTF-8 is reported as failed, with exit code 13; rclone copies between folders what it has.
    NameNotText,
    /// Gateways leave links out, each by name, and take them as the objects that rclone makes of links.
    LinkAtGateway,
    /// rclone wrote through a link that its target had, and Welkin put a folder there.
    ThroughLink,
    /// With `--copy-links`, rclone takes links of the target for files, and removes them with `--delete`.
    LinkAtTarget,
    /// Nothing is at the source: an error for `cp`, as its name may be misspelt.
    NothingFound,
    /// A store that keeps its objects in folders cannot have both `a` and `a/b`, and shows for a while what it has not.
    FolderBehindStore,
    /// moto says of each upload that it began in 2010: one whose answer a killed command did not hear looks like another's.
    UploadOfOthers,
    /// Both left as it was what they had left different, by one of the other names, when the command began.
    LeftDifferent,
    /// A store that failed again and again was given up, said so, and the same command went on.
    GaveUpOnce,
}

impl Allowance {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::LinkReported => "link-reported",
            Self::NothingRemovedAfterFailure => "nothing-removed-after-failure",
            Self::KeptFromInterruption => "kept-from-interruption",
            Self::OnlyHere => "only-here",
            Self::NeitherCould => "neither-could",
            Self::FilterRefused => "filter-refused",
            Self::FileInTheWay => "file-in-the-way",
            Self::NameNotText => "name-not-text",
            Self::LinkAtGateway => "link-at-gateway",
            Self::ThroughLink => "through-link",
            Self::LinkAtTarget => "link-at-target",
            Self::NothingFound => "nothing-found",
            Self::FolderBehindStore => "folder-behind-store",
            Self::UploadOfOthers => "upload-of-others",
            Self::LeftDifferent => "left-different",
            Self::GaveUpOnce => "gave-up-once",
        }
    }
}
