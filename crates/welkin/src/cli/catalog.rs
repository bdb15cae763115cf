//! `welkin catalog`.

use clap::{Args, Subcommand};

/// Import price lists, and see what the catalog is made of
#[derive(Debug, Args)]
pub(crate) struct CatalogArgs {
    #[command(subcommand)]
    pub(crate) command: CatalogCommand,
}

/// What to do with the catalog.
#[derive(Debug, Subcommand)]
pub(crate) enum CatalogCommand {
    Import(ImportArgs),
    /// Read all price lists again and show what was set aside, and why
    #[command(after_help = CHECK)]
    Check,
    /// List providers: offers, regions, source and date
    #[command(after_help = LIST)]
    List,
    /// Forget every import: back to the prices that ship with Welkin
    #[command(after_help = RESET)]
    Reset,
}

/// Take over price lists in SkyPilot's catalog format
///
/// The lists of one provider replace what was known about that provider; the others keep theirs.
#[derive(Debug, Args)]
#[command(after_help = IMPORT)]
pub(crate) struct ImportArgs {
    /// Folder, archive (.tar.gz, .tgz, .zip), one CSV file, or http(s) URL of an archive or file
    #[arg(value_name = "SOURCE")]
    pub(crate) source: String,
    /// Provider of a single file whose path does not tell
    #[arg(short, long, value_name = "NAME")]
    pub(crate) provider: Option<String>,
    /// Date of the prices, YYYY-MM-DD; by default that of each file
    #[arg(long, value_name = "DATE")]
    pub(crate) as_of: Option<String>,
    /// BLAKE3 hash that the archive or file must have, as `b3sum` writes it; makes a URL without https safe
    #[arg(long, value_name = "HASH", value_parser = blake3_hash)]
    pub(crate) blake3: Option<blake3::Hash>,
}

fn blake3_hash(text: &str) -> Result<blake3::Hash, String> {
    blake3::Hash::from_hex(text).map_err(|_| "a BLAKE3 hash has 64 hexadecimal digits".to_owned())
}

const IMPORT: &str = "\
Examples:
  welkin catalog import ./catalogs/v8
  welkin catalog import prices.tar.gz --as-of 2026-05-20
  welkin catalog import ./vms.csv --provider lambda
  welkin catalog import https://example.com/catalogs.zip
  welkin catalog import http://prices.internal/catalogs.zip --blake3 9f2c…";
const CHECK: &str = "\
Examples:
  welkin catalog check
  welkin catalog check --output json | jq '.sources[].quarantined'";
const LIST: &str = "\
Examples:
  welkin catalog list";
const RESET: &str = "\
Examples:
  welkin catalog reset";
