//! A block of lines at the foot of a terminal that is drawn again and again.
//!
//! It is taken away before anything else is written and drawn again after it, so that what scripts
//! print scrolls past above it.

use crate::output::Style;
use std::io::{self, Write};
use std::time::{Duration, Instant};
use unicode_width::UnicodeWidthChar;

/// Nothing is drawn before: what is over by then needs no progress.
const PATIENCE: Duration = Duration::from_millis(250);

/// Width of a terminal that does not tell.
const COLUMNS: usize = 80;

#[derive(Debug)]
pub(crate) struct Block {
    began: Instant,
    drawn: usize,
}

impl Block {
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), drawn: 0 }
    }

    /// Takes the block away.
    pub(crate) fn clear(&mut self) {
        if self.drawn > 0 {
            // Without a terminal there is nothing to clear.
            let _ = write!(io::stderr(), "\x1b[{}A\x1b[J", self.drawn);
            self.drawn = 0;
        }
    }

    /// Draws the block instead of the one that is there.
    pub(crate) fn draw(&mut self, lines: &[String], style: Style) {
        if self.began.elapsed() < PATIENCE {
            return;
        }
        let width = columns();
        let mut text = String::new();
        if self.drawn > 0 {
            text.push_str(&format!("\x1b[{}A\x1b[J", self.drawn));
        }
        for line in lines {
            // Styled after the cut, which must not take the end of a style away.
            text.push_str(&style.dim(&cut(line, width)));
            text.push('\n');
        }
        let _ = io::stderr().write_all(text.as_bytes());
        self.drawn = lines.len();
    }
}

fn columns() -> usize {
    let told = rustix::termios::tcgetwinsize(io::stderr()).map_or(0, |size| usize::from(size.ws_col));
    if told == 0 { COLUMNS } else { told }
}

/// As much of a line as fits: one that wraps could not be taken away again.
fn cut(line: &str, width: usize) -> String {
    let mut used = 0;
    line.chars()
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used < width
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::cut;

    #[test]
    fn lines_are_cut_by_cells() {
        assert_eq!(cut("abcdef", 4), "abc");
        assert_eq!(cut("日本語", 5), "日本");
        assert_eq!(cut("ab", 4), "ab");
    }
}
