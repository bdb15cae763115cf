//! The rows of all parties, as whoever adds up sees them: sums.

use super::bundle::{self, Wanted, Ways};
use super::numbers;
use super::peaks::{self, Span};
use super::question::{Beginning, MOST_ANSWER, MOST_WANTED, Question, Sizes};
use super::shape::Shape;
use crate::bins::Axes;
use crate::exact::Peak;
use crate::fixed::{Scale, Scales, Sums};
use crate::grow::{Field, Grown, Histogram, Lost, Part};
use crate::metric::Metric;
use crate::model::Model;
use crate::train::{Rows, Score};
use std::collections::BTreeMap;

/// Asks all parties.
pub trait Asks {
    /// Sends a question to every party, and gives the sums of their answers, which have this shape: numbers beside each
    /// other, each added up modulo a power of two ([`super::combine`]).
    ///
    /// # Errors
    /// [`Lost`] when a party does not answer.
    fn ask(&mut self, question: &[u8], shape: &Shape) -> Result<Vec<u8>, Lost>;
}

/// Questions with their sizes.
pub(crate) struct Crowd<'a> {
    asks: &'a mut dyn Asks,
    sizes: Sizes,
    /// Bytes that the sums of all rows need.
    full: usize,
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
    ways: Ways,
    /// For nodes whose histogram is wanted next, the bits of their parent's largest sum of each feature.
    hints: BTreeMap<u32, Vec<u32>>,
    /// Bits that parties need besides these: one more whenever some number did not fit.
    slack: u32,
}

/// Asks one question.
pub(crate) fn ask(asks: &mut dyn Asks, sizes: &Sizes, question: &Question) -> Result<Vec<u8>, Lost> {
    asks.ask(&question.write(), &question.shape(sizes).unwrap_or_default())
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
        full: usize,
        beginning: Beginning,
        axes: &'a Axes,
        metrics: &'a [Box<dyn Metric>],
        watched: &'a [&'static str],
    ) -> Self {
        let beginning = Some(Question::Begin(beginning));
        Self {
            asks,
            sizes,
            full,
            axes,
            metrics,
            watched,
            beginning,
            peaks: Vec::new(),
            growing: 0,
            parts: Vec::new(),
            ways: Ways::root(),
            hints: BTreeMap::new(),
            slack: 0,
        }
    }

    fn ask(&mut self, question: &Question) -> Result<Vec<u8>, Lost> {
        ask(self.asks, &self.sizes, question)
    }

    fn whole(&self, node: u32) -> Wanted {
        Wanted::whole(node, self.axes.features(), self.full)
    }

    /// What to ask of a node: of each feature as many bytes as are likely to do.
    #[expect(clippy::cast_possible_truncation, reason = "a width has at most eight bytes")]
    fn wanted(&mut self, node: u32) -> Wanted {
        let Some(hint) = self.hints.remove(&node) else { return self.whole(node) };
        let width = |bits: &u32| bundle::width_for(*bits, self.slack, self.full) as u8;
        Wanted { node, widths: hint.iter().map(width).collect() }
    }

    /// Puts the sums of a node where they belong, and gives the bytes behind them.
    fn take<'b>(&self, wanted: &Wanted, mut bytes: &'b [u8], into: &mut Histogram) -> &'b [u8] {
        let mut words = Vec::new();
        (0..self.axes.features()).for_each(|feature| into.of_mut(self.axes, feature).fill(Sums::default()));
        for stretch in self.ways.stretches(self.axes, wanted) {
            let bins = &mut into.of_mut(self.axes, stretch.feature)[stretch.bins];
            let (own, rest) = bytes.split_at(2 * stretch.width * bins.len());
            read_sums(stretch.width, own, &mut words, bins);
            bytes = rest;
        }
        bytes
    }

    /// Asks for histograms, and for wider ones where somebody says that these are too narrow.
    fn histograms(
        &mut self,
        parts: Vec<Part>,
        wanted: &[Wanted],
        into: &mut [(u32, Histogram)],
    ) -> Result<(), Lost> {
        let shape = self.ways.shape(self.axes, wanted, self.full);
        let answer = self.asks.ask(&Question::Split(parts, wanted.to_vec()).write(), &shape)?;
        let mut rest = &answer[..];
        for (one, (_, into)) in wanted.iter().zip(&mut *into) {
            rest = self.take(one, rest, into);
        }
        if rest.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        self.slack += 1;
        let whole: Vec<Wanted> = wanted.iter().map(|one| self.whole(one.node)).collect();
        self.histograms(Vec::new(), &whole, into)
    }
}

/// Sums of gradients out of numbers of one width.
fn read_sums(width: usize, bytes: &[u8], words: &mut Vec<u64>, into: &mut [Sums]) {
    words.clear();
    words.resize(2 * into.len(), 0);
    numbers::gather(width, &[bytes], words, true);
    let signed = |word| numbers::signed(width, word);
    let pairs = words.as_chunks::<2>().0;
    into.iter_mut().zip(pairs).for_each(|(into, [g, h])| *into = Sums { g: signed(*g), h: signed(*h) });
}

impl Field for Crowd<'_> {
    fn root(&mut self, into: &mut Histogram) -> Result<Sums, Lost> {
        let output = u32::try_from(self.growing).unwrap_or(u32::MAX);
        let peaks = [self.peaks[2 * self.growing], self.peaks[2 * self.growing + 1]];
        (self.ways, self.hints) = (Ways::root(), BTreeMap::new());
        let whole = self.whole(0);
        let shape = self.ways.shape_of_root(self.axes, &whole, self.full);
        let answer = self.asks.ask(&Question::Root(output, peaks).write(), &shape)?;
        let (all, rest) = answer.split_at(2 * self.full);
        self.take(&whole, rest, into);
        let mut sums = [Sums::default()];
        read_sums(self.full, all, &mut Vec::new(), &mut sums);
        Ok(sums[0])
    }

    fn part(&mut self, parts: Vec<Part>) -> Result<(), Lost> {
        parts.iter().for_each(|part| self.ways.part(part));
        self.parts.extend(parts);
        Ok(())
    }

    /// How many rows a node has is not known; second derivatives tell it nearly.
    fn has_fewer(&self, one: (u32, Sums), other: (u32, Sums)) -> bool {
        one.1.h <= other.1.h
    }

    fn hint(&mut self, node: u32, parent: &Histogram) {
        let bits = |feature| u64::BITS - bundle::bits_of(parent.of(self.axes, feature)).leading_zeros();
        self.hints.insert(node, (0..self.axes.features()).map(bits).collect());
    }

    fn fill(&mut self, mut wanted: &mut [(u32, Histogram)]) -> Result<(), Lost> {
        while !wanted.is_empty() {
            // As many as fit in an answer, even where they have to be asked for again in full width.
            let mut bytes = 0;
            let fits = |(node, _): &&(u32, Histogram)| {
                bytes += self.ways.shape(self.axes, &[self.whole(*node)], self.full).bytes();
                bytes <= MOST_ANSWER
            };
            let count = wanted.iter().take(MOST_WANTED).take_while(fits).count().max(1);
            let Some(now) = wanted.split_off_mut(..count) else { break };
            let asked: Vec<Wanted> = now.iter().map(|(node, _)| self.wanted(*node)).collect();
            let parts = std::mem::take(&mut self.parts);
            self.histograms(parts, &asked, now)?;
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
        self.peaks = peaks::unpack(Span::Single, &answer);
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
        let peaks = peaks::unpack(Span::Double, &self.ask(&Question::ScorePeaks)?);
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
