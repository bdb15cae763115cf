//! Plans that earlier versions wrote: each in `tests/plans` is read, for ever.

use std::fs;
use std::path::Path;
use welkin_placement::{Plan, PlanError};

/// Every feature of a job and of a plan, as schema 1 wrote it.
const WHOLE: &str = include_str!("../plans/whole-of-schema-1.json");

/// The id that a plan file states.
fn stated(text: &str) -> &str {
    &text[text.find("\"id\": \"").unwrap() + 7..][..64]
}

/// A text with its id made right, as whoever edits a plan can.
fn resealed(text: &str) -> String {
    let Err(PlanError::Digest { stated, actual }) = Plan::read(text) else { return text.to_owned() };
    text.replacen(&stated, &actual, 1)
}

#[test]
fn every_plan_that_was_kept_is_read_under_its_id_and_written_as_it_was() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plans");
    let mut plans = 0;
    for file in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let plan = Plan::read(&text).unwrap();
        assert_eq!(plan.id, stated(&text));
        // Written again, it is the same document.
        assert_eq!(stated(&plan.to_json()), plan.id);
        plans += 1;
    }
    assert_eq!(plans, 2);
}

#[test]
fn a_plan_from_before_deliveries_ranges_and_volumes_has_none() {
    let kept = Plan::read(include_str!("../plans/of-schema-1.json")).unwrap();
    assert_eq!((kept.transfers.len(), kept.month.as_ref()), (2, None));
    assert!(kept.transfers.iter().all(|one| one.delivered_to.is_none() && one.by_region.is_none()));
}

#[test]
fn the_id_is_of_what_is_written_however_it_is_laid_out() {
    let plan = Plan::read(WHOLE).unwrap();
    let narrow: String = WHOLE.lines().map(str::trim_start).collect();
    assert_eq!(Plan::read(&narrow).unwrap(), plan);
    // Saying that there is nothing to remark is another document, but no damage.
    let said = resealed(&WHOLE.replacen("\"assumptions\":", "\"remarks\": [], \"assumptions\":", 1));
    let other = Plan::read(&said).unwrap();
    assert_eq!(stated(&said), other.id);
    assert_ne!(other.id, plan.id);
    assert_eq!(Plan { id: plan.id.clone(), ..other }, plan);
}

#[test]
fn what_a_newer_version_says_is_refused_and_not_half_obeyed() {
    let newer = resealed(&WHOLE.replacen("\"schema\": 1", "\"schema\": 2", 1));
    assert!(matches!(Plan::read(newer), Err(PlanError::Schema { found: 2 })));
    for (old, new) in [
        ("\"catalog\":", "\"seal\": true, \"catalog\":"),
        ("\"num_nodes\":", "\"seal\": true, \"num_nodes\":"),
        ("\"hourly\":", "\"seal\": true, \"hourly\":"),
    ] {
        let error = Plan::read(resealed(&WHOLE.replacen(old, new, 1))).unwrap_err();
        let PlanError::Syntax(why) = error else { panic!("{error}") };
        assert!(why.to_string().contains("unknown field `seal`"), "{why}");
    }
}
