//! Selection: equal to testing every offer by itself.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use proptest::prelude::*;
use std::sync::LazyLock;
use welkin_catalog::tables::Tables;
use welkin_catalog::{
    AcceleratorFilter, AlignedBytes, Amount, Arch, Catalog, Condition, Filter, Glob, Kind, Market, Names,
    Offer, OfferId, TeeSet, starter,
};
use welkin_units::Usd;

static BYTES: LazyLock<AlignedBytes> = LazyLock::new(|| {
    let mut builder = welkin_catalog::CatalogBuilder::new();
    for row in starter::rows().iter().step_by(5) {
        builder.push(row).unwrap();
    }
    AlignedBytes::copy_from(&builder.finish())
});

fn catalog() -> Catalog<'static> {
    Catalog::open(BYTES.as_bytes()).unwrap()
}

fn some<T: Clone + std::fmt::Debug + 'static>(values: &[T]) -> impl Strategy<Value = Option<T>> + use<T> {
    prop::option::weighted(0.3, prop::sample::select(values.to_vec()))
}

fn texts(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

fn list(values: &[&str]) -> impl Strategy<Value = Vec<String>> + use<> {
    let values = texts(values);
    prop_oneof![3 => Just(Vec::new()), 1 => prop::sample::subsequence(values.clone(), 1..=values.len())]
}

fn amounts(values: &[u64]) -> impl Strategy<Value = Option<Amount>> + use<> {
    (some(values), any::<bool>()).prop_map(|(milli, or_more)| milli.map(|milli| Amount { milli, or_more }))
}

prop_compose! {
    fn filters()(
        (providers, deny_providers, jurisdictions, countries, certs) in (
            list(&["AWS", "gcp", "azure"]), list(&["azure", "nobody"]), list(&["eu", "us", "jp"]),
            list(&["DE", "us", "nl"]), list(&["soc2", "C5", "hipaa"]),
        ),
        (region, zone, instance_type) in (
            some(&texts(&["eu*", "us-east-1", "*west*", "nowhere"])),
            some(&texts(&["us-east-1*", "*-a", "*", "us-central1-a"])),
            some(&texts(&["*large", "Standard_D*", "m5.large", "c?-*"])),
        ),
        accelerator in prop::option::weighted(0.3, (
            prop::sample::select(texts(&["a100", "T4", "tpu-v5litepod-8", "tpu-v5e", "L4", "nothing"])),
            amounts(&[1000, 4000, 8000]),
        )),
        (cpus, memory_gib) in (amounts(&[2000, 4000, 8000, 16_000]), amounts(&[8000, 15_000, 32_000])),
        (include_restricted, include_undersized, exclude_burstable) in any::<(bool, bool, bool)>(),
        memory_per_cpu_milli in some(&[1000, 4000, 7500]),
        (arch, exclude_arch) in (some(&[Arch::X86_64, Arch::Arm64]), some(&[Arch::X86_64, Arch::Arm64])),
        tee in prop_oneof![3 => Just(0_u8), 1 => 0_u8..64],
        market in prop::sample::select(vec![Market::Any, Market::OnDemand, Market::Spot]),
        max_hourly in some(&[1_u64, 50, 1000]),
    ) -> Filter {
        Filter {
            providers, deny_providers, region, zone, jurisdictions, countries, certs, include_restricted,
            instance_type,
            accelerator: accelerator.map(|(name, count)| AcceleratorFilter { name, count }),
            cpus, memory_gib, memory_per_cpu_milli, include_undersized, arch, exclude_arch,
            tee: TeeSet(tee),
            exclude_burstable, market,
            max_hourly: max_hourly.map(|cents| Usd::from_cents(i64::try_from(cents).unwrap())),
        }
    }
}

fn price(offer: &Offer<'_>, market: Market) -> Option<Usd> {
    match market {
        Market::OnDemand => offer.on_demand,
        Market::Spot => offer.spot,
        Market::Any => offer.on_demand.into_iter().chain(offer.spot).min(),
    }
}

/// The meaning of a filter for one decoded offer, condition by condition.
fn satisfies(catalog: &Catalog<'_>, offer: &Offer<'_>, filter: &Filter) -> bool {
    let among = |set: &[String], text: &str| set.iter().any(|one| one.to_lowercase() == text.to_lowercase());
    let matches = |pattern: &Option<String>, text: &str| {
        pattern.as_ref().is_none_or(|pattern| Glob::new(pattern).matches(text))
    };
    let place = offer.place;
    let zone_fits = match (&filter.zone, offer.zone) {
        (None, _) => true,
        (Some(pattern), Some(zone)) => Glob::new(pattern).matches(zone),
        (Some(pattern), None) => {
            let glob = Glob::new(pattern);
            let whole_region = pattern.contains(['*', '?']) && glob.matches(place.region);
            let here = |other: &Offer<'_>| other.place_id == offer.place_id;
            whole_region
                || catalog
                    .offers()
                    .any(|other| here(&other) && other.zone.is_some_and(|zone| glob.matches(zone)))
        }
    };
    let region_is_named = filter.region.as_ref().is_some_and(|region| !region.contains(['*', '?']));
    let accelerator_fits = filter.accelerator.as_ref().is_none_or(|wanted| {
        let resolved = Tables::embedded().accelerators.resolve(&wanted.name);
        let each = u64::from(resolved.devices);
        let count = wanted.count.or((each > 1).then_some(Amount::exactly(1000)));
        offer.accelerator.is_some_and(|accelerator| {
            *accelerator.name == *resolved.name
                && count.is_none_or(|count| {
                    let have = u64::from(accelerator.count_milli);
                    let wanted = count.milli * each;
                    have.abs_diff(wanted) <= 10 || count.or_more && have > wanted
                })
        })
    });
    let exact = |amount: Option<Amount>| amount.is_some_and(|amount| !amount.or_more);
    let shape_is_named = filter.instance_type.as_ref().is_some_and(|name| !name.contains(['*', '?']))
        || exact(filter.cpus)
        || exact(filter.memory_gib);
    let undersized = offer.accelerator.is_some_and(|accelerator| {
        let together = accelerator.memory.get() * u64::from(accelerator.count_milli) / 1000;
        offer.place.provider == "gcp"
            && offer.instance_type.starts_with("n1-")
            && offer.memory.get() * 8 < together * 7
    });
    let milli_gib = offer.memory.get() * 1000 / (1 << 30);
    (filter.providers.is_empty() || among(&filter.providers, place.provider))
        && !among(&filter.deny_providers, place.provider)
        && matches(&filter.region, place.region)
        && (filter.include_restricted || region_is_named || !catalog.restricted(offer.place_id))
        && (filter.jurisdictions.is_empty() || among(&filter.jurisdictions, place.jurisdiction))
        && (filter.countries.is_empty() || among(&filter.countries, place.country))
        && filter
            .certs
            .iter()
            .all(|cert| catalog.certs(offer.place_id).any(|have| have == cert.to_lowercase()))
        && zone_fits
        && matches(&filter.instance_type, offer.instance_type)
        && accelerator_fits
        && filter.cpus.is_none_or(|cpus| cpus.accepts(u64::from(offer.vcpus_milli)))
        && filter.memory_gib.is_none_or(|memory| memory.accepts(milli_gib))
        && (filter.include_undersized || shape_is_named || !undersized)
        && filter.memory_per_cpu_milli.is_none_or(|least| {
            let mib = offer.memory.get() >> 20;
            let known = offer.memory.get() > 0 && offer.vcpus_milli > 0;
            known && mib * 1_000_000 >= u64::from(offer.vcpus_milli) * least * 1024
        })
        && filter.arch.is_none_or(|arch| arch == offer.arch)
        && filter.exclude_arch != Some(offer.arch)
        && (filter.tee.is_empty() || filter.tee.intersects(offer.tee))
        && !(filter.exclude_burstable && offer.burstable)
        && price(offer, filter.market).is_some()
        && filter.max_hourly.is_none_or(|most| price(offer, filter.market).is_some_and(|price| price <= most))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn equals_a_naive_scan(filter in filters()) {
        let catalog = catalog();
        let selection = catalog.select(&filter);
        let naive: Vec<OfferId> = catalog
            .offers()
            .filter(|offer| satisfies(&catalog, offer, &filter))
            .map(|offer| offer.id)
            .collect();
        prop_assert_eq!(&selection.ids, &naive);
        let removed: u32 = selection.removed.iter().map(|(_, count)| count).sum();
        prop_assert_eq!(removed as usize + naive.len(), catalog.len());
        prop_assert!(selection.removed.is_sorted_by_key(|(condition, _)| *condition));
    }

    #[test]
    fn sorted_by_price(market in prop::sample::select(vec![Market::Any, Market::OnDemand, Market::Spot])) {
        let catalog = catalog();
        let mut ids = catalog.select(&Filter::default()).ids;
        catalog.sort_by_price(&mut ids, market);
        let key = |id: &OfferId| price(&catalog.offer(*id), market).map_or((1, Usd::ZERO, *id), |p| (0, p, *id));
        prop_assert!(ids.is_sorted_by_key(key));
    }
}

#[test]
fn removed_tells_what_each_condition_did() {
    let catalog = catalog();
    let filter = Filter {
        providers: texts(&["aws"]),
        accelerator: Some(AcceleratorFilter { name: "nothing".to_owned(), count: None }),
        include_restricted: true,
        include_undersized: true,
        ..Filter::default()
    };
    let aws = catalog.offers().filter(|offer| offer.place.provider == "aws").count();
    let removed: Vec<_> = catalog.select(&filter).removed.into_iter().map(|(c, n)| (c, n as usize)).collect();
    assert_eq!(removed, [(Condition::Provider, catalog.len() - aws), (Condition::Accelerator, aws)]);
}

#[test]
fn a_zone_that_nobody_has_is_nowhere() {
    let catalog = catalog();
    let in_zone = |region: &str, zone: &str| {
        let filter =
            Filter { region: Some(region.to_owned()), zone: Some(zone.to_owned()), ..Filter::default() };
        catalog.select(&filter).ids.len()
    };
    assert!(in_zone("us-east-1", "us-east-1a") > 0);
    for zone in ["us-east-1z", "us-east-1-nowhere", "us-east-1"] {
        assert_eq!(in_zone("us-east-1", zone), 0, "{zone}");
    }
    // Sold by region, and no zone of it is known.
    assert_eq!(in_zone("eastus", "eastus-1"), 0);
    assert!(in_zone("eastus", "*") > 0);
}

#[test]
fn one_more_condition_never_leaves_more_offers() {
    let catalog = catalog();
    let t4 = Filter {
        accelerator: Some(AcceleratorFilter { name: "T4".to_owned(), count: Some(Amount::exactly(1000)) }),
        ..Filter::default()
    };
    let all = catalog.select(&t4).ids;
    for more in [
        Filter { cpus: Some(Amount::at_least(1000)), ..t4.clone() },
        Filter { memory_gib: Some(Amount::at_least(1000)), ..t4.clone() },
        Filter { instance_type: Some("n1-*".to_owned()), ..t4.clone() },
    ] {
        let left = catalog.select(&more).ids;
        assert!(!left.is_empty() && left.iter().all(|id| all.contains(id)), "{more:?}");
    }
    // Whoever names a shape wants that one.
    let named = Filter { instance_type: Some("n1-standard-1".to_owned()), ..t4 };
    assert!(catalog.select(&named).ids.len() <= 40 && all.len() > 1);
}

#[test]
fn the_cheapest_accelerator_is_first() {
    let catalog = catalog();
    let mut ids = catalog.select(&Filter::default()).ids;
    catalog.sort_by_price_per_accelerator(&mut ids, Market::OnDemand);
    let each: Vec<f64> = ids
        .iter()
        .map(|id| catalog.offer(*id))
        .map(|offer| match (offer.accelerator, offer.on_demand) {
            (Some(a), Some(price)) => price.dollars() * 1000.0 / f64::from(a.count_milli),
            _ => f64::INFINITY,
        })
        .collect();
    assert!(each[0].is_finite() && each.last() == Some(&f64::INFINITY));
    assert!(each.windows(2).all(|pair| pair[0] <= pair[1] + 1e-8));
}

#[test]
fn unknown_names_get_suggestions() {
    let catalog = catalog();
    for (names, written, expected) in [
        (Names::Accelerator, "A1000", "A100"),
        (Names::Region, "us-esat-1", "us-east-1"),
        (Names::InstanceType, "Standard_D8s_v55", "Standard_D8s_v5"),
        (Names::Provider, "azur", "azure"),
        (Names::Zone, "us-esat-1a", "us-east-1a"),
        (Names::Cert, "iso27002", "iso27001"),
        (Names::Residency, "germany", "de"),
        (Names::Residency, "Germny", "de"),
        (Names::Residency, "europe", "eu"),
        (Names::Residency, "eu2", "eu"),
        (Names::Residency, "euu", "eu"),
        (Names::Residency, "EU-west", "eu"),
    ] {
        let suggested = catalog.suggest(names, None, written, 3);
        assert!(suggested.contains(&expected), "{written}: {suggested:?}");
        assert!(suggested.len() <= 3);
    }
    assert!(catalog.suggest(Names::Region, None, "US-EAST-1", 3).is_empty(), "it exists");
    assert!(catalog.suggest(Names::Residency, None, "EU", 3).is_empty(), "it exists");
    assert!(catalog.suggest(Names::Region, None, "zzzzzzzz", 3).is_empty());
    assert!(catalog.suggest(Names::Residency, None, "denote", 3).is_empty(), "a word of its own");
    assert!(catalog.suggest(Names::Region, Some("gcp"), "us-east-2", 3).contains(&"us-east1"));
    for (names, provider, written, known) in [
        (Names::Region, None, "eu-*", true),
        (Names::Region, Some("gcp"), "us-east-1", false),
        (Names::Zone, Some("aws"), "US-east-1a", true),
        (Names::Zone, Some("gcp"), "us-east-1a", false),
        (Names::Cert, None, "C5", true),
        (Names::Residency, None, "de", true),
        (Names::Residency, None, "atlantis", false),
    ] {
        assert_eq!(catalog.knows(names, provider, written), known, "{written}");
    }
}

#[test]
fn tpus_are_a_kind_of_their_own() {
    let catalog = catalog();
    let filter = Filter {
        accelerator: Some(AcceleratorFilter { name: "tpu-v5e".to_owned(), count: None }),
        ..Filter::default()
    };
    let ids = catalog.select(&filter).ids;
    assert!(!ids.is_empty());
    assert!(ids.iter().all(|id| catalog.offer(*id).kind == Kind::Tpu));
}
