//! `welkin route`.

use super::values::{size, span, usd};
use clap::{Args, Subcommand};
use std::path::PathBuf;
use welkin_route::{Ceiling, SiteName, Traffic};
use welkin_units::{BitsPerSecond, Bytes, Span, Usd};

/// Plan how data goes from a place to others: over which regions, how fast, at what price
///
/// Places are written `azure:canadacentral`, `azure/canadacentral` or `sky:azure/canadacentral`. With
/// several destinations the plan is a tree: each hop carries the data once, however many lie behind it.
/// Without a condition the plan is the cheapest. Nothing is started and nothing is billed.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct RouteArgs {
    #[command(subcommand)]
    pub(crate) command: Option<RouteCommand>,
    /// Where the data is
    #[arg(value_name = "SRC", required = true)]
    pub(crate) from: Option<String>,
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
    /// Agreements between providers; those count that both have signed with a key that you trust
    #[arg(long, value_name = "FILE")]
    pub(crate) agreements: Option<PathBuf>,
    /// Keys that you trust: a line `aws = ["<key>"]` for each provider [default: `[trusted-keys]` of config.toml]
    #[arg(long, value_name = "FILE", requires = "agreements")]
    pub(crate) trust: Option<PathBuf>,
    /// What went to the other side and came from it this month under an agreement that bounds their ratio
    #[arg(long, value_name = "AGREEMENT=SENT/RECEIVED", value_parser = exchanged, requires = "agreements")]
    pub(crate) exchanged: Vec<(String, Traffic)>,
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
  welkin route azure:eastus gcp:asia-east1 --fastest --output dot | dot -Tsvg > route.svg
  welkin route probe --from azure/eastus gcp/asia-east1=welkin://w1:9c…@10.0.0.4:7400 --grid measured.csv";

/// What else there is to do about routes; without it, one is planned.
#[derive(Debug, Subcommand)]
pub(crate) enum RouteCommand {
    Probe(ProbeArgs),
}

/// Measure the rate and the round trip between this machine and gateways
///
/// Data that no compression makes smaller is written below a prefix of its own and removed again, over as many
/// connections as pay. What the place behind a gateway can take bounds the rate, as it does for transfers.
#[derive(Debug, Args)]
#[command(after_help = PROBE)]
pub(crate) struct ProbeArgs {
    /// Gateways, each with the name of its region for the grid: `gcp/us-east4=welkin://…`
    #[arg(value_name = "[NAME=]GATEWAY", required = true, value_parser = probed)]
    pub(crate) gateways: Vec<Probed>,
    /// Region of this machine, such as `azure/canadacentral`
    #[arg(long, value_name = "NAME", value_parser = site)]
    pub(crate) from: Option<SiteName>,
    /// Grid that takes what was measured; made when there is none
    #[arg(long, value_name = "FILE", requires = "from")]
    pub(crate) grid: Option<PathBuf>,
    /// Measure the way from the gateways to here as well
    #[arg(long)]
    pub(crate) back: bool,
    /// Longest time for each direction; half of it is for finding the number of connections
    #[arg(long, value_name = "SECONDS", default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=300))]
    pub(crate) seconds: u64,
    /// Most data for each direction
    #[arg(long, value_name = "SIZE", default_value = "2GB", value_parser = size)]
    pub(crate) bytes: Bytes,
}

const PROBE: &str = "\
Examples:
  welkin route probe welkin://w1:9c…@store.example:7400
  welkin route probe --from azure/eastus gcp/asia-east1=welkin://w1:9c…@10.0.0.4:7400 --grid measured.csv
  welkin route probe --from aws/us-east-1 gcp/us-east4=welkin://far azure/eastus=welkin://near --back --bytes 500MB
  welkin route azure:eastus gcp:asia-east1 --grid measured.csv

Data sent to another region or cloud may be billed as egress; the most that can be is told before it begins.";

/// A gateway and the region that it stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Probed {
    pub(crate) name: Option<SiteName>,
    pub(crate) place: String,
}

fn probed(text: &str) -> Result<Probed, String> {
    match text.split_once('=').filter(|(name, _)| !name.contains("://")) {
        Some((name, place)) => Ok(Probed { name: Some(site(name)?), place: place.to_owned() }),
        None => Ok(Probed { name: None, place: text.to_owned() }),
    }
}

fn site(text: &str) -> Result<SiteName, String> {
    text.parse()
}

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

/// `aws-gcp-europe=2TB/1TB`.
fn exchanged(text: &str) -> Result<(String, Traffic), String> {
    let wrong = || format!("`{text}` is not AGREEMENT=SENT/RECEIVED");
    let (agreement, sizes) = text.split_once('=').ok_or_else(wrong)?;
    let (sent, received) = sizes.split_once('/').ok_or_else(wrong)?;
    let size = |text: &str| text.parse().map_err(|error: welkin_units::QuantityError| error.to_string());
    Ok((agreement.to_owned(), Traffic { sent: size(sent)?, received: size(received)? }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_exchanged() {
        let traffic = Traffic { sent: Bytes::from_gb(2000), received: Bytes::from_gb(1000) };
        assert_eq!(exchanged("ab=2TB/1TB"), Ok(("ab".to_owned(), traffic)));
        for wrong in ["ab", "ab=2TB", "ab=2TB/", "ab=x/1TB"] {
            assert!(exchanged(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn gateways_with_and_without_a_name() {
        let named = probed("GCP/us-east4=welkin://w1:ab@h:1/k=v").unwrap();
        assert_eq!(named.name.unwrap().to_string(), "gcp:us-east4");
        assert_eq!(named.place, "welkin://w1:ab@h:1/k=v");
        assert_eq!(probed("welkin://h:1/k=v").unwrap().name, None);
        assert!(probed("somewhere=welkin://h:1").is_err());
    }

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
