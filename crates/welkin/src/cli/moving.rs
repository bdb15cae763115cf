//! Commands that move data: `cp`, `sync`, `verify`, `transfers`.

use super::values::{filter_size, size};
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;
use welkin_transfer::engine::Compare;
use welkin_units::Bytes;

/// Copy objects and folders between this machine and stores
///
/// Every object is hashed as it is read and checked as it is written. A copy that was interrupted continues
/// where it stopped when the same command is given again.
#[derive(Debug, Args)]
#[command(after_help = CP)]
pub(crate) struct CpArgs {
    /// Source
    #[arg(value_name = "SRC")]
    pub(crate) source: String,
    /// Target
    #[arg(value_name = "DST")]
    pub(crate) target: String,
    /// Leave objects that are at the target already
    #[arg(long)]
    pub(crate) no_clobber: bool,
    #[command(flatten)]
    pub(crate) selection: Selection,
    #[command(flatten)]
    pub(crate) manner: Manner,
}

const CP: &str = "\
Examples:
  welkin cp ./results s3://bucket/results
  welkin cp s3://bucket/model.bin /data/ --bwlimit 50M
  welkin cp aws:bucket/tree minio:copy/tree --include '*.parquet' --dry-run
  welkin cp az://account/container/tree gs://bucket/tree
  tar c src | welkin cp - s3://bucket/src.tar
  welkin cp s3://bucket/src.tar - | tar x

Places: a path or file://path of this machine; s3://bucket/key, gs://bucket/key and
az://account/container/key, with the credentials that each cloud's own tools find in their variables and
files; NAME:bucket/key, a store of config.toml, section [stores.NAME] (type s3, gcs or azure); `-`, standard
input or output. Objects of many parts go to Google one part after the other; all at once they go through
its S3 interface, a store of type s3 at https://storage.googleapis.com with an HMAC key.
The content of a folder (or prefix) is copied into the target, as rclone does. A single object keeps its
name when the target ends with a slash or is a folder.

A stream (`-`) is one object. It goes straight from or to the place, without a copy on disk, and cannot be
resumed: when it is interrupted, nothing is left at the target. Standard input longer than what 10,000 parts
of 16 MiB hold (S3) needs a longer --part-size.";

/// Make the target what the source is, moving only what differs
#[derive(Debug, Args)]
#[command(after_help = SYNC)]
pub(crate) struct SyncArgs {
    /// Source
    #[arg(value_name = "SRC")]
    pub(crate) source: String,
    /// Target
    #[arg(value_name = "DST")]
    pub(crate) target: String,
    /// When an object at the target counts as the same
    #[arg(long, value_enum, default_value_t = Level::Time, value_name = "LEVEL")]
    pub(crate) compare: Level,
    /// Remove what the source does not have, after everything arrived
    #[arg(long)]
    pub(crate) delete: bool,
    /// Remove nothing if it would be more than this: a number, or a part of what is there
    #[arg(long, value_name = "N|N%", default_value = "50%", requires = "delete")]
    pub(crate) max_delete: MaxDelete,
    #[command(flatten)]
    pub(crate) selection: Selection,
    #[command(flatten)]
    pub(crate) manner: Manner,
}

const SYNC: &str = "\
Examples:
  welkin sync ./site s3://bucket/site --delete
  welkin sync s3://a/data /mnt/data --compare checksum --bwlimit 20M
  welkin sync aws:a/data minio:b/data --exclude '*.tmp' --delete --max-delete 100 --dry-run

Levels: missing (any object of that name is the same), size, time (as long, and written at the same time:
an older time is a change too), checksum (the sums that both stores keep, else both sides are read).";

/// Levels of comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Level {
    Missing,
    Size,
    Time,
    Checksum,
}

impl From<Level> for Compare {
    fn from(level: Level) -> Self {
        match level {
            Level::Missing => Self::Missing,
            Level::Size => Self::Size,
            Level::Time => Self::Time,
            Level::Checksum => Self::Checksum,
        }
    }
}

/// A bound on removals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MaxDelete {
    Count(u64),
    Percent(u8),
}

impl std::str::FromStr for MaxDelete {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is neither a number nor a percentage up to 100%");
        match text.strip_suffix('%') {
            Some(percent) => {
                percent.parse().ok().filter(|percent| *percent <= 100).map(Self::Percent).ok_or_else(wrong)
            }
            None => text.parse().map(Self::Count).map_err(|_| wrong()),
        }
    }
}

impl std::fmt::Display for MaxDelete {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

/// Which objects.
#[derive(Debug, Args)]
#[command(next_help_heading = "Selection")]
pub(crate) struct Selection {
    /// Only objects that match; may be repeated. Patterns and their order are rclone's
    #[arg(long, value_name = "PATTERN")]
    pub(crate) include: Vec<String>,
    /// No objects that match, unless included; may be repeated
    #[arg(long, value_name = "PATTERN")]
    pub(crate) exclude: Vec<String>,
    /// Patterns to include, one a line
    #[arg(long, value_name = "FILE")]
    pub(crate) include_from: Vec<PathBuf>,
    /// Patterns to exclude, one a line
    #[arg(long, value_name = "FILE")]
    pub(crate) exclude_from: Vec<PathBuf>,
    /// Rules in order, `+ PATTERN` or `- PATTERN`, one a line
    #[arg(long, value_name = "FILE")]
    pub(crate) filter_from: Vec<PathBuf>,
    /// Keep symbolic links of this machine, as objects named NAME.rclonelink at stores; without this or
    /// --copy-links they are left out and reported
    #[arg(short = 'l', long, conflicts_with = "copy_links")]
    pub(crate) links: bool,
    /// Take what symbolic links of this machine lead to
    #[arg(short = 'L', long)]
    pub(crate) copy_links: bool,
    /// Only objects of at least this size; a bare number is KiB
    #[arg(long, value_name = "SIZE", value_parser = filter_size)]
    pub(crate) min_size: Option<Bytes>,
    /// Only objects of at most this size; a bare number is KiB
    #[arg(long, value_name = "SIZE", value_parser = filter_size)]
    pub(crate) max_size: Option<Bytes>,
}

/// How it is done.
#[derive(Debug, Args)]
#[command(next_help_heading = "Manner")]
pub(crate) struct Manner {
    /// Say what would be done and what it would cost, and stop
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// At most this many bytes a second, such as 10M
    #[arg(long, value_name = "RATE", value_parser = size)]
    pub(crate) bwlimit: Option<Bytes>,
    /// Length of parts; a power of two that fits the target is taken
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) part_size: Option<Bytes>,
    /// Lanes; found by trying while it runs when absent
    #[arg(long, value_name = "N")]
    pub(crate) lanes: Option<usize>,
    /// Most content held in memory
    #[arg(long, value_name = "SIZE", default_value = "128MiB", value_parser = size)]
    pub(crate) memory: Bytes,
    /// Start over, even if the same transfer was interrupted before
    #[arg(long)]
    pub(crate) restart: bool,
    /// Files are on the disk, not only in the system's memory, when they appear
    #[arg(long)]
    pub(crate) fsync: bool,
    /// Report what happens as lines of JSON on standard error
    #[arg(long)]
    pub(crate) events: bool,
    /// Also go to a gateway through this relay, or several after one another; may be repeated
    #[arg(long, value_name = "RELAY[,RELAY]")]
    pub(crate) via: Vec<String>,
    /// Go to a gateway through relays only
    #[arg(long, requires = "via")]
    pub(crate) no_direct: bool,
    /// Congestion control of connections to gateways, such as cubic; the system's when absent
    #[arg(long, value_name = "NAME")]
    pub(crate) congestion: Option<String>,
    /// Also write the manifest there: every object with its BLAKE3 hash
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: Option<PathBuf>,
    /// The transfer that is to be gone on with, and no other.
    #[arg(skip)]
    pub(crate) resumes: Option<Resumes>,
}

/// A transfer that was asked for by its name.
#[derive(Debug, Clone)]
pub(crate) struct Resumes {
    pub(crate) id: String,
    /// The hash of what it does and where.
    pub(crate) what: String,
}

/// Compare objects with the hashes of a manifest
///
/// Reads everything the manifest names and hashes it again. Needs no access to the source.
#[derive(Debug, Args)]
#[command(after_help = VERIFY)]
pub(crate) struct VerifyArgs {
    /// A manifest, or a transfer of `welkin transfers`
    #[arg(value_name = "MANIFEST")]
    pub(crate) manifest: String,
    /// Where the objects are, if not where the manifest says
    #[arg(value_name = "PLACE")]
    pub(crate) place: Option<String>,
    /// At most this many bytes a second, such as 10M
    #[arg(long, value_name = "RATE", value_parser = size)]
    pub(crate) bwlimit: Option<Bytes>,
}

const VERIFY: &str = "\
Examples:
  welkin verify cp-20261126-101500-1f3a
  welkin verify tree.manifest /restored/tree";

/// List transfers, resume them, and clean up after them
#[derive(Debug, Args)]
#[command(after_help = TRANSFERS, args_conflicts_with_subcommands = true)]
pub(crate) struct TransfersArgs {
    #[command(subcommand)]
    pub(crate) command: Option<TransfersCommand>,
}

const TRANSFERS: &str = "\
Examples:
  welkin transfers
  welkin transfers show cp-20261126-101500-1f3a
  welkin transfers resume cp-20261126-101500-1f3a
  welkin transfers gc";

/// What to do with transfers; they are listed without one.
#[derive(Debug, Subcommand)]
pub(crate) enum TransfersCommand {
    /// Show one, with what failed
    Show {
        /// The transfer, or the beginning of its name
        #[arg(value_name = "TRANSFER")]
        transfer: String,
    },
    /// Go on with one
    Resume {
        /// The transfer, or the beginning of its name
        #[arg(value_name = "TRANSFER")]
        transfer: String,
    },
    /// Write the manifest of one, or its hashes as `b3sum --check` reads them
    Manifest {
        /// The transfer, or the beginning of its name
        #[arg(value_name = "TRANSFER")]
        transfer: String,
        /// As `b3sum --check` reads it
        #[arg(long)]
        b3sum: bool,
    },
    /// Give up unfinished transfers: their uploads are dropped at the stores, and they cannot be resumed
    Gc {
        /// Only this one
        #[arg(value_name = "TRANSFER")]
        transfer: Option<String>,
    },
    /// Forget finished transfers and their manifests
    Forget {
        /// The transfer, or the beginning of its name; every finished one when absent
        #[arg(value_name = "TRANSFER")]
        transfer: Option<String>,
    },
}
