//! A small linear program that grows: the primal simplex method with bounded variables.
//!
//! * Minimises; rows are `a·x ≤ b` or `a·x ≥ b`; each row has a slack column of its own.
//! * Columns and rows may be added and bounds changed at any time; the basis is kept. Whatever a change
//!   made infeasible is repaired by the first phase, which minimises the sum of infeasibilities from the
//!   basis at hand, so after a branching it takes a few pivots and not a fresh start.
//! * After [`Simplex::optimise`] the duals are those of the phase it ended in, so that a column that could
//!   repair an infeasible program can be priced too (Farkas pricing).
//!
//! The inverse of the basis is kept explicitly and dense: at some tens of rows a pivot is a few
//! thousand multiplications that vectorise. Ratio test in two passes after Harris (1973); Bland's rule
//! takes over when a run of pivots does not bring the objective forward.
//!
//! Guarantee: it ends. Bland's rule does not cycle in exact numbers; in rounded ones a basis can be left for
//! infeasible ground and come back, so pivots are counted as well, and a program that has had its share ends as
//! [`Outcome::Cut`]. Tolerances are absolute: whoever builds the program sees to it that rows, columns and the
//! objective have entries about 1.
//!
//! *Rejected:* LU factors with sparse updates, which pay from several hundred rows on; the dual simplex
//! method, since columns arrive between the branchings and it would be a second method to keep right.

/// How far outside its bounds a value may be.
const FEASIBLE: f64 = 1e-9;
/// A reduced cost nearer to zero than this improves nothing.
const OPTIMAL: f64 = 1e-9;
/// A smaller pivot would blow up rounding errors.
const PIVOT: f64 = 1e-9;
/// A pivot that is smaller may be rounding itself: what it makes of the basis may have no inverse.
const FRAIL: f64 = 1e-6;
/// Pivots after which the inverse is computed anew.
const REFACTOR: usize = 100;
/// Pivots without progress after which Bland's rule takes over.
const STALLED: usize = 60;
/// What the objective, or the sum of infeasibilities, has to fall by to count as progress.
const PROGRESS: f64 = 1e-12;
/// Pivots of one optimisation. The programs over routes of 63 regions take some tens, from a basis of slacks some
/// hundreds: more is a program that goes round in circles.
const MOST_PIVOTS: u64 = 5_000;

/// Multiplications on the lines of the inverse that take as long as one step elsewhere.
const VECTOR: usize = 8;
/// Steps that any pivot takes.
const PIVOT_STEPS: usize = 300;

/// Which way a row binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sense {
    AtMost,
    AtLeast,
}

/// How an optimisation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// No column improves.
    Optimal,
    /// No column makes it less infeasible.
    Infeasible,
    /// The objective falls without end.
    Unbounded,
    /// Rounding errors won.
    Failed,
    /// The limit of pivots came first; `feasible` says whether the point at hand satisfies all bounds.
    Cut { feasible: bool },
}

#[derive(Debug, Clone)]
struct Column {
    entries: Vec<(usize, f64)>,
    lower: f64,
    upper: f64,
    cost: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Basic(usize),
    Lower,
    Upper,
}

/// Whether pivots still lead anywhere.
#[derive(Debug)]
struct Progress {
    /// The lowest that was seen, of the sum of infeasibilities and of the objective. A phase that comes back has to
    /// get below what it had reached before.
    lowest: [f64; 2],
    idle: usize,
}

impl Progress {
    const NONE: Self = Self { lowest: [f64::INFINITY; 2], idle: 0 };

    /// Takes note of what is minimised; whether it has not fallen for a while.
    fn stalled(&mut self, repairing: bool, value: f64) -> bool {
        let lowest = &mut self.lowest[usize::from(!repairing)];
        if value < *lowest - PROGRESS {
            (*lowest, self.idle) = (value, 0);
        } else {
            self.idle += 1;
        }
        self.idle > STALLED
    }
}

/// A linear program and its basis.
#[derive(Debug, Clone, Default)]
pub(super) struct Simplex {
    columns: Vec<Column>,
    places: Vec<Place>,
    rhs: Vec<f64>,
    /// Slack column of each row.
    slacks: Vec<usize>,
    /// Column that is basic in each row.
    basis: Vec<usize>,
    /// Value of the basic column of each row.
    values: Vec<f64>,
    inverse: Vec<Vec<f64>>,
    duals: Vec<f64>,
    /// Bounds changed since `values` were computed.
    stale: bool,
    updates: usize,
    /// Whether one of them was by a pivot next to nothing.
    frail: bool,
    pivots: u64,
    /// Entries of all columns.
    entries: usize,
    work: u64,
}

impl Simplex {
    /// A new row, in which no column has an entry yet.
    pub(super) fn add_row(&mut self, sense: Sense, rhs: f64) -> usize {
        let row = self.rhs.len();
        let (lower, upper) = match sense {
            Sense::AtMost => (0.0, f64::INFINITY),
            Sense::AtLeast => (f64::NEG_INFINITY, 0.0),
        };
        self.rhs.push(rhs);
        self.columns.push(Column { entries: vec![(row, 1.0)], lower, upper, cost: 0.0 });
        self.places.push(Place::Basic(row));
        self.basis.push(self.columns.len() - 1);
        self.slacks.push(self.columns.len() - 1);
        self.values.push(rhs);
        self.duals.push(0.0);
        for line in &mut self.inverse {
            line.push(0.0);
        }
        let mut line = vec![0.0; row + 1];
        line[row] = 1.0;
        self.inverse.push(line);
        row
    }

    /// A new column at its lower bound.
    pub(super) fn add_column(&mut self, entries: Vec<(usize, f64)>, bounds: (f64, f64), cost: f64) -> usize {
        self.entries += entries.len();
        self.columns.push(Column { entries, lower: bounds.0, upper: bounds.1, cost });
        self.places.push(Place::Lower);
        self.stale |= bounds.0 != 0.0;
        self.columns.len() - 1
    }

    /// Changes a column's bounds.
    pub(super) fn set_bounds(&mut self, column: usize, lower: f64, upper: f64) {
        let known = &mut self.columns[column];
        if (known.lower, known.upper) != (lower, upper) {
            (known.lower, known.upper) = (lower, upper);
            if self.places[column] == Place::Upper && upper.is_infinite() {
                self.places[column] = Place::Lower;
            }
            self.stale = true;
        }
    }

    /// Goes back to the basis of slacks, which no rounding error has touched.
    pub(super) fn start_over(&mut self) {
        for at in 0..self.columns.len() {
            self.places[at] = if self.columns[at].lower.is_finite() { Place::Lower } else { Place::Upper };
        }
        self.basis.clone_from(&self.slacks);
        for row in 0..self.basis.len() {
            self.places[self.basis[row]] = Place::Basic(row);
            self.inverse[row].fill(0.0);
            self.inverse[row][row] = 1.0;
        }
        (self.updates, self.frail) = (0, false);
        self.recompute();
    }

    /// Value of a column.
    pub(super) fn value(&self, column: usize) -> f64 {
        match self.places[column] {
            Place::Basic(row) => self.values[row],
            Place::Lower => self.columns[column].lower,
            Place::Upper => self.columns[column].upper,
        }
    }

    /// Dual value of a row in the phase that the last optimisation ended in.
    pub(super) fn dual(&self, row: usize) -> f64 {
        self.duals[row]
    }

    /// The objective at the current point.
    pub(super) fn objective(&self) -> f64 {
        (0..self.columns.len())
            .map(|at| (at, self.columns[at].cost))
            .fold(0.0, |sum, (at, cost)| if cost == 0.0 { sum } else { sum + cost * self.value(at) })
    }

    /// Steps so far.
    pub(super) fn work(&self) -> u64 {
        self.work
    }

    /// Minimises over the columns at hand.
    pub(super) fn optimise(&mut self) -> Outcome {
        if self.stale {
            self.recompute();
        }
        let mut progress = Progress::NONE;
        let mut retried = false;
        let last = self.pivots + MOST_PIVOTS;
        loop {
            if self.updates >= REFACTOR && !self.refactor() {
                return Outcome::Failed;
            }
            let repairing = self.price_rows();
            if self.pivots >= last {
                return Outcome::Cut { feasible: !repairing };
            }
            let stalled =
                progress.stalled(repairing, if repairing { self.infeasibility() } else { self.objective() });
            let Some((entering, rising)) = self.entering(repairing, stalled) else {
                // Rounding may have hidden an improvement, or the inverse may be none: look again with a fresh one.
                if self.updates > 0 && (self.frail || repairing && !retried) {
                    retried |= repairing;
                    if !self.refactor() {
                        return Outcome::Failed;
                    }
                    continue;
                }
                return if repairing { Outcome::Infeasible } else { Outcome::Optimal };
            };
            let direction = self.solve_column(entering);
            match self.step(entering, rising, &direction, stalled) {
                None if repairing => return Outcome::Failed,
                None => return Outcome::Unbounded,
                Some(()) => {}
            }
            self.pivots += 1;
            // The duals and the update of the inverse, which vectorise, and a look at each column, which does not.
            let (rows, looks) = (self.rhs.len(), self.entries + self.columns.len());
            self.work += (2 * rows * rows / VECTOR + looks + PIVOT_STEPS) as u64;
        }
    }

    /// How far outside of their bounds the basic columns are, together.
    fn infeasibility(&self) -> f64 {
        let outside = |(column, value): (&usize, &f64)| {
            let column = &self.columns[*column];
            (column.lower - value).max(value - column.upper).max(0.0)
        };
        self.basis.iter().zip(&self.values).map(outside).filter(|outside| *outside > FEASIBLE).sum()
    }

    /// Computes the duals of the phase that is due; whether it is the first.
    fn price_rows(&mut self) -> bool {
        let infeasibility = |row: usize| -> f64 {
            let column = &self.columns[self.basis[row]];
            if self.values[row] < column.lower - FEASIBLE {
                -1.0
            } else if self.values[row] > column.upper + FEASIBLE {
                1.0
            } else {
                0.0
            }
        };
        let signs: Vec<f64> = (0..self.basis.len()).map(infeasibility).collect();
        let repairing = signs.iter().any(|sign| *sign != 0.0);
        self.duals.fill(0.0);
        for (row, line) in self.inverse.iter().enumerate() {
            let cost = if repairing { signs[row] } else { self.columns[self.basis[row]].cost };
            if cost != 0.0 {
                for (dual, entry) in self.duals.iter_mut().zip(line) {
                    *dual += cost * entry;
                }
            }
        }
        repairing
    }

    /// The column to enter, and whether its value rises.
    fn entering(&self, repairing: bool, first: bool) -> Option<(usize, bool)> {
        let mut best = None;
        let mut most = OPTIMAL;
        for (at, column) in self.columns.iter().enumerate() {
            let rising = match self.places[at] {
                Place::Basic(_) => continue,
                Place::Lower => true,
                Place::Upper => false,
            };
            if column.lower >= column.upper {
                continue;
            }
            let cost = if repairing { 0.0 } else { column.cost };
            let reduced =
                column.entries.iter().fold(cost, |sum, (row, entry)| sum - self.duals[*row] * entry);
            let gain = if rising { -reduced } else { reduced };
            if gain > most {
                best = Some((at, rising));
                if first {
                    return best;
                }
                most = gain;
            }
        }
        best
    }

    /// The inverse times a column.
    fn solve_column(&self, column: usize) -> Vec<f64> {
        let entries = &self.columns[column].entries;
        self.inverse.iter().map(|line| entries.iter().map(|(row, entry)| line[*row] * entry).sum()).collect()
    }

    /// Moves the entering column as far as it can go; `None` when nothing stops it.
    fn step(&mut self, entering: usize, rising: bool, direction: &[f64], first: bool) -> Option<()> {
        let sign = if rising { -1.0 } else { 1.0 };
        let own = self.columns[entering].upper - self.columns[entering].lower;
        let (length, leaving) = match self.blocking(direction, sign, first) {
            Some((length, row, bound)) if length < own => (length, Some((row, bound))),
            _ if own.is_finite() => (own, None),
            _ => return None,
        };
        for (value, along) in self.values.iter_mut().zip(direction) {
            *value += sign * along * length;
        }
        let Some((row, bound)) = leaving else {
            self.places[entering] = if rising { Place::Upper } else { Place::Lower };
            return Some(());
        };
        let start = self.value(entering);
        let left = self.basis[row];
        self.places[left] = if bound == self.columns[left].lower { Place::Lower } else { Place::Upper };
        self.places[entering] = Place::Basic(row);
        self.basis[row] = entering;
        self.values[row] = start - sign * length;
        self.frail |= direction[row].abs() < FRAIL;
        self.update(row, direction);
        Some(())
    }

    /// The row that stops a step first: how far it lets it go, and the bound that it reaches.
    fn blocking(&self, direction: &[f64], sign: f64, first: bool) -> Option<(f64, usize, f64)> {
        let limits = |row: usize| -> Option<(f64, f64)> {
            let slope = sign * direction[row];
            if slope.abs() < PIVOT {
                return None;
            }
            let (value, column) = (self.values[row], &self.columns[self.basis[row]]);
            let bound = if slope < 0.0 {
                if value > column.upper + FEASIBLE {
                    column.upper
                } else if value >= column.lower - FEASIBLE {
                    column.lower
                } else {
                    return None;
                }
            } else if value < column.lower - FEASIBLE {
                column.lower
            } else if value <= column.upper + FEASIBLE {
                column.upper
            } else {
                return None;
            };
            bound.is_finite().then(|| (((bound - value) / slope).max(0.0), bound))
        };
        let mut furthest = f64::INFINITY;
        for (row, along) in direction.iter().enumerate() {
            if let Some((length, _)) = limits(row) {
                furthest = furthest.min(length + FEASIBLE / along.abs());
            }
        }
        if furthest.is_infinite() {
            return None;
        }
        let mut best: Option<(f64, usize, f64)> = None;
        for row in 0..direction.len() {
            let Some((length, bound)) = limits(row) else { continue };
            if length > furthest {
                continue;
            }
            let better = best.is_none_or(|(shortest, known, _)| {
                if first {
                    (length, self.basis[row]) < (shortest, self.basis[known])
                } else {
                    direction[row].abs() > direction[known].abs()
                }
            });
            if better {
                best = Some((length, row, bound));
            }
        }
        best
    }

    /// Brings the inverse in line with a column that became basic in `row`.
    fn update(&mut self, row: usize, direction: &[f64]) {
        let mut pivot_line = std::mem::take(&mut self.inverse[row]);
        let scale = 1.0 / direction[row];
        for entry in &mut pivot_line {
            *entry *= scale;
        }
        for (line, along) in self.inverse.iter_mut().zip(direction) {
            // The line that was taken out is empty, so nothing happens to it.
            if along.abs() > 0.0 {
                for (entry, pivot) in line.iter_mut().zip(&pivot_line) {
                    *entry -= along * pivot;
                }
            }
        }
        self.inverse[row] = pivot_line;
        self.updates += 1;
    }

    /// Computes the inverse from the basis by Gauss-Jordan elimination; false when it is singular, and the slacks are the
    /// basis again.
    fn refactor(&mut self) -> bool {
        let rows = self.rhs.len();
        for (row, line) in self.inverse.iter_mut().enumerate() {
            line.fill(0.0);
            line[row] = 1.0;
        }
        // Every column enters the identity in a row that no other took: slacks in their own row first.
        let old = std::mem::take(&mut self.basis);
        let mut order = old;
        order.sort_by_key(|column| (self.columns[*column].entries.len(), *column));
        let mut taken = vec![false; rows];
        self.basis = vec![usize::MAX; rows];
        for column in order {
            let direction = self.solve_column(column);
            let free = (0..rows).filter(|row| !taken[*row]);
            let best = free.max_by(|a, b| direction[*a].abs().total_cmp(&direction[*b].abs()));
            let Some(row) = best.filter(|row| direction[*row].abs() > PIVOT) else {
                self.start_over();
                return false;
            };
            taken[row] = true;
            self.basis[row] = column;
            self.places[column] = Place::Basic(row);
            self.update(row, &direction);
        }
        (self.updates, self.frail) = (0, false);
        self.work += (rows.pow(3) / VECTOR) as u64;
        self.recompute();
        true
    }

    /// Computes the values of basic columns from the bounds that the others are at.
    fn recompute(&mut self) {
        let mut rest = self.rhs.clone();
        for (at, column) in self.columns.iter().enumerate() {
            if !matches!(self.places[at], Place::Basic(_)) {
                let value = self.value(at);
                if value != 0.0 {
                    for (row, entry) in &column.entries {
                        rest[*row] -= entry * value;
                    }
                }
            }
        }
        for (value, line) in self.values.iter_mut().zip(&self.inverse) {
            *value = line.iter().zip(&rest).map(|(entry, rest)| entry * rest).sum();
        }
        self.stale = false;
    }
}

#[cfg(test)]
mod tests;
