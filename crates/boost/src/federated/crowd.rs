//! The rows of all parties, as whoever adds up sees them: sums.

use super::numbers;
use super::peaks;
use super::question::{Beginning, MOST_ANSWER, Question, Shape, Sizes};
use crate::bins::Axes;
use crate::exact::Peak;
use crate::fixed::{Scale, Scales, Sums};
use crate::grow::{Field, Grown, Histogram, Lost, Part};
use crate::metric::Metric;
use crate::model::Model;
use crate::train::{Rows, Score};

/// Asks all parties.
pub trait Asks {
    /// Sends a question to every party, and gives the sums of their answers, which have this shape: numbers beside each
    /// other, each added up modulo a power of two ([`super::combine`]).
    ///
    /// # Errors
    /// [`Lost`] when a party does not answer.
    fn ask(&mut self, question: &[u8], shape: Shape) -> Result<Vec<u8>, Lost>;
}

/// Questions with their sizes.
pub(crate) struct Crowd<'a> {
    asks: &'a mut dyn Asks,
    pub(crate) sizes: Sizes,
    axes: &'a Axes,
    metrics: &'a [Box<dyn Metric>],
    watched: &'a [&'static str],
    /// What parties are told before the first question about a round.
    beginning: Option<Question>,
    /// The largest gradients of the round, two for each output.
    peaks: Vec<Peak>,
    /// The output whose tree is grown.
    growing: usize,
    /// What no party has been told yet.
    parts: Vec<Part>,
}

/// Asks one question.
pub(crate) fn ask(asks: &mut dyn Asks, sizes: &Sizes, question: &Question) -> Result<Vec<u8>, Lost> {
    asks.ask(&question.write(), question.shape(sizes))
}

/// The sums of numbers of [`numbers::SUM`] bytes, in steps of their peaks.
pub(crate) fn worth(peaks: &[Peak], sums: &[u8]) -> Vec<f64> {
    peaks.iter().zip(numbers::unpack(numbers::SUM, sums)).map(|(peak, sum)| peak.worth(sum)).collect()
}

/// Whether there are sums: those of numbers one of which is not finite would not be.
pub(crate) fn steps(peaks: &[Peak]) -> Vec<Peak> {
    peaks.iter().map(|peak| if peak.is_finite() { *peak } else { Peak::default() }).collect()
}

impl<'a> Crowd<'a> {
    pub(crate) fn new(
        asks: &'a mut dyn Asks,
        sizes: Sizes,
        beginning: Beginning,
        axes: &'a Axes,
        metrics: &'a [Box<dyn Metric>],
        watched: &'a [&'static str],
    ) -> Self {
        let beginning = Some(Question::Begin(beginning));
        Self {
            asks,
            sizes,
            axes,
            metrics,
            watched,
            beginning,
            peaks: Vec::new(),
            growing: 0,
            parts: Vec::new(),
        }
    }

    fn ask(&mut self, question: &Question) -> Result<Vec<u8>, Lost> {
        ask(self.asks, &self.sizes, question)
    }

    /// Puts sums of gradients where they belong.
    fn take(&self, sums: &[Sums], into: &mut Histogram) {
        let mut from = 0;
        for feature in 0..self.axes.features() {
            let bins = into.of_mut(self.axes, feature);
            bins.copy_from_slice(&sums[from..from + bins.len()]);
            from += bins.len();
        }
    }

    fn sums(&self, bytes: &[u8]) -> Vec<Sums> {
        let width = self.sizes.width;
        let mut words = vec![0; bytes.len() / width];
        numbers::gather(width, bytes, &mut words, true);
        // The sign is the highest of the bits that are there.
        let free = 8 * (numbers::WORD - width);
        let signed = |word: u64| word.cast_signed() << free >> free;
        words.as_chunks::<2>().0.iter().map(|[g, h]| Sums { g: signed(*g), h: signed(*h) }).collect()
    }
}

impl Field for Crowd<'_> {
    fn root(&mut self, into: &mut Histogram) -> Result<Sums, Lost> {
        let output = u32::try_from(self.growing).unwrap_or(u32::MAX);
        let peaks = [self.peaks[2 * self.growing], self.peaks[2 * self.growing + 1]];
        let answer = self.ask(&Question::Root(output, peaks))?;
        let sums = self.sums(&answer);
        self.take(&sums[1..], into);
        Ok(sums[0])
    }

    fn part(&mut self, parts: Vec<Part>) -> Result<(), Lost> {
        self.parts.extend(parts);
        Ok(())
    }

    /// How many rows a node has is not known; second derivatives tell it nearly.
    fn has_fewer(&self, one: (u32, Sums), other: (u32, Sums)) -> bool {
        one.1.h <= other.1.h
    }

    fn fill(&mut self, wanted: &mut [(u32, Histogram)]) -> Result<(), Lost> {
        let one = Question::Split(Vec::new(), vec![0]).shape(&self.sizes);
        let at_once = (MOST_ANSWER / one.bytes().max(1)).max(1);
        for wanted in wanted.chunks_mut(at_once) {
            let nodes = wanted.iter().map(|(node, _)| *node).collect();
            let parts = std::mem::take(&mut self.parts);
            let answer = self.ask(&Question::Split(parts, nodes))?;
            for ((_, into), bytes) in wanted.iter_mut().zip(answer.chunks(one.bytes().max(1))) {
                self.take(&self.sums(bytes), into);
            }
        }
        Ok(())
    }
}

impl Rows for Crowd<'_> {
    fn begin(&mut self, round: usize) -> Result<(), Lost> {
        if let Some(beginning) = self.beginning.take() {
            self.ask(&beginning)?;
        }
        let answer = self.ask(&Question::Round(u32::try_from(round).unwrap_or(u32::MAX)))?;
        self.peaks = peaks::unpack(&answer);
        Ok(())
    }

    fn fix(&mut self, output: usize) -> Result<Option<Scales>, Lost> {
        self.growing = output;
        let (g, h) = (self.peaks[2 * output], self.peaks[2 * output + 1]);
        Ok(Scale::of_peak(g).zip(Scale::of_peak(h)).map(|(g, h)| Scales { g, h }))
    }

    fn add(&mut self, grown: &mut Grown, _output: usize) -> Result<(), Lost> {
        let values = grown.tree.nodes().iter().map(|node| node.value).collect();
        let parts = std::mem::take(&mut self.parts);
        self.ask(&Question::Tree(parts, values)).map(drop)
    }

    /// Nobody is asked: plans that need it are refused.
    fn say(&mut self, _model: &Model) -> Result<(), Lost> {
        Err(Lost)
    }

    fn scores(&mut self) -> Result<Vec<Score>, Lost> {
        if self.sizes.scores == 0 {
            return Ok(Vec::new());
        }
        let peaks = peaks::unpack(&self.ask(&Question::ScorePeaks)?);
        let sums = worth(&peaks, &self.ask(&Question::ScoreSums(steps(&peaks)))?);
        let mut sums = sums.as_chunks::<2>().0.iter();
        let mut scores = Vec::new();
        for name in self.watched {
            for (metric, sums) in self.metrics.iter().zip(&mut sums) {
                let value = metric.of_sums(*sums);
                let (of, rises) = ((*name).to_owned(), metric.rises());
                scores.push(Score { of, metric: metric.name(), value, rises });
            }
        }
        Ok(scores)
    }

    fn as_field(&mut self) -> &mut dyn Field {
        self
    }
}
