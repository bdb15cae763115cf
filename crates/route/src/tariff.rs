//! A price as a function of the month's volume.

use welkin_units::{Bytes, Usd};

/// One slice of a tariff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// Cumulative volume of the month up to which this price holds; `None` for the last tier.
    pub up_to: Option<Bytes>,
    /// Price of each gigabyte in the slice; of each GiB where the tariff counts in them.
    pub per_gb: Usd,
}

/// What a tariff states its price for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unit {
    /// Decimal gigabytes.
    #[default]
    Gb,
    /// GiB, 2³⁰ bytes.
    Gib,
}

impl Unit {
    /// Reads `GB` or `GiB`.
    ///
    /// # Errors
    /// Any other text.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "GB" => Ok(Self::Gb),
            "GiB" => Ok(Self::Gib),
            _ => Err(format!("`{text}` is not a unit: expected GB or GiB")),
        }
    }

    /// An amount in this unit, as `0.5` or `100`.
    pub(crate) fn amount(self, text: &str) -> Result<Bytes, String> {
        let name = if self == Self::Gb { "GB" } else { "GiB" };
        format!("{text} {name}").parse().map_err(|_| format!("`{text}` is not a number of {name}"))
    }

    fn nanos(self, per_unit: Usd, bytes: Bytes) -> i128 {
        match self {
            Self::Gb => per_unit.nanos_over(bytes),
            Self::Gib => per_unit.nanos_over_gib(bytes),
        }
    }

    fn price(self, per_unit: Usd, bytes: Bytes) -> Usd {
        Usd::checked_from_nanos(self.nanos(per_unit, bytes)).unwrap_or(Usd::MAX)
    }
}

/// A price as a function of the month's cumulative volume on one meter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tariff {
    pub(crate) meter: String,
    pub(crate) tiers: Vec<Tier>,
    pub(crate) unit: Unit,
    /// Name of the free quota that its first tier stands for, where several meters use up one.
    pub(crate) quota: Option<String>,
}

impl Tariff {
    /// A tariff from its tiers, which must rise and end without a bound.
    ///
    /// # Errors
    /// What is wrong with the tiers, in words.
    pub fn new(meter: String, tiers: Vec<Tier>) -> Result<Self, String> {
        let bounds: Vec<Option<Bytes>> = tiers.iter().map(|tier| tier.up_to).collect();
        match bounds.split_last() {
            Some((None, rest)) if rest.iter().all(Option::is_some) && rest.is_sorted_by(|a, b| a < b) => {}
            _ => return Err("tier bounds must rise, and only the last tier has none".to_owned()),
        }
        if tiers.iter().any(|tier| tier.per_gb < Usd::ZERO) {
            return Err("a price is negative".to_owned());
        }
        Ok(Self { meter, tiers, unit: Unit::Gb, quota: None })
    }

    /// The same prices for another unit; bounds stay what they are.
    #[must_use]
    pub fn counted_in(self, unit: Unit) -> Self {
        Self { unit, ..self }
    }

    /// The same tariff, its first tier a free quota that it shares with all tariffs of the same name.
    ///
    /// # Errors
    /// When its first tier is not free, or is its last.
    pub fn sharing(self, quota: String) -> Result<Self, String> {
        match self.tiers.first() {
            Some(Tier { up_to: Some(_), per_gb: Usd::ZERO }) => Ok(Self { quota: Some(quota), ..self }),
            _ => Err(format!("the quota `{quota}` is shared, but the first tier is not free up to a bound")),
        }
    }

    /// The free quota it shares: how much is free, and what that would cost if it were not.
    pub(crate) fn free(&self) -> Option<(Bytes, Usd)> {
        self.quota.as_ref()?;
        let [Tier { up_to: Some(free), .. }, next, ..] = self.tiers.as_slice() else { return None };
        Some((*free, next.per_gb))
    }

    /// What a free volume would cost if it were none of the quota's.
    pub(crate) fn unfree(&self, bytes: Bytes) -> Usd {
        self.free().map_or(Usd::ZERO, |(_, price)| self.unit.price(price, bytes))
    }

    /// The meter that counts the month's volume: transfers with the same meter share tiers and quota.
    #[must_use]
    pub fn meter(&self) -> &str {
        &self.meter
    }

    /// The price of the month's first `volume`, if it is all that a shared quota is used for.
    ///
    /// Exact in nano-dollars but for one rounding per tier, so monotone, and continuous in the sense
    /// that one more byte costs at most its own price and a nano-dollar.
    #[must_use]
    pub fn total(&self, volume: Bytes) -> Usd {
        Usd::checked_from_nanos(self.nanos(volume)).unwrap_or(Usd::MAX)
    }

    /// The price of `more` after `already` this month; the largest amount when it is beyond that.
    #[must_use]
    pub fn marginal(&self, already: Bytes, more: Bytes) -> Usd {
        self.marginal_nanos(already, more).and_then(Usd::checked_from_nanos).unwrap_or(Usd::MAX)
    }

    /// The same in nano-dollars, whether or not an amount can be that large; `None` when no volume is as large as
    /// both together. A difference of two amounts that stand for anything larger would be far too small.
    #[must_use]
    pub fn marginal_nanos(&self, already: Bytes, more: Bytes) -> Option<i128> {
        let all = Bytes::new(already.get().checked_add(more.get())?);
        Some(self.nanos(all) - self.nanos(already))
    }

    fn nanos(&self, volume: Bytes) -> i128 {
        let mut from = Bytes::ZERO;
        let mut sum = 0;
        for tier in &self.tiers {
            let to = tier.up_to.map_or(volume, |bound| bound.min(volume));
            sum += self.unit.nanos(tier.per_gb, to.saturating_sub(from));
            from = to.max(from);
            if from >= volume {
                break;
            }
        }
        sum
    }

    /// The price per decimal gigabyte of its dearest tier.
    #[must_use]
    pub fn highest(&self) -> Usd {
        let highest = self.tiers.iter().map(|tier| tier.per_gb).max().unwrap_or(Usd::ZERO);
        self.unit.price(highest, Bytes::from_gb(1))
    }

    /// The volumes at which the price per gigabyte changes.
    pub fn bounds(&self) -> impl Iterator<Item = Bytes> {
        self.tiers.iter().filter_map(|tier| tier.up_to)
    }

    /// Whether every volume is free.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.tiers.iter().all(|tier| tier.per_gb == Usd::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tariff(tiers: &[(Option<u64>, &str)]) -> Tariff {
        let tiers = tiers
            .iter()
            .map(|(up_to, price)| Tier { up_to: up_to.map(Bytes::from_gb), per_gb: price.parse().unwrap() });
        Tariff::new("test".to_owned(), tiers.collect()).unwrap()
    }

    fn aws() -> Tariff {
        tariff(&[
            (Some(100), "0"),
            (Some(10_240), "0.09"),
            (Some(51_200), "0.085"),
            (Some(153_600), "0.07"),
            (None, "0.05"),
        ])
    }

    #[test]
    fn each_tier_prices_its_own_slice() {
        let aws = aws();
        for (gb, dollars) in
            [(100, "0"), (101, "0.09"), (10_240, "912.6"), (10_241, "912.685"), (153_600, "11562.2")]
        {
            assert_eq!(aws.total(Bytes::from_gb(gb)), dollars.parse().unwrap(), "{gb} GB");
        }
    }

    #[test]
    fn the_second_transfer_of_a_month_finds_the_quota_used() {
        let aws = aws();
        assert_eq!(aws.marginal(Bytes::ZERO, Bytes::from_gb(100)), Usd::ZERO);
        assert_eq!(aws.marginal(Bytes::from_gb(100), Bytes::from_gb(100)), "9".parse().unwrap());
    }

    #[test]
    fn a_price_beyond_all_amounts_is_not_told_as_a_difference_of_two() {
        let dear = tariff(&[(None, "9000000000")]);
        let (one, most) = (Bytes::from_gb(1), Bytes::new(u64::MAX));
        assert_eq!(dear.marginal(one, one), "9000000000".parse().unwrap());
        assert_eq!(dear.marginal(one, Bytes::from_gb(2)), Usd::MAX);
        assert_eq!(dear.marginal_nanos(one, Bytes::from_gb(2)), Some(18_000_000_000_000_000_000));
        assert_eq!((dear.marginal_nanos(one, most), dear.marginal(one, most)), (None, Usd::MAX));
    }

    #[test]
    fn what_is_priced_by_the_gib_costs_less_by_the_gigabyte() {
        let google = tariff(&[(None, "0.12")]).counted_in(Unit::Gib);
        assert_eq!(google.total("1 GiB".parse().unwrap()), "0.12".parse().unwrap());
        assert_eq!(google.total(Bytes::from_gb(1000)), "111.758708954".parse().unwrap());
        assert_eq!(google.highest(), "0.111758709".parse().unwrap());
    }

    #[test]
    fn the_dearest_tier_bounds_the_price() {
        assert_eq!(aws().highest(), "0.09".parse().unwrap());
    }

    #[test]
    fn tiers_must_rise() {
        let tier = |up_to: Option<u64>| Tier { up_to: up_to.map(Bytes::new), per_gb: Usd::ZERO };
        for tiers in [
            vec![],
            vec![tier(Some(1))],
            vec![tier(None), tier(None)],
            vec![tier(Some(2)), tier(Some(1)), tier(None)],
        ] {
            assert!(Tariff::new("test".to_owned(), tiers).is_err());
        }
    }

    prop_compose! {
        fn any_tariff()(
            steps in prop::collection::vec((1_u64..50_000_000_000, 0_i64..200_000_000), 0..5),
            last in 0_i64..200_000_000,
        ) -> Tariff {
            let mut bound = 0;
            let mut tiers: Vec<Tier> = steps
                .into_iter()
                .map(|(step, price)| {
                    bound += step;
                    Tier { up_to: Some(Bytes::new(bound)), per_gb: Usd::from_nanos(price) }
                })
                .collect();
            tiers.push(Tier { up_to: None, per_gb: Usd::from_nanos(last) });
            Tariff::new("any".to_owned(), tiers).unwrap()
        }
    }

    proptest! {
        #[test]
        fn monotone_and_continuous_in_bytes(tariff in any_tariff(), volume in 0_u64..300_000_000_000, step in 0_u64..2_000_000) {
            let (before, after) = (tariff.total(Bytes::new(volume)), tariff.total(Bytes::new(volume + step)));
            prop_assert!(after >= before);
            // 0.2 USD/GB is 0.2 nano-dollars a byte; each of at most 6 tiers rounds once on each side.
            let most = step.div_ceil(5) + 12;
            prop_assert!(after - before <= Usd::from_nanos(i64::try_from(most).unwrap()));
        }

        #[test]
        fn a_transfer_split_within_a_month_costs_the_same(
            tariff in any_tariff(), already in 0_u64..100_000_000_000, a in 0_u64..100_000_000_000, b in 0_u64..100_000_000_000,
        ) {
            let (already, a, b) = (Bytes::new(already), Bytes::new(a), Bytes::new(b));
            prop_assert_eq!(
                tariff.marginal(already, a) + tariff.marginal(already + a, b),
                tariff.marginal(already, a + b)
            );
        }
    }
}
