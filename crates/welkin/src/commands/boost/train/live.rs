//! Progress of a training: a line at the foot of a terminal, with `-v` a line for each round.

use crate::app::App;
use crate::output::{Block, Format, Style, err_line, shown};
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};
use welkin_boost::{Progress, Score};

/// How often the line is drawn.
const DRAW_EVERY: Duration = Duration::from_millis(100);

/// A training that is looked at.
pub(super) struct Live {
    block: Block,
    style: Style,
    began: Instant,
    drawn: Option<Instant>,
    live: bool,
    every_round: bool,
}

impl Live {
    pub(super) fn new(app: &App) -> Self {
        let table = app.settings.output == Format::Table;
        let every_round = table && app.settings.verbose > 0;
        Self {
            block: Block::new(),
            style: app.err,
            began: Instant::now(),
            drawn: None,
            live: table && !every_round && io::stderr().is_terminal(),
            every_round,
        }
    }

    /// Takes note of a round. Training goes on in any case.
    pub(super) fn tell(&mut self, progress: &Progress<'_>) -> bool {
        if self.every_round {
            // Nobody to tell is no reason to stop.
            err_line(&format!("[{}] {}", progress.round, shown(&words(progress.scores))));
        }
        if self.live && self.drawn.is_none_or(|drawn| drawn.elapsed() >= DRAW_EVERY) {
            self.drawn = Some(Instant::now());
            let line = self.line(progress);
            self.block.draw(&[line], self.style);
        }
        true
    }

    fn line(&self, progress: &Progress<'_>) -> String {
        let done = progress.round + 1;
        let elapsed = self.began.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "for people")]
        let (rate, left) = (done as f64 / elapsed.max(1e-9), (progress.rounds - done) as f64);
        let scores = words(progress.scores);
        let scores = shown(&scores);
        format!("round {done} of {}, {rate:.1}/s, {:.0} s left  {scores}", progress.rounds, left / rate)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.block.clear();
    }
}

/// Scores of one round.
pub(in crate::commands::boost) fn words(scores: &[Score]) -> String {
    let word = |score: &Score| format!("{}-{}:{:.5}", score.of, score.metric, score.value);
    scores.iter().map(word).collect::<Vec<_>>().join(" ")
}
