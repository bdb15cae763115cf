//! A free quota of a month that several meters use up together.
//!
//! Which of them had how much of it is a matter of the provider's accounts and not published; here the
//! dearest have it first, whatever the order in which data moves. So what a month costs is one function of
//! its volumes: a plan and a bill that saw the same movements come to the same sum.
//!
//! *Guarantee:* what a movement adds is never negative, and never less than if each meter had the whole
//! quota for itself.

use crate::tariff::{Tariff, Tier};
use welkin_units::{Bytes, Usd};

/// A free quota, and who uses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    free: Bytes,
    /// Index and tariff of each, the dearest first.
    members: Vec<(usize, Tariff)>,
}

impl Quota {
    /// The quotas that tariffs name, in the order of their first mention.
    pub(crate) fn all(tariffs: &[Tariff]) -> Result<Vec<Self>, String> {
        let mut quotas: Vec<(&str, Self)> = Vec::new();
        for (index, tariff) in tariffs.iter().enumerate() {
            let (Some(name), Some((free, _))) = (tariff.quota.as_deref(), tariff.free()) else { continue };
            let member = (index, tariff.clone());
            match quotas.iter_mut().find(|(known, _)| *known == name) {
                None => quotas.push((name, Self { free, members: vec![member] })),
                Some((_, quota)) if quota.free != free => {
                    return Err(format!("the quota `{name}` is of two sizes"));
                }
                Some((_, quota)) if quota.members[0].1.unit != tariff.unit => {
                    return Err(format!("the quota `{name}` is shared by tariffs of two units"));
                }
                Some((_, quota)) => quota.members.push(member),
            }
        }
        for (_, quota) in &mut quotas {
            quota.members.sort_by_key(|(index, tariff)| (std::cmp::Reverse(price(tariff)), *index));
        }
        Ok(quotas.into_iter().map(|(_, quota)| quota).collect())
    }

    /// Whether a tariff uses it.
    #[must_use]
    pub fn has(&self, tariff: usize) -> bool {
        self.members.iter().any(|(index, _)| *index == tariff)
    }

    /// The tariffs that use it, the dearest first.
    pub fn members(&self) -> impl Iterator<Item = usize> {
        self.members.iter().map(|(index, _)| *index)
    }

    /// What volumes, by index of a tariff, cost on top of what they would if each had the quota for itself.
    #[must_use]
    pub fn excess(&self, volumes: &dyn Fn(usize) -> Bytes) -> Usd {
        let shares = self.shares(volumes).into_iter().zip(&self.members);
        let over = |(has, (index, tariff)): (Bytes, &(usize, Tariff))| {
            tariff.unfree(volumes(*index).min(self.free)) - tariff.unfree(has)
        };
        shares.map(over).sum()
    }

    /// What is left of it.
    fn left(&self, volumes: &dyn Fn(usize) -> Bytes) -> Bytes {
        self.free.saturating_sub(self.shares(volumes).into_iter().sum())
    }

    /// How much of it each member has, the dearest first.
    fn shares(&self, volumes: &dyn Fn(usize) -> Bytes) -> Vec<Bytes> {
        let mut left = self.free;
        let share = |(index, _): &(usize, Tariff)| {
            let has = volumes(*index).min(left);
            left = left.saturating_sub(has);
            has
        };
        self.members.iter().map(share).collect()
    }

    /// The tiers of what one tariff adds to volumes on account of the quota: what is left is free, and what
    /// it takes from a cheaper one costs what that one costs then.
    pub(crate) fn tiers_on_top(&self, volumes: &dyn Fn(usize) -> Bytes, tariff: usize) -> Vec<Tier> {
        let shares = self.shares(volumes);
        let at = self.members.iter().position(|(index, _)| *index == tariff).unwrap_or(self.members.len());
        let cheaper = self.members.iter().zip(shares).skip(at + 1).rev();
        let taken = cheaper.map(|((_, cheaper), share)| (price(cheaper), share));
        let slices = std::iter::once((Usd::ZERO, self.left(volumes))).chain(taken);
        let mut bound = Bytes::ZERO;
        let tier = |(per_gb, width): (Usd, Bytes)| {
            bound += width;
            Tier { up_to: Some(bound), per_gb }
        };
        slices.filter(|(_, width)| *width > Bytes::ZERO).map(tier).collect()
    }
}

fn price(tariff: &Tariff) -> Usd {
    tariff.free().map_or(Usd::ZERO, |(_, price)| price)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tariffs::{TariffId, Tariffs};
    use proptest::prelude::*;

    const TABLE: &str = "provider,source,scope,to,meter,tiers,unit,quota
a,x,internet,,cheap,0<=100 0.09<=10240 0.05,GB,all
a,y,internet,,dear,0<=100 0.15<=10240 0.11,GB,all
a,z,internet,,own,0<=100 0.12<=10240 0.10,GB,
*,*,internet,,rest,0.2,GB,
*,*,provider,,near,0.1,GB,
*,*,same-region,,here,0,GB,
";

    fn gb(amount: u64) -> Bytes {
        Bytes::from_gb(amount)
    }

    #[test]
    fn what_one_used_up_the_other_pays_for() {
        let tariffs = Tariffs::parse(TABLE).unwrap();
        let (cheap, dear, own) = (TariffId(0), TariffId(1), TariffId(2));
        let none = vec![Bytes::ZERO; tariffs.len()];
        let usd = |text: &str| text.parse::<Usd>().unwrap();
        for id in [cheap, dear, own] {
            assert_eq!(tariffs.marginal(&none, id, gb(100)), Usd::ZERO, "{id:?}");
        }
        let with = |index: usize, volume: u64| {
            let mut volumes = none.clone();
            volumes[index] = gb(volume);
            volumes
        };
        assert_eq!(tariffs.marginal(&with(1, 100), cheap, gb(10)), usd("0.9"));
        assert_eq!(tariffs.marginal(&with(1, 60), cheap, gb(60)), usd("1.8"));
        // The dearer takes the quota from the cheaper, which then costs what it costs.
        assert_eq!(tariffs.marginal(&with(0, 100), dear, gb(10)), usd("0.9"));
        assert_eq!(tariffs.marginal(&with(0, 100), dear, gb(110)), usd("10.5"));
        assert_eq!(tariffs.marginal(&with(0, 100), own, gb(100)), Usd::ZERO, "no quota of theirs");
    }

    #[test]
    fn a_quota_of_two_sizes_or_without_a_free_tier_is_refused() {
        let two = TABLE.replace("dear,0<=100", "dear,0<=50");
        assert!(Tariffs::parse(&two).unwrap_err().message.contains("two sizes"));
        let none = TABLE.replace("dear,0<=100 ", "dear,");
        assert!(Tariffs::parse(&none).unwrap_err().message.contains("not free"));
    }

    proptest! {
        #[test]
        fn on_top_of_a_month_a_tariff_is_one_of_its_own(before in prop::collection::vec(0_u64..150, 3), more in 0_u64..300) {
            let tariffs = Tariffs::parse(TABLE).unwrap();
            let mut volumes: Vec<Bytes> = before.into_iter().map(gb).collect();
            volumes.resize(tariffs.len(), Bytes::ZERO);
            for id in (0..3).map(TariffId) {
                let on_top = tariffs.on_top(&volumes, id);
                prop_assert_eq!(on_top.total(gb(more)), tariffs.marginal(&volumes, id, gb(more)));
            }
        }

        #[test]
        fn order_does_not_matter_and_nothing_is_free_twice(moves in prop::collection::vec((0_u16..3, 0_u64..90), 1..8)) {
            let tariffs = Tariffs::parse(TABLE).unwrap();
            let sum = |moves: &[(u16, u64)]| {
                let mut volumes = vec![Bytes::ZERO; tariffs.len()];
                let mut sum = Usd::ZERO;
                for (id, volume) in moves {
                    let alone = tariffs.get(TariffId(*id)).marginal(volumes[usize::from(*id)], gb(*volume));
                    let cost = tariffs.marginal(&volumes, TariffId(*id), gb(*volume));
                    assert!(cost >= Usd::ZERO && (cost >= alone || *id == 2));
                    volumes[usize::from(*id)] += gb(*volume);
                    sum += cost;
                }
                sum
            };
            let mut back = moves.clone();
            back.reverse();
            prop_assert_eq!(sum(&moves), sum(&back));
        }
    }
}
