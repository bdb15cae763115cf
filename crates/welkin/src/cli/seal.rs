//! `welkin seal`.

use super::noise::{NoiseArgs, thousandths};
use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use welkin_seal::{Engine, HexBytes, Kind, Name, from_hex};
use welkin_units::Span;

/// Work on data that nobody else may see: keys, evidence, contracts
#[derive(Debug, Args)]
#[command(after_help = SEAL)]
pub(crate) struct SealArgs {
    #[command(subcommand)]
    pub(crate) command: SealCommand,
}

const SEAL: &str = "\
Examples:
  welkin seal keygen --party a
  welkin seal party add b.json
  welkin seal data patients.csv --party a --name patients --version 1 --to sealed/patients-1
  welkin seal contract sign contract.json --party a
  welkin seal log verify --head head.json
  welkin seal verify report.bin --certificates chain.pem --policy policy.toml --nonce 5f0c…

docs/sealed-data.md says what is promised, to whom, and what is not.";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum SealCommand {
    Keygen(KeygenArgs),
    Party(PartyArgs),
    Data(SealDataArgs),
    Open(SealOpenArgs),
    Rotate(SealRotateArgs),
    Contract(ContractArgs),
    Release(SealReleaseArgs),
    Log(SealLogArgs),
    Verify(SealVerifyArgs),
}

/// Make the keys of a party: one to sign with, one that others seal for
#[derive(Debug, Args)]
#[command(after_help = KEYGEN)]
pub(crate) struct KeygenArgs {
    /// Name of the party
    #[arg(long, value_name = "NAME")]
    pub(crate) party: Name,
    /// Protect the keys by a passphrase as well; it is asked for
    #[arg(long)]
    pub(crate) passphrase: bool,
    /// Protect the keys by the passphrase in this file
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Have a PKCS#11 token seal the keys, by an AES key in it, which is made where there is none:
    /// pkcs11:token=LABEL;object=KEY?module-path=/…/module.so. Its PIN is in the file that `pin-source` names there, or in
    /// --passphrase-file, or is asked for
    #[cfg(feature = "pkcs11")]
    #[arg(long, value_name = "URI", value_parser = welkin_pkcs11::Address::parse, conflicts_with = "passphrase")]
    pub(crate) token: Option<welkin_pkcs11::Address>,
}

const KEYGEN: &str = "\
Examples:
  welkin seal keygen --party a
  welkin seal keygen --party a --passphrase
  welkin seal party show a > a.json      # what others need to know of it

Keys lie in seal/keys below Welkin's folder, for its user alone. Data that is sealed for them opens with nothing else.";

/// Parties that are known: their keys, and the fingerprints by which people compare them
#[derive(Debug, Args)]
#[command(after_help = PARTY)]
pub(crate) struct PartyArgs {
    #[command(subcommand)]
    pub(crate) command: PartyCommand,
}

const PARTY: &str = "\
Examples:
  welkin seal party show a > a.json      # at a
  welkin seal party add a.json           # at b, who asks a for the fingerprint
  welkin seal party list";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum PartyCommand {
    /// List the parties that are known
    #[command(
        after_help = "Examples:\n  welkin seal party list\n  welkin seal party list --output json | jq -r '.parties[].fingerprint'"
    )]
    List,
    /// Write what others need to know of a party
    #[command(after_help = "Examples:\n  welkin seal party show a > a.json")]
    Show {
        /// Name of the party
        #[arg(value_name = "NAME")]
        party: Name,
    },
    /// Add a party from the file that it made
    #[command(
        after_help = "Examples:\n  welkin seal party add a.json\n  welkin seal party add a.json --ask 'ssh a welkin seal release --party a --input sealed/patients-1'"
    )]
    Add {
        /// File of `welkin seal party show`
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// How it is asked for its keys by runs and `welkin sql run`: a line for the shell that starts `welkin seal release` where
        /// the party is; the latest that was given counts
        #[arg(long, value_name = "COMMAND")]
        ask: Option<String>,
    },
}

/// Seal tables as a version of a data set: encrypted Parquet with a key for each column
#[derive(Debug, Args)]
#[command(after_help = DATA)]
pub(crate) struct SealDataArgs {
    /// Tables with the same columns: CSV with a line of names, JSON lines, or Parquet
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Party whose data it is; its keys are in this home
    #[arg(long, value_name = "NAME")]
    pub(crate) party: Name,
    /// Name of the data set
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Name,
    /// Version of the data set
    #[arg(long = "version", value_name = "NUMBER")]
    pub(crate) data_version: u64,
    /// Folder to make; everything in it may be shown to anybody
    #[arg(long = "to", value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
    /// Party that may open it too; repeat or separate by commas
    #[arg(long = "for", value_name = "PARTY", value_delimiter = ',')]
    pub(crate) recipients: Vec<Name>,
    /// Epsilon of differential privacy that all contracts together may spend on this version: it is told of with noise only then, and
    /// no longer when that is spent
    #[arg(long, value_name = "EPSILON", value_parser = thousandths)]
    pub(crate) epsilon: Option<u64>,
    /// How the tables are spelt; by default what the ends of their names say
    #[arg(long, value_enum, value_name = "FORM")]
    pub(crate) form: Option<TableForm>,
    /// File with the passphrase of the party's keys
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

const DATA: &str = "\
Examples:
  welkin seal data patients.csv --party a --name patients --version 1 --to sealed/patients-1
  welkin seal data part-*.jsonl --party a --name visits --version 3 --to sealed/visits-3 --for b
  welkin seal data patients.csv --party a --name patients --version 2 --to sealed/patients-2 --epsilon 3

Needs welkin-enclave, which is built apart: cargo build --release --manifest-path enclave/Cargo.toml";

/// How a table is spelt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TableForm {
    /// With a line of names.
    Csv,
    /// An object a line.
    Json,
    /// Not encrypted.
    Parquet,
}

impl TableForm {
    /// What the end of a file's name says.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "json" | "jsonl" | "ndjson" => Some(Self::Json),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }
}

/// Open sealed data for a party that may
#[derive(Debug, Args)]
#[command(after_help = OPEN)]
pub(crate) struct SealOpenArgs {
    /// Folder of `welkin seal data`
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
    /// Party that opens it; its keys are in this home
    #[arg(long, value_name = "NAME")]
    pub(crate) party: Name,
    /// Policy that says which engines are good enough, for the result of a contract; by default the party's own in this home
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// How to spell a table, csv unless given; a model is written as it is
    #[arg(long, value_enum, value_name = "FORM")]
    pub(crate) form: Option<TableForm>,
    /// File to make, instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) to: Option<PathBuf>,
    /// File with the passphrase of the party's keys
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

const OPEN: &str = "\
Examples:
  welkin seal open sealed/patients-1 --party a
  welkin seal open sealed/visits-3 --party b --form parquet --to visits.parquet
  welkin seal open result --party a --to model.json      # what `welkin boost train CONTRACT` made";

/// Wrap the keys of sealed data under a new one, for the parties that are named; the data stay as they are
#[derive(Debug, Args)]
#[command(after_help = ROTATE)]
pub(crate) struct SealRotateArgs {
    /// Folder of `welkin seal data`
    #[arg(value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
    /// Party whose data it is
    #[arg(long, value_name = "NAME")]
    pub(crate) party: Name,
    /// Party that may open it from now on; repeat or separate by commas
    #[arg(long = "for", value_name = "PARTY", value_delimiter = ',')]
    pub(crate) recipients: Vec<Name>,
    /// File with the passphrase of the party's keys
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

const ROTATE: &str = "\
Examples:
  welkin seal rotate sealed/patients-1 --party a
  welkin seal rotate sealed/visits-3 --party a --for c

Whoever kept the old keys still opens the data with them: data that must not be opened any more is sealed as a new version.";

/// Contracts: what may run, on which data, for whom, until when
#[derive(Debug, Args)]
#[command(after_help = CONTRACT)]
pub(crate) struct ContractArgs {
    #[command(subcommand)]
    pub(crate) command: ContractCommand,
}

const CONTRACT: &str = "\
Examples:
  welkin seal contract new --sql query.sql --input a.json --input b.json --to a --engine simulated:measurement=… > c.json
  welkin seal contract sign c.json --party a
  welkin seal contract verify c.json --code query.sql";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum ContractCommand {
    New(ContractNewArgs),
    /// Sign a contract as the owner of one of its inputs
    #[command(after_help = "Examples:\n  welkin seal contract sign contract.json --party a")]
    Sign(ContractSignArgs),
    /// Show what a contract says
    #[command(after_help = "Examples:\n  welkin seal contract show contract.json")]
    Show {
        /// Contract
        #[arg(value_name = "CONTRACT")]
        contract: PathBuf,
    },
    Verify(ContractVerifyArgs),
    /// Take a signature back: writes what everybody who releases keys has to know
    #[command(after_help = "Examples:\n  welkin seal contract revoke contract.json --party a > revoked.json")]
    Revoke(ContractSignArgs),
}

/// Write a contract that nobody signed yet
#[derive(Debug, Args)]
#[command(after_help = CONTRACT_NEW)]
pub(crate) struct ContractNewArgs {
    /// Query that may run
    #[arg(long, value_name = "FILE", conflicts_with_all = ["program", "boost"])]
    pub(crate) sql: Option<PathBuf>,
    /// Recipe that boosted trees may be trained by: columns, parameters, rounds
    #[arg(long, value_name = "FILE", conflicts_with = "program")]
    pub(crate) boost: Option<PathBuf>,
    /// Program that may run
    #[arg(long, value_name = "FILE")]
    pub(crate) program: Option<PathBuf>,
    /// Snapshot of a data set that it may read, signed by a party that is known; repeat for more
    #[arg(long, value_name = "SNAPSHOT", required = true)]
    pub(crate) input: Vec<PathBuf>,
    /// Party that gets the result; repeat or separate by commas
    #[arg(long, value_name = "PARTY", required = true, value_delimiter = ',')]
    pub(crate) to: Vec<Name>,
    /// Engine that may run it, by a measurement of its evidence; repeat for more measurements or engines
    #[arg(long, value_name = "KIND:NAME=HEX", required = true, value_parser = engine)]
    pub(crate) engine: Vec<Engine>,
    /// Groups of fewer rows are left out of the result
    #[arg(long, value_name = "ROWS", default_value_t = 1)]
    pub(crate) minimum_group: u64,
    /// Epsilon of differential privacy that all runs together may spend: results have noise then, and the budgets of all inputs are
    /// spent from (`welkin seal data --epsilon`)
    #[arg(long, value_name = "EPSILON", value_parser = thousandths, conflicts_with_all = ["program", "oblivious"])]
    pub(crate) epsilon: Option<u64>,
    #[command(flatten)]
    pub(crate) noise: NoiseArgs,
    /// Run the query or training obliviously: the memory it touches does not depend on values
    #[arg(long, conflicts_with = "program")]
    pub(crate) oblivious: bool,
    /// How many engines run the query together, each with a part of it. Whoever runs them sees how much goes between each two, and when: all
    /// owners agree to that by signing
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=16),
        conflicts_with_all = ["program", "boost"])]
    pub(crate) engines: u32,
    /// How long it lasts, from now
    #[arg(long, value_name = "TIME", default_value = "7d")]
    pub(crate) lasts: Span,
    /// How often it may run
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    pub(crate) runs: u64,
}

const CONTRACT_NEW: &str = "\
Examples:
  welkin seal contract new --sql query.sql --input a/snapshot.json --input b/snapshot.json --to a \\
    --engine sev-snp:measurement=d447b55d… --minimum-group 10 --lasts 30d > contract.json
  welkin seal contract new --boost recipe.json --input a/snapshot.json --input b/snapshot.json --to a,b \\
    --engine \"$(welkin sql engine)\" > contract.json
  welkin seal contract new --sql query.sql --input a/snapshot.json --to a --engine \"$(welkin sql engine)\" \\
    --epsilon 0.5 --person patient --per-person 3 --group ward=north,south --bound days=0..60 > contract.json
  welkin seal contract new --sql query.sql --input a/snapshot.json --input b/snapshot.json --to a \
    --engine \"$(welkin sql engine)\" --engines 3 > contract.json";

/// Sign, or take back
#[derive(Debug, Args)]
pub(crate) struct ContractSignArgs {
    /// Contract
    #[arg(value_name = "CONTRACT")]
    pub(crate) contract: PathBuf,
    /// Party that signs; its keys are in this home
    #[arg(long, value_name = "NAME")]
    pub(crate) party: Name,
    /// File with the passphrase of its keys
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

/// Say whether a contract holds, here and now
#[derive(Debug, Args)]
#[command(after_help = CONTRACT_VERIFY)]
pub(crate) struct ContractVerifyArgs {
    /// Contract
    #[arg(value_name = "CONTRACT")]
    pub(crate) contract: PathBuf,
    /// Query, recipe or program that is about to run
    #[arg(long, value_name = "FILE")]
    pub(crate) code: Option<PathBuf>,
    /// Snapshot of a data set that is there; with one, those of all inputs have to be
    #[arg(long = "input", value_name = "SNAPSHOT")]
    pub(crate) snapshots: Vec<PathBuf>,
    /// What a party took back; may be repeated
    #[arg(long = "revoked", value_name = "FILE")]
    pub(crate) revocations: Vec<PathBuf>,
    /// Judge as of this time instead of now
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<Timestamp>,
}

const CONTRACT_VERIFY: &str = "\
Examples:
  welkin seal contract verify contract.json
  welkin seal contract verify contract.json --code query.sql --input a/snapshot.json --input b/snapshot.json

Each refusal goes into this home's log. Exit code 0 means that it holds, 16 that it is refused.";

/// Release the keys of a party's inputs to an engine that proves what it is, in a talk over standard input and output
#[derive(Debug, Args)]
#[command(after_help = RELEASE)]
pub(crate) struct SealReleaseArgs {
    /// Party whose data it is; its keys are in this home
    #[arg(long, value_name = "NAME")]
    pub(crate) party: Name,
    /// Sealed data set of the party that the contract names; repeat for more
    #[arg(long = "input", value_name = "FOLDER", required = true)]
    pub(crate) inputs: Vec<PathBuf>,
    /// Policy that says which engines are good enough; by default the party's own in this home
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// File with the passphrase of the party's keys
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

const RELEASE: &str = "\
Examples:
  welkin sql run c.json --query q.sql --input a/patients --input b/patients --to result \\
    --ask 'a=ssh hospital-a welkin seal release --party a --input sealed/patients' \\
    --ask 'b=ssh hospital-b welkin seal release --party b --input sealed/patients'

It is started by `welkin sql run --ask` and `welkin boost train --ask`. The contract has to hold here, and the engine's evidence has to be fresh, bound to the contract
and accepted by the policy; then the keys of the inputs go out, sealed for that engine. Each release counts as a run of the contract.";

/// The log of sealed work, which only grows
#[derive(Debug, Args)]
#[command(after_help = LOG)]
pub(crate) struct SealLogArgs {
    #[command(subcommand)]
    pub(crate) command: LogCommand,
}

const LOG: &str = "\
Examples:
  welkin seal log show
  welkin seal log head --party a > head.json
  welkin seal log verify --head head.json";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum LogCommand {
    /// Show this home's log
    #[command(after_help = "Examples:\n  welkin seal log show")]
    Show,
    /// Sign how long the log is and what it holds
    #[command(after_help = "Examples:\n  welkin seal log head --party a > head.json")]
    Head {
        /// Party that signs; its keys are in this home
        #[arg(long, value_name = "NAME")]
        party: Name,
        /// File with the passphrase of its keys
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
    },
    /// Prove to others that a line is in the log, or that the log only grew
    #[command(
        after_help = "Examples:\n  welkin seal log prove --line 3 > proof.json\n  welkin seal log prove --since 5 > grown.json"
    )]
    Prove {
        /// Number of the line, from 0
        #[arg(long = "line", value_name = "NUMBER", required_unless_present = "since")]
        index: Option<u64>,
        /// How many lines the log had
        #[arg(long, value_name = "COUNT", conflicts_with = "index")]
        since: Option<u64>,
    },
    Verify(LogVerifyArgs),
}

/// Check this home's log against heads, or a proof of somebody else
#[derive(Debug, Args)]
#[command(after_help = LOG_VERIFY)]
pub(crate) struct LogVerifyArgs {
    /// Head that was signed by a party that is known
    #[arg(long, value_name = "FILE")]
    pub(crate) head: Option<PathBuf>,
    /// Earlier head
    #[arg(long, value_name = "FILE")]
    pub(crate) old: Option<PathBuf>,
    /// Proof to check under the head instead of this home's log
    #[arg(long, value_name = "FILE", requires = "head")]
    pub(crate) proof: Option<PathBuf>,
}

const LOG_VERIFY: &str = "\
Examples:
  welkin seal log verify                                             # every line is as it was written
  welkin seal log verify --head head.json                            # and begins with what was signed
  welkin seal log verify --proof proof.json --head head.json         # a line of somebody else's log
  welkin seal log verify --proof grown.json --head new.json --old old.json";

/// `sev-snp:measurement=d447…`
fn engine(text: &str) -> Result<Engine, String> {
    let wrong = || "it should be KIND:NAME=HEX, as in sev-snp:measurement=d447…".to_owned();
    let (kind, rest) = text.split_once(':').ok_or_else(wrong)?;
    let (name, value) = rest.split_once('=').ok_or_else(wrong)?;
    let known = Kind::ALL.iter().find(|known| known.name() == kind);
    let known = *known.ok_or_else(|| format!("`{kind}` is not a known kind of evidence"))?;
    if !known.measurements().contains(&name) {
        return Err(format!(
            "{known} has no measurement `{name}`; it has {}",
            known.measurements().join(", ")
        ));
    }
    let value = from_hex(value).filter(|value| !value.is_empty()).ok_or_else(wrong)?;
    Ok(Engine { kind: known, measurements: BTreeMap::from([(name.to_owned(), HexBytes(value))]) })
}

/// Check evidence of hardware, and say what it claims and what a policy makes of it
#[derive(Debug, Args)]
#[command(after_help = VERIFY)]
pub(crate) struct SealVerifyArgs {
    /// Evidence: a report of SEV-SNP, a document of Nitro, a quote of TDX or SGX, raw or as hexadecimal digits; what the attester of
    /// Confidential Containers writes on a machine of Azure; or a file of Welkin
    #[arg(value_name = "EVIDENCE")]
    pub(crate) evidence: PathBuf,
    /// Certificates that the evidence does not bring itself, as PEM or DER, or the collateral of a quote, as JSON; may be repeated
    #[arg(short, long, value_name = "FILE")]
    pub(crate) certificates: Vec<PathBuf>,
    /// Policy that says which evidence is good enough; without one nothing is
    #[arg(short, long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// What the evidence has to answer, in hexadecimal digits
    #[arg(short, long, value_name = "HEX")]
    pub(crate) nonce: Option<String>,
    /// Key that was made inside and that the evidence has to be bound to, with nonce and contract
    #[arg(long, value_name = "HEX", requires_all = ["nonce", "contract", "signing_key"])]
    pub(crate) key: Option<String>,
    /// Key that was made inside and signs the result, to which the evidence has to be bound too
    #[arg(long, value_name = "HEX", requires_all = ["nonce", "key", "contract"])]
    pub(crate) signing_key: Option<String>,
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
  welkin seal verify quote.bin --certificates collateral.json --policy policy.toml
  welkin seal verify document.cose --policy policy.toml --nonce 6e6f6e6365
  welkin seal verify azure.json --certificates cert_chain.pem      # what an attester wrote on a confidential machine of Azure
  welkin seal verify evidence.json --policy policy.toml --output json | jq '.checks[] | select(.outcome == \"refused\")'

A policy, which has to name every kind it accepts and the programs of each:
  schema = 'welkin.policy/1'
  [sev-snp]
  measurements.measurement = ['d447b55d…']    # 48 bytes
  minimum = { snp = 20, microcode = 115 }

Exit code 0 means genuine and accepted, 16 refused.";
