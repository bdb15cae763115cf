//! Progress of a transfer: a line on a terminal, events for programs.

use crate::app::App;
use crate::output::{Block, Style, err_line, shown};
use serde_json::json;
use std::collections::VecDeque;
use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use welkin_transfer::engine::{Notice, Observer, Snapshot, Stats};

/// How often the line is drawn.
const DRAW_EVERY: Duration = Duration::from_millis(250);

/// How often a pipe hears of progress.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// A pause after which silence would be taken for a standstill: about the fifth, some three seconds after the first.
const LONG_PAUSE: Duration = Duration::from_millis(800);

/// Over how long the rate is taken.
const RATE_OVER: Duration = Duration::from_secs(5);

/// Writes what happens as lines of JSON, or failures as words.
pub(super) struct Teller {
    events: bool,
    verbose: bool,
    style: Style,
    /// When it was last said that a call is repeated.
    told: Mutex<Option<Instant>>,
}

impl Teller {
    pub(super) fn new(app: &App, events: bool) -> Arc<Self> {
        Arc::new(Self { events, verbose: app.settings.verbose > 0, style: app.err, told: Mutex::default() })
    }

    /// Whether a repetition is worth a word: always where much is to be told, else when it has gone on for some seconds,
    /// and only now and then.
    fn tells(&self, pause: Duration) -> bool {
        if self.verbose {
            return true;
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let tells = pause >= LONG_PAUSE && told.is_none_or(|told| told.elapsed() >= TELL_EVERY);
        if tells {
            *told = Some(Instant::now());
        }
        tells
    }

    fn line(&self, value: &serde_json::Value) {
        // Nobody to tell is no reason to stop.
        err_line(&value.to_string());
    }
}

impl Observer for Teller {
    fn notice(&self, notice: &Notice<'_>) {
        if self.events {
            let event = match notice {
                Notice::Copied(done) => {
                    json!({"event": "copied", "key": done.source, "target": done.key, "size": done.size, "blake3": done.blake3})
                }
                Notice::Skipped { key, why } => json!({"event": "skipped", "key": key, "why": why}),
                Notice::Failed { key, why } => json!({"event": "failed", "key": key, "why": why}),
                Notice::LeftOut { key, why } => json!({"event": "left-out", "key": key, "why": why}),
                Notice::Deleted { key } => json!({"event": "deleted", "key": key}),
                Notice::Retrying { why, pause } => {
                    json!({"event": "retrying", "why": why, "pause_ms": u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)})
                }
                _ => return,
            };
            return self.line(&event);
        }
        // Keys and reasons are words of whoever is at the other end.
        let (word, text) = match notice {
            Notice::Failed { key, why } => (self.style.red("failed:"), format!("{key}: {why}")),
            Notice::LeftOut { key, why } => ("left out:".to_owned(), format!("{key}: {why}")),
            Notice::Retrying { why, pause } if self.tells(*pause) => {
                ("trying again:".to_owned(), (*why).to_string())
            }
            Notice::Copied(done) if self.verbose => ("copied".to_owned(), done.key.to_string()),
            Notice::Deleted { key } if self.verbose => ("removed".to_owned(), (*key).to_string()),
            _ => return,
        };
        err_line(&format!("{word} {}", shown(&text)));
    }
}

/// Draws progress until it is dropped with the transfer.
pub(super) async fn watch(stats: Arc<Stats>, events: bool, style: Style) {
    let live = io::stderr().is_terminal() && !events;
    let mut clock = tokio::time::interval(if live { DRAW_EVERY } else { TELL_EVERY });
    let mut line = Line { block: Block::new(), history: VecDeque::new() };
    clock.tick().await;
    loop {
        let counts = stats.snapshot();
        line.remember(counts.copied_bytes);
        if live {
            let words = line.words(&counts);
            line.block.draw(&[words], style);
        }
        clock.tick().await;
        if !live {
            let counts = stats.snapshot();
            line.remember(counts.copied_bytes);
            line.tell(&counts, events);
        }
    }
}

struct Line {
    block: Block,
    history: VecDeque<(Instant, u64)>,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.block.clear();
    }
}

impl Line {
    fn remember(&mut self, bytes: u64) {
        let now = Instant::now();
        while self.history.len() > 2 && self.history[1].0 + RATE_OVER < now {
            self.history.pop_front();
        }
        self.history.push_back((now, bytes));
    }

    /// Bytes a second lately.
    fn rate(&self) -> f64 {
        match (self.history.front(), self.history.back()) {
            (Some((start, from)), Some((end, to))) if end > start => {
                (to - from) as f64 / (*end - *start).as_secs_f64()
            }
            _ => 0.0,
        }
    }

    /// Seconds left, once everything is listed.
    fn left(&self, counts: &Snapshot) -> Option<f64> {
        let rate = self.rate();
        (counts.listed_all && rate > 0.0).then(|| {
            let settled = counts.copied_bytes + counts.resumed_bytes + counts.skipped_bytes;
            counts.listed_bytes.saturating_sub(settled) as f64 / rate
        })
    }

    fn words(&self, counts: &Snapshot) -> String {
        let settled = counts.copied_bytes + counts.resumed_bytes + counts.skipped_bytes;
        let more = if counts.listed_all { "" } else { "+" };
        let of = format!("{}{more}", bytes_words(counts.listed_bytes));
        let objects = counts.copied_objects + counts.skipped_objects;
        let mut words = format!(
            "{} of {of}, {objects} of {}{more} objects, {}, {} lanes",
            bytes_words(settled),
            counts.listed_objects,
            rate_words(self.rate()),
            counts.lanes,
        );
        if let Some(left) = self.left(counts) {
            words.push_str(&format!(", {} left", seconds_words(left)));
        }
        if counts.failed_objects > 0 {
            words.push_str(&format!(", {} failed", counts.failed_objects));
        }
        words
    }

    fn tell(&self, counts: &Snapshot, events: bool) {
        let text = if events {
            json!({
                "event": "progress",
                "copied_bytes": counts.copied_bytes,
                "copied_objects": counts.copied_objects,
                "listed_bytes": counts.listed_bytes,
                "listed_objects": counts.listed_objects,
                "listed_all": counts.listed_all,
                "skipped_objects": counts.skipped_objects,
                "failed_objects": counts.failed_objects,
                "bytes_per_second": self.rate() as u64,
                "seconds_left": self.left(counts),
                "lanes": counts.lanes,
                "retries": counts.retries,
            })
            .to_string()
        } else {
            self.words(counts)
        };
        err_line(&text);
    }
}

/// Bytes for people.
pub(crate) fn bytes_words(bytes: u64) -> String {
    scaled(bytes as f64)
}

/// A rate for people.
pub(crate) fn rate_words(per_second: f64) -> String {
    format!("{}/s", scaled(per_second))
}

fn scaled(bytes: f64) -> String {
    for (unit, size) in [("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)] {
        if bytes >= size {
            return format!("{:.1} {unit}", bytes / size);
        }
    }
    format!("{bytes:.0} B")
}

fn seconds_words(seconds: f64) -> String {
    let seconds = seconds.ceil() as u64;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}
