//! A line through measurements, in which the relative error counts and outliers count less.
//!
//! Sizes span six orders of magnitude, so errors are shares of what was measured. Weights are Huber's: beyond some deviations a point
//! counts with the share that it is beyond. Both numbers are at least zero: nothing takes less than no time. *Rejected:* least
//! squares of seconds, which large sizes decide alone; medians of slopes, which give the start no weight.

/// Seconds to start, and for each unit, with the standard error of both.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line {
    pub(super) start: (f64, f64),
    pub(super) each: (f64, f64),
    /// How far half of the measurements are from the line at most, as a share of what was measured.
    pub(super) off: f64,
}

/// Deviations up to which a point counts in full, as Huber has it.
const FULL: f64 = 1.345;

/// Rounds of weighing anew: weights settle in fewer than ten.
const ROUNDS: usize = 50;

/// From a normal deviation's median to its scale.
const NORMAL: f64 = 1.4826;

/// Nothing for fewer than two sizes.
pub(super) fn line(points: &[(f64, f64)]) -> Option<Line> {
    let sizes = || points.iter().map(|(size, _)| *size);
    let (least, most) = (sizes().fold(f64::INFINITY, f64::min), sizes().fold(0.0, f64::max));
    if points.len() < 2 || least >= most {
        return None;
    }
    let mut robust = vec![1.0; points.len()];
    let mut found = (0.0, 0.0);
    let mut scale = 0.0;
    for _ in 0..ROUNDS {
        found = solve(points, &robust);
        let off: Vec<f64> = points.iter().map(|point| residual(found, *point)).collect();
        scale = (NORMAL * median(off.iter().map(|off| off.abs()).collect())).max(1e-12);
        for (weight, off) in robust.iter_mut().zip(&off) {
            *weight = (FULL * scale / off.abs().max(1e-300)).min(1.0);
        }
    }
    let (start_error, each_error) = errors(points, &robust, scale);
    Some(Line { start: (found.0, start_error), each: (found.1, each_error), off: scale / NORMAL })
}

fn residual((start, each): (f64, f64), (size, seconds): (f64, f64)) -> f64 {
    (start + each * size - seconds) / seconds
}

/// Sums of weights, sizes, squares, seconds and their product.
fn sums(points: &[(f64, f64)], robust: &[f64]) -> [f64; 5] {
    let mut sums = [0.0; 5];
    for ((size, seconds), robust) in points.iter().zip(robust) {
        let weight = robust / (seconds * seconds);
        for (sum, term) in sums.iter_mut().zip([1.0, *size, size * size, *seconds, size * seconds]) {
            *sum += weight * term;
        }
    }
    sums
}

fn solve(points: &[(f64, f64)], robust: &[f64]) -> (f64, f64) {
    let [ones, sizes, squares, seconds, products] = sums(points, robust);
    let spread = ones * squares - sizes * sizes;
    let each = (ones * products - sizes * seconds) / spread;
    let start = (seconds - each * sizes) / ones;
    if start < 0.0 || !start.is_finite() {
        return (0.0, products / squares);
    }
    if each < 0.0 { (seconds / ones, 0.0) } else { (start, each) }
}

fn errors(points: &[(f64, f64)], robust: &[f64], scale: f64) -> (f64, f64) {
    let [ones, sizes, squares, ..] = sums(points, robust);
    let spread = ones * squares - sizes * sizes;
    let error = |part: f64| scale * (part / spread).max(0.0).sqrt();
    (error(squares), error(ones))
}

/// Of a list that is not empty.
pub(super) fn median(mut list: Vec<f64>) -> f64 {
    list.sort_by(f64::total_cmp);
    let half = list.len() / 2;
    if list.len().is_multiple_of(2) { f64::midpoint(list[half - 1], list[half]) } else { list[half] }
}
