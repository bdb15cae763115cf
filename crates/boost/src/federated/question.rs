//! What a coordinator asks of every party, and how long the answer is.
//!
//! Each question is asked of all parties at once, and their answers are lists of numbers that are added up. So how many
//! numbers there are, and of how many bytes, is known before anybody answers.

use super::bundle::Wanted;
use super::bytes::{Reader, Unreadable, Writer};
use super::merge::PARTS;
use super::numbers;
use super::peaks::Span;
use super::shape::Shape;
use crate::cuts::Cuts;
use crate::exact::Peak;
use crate::grow::{Cut, MOST_AT_ONCE, Part};

/// Longest answer, 64 MiB. Longer ones are asked for in parts, unless one histogram alone is longer.
pub(crate) const MOST_ANSWER: usize = 64 << 20;

/// Ranges that are asked for at once: 4 MiB of counts.
pub(crate) const MOST_PLACES: usize = 1 << 16;

/// Most nodes of a tree: half a million branches take about 150 MiB.
pub(crate) const MOST_NODES: usize = 1 << 20;

/// Most histograms that are asked for at once: those of both children of the nodes that are split at once.
pub(crate) const MOST_WANTED: usize = 2 * MOST_AT_ONCE;

/// A range of a feature's values: see [`super::merge`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) feature: u32,
    pub(crate) level: u8,
    pub(crate) number: u32,
}

/// One question.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Question {
    /// How many rows there are to train on, and to judge by?
    Rows,
    /// How many values lie in the parts of these ranges?
    Counts(Vec<Place>),
    /// How large are the terms that the base score is made of?
    BasePeaks,
    /// What are their sums, in steps for these peaks?
    BaseSums(Vec<Peak>),
    /// Nothing: cut the values like this, and begin with this model.
    Begin(Beginning),
    /// How large are the gradients of a round?
    Round(u32),
    /// What is the histogram of all rows for a tree of this output, with gradients in these steps?
    Root(u32, [Peak; 2]),
    /// Part the rows like this. What are the histograms of these nodes?
    Split(Vec<Part>, Vec<Wanted>),
    /// Nothing: part the rows like this, and add the values of the nodes to the margins of their rows.
    Tree(Vec<Part>, Vec<f32>),
    /// How large are the terms that metrics are made of?
    ScorePeaks,
    /// What are their sums?
    ScoreSums(Vec<Peak>),
}

/// What all parties begin with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Beginning {
    /// How many rows there are in all.
    pub(crate) rows: u64,
    pub(crate) cuts: Vec<Cuts>,
    /// A model in UBJSON.
    pub(crate) model: Vec<u8>,
}

/// What shapes depend on.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sizes {
    /// Lists of terms of the base score, and of all scores.
    pub(crate) base: usize,
    pub(crate) scores: usize,
    pub(crate) outputs: usize,
}

impl Question {
    /// The shape of the answer; nothing where it hangs on cuts and branches, as histograms do (see [`super::bundle`]).
    pub(crate) fn shape(&self, sizes: &Sizes) -> Option<Shape> {
        let peaks = |span: Span, count: usize| Shape::of(numbers::WORD, count * span.words());
        let sums = |count| Shape::of(numbers::SUM, count);
        Some(match self {
            Self::Rows => Shape::of(numbers::WORD, 2),
            Self::Counts(places) => Shape::of(numbers::COUNT, places.len() * PARTS),
            Self::BasePeaks => peaks(Span::Double, sizes.base),
            Self::BaseSums(_) => sums(sizes.base),
            Self::Begin(_) | Self::Tree(..) => Shape::default(),
            Self::Round(_) => peaks(Span::Single, 2 * sizes.outputs),
            Self::ScorePeaks => peaks(Span::Double, sizes.scores),
            Self::ScoreSums(_) => sums(sizes.scores),
            Self::Root(..) | Self::Split(..) => return None,
        })
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let mut to = Writer::default();
        match self {
            Self::Rows => to.byte(0),
            Self::Counts(places) => {
                to.byte(1);
                to.list(places, |to, place| {
                    to.small(place.feature);
                    to.byte(place.level);
                    to.small(place.number);
                });
            }
            Self::BasePeaks => to.byte(2),
            Self::BaseSums(peaks) => {
                to.byte(3);
                to.list(peaks, write_peak);
            }
            Self::Begin(Beginning { rows, cuts, model }) => {
                to.byte(4);
                to.long(*rows);
                to.list(cuts, write_cuts);
                to.bytes(model);
            }
            Self::Round(round) => {
                to.byte(5);
                to.small(*round);
            }
            Self::Root(output, peaks) => {
                to.byte(6);
                to.small(*output);
                peaks.iter().for_each(|peak| write_peak(&mut to, peak));
            }
            Self::Split(parts, wanted) => {
                to.byte(7);
                to.list(parts, write_part);
                to.list(wanted, |to, one| {
                    to.small(one.node);
                    to.bytes(&one.widths);
                });
            }
            Self::Tree(parts, values) => {
                to.byte(8);
                to.list(parts, write_part);
                to.list(values, |to, value| to.single(*value));
            }
            Self::ScorePeaks => to.byte(9),
            Self::ScoreSums(peaks) => {
                to.byte(10);
                to.list(peaks, write_peak);
            }
        }
        to.0
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Unreadable> {
        let mut from = Reader(bytes);
        let question = match from.byte()? {
            0 => Self::Rows,
            1 => Self::Counts(from.at_most(MOST_PLACES, |from| {
                let (feature, level, number) = (from.small()?, from.byte()?, from.small()?);
                Ok(Place { feature, level, number })
            })?),
            2 => Self::BasePeaks,
            3 => Self::BaseSums(from.list(read_peak)?),
            4 => Self::Begin(Beginning {
                rows: from.long()?,
                cuts: from.list(read_cuts)?,
                model: from.bytes()?.to_vec(),
            }),
            5 => Self::Round(from.small()?),
            6 => Self::Root(from.small()?, [read_peak(&mut from)?, read_peak(&mut from)?]),
            7 => Self::Split(
                from.at_most(MOST_NODES, read_part)?,
                from.at_most(MOST_WANTED, |from| {
                    Ok(Wanted { node: from.small()?, widths: from.bytes()?.to_vec() })
                })?,
            ),
            8 => Self::Tree(from.at_most(MOST_NODES, read_part)?, from.at_most(MOST_NODES, Reader::single)?),
            9 => Self::ScorePeaks,
            10 => Self::ScoreSums(from.list(read_peak)?),
            _ => return Err(Unreadable("there is no such question")),
        };
        from.end()?;
        Ok(question)
    }
}

fn write_peak(to: &mut Writer, peak: &Peak) {
    to.small(u32::try_from(peak.number()).unwrap_or(u32::MAX));
}

fn read_peak(from: &mut Reader<'_>) -> Result<Peak, Unreadable> {
    let peak = Peak::at(from.small()? as usize).filter(|peak| peak.is_finite());
    peak.ok_or(Unreadable("a power of two is out of range"))
}

pub(crate) fn write_cuts(to: &mut Writer, cuts: &Cuts) {
    match cuts {
        Cuts::Numbers { ends, start } => {
            to.byte(0);
            to.single(*start);
            to.list(ends, |to, end| to.single(*end));
        }
        Cuts::Categories(count) => {
            to.byte(1);
            to.small(*count);
        }
    }
}

pub(crate) fn read_cuts(from: &mut Reader<'_>) -> Result<Cuts, Unreadable> {
    match from.byte()? {
        0 => {
            let (start, ends) = (from.single()?, from.list(Reader::single)?);
            let ascends = ends.is_sorted_by(|a, b| a < b) && ends.first().is_some_and(|first| start < *first);
            let fits = ends.len() < usize::from(u16::MAX) && ends.iter().all(|end| end.is_finite());
            if ascends && fits {
                Ok(Cuts::Numbers { ends, start })
            } else {
                Err(Unreadable("cuts do not ascend, or are too many"))
            }
        }
        1 => match from.small()? {
            count @ 1..=65_534 => Ok(Cuts::Categories(count)),
            _ => Err(Unreadable("there are too many categories")),
        },
        _ => Err(Unreadable("there are no such cuts")),
    }
}

fn write_part(to: &mut Writer, part: &Part) {
    [part.node, part.feature, part.left, part.right].iter().for_each(|number| to.small(*number));
    to.flag(part.cut.default_left);
    to.length(part.cut.bins);
    to.flag(part.cut.categories.is_some());
    to.list(part.cut.categories.as_deref().unwrap_or_default(), |to, category| to.small(*category));
}

fn read_part(from: &mut Reader<'_>) -> Result<Part, Unreadable> {
    let (node, feature, left, right) = (from.small()?, from.small()?, from.small()?, from.small()?);
    let (default_left, bins, of_categories) = (from.flag()?, from.small()? as usize, from.flag()?);
    let categories = from.list(Reader::small)?;
    if (!of_categories && !categories.is_empty()) || !categories.is_sorted_by(|a, b| a < b) {
        return Err(Unreadable("categories of a branch do not ascend"));
    }
    let cut = Cut { bins, categories: of_categories.then_some(categories), default_left };
    Ok(Part { node, feature, cut, left, right })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Question> {
        let peak = |value: f64| Peak::of_one(value);
        let cut = |categories: Option<Vec<u32>>| Cut { bins: 3, categories, default_left: true };
        let part = |categories| Part { node: 1, feature: 2, cut: cut(categories), left: 3, right: 4 };
        let place = Place { feature: 9, level: 2, number: 70_000 };
        vec![
            Question::Rows,
            Question::Counts(vec![place, place]),
            Question::BasePeaks,
            Question::BaseSums(vec![peak(0.0), peak(1.5)]),
            Question::Begin(Beginning {
                rows: 77,
                cuts: vec![Cuts::Numbers { ends: vec![0.5, 2.0], start: -1.0 }, Cuts::Categories(12)],
                model: vec![1, 2, 3],
            }),
            Question::Round(5),
            Question::Root(1, [peak(1e-9), peak(f64::MAX)]),
            Question::Split(
                vec![part(None), part(Some(vec![0, 7]))],
                vec![Wanted { node: 3, widths: vec![5, 6] }, Wanted { node: 4, widths: Vec::new() }],
            ),
            Question::Tree(vec![part(None)], vec![0.5, f32::MIN_POSITIVE]),
            Question::ScorePeaks,
            Question::ScoreSums(vec![peak(3.0)]),
        ]
    }

    #[test]
    fn questions_are_read_as_they_were_written_and_no_part_of_one_is() {
        for question in all() {
            let bytes = question.write();
            assert_eq!(Question::read(&bytes).unwrap(), question);
            for end in 0..bytes.len() {
                assert!(Question::read(&bytes[..end]).is_err(), "{question:?} up to {end}");
            }
            assert!(Question::read(&[&bytes[..], &[0]].concat()).is_err());
        }
        let long = [vec![1], u32::MAX.to_le_bytes().to_vec()].concat();
        assert!(Question::read(&long).is_err(), "a length that is claimed takes no memory");
    }

    #[test]
    fn cuts_that_no_training_makes_are_refused() {
        let begin = |cuts: Vec<Cuts>| Question::Begin(Beginning { rows: 1, cuts, model: Vec::new() }).write();
        let numbers = |ends: Vec<f32>| begin(vec![Cuts::Numbers { ends, start: -1.0 }]);
        assert!(Question::read(&numbers(vec![1.0])).is_ok());
        for ends in [vec![], vec![1.0, 1.0], vec![f32::NAN], vec![f32::INFINITY], vec![-2.0]] {
            assert!(Question::read(&numbers(ends.clone())).is_err(), "{ends:?}");
        }
        assert!(Question::read(&begin(vec![Cuts::Categories(0)])).is_err());
        assert!(Question::read(&begin(vec![Cuts::Categories(65_535)])).is_err());
    }
}
