//! How long an answer is, and how wide its numbers are.
//!
//! It follows from the question and from what was asked before, so that it is known before anybody answers.

/// Numbers of one width beside each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Bytes of a number.
    pub width: usize,
    /// How many numbers.
    pub numbers: usize,
}

impl Run {
    /// How many bytes.
    #[must_use]
    pub fn bytes(self) -> usize {
        self.width * self.numbers
    }
}

/// The shape of an answer: runs, one behind the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shape {
    runs: Vec<Run>,
}

impl Shape {
    /// So many numbers of one width.
    #[must_use]
    pub fn of(width: usize, numbers: usize) -> Self {
        let mut shape = Self::default();
        shape.push(width, numbers);
        shape
    }

    /// More numbers behind those that are there.
    pub fn push(&mut self, width: usize, numbers: usize) {
        match self.runs.last_mut().filter(|last| last.width == width) {
            Some(last) => last.numbers += numbers,
            None if numbers > 0 => self.runs.push(Run { width, numbers }),
            None => {}
        }
    }

    /// Its runs, no two neighbours of one width.
    #[must_use]
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// How many bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.runs.iter().map(|run| run.bytes()).sum()
    }

    /// How many of the bytes from `at` on, a place between two numbers, can be taken so that the next place is one too: at most
    /// `most`, which is no less than the widest number.
    #[must_use]
    pub fn piece(&self, at: usize, most: usize) -> usize {
        let (mut start, mut end) = (0, at);
        for run in &self.runs {
            let from = at.max(start);
            start += run.bytes();
            if start <= at {
                continue;
            }
            if start - at > most {
                end = from + (at + most).saturating_sub(from) / run.width * run.width;
                break;
            }
            end = start;
        }
        end - at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_end_between_numbers_and_are_all_of_it() {
        let mut shape = Shape::default();
        for (width, numbers) in [(5, 7), (5, 0), (6, 2), (16, 3), (8, 1), (4, 40)] {
            shape.push(width, numbers);
        }
        assert_eq!(shape.bytes(), 35 + 12 + 48 + 8 + 160);
        let mut ends = vec![0];
        for run in shape.runs() {
            ends.extend((0..run.numbers).map(|_| run.width));
        }
        ends.iter_mut().fold(0, |sum, end| {
            *end += sum;
            *end
        });
        for most in 16..=300 {
            let mut at = 0;
            while at < shape.bytes() {
                let piece = shape.piece(at, most);
                assert!((1..=most).contains(&piece), "{piece} of {most} from {at}");
                at += piece;
                assert!(ends.contains(&at), "{at} is within a number");
            }
            assert_eq!(at, shape.bytes());
            assert_eq!(shape.piece(at, most), 0);
        }
    }

    #[test]
    fn neighbours_of_one_width_are_one_run() {
        let mut shape = Shape::of(5, 3);
        shape.push(5, 4);
        shape.push(6, 0);
        shape.push(5, 1);
        assert_eq!(shape, Shape::of(5, 8));
        assert_eq!(Shape::of(7, 0).runs(), []);
    }
}
