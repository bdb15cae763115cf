//! What a transfer costs by list price: what leaves the source, and the requests at both ends.
//!
//! Egress is that from the source's place to the target's, as if the transfer ran at either; what the line of
//! this machine costs is not known. The month's quotas and tiers are taken as open: nothing else left
//! the source this month. What is compared and then turns out to differ is not in it.

use serde::Serialize;
use welkin_route::{RequestCounts, RequestPrices, Tariffs};
use welkin_sky::Site;
use welkin_transfer::engine::{Calls, Preview};
use welkin_units::{Bytes, Usd};

/// The cost of a transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Cost {
    from: String,
    to: String,
    /// What prices these are.
    prices: &'static str,
    egress_nano_usd: Usd,
    /// None where a store's prices are not known.
    source_requests_nano_usd: Option<Usd>,
    target_requests_nano_usd: Option<Usd>,
    total_nano_usd: Usd,
}

impl Cost {
    /// Of what a preview found.
    pub(super) fn of(from: &Site, to: &Site, preview: &Preview) -> Self {
        let (from, to) = (from.endpoint(), to.endpoint());
        let (tariffs, requests) = (Tariffs::builtin(), RequestPrices::builtin());
        let egress = tariffs.get(tariffs.between(&from, &to)).total(Bytes::new(preview.copy_bytes));
        let source = requests.of(from.provider, counts(preview.source_calls));
        let target = requests.of(to.provider, counts(preview.target_calls));
        Self {
            from: from.to_string(),
            to: to.to_string(),
            prices: "list",
            egress_nano_usd: egress,
            source_requests_nano_usd: source,
            target_requests_nano_usd: target,
            total_nano_usd: egress + source.unwrap_or(Usd::ZERO) + target.unwrap_or(Usd::ZERO),
        }
    }

    /// In words.
    pub(super) fn words(&self) -> String {
        let mut words = format!(
            "cost by list prices, {} to {}: {} (egress {}",
            self.from, self.to, self.total_nano_usd, self.egress_nano_usd
        );
        for (end, price) in
            [("source", self.source_requests_nano_usd), ("target", self.target_requests_nano_usd)]
        {
            match price {
                Some(price) => words.push_str(&format!(", requests at the {end} {price}")),
                None => words.push_str(&format!(", requests at the {end} not known")),
            }
        }
        words + ")"
    }
}

/// What is said where there is no price.
pub(super) fn unpriced(place: &str) -> String {
    format!(
        "cost not known, since it is not said where {place} is: set `place = \"PROVIDER/REGION\"` in its [stores.NAME]"
    )
}

/// What is said before a transfer for which the source's provider charges; nothing where it does not.
pub(super) fn warning(from: &Site, to: &Site) -> Option<String> {
    let (from, to) = (from.endpoint(), to.endpoint());
    let tariffs = Tariffs::builtin();
    let tariff = tariffs.get(tariffs.between(&from, &to));
    (!tariff.is_free()).then(|| {
        let highest = tariff.highest();
        format!("egress from {from} to {to} costs up to {highest} a GB by list prices; --dry-run adds it up")
    })
}

fn counts(calls: Calls) -> RequestCounts {
    RequestCounts { puts: calls.writes, gets: calls.reads, lists: calls.lists }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preview(gb: u64) -> Preview {
        Preview {
            copy_bytes: gb * 1_000_000_000,
            source_calls: Calls { reads: 10_000, writes: 0, lists: 1_000 },
            target_calls: Calls { reads: 0, writes: 10_000, lists: 0 },
            ..Preview::default()
        }
    }

    #[test]
    fn egress_and_requests_add_up() {
        let at = Site::parse;
        for (from, to, gb, egress, source, target, total) in [
            ("local", "aws/us-east-1", 500, "0", Some("0"), Some("0.05"), "0.05"),
            ("aws/us-east-1", "local", 1100, "90", Some("0.009"), Some("0"), "90.009"),
            ("aws/us-east-1", "aws/us-east-1", 1100, "0", Some("0.009"), Some("0.05"), "0.059"),
            ("gcp", "azure/westeurope", 100, "11.175870895", Some("0.009"), Some("0.065"), "11.249870895"),
            ("nimbus/x", "local", 100, "12", None, Some("0"), "12"),
        ] {
            let cost = Cost::of(&at(from), &at(to), &preview(gb));
            let usd = |text: &str| text.parse::<Usd>().unwrap();
            assert_eq!(cost.egress_nano_usd, usd(egress), "{from} {to}");
            assert_eq!(cost.source_requests_nano_usd, source.map(usd), "{from} {to}");
            assert_eq!(cost.target_requests_nano_usd, target.map(usd), "{from} {to}");
            assert_eq!(cost.total_nano_usd, usd(total), "{from} {to}");
        }
    }

    #[test]
    fn only_what_costs_is_warned_of() {
        let at = Site::parse;
        assert!(warning(&at("aws/us-east-1"), &at("local")).unwrap().contains("0.09"));
        assert_eq!(warning(&at("local"), &at("aws/us-east-1")), None);
        assert_eq!(warning(&at("aws/us-east-1"), &at("aws/us-east-1")), None);
    }
}
