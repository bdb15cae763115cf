//! The linear program as it grows, shrinks and turns infeasible.

use super::*;

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-7
}

#[test]
fn columns_and_rows_arrive_later() {
    // max 3x + 2y under x + y ≤ 4, x ≤ 3 as a bound.
    let mut lp = Simplex::default();
    let row = lp.add_row(Sense::AtMost, 4.0);
    let x = lp.add_column(vec![(row, 1.0)], (0.0, 3.0), -3.0);
    assert_eq!(lp.optimise(), Outcome::Optimal);
    assert!(close(lp.objective(), -9.0));
    let later = lp.add_row(Sense::AtMost, 2.5);
    let y = lp.add_column(vec![(row, 1.0), (later, 2.0)], (0.0, f64::INFINITY), -2.0);
    assert_eq!(lp.optimise(), Outcome::Optimal);
    assert!(close(lp.value(x), 3.0) && close(lp.value(y), 1.0));
    assert!(close(lp.dual(row), -2.0) && close(lp.dual(later), 0.0));
}

#[test]
fn bounds_change_and_are_repaired() {
    let mut lp = Simplex::default();
    let demand = lp.add_row(Sense::AtLeast, 5.0);
    let cheap = lp.add_column(vec![(demand, 1.0)], (0.0, 10.0), 1.0);
    let dear = lp.add_column(vec![(demand, 1.0)], (0.0, 4.0), 2.0);
    assert_eq!(lp.optimise(), Outcome::Optimal);
    assert!(close(lp.objective(), 5.0));
    lp.set_bounds(cheap, 0.0, 2.0);
    assert_eq!(lp.optimise(), Outcome::Optimal);
    assert!(close(lp.value(dear), 3.0));
    lp.set_bounds(cheap, 0.0, 0.5);
    assert_eq!(lp.optimise(), Outcome::Infeasible);
    // The dual says that a column in the demanding row would help.
    assert!(lp.dual(demand) > 0.5);
    lp.add_column(vec![(demand, 1.0)], (0.0, f64::INFINITY), 9.0);
    assert_eq!(lp.optimise(), Outcome::Optimal);
    assert!(close(lp.objective(), 0.5 + 8.0 + 0.5 * 9.0));
    lp.start_over();
    assert_eq!(lp.optimise(), Outcome::Optimal);
    assert!(close(lp.objective(), 13.0));
}

/// The cube of Klee and Minty (1972), through all of whose corners the rule of the steepest cost leads: 2^13 of them.
#[test]
fn a_program_that_takes_too_long_is_cut() {
    let mut lp = Simplex::default();
    let dimensions = 13;
    let rows: Vec<usize> = (1..=dimensions).map(|row| lp.add_row(Sense::AtMost, 5_f64.powi(row))).collect();
    for column in 0..rows.len() {
        let below = (column + 1..rows.len()).map(|row| (rows[row], 2_f64.powi((row - column + 1) as i32)));
        let entries = std::iter::once((rows[column], 1.0)).chain(below).collect();
        lp.add_column(entries, (0.0, f64::INFINITY), -2_f64.powi((rows.len() - 1 - column) as i32));
    }
    assert_eq!(lp.optimise(), Outcome::Cut { feasible: true });
    assert_eq!(lp.pivots, MOST_PIVOTS);
    // Once more goes on from there.
    assert_eq!(lp.optimise(), Outcome::Optimal);
    assert!(close(lp.objective() / -5_f64.powi(dimensions), 1.0));
}

#[test]
fn what_has_no_end_says_so() {
    let mut lp = Simplex::default();
    let row = lp.add_row(Sense::AtMost, 1.0);
    lp.add_column(vec![(row, -1.0)], (0.0, f64::INFINITY), -1.0);
    assert_eq!(lp.optimise(), Outcome::Unbounded);
}

/// Beale's example, on which the plain rule of the steepest cost cycles for ever.
#[test]
fn degenerate_programs_end() {
    let mut lp = Simplex::default();
    let rows: Vec<usize> = [0.0, 0.0, 1.0].into_iter().map(|rhs| lp.add_row(Sense::AtMost, rhs)).collect();
    for (entries, cost) in [
        ([0.25, 0.5, 0.0], -0.75),
        ([-60.0, -90.0, 0.0], 150.0),
        ([-0.04, -0.02, 1.0], -0.02),
        ([9.0, 3.0, 0.0], 6.0),
    ] {
        let entries = rows.iter().copied().zip(entries).filter(|(_, entry)| *entry != 0.0).collect();
        lp.add_column(entries, (0.0, f64::INFINITY), cost);
    }
    assert_eq!(lp.optimise(), Outcome::Optimal);
    assert!(close(lp.objective(), -0.05));
}
