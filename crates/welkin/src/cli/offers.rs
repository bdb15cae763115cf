//! `welkin offers`.

use super::values::{accelerator, amount, usd};
use clap::{Args, ValueEnum};
use welkin_catalog::{AcceleratorFilter, Amount};
use welkin_units::Usd;

/// Search the catalog: what can be had, where, at what price
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct OffersArgs {
    /// Accelerator, as with --accelerator
    #[arg(value_name = "ACCELERATOR", value_parser = accelerator, conflicts_with = "accelerator")]
    pub(crate) wanted: Option<AcceleratorFilter>,
    /// Accelerator and how many in one machine; `+` accepts more
    #[arg(short, long, value_name = "NAME[:COUNT]", value_parser = accelerator)]
    pub(crate) accelerator: Option<AcceleratorFilter>,
    /// Virtual CPUs: `8` means 8, `8+` at least 8
    #[arg(long, value_name = "COUNT", value_parser = amount)]
    pub(crate) cpus: Option<Amount>,
    /// Memory in GiB: `32` means 32, `32+` at least 32
    #[arg(long, value_name = "GIB", value_parser = amount)]
    pub(crate) memory: Option<Amount>,
    /// Machine type; `*` and `?` stand for anything
    #[arg(long, value_name = "PATTERN")]
    pub(crate) instance_type: Option<String>,
    /// Provider; repeat or separate by commas for several
    #[arg(short, long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) provider: Vec<String>,
    /// Region; `*` and `?` stand for anything
    #[arg(short, long, value_name = "PATTERN")]
    pub(crate) region: Option<String>,
    /// Zone; `*` and `?` stand for anything
    #[arg(long, value_name = "PATTERN")]
    pub(crate) zone: Option<String>,
    /// Country (`de`) or jurisdiction (`eu`, `us`); repeat for several
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    pub(crate) residency: Vec<String>,
    /// Certificate that the region must hold; repeat for several, all of which must hold
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) cert: Vec<String>,
    /// Trusted execution environment; repeat for several, any of which will do
    #[arg(long, value_enum, value_name = "KIND", value_delimiter = ',')]
    pub(crate) tee: Vec<TeeKind>,
    /// Processor architecture
    #[arg(long, value_enum)]
    pub(crate) arch: Option<ArchKind>,
    /// Only what is sold on the spot market, at that price
    #[arg(long)]
    pub(crate) spot: bool,
    /// Only what is sold on demand, at that price
    #[arg(long, conflicts_with = "spot")]
    pub(crate) on_demand: bool,
    /// Most that one machine may cost per hour
    #[arg(long, value_name = "USD", value_parser = usd)]
    pub(crate) max_hourly: Option<Usd>,
    /// Also government and sovereign regions, which need an account of their own
    #[arg(long)]
    pub(crate) restricted: bool,
    /// Order of the rows
    #[arg(long, value_enum, default_value_t)]
    pub(crate) sort: Sort,
    /// Most rows shown; 0 shows all
    #[arg(short = 'n', long, value_name = "ROWS", default_value_t = 20)]
    pub(crate) limit: usize,
}

const EXAMPLES: &str = "\
Examples:
  welkin offers --accelerator H100:8
  welkin offers --accelerator A100:8 --region 'eu-*' --spot --sort price
  welkin offers --cpus 8+ --memory 32+ --tee sev-snp,tdx --residency eu
  welkin offers --accelerator L4 --output json | jq '.offers[0]'";

/// Orders of offers.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sort {
    /// Cheapest machine first.
    #[default]
    Price,
    /// Cheapest accelerator first.
    PricePerAccelerator,
    /// By provider, region and machine type.
    Place,
}

/// Trusted execution environments, as job files spell them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TeeKind {
    /// AMD SEV-SNP.
    SevSnp,
    /// AMD SEV.
    Sev,
    /// Intel TDX.
    Tdx,
    /// Intel SGX.
    Sgx,
    /// AWS Nitro Enclaves.
    Nitro,
    /// NVIDIA confidential computing.
    GpuCc,
}

/// Processor architectures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ArchKind {
    /// x86-64.
    #[value(name = "x86_64", alias = "amd64")]
    X8664,
    /// 64-bit ARM.
    #[value(name = "arm64", alias = "aarch64")]
    Arm64,
}
