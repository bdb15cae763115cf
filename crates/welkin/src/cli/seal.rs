//! `welkin seal`.

use clap::{Args, Subcommand};
use jiff::Timestamp;
use std::path::PathBuf;

/// Work on data that nobody else may see: keys, evidence, contracts
#[derive(Debug, Args)]
#[command(after_help = SEAL)]
pub(crate) struct SealArgs {
    #[command(subcommand)]
    pub(crate) command: SealCommand,
}

const SEAL: &str = "\
Examples:
  welkin seal verify report.bin --certificates chain.pem --policy policy.toml --nonce 5f0c…

docs/sealed-data.md says what is promised, to whom, and what is not.";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum SealCommand {
    Verify(SealVerifyArgs),
}

/// Check evidence of hardware, and say what it claims and what a policy makes of it
#[derive(Debug, Args)]
#[command(after_help = VERIFY)]
pub(crate) struct SealVerifyArgs {
    /// Evidence: a report of SEV-SNP or a document of Nitro, raw or as hexadecimal digits, or a file of Welkin
    #[arg(value_name = "EVIDENCE")]
    pub(crate) evidence: PathBuf,
    /// Certificates that the evidence does not bring itself, as PEM or DER; may be repeated
    #[arg(short, long, value_name = "FILE")]
    pub(crate) certificates: Vec<PathBuf>,
    /// Policy that says which evidence is good enough; without one nothing is
    #[arg(short, long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// What the evidence has to answer, in hexadecimal digits
    #[arg(short, long, value_name = "HEX")]
    pub(crate) nonce: Option<String>,
    /// Key that was made inside and that the evidence has to be bound to, with nonce and contract
    #[arg(long, value_name = "HEX", requires_all = ["nonce", "contract"])]
    pub(crate) key: Option<String>,
    /// Digest of the contract that the evidence has to be bound to, with nonce and key
    #[arg(long, value_name = "HEX", requires_all = ["nonce", "key"])]
    pub(crate) contract: Option<String>,
    /// Judge as of this time instead of now, as 2026-11-27T15:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<Timestamp>,
}

const VERIFY: &str = "\
Examples:
  welkin seal verify report.bin --certificates vcek.der --certificates cert_chain.pem
  welkin seal verify document.cose --policy policy.toml --nonce 6e6f6e6365
  welkin seal verify evidence.json --policy policy.toml --output json | jq '.checks[] | select(.outcome == \"refused\")'

A policy, which has to name every kind it accepts and the programs of each:
  schema = 'welkin.policy/1'
  [sev-snp]
  measurements.measurement = ['d447b55d…']    # 48 bytes
  minimum = { snp = 20, microcode = 115 }

Exit code 0 means genuine and accepted, 16 refused.";
