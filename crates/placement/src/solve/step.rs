//! Minimisation over one end of an edge, for the states of the other: the step all message passing is
//! made of. It looks at classes of destinations, not at pairs of states, so it costs
//! `states × classes`.

use super::prices::Rows;
use super::problem::Problem;

/// The less of two numbers: one instruction, where the standard library's minimum also heeds what is no number.
pub(super) fn less(one: f64, other: f64) -> f64 {
    if one < other { one } else { other }
}

/// Numbers that are compared side by side.
const LANES: usize = 8;

/// The least sum of a number of the one and its counterpart of the other.
fn least_sum(one: &[f64], other: &[f64]) -> f64 {
    let mut least = [f64::INFINITY; LANES];
    let (many, rest) = one.as_chunks::<LANES>();
    let (others, others_rest) = other.as_chunks::<LANES>();
    for (one, other) in many.iter().zip(others) {
        for lane in 0..LANES {
            least[lane] = less(one[lane] + other[lane], least[lane]);
        }
    }
    let rest = rest.iter().zip(others_rest).map(|(one, other)| one + other);
    rest.chain(least).fold(f64::INFINITY, less)
}

/// Lowers `least`, at the key of each value, to that value.
///
/// Equal keys mostly stand together, states of a place as well as places of a class, and whatever waits for what was just
/// written is slow.
fn least_by(values: &[f64], keys: &[u16], least: &mut [f64]) {
    let mut best = (0, f64::INFINITY);
    for (value, &key) in values.iter().zip(keys) {
        let key = usize::from(key);
        if key != best.0 {
            least[best.0] = less(best.1, least[best.0]);
            best = (key, f64::INFINITY);
        }
        best.1 = less(*value, best.1);
    }
    least[best.0] = less(best.1, least[best.0]);
}

/// Buffers of one step over an edge.
pub(super) struct Scratch {
    by_class: Vec<f64>,
    by_place: Vec<f64>,
    by_row: Vec<f64>,
    /// What an update of an edge works with.
    pub(super) ends: Ends,
    /// Entries of tables that were gone through.
    pub(super) cells: usize,
    /// Result of a backward step, by position of the producer's active states.
    pub(super) producer: Vec<f64>,
    /// Result of a forward step, by position of the consumer's active states.
    pub(super) consumer: Vec<f64>,
}

/// By position of the active states at either end of an edge.
#[derive(Default)]
pub(super) struct Ends {
    /// Sums without the messages of the edge.
    pub(super) bare_from: Vec<f64>,
    pub(super) bare_to: Vec<f64>,
    /// The messages to be.
    pub(super) new_from: Vec<f64>,
    pub(super) new_to: Vec<f64>,
    pub(super) negated: Vec<f64>,
}

impl Scratch {
    pub(super) fn new(problem: &Problem) -> Self {
        Self {
            by_class: vec![0.0; problem.class_count],
            by_place: vec![0.0; problem.classes.len()],
            by_row: vec![0.0; problem.classes.len()],
            ends: Ends::default(),
            cells: 0,
            producer: Vec::new(),
            consumer: Vec::new(),
        }
    }

    fn clear(&mut self) {
        self.by_class.fill(f64::INFINITY);
        self.by_place.fill(f64::INFINITY);
        self.by_row.fill(f64::INFINITY);
        self.cells += self.by_place.len();
    }
}

/// Minimisation over one end of an edge.
pub(super) struct Step<'s> {
    rows: Rows<'s>,
    classes: &'s [u16],
    class_count: usize,
    /// Where the active states of each end are.
    producer: &'s [u16],
    consumer: &'s [u16],
}

impl<'s> Step<'s> {
    /// Over the priced rows of an edge, between states at these places.
    pub(super) fn new(problem: &'s Problem, rows: Rows<'s>, from: &'s [u16], to: &'s [u16]) -> Self {
        let (classes, class_count) = (&problem.classes, problem.class_count);
        Self { rows, classes, class_count, producer: from, consumer: to }
    }

    fn row(&self, place: usize) -> &[f64] {
        &self.rows.prices[place * self.class_count..(place + 1) * self.class_count]
    }

    /// For each consumer state the least of `values` of a producer state plus the edge.
    pub(super) fn forward(&self, values: &[f64], scratch: &mut Scratch) {
        scratch.clear();
        let Scratch { by_class, by_place, by_row, consumer, cells, .. } = scratch;
        least_by(values, self.producer, by_place);
        for (place, value) in by_place.iter_mut().enumerate().filter(|(_, value)| **value < f64::INFINITY) {
            let row = &mut by_row[usize::from(self.rows.first[place])];
            *row = less(*value, *row);
            *value += self.rows.stay[place];
        }
        for (row, value) in by_row.iter().enumerate().filter(|(_, value)| **value < f64::INFINITY) {
            for (best, price) in by_class.iter_mut().zip(self.row(row)) {
                *best = less(*value + price, *best);
            }
            *cells += self.class_count;
        }
        consumer.clear();
        let least = |&place: &u16| {
            let place = usize::from(place);
            less(by_place[place], by_class[usize::from(self.classes[place])])
        };
        consumer.extend(self.consumer.iter().map(least));
        *cells += values.len() + consumer.len();
    }

    /// For each producer state the least of `values` of a consumer state plus the edge.
    pub(super) fn backward(&self, values: &[f64], scratch: &mut Scratch) {
        scratch.clear();
        let Scratch { by_class, by_place, by_row, producer, cells, .. } = scratch;
        least_by(values, self.consumer, by_place);
        least_by(by_place, self.classes, by_class);
        producer.clear();
        // States of one place stand together.
        let mut last = (usize::MAX, 0.0);
        producer.extend(self.producer.iter().map(|&place| {
            let place = usize::from(place);
            if last.0 != place {
                let row = usize::from(self.rows.first[place]);
                if by_row[row] == f64::INFINITY {
                    by_row[row] = least_sum(by_class, self.row(row));
                    *cells += self.class_count;
                }
                last = (place, less(by_row[row], by_place[place] + self.rows.stay[place]));
            }
            last.1
        }));
        *cells += values.len() + producer.len();
    }
}
