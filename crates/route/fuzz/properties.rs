//! What must hold for any bytes at all. Run by the fuzz targets, and by a plain test over mutated examples.

use std::collections::{BTreeMap, BTreeSet};
use welkin_catalog::tables::Tables;
use welkin_route::{
    AgreementFile, Anywhere, Facts, Gateways, Grid, Objective, Question, Tariffs, TrustedKeys, Wan, in_force,
    plan_route, read_grid_files,
};
use welkin_units::Bytes;

/// Places of a grid that a plan is made over: more only take time.
const MOST_SITES: usize = 6;

/// A file of agreements: what nobody trusted signed is never in force.
pub(crate) fn agreements(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(file) = AgreementFile::parse(text) else { return };
    let (declared, traffic) = (BTreeSet::new(), BTreeMap::new());
    let keys: TrustedKeys =
        ["aws", "gcp"].into_iter().map(|party| (party.to_owned(), vec!["0".repeat(64)])).collect();
    for keys in [&TrustedKeys::new(), &keys] {
        let facts = Facts {
            keys,
            today: "2026-06-01",
            declared: &declared,
            traffic: &traffic,
            size: Bytes::from_gb(1),
        };
        let (terms, ignored) = in_force(&file, &facts);
        assert!(terms.is_empty(), "{terms:?}");
        assert!(ignored.len() >= file.agreements.len() + file.unread.len());
    }
    for agreement in &file.agreements {
        assert!(!agreement.signable().is_empty());
    }
}

/// A grid, a price list or round trips: what is read can be printed and read back, and a plan over it ends.
pub(crate) fn grid(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok((grid, _)) = Grid::parse(text)
    {
        let (again, left) = Grid::parse(&grid.print()).expect("what was printed can be read");
        assert!(again == grid && left.is_empty(), "{grid:?} {left:?}");
    }
    let Ok(input) = read_grid_files(&[("fuzz", bytes)]) else { return };
    let wan = Wan::measured(
        &input.grid,
        &input.prices,
        &Tariffs::builtin(),
        &Gateways::builtin(),
        Tables::embedded(),
    );
    if wan.sites().len() > MOST_SITES {
        return;
    }
    let ends = wan.ids().flat_map(|from| wan.ids().map(move |to| (from, to)));
    let Some((from, to)) = ends.into_iter().find(|(from, to)| wan.link(*from, *to).is_some()) else { return };
    for objective in [Objective::Fastest(None), Objective::Cheapest(None)] {
        let question = Question {
            wan: &wan,
            from,
            to: &[to],
            size: Bytes::from_gb(1),
            objective,
            max_vms: 2,
            relays: &Anywhere,
            month_to_date: &BTreeMap::new(),
            terms: &[],
            stores: &[],
        };
        if let Ok(plan) = plan_route(&question) {
            assert!(plan.gap.is_finite() && plan.cost.nanos() >= 0 && plan.rate.get() > 0, "{plan:?}");
        }
    }
}
