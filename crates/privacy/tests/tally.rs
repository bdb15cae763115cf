//! What a tally lets out, against sums that are made in the simplest way, and the guarantee itself on small cases.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails, and says where")]

use std::collections::BTreeMap;
use welkin_privacy::{Bound, Measure, NoDraw, Share, Tally, average};

/// Knuth's 64-bit generator, its upper half twice.
fn seeded(mut state: u64) -> impl FnMut() -> Result<u64, NoDraw> {
    move || {
        let mut half = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 32
        };
        Ok(half() << 32 | half())
    }
}

/// So much that noise comes once in e^1000 draws.
const NO_NOISE: Share = Share { epsilon_milli: 1 << 60, measures: 4 };
const AGE: Bound = Bound { low: -10, high: 120 };

fn tally(groups: usize, most: u64, share: Share) -> Tally {
    let measures = vec![Measure::Rows, Measure::Present(0), Measure::Sum(0), Measure::Centred(0)];
    Tally::new(groups, vec![AGE], measures, most, share).unwrap()
}

#[test]
fn sums_are_those_of_clamped_values_of_persons_that_count() {
    let mut random = seeded(4);
    let mut draw = |below: u64| random().unwrap() % below;
    let mut tally = tally(3, 2, NO_NOISE);
    let (mut expected, mut seen) = ([[0_i128; 4]; 3], BTreeMap::<u8, u64>::new());
    for _ in 0..1000 {
        let (person, group) = (u8::try_from(draw(200)).unwrap(), usize::try_from(draw(3)).unwrap());
        let value = (draw(5) > 0).then(|| i128::from(draw(400)) - 100);
        if tally.admits([person; 16]) {
            tally.add(group, &[value]);
        }
        let rows = seen.entry(person).or_default();
        *rows += 1;
        if *rows <= 2 {
            let clamped = value.map(|value| value.clamp(-10, 120));
            expected[group][0] += 1;
            expected[group][1] += i128::from(clamped.is_some());
            expected[group][2] += clamped.unwrap_or_default();
            expected[group][3] += clamped.map_or(0, |value| 2 * value - 110);
        }
    }
    let released = tally.release(&mut seeded(5)).unwrap();
    for (group, expected) in expected.iter().enumerate() {
        for (measure, expected) in expected.iter().enumerate() {
            assert_eq!(released.sum(group, measure), *expected, "{group} {measure}");
        }
    }
}

/// The guarantee, counted: with and without all rows of a person, outcomes are about equally likely, and no closer than they must be.
#[test]
fn a_person_changes_no_outcome_by_more_than_was_agreed() {
    const DRAWS: u32 = 200_000;
    let outcomes = |persons: u8, seed: u64| {
        let mut random = seeded(seed);
        let mut counts = BTreeMap::<i128, u32>::new();
        for _ in 0..DRAWS {
            let share = Share { epsilon_milli: 1000, measures: 1 };
            let mut tally = Tally::new(1, Vec::new(), vec![Measure::Rows], 2, share).unwrap();
            for person in 0..persons {
                // Three rows each, of which two count.
                for _ in 0..3 {
                    if tally.admits([person; 16]) {
                        tally.add(0, &[]);
                    }
                }
            }
            *counts.entry(tally.release(&mut random).unwrap().sum(0, 0)).or_default() += 1;
        }
        counts
    };
    let (with, without) = (outcomes(3, 1), outcomes(2, 2));
    let mut largest: f64 = 0.0;
    for (outcome, count) in &with {
        let other = without.get(outcome).copied().unwrap_or_default();
        // Where there are enough of both to say something: 4,000 are told to 5 %.
        if *count > 4000 && other > 4000 {
            largest = largest.max((f64::from(*count) / f64::from(other)).ln().abs());
        }
    }
    assert!((0.9..1.1).contains(&largest), "epsilon is 1, and the outcomes say {largest}");
}

#[test]
fn noise_is_as_large_as_bounds_persons_and_measures_make_it() {
    let spread = |measure: Measure, most: u64, share: Share| {
        let mut random = seeded(11);
        let drawn = (0..4000).map(|_| {
            let tally = Tally::new(1, vec![AGE], vec![measure], most, share).unwrap();
            tally.release(&mut random).unwrap().sum(0, 0).unsigned_abs() as f64
        });
        drawn.sum::<f64>() / 4000.0
    };
    let one = Share { epsilon_milli: 500, measures: 1 };
    let three = Share { epsilon_milli: 500, measures: 3 };
    // The mean magnitude of Laplace noise is its scale: 4,000 draws tell it to 10 %.
    for (measure, most, share, scale) in [
        (Measure::Rows, 10, one, 20.0),
        (Measure::Rows, 10, three, 60.0),
        (Measure::Present(0), 10, one, 20.0),
        (Measure::Sum(0), 1, one, 240.0),
        (Measure::Sum(0), 5, one, 1200.0),
        (Measure::Centred(0), 1, one, 260.0),
    ] {
        let found = spread(measure, most, share);
        assert!((found / scale - 1.0).abs() < 0.1, "{measure:?} {most}: {found}, {scale}");
    }
}

#[test]
fn bounds_that_no_noise_covers_are_refused() {
    let wide = vec![Bound { low: i64::MIN, high: i64::MAX }];
    let share = |epsilon_milli| Share { epsilon_milli, measures: 3 };
    let tally = |most, share| Tally::new(1, wide.clone(), vec![Measure::Sum(0)], most, share);
    assert!(tally(1, share(1)).is_ok());
    assert!(tally(u64::MAX, share(1)).is_err());
    assert!(tally(1, share(0)).is_err(), "no epsilon at all");
}

#[test]
fn averages_stay_within_their_bounds() {
    assert_eq!(average(AGE, 0, 5, 0), 55);
    assert_eq!(average(AGE, 2 * (30 + 41) - 2 * 110, 2, 2), 3550);
    assert_eq!(average(AGE, 1 << 100, 3, 1), 1200, "noise in the sum");
    assert_eq!(average(AGE, -(1 << 100), 3, 1), -100);
    assert_eq!(average(AGE, 7, -40, 0), 58, "noise in the count");
    let widest = Bound { low: i64::MIN, high: i64::MAX };
    for present in [i128::MIN, 0, 1, i128::MAX] {
        for centred in [i128::MIN, 0, i128::MAX] {
            let found = average(widest, centred, present, 0);
            assert!((i128::from(i64::MIN)..=i128::from(i64::MAX)).contains(&found), "{found}");
        }
    }
    assert_eq!(average(Bound { low: 3, high: 3 }, 0, 9, 0), 3);
}
