//! `welkin sql`.

use super::noise::{NoiseArgs, thousandths};
use clap::{Args, Subcommand};
use std::path::PathBuf;
use welkin_seal::{Kind, Name};
use welkin_units::Bytes;

/// Queries on data that nobody else may see
#[derive(Debug, Args)]
#[command(after_help = SQL)]
pub(crate) struct SqlArgs {
    #[command(subcommand)]
    pub(crate) command: SqlCommand,
}

const SQL: &str = "\
Examples:
  welkin seal contract new --sql q.sql --input a/patients/snapshot.json --to a --engine \"$(welkin sql engine)\" > c.json
  welkin sql check q.sql --input a/patients
  welkin sql run c.json --query q.sql --input a/patients --to result
  welkin seal open result --party a

docs/sealed-data.md says what is promised, to whom, and what is not.";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum SqlCommand {
    Run(Box<SqlRunArgs>),
    Check(Box<SqlCheckArgs>),
    Engine(SqlEngineArgs),
}

/// Say what is measured of engines here, as `welkin seal contract new --engine` takes it
#[derive(Debug, Args)]
#[command(after_help = ENGINE)]
pub(crate) struct SqlEngineArgs {
    /// Ask the hardware below this machine for this kind of evidence, such as sev-snp; by default nothing is asked, and evidence would be simulated
    #[arg(long, value_name = "KIND", value_parser = tee)]
    pub(crate) tee: Option<Kind>,
    /// Certificates or collateral for its evidence that the machine does not give; repeat for more [default: /etc/welkin/evidence]
    #[arg(long, value_name = "FILE", requires = "tee")]
    pub(crate) certificates: Vec<PathBuf>,
}

const ENGINE: &str = "\
Examples:
  welkin sql engine
  welkin sql engine --tee sev-snp
  welkin sql engine --tee tdx --certificates collateral.json --output json | jq .measurements

Hardware measures the whole machine, not welkin-enclave alone. What it says here shows what to compare: owners take measurements from whoever
built the machine's image, not from whoever runs it. Nobody has run this on such hardware yet (docs/sealed-data.md).";

/// Run the query of a contract inside of an engine that proves what it is, and seal the result for its recipients
#[derive(Debug, Args)]
#[command(after_help = RUN)]
pub(crate) struct SqlRunArgs {
    /// Contract, signed by the owners of all inputs
    #[arg(value_name = "CONTRACT")]
    pub(crate) contract: PathBuf,
    /// The query that was agreed on
    #[arg(long, value_name = "FILE")]
    pub(crate) query: PathBuf,
    /// Sealed data set that the contract names; repeat for all of them
    #[arg(long = "input", value_name = "FOLDER", required = true)]
    pub(crate) inputs: Vec<PathBuf>,
    /// Folder to make for the sealed result
    #[arg(long = "to", value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
    /// Ask an owner whose keys are elsewhere by a command that starts `welkin seal release` there; repeat for more
    #[arg(long, value_name = "PARTY=COMMAND", value_parser = of_party::<String>)]
    pub(crate) ask: Vec<(Name, String)>,
    /// Policy of an owner whose keys are here; by default the owner's own in this home
    #[arg(long, value_name = "PARTY=FILE", value_parser = of_party::<PathBuf>)]
    pub(crate) policy: Vec<(Name, PathBuf)>,
    /// File with the passphrase of an owner's keys
    #[arg(long, value_name = "PARTY=FILE", value_parser = of_party::<PathBuf>)]
    pub(crate) passphrase_file: Vec<(Name, PathBuf)>,
    /// Memory that the query may take
    #[arg(long, value_name = "SIZE", default_value = "1GiB")]
    pub(crate) memory: Bytes,
    /// Threads that the query may use; by default as many as there are processors
    #[arg(long, value_name = "COUNT")]
    pub(crate) threads: Option<usize>,
    /// Folder for what does not fit into memory, sealed; without one such a query fails
    #[arg(long, value_name = "FOLDER")]
    pub(crate) spill: Option<PathBuf>,
    /// Check the contract and the engine's evidence, and release and run nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The one kind of evidence that the engine may give, such as sev-snp (never tried on such machines yet); by default any that the contract names
    #[arg(long, value_name = "KIND", value_parser = tee)]
    pub(crate) tee: Option<Kind>,
    /// Certificates or collateral for its evidence that the machine does not give; repeat for more [default: /etc/welkin/evidence]
    #[arg(long, value_name = "FILE")]
    pub(crate) certificates: Vec<PathBuf>,
}

const RUN: &str = "\
Examples:
  welkin sql run c.json --query q.sql --input a/patients --input b/patients --to result
  welkin sql run c.json --query q.sql --input a/patients --to result --policy a=policy.toml --dry-run
  welkin sql run c.json --query q.sql --input a/patients --input b/patients --to result \\
    --ask 'b=ssh hospital-b welkin seal release --party b --input sealed/patients'

A contract that says so (`welkin seal contract new --engines 3`) is run by several engines on this machine, each with a part of memory and threads.
In the query `party.name` is a party's data set, and `name` all rows of that name where the parties have the same columns.
Needs welkin-enclave, which is built apart: cargo build --release --manifest-path enclave/Cargo.toml
Exit code 0 means that the result is there, 16 that somebody refused, 1 that the query failed.";

/// Say what an engine would refuse, and why, before anybody signs
#[derive(Debug, Args)]
#[command(after_help = CHECK)]
pub(crate) struct SqlCheckArgs {
    /// Query, or contract about one
    #[arg(value_name = "QUERY|CONTRACT")]
    pub(crate) file: PathBuf,
    /// The query of a contract
    #[arg(long, value_name = "FILE")]
    pub(crate) query: Option<PathBuf>,
    /// Sealed data set that it may read, or its snapshot, signed by a party that is known; repeat for more
    #[arg(long = "input", value_name = "FOLDER|SNAPSHOT", required = true)]
    pub(crate) inputs: Vec<PathBuf>,
    /// Groups of fewer rows would be left out of the result
    #[arg(long, value_name = "ROWS", default_value_t = 1)]
    pub(crate) minimum_group: u64,
    /// Epsilon that a run would spend
    #[arg(long, value_name = "EPSILON", value_parser = thousandths)]
    pub(crate) epsilon: Option<u64>,
    #[command(flatten)]
    pub(crate) noise: NoiseArgs,
    /// Engines that would run it together
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=16),
        conflicts_with_all = ["minimum_group", "epsilon"])]
    pub(crate) engines: u32,
}

const CHECK: &str = "\
Examples:
  welkin sql check q.sql --input a/patients --input b/patients/snapshot.json
  welkin sql check q.sql --input a/patients --epsilon 0.5 --group ward=north,south --bound days=0..60
  welkin sql check q.sql --input a/patients --engines 3
  welkin sql check c.json --query q.sql --input a/patients --output json | jq -r '.ways[] | select(.runs) | .way'

The query is planned in every way there is: ordinary, without small groups, obliviously, with noise, by several engines together. Neither keys nor data are needed, and no
engine is started; it needs welkin-enclave, which is what plans queries. Exit code 0 means that it runs as the contract, or the options,
say, 16 that it would be refused.";

/// `NAME=VALUE`
pub(super) fn of_party<T: From<String>>(text: &str) -> Result<(Name, T), String> {
    let (party, value) = text.split_once('=').ok_or_else(|| "it should be PARTY=VALUE".to_owned())?;
    Ok((party.parse().map_err(|error: welkin_seal::NameError| error.to_string())?, value.to_owned().into()))
}

/// A kind of evidence that engines give.
pub(super) fn tee(text: &str) -> Result<Kind, String> {
    let given: Vec<Kind> = Kind::ALL.iter().copied().filter(|kind| is_given(*kind)).collect();
    given.iter().copied().find(|kind| kind.name() == text).ok_or_else(|| {
        let names: Vec<&str> = given.iter().map(|kind| kind.name()).collect();
        format!("engines give evidence of {}", names.join(", "))
    })
}

/// By hardware, or by none in a build that has it.
fn is_given(kind: Kind) -> bool {
    #[cfg(feature = "simulated")]
    if kind == Kind::Simulated {
        return true;
    }
    kind.device().is_some()
}
