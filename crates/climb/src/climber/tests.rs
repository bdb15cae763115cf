//! Made-up hills, and windows that were recorded.

use super::*;
use proptest::prelude::*;

/// As the paths of a gateway have it.
const PATH: Habits = Habits { least: 2, start: 2, most: 64, misses: 2, looks_again: true };

/// What so many lanes moved in half seconds from their beginning, in Mbit/s: over 80 ms with a loss in a thousand
/// packets, cubic, recorded on the bed of `network_rows` on 27 November 2026.
const RECORDED: [(usize, [u32; 24]); 6] = [
    (2, [15, 120, 101, 84, 67, 60, 47, 33, 32, 41, 30, 19, 18, 20, 16, 17, 18, 17, 18, 15, 14, 13, 9, 15]),
    (4, [28, 383, 344, 210, 187, 90, 91, 51, 55, 42, 50, 33, 55, 34, 42, 34, 35, 18, 21, 43, 22, 22, 42, 20]),
    (
        8,
        [
            52, 709, 595, 320, 249, 175, 143, 116, 138, 84, 75, 88, 76, 69, 48, 103, 71, 58, 80, 32, 74, 75,
            38, 42,
        ],
    ),
    (
        16,
        [
            111, 413, 488, 397, 318, 304, 249, 233, 203, 173, 153, 151, 132, 139, 122, 126, 116, 107, 115,
            109, 112, 102, 101, 98,
        ],
    ),
    (
        32,
        [
            150, 373, 395, 373, 361, 399, 442, 430, 409, 494, 422, 418, 346, 331, 307, 258, 264, 252, 236,
            229, 218, 226, 231, 215,
        ],
    ),
    (
        64,
        [
            224, 550, 643, 504, 467, 365, 413, 473, 515, 500, 477, 491, 451, 448, 370, 416, 448, 430, 367,
            425, 370, 369, 441, 451,
        ],
    ),
];

/// Runs over the record: each number of lanes is shown from the age that it has by then. Returns what was moved.
fn replay(climber: &mut Climber, windows: usize) -> f64 {
    let (mut moved, mut age, mut lanes) = (0.0, 0, climber.lanes());
    for _ in 0..windows {
        let (_, rates) = RECORDED.iter().rev().find(|(recorded, _)| *recorded <= lanes).unwrap();
        // After twelve seconds each goes round in its second half, in which new lanes play no part any more.
        let rate = f64::from(rates[if age < 24 { age } else { 12 + age % 12 }]);
        moved += rate;
        let next = climber.window(rate, true);
        age = if next == lanes { age + 1 } else { 0 };
        lanes = next;
    }
    moved
}

/// What the most lanes move in so many windows.
fn most(windows: usize) -> f64 {
    replay(&mut Climber::new(Habits { least: 64, start: 64, ..PATH }), windows)
}

#[test]
fn a_long_line_with_loss_gets_nine_tenths_of_the_best_number() {
    let mut climber = Climber::new(Habits { start: 64, ..PATH });
    let share = replay(&mut climber, 40) / most(40);
    assert!(share >= 0.9, "{share}");
    // Nor are lanes given up later that each bring their own.
    let share = replay(&mut climber, 400) / most(400);
    assert!(share >= 0.9, "{share}");
}

#[test]
fn a_long_line_with_loss_is_climbed_from_few() {
    let mut climber = Climber::new(PATH);
    let early = replay(&mut climber, 40) / most(40);
    let late = replay(&mut climber, 200) / most(200);
    assert!(early >= 0.5 && late >= 0.8, "{early} {late}");
}

/// As transfers have it while their machine has something to spare.
const TRANSFER: Habits = Habits { least: 1, start: 4, most: 64, misses: 2, looks_again: true };

#[test]
fn a_transfer_over_a_long_line_climbs_in_the_first_seconds() {
    let early = replay(&mut Climber::new(TRANSFER), 40) / most(40);
    let late = replay(&mut Climber::new(TRANSFER), 200) / most(200);
    assert!(early >= 0.85 && late >= 0.95, "{early} {late}");
    // What is done where the machine is the limit, and why it is not done elsewhere.
    let impatient = Habits { misses: 1, looks_again: false, ..TRANSFER };
    assert!(replay(&mut Climber::new(impatient), 40) / most(40) < 0.6);
}

/// Lanes after `windows` of a path whose goodput is `curve` of the lanes, with noise from `seed`.
fn run(climber: &mut Climber, windows: usize, noise: f64, seed: u64, curve: impl Fn(usize) -> f64) -> usize {
    let mut state = seed | 1;
    let mut lanes = climber.lanes;
    for _ in 0..windows {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let factor = 1.0 + noise * ((state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5) * 2.0;
        lanes = climber.window(curve(lanes) * factor, true);
    }
    lanes
}

fn resting(climber: &Climber) -> usize {
    climber.before.map_or(climber.lanes, |before| before.lanes)
}

#[test]
fn lanes_that_each_bring_their_own_grow_to_the_bound() {
    let mut climber = Climber::new(PATH);
    run(&mut climber, 20, 0.05, 7, |lanes| lanes as f64 * 1e6);
    assert!(resting(&climber) >= 42, "{}", climber.lanes);
}

#[test]
fn a_path_that_is_full_keeps_few() {
    let mut climber = Climber::new(PATH);
    run(&mut climber, 200, 0.01, 7, |_| 1e8);
    assert!(resting(&climber) <= 3, "{}", climber.lanes);
}

#[test]
fn it_stops_where_the_hill_ends_and_follows_when_it_moves() {
    let mut climber = Climber::new(PATH);
    let knee = |most: usize| move |lanes: usize| lanes.min(most) as f64 * 1e6;
    run(&mut climber, 200, 0.02, 3, knee(10));
    assert!((9..=20).contains(&resting(&climber)), "{}", resting(&climber));
    run(&mut climber, 400, 0.02, 3, knee(40));
    assert!(resting(&climber) >= 34, "{}", resting(&climber));
}

#[test]
fn idle_windows_say_nothing() {
    let mut climber = Climber::new(PATH);
    for _ in 0..50 {
        assert_eq!(climber.window(0.0, false), PATH.least);
    }
}

proptest! {
    #[test]
    fn always_within_bounds(windows in prop::collection::vec((0.0..1e12, any::<bool>()), 0..300)) {
        let mut climber = Climber::new(PATH);
        for (goodput, busy) in windows {
            prop_assert!((PATH.least..=PATH.most).contains(&climber.window(goodput, busy)));
        }
    }
}
