//! `welkin route`.

use super::values::{span, usd};
use clap::Args;
use std::path::PathBuf;
use welkin_route::Ceiling;
use welkin_units::{BitsPerSecond, Bytes, Span, Usd};

/// Plan how data goes from a place to others: over which regions, how fast, at what price
///
/// Places are written `azure:canadacentral`, `azure/canadacentral` or `sky:azure/canadacentral`. With
/// several destinations the plan is a tree: each hop carries the data once, however many lie behind it.
/// Without a condition the plan is the cheapest. Nothing is started and nothing is billed.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RouteArgs {
    /// Where the data is
    #[arg(value_name = "SRC")]
    pub(crate) from: String,
    /// Where it goes; a destination with `*` stands for all places it matches
    #[arg(value_name = "DST", required = true)]
    pub(crate) to: Vec<String>,
    /// How much data
    #[arg(long, value_name = "SIZE", default_value = "1TB")]
    pub(crate) size: Bytes,
    /// Fastest plan at this cost or below: `1.2x` the direct path's, or dollars for a gigabyte
    #[arg(long, value_name = "TIMES|USD", value_parser = ceiling, group = "goal")]
    pub(crate) max_cost: Option<Ceiling>,
    /// Fastest plan that costs at most this in all
    #[arg(long, value_name = "USD", value_parser = usd, group = "goal")]
    pub(crate) budget: Option<Usd>,
    /// Cheapest plan at this rate or above
    #[arg(long, value_name = "RATE", group = "goal")]
    pub(crate) min_rate: Option<BitsPerSecond>,
    /// Cheapest plan that is done within this time
    #[arg(long, value_name = "TIME", value_parser = span, group = "goal")]
    pub(crate) by: Option<Span>,
    /// Fastest plan whatever it costs
    #[arg(long, group = "goal")]
    pub(crate) fastest: bool,
    /// Plans from the cheapest to the fastest
    #[arg(long, group = "goal")]
    pub(crate) pareto: bool,
    /// Most relay machines in a region
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    pub(crate) max_vms: u32,
    /// Countries (`de`) or jurisdictions (`eu`) that relays must lie in; repeat for several
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    pub(crate) residency: Vec<String>,
    /// Places that must not relay, such as `gcp` or `aws/us-*`; repeat for several
    #[arg(long, value_name = "PLACE", value_delimiter = ',')]
    pub(crate) exclude: Vec<String>,
    /// Object stores without egress charges that may relay
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) store: Vec<String>,
    /// Measured grid: a file, or a folder of grid, price and round-trip files [default: an estimate]
    #[arg(long, value_name = "PATH")]
    pub(crate) grid: Option<PathBuf>,
    /// Prices for pairs of places, over the built-in tariffs
    #[arg(long, value_name = "FILE", requires = "grid")]
    pub(crate) prices: Option<PathBuf>,
    /// Agreements between providers
    #[arg(long, value_name = "FILE")]
    pub(crate) agreements: Option<PathBuf>,
    /// State that something holds that an agreement asks for, such as `same-organisation`
    #[arg(long, value_name = "STATEMENT", requires = "agreements")]
    pub(crate) declare: Vec<String>,
    /// Volume already sent this month on a meter of the tariffs
    #[arg(long, value_name = "METER=SIZE", value_parser = sent)]
    pub(crate) sent: Vec<(String, Bytes)>,
    /// Say how the plan came about, and what was left out
    #[arg(long)]
    pub(crate) explain: bool,
}

const EXAMPLES: &str = "\
Examples:
  welkin route azure:canadacentral gcp:asia-northeast1 --size 1TB --max-cost 1.2x
  welkin route aws/us-east-1 gcp/europe-west4 --size 50TB --by 8h --max-vms 4 --residency us,eu
  welkin route aws:us-east-1 azure:westeurope gcp:europe-west1 gcp:europe-west4 --min-rate 2Gbps
  welkin route azure:eastus aws:ap-northeast-1 --grid measured.csv --pareto
  welkin route azure:eastus gcp:asia-east1 --fastest --output dot | dot -Tsvg > route.svg";

/// `1.2x`, `0.10` or `$0.10`.
fn ceiling(text: &str) -> Result<Ceiling, String> {
    let trimmed = text.trim();
    if let Some(times) = trimmed.strip_suffix(['x', 'X']) {
        let wrong = || format!("`{text}` is not a multiple such as `1.2x`");
        let times: f64 = times.trim().parse().map_err(|_| wrong())?;
        return if (0.001..=1e6).contains(&times) { Ok(Ceiling::TimesDirect(times)) } else { Err(wrong()) };
    }
    usd(trimmed.trim_end_matches("/GB")).map(Ceiling::PerGb)
}

/// `aws.internet=5TB`.
fn sent(text: &str) -> Result<(String, Bytes), String> {
    let (meter, size) = text.split_once('=').ok_or_else(|| format!("`{text}` is not METER=SIZE"))?;
    let size = size.parse().map_err(|error: welkin_units::QuantityError| error.to_string())?;
    Ok((meter.to_owned(), size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ceilings() {
        assert_eq!(ceiling("1.2x"), Ok(Ceiling::TimesDirect(1.2)));
        assert_eq!(ceiling("$0.10/GB"), Ok(Ceiling::PerGb(Usd::from_cents(10))));
        for text in ["x", "-1x", "nanx", "0x", "cheap", "-0.1"] {
            assert!(ceiling(text).is_err(), "{text}");
        }
        assert!(sent("aws.internet").is_err() && sent("aws.internet=5TB").is_ok());
    }
}
