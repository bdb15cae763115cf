//! What providers add to the price of a machine while its trusted execution environment is on.

use super::reader::{TableProblem, read};
use super::tee::tee_named;
use crate::TeeSet;
use crate::glob::Glob;
use welkin_units::Usd;

/// Fees by provider, machine type pattern and kind of TEE.
#[derive(Debug, Clone, Default)]
pub struct TeeFees {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    provider: String,
    instance_type: Glob,
    tee: TeeSet,
    /// Parts per million of the on-demand price.
    share_ppm: i64,
    per_vcpu: Usd,
    per_gib: Usd,
}

impl TeeFees {
    pub(super) fn parse(text: &str, problems: &mut Vec<TableProblem>) -> Self {
        let mut rules = Vec::new();
        let columns = ["provider", "type_glob", "tee", "percent", "usd_per_vcpu_hour", "usd_per_gib_hour"];
        read("tee_fees.csv", text, columns, problems, |row, problems| {
            let numbers = [3, 4, 5].map(|column| row.number(column).and_then(Usd::from_dollars));
            let (Some(tee), [Some(percent), Some(per_vcpu), Some(per_gib)]) =
                (tee_named(row.get(2)), numbers)
            else {
                problems.push(row.problem("expected a kind of TEE and amounts of at least zero"));
                return;
            };
            rules.push(Rule {
                provider: row.get(0).to_lowercase(),
                instance_type: Glob::new(row.get(1)),
                tee,
                // A percentage read as dollars has 10⁹ units; parts per million are 10⁴ a percent.
                share_ppm: percent.nanos() / 100_000,
                per_vcpu,
                per_gib,
            });
        });
        Self { rules }
    }

    /// The fee per hour for running `offer` with one of `kinds` on, whichever of those it has costs
    /// least; zero when the table has no fee for it, `None` when it has none of these kinds.
    #[must_use]
    pub fn hourly(&self, offer: &crate::Offer<'_>, kinds: TeeSet) -> Option<Usd> {
        let members = (0..u8::BITS).map(|bit| TeeSet(1 << bit));
        members
            .filter(|kind| kind.intersects(kinds) && kind.intersects(offer.tee))
            .map(|kind| self.fee(offer, kind))
            .min()
    }

    /// The first rule that fits counts, so that a table lists exceptions before the general case.
    fn fee(&self, offer: &crate::Offer<'_>, kind: TeeSet) -> Usd {
        let fits = |rule: &&Rule| {
            rule.provider == offer.place.provider
                && rule.tee == kind
                && rule.instance_type.matches(offer.instance_type)
        };
        let Some(rule) = self.rules.iter().find(fits) else { return Usd::ZERO };
        let on_demand = offer.on_demand.or(offer.spot).unwrap_or_default();
        let share = i128::from(on_demand.nanos()) * i128::from(rule.share_ppm) / 1_000_000;
        let vcpus = i128::from(rule.per_vcpu.nanos()) * i128::from(offer.vcpus_milli) / 1000;
        let memory = i128::from(rule.per_gib.nanos()) * i128::from(offer.memory.get()) / (1 << 30);
        Usd::from_nanos(i64::try_from(share + vcpus + memory).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AlignedBytes, Catalog, OfferId, starter};

    #[test]
    fn fees_follow_share_and_size() {
        let mut problems = Vec::new();
        let text = "provider,type_glob,tee,percent,usd_per_vcpu_hour,usd_per_gib_hour,source_url,as_of\n\
                    gcp,n2d-*,sev,,0.01,0.001,u,d\naws,*,sev-snp,10,,,u,d\naws,*,magic,1,,,u,d\n";
        let fees = TeeFees::parse(text, &mut problems);
        assert_eq!(problems.len(), 1);
        let bytes = AlignedBytes::copy_from(&starter::catalog_bytes());
        let catalog = Catalog::open(bytes.as_bytes()).unwrap();
        let mut offer = catalog.offer(OfferId(0));
        offer.on_demand = "2".parse().ok();
        offer.tee = TeeSet::SEV.union(TeeSet::SEV_SNP);
        offer.vcpus_milli = 8000;
        offer.memory = welkin_units::Bytes::from_gib(32);
        (offer.place.provider, offer.instance_type) = ("aws", "m6a.large");
        assert_eq!(fees.hourly(&offer, TeeSet::SEV_SNP), "0.2".parse().ok());
        assert_eq!(fees.hourly(&offer, TeeSet::SEV.union(TeeSet::SEV_SNP)), Some(Usd::ZERO));
        assert_eq!(fees.hourly(&offer, TeeSet::TDX), None);
        (offer.place.provider, offer.instance_type) = ("gcp", "n2d-standard-8");
        assert_eq!(fees.hourly(&offer, TeeSet::SEV), "0.112".parse().ok());
    }
}
