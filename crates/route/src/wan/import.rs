//! Reading grids, prices and round trips from files that others published.
//!
//! A file is known by the columns of its header, not by its name:
//! * our own grid, [`Grid`];
//! * Skyplane's throughput grid (`throughput_sent_bits_per_second`), of which only rows between two
//!   premium tiers count and the first of each pair stands;
//! * prices (`src`, `dest`, `cost` in dollars for a decimal gigabyte), same tiers;
//! * round trips (`avg_rtt` in milliseconds), same tiers.
//!
//! Guarantee: no content makes it fail as a whole but a file of no known kind. A rate or price that cannot
//! be true is set aside with its line: not a number, negative, beyond bounds no network or price list
//! reaches, or a price of zero between two sites, which must never win by mistake.
//!
//! Source of the form: the data of Jain et al., "Skyplane", NSDI 2023.

use super::grid::{Grid, MOST_BITS, MOST_RTT_MS, Measured, bits};
use super::lines::{Lines, number};
use super::site::SiteName;
use std::collections::BTreeMap;
use welkin_units::Usd;

/// Connections that the published throughput grid was measured with.
const PUBLISHED_CONNECTIONS: u32 = 64;
/// The tier of a provider's own network, which VMs use unless told otherwise.
const PREMIUM: &str = "PREMIUM";
/// No list price for a gigabyte comes near this.
const MOST_PER_GB: f64 = 5.0;

/// A line that was not taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// Line, from 1.
    pub line: usize,
    /// Why.
    pub reason: String,
}

/// Prices of a gigabyte by source and destination.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PriceGrid {
    /// By source and destination.
    pub per_gb: BTreeMap<(SiteName, SiteName), Usd>,
}

/// What a set of files says, and which of their lines were set aside.
#[derive(Debug, Clone, Default)]
pub struct GridInput {
    /// Rates, with round trips where known.
    pub grid: Grid,
    /// Prices, where a file had some.
    pub prices: PriceGrid,
    /// By name of the file.
    pub quarantined: Vec<(String, Quarantined)>,
}

/// Reads files, given by name and content, in any order.
///
/// # Errors
/// The name of the first file that is of no known kind, and what is wrong with it.
pub fn read_grid_files(files: &[(&str, &[u8])]) -> Result<GridInput, (String, String)> {
    let mut input = GridInput::default();
    let mut rtts: BTreeMap<(SiteName, SiteName), f64> = BTreeMap::new();
    for (name, content) in files {
        let text = String::from_utf8_lossy(content);
        let wrong = |message: String| ((*name).to_owned(), message);
        let lines = Lines::new(&text).map_err(wrong)?;
        let mut quarantined = Vec::new();
        if Grid::is_one(&lines) {
            let (grid, bad) = Grid::parse(&text).map_err(wrong)?;
            input.grid.merge(grid);
            quarantined = bad;
        } else if lines.has(&["src_region", "dst_region", "throughput_sent_bits_per_second"]) {
            throughput(&lines, &mut input.grid, &mut quarantined);
        } else if lines.has(&["src", "dest", "cost"]) {
            prices(&lines, &mut input.prices, &mut quarantined);
        } else if lines.has(&["src_region", "dst_region", "avg_rtt"]) {
            round_trips(&lines, &mut rtts, &mut quarantined);
        } else {
            return Err(wrong("its columns are those of no grid, price or round-trip file".to_owned()));
        }
        input.quarantined.extend(quarantined.into_iter().map(|bad| ((*name).to_owned(), bad)));
    }
    for (pair, measured) in &mut input.grid.pairs {
        // A ping says the same of both directions.
        let back = || rtts.get(&(pair.1.clone(), pair.0.clone()));
        measured.rtt_ms = measured.rtt_ms.or_else(|| rtts.get(pair).or_else(back).copied());
    }
    Ok(input)
}

fn throughput(lines: &Lines<'_>, grid: &mut Grid, quarantined: &mut Vec<Quarantined>) {
    let names = ["src_region", "src_tier", "dst_region", "dst_tier", "throughput_sent_bits_per_second"];
    lines.each(names, quarantined, |[from, from_tier, to, to_tier, rate]| {
        if from_tier != PREMIUM || to_tier != PREMIUM {
            return Ok(());
        }
        let pair = (from.parse()?, to.parse()?);
        let measured = Measured {
            rate: bits(number(rate, "rate", 1.0, MOST_BITS)?),
            one_connection: None,
            rtt_ms: None,
            connections: PUBLISHED_CONNECTIONS,
            taken_at: String::new(),
        };
        grid.pairs.entry(pair).or_insert(measured);
        Ok(())
    });
}

fn prices(lines: &Lines<'_>, prices: &mut PriceGrid, quarantined: &mut Vec<Quarantined>) {
    lines.each(["src", "src_tier", "dest", "dest_tier", "cost"], quarantined, |[from, ft, to, tt, cost]| {
        if [ft, tt].iter().any(|tier| !tier.is_empty() && *tier != PREMIUM) {
            return Ok(());
        }
        let pair: (SiteName, SiteName) = (from.parse()?, to.parse()?);
        let cost = number(cost, "price", 0.0, MOST_PER_GB)?;
        if cost == 0.0 && pair.0 != pair.1 {
            return Err("a price of zero between two sites".to_owned());
        }
        let cost = Usd::from_dollars(cost).ok_or("price does not fit")?;
        prices.per_gb.entry(pair).or_insert(cost);
        Ok(())
    });
}

fn round_trips(
    lines: &Lines<'_>,
    rtts: &mut BTreeMap<(SiteName, SiteName), f64>,
    quarantined: &mut Vec<Quarantined>,
) {
    let names = ["src_region", "src_tier", "dst_region", "dst_tier", "avg_rtt"];
    lines.each(names, quarantined, |[from, from_tier, to, to_tier, rtt]| {
        if [from_tier, to_tier].iter().any(|tier| !tier.is_empty() && *tier != PREMIUM) {
            return Ok(());
        }
        let pair = (from.parse()?, to.parse()?);
        rtts.entry(pair).or_insert(number(rtt, "round trip", f64::MIN_POSITIVE, MOST_RTT_MS)?);
        Ok(())
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_by_their_columns() {
        let rates = b"src_region,src_tier,dst_region,dst_tier,throughput_sent_bits_per_second\n\
            a:x,PREMIUM,b:y,STANDARD,9e9\na:x,PREMIUM,b:y,PREMIUM,5e9\na:x,PREMIUM,b:y,PREMIUM,6e9\n";
        let prices = b"src,dest,src_tier,dest_tier,cost\na:x,b:y,PREMIUM,PREMIUM,0.09\n\
            b:y,a:x,PREMIUM,PREMIUM,0\nb:y,b:y,PREMIUM,PREMIUM,0\nb:y,a:z,PREMIUM,PREMIUM,-1\n";
        let rtts = b"src_region,src_tier,dst_region,dst_tier,avg_rtt\nb:y,PREMIUM,a:x,PREMIUM,80.5\n";
        let input = read_grid_files(&[("r", rates), ("p", prices), ("t", rtts)]).unwrap();
        let pair = ("a:x".parse().unwrap(), "b:y".parse().unwrap());
        let measured = &input.grid.pairs[&pair];
        assert_eq!((measured.rate.get(), measured.rtt_ms), (5_000_000_000, Some(80.5)));
        assert_eq!(input.prices.per_gb[&pair], Usd::from_cents(9));
        let bad: Vec<_> = input.quarantined.iter().map(|(name, bad)| (name.as_str(), bad.line)).collect();
        assert_eq!(bad, [("p", 3), ("p", 5)]);
    }

    #[test]
    fn a_file_of_no_known_kind_is_refused_by_name() {
        let (name, message) = read_grid_files(&[("notes.csv", b"a,b\n1,2\n")]).unwrap_err();
        assert_eq!(name, "notes.csv");
        assert!(message.contains("columns"));
        assert!(read_grid_files(&[("x", b"\xff\xfe\x00")]).is_err());
    }
}
